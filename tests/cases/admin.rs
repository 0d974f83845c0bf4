//! The admin port: who gets in, what each role may do, and what the read-only SQL shows.

use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use vestry_client::Wire;
use vestry_protocol::admin::{AccountState, AdminCall, AdminReply, Credential, FollowFrom, Listing, View};
use vestry_protocol::codec::append_frame;
use vestry_protocol::item::Numbered;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Profile, UserReply};
use vestry_protocol::{ADMIN_ALPN, Request, UnixSeconds};
use vestry_tests::harness::{PASSWORD, Server, refusal_of, rows_of};
use vestry_tests::imported::import;
use vestry_tests::light::reset;
use vestry_tests::talk::{Operator, Refusable, User};
use vestry_tls::{CertsDir, Validity, config};

/// Now, as certificates count it; the tests need no better clock than a file's time.
fn now() -> UnixSeconds {
    let file = tempfile::NamedTempFile::new().unwrap();
    let modified = file.as_file().metadata().unwrap().modified().unwrap();
    let since_1970 = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixSeconds::from_seconds(since_1970.as_secs().cast_signed())
}

pub(crate) fn make_operator(server: &Server, name: &str, role: &str) {
    server.certs().create_operator(name, role, Validity { not_before: now(), days: 1 }).unwrap();
    server.signal(rustix::process::Signal::HUP);
}

/// Connects as a new operator, once the server has read the certificates again.
pub(crate) async fn connect_as_new(server: &Server, name: &str) -> vestry_tests::harness::AdminWire {
    loop {
        let mut wire = server.connect_as(name).await;
        match wire.call(AdminCall::ShowJoinString).await.unwrap() {
            AdminReply::JoinString(_) => return wire,
            other => assert_eq!(refusal_of(other), RefusalCode::OperatorUnknown),
        }
        tokio::task::yield_now().await;
    }
}

fn name() -> String {
    "naman".to_owned()
}

#[tokio::test]
async fn sec_0019_nobody_without_a_certificate_of_our_ca_reaches_the_admin_port() {
    let server = Server::start();
    let other = Server::start();
    let ours = server.certs();
    let expired = tempfile::tempdir().unwrap();
    copy_authority(&ours, expired.path());
    let expired = CertsDir::at(expired.path());
    let over = Validity { not_before: UnixSeconds::from_seconds(1_000_000_000), days: 1 };
    expired.create_operator("late", "admin", over).unwrap();
    let strangers = [
        ("none", config::user_client(&server.trust()).unwrap()),
        ("another CA's", console(&ours, &other.certs(), "admin")),
        ("expired", console(&ours, &expired, "late")),
        (
            "the server's own",
            config::console_client_from_files(
                &ours.ca_certificate(),
                &ours.server_certificate(),
                &ours.server_key(),
            )
            .unwrap(),
        ),
    ];
    for (what, tls) in strangers {
        let mut tls = (*tls).clone();
        tls.alpn_protocols = vec![ADMIN_ALPN.to_vec()];
        let tcp = TcpStream::connect(server.admin).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let Ok(mut stream) = TlsConnector::from(Arc::new(tls)).connect(name, tcp).await else { continue };
        // In TLS 1.3 the client may finish first; the server then says no instead of answering.
        let mut frame = Vec::new();
        append_frame(&mut frame, &Request { id: 1, call: AdminCall::ShowStatus }, 4096).unwrap();
        let _ = stream.write_all(&frame).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "{what}: {answer:?}");
    }
    assert!(matches!(server.operate(AdminCall::ShowStatus).await, AdminReply::StatusShown(_)));
}

fn copy_authority(from: &CertsDir, to: &std::path::Path) {
    std::fs::copy(from.ca_certificate(), to.join("ca.pem")).unwrap();
    std::fs::copy(from.ca_key(), to.join("ca.key")).unwrap();
    std::fs::create_dir(to.join("operators")).unwrap();
}

fn console(trusted: &CertsDir, shown: &CertsDir, operator: &str) -> Arc<rustls::ClientConfig> {
    config::console_client_from_files(
        &trusted.ca_certificate(),
        &shown.operator_certificate(operator),
        &shown.operator_key(operator),
    )
    .unwrap()
}

