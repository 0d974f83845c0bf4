//! What somebody who is logged in can do: with their profile, their password, their sessions and their devices.

use super::choice::Inside;
use crate::commands::{change_of, change_password, device_list, info_text, session_list};
use crate::context::Context;
use crate::done::Teller;
use crate::failure::Failure;
use crate::output::Shown;
use crate::session_link::SessionLink;
use std::fmt::Display;
use vestry_client::refuse_without_memory;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::fields::{Age, Email, Field, FieldError, Gender, Password, Username};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Account, Change};

/// What comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The same menu.
    Stay,
    /// The session is over.
    Leave,
}

/// How to see what became of a change whose answer was lost.
const LOOK: &str = "See what is stored with 5.";

pub(super) async fn act(
    context: &mut Context,
    session: &mut SessionLink,
    act: Inside,
) -> Result<Next, Failure> {
    match act {
        Inside::Update => update(context, session).await.map(|()| Next::Stay),
        Inside::Delete => delete(context, session).await,
        Inside::RetrieveInfo => {
            let account = session.read(async |client| client.show().await).await?;
            context.output.lines(format_args!("\n{}", info_text(&account))).map(|()| Next::Stay)
        }
        Inside::LogOut => log_out(context, session).await,
        Inside::Sessions => sessions(context, session).await.map(|()| Next::Stay),
        Inside::Devices => devices(context, session).await.map(|()| Next::Stay),
        Inside::Password => change_password(context, session).await.map(|()| Next::Stay),
    }
}

/// Shows every session, and ends those that are chosen.
async fn sessions(context: &Context, session: &mut SessionLink) -> Result<(), Failure> {
    loop {
        let mut listed = session.read(async |client| client.sessions().await).await?;
        listed.sort_by_key(|one| !one.current);
        context.output.lines(format_args!("\n{}", session_list(&listed)))?;
        if listed.iter().all(|one| one.current) {
            context.output.talk("  There is no other.");
            return Ok(());
        }
        let question = "End one, by its number (Enter goes back): ";
        let one = context.prompt.field(question, |typed| match numbered(&listed, typed)? {
            one if one.current => Err("That is this session; 6 ends it."),
            one => Ok(one.id),
        })?;
        let Some(id) = one else { return Ok(()) };
        let done = session.write("See what is left with 7.", async |client| client.revoke(id).await).await?;
        done.tell_on(context.output, |(), teller| teller.talk("Ended."));
    }
}

/// Shows every device that is remembered, and forgets those that are chosen.
async fn devices(context: &Context, session: &mut SessionLink) -> Result<(), Failure> {
    loop {
        let listed = session.read(async |client| client.devices().await).await?;
        if listed.is_empty() {
            context.output.talk("  No device is remembered.");
            return Ok(());
        }
        context.output.lines(format_args!("\n{}", device_list(&listed)))?;
        let question = "Forget one, by its number (Enter goes back): ";
        let Some(id) = context.prompt.field(question, |typed| numbered(&listed, typed).map(|one| one.id))?
        else {
            return Ok(());
        };
        let look = "See what is left with 8.";
        let done = session.write(look, async |client| client.forget_device(id).await).await?;
        done.tell_on(context.output, |(), teller| teller.talk("Forgotten."));
    }
}

/// What has this number in a list, which counts from 1.
fn numbered<'a, T>(listed: &'a [T], typed: &str) -> Result<&'a T, &'static str> {
    let number = typed.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    number.and_then(|at| listed.get(at)).ok_or("Type one of the numbers in front of the names.")
}

async fn log_out(context: &Context, session: &mut SessionLink) -> Result<Next, Failure> {
    let done =
        session.write("Choose 6 again to be sure.", async |client| client.log_out(false).await).await?;
    let done = done.map(|_, unkept| session.forget(unkept));
    done.tell_on(context.output, |(), teller| teller.talk("\nLogged out."));
    Ok(Next::Leave)
}

