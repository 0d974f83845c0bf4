//! Parties: whom an event names, and what they are called.
//!
//! An event holds a number or an identifier, and the chain seals that. The name is the account's own, or a row of `audit_name`
//! beside the chain; the operators' views put it back. Without that row an event shows the number.

use crate::error::StoreError;
use crate::ids::{AccountId, OprfId};
use crate::tx::WriteTx;
use rusqlite::params;
use std::borrow::Cow;
use vestry_protocol::UnixSeconds;

/// A name is marked as seen again when the last time is older than this, so that most events only look for it.
const SEEN_SECS: i64 = 24 * 60 * 60;

/// Names in `audit_name` that one purge removes at most.
const NAMES_PER_PURGE_MAX: u32 = 1_000;

/// A party to an event: who acted, or whom or what it is about.
#[derive(Debug, Clone, Copy)]
pub enum Party<'a> {
    /// An account. Stored as `account:` and its number.
    Account(AccountId),
    /// A name that was used without proof. Stored as its account, or, without one, as `name:` and its OPRF identifier. Costs the
    /// same with and without an account.
    Claimed {
        /// The account of this name.
        account: Option<AccountId>,
        /// The identifier of its OPRF key.
        oprf_id: OprfId,
        /// The canonical name; empty when what was typed can be none, which is not stored: it may be a password.
        name: &'a str,
    },
    /// Anything that is not a user: an operator, the number of a session, a view, nothing.
    Text(&'a str),
}

impl<'a> Party<'a> {
    /// Nobody.
    pub const NONE: Party<'static> = Party::Text("");

    /// As it is stored.
    pub(super) fn to_text(self) -> Cow<'a, str> {
        match self {
            Self::Account(id) | Self::Claimed { account: Some(id), .. } => format!("account:{}", id.0).into(),
            Self::Claimed { name: "", .. } => "".into(),
            Self::Claimed { oprf_id, .. } => name_key(oprf_id).into(),
            Self::Text(text) => text.into(),
        }
    }
}

fn name_key(id: OprfId) -> String {
    format!("name:{}", id.to_hex())
}

