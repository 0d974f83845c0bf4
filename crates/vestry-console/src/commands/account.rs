//! Everything that is done with one account. No operator chooses or learns a password: a one-time code is handed
//! over, and printed once.

use super::care::{confirm, require_a_way_to_confirm};
use crate::cli::{AccountAct, CareArgs};
use crate::context::{Context, now};
use crate::failure::{Failure, Said};
use crate::qr::picture_of;
use crate::record::{Record, instant, text};
use crate::until::parse_until;
use vestry_client::admin::{AdminClient, AdminError, IssuedCode};
use vestry_protocol::UnixSeconds;
use vestry_protocol::admin::{AccountDetail, AccountState};
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{Age, Email, Field, Gender, Reason, Username};
use vestry_protocol::typed::{Typed, vestryctl};
use vestry_protocol::user::Profile;

pub(super) async fn run(context: &mut Context, act: AccountAct) -> Result<(), Failure> {
    match act {
        AccountAct::Show { name } => {
            let account = fetch(context, &Username::parse(&name)?).await?;
            Record::of_account(&account).write(context.output, context.form)
        }
        AccountAct::Create { name, email, age, gender } => {
            let profile = parse_profile(email.as_deref(), age.as_deref(), gender.as_deref())?;
            let name = Username::parse(&name)?.to_string();
            let done = format!("the account {} was made", Escaped(&name));
            let make = async |client: &mut AdminClient| client.create_account(&*name, profile.clone()).await;
            issue_code(context, &name, make, &done).await
        }
        AccountAct::Suspend { name, until, reason, care } => {
            let name = Username::parse(&name)?;
            let until = until.map(|until| parse_until(&until, now())).transpose()?;
            let reason = reason.map(|reason| Reason::parse(Field::Reason, &reason)).transpose()?;
            suspend(context, &name, until, reason, &care).await
        }
        AccountAct::Resume { name } => {
            let name = Username::parse(&name)?;
            change(context, &name, async |client| client.resume_account(name.as_str()).await).await
        }
        AccountAct::Reset { name, care } => reset(context, &Username::parse(&name)?, &care).await,
        AccountAct::Delete { name, care } => {
            let name = Username::parse(&name)?;
            let restore = vestryctl("account restore").arg(name.as_str());
            let what = format!("It would be gone, and for seven days come back with: {restore}");
            if is_meant(context, &name, &care, &what).await? {
                change(context, &name, async |client| client.delete_account(name.as_str()).await).await?;
            }
            Ok(())
        }
        AccountAct::Restore { name } => {
            let name = Username::parse(&name)?;
            change(context, &name, async |client| client.restore_account(name.as_str()).await).await
        }
    }
}

async fn suspend(
    context: &mut Context,
    name: &Username,
    until: Option<UnixSeconds>,
    reason: Option<Reason>,
    care: &CareArgs,
) -> Result<(), Failure> {
    let end = until
        .and_then(rfc3339)
        .map_or_else(|| "until it is resumed".to_owned(), |time| format!("until {time}"));
    let what = format!("This keeps everybody from logging in to it {end}");
    if is_meant(context, name, care, &what).await? {
        let reason = reason.map(|reason| reason.as_str().to_owned());
        let suspend = async |client: &mut AdminClient| {
            client.suspend_account(name.as_str(), until, reason.clone()).await
        };
        change(context, name, suspend).await?;
    }
    Ok(())
}

async fn reset(context: &mut Context, name: &Username, care: &CareArgs) -> Result<(), Failure> {
    require_a_way_to_confirm(context, care, name.as_str())?;
    let account = fetch(context, name).await?;
    let preview = format!(
        "{}\nA one-time code would be printed. Whoever has it can set a new password, which ends all sessions; \
         until then the old password works.",
        summary(&account)
    );
    if confirm(context, care, name.as_str(), &preview)? {
        let done = format!("a code for {} was issued", Escaped(name.as_str()));
        let reset = async |client: &mut AdminClient| client.reset_account(name.as_str()).await;
        issue_code(context, name.as_str(), reset, &done).await?;
    }
    Ok(())
}

/// Shows the account and what would become of it, and asks whether that is meant.
async fn is_meant(
    context: &mut Context,
    name: &Username,
    care: &CareArgs,
    what: &str,
) -> Result<bool, Failure> {
    require_a_way_to_confirm(context, care, name.as_str())?;
    let account = fetch(context, name).await?;
    let sessions = match account.sessions {
        0 => String::new(),
        1 => "\nIts session would end at once.".to_owned(),
        many => format!("\nIts {many} sessions would end at once."),
    };
    confirm(context, care, name.as_str(), &format!("{}\n{what}.{sessions}", summary(&account)))
}

/// How to see what became of a change.
fn look_at(name: &str) -> Typed {
    vestryctl("account show").arg(name)
}

/// One line that tells this account from others.
fn summary(account: &AccountDetail) -> String {
    let email = account.profile.email.as_deref().unwrap_or("no e-mail");
    let login = account.last_login.and_then(rfc3339).unwrap_or_else(|| "never".to_owned());
    let created = rfc3339(account.created).unwrap_or_default();
    let (name, email, state) = (Escaped(&account.name), Escaped(email), &account.state);
    format!("Account {name} ({email}): {state}, made {created}, last login {login}.")
}

async fn fetch(context: &mut Context, name: &Username) -> Result<AccountDetail, Failure> {
    context.console.read(async |client| client.account(name.as_str()).await).await
}

