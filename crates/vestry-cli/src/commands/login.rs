//! `vestry login`: opens a session and keeps it in place of the one that was kept, which is ended.

use crate::cli::LoginArgs;
use crate::context::{Context, this_device};
use crate::done::{Done, Unkept};
use crate::failure::Failure;
use crate::link::Link;
use crate::output::shown_time;
use crate::session_link::{
    SessionLink, call_failed, end_session, keep_witness, load_session_to_end, remember_opaque, token_again,
};
use crate::target::Target;
use serde::Serialize;
use vestry_client::state::{
    Contents, Lifetime, NotKnownAsOpaque, SavedSession, SessionKept, SessionPlace, SessionRead, StateError,
};
use vestry_client::{CallError, KeptFromLogin, refuse_without_memory};
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{Device, Password, Username};
use vestry_protocol::secret::SessionToken;
use vestry_protocol::typed::vestry;
use vestry_protocol::user::{NewSession, Notices, SetWithCode};

#[derive(Debug, Serialize)]
struct LoggedInJson<'a> {
    name: &'a str,
    last_login: Option<String>,
    failures_since: u64,
    expires: Option<String>,
    idle_secs_max: u64,
    password_is_weak: bool,
    password_set_with_code: Option<SetWithCodeJson<'a>>,
    record_moved: Option<String>,
}

/// A password that a one-time code set. The names and their order are a promise.
#[derive(Debug, Serialize)]
pub(super) struct SetWithCodeJson<'a> {
    issued_by: &'a str,
    issued: Option<String>,
    redeemed: Option<String>,
}

impl<'a> SetWithCodeJson<'a> {
    pub(super) fn of(set: &'a SetWithCode) -> Self {
        let SetWithCode { issued, redeemed } = set;
        Self { issued_by: &issued.by, issued: rfc3339(issued.at), redeemed: rfc3339(*redeemed) }
    }
}

/// How a password gets to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It does not.
    Proven,
    /// The account was imported from another system: the password is sent once.
    Imported,
}

pub(super) async fn run(context: &mut Context, args: &LoginArgs) -> Result<(), Failure> {
    let name = context.name(args.name.as_deref(), "login")?;
    let target = context.target()?;
    let way = if args.imported { Way::Imported } else { Way::Proven };
    let ready = Ready::to_log_in(context, &target, name, way, args.lasting.lifetime())?;
    let mut link = Link::to(target);
    // Before a password is typed it should be clear that there is a server to send it to.
    let server = link.read(async |client| client.describe_server().await).await;
    server.map_err(|error| call_failed(&link, error, None))?;
    let question = format!("Password for {}: ", ready.name());
    let password = context.secrets.next_password("the password", &question)?;
    let opened = ready.log_in(&mut link, &password).await?;
    let entered = ready.keep(context, &mut link, opened, &password).await?;
    entered.tell(context.output, |entered, teller| {
        let LoggedIn { session, new, notices, moved } = entered;
        let json = LoggedInJson {
            name: session.name().as_str(),
            last_login: new.last_login.and_then(rfc3339),
            failures_since: notices.failures_since_last_login,
            expires: rfc3339(new.expires),
            idle_secs_max: new.idle_secs_max,
            password_is_weak: notices.password_is_weak,
            password_set_with_code: notices.password_set_with_code.as_ref().map(SetWithCodeJson::of),
            record_moved: notices.record_moved.and_then(rfc3339),
        };
        let told = teller.answer(&json, format_args!("Logged in as {}.", session.name()));
        say_notices(context, new, notices, moved.as_ref());
        told
    })?;
    Ok(())
}

/// What a login needs of this machine, had before its password is asked for: nothing is sent when it cannot be had.
#[derive(Debug)]
pub(crate) struct Ready {
    name: Username,
    device: Device,
    /// An account whose password may be sent.
    imported: Option<NotKnownAsOpaque>,
    kept: KeptFromLogin,
    token_read: Contents,
    witness_read: Contents,
    place: SessionPlace,
    /// The session that the new one takes the place of.
    before: Option<SavedSession>,
    read: SessionRead,
}

/// A session that was just opened, and is kept nowhere yet.
#[derive(Debug)]
pub(crate) struct Opened {
    new: NewSession,
    notices: Result<Notices, CallError>,
}

/// A session that was just opened, and is kept.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    /// The session.
    pub(crate) session: SessionLink,
    /// What the server said of it.
    pub(crate) new: NewSession,
    /// What its user should know.
    pub(crate) notices: Notices,
    /// Whether the password moved to the server's new key, when it was to, and how many other sessions ended.
    pub(crate) moved: Option<Result<u64, Failure>>,
}

