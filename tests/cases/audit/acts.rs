//! No act without its event, and no read of people without one.

use super::chain::{verdict_of, vestryd};
use std::collections::BTreeSet;
use vestry_protocol::admin::{AdminCall, AdminReply, FollowFrom, Listing, View};
use vestry_protocol::fields::StretchingCost;
use vestry_protocol::import::ImportRow;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::{SecretText, SessionToken};
use vestry_protocol::user::{Envelope, Profile, UserCall, UserReply};
use vestry_server::gate::calls::Call;
use vestry_tests::harness::{
    AdminWire, OTHER_PASSWORD, PASSWORD, Server, UserWire, imported_login, refusal_of, rows_of, secret,
};
use vestry_tests::imported::{hash_of, row};
use vestry_tests::light::{Halfway, any_ke1, any_request, finish_login, seal, start_login};
use vestry_tests::talk::age;

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

/// Who types a name with the Tab key reads names: that is on record, once a connection and not once a key.
#[tokio::test]
async fn completed_names_are_few_and_one_event_for_each_connection() {
    let server = Server::start();
    for number in 0..23 {
        server
            .operate(AdminCall::CreateAccount {
                name: format!("ann{number:02}"),
                profile: Profile::default(),
            })
            .await;
    }
    let mut wire = server.connect_as("admin").await;
    for (prefix, count, more) in [
        ("", 20, true),
        ("ANN", 20, true),
        ("ann2", 3, false),
        ("ann22", 1, false),
        ("anz", 0, false),
        ("ann%", 0, false),
    ] {
        match wire.call(AdminCall::CompleteName { prefix: prefix.to_owned() }).await.unwrap() {
            AdminReply::NamesCompleted { names, has_more } => {
                assert_eq!((names.len(), has_more), (count, more), "{prefix}: {names:?}");
                assert!(names.is_sorted() && names.iter().all(|name| name.starts_with("ann")), "{names:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    let long = AdminCall::CompleteName { prefix: "a".repeat(60_000) };
    let reply = server.operate(long).await;
    assert!(
        matches!(&reply, AdminReply::NamesCompleted { names, has_more: false } if names.is_empty()),
        "{reply:?}"
    );
    let events = server
        .select("select subject, detail from audit where action = 'operator.read' and subject <> 'sql'")
        .await;
    assert_eq!(events, vec![["accounts", "completion of names"]; 2]);
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
        | AdminCall::ShowAccount { .. }
        | AdminCall::CompleteName { .. } => &["operator.read"],
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
        AdminCall::CompleteName { prefix: "ma".to_owned() },
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
