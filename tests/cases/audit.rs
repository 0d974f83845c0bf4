//! The audit trail through the real programs: no act without its event, no read without one, and no change of what was
//! written that is not found.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use vestry_protocol::admin::{AdminCall, AdminReply, FollowFrom, Listing, View};
use vestry_protocol::audit::{AuditFault, AuditVerdict, Checkpoint};
use vestry_protocol::fields::StretchingCost;
use vestry_protocol::import::ImportRow;
use vestry_protocol::item::Open;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::{SecretText, SessionToken};
use vestry_protocol::user::{Envelope, Profile, UserCall, UserReply};
use vestry_server::gate::calls::Call;
use vestry_store::backup::Offline;
use vestry_store::{ActorKind, ChainKey, Event, Party, Store};
use vestry_tests::harness::{
    AdminWire, OTHER_PASSWORD, PASSWORD, Server, UserWire, copy_folder, copy_of, imported_login, program,
    refusal_of, rows_of, secret,
};
use vestry_tests::imported::{hash_of, row};
use vestry_tests::light::{Halfway, any_ke1, any_request, finish_login, seal, start_login};
use vestry_tests::programs::{Person, Ran, with_admin};
use vestry_tests::talk::age;

/// What somebody does who has the file and not the key, while no server runs.
fn change(folder: &Path, sql: &str) {
    let database = rusqlite::Connection::open(folder.join("vestry.db")).unwrap();
    database.execute_batch(sql).unwrap();
}

/// The whole database as it is, while no server runs.
fn take_a_copy(folder: &Path) -> Vec<u8> {
    change(folder, "pragma wal_checkpoint(truncate)");
    std::fs::read(folder.join("vestry.db")).unwrap()
}

fn put_in_place(folder: &Path, database: &[u8]) {
    for log in ["vestry.db-wal", "vestry.db-shm"] {
        let _ = std::fs::remove_file(folder.join(log));
    }
    std::fs::write(folder.join("vestry.db"), database).unwrap();
}

async fn verdict_of(server: &Server, checkpoints: Vec<Checkpoint>) -> AuditVerdict {
    match server.operate(AdminCall::VerifyAudit { checkpoints }).await {
        AdminReply::AuditVerified(verdict) => verdict,
        other => panic!("{other:?}"),
    }
}

fn vestryd(folder: &Path, arguments: &[&str]) -> Ran {
    Person::new().run("vestryd", &[arguments, &["--data-dir", folder.to_str().unwrap()]].concat(), "")
}

/// The last checkpoint in a server's log, as an operator copies it.
fn last_checkpoint(talk: &str) -> String {
    let line = talk.lines().rfind(|line| line.contains("audit checkpoint")).expect("a checkpoint");
    let value = |name: &str| line.split(name).nth(1).unwrap().split_whitespace().next().unwrap();
    format!("{}:{}", value(" id="), value(" mac="))
}

/// Some people, and a server that is stopped; with the checkpoint of its end.
async fn stopped_with_events() -> (Arc<TempDir>, String) {
    let server = Server::start();
    for name in ["anirudh", "naman", "navneet", "shubham"] {
        server.register(name).await;
    }
    server.signal(rustix::process::Signal::TERM);
    let folder = server.shared_folder();
    let talk = server.talk_after_stop();
    (folder, last_checkpoint(&talk))
}

