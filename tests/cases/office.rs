//! The admin port belongs to operators: what one of them may hold and keep, what reads leave behind, and for how long a right
//! lasts.

use crate::admin::{connect_as_new, make_operator};
use crate::inside::{DAY, Inside};
use sha2::Digest;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::fields::Username;
use vestry_protocol::refusal::RefusalCode;
use vestry_server::audit::act;
use vestry_server::audit::actor::Actor;
use vestry_store::{Party, Standing, StoreError};
use vestry_tests::harness::{AdminWire, Server, program, refusal_of, rows_of};
use vestry_tests::imported::row;
use vestry_tests::programs::{Person, with_admin};
use vestry_tests::talk::Refusable;
use vestry_tls::Validity;

fn query(sql: &str) -> AdminCall {
    AdminCall::Query { sql: sql.to_owned() }
}

/// Whether every connection for queries is taken.
async fn is_busy(wire: &mut AdminWire) -> bool {
    match rows_of(wire, query("select 1")).await {
        Ok(_) => false,
        Err(refusal) => {
            assert!(refusal.is(RefusalCode::Busy), "{refusal:?}");
            true
        }
    }
}

/// Waits until four statements run; they have thirty seconds.
async fn wait_until_busy(wire: &mut AdminWire) {
    let begun = tokio::time::Instant::now();
    while !is_busy(wire).await {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "the statements do not run");
    }
}

fn console(server: &Server, sql: &str) -> Child {
    let mut command = Command::new(program("vestryctl"));
    command
        .args(with_admin(server, &["sql", sql]))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Four consoles run what SQLite would not end by itself: one call after the other of a function over long texts. They are
/// killed, and a query that comes then finds a connection within the three seconds that it waits.
#[tokio::test]
async fn sec_0090_a_statement_ends_with_its_client_whatever_functions_it_calls() {
    let server = Server::start();
    let mut wire = server.connect_as("admin").await;
    let long = "s as materialized (select printf('%.16300c', 'a') as a), t as materialized (select printf('%.8100c', 'a') || 'b' as b)";
    for call in ["trim(a, 'c' || b || i)", "a like '%a%a%a%a%a%a%a%b' || i", "instr(a, b || i)"] {
        let numbers = "with recursive n(i) as (select 1 union all select i + 1 from n)";
        let slow = format!("{numbers}, {long} select count({call}) from n, s, t");
        let mut consoles: Vec<Child> = (0..4).map(|_| console(&server, &slow)).collect();
        wait_until_busy(&mut wire).await;
        for console in &mut consoles {
            console.kill().unwrap();
            console.wait().unwrap();
        }
        assert!(!is_busy(&mut wire).await, "{call} goes on without its client");
    }
}

/// What a client sent ahead does not hide that it left.
#[tokio::test]
async fn a_client_that_leaves_behind_a_whole_request_is_seen_to_leave() {
    let server = Server::start();
    let mut wire = server.connect_as("admin").await;
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = server.connect_as("admin").await;
        client.send(&query(endless)).await.unwrap();
        for _ in 0..3 {
            client.send(&query(&format!("select '{}'", "x".repeat(60_000)))).await.unwrap();
        }
        clients.push(client);
    }
    wait_until_busy(&mut wire).await;
    drop(clients);
    assert!(!is_busy(&mut wire).await, "the server did not see its clients leave");
}

/// A viewer looks at one account, at a name that nobody has, and hides what a statement reads behind 600 characters.
#[tokio::test]
async fn sec_0091_a_look_at_one_account_and_the_end_of_a_long_statement_are_in_the_audit() {
    let (server, operator) = (Server::start(), Person::new());
    server.register("naman").await;
    operator.vestryctl(&server, &["account", "show", "naman"]).ended_with(0);
    operator.vestryctl(&server, &["account", "show", "nobody-here"]).ended_with(77);
    let padded = format!("select '{}', name from accounts", "x".repeat(600));
    operator.vestryctl(&server, &["sql", &padded]).ended_with(0);
    let reads = "select subject, detail from audit where action = 'operator.read' order by id limit 3";
    let mut reads = server.select(reads).await;
    let statement = reads.pop().unwrap();
    assert_eq!(reads, [["naman", "account"], ["nobody-here", "account"]]);
    let digest = data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(&padded));
    assert_eq!(statement[0], "sql");
    assert!(
        statement[1].ends_with(&format!("x… ({} bytes, sha256:{digest})", padded.len())),
        "{statement:?}"
    );
}

