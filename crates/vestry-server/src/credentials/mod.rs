//! Credentials: what proves a user. Passwords come in, verdicts and PHC strings go out.
//!
//! [`prove_password`] is the only way to a [`Proven`], and a [`Proven`] is the only thing that mints a session
//! (`sessions.rs`). Unknown names, accounts without a password and wrong passwords take the same way: one read,
//! one hash of today's cost on the same threads, one event.

mod argon2id;
mod hashing;
mod pepper;

pub use argon2id::{Argon2id, HashError, Memory};
pub use hashing::HashingPool;
pub use pepper::Pepper;

use crate::failure::Failure;
use crate::server::Server;
use argon2id::Verdict;
use vestry_protocol::fields::{Password, Username};
use vestry_protocol::secret::SecretText;
use vestry_store::{AccountId, CredentialKind, Noted, WriteTx};
use zeroize::Zeroizing;

/// Proof that somebody offered the right password of an account. Nobody else can build one, and it is used up
/// when it opens a session or changes a credential.
#[derive(Debug)]
pub struct Proven {
    account: AccountId,
    record: Vec<u8>,
    renewed: Option<String>,
}

impl Proven {
    /// Whose password it was.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Checks, in the transaction that acts on the proof, that the credential is still the one that was proven.
    ///
    /// # Errors
    /// When it was changed in between: the proof is of an old password.
    pub fn still_holds(&self, tx: &WriteTx<'_>) -> Result<(), Failure> {
        let current = tx.credential(self.account, CredentialKind::Argon2id)?;
        if current.as_ref() == Some(&self.record) { Ok(()) } else { Err(Failure::WrongCredentials) }
    }

    /// Stores the same password under today's parameters, when the stored hash was made with others.
    ///
    /// # Errors
    /// When the store does.
    pub fn renew_record(&self, tx: &WriteTx<'_>, noted: &Noted<'_>, now: i64) -> Result<(), Failure> {
        let Some(renewed) = &self.renewed else { return Ok(()) };
        tx.set_credential(noted, self.account, CredentialKind::Argon2id, renewed.as_bytes(), now)?;
        Ok(())
    }
}

/// Judges a password for a name that may not exist, at the same cost either way.
///
/// # Errors
/// [`Failure::WrongCredentials`] in every case but a right password; [`Failure::Busy`] when too many wait.
pub async fn prove_password(
    server: &Server,
    name: Option<&Username>,
    typed: &SecretText,
) -> Result<Proven, Failure> {
    let password = Password::parse(typed)?;
    let now = server.clock.now();
    let looked_up = name.cloned();
    let found = server
        .store
        .read(move |tx| match &looked_up {
            Some(name) => Ok(tx.login_record(name, CredentialKind::Argon2id, now)?),
            None => Ok::<_, Failure>(None),
        })
        .await?;
    let (account, record) = found.map_or((None, None), |found| (Some(found.account.id), found.record));
    let scheme = server.argon2id.clone();
    let judged = server
        .hashing
        .run(move |memory| {
            let verdict = scheme.verify(memory, &password, record.as_deref())?;
            let renewed = match verdict {
                Verdict::RightButOutdated => Some(scheme.hash(memory, &password)?),
                Verdict::Right | Verdict::Wrong => None,
            };
            Ok::<_, HashError>((verdict, record, renewed))
        })
        .await?;
    let (verdict, record, renewed) =
        judged.map_err(|_| Failure::Internal("a password could not be hashed"))?;
    match (verdict, account, record) {
        (Verdict::Right | Verdict::RightButOutdated, Some(account), Some(record)) => {
            Ok(Proven { account, record, renewed })
        }
        _ => Err(Failure::WrongCredentials),
    }
}

/// Judges and hashes a new password; `context` holds the words that its owner is known by.
///
/// # Errors
/// With the rule that it breaks, or [`Failure::Busy`] when too many wait.
pub async fn hash_new_password(
    server: &Server,
    typed: &SecretText,
    context: Vec<String>,
) -> Result<Zeroizing<String>, Failure> {
    let password = Password::parse(typed)?;
    let (policy, scheme) = (server.config.password_policy, server.argon2id.clone());
    let hashed = server
        .hashing
        .run(move |memory| {
            let context: Vec<&str> = context.iter().map(String::as_str).collect();
            policy.judge(&password, &context)?;
            let hashed = scheme.hash(memory, &password);
            hashed.map_err(|_| Failure::Internal("a password could not be hashed"))
        })
        .await??;
    Ok(Zeroizing::new(hashed))
}
