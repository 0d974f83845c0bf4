//! `vestry join`: knows a server by the key of its join string from now on, once it has shown that key.

use crate::cli::JoinArgs;
use crate::context::Context;
use crate::failure::{Failure, SecretProblem};
use crate::link::Link;
use crate::pasted::{PASTED_BYTES_MAX, join_string};
use crate::servers::{KnownServers, join_server, read_servers};
use crate::session_link::call_failed;
use crate::target::Target;
use serde::Serialize;
use std::fmt;
use std::io::{self, Read};
use vestry_client::Address;
use vestry_client::state::Sessions;
use vestry_protocol::Pin;
use vestry_protocol::escape::Escaped;
use vestry_protocol::user::ServerDescription;
use vestry_tls::JoinString;
use vestry_tls::join::JoinStringError;

#[derive(Debug, Serialize)]
struct JoinedJson {
    server: String,
    pin: String,
    version: String,
}

pub(super) async fn run(context: &mut Context, args: &JoinArgs) -> Result<(), Failure> {
    match join(context, args).await?.registration_open {
        true => context.output.talk("Make an account with: vestry register NAME"),
        false => context.output.talk("Its operator makes the accounts; ask for one, then: vestry reset NAME"),
    }
    Ok(())
}

/// Knows the server of the join string from now on, and returns what it says of itself.
pub(crate) async fn join(context: &mut Context, args: &JoinArgs) -> Result<ServerDescription, Failure> {
    let JoinString { host, port, pin } = take(context, &args.join)?;
    let server = Address::new(&host, port)?;
    let allow = |known: &KnownServers| refuse_other_pin(&server, known.pin_of(&server), pin, args.replace);
    let say = |said: &dyn fmt::Display| context.output.talk(said);
    let known = read_servers(&context.folders, say)?;
    allow(&known)?;
    let mut link = Link::to(Target::pinned(server.clone(), pin)?);
    let description = link.read(async |client| client.describe_server().await).await;
    let description = description.map_err(|error| call_failed(&link, error, None))?;
    join_server(&context.folders, &server, pin, allow, say)?;
    if let Some(before) = known.pin_of(&server).filter(|before| *before != pin) {
        // That session was opened with another server.
        let sessions = Sessions::of(&context.folders, &server, before);
        let (_, read) = sessions.load_to_end(|damaged| context.output.talk(damaged))?;
        let _ = sessions.forget(&read)?;
    }
    let json =
        JoinedJson { server: server.to_string(), pin: pin.to_string(), version: description.version.clone() };
    let version = Escaped(&description.version).to_string();
    let joined = format!("Joined {server} (vestryd {version}).");
    match context.options.leading_variable(&server) {
        None => context.output.answer(&json, format_args!("{joined} It is your server from now on."))?,
        Some(variable) => {
            context.output.answer(&json, &joined)?;
            context.output.talk(format_args!(
                "It is not your server yet: {variable} is set, and goes before it.\nTo use it: unset {variable}"
            ));
        }
    }
    Ok(description)
}

/// The join string: from the arguments, from standard input, or from the person at the terminal.
fn take(context: &Context, given: &[String]) -> Result<JoinString, Failure> {
    match given {
        [] if context.prompt.is_there() => ask(context),
        [] => Err(Failure::Usage("give the join string, or - to read it from standard input".to_owned())),
        [dash] if dash == "-" => {
            let (mut bytes, bytes_max) = (Vec::new(), PASTED_BYTES_MAX + 1);
            let read =
                io::stdin().lock().take(u64::try_from(bytes_max).unwrap_or(u64::MAX)).read_to_end(&mut bytes);
            read.map_err(|_| SecretProblem::Unreadable)?;
            if bytes.len() == bytes_max {
                return Err(JoinStringError::WrongPrefix.into());
            }
            // A byte that is no text is none of a join string's.
            Ok(join_string(&String::from_utf8_lossy(&bytes))?)
        }
        words => Ok(join_string(&words.join(" "))?),
    }
}

/// A mail program may have broken it into lines, so more of it may follow the first.
fn ask(context: &Context) -> Result<JoinString, Failure> {
    let mut pasted = context.prompt.line("Join string from your operator: ")?;
    loop {
        if pasted.is_empty() {
            return Err(Failure::Cancelled);
        }
        match join_string(&pasted) {
            Ok(join) => return Ok(join),
            Err(problem) => context.output.talk(format_args!("  {problem}")),
        }
        let more = context.prompt.line("The rest of it, or all of it again (Enter gives up): ")?;
        match more.is_empty() {
            true => return Err(Failure::Cancelled),
            false => pasted = format!("{pasted}\n{more}"),
        }
    }
}

/// A server that is known by another key is never joined in silence.
fn refuse_other_pin(server: &Address, known: Option<Pin>, given: Pin, replace: bool) -> Result<(), Failure> {
    match known {
        Some(known) if known != given && !replace => {
            Err(Failure::PinChanged { server: server.clone(), known, given })
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_key_is_refused_unless_the_old_one_is_given_up() {
        let server: Address = "localhost:7443".parse().unwrap();
        let (one, two) = (Pin([1; 32]), Pin([2; 32]));
        assert!(refuse_other_pin(&server, None, one, false).is_ok());
        assert!(refuse_other_pin(&server, Some(one), one, false).is_ok());
        assert!(refuse_other_pin(&server, Some(one), two, true).is_ok());
        let refused = refuse_other_pin(&server, Some(one), two, false).unwrap_err();
        assert!(matches!(refused, Failure::PinChanged { known, given, .. } if known == one && given == two));
    }
}
