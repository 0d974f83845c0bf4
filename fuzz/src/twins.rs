//! Two databases that show the same and hide different things: every credential, token, code and date that
//! no view shows differs. What an operator is told of one must be what is told of the other, whatever is asked: then
//! no answer depends on a secret.

use crate::has_control;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use vestry_protocol::admin::{Cell, Listing};
use vestry_protocol::fields::{Age, Email, Field, Gender, Reason, Username};
use vestry_protocol::role::Role;
use vestry_protocol::{Pin, UnixSeconds};
use vestry_store::query::{OperatorReader, QueryCaps, QueryEnd, QueryError, RowSink};
use vestry_store::{
    AccountId, Act, ActorKind, ChainKey, DeletionRight, Event, Generation, IssuedCode, NameKeys, NewAccount,
    NewCredential, NewOperator, NewResetCode, NewSessionRow, OprfId, Party, Permits, ProfilePatch,
    SealedRecord, SessionId, StillProven, Store, StoreError, StoreLimits, WriteTx,
};

/// What every secret begins with, in both.
const CANARY: &str = "CANARY-4711";
/// Both were made at this moment.
const NOW: UnixSeconds = UnixSeconds::from_seconds(1_700_000_000);

/// Both databases, made once.
pub struct Twins {
    pair: [Twin; 2],
}

struct Twin {
    folder: TempDir,
    reader: OperatorReader,
    files: BTreeSet<String>,
    database: Vec<u8>,
}

/// What a query told.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The header.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// How it ended.
    pub end: Option<QueryEnd>,
    /// Or why not.
    pub error: Option<String>,
    /// It ended by the clock or the load, which say nothing of the database.
    by_chance: bool,
}

impl RowSink for Told {
    fn columns(&mut self, names: Vec<String>, _: Instant) -> ControlFlow<()> {
        self.columns = names;
        ControlFlow::Continue(())
    }

    fn row(&mut self, cells: Vec<Cell>) -> ControlFlow<()> {
        assert_eq!(cells.len(), self.columns.len(), "a row is not as long as its header");
        self.rows.push(cells);
        ControlFlow::Continue(())
    }
}

impl Told {
    fn ended(mut self, end: Result<QueryEnd, QueryError>) -> Self {
        match end {
            Ok(end) => {
                assert_eq!(end.rows, self.rows.len() as u64);
                self.end = Some(end);
            }
            Err(QueryError::Store(error)) => panic!("what was typed looks like a damaged database: {error}"),
            Err(error) => {
                self.by_chance =
                    matches!(error, QueryError::TimedOut { .. } | QueryError::Busy | QueryError::Cancelled);
                let words = error.to_string();
                assert!(!has_control(&words), "{words:?}");
                self.error = Some(words);
            }
        }
        assert!(!format!("{self:?}").contains(CANARY), "a secret was shown: {self:?}");
        self
    }

    fn same(&self, other: &Self) -> bool {
        self.by_chance || other.by_chance || format!("{self:?}") == format!("{other:?}")
    }
}

/// The databases of this process.
#[must_use]
pub fn twins() -> &'static Twins {
    static TWINS: OnceLock<Twins> = OnceLock::new();
    TWINS.get_or_init(|| Twins { pair: [Twin::new(1), Twin::new(2)] })
}

impl Twins {
    /// One statement, as the prompt runs it.
    ///
    /// # Panics
    /// When what is told depends on what is hidden, shows it, or anything was written.
    #[must_use]
    pub fn run(&self, sql: &str) -> Told {
        self.ask(|reader, told| reader.run(sql, told))
    }

    /// One page, as `vestryctl accounts --where …` lists it.
    ///
    /// # Panics
    /// As [`Twins::run`].
    #[must_use]
    pub fn list(&self, listing: &Listing) -> Told {
        self.ask(|reader, told| reader.list(listing, told))
    }

