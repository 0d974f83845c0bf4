//! `vestry sessions`: lists one's sessions, and ends one of them.

use super::fields::{aligned, shown_later};
use crate::cli::{SessionsAct, SessionsArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{ID_DIGITS, show_id, shown_time};
use crate::session_link::SessionLink;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::vestry;
use vestry_protocol::user::Session as ListedSession;
use vestry_terminal::output::width;

#[derive(Debug, Serialize)]
struct SessionJson<'a> {
    id: String,
    device: &'a str,
    source: &'a str,
    created: Option<String>,
    last_used: Option<String>,
    expires: Option<String>,
    current: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    later: Vec<String>,
}

impl<'a> SessionJson<'a> {
    fn of(session: &'a ListedSession) -> Self {
        Self {
            id: show_id(session.id),
            device: &session.device,
            source: &session.source,
            created: rfc3339(session.created),
            last_used: rfc3339(session.last_used),
            expires: rfc3339(session.expires),
            current: session.current,
            later: shown_later(&session.later),
        }
    }
}

#[derive(Debug, Serialize)]
struct RevokedJson {
    revoked: String,
}

pub(super) async fn run(context: &mut Context, args: &SessionsArgs) -> Result<(), Failure> {
    match &args.act {
        None => {
            let mut session = SessionLink::of(context)?;
            let sessions = session.read(async |client| client.sessions().await).await?;
            let json: Vec<SessionJson<'_>> = sessions.iter().map(SessionJson::of).collect();
            context.output.answer(&json, table(&sessions, width()))
        }
        Some(SessionsAct::Revoke { id }) => revoke(context, id).await,
    }
}

async fn revoke(context: &Context, typed: &str) -> Result<(), Failure> {
    let id = read_id(typed).ok_or_else(|| Failure::BadNumber { of: "session", typed: typed.to_owned() })?;
    let mut session = SessionLink::of(context)?;
    let look = format!("See what is left: {}", vestry("sessions"));
    let done = session.write(look, async |client| client.revoke(id).await).await?;
    done.tell(context.output, |(), teller| {
        let revoked = show_id(id);
        let text = format!("Ended session {revoked}.");
        teller.answer(&RevokedJson { revoked }, text)
    })
}

pub(super) fn read_id(text: &str) -> Option<u64> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let well_formed = text.len() == ID_DIGITS && text.bytes().all(is_digit);
    well_formed.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// The sessions as the menu shows them, numbered from 1, on a screen of any width.