/// Processes without any certificate connect to the admin port and say nothing, again as soon as they are closed.
#[tokio::test]
async fn sec_0092_a_flood_of_silent_connections_keeps_no_operator_out() {
    let (server, operator) = (Server::start(), Arc::new(Person::new()));
    let admin = server.admin;
    let silent: Vec<_> = (0..100)
        .map(|_| {
            tokio::spawn(async move {
                loop {
                    let Ok(mut peer) = TcpStream::connect(admin).await else { continue };
                    let _ = peer.read(&mut [0; 1]).await;
                }
            })
        })
        .collect();
    for _ in 0..5 {
        let asked = (operator.clone(), server.admin, server.folder().to_owned());
        let ran = tokio::task::spawn_blocking(move || {
            let (operator, admin, folder) = asked;
            let arguments =
                ["--data-dir", &folder.display().to_string(), "--admin", &admin.to_string(), "status"];
            operator.run("vestryctl", &arguments, "")
        });
        ran.await.unwrap().ended_with(0);
    }
    silent.iter().for_each(tokio::task::JoinHandle::abort);
}

/// One certificate has twelve of the sixteen working slots, so that another operator can revoke it.
#[tokio::test]
async fn one_operator_leaves_working_slots_to_the_others() {
    let server = Server::start();
    make_operator(&server, "hana", "admin");
    let mut hana = connect_as_new(&server, "hana").await;
    let mut held = Vec::new();
    for _ in 0..12 {
        let mut wire = server.connect_as("admin").await;
        assert!(matches!(wire.call(AdminCall::ShowJoinString).await.unwrap(), AdminReply::JoinString(_)));
        held.push(wire);
    }
    server.operate(AdminCall::ShowStatus).await.expect_refusal(RefusalCode::Busy);
    assert!(matches!(hana.call(AdminCall::ShowJoinString).await.unwrap(), AdminReply::JoinString(_)));
    drop(held);
    while matches!(server.operate(AdminCall::ShowStatus).await, AdminReply::Refused(_)) {}
}

/// A server inside the test with another operator, whose certificate is valid for so many days.
async fn with_hana(days: u32) -> (Inside, AdminWire) {
    let server = Inside::start().await;
    let validity = Validity { not_before: server.now(), days };
    server.certs().create_operator("hana", "admin", validity).unwrap();
    server.reload().await;
    let mut hana = server.connect_as("hana").await;
    assert!(matches!(hana.call(AdminCall::ShowJoinString).await.unwrap(), AdminReply::JoinString(_)));
    (server, hana)
}

