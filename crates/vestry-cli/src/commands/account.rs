//! The commands for an account: it is made, shown, changed and deleted, and its password is set.

use super::fields::{AccountJson, Changes, account_text, profile_of};
use crate::cli::{DeleteArgs, LogoutArgs, RegisterArgs, ResetArgs, UpdateArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::link::Link;
use crate::new_password;
use crate::session_link::{SessionLink, call_failed, keep_witness, remember_opaque};
use serde::Serialize;
use vestry_client::CallError;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{PasswordOwner, Username};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::typed::vestry;
use vestry_protocol::user::Change;

#[derive(Debug, Serialize)]
struct RegisteredJson<'a> {
    name: &'a str,
}

/// Makes an account.
pub(super) async fn register(context: &mut Context, args: &RegisterArgs) -> Result<(), Failure> {
    let name = Username::parse(&args.name)?;
    let profile = profile_of(&args.profile)?;
    let mut link = Link::to(context.target()?);
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
    let done = link.write(async |client| client.register(&name, &password, &profile).await).await;
    let registered = done.map_err(|error| {
        call_failed(&link, error, Some(format!("See by logging in: {}", vestry("login NAME"))))
    })?;
    remember_opaque(context.output, &context.folders, &link, &name);
    let shown = Escaped(&registered).to_string();
    context.output.answer(&RegisteredJson { name: &registered }, format_args!("Registered {shown}."))?;
    context.output.talk(format_args!("Log in with: {}", vestry("login").arg(&shown)));
    Ok(())
}

#[derive(Debug, Serialize)]
struct PasswordResetJson<'a> {
    name: &'a str,
    code_issued_by: &'a str,
    code_issued: Option<String>,
}

/// Sets a password with the one-time code that the operator handed over.
pub(super) async fn reset(context: &mut Context, args: &ResetArgs) -> Result<(), Failure> {
    let name = Username::parse(&args.name)?;
    let mut link = Link::to(context.target()?);
    let server = link.read(async |client| client.describe_server().await).await;
    let server = server.map_err(|error| call_failed(&link, error, None))?;
    let code =
        context.secrets.next("the one-time code", &format!("One-time code for {name} (not shown): "))?;
    // Whose e-mail address the account has is not told to a client without a session.
    let owner = PasswordOwner { name: name.as_str(), email: None, host: Some(link.server().host()) };
    let new = new_password::choose(context, new_password::policy_of(&server), &owner)?;
    let new = new.ok_or(Failure::Cancelled)?;
    let done = link.write(async |client| client.redeem_reset_code(&name, &code, &new).await).await;
    let look = format!("See whether the new password works: {}", vestry("login NAME"));
    let (reset, code) = done.map_err(|error| call_failed(&link, error, Some(look)))?;
    remember_opaque(context.output, &context.folders, &link, &name);
    // Every session of the account has ended; the one that is kept here may be one of them.
    let sessions = link.target().sessions(&context.folders);
    if let Ok(Some(kept)) = sessions.load()
        && kept.name == name
    {
        sessions.forget()?;
    }
    let shown = Escaped(&reset).to_string();
    let json = PasswordResetJson { name: &reset, code_issued_by: &code.by, code_issued: rfc3339(code.at) };
    let by = Escaped(&code.by);
    context.output.answer(
        &json,
        format_args!("The password of {shown} is set, with a one-time code that {by} issued."),
    )?;
    context.output.talk(format_args!("Log in with: {}", vestry("login").arg(&shown)));
    Ok(())
}

#[derive(Debug, Serialize)]
struct LoggedOutJson {
    sessions_ended: u64,
}

/// Ends this session, or all of the account's, and forgets it here.
pub(super) async fn log_out(context: &mut Context, args: &LogoutArgs) -> Result<(), Failure> {
    let mut session = SessionLink::of(context)?;
    let look = "Run it again: a session that has ended already is no mistake.";
    let ended = match session.write(look, async |client| client.log_out(args.all).await).await {
        Ok(ended) => {
            session.end()?;
            ended
        }
        // Then it has ended, which is what was wanted; but all of them cannot be ended without one.
        Err(Failure::SessionEnded { .. }) if !args.all => 0,
        Err(failure) => return Err(failure),
    };
    let text = match ended {
        0 => "The session had ended already; it is forgotten here.".to_owned(),
        1 => "Logged out.".to_owned(),
        many => format!("Logged out; {many} sessions ended."),
    };
    context.output.answer(&LoggedOutJson { sessions_ended: ended }, text)
}

