//! The operator's views: their columns in order, and the key that no two of their rows share.
//!
//! Written out, in `vestry_protocol::views`, so that a name from outside is compared with a constant and never reaches SQL by
//! itself. A test compares them with the schema.

use vestry_protocol::admin::View;
use vestry_protocol::views::{self, Columns};

/// A view as the schema defines it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ViewShape {
    /// Its name.
    pub(super) name: &'static str,
    /// Its columns, in order.
    pub(super) columns: &'static [&'static str],
    /// The column that no two rows share and that is never NULL.
    pub(super) key: &'static str,
    /// What stands for it in a cursor. Never changes.
    pub(super) number: u8,
}

impl ViewShape {
    /// The place of a column, and its name as a constant.
    pub(super) fn column(&self, name: &str) -> Option<(u8, &'static str)> {
        (0..).zip(self.columns.iter().copied()).find(|(_, column)| column.eq_ignore_ascii_case(name))
    }
}

const fn shaped(view: Columns, key: &'static str, number: u8) -> ViewShape {
    ViewShape { name: view.view, columns: view.columns, key, number }
}

const ACCOUNTS: ViewShape = shaped(views::ACCOUNTS, "name", 0);
const SESSIONS: ViewShape = shaped(views::SESSIONS, "id", 1);
const AUDIT: ViewShape = shaped(views::AUDIT, "id", 2);
const OPERATORS: ViewShape = shaped(views::OPERATORS, "pin", 3);
const PY3: ViewShape = shaped(views::PY3, "name", 4);
const THROTTLE: ViewShape = shaped(views::THROTTLE, "lane", 5);

/// Every view that the prompt reads.
pub(super) const ALL: [&ViewShape; 6] = [&ACCOUNTS, &SESSIONS, &AUDIT, &OPERATORS, &PY3, &THROTTLE];

/// The shape of a view that can be listed.
pub(super) fn shape(view: View) -> &'static ViewShape {
    match view {
        View::Accounts => &ACCOUNTS,
        View::Sessions => &SESSIONS,
        View::Audit => &AUDIT,
        View::Operators => &OPERATORS,
    }
}

/// Whether a view has this name; SQL does not tell capitals from small letters.
pub(super) fn is_view(name: &str) -> bool {
    ALL.iter().any(|view| view.name.eq_ignore_ascii_case(name))
}
