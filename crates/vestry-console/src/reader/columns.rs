//! The columns of a file of accounts: what they are called, and what their values say. Both formats have the same, and each
//! value comes here as text, so that no rule is there twice.
//!
//! What is said of a file never holds a cell of it: in a file without a header, or of another program, each may be a secret.

use crate::until::parse_time;
use std::borrow::Cow;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Age;
use vestry_protocol::import::{ImportRow, Suspension};
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::Profile;

/// A column of a header, or a key of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    Email,
    Age,
    Gender,
    Created,
    Status,
    SuspendedUntil,
    SuspendedReason,
    Argon2id,
    /// What an export says of the account that it was: another one begins with nothing of it.
    PassedOver(&'static str),
    /// What `--skip-bad` wrote.
    Reason,
}

/// What people are told when they name another, in lines.
pub(super) const NAMES: &str = "\
Taken: name, email, age, gender, created, argon2id, status, suspended_until,
suspended_reason.
Passed over: credential, last_login, reason.";

impl Column {
    /// Returns the column of a name, however it is capitalised.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "name" => Self::Name,
            "email" => Self::Email,
            "age" => Self::Age,
            "gender" => Self::Gender,
            "created" => Self::Created,
            "status" => Self::Status,
            "suspended_until" => Self::SuspendedUntil,
            "suspended_reason" => Self::SuspendedReason,
            "argon2id" => Self::Argon2id,
            "credential" => Self::PassedOver("credential"),
            "last_login" => Self::PassedOver("last_login"),
            "reason" => Self::Reason,
            _ => return None,
        })
    }

    /// Returns what it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Age => "age",
            Self::Gender => "gender",
            Self::Created => "created",
            Self::Status => "status",
            Self::SuspendedUntil => "suspended_until",
            Self::SuspendedReason => "suspended_reason",
            Self::Argon2id => "argon2id",
            Self::PassedOver(name) => name,
            Self::Reason => "reason",
        }
    }
}

/// Why some names are not those of columns.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotColumns {
    /// None of them is known: they may be anything.
    NoneKnown,
    /// This one is not known, in words that can be shown.
    Unknown(String),
    /// This one is there twice.
    Twice(&'static str),
    /// None is called `name`.
    NoName,
}

impl NotColumns {
    /// Returns what is said of it; `what` is what the format calls a column.
    pub(super) fn rule(&self, what: &str) -> String {
        match self {
            Self::NoneKnown => format!("it does not name a {what} that is taken"),
            Self::Unknown(name) => format!("there is no {what} {name}"),
            Self::Twice(name) => format!("the {what} '{name}' is there twice"),
            Self::NoName => format!("there is no {what} 'name'"),
        }
    }
}

/// Returns the columns of these names, in their order.
///
/// # Errors
/// With the first name that is unknown or there twice, or when there is no name.
pub(super) fn of_names<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Result<Vec<Column>, NotColumns> {
    if !names.clone().any(|name| Column::of(name).is_some()) {
        return Err(NotColumns::NoneKnown);
    }
    let mut columns = Vec::new();
    for (place, name) in names.enumerate() {
        let column = Column::of(name).ok_or_else(|| NotColumns::Unknown(shown(name, place)))?;
        if columns.contains(&column) {
            return Err(NotColumns::Twice(column.name()));
        }
        columns.push(column);
    }
    if columns.contains(&Column::Name) { Ok(columns) } else { Err(NotColumns::NoName) }
}

/// The longest name that is shown: each of ours is shorter.
const SHOWN_CHARS_MAX: usize = 20;

/// Returns a name that looks like one; another by its place.
fn shown(name: &str, place: usize) -> String {
    let is_one = |c: char| c.is_ascii_alphabetic() || "_- ".contains(c);
    match (1..=SHOWN_CHARS_MAX).contains(&name.len()) && name.chars().all(is_one) {
        true => format!("'{name}'"),
        false => format!("like number {}", place + 1),
    }
}

/// Returns whether a value says nothing.
pub(super) fn is_empty(text: &str) -> bool {
    text.trim().is_empty()
}

/// A row in the making.
pub(super) struct Draft {
    row: ImportRow,
    suspension: Suspension,
}

impl Draft {
    /// An account without anything.
    pub(super) fn of_line(line: u64) -> Self {
        let (name, profile) = (String::new(), Profile::default());
        let row = ImportRow { line, name, profile, created: None, suspended: None, argon2id: None };
        Self { row, suspension: Suspension::default() }
    }

    /// Puts the text of one column in its place; one that says nothing is none.
    ///
    /// # Errors
    /// With the rule that it breaks. Holds nothing of the text.
    pub(super) fn put(&mut self, column: Column, text: Cow<'_, str>) -> Result<(), String> {
        if is_empty(&text) {
            return Ok(());
        }
        let Self { row, suspension } = self;
        match column {
            Column::Name => row.name = text.into_owned(),
            Column::Email => row.profile.email = Some(text.into_owned()),
            Column::Age => {
                let age = Age::parse(without_zeros(text.trim())).map_err(|error| error.to_string())?;
                row.profile.age = Some(age.years());
            }
            Column::Gender => row.profile.gender = Some(text.into_owned()),
            Column::Created => row.created = Some(instant(column, &text)?),
            Column::Status => row.suspended = is_suspended(&text)?.then(Suspension::default),
            Column::SuspendedUntil => suspension.until = Some(instant(column, &text)?),
            Column::SuspendedReason => suspension.reason = Some(text.into_owned()),
            Column::Argon2id => row.argon2id = Some(SecretText::new(text.into_owned())),
            Column::PassedOver(_) | Column::Reason => {}
        }
        Ok(())
    }

    /// Returns the row, when its columns fit each other.
    ///
    /// # Errors
    /// With the rule that they break.
    pub(super) fn finish(self) -> Result<ImportRow, String> {
        let Self { mut row, suspension } = self;
        match row.suspended.as_mut() {
            Some(suspended) => *suspended = suspension,
            None if suspension == Suspension::default() => {}
            None => {
                return Err(
                    "status: an account with suspended_until or suspended_reason is suspended".to_owned()
                );
            }
        }
        Ok(row)
    }
}

/// `40.0` as `40`: what programs make of a column of numbers that has gaps.
fn without_zeros(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    }
}

fn instant(column: Column, text: &str) -> Result<UnixSeconds, String> {
    parse_time(text)
        .ok_or_else(|| format!("{}: write it as 2026-11-23 or 2026-11-23T18:30:00Z (UTC)", column.name()))
}

fn is_suspended(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "active" => Ok(false),
        "suspended" => Ok(true),
        "deleted" => Err("status: a deleted account is not brought back; leave its row out".to_owned()),
        _ => Err("status: use active or suspended".to_owned()),
    }
}