pub(crate) fn session_list(sessions: &[ListedSession]) -> String {
    let lines = sessions.iter().enumerate().map(|(at, session)| {
        let [_, device, source, .., remark] = row(session);
        let remark = if remark.is_empty() { remark } else { format!(" ({remark})") };
        let (used, expires) = (shown_time(session.last_used), shown_time(session.expires));
        format!("{:>3}  {device}{remark}\n     from {source}\n     used {used}\n     ends {expires}", at + 1)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn table(sessions: &[ListedSession], columns: Option<usize>) -> String {
    let header = ["ID", "DEVICE", "SOURCE", "CREATED", "LAST USED", "EXPIRES", ""];
    in_columns(header, &sessions.iter().map(row).collect::<Vec<_>>(), columns)
}

/// One line a row, in columns as wide as they need to be. Where that is wider than the screen, each row is a list.
pub(super) fn in_columns<const N: usize>(
    header: [&str; N],
    rows: &[[String; N]],
    columns: Option<usize>,
) -> String {
    let mut widths = header.map(UnicodeWidthStr::width);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let table_width = widths.iter().sum::<usize>() + 2 * N.saturating_sub(1);
    if columns.is_some_and(|columns| columns < table_width) {
        let names = header.map(|name| if name.is_empty() { "note".to_owned() } else { name.to_lowercase() });
        let list = |row: &[String; N]| {
            let cells = names.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
            aligned(&cells.map(|(name, cell)| (name.as_str(), Some(cell.as_str()))).collect::<Vec<_>>())
        };
        return rows.iter().map(list).collect::<Vec<_>>().join("\n\n");
    }
    let line = |row: &[String; N]| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    let header = header.map(str::to_owned);
    [&header].into_iter().chain(rows).map(line).collect::<Vec<_>>().join("\n")
}

fn row(session: &ListedSession) -> [String; 7] {
    [
        show_id(session.id),
        Escaped(&session.device).to_string(),
        Escaped(&session.source).to_string(),
        shown_time(session.created),
        shown_time(session.last_used),
        shown_time(session.expires),
        session
            .current
            .then(|| "this session".to_owned())
            .into_iter()
            .chain(shown_later(&session.later))
            .collect::<Vec<_>>()
            .join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::json_line;
    use vestry_protocol::UnixSeconds;

    fn session(id: u64, device: &str, current: bool) -> ListedSession {
        let (device, source) = (device.to_owned(), "127.0.0.1".to_owned());
        let later = Vec::new();
        ListedSession {
            id,
            device,
            source,
            created: UnixSeconds::default(),
            last_used: UnixSeconds::from_seconds(60),
            expires: UnixSeconds::from_seconds(86_400),
            current,
            later,
        }
    }

    #[test]
    fn a_number_is_shown_and_read_as_sixteen_digits() {
        for id in [0, 1, 0x00c0_ffee, u64::MAX] {
            assert_eq!(read_id(&show_id(id)), Some(id));
        }
        assert_eq!(show_id(0xc0ffee), "0000000000c0ffee");
        let bad = [
            "",
            "1",
            "c0ffee",
            "00000000000C0FFE",
            "00000000000c0ffeee",
            "+000000000c0ffee",
            " 00000000c0ffee",
            "000000000c0ffeeg",
            "é00000000c0ffe",
        ];
        for text in bad {
            assert_eq!(read_id(text), None, "{text:?} was taken");
        }
    }

    #[test]
    fn the_list_is_aligned_escaped_and_marks_this_session() {
        let sessions = [session(1, "laptop", true), session(2, "a\u{1b}[2J", false)];
        let listed = table(&sessions, None);
        let lines: Vec<&str> = listed.lines().collect();
        assert_eq!(
            lines,
            [
                "ID                DEVICE      SOURCE     CREATED               LAST USED             EXPIRES",
                "0000000000000001  laptop      127.0.0.1  1970-01-01T00:00:00Z  1970-01-01T00:01:00Z  \
                 1970-01-02T00:00:00Z  this session",
                "0000000000000002  a\\u{1b}[2J  127.0.0.1  1970-01-01T00:00:00Z  1970-01-01T00:01:00Z  \
                 1970-01-02T00:00:00Z",
            ]
        );
    }

    #[test]
    fn on_a_narrow_screen_each_session_is_a_list() {
        let sessions = [session(1, "laptop", true), session(2, "desk", false)];
        assert_eq!(table(&sessions, Some(120)), table(&sessions, None));
        assert_eq!(
            table(&sessions, Some(80)),
            "id:        0000000000000001\ndevice:    laptop\nsource:    127.0.0.1\n\
             created:   1970-01-01T00:00:00Z\nlast used: 1970-01-01T00:01:00Z\n\
             expires:   1970-01-02T00:00:00Z\nnote:      this session\n\n\
             id:        0000000000000002\ndevice:    desk\nsource:    127.0.0.1\n\
             created:   1970-01-01T00:00:00Z\nlast used: 1970-01-01T00:01:00Z\n\
             expires:   1970-01-02T00:00:00Z"
        );
    }

    #[test]
    fn the_json_is_an_array_with_these_keys() {
        let one = session(255, "laptop", true);
        assert_eq!(
            json_line(&[SessionJson::of(&one)]).unwrap(),
            "[{\"id\":\"00000000000000ff\",\"device\":\"laptop\",\"source\":\"127.0.0.1\",\
             \"created\":\"1970-01-01T00:00:00Z\",\"last_used\":\"1970-01-01T00:01:00Z\",\
             \"expires\":\"1970-01-02T00:00:00Z\",\"current\":true}]"
        );
    }
}
