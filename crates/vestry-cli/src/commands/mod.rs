//! What each command does: those for one's account share a file, each other one has its own. A command parses its fields before
//! it asks for a password or connects.

mod account;
mod devices;
mod fields;
mod join;
mod login;
mod register;
mod sessions;
mod status;

pub(crate) use account::{change_password, reset};
pub(crate) use devices::device_list;
pub(crate) use fields::{change_of, info_text};
pub(crate) use join::join;
pub(crate) use login::{LoggedIn, Ready, Way, say_notices};
pub(crate) use register::{Registered, register};
pub(crate) use sessions::session_list;

use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::failure::Failure;
use crate::manual::MANUAL;
use crate::session_link::SessionLink;
use clap::CommandFactory;

/// Does what was typed.
pub(super) async fn run(context: &mut Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Join(args) => join::run(context, &args).await,
        Command::Register(args) => register::run(context, &args).await,
        Command::Login(args) => login::run(context, &args).await,
        Command::Logout(args) => account::log_out(context, &args).await,
        Command::Show => account::show(context).await,
        Command::Update(args) => account::update(context, &args).await,
        Command::Passwd => {
            let mut session = SessionLink::of(context)?;
            change_password(context, &mut session).await
        }
        Command::Delete(args) => account::delete(context, &args).await,
        Command::Sessions(args) => sessions::run(context, &args).await,
        Command::Devices(args) => devices::run(context, &args).await,
        Command::Reset(args) => {
            let name = context.name(args.name.as_deref(), "reset")?;
            reset(context, &name).await
        }
        Command::Status => status::run(context).await,
        Command::Completions(args) => args.print(&Cli::command()).map_err(Failure::Output),
        Command::Man(args) => args.print(&MANUAL, Cli::command()).map_err(Failure::Output),
    }
}
