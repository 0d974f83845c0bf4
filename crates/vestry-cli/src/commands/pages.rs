//! Completions and manual pages, made from what can be typed.

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::context::Context;
use crate::failure::Failure;
use clap::CommandFactory;
use clap_mangen::Man;

pub(super) fn completions(context: &Context, args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "vestry", &mut script);
    context.output.bytes(&script)
}

pub(super) fn man(context: &Context, args: &ManArgs) -> Result<(), Failure> {
    if let Some(directory) = &args.directory {
        return clap_mangen::generate_to(Cli::command(), directory).map_err(Failure::Output);
    }
    let mut page = Vec::new();
    Man::new(Cli::command()).render(&mut page).map_err(Failure::Output)?;
    context.output.bytes(&page)
}
