//! Credentials: what proves a user. Passwords come in, verdicts and PHC strings go out.
//!
//! [`prove_password`] and [`finish_exchange`] are the only ways to a [`Proven`], and a [`Proven`] is the only thing
//! that mints a session (`sessions.rs`). Unknown names, accounts without a password and wrong passwords take the same way: one read,
//! one hash of today's cost on the same threads, one event.

mod argon2id;
mod fair_queue;
mod hashing;
mod opaque;
mod pepper;
mod ristretto;

pub use argon2id::{Argon2id, HashError, Memory};
pub use hashing::HashingPool;
pub use opaque::{Exchange, OpaqueKey, OpaqueRecord};
pub use pepper::Pepper;

use crate::failure::Failure;
use crate::server::Server;
use crate::throttle::{Attempt, Source};
use argon2id::Verdict;
use vestry_protocol::fields::{Password, StretchingCost, Username};
use vestry_protocol::limits::EXPORTER_BYTES;
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::UserReply;
use vestry_store::{AccountId, CredentialKind, LoginRecord, Noted, WriteTx};
use zeroize::Zeroizing;

/// Proof that somebody offered the right password of an account. Nobody else can build one, and it is used up
/// when it opens a session or changes a credential.
#[derive(Debug)]
pub struct Proven {
    account: AccountId,
    kind: CredentialKind,
    record: Vec<u8>,
    renewed: Option<String>,
}

impl Proven {
    /// Whose password it was.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Whether a password was compared with a hash, rather than proven by OPAQUE.
    #[must_use]
    pub fn is_of_a_hash(&self) -> bool {
        self.kind == CredentialKind::Argon2id
    }

    /// Checks, in the transaction that acts on the proof, that the credential is still the one that was proven.
    ///
    /// # Errors
    /// When it was changed in between: the proof is of an old password.
    pub fn still_holds(&self, tx: &WriteTx<'_>) -> Result<(), Failure> {
        let current = tx.credential(self.account, self.kind)?;
        if current.as_ref() == Some(&self.record) { Ok(()) } else { Err(Failure::WrongCredentials) }
    }

    /// What the proof means for the stored credentials: a hash that was made with other parameters is stored anew,
    /// and an account that was proven by OPAQUE takes no password any more.
    ///
    /// # Errors
    /// When the store does.
    pub fn settle(&mut self, tx: &WriteTx<'_>, noted: &Noted<'_>, now: i64) -> Result<(), Failure> {
        if self.kind == CredentialKind::Opaque {
            tx.drop_credential(noted, self.account, CredentialKind::Argon2id)?;
        }
        if let Some(renewed) = self.renewed.take() {
            self.record = renewed.into_bytes();
            tx.put_credential(noted, self.account, self.kind, &self.record, now)?;
        }
        Ok(())
    }
}

/// Judges a password for a name that may not exist, at the same cost either way. Inside, the verdict is a proof, or
/// [`Failure::WrongCredentials`] in every case but a right password.
///
/// # Errors
/// When nothing was tried: [`Failure::Throttled`], or [`Failure::Busy`] when too many wait.
pub async fn prove_password(
    server: &Server,
    name: Option<&Username>,
    typed: &SecretText,
    attempt: Attempt,
) -> Result<(Result<Proven, Failure>, Attempt), Failure> {
    server.config.refuse_clear_passwords()?;
    let password = Password::parse(typed)?;
    let (found, attempt) = look_up(server, name.cloned(), attempt).await?;
    let judged = judge_password(server, attempt.source(), found, password).await;
    match judged {
        Ok(_) | Err(Failure::WrongCredentials) => Ok((judged, attempt)),
        // Nothing was tried after all.
        Err(failure) => {
            attempt.withdraw();
            Err(failure)
        }
    }
}

/// The account with its hash, when the attempt may be made.
async fn look_up(
    server: &Server,
    name: Option<Username>,
    mut attempt: Attempt,
) -> Result<(Option<LoginRecord>, Attempt), Failure> {
    let now = server.clock.now();
    server
        .store
        .look_up(move |tx| {
            attempt.admit(tx, now)?;
            let record = |name| tx.login_record(&name, CredentialKind::Argon2id, now);
            Ok((name.map(record).transpose()?.flatten(), attempt))
        })
        .await
}

