//! Profiles, with every field parsed: as they are registered, imported and changed.

use vestry_protocol::fields::{Age, Email, Field, FieldError, Gender};
use vestry_protocol::user::{Change, Profile, ProfileUpdate};
use vestry_store::{AccountRow, ProfilePatch};

/// A profile whose every field was parsed.
#[derive(Debug, Default)]
pub(crate) struct ParsedProfile {
    /// E-mail address.
    pub email: Option<Email>,
    /// Years.
    pub age: Option<Age>,
    /// Free text.
    pub gender: Option<Gender>,
}

impl ParsedProfile {
    /// Parses each field that is there.
    ///
    /// # Errors
    /// With the first field that breaks its rule.
    pub(crate) fn parse(profile: &Profile) -> Result<Self, FieldError> {
        Ok(Self {
            email: profile.email.as_deref().map(Email::parse).transpose()?,
            age: profile.age.map(Age::new).transpose()?,
            gender: profile.gender.as_deref().map(|text| Gender::parse(Field::Gender, text)).transpose()?,
        })
    }

    /// As the store takes it.
    #[must_use]
    pub(crate) fn as_patch(&self) -> ProfilePatch<'_> {
        ProfilePatch { email: self.email.as_ref(), age: self.age, gender: self.gender.as_ref() }
    }
}

/// A profile update whose every field was parsed. What is kept is never looked at, whatever rule it was stored under.
pub(crate) struct ParsedUpdate {
    email: Change<Email>,
    pub(crate) age: Change<Age>,
    pub(crate) gender: Change<Gender>,
}

impl ParsedUpdate {
    /// Parses each field that changes.
    ///
    /// # Errors
    /// With the first field that breaks its rule.
    pub(crate) fn parse(update: &ProfileUpdate) -> Result<Self, FieldError> {
        Ok(Self {
            email: changed(&update.email, |text| Email::parse(text))?,
            age: changed(&update.age, |years| Age::new(*years))?,
            gender: changed(&update.gender, |text| Gender::parse(Field::Gender, text))?,
        })
    }

    /// Returns whether and how the e-mail address changes, which takes a proof of the password.
    pub(crate) fn email(&self) -> &Change<Email> {
        &self.email
    }

    /// Returns whether age or gender change.
    pub(crate) fn changes_the_rest(&self) -> bool {
        self.age != Change::Keep || self.gender != Change::Keep
    }

    /// Returns the names of what changes, for the event.
    pub(crate) fn changed_fields(&self) -> String {
        let names = [
            (self.email != Change::Keep, "email"),
            (self.age != Change::Keep, "age"),
            (self.gender != Change::Keep, "gender"),
        ];
        let changed: Vec<&str> = names.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
        changed.join(" ")
    }
}

fn changed<T, P>(
    change: &Change<T>,
    parse: impl FnOnce(&T) -> Result<P, FieldError>,
) -> Result<Change<P>, FieldError> {
    Ok(match change {
        Change::Keep => Change::Keep,
        Change::Clear => Change::Clear,
        Change::Set(value) => Change::Set(parse(value)?),
    })
}

/// Returns what the profile of an account says.
pub(crate) fn profile_of(account: &AccountRow) -> Profile {
    Profile {
        email: account.email.as_ref().map(ToString::to_string),
        age: account.age.map(Age::years),
        gender: account.gender.as_ref().map(ToString::to_string),
    }
}
