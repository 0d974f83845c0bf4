//! `vestry register`: makes an account.

use super::fields::profile_of;
use crate::cli::RegisterArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::Link;
use crate::new_password;
use crate::session_link::{call_failed, remember_opaque};
use serde::Serialize;
use vestry_client::CallError;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{PasswordOwner, Username};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::typed::vestry;

#[derive(Debug, Serialize)]
struct RegisteredJson<'a> {
    name: &'a str,
}

pub(super) async fn run(context: &mut Context, args: &RegisterArgs) -> Result<(), Failure> {
    let name = Username::parse(&args.name)?;
    let profile = profile_of(&args.profile)?;
    let mut link = Link::to(context.target()?);
    let server = link.read(async |client| client.describe_server().await).await;
    let server = server.map_err(|error| call_failed(&link, error, None))?;
    if !server.registration_open {
        return Err(closed(&link));
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

/// What the server would answer, before a password is chosen in vain.
fn closed(link: &Link) -> Failure {
    let refusal = Refusal::new(RefusalCode::RegistrationClosed, "new accounts come from the operator here");
    call_failed(link, CallError::Refused(refusal), None)
}