#[tokio::test]
async fn sec_0050_a_changed_audit_row_is_named() {
    let (folder, checkpoint) = stopped_with_events().await;
    vestryd(folder.path(), &["check"]).ended_with(0);
    change(folder.path(), "update audit_event set actor = 'nobody' where id = 3");
    let checked = vestryd(folder.path(), &["check"]).ended_with(78);
    assert!(checked.out.contains("FAIL  audit: event 3 was changed"), "{}", checked.out);
    let server = Server::start_in(folder);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, Some(AuditFault::Changed { id: 3 }.into()));
    let person = Person::new();
    let told = person.vestryctl(&server, &["audit", "verify"]).ended_with(65);
    assert!(told.err.contains("the audit is not as it was written: event 3 was changed"), "{}", told.err);
    let told = person.vestryctl(&server, &["--json", "audit", "verify"]).ended_with(65);
    assert!(told.out.contains(r#""fault":"event 3 was changed""#), "{}", told.out);
    let folder = server.stop();
    change(folder.path(), "update audit_event set actor = 'account:2' where id = 3");
    let server = Server::start_in(folder);
    let whole = person.vestryctl(&server, &["audit", "verify", "--checkpoint", &checkpoint]).ended_with(0);
    assert!(whole.out.contains("are as they were written; checkpoints that fit: 1"), "{}", whole.out);
    for sql in [
        "delete from audit_event where id = 2",
        "update audit_event set id = -1 where id = 4; update audit_event set id = 4 where id = 5;
         update audit_event set id = 5 where id = -1",
        "insert into audit_event values (0, 1, 'user', 'x', 'login.ok', '', '', '', null)",
    ] {
        let (folder, _) = stopped_with_events().await;
        change(folder.path(), sql);
        let fault = verdict_of(&Server::start_in(folder), Vec::new()).await.fault;
        let expected = [
            AuditFault::Missing { first: 2, last: 2 },
            AuditFault::Swapped { id: 4, with: 5 },
            AuditFault::Inserted { id: 0 },
        ];
        assert!(
            fault.as_ref().and_then(Open::known).is_some_and(|fault| expected.contains(fault)),
            "{sql}: {fault:?}"
        );
    }
}

#[tokio::test]
async fn sec_0051_a_truncated_audit_tail_is_found() {
    let (folder, _) = stopped_with_events().await;
    change(folder.path(), "delete from audit_event where id > 3");
    let checked = vestryd(folder.path(), &["check"]).ended_with(78);
    assert!(checked.out.contains("FAIL  audit: the end was cut off: events 4 to 5"), "{}", checked.out);
    let server = Server::start_in(folder);
    assert_eq!(
        verdict_of(&server, Vec::new()).await.fault,
        Some(AuditFault::Truncated { first: 4, last: 5 }.into())
    );
    // Nothing that is written behind it hides it.
    server.register("maria").await;
    assert_eq!(
        verdict_of(&server, Vec::new()).await.fault,
        Some(AuditFault::Missing { first: 4, last: 5 }.into())
    );
    drop(server);
    // The end and its mark were put back to an earlier state, and so was what lies beside the key: only what is kept on another
    // machine can tell.
    let (folder, _) = stopped_with_events().await;
    change(folder.path(), "create table kept as select * from audit_mark");
    let server = Server::start_in(folder);
    server.register("maria").await;
    server.signal(rustix::process::Signal::TERM);
    let folder = server.shared_folder();
    let checkpoint = last_checkpoint(&server.talk_after_stop());
    change(
        folder.path(),
        "delete from audit_event where id > 5; delete from audit_mark;
         insert into audit_mark select * from kept; drop table kept",
    );
    let checked = vestryd(folder.path(), &["check"]).ended_with(78);
    assert!(checked.out.contains("event 6, which was the newest, is not there any more"), "{}", checked.out);
    std::fs::remove_file(folder.path().join("secrets/audit.head")).unwrap();
    let (server, person) = (Server::start_in(folder), Person::new());
    person.vestryctl(&server, &["audit", "verify"]).ended_with(0);
    let told = person.vestryctl(&server, &["audit", "verify", "--checkpoint", &checkpoint]).ended_with(65);
    assert!(told.err.contains("event 6 is not the one of the checkpoint"), "{}", told.err);
    for bad in ["6", "6:0123", "x:0123456789abcdef"] {
        person.vestryctl(&server, &["audit", "verify", "--checkpoint", bad]).ended_with(65);
    }
}

/// H-5: three statements wiped the whole chain, and the next start began another one without a word.
#[tokio::test]
async fn a_chain_that_was_stripped_whole_is_found_at_the_next_start() {
    let (folder, _) = stopped_with_events().await;
    change(
        folder.path(),
        "delete from audit_event; delete from audit_mark; delete from fact where name = 'secrets/audit.key'",
    );
    let gone = "the marks of where the chain begins and ends are gone";
    let checked = vestryd(folder.path(), &["check"]).ended_with(78);
    assert!(checked.out.contains(&format!("FAIL  audit: {gone}")), "{}", checked.out);
    let server = Server::start_in(folder);
    server.register("maria").await;
    let told = Person::new().vestryctl(&server, &["audit", "verify"]).ended_with(65);
    assert!(told.err.contains(gone), "{}", told.err);
    server.signal(rustix::process::Signal::TERM);
    assert!(server.talk_after_stop().contains("the audit chain has lost its head"));
}

fn listing(view: View, after: Option<String>) -> Listing {
    let (columns, sort) = (vec!["name".to_owned()], None);
    let filter = Some("name <> 'nobody'".to_owned());
    Listing { view, columns, filter, sort, descending: false, limit: 2, after }
}

async fn page(wire: &mut AdminWire, call: AdminCall) -> Option<String> {
    let id = wire.send(&call).await.unwrap();
    loop {
        match wire.receive_for(id).await.unwrap() {
            AdminReply::RowsEnd(end) => return end.next,
            AdminReply::Refused(refusal) => panic!("{refusal:?}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn sec_0052_an_operators_read_is_recorded_before_its_rows() {
    let server = Server::start();
    for number in 0..5 {
        server.register(&format!("person{number}")).await;
    }
    // A statement that shows the newest event shows its own.
    let own = "select actor, action, subject, source, detail from audit order by id desc limit 1";
    assert_eq!(server.select(own).await, [["admin", "operator.read", "sql", "127.0.0.1", own]]);
    let mut wire = server.connect_as("admin").await;
    let mut after = None;
    for _ in 0..3 {
        after = page(&mut wire, AdminCall::ListRows(listing(View::Accounts, after).into())).await;
    }
    // A cursor that was taken from elsewhere is no way around it.
    let other = Listing { filter: Some("age is null".to_owned()), ..listing(View::Accounts, None) };
    let cursor = page(&mut wire, AdminCall::ListRows(other.clone().into())).await;
    page(&mut wire, AdminCall::ListRows(Listing { filter: None, after: cursor, ..other }.into())).await;
    let everybody = Listing { filter: None, ..listing(View::Operators, None) };
    page(&mut wire, AdminCall::ListRows(everybody.into())).await;
    let mut from = FollowFrom::Newest(1);
    for _ in 0..5 {
        let next = page(&mut wire, AdminCall::FollowAudit { columns: Vec::new(), filter: None, from }).await;
        from = FollowFrom::Behind(next.unwrap().parse().unwrap());
    }
    let hostile = format!("select '\u{1b}[2J\n{}'", "x".repeat(600));
    page(&mut wire, AdminCall::Query { sql: hostile }).await;
    // Also what is refused was asked.
    let refused = AdminCall::Query { sql: "select record from credential".to_owned() };
    assert!(rows_of(&mut wire, refused).await.unwrap_err().is(RefusalCode::QueryRefused));
    let reads = "select subject, detail from audit where action = 'operator.read' and id > 7 order by id";
    let mut read = server.select(reads).await;
    assert_eq!(read.pop().unwrap(), ["sql", reads]);
    assert_eq!(read.pop().unwrap(), ["sql", "select record from credential"]);
    let cut = read.pop().unwrap();
    assert!(
        cut[1].starts_with("select '\\u{1b}[2J\\nxxx") && cut[1].contains("xxx… (614 bytes, sha256:"),
        "{cut:?}"
    );
    let expected = [
        ["accounts", "columns name where name <> 'nobody'"],
        ["accounts", "columns name where age is null"],
        ["accounts", "columns name"],
        ["audit", "follow"],
    ];
    assert_eq!(read, expected);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, None);
}

/// What a call of a user writes down when it is done, for every call there is.
fn events_of_user(call: &UserCall) -> &'static [&'static str] {
    match call {
        UserCall::DescribeServer
        | UserCall::StartRegistration { .. }
        | UserCall::StartLogin { .. }
        | UserCall::ResumeSession { .. }
        | UserCall::ShowAccount
        | UserCall::StartProof { .. }
        | UserCall::FinishProof { .. }
        | UserCall::StartNewPassword { .. }
        | UserCall::ListSessions
        | UserCall::ListDevices
        | UserCall::ShowNotices
        | UserCall::StartRecordMove { .. } => &[],
        UserCall::FinishRegistration { .. } => &["account.registered"],
        UserCall::FinishLogin { .. } | UserCall::LogInImported { .. } => &["login.ok"],
        // An evaluation by a code is on disk before it is answered.
        UserCall::StartReset { .. } => &["reset.started"],
        UserCall::FinishReset { .. } => &["password.reset"],
        UserCall::UpdateAccount(_) => &["account.updated"],
        // Every session ends, and this connection gets a new one.
        UserCall::FinishNewPassword { .. } => &["password.changed", "login.ok"],
        UserCall::DeleteAccount => &["account.deleted"],
        UserCall::RevokeSession { .. } => &["session.revoked"],
        UserCall::LogOut { .. } => &["logout"],
        UserCall::RememberDevice => &["device.remembered"],
        UserCall::ForgetDevice { .. } => &["device.forgotten"],
        UserCall::FinishRecordMove { .. } => &["record.moved"],
    }
}

/// The same for an operator.
fn events_of_operator(call: &AdminCall) -> &'static [&'static str] {
    match call {
        AdminCall::ShowStatus
        | AdminCall::ShowJoinString
        | AdminCall::ShowLimits
        | AdminCall::VerifyAudit { .. } => &[],
        AdminCall::Query { .. }
        | AdminCall::ListRows(_)
        | AdminCall::FollowAudit { .. }
        | AdminCall::ShowAccount { .. } => &["operator.read"],
        AdminCall::CreateAccount { .. } => &["account.created"],
        AdminCall::SuspendAccount { .. } => &["account.suspended"],
        AdminCall::ResumeAccount { .. } => &["account.resumed"],
        AdminCall::DeleteAccount { .. } => &["account.deleted"],
        AdminCall::RestoreAccount { .. } => &["account.restored"],
        AdminCall::ResetAccount { .. } => &["reset.issued"],
        AdminCall::RevokeSession { .. } => &["session.revoked"],
        AdminCall::RevokeOperator { .. } => &["operator.revoked"],
        AdminCall::BackUp => &["database.backed_up"],
        AdminCall::ReloadSettings => &["settings.read"],
        // Which rows are not taken tells who is there.
        AdminCall::StartImport => &["operator.read"],
        AdminCall::ImportRows(_) | AdminCall::DropImport => &[],
        AdminCall::FinishImport { .. } => &["accounts.imported"],
        AdminCall::ClearThrottle { .. } => &["throttle.cleared"],
    }
}

/// A server, and how many of its events were looked at.
struct Watched {
    server: Server,
    seen: i64,
    /// The calls of users that were refused so far.
    refused: BTreeSet<Call>,
}

impl Watched {
    async fn start() -> Self {
        let mut watched = Self {
            server: Server::start_with("hashing.imported_login_ms = 500"),
            seen: 0,
            refused: BTreeSet::new(),
        };
        watched.new_events().await;
        watched
    }

    /// The acts since the last look, which is not one of them.
    async fn new_events(&mut self) -> Vec<String> {
        let sql = format!("select id, action from audit where id > {} order by id", self.seen);
        let mut rows = self.server.select(&sql).await;
        self.seen = rows.last().expect("this read")[0].parse().unwrap();
        // The server may have written an event of its own between this read's event and its rows.
        let own = rows.iter().rposition(|row| row[1] == "operator.read").expect("this read");
        rows.remove(own);
        rows.into_iter().map(|mut row| row.remove(1)).collect()
    }

    async fn user(&mut self, wire: &mut UserWire, call: UserCall) -> UserReply {
        let (shown, expected) = (format!("{call:?}"), events_of_user(&call));
        let reply = wire.call(call).await.unwrap();
        assert!(!matches!(reply, UserReply::Refused(_)), "{shown}: {reply:?}");
        assert_eq!(self.new_events().await, expected, "{shown}");
        reply
    }

    /// A call that is refused, and the events that it leaves all the same: those of a failure.
    async fn refused_user(&mut self, wire: &mut UserWire, call: UserCall, events: &[&str]) {
        let shown = format!("{call:?}");
        self.refused.insert(Call::of(&call));
        refusal_of(wire.call(call).await.unwrap());
        assert_eq!(self.new_events().await, events, "{shown}");
    }

    async fn operator(&mut self, call: AdminCall) -> Option<SecretText> {
        let mut wire = self.server.connect_as("admin").await;
        self.operator_on(&mut wire, call).await
    }

    async fn operator_on(&mut self, wire: &mut AdminWire, call: AdminCall) -> Option<SecretText> {
        let (shown, expected) = (format!("{call:?}"), events_of_operator(&call));
        let id = wire.send(&call).await.unwrap();
        let mut code = None;
        loop {
            match wire.receive_for(id).await.unwrap() {
                AdminReply::Refused(refusal) => panic!("{shown}: {refusal:?}"),
                AdminReply::Columns(_)
                | AdminReply::Rows(_)
                | AdminReply::BackupChunk(_)
                | AdminReply::ImportContinues { .. } => continue,
                AdminReply::CodeIssued { code: issued, .. } => code = Some(issued),
                _ => {}
            }
            break;
        }
        wire.settle();
        assert_eq!(self.new_events().await, expected, "{shown}");
        code
    }

    async fn refused_operator(&mut self, call: AdminCall) {
        let shown = format!("{call:?}");
        vestry_tests::harness::refusal_of(self.server.operate(call).await);
        assert_eq!(self.new_events().await, [""; 0], "{shown}");
    }
}

fn name() -> String {
    "naman".to_owned()
}

fn set_age() -> UserCall {
    UserCall::UpdateAccount(age(40))
}

#[tokio::test]
async fn sec_0053_no_act_without_its_event() {
    let mut watched = Watched::start().await;
    user_acts(&mut watched).await;
    operator_acts(&mut watched).await;
    imports(&mut watched).await;
    acts_that_fail(&mut watched).await;
    let verdict = verdict_of(&watched.server, Vec::new()).await;
    assert_eq!((verdict.fault, verdict.head), (None, watched.seen));
}

impl Watched {
    /// Both halves of a new password, by whichever calls.
    async fn sealed(
        &mut self,
        wire: &mut UserWire,
        password: &str,
        start: impl FnOnce(Vec<u8>) -> UserCall,
        finish: impl FnOnce(Envelope) -> UserCall,
    ) -> UserReply {
        let mut events: &[&str] = &[];
        let start = |request| {
            let call = start(request);
            events = events_of_user(&call);
            call
        };
        let envelope = seal(wire, password, start).await.unwrap();
        assert_eq!(self.new_events().await, events);
        self.user(wire, finish(envelope)).await
    }

    async fn registered(&mut self, wire: &mut UserWire, name: &str, password: &str) {
        let start =
            |request| UserCall::StartRegistration { name: name.to_owned(), request, invitation: None };
        let finish = |envelope| UserCall::FinishRegistration { envelope, profile: Profile::default() };
        self.sealed(wire, password, start, finish).await;
    }

    async fn logged_in(&mut self, wire: &mut UserWire, name: &str, password: &str) {
        let ke3 = Halfway::login(wire, name, password).await.ke3(wire).unwrap();
        assert_eq!(self.new_events().await, [""; 0]);
        self.user(wire, finish_login(ke3)).await;
    }

    async fn proven(&mut self, wire: &mut UserWire, password: &str) {
        let ke3 = Halfway::proof(wire, password).await.ke3(wire).unwrap();
        assert_eq!(self.new_events().await, [""; 0]);
        self.user(wire, UserCall::FinishProof { ke3 }).await;
    }

    async fn reset(&mut self, wire: &mut UserWire, name: &str, code: SecretText, password: &str) {
        let start = |request| UserCall::StartReset { name: name.to_owned(), code, request };
        self.sealed(wire, password, start, |envelope| UserCall::FinishReset { envelope }).await;
    }
}

async fn user_acts(watched: &mut Watched) {
    let mut wire = watched.server.connect().await;
    watched.user(&mut wire, UserCall::DescribeServer).await;
    watched.registered(&mut wire, "naman", PASSWORD).await;
    watched.logged_in(&mut wire, "naman", PASSWORD).await;
    for call in [UserCall::ShowAccount, UserCall::ListSessions, UserCall::ShowNotices, set_age()] {
        watched.user(&mut wire, call).await;
    }
    watched.user(&mut wire, UserCall::RememberDevice).await;
    let reply = watched.user(&mut wire, UserCall::ListDevices).await;
    let UserReply::DevicesListed(devices) = reply else { panic!("{reply:?}") };
    watched.user(&mut wire, UserCall::ForgetDevice { id: devices[0].id }).await;
    for (current, new) in [(PASSWORD, OTHER_PASSWORD), (OTHER_PASSWORD, PASSWORD)] {
        watched.proven(&mut wire, current).await;
        let start = |request| UserCall::StartNewPassword { request };
        let finish = |envelope| UserCall::FinishNewPassword { envelope };
        let changed = watched.sealed(&mut wire, new, start, finish).await;
        let UserReply::PasswordChanged(session) = changed else { panic!("{changed:?}") };
        watched.user(&mut wire, UserCall::ResumeSession { token: session.token }).await;
    }
    let reply = watched.user(&mut wire, UserCall::ListSessions).await;
    let UserReply::SessionsListed(sessions) = reply else { panic!("{reply:?}") };
    watched.user(&mut wire, UserCall::RevokeSession { id: sessions[0].id }).await;
    watched.logged_in(&mut wire, "naman", PASSWORD).await;
    watched.user(&mut wire, UserCall::LogOut { everywhere: true }).await;
    let code = watched.operator(AdminCall::ResetAccount { name: name() }).await.unwrap();
    watched.reset(&mut wire, "naman", code, OTHER_PASSWORD).await;
    watched.logged_in(&mut wire, "naman", OTHER_PASSWORD).await;
    watched.proven(&mut wire, OTHER_PASSWORD).await;
    watched.user(&mut wire, UserCall::DeleteAccount).await;
    watched.registered(&mut wire, "shubham", PASSWORD).await;
}

async fn enrol_another_operator(watched: &mut Watched) {
    let made = ["certs", "operator", "hana"];
    vestryd(watched.server.folder(), &made).ended_with(0);
    watched.server.signal(rustix::process::Signal::HUP);
    let mut events = Vec::new();
    while events.is_empty() {
        events = watched.new_events().await;
    }
    assert_eq!(events, ["operator.enrolled"]);
}

async fn imports(watched: &mut Watched) {
    let mut wire = watched.server.connect_as("admin").await;
    let row = ImportRow { argon2id: Some(secret(&hash_of(PASSWORD))), ..row(1, "zoe") };
    let calls = [
        AdminCall::StartImport,
        AdminCall::DropImport,
        AdminCall::StartImport,
        AdminCall::ImportRows(vec![row]),
        AdminCall::FinishImport { accounts: 1 },
    ];
    for call in calls {
        watched.operator_on(&mut wire, call).await;
    }
    let mut wire = watched.server.connect().await;
    watched.user(&mut wire, imported_login("zoe", PASSWORD)).await;
}

async fn operator_acts(watched: &mut Watched) {
    enrol_another_operator(watched).await;
    watched.operator(AdminCall::RevokeOperator { name: "hana".to_owned() }).await;
    let mary = || "mary".to_owned();
    let code = watched.operator(AdminCall::CreateAccount { name: mary(), profile: Profile::default() }).await;
    let mut wire = watched.server.connect().await;
    watched.reset(&mut wire, "mary", code.unwrap(), PASSWORD).await;
    watched.logged_in(&mut wire, "mary", PASSWORD).await;
    let session = watched.server.select("select id from sessions where account = 'mary'").await;
    watched.new_events().await;
    let id = u64::from_str_radix(&session[0][0], 16).unwrap();
    let suspend = AdminCall::SuspendAccount { name: mary(), until: None, reason: None };
    for call in [
        AdminCall::ShowStatus,
        AdminCall::ShowJoinString,
        AdminCall::ShowLimits,
        AdminCall::ShowAccount { name: mary() },
        AdminCall::VerifyAudit { checkpoints: Vec::new() },
        AdminCall::Query { sql: "select 1".to_owned() },
        AdminCall::ListRows(listing(View::Accounts, None).into()),
        AdminCall::FollowAudit { columns: Vec::new(), filter: None, from: FollowFrom::Newest(1) },
        AdminCall::RevokeSession { id },
        AdminCall::ResetAccount { name: mary() },
        suspend,
        AdminCall::ResumeAccount { name: mary() },
        AdminCall::DeleteAccount { name: mary() },
        AdminCall::RestoreAccount { name: mary() },
        AdminCall::ClearThrottle { subject: None },
        AdminCall::BackUp,
        AdminCall::ReloadSettings,
    ] {
        watched.operator(call).await;
    }
}

/// Calls of a session without one, of a second half without its first, and a token that was made up.
async fn acts_without_what_they_need(watched: &mut Watched) {
    let mut other = watched.server.connect().await;
    let sealed = seal(&mut other, PASSWORD, |request| UserCall::StartRegistration {
        name: "nobody-here".to_owned(),
        request,
        invitation: None,
    });
    let Envelope { upload, stretching } = sealed.await.unwrap();
    // That half is given up with its connection, and counted.
    drop(other);
    let mut events = Vec::new();
    while events.is_empty() {
        events = watched.new_events().await;
    }
    assert_eq!(events, ["registration.refused"]);
    let mut wire = watched.server.connect().await;
    let envelope = || Envelope { upload: upload.clone(), stretching };
    for call in [
        set_age(),
        UserCall::ShowAccount,
        UserCall::StartProof { ke1: any_ke1() },
        UserCall::FinishProof { ke3: vec![0; 64] },
        UserCall::StartNewPassword { request: any_request() },
        UserCall::FinishNewPassword { envelope: envelope() },
        UserCall::DeleteAccount,
        UserCall::ListSessions,
        UserCall::RevokeSession { id: 1 },
        UserCall::LogOut { everywhere: true },
        UserCall::RememberDevice,
        UserCall::ListDevices,
        UserCall::ForgetDevice { id: 1 },
        UserCall::ShowNotices,
        UserCall::FinishReset { envelope: envelope() },
        UserCall::ResumeSession { token: SessionToken::from_bytes([7; 32]) },
    ] {
        watched.refused_user(&mut wire, call, &[]).await;
    }
}

/// A second half that comes when somebody else has the name, and one with an envelope that is none.
async fn registrations_that_fail(watched: &mut Watched) {
    let (mut late, mut early) = (watched.server.connect().await, watched.server.connect().await);
    let start = |request| UserCall::StartRegistration { name: "rival".to_owned(), request, invitation: None };
    let envelope = seal(&mut late, PASSWORD, start).await.unwrap();
    assert_eq!(watched.new_events().await, [""; 0]);
    let bent = Envelope { upload: vec![0xff; envelope.upload.len()], stretching: envelope.stretching };
    let finish = |envelope| UserCall::FinishRegistration { envelope, profile: Profile::default() };
    watched.refused_user(&mut late, finish(bent), &[]).await;
    watched.registered(&mut early, "rival", PASSWORD).await;
    watched.refused_user(&mut late, finish(envelope), &["registration.refused"]).await;
}

async fn acts_that_fail(watched: &mut Watched) {
    acts_without_what_they_need(watched).await;
    registrations_that_fail(watched).await;
    let mut wire = watched.server.connect().await;
    Halfway::login(&mut wire, "shubham", OTHER_PASSWORD).await;
    watched.refused_user(&mut wire, finish_login(vec![0; 64]), &["login.failed"]).await;
    watched.refused_user(&mut wire, finish_login(vec![0; 64]), &[]).await;
    watched.refused_user(&mut wire, imported_login("shubham", PASSWORD), &["login.failed"]).await;
    watched.refused_user(&mut wire, start_login("shubham", None)(vec![7; 95]), &[]).await;
    let register = |name: &str| UserCall::StartRegistration {
        name: name.to_owned(),
        request: any_request(),
        invitation: None,
    };
    watched.refused_user(&mut wire, register("shubham"), &["registration.refused"]).await;
    watched.refused_user(&mut wire, register("a"), &[]).await;
    let wrong = UserCall::StartReset { name: name(), code: secret("x"), request: any_request() };
    watched.refused_user(&mut wire, wrong, &["reset.failed"]).await;
    watched.logged_in(&mut wire, "shubham", PASSWORD).await;
    Halfway::proof(&mut wire, OTHER_PASSWORD).await;
    watched.refused_user(&mut wire, UserCall::FinishProof { ke3: vec![0; 64] }, &["login.failed"]).await;
    // After a failure, a proof that is right starts its lane over, and says so.
    let ke3 = Halfway::proof(&mut wire, PASSWORD).await.ke3(&wire).unwrap();
    assert!(matches!(wire.call(UserCall::FinishProof { ke3 }).await.unwrap(), UserReply::PasswordProven));
    assert_eq!(watched.new_events().await, ["password.proven"]);
    watched.refused_user(&mut wire, UserCall::RevokeSession { id: 1 }, &[]).await;
    watched.refused_user(&mut wire, UserCall::ForgetDevice { id: 1 }, &[]).await;
    // No key is being replaced.
    watched.refused_user(&mut wire, UserCall::StartRecordMove { request: any_request() }, &[]).await;
    let envelope = Envelope { upload: Vec::new(), stretching: StretchingCost::default().numbers() };
    watched.refused_user(&mut wire, UserCall::FinishRecordMove { envelope }, &[]).await;
    // A spent code is no failure of anybody's.
    let code = watched.operator(AdminCall::ResetAccount { name: "shubham".to_owned() }).await.unwrap();
    for _ in 0..3 {
        let (name, code) = ("shubham".to_owned(), secret(code.expose_secret()));
        seal(&mut wire, PASSWORD, |request| UserCall::StartReset { name, code, request }).await.unwrap();
        assert_eq!(watched.new_events().await, ["reset.started"]);
    }
    let spent = UserCall::StartReset { name: "shubham".to_owned(), code, request: any_request() };
    watched.refused_user(&mut wire, spent, &[]).await;
    let missing: Vec<_> = Call::ALL.into_iter().filter(|call| !watched.refused.contains(call)).collect();
    assert_eq!(missing, [Call::DescribeServer], "every call that can be refused was");
    // What is broken off is written down by itself, a moment later.
    wire.call(start_login("shubham", None)(any_ke1())).await.unwrap();
    drop(wire);
    let mut events = Vec::new();
    while events.is_empty() {
        events = watched.new_events().await;
    }
    assert_eq!(events, ["login.failed"]);
    for call in [
        AdminCall::CreateAccount { name: "shubham".to_owned(), profile: Profile::default() },
        AdminCall::ResumeAccount { name: "shubham".to_owned() },
        AdminCall::RestoreAccount { name: "shubham".to_owned() },
        AdminCall::DeleteAccount { name: "nobody-here".to_owned() },
        AdminCall::ResetAccount { name: "nobody-here".to_owned() },
        AdminCall::RevokeSession { id: 1 },
        AdminCall::RevokeOperator { name: "nobody".to_owned() },
        AdminCall::ClearThrottle { subject: Some("no such thing".to_owned()) },
    ] {
        watched.refused_operator(call).await;
    }
}

#[tokio::test]
async fn a_lost_audit_key_is_named_and_the_audit_can_go_on_under_a_new_one() {
    let (folder, _) = stopped_with_events().await;
    let key = folder.path().join("secrets/audit.key");
    let in_place = vestryd(folder.path(), &["audit", "rekey"]).ended_with(78);
    assert!(in_place.err.contains("move it away first"), "{}", in_place.err);
    let lost = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    for command in [["serve"], ["init"], ["check"]] {
        let ran = vestryd(folder.path(), &command).ended_with(78);
        let said = ran.err + &ran.out;
        assert!(said.contains("audit.key is missing") && said.contains("vestryd audit rekey"), "{said}");
    }
    assert!(!key.exists());
    vestryd(folder.path(), &["audit", "rekey"]).ended_with(0);
    assert_ne!(std::fs::read(&key).unwrap(), lost);
    let server = Server::start_in(folder);
    server.register("maria").await;
    let verdict = verdict_of(&server, Vec::new()).await;
    assert_eq!((verdict.older_to, verdict.fault), (5, None));
    let acts = server.select("select action, source from audit where id = 6").await;
    assert_eq!(acts, [["audit.rekeyed", "this machine"]]);
    let folder = server.stop();
    std::fs::write(&key, &lost).unwrap();
    let foreign = vestryd(folder.path(), &["serve"]).ended_with(78);
    assert!(foreign.err.contains("secrets/audit.key is not the one"), "{}", foreign.err);
}

#[tokio::test]
async fn a_backup_whose_audit_key_is_lost_can_be_restored_under_a_new_one() {
    let server = Server::start();
    server.register("naman").await;
    let person = Person::new();
    let backup = person.home().join("backup").display().to_string();
    vestryd(server.folder(), &["backup", &backup]).ended_with(0);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, None);
    let folder = Arc::new(tempfile::tempdir().unwrap());
    Server::init(folder.path(), "");
    std::fs::remove_file(folder.path().join("vestry.db")).unwrap();
    for name in ["pepper", "opaque.key", "names.seed"] {
        let place = Path::new("secrets").join(name);
        std::fs::copy(server.folder().join(&place), folder.path().join(&place)).unwrap();
    }
    std::fs::remove_file(folder.path().join("secrets/audit.key")).unwrap();
    let refused = vestryd(folder.path(), &["restore", &backup]).ended_with(78);
    assert!(refused.err.contains("--new-audit-key"), "{}", refused.err);
    vestryd(folder.path(), &["restore", "--new-audit-key", &backup]).ended_with(0);
    vestryd(folder.path(), &["check"]).ended_with(0);
    let restored = Server::start_in(folder);
    assert_eq!(verdict_of(&restored, Vec::new()).await.fault, None);
    let acts = restored.select("select action from audit where id > 3 and id < 6 order by id").await;
    assert_eq!(acts, [["audit.rekeyed"], ["database.restored"]]);
}