impl WriteTx<'_> {
    /// Keeps the name of a party that has no account to take it from. For one with an account it does the same work.
    pub(super) fn remember_name(&self, party: Party<'_>, at: UnixSeconds) -> Result<(), StoreError> {
        let Party::Claimed { oprf_id, name, .. } = party else { return Ok(()) };
        if name.is_empty() {
            return Ok(());
        }
        self.conn
            .prepare_cached(
                "insert into audit_name (subject, name, seen) values (?1, ?2, ?3)
                 on conflict (subject) do update set seen = excluded.seen where seen < excluded.seen - ?4",
            )?
            .execute(params![name_key(oprf_id), name, at.seconds(), SEEN_SECS])?;
        Ok(())
    }

    /// Removes names that no event since `before` has.
    pub(super) fn purge_audit_names(&self, before: UnixSeconds) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "delete from audit_name where subject in
                 (select subject from audit_name where seen < ?1 order by seen limit ?2)",
            )?
            .execute(params![before.minus(SEEN_SECS).seconds(), NAMES_PER_PURGE_MAX])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aging::Cutoff;
    use crate::audit::event::Noted;
    use crate::audit::event::{ActorKind, Event};
    use crate::audit::verify::Verification;
    use crate::chain_key::ChainKey;
    use crate::fresh::{EVENT, Test, at, fresh_store, keys_of};
    use crate::store::Store;
    use crate::tables::accounts::{DeletionRight, NewAccount, ProfilePatch};
    use crate::tables::maintenance::Purgeable;
    use crate::tables::passwords::StillProven;
    use vestry_protocol::fields::Username;

    const DAY: i64 = 24 * 60 * 60;

    fn note<'tx>(tx: &'tx WriteTx<'_>, seconds: i64, subject: Party<'_>) -> Noted<'tx, Test<'static>> {
        let (actor_kind, actor) = (ActorKind::Server, Party::Text("vestryd"));
        let event = Event { at: at(seconds), actor_kind, actor, subject, source: "", detail: "" };
        tx.note(&Test("test"), &event).unwrap()
    }

    async fn make(store: &Store, name: &'static str) -> AccountId {
        let made = store.write(move |tx| {
            let (name, id) = (Username::parse(name).unwrap(), tx.next_account_id()?);
            let noted = tx.note_on(id, &Test("test"), &Event { at: at(1), ..EVENT })?;
            let keys = keys_of(&name, tx.name_generation(&keys_of(&name, 0).name_key)?);
            let new = NewAccount {
                name: &name,
                keys: &keys,
                profile: ProfilePatch::default(),
                password: None,
                created: at(1),
            };
            tx.insert_account(&noted, &new)
        });
        made.await.unwrap().unwrap()
    }

    async fn purge(store: &Store, id: AccountId, seconds: i64) {
        let purged = store.write(move |tx| {
            let event = Event { at: at(seconds), ..EVENT };
            let noted = tx.note_on(id, &Test("test"), &event)?;
            tx.delete_account(&noted, DeletionRight::Owner(StillProven::for_tests(id)), at(seconds))?;
            tx.purge_account(&noted, Purgeable(id))
        });
        purged.await.unwrap();
    }

    #[tokio::test]
    async fn an_account_is_purged_only_by_an_event_on_it() {
        let (_folder, store) = fresh_store();
        let id = make(&store, "naman").await;
        let purged = store.write(move |tx| {
            let noted = tx.note_on(tx.next_account_id()?, &Test("test"), &EVENT)?;
            tx.purge_account(&noted, Purgeable(id))
        });
        let refused = purged.await;
        assert!(matches!(refused, Err(StoreError::Statement(_))), "{refused:?}");
    }

    /// What the operators' view shows of the subjects, in the order of the events.
    async fn shown(store: &Store) -> Vec<String> {
        let shown = store.read(|tx| {
            let mut statement = tx.conn.prepare("select subject from audit order by id")?;
            let subjects = statement.query_map([], |row| row.get(0))?;
            Ok::<_, StoreError>(subjects.collect::<Result<_, _>>()?)
        });
        shown.await.unwrap()
    }

    async fn count(store: &Store, sql: &'static str) -> i64 {
        let found = store.read(move |tx| Ok::<_, StoreError>(tx.conn.query_row(sql, [], |row| row.get(0))?));
        found.await.unwrap()
    }

    fn stranger(name: &'static str, account: Option<AccountId>) -> Party<'static> {
        let oprf_id = keys_of(&Username::parse(name).unwrap(), 0).oprf_id;
        Party::Claimed { account, oprf_id, name }
    }

    #[tokio::test]
    async fn an_erased_name_leaves_the_number_and_a_chain_that_verifies() {
        let (_folder, store) = fresh_store();
        let id = make(&store, "naman").await;
        let noted = store.write(|tx| {
            note(tx, 2, stranger("jo", None));
            Ok::<_, StoreError>(())
        });
        noted.await.unwrap();
        assert_eq!(shown(&store).await, ["naman", "jo"]);
        purge(&store, id, 3).await;
        assert_eq!(shown(&store).await, ["naman", "jo", "naman"], "the name of an account that is gone");
        let erased = store.write(|tx| Ok::<_, StoreError>(tx.conn.execute("delete from audit_name", [])?));
        assert_eq!(erased.await.unwrap(), 2);
        let jo = keys_of(&Username::parse("jo").unwrap(), 0).oprf_id;
        assert_eq!(shown(&store).await, ["account:1", &name_key(jo), "account:1"]);
        let mut check = Verification::new(ChainKey::for_tests(), None, Vec::new());
        let verdict = store.read(move |tx| check.advance(tx)).await.unwrap().unwrap();
        assert_eq!((verdict.fault, verdict.events), (None, 3));
    }

    #[tokio::test]
    async fn the_number_of_a_purged_account_is_never_given_to_another() {
        let (_folder, store) = fresh_store();
        let first = make(&store, "naman").await;
        purge(&store, first, 2).await;
        let second = make(&store, "naman").await;
        assert!(second.0 > first.0);
        assert_eq!(shown(&store).await, ["naman"; 3]);
    }

    /// The time of a failed login must not tell whether there is an account.
    #[tokio::test]
    async fn a_claimed_name_is_kept_alike_with_and_without_an_account() {
        let (_folder, store) = fresh_store();
        let id = make(&store, "naman").await;
        let noted = store.write(move |tx| {
            note(tx, 2, stranger("naman", Some(id)));
            note(tx, 2, stranger("jo", None));
            note(tx, 2, Party::Claimed { account: None, oprf_id: OprfId([7; 32]), name: "" });
            Ok::<_, StoreError>(())
        });
        noted.await.unwrap();
        assert_eq!(count(&store, "select count(*) from audit_name where subject like 'name:%'").await, 2);
        assert_eq!(count(&store, "select count(*) from audit_event where subject = 'account:1'").await, 2);
        assert_eq!(shown(&store).await, ["naman", "naman", "jo", ""]);
    }

    #[tokio::test]
    async fn a_name_is_removed_with_the_last_event_that_has_it() {
        let (_folder, store) = fresh_store();
        let noted = store.write(|tx| {
            // Within a day the row is not written again.
            for at in [0, DAY / 2, DAY, 3 * DAY] {
                note(tx, at, stranger("jo", None));
            }
            note(tx, 10 * DAY, Party::NONE);
            Ok::<_, StoreError>(())
        });
        noted.await.unwrap();
        for (before, names) in [(DAY, 1), (3 * DAY, 1), (4 * DAY, 1), (5 * DAY, 0)] {
            let purged = store.write(move |tx| {
                if let Some(plan) = tx.plan_audit_purge(Cutoff::for_tests(before)).unwrap() {
                    tx.purge_audit(&note(tx, 10 * DAY, Party::NONE), &plan)?;
                }
                tx.purge_audit_names(at(before))
            });
            purged.await.unwrap();
            assert_eq!(count(&store, "select count(*) from audit_name").await, names, "{before}");
        }
    }
}
