//! What a drill makes and fills on the server, and how it is taken away again: accounts with names of its own, and the lanes
//! of these names and of its source addresses. Nothing else is touched.
//!
//! What is left is asked of the server and not of a list in memory: a call that was cut off may have been done.

use super::super::kept::select;
use crate::console::Console;
use crate::failure::Failure;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use vestry_client::AdminClient;
use vestry_protocol::admin::Cell;
use vestry_protocol::escape::Escaped;
use vestry_protocol::random;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::SecretText;
use vestry_protocol::typed::vestryctl;
use vestry_protocol::user::Profile;

/// The first bytes of every source address of a drill: loopback, and no address that anything else uses.
pub(super) const SOURCES: [u8; 2] = [127, 77];

/// Letters that make a name: base32, so that five random bits are one.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

const TAG_CHARS: usize = 10;

/// Rows that are asked for at once.
const ROWS_MAX: usize = 1_000;

/// An attempt that was broken off has its lane a moment later.
const SETTLE_TIME: Duration = Duration::from_millis(200);

/// Looks in a row that find as much as the one before; then it does not go away.
const VAIN_LOOKS_MAX: u32 = 5;

/// What was taken away.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tidied {
    pub(super) accounts: usize,
    /// Names and prefixes whose lanes were opened.
    pub(super) subjects: usize,
}

/// The names of one drill.
#[derive(Debug)]
pub(super) struct Ground {
    /// `drill-` and 50 random bits: no other drill has it, and no account of a user.
    tag: String,
    next: AtomicU64,
    /// Names under which there may be an account.
    accounts: Mutex<BTreeSet<String>>,
}

impl Ground {
    /// Draws the names of a new drill.
    pub(super) fn draw() -> Result<Self, Failure> {
        let tag = format!("drill-{}", random_letters(TAG_CHARS)?);
        Ok(Self::of_tag(tag))
    }

    /// Returns the names of a drill that is over, by what all of them begin with.
    pub(super) fn of_earlier(tag: &str) -> Result<Self, Failure> {
        let letters = tag.strip_prefix("drill-").unwrap_or_default();
        match letters.len() == TAG_CHARS && letters.bytes().all(|letter| LETTERS.contains(&letter)) {
            true => Ok(Self::of_tag(tag.to_owned())),
            false => Err(Failure::BadData(format!(
                "'{}' is no drill; give what its accounts begin with, as drill-abcdefghij",
                Escaped(tag)
            ))),
        }
    }

    fn of_tag(tag: String) -> Self {
        Self { tag, next: AtomicU64::new(0), accounts: Mutex::default() }
    }

    /// Returns what all names begin with.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// Returns a name that was not used before, and that gets no account.
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.tag, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns a name under which an account is about to be made.
    pub(super) fn account_name(&self) -> String {
        let name = self.name();
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        name
    }

    /// Makes an account; its name and its one-time code.
    pub(super) async fn make_account(&self, console: &mut Console) -> Result<(String, SecretText), Failure> {
        let name = self.account_name();
        let look = vestryctl("account show").arg(&name);
        let make = async |client: &mut AdminClient| client.create_account(&*name, Profile::default()).await;
        let issued = console.change(look, make).await?.of_a_drill();
        Ok((issued.name, issued.code))
    }

