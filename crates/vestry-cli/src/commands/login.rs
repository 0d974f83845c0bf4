//! `vestry login`: opens a session and keeps it. A session that was there is not ended by it.

use crate::cli::LoginArgs;
use crate::context::{Context, this_device};
use crate::failure::Failure;
use crate::link::Link;
use crate::session_link::{SessionLink, call_failed, keep_witness, remember_opaque};
use serde::Serialize;
use vestry_client::KeptFromLogin;
use vestry_client::state::Lifetime;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{Password, Username};
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
    let name = Username::parse(&args.name)?;
    let mut link = Link::to(context.target()?);
    // Before a password is typed it should be clear that there is a server to send it to.
    let server = link.read(async |client| client.describe_server().await).await;
    server.map_err(|error| call_failed(&link, error, None))?;
    let password = context.secrets.next_password("the password", &format!("Password for {name}: "))?;
    let way = if args.imported { Way::Imported } else { Way::Proven };
    let LoggedIn { new, notices, moved } = log_in(context, &mut link, &name, &password, way).await?;
    let lifetime = if args.remember { Lifetime::Remembered } else { Lifetime::Login };
    let session = SessionLink::open(context, link, &new, lifetime)?;
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
    context.output.answer(&json, format_args!("Logged in as {}.", session.name()))?;
    say_notices(context, &new, &notices, moved.as_ref());
    Ok(())
}

/// A session that was just opened.
pub(crate) struct LoggedIn {
    /// The session.
    pub(crate) new: NewSession,
    /// What its user should know.
    pub(crate) notices: Notices,
    /// Whether the password moved to the server's new key, when it was to, and how many other sessions ended.
    pub(crate) moved: Option<Result<u64, Failure>>,
}

/// Opens a session on this link. The password is sent only on the way that its user chose, and never for an account that is
/// known to be OPAQUE.
pub(crate) async fn log_in(
    context: &Context,
    link: &mut Link,
    name: &Username,
    password: &Password,
    way: Way,
) -> Result<LoggedIn, Failure> {
    let device = this_device()?;
    let kept = KeptFromLogin {
        device_token: link.target().device_tokens(&context.folders)?.load(name)?,
        witness: link.target().witnesses(&context.folders)?.load(name)?,
    };
    let imported = match way {
        Way::Imported => link.target().opaque_accounts(&context.folders)?.unless_known(name)?,
        Way::Proven => None,
    };
    let done = link.write(async |client| {
        let new = match &imported {
            Some(account) => client.log_in_imported(account, password, &device).await?,
            None => client.log_in(name, password, &device, &kept).await?,
        };
        // Before anything else on this connection: another one would not know.
        let notices = client.notices().await?;
        Ok(LoggedIn { new, notices, moved: None })
    });
    let mut opened = done.await.map_err(|error| call_failed(link, error, None))?;
    remember_opaque(context.output, &context.folders, link, name);
    keep_witness(context, link, name, &opened.new);
    if opened.new.move_record {
        let moved = link.write(async |client| client.move_record(password).await).await;
        opened.moved = Some(moved.map_err(|error| call_failed(link, error, None)));
    }
    // With the record, every device was forgotten.
    if matches!(opened.moved, Some(Ok(_))) || !opened.new.device_known {
        remember_device(context, link, name).await;
    }
    Ok(opened)
}

/// Lets this machine's next login be counted by itself. The login stands when that cannot be had.
async fn remember_device(context: &Context, link: &mut Link, name: &Username) {
    let remembered = link.write(async |client| client.remember_device().await).await;
    let kept = match remembered {
        Ok(token) => link
            .target()
            .device_tokens(&context.folders)
            .and_then(|tokens| tokens.save(name, &token))
            .map_err(Failure::from),
        Err(error) => Err(call_failed(link, error, None)),
    };
    if let Err(failure) = kept {
        context.output.failure(&failure);
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
    match notices.failures_since_last_login {
        0 => {}
        1 => context.output.talk(format_args!("One login failed {since}. Was it you?")),
        many => context.output.talk(format_args!("{many} logins failed {since}. Was it you?")),
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
        let time = |at| rfc3339(at).unwrap_or_else(|| "-".to_owned());
        let (by, issued_at, redeemed_at) = (Escaped(&issued.by), time(issued.at), time(*redeemed));
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