    fn ask(&self, ask: impl Fn(&OperatorReader, &mut Told) -> Result<QueryEnd, QueryError>) -> Told {
        let [first, second] = &self.pair;
        let once = |twin: &Twin| {
            let mut told = Told::default();
            let end = ask(&twin.reader, &mut told);
            told.ended(end)
        };
        let told = once(first);
        // The time of day is no secret: what differs from itself a moment later may differ from its twin.
        let agree = (0..5).any(|_| told_alike(&once, first, second));
        assert!(agree, "what is told depends on what is hidden: {told:?}");
        first.require_untouched();
        told
    }
}

fn told_alike(once: &impl Fn(&Twin) -> Told, first: &Twin, second: &Twin) -> bool {
    let (before, other, after) = (once(first), once(second), once(first));
    before.same(&other) || !before.same(&after)
}

impl Twin {
    fn new(number: u8) -> Self {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let path = folder.path().join("vestry.db");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let chain = ChainKey::from_bytes(&[7; ChainKey::BYTES]).expect("a key");
            Store::create(&path, &chain).expect("a database can be made");
            let store = Store::open(&path, StoreLimits::default(), chain).expect("it can be opened");
            store.write(move |tx| fill(tx, number)).await.expect("it can be written");
            store.close().await;
        });
        let caps = QueryCaps { rows_max: 300, time_max: Duration::from_millis(300), ..QueryCaps::default() };
        let reader = OperatorReader::open(&path, caps).expect("it can be read");
        let (files, database) = look_at(folder.path());
        Self { folder, reader, files, database }
    }

    /// Nothing was written, neither here nor beside it.
    fn require_untouched(&self) {
        let (files, database) = look_at(self.folder.path());
        assert!(database == self.database, "the database was written to");
        let logs = ["vestry.db-wal", "vestry.db-shm"];
        let new: Vec<_> =
            files.difference(&self.files).filter(|name| !logs.contains(&name.as_str())).collect();
        assert!(new.is_empty(), "files were made: {new:?}");
    }
}

fn look_at(folder: &Path) -> (BTreeSet<String>, Vec<u8>) {
    let names = std::fs::read_dir(folder).expect("it is there").flatten();
    let names = names.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    (names, std::fs::read(folder.join("vestry.db")).expect("it is there"))
}

/// The same for both, but for what `number` is part of.
fn fill(tx: &WriteTx<'_>, number: u8) -> Result<(), StoreError> {
    let people = [
        ("navneet", Some("navneet@example.org"), Some(23), None),
        ("anirudh", None, Some(18), Some("m")),
        ("shubham", Some("shubham@example.org"), Some(20), Some("m")),
        ("naman", Some("naman@example.org"), Some(40), None),
        ("zo.e", None, None, Some("non-binary 'ö'")),
    ];
    for (at, (name, email, age, gender)) in (0i64..).zip(people) {
        person(tx, number, at, name, (email, age, gender))?;
    }
    let noted = tx.note(&Played("operator.enrolled"), &event(ActorKind::Server, "vestryd", "admin"))?;
    for (pin, name, role) in [(Pin([0xaa; 32]), "admin", Role::Admin), (Pin([0xbb; 32]), "jo", Role::Viewer)]
    {
        tx.insert_operator(&noted, &NewOperator { pin, name, role, created: NOW })?;
    }
    tx.revoke_operator(&noted, "jo", NOW.plus(5))?;
    Ok(())
}

type Words = (Option<&'static str>, Option<u16>, Option<&'static str>);

