//! `vestry delete`: deletes one's account, after its name and its password were given once more.

use crate::cli::DeleteArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::session_link::SessionLink;
use serde::Serialize;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::fields::Username;
use vestry_protocol::typed::vestry;

#[derive(Debug, Serialize)]
struct DeletedJson<'a> {
    name: &'a str,
    restorable_until: Option<String>,
}

pub(super) async fn run(context: &mut Context, args: &DeleteArgs) -> Result<(), Failure> {
    let mut session = SessionLink::of(context)?;
    let name = session.name().clone();
    confirm(context, args.confirm.as_deref(), &name)?;
    let password = context.secrets.next_password("the password", &format!("Password of {name}: "))?;
    let look = format!("See whether it is still there: {}", vestry("show"));
    let until = session.write(look, async |client| client.delete(&password).await).await?;
    session.end()?;
    let restorable_until = rfc3339(until);
    let shown = restorable_until.clone().unwrap_or_else(|| "-".to_owned());
    let json = DeletedJson { name: name.as_str(), restorable_until };
    context.output.answer(&json, format_args!("Deleted {name}. The operator can undo it until {shown}."))
}

fn confirm(context: &Context, given: Option<&str>, name: &Username) -> Result<(), Failure> {
    let typed = match given {
        Some(given) => given.to_owned(),
        None if context.prompt.is_there() => {
            context.prompt.line(&format!("This deletes the account {name}. Type its name to go on: "))?
        }
        None => {
            let words = format!("to delete {name} where nobody can be asked, say so with --confirm {name}");
            return Err(Failure::Usage(words));
        }
    };
    if typed.is_empty() {
        return Err(Failure::Cancelled);
    }
    match Username::parse(&typed) {
        Ok(typed) if typed == *name => Ok(()),
        Ok(_) | Err(_) => Err(Failure::WrongConfirmation { name: name.to_string() }),
    }
}
