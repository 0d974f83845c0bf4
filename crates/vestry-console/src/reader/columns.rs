//! The columns of a file of accounts: what they are called, and what their values say. Both formats have the same.

use vestry_protocol::UnixSeconds;
use vestry_protocol::calendar::parse_rfc3339;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::Age;
use vestry_protocol::import::ImportRow;
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::Profile;

/// A column of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    Email,
    Age,
    Gender,
    Created,
    Status,
    Argon2id,
    /// What an export says of the account that it was: another one begins with nothing of it.
    PassedOver(&'static str),
    /// What `--skip-bad` wrote.
    Reason,
}

/// What people are told when they name another.
pub(super) const NAMES: &str = "name, email, age, gender, created, status and argon2id are taken; \
     credential, last_login and reason are passed over";

impl Column {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "name" => Self::Name,
            "email" => Self::Email,
            "age" => Self::Age,
            "gender" => Self::Gender,
            "created" => Self::Created,
            "status" => Self::Status,
            "argon2id" => Self::Argon2id,
            "credential" => Self::PassedOver("credential"),
            "last_login" => Self::PassedOver("last_login"),
            "reason" => Self::Reason,
            _ => return None,
        })
    }
}

/// The columns of a header, in its order.
///
/// # Errors
/// With the first name that is unknown or there twice, or when there is no name.
pub(super) fn of_header(names: &[String]) -> Result<Vec<Column>, String> {
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let column =
            Column::of(name).ok_or_else(|| format!("there is no column '{}'; {NAMES}", Escaped(name)))?;
        if columns.contains(&column) {
            return Err(format!("the column '{}' is there twice", Escaped(name)));
        }
        columns.push(column);
    }
    match columns.contains(&Column::Name) {
        true => Ok(columns),
        false => Err(format!("there is no column 'name' in the header; {NAMES}")),
    }
}

/// An account without anything.
pub(super) fn empty_row(line: u64) -> ImportRow {
    let (name, profile) = (String::new(), Profile::default());
    ImportRow { line, name, profile, created: None, suspended: false, argon2id: None }
}

/// Puts the text of one column in its place.
///
/// # Errors
/// With the rule that it breaks.
pub(super) fn put(row: &mut ImportRow, column: Column, text: &str) -> Result<(), String> {
    match column {
        Column::Name => text.clone_into(&mut row.name),
        Column::Email => row.profile.email = Some(text.to_owned()),
        Column::Age => {
            row.profile.age = Some(Age::parse(text).map_err(|error| error.to_string())?.years());
        }
        Column::Gender => row.profile.gender = Some(text.to_owned()),
        Column::Created => row.created = Some(instant(text)?),
        Column::Status => row.suspended = is_suspended(text)?,
        Column::Argon2id => row.argon2id = Some(SecretText::new(text.to_owned())),
        Column::PassedOver(_) | Column::Reason => {}
    }
    Ok(())
}

pub(super) fn instant(text: &str) -> Result<UnixSeconds, String> {
    parse_rfc3339(text.trim())
        .ok_or_else(|| "created: write it as 2026-11-23T03:28:12Z (RFC 3339)".to_owned())
}

pub(super) fn is_suspended(text: &str) -> Result<bool, String> {
    match text.trim() {
        "active" => Ok(false),
        "suspended" => Ok(true),
        "deleted" => Err("status: a deleted account is not brought back; leave its row out".to_owned()),
        _ => Err("status: use active or suspended".to_owned()),
    }
}
