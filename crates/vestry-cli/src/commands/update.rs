//! `vestry update`: changes one's profile. A change of the e-mail address asks for the password.

use super::fields::{AccountJson, Changes, account_text};
use crate::cli::UpdateArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::session_link::SessionLink;
use vestry_protocol::typed::vestry;
use vestry_protocol::user::Change;

pub(super) async fn run(context: &mut Context, args: &UpdateArgs) -> Result<(), Failure> {
    let changes = Changes::of(&args.profile)?;
    if changes.are_none() {
        let words =
            "nothing to change was named; give --email, --age or --gender (an empty value clears a field)";
        return Err(Failure::Usage(words.to_owned()));
    }
    let mut session = SessionLink::of(context)?;
    let password = match changes.email {
        Change::Keep => None,
        Change::Clear | Change::Set(_) => {
            let question = format!("Password for {} (to change the e-mail address): ", session.name());
            Some(context.secrets.next_password("the password, to change the e-mail address,", &question)?)
        }
    };
    let Changes { email, age, gender } = &changes;
    let look = format!("See what is stored now: {}", vestry("show"));
    let update =
        session.write(look, async |client| client.update(email, age, gender, password.as_ref()).await);
    let account = update.await?;
    context.output.answer(&AccountJson::of(&account), account_text(&account))
}
