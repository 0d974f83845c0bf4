//! `vestry status`: which server is meant, how it is trusted, whether it answers, and who is logged in.

use super::fields::aligned;
use super::login::{SetWithCodeJson, about_password};
use crate::context::Context;
use crate::failure::Failure;
use crate::link::Link;
use crate::session_link::{SessionLink, call_failed};
use crate::target::Target;
use serde::Serialize;
use vestry_client::Client;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::user::{Notices, ServerDescription};

#[derive(Debug, Serialize)]
struct StatusJson<'a> {
    server: String,
    pin: Option<String>,
    version: &'a str,
    registration_open: bool,
    password_chars_min: u64,
    name: Option<String>,
    password_is_weak: Option<bool>,
    password_set_with_code: Option<SetWithCodeJson<'a>>,
    record_moved: Option<String>,
}

pub(super) async fn run(context: &mut Context) -> Result<(), Failure> {
    let target = context.target()?;
    let (server, pin) = (target.address.to_string(), target.pin.map(|pin| pin.to_string()));
    let (description, known) = look(context, target).await?;
    let (name, notices) = known.unzip();
    let registration = if description.registration_open { "open" } else { "by the operator" };
    let chars_min = format!("at least {} characters", description.password_chars_min);
    let text = aligned(&[
        ("server", Some(&server)),
        ("trusted by", Some(pin.as_deref().unwrap_or("its CA (--ca)"))),
        ("version", Some(&description.version)),
        ("registration", Some(registration)),
        ("new passwords", Some(&chars_min)),
        ("logged in as", Some(name.as_deref().unwrap_or("nobody"))),
    ]);
    let json = StatusJson {
        server,
        pin,
        version: &description.version,
        registration_open: description.registration_open,
        password_chars_min: description.password_chars_min,
        name,
        password_is_weak: notices.as_ref().map(|notices| notices.password_is_weak),
        password_set_with_code: notices
            .as_ref()
            .and_then(|notices| notices.password_set_with_code.as_ref())
            .map(SetWithCodeJson::of),
        record_moved: notices.as_ref().and_then(|notices| notices.record_moved).and_then(rfc3339),
    };
    context.output.answer(&json, text)?;
    for line in notices.as_ref().map(about_password).unwrap_or_default() {
        context.output.talk(line);
    }
    Ok(())
}

/// What the server says, whose session is alive on it, and what that user should know.
async fn look(
    context: &Context,
    target: Target,
) -> Result<(ServerDescription, Option<(String, Notices)>), Failure> {
    if let Some(mut session) = SessionLink::kept(context, target.clone())? {
        let both = async |client: &mut Client| Ok((client.describe_server().await?, client.notices().await?));
        match session.read(both).await {
            Ok((description, notices)) => {
                return Ok((description, Some((session.name().to_string(), notices))));
            }
            Err(ended @ Failure::SessionEnded { .. }) => context.output.failure(&ended),
            Err(failure) => return Err(failure),
        }
    }
    let mut link = Link::to(target);
    let described = link.read(async |client| client.describe_server().await).await;
    described.map(|description| (description, None)).map_err(|error| call_failed(&link, error, None))
}
