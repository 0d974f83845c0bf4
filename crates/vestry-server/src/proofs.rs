//! Proofs: secrets in, witnesses out.
//!
//! [`finish_exchange`] and [`judge_imported`] are the only ways to a [`Proven`], and a [`Proven`] is the only thing that mints
//! a session (`sessions.rs`). Whatever evaluates or compares asks for an [`Admitted`] of the gate. Unknown names, accounts
//! without a password and wrong passwords take the same way: one read, the same work, one event.

use crate::credentials::{Blinded, DamagedRecords, Exchange, ImportedHashes, Ke1, OpaqueKeys};
use crate::failure::Failure;
use crate::gate::{Admitted, Right};
use crate::hashing::argon2id::Memory;
use crate::names::Target;
use crate::shared::Shared;
use std::sync::Arc;
use tokio::time::Instant;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{Email, Password, PasswordOwner, PasswordPolicy, StretchingCost};
use vestry_protocol::limits::EXPORTER_BYTES;
use vestry_protocol::user::UserReply;
use vestry_store::change::{ReplaceRecord, SetPassword};
use vestry_store::{
    AccountId, Credential, NewCredential, NotedOn, OprfId, PasswordRight, Permits, ReadTx, SealedRecord,
    StillProven, StoreError, WriteTx,
};

/// Proof that somebody offered the right password of an account. Nobody else can build one, and it is used up
/// when it opens a session or changes a credential.
#[derive(Debug)]
pub struct Proven {
    account: AccountId,
    right: Right,
    credential: Credential,
    /// The record that takes the place of an imported hash, and whether its password breaks a rule of new ones.
    sealed: Option<(SealedRecord, bool)>,
}

#[cfg(test)]
impl Proven {
    /// One that proves nothing of any database, for tests of what only keeps it.
    pub(crate) fn for_tests() -> Self {
        Self {
            account: AccountId::NONE,
            right: Right::for_tests(),
            credential: Credential::Imported(Vec::new()),
            sealed: None,
        }
    }
}

impl Proven {
    /// Whose password it was.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Returns the witness that the store's changes ask for: in this transaction, the credential is still the one that was proven.
    ///
    /// # Errors
    /// [`Failure::WrongCredentials`] when it was changed in between: the proof is of an old password.
    pub fn in_tx<'tx>(&self, tx: &'tx WriteTx<'_>) -> Result<StillProven<'tx>, Failure> {
        tx.still_proven(self.account, &self.credential)?.ok_or(Failure::WrongCredentials)
    }

    /// Returns the proof that every factor which the account asks for was given. It asks for none but the password yet; what else
    /// it will ask for is compared here, so that no session is opened without it.
    ///
    /// # Errors
    /// [`Failure::WrongCredentials`] when the password was changed in between.
    pub fn authenticated<'tx>(&mut self, tx: &'tx WriteTx<'_>) -> Result<Authenticated<'tx, '_>, Failure> {
        Ok(Authenticated { still: self.in_tx(tx)?, proven: self })
    }

    /// That it was right, for the attempt that led to it.
    #[must_use]
    pub fn right(&self) -> Right {
        self.right
    }

    /// Sets a new password in the place of the one that was proven, which has to be the current one: every session ends and
    /// every device is forgotten. From then on this is a proof of the new one.
    ///
    /// # Errors
    /// [`Failure::WrongCredentials`] when the password was changed in between.
    pub fn replace(
        &mut self,
        tx: &WriteTx<'_>,
        noted: &NotedOn<'_, impl Permits<SetPassword>>,
        record: SealedRecord,
        now: UnixSeconds,
    ) -> Result<(), Failure> {
        let right = PasswordRight::Proof(self.in_tx(tx)?);
        tx.replace_password(noted, right, NewCredential::chosen(&record), now)?;
        self.credential = Credential::Opaque(record);
        Ok(())
    }

    /// Whether it was proven by a record of a key that is being replaced.
    #[must_use]
    pub fn is_outdated(&self, keys: &OpaqueKeys) -> bool {
        match &self.credential {
            Credential::Opaque(record) => keys.is_outdated(record),
            Credential::Imported(_) => false,
        }
    }
}

/// Proof that, in this transaction, every factor was given that the account asks for. Only this opens a session.
pub struct Authenticated<'tx, 'p> {
    still: StillProven<'tx>,
    proven: &'p mut Proven,
}

impl<'tx> Authenticated<'tx, '_> {
    /// Returns whose factors they are.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.proven.account
    }

    /// Returns whether the password was proven by a hash that was imported.
    #[must_use]
    pub fn is_of_imported_hash(&self) -> bool {
        matches!(self.proven.credential, Credential::Imported(_))
    }

    /// Puts the OPAQUE record in the place of an imported hash, if it was proven by one. Returns the witness for the session.
    ///
    /// # Errors
    /// When the store does.
    pub fn settle(
        self,
        tx: &WriteTx<'_>,
        noted: &NotedOn<'_, impl Permits<ReplaceRecord>>,
        now: UnixSeconds,
    ) -> Result<StillProven<'tx>, StoreError> {
        if let Some((record, is_weak)) = self.proven.sealed.take() {
            let new = NewCredential { is_weak, ..NewCredential::chosen(&record) };
            tx.seal_imported(noted, &self.still, new, now)?;
            self.proven.credential = Credential::Opaque(record);
        }
        Ok(self.still)
    }
}