impl Ready {
    /// Has all of it. The password is sent only on the way that its user chose, and never for an account that is known to be OPAQUE.
    pub(crate) fn to_log_in(
        context: &Context,
        target: &Target,
        name: Username,
        way: Way,
        lifetime: Lifetime,
    ) -> Result<Self, Failure> {
        refuse_without_memory()?;
        let (output, folders) = (context.output, &context.folders);
        // First: what is in the way of a session is set aside.
        let (before, read) = load_session_to_end(output, folders, target)?;
        let place = target.sessions(folders).reserve(lifetime)?;
        let token = target.device_tokens(folders)?.load(&name)?;
        let (device_token, token_read) = token.open(|damaged| output.talk(damaged));
        let witness = target.witnesses(folders)?.load(&name)?;
        let (witness, witness_read) = witness.open(|damaged| output.talk(damaged));
        let kept = KeptFromLogin { device_token, witness: witness.unwrap_or_default() };
        let imported = match way {
            Way::Imported => target.opaque_accounts(folders)?.unless_known(&name)?,
            Way::Proven => None,
        };
        if let Some(before) = before.as_ref().filter(|before| before.name != name) {
            output.talk(format_args!(
                "{} is logged in here; a login as {name} takes its place and ends that session.",
                before.name
            ));
        }
        let device = this_device()?;
        Ok(Self { name, device, imported, kept, token_read, witness_read, place, before, read })
    }

    /// The account.
    pub(crate) fn name(&self) -> &Username {
        &self.name
    }

    /// Opens a session. A password that was wrong may be followed by another one.
    pub(crate) async fn log_in(&self, link: &mut Link, password: &Password) -> Result<Done<Opened>, Failure> {
        let Self { name, device, imported, kept, .. } = self;
        let done = link.write(async |client| {
            let new = match imported {
                Some(account) => client.log_in_imported(account, password, device).await?,
                None => client.log_in(name, password, device, kept).await?,
            };
            // Before anything else on this connection: another one would not know. The login stands without them.
            Ok(Opened { new, notices: client.notices().await })
        });
        done.await.map_err(|error| call_failed(link, error, None))
    }

    /// Keeps the session in its place, and what else a login leaves here. The session of which it takes the place is ended at the
    /// server afterwards; one that cannot be kept is ended again itself.
    pub(crate) async fn keep(
        self,
        context: &Context,
        link: &mut Link,
        opened: Done<Opened>,
        password: &Password,
    ) -> Result<Done<LoggedIn>, Failure> {
        let kept = opened
            .then(async |opened, unkept| self.keep_opened(context, link, opened, password, unkept).await);
        kept.await.unless_undone()
    }

    async fn keep_opened(
        self,
        context: &Context,
        link: &mut Link,
        Opened { new, notices }: Opened,
        password: &Password,
        unkept: &mut Unkept,
    ) -> Result<LoggedIn, Failure> {
        let Self { name, token_read, witness_read, place, before, read, .. } = self;
        let (folders, lifetime) = (&context.folders, place.lifetime());
        link.adopt(token_again(&new.token));
        let (read, replaced) = match keep_session(context, link, &name, &new.token, (place, before, read)) {
            Ok(kept) => kept,
            Err(cause) => {
                let ended = end_session(link.target(), &new.token).await;
                link.forget_session();
                let (name, is_ended) = (name.to_string(), ended.is_ok());
                return Err(Failure::LoginNotKept { name, cause: Box::new(cause), is_ended });
            }
        };
        remember_opaque(folders, link, &name, unkept);
        keep_witness(folders, link, &name, &witness_read, &new, unkept);
        let notices = notices.unwrap_or_else(|error| {
            unkept.miss("it is not known whether logins failed before", call_failed(link, error, None));
            Notices::default()
        });
        let mut moved = None;
        if new.move_record {
            let done = link.write(async |client| client.move_record(password).await).await;
            moved = Some(match done {
                Ok(done) => Ok(done.within(unkept)),
                Err(error) => Err(call_failed(link, error, None)),
            });
        }
        // With the record, every device was forgotten.
        if matches!(moved, Some(Ok(_))) || !new.device_known {
            remember_device(context, link, &name, &token_read, unkept).await;
        }
        if let Some(replaced) = replaced
            && let Err(failure) = end_session(link.target(), &replaced.token).await
        {
            let end = format!("Find it with `{}` and end it.", vestry("sessions"));
            unkept.lose("the session that was kept here before could not be ended", failure, end);
        }
        let session = SessionLink::opened(context, link.take(), name, lifetime, read);
        Ok(LoggedIn { session, new, notices, moved })
    }
}

