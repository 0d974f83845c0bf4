//! Several users at once: none blocks another, and a bad peer costs the others nothing.

use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Change, ProfileUpdate, UserCall, UserReply};
use vestry_tests::harness::{PASSWORD, Server, how_many_won, login, refusal_of, registration};
use vestry_tests::light;

#[tokio::test]
async fn two_hundred_people_use_their_own_accounts_at_once_and_see_only_their_own() {
    let server = Arc::new(Server::start());
    for person in 0..40 {
        light::register(&server, &format!("person{person}")).await;
    }
    let people: Vec<_> = (0..200u16)
        .map(|number| {
            let server = server.clone();
            tokio::spawn(async move {
                let name = format!("person{}", number % 40);
                let mut wire = server.connect().await;
                let opened = light::log_in(&mut wire, &name).await;
                assert!(matches!(opened, UserReply::LoggedIn(_)), "{opened:?}");
                for age in 0..5 {
                    let update = ProfileUpdate { age: Change::Set(age), ..ProfileUpdate::default() };
                    wire.call(UserCall::UpdateAccount(update)).await.unwrap();
                    let UserReply::AccountShown(account) = wire.call(UserCall::ShowAccount).await.unwrap()
                    else {
                        panic!("not shown")
                    };
                    assert_eq!(account.name, name);
                }
            })
        })
        .collect();
    for person in people {
        person.await.unwrap();
    }
    assert_eq!(server.select("select count(*) from accounts where age = 4").await, [["40"]]);
}

#[tokio::test]
async fn sec_0016_one_name_is_won_once_however_many_register_it_at_once() {
    let server = Arc::new(Server::start());
    let tries: Vec<_> = (0..64)
        .map(|_| {
            let server = server.clone();
            tokio::spawn(async move {
                match server.connect().await.call(registration("naman", PASSWORD)).await.unwrap() {
                    UserReply::Registered { .. } => true,
                    other => {
                        assert_eq!(refusal_of(other), RefusalCode::NameTaken);
                        false
                    }
                }
            })
        })
        .collect();
    assert_eq!(how_many_won(tries).await, 1);
}

#[tokio::test]
async fn silent_slow_and_garbage_peers_cost_the_others_nothing() {
    let server = Server::start();
    server.register("naman").await;
    let mut held = Vec::new();
    for number in 0..300 {
        let mut tcp = TcpStream::connect(server.user).await.unwrap();
        match number % 3 {
            0 => {}
            1 => tcp.write_all(&[22, 3, 1, 0]).await.unwrap(),
            _ => {
                let _ = tcp.write_all(&[0x5a; 600]).await;
            }
        }
        held.push(tcp);
    }
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    assert!(matches!(wire.call(UserCall::ShowAccount).await.unwrap(), UserReply::AccountShown(_)));
    drop(held);
}

#[tokio::test]
async fn a_source_over_its_connections_is_refused_and_let_in_again_when_one_ends() {
    let server = Server::start_with("connections_per_source_max = 2");
    let one = server.connect().await;
    let _two = server.connect().await;
    let tls = || vestry_tls::config::user_client(&server.trust()).unwrap();
    let connect = || async {
        vestry_tests::harness::UserWire::connect(
            "localhost",
            server.user.port(),
            tls(),
            vestry_protocol::USER_ALPN,
        )
        .await
    };
    assert!(connect().await.is_err());
    drop(one);
    // The server notices the end of a connection in its own time.
    let mut tries = 0;
    while connect().await.is_err() {
        tries += 1;
        assert!(tries < 10_000, "the place was not given back");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn when_too_many_passwords_wait_the_answer_is_busy_with_a_time_and_memory_stays_flat() {
    let server = Arc::new(Server::start_with("hashing_threads = 1\nhashing_queue_max = 4"));
    // No more than five tries of one account are under way at once.
    for person in 0..20 {
        server.register(&format!("person{person}")).await;
    }
    let tries: Vec<_> = (0..100)
        .map(|number| {
            let server = server.clone();
            tokio::spawn(async move {
                let name = format!("person{}", number % 20);
                match server.connect().await.call(login(&name, PASSWORD)).await.unwrap() {
                    UserReply::LoggedIn(_) => None,
                    UserReply::Refused(refusal) => {
                        assert!(refusal.is(RefusalCode::Busy), "{refusal:?}");
                        Some(refusal.retry_after_ms.expect("a time to wait"))
                    }
                    other => panic!("{other:?}"),
                }
            })
        })
        .collect();
    let mut waits = Vec::new();
    for attempt in tries {
        waits.extend(attempt.await.unwrap());
    }
    assert!((1..100).contains(&waits.len()), "{} were refused", waits.len());
    assert!(waits.iter().all(|wait| (50..60_000).contains(wait)), "{waits:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let peak_kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak_kib.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kib < 19 * 1024 + 48 * 1024, "{peak_kib} KiB at the peak");
    server.log_in("person0", PASSWORD).await;
}
