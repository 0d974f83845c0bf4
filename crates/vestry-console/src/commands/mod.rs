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

use crate::cli::{AuditAct, Command, OperatorsAct, SessionsAct};
use crate::context::Context;
use crate::failure::Failure;
use vestry_protocol::admin::View;

/// Does one command.
pub(crate) async fn run(context: &mut Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Sql(sql) => rows::run_sql(context, &sql.statement).await,
        Command::Accounts(list) => rows::list(context, View::Accounts, list).await,
        Command::Audit(arguments) => match (arguments.act, arguments.follow) {
            (Some(AuditAct::Verify { checkpoints }), _) => audit::verify(context, &checkpoints).await,
            (None, true) => audit::follow(context, arguments.list).await,
            (None, false) => rows::list(context, View::Audit, arguments.list).await,
        },
        Command::Sessions(sessions) => match sessions.act {
            None => rows::list(context, View::Sessions, sessions.list).await,
            Some(SessionsAct::Revoke { id }) => status::revoke_session(context, &id).await,
        },
        Command::Operators(operators) => match operators.act {
            None => rows::list(context, View::Operators, operators.list).await,
            Some(OperatorsAct::Revoke { name, care }) => status::revoke_operator(context, &name, &care).await,
        },
        Command::Account(account) => account::run(context, account.act).await,
        Command::Throttle(throttle) => throttle::run(context, throttle.act).await,
        Command::Drill(arguments) => drill::run(context, &arguments).await,
        Command::Backup(arguments) => backup::run(context, &arguments).await,
        Command::Import(arguments) => import::run(context, &arguments).await,
        Command::Export(arguments) => export::run(context, arguments).await,
        Command::JoinString => status::show_join_string(context).await,
        Command::Status => status::show(context).await,
        Command::Reload => reload::run(context).await,
        Command::Completions(_) | Command::Man(_) => generate::run(command).map(drop),
    }
}
