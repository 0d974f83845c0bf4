//! The audit as it is written, and whether it still is as it was written.

use crate::cli::ListArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::mistake::Asked;
use crate::record::{Record, text};
use crate::render::{Format, RowWriter};
use std::io::{self, Write};
use std::time::Duration;
use vestry_client::wire::WireError;
use vestry_protocol::admin::{Cell, FollowFrom, View};
use vestry_protocol::audit::{AuditVerdict, Checkpoint};
use vestry_protocol::count::Count;
use vestry_protocol::escape::Escaped;
use vestry_protocol::refusal::RefusalCode;

/// How often new events are asked for.
const FOLLOW_PERIOD: Duration = Duration::from_secs(1);

/// Shows the newest events, then each new one, until Ctrl-C.
pub(super) async fn follow(context: &mut Context, arguments: ListArgs) -> Result<(), Failure> {
    let format = format_to_follow_in(context.form.asked())?;
    let mut interrupt = Interrupt::listen()?;
    tokio::select! {
        failed = follow_for_ever(context, arguments, format) => return failed,
        () = interrupt.pressed() => {}
    }
    context.console.disconnect();
    Ok(())
}

/// A box and an array have to know their end; there is none.
fn format_to_follow_in(asked: Option<Format>) -> Result<Format, Failure> {
    match asked {
        None => Ok(Format::Tsv),
        Some(format) if format.writes_rows_as_they_come() => Ok(format),
        Some(_) => Err(Failure::Usage(
            "--follow has no end, and this format needs one; use --format ndjson, csv, tsv or vertical"
                .to_owned(),
        )),
    }
}

async fn follow_for_ever(context: &mut Context, asked: ListArgs, format: Format) -> Result<(), Failure> {
    let mut writer = Following { writer: format.writer(context.output.width()), begun: false };
    let mut from = FollowFrom::Newest(asked.limit);
    let (mut is_first, mut is_lost) = (true, false);
    loop {
        let mut stdout = context.output.stdout();
        let looked = context
            .console
            .stream_rows(
                Asked::condition(View::Audit, asked.filter.as_deref(), 0),
                async |client| client.follow_audit(asked.columns.clone(), asked.filter.clone(), from).await,
                &mut writer,
                &mut stdout,
            )
            .await;
        drop(stdout);
        match looked {
            Ok(end) => {
                let newest = end.next.and_then(|next| next.parse().ok()).ok_or(Failure::UnexpectedReply)?;
                from = FollowFrom::Behind(newest);
                if context.console.was_reconnected() | std::mem::take(&mut is_lost) {
                    context.output.talk("vestryctl: the connection was lost; going on over a new one");
                }
            }
            Err(failure) if is_first || !may_pass(&failure) => return Err(failure),
            Err(failure) => {
                if !std::mem::replace(&mut is_lost, true) {
                    context.output.talk(format_args!("vestryctl: {failure}; waiting for the server"));
                }
                context.console.disconnect();
            }
        }
        is_first = false;
        tokio::time::sleep(FOLLOW_PERIOD).await;
    }
}

/// Whether waiting may help: the server restarts, or has too much to do.
fn may_pass(failure: &Failure) -> bool {
    match failure {
        Failure::Wire { error, .. } => matches!(
            error,
            WireError::Unreachable(_) | WireError::LostBeforeSending(_) | WireError::LostAfterSending(_)
        ),
        Failure::Refused(refusal) => [RefusalCode::Busy, RefusalCode::Unavailable, RefusalCode::Stopping]
            .iter()
            .any(|code| refusal.is(*code)),
        _ => false,
    }
}

/// Many answers as one: the header once, and no end.
struct Following {
    writer: Box<dyn RowWriter>,
    begun: bool,
}

impl RowWriter for Following {
    fn columns(&mut self, names: Vec<String>, out: &mut dyn Write) -> io::Result<()> {
        match std::mem::replace(&mut self.begun, true) {
            true => Ok(()),
            false => self.writer.columns(names, out),
        }
    }

    fn row(&mut self, cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        self.writer.row(cells, out)
    }

