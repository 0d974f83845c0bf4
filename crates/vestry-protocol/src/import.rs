//! Accounts on their way into a database: a row as an operator's console sends it, and what is wrong with one.
//!
//! Rows carry plain text like every message; the server parses each field before it believes it. Files and their
//! formats are the console's matter.

use crate::secret::SecretText;
use crate::time::UnixSeconds;
use crate::user::Profile;
use serde::{Deserialize, Serialize};

/// One account that is to be made.
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportRow {
    /// Where it comes from, for people: the server only says it back.
    pub line: u64,
    /// The name that is wanted.
    pub name: String,
    /// The profile; every field may be empty.
    pub profile: Profile,
    /// When the account was made; now when absent.
    pub created: Option<UnixSeconds>,
    /// The suspension that it has; active when absent.
    pub suspended: Option<Suspension>,
    /// An Argon2id hash as a PHC string; without one the account waits for a one-time code.
    pub argon2id: Option<SecretText>,
}

/// A suspension that an account brings with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// When it ends; for good when absent. One that has ended suspends no longer.
    pub until: Option<UnixSeconds>,
    /// Why.
    pub reason: Option<String>,
}

/// What a row without any text claims from the budget of a message: 8 for a number or a length, 1 for an optional.
const ROW_BUDGET_BYTES: usize = 80;

impl ImportRow {
    /// What this row claims, at most, from the budget of a message, and so more than it has bytes.
    #[must_use]
    pub fn budget_bytes(&self) -> usize {
        let texts = [
            Some(self.name.as_str()),
            self.profile.email.as_deref(),
            self.profile.gender.as_deref(),
            self.suspended.as_ref().and_then(|suspension| suspension.reason.as_deref()),
            self.argon2id.as_ref().map(SecretText::expose_secret),
        ];
        ROW_BUDGET_BYTES + texts.into_iter().flatten().map(str::len).sum::<usize>()
    }
}

/// Why a row is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRow {
    /// The `line` of the row.
    pub line: u64,
    /// Which field breaks which rule, in a sentence. Holds no secret of the row.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{append_frame, decode};
    use crate::limits::{IMPORT_BATCH_BUDGET_BYTES, REQUEST_BYTES_MAX};
    use crate::{Request, admin::AdminCall};

    fn row(text: &str) -> ImportRow {
        ImportRow {
            line: u64::MAX,
            name: text.to_owned(),
            profile: Profile {
                email: Some(text.to_owned()),
                age: Some(u16::MAX),
                gender: Some(text.to_owned()),
            },
            created: Some(UnixSeconds::from_seconds(i64::MIN)),
            suspended: Some(Suspension {
                until: Some(UnixSeconds::from_seconds(i64::MIN)),
                reason: Some(text.to_owned()),
            }),
            argon2id: Some(SecretText::new(text.to_owned())),
        }
    }

    #[test]
    fn a_batch_within_its_budget_is_a_request_that_decoders_take() {
        for text in ["", "x", &"x".repeat(300)] {
            let mut rows = Vec::new();
            let mut budget = 0;
            loop {
                let row = row(text);
                budget += row.budget_bytes();
                if budget > IMPORT_BATCH_BUDGET_BYTES {
                    break;
                }
                rows.push(row);
            }
            let request = Request { id: u64::MAX, call: AdminCall::ImportRows(rows) };
            let mut frame = Vec::new();
            append_frame(&mut frame, &request, REQUEST_BYTES_MAX).unwrap();
            assert!(decode::<Request<AdminCall>, REQUEST_BYTES_MAX>(&frame[4..]).is_ok(), "{}", text.len());
        }
    }
}
