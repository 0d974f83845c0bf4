//! Registering: a name, a password, a profile. Opens no session: every session starts with a login.

use super::Peer;
use crate::audit::{Action, Actor};
use crate::credentials::{OpaqueRecord, hash_new_password, start_new_password};
use crate::failure::Failure;
use crate::server::Server;
use crate::throttle::{Attempt, Way};
use vestry_protocol::fields::{Age, Email, FieldError, Gender, Username};
use vestry_protocol::user::{Envelope, Profile, Registration, UserReply};
use vestry_store::{CredentialKind, NewAccount, ProfilePatch};

/// A profile whose every field was parsed.
#[derive(Debug, Default)]
pub(crate) struct ParsedProfile {
    /// E-mail address.
    pub email: Option<Email>,
    /// Years.
    pub age: Option<Age>,
    /// Free text.
    pub gender: Option<Gender>,
}

impl ParsedProfile {
    /// Parses each field that is there.
    ///
    /// # Errors
    /// With the first field that breaks its rule.
    pub(crate) fn parse(profile: &Profile) -> Result<Self, FieldError> {
        Ok(Self {
            email: profile.email.as_deref().map(Email::parse).transpose()?,
            age: profile.age.map(Age::new).transpose()?,
            gender: profile.gender.as_deref().map(|text| Gender::parse("gender", text)).transpose()?,
        })
    }

    /// As the store takes it.
    #[must_use]
    pub(crate) fn as_patch(&self) -> ProfilePatch<'_> {
        ProfilePatch { email: self.email.as_ref(), age: self.age, gender: self.gender.as_ref() }
    }
}

pub(super) async fn register(
    server: &Server,
    peer: &Peer,
    wanted: &Registration,
) -> Result<UserReply, Failure> {
    if !server.config.registration_open {
        return Err(Failure::RegistrationClosed);
    }
    let name = Username::parse(&wanted.name)?;
    let profile = ParsedProfile::parse(&wanted.profile)?;
    refuse_taken_name(server, peer, &name).await?;
    let context = context_words(&name, profile.email.as_ref().map(Email::as_str));
    let record = hash_new_password(server, &peer.source, &wanted.password, context).await?;
    store_account(server, peer, name, profile, CredentialKind::Argon2id, record.as_bytes().to_vec()).await
}

async fn store_account(
    server: &Server,
    peer: &Peer,
    name: Username,
    profile: ParsedProfile,
    kind: CredentialKind,
    record: Vec<u8>,
) -> Result<UserReply, Failure> {
    let (now, source) = (server.clock.now(), peer.source.text().to_owned());
    let reply = UserReply::Registered { name: name.to_string() };
    server
        .store
        .write(move |tx| {
            let actor = Actor::user(name.as_str(), &source);
            let noted = actor.note(tx, now, Action::AccountRegistered, name.as_str(), "")?;
            let new = NewAccount { name: &name, profile: profile.as_patch(), created: now };
            let account = tx.insert_account(&noted, &new)?.ok_or(Failure::NameTaken)?;
            tx.set_credential(&noted, account, kind, &record, now)?;
            Ok::<_, Failure>(())
        })
        .await?;
    Ok(reply)
}

pub(super) async fn start(
    server: &Server,
    peer: &Peer,
    name: &str,
    request: Vec<u8>,
) -> Result<UserReply, Failure> {
    if !server.config.registration_open {
        return Err(Failure::RegistrationClosed);
    }
    let name = Username::parse(name)?;
    refuse_taken_name(server, peer, &name).await?;
    start_new_password(server, &name, request).await
}

pub(super) async fn finish(
    server: &Server,
    peer: &Peer,
    name: &str,
    envelope: &Envelope,
    profile: &Profile,
) -> Result<UserReply, Failure> {
    if !server.config.registration_open {
        return Err(Failure::RegistrationClosed);
    }
    let (name, profile) = (Username::parse(name)?, ParsedProfile::parse(profile)?);
    let record = OpaqueRecord::from_envelope(name.as_str(), envelope)?.to_bytes();
    store_account(server, peer, name, profile, CredentialKind::Opaque, record).await
}

/// A taken name is told before the password is hashed: registering tells it anyway, and hashing costs. Whoever asks
/// for many of them is held up like one who guesses.
async fn refuse_taken_name(server: &Server, peer: &Peer, name: &Username) -> Result<(), Failure> {
    let mut attempt = server.throttle.begin(Way::Registration, &peer.source)?;
    let (wanted, now) = (name.clone(), server.clock.now());
    let looked_up = server.store.look_up(move |tx| {
        attempt.admit(tx, now)?;
        Ok::<_, Failure>((tx.account(&wanted, now)?.is_some(), attempt))
    });
    let (taken, attempt) = looked_up.await?;
    if taken {
        note_taken_name(server, peer, name, &attempt).await?;
    }
    attempt.withdraw();
    if taken { Err(Failure::NameTaken) } else { Ok(()) }
}

async fn note_taken_name(
    server: &Server,
    peer: &Peer,
    name: &Username,
    attempt: &Attempt,
) -> Result<(), Failure> {
    let (now, source, name) = (server.clock.now(), peer.source.text().to_owned(), name.clone());
    let tried = attempt.tried();
    let noted = server.store.write(move |tx| {
        let actor = Actor::user("", &source);
        let noted = actor.note(tx, now, Action::RegistrationRefused, name.as_str(), "taken")?;
        Ok(tried.was_wrong(tx, &noted, now)?)
    });
    noted.await
}

/// The words that a password must not be made of.
pub(super) fn context_words(name: &Username, email: Option<&str>) -> Vec<String> {
    [Some(name.as_str()), email].into_iter().flatten().map(str::to_owned).collect()
}
