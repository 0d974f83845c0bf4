//! Making a data directory: set up as `vestryd init` does it, then rows straight into the database, many in a
//! transaction. What it makes, a server cannot tell from accounts that registered.

use super::AccountSet;
use crate::act::Benched;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::random::mixed;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use vestry_opaque::server::{BlindedPassword, ServerKey};
use vestry_opaque::unstretched::Sealer;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{Age, Email, Field, Gender, Username};
use vestry_server::clock::{Clock, Plausible};
use vestry_server::config::{Config, ConnectionConfig, GateConfig};
use vestry_server::credentials::OpaqueRecord;
use vestry_server::data_dir::DataDir;
use vestry_server::listen::Listen;
use vestry_server::names::NameSeed;
use vestry_server::secrets::files::read_audit_key;
use vestry_server::setup::{Plan, set_up};
use vestry_store::backup::Offline;
use vestry_store::{
    ActorKind, Event, Generation, NewAccount, NewCredential, Noted, Party, ProfilePatch, SealedRecord,
    WriteTx,
};
use vestry_tls::private_file;

/// Accounts of one transaction. Names come in no order, so each transaction touches most pages of their index; the
/// more accounts share one, the fewer pages are written twice.
const ACCOUNTS_A_TRANSACTION: u64 = 500_000;

/// Room for the pages that one transaction changes.
const CACHE_KIB: u32 = 512 * 1024;

/// Raises the limits that are there against strangers, so that one machine can be a crowd. The rest is the default.
fn for_a_crowd(settings: Config) -> Config {
    let patience = Duration::from_secs(900);
    Config {
        connections: ConnectionConfig {
            max: 15_000,
            per_source_max: 15_000,
            per_network_max: 15_000,
            per_source_per_sec_max: 1_000_000,
            anonymous_idle_timeout: patience,
            anonymous_timeout: patience,
            ..settings.connections
        },
        gate: GateConfig {
            attempts_per_address_max: 100_000,
            attempts_per_network_max: 100_000,
            writes_at_once: 1_000_000,
            write_interval: Duration::ZERO,
            ..settings.gate
        },
        ..settings
    }
}

/// What was made and what it took.
#[derive(Debug)]
pub struct Filled {
    /// Who is in it.
    pub set: AccountSet,
    /// How long it took.
    pub took: Duration,
    /// The size of the database.
    pub bytes: u64,
}

/// Makes a data directory of so many accounts.
///
/// # Errors
/// When there is one already, or the disk does not take it.
pub fn fill(folder: &Path, accounts: u64, seed: u64) -> Result<Filled, Failure> {
    let (data_dir, begun) = (DataDir::at(folder), Instant::now());
    if data_dir.database().exists() {
        return Err(Failure::other(format!("{} has a database already", folder.display())));
    }
    let plausible = Clock::system()
        .plausible_now()
        .map_err(std::io::Error::other)
        .map_err(Failure::system("the clock"))?;
    prepare(&data_dir, plausible)?;
    let now = plausible.reading();
    let set = AccountSet::new(accounts, seed);
    let maker = Maker::new(&data_dir, &set, now)?;
    let mut database = Offline::open(&data_dir.database(), read_audit_key(&data_dir.audit_key())?)?;
    database.keep_pages(CACHE_KIB)?;
    let progress = Progress::new();
    let mut done = 0;
    while done < accounts {
        let end = accounts.min(done + ACCOUNTS_A_TRANSACTION);
        database.write(|tx| {
            let detail = format!("{} accounts", end - done);
            let event = Event {
                at: now,
                actor_kind: ActorKind::Server,
                actor: Party::Text("vestry-bench"),
                subject: Party::NONE,
                source: "",
                detail: &detail,
            };
            let noted = tx.note(&Benched("bench.filled"), &event)?;
            (done..end).try_for_each(|number| maker.insert(tx, &noted, number))
        })?;
        done = end;
        progress.say(&format!("{done} of {accounts} accounts"));
    }
    database.close_into_one_file()?;
    set.write(&data_dir)?;
    let facts = data_dir.database().metadata().map_err(Failure::system("the database"))?;
    Ok(Filled { set, took: begun.elapsed(), bytes: facts.len() })
}

