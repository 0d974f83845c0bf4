//! One file a command. Each parses its fields before it asks for a password or connects.

mod delete;
mod devices;
mod fields;
mod join;
mod login;
mod logout;
mod pages;
mod passwd;
mod register;
mod reset;
mod sessions;
mod show;
mod status;
mod update;

pub(super) use fields::{change_of, info_text};
pub(super) use login::{LoggedIn, Way, log_in, say_notices};

use super::cli::{Cli, Command};
use super::context::Context;
use super::failure::Failure;
use super::menu;
use clap::CommandFactory;
use std::io::IsTerminal;

/// Does what was typed; the menu when that is nothing and there is a terminal.
pub(super) async fn run(context: &mut Context, command: Option<Command>) -> Result<(), Failure> {
    let Some(command) = command else { return without_command(context).await };
    match command {
        Command::Join(args) => join::run(context, &args).await,
        Command::Register(args) => register::run(context, &args).await,
        Command::Login(args) => login::run(context, &args).await,
        Command::Logout(args) => logout::run(context, &args).await,
        Command::Show => show::run(context).await,
        Command::Update(args) => update::run(context, &args).await,
        Command::Passwd => passwd::run(context).await,
        Command::Delete(args) => delete::run(context, &args).await,
        Command::Sessions(args) => sessions::run(context, &args).await,
        Command::Devices(args) => devices::run(context, &args).await,
        Command::Reset(args) => reset::run(context, &args).await,
        Command::Status => status::run(context).await,
        Command::Completions(args) => pages::completions(context, &args),
        Command::Man(args) => pages::man(context, &args),
    }
}

async fn without_command(context: &mut Context) -> Result<(), Failure> {
    if context.prompt.is_there() && std::io::stdout().is_terminal() {
        return menu::run(context).await;
    }
    context.output.talk(Cli::command().render_help());
    Err(Failure::Usage("a command is needed where there is no terminal for the menu".to_owned()))
}
