//! The user port in raw bytes: what breaks the framing, what TLS refuses, and what pipelining promises.

use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vestry_protocol::codec::{append_frame, decode};
use vestry_protocol::greeting::ReplyBody;
use vestry_protocol::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX, REQUEST_BYTES_MAX_BEFORE_LOGIN};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Change, ProfileUpdate, UserCall, UserReply};
use vestry_protocol::{Reply, Request};
use vestry_tests::harness::{PASSWORD, Server, refusal_of};
use vestry_tests::light::{Halfway, any_ke1, finish_login, start_login};
use vestry_tests::talk::{Refusable, User};
use vestry_tls::config;

async fn raw(server: &Server) -> TlsStream<TcpStream> {
    let tls = config::user_client(&server.trust()).unwrap();
    let tcp = TcpStream::connect(server.user).await.unwrap();
    TlsConnector::from(tls).connect("localhost".try_into().unwrap(), tcp).await.unwrap()
}

/// The frame that takes up a session of its own: a proof of a password cannot be written down beforehand.
async fn resumed(server: &Server, id: u64) -> Vec<u8> {
    let (_, session) = server.log_in("naman", PASSWORD).await;
    frame(id, UserCall::ResumeSession { token: session.token })
}

/// The next reply; the greeting before the first is none.
async fn read_reply(stream: &mut TlsStream<TcpStream>) -> Option<Reply<UserReply>> {
    let reply = read_body(stream).await?;
    match reply.body.is_greeting() {
        true => read_body(stream).await,
        false => Some(reply),
    }
}

async fn read_body(stream: &mut TlsStream<TcpStream>) -> Option<Reply<UserReply>> {
    let length = timeout(Duration::from_secs(20), stream.read_u32()).await.expect("an answer").ok()?;
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await.ok()?;
    Some(decode::<_, REPLY_BYTES_MAX>(&payload).unwrap())
}

fn frame(id: u64, call: UserCall) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_frame(&mut bytes, &Request { id, call }, REQUEST_BYTES_MAX).unwrap();
    bytes
}

/// The peer is told once, under the number 0, and the connection ends.
async fn assert_ends_as_malformed(mut stream: TlsStream<TcpStream>, what: &str) {
    let reply = read_reply(&mut stream).await.unwrap_or_else(|| panic!("{what}: nothing was said"));
    assert_eq!((reply.id, refusal_of(reply.body)), (0, RefusalCode::Malformed), "{what}");
    assert!(read_reply(&mut stream).await.is_none(), "{what}: the connection went on");
}

#[tokio::test]
async fn sec_0011_bytes_that_are_no_frame_end_the_connection_with_one_answer() {
    let server = Server::start();
    let over_before_login = u32::try_from(REQUEST_BYTES_MAX_BEFORE_LOGIN + 1).unwrap().to_be_bytes();
    let cases: [(&str, Vec<u8>); 4] = [
        ("4 GiB announced", vec![0xff; 4]),
        ("one byte over the limit before a login", over_before_login.to_vec()),
        ("an empty frame", vec![0; 4]),
        ("no TLS within TLS", b"GET / HTTP/1.1\r\nHost: localhost\r\n".to_vec()),
    ];
    for (what, bytes) in cases {
        let mut stream = raw(&server).await;
        stream.write_all(&bytes).await.unwrap();
        assert_ends_as_malformed(stream, what).await;
    }
}

