//! What each command does: parse the fields, ask, write the answer. A field that breaks its rule is refused before
//! anything is sent.

mod account;
mod audit;
mod backup;
mod care;
mod drill;
mod export;
pub(crate) mod generate;
mod import;
mod kept;
mod reload;
mod rows;
mod status;
mod throttle;

pub(crate) use rows::run_statement;
pub(crate) use status::fetch as fetch_status;

use crate::cli::{AuditAct, Command, FormOptions, OperatorsAct, SessionsAct};
use crate::console::Console;
use crate::failure::Failure;
use crate::output::Output;
use std::time::{SystemTime, UNIX_EPOCH};
use vestry_protocol::UnixSeconds;
use vestry_protocol::admin::View;

/// What every command works with.
pub(crate) struct Session {
    pub(crate) console: Console,
    pub(crate) output: Output,
    pub(crate) form: FormOptions,
    /// What was typed, to say how to go on.
    pub(crate) words: Vec<String>,
}

/// Does one command.
pub(crate) async fn run(session: &mut Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Sql(sql) => rows::run_sql(session, &sql.statement).await,
        Command::Accounts(list) => rows::list(session, View::Accounts, list).await,
        Command::Audit(arguments) => match (arguments.act, arguments.follow) {
            (Some(AuditAct::Verify { checkpoints }), _) => audit::verify(session, &checkpoints).await,
            (None, true) => audit::follow(session, arguments.list).await,
            (None, false) => rows::list(session, View::Audit, arguments.list).await,
        },
        Command::Sessions(sessions) => match sessions.act {
            None => rows::list(session, View::Sessions, sessions.list).await,
            Some(SessionsAct::Revoke { id }) => status::revoke_session(session, &id).await,
        },
        Command::Operators(operators) => match operators.act {
            None => rows::list(session, View::Operators, operators.list).await,
            Some(OperatorsAct::Revoke { name, care }) => status::revoke_operator(session, &name, &care).await,
        },
        Command::Account(account) => account::run(session, account.act).await,
        Command::Throttle(throttle) => throttle::run(session, throttle.act).await,
        Command::Drill(arguments) => drill::run(session, &arguments).await,
        Command::Backup(arguments) => backup::run(session, &arguments).await,
        Command::Import(arguments) => import::run(session, &arguments).await,
        Command::Export(arguments) => export::run(session, arguments).await,
        Command::JoinString => status::show_join_string(session).await,
        Command::Status => status::show(session).await,
        Command::Reload => reload::run(session).await,
        Command::Completions(_) | Command::Man(_) => generate::run(command, session.output).map(drop),
    }
}

/// The one place that reads the clock.
#[expect(
    clippy::disallowed_methods,
    reason = "a span like 7d counts from when it was typed; everything below takes the time"
)]
fn now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixSeconds::try_from(since.as_secs()).unwrap_or(UnixSeconds::MAX)
}
