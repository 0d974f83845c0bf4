//! A link that is logged in, and the file that the session is kept in. When the server ends the session, the file goes too, unless
//! another program of this user has kept another session there by then: one of the same account is taken over.

use crate::advice::mend_for_state;
use crate::context::Context;
use crate::done::{Done, Unkept};
use crate::failure::Failure;
use crate::link::Link;
use crate::output::Output;
use crate::target::Target;
use vestry_client::state::{
    Contents, Folders, Lifetime, SavedSession, SessionKept, SessionPlace, SessionRead, StateError,
};
use vestry_client::{CallError, Client, WireError};
use vestry_protocol::fields::Username;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::SessionToken;
use vestry_protocol::typed::vestry;
use vestry_protocol::user::NewSession;
use vestry_tls::FileError;

/// A link to a server, with the token of a session that is kept in a file.
#[derive(Debug)]
pub(crate) struct SessionLink {
    link: Link,
    folders: Folders,
    output: Output,
    name: Username,
    lifetime: Lifetime,
    /// What the file held when the session was taken from it or kept in it.
    read: SessionRead,
}

impl SessionLink {
    /// Goes on with the session that was kept for the server that is meant.
    pub(crate) fn of(context: &Context) -> Result<Self, Failure> {
        let target = context.target()?;
        let found = load_session(context.output, &context.folders, &target)?;
        let server = target.address.clone();
        Self::saved(context, target, found).ok_or(Failure::NotLoggedIn(server))
    }

    /// As [`SessionLink::of`], to end it: one that others could have read has to end all the more.
    pub(crate) fn to_end(context: &Context) -> Result<Self, Failure> {
        let target = context.target()?;
        let found = load_session_to_end(context.output, &context.folders, &target)?;
        let server = target.address.clone();
        Self::saved(context, target, found).ok_or(Failure::NotLoggedIn(server))
    }

