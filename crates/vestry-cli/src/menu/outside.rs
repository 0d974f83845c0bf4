//! What somebody who is not logged in can do: log in and register.

use super::choice::Choice;
use crate::commands::{LoggedIn, Ready, Way, say_notices};
use crate::context::Context;
use crate::failure::Failure;
use crate::link::Link;
use crate::new_password;
use crate::session_link::{SessionLink, call_failed, remember_opaque};
use vestry_client::state::Lifetime;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{Age, Email, Field, Gender, PasswordOwner, PasswordPolicy, Username};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::Profile;

/// Does it; the new session when a person logged in.
pub(super) async fn act(
    context: &mut Context,
    link: &mut Link,
    choice: Choice,
    policy: PasswordPolicy,
) -> Result<Option<SessionLink>, Failure> {
    match choice {
        Choice::LogIn => enter_name(context, link, Way::Proven).await,
        Choice::LogInImported => {
            context.output.talk(
                "For an account that came from another system, once: the password is sent to the\nserver, over TLS. From then on it stays with you.",
            );
            enter_name(context, link, Way::Imported).await
        }
        Choice::Register => register(context, link, policy).await.map(|()| None),
        Choice::Update | Choice::Delete | Choice::RetrieveInfo | Choice::LogOut | Choice::Exit => Ok(None),
    }
}

async fn enter_name(context: &Context, link: &mut Link, way: Way) -> Result<Option<SessionLink>, Failure> {
    let Some(name) = context.prompt.field("Username (Enter goes back): ", Username::parse)? else {
        return Ok(None);
    };
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

async fn register(context: &mut Context, link: &mut Link, policy: PasswordPolicy) -> Result<(), Failure> {
    let Some(mut name) = ask_name(context)? else { return Ok(()) };
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
    let owner = owner_of(&name, &profile, &host);
    let Some(mut password) = new_password::choose(context, policy, &owner)? else { return Ok(()) };
    loop {
        let done = link.write(async |client| client.register(&name, &password, &profile).await).await;
        let look = "See by logging in with 1.".to_owned();
        let failure = match done.map_err(|error| call_failed(link, error, Some(look))) {
            Ok(done) => {
                let done = done.map(|registered, unkept| {
                    remember_opaque(&context.folders, link, &name, unkept);
                    registered
                });
                done.tell_on(context.output, |registered, teller| {
                    teller.talk(format_args!("\nRegistered {}. Log in with 1.", Escaped(registered)))
                });
                return Ok(());
            }
            Err(failure) => failure,
        };
        // Only the answer that was refused is asked for again.
        if failure.is_refusal(RefusalCode::NameTaken) {
            context.output.talk("  That name is taken. Choose another.");
            let Some(other) = ask_name(context)? else { return Ok(()) };
            name = other;
            let owner = owner_of(&name, &profile, &host);
            let kept = new_password::keep_or_choose(context, policy, &owner, password)?;
            let Some(kept) = kept else { return Ok(()) };
            password = kept;
        } else {
            return Err(failure);
        }
    }
}

fn ask_name(context: &Context) -> Result<Option<Username>, Failure> {
    Ok(context.prompt.field("Username (Enter goes back): ", Username::parse)?)
}

fn owner_of<'a>(name: &'a Username, profile: &'a Profile, host: &'a str) -> PasswordOwner<'a> {
    PasswordOwner { name: name.as_str(), email: profile.email.as_deref(), host: Some(host) }
}
