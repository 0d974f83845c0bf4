//! What operators read is recorded before they get it.

use super::operator::{Operator, act};
use super::recent::RecentReads;
use crate::audit::act;
use crate::failure::Failure;
use crate::shared::Shared;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use vestry_protocol::admin::{FollowFrom, Listing, View};
use vestry_protocol::count::Count;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::Username;
use vestry_store::query::OperatorReader;
use vestry_store::{Noted, NotedOn, Party};

/// What an operator asked for is cut to this length in an event. The longest would be 64 KiB, again and again.
const DETAIL_CHARS_MAX: usize = 500;

/// What was cut ends with this, and then says how long it was and what its SHA-256 is.
const CUT: char = '…';

/// What is to be followed.
pub(crate) struct Follow {
    pub(crate) columns: Vec<String>,
    pub(crate) filter: Option<String>,
    pub(crate) from: FollowFrom,
}

/// Proof that what an operator is about to read is on record: in an event, or, while none can be written, in the log. Only
/// `record` makes one, and nothing reads of people for an operator without it.
pub struct Recorded(());

/// What shows an account to an operator only beside its event: a recorded read, or the event of an act on it.
pub(crate) trait OnRecord {}

impl OnRecord for Recorded {}
impl<A> OnRecord for Noted<'_, A> {}
impl<A> OnRecord for NotedOn<'_, A> {}

/// The operator's read-only SQL, for what is on record.
pub struct RecordedQueries {
    reader: OperatorReader,
    recent: RecentReads,
}

impl RecordedQueries {
    /// Over the database.
    #[must_use]
    pub fn new(reader: OperatorReader) -> Self {
        Self { reader, recent: RecentReads::default() }
    }

    /// What reads the views.
    pub(crate) fn of(&self, _: &Recorded) -> &OperatorReader {
        &self.reader
    }

    /// Writes down what an operator is about to read. When that cannot be done, as with a full disk, the read goes on and the
    /// log says so.
    ///
    /// # Errors
    /// When the operator has no right to read any more.
    pub(crate) async fn record(
        &self,
        shared: &Shared,
        operator: &Operator,
        read: Read,
    ) -> Result<Recorded, Failure> {
        let Read { subject, asked, goes_on } = read;
        let of_people = !matches!(subject, Subject::Operators);
        let recent = &self.recent;
        if !of_people || !recent.is_new(Instant::now(), &operator.name, (subject.as_str(), &asked), goes_on) {
            return Ok(Recorded(()));
        }
        let (now, detail, names) = (shared.clock.now(), detail_of(&asked), shared.names.clone());
        let (about, written) = (subject.clone(), detail.clone());
        let noted = act(shared, operator, move |tx, by| {
            let note =
                |party: Party<'_>| by.as_actor().note(tx, now, act::OperatorRead, party, &written).map(drop);
            match about {
                Subject::Account(name) => note(names.look_up(tx, name.as_str(), now)?.target().as_party())?,
                Subject::View(view) => note(Party::Text(view))?,
                Subject::Operators => {}
            }
            Ok(())
        });
        if let Err(error) = noted.await {
            recent.forget(&operator.name, subject.as_str(), &asked);
            if !matches!(error, Failure::Store(_)) {
                return Err(error);
            }
            let (operator, subject) = (Escaped(&operator.name), subject.as_str());
            tracing::warn!(%error, %operator, subject, %detail, "an operator's read is in no audit event; it goes on");
        }
        Ok(Recorded(()))
    }
}

/// What an operator is about to read.
pub(crate) struct Read {
    subject: Subject,
    /// As it was asked for.
    asked: String,
    /// It says that it goes on with something.
    goes_on: bool,
}

/// Whom a read is about.
#[derive(Clone)]
enum Subject {
    View(&'static str),
    Account(Username),
    /// Nothing of people.
    Operators,
}

impl Subject {
    fn as_str(&self) -> &str {
        match self {
            Self::View(view) => view,
            Self::Account(name) => name.as_str(),
            Self::Operators => "operators",
        }
    }
}

impl Read {
    pub(crate) fn of_query(sql: String) -> Self {
        Self { subject: Subject::View("sql"), asked: sql, goes_on: false }
    }