#[tokio::test]
async fn a_tampered_audit_in_a_backup_is_said_at_the_restore() {
    let (folder, _) = stopped_with_events().await;
    change(folder.path(), "delete from audit_event where id = 3");
    let person = Person::new();
    let backup = person.home().join("backup").display().to_string();
    vestryd(folder.path(), &["backup", "--with-secrets", &backup]).ended_with(0);
    let target = tempfile::tempdir().unwrap();
    let said = vestryd(target.path(), &["restore", &backup]).ended_with(0).err;
    assert!(said.contains("the audit in the backup is not as it was written: event 3 is missing"), "{said}");
}

/// H-5 of the review: whoever could write the database alone wiped the whole audit with three statements, and only a checkpoint from
/// another machine told.
#[tokio::test]
async fn sec_0088_an_audit_wiped_shortened_or_put_back_is_named_without_a_checkpoint() {
    let first = Server::start();
    first.register("anirudh").await;
    let folder = first.stop();
    let earlier = take_a_copy(folder.path());
    let server = Server::start_in(folder);
    server.register("naman").await;
    let newest = server.select("select max(id) from audit").await[0][0].parse::<i64>().unwrap();
    let folder = server.stop();
    let whole = take_a_copy(folder.path());
    vestryd(folder.path(), &["check"]).ended_with(0);
    let wiped =
        "delete from audit_event; delete from audit_mark; delete from fact where name = 'secrets/audit.key'";
    let shortened = format!(
        "delete from audit_event where id = {newest};
         update audit_mark set id = {newest} - 1 where name = 'head'"
    );
    for (attack, sql) in [("wiped", wiped), ("shortened", &shortened), ("put back", "")] {
        match attack {
            "put back" => put_in_place(folder.path(), &earlier),
            _ => {
                put_in_place(folder.path(), &whole);
                change(folder.path(), sql);
            }
        }
        let checked = vestryd(folder.path(), &["check"]).ended_with(78);
        assert!(checked.out.contains("FAIL  audit: "), "{attack}: {}", checked.out);
    }
    let checked = vestryd(folder.path(), &["check"]).ended_with(78).out;
    assert!(
        checked.contains("which was the newest, is not there any more")
            && checked.contains("vestryd audit accept"),
        "{checked}"
    );
    // It does not go away by itself: not by a start, not by a new event with the same number.
    for _ in 0..2 {
        let server = Server::start_in(folder.clone());
        server.register(&format!("shubham{newest}")).await;
        let verdict = verdict_of(&server, Vec::new()).await;
        assert_eq!(verdict.fault, Some(AuditFault::PutBack { id: newest }.into()));
        server.signal(rustix::process::Signal::TERM);
        let talk = server.talk_after_stop();
        assert!(talk.contains("the audit was wiped, shortened or put back"), "{talk}");
        put_in_place(folder.path(), &earlier);
    }
    vestryd(folder.path(), &["check"]).ended_with(78);
}

