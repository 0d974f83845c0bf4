//! The commands for an account: it is shown, changed and deleted, and its password is set.

use super::fields::{AccountJson, Changes, account_text};
use crate::cli::{DeleteArgs, LogoutArgs, UpdateArgs};
use crate::context::Context;
use crate::done::Teller;
use crate::failure::Failure;
use crate::link::Link;
use crate::new_password;
use crate::session_link::{
    SessionLink, call_failed, forget_session, keep_witness, load_session_to_end, remember_opaque,
};
use serde::Serialize;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{PasswordOwner, Username};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::typed::vestry;
use vestry_protocol::user::Change;

#[derive(Debug, Serialize)]
struct PasswordResetJson<'a> {
    name: &'a str,
    code_issued_by: &'a str,
    code_issued: Option<String>,
}

/// Sets a password with the one-time code that the operator handed over.
pub(crate) async fn reset(context: &mut Context, name: &Username) -> Result<(), Failure> {
    let mut link = Link::to(context.target()?);
    let server = link.read(async |client| client.describe_server().await).await;
    let server = server.map_err(|error| call_failed(&link, error, None))?;
    // Every session of the account ends; the one that is kept here may be one of them.
    let (kept, read) = load_session_to_end(context.output, &context.folders, link.target())?;
    let code =
        context.secrets.next("the one-time code", &format!("One-time code for {name} (not shown): "))?;
    // Whose e-mail address the account has is not told to a client without a session.
    let owner = PasswordOwner { name: name.as_str(), email: None, host: Some(link.server().host()) };
    let new = new_password::choose(context, new_password::policy_of(&server), &owner)?;
    let new = new.ok_or(Failure::Cancelled)?;
    let done = link.write(async |client| client.redeem_reset_code(name, &code, &new).await).await;
    let look = format!("See whether the new password works: {}", vestry("login NAME"));
    let done = done.map_err(|error| call_failed(&link, error, Some(look)))?;
    let done = done.map(|reset, unkept| {
        remember_opaque(&context.folders, &link, name, unkept);
        if kept.is_some_and(|kept| kept.name == *name) {
            forget_session(&context.folders, link.target(), &read, unkept);
        }
        reset
    });
    done.tell(context.output, |(reset, code), teller| {
        let shown = Escaped(reset).to_string();
        let json = PasswordResetJson { name: reset, code_issued_by: &code.by, code_issued: rfc3339(code.at) };
        let by = Escaped(&code.by);
        let text = format!("The password of {shown} is set, with a one-time code that {by} issued.");
        let told = teller.answer(&json, text);
        context.output.talk(format_args!("Log in with: {}", vestry("login").arg(&shown)));
        told
    })?;
    Ok(())
}

#[derive(Debug, Serialize)]
struct LoggedOutJson {
    sessions_ended: u64,
}

/// Ends this session, or all of the account's, and forgets it here.
pub(super) async fn log_out(context: &mut Context, args: &LogoutArgs) -> Result<(), Failure> {
    let mut session = SessionLink::to_end(context)?;
    let look = "Run it again: a session that has ended already is no mistake.";
    let done = match session.write(look, async |client| client.log_out(args.all).await).await {
        Ok(done) => done,
        // Then it has ended, which is what was wanted; but all of them cannot be ended without one.
        Err(Failure::SessionEnded { error, left: None, .. }) if !args.all => {
            let text = format!("The session had ended already, and is forgotten here ({error}).");
            return context.output.answer(&LoggedOutJson { sessions_ended: 0 }, text);
        }
        Err(failure) => return Err(failure),
    };
    let done = done.map(|ended, unkept| {
        session.forget(unkept);
        ended
    });
    done.tell(context.output, |ended, teller| {
        let text = match ended {
            0 | 1 => "Logged out.".to_owned(),
            many => format!("Logged out; {many} sessions ended."),
        };
        teller.answer(&LoggedOutJson { sessions_ended: *ended }, text)
    })?;
    Ok(())
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
    let tell = |account: &_, teller: Teller| teller.answer(&AccountJson::of(account), account_text(account));
    update.await?.tell(context.output, tell)?;
    Ok(())
}

#[derive(Debug, Serialize)]
struct PasswordChangedJson<'a> {
    name: &'a str,
}

/// Sets a new password, which ends every session but a new one for this machine. A current password that is wrong is asked for
/// again, and nothing else.
pub(crate) async fn change_password(context: &mut Context, session: &mut SessionLink) -> Result<(), Failure> {
    let place = session.reserve()?;
    let server = session.read(async |client| client.describe_server().await).await?;
    let account = session.read(async |client| client.show().await).await?;
    let name = session.name().clone();
    let witness = session.link().target().witnesses(&context.folders)?.load(&name)?;
    let (_, witness_read) = witness.open(|damaged| context.output.talk(damaged));
    let question = format!("Current password of {name}: ");
    let mut current = context.secrets.next_password("the current password", &question)?;
    let host = session.server().host().to_owned();
    let owner =
        PasswordOwner { name: name.as_str(), email: account.profile.email.as_deref(), host: Some(&host) };
    let new = new_password::choose(context, new_password::policy_of(&server), &owner)?;
    let new = new.ok_or(Failure::Cancelled)?;
    let look = format!("See which password works: {}", vestry("login").arg(name.as_str()));
    let is_typed = context.secrets.come_from_person() && context.prompt.is_there();
    let changed = loop {
        let changed =
            session.write(look.as_str(), async |client| client.change_password(&current, &new).await);
        match changed.await {
            Err(failure) if is_typed && failure.is_refusal(RefusalCode::WrongCredentials) => {
                context.output.talk("  The current password is wrong. The new one need not be typed again.");
                current = context.secrets.next_password("the current password", &question)?;
            }
            other => break other?,
        }
    };
    let changed = changed.then(async |opened, unkept| {
        session.replace(place, &opened, unkept).await;
        keep_witness(&context.folders, session.link(), &name, &witness_read, &opened, unkept);
    });
    changed.await.tell(context.output, |(), teller| {
        let json = PasswordChangedJson { name: name.as_str() };
        teller.answer(&json, "Password changed. Every other session has ended.")
    })
}

#[derive(Debug, Serialize)]
struct DeletedJson<'a> {
    name: &'a str,
    restorable_until: Option<&'a str>,
}

/// Deletes one's account, after its name and its password were given once more.
pub(super) async fn delete(context: &mut Context, args: &DeleteArgs) -> Result<(), Failure> {
    let mut session = SessionLink::of(context)?;
    session.refuse_unforgettable()?;
    let name = session.name().clone();
    confirm(context, args.confirm.as_deref(), &name)?;
    let password = context.secrets.next_password("the password", &format!("Password of {name}: "))?;
    let look = format!("See whether it is still there: {}", vestry("show"));
    let deleted = session.write(look, async |client| client.delete(&password).await).await?;
    let deleted = deleted.map(|until, unkept| {
        session.forget(unkept);
        rfc3339(until)
    });
    deleted.tell(context.output, |until, teller| {
        let shown = until.as_deref().unwrap_or("-");
        let text = format!("Deleted {name}. The operator can undo it until {shown}.");
        teller.answer(&DeletedJson { name: name.as_str(), restorable_until: until.as_deref() }, text)
    })?;
    Ok(())
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
