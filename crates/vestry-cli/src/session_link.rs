//! A link that is logged in, and the file that the session is kept in. When the server ends the session, the file
//! goes too.

use crate::context::Context;
use crate::failure::Failure;
use crate::link::Link;
use crate::output::Output;
use crate::target::Target;
use vestry_client::state::{Folders, Lifetime, SavedSession};
use vestry_client::{CallError, Client, WireError};
use vestry_protocol::fields::Username;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::SessionToken;
use vestry_protocol::user::NewSession;

/// A link to a server, with the token of a session that is kept in a file.
#[derive(Debug)]
pub(crate) struct SessionLink {
    link: Link,
    folders: Folders,
    name: Username,
    lifetime: Lifetime,
}

impl SessionLink {
    /// Goes on with the session that was kept for the server that is meant.
    pub(crate) fn of(context: &Context) -> Result<Self, Failure> {
        let target = context.target()?;
        let server = target.address.clone();
        Self::kept(context, target)?.ok_or(Failure::NotLoggedIn(server))
    }

    /// The session that was kept for this server, if there is one. It may have ended since.
    pub(crate) fn kept(context: &Context, target: Target) -> Result<Option<Self>, Failure> {
        let Some(saved) = target.sessions(&context.folders).load()? else { return Ok(None) };
        let mut link = Link::to(target);
        link.adopt(saved.token);
        let folders = context.folders.clone();
        Ok(Some(Self { link, folders, name: saved.name, lifetime: saved.lifetime }))
    }

    /// A session that was just opened on `link`; it is kept.
    pub(crate) fn open(
        context: &Context,
        link: Link,
        new: &NewSession,
        lifetime: Lifetime,
    ) -> Result<Self, Failure> {
        let unexpected =
            |_| Failure::Call { server: link.server().clone(), error: CallError::UnexpectedReply };
        let name = Username::parse(&new.name).map_err(unexpected)?;
        let folders = context.folders.clone();
        let mut session = Self { link, folders, name, lifetime };
        session.keep(new)?;
        Ok(session)
    }

    /// Returns the server that the session is with.
    pub(crate) fn server(&self) -> &vestry_client::Address {
        self.link.server()
    }

    /// Returns the link that is logged in.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// The account.
    pub(crate) fn name(&self) -> &Username {
        &self.name
    }

    /// Goes on with this token from now on, and keeps it.
    pub(crate) fn keep(&mut self, new: &NewSession) -> Result<(), Failure> {
        let copy = || SessionToken::from_bytes(*new.token.expose_secret());
        self.link.adopt(copy());
        let saved = SavedSession { name: self.name.clone(), token: copy(), lifetime: self.lifetime };
        Ok(self.link.target().sessions(&self.folders).save(&saved)?)
    }

    /// Forgets the session here and leaves a link without one.
    pub(crate) fn end(mut self) -> Result<Link, Failure> {
        self.link.target().sessions(&self.folders).forget()?;
        self.link.forget_session();
        Ok(self.link)
    }

    /// A call that changes nothing.
    pub(crate) async fn read<T>(
        &mut self,
        call: impl AsyncFnMut(&mut Client) -> Result<T, CallError>,
    ) -> Result<T, Failure> {
        let done = self.link.read(call).await;
        done.map_err(|error| self.understand(error, None))
    }

    /// A call that changes something; `look` says how to see whether it was done, should the answer be lost.
    pub(crate) async fn write<T>(
        &mut self,
        look: impl Into<String>,
        call: impl AsyncFnMut(&mut Client) -> Result<T, CallError>,
    ) -> Result<T, Failure> {
        let done = self.link.write(call).await;
        done.map_err(|error| self.understand(error, Some(look.into())))
    }

    fn understand(&mut self, error: CallError, look: Option<String>) -> Failure {
        let ended = [RefusalCode::SessionEnded, RefusalCode::NotLoggedIn];
        if ended.into_iter().any(|code| error.is_refusal(code)) {
            self.link.forget_session();
            return match self.link.target().sessions(&self.folders).forget() {
                Ok(()) => Failure::SessionEnded { name: self.name.to_string(), error },
                Err(error) => error.into(),
            };
        }
        call_failed(&self.link, error, look)
    }
}

/// Never sends a password of this account to this server again. What was done is done: when this cannot be written
/// down, the person is told and the next login tries again.
pub(crate) fn remember_opaque(output: Output, folders: &Folders, link: &Link, name: &Username) {
    let known = link.target().opaque_accounts(folders);
    if let Err(error) = known.and_then(|known| known.remember(name)) {
        output.failure(&error.into());
    }
}

/// Keeps what the server said of its audit, for the next login. The login stands when that cannot be kept.
pub(crate) fn keep_witness(context: &Context, link: &Link, name: &Username, new: &NewSession) {
    let witnesses = link.target().witnesses(&context.folders);
    if let Err(error) = witnesses.and_then(|witnesses| witnesses.save(name, &new.witness)) {
        context.output.failure(&error.into());
    }
}

/// A call that failed, in the words for the person who made it.
pub(crate) fn call_failed(link: &Link, error: CallError, look: Option<String>) -> Failure {
    let server = link.server().clone();
    match (error, look) {
        (CallError::Wire(error @ WireError::LostAfterSending(_)), Some(look)) => {
            Failure::Unsure { server, error, look }
        }
        (error, _) => Failure::Call { server, error },
    }
}