async fn update(context: &Context, session: &mut SessionLink) -> Result<(), Failure> {
    let account = session.read(async |client| client.show().await).await?;
    context.output.talk("For each, press Enter to keep it or type - to clear it.");
    let Account { profile, .. } = &account;
    let email = ask_change(context, "Email", profile.email.as_deref(), |text| {
        Email::parse(text).map(|email| email.as_str().to_owned())
    })?;
    let age = profile.age.map(|years| years.to_string());
    let age = ask_change(context, "Age", age.as_deref(), |text| Age::parse(text).map(Age::years))?;
    let gender = ask_change(context, "Gender", profile.gender.as_deref(), |text| {
        Gender::parse(Field::Gender, text).map(|gender| gender.as_str().to_owned())
    })?;
    if (&email, &age, &gender) == (&Change::Keep, &Change::Keep, &Change::Keep) {
        context.output.talk("  Nothing was changed.");
        return Ok(());
    }
    let needs_password = email != Change::Keep;
    let updated = with_password(context, needs_password, "to change the e-mail", async |password| {
        session.write(LOOK, async |client| client.update(&email, &age, &gender, password).await).await
    });
    match updated.await? {
        Some(done) => {
            let say = |account: &_, teller: Teller| {
                teller.lines(format_args!("\nUpdated.\n{}", info_text(account)))
            };
            done.tell(context.output, say).map(|_| ())
        }
        None => {
            context.output.talk("  Nothing was changed.");
            Ok(())
        }
    }
}

async fn delete(context: &Context, session: &mut SessionLink) -> Result<Next, Failure> {
    session.refuse_unforgettable()?;
    let name = session.name().clone();
    let question = format!("This deletes {name}. Type its name to go on (Enter goes back): ");
    let same = |text: &str| match Username::parse(text) {
        Ok(typed) if typed == name => Ok(()),
        Ok(_) | Err(_) => Err(format!("That is not {name}; nothing was deleted.")),
    };
    let Some(()) = context.prompt.field(&question, same)? else { return Ok(Next::Stay) };
    let deleted = with_password(context, true, "to delete the account", async |password| match password {
        Some(password) => session.write(LOOK, async |client| client.delete(password).await).await,
        None => Err(Failure::Cancelled),
    });
    let Some(done) = deleted.await? else { return Ok(Next::Stay) };
    let done = done.map(|until, unkept| {
        session.forget(unkept);
        rfc3339(until)
    });
    done.tell_on(context.output, |until, teller| {
        let until = Shown(until.as_deref());
        teller.talk(format_args!("\nDeleted {name}. The operator can undo it until {until}."))
    });
    Ok(Next::Leave)
}

/// What becomes of a field: an empty line keeps it, a dash clears it.
fn ask_change<T: PartialEq>(
    context: &Context,
    field: &str,
    now: Option<&str>,
    parse: impl Fn(&str) -> Result<T, FieldError>,
) -> Result<Change<T>, Failure> {
    let question = format!("{field} [{}]: ", Shown(now));
    let typed = context.prompt.field(&question, |text| read_change(text, &parse))?;
    Ok(typed.unwrap_or(Change::Keep))
}

fn read_change<T>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, FieldError>,
) -> Result<Change<T>, FieldError> {
    change_of(Some(if text == "-" { "" } else { text }), parse)
}

/// Does something that may need the password, and asks for that again as long as it is wrong; nothing else that was
/// typed is lost. `None` when the person gave up.
async fn with_password<T>(
    context: &Context,
    is_needed: bool,
    why: impl Display,
    mut act: impl AsyncFnMut(Option<&Password>) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    if !is_needed {
        return act(None).await.map(Some);
    }
    refuse_without_memory()?;
    loop {
        let question = format!("Password, {why} (Enter goes back): ");
        let Some(password) = context.prompt.password(&question)? else { return Ok(None) };
        match act(Some(&password)).await {
            Err(failure) if failure.is_refusal(RefusalCode::WrongCredentials) => {
                context.output.talk("  The password is wrong. Try again.");
            }
            other => return other.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_from_one() {
        assert_eq!((numbered(&["a", "b"], "1"), numbered(&["a", "b"], "2")), (Ok(&"a"), Ok(&"b")));
        for typed in ["0", "3", "", "a", "-1", "99999999999999999999"] {
            assert!(numbered(&["a", "b"], typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_dash_clears_and_anything_else_is_parsed() {
        let read = |text| read_change(text, |text| Age::parse(text).map(Age::years));
        assert_eq!(read("-"), Ok(Change::Clear));
        assert_eq!(read("35"), Ok(Change::Set(35)));
        assert_eq!(read("-5").unwrap_err().field, Field::Age);
    }
}
