//! What somebody who is not logged in can do: log in, register, and set a new password with a one-time code.

use super::choice::Outside;
use crate::commands::{LoggedIn, Ready, Registered, Way, register, reset, say_notices};
use crate::context::Context;
use crate::failure::Failure;
use crate::link::Link;
use crate::new_password;
use crate::session_link::{SessionLink, call_failed};
use vestry_client::StrongPassword;
use vestry_client::state::Lifetime;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{Age, Email, Field, Gender, PasswordOwner, PasswordPolicy, Username};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::Profile;

/// Does it; the new session when a person logged in.
pub(super) async fn act(
    context: &mut Context,
    link: &mut Link,
    act: Outside,
    policy: PasswordPolicy,
) -> Result<Option<SessionLink>, Failure> {
    match act {
        Outside::LogIn => enter_name(context, link, Way::Proven).await,
        Outside::LogInImported => {
            context.output.talk(
                "For an account that came from another system, once: the password is sent to the\nserver, over TLS. From then on it stays with you.",
            );
            enter_name(context, link, Way::Imported).await
        }
        Outside::Register => make_account(context, link, policy).await,
        Outside::Reset => {
            if let Some(name) = ask_name(context)? {
                reset(context, &name).await?;
            }
            Ok(None)
        }
    }
}

async fn enter_name(context: &Context, link: &mut Link, way: Way) -> Result<Option<SessionLink>, Failure> {
    let Some(name) = ask_name(context)? else { return Ok(None) };
    let ready = Ready::to_log_in(context, link.target(), name, way, Lifetime::Login)?;
    let (opened, password) = loop {
        let question = format!("Password for {} (Enter goes back): ", ready.name());
        let Some(password) = context.prompt.password(&question)? else { return Ok(None) };
        match ready.log_in(link, &password).await {
            Err(failure) if failure.is_refusal(RefusalCode::WrongCredentials) => {
                context.output.talk("  The name or the password is wrong. Try again.");
            }
            other => break (other?, password),
        }
    };
    let entered = ready.keep(context, link, opened, &password).await?;
    let LoggedIn { session, .. } = entered.tell_on(context.output, |entered, teller| {
        let told = teller.talk(format_args!("\nLogged in as {}.", entered.session.name()));
        say_notices(context, &entered.new, &entered.notices, entered.moved.as_ref());
        told
    });
    Ok(Some(session))
}

async fn make_account(
    context: &mut Context,
    link: &mut Link,
    policy: PasswordPolicy,
) -> Result<Option<SessionLink>, Failure> {
    let Some(mut name) = ask_name(context)? else { return Ok(None) };
    context.output.talk("The next three may be left out: press Enter.");
    let email = context.prompt.field("Email: ", Email::parse)?;
    let age = context.prompt.field("Age: ", Age::parse)?;
    let gender = context.prompt.field("Gender: ", |text| Gender::parse(Field::Gender, text))?;
    let profile = Profile {
        email: email.map(|email| email.as_str().to_owned()),
        age: age.map(Age::years),
        gender: gender.map(|gender| gender.as_str().to_owned()),
    };
    let host = link.server().host().to_owned();
    let mut chosen: Option<StrongPassword> = None;
    loop {
        let ready = Ready::to_log_in(context, link.target(), name.clone(), Way::Proven, Lifetime::Login)?;
        let owner = PasswordOwner { name: name.as_str(), email: profile.email.as_deref(), host: Some(&host) };
        let password = match chosen.take() {
            None => new_password::choose(context, policy, &owner)?,
            Some(chosen) => new_password::keep_or_choose(context, policy, &owner, chosen)?,
        };
        let Some(password) = password else { return Ok(None) };
        let done = register(context, link, &name, &password, &profile, Some(ready)).await;
        let look = "See by logging in with 1.".to_owned();
        let failure = match done.map_err(|error| call_failed(link, error, Some(look))) {
            Ok(done) => {
                let Registered { first, .. } = done.tell_on(context.output, |registered, teller| {
                    let name = Escaped(&registered.name);
                    match registered.first {
                        Some(_) => teller.talk(format_args!("\nRegistered {name}, and logged in.")),
                        None => teller.talk(format_args!("\nRegistered {name}.")),
                    }
                });
                return Ok(first.map(|first| first.session));
            }
            Err(failure) => failure,
        };
        // Only the answer that was refused is asked for again.
        if failure.is_refusal(RefusalCode::NameTaken) {
            context.output.talk("  That name is taken. Choose another.");
            let Some(other) = ask_name(context)? else { return Ok(None) };
            name = other;
        } else if failure.may_pass() {
            context.output.failure(&failure);
            let go_on = context.prompt.line("Enter tries again with what you typed; 0 goes back: ")?;
            if !go_on.is_empty() {
                return Ok(None);
            }
        } else {
            return Err(failure);
        }
        chosen = Some(password);
    }
}

fn ask_name(context: &Context) -> Result<Option<Username>, Failure> {
    Ok(context.prompt.field("Username (Enter goes back): ", Username::parse)?)
}
