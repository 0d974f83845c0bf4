//! The menu of a terminal, with the numbers that people know: `1` login, `2` register, `3` update, `4` delete,
//! `5` retrieve info, `6` logout, `0` exit.
//!
//! It asks one thing at a time. An answer that is bad is asked for again and costs nothing of what was typed
//! before; an empty line cancels. What goes wrong is told and the menu goes on, but for a server with another key.

mod choice;
mod outside;
mod within;

use crate::cli::JoinArgs;
use crate::commands::join;
use crate::context::Context;
use crate::exit::exit_for;
use crate::failure::Failure;
use crate::link::Link;
use crate::new_password::policy_of;
use crate::session_link::{SessionLink, call_failed};
use choice::{Choice, INSIDE, OUTSIDE, read_choice, show};
use std::fmt::Display;
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::vestry;
use vestry_terminal::Exit;

/// Who stands before the menu.
enum Stage {
    /// Nobody yet.
    Outside(Link),
    /// Somebody who is logged in.
    Inside(SessionLink),
}

/// Runs until the person leaves.
pub(super) async fn run(context: &mut Context) -> Result<(), Failure> {
    match stay(context).await {
        // Ctrl-D is one of the two ways to leave.
        Err(Failure::InputEnded) => Ok(()),
        other => other,
    }
}

async fn stay(context: &mut Context) -> Result<(), Failure> {
    let target = match context.target() {
        // Before the first server there is nothing else to choose.
        Err(Failure::NoServer) => {
            join(context, &JoinArgs::default()).await?;
            context.target()?
        }
        found => found?,
    };
    let mut link = Link::to(target.clone());
    let server = link.read(async |client| client.describe_server().await).await;
    let server = server.map_err(|error| call_failed(&link, error, None))?;
    let policy = policy_of(&server);
    context.output.talk(format_args!("Vestry {} at {}", Escaped(&server.version), target.address));
    let mut stage = match SessionLink::kept(context, target)? {
        None => Stage::Outside(link),
        Some(mut session) => match session.read(async |client| client.show().await).await {
            Ok(_) => Stage::Inside(session),
            Err(ended @ Failure::SessionEnded { .. }) => {
                context.output.talk(format_args!("  {ended}. Log in again with 1."));
                Stage::Outside(link)
            }
            Err(failure) => return Err(failure),
        },
    };
    loop {
        stage = match stage {
            Stage::Outside(mut link) => {
                let title = format_args!("\nNobody is logged in to {}.", link.server());
                let Choice::Act(act) = choose(context, title, OUTSIDE, "leave")? else {
                    context.output.talk("Goodbye.");
                    return Ok(());
                };
                match outside::act(context, &mut link, act, policy).await {
                    Ok(Some(session)) => Stage::Inside(session),
                    Ok(None) => Stage::Outside(link),
                    Err(failure) => tell(context, failure).map(|()| Stage::Outside(link))?,
                }
            }
            Stage::Inside(mut session) => {
                let title = format_args!("\n{} is logged in to {}.", session.name(), session.server());
                let Choice::Act(act) = choose(context, title, INSIDE, "leave, stay logged in")? else {
                    say_goodbye(context, &session);
                    return Ok(());
                };
                match within::act(context, &mut session, act).await {
                    Ok(within::Next::Stay) => Stage::Inside(session),
                    Ok(within::Next::Leave) => Stage::Outside(session.into_link()),
                    Err(ended @ Failure::SessionEnded { .. }) => {
                        context.output.talk(format_args!("  {ended}. Log in again with 1."));
                        Stage::Outside(session.into_link())
                    }
                    Err(failure) => tell(context, failure).map(|()| Stage::Inside(session))?,
                }
            }
        };
    }
}

/// Shows what there is to do, and asks until one of it is chosen.
fn choose<T: Copy>(
    context: &Context,
    title: impl Display,
    offers: &[choice::Offer<T>],
    exit: &str,
) -> Result<Choice<T>, Failure> {
    context.output.talk(format_args!("{title}{}", show(offers, exit)));
    loop {
        match read_choice(offers, &context.prompt.line("Your choice: ")?) {
            Some(choice) => return Ok(choice),
            None => context.output.talk("  Press one of the numbers above, then Enter."),
        }
    }
}

fn say_goodbye(context: &Context, session: &SessionLink) {
    match session.is_kept() {
        true => context.output.talk(format_args!(
            "Goodbye. You stay logged in as {} for a while; end it with: {}",
            session.name(),
            vestry("logout")
        )),
        false => context.output.talk("Goodbye."),
    }
}

/// Tells what went wrong and goes on, where going on makes sense.
fn tell(context: &Context, failure: Failure) -> Result<(), Failure> {
    let ends = matches!(failure, Failure::InputEnded | Failure::Signal(_) | Failure::Terminal(_));
    if ends || exit_for(&failure) == Exit::WrongServer {
        return Err(failure);
    }
    context.output.failure(&failure);
    Ok(())
}
