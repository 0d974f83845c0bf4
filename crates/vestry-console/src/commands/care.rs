//! What keeps a hand from slipping: a preview, a dry run, and the name typed once more.

use crate::cli::CareArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Refuses what could not be confirmed later, before anything is asked.
pub(super) fn require_a_way_to_confirm(
    context: &Context,
    care: &CareArgs,
    name: &str,
) -> Result<(), Failure> {
    match &care.confirm {
        Some(typed) if !names_the_same(typed, name) => {
            Err(Failure::NotConfirmed { name: name.to_owned(), typed: typed.clone() })
        }
        None if !care.dry_run && !context.output.can_ask() => Err(Failure::Usage(format!(
            "without a terminal this has to be confirmed: add --confirm {name}, or --dry-run to see what it would do"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Shows what would be done, and says whether to go on.
pub(super) fn confirm(
    context: &Context,
    care: &CareArgs,
    name: &str,
    preview: &str,
) -> Result<bool, Failure> {
    context.output.talk(preview);
    if care.dry_run {
        context.output.talk("Dry run: nothing was changed.");
        return Ok(false);
    }
    if care.confirm.is_some() {
        return Ok(true);
    }
    let typed = context.output.ask(&format!("Type {name} to go ahead: "))?;
    match names_the_same(&typed, name) {
        true => Ok(true),
        false => Err(Failure::NotConfirmed { name: name.to_owned(), typed }),
    }
}

fn names_the_same(typed: &str, name: &str) -> bool {
    typed.trim().eq_ignore_ascii_case(name)
}