fn person(tx: &WriteTx<'_>, number: u8, at: i64, name: &str, words: Words) -> Result<(), StoreError> {
    let id = tx.next_account_id()?;
    let noted = tx.note_on(id, &Played("account.registered"), &event(ActorKind::User, name, name))?;
    let username = Username::parse(name).expect("a name");
    let (email, age) = (words.0.map(|email| Email::parse(email).expect("an address")), words.1);
    let gender = words.2.map(|gender| Gender::parse(Field::Gender, gender).expect("a text"));
    let age = age.map(|age| Age::new(age).expect("an age"));
    let profile = ProfilePatch { email: email.as_ref(), age, gender: gender.as_ref() };
    let keys = keys_of(number, at);
    let record = SealedRecord { bytes: secret("record", number, at), generation: Generation(1) };
    let is_weak = number == 1;
    let issued = IssuedCode { by: format!("{CANARY}-{number}"), at: NOW.plus(i64::from(number)) };
    let password = Some(NewCredential { record: &record, is_weak, code: Some(&issued) });
    let new = NewAccount { name: &username, keys: &keys, profile, password, created: NOW.plus(at) };
    tx.insert_account(&noted, &new)?.expect("the name is free");
    // One database has codes where the other has none.
    if (at + i64::from(number)) % 2 == 0 {
        let code_hash = secret("code", number, at);
        tx.set_reset_code(
            &noted,
            &NewResetCode { code_hash: &code_hash, issued: &issued, expires: NOW.plus(86_400) },
        )?;
    }
    session(tx, number, at, id)?;
    match at {
        1 => tx.set_last_login(&noted, NOW.plus(500)),
        2 => {
            // Until when and why is shown, and when it began is not.
            let reason = Reason::parse(Field::Reason, "late fees").expect("a reason");
            let until = Some(NOW.plus(86_400));
            tx.suspend_account(&noted, until, Some(&reason), NOW.plus(i64::from(number)))
        }
        3 => {
            let right = DeletionRight::Owner(proof_of(tx, id)?);
            tx.delete_account(&noted, right, NOW.plus(i64::from(number)))
        }
        _ => Ok(()),
    }
}

fn keys_of(number: u8, at: i64) -> NameKeys {
    let name_key = <[u8; 32]>::from(Sha256::digest(secret("name key", number, at)));
    let oprf_id = OprfId(Sha256::digest(secret("identifier", number, at)).into());
    NameKeys { name_key, generation: 0, oprf_id }
}

fn session(tx: &WriteTx<'_>, number: u8, at: i64, account: AccountId) -> Result<(), StoreError> {
    let noted = tx.note_on(account, &Played("login.ok"), &event(ActorKind::User, "", ""))?;
    let row = NewSessionRow {
        id: SessionId::from_wire(1_000 - at.unsigned_abs()),
        token_hash: &secret("token", number, at),
        device: "laptop",
        source: "127.0.0.1",
        created: NOW.plus(at),
        expires: NOW.plus(100_000_000),
    };
    assert!(tx.insert_session(&noted, &proof_of(tx, account)?, &row)?, "its number is free");
    Ok(())
}

fn secret(what: &str, number: u8, at: i64) -> Vec<u8> {
    // Of another length and another order in each database.
    let padding = "x".repeat(usize::from(number) * 3);
    let place = if number == 1 { at } else { 100 - at };
    format!("{CANARY}-{what}-{number}-{place}{padding}").into_bytes()
}

/// An act by the name of its event. It may change anything: nobody but this input has the database.
struct Played(&'static str);

impl Act for Played {
    fn name(&self) -> &str {
        self.0
    }
}

impl<Change> Permits<Change> for Played {}

fn proof_of<'tx>(tx: &'tx WriteTx<'_>, account: AccountId) -> Result<StillProven<'tx>, StoreError> {
    let credential = tx.credential(account)?.expect("everybody has a password");
    Ok(tx.still_proven(account, &credential)?.expect("it was just read"))
}

fn event<'a>(actor_kind: ActorKind, actor: &'a str, subject: &'a str) -> Event<'a> {
    let (actor, subject) = (Party::Text(actor), Party::Text(subject));
    Event { at: NOW, actor_kind, actor, subject, source: "127.0.0.1", detail: "" }
}
