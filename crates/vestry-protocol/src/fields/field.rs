//! Which field broke its rule, by its number on the wire and by what users call it.

use crate::codec::Numbered;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// Which field. Its number is on the wire; shown, it is what users call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Field {
    /// The name of an account.
    Name,
    /// The e-mail address of a profile.
    Email,
    /// The age of a profile.
    Age,
    /// The gender of a profile.
    Gender,
    /// What a client calls its device.
    Device,
    /// A password that is itself sent.
    Password,
    /// `request`: a blinded new password.
    Request,
    /// `ke1`: a blinded password that is to be proven.
    Ke1,
    /// `upload` of an envelope.
    Upload,
    /// `stretching` of an envelope.
    Stretching,
    /// `invitation` of a registration.
    Invitation,
    /// `witness` of a login.
    Witness,
    /// Why an account is suspended.
    Reason,
    /// Until when an account is suspended.
    Until,
    /// Whose lanes are cleared.
    Subject,
    /// What a check of the audit is compared with.
    Checkpoints,
    /// When an imported account was made.
    Created,
    /// The hash of an imported account.
    Argon2id,
}

impl Field {
    /// Every field, in the order of its number.
    pub const ALL: [Self; 18] = [
        Self::Name,
        Self::Email,
        Self::Age,
        Self::Gender,
        Self::Device,
        Self::Password,
        Self::Request,
        Self::Ke1,
        Self::Upload,
        Self::Stretching,
        Self::Invitation,
        Self::Witness,
        Self::Reason,
        Self::Until,
        Self::Subject,
        Self::Checkpoints,
        Self::Created,
        Self::Argon2id,
    ];
}

impl Numbered for Field {
    const KNOWN: u32 = 18;
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Email => "e-mail",
            Self::Age => "age",
            Self::Gender => "gender",
            Self::Device => "device",
            Self::Password => "password",
            Self::Request => "request",
            Self::Ke1 => "ke1",
            Self::Upload => "upload",
            Self::Stretching => "stretching",
            Self::Invitation => "invitation",
            Self::Witness => "witness",
            Self::Reason => "reason",
            Self::Until => "until",
            Self::Subject => "subject",
            Self::Checkpoints => "checkpoints",
            Self::Created => "created",
            Self::Argon2id => "argon2id",
        })
    }
}

/// A field that breaks its rule, in words for the person who typed it. Holds nothing of what was typed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {rule}")]
pub struct FieldError {
    /// Which field.
    pub field: Field,
    /// The rule that it breaks, as an instruction.
    pub rule: String,
}

impl FieldError {
    pub(crate) fn new(field: Field, rule: impl Into<String>) -> Self {
        Self { field, rule: rule.into() }
    }
}
