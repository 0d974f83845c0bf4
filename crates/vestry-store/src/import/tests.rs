//! One transaction, no name twice, and a race with somebody who registers.

use super::{Added, ImportError, NameStanding, StagedAccount, StagedSuspension, Staging};
use crate::aging::Cutoff;
use crate::error::StoreError;
use crate::fresh::{EVENT, Test, at, fresh_store, keys_of};
use crate::ids::AccountId;
use crate::store::Store;
use crate::tables::accounts::{DeletionRight, NameKeys, NewAccount, ProfilePatch, Standing};
use crate::tables::maintenance::Purgeable;
use crate::tables::passwords::Credential;
use crate::tables::passwords::StillProven;
use crate::tx::WriteTx;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{Age, Field, Reason, Username};

const FOR_GOOD: StagedSuspension<'_> = StagedSuspension { until: None, reason: None };

const NOW: UnixSeconds = UnixSeconds::from_seconds(1_000);

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

fn row<'a>(line: u64, name: &'a Username, keys: &'a NameKeys) -> StagedAccount<'a> {
    let profile = ProfilePatch::default();
    let (created, suspended, argon2id, sealed_hash) = (None, None, None, None);
    StagedAccount { line, name, profile, created, suspended, keys, argon2id, sealed_hash }
}

/// Scratch rows beside the database.
fn staging(folder: &tempfile::TempDir, names: &[String]) -> Staging {
    let mut staging = Staging::create(&folder.path().join("import.db")).unwrap();
    for (line, text) in (2..).zip(names) {
        let name = name(text);
        assert_eq!(staging.add(&row(line, &name, &keys_of(&name, 0))).unwrap(), Added::Waits, "{text}");
    }
    staging
}

fn people(count: usize) -> Vec<String> {
    // In an order that is not theirs.
    (0..count).map(|number| format!("person{:05}", number * 7_919 % 10_007)).collect()
}

async fn apply(
    store: &Store,
    staging: Staging,
    went_on: impl FnMut(u64) -> ControlFlow<()> + Send + 'static,
) -> Result<(), ImportError> {
    let rows = staging.into_rows().unwrap();
    store
        .write(move |tx| {
            let noted = tx.note(&Test("test"), &EVENT)?;
            tx.import_accounts(&noted, &rows, NOW, went_on)
        })
        .await
}

async fn counted(store: &Store) -> (u64, i64) {
    let accounts = store.read(|tx| tx.counts(NOW)).await.unwrap().accounts;
    let key = store.chain().clone();
    let events = store.read(move |tx| tx.audit_head(&key)).await.unwrap().unwrap().0;
    (accounts, events)
}

fn delete(tx: &WriteTx<'_>, id: AccountId, at: UnixSeconds) -> Result<(), StoreError> {
    let noted = tx.note_on(id, &Test("test"), &EVENT)?;
    tx.delete_account(&noted, DeletionRight::Owner(StillProven::for_tests(id)), at)
}

