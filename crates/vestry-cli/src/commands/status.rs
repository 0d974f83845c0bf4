//! `vestry status`: in one screen which server is meant and how it is trusted, who is logged in until when and where else, and what is
//! new since then.

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
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::vestry;
use vestry_protocol::user::{Notices, RememberedDevice, ServerDescription, Session};

#[derive(Debug, Serialize)]
struct StatusJson<'a> {
    server: String,
    pin: Option<String>,
    version: &'a str,
    registration_open: bool,
    password_chars_min: u64,
    name: Option<&'a str>,
    password_is_weak: Option<bool>,
    password_set_with_code: Option<SetWithCodeJson<'a>>,
    record_moved: Option<String>,
    since: Option<String>,
    expires: Option<String>,
    sessions: Option<usize>,
    devices: Option<usize>,
    news: Vec<String>,
}

/// What a server said.
struct Seen {
    description: ServerDescription,
    known: Option<Known>,
    /// Whether a session was kept here, and has ended.
    has_ended: bool,
}

/// Somebody who is logged in.
struct Known {
    name: String,
    notices: Notices,
    sessions: Vec<Session>,
    devices: Vec<RememberedDevice>,
}

impl Known {
    fn this_session(&self) -> Option<&Session> {
        self.sessions.iter().find(|session| session.current)
    }

    /// What happened since this session was opened, a line each; a login that was not one's own is among it.
    fn news(&self) -> Vec<String> {
        let Some(this) = self.this_session() else { return Vec::new() };
        let logins =
            self.sessions.iter().filter(|one| !one.current && one.created > this.created).map(|one| {
                let at = rfc3339(one.created).unwrap_or_default();
                format!("a login from {} ({}) on {at}", Escaped(&one.source), Escaped(&one.device))
            });
        let failures = match self.notices.failures_since_last_login {
            0 => None,
            1 => Some("one login failed".to_owned()),
            many => Some(format!("{many} logins failed")),
        };
        failures.into_iter().chain(logins).collect()
    }
}

pub(super) async fn run(context: &mut Context) -> Result<(), Failure> {
    let target = context.target()?;
    let (server, pin) = (target.address.to_string(), target.pin.map(|pin| pin.to_string()));
    let Seen { description, known, has_ended } = look(context, target).await?;
    let known = known.as_ref();
    let this = known.and_then(Known::this_session);
    let (since, expires) =
        (this.and_then(|this| rfc3339(this.created)), this.and_then(|this| rfc3339(this.expires)));
    let news = known.map(Known::news).unwrap_or_default();
    let json = StatusJson {
        server,
        pin,
        version: &description.version,
        registration_open: description.registration_open,
        password_chars_min: description.password_chars_min,
        name: known.map(|known| known.name.as_str()),
        password_is_weak: known.map(|known| known.notices.password_is_weak),
        password_set_with_code: known
            .and_then(|known| known.notices.password_set_with_code.as_ref())
            .map(SetWithCodeJson::of),
        record_moved: known.and_then(|known| known.notices.record_moved).and_then(rfc3339),
        since,
        expires,
        sessions: known.map(|known| known.sessions.len()),
        devices: known.map(|known| known.devices.len()),
        news,
    };
    context.output.answer(&json, text_of(&json))?;
    for line in known.map(|known| about_password(&known.notices)).unwrap_or_default() {
        context.output.talk(line);
    }
    match known {
        Some(_) => {
            let (sessions, devices) = (vestry("sessions"), vestry("devices"));
            context.output.talk(format_args!(
                "Where you are logged in: {sessions}\nWhich devices are remembered: {devices}"
            ));
        }
        // Else what comes next was said with the end of the session.
        None if !has_ended => context.output.talk(format_args!("Log in: {}", vestry("login NAME"))),
        None => {}
    }
    Ok(())
}

fn text_of(status: &StatusJson<'_>) -> String {
    let registration = if status.registration_open { "open" } else { "by the operator" };
    let chars_min = format!("at least {} characters", status.password_chars_min);
    let number = |number: Option<usize>| number.map(|number| number.to_string());
    let (sessions, devices) = (number(status.sessions), number(status.devices));
    let mut lines = vec![
        ("server", Some(status.server.as_str())),
        ("trusted by", Some(status.pin.as_deref().unwrap_or("its CA (--ca)"))),
        ("version", Some(status.version)),
        ("registration", Some(registration)),
        ("new passwords", Some(chars_min.as_str())),
        ("logged in as", Some(status.name.unwrap_or("nobody"))),
    ];
    if status.name.is_some() {
        lines.extend([
            ("session began", status.since.as_deref()),
            ("session ends", status.expires.as_deref()),
            ("sessions", sessions.as_deref()),
            ("devices", devices.as_deref()),
        ]);
        if status.news.is_empty() {
            lines.push(("new since then", Some("nothing")));
        }
        let news = &status.news;
        lines.extend(news.iter().map(|news| ("new since then", Some(news.as_str()))));
    }
    aligned(&lines)
}

/// What the server says, and of whom, when a session is alive on it. Says so when one has ended.
async fn look(context: &Context, target: Target) -> Result<Seen, Failure> {
    let mut has_ended = false;
    if let Some(mut session) = SessionLink::kept(context, target.clone())? {
        let name = session.name().to_string();
        let all = async |client: &mut Client| {
            let (description, notices) = (client.describe_server().await?, client.notices().await?);
            let (sessions, devices) = (client.sessions().await?, client.devices().await?);
            Ok((description, Known { name: name.clone(), notices, sessions, devices }))
        };
        match session.read(all).await {
            Ok((description, known)) => return Ok(Seen { description, known: Some(known), has_ended }),
            Err(ended @ Failure::SessionEnded { .. }) => context.output.failure(&ended),
            Err(failure) => return Err(failure),
        }
        has_ended = true;
    }
    let mut link = Link::to(target);
    let described = link.read(async |client| client.describe_server().await).await;
    let description = described.map_err(|error| call_failed(&link, error, None))?;
    Ok(Seen { description, known: None, has_ended })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_protocol::UnixSeconds;

    fn session(created: i64, current: bool, device: &str) -> Session {
        Session {
            id: 1,
            device: device.to_owned(),
            source: "192.0.2.7".to_owned(),
            created: UnixSeconds::from_seconds(created),
            last_used: UnixSeconds::from_seconds(created),
            expires: UnixSeconds::from_seconds(created),
            current,
            later: Vec::new(),
        }
    }

    #[test]
    fn only_what_came_after_this_session_is_new() {
        let sessions =
            vec![session(50, false, "old"), session(60, true, "this"), session(120, false, "a\u{1b}b")];
        let notices = Notices { failures_since_last_login: 2, ..Notices::default() };
        let known = Known { name: "naman".to_owned(), notices, sessions, devices: vec![] };
        assert_eq!(
            known.news(),
            ["2 logins failed", "a login from 192.0.2.7 (a\\u{1b}b) on 1970-01-01T00:02:00Z"]
        );
    }
}