/// Waits until the newest event is written down beside the key; its number.
async fn written_down(server: &Server) -> i64 {
    let newest: i64 = server.select("select max(id) from audit").await[0][0].parse().unwrap();
    let file = server.folder().join("secrets/audit.head");
    let is_there = |text: String| text.lines().any(|line| line.starts_with(&format!("known {newest} ")));
    while !std::fs::read_to_string(&file).is_ok_and(is_there) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    newest
}

/// The head was compared at a start alone, and by its own row: a running server wrote down whatever head it was shown.
#[tokio::test]
async fn sec_0108_a_running_server_does_not_follow_a_head_that_was_put_back() {
    for is_running in [true, false] {
        let server = Server::start();
        server.register("anirudh").await;
        let early = written_down(&server).await;
        let database = rusqlite::Connection::open(server.folder().join("vestry.db")).unwrap();
        let kept: (i64, Vec<u8>, Vec<u8>) = database
            .query_row("select id, value, seal from audit_mark where name = 'head'", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        for name in ["naman", "shubham", "hana"] {
            server.register(name).await;
        }
        let newest = written_down(&server).await;
        assert!(newest > early + 2);
        let put_back = |last: i64| {
            database.execute("delete from audit_event where id > ?1 and id < ?2", [early, last]).unwrap();
            let (id, value, seal) = &kept;
            let values = rusqlite::params![id, value, seal];
            database
                .execute("update audit_mark set id = ?1, value = ?2, seal = ?3 where name = 'head'", values)
                .unwrap();
        };
        let server = match is_running {
            true => {
                put_back(newest + 1);
                server
            }
            // The one row that is written down stays where it was.
            false => {
                let folder = server.stop();
                put_back(newest);
                Server::start_in(folder)
            }
        };
        server.wait_for(PUT_BACK).await;
        server.signal(rustix::process::Signal::TERM);
        let folder = server.shared_folder();
        server.talk_after_stop();
        vestryd(folder.path(), &["check"]).ended_with(78);
        let text = std::fs::read_to_string(folder.path().join("secrets/audit.head")).unwrap();
        assert!(text.contains(&format!("known {newest} ")), "{text}");
    }
}

#[tokio::test]
async fn who_puts_a_database_back_says_how_many_events_are_lost() {
    let (folder, _) = stopped_with_events().await;
    let earlier = take_a_copy(folder.path());
    let nothing = vestryd(folder.path(), &["audit", "accept"]).ended_with(0);
    assert!(nothing.err.contains("nothing to accept"), "{}", nothing.err);
    let server = Server::start_in(folder);
    for name in ["hana", "vera"] {
        server.register(name).await;
    }
    let folder = server.stop();
    put_in_place(folder.path(), &earlier);
    // Somebody starts it before: what was lost is counted from what that start found.
    let server = Server::start_in(folder);
    server.register("jo").await;
    let folder = server.stop();
    let asked = vestryd(folder.path(), &["audit", "accept"]).ended_with(78);
    assert!(
        asked.err.contains("2 events of the audit are lost") && asked.err.contains("--lost 2"),
        "{}",
        asked.err
    );
    assert!(
        asked.out.contains("written down  event 7 mac=") && asked.out.contains("found         event 5 mac="),
        "{}",
        asked.out
    );
    vestryd(folder.path(), &["audit", "accept", "--lost", "3"]).ended_with(78);
    vestryd(folder.path(), &["audit", "accept", "--lost", "2"]).ended_with(0);
    vestryd(folder.path(), &["check"]).ended_with(0);
    let server = Server::start_in(folder);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, None);
    let told = server.select("select detail from audit where action = 'audit.accepted'").await;
    assert!(told[0][0].starts_with("2 events are lost: event 7 mac="), "{told:?}");
}

