//! Making a data directory: set up as `vestryd init` does it, then rows straight into the register, many in a
//! transaction. What it makes, a server cannot tell from accounts that registered.

use super::{AccountSet, Kind};
use crate::failure::Failure;
use crate::modes::bare_hash;
use crate::opaque::Sealer;
use crate::progress::Progress;
use crate::random::mixed;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{Age, Email, Gender, Username};
use vestry_server::clock::Clock;
use vestry_server::credentials::{OpaqueKey, OpaqueRecord, Pepper};
use vestry_server::data_dir::DataDir;
use vestry_server::setup::{Plan, read_audit_key, set_up};
use vestry_store::backup::Offline;
use vestry_store::{ActorKind, CredentialKind, Event, NewAccount, Noted, ProfilePatch, StoreError, WriteTx};
use vestry_tls::private_file;

/// Accounts of one transaction. Names come in no order, so each transaction touches most pages of their index; the
/// more accounts share one, the fewer pages are written twice.
const ACCOUNTS_A_TRANSACTION: u64 = 500_000;

/// Room for the pages that one transaction changes.
const CACHE_KIB: u32 = 512 * 1024;

/// What every record was made under.
const IDENTIFIER: &str = "vestry-bench";

/// Limits that are there against strangers, raised so that one machine can be a crowd. The rest is the default.
const SETTINGS: &str = "# Written by vestry-bench: one machine is a crowd here.\n\
     connections_max = 15000\nconnections_per_source_max = 15000\n\
     connections_per_source_per_sec_max = 1000000\nidle_secs_max_before_login = 900\n\n";

/// What was made and what it took.
#[derive(Debug)]
pub struct Filled {
    /// Who is in it.
    pub set: AccountSet,
    /// How long it took.
    pub took: Duration,
    /// The size of the register.
    pub bytes: u64,
}

/// Makes a data directory of so many accounts.
///
/// # Errors
/// When there is one already, or the disk does not take it.
pub fn fill(folder: &Path, accounts: u64, seed: u64) -> Result<Filled, Failure> {
    let (data_dir, begun) = (DataDir::at(folder), Instant::now());
    if data_dir.database().exists() {
        return Err(Failure::other(format!("{} has a register already", folder.display())));
    }
    let now = Clock::system().now();
    prepare(&data_dir, now)?;
    let set = AccountSet::new(accounts, seed);
    let records = Records::make(&data_dir, &set)?;
    let mut register = Offline::open(&data_dir.database(), read_audit_key(&data_dir.audit_key())?)?;
    register.keep_pages(CACHE_KIB)?;
    let progress = Progress::new();
    for kind in [Kind::Argon2id, Kind::Opaque] {
        insert_all(&mut register, &set, kind, &records, now, &progress)?;
    }
    register.close_into_one_file()?;
    set.write(&data_dir)?;
    let facts = data_dir.database().metadata().map_err(Failure::system("the register"))?;
    Ok(Filled { set, took: begun.elapsed(), bytes: facts.len() })
}

fn prepare(data_dir: &DataDir, now: UnixSeconds) -> Result<(), Failure> {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let plan = Plan {
        data_dir: data_dir.clone(),
        certs_dir: None,
        hosts: vec!["localhost".to_owned()],
        listen,
        admin_listen: listen,
        certificate_days: 30,
        now,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::system("a runtime"))?.block_on(set_up(&plan))?;
    let settings = data_dir.config_file();
    let text = std::fs::read_to_string(&settings).map_err(Failure::system("the settings"))?;
    std::fs::write(&settings, format!("{SETTINGS}{text}")).map_err(Failure::system("the settings"))
}

/// The one record of each kind that everybody has.
struct Records {
    opaque: Vec<u8>,
    argon2id: Vec<u8>,
}

