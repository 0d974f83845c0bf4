//! The views that an operator's SQL may name, with their columns in order, and the functions: for the store, which makes them,
//! and for a program that helps to write a statement. Columns are only ever appended.

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

/// The functions that may be named.
#[rustfmt::skip]
pub const FUNCTIONS: &[&str] = &[
    // Aggregates and windows.
    "avg", "count", "cume_dist", "dense_rank", "first_value", "group_concat", "lag", "last_value", "lead", "max",
    "min", "nth_value", "ntile", "percent_rank", "rank", "row_number", "string_agg", "sum", "total",
    // Text.
    "char", "concat", "concat_ws", "format", "glob", "hex", "instr", "length", "like", "lower", "ltrim",
    "octet_length", "printf", "quote", "replace", "rtrim", "substr", "substring", "trim", "unicode", "upper",
    // Numbers.
    "abs", "ceil", "ceiling", "floor", "ln", "log", "log10", "log2", "mod", "pow", "power", "round", "sign", "sqrt",
    "trunc",
    // Dates.
    "current_date", "current_time", "current_timestamp", "date", "datetime", "julianday", "strftime", "time",
    "timediff", "unixepoch",
    // Choices.
    "coalesce", "if", "ifnull", "iif", "likelihood", "likely", "nullif", "typeof", "unlikely",
];