    /// The session that was kept for this server, if there is one. It may have ended since. One that others could have read is said
    /// and not used.
    pub(crate) fn kept(context: &Context, target: Target) -> Result<Option<Self>, Failure> {
        match load_session(context.output, &context.folders, &target) {
            Ok(found) => Ok(Self::saved(context, target, found)),
            Err(exposed @ StateError::File(FileError::Exposed { .. })) => {
                context.output.failure(&exposed.into());
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn saved(
        context: &Context,
        target: Target,
        (saved, read): (Option<SavedSession>, SessionRead),
    ) -> Option<Self> {
        let SavedSession { name, token, lifetime } = saved?;
        let mut link = Link::to(target);
        link.adopt(token);
        Some(Self::opened(context, link, name, lifetime, read))
    }

    /// A session that was just opened on `link`, and is kept.
    pub(crate) fn opened(
        context: &Context,
        link: Link,
        name: Username,
        lifetime: Lifetime,
        read: SessionRead,
    ) -> Self {
        Self { link, folders: context.folders.clone(), output: context.output, name, lifetime, read }
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

    /// Whether other programs of this user find this session, so that they are logged in when this one ends.
    pub(crate) fn is_kept(&self) -> bool {
        let found = load_session(self.output, &self.folders, self.link.target());
        found.is_ok_and(|(saved, _)| saved.is_some_and(|saved| saved.name == self.name))
    }

    /// Makes the place of the session that follows this one.
    pub(crate) fn reserve(&self) -> Result<SessionPlace, Failure> {
        Ok(self.link.target().sessions(&self.folders).reserve(self.lifetime)?)
    }

    /// Goes on with the session that followed this one, and keeps it. One that cannot be kept is ended again.
    pub(crate) async fn replace(&mut self, place: SessionPlace, new: &NewSession, unkept: &mut Unkept) {
        self.link.adopt(token_again(&new.token));
        if let Err(failure) = self.keep(place, &new.token).await {
            // It ends by itself when this does not end it.
            let _ = end_session(self.link.target(), &new.token).await;
            self.link.forget_session();
            let again = format!("Log in again: {}", vestry("login").arg(self.name.as_str()));
            unkept.lose("the new session could not be kept", failure, again);
        }
    }

    async fn keep(&mut self, mut place: SessionPlace, token: &SessionToken) -> Result<(), Failure> {
        loop {
            place = match place.keep(&self.name, token, &self.read)? {
                SessionKept::Made(read) => {
                    self.read = read;
                    return Ok(());
                }
                SessionKept::Outdated(place) => place,
            };
            let (other, read) = load_session(self.output, &self.folders, self.link.target())?;
            match other {
                Some(other) if other.name != self.name => {
                    let (server, name) = (self.link.server().clone(), other.name.to_string());
                    return Err(Failure::OtherAccount { server, name });
                }
                Some(other) => {
                    // Nobody will hold its token any more; when it has ended already, that is as well.
                    let _ = end_session(self.link.target(), &other.token).await;
                }
                None => {}
            }
            self.read = read;
        }
    }

    /// Refuses when the session could not be forgotten here after the server has ended it.
    pub(crate) fn refuse_unforgettable(&self) -> Result<(), Failure> {
        Ok(self.link.target().sessions(&self.folders).refuse_unforgettable(&self.read)?)
    }

    /// Forgets the session here, after the server has ended it.
    pub(crate) fn forget(&mut self, unkept: &mut Unkept) {
        self.link.forget_session();
        forget_session(&self.folders, self.link.target(), &self.read, unkept);
    }

    /// Leaves a link without a session.
    pub(crate) fn into_link(mut self) -> Link {
        self.link.forget_session();
        self.link
    }

    /// A call that changes nothing.
    pub(crate) async fn read<T>(
        &mut self,
        mut call: impl AsyncFnMut(&mut Client) -> Result<T, CallError>,
    ) -> Result<T, Failure> {
        loop {
            match self.link.read(&mut call).await {
                Ok(read) => return Ok(read),
                Err(error) if has_ended(&error) && self.take_over()? => {}
                Err(error) => return Err(self.understand(error, None)),
            }
        }
    }

    /// A call that changes something; `look` says how to see whether it was done, should the answer be lost.
    pub(crate) async fn write<T>(
        &mut self,
        look: impl Into<String>,
        mut call: impl AsyncFnMut(&mut Client) -> Result<T, CallError>,
    ) -> Result<Done<T>, Failure> {
        loop {
            match self.link.write(&mut call).await {
                Ok(done) => return Ok(done),
                // A call that was refused for want of a session was not done.
                Err(error) if has_ended(&error) && self.take_over()? => {}
                Err(error) => return Err(self.understand(error, Some(look.into()))),
            }
        }
    }

    /// Goes on with another session of the same account, when another program of this user has kept one since.
    fn take_over(&mut self) -> Result<bool, Failure> {
        let (other, read) = load_session(self.output, &self.folders, self.link.target())?;
        match other {
            Some(other) if other.name == self.name && read != self.read => {
                self.link.forget_session();
                self.link.adopt(other.token);
                (self.lifetime, self.read) = (other.lifetime, read);
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    fn understand(&mut self, error: CallError, look: Option<String>) -> Failure {
        if has_ended(&error) {
            self.link.forget_session();
            let left = self.link.target().sessions(&self.folders).forget(&self.read).err().map(Box::new);
            return Failure::SessionEnded { name: self.name.to_string(), error, left };
        }
        call_failed(&self.link, error, look)
    }
}

fn has_ended(error: &CallError) -> bool {
    [RefusalCode::SessionEnded, RefusalCode::NotLoggedIn].into_iter().any(|code| error.is_refusal(code))
}

/// The session that is kept for a server, and what lets it be changed. Says so when its file was damaged.
pub(crate) fn load_session(
    output: Output,
    folders: &Folders,
    target: &Target,
) -> Result<(Option<SavedSession>, SessionRead), StateError> {
    target.sessions(folders).load(|damaged| output.talk(damaged))
}

/// As [`load_session`], for what ends that session: then one that others could have read is returned, too.
pub(crate) fn load_session_to_end(
    output: Output,
    folders: &Folders,
    target: &Target,
) -> Result<(Option<SavedSession>, SessionRead), StateError> {
    target.sessions(folders).load_to_end(|said| output.talk(said))
}

/// Forgets a session that the server has ended, unless another one is kept by now.
pub(crate) fn forget_session(folders: &Folders, target: &Target, read: &SessionRead, unkept: &mut Unkept) {
    if let Err(error) = target.sessions(folders).forget(read) {
        let next = mend_for_state(&error)
            .unwrap_or_else(|| format!("The next login takes its place:\n{}", vestry("login NAME")));
        let mend = format!("It opens nothing any more. {next}");
        unkept.lose("the file of the ended session stays", error, mend);
    }
}

/// Ends a session whose token is kept nowhere any more, over a connection of its own. One that has ended is as well.
pub(crate) async fn end_session(target: &Target, token: &SessionToken) -> Result<(), Failure> {
    let mut link = Link::to(target.clone());
    link.adopt(token_again(token));
    match link.read(async |client| client.log_out(false).await).await {
        Err(error) if !has_ended(&error) => Err(call_failed(&link, error, None)),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The same token once more.
pub(crate) fn token_again(token: &SessionToken) -> SessionToken {
    SessionToken::from_bytes(*token.expose_secret())
}

/// Never sends a password of this account to this server again. What was done is done: when this cannot be written
/// down, the person is told and the next login tries again.
pub(crate) fn remember_opaque(folders: &Folders, link: &Link, name: &Username, unkept: &mut Unkept) {
    let known = link.target().opaque_accounts(folders);
    if let Err(error) = known.and_then(|known| known.remember(name)) {
        unkept.miss("it could not be noted that this password is never to be sent", error);
    }
}

/// Keeps what the server said of its audit, for the next login. One that another program has kept meanwhile stays.
pub(crate) fn keep_witness(
    folders: &Folders,
    link: &Link,
    name: &Username,
    read: &Contents,
    new: &NewSession,
    unkept: &mut Unkept,
) {
    let witnesses = link.target().witnesses(folders);
    if let Err(error) = witnesses.and_then(|witnesses| witnesses.save(name, read, &new.witness)) {
        unkept.miss("the server's checkpoint of its audit could not be kept", error);
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