/// Whole frames that are no request, with the number and the code that they are answered with.
fn unreadable() -> [(&'static str, Vec<u8>, (u64, RefusalCode)); 6] {
    let mut trailing = frame(7, UserCall::DescribeServer);
    trailing[3] += 1;
    trailing.push(0);
    [
        ("a byte left over", trailing, (7, RefusalCode::Malformed)),
        ("an unknown call", vec![0, 0, 0, 2, 8, 200], (8, RefusalCode::Unsupported)),
        ("fields behind it", vec![0, 0, 0, 4, 9, 250, 1, 2], (9, RefusalCode::Unsupported)),
        (
            "a name of an exabyte",
            [&[0, 0, 0, 11, 10, 3, 253][..], &[0xff; 8]].concat(),
            (10, RefusalCode::Malformed),
        ),
        ("a number that is none", vec![0, 0, 0, 2, 0xff, 0], (0, RefusalCode::Malformed)),
        (
            "noise",
            b"\x00\x00\x00\x21GET / HTTP/1.1\r\nHost: localhost\r\n".to_vec(),
            (u64::from(b'G'), RefusalCode::Unsupported),
        ),
    ]
}

#[tokio::test]
async fn a_whole_frame_is_answered_under_its_number_and_the_connection_goes_on() {
    let server = Server::start();
    let mut stream = raw(&server).await;
    for (what, bytes, answer) in unreadable() {
        stream.write_all(&bytes).await.unwrap();
        let reply = read_reply(&mut stream).await.unwrap_or_else(|| panic!("{what}: nothing was said"));
        assert_eq!((reply.id, refusal_of(reply.body)), answer, "{what}");
    }
    // What was asked behind one is answered too, in its place.
    let behind = [unreadable()[1].1.clone(), frame(11, UserCall::DescribeServer)].concat();
    stream.write_all(&behind).await.unwrap();
    assert_eq!(read_reply(&mut stream).await.unwrap().id, 8);
    let reply = read_reply(&mut stream).await.unwrap();
    assert!(reply.id == 11 && matches!(reply.body, UserReply::ServerDescribed(_)), "{reply:?}");
}

#[tokio::test]
async fn sixteen_malformed_frames_are_answered_before_a_login_and_any_number_after() {
    let server = Server::start();
    server.register("naman").await;
    let mut stream = raw(&server).await;
    let unknown = &unreadable()[1].1;
    stream.write_all(&unknown.repeat(17)).await.unwrap();
    for _ in 0..16 {
        assert_eq!(read_reply(&mut stream).await.unwrap().id, 8);
    }
    assert_ends_as_malformed(stream, "the seventeenth").await;
    let mut stream = raw(&server).await;
    stream.write_all(&resumed(&server, 1).await).await.unwrap();
    stream.write_all(&unknown.repeat(40)).await.unwrap();
    stream.write_all(&frame(2, UserCall::ShowAccount)).await.unwrap();
    assert_eq!(read_reply(&mut stream).await.unwrap().id, 1);
    for _ in 0..40 {
        read_reply(&mut stream).await.unwrap().body.expect_refusal(RefusalCode::Unsupported);
    }
    assert!(matches!(read_reply(&mut stream).await.unwrap().body, UserReply::AccountShown(_)));
}

/// The greeting says no more to a scanner than that this is Vestry: its bytes are those of the vector, whatever the settings.
#[tokio::test]
async fn the_greeting_comes_once_with_the_first_reply_and_tells_no_build_or_settings() {
    let server = Server::start_with("accounts.registration = \"closed\"\naccounts.password_chars_min = 20");
    for first in [frame(1, UserCall::DescribeServer), vec![0; 4], unreadable()[0].1.clone()] {
        let mut stream = raw(&server).await;
        // Nothing is said before it is asked.
        let early = timeout(Duration::from_millis(300), stream.read_u8()).await;
        assert!(early.is_err(), "{early:?}");
        stream.write_all(&first).await.unwrap();
        // One read brings one TLS record: both replies are in it.
        let mut record = vec![0; 16 * 1024];
        let length = stream.read(&mut record).await.unwrap();
        let greeting = vestry_tests::vectors::table()["user/reply-greeting"].frame_bytes();
        assert!(record[..length].starts_with(&greeting) && length > greeting.len() + 4, "{length} bytes");
    }
    let mut stream = raw(&server).await;
    for id in 1..=3 {
        stream.write_all(&frame(id, UserCall::DescribeServer)).await.unwrap();
        let reply = read_body(&mut stream).await.unwrap();
        match id {
            1 => {
                assert!(reply.id == 0 && reply.body.is_greeting(), "{reply:?}");
                assert_eq!(read_body(&mut stream).await.unwrap().id, 1);
            }
            _ => assert_eq!(reply.id, id),
        }
    }
}

#[tokio::test]
async fn sec_0012_a_lying_length_costs_the_server_no_memory() {
    let server = Server::start();
    let resident = || {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", server.pid())).unwrap();
        text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    drop(raw(&server).await);
    let before = resident();
    for _ in 0..50 {
        let mut stream = raw(&server).await;
        stream.write_all(&[0xff, 0xff, 0xff, 0xf0]).await.unwrap();
        assert_ends_as_malformed(stream, "4 GiB announced").await;
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 1024 * 1024, "{grown} bytes");
}

#[tokio::test]
async fn a_long_request_is_taken_after_a_login_and_not_before() {
    let server = Server::start();
    server.register("naman").await;
    let long = UserCall::UpdateAccount(ProfileUpdate {
        gender: Change::Set("x".repeat(REQUEST_BYTES_MAX_BEFORE_LOGIN)),
        ..ProfileUpdate::default()
    });
    let mut stream = raw(&server).await;
    stream.write_all(&resumed(&server, 1).await).await.unwrap();
    stream.write_all(&frame(2, long)).await.unwrap();
    assert!(matches!(read_reply(&mut stream).await.unwrap().body, UserReply::SessionResumed { .. }));
    let answer = read_reply(&mut stream).await.unwrap();
    assert_eq!((answer.id, refusal_of(answer.body)), (2, RefusalCode::BadField));
    let mut stream = raw(&server).await;
    let long = start_login(&"x".repeat(REQUEST_BYTES_MAX_BEFORE_LOGIN), None)(any_ke1());
    stream.write_all(&frame(1, long)).await.unwrap();
    assert_ends_as_malformed(stream, "a long login").await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_under_their_own_numbers() {
    let server = Server::start();
    server.register("naman").await;
    let mut stream = raw(&server).await;
    let mut bytes = resumed(&server, u64::MAX).await;
    for id in 0..100 {
        let call = if id % 2 == 0 { UserCall::ShowAccount } else { UserCall::ListSessions };
        bytes.extend(frame(id, call));
    }
    stream.write_all(&bytes).await.unwrap();
    assert_eq!(read_reply(&mut stream).await.unwrap().id, u64::MAX);
    for id in 0..100 {
        let reply = read_reply(&mut stream).await.unwrap();
        assert_eq!(reply.id, id);
        let fits = match reply.body {
            UserReply::AccountShown(_) => id % 2 == 0,
            UserReply::SessionsListed(_) => id % 2 == 1,
            other => panic!("{other:?}"),
        };
        assert!(fits, "reply {id} is of another kind");
    }
}

#[tokio::test]
async fn a_request_cut_into_single_bytes_is_put_together() {
    let server = Server::start();
    let mut stream = raw(&server).await;
    for byte in frame(5, UserCall::DescribeServer) {
        stream.write_all(&[byte]).await.unwrap();
        stream.flush().await.unwrap();
    }
    assert_eq!(read_reply(&mut stream).await.unwrap().id, 5);
}

#[tokio::test]
async fn sec_0013_a_peer_without_our_application_protocol_is_refused_in_the_handshake() {
    let server = Server::start();
    for offered in
        [vec![], vec![b"h2".to_vec()], vec![b"vestry-admin/1".to_vec()], vec![b"vestry/2".to_vec()]]
    {
        let mut tls = (*config::user_client(&server.trust()).unwrap()).clone();
        tls.alpn_protocols.clone_from(&offered);
        let tcp = TcpStream::connect(server.user).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let Ok(mut stream) = TlsConnector::from(Arc::new(tls)).connect(name, tcp).await else { continue };
        // Without any offer TLS itself has no objection: the server ends the connection before it reads.
        let _ = stream.write_all(&frame(1, UserCall::DescribeServer)).await;
        assert!(read_reply(&mut stream).await.is_none(), "{offered:?} was answered");
    }
}

#[tokio::test]
async fn sec_0014_only_tls_1_3_is_spoken() {
    if std::process::Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: openssl is not installed");
        return;
    }
    let server = Server::start();
    let shake = |extra: &[&str]| {
        let out = std::process::Command::new("openssl")
            .args(["s_client", "-connect", &server.user.to_string(), "-alpn", "vestry/1", "-CAfile"])
            .arg(server.certs().ca_certificate())
            .args(extra)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    for old in ["-tls1", "-tls1_1", "-tls1_2"] {
        let said = shake(&[old, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(said.contains("Cipher is (NONE)"), "{old}: {said}");
    }
    let said = shake(&["-tls1_3"]);
    assert!(
        said.contains("Verify return code: 0 (ok)") && said.contains("ALPN protocol: vestry/1"),
        "{said}"
    );
    assert!(!said.contains("Max Early Data: 1"), "{said}");
}

#[tokio::test]
async fn plain_text_on_the_tls_port_is_refused_and_costs_nothing() {
    let server = Server::start();
    let mut tcp = TcpStream::connect(server.user).await.unwrap();
    tcp.write_all(&frame(1, UserCall::DescribeServer)).await.unwrap();
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer).await;
    // At most a TLS alert: 21 is its record type.
    assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    server.connect().await;
}

#[tokio::test]
async fn sec_0015_replayed_frames_open_nothing_on_a_new_connection() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, session) = server.log_in("naman", PASSWORD).await;
    // A login is proven for one connection: its frames are worth nothing on another, nor a second time on their own.
    let halfway = Halfway::login(&mut wire, "naman", PASSWORD).await;
    let ke3 = halfway.ke3(&wire).unwrap();
    let finish = frame(2, finish_login(ke3));
    for first in [None, Some(frame(1, start_login("naman", None)(any_ke1())))] {
        let mut stream = raw(&server).await;
        stream.write_all(&first.clone().unwrap_or_default()).await.unwrap();
        stream.write_all(&finish).await.unwrap();
        let expected = match first {
            None => RefusalCode::NotStarted,
            Some(_) => {
                let started = read_reply(&mut stream).await.unwrap().body;
                assert!(matches!(started, UserReply::LoginStarted { .. }), "{started:?}");
                RefusalCode::WrongCredentials
            }
        };
        read_reply(&mut stream).await.unwrap().body.expect_refusal(expected);
    }
    let resume = frame(1, UserCall::ResumeSession { token: session.token });
    let mut stream = raw(&server).await;
    stream.write_all(&resume).await.unwrap();
    assert!(matches!(read_reply(&mut stream).await.unwrap().body, UserReply::SessionResumed { .. }));
    wire.log_out(true).await;
    let mut stream = raw(&server).await;
    stream.write_all(&resume).await.unwrap();
    stream.write_all(&frame(2, UserCall::ShowAccount)).await.unwrap();
    read_reply(&mut stream).await.unwrap().body.expect_refusal(RefusalCode::SessionEnded);
    read_reply(&mut stream).await.unwrap().body.expect_refusal(RefusalCode::NotLoggedIn);
}