fn put_image_in_place(folder: &Path, image: &TempDir) {
    for log in ["vestry.db-wal", "vestry.db-shm"] {
        let _ = std::fs::remove_file(folder.join(log));
    }
    copy_folder(image.path(), folder);
}

const PUT_BACK: &str = "ERROR the audit was wiped, shortened or put back";

/// H-5 of the review, its second half: with the secrets put back too, nothing on the machine knows what was lost. People do.
#[tokio::test]
async fn sec_0100_people_are_witnesses_of_a_machine_that_was_put_back_whole() {
    let server = Server::start();
    let settings = server.folder().join("vestryd.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    // People find it again where it was.
    let stays = text.replace("\nlisten = \"127.0.0.1:0\"", &format!("\nlisten = \"{}\"", server.user));
    std::fs::write(&settings, stays).unwrap();
    let person = Person::new();
    person.join(&server);
    let log_in = |name| person.vestry(&["login", name, "--password-stdin"], PASSWORD).ended_with(0);
    let everybody = ["naman", "anirudh", "shubham"];
    for name in everybody {
        person.vestry(&["register", name, "--password-stdin"], PASSWORD).ended_with(0);
        log_in(name);
    }
    let folder = server.stop();
    let image = copy_of(folder.path());
    let server = Server::start_in(folder);
    for name in everybody {
        log_in(name);
    }
    let folder = server.stop();
    put_image_in_place(folder.path(), &image);
    // The machine is content.
    vestryd(folder.path(), &["check"]).ended_with(0);
    let server = Server::start_in(folder);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, None);
    // A wrong password hands nothing in.
    person.vestry(&["login", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(77);
    assert_eq!(server.select("select count(*) from audit where action = 'audit.put_back'").await, [["0"]]);
    log_in("naman");
    log_in("anirudh");
    log_in("naman");
    assert_eq!(server.select("select count(*) from audit where action = 'audit.put_back'").await, [["1"]]);
    let fault = verdict_of(&server, Vec::new()).await.fault;
    assert!(matches!(fault.as_ref().and_then(Open::known), Some(AuditFault::PutBack { .. })), "{fault:?}");
    server.signal(rustix::process::Signal::TERM);
    let folder = server.shared_folder();
    let talk = server.talk_after_stop();
    assert_eq!(talk.matches(PUT_BACK).count(), 1, "{talk}");
    vestryd(folder.path(), &["check"]).ended_with(78);
    let asked = vestryd(folder.path(), &["audit", "accept"]).ended_with(78).err;
    let lost = asked.split("--lost ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    // Logging in is one event, and anirudh was the second: at least two are known to be lost.
    assert!(lost.parse::<i64>().unwrap() >= 2, "{asked}");
    vestryd(folder.path(), &["audit", "accept", "--lost", &lost]).ended_with(0);
    vestryd(folder.path(), &["check"]).ended_with(0);
    // Whoever comes later saw what is lost, too, and that is known. So is what was seen under an earlier key.
    let server = Server::start_in(folder);
    log_in("shubham");
    log_in("naman");
    let folder = server.stop();
    vestryd(folder.path(), &["secrets", "rotate", "audit"]).ended_with(0);
    let server = Server::start_in(folder);
    for name in everybody {
        log_in(name);
    }
    assert_eq!(server.select("select count(*) from audit where action = 'audit.put_back'").await, [["1"]]);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, None);
    server.signal(rustix::process::Signal::TERM);
    let talk = server.talk_after_stop();
    assert!(!talk.contains(PUT_BACK), "{talk}");
}

#[tokio::test]
async fn old_events_are_removed_at_the_start_and_the_rest_still_passes() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    Server::init(folder.path(), "audit.keep_days = 30");
    let database = folder.path().join("vestry.db");
    std::fs::remove_file(&database).unwrap();
    let key = ChainKey::from_bytes(&std::fs::read(folder.path().join("secrets/audit.key")).unwrap()).unwrap();
    Store::create(&database, &key).unwrap();
    let old = |at| {
        let (actor_kind, action) = (ActorKind::Server, "login.ok");
        Event {
            at,
            actor_kind,
            actor: Party::Text("x"),
            action,
            subject: Party::NONE,
            source: "",
            detail: "",
        }
    };
    let mut database = Offline::open(&database, key).unwrap();
    database.write(|tx| (0..1_200).try_for_each(|at| tx.note(&old(at)).map(drop))).unwrap();
    database.write(|tx| tx.note(&old(i64::MAX)).map(drop)).unwrap();
    drop(database);
    let server = Server::start_in(folder);
    let gone = "select count(*) from audit where at < '2000'";
    while server.select(gone).await != [["0"]] {
        tokio::task::yield_now().await;
    }
    let verdict = verdict_of(&server, Vec::new()).await;
    assert_eq!((verdict.purged_to, verdict.fault), (1_200, None));
    let purged = server.select("select detail from audit where action = 'audit.purged' order by id").await;
    assert_eq!(purged, [["500 events, up to 500"], ["500 events, up to 1000"], ["200 events, up to 1200"]]);
}

/// Who erases a name from the audit must not need the key, and the rest must stay as good as it was.
#[tokio::test]
async fn names_in_the_audit_can_be_erased_and_are_shown_and_found_until_then() {
    let server = Server::start();
    server.register("naman").await;
    server.refused_login("naman", OTHER_PASSWORD).await;
    server.refused_login("nobody.here", OTHER_PASSWORD).await;
    server.operate(AdminCall::ClearThrottle { subject: Some("nobody.here".to_owned()) }).await;
    let of =
        |name: &str| format!("select actor, action, subject from audit where subject = '{name}' order by id");
    let own = [["naman", "account.registered", "naman"], ["", "login.failed", "naman"]];
    assert_eq!(server.select(&of("naman")).await, own);
    let without = [["", "login.failed", "nobody.here"], ["admin", "throttle.cleared", "nobody.here"]];
    assert_eq!(server.select(&of("nobody.here")).await, without);
    let person = Person::new();
    let filter = ["audit", "--where", "subject = 'nobody.here'", "--columns", "action", "--format", "tsv"];
    let listed = person.vestryctl(&server, &filter).ended_with(0);
    assert_eq!(listed.out.lines().skip(1).collect::<Vec<_>>(), ["login.failed", "throttle.cleared"]);
    let stored = |folder: &Path| {
        let database = rusqlite::Connection::open(folder.join("vestry.db")).unwrap();
        let mut rows = database.prepare("select actor || subject from audit_event").unwrap();
        let texts: Vec<String> = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        texts.join(" ")
    };
    let folder = server.stop();
    let texts = stored(folder.path());
    assert!(!texts.contains("naman") && !texts.contains("nobody.here"), "{texts}");
    change(folder.path(), "delete from audit_name; delete from account");
    change(folder.path(), "delete from audit_name");
    let server = Server::start_in(folder);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, None);
    let numbered = [["account:1", "account.registered", "account:1"], ["", "login.failed", "account:1"]];
    assert_eq!(server.select(&of("account:1")).await, numbered);
    assert_eq!(server.select("select id from audit where subject like 'name:%'").await.len(), 2);
}

