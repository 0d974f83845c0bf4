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

pub(crate) use fields::{change_of, info_text};
pub(crate) use login::{LoggedIn, Way, log_in, say_notices};

use crate::cli::Command;
use crate::context::Context;
use crate::failure::Failure;

/// Does what was typed.
pub(super) async fn run(context: &mut Context, command: Command) -> Result<(), Failure> {
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
