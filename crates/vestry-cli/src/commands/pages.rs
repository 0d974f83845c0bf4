//! Completions and manual pages, made from what can be typed.

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::context::Context;
use crate::failure::Failure;
use clap::CommandFactory;
use vestry_terminal::pages;

pub(super) fn completions(context: &Context, args: &CompletionsArgs) -> Result<(), Failure> {
    context.output.bytes(&pages::completions(Cli::command(), args.shell))
}

pub(super) fn man(context: &Context, args: &ManArgs) -> Result<(), Failure> {
    match &args.directory {
        Some(folder) => pages::write_manuals(Cli::command(), folder).map_err(Failure::Output),
        None => context.output.bytes(&pages::manual(Cli::command()).map_err(Failure::Output)?),
    }
}
