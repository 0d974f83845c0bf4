//! The operator's views: their columns in order, and the key that no two of their rows share.
//!
//! Written out so that a name from outside is compared with a constant and never reaches SQL by itself. A test
//! compares them with the schema.

use vestry_protocol::admin::View;

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

const ACCOUNTS: ViewShape = ViewShape {
    name: "accounts",
    columns: &["name", "email", "age", "gender", "status", "credential", "created", "last_login"],
    key: "name",
    number: 0,
};

const SESSIONS: ViewShape = ViewShape {
    name: "sessions",
    columns: &["id", "account", "device", "source", "created", "last_used", "expires"],
    key: "id",
    number: 1,
};

const AUDIT: ViewShape = ViewShape {
    name: "audit",
    columns: &["id", "at", "actor_kind", "actor", "action", "subject", "source", "detail"],
    key: "id",
    number: 2,
};

const OPERATORS: ViewShape = ViewShape {
    name: "operators",
    columns: &["name", "role", "pin", "created", "revoked"],
    key: "pin",
    number: 3,
};

const PY3: ViewShape =
    ViewShape { name: "py3", columns: &["name", "pass", "email", "age"], key: "name", number: 4 };

const THROTTLE: ViewShape =
    ViewShape { name: "throttle", columns: &["lane", "failures", "failed", "opens"], key: "lane", number: 5 };

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

/// What there is to read, for whoever asked for something else.
pub(super) fn summary() -> String {
    let views: Vec<String> =
        ALL.iter().map(|view| format!("{} ({})", view.name, view.columns.join(", "))).collect();
    format!("There are these views: {}", views.join("; "))
}
