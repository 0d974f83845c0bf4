//! Which rows of an import may become accounts: every field is parsed here, whatever the console made of it, and
//! names are looked up in the register. Changes nothing.

use crate::credentials::Argon2id;
use crate::failure::Failure;
use crate::user::ParsedProfile;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{FieldError, Username};
use vestry_protocol::import::{BadRow, ImportRow};
use vestry_protocol::secret::SecretText;
use vestry_store::ReadTx;
use vestry_store::import::{NameStanding, StagedAccount};

/// A row whose every field was parsed, and whose name is free in the register.
pub(super) struct Candidate {
    line: u64,
    name: Username,
    profile: ParsedProfile,
    created: Option<UnixSeconds>,
    suspended: bool,
    argon2id: Option<SecretText>,
}

/// What became of a batch.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) good: Vec<Candidate>,
    pub(super) bad: Vec<BadRow>,
}

pub(super) fn judge(
    tx: &ReadTx<'_>,
    argon2id: &Argon2id,
    rows: Vec<ImportRow>,
    now: UnixSeconds,
) -> Result<Judged, Failure> {
    let mut judged = Judged::default();
    for row in rows {
        let line = row.line;
        let parsed = Candidate::parse(row, argon2id, now);
        let found = match &parsed {
            Ok(candidate) => why_not(tx.name_standing(&candidate.name)?),
            Err(_) => None,
        };
        match (parsed, found) {
            (Ok(candidate), None) => judged.good.push(candidate),
            (Ok(_), Some(rule)) => judged.bad.push(BadRow { line, reason: format!("name: {rule}") }),
            (Err(error), _) => judged.bad.push(BadRow { line, reason: error.to_string() }),
        }
    }
    Ok(judged)
}

fn why_not(standing: NameStanding) -> Option<&'static str> {
    match standing {
        NameStanding::Free => None,
        NameStanding::Taken => Some("an account has it already"),
        NameStanding::Reserved => {
            Some("a deleted account has it, and can be restored for seven days; then it is free")
        }
    }
}

impl Candidate {
    fn parse(row: ImportRow, argon2id: &Argon2id, now: UnixSeconds) -> Result<Self, FieldError> {
        let (name, profile) = (Username::parse(&row.name)?, ParsedProfile::parse(&row.profile)?);
        if row.created.is_some_and(|created| !(0..=now).contains(&created)) {
            let rule = "use a time from 1970 on that has passed".to_owned();
            return Err(FieldError { field: "created", rule });
        }
        if let Some(record) = &row.argon2id {
            argon2id.admit(record.expose_secret())?;
        }
        let ImportRow { line, created, suspended, argon2id, .. } = row;
        Ok(Self { line, name, profile, created, suspended, argon2id })
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn as_staged(&self) -> StagedAccount<'_> {
        StagedAccount {
            line: self.line,
            name: &self.name,
            profile: self.profile.as_patch(),
            created: self.created,
            suspended: self.suspended,
            argon2id: self.argon2id.as_ref().map(SecretText::expose_secret),
        }
    }
}
