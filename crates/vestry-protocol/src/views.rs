//! The views that an operator's SQL may name, with their columns in order: for the store, which makes them, and for whoever
//! writes a statement. Columns are only ever appended.

/// A view and its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    /// The name of the view.
    pub view: &'static str,
    /// Its columns, in order.
    pub columns: &'static [&'static str],
}

/// One row an account.
pub const ACCOUNTS: Columns = Columns {
    view: "accounts",
    columns: &[
        "name",
        "email",
        "age",
        "gender",
        "status",
        "credential",
        "created",
        "last_login",
        "suspended_until",
        "suspended_reason",
    ],
};

/// One row a live session.
pub const SESSIONS: Columns = Columns {
    view: "sessions",
    columns: &["id", "account", "device", "source", "created", "last_used", "expires"],
};

/// One row an audit event.
pub const AUDIT: Columns = Columns {
    view: "audit",
    columns: &["id", "at", "actor_kind", "actor", "action", "subject", "source", "detail"],
};

/// One row an operator's certificate.
pub const OPERATORS: Columns =
    Columns { view: "operators", columns: &["name", "role", "pin", "created", "revoked"] };

/// One row a lane with failed attempts.
pub const THROTTLE: Columns = Columns { view: "throttle", columns: &["lane", "failures", "failed", "opens"] };

/// The table of the report that this grew from; its `pass` is always masked.
pub const PY3: Columns = Columns { view: "py3", columns: &["name", "pass", "email", "age"] };

/// Every view, in the order in which they are shown.
pub const ALL: [Columns; 6] = [ACCOUNTS, SESSIONS, AUDIT, OPERATORS, THROTTLE, PY3];