/// Keeps a session over whatever is kept by now, and returns what that was.
fn keep_session(
    context: &Context,
    link: &Link,
    name: &Username,
    token: &SessionToken,
    (mut place, mut before, mut read): (SessionPlace, Option<SavedSession>, SessionRead),
) -> Result<(SessionRead, Option<SavedSession>), StateError> {
    loop {
        place = match place.keep(name, token, &read)? {
            SessionKept::Made(now) => return Ok((now, before)),
            SessionKept::Outdated(place) => place,
        };
        (before, read) = load_session_to_end(context.output, &context.folders, link.target())?;
    }
}

/// Lets this machine's next login be counted by itself. The login stands when that cannot be had.
async fn remember_device(
    context: &Context,
    link: &mut Link,
    name: &Username,
    read: &Contents,
    unkept: &mut Unkept,
) {
    let what = "this device could not be remembered";
    let tokens = link.target().device_tokens(&context.folders);
    // Else the server would remember, at each login, a device that cannot show that it is one.
    let place = match tokens.and_then(|tokens| tokens.reserve(name)) {
        Ok(place) => place,
        Err(error) => return unkept.miss(what, error),
    };
    match link.write(async |client| client.remember_device().await).await {
        Ok(done) => {
            let token = done.within(unkept);
            if let Err(error) = place.keep(read, &token) {
                unkept.miss(what, error);
            }
        }
        Err(error) => unkept.miss(what, call_failed(link, error, None)),
    }
}

/// Lets people notice a login that was not theirs, attempts at one, and a password that they did not set.
pub(crate) fn say_notices(
    context: &Context,
    new: &NewSession,
    notices: &Notices,
    moved: Option<&Result<u64, Failure>>,
) {
    let since = match new.last_login.and_then(rfc3339) {
        Some(time) => {
            context.output.talk(format_args!("Last login: {time}"));
            "since then"
        }
        None => {
            context.output.talk("This is the first login.");
            "before it"
        }
    };
    let else_ = format!("If not: {}", vestry("passwd"));
    match notices.failures_since_last_login {
        0 => {}
        1 => context.output.talk(format_args!("One login failed {since}. Was it you? {else_}")),
        many => context.output.talk(format_args!("{many} logins failed {since}. Was it you? {else_}")),
    }
    for line in about_password(notices) {
        context.output.talk(line);
    }
    match moved {
        None => {}
        Some(Ok(sessions_ended)) => {
            let others = match sessions_ended {
                0 => String::new(),
                1 => " One other session was ended.".to_owned(),
                many => format!(" {many} other sessions were ended."),
            };
            context.output.talk(format_args!(
                "The server has a new key, and your password was moved to it. Other devices have to log in again.{others}"
            ));
        }
        Some(Err(failure)) => {
            context.output.failure(failure);
            context
                .output
                .talk("So your password was not moved to the server's new key. The next login tries again.");
        }
    }
    for item in &new.later {
        context.output.talk(format_args!("The server also says: {item}"));
    }
}

/// What is to be said of the password, a line each.
pub(super) fn about_password(notices: &Notices) -> Vec<String> {
    let code = notices.password_set_with_code.as_ref().map(|SetWithCode { issued, redeemed }| {
        let (by, issued_at, redeemed_at) = (Escaped(&issued.by), shown_time(issued.at), shown_time(*redeemed));
        format!(
            "Your password was set on {redeemed_at} with a one-time code that {by} issued on {issued_at}. If it was not \
             you, tell the operator."
        )
    });
    let moved = notices.record_moved.and_then(rfc3339).map(|at| {
        format!(
            "Your password was moved to the server's new key on {at}, by a login with it. If it was not you, change it: {}",
            vestry("passwd")
        )
    });
    let change = vestry("passwd");
    let weak = format!("Your password was imported and is easy to guess. Choose another: {change}");
    code.into_iter().chain(moved).chain(notices.password_is_weak.then_some(weak)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_protocol::UnixSeconds;
    use vestry_protocol::user::CodeIssued;

    #[test]
    fn what_is_said_of_the_password_names_the_operator_and_cannot_drive_a_terminal() {
        assert!(about_password(&Notices::default()).is_empty());
        let issued = CodeIssued { by: "ha\u{1b}na".to_owned(), at: UnixSeconds::default() };
        let password_set_with_code = Some(SetWithCode { issued, redeemed: UnixSeconds::from_seconds(60) });
        let notices = Notices { password_is_weak: true, password_set_with_code, ..Notices::default() };
        let said = about_password(&notices);
        assert_eq!(
            said[0],
            "Your password was set on 1970-01-01T00:01:00Z with a one-time code that ha\\u{1b}na issued on \
             1970-01-01T00:00:00Z. If it was not you, tell the operator."
        );
        assert!(said[1].contains("vestry passwd") && said.len() == 2);
    }
}
