//! The chain against whoever has the file and not the key.

use crate::aging::Cutoff;
use crate::backup::Offline;
use crate::chain_key::{ChainKey, EventBytes, NOTHING};
use crate::error::StoreError;
use crate::fresh::{Test, at};
use crate::pool;
use crate::store::Store;
use crate::{ActorKind, Event, Party, PurgeRefused, Verification, WriteTx};
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use std::path::PathBuf;
use vestry_protocol::audit::{AuditFault, AuditVerdict, Checkpoint};
use vestry_protocol::item::Open;

fn event(seconds: i64) -> Event<'static> {
    let (actor_kind, actor, subject) = (ActorKind::User, Party::Text("naman"), Party::Text("subject"));
    Event { at: at(seconds), actor_kind, actor, subject, source: "::1", detail: "detail" }
}

/// A database that nobody has open.
struct Database {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Database {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vestry.db");
        Store::create(&path, &ChainKey::for_tests()).unwrap();
        Self { _folder: folder, path }
    }

    /// With so many events, one a second.
    fn with_events(count: i64) -> Self {
        let database = Self::empty();
        database.write_events(1..=count);
        database
    }

    fn open(&self) -> Offline {
        Offline::open(&self.path, ChainKey::for_tests()).unwrap()
    }

    fn write_events(&self, times: impl IntoIterator<Item = i64>) {
        let write = |tx: &WriteTx<'_>| {
            times.into_iter().try_for_each(|at| tx.note(&Test(&format!("act {at}")), &event(at)).map(drop))
        };
        self.open().write(write).unwrap();
    }

    fn sql(&self, sql: &str) {
        pool::open_writer(&self.path).unwrap().execute_batch(sql).unwrap();
    }

    fn number(&self, sql: &str) -> i64 {
        pool::open_writer(&self.path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn mac(&self, id: i64) -> String {
        let sql = format!("select lower(hex(mac)) from audit_event where id = {id}");
        pool::open_writer(&self.path).unwrap().query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    fn verdict(&self) -> AuditVerdict {
        self.verdict_with(ChainKey::for_tests(), Vec::new())
    }

    fn verdict_with(&self, key: ChainKey, checkpoints: Vec<Checkpoint>) -> AuditVerdict {
        let mut database = self.open();
        let mut verification = Verification::new(key, None, checkpoints);
        loop {
            if let Some(verdict) = database.read(|tx| verification.advance(tx)).unwrap() {
                return verdict;
            }
        }
    }

    #[track_caller]
    fn assert_fault(&self, fault: AuditFault) {
        assert_eq!(self.verdict().fault, Some(fault.into()));
    }

    fn fault_of_checkpoint(&self, id: i64, mac: &str) -> Option<AuditFault> {
        let checkpoint = Checkpoint { id, mac: mac.to_owned() };
        self.verdict_with(ChainKey::for_tests(), vec![checkpoint])
            .fault
            .as_ref()
            .and_then(Open::known)
            .copied()
    }

    /// Removes what is older, a chunk at a time; how many events.
    fn purge(&self, before: i64) -> Result<u32, PurgeRefused> {
        let mut removed = 0;
        loop {
            let purged = self.open().write(|tx| {
                let Some(plan) = tx.plan_audit_purge(Cutoff::for_tests(before))? else { return Ok(None) };
                let noted = tx.note(&Test("audit.purged"), &event(before))?;
                tx.purge_audit(&noted, &plan)?;
                Ok::<_, PurgeRefused>(Some(plan))
            })?;
            let Some(plan) = purged else { return Ok(removed) };
            removed += plan.events();
        }
    }

    /// As a database of before the chain.
    fn forget_the_chain(&self) {
        self.sql("delete from audit_mark; update audit_event set mac = null");
    }
}

#[test]
fn a_whole_chain_passes_also_over_many_chunks_and_an_empty_one() {
    let database = Database::with_events(2_500);
    let verdict = database.verdict();
    assert_eq!((verdict.events, verdict.head, verdict.fault), (2_500, 2_500, None));
    assert_eq!(verdict.head_mac, database.mac(2_500));
    assert_eq!(Database::empty().verdict().fault, None);
    assert_eq!(Database::with_events(1_000).verdict().fault, None);
}

#[test]
fn an_event_that_was_removed_by_age_is_old_and_not_missing() {
    let database = Database::with_events(20);
    let known = |id| Checkpoint { id, mac: HEXLOWER.encode(&[0xab; 32]) };
    let has = |event| database.open().read(|tx| tx.audit_has(&ChainKey::for_tests(), &event)).unwrap();
    let [third, twentieth] = [3, 20].map(|id| Checkpoint { id, mac: database.mac(id) });
    assert!(has(third.clone()) && has(twentieth.clone()));
    assert!(!has(known(3)) && !has(known(20)) && !has(known(21)));
    database.purge(11).unwrap();
    assert!(has(third) && has(known(3)) && has(twentieth) && !has(known(20)));
    // Only the server's own mark says that.
    database.sql("update audit_mark set id = 30 where name = 'purged'");
    assert!(!has(known(20)) && !has(known(21)));
}

#[test]
fn a_flipped_byte_in_any_column_is_found() {
    let changes = [
        "at = at + 1",
        "at = -at",
        "actor_kind = 'server'",
        "actor = 'nobody'",
        "action = 'act 8'",
        "subject = subject || ' '",
        "source = '::2'",
        "detail = ''",
        "detail = cast(x'64ff' as text)",
        "mac = zeroblob(32)",
        "mac = x''",
        "actor = actor || substr(action, 1, 1), action = substr(action, 2)",
    ];
    for change in changes {
        let database = Database::with_events(20);
        database.sql(&format!("update audit_event set {change} where id = 7"));
        database.assert_fault(AuditFault::Changed { id: 7 });
    }
    let database = Database::with_events(20);
    database.sql("update audit_event set mac = null where id = 7");
    database.assert_fault(AuditFault::Inserted { id: 7 });
}

#[test]
fn a_deleted_event_is_found_in_the_middle_at_the_start_and_at_the_end() {
    let cases = [
        ("id = 7", AuditFault::Missing { first: 7, last: 7 }),
        ("id between 7 and 9", AuditFault::Missing { first: 7, last: 9 }),
        ("id = 1", AuditFault::Missing { first: 1, last: 1 }),
        ("id <= 5", AuditFault::Missing { first: 1, last: 5 }),
        ("id = 20", AuditFault::Truncated { first: 20, last: 20 }),
        ("id > 3", AuditFault::Truncated { first: 4, last: 20 }),
        ("true", AuditFault::Truncated { first: 1, last: 20 }),
    ];
    for (which, fault) in cases {
        let database = Database::with_events(20);
        database.sql(&format!("delete from audit_event where {which}"));
        database.assert_fault(fault);
    }
    let renumbered = Database::with_events(20);
    renumbered.sql("delete from audit_event where id = 7; update audit_event set id = id - 1 where id > 7");
    renumbered.assert_fault(AuditFault::Changed { id: 7 });
}

#[test]
fn two_swapped_events_are_named() {
    let whole = "update audit_event set id = -1 where id = 7; update audit_event set id = 7 where id = 12;
        update audit_event set id = 12 where id = -1";
    let without_their_macs = "create temp table m as select id, mac from audit_event;
        update audit_event set id = -1 where id = 7; update audit_event set id = 7 where id = 12;
        update audit_event set id = 12 where id = -1;
        update audit_event set mac = (select mac from m where m.id = audit_event.id)";
    for swap in [whole, without_their_macs] {
        let database = Database::with_events(20);
        database.sql(swap);
        database.assert_fault(AuditFault::Swapped { id: 7, with: 12 });
    }
    let neighbours = Database::with_events(1_500);
    neighbours.sql(&whole.replace("12", "8"));
    neighbours.assert_fault(AuditFault::Swapped { id: 7, with: 8 });
}

#[test]
fn an_inserted_event_is_found_wherever_it_is() {
    let insert = |id: i64, mac: &str| {
        format!(
            "insert into audit_event (id, at, actor_kind, actor, action, subject, source, detail, mac)
             select {id}, at, actor_kind, actor, action, subject, source, detail, {mac} from audit_event where id = 3"
        )
    };
    for id in [-5, 0, 21, 22, i64::MAX] {
        for mac in ["null", "mac", "zeroblob(32)"] {
            let database = Database::with_events(20);
            database.sql(&insert(id, mac));
            database.assert_fault(AuditFault::Inserted { id });
        }
    }
    let shifted = Database::with_events(20);
    shifted
        .sql("update audit_event set id = -id where id > 6; update audit_event set id = 1 - id where id < 0");
    shifted.sql(&insert(7, "mac"));
    shifted.assert_fault(AuditFault::Swapped { id: 7, with: 8 });
}

#[test]
fn a_mark_that_is_gone_forged_or_put_back_is_found() {
    let forge = |name: &str| format!("update audit_mark set id = 5 where name = '{name}'");
    let changes = [
        "delete from audit_mark where name = 'head'".to_owned(),
        "delete from audit_mark where name = 'older'".to_owned(),
        "delete from audit_mark".to_owned(),
        forge("head"),
        forge("older"),
        "update audit_mark set seal = zeroblob(32) where name = 'head'".to_owned(),
        "update audit_mark set value = x'' where name = 'head'".to_owned(),
        "insert into audit_mark select 'purged', id, value, seal from audit_mark where name = 'head'".to_owned(),
        // Cut off, with a head that fits what is left but for its seal.
        "delete from audit_event where id > 5;
         update audit_mark set id = 5, value = (select mac from audit_event where id = 5) where name = 'head'"
            .to_owned(),
    ];
    for change in changes {
        let database = Database::with_events(20);
        database.sql(&change);
        database.assert_fault(AuditFault::Marks);
    }
}

#[test]
fn an_earlier_head_is_found_with_its_events_and_by_a_checkpoint_without_them() {
    let database = Database::with_events(5);
    let early = database.mac(5);
    database.sql("create table kept as select * from audit_mark");
    database.write_events(6..=20);
    let checkpoint = database.mac(20);
    database.sql("delete from audit_mark; insert into audit_mark select * from kept; drop table kept");
    database.assert_fault(AuditFault::Marks);
    database.sql("delete from audit_event where id > 5");
    assert_eq!(database.verdict().fault, None);
    assert_eq!(database.fault_of_checkpoint(5, &early), None);
    assert_eq!(database.fault_of_checkpoint(20, &checkpoint), Some(AuditFault::Checkpoint { id: 20 }));
    // Events that came afterwards do not hide it.
    database.write_events(30..=60);
    assert_eq!(database.verdict().fault, None);
    assert_eq!(
        database.fault_of_checkpoint(20, &first_digits(&checkpoint)),
        Some(AuditFault::Checkpoint { id: 20 })
    );
}

/// As many as the log has.
fn first_digits(mac: &str) -> String {
    mac.chars().take(Checkpoint::DIGITS_MIN).collect()
}

#[test]
fn checkpoints_that_fit_are_counted() {
    let database = Database::with_events(20);
    let checkpoints = [20, 3, 3, 11].map(|id| Checkpoint { id, mac: first_digits(&database.mac(id)) });
    let verdict = database.verdict_with(ChainKey::for_tests(), checkpoints.to_vec());
    assert_eq!((verdict.checkpoints, verdict.fault), (4, None));
    assert_eq!(database.fault_of_checkpoint(3, &database.mac(4)), Some(AuditFault::Checkpoint { id: 3 }));
}

#[test]
fn another_key_finds_nothing_that_fits() {
    let other = ChainKey::from_bytes(&[8; ChainKey::BYTES]).unwrap();
    let verdict = Database::with_events(3).verdict_with(other.clone(), Vec::new());
    assert_eq!(verdict.fault, Some(AuditFault::Marks.into()));
    assert_ne!(other.id(), ChainKey::for_tests().id());
    assert_eq!(format!("{other:?}"), "ChainKey");
    assert!([0, 31, 33, 64].iter().all(|length| ChainKey::from_bytes(&vec![1; *length]).is_none()));
}

#[test]
fn a_cut_end_stays_found_when_events_are_written_behind_it() {
    let database = Database::with_events(20);
    database.sql("delete from audit_event where id > 15");
    database.write_events(30..=40);
    database.assert_fault(AuditFault::Missing { first: 16, last: 20 });
}

#[test]
fn a_lost_head_stops_no_act_and_stays_found() {
    for loss in ["delete from audit_mark where name = 'head'", "update audit_mark set seal = x'00'"] {
        let database = Database::with_events(5);
        database.sql("create table kept as select * from audit_mark where name = 'older'");
        database.sql(loss);
        database.write_events(6..=9);
        database
            .sql("delete from audit_mark where name = 'older'; insert into audit_mark select * from kept");
        database.assert_fault(AuditFault::Broken { id: 6 });
    }
}

#[test]
fn what_a_transaction_undoes_is_not_in_the_chain() {
    let database = Database::with_events(5);
    let undone: Result<(), _> = database.open().write(|tx| {
        tx.note(&Test("undone"), &event(6))?;
        Err(StoreError::Cancelled)
    });
    assert!(undone.is_err());
    database.write_events(7..=9);
    assert_eq!((database.verdict().events, database.verdict().fault), (8, None));
}

#[tokio::test]
async fn two_processes_write_one_chain() {
    let database = Database::with_events(1);
    let limits = crate::limits::StoreLimits::default();
    let store = Store::open(&database.path, limits, ChainKey::for_tests()).unwrap();
    for round in 0..20 {
        store.write(move |tx| tx.note(&Test("here"), &event(round)).map(drop)).await.unwrap();
        let failed: Result<(), StoreError> = store
            .write(move |tx| tx.note(&Test("undone"), &event(round)).and(Err(StoreError::Cancelled)))
            .await;
        assert!(failed.is_err());
        let mut beside = Offline::open_beside_a_server(&database.path, ChainKey::for_tests()).unwrap();
        beside.write(|tx| tx.note(&Test("there"), &event(round)).map(drop)).unwrap();
    }
    store.close().await;
    let verdict = database.verdict();
    assert_eq!((verdict.events, verdict.fault), (41, None));
}

#[test]
fn events_from_before_the_chain_are_sealed_as_they_were_found() {
    let upgraded = || {
        let database = Database::with_events(10);
        database.forget_the_chain();
        assert_eq!(database.open().write(|tx| tx.begin_audit_chain()).unwrap(), 10);
        database.write_events(11..=15);
        database
    };
    let database = upgraded();
    let verdict = database.verdict();
    assert_eq!((verdict.events, verdict.older_to, verdict.fault), (15, 10, None));
    for change in [
        "update audit_event set detail = 'x' where id = 4",
        "update audit_event set mac = zeroblob(32) where id = 4",
        "delete from audit_event where id = 1",
        "delete from audit_event where id = 4",
        "delete from audit_event where id = 10",
        "delete from audit_event where id <= 10",
    ] {
        let database = upgraded();
        database.sql(change);
        database.assert_fault(AuditFault::Older { last: 10 });
    }
    database.sql("update audit_event set detail = 'x' where id = 12");
    database.assert_fault(AuditFault::Changed { id: 12 });
}

#[test]
fn a_chain_of_a_lost_key_is_sealed_under_the_next_one() {
    let database = Database::with_events(30);
    database.purge(11).unwrap();
    let checkpoint = database.mac(25);
    let next = ChainKey::from_bytes(&[8; ChainKey::BYTES]).unwrap();
    let mut opened = Offline::open(&database.path, next.clone()).unwrap();
    opened.write(|tx| tx.begin_audit_chain()).unwrap();
    opened.write(|tx| tx.note(&Test("audit.rekeyed"), &event(40)).map(drop)).unwrap();
    drop(opened);
    let kept = vec![Checkpoint { id: 25, mac: checkpoint }];
    let verdict = database.verdict_with(next.clone(), kept.clone());
    assert_eq!((verdict.fault, verdict.checkpoints, verdict.older_to), (None, 1, 31));
    database.sql("update audit_event set actor = 'x' where id = 20");
    let fault = database.verdict_with(next, kept).fault;
    assert_eq!(fault, Some(AuditFault::Older { last: 31 }.into()));
}

#[test]
fn old_events_go_and_the_rest_is_still_checked_from_where_it_begins() {
    let database = Database::with_events(2_000);
    assert_eq!(database.purge(1_200).unwrap(), 1_199);
    assert_eq!(database.number("select min(id) from audit_event"), 1_200);
    let verdict = database.verdict();
    // Three chunks, an event each.
    assert_eq!((verdict.purged_to, verdict.events, verdict.fault), (1_199, 804, None));
    database.sql("delete from audit_event where id = 1200");
    database.assert_fault(AuditFault::Missing { first: 1_200, last: 1_200 });
    database.sql("delete from audit_mark where name = 'purged'");
    database.assert_fault(AuditFault::Missing { first: 1, last: 1_200 });
}

#[test]
fn everything_may_be_old_enough_to_go() {
    let database = Database::with_events(20);
    assert_eq!(database.purge(100).unwrap(), 20);
    let verdict = database.verdict();
    assert_eq!((verdict.events, verdict.head, verdict.fault), (1, 21, None));
}

#[test]
fn events_from_before_the_chain_go_in_parts_like_any_other() {
    let database = Database::with_events(1_300);
    database.forget_the_chain();
    database.open().write(|tx| tx.begin_audit_chain()).unwrap();
    database.write_events(1_301..=1_400);
    assert_eq!(database.purge(700).unwrap(), 699);
    assert_eq!(database.verdict().fault, None);
    assert_eq!(database.purge(1_350).unwrap(), 650);
    assert_eq!(database.verdict().fault, None);
}

#[test]
fn forged_ages_do_not_have_the_server_remove_the_traces() {
    let database = Database::with_events(20);
    database.sql("update audit_event set at = -1");
    assert!(matches!(database.purge(0), Err(PurgeRefused::Fault(AuditFault::Changed { id: 1 }))));
    let older = Database::with_events(20);
    older.forget_the_chain();
    older.open().write(|tx| tx.begin_audit_chain()).unwrap();
    older.sql("update audit_event set at = -1 where id > 4");
    assert!(matches!(older.purge(10), Err(PurgeRefused::Fault(AuditFault::Older { last: 20 }))));
    assert_eq!((database.number("select count(*) from audit_event"), older.verdict().events), (20, 19));
}

#[tokio::test]
async fn a_check_goes_on_while_events_come_and_go() {
    let database = Database::with_events(3_000);
    let limits = crate::limits::StoreLimits::default();
    let store = Store::open(&database.path, limits, ChainKey::for_tests()).unwrap();
    let mut verification = Verification::new(store.chain().clone(), None, Vec::new());
    let mut rounds = 0;
    let verdict = loop {
        let (moved, verdict) = store
            .read(move |tx| verification.advance(tx).map(|verdict| (verification, verdict)))
            .await
            .unwrap();
        verification = moved;
        if let Some(verdict) = verdict {
            break verdict;
        }
        rounds += 1;
        store.write(|tx| tx.note(&Test("meanwhile"), &event(4_000)).map(drop)).await.unwrap();
        if rounds == 1 {
            for _ in 0..4 {
                let purge = |tx: &WriteTx<'_>| {
                    let plan = tx
                        .plan_audit_purge(Cutoff::for_tests(2_500))
                        .map_err(|_| StoreError::Damaged)?
                        .unwrap();
                    let noted = tx.note(&Test("audit.purged"), &event(4_000))?;
                    tx.purge_audit(&noted, &plan)
                };
                store.write(purge).await.unwrap();
            }
        }
    };
    assert_eq!((verdict.fault, verdict.purged_to), (None, 2_000));
}

proptest! {
    /// No two events have the same bytes: text cannot move from one column to the next.
    #[test]
    fn no_event_can_pass_for_another(one in any::<[String; 6]>(), other in any::<[String; 6]>(), seconds in any::<i64>()) {
        let key = ChainKey::for_tests();
        let link = |texts: &[String; 6], seconds| {
            let texts = texts.each_ref().map(|text| text.as_bytes());
            key.link(&NOTHING, &EventBytes { id: 1, at: at(seconds), texts, mac: None })
        };
        prop_assert_eq!(link(&one, seconds) == link(&other, seconds), one == other);
        prop_assert_ne!(link(&one, seconds), link(&one, seconds.wrapping_add(1)));
    }
}