/// The first half of an OPAQUE proof: what the client needs to go on, and what the server must remember meanwhile.
/// The same work for every name, whether or not there is an account, and whether or not it has an OPAQUE record.
///
/// Computed where its record is read: it takes as long as a handshake, and changing threads would add 5 %.
///
/// # Errors
/// When the store fails.
pub fn start_exchange(
    server: &Shared,
    tx: &ReadTx<'_>,
    admitted: &Admitted,
    target: &Target,
    ke1: Ke1,
    exporter: &[u8; EXPORTER_BYTES],
) -> Result<(UserReply, Exchange), Failure> {
    let record = match credential_of(tx, target.account)? {
        Some(Credential::Opaque(record)) => Some(record),
        Some(Credential::Imported(_)) | None => None,
    };
    let key = server.opaque.for_login(tx, target, record.as_ref())?;
    let known = target.account.zip(record);
    let (ke2, stretching, exchange) = key.start_login(admitted, target.oprf_id, known, ke1, exporter)?;
    if let Some(account) = target.account.filter(|_| exchange.record_is_damaged()) {
        server.damaged.log(account, Instant::now());
    }
    Ok((UserReply::LoginStarted { ke2, stretching }, exchange))
}

/// The second half: the exchange is used up, whether or not the password was right.
///
/// # Errors
/// [`Failure::WrongCredentials`] in every case but a right password.
pub fn finish_exchange(
    exchange: Exchange,
    ke3: &[u8],
    exporter: &[u8; EXPORTER_BYTES],
) -> Result<Proven, Failure> {
    let (verified, account, record) = exchange.finish(ke3, exporter).ok_or(Failure::WrongCredentials)?;
    Ok(Proven { account, right: verified.into(), credential: Credential::Opaque(record), sealed: None })
}

/// The first half of a new password: evaluates it under the key of a name.
///
/// # Errors
/// When it cannot be evaluated.
pub fn start_new_password(
    server: &Shared,
    admitted: &Admitted,
    id: OprfId,
    blinded: Blinded,
) -> Result<UserReply, Failure> {
    let response = server.opaque.newest().evaluate(admitted, id, blinded)?;
    Ok(UserReply::NewPasswordStarted { response, stretching: StretchingCost::default().numbers() })
}

/// What an imported password is judged against.
pub struct ImportedLogin {
    /// Whose it is, and the key that it is sealed under.
    pub target: Target,
    /// Its credential, of whatever kind.
    pub credential: Option<Credential>,
    /// The e-mail address of the account.
    pub email: Option<Email>,
}

/// Judges a password against an imported hash and seals it, on a hashing thread: the same work whatever is stored. The moment
/// when a thread began is told with the verdict, so that its answer comes a fixed time later.
///
/// # Errors
/// [`Failure::Busy`] when too many wait.
pub async fn judge_imported(
    server: &Shared,
    admitted: Admitted,
    found: ImportedLogin,
    password: Password,
) -> Result<(Instant, Result<Proven, Failure>, Admitted), Failure> {
    let judge = JudgeImported {
        hashes: server.imported.clone(),
        keys: server.opaque.clone(),
        policy: server.settings.now().accounts.password_policy,
        damaged: server.damaged.clone(),
    };
    let (source, admitted) = (admitted.source().clone(), Arc::new(admitted));
    let held = admitted.clone();
    let ran = server.hashing.run(&source, move |memory| {
        let began = Instant::now();
        (began, judge.judge(&held, memory, found, &password))
    });
    let ran = ran.await;
    // The task has given its share back before it answers.
    let admitted = Arc::into_inner(admitted).ok_or(Failure::Internal("an attempt is still under way"))?;
    match ran {
        Ok(judged) => judged.map(|(began, proven)| (began, proven, admitted)),
        Err(not_run) => {
            admitted.conclude_not_run(&not_run);
            Err((&not_run).into())
        }
    }
}

/// What it takes to judge an imported password and to seal it.
struct JudgeImported {
    hashes: ImportedHashes,
    keys: OpaqueKeys,
    policy: PasswordPolicy,
    damaged: DamagedRecords,
}

impl JudgeImported {
    /// Compares and seals, whatever came of the other.
    fn judge(
        self,
        admitted: &Admitted,
        memory: &mut Memory,
        found: ImportedLogin,
        password: &Password,
    ) -> Result<Proven, Failure> {
        let ImportedLogin { target: Target { oprf_id, account, name }, credential, email } = found;
        let imported = match credential {
            Some(Credential::Imported(sealed)) => Some(sealed),
            Some(Credential::Opaque(_)) | None => None,
        };
        let sealed_hash = imported.as_deref();
        let matched = self.hashes.verify(admitted, memory, password, (sealed_hash, oprf_id));
        let is_damaged = sealed_hash.is_some_and(|sealed| !self.hashes.is_readable(sealed, oprf_id));
        if let Some(account) = account.filter(|_| is_damaged) {
            self.damaged.log(account, Instant::now());
        }
        let record = self.keys.seal(admitted, oprf_id, password);
        // By which of its hosts the client came is not known here.
        let owner = PasswordOwner { name: &name, email: email.as_ref().map(Email::as_str), host: None };
        let is_weak = self.policy.judge(password, &owner).is_err();
        let matched = matched.map_err(|_| Failure::Internal("an imported password could not be judged"))?;
        let record = record?;
        match (account, imported, matched) {
            (Some(account), Some(sealed), Some(matched)) => {
                let credential = Credential::Imported(sealed);
                Ok(Proven { account, right: matched.into(), credential, sealed: Some((record, is_weak)) })
            }
            _ => Err(Failure::WrongCredentials),
        }
    }
}

/// The credential of an account; looked for in vain where there is none, so that the time does not tell.
///
/// # Errors
/// When the store does.
pub fn credential_of(tx: &ReadTx<'_>, account: Option<AccountId>) -> Result<Option<Credential>, StoreError> {
    tx.credential(account.unwrap_or(AccountId::NONE))
}
