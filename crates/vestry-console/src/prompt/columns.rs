//! What the columns of the views hold, for `\d VIEW`.

use vestry_protocol::views::Columns;

/// A column: its type, and what it holds.
pub(super) type Row = (&'static str, &'static str, &'static str);

const TIME: &str = "time";
const TEXT: &str = "text";
const NUMBER: &str = "number";

/// Every column of every view, in order. Times are as 2026-11-28T10:53:43Z.
#[rustfmt::skip]
const ALL: &[(&str, &[Row])] = &[
    ("accounts", &[
        ("name", TEXT, "the account"),
        ("email", TEXT, "its e-mail address"),
        ("age", NUMBER, "in years"),
        ("gender", TEXT, "in its user's own words"),
        ("status", TEXT, "active, suspended or deleted"),
        ("credential", TEXT, "how its password is kept: opaque, imported or none"),
        ("created", TIME, "when it was made"),
        ("last_login", TIME, "its newest login; NULL before the first"),
        ("suspended_until", TIME, "when a suspension ends; NULL when only you end it"),
        ("suspended_reason", TEXT, "what its user is told"),
    ]),
    ("sessions", &[
        ("id", TEXT, "what ends it: sessions revoke ID"),
        ("account", TEXT, "whose it is"),
        ("device", TEXT, "what its client calls the machine"),
        ("source", TEXT, "the address that it was opened from"),
        ("created", TIME, "when it was opened"),
        ("last_used", TIME, "to the minute"),
        ("expires", TIME, "when it ends at the latest"),
    ]),
    ("audit", &[
        ("id", NUMBER, "the event; later ones have larger numbers"),
        ("at", TIME, "when it happened"),
        ("actor_kind", TEXT, "user, operator or server"),
        ("actor", TEXT, "who did it"),
        ("action", TEXT, "what was done, as login.ok"),
        ("subject", TEXT, "to whom or to what"),
        ("source", TEXT, "the address that it came from"),
        ("detail", TEXT, "more of it"),
    ]),
    ("operators", &[
        ("name", TEXT, "the operator"),
        ("role", TEXT, "viewer, helpdesk or admin"),
        ("pin", TEXT, "of the certificate's public key"),
        ("created", TIME, "when the certificate was seen first"),
        ("revoked", TIME, "when it was taken out of use; NULL while it is in use"),
    ]),
    ("throttle", &[
        ("lane", TEXT, "what is counted: an account, a source, a session ..."),
        ("failures", NUMBER, "in a row"),
        ("failed", TIME, "the newest of them"),
        ("opens", TIME, "when the next attempt is taken"),
    ]),
    ("py3", &[
        ("name", TEXT, "the account"),
        ("pass", TEXT, "always masked"),
        ("email", TEXT, "its e-mail address"),
        ("age", NUMBER, "in years"),
    ]),
];

/// Returns the columns of a view with their types and what they hold.
pub(super) fn of_view(view: &Columns) -> &'static [Row] {
    ALL.iter().find(|(name, _)| *name == view.view).map_or(&[], |(_, rows)| rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_protocol::views;

    #[test]
    fn every_column_of_every_view_is_told_in_order() {
        assert_eq!(ALL.len(), views::ALL.len());
        for view in views::ALL {
            let told: Vec<&str> = of_view(&view).iter().map(|(column, ..)| *column).collect();
            assert_eq!(told, view.columns, "{}", view.view);
        }
    }
}
