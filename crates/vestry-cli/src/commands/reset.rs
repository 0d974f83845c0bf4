//! `vestry reset`: sets a password with the one-time code that the operator handed over.

use crate::cli::ResetArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::Link;
use crate::new_password;
use crate::session_link::{call_failed, remember_opaque};
use serde::Serialize;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{PasswordOwner, Username};
use vestry_protocol::typed::vestry;

#[derive(Debug, Serialize)]
struct PasswordResetJson<'a> {
    name: &'a str,
    code_issued_by: &'a str,
    code_issued: Option<String>,
}

pub(super) async fn run(context: &mut Context, args: &ResetArgs) -> Result<(), Failure> {
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
