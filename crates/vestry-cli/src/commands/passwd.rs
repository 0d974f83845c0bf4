//! `vestry passwd`: sets a new password, which ends every session but a new one for this machine.

use crate::context::Context;
use crate::failure::Failure;
use crate::new_password;
use crate::session_link::{SessionLink, keep_witness};
use serde::Serialize;
use vestry_protocol::fields::PasswordOwner;
use vestry_protocol::typed::vestry;

#[derive(Debug, Serialize)]
struct PasswordChangedJson<'a> {
    name: &'a str,
}

pub(super) async fn run(context: &mut Context) -> Result<(), Failure> {
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
