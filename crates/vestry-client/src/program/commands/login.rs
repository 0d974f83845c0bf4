//! `vestry login`: opens a session and keeps it. A session that was there is not ended by it.

use crate::program::cli::LoginArgs;
use crate::program::context::{Context, this_device};
use crate::program::failure::Failure;
use crate::program::link::Link;
use crate::program::output::rfc3339;
use crate::program::session::{Session, call_failed, remember_opaque};
use serde::Serialize;
use vestry_client::OfferedPassword;
use vestry_client::state::Lifetime;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{Password, Username};
use vestry_protocol::user::NewSession;

#[derive(Debug, Serialize)]
struct LoggedInJson<'a> {
    name: &'a str,
    last_login: Option<String>,
    failures_since: u64,
    expires: Option<String>,
    idle_secs_max: u64,
}

pub(super) async fn run(context: &mut Context, args: &LoginArgs) -> Result<(), Failure> {
    let name = Username::parse(&args.name)?;
    let mut link = Link::to(context.target()?);
    // Before a password is typed it should be clear that there is a server to send it to.
    let server = link.read(async |client| client.describe_server().await).await;
    server.map_err(|error| call_failed(&link, error, None))?;
    let password = context.secrets.next_password("the password", &format!("Password for {name}: "))?;
    let LoggedIn { new, failures } = log_in(context, &mut link, &name, &password).await?;
    let lifetime = if args.remember { Lifetime::Remembered } else { Lifetime::Login };
    let session = Session::open(context, link, &new, lifetime)?;
    let json = LoggedInJson {
        name: session.name().as_str(),
        last_login: new.last_login.and_then(rfc3339),
        failures_since: failures,
        expires: rfc3339(new.expires),
        idle_secs_max: new.idle_secs_max,
    };
    context.output.answer(&json, format_args!("Logged in as {}.", session.name()))?;
    say_last_login(context, new.last_login, failures);
    Ok(())
}

/// A session that was just opened.
pub(in crate::program) struct LoggedIn {
    /// The session.
    pub(in crate::program) new: NewSession,
    /// How often the password was wrong since the login before.
    pub(in crate::program) failures: u64,
}

/// Opens a session on this link. An account that is known to be OPAQUE never has its password sent.
pub(in crate::program) async fn log_in(
    context: &Context,
    link: &mut Link,
    name: &Username,
    password: &Password,
) -> Result<LoggedIn, Failure> {
    let device = this_device()?;
    let path = link.target().opaque_accounts(&context.folders)?.path_for(name)?;
    let offer = OfferedPassword { password, path };
    let token = link.target().device_tokens(&context.folders)?.load(name)?;
    let done = link.write(async |client| {
        let known = match &token {
            Some(token) => client.present_device(token).await?,
            None => false,
        };
        let opened = client.log_in(name, offer, &device).await?;
        // Before anything else on this connection: another one would not know.
        let failures = client.failures().await?;
        Ok((opened, failures, known))
    });
    let (opened, failures, known) = done.await.map_err(|error| call_failed(link, error, None))?;
    if opened.by_opaque {
        remember_opaque(context.output, &context.folders, link, name);
    }
    if !known {
        remember_device(context, link, name).await;
    }
    Ok(LoggedIn { new: opened.value, failures })
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

/// Lets people notice a login that was not theirs, and tries of one.
pub(in crate::program) fn say_last_login(context: &Context, last_login: Option<UnixSeconds>, failures: u64) {
    let since = match last_login.and_then(rfc3339) {
        Some(time) => {
            context.output.talk(format_args!("Last login: {time}"));
            "since then"
        }
        None => {
            context.output.talk("This is the first login.");
            "before it"
        }
    };
    match failures {
        0 => {}
        1 => context.output.talk(format_args!("One login failed {since}. Was it you?")),
        many => context.output.talk(format_args!("{many} logins failed {since}. Was it you?")),
    }
}
