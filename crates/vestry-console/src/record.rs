//! One thing with named fields, as an account or the server's state: aligned lines for people, one object in JSON,
//! one row in the other formats.

use crate::cli::FormOptions;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::{Format, field_line, json_object};
use std::io::Write;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;
use vestry_protocol::UnixSeconds;
use vestry_protocol::admin::{AccountDetail, AccountState, Cell, Status};
use vestry_protocol::calendar::rfc3339;
use vestry_terminal::fitted::fitted;

/// Fields in the order in which they are shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record(Vec<(&'static str, Cell)>);

impl Record {
    pub(crate) fn new(fields: Vec<(&'static str, Cell)>) -> Self {
        Self(fields)
    }

    /// An account as an operator sees it.
    pub(crate) fn of_account(account: &AccountDetail) -> Self {
        let profile = &account.profile;
        let (suspended_until, suspended_reason, restorable_until) = match account.state.known() {
            Some(AccountState::Suspended { until, reason }) => (*until, reason.as_deref(), None),
            Some(AccountState::Deleted { restorable_until }) => (None, None, Some(*restorable_until)),
            Some(AccountState::Active) | None => (None, None, None),
        };
        let mut record = Self(vec![
            ("name", text(&account.name)),
            ("email", optional_text(profile.email.as_deref())),
            ("age", profile.age.map_or(Cell::Null, |age| Cell::Integer(age.into()))),
            ("gender", optional_text(profile.gender.as_deref())),
            ("status", text(&account.state.to_string())),
            ("credential", text(&account.credential.to_string())),
            ("created", instant(Some(account.created))),
            ("last_login", instant(account.last_login)),
            ("suspended_until", instant(suspended_until)),
            ("suspended_reason", optional_text(suspended_reason)),
            ("restorable_until", instant(restorable_until)),
            ("sessions", count(account.sessions)),
        ]);
        record.0.extend(account.later.iter().map(|item| ("also", text(&item.to_string()))));
        record
    }

    /// How the server is.
    pub(crate) fn of_status(status: &Status) -> Self {
        Self(vec![
            ("version", text(&status.version)),
            ("uptime_secs", count(status.uptime_secs)),
            ("listen", text(&status.listen)),
            ("connections", count(status.connections)),
            ("connections_max", count(status.connections_max)),
            ("accounts", count(status.accounts)),
            ("accounts_suspended", count(status.accounts_suspended)),
            ("accounts_deleted", count(status.accounts_deleted)),
            ("sessions", count(status.sessions)),
            ("database_bytes", count(status.database_bytes)),
            ("certificate_expires", instant(Some(status.certificate_expires))),
            ("pin", text(&status.pin)),
            ("hashing_queue", count(status.hashing_queue)),
            ("attempts_under_way", count(status.attempts_under_way)),
            ("registrations", count(status.registrations)),
            ("registrations_max", count(status.registrations_max)),
            ("operator", text(&status.operator)),
            ("role", text(&status.role)),
            (
                "opaque_rotation_began",
                instant(status.opaque_rotation.as_ref().map(|rotation| rotation.began)),
            ),
            (
                "opaque_records_moved",
                optional_count(status.opaque_rotation.as_ref().map(|rotation| rotation.moved)),
            ),
            (
                "opaque_records_left",
                optional_count(status.opaque_rotation.as_ref().map(|rotation| rotation.left)),
            ),
            ("clock_jumped_from", instant(status.clock_jump.as_ref().map(|jump| jump.from))),
            ("clock_jumped_to", instant(status.clock_jump.as_ref().map(|jump| jump.to))),
        ])
    }

    /// Writes it in the form that was asked for.
    pub(crate) fn write(self, output: Output, form: FormOptions) -> Result<(), Failure> {
        let mut stdout = output.stdout();
        let written = match form.asked() {
            None => self.write_lines(output.width(), &mut stdout),
            Some(Format::Json) => writeln!(stdout, "{}", self.into_json_object()),
            Some(format) => {
                let (names, cells): (Vec<_>, Vec<_>) = self.0.into_iter().unzip();
                let mut writer = format.writer(output.width());
                let names = names.into_iter().map(str::to_owned).collect();
                (writer.columns(names, &mut stdout))
                    .and_then(|()| writer.row(&cells, &mut stdout))
                    .and_then(|()| writer.end(Duration::ZERO, &mut stdout))
            }
        };
        written.and_then(|()| stdout.flush()).map_err(Failure::Output)
    }

    /// One object, whatever form was asked for.
    pub(crate) fn into_json_object(self) -> String {
        let (names, cells): (Vec<_>, Vec<_>) = self.0.into_iter().unzip();
        json_object(&names, &cells)
    }

    fn write_lines(&self, columns: Option<usize>, out: &mut dyn Write) -> std::io::Result<()> {
        let width = self.0.iter().map(|(name, _)| name.width()).max().unwrap_or(0) + 1;
        self.0.iter().try_for_each(|(name, cell)| {
            let line = field_line(name, cell, width);
            match columns.filter(|columns| line.width() > *columns) {
                None => writeln!(out, "{line}"),
                // The value is whole on a line of its own, or broken between its words.
                Some(columns) => {
                    let value = field_line("", cell, 1);
                    writeln!(out, "{name}:\n{}", fitted(&value.replacen(':', " ", 1), columns))
                }
            }
        })
    }
}

pub(crate) fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// A time as text; as its number when no calendar has it.
pub(crate) fn instant(at: Option<UnixSeconds>) -> Cell {
    at.map_or(Cell::Null, |at| rfc3339(at).map_or(Cell::Integer(at.seconds()), Cell::Text))
}

fn optional_text(value: Option<&str>) -> Cell {
    value.map_or(Cell::Null, text)
}

fn optional_count(number: Option<u64>) -> Cell {
    number.map_or(Cell::Null, count)
}

/// A number; as text when it is too long for one.
pub(crate) fn count(number: u64) -> Cell {
    i64::try_from(number).map_or_else(|_| Cell::Text(number.to_string()), Cell::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_aligned_and_spelled_out() {
        let record = Record::new(vec![
            ("name", text("na\u{1b}[2J")),
            ("age", Cell::Integer(40)),
            ("last_login", Cell::Null),
        ]);
        let mut out = Vec::new();
        record.write_lines(None, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "name:       na\\u{1b}[2J\nage:        40\nlast_login: -\n"
        );
    }

    #[test]
    fn a_value_that_does_not_fit_beside_its_name_stands_below_it() {
        let record = Record::new(vec![
            ("name", text("naman")),
            ("suspended_until", text("2026-12-28T15:03:23Z")),
            ("suspended_reason", text("the rent of the room is due")),
        ]);
        let mut out = Vec::new();
        record.write_lines(Some(24), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "name:             naman\nsuspended_until:\n  2026-12-28T15:03:23Z\n\
             suspended_reason:\n  the rent of the room\n  is due\n"
        );
    }

    #[test]
    fn a_time_that_no_calendar_has_is_a_number() {
        assert_eq!(instant(Some(UnixSeconds::MAX)), Cell::Integer(i64::MAX));
        assert_eq!(instant(Some(UnixSeconds::default())), text("1970-01-01T00:00:00Z"));
        assert_eq!(instant(None), Cell::Null);
    }
}
