//! `vestry register`: makes an account and logs in to it with the password that was just chosen.

use super::fields::profile_of;
use super::login::{LoggedIn, Ready, Way};
use crate::cli::RegisterArgs;
use crate::context::Context;
use crate::done::{Done, Unkept};
use crate::failure::Failure;
use crate::link::Link;
use crate::new_password;
use crate::session_link::{call_failed, remember_opaque};
use serde::Serialize;
use vestry_client::{CallError, StrongPassword};
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{PasswordOwner, Username};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::typed::vestry;
use vestry_protocol::user::Profile;

#[derive(Debug, Serialize)]
struct RegisteredJson<'a> {
    name: &'a str,
    logged_in: bool,
    expires: Option<String>,
    idle_secs_max: Option<u64>,
}

/// An account that was just made.
#[derive(Debug)]
pub(crate) struct Registered {
    /// As the server says it.
    pub(crate) name: String,
    /// Its first session, unless none was wanted or it could not be had.
    pub(crate) first: Option<LoggedIn>,
}

pub(super) async fn run(context: &mut Context, args: &RegisterArgs) -> Result<(), Failure> {
    let name = context.name(args.name.as_deref(), "register")?;
    let profile = profile_of(&args.profile)?;
    let target = context.target()?;
    let ready = match args.no_login {
        true => None,
        false => {
            Some(Ready::to_log_in(context, &target, name.clone(), Way::Proven, args.lasting.lifetime())?)
        }
    };
    let mut link = Link::to(target);
    let server = link.read(async |client| client.describe_server().await).await;
    let server = server.map_err(|error| call_failed(&link, error, None))?;
    if !server.registration_open {
        // What the server would answer, before a password is chosen in vain.
        let refusal =
            Refusal::new(RefusalCode::RegistrationClosed, "new accounts come from the operator here");
        return Err(call_failed(&link, CallError::Refused(refusal), None));
    }
    let host = Some(link.server().host());
    let owner = PasswordOwner { name: name.as_str(), email: profile.email.as_deref(), host };
    let password = new_password::choose(context, new_password::policy_of(&server), &owner)?;
    let password = password.ok_or(Failure::Cancelled)?;
    let done = register(context, &mut link, &name, &password, &profile, ready).await;
    let look = || Some(format!("See by logging in: {}", vestry("login").arg(name.as_str())));
    done.map_err(|error| call_failed(&link, error, look()))?.tell(context.output, |registered, teller| {
        let Registered { name, first } = registered;
        let session = first.as_ref().map(|first| &first.new);
        let json = RegisteredJson {
            name,
            logged_in: first.is_some(),
            expires: session.and_then(|session| rfc3339(session.expires)),
            idle_secs_max: session.map(|session| session.idle_secs_max),
        };
        let shown = Escaped(name).to_string();
        match first {
            Some(_) => {
                let told = teller.answer(&json, format_args!("Registered {shown}, and logged in."));
                context.output.talk(format_args!("See your account with: {}", vestry("show")));
                told
            }
            None => {
                let told = teller.answer(&json, format_args!("Registered {shown}."));
                if args.no_login {
                    context.output.talk(format_args!("Log in with: {}", vestry("login").arg(&shown)));
                }
                told
            }
        }
    })?;
    Ok(())
}

/// Makes the account and, where that was made ready, opens its first session. The account stands without it.
pub(crate) async fn register(
    context: &Context,
    link: &mut Link,
    name: &Username,
    password: &StrongPassword,
    profile: &Profile,
    ready: Option<Ready>,
) -> Result<Done<Registered>, CallError> {
    let done = link.write(async |client| client.register(name, password, profile).await).await?;
    let registered = done.then(async |registered, unkept| {
        remember_opaque(&context.folders, link, name, unkept);
        let first = match ready {
            Some(ready) => enter(context, link, ready, password, unkept).await,
            None => None,
        };
        Registered { name: registered, first }
    });
    Ok(registered.await)
}

async fn enter(
    context: &Context,
    link: &mut Link,
    ready: Ready,
    password: &StrongPassword,
    unkept: &mut Unkept,
) -> Option<LoggedIn> {
    let (name, password) = (ready.name().clone(), password.as_password());
    let entered = match ready.log_in(link, password).await {
        Ok(opened) => ready.keep(context, link, opened, password).await,
        Err(failure) => Err(failure),
    };
    match entered {
        Ok(entered) => Some(entered.within(unkept)),
        Err(failure) => {
            let again = format!("Log in: {}", vestry("login").arg(name.as_str()));
            unkept.lose("you could not be logged in", failure, again);
            None
        }
    }
}