    /// The event names the account by its number, and a name without one by its hash.
    pub(crate) fn of_account(name: Username) -> Self {
        Self { subject: Subject::Account(name), asked: "account".to_owned(), goes_on: false }
    }

    pub(crate) fn of_listing(listing: &Listing) -> Self {
        let subject = match listing.view {
            View::Accounts => Subject::View("accounts"),
            View::Sessions => Subject::View("sessions"),
            View::Audit => Subject::View("audit"),
            View::Operators => Subject::Operators,
        };
        let mut words = words_of(&listing.columns, listing.filter.as_deref());
        words.extend(listing.sort.as_ref().map(|column| format!("sort {column}")));
        words.extend(listing.descending.then(|| "desc".to_owned()));
        Self { subject, asked: words.join(" "), goes_on: listing.after.is_some() }
    }

    /// Names while one is typed, of one connection.
    pub(crate) fn of_completion() -> Self {
        Self { subject: Subject::View("accounts"), asked: "completion of names".to_owned(), goes_on: false }
    }

    /// Each row of an import that is not taken tells that there is such a name.
    pub(crate) fn of_import() -> Self {
        Self { subject: Subject::View("accounts"), asked: "names of an import".to_owned(), goes_on: false }
    }

    pub(crate) fn of_follow(asked: &Follow) -> Self {
        let mut words = vec!["follow".to_owned()];
        words.extend(words_of(&asked.columns, asked.filter.as_deref()));
        let goes_on = matches!(asked.from, FollowFrom::Behind(_));
        Self { subject: Subject::View("audit"), asked: words.join(" "), goes_on }
    }
}

fn words_of(columns: &[String], filter: Option<&str>) -> Vec<String> {
    let columns = (!columns.is_empty()).then(|| format!("columns {}", columns.join(",")));
    columns.into_iter().chain(filter.map(|filter| format!("where {filter}"))).collect()
}

/// What was asked for on one line, whatever was typed. What is cut off can still be told from anything else that begins alike.
fn detail_of(asked: &str) -> String {
    let spelled = Escaped(asked).to_string();
    if spelled.chars().nth(DETAIL_CHARS_MAX).is_none() {
        return spelled;
    }
    let kept: String = spelled.chars().take(DETAIL_CHARS_MAX - 1).chain([CUT]).collect();
    format!(
        "{kept} ({}, sha256:{})",
        Count::new(asked.len(), "byte"),
        HEXLOWER.encode(&Sha256::digest(asked))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_one_line_and_what_is_cut_leaves_its_length_and_digest() {
        assert_eq!(detail_of("select 1\n\u{1b}[2J"), "select 1\\n\\u{1b}[2J");
        for length in [499, 500, 501, 60_000] {
            let detail = detail_of(&"ä".repeat(length));
            let (kept, behind) = detail.split_at(detail.find(CUT).unwrap_or(detail.len()));
            assert_eq!(
                kept.chars().count(),
                if length > DETAIL_CHARS_MAX { DETAIL_CHARS_MAX - 1 } else { length }
            );
            assert_eq!(
                behind.contains(&format!("({} bytes, sha256:", 2 * length)),
                length > DETAIL_CHARS_MAX
            );
        }
        let alike = ["", "x", "y"].map(|end| detail_of(&format!("{}{end}", "a".repeat(600))));
        assert!(alike[0] != alike[1] && alike[1] != alike[2], "{alike:?}");
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
        let (first, next) = (Read::of_listing(&page(None)), Read::of_listing(&page(Some("x"))));
        assert_eq!(first.asked, "columns name,age where age > 30 sort age desc");
        assert_eq!((first.asked, first.goes_on, next.goes_on), (next.asked, false, true));
        let operators = Read::of_listing(&Listing { view: View::Operators, ..page(None) });
        assert!(matches!(operators.subject, Subject::Operators));
    }
}