    fn end(&mut self, _: Duration, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Has the server check its audit, and says what it found.
pub(super) async fn verify(context: &mut Context, checkpoints: &[String]) -> Result<(), Failure> {
    let checkpoints = checkpoints.iter().map(|text| parse_checkpoint(text)).collect::<Result<Vec<_>, _>>()?;
    let verdict = context.console.read(async |client| client.verify_audit(checkpoints.clone()).await).await?;
    if context.form.asked().is_some() {
        let count = |number: u64| Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let record = Record::new(vec![
            ("whole", text(if verdict.fault.is_none() { "yes" } else { "no" })),
            ("events", count(verdict.events)),
            ("purged_to", Cell::Integer(verdict.purged_to)),
            ("older_to", Cell::Integer(verdict.older_to)),
            ("head", Cell::Integer(verdict.head)),
            ("head_mac", text(&verdict.head_mac)),
            ("checkpoints", count(verdict.checkpoints)),
            ("fault", verdict.fault.as_ref().map_or(Cell::Null, |fault| text(&fault.to_string()))),
        ]);
        record.write(context.output, context.form)?;
    }
    match verdict.fault {
        Some(fault) => Err(Failure::Audit(fault)),
        None if context.form.asked().is_some() => Ok(()),
        None => context.output.line(sentence_of(&verdict)),
    }
}

fn parse_checkpoint(typed: &str) -> Result<Checkpoint, Failure> {
    let parts = typed.trim().split_once(':');
    let read =
        parts.and_then(|(id, mac)| Some(Checkpoint { id: id.parse().ok()?, mac: mac.to_ascii_lowercase() }));
    read.filter(Checkpoint::is_well_formed).ok_or_else(|| {
        let typed = Escaped(typed);
        Failure::BadData(format!(
            "'{typed}' is no checkpoint; write the event and 16 to 64 digits of its MAC, as 4711:0123456789abcdef"
        ))
    })
}

fn sentence_of(verdict: &AuditVerdict) -> String {
    let events = Count::new(verdict.events, "event");
    let mut parts = vec![format!("{events} {} as written", events.is())];
    if verdict.older_to > verdict.purged_to {
        parts.push(format!("those up to {} were sealed later, as they were found", verdict.older_to));
    }
    if verdict.purged_to > 0 {
        parts.push(format!("those up to {} were removed because of their age", verdict.purged_to));
    }
    if verdict.checkpoints > 0 {
        parts.push(format!("checkpoints that fit: {}", verdict.checkpoints));
    }
    format!("{}\nthe newest is {}:{}", parts.join("; "), verdict.head, Escaped(&verdict.head_mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_the_log_writes_it() {
        let mac = "0123456789abcdef".to_owned();
        assert_eq!(parse_checkpoint(" 17:0123456789ABCDEF ").unwrap(), Checkpoint { id: 17, mac });
        for typed in ["", "17", "17:", "17:0123", "x:0123456789abcdef", "-1:0123456789abcdef", "1:\u{1b}[2J"]
        {
            let error = parse_checkpoint(typed).unwrap_err().to_string();
            assert!(error.contains("is no checkpoint") && !error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn a_format_that_needs_an_end_is_not_followed_in() {
        assert_eq!(format_to_follow_in(None).unwrap(), Format::Tsv);
        for format in [Format::Ndjson, Format::Csv, Format::Tsv, Format::Vertical] {
            assert_eq!(format_to_follow_in(Some(format)).unwrap(), format);
        }
        for format in [Format::Json, Format::Table] {
            assert!(matches!(format_to_follow_in(Some(format)), Err(Failure::Usage(_))));
        }
    }

    #[test]
    fn many_answers_have_one_header_and_no_end() {
        let mut out = Vec::new();
        let mut writer = Following { writer: Format::Csv.writer(None), begun: false };
        for number in 1..=2 {
            writer.columns(vec!["id".to_owned()], &mut out).unwrap();
            writer.row(&[Cell::Integer(number)], &mut out).unwrap();
            writer.end(Duration::ZERO, &mut out).unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), "id\r\n1\r\n2\r\n");
    }

    #[test]
    fn the_sentence_says_what_was_not_checked_one_by_one() {
        let verdict = AuditVerdict {
            events: 7,
            purged_to: 3,
            older_to: 5,
            head: 10,
            head_mac: "ab".repeat(32),
            checkpoints: 0,
            fault: None,
        };
        let sentence = sentence_of(&verdict);
        assert!(sentence.starts_with("7 events are as written; those up to 5 were sealed later"));
        assert!(
            sentence.contains("those up to 3 were removed") && sentence.contains("the newest is 10:abab")
        );
    }
}