fn prepare(data_dir: &DataDir, now: Plausible) -> Result<(), Failure> {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let plan = Plan {
        data_dir: data_dir.clone(),
        certs_dir: None,
        hosts: vestry_tls::Hosts::parse(["localhost"])?,
        listen: Listen::At(vec![listen]),
        admin_listen: listen,
        certificate_days: 30,
        now,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::system("a runtime"))?.block_on(set_up(&plan))?;
    let settings = for_a_crowd(plan.settings()).to_toml();
    std::fs::write(data_dir.config_file(), settings).map_err(Failure::system("the settings"))
}

/// Makes the accounts of a set.
struct Maker<'a> {
    set: &'a AccountSet,
    names: NameSeed,
    sealer: Sealer,
    key: ServerKey,
    /// The record of accounts that nobody logs in to: it fills its place, and was sealed for another identifier.
    filler: SealedRecord,
    now: UnixSeconds,
}

impl<'a> Maker<'a> {
    fn new(data_dir: &DataDir, set: &'a AccountSet, now: UnixSeconds) -> Result<Self, Failure> {
        let read = |path: &Path| private_file::read(path).map_err(|error| Failure::other(error.to_string()));
        let sealer = Sealer::new(set.password.as_bytes())?;
        let key = ServerKey::from_bytes(&read(&data_dir.opaque_key())?);
        let key = key.ok_or_else(|| Failure::other("a new OPAQUE key is unusable"))?;
        let filler = record(&sealer, &key, b"vestry-bench")?;
        let names = NameSeed::from_bytes(&read(&data_dir.names_seed())?);
        let names = names.ok_or_else(|| Failure::other("a new seed is unusable"))?;
        Ok(Self { set, names, sealer, key, filler, now })
    }

    fn insert(&self, tx: &WriteTx<'_>, noted: &Noted<'_, Benched>, number: u64) -> Result<(), Failure> {
        let person = Person::of(self.set, number)?;
        let profile =
            ProfilePatch { email: person.email.as_ref(), age: person.age, gender: person.gender.as_ref() };
        let keys = self.names.keys_of(tx, person.name.as_str());
        let keys = keys.map_err(|error| Failure::other(error.to_string()))?;
        let created = self.now.minus(person.since_secs);
        let own = (number < self.set.with_password).then(|| record(&self.sealer, &self.key, &keys.oprf_id.0));
        let own = own.transpose()?;
        let password = Some(NewCredential::chosen(own.as_ref().unwrap_or(&self.filler)));
        let new = NewAccount { name: &person.name, keys: &keys, profile, password, created };
        let account = tx.insert_one_of_many(noted, &new)?;
        account.map(drop).ok_or_else(|| Failure::other(format!("{} is there twice", person.name)))
    }
}

fn record(sealer: &Sealer, key: &ServerKey, identifier: &[u8]) -> Result<SealedRecord, Failure> {
    let response = key.evaluate(identifier, BlindedPassword::parse(sealer.request())?)?;
    let record = OpaqueRecord::from_envelope(&sealer.finish(&response)?);
    let bytes = record.map_err(|error| Failure::other(error.to_string()))?.to_bytes();
    Ok(SealedRecord { bytes, generation: Generation(1) })
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
    fn of(set: &AccountSet, number: u64) -> Result<Self, Failure> {
        let impossible = |error: &dyn std::fmt::Display| Failure::other(format!("account {number}: {error}"));
        let chance = mixed(set.seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let name = set.name(number);
        let email = (!chance.is_multiple_of(4)).then(|| Email::parse(&format!("{name}@example.org")));
        let years = u16::try_from((chance >> 8) % 90).unwrap_or(0) + 10;
        let age = (!(chance >> 20).is_multiple_of(10)).then(|| Age::new(years));
        let gender = match (chance >> 32) % 5 {
            0 => Some("f"),
            1 => Some("m"),
            2 => Some("d"),
            _ => None,
        };
        let gender = gender.map(|text| Gender::parse(Field::Gender, text));
        Ok(Self {
            name: Username::parse(&name).map_err(|error| impossible(&error))?,
            email: email.transpose().map_err(|error| impossible(&error))?,
            age: age.transpose().map_err(|error| impossible(&error))?,
            gender: gender.transpose().map_err(|error| impossible(&error))?,
            since_secs: i64::try_from((chance >> 40) % 100_000_000).unwrap_or(0),
        })
    }
}