#[tokio::test]
async fn sec_0020_a_role_can_do_what_its_table_says_and_nothing_more() {
    let server = Server::start();
    server.register("naman").await;
    make_operator(&server, "vera", "viewer");
    make_operator(&server, "hana", "helpdesk");
    let calls: [(&str, fn() -> AdminCall, bool, bool); 25] = [
        ("status", || AdminCall::ShowStatus, true, true),
        ("query", || AdminCall::Query { sql: "select name from accounts".to_owned() }, true, true),
        ("list", || AdminCall::ListRows(listing(View::Accounts).into()), true, true),
        ("verify audit", || AdminCall::VerifyAudit { checkpoints: Vec::new() }, true, true),
        ("follow audit", follow_audit, true, true),
        ("show", || AdminCall::ShowAccount { name: name() }, true, true),
        ("complete", || AdminCall::CompleteName { prefix: "na".to_owned() }, true, true),
        ("join string", || AdminCall::ShowJoinString, true, true),
        ("create", || AdminCall::CreateAccount { name: name(), profile: Profile::default() }, false, true),
        ("suspend", || AdminCall::SuspendAccount { name: name(), until: None, reason: None }, false, true),
        ("resume", || AdminCall::ResumeAccount { name: name() }, false, true),
        ("reset", || AdminCall::ResetAccount { name: name() }, false, true),
        ("revoke session", || AdminCall::RevokeSession { id: 1 }, false, true),
        ("clear a lane", || AdminCall::ClearThrottle { subject: Some(name()) }, false, true),
        ("clear every lane", || AdminCall::ClearThrottle { subject: None }, false, false),
        ("delete", || AdminCall::DeleteAccount { name: name() }, false, false),
        ("restore", || AdminCall::RestoreAccount { name: name() }, false, false),
        ("back up", || AdminCall::BackUp, false, false),
        ("start import", || AdminCall::StartImport, false, false),
        ("import rows", || AdminCall::ImportRows(Vec::new()), false, false),
        ("finish import", || AdminCall::FinishImport { accounts: 1 }, false, false),
        ("drop import", || AdminCall::DropImport, false, false),
        ("limits", || AdminCall::ShowLimits, false, false),
        ("reload", || AdminCall::ReloadSettings, false, false),
        ("revoke operator", || AdminCall::RevokeOperator { name: "nobody".to_owned() }, false, false),
    ];
    // `ClearThrottle` is two: with a subject it needs less than without.
    let tried = |call: AdminCall| (call.name(), matches!(call, AdminCall::ClearThrottle { subject: None }));
    let covered: BTreeSet<_> = calls.iter().map(|(_, call, ..)| tried(call())).collect();
    assert_eq!(covered.len(), AdminCall::KNOWN as usize + 1, "a call of the role table is not tried");
    let mut viewer = connect_as_new(&server, "vera").await;
    let mut helpdesk = connect_as_new(&server, "hana").await;
    let mut admin = server.connect_as("admin").await;
    for (what, call, viewer_may, helpdesk_may) in calls {
        for (role, wire, may) in [
            ("viewer", &mut viewer, viewer_may),
            ("helpdesk", &mut helpdesk, helpdesk_may),
            ("admin", &mut admin, true),
        ] {
            let forbidden = matches!(rows_or_reply(wire, call()).await, Err(RefusalCode::Forbidden));
            assert_eq!(forbidden, !may, "{role}: {what}");
        }
    }
}

fn follow_audit() -> AdminCall {
    AdminCall::FollowAudit { columns: Vec::new(), filter: None, from: FollowFrom::Newest(1) }
}

/// Whether a call was refused, whatever kind of answer it has.
async fn rows_or_reply(
    wire: &mut vestry_tests::harness::AdminWire,
    call: AdminCall,
) -> Result<(), RefusalCode> {
    if matches!(call, AdminCall::Query { .. } | AdminCall::ListRows(_) | AdminCall::FollowAudit { .. }) {
        return rows_of(wire, call).await.map(|_| ()).map_err(|refusal| refusal.known_code().unwrap());
    }
    let id = wire.send(&call).await.unwrap();
    loop {
        match wire.receive_for(id).await.unwrap() {
            AdminReply::BackupChunk(_) => {}
            AdminReply::Refused(refusal) | AdminReply::QueryRefusedAt { refusal, .. } => {
                return Err(refusal.known_code().unwrap());
            }
            _ => return Ok(()),
        }
    }
}

#[tokio::test]
async fn sec_0021_a_revoked_operator_is_refused_at_the_next_request_and_for_good() {
    let server = Server::start();
    make_operator(&server, "hana", "admin");
    let mut open = connect_as_new(&server, "hana").await;
    open.ask(AdminCall::RevokeOperator { name: "hana".to_owned() })
        .await
        .expect_refusal(RefusalCode::OwnCertificate);
    server.operate(AdminCall::RevokeOperator { name: "hana".to_owned() }).await;
    open.ask(AdminCall::ShowStatus).await.expect_refusal(RefusalCode::OperatorUnknown);
    let server = Server::start_in(server.stop());
    let mut again = server.connect_as("hana").await;
    again.ask(AdminCall::ShowStatus).await.expect_refusal(RefusalCode::OperatorUnknown);
}

