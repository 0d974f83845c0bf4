//! Fields of a profile: from what was typed to what is sent, and from what is stored to what is shown.

use crate::cli::ProfileArgs;
use crate::output::Shown;
use serde::Serialize;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::fields::{Age, Email, Field, FieldError, Gender};
use vestry_protocol::item::Later;
use vestry_protocol::user::{Account, Change, Profile};

/// The profile of a new account; an empty value is no value.
pub(super) fn profile_of(typed: &ProfileArgs) -> Result<Profile, FieldError> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    Ok(Profile {
        email: given(&typed.email).map(|text| email(&text)).transpose()?,
        age: given(&typed.age).map(|text| age(&text)).transpose()?,
        gender: given(&typed.gender).map(|text| gender(&text)).transpose()?,
    })
}

/// Changes to a profile.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) email: Change<String>,
    pub(super) age: Change<u16>,
    pub(super) gender: Change<String>,
}

impl Changes {
    /// What was typed; an empty value clears a field.
    pub(super) fn of(typed: &ProfileArgs) -> Result<Self, FieldError> {
        Ok(Self {
            email: change_of(typed.email.as_deref(), email)?,
            age: change_of(typed.age.as_deref(), age)?,
            gender: change_of(typed.gender.as_deref(), gender)?,
        })
    }

    pub(super) fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of one field: kept when nothing was typed, cleared when it was empty.
pub(crate) fn change_of<T>(
    typed: Option<&str>,
    parse: impl Fn(&str) -> Result<T, FieldError>,
) -> Result<Change<T>, FieldError> {
    match typed.map(str::trim) {
        None => Ok(Change::Keep),
        Some("") => Ok(Change::Clear),
        Some(text) => parse(text).map(Change::Set),
    }
}

fn email(text: &str) -> Result<String, FieldError> {
    Email::parse(text).map(|email| email.as_str().to_owned())
}

fn age(text: &str) -> Result<u16, FieldError> {
    Age::parse(text).map(Age::years)
}

fn gender(text: &str) -> Result<String, FieldError> {
    Gender::parse(Field::Gender, text).map(|gender| gender.as_str().to_owned())
}

/// An account in JSON. The names and their order are a promise.
#[derive(Debug, Serialize)]
pub(super) struct AccountJson<'a> {
    name: &'a str,
    email: Option<&'a str>,
    age: Option<u16>,
    gender: Option<&'a str>,
    created: Option<String>,
    last_login: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    later: Vec<String>,
}

impl<'a> AccountJson<'a> {
    pub(super) fn of(account: &'a Account) -> Self {
        Self {
            name: &account.name,
            email: account.profile.email.as_deref(),
            age: account.profile.age,
            gender: account.profile.gender.as_deref(),
            created: rfc3339(account.created),
            last_login: account.last_login.and_then(rfc3339),
            later: shown_later(&account.later),
        }
    }
}

/// What a later server says beside what this program knows.
pub(super) fn shown_later(later: &Later) -> Vec<String> {
    later.iter().map(ToString::to_string).collect()
}

/// An account in aligned lines.
pub(super) fn account_text(account: &Account) -> String {
    let age = account.profile.age.map(|years| years.to_string());
    let (created, last_login) = (rfc3339(account.created), account.last_login.and_then(rfc3339));
    let later = shown_later(&account.later);
    let mut lines = vec![
        ("name", Some(account.name.as_str())),
        ("email", account.profile.email.as_deref()),
        ("age", age.as_deref()),
        ("gender", account.profile.gender.as_deref()),
        ("created", created.as_deref()),
        ("last login", last_login.as_deref()),
    ];
    lines.extend(later.iter().map(|item| ("also", Some(item.as_str()))));
    aligned(&lines)
}

/// An account as the menu shows it: what a person wrote about themselves, and never a password.
pub(crate) fn info_text(account: &Account) -> String {
    let age = account.profile.age.map(|years| years.to_string());
    aligned(&[
        ("username", Some(&account.name)),
        ("email", account.profile.email.as_deref()),
        ("age", age.as_deref()),
        ("gender", account.profile.gender.as_deref()),
    ])
}

/// `name: value` lines whose values stand in one column.
pub(super) fn aligned(lines: &[(&str, Option<&str>)]) -> String {
    let width = lines.iter().map(|(name, _)| name.len() + 1).max().unwrap_or_default();
    let line =
        |(name, value): &(&str, Option<&str>)| format!("{:width$} {}", format!("{name}:"), Shown(*value));
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::json_line;
    use vestry_protocol::UnixSeconds;

    fn typed(email: Option<&str>, age: Option<&str>, gender: Option<&str>) -> ProfileArgs {
        let own = |text: Option<&str>| text.map(str::to_owned);
        ProfileArgs { email: own(email), age: own(age), gender: own(gender) }
    }

    fn account() -> Account {
        let profile = Profile { email: Some("naman@gmail.com".to_owned()), age: Some(40), gender: None };
        let (name, later) = ("naman".to_owned(), Vec::new());
        Account { name, profile, created: UnixSeconds::from_seconds(1_795_399_200), last_login: None, later }
    }

    #[test]
    fn the_json_of_an_account_has_exactly_these_keys_in_this_order() {
        assert_eq!(
            json_line(&AccountJson::of(&account())).unwrap(),
            "{\"name\":\"naman\",\"email\":\"naman@gmail.com\",\"age\":40,\"gender\":null,\
             \"created\":\"2026-11-23T02:00:00Z\",\"last_login\":null}"
        );
    }

    #[test]
    fn the_text_of_an_account_is_aligned_and_escaped() {
        let mut account = account();
        account.profile.gender = Some("\u{1b}[31m".to_owned());
        assert_eq!(
            account_text(&account),
            "name:       naman\nemail:      naman@gmail.com\nage:        40\ngender:     \\u{1b}[31m\n\
             created:    2026-11-23T02:00:00Z\nlast login: -"
        );
    }

    #[test]
    fn the_menu_shows_four_fields() {
        let expected = "username: naman\nemail:    naman@gmail.com\nage:      40\ngender:   -";
        assert_eq!(info_text(&account()), expected);
    }

    #[test]
    fn absent_keeps_and_empty_clears() {
        let changes = Changes::of(&typed(None, Some(""), Some(" male "))).unwrap();
        assert_eq!((&changes.email, &changes.age), (&Change::Keep, &Change::Clear));
        assert_eq!(changes.gender, Change::Set("male".to_owned()));
        assert!(!changes.are_none());
        assert!(Changes::of(&typed(None, None, None)).unwrap().are_none());
    }

    #[test]
    fn a_bad_field_is_named_before_anything_is_sent() {
        for bad in
            [typed(Some("x"), None, None), typed(None, Some("151"), None), typed(None, None, Some("a\tb"))]
        {
            let of_changes = Changes::of(&bad).unwrap_err();
            assert_eq!(profile_of(&bad).unwrap_err(), of_changes);
            assert!([Field::Email, Field::Age, Field::Gender].contains(&of_changes.field));
        }
        let empty = profile_of(&typed(Some(""), Some(" "), None)).unwrap();
        assert_eq!(empty, Profile::default());
    }
}