/// Shows what is stored about oneself.
pub(super) async fn show(context: &mut Context) -> Result<(), Failure> {
    let mut session = SessionLink::of(context)?;
    let account = session.read(async |client| client.show().await).await?;
    context.output.answer(&AccountJson::of(&account), account_text(&account))
}

/// Changes one's profile. A change of the e-mail address asks for the password.
pub(super) async fn update(context: &mut Context, args: &UpdateArgs) -> Result<(), Failure> {
    let changes = Changes::of(&args.profile)?;
    if changes.are_none() {
        let words =
            "nothing to change was named; give --email, --age or --gender (an empty value clears a field)";
        return Err(Failure::Usage(words.to_owned()));
    }
    let mut session = SessionLink::of(context)?;
    let password = match changes.email {
        Change::Keep => None,
        Change::Clear | Change::Set(_) => {
            let question = format!("Password for {} (to change the e-mail address): ", session.name());
            Some(context.secrets.next_password("the password, to change the e-mail address,", &question)?)
        }
    };
    let Changes { email, age, gender } = &changes;
    let look = format!("See what is stored now: {}", vestry("show"));
    let update =
        session.write(look, async |client| client.update(email, age, gender, password.as_ref()).await);
    let account = update.await?;
    context.output.answer(&AccountJson::of(&account), account_text(&account))
}

#[derive(Debug, Serialize)]
struct PasswordChangedJson<'a> {
    name: &'a str,
}

/// Sets a new password, which ends every session but a new one for this machine.
pub(super) async fn change_password(context: &mut Context) -> Result<(), Failure> {
    let mut session = SessionLink::of(context)?;
    let server = session.read(async |client| client.describe_server().await).await?;
    let account = session.read(async |client| client.show().await).await?;
    let name = session.name().clone();
    let current =
        context.secrets.next_password("the current password", &format!("Current password of {name}: "))?;
    let host = session.server().host().to_owned();
    let owner =
        PasswordOwner { name: name.as_str(), email: account.profile.email.as_deref(), host: Some(&host) };
    let new = new_password::choose(context, new_password::policy_of(&server), &owner)?;
    let new = new.ok_or(Failure::Cancelled)?;
    let look = format!("See which password works: {}", vestry("login NAME"));
    let opened = session.write(look, async |client| client.change_password(&current, &new).await).await?;
    session.keep(&opened)?;
    keep_witness(context, session.link(), &name, &opened);
    let json = PasswordChangedJson { name: name.as_str() };
    context.output.answer(&json, "Password changed. Every other session has ended.")
}

#[derive(Debug, Serialize)]
struct DeletedJson<'a> {
    name: &'a str,
    restorable_until: Option<String>,
}

/// Deletes one's account, after its name and its password were given once more.
pub(super) async fn delete(context: &mut Context, args: &DeleteArgs) -> Result<(), Failure> {
    let mut session = SessionLink::of(context)?;
    let name = session.name().clone();
    confirm(context, args.confirm.as_deref(), &name)?;
    let password = context.secrets.next_password("the password", &format!("Password of {name}: "))?;
    let look = format!("See whether it is still there: {}", vestry("show"));
    let until = session.write(look, async |client| client.delete(&password).await).await?;
    session.end()?;
    let restorable_until = rfc3339(until);
    let shown = restorable_until.clone().unwrap_or_else(|| "-".to_owned());
    let json = DeletedJson { name: name.as_str(), restorable_until };
    context.output.answer(&json, format_args!("Deleted {name}. The operator can undo it until {shown}."))
}

fn confirm(context: &Context, given: Option<&str>, name: &Username) -> Result<(), Failure> {
    let typed = match given {
        Some(given) => given.to_owned(),
        None if context.prompt.is_there() => {
            context.prompt.line(&format!("This deletes the account {name}. Type its name to go on: "))?
        }
        None => {
            let words = format!("to delete {name} where nobody can be asked, say so with --confirm {name}");
            return Err(Failure::Usage(words));
        }
    };
    if typed.is_empty() {
        return Err(Failure::Cancelled);
    }
    match Username::parse(&typed) {
        Ok(typed) if typed == *name => Ok(()),
        Ok(_) | Err(_) => Err(Failure::WrongConfirmation { name: name.to_string() }),
    }
}