async fn register(store: &Store, text: &str) {
    let name = name(text);
    store
        .write(move |tx| {
            let noted = tx.note_on(tx.next_account_id()?, &Test("test"), &EVENT)?;
            let new = NewAccount {
                name: &name,
                keys: &keys_of(&name, 0),
                profile: ProfilePatch::default(),
                password: None,
                created: at(1),
            };
            tx.insert_account(&noted, &new)
        })
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn every_row_becomes_an_account_in_one_transaction_with_one_event() {
    let (folder, store) = fresh_store();
    let names = people(1_000);
    apply(&store, staging(&folder, &names), |_| ControlFlow::Continue(())).await.unwrap();
    assert_eq!(counted(&store).await, (1_000, 1));
    let mut all = names;
    all.sort();
    for text in [&all[0], &all[999]] {
        let name = name(text);
        let found = store.read(move |tx| tx.account(&name, NOW)).await.unwrap().unwrap();
        assert_eq!((found.created, found.standing, found.last_login), (NOW, Standing::Active, None));
    }
}

#[tokio::test]
async fn what_a_row_says_is_what_the_account_is() {
    let (folder, store) = fresh_store();
    let mut staging = Staging::create(&folder.path().join("import.db")).unwrap();
    let naman = name("naman");
    let keys = keys_of(&naman, 0);
    let rent = Reason::parse(Field::Reason, "rent").unwrap();
    let profile = ProfilePatch { age: Some(Age::new(40).unwrap()), ..ProfilePatch::default() };
    let full = StagedAccount {
        profile,
        created: Some(at(17)),
        suspended: Some(StagedSuspension { until: Some(at(5_000)), reason: Some(&rent) }),
        argon2id: Some("$argon2id$…"),
        sealed_hash: Some(b"sealed"),
        ..row(u64::MAX, &naman, &keys)
    };
    assert_eq!(staging.add(&full).unwrap(), Added::Waits);
    apply(&store, staging, |_| ControlFlow::Continue(())).await.unwrap();
    let (account, credential) = store
        .read(move |tx| {
            let account = tx.account(&name("naman"), NOW)?.unwrap();
            let credential = tx.credential(account.id)?;
            Ok::<_, StoreError>((account, credential))
        })
        .await
        .unwrap();
    let imported = Credential::Imported(b"sealed".to_vec());
    assert_eq!(credential, Some(imported));
    assert_eq!(
        (account.age.map(Age::years), account.created, account.oprf_id),
        (Some(40), at(17), keys.oprf_id)
    );
    let suspended = Standing::Suspended { until: Some(at(5_000)), reason: Some("rent".to_owned()) };
    assert_eq!(account.standing, suspended);
}

#[test]
fn a_name_waits_once_and_its_first_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut staging = staging(&folder, &people(10));
    let first = name(&people(10)[4]);
    assert_eq!(staging.add(&row(99, &first, &keys_of(&first, 0))).unwrap(), Added::Repeats { line: 6 });
    assert_eq!(staging.accounts(), 10);
    let mode = folder.path().join("import.db").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_digest_names_the_rows_and_tells_one_field_from_the_next() {
    let digest = |rows: &[(&str, Option<i64>, bool)]| {
        let folder = tempfile::tempdir().unwrap();
        let mut staging = Staging::create(&folder.path().join("import.db")).unwrap();
        for (text, created, suspended) in rows {
            let name = name(text);
            staging
                .add(&StagedAccount {
                    created: created.map(at),
                    suspended: suspended.then_some(FOR_GOOD),
                    ..row(1, &name, &keys_of(&name, 0))
                })
                .unwrap();
        }
        staging.into_rows().unwrap().digest().to_owned()
    };
    let one = digest(&[("naman", None, false)]);
    assert_eq!(one, digest(&[("naman", None, false)]));
    let others = [
        digest(&[("naman", Some(1), false)]),
        digest(&[("naman", None, true)]),
        digest(&[("nama", None, false)]),
    ];
    assert!(others.iter().all(|other| *other != one));
    // What docs/PROTOCOL.md says, written out.
    let mut bytes = Vec::new();
    for text in ["naman", "", "", "", "", "active", "", "", ""] {
        bytes.extend((text.len() as u64).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    use sha2::{Digest, Sha256};
    assert_eq!(one, data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes)));
}

#[tokio::test]
async fn a_name_that_was_taken_meanwhile_undoes_all_of_it_and_its_event() {
    let (folder, store) = fresh_store();
    let names = people(1_000);
    let staging = staging(&folder, &names);
    register(&store, &names[500]).await;
    let before = counted(&store).await;
    let refused = apply(&store, staging, |_| ControlFlow::Continue(())).await.unwrap_err();
    let ImportError::NameTaken { line, name } = refused else { panic!("{refused:?}") };
    assert_eq!((line, name), (502, names[500].clone()));
    assert_eq!(counted(&store).await, before);
    // The writer goes on.
    register(&store, "somebody").await;
}

#[tokio::test]
async fn an_import_that_is_given_up_on_its_way_leaves_nothing() {
    let (folder, store) = fresh_store();
    let before = counted(&store).await;
    let staging = staging(&folder, &people(5_000));
    let refused = apply(&store, staging, |made| match made {
        0..1_000 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    });
    assert!(matches!(refused.await, Err(ImportError::Store(StoreError::Cancelled))));
    assert_eq!(counted(&store).await, before);
}

#[tokio::test]
async fn a_name_is_free_taken_or_reserved() {
    let (_folder, store) = fresh_store();
    register(&store, "naman").await;
    register(&store, "gone").await;
    store
        .write(|tx| {
            let gone = tx.account(&name("gone"), NOW)?.unwrap();
            delete(tx, gone.id, NOW)
        })
        .await
        .unwrap();
    for (text, standing) in
        [("naman", NameStanding::Taken), ("gone", NameStanding::Reserved), ("free", NameStanding::Free)]
    {
        let found = store.read(move |tx| tx.name_standing(&name(text))).await.unwrap();
        assert_eq!(found, standing, "{text}");
    }
}

#[tokio::test]
async fn a_row_whose_name_was_given_up_since_it_came_makes_no_account() {
    let (folder, store) = fresh_store();
    let waiting = staging(&folder, &["naman".to_owned()]);
    register(&store, "naman").await;
    let purge = store.write(|tx| {
        let account = tx.account(&name("naman"), NOW)?.unwrap();
        delete(tx, account.id, at(1))?;
        let noted = tx.note_on(account.id, &Test("test"), &EVENT)?;
        let mut due = tx.purgeable_accounts(Cutoff::for_tests(NOW.seconds()))?;
        assert_eq!(due, [Purgeable(account.id)]);
        tx.purge_account(&noted, due.remove(0))
    });
    purge.await.unwrap();
    let refused = apply(&store, waiting, |_| ControlFlow::Continue(())).await;
    assert!(matches!(refused, Err(ImportError::NameTaken { line: 2, .. })), "{refused:?}");
    // The next owner of the name gets the keys of its next generation.
    let key = keys_of(&name("naman"), 0).name_key;
    assert_eq!(store.read(move |tx| tx.name_generation(&key)).await.unwrap(), 1);
}