    /// Returns how many accounts may have been left.
    pub(super) fn left(&self) -> usize {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Deletes every account of this drill and opens every lane that it filled.
    pub(super) async fn tidy(&self, console: &mut Console) -> Result<Tidied, Failure> {
        let mut tidied = Tidied::default();
        let mut vain_looks = 0;
        let mut found_before = usize::MAX;
        let tag = &self.tag;
        let sql =
            format!("select name from accounts where name like '{tag}-%' and status <> 'deleted' order by 1");
        while vain_looks < VAIN_LOOKS_MAX {
            let names = first_texts(select(console, sql.clone(), ROWS_MAX).await?);
            for name in &names {
                let look = vestryctl("account show").arg(name);
                match console.change(look, async |client| client.delete_account(name).await).await {
                    Err(Failure::Refused(refusal)) if refusal.is(RefusalCode::WrongState) => {}
                    done => drop(done?.of_a_drill()),
                }
                self.accounts.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
            }
            let accounts = names.len();
            let subjects = self.open_lanes(console).await?;
            let found = accounts + subjects;
            if found == 0 {
                self.accounts.lock().unwrap_or_else(PoisonError::into_inner).clear();
                return Ok(tidied);
            }
            tidied.accounts += accounts;
            tidied.subjects += subjects;
            vain_looks = if found < found_before { 0 } else { vain_looks + 1 };
            found_before = found;
            tokio::time::sleep(SETTLE_TIME).await;
        }
        Err(Failure::Drill("what it made on the server comes back as it is taken away".to_owned()))
    }

    /// Opens the lanes of this drill's names and of every source address of drills.
    pub(super) async fn open_lanes(&self, console: &mut Console) -> Result<usize, Failure> {
        let ([a, b], tag) = (SOURCES, &self.tag);
        let sql = format!("select lane from throttle where lane like '% {tag}-%' or lane like '% {a}.{b}.%'");
        let lanes = first_texts(select(console, sql, ROWS_MAX).await?);
        let subjects: BTreeSet<&str> = lanes.iter().filter_map(|lane| self.subject_of(lane)).collect();
        for subject in &subjects {
            let clear =
                async |client: &mut AdminClient| client.clear_throttle(Some((*subject).to_owned())).await;
            console.change(vestryctl("throttle"), clear).await?.of_a_drill();
        }
        Ok(subjects.len())
    }

    /// Returns whose lane it is, as `ClearThrottle` takes it; nothing for a lane of others.
    fn subject_of<'lane>(&self, lane: &'lane str) -> Option<&'lane str> {
        let (_, whose) = lane.split_once(' ')?;
        if let Some((address, _)) = whose.split_once('/')
            && let Ok(address) = address.parse::<Ipv4Addr>()
        {
            return address.octets().starts_with(&SOURCES).then_some(whose);
        }
        let name = whose.split('/').next()?;
        let is_own = name.strip_prefix(self.tag.as_str()).is_some_and(|rest| rest.starts_with('-'));
        is_own.then_some(name)
    }
}

/// Returns random letters for a name or a password, five bits each.
pub(super) fn random_letters(count: usize) -> Result<String, Failure> {
    let mut bytes = vec![0; count];
    random::fill(&mut bytes).map_err(|error| Failure::Drill(error.to_string()))?;
    Ok(bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32))).copied().map(char::from).collect())
}

fn first_texts(rows: Vec<Vec<Cell>>) -> Vec<String> {
    let text = |row: Vec<Cell>| match row.into_iter().next() {
        Some(Cell::Text(text)) => Some(text),
        _ => None,
    };
    rows.into_iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lanes_of_a_drill_are_opened() {
        let ground = Ground::of_tag("drill-abc".to_owned());
        for (lane, subject) in [
            ("account drill-abc-4", Some("drill-abc-4")),
            ("session drill-abc-4/00c0ffee00c0ffee", Some("drill-abc-4")),
            ("source 127.77.1.1/32", Some("127.77.1.1/32")),
            ("names 127.77.3.0/24", Some("127.77.3.0/24")),
            ("source 127.0.0.1/32", None),
            ("source 127.7.77.0/24", None),
            ("account drill-abcd-4", None),
            ("account drill-abc", None),
            ("account naman", None),
            ("registrations ", None),
            ("registrations", None),
        ] {
            assert_eq!(ground.subject_of(lane), subject, "{lane}");
        }
    }

    #[test]
    fn names_are_valid_and_never_the_same() {
        let (one, other) = (Ground::draw().unwrap(), Ground::draw().unwrap());
        assert_ne!(one.tag, other.tag);
        let names = [one.name(), one.account_name(), one.account_name()];
        assert!(names.iter().all(|name| vestry_protocol::fields::Username::parse(name).is_ok()), "{names:?}");
        assert_eq!(one.left(), 2);
        assert_eq!(Ground::of_earlier(one.tag()).unwrap().tag(), one.tag());
    }

    #[test]
    fn nothing_but_a_drill_can_be_tidied() {
        for tag in
            ["", "drill-", "naman", "drill-abc", "drill-abcdefghi%", "drill-abcdefghij-1", "drill-ABCDEFGHIJ"]
        {
            assert!(matches!(Ground::of_earlier(tag), Err(Failure::BadData(_))), "{tag}");
        }
    }
}