#[tokio::test]
async fn the_operators_tables_show_everybody_and_never_a_secret() {
    let server = Server::start();
    server.register("naman").await;
    server.log_in("naman", PASSWORD).await;
    let accounts = server.select("select name, email, status, credential from accounts").await;
    assert_eq!(accounts, [["naman", "NULL", "active", "opaque"]]);
    assert_eq!(server.select("select * from py3").await, [["naman", "********", "NULL", "NULL"]]);
    let sessions = server.select("select account, device, source from sessions").await;
    assert_eq!(sessions, [["naman", "test", "127.0.0.1"]]);
    let operators = server.select("select name, role, revoked from operators").await;
    assert_eq!(operators, [["admin", "admin", "NULL"]]);
    let acts = server
        .select("select actor_kind, actor, action, subject from audit where actor <> 'admin' order by id")
        .await;
    assert_eq!(
        acts,
        [
            ["server", "vestryd", "operator.enrolled", "admin"],
            ["user", "naman", "account.registered", "naman"],
            ["user", "naman", "login.ok", "naman"]
        ]
    );
    import(&server, &[("shubham", PASSWORD)]).await;
    server
        .operate(AdminCall::CreateAccount { name: "anirudh".to_owned(), profile: Profile::default() })
        .await;
    let kinds = server.select("select name, credential from accounts order by name").await;
    assert_eq!(kinds, [["anirudh", "none"], ["naman", "opaque"], ["shubham", "imported"]]);
}

#[tokio::test]
async fn sec_0022_the_sql_prompt_reads_the_views_and_nothing_else() {
    let server = Server::start();
    server.register("naman").await;
    let mut wire = server.connect_as("admin").await;
    let hostile = [
        "select record from credential",
        "select * from session",
        "select token_hash from device",
        "select code_hash from reset_code",
        "select oprf_id, name_key from account",
        "select * from name_given_up",
        "select subject from throttle_lane",
        "select * from sqlite_master",
        "with accounts as (select record from credential) select * from accounts",
        "update account set age = 1",
        "delete from accounts",
        "insert into audit_event values (1)",
        "attach 'x.db' as x",
        "pragma writable_schema = 1",
        "vacuum into '/tmp/stolen.db'",
        "select load_extension('x')",
        "select 1; select 2",
        "",
        "select writefile('/tmp/x', 'y')",
    ];
    for sql in hostile {
        let refusal = rows_of(&mut wire, AdminCall::Query { sql: sql.to_owned() }).await.unwrap_err();
        assert!(refusal.is(RefusalCode::QueryRefused), "{sql}: {refusal:?}");
    }
    assert_eq!(server.select("select count(*) from accounts").await, [["1"]]);
}

fn listing(view: View) -> Listing {
    Listing { view, columns: Vec::new(), filter: None, sort: None, descending: false, limit: 0, after: None }
}

#[tokio::test]
async fn pages_visit_every_account_once_and_the_cursor_is_checked() {
    let server = Server::start();
    for number in 0..25 {
        let call =
            AdminCall::CreateAccount { name: format!("person{number:02}"), profile: Profile::default() };
        assert!(matches!(server.operate(call).await, AdminReply::CodeIssued { .. }));
    }
    let mut wire = server.connect_as("admin").await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = Listing { columns: vec!["name".to_owned()], limit: 10, after, ..listing(View::Accounts) };
        let id = wire.send(&AdminCall::ListRows(page.into())).await.unwrap();
        let mut next = None;
        loop {
            match wire.receive_for(id).await.unwrap() {
                AdminReply::RowsEnd(end) => {
                    next = end.next.or(next);
                    break;
                }
                AdminReply::Rows(rows) => seen.extend(rows),
                AdminReply::Columns(_) => {}
                other => panic!("{other:?}"),
            }
        }
        if next.is_none() {
            break;
        }
        after = next;
    }
    assert_eq!(seen.len(), 25);
    let forged = Listing { after: Some("AAAA' or 1=1 --".to_owned()), limit: 10, ..listing(View::Accounts) };
    let refused = rows_of(&mut wire, AdminCall::ListRows(forged.into())).await.unwrap_err();
    assert!(refused.is(RefusalCode::QueryRefused), "{refused:?}");
}

