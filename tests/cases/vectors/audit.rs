//! Audit chains and digests of imports that another implementation made, in a database and in a scratch file of ours.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;
use vestry_protocol::UnixSeconds;
use vestry_protocol::audit::{AuditFault, AuditVerdict};
use vestry_protocol::fields::{Age, Email, Field, Gender, Reason, Username};
use vestry_protocol::import::{ImportRow, Suspension};
use vestry_protocol::item::Open;
use vestry_store::AccountId;
use vestry_store::backup::Offline;
use vestry_store::import::{StagedAccount, StagedSuspension, Staging};
use vestry_store::{ActorKind, ChainKey, Event, NameKeys, OprfId, Party, ProfilePatch, Store};
use vestry_tests::played::Played;
use vestry_tests::vectors;

#[derive(Deserialize)]
struct Chain {
    key: String,
    key_name: String,
    events: Vec<StoredEvent>,
    marks: BTreeMap<String, Mark>,
    fault: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct StoredEvent {
    id: i64,
    at: i64,
    actor_kind: String,
    actor: String,
    action: String,
    subject: String,
    source: String,
    detail: String,
    mac: Option<String>,
}

#[derive(Deserialize)]
struct Mark {
    id: i64,
    value: String,
    seal: String,
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(vectors::root().join(name)).unwrap()).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn key_of(chain: &Chain) -> ChainKey {
    ChainKey::from_bytes(&bytes(&chain.key)).unwrap()
}

/// Puts the tables of a vector into a database that was just made, as a machine's disk would have them.
fn put_in(path: &Path, chain: &Chain) {
    let database = rusqlite::Connection::open(path).unwrap();
    database.execute_batch("delete from audit_event; delete from audit_mark").unwrap();
    for event in &chain.events {
        let StoredEvent { id, at, actor_kind, actor, action, subject, source, detail, mac } = event;
        let mac = mac.as_deref().map(bytes);
        database
            .execute(
                "insert into audit_event (id, at, actor_kind, actor, action, subject, source, detail, mac)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                rusqlite::params![id, at, actor_kind, actor, action, subject, source, detail, mac],
            )
            .unwrap();
    }
    for (name, Mark { id, value, seal }) in &chain.marks {
        let mark = rusqlite::params![name, id, bytes(value), bytes(seal)];
        database
            .execute("insert into audit_mark (name, id, value, seal) values (?1, ?2, ?3, ?4)", mark)
            .unwrap();
    }
}

/// As the document spells a variant.
fn spelled(verdict: &AuditVerdict) -> Option<serde_json::Value> {
    let fault = match verdict.fault.as_ref()? {
        Open::Known(fault) => fault,
        Open::Unknown(item) => panic!("{item:?}"),
    };
    let id = |name: &str, id: &i64| serde_json::json!({ name: { "id": id } });
    let range =
        |name: &str, first: &i64, last: &i64| serde_json::json!({ name: { "first": first, "last": last } });
    Some(match fault {
        AuditFault::Changed { id: at } => id("Changed", at),
        AuditFault::Inserted { id: at } => id("Inserted", at),
        AuditFault::Broken { id: at } => id("Broken", at),
        AuditFault::Checkpoint { id: at } => id("Checkpoint", at),
        AuditFault::PutBack { id: at } => id("PutBack", at),
        AuditFault::Missing { first, last } => range("Missing", first, last),
        AuditFault::Truncated { first, last } => range("Truncated", first, last),
        AuditFault::Swapped { id, with } => serde_json::json!({ "Swapped": { "id": id, "with": with } }),
        AuditFault::Older { last } => serde_json::json!({ "Older": { "last": last } }),
        AuditFault::Marks => "Marks".into(),
    })
}

#[test]
fn each_audit_chain_comes_to_the_fault_that_its_vector_names() {
    let mut faults = std::collections::BTreeSet::new();
    for file in std::fs::read_dir(vectors::root().join("audit")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let chain: Chain = read(&format!("audit/{name}"));
        let (folder, key) = (tempfile::tempdir().unwrap(), key_of(&chain));
        let path = folder.path().join("vestry.db");
        Store::create(&path, &key).unwrap();
        put_in(&path, &chain);
        assert_eq!(key.id(), chain.key_name, "{name}");
        let found = spelled(&Offline::open(&path, key).unwrap().verify_audit(None).unwrap());
        assert_eq!(found, chain.fault, "{name}");
        faults.insert(found.map_or_else(String::new, |fault| {
            fault.to_string().replace(['-', '0', '1', '2', '3', '4', '5', '6', '7'], "")
        }));
    }
    // Every fault but that of a checkpoint, which is not of the tables, and none.
    assert_eq!(faults.len(), 9, "{faults:?}");
}

/// What the server writes is what the other implementation wrote.
#[test]
fn the_server_writes_the_chain_of_the_vector_byte_for_byte() {
    let chain: Chain = read("audit/whole.json");
    let (folder, key) = (tempfile::tempdir().unwrap(), key_of(&chain));
    let path = folder.path().join("vestry.db");
    Store::create(&path, &key).unwrap();
    let naman = Party::Account(AccountId::for_tests(17));
    let jo = Party::Claimed { account: None, oprf_id: OprfId([0x4a; 32]), name: "jo" };
    let party = |text: &'static str| Party::Text(text);
    let parties = [
        (ActorKind::Server, party("vestryd"), party("admin")),
        (ActorKind::User, naman, naman),
        (ActorKind::User, Party::NONE, jo),
        (ActorKind::User, naman, naman),
        (ActorKind::Operator, party("admin"), party("sql")),
        (ActorKind::Server, party("vestryd"), naman),
    ];
    assert_eq!(parties.len(), chain.events.len());
    let mut database = Offline::open(&path, key).unwrap();
    for (stored, (actor_kind, actor, subject)) in chain.events.iter().zip(parties) {
        let StoredEvent { at, action, source, detail, .. } = stored;
        let event = Event { at: UnixSeconds::from_seconds(*at), actor_kind, actor, subject, source, detail };
        database.write(|tx| tx.note(&Played(action), &event).map(drop)).unwrap();
    }
    drop(database);
    let database = rusqlite::Connection::open(&path).unwrap();
    let mut macs = database.prepare("select lower(hex(mac)) from audit_event order by id").unwrap();
    let macs: Vec<String> = macs.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let expected: Vec<&str> = chain.events.iter().filter_map(|event| event.mac.as_deref()).collect();
    assert_eq!(macs, expected);
    for example in [expected[0], &chain.key_name] {
        assert!(super::protocol_document().contains(&format!("`{example}`")), "{example}");
    }
    let head = "select lower(hex(seal)) from audit_mark where name = 'head'";
    let seal: String = database.query_row(head, [], |row| row.get(0)).unwrap();
    assert_eq!(seal, chain.marks["head"].seal);
    let erased = "select count(*) from audit_name where name = 'jo'";
    assert_eq!(database.query_row::<i64, _, _>(erased, [], |row| row.get(0)).unwrap(), 1);
}

#[derive(Deserialize)]
struct Import {
    rows: Vec<ImportRow>,
    digest: String,
}

#[test]
fn the_digest_of_an_import_is_that_of_its_vector() {
    let names: Vec<_> = std::fs::read_dir(vectors::root().join("imports")).unwrap().collect();
    assert_eq!(names.len(), 2);
    for name in names {
        let name = name.unwrap().file_name().into_string().unwrap();
        let import: Import = read(&format!("imports/{name}"));
        let folder = tempfile::tempdir().unwrap();
        let mut staging = Staging::create(&folder.path().join("import.db")).unwrap();
        for row in &import.rows {
            let username = Username::parse(&row.name).unwrap();
            let email = row.profile.email.as_deref().map(|text| Email::parse(text).unwrap());
            let gender =
                row.profile.gender.as_deref().map(|text| Gender::parse(Field::Gender, text).unwrap());
            let age = row.profile.age.map(|age| Age::new(age).unwrap());
            let keys = NameKeys { name_key: [0; 32], generation: 0, oprf_id: OprfId([0; 32]) };
            let suspension = row.suspended.as_ref().map(|Suspension { until, reason }| {
                let reason = reason.as_deref().map(|text| Reason::parse(Field::Reason, text).unwrap());
                (*until, reason)
            });
            let staged = StagedAccount {
                line: row.line,
                name: &username,
                profile: ProfilePatch { email: email.as_ref(), age, gender: gender.as_ref() },
                created: row.created,
                suspended: suspension
                    .as_ref()
                    .map(|(until, reason)| StagedSuspension { until: *until, reason: reason.as_ref() }),
                keys: &keys,
                argon2id: row.argon2id.as_ref().map(|hash| hash.expose_secret()),
                sealed_hash: None,
            };
            staging.add(&staged).unwrap();
        }
        assert_eq!(staging.into_rows().unwrap().digest(), import.digest, "{name}");
    }
}