/// Makes a change, and says what the account is after it.
async fn change(
    context: &mut Context,
    name: &Username,
    call: impl AsyncFnMut(&mut AdminClient) -> Result<AccountDetail, AdminError>,
) -> Result<(), Failure> {
    let changed = context.console.change(look_at(name.as_str()), call).await?;
    let write = |account: &AccountDetail| match context.form.asked() {
        Some(_) => Record::of_account(account).write(context.output, context.form),
        None => context.output.line(state_of(account)),
    };
    changed.tell(|account| Said::of(state_of(account)), write).map(drop)
}

fn state_of(account: &AccountDetail) -> String {
    let (name, state) = (Escaped(&account.name), &account.state);
    let (until, restorable) = match state.known() {
        Some(AccountState::Suspended { until, .. }) => (until.and_then(rfc3339), None),
        Some(AccountState::Deleted { restorable_until }) => (None, rfc3339(*restorable_until)),
        Some(AccountState::Active) | None => (None, None),
    };
    match (until, restorable) {
        (Some(time), _) => format!("{name} is {state} until {time}"),
        (None, Some(time)) => format!("{name} is {state}; it can be restored until {time}"),
        (None, None) => format!("{name} is {state}"),
    }
}

/// Has a one-time code issued, and shows it.
async fn issue_code(
    context: &mut Context,
    name: &str,
    call: impl AsyncFnMut(&mut AdminClient) -> Result<IssuedCode, AdminError>,
    done: &str,
) -> Result<(), Failure> {
    let issued = context.console.change(look_at(name), call).await?;
    let another = format!("Another code: {}", vestryctl("account reset").arg(name));
    let write = |IssuedCode { name, code, expires }: &IssuedCode| {
        let fields = vec![
            ("name", text(name)),
            ("code", text(code.expose_secret())),
            ("expires", instant(Some(*expires))),
        ];
        Record::new(fields).write(context.output, context.form)
    };
    let said = |_: &_| Said { done: done.to_owned(), lost: "its code", mend: Some(another.clone()) };
    let IssuedCode { name, code, .. } = issued.tell(said, write)?;
    if context.output.is_thrown_away() {
        // Nothing failed, but nobody has the code.
        context.output.talk(format_args!("{done}; its code went to /dev/null.\n  {another}"));
        return Ok(());
    }
    let command = format!("vestry reset {}", Escaped(&name));
    context.output.talk(format_args!(
        "The code is shown only once. Hand it over in private; its user sets a password with: {command}"
    ));
    if context.output.shows_pictures(context.form)
        && let Some(picture) = picture_of(&format!("{command}\n{}", code.expose_secret()))
    {
        context.output.talk(format_args!("The command and the code as a picture, for a phone:\n\n{picture}"));
    }
    Ok(())
}

fn parse_profile(email: Option<&str>, age: Option<&str>, gender: Option<&str>) -> Result<Profile, Failure> {
    let email = email.map(Email::parse).transpose()?.map(|email| email.as_str().to_owned());
    let age = age.map(Age::parse).transpose()?.map(Age::years);
    let gender = gender.map(|gender| Gender::parse(Field::Gender, gender)).transpose()?;
    Ok(Profile { email, age, gender: gender.map(|gender| gender.as_str().to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_protocol::admin::Credential;
    use vestry_protocol::item::{Item, Open};

    fn account() -> AccountDetail {
        AccountDetail {
            name: "naman".to_owned(),
            profile: Profile { email: Some("n\u{1b}[2J@x.org".to_owned()), ..Profile::default() },
            state: AccountState::Suspended { until: Some(UnixSeconds::from_seconds(86_400)), reason: None }
                .into(),
            credential: Credential::Imported.into(),
            created: UnixSeconds::default(),
            last_login: None,
            sessions: 0,
            later: Vec::new(),
        }
    }

    #[test]
    fn a_preview_tells_one_account_from_another_and_cannot_drive_the_terminal() {
        assert_eq!(
            summary(&account()),
            "Account naman (n\\u{1b}[2J@x.org): suspended, made 1970-01-01T00:00:00Z, last login never."
        );
    }

    #[test]
    fn a_change_is_said_in_one_line() {
        assert_eq!(state_of(&account()), "naman is suspended until 1970-01-02T00:00:00Z");
        let state = AccountState::Deleted { restorable_until: UnixSeconds::default() };
        let deleted = AccountDetail { state: state.into(), ..account() };
        assert_eq!(state_of(&deleted), "naman is deleted; it can be restored until 1970-01-01T00:00:00Z");
        let active = AccountDetail { state: AccountState::Active.into(), ..account() };
        assert_eq!(state_of(&active), "naman is active");
        let state = Open::Unknown(Item { number: 9, content: vec![1, 2] });
        let later = AccountDetail { state, ..account() };
        assert_eq!(state_of(&later), "naman is unknown 9 (0102)");
    }

    #[test]
    fn fields_are_parsed_before_anything_is_sent() {
        let good = parse_profile(Some("n@x.org"), Some(" 40 "), Some("male")).unwrap();
        assert_eq!(
            good,
            Profile { email: Some("n@x.org".to_owned()), age: Some(40), gender: Some("male".to_owned()) }
        );
        for (email, age, gender) in
            [(Some("x"), None, None), (None, Some("-1"), None), (None, None, Some(""))]
        {
            assert!(matches!(parse_profile(email, age, gender), Err(Failure::Field(_))));
        }
    }
}
