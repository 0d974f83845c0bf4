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

/// A profile update whose every field was parsed.
pub(crate) struct ParsedUpdate {
    pub(crate) email: Change<String>,
    age: Change<u16>,
    gender: Change<String>,
}

impl ParsedUpdate {
    /// Parses each field that changes.
    ///
    /// # Errors
    /// With the first field that breaks its rule.
    pub(crate) fn parse(update: &ProfileUpdate) -> Result<Self, FieldError> {
        let wanted =
            Self { email: update.email.clone(), age: update.age.clone(), gender: update.gender.clone() };
        // Each field is judged by itself, so that a bad one is refused before the proof is used up.
        ParsedProfile::parse(&wanted.over(Profile::default()))?;
        Ok(wanted)
    }

    fn over(&self, before: Profile) -> Profile {
        Profile {
            email: changed(&self.email, before.email),
            age: changed(&self.age, before.age),
            gender: changed(&self.gender, before.gender),
        }
    }

    pub(crate) fn applied_to(&self, account: &AccountRow) -> Result<ParsedProfile, FieldError> {
        ParsedProfile::parse(&self.over(profile_of(account)))
    }

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

fn changed<T: Clone>(change: &Change<T>, before: Option<T>) -> Option<T> {
    match change {
        Change::Keep => before,
        Change::Clear => None,
        Change::Set(value) => Some(value.clone()),
    }
}

pub(crate) fn profile_of(account: &AccountRow) -> Profile {
    Profile { email: account.email.clone(), age: account.age, gender: account.gender.clone() }
}
