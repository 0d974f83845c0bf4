//! The audit on the admin port: what operators read is recorded before they get it, and the chain is checked.

use super::Operator;
use super::accounts::act;
use super::rows::Follow;
use crate::audit::Action;
use crate::connection::Ended;
use crate::conversation::Replies;
use crate::failure::Failure;
use crate::server::Server;
use std::time::Duration;
use tokio::time::Instant;
use vestry_protocol::admin::{AdminReply, FollowFrom, Listing, View};
use vestry_protocol::audit::{AuditVerdict, Checkpoint};
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{Field, FieldError};
use vestry_store::{Party, StoreError, Verification};

/// What an operator asked for is cut to this length in an event. The longest would be 64 KiB, again and again.
const DETAIL_CHARS_MAX: usize = 500;

/// What was cut ends with this.
const CUT: char = '…';

/// A check of ten million events takes longer than a client waits for an answer.
const SIGN_OF_LIFE_PERIOD: Duration = Duration::from_secs(2);

/// What an operator is about to read.
pub(super) struct Read {
    subject: &'static str,
    /// On one line, whatever was typed.
    detail: String,
    /// It says that it goes on with something.
    goes_on: bool,
}

impl Read {
    pub(super) fn of_query(sql: &str) -> Self {
        Self { subject: "sql", detail: Escaped(sql).to_string(), goes_on: false }
    }

    /// `None` for what says nothing of people.
    pub(super) fn of_listing(listing: &Listing) -> Option<Self> {
        let subject = match listing.view {
            View::Accounts => "accounts",
            View::Sessions => "sessions",
            View::Audit => "audit",
            View::Operators => return None,
        };
        let mut words = words_of(&listing.columns, listing.filter.as_deref());
        words.extend(listing.sort.as_ref().map(|column| format!("sort {column}")));
        words.extend(listing.descending.then(|| "desc".to_owned()));
        let detail = Escaped(&words.join(" ")).to_string();
        Some(Self { subject, detail, goes_on: listing.after.is_some() })
    }

    /// Each row of an import that is not taken tells that there is such a name.
    pub(super) fn of_import() -> Self {
        Self { subject: "accounts", detail: "names of an import".to_owned(), goes_on: false }
    }

    pub(super) fn of_follow(asked: &Follow) -> Self {
        let mut words = vec!["follow".to_owned()];
        words.extend(words_of(&asked.columns, asked.filter.as_deref()));
        let goes_on = matches!(asked.from, FollowFrom::Behind(_));
        Self { subject: "audit", detail: Escaped(&words.join(" ")).to_string(), goes_on }
    }
}

fn words_of(columns: &[String], filter: Option<&str>) -> Vec<String> {
    let columns = (!columns.is_empty()).then(|| format!("columns {}", columns.join(",")));
    columns.into_iter().chain(filter.map(|filter| format!("where {filter}"))).collect()
}

fn cut(detail: &str) -> String {
    match detail.char_indices().nth(DETAIL_CHARS_MAX) {
        None => detail.to_owned(),
        Some(_) => detail.chars().take(DETAIL_CHARS_MAX - 1).chain([CUT]).collect(),
    }
}

/// Writes down what an operator is about to read. When that cannot be done, as with a full disk, the read goes on and
/// the log says so.
pub(super) async fn record(server: &Server, operator: &Operator, read: Read) {
    let Read { subject, detail, goes_on } = read;
    if !server.recorded.is_new(Instant::now(), &operator.name, (subject, &detail), goes_on) {
        return;
    }
    let (now, event_detail) = (server.clock.now(), cut(&detail));
    let noted = act(server, operator, move |tx, by| {
        by.as_actor().note(tx, now, Action::OperatorRead, Party::Text(subject), &event_detail)?;
        Ok(())
    });
    if let Err(error) = noted.await {
        server.recorded.forget(&operator.name, subject, &detail);
        let (operator, detail) = (Escaped(&operator.name), cut(&detail));
        tracing::warn!(%error, %operator, subject, %detail, "an operator's read is in no audit event; it goes on");
    }
}

/// Checks the whole chain, a chunk at a time.
pub(super) async fn verify(
    server: &Server,
    checkpoints: Vec<Checkpoint>,
    replies: &mut Replies<'_, AdminReply>,
) -> Result<(), Ended> {
    if let Some(bad) = checkpoints.iter().find(|checkpoint| !checkpoint.is_well_formed()) {
        let rule = format!("that of event {} needs 16 to 64 of 0-9 and a-f", bad.id);
        let failure = Failure::from(FieldError { field: Field::Checkpoints, rule });
        return replies.send(AdminReply::Refused(failure.into_refusal())).await;
    }
    let mut verification = Verification::new(server.store.chain().clone(), server.head.known(), checkpoints);
    let mut told = Instant::now();
    loop {
        match advance(server, verification).await {
            Ok((_, Some(verdict))) => {
                tell_the_log(&verdict);
                return replies.send(AdminReply::AuditVerified(verdict)).await;
            }
            Ok((begun, None)) => verification = begun,
            Err(failure) => return replies.send(AdminReply::Refused(failure.into_refusal())).await,
        }
        if told.elapsed() >= SIGN_OF_LIFE_PERIOD {
            told = Instant::now();
            replies.send(AdminReply::AuditChecked { events: verification.events() }).await?;
            replies.flush().await?;
        }
    }
}

async fn advance(
    server: &Server,
    mut verification: Verification,
) -> Result<(Verification, Option<AuditVerdict>), Failure> {
    let read = server.store.read(move |tx| {
        let verdict = verification.advance(tx)?;
        Ok::<_, StoreError>((verification, verdict))
    });
    Ok(read.await?)
}

fn tell_the_log(verdict: &AuditVerdict) {
    if let Some(fault) = &verdict.fault {
        tracing::error!(%fault, "the audit is not as it was written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_one_line_of_500_characters_at_most() {
        let read = Read::of_query("select 1\n\u{1b}[2J");
        assert_eq!(read.detail, "select 1\\n\\u{1b}[2J");
        for length in [499, 500, 501, 60_000] {
            let text = "ä".repeat(length);
            assert_eq!(cut(&text).chars().count(), length.min(DETAIL_CHARS_MAX));
            assert_eq!(cut(&text).ends_with(CUT), length > DETAIL_CHARS_MAX);
        }
    }

    #[test]
    fn the_pages_of_a_listing_are_described_alike() {
        let page = |after: Option<&str>| Listing {
            view: View::Accounts,
            columns: vec!["name".to_owned(), "age".to_owned()],
            filter: Some("age > 30".to_owned()),
            sort: Some("age".to_owned()),
            descending: true,
            limit: 10,
            after: after.map(str::to_owned),
        };
        let (first, next) =
            (Read::of_listing(&page(None)).unwrap(), Read::of_listing(&page(Some("x"))).unwrap());
        assert_eq!(first.detail, "columns name,age where age > 30 sort age desc");
        assert_eq!((first.detail, first.goes_on, next.goes_on), (next.detail, false, true));
        assert!(Read::of_listing(&Listing { view: View::Operators, ..page(None) }).is_none());
    }
}