/// `vestryctl audit --follow` at work.
struct Follower {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Follower {
    fn start(server: &Server, arguments: &[&str]) -> Self {
        let mut process = Command::new(program("vestryctl"))
            .args(with_admin(server, &[&["audit", "--follow"], arguments].concat()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Lines up to the first that has the text.
    fn wait_for(&mut self, text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        for line in self.lines.by_ref().map_while(Result::ok) {
            seen.push(line);
            if seen.last().unwrap().contains(text) {
                return seen;
            }
        }
        panic!("{text} did not come: {seen:?}")
    }

    /// Ctrl-C; what it said.
    fn interrupt(mut self) -> String {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let status = self.process.wait().unwrap();
        let said = std::io::read_to_string(self.process.stderr.take().unwrap()).unwrap();
        assert!(status.success(), "{status}: {said}");
        said
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.process.kill();
    }
}

/// The same ports at the next start.
fn keep_the_ports(server: &Server) {
    let file = server.folder().join("vestryd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text =
        text.replace("admin_listen = \"127.0.0.1:0\"", &format!("admin_listen = \"{}\"", server.admin));
    std::fs::write(&file, text).unwrap();
}

#[tokio::test]
async fn following_shows_each_event_once_also_over_a_restart_and_ends_well() {
    let server = Server::start();
    keep_the_ports(&server);
    let filter = ["--format", "csv", "--where", "action = 'account.registered'", "--columns", "id,subject"];
    let mut follower = Follower::start(&server, &filter);
    follower.wait_for("id,subject");
    server.register("naman").await;
    assert_eq!(follower.wait_for("naman"), ["3,naman"]);
    let server = Server::start_in(server.stop());
    server.register("navneet").await;
    assert_eq!(follower.wait_for("navneet").len(), 1);
    let said = tokio::task::spawn_blocking(move || follower.interrupt()).await.unwrap();
    assert!(said.contains("going on over a new one"), "{said}");
    let reads = server.select("select count(*) from audit where detail like 'follow%'").await;
    assert_eq!(reads, [["2"]], "one at its start, one after the restart");
}

#[tokio::test]
async fn following_begins_with_the_newest_and_writes_every_line_whole() {
    let server = Server::start();
    for name in ["anirudh", "naman", "navneet"] {
        server.register(name).await;
    }
    let options = ["--format", "ndjson", "--limit", "2", "--where", "actor_kind = 'user'"];
    let mut follower = Follower::start(&server, &options);
    let seen = follower.wait_for("navneet");
    assert_eq!(seen.len(), 2, "{seen:?}");
    for line in seen {
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["action"], "account.registered");
    }
    let said = follower.interrupt();
    assert_eq!(said, "");
    let person = Person::new();
    let refused = person.vestryctl(&server, &["--json", "audit", "--follow"]).ended_with(2);
    assert!(refused.err.contains("ndjson"), "{}", refused.err);
    person.vestryctl(&server, &["audit", "--follow", "--where", "no_such = 1"]).ended_with(65);
    person.vestryctl(&server, &["audit", "--follow", "--desc"]).ended_with(2);
}