impl Records {
    fn make(data_dir: &DataDir, set: &AccountSet) -> Result<Self, Failure> {
        let read = |path: &Path| private_file::read(path).map_err(|error| Failure::other(error.to_string()));
        let unusable = || Failure::other("a new key is unusable");
        let key = OpaqueKey::from_bytes(&read(&data_dir.opaque_key())?).ok_or_else(unusable)?;
        let (sealer, request) = Sealer::start(set.password.as_bytes())?;
        let evaluated =
            key.evaluate(IDENTIFIER, &request).map_err(|error| Failure::other(error.to_string()))?;
        let envelope = sealer.finish(&evaluated)?;
        let record = OpaqueRecord::from_envelope(IDENTIFIER, &envelope)
            .map_err(|error| Failure::other(error.to_string()))?;
        let pepper = read(&data_dir.pepper())?;
        let id = Pepper::from_bytes(&pepper).ok_or_else(unusable)?.id().to_vec();
        let argon2id = bare_hash::phc_string(set.password.as_bytes(), Some((&pepper, &id)))?;
        Ok(Self { opaque: record.to_bytes(), argon2id: argon2id.into_bytes() })
    }

    fn of(&self, kind: Kind) -> (CredentialKind, &[u8]) {
        match kind {
            Kind::Opaque => (CredentialKind::Opaque, &self.opaque),
            Kind::Argon2id => (CredentialKind::Argon2id, &self.argon2id),
        }
    }
}

fn insert_all(
    register: &mut Offline,
    set: &AccountSet,
    kind: Kind,
    records: &Records,
    now: UnixSeconds,
    progress: &Progress,
) -> Result<(), Failure> {
    let (count, mut done) = (set.count(kind), 0);
    while done < count {
        let end = count.min(done + ACCOUNTS_A_TRANSACTION);
        register.write(|tx| {
            let detail = format!("{} accounts", end - done);
            let noted = tx.note(&event(now, &detail))?;
            (done..end).try_for_each(|number| insert_one(tx, &noted, set, kind, number, records, now))
        })?;
        done = end;
        progress.say(&format!("{done} of {count} accounts"));
    }
    Ok(())
}

fn event(at: UnixSeconds, detail: &str) -> Event<'_> {
    let action = "bench.filled";
    Event {
        at,
        actor_kind: ActorKind::Server,
        actor: "vestry-bench",
        action,
        subject: "",
        source: "",
        detail,
    }
}

fn insert_one(
    tx: &WriteTx<'_>,
    noted: &Noted<'_>,
    set: &AccountSet,
    kind: Kind,
    number: u64,
    records: &Records,
    now: UnixSeconds,
) -> Result<(), Failure> {
    let person = Person::of(set, kind, number)?;
    let profile =
        ProfilePatch { email: person.email.as_ref(), age: person.age, gender: person.gender.as_ref() };
    let new = NewAccount { name: &person.name, profile, created: now.saturating_sub(person.since_secs) };
    let account = tx.insert_account(noted, &new)?;
    let account = account.ok_or_else(|| Failure::other(format!("{} is there twice", person.name)))?;
    let (kind, record) = records.of(kind);
    Ok::<_, StoreError>(tx.put_credential(noted, account, kind, record, now)?).map_err(Failure::from)
}

/// Somebody who never was: three of four have an e-mail address, most an age, some a gender.
struct Person {
    name: Username,
    email: Option<Email>,
    age: Option<Age>,
    gender: Option<Gender>,
    since_secs: i64,
}

impl Person {
    fn of(set: &AccountSet, kind: Kind, number: u64) -> Result<Self, Failure> {
        let impossible = |error: &dyn std::fmt::Display| Failure::other(format!("account {number}: {error}"));
        let chance = mixed(set.seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let name = set.name(kind, number);
        let email = (!chance.is_multiple_of(4)).then(|| Email::parse(&format!("{name}@example.org")));
        let years = u16::try_from((chance >> 8) % 90).unwrap_or(0) + 10;
        let age = (!(chance >> 20).is_multiple_of(10)).then(|| Age::new(years));
        let gender = match (chance >> 32) % 5 {
            0 => Some("f"),
            1 => Some("m"),
            2 => Some("d"),
            _ => None,
        };
        let gender = gender.map(|text| Gender::parse("gender", text));
        Ok(Self {
            name: Username::parse(&name).map_err(|error| impossible(&error))?,
            email: email.transpose().map_err(|error| impossible(&error))?,
            age: age.transpose().map_err(|error| impossible(&error))?,
            gender: gender.transpose().map_err(|error| impossible(&error))?,
            since_secs: i64::try_from((chance >> 40) % 100_000_000).unwrap_or(0),
        })
    }
}