#[tokio::test]
async fn an_invited_account_logs_in_only_after_its_code_set_a_password() {
    let server = Server::start();
    let profile = Profile { email: Some("n@example.org".to_owned()), age: Some(40), gender: None };
    let reply = server.operate(AdminCall::CreateAccount { name: "Naman".to_owned(), profile }).await;
    let AdminReply::CodeIssued { name, code, .. } = reply else { panic!("{reply:?}") };
    assert_eq!(name, "naman");
    let reply = server.operate(AdminCall::ShowAccount { name }).await;
    let AdminReply::AccountShown(detail) = reply else { panic!("{reply:?}") };
    assert_eq!((detail.credential, detail.state), (Credential::None.into(), AccountState::Active.into()));
    assert!(server.refused_login("naman", PASSWORD).await.is(RefusalCode::WrongCredentials));
    let redeemed = reset(&mut server.connect().await, "naman", code.expose_secret(), PASSWORD).await;
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
    server.log_in("naman", PASSWORD).await;
}

#[tokio::test]
async fn an_act_that_makes_no_sense_is_refused_and_leaves_no_event() {
    let server = Server::start();
    server.register("naman").await;
    let events = "select count(*) from audit where action <> 'operator.read'";
    let before = server.select(events).await;
    for call in [
        AdminCall::ResumeAccount { name: name() },
        AdminCall::RestoreAccount { name: name() },
        AdminCall::SuspendAccount { name: name(), until: Some(UnixSeconds::from_seconds(1)), reason: None },
        AdminCall::SuspendAccount { name: name(), until: None, reason: Some("a\nb".to_owned()) },
        AdminCall::DeleteAccount { name: "nobody-here".to_owned() },
        AdminCall::RevokeSession { id: 12345 },
    ] {
        let shown = format!("{call:?}");
        let code = refusal_of(server.operate(call).await);
        let expected = [RefusalCode::WrongState, RefusalCode::BadField, RefusalCode::NotFound];
        assert!(expected.contains(&code), "{shown}: {code:?}");
    }
    assert_eq!(server.select(events).await, before);
}

#[tokio::test]
async fn a_renewed_certificate_serves_the_next_connection_without_a_restart() {
    let server = Server::start();
    let mut open = server.connect().await;
    let expires = |reply| match reply {
        AdminReply::StatusShown(status) => status.certificate_expires,
        other => panic!("{other:?}"),
    };
    let before = expires(server.operate(AdminCall::ShowStatus).await);
    server
        .certs()
        .renew_server(&server.certs().server_hosts().unwrap(), Validity { not_before: now(), days: 90 })
        .unwrap();
    server.signal(rustix::process::Signal::HUP);
    while expires(server.operate(AdminCall::ShowStatus).await) == before {
        tokio::task::yield_now().await;
    }
    // The pin is the CA's: a client that joined before notices nothing, nor does an open connection.
    server.connect().await.describe().await;
    open.describe().await;
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_ends_and_frees_its_connection() {
    let server = Server::start();
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n";
    // It hands out rows for ever, and one that works for ever without a row; after the header the operator hangs up.
    let fruitless = format!("{endless} where i < 0");
    for sql in [endless, &fruitless].repeat(3) {
        let tls = console(&server.certs(), &server.certs(), "admin");
        let mut wire: Wire<AdminCall, AdminReply> =
            Wire::connect("localhost", server.admin.port(), tls, ADMIN_ALPN).await.unwrap();
        wire.send(&AdminCall::Query { sql: sql.to_owned() }).await.unwrap();
        wire.receive().await.unwrap();
    }
    let mut wire = server.connect_as("admin").await;
    let mut tries = 0;
    while let Err(refusal) = rows_of(&mut wire, AdminCall::Query { sql: "select 1".to_owned() }).await {
        assert!(refusal.is(RefusalCode::Busy), "{refusal:?}");
        tries += 1;
        assert!(tries < 20, "the connections were not given back");
    }
}

#[tokio::test]
async fn sec_0041_an_operator_who_asks_for_more_than_the_role_allows_is_in_the_audit() {
    let server = Server::start();
    make_operator(&server, "vera", "viewer");
    server.register("naman").await;
    let mut wire = connect_as_new(&server, "vera").await;
    let refused = wire.call(AdminCall::DeleteAccount { name: name() }).await.unwrap();
    refused.expect_refusal(RefusalCode::Forbidden);
    let noted =
        server.select("select actor, subject, detail from audit where action = 'operator.refused'").await;
    assert_eq!(noted, [["vera", "vera", "admin"]]);
}
