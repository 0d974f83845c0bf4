//! Registering: a name, a sealed password, a profile. Opens no session: every session starts with a login.
//!
//! The second half makes an account of the name that the first one asked for, on the same connection: there is no way to a name
//! or an account but through the gate.

use super::peer::Peer;
use super::pending::{HalfRegistration, Pending};
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::credentials::Blinded;
use crate::failure::Failure;
use crate::gate::{Admitted, AttemptKind};
use crate::profile::ParsedProfile;
use crate::proofs::start_new_password;
use crate::shared::Shared;
use std::sync::Arc;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{Field, FieldError, Username};
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::{Envelope, Profile, UserReply};
use vestry_store::{NewAccount, NewCredential, ReadTx};

pub(super) async fn start(
    server: &Arc<Shared>,
    peer: &Peer,
    pending: &mut Pending,
    (name, invitation): (&str, Option<SecretText>),
    request: &[u8],
) -> Result<UserReply, Failure> {
    refuse_when_closed(server)?;
    let (name, blinded) = (Username::parse(name)?, Blinded::parse(request)?);
    if invitation.is_some() {
        let rule = "this server takes no invitations".to_owned();
        return Err(FieldError { field: Field::Invitation, rule }.into());
    }
    let (shared, wanted, now) = (server.clone(), name.clone(), server.clock.now());
    let named = server.store.look_up(move |tx| shared.names.look_up(tx, wanted.as_str(), now)).await?;
    let keys = named.keys;
    let (shared, source, wanted) = (server.clone(), peer.source.clone(), name.clone());
    // A view of its own, which begins at the gate.
    let begun = server.store.look_up(move |tx| {
        let admitted = shared.gate.admit(tx, AttemptKind::Registration, &named.target(), &source)?;
        let reply = match is_taken(&admitted, tx, &wanted, now)? {
            true => None,
            false => Some(start_new_password(&shared, &admitted, keys.oprf_id, blinded)?),
        };
        Ok::<_, Failure>((reply, admitted))
    });
    match begun.await? {
        (Some(reply), admitted) => {
            pending.remember_registration(admitted.half_open(), name, keys);
            Ok(reply)
        }
        (None, admitted) => Err(tell_taken(server, peer, admitted).await),
    }
}

pub(super) async fn finish(
    server: &Shared,
    peer: &Peer,
    pending: &mut Pending,
    envelope: &Envelope,
    profile: &Profile,
) -> Result<UserReply, Failure> {
    refuse_when_closed(server)?;
    let profile = ParsedProfile::parse(profile)?;
    let record = server.opaque.accept(envelope)?;
    let HalfRegistration { attempt, name, keys } = pending.take_registration()?;
    let admitted = attempt.claim()?;
    let (now, source, wanted) = (server.clock.now(), peer.source.text().to_owned(), name.clone());
    let verdicts = admitted.verdicts();
    let made = server.store.write(move |tx| {
        let id = tx.next_account_id()?;
        let by = Actor::user(id, &source);
        let noted = by.note_on(tx, now, act::AccountRegistered, id, "")?;
        let password = Some(NewCredential::chosen(&record));
        let new =
            NewAccount { name: &wanted, keys: &keys, profile: profile.as_patch(), password, created: now };
        tx.insert_account(&noted, &new)?.ok_or(Failure::NameTaken)?;
        Ok(verdicts.right(tx, &noted, now)?.0)
    });
    match made.await {
        Ok(written) => {
            admitted.conclude(&written);
            Ok(UserReply::Registered { name: name.to_string() })
        }
        Err(Failure::NameTaken) => Err(tell_taken(server, peer, admitted).await),
        Err(failure) => Err(failure),
    }
}

fn refuse_when_closed(server: &Shared) -> Result<(), Failure> {
    if server.settings.now().accounts.registration_open { Ok(()) } else { Err(Failure::RegistrationClosed) }
}

/// A taken name is told before the password is stretched: registering tells it anyway, and stretching costs.
fn is_taken(_: &Admitted, tx: &ReadTx<'_>, name: &Username, now: UnixSeconds) -> Result<bool, Failure> {
    Ok(tx.account(name, now)?.is_some())
}

/// Says that a name is taken, once that is counted.
async fn tell_taken(server: &Shared, peer: &Peer, admitted: Admitted) -> Failure {
    let (now, source, target) =
        (server.clock.now(), peer.source.text().to_owned(), admitted.target().clone());
    let verdicts = admitted.verdicts();
    let told = server.store.write(move |tx| {
        let by = Actor::stranger(&source);
        let noted = by.note(tx, now, act::RegistrationRefused, target.as_party(), "taken")?;
        Ok::<_, Failure>(verdicts.told(tx, &noted, now)?)
    });
    match told.await {
        Ok(written) => {
            admitted.conclude(&written);
            Failure::NameTaken
        }
        Err(unwritten) => unwritten,
    }
}