/// The writer is busy: the end of a right is being written, and an act waits behind it that was permitted before.
#[tokio::test(flavor = "multi_thread")]
async fn sec_0093_an_act_that_waited_is_not_done_when_the_right_to_it_is_gone() {
    for expired in [false, true] {
        let (server, mut hana) = with_hana(1).await;
        server.register("naman").await;
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (store, now) = (server.store.clone(), server.now());
        let holding = tokio::spawn(async move {
            let revoked = store.write(move |tx| {
                begun.send(()).unwrap();
                // Until the test lets go of its end.
                let _ = released.recv();
                if expired {
                    return Ok(0);
                }
                let noted = Actor::server().note(tx, now, act::OperatorRevoked, Party::Text("hana"), "")?;
                tx.revoke_operator(&noted, "hana", now)
            });
            revoked.await
        });
        has_begun.recv().unwrap();
        let suspend = AdminCall::SuspendAccount { name: "naman".to_owned(), until: None, reason: None };
        let id = hana.send(&suspend).await.unwrap();
        let mut admin = server.connect_as_operator().await;
        for _ in 0..50 {
            assert!(matches!(
                admin.call(AdminCall::ShowJoinString).await.unwrap(),
                AdminReply::JoinString(_)
            ));
        }
        if expired {
            server.jump(DAY + 1);
        }
        drop(release);
        assert_eq!(holding.await.unwrap().unwrap(), usize::from(!expired));
        let refused = refusal_of(hana.receive_for(id).await.unwrap());
        assert_eq!(refused, RefusalCode::OperatorUnknown, "expired: {expired}");
        let account = server.store.read(move |tx| tx.account(&Username::parse("naman").unwrap(), now)).await;
        assert_eq!(account.unwrap().unwrap().standing, Standing::Active, "expired: {expired}");
    }
}

/// Statements, listings, a follow and a backup that go on for longer than the right to them.
#[tokio::test(flavor = "multi_thread")]
async fn sec_0094_what_an_operator_is_sent_ends_with_the_right_to_it() {
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select ";
    for (rows, expired) in
        [("count(*) from n", false), ("i from n", false), ("count(*) from n", true), ("i from n", true)]
    {
        let (server, mut hana) = with_hana(1).await;
        let id = hana.send(&query(&format!("{endless}{rows}"))).await.unwrap();
        let started = tokio::time::Instant::now();
        let mut received = 0;
        let last = loop {
            match hana.receive_for(id).await {
                Ok(AdminReply::Columns(_)) if expired => server.jump(DAY + 1),
                Ok(AdminReply::Columns(_)) => {
                    let revoke = AdminCall::RevokeOperator { name: "hana".to_owned() };
                    assert!(matches!(server.operate(revoke).await, AdminReply::OperatorRevoked));
                }
                Ok(AdminReply::Rows(rows)) => received += rows.len(),
                Ok(other) => break Some(refusal_of(other)),
                // What was being sent was cut off.
                Err(_) => break None,
            }
        };
        assert!(matches!(last, Some(RefusalCode::OperatorUnknown) | None), "{rows}: {last:?}");
        // Far below the cap of 30 seconds, and the end of the ten million rows.
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{rows}, {received} rows");
        assert!(hana.call(AdminCall::ShowJoinString).await.is_err(), "its connection ends too");
    }
}

/// An import ends in one act: it waits for the writer, and meanwhile the certificate expires.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_waits_is_undone_when_the_certificate_of_its_operator_expires() {
    let (server, mut hana) = with_hana(1).await;
    assert!(matches!(hana.call(AdminCall::StartImport).await.unwrap(), AdminReply::ImportStarted));
    let judged = hana.call(AdminCall::ImportRows(vec![row(1, "naman")])).await.unwrap();
    assert!(matches!(judged, AdminReply::RowsJudged(bad) if bad.is_empty()));
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let store = server.store.clone();
    let holding = tokio::spawn(async move {
        let held = store.write(move |_| {
            let _ = begin.send(());
            // Until the test lets go of its end.
            let _ = released.recv();
            Ok::<_, StoreError>(())
        });
        held.await
    });
    begun.await.unwrap();
    let id = hana.send(&AdminCall::FinishImport { accounts: 1 }).await.unwrap();
    assert!(matches!(hana.receive_for(id).await.unwrap(), AdminReply::ImportContinues { .. }));
    server.jump(DAY + 1);
    drop(release);
    holding.await.unwrap().unwrap();
    let last = loop {
        match hana.receive_for(id).await.unwrap() {
            AdminReply::ImportContinues { .. } => {}
            last => break refusal_of(last),
        }
    };
    assert_eq!(last, RefusalCode::OperatorUnknown);
    let now = server.now();
    let account = server.store.read(move |tx| tx.account(&Username::parse("naman").unwrap(), now)).await;
    assert!(account.unwrap().is_none());
}
