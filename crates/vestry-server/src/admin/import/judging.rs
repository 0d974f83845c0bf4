//! Which rows of an import may become accounts: every field is parsed here, whatever the console made of it, and
//! names are looked up in the database. Changes nothing.

use crate::credentials::{ImportedHashes, Speed};
use crate::failure::Failure;
use crate::names::NameSeed;
use crate::operators::reads::Recorded;
use crate::profile::ParsedProfile;
use std::time::Duration;
use vestry_protocol::UnixSeconds;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::fields::{Field, FieldError, Reason, Username};
use vestry_protocol::import::{BadRow, ImportRow, Suspension};
use vestry_protocol::secret::SecretText;
use vestry_store::import::{NameStanding, StagedAccount, StagedSuspension};
use vestry_store::{NameKeys, ReadTx};

/// A row whose every field was parsed, and whose name is free in the database.
pub(super) struct Candidate {
    line: u64,
    name: Username,
    profile: ParsedProfile,
    created: Option<UnixSeconds>,
    suspended: Option<ParsedSuspension>,
    argon2id: Option<SecretText>,
    /// The same, sealed for the account that it will be of.
    sealed_hash: Option<Vec<u8>>,
    keys: NameKeys,
}

/// A suspension that a row brings with it.
struct ParsedSuspension {
    until: Option<UnixSeconds>,
    reason: Option<Reason>,
}

impl ParsedSuspension {
    fn parse(Suspension { until, reason }: Suspension) -> Result<Self, FieldError> {
        if until.is_some_and(|until| until < UnixSeconds::default() || rfc3339(until).is_none()) {
            return Err(FieldError { field: Field::Until, rule: "use a time from 1970 to 9999".to_owned() });
        }
        let reason = reason.map(|text| Reason::parse(Field::Reason, &text)).transpose()?;
        Ok(Self { until, reason })
    }
}

/// What a row is judged by.
pub(super) struct Judge {
    pub(super) hashes: ImportedHashes,
    pub(super) names: NameSeed,
    pub(super) speed: Speed,
    pub(super) answer_after: Duration,
    /// Which rows are not taken tells who has an account.
    pub(super) _recorded: Recorded,
}

/// What became of a batch.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) good: Vec<Candidate>,
    pub(super) bad: Vec<BadRow>,
}

impl Judge {
    pub(super) fn judge(
        &self,
        tx: &ReadTx<'_>,
        rows: Vec<ImportRow>,
        now: UnixSeconds,
    ) -> Result<Judged, Failure> {
        let mut judged = Judged::default();
        for row in rows {
            let line = row.line;
            match self.candidate(tx, row, now) {
                Ok(candidate) => match tx.name_standing(&candidate.name)? {
                    NameStanding::Free => judged.good.push(candidate),
                    NameStanding::Taken => {
                        let rule = "an account has it already";
                        judged.bad.push(BadRow { line, reason: format!("name: {rule}") });
                    }
                    NameStanding::Reserved => {
                        let rule =
                            "a deleted account has it, and can be restored for seven days; then it is free";
                        judged.bad.push(BadRow { line, reason: format!("name: {rule}") });
                    }
                },
                Err(Failure::Field(error)) => judged.bad.push(BadRow { line, reason: error.to_string() }),
                Err(failure) => return Err(failure),
            }
        }
        Ok(judged)
    }

    fn candidate(&self, tx: &ReadTx<'_>, row: ImportRow, now: UnixSeconds) -> Result<Candidate, Failure> {
        let (name, profile) = (Username::parse(&row.name)?, ParsedProfile::parse(&row.profile)?);
        if row.created.is_some_and(|created| !(UnixSeconds::default()..=now).contains(&created)) {
            let rule = "use a time from 1970 on that has passed".to_owned();
            return Err(FieldError { field: Field::Created, rule }.into());
        }
        let suspended = row.suspended.map(ParsedSuspension::parse).transpose()?;
        let keys = self.names.keys_of(tx, name.as_str())?;
        let ImportRow { line, created, argon2id, .. } = row;
        let sealed_hash = match &argon2id {
            Some(record) => {
                let record = record.expose_secret();
                self.hashes.admit(record, self.speed, self.answer_after)?;
                Some(self.hashes.seal(record, keys.oprf_id)?)
            }
            None => None,
        };
        Ok(Candidate { line, name, profile, created, suspended, argon2id, sealed_hash, keys })
    }
}

impl Candidate {
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn as_staged(&self) -> StagedAccount<'_> {
        StagedAccount {
            line: self.line,
            name: &self.name,
            profile: self.profile.as_patch(),
            created: self.created,
            suspended: self.suspended.as_ref().map(|ParsedSuspension { until, reason }| StagedSuspension {
                until: *until,
                reason: reason.as_ref(),
            }),
            keys: &self.keys,
            argon2id: self.argon2id.as_ref().map(SecretText::expose_secret),
            sealed_hash: self.sealed_hash.as_deref(),
        }
    }
}