async fn judge_password(
    server: &Server,
    source: &Source,
    found: Option<LoginRecord>,
    password: Password,
) -> Result<Proven, Failure> {
    let (account, record) = found.map_or((None, None), |found| (Some(found.account.id), found.record));
    let scheme = server.argon2id.clone();
    let judged = server
        .hashing
        .run(source, move |memory| {
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
            Ok(Proven { account, kind: CredentialKind::Argon2id, record, renewed })
        }
        _ => Err(Failure::WrongCredentials),
    }
}

/// The first half of an OPAQUE proof: what the client needs to go on, and what the server must remember meanwhile.
/// The same work for every name, whether or not there is an account, and whether or not it has an OPAQUE record.
///
/// # Errors
/// [`Failure::Throttled`], or when KE1 is not one.
pub async fn start_exchange(
    server: &Server,
    typed_name: &str,
    ke1: Vec<u8>,
    exporter: [u8; EXPORTER_BYTES],
    mut attempt: Attempt,
) -> Result<(UserReply, Exchange, Attempt), Failure> {
    let (name, now) = (Username::parse(typed_name).ok(), server.clock.now());
    let (key, takes_passwords) = (server.opaque.clone(), server.config.takes_passwords);
    let identifier = name.as_ref().map_or_else(|| typed_name.trim().to_lowercase(), ToString::to_string);
    // Computed where its record is read: it takes as long as a handshake, and changing threads would add a twentieth.
    let ((ke2, stretching, exchange), attempt) = server
        .store
        .look_up(move |tx| {
            attempt.admit(tx, now)?;
            let kind = CredentialKind::Opaque;
            let found = name.map(|name| tx.login_record(&name, kind, now)).transpose()?.flatten();
            let (account, record) =
                found.map_or((None, None), |found| (Some(found.account.id), found.record));
            match key.start_login(&identifier, account, record.as_deref(), &ke1, &exporter) {
                Ok(started) => Ok((started, attempt)),
                // There was no KE1, so nothing was tried.
                Err(failure) => {
                    attempt.withdraw();
                    Err(failure)
                }
            }
        })
        .await?;
    Ok((UserReply::LoginStarted { ke2, stretching, takes_passwords }, exchange, attempt))
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
    let (account, record) = exchange.finish(ke3, exporter).ok_or(Failure::WrongCredentials)?;
    Ok(Proven { account, kind: CredentialKind::Opaque, record, renewed: None })
}

/// The first half of a new password: evaluates the blinded password of a name.
///
/// # Errors
/// When the request is not one.
pub async fn start_new_password(
    server: &Server,
    name: &Username,
    request: Vec<u8>,
) -> Result<UserReply, Failure> {
    let (key, identifier) = (server.opaque.clone(), name.to_string());
    let evaluated = tokio::task::spawn_blocking(move || key.evaluate(&identifier, &request));
    let response = evaluated.await.map_err(|_| Failure::Internal("an OPAQUE registration broke off"))??;
    let stretching = StretchingCost::default().numbers();
    Ok(UserReply::RegistrationStarted { response, stretching })
}

/// Judges and hashes a new password; `context` holds the words that its owner is known by.
///
/// # Errors
/// With the rule that it breaks, or [`Failure::Busy`] when too many wait.
pub async fn hash_new_password(
    server: &Server,
    source: &Source,
    typed: &SecretText,
    context: Vec<String>,
) -> Result<Zeroizing<String>, Failure> {
    server.config.refuse_clear_passwords()?;
    let password = Password::parse(typed)?;
    let (policy, scheme) = (server.config.password_policy, server.argon2id.clone());
    let hashed = server
        .hashing
        .run(source, move |memory| {
            let context: Vec<&str> = context.iter().map(String::as_str).collect();
            policy.judge(&password, &context)?;
            let hashed = scheme.hash(memory, &password);
            hashed.map_err(|_| Failure::Internal("a password could not be hashed"))
        })
        .await??;
    Ok(Zeroizing::new(hashed))
}
