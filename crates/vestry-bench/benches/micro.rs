//! The small parts, each by itself: codec, field types, session look-up, hashing, one read and one durable write.
//!
//! `cargo bench -p vestry-bench`; a name behind `--` picks. What a server does with all of them together is for
//! `vestry-bench load`.

#![expect(clippy::unwrap_used, reason = "a bench that cannot do its work has nothing to measure, as a test")]

use divan::{Bencher, black_box};
use std::sync::LazyLock;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vestry_bench::act::Benched;
use vestry_bench::modes::bare_hash::Hasher;
use vestry_bench::set::{AccountSet, fill};
use vestry_opaque::unstretched::Prover;
use vestry_protocol::codec::{append_frame, decode, encode};
use vestry_protocol::fields::{Email, Password, PasswordOwner, PasswordPolicy, Username};
use vestry_protocol::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::{Account, Change, Profile, ProfileUpdate, UserCall, UserReply};
use vestry_protocol::{Reply, Request, UnixSeconds};
use vestry_server::clock::Clock;
use vestry_server::credentials::{Ke1, OpaqueKey};
use vestry_server::data_dir::DataDir;
use vestry_server::failure::Failure;
use vestry_server::gate::{AttemptKind, Gate};
use vestry_server::names::Target;
use vestry_server::secrets::files::read_audit_key;
use vestry_server::settings::Settings;
use vestry_server::source::Source;
use vestry_store::{
    AccountId, ActorKind, Credential, Event, NewSessionRow, Party, SessionId, Store, StoreError, StoreLimits,
};
use vestry_tls::private_file;

/// Enough that a database is a tree of some depth, few enough to be made in a blink.
const ACCOUNTS: u64 = 20_000;
const NOW: UnixSeconds = UnixSeconds::from_seconds(1_700_000_000);
const HOUR_SECS: i64 = 60 * 60;

fn main() {
    divan::main();
    // A static is never dropped, so its folder would stay behind.
    if let Some(fixture) = LazyLock::get(&FIXTURE) {
        std::fs::remove_dir_all(fixture.folder.path()).unwrap();
    }
}

/// A database with a session in it.
struct Fixture {
    runtime: Runtime,
    store: Store,
    set: AccountSet,
    data_dir: DataDir,
    account: AccountId,
    session: SessionId,
    folder: TempDir,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::make);

impl Fixture {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let set = fill::fill(folder.path(), ACCOUNTS, 1).unwrap().set;
        let data_dir = DataDir::at(folder.path());
        let chain = read_audit_key(&data_dir.audit_key()).unwrap();
        let store = Store::open(&data_dir.database(), StoreLimits::default(), chain).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (name, session) = (name_of(&set, 7), SessionId::from_wire(7));
        let opened = store.write(move |tx| {
            let account = tx.account(&name, NOW)?.ok_or(StoreError::Closed)?;
            let credential = tx.credential(account.id)?.ok_or(StoreError::Closed)?;
            let proof = tx.still_proven(account.id, &credential)?.ok_or(StoreError::Closed)?;
            let noted = tx.note_on(account.id, &Benched("bench.write"), &event(account.id))?;
            let row = NewSessionRow {
                id: session,
                token_hash: &[7; 32],
                device: "bench",
                source: "127.0.0.1",
                created: NOW,
                expires: NOW.plus(HOUR_SECS),
            };
            tx.insert_session(&noted, &proof, &row)?;
            Ok::<_, StoreError>(account.id)
        });
        let account = runtime.block_on(opened).unwrap();
        Self { runtime, store, set, data_dir, account, session, folder }
    }
}

fn name_of(set: &AccountSet, number: u64) -> Username {
    Username::parse(&set.name(number)).unwrap()
}

fn event(account: AccountId) -> Event<'static> {
    let party = Party::Account(account);
    let (actor_kind, source, detail) = (ActorKind::User, "", "");
    Event { at: NOW, actor_kind, actor: party, subject: party, source, detail }
}

fn account() -> Account {
    let (email, gender) = (Some("naman@example.org".to_owned()), None);
    let profile = Profile { email, age: Some(40), gender };
    let (name, later) = ("naman".to_owned(), Vec::new());
    Account { name, profile, created: NOW, last_login: Some(NOW), later }
}

fn update() -> UserCall {
    UserCall::UpdateAccount(ProfileUpdate { age: Change::Set(40), ..ProfileUpdate::default() })
}

mod codec {
    use super::*;

    #[divan::bench]
    fn encode_a_request(bencher: Bencher<'_, '_>) {
        let (request, mut out) = (Request { id: 1, call: update() }, Vec::new());
        bencher.bench_local(|| {
            out.clear();
            append_frame(&mut out, black_box(&request), REQUEST_BYTES_MAX).unwrap();
        });
    }

    #[divan::bench]
    fn decode_a_request(bencher: Bencher<'_, '_>) {
        let bytes = encode(&Request { id: 1, call: update() }).unwrap();
        bencher.bench(|| decode::<Request<UserCall>, REQUEST_BYTES_MAX>(black_box(&bytes)).unwrap());
    }

    #[divan::bench]
    fn encode_an_account(bencher: Bencher<'_, '_>) {
        let (reply, mut out) = (Reply { id: 1, body: UserReply::AccountShown(account()) }, Vec::new());
        bencher.bench_local(|| {
            out.clear();
            append_frame(&mut out, black_box(&reply), REPLY_BYTES_MAX).unwrap();
        });
    }

    #[divan::bench]
    fn decode_an_account(bencher: Bencher<'_, '_>) {
        let bytes = encode(&Reply { id: 1, body: UserReply::AccountShown(account()) }).unwrap();
        bencher.bench(|| decode::<Reply<UserReply>, REPLY_BYTES_MAX>(black_box(&bytes)).unwrap());
    }
}

mod fields {
    use super::*;

    #[divan::bench]
    fn a_username() -> Username {
        Username::parse(black_box("Naman-Agarwal.23")).unwrap()
    }

    #[divan::bench]
    fn an_email() -> Email {
        Email::parse(black_box("naman.agarwal@mail.example.org")).unwrap()
    }

    #[divan::bench]
    fn a_password_as_it_is_typed(bencher: Bencher<'_, '_>) {
        let typed = SecretText::new("correct horse battery staple".to_owned());
        bencher.bench(|| Password::parse(black_box(&typed)).unwrap());
    }

    #[divan::bench]
    fn a_new_password_judged(bencher: Bencher<'_, '_>) {
        let password =
            Password::parse(&SecretText::new("purple owls count seven spoons".to_owned())).unwrap();
        let (policy, owner) =
            (PasswordPolicy::default(), PasswordOwner { name: "naman", ..PasswordOwner::default() });
        bencher.bench(|| policy.judge(black_box(&password), &owner).unwrap());
    }
}

mod hashing {
    use super::*;

    #[divan::bench(sample_count = 20)]
    fn argon2id_with_memory_that_is_reused(bencher: Bencher<'_, '_>) {
        let mut hasher = Hasher::new().unwrap();
        bencher.bench_local(|| hasher.hash().unwrap());
    }

    #[divan::bench]
    fn the_servers_half_of_an_opaque_login(bencher: Bencher<'_, '_>) {
        let fixture = &*FIXTURE;
        let key =
            OpaqueKey::from_bytes(&private_file::read(&fixture.data_dir.opaque_key()).unwrap()).unwrap();
        let ke1 = Prover::new(fixture.set.password.as_bytes()).unwrap().ke1().to_vec();
        let account = fixture.account;
        let _entered = fixture.runtime.enter();
        let gate = Gate::start(fixture.store.clone(), Clock::from_fn(|| NOW), Settings::defaults());
        let source = Source::of([127, 0, 0, 1].into());
        // Nothing is evaluated but for an attempt that was admitted; one is enough for all of them.
        let begun = fixture.store.look_up(move |tx| {
            let found = tx.account_by_id(account, NOW)?.ok_or(StoreError::Closed)?;
            let admitted = gate.admit(tx, AttemptKind::Login, &Target::of_account(&found), &source)?;
            let Some(Credential::Opaque(record)) = tx.credential(account)? else {
                return Err(StoreError::Closed.into());
            };
            Ok::<_, Failure>((found.oprf_id, record, admitted))
        });
        let (id, record, admitted) = fixture.runtime.block_on(begun).unwrap();
        bencher.bench(|| {
            let ke1 = Ke1::parse(black_box(&ke1)).unwrap();
            key.start_login(&admitted, id, Some((account, record.clone())), ke1, &[7; 32]).unwrap()
        });
    }
}

mod store {
    use super::*;

    #[divan::bench]
    fn a_session_looked_up(bencher: Bencher<'_, '_>) {
        let fixture = &*FIXTURE;
        let session = fixture.session;
        bencher.bench(|| {
            let found = fixture.store.look_up(move |tx| {
                let live = tx.live_session(session, NOW, HOUR_SECS)?;
                Ok::<_, StoreError>(live.is_some())
            });
            assert!(fixture.runtime.block_on(found).unwrap());
        });
    }

    #[divan::bench]
    fn an_account_read_by_its_name(bencher: Bencher<'_, '_>) {
        let (fixture, mut number) = (&*FIXTURE, 0);
        bencher.bench_local(|| {
            number = (number + 7_919) % ACCOUNTS;
            let name = name_of(&fixture.set, number);
            let found = fixture.store.look_up(move |tx| tx.account(&name, NOW));
            fixture.runtime.block_on(found).unwrap().unwrap()
        });
    }

    /// With its audit event, on disk.
    #[divan::bench(sample_count = 200, sample_size = 1)]
    fn a_profile_written(bencher: Bencher<'_, '_>) {
        let fixture = &*FIXTURE;
        let account = fixture.account;
        bencher.bench(|| {
            let written = fixture.store.write(move |tx| {
                let noted = tx.note_on(account, &Benched("bench.write"), &event(account))?;
                tx.set_profile(&noted, &Change::Clear, &Change::Clear)
            });
            fixture.runtime.block_on(written).unwrap();
        });
    }
}
