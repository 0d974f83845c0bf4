//! Peers by the thousand that are slow on purpose, and floods of guesses: a good login gets through meanwhile, memory
//! and descriptors stay bounded, and everything is given back.

use rustix::process::{Resource, getrlimit, setrlimit};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::codec::{append_frame, decode};
use vestry_protocol::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{UserCall, UserReply};
use vestry_protocol::{Reply, Request};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, login};
use vestry_tests::light;
use vestry_tls::config;

/// Longer than any good login may take, also on a machine that does everything else at the same time.
const GOOD_LOGIN_MAX: Duration = Duration::from_secs(5);

/// How many peers the short form sends. `scripts/prove.sh` sends more.
fn peers() -> usize {
    std::env::var("VESTRY_SLOW_PEERS").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

/// An address of this machine that is nobody else's, in a network of its own.
fn source(number: usize) -> Ipv4Addr {
    let [_, _, high, low] = u32::try_from(number).unwrap().to_be_bytes();
    Ipv4Addr::new(127, 1 + high, low, 1)
}

fn raise_own_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// With little room for what arrives, so that a peer that does not read is soon full.
async fn tcp_from(from: Ipv4Addr, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0)).unwrap();
    socket.connect(server).await.unwrap()
}

async fn tls_from(
    from: Ipv4Addr,
    server: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
) -> TlsStream<TcpStream> {
    let tcp = tcp_from(from, server).await;
    TlsConnector::from(tls).connect("localhost".try_into().unwrap(), tcp).await.unwrap()
}

fn frame(id: u64, call: UserCall) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_frame(&mut bytes, &Request { id, call }, REQUEST_BYTES_MAX).unwrap();
    bytes
}

/// A number of `/proc/PID/status`, in bytes.
fn memory(server: &Server, key: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let kib = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    kib.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<usize>().unwrap() * 1024
}

/// `None` to whoever may not look: the server closes its memory to other processes of its user, root's excepted.
fn descriptors(server: &Server) -> Option<usize> {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).ok().map(Iterator::count)
}

async fn open_connections(server: &Server) -> u64 {
    match server.operate(AdminCall::ShowStatus).await {
        AdminReply::StatusShown(status) => status.connections,
        other => panic!("{other:?}"),
    }
}

/// The ways to be slow.
#[derive(Clone, Copy)]
enum Slow {
    Silent,
    HalfAHello,
    ShookHands,
    HalfAFrame,
    NeverReads,
}

const WAYS: [Slow; 5] =
    [Slow::Silent, Slow::HalfAHello, Slow::ShookHands, Slow::HalfAFrame, Slow::NeverReads];

/// One peer that is slow in its way until the server ends it.
async fn be_slow(
    way: Slow,
    from: Ipv4Addr,
    server: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
    there: Arc<AtomicUsize>,
) {
    let (mut sink, arrived) = ([0; 1], || there.fetch_add(1, Ordering::Relaxed));
    if matches!(way, Slow::Silent | Slow::HalfAHello) {
        let mut tcp = tcp_from(from, server).await;
        arrived();
        if matches!(way, Slow::HalfAHello) {
            // A record of 512 bytes is announced, and comes at ten bytes a second.
            for byte in [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3].into_iter().chain(std::iter::repeat(0)).take(256)
            {
                if tcp.write_all(&[byte]).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(100)).await;
            }
        }
        let _ = tcp.read(&mut sink).await;
        return;
    }
    let mut stream = tls_from(from, server, tls).await;
    arrived();
    match way {
        Slow::HalfAFrame => stream.write_all(&[0, 0, 0, 50, 1]).await.unwrap(),
        Slow::NeverReads => {
            let asked = frame(1, UserCall::DescribeServer).repeat(4_000);
            // Until the server takes no more, and then until it gives up.
            let _ = stream.write_all(&asked).await;
            let _ = stream.get_ref().0.writable().await;
            sleep(Duration::from_secs(3600)).await;
        }
        _ => {}
    }
    let _ = stream.read(&mut sink).await;
}

/// Connects, logs in by OPAQUE and asks for the account, as a person does; how long it took.
async fn good_login(server: &Server, name: &str) -> Duration {
    let begun = Instant::now();
    let mut wire = server.connect().await;
    let opened = light::log_in(&mut wire, name).await;
    assert!(matches!(opened, UserReply::LoggedIn(_)), "{opened:?}");
    assert!(matches!(wire.call(UserCall::ShowAccount).await.unwrap(), UserReply::AccountShown(_)));
    begun.elapsed()
}

/// Good logins one after the other; the median.
async fn good_logins(server: &Server, count: usize) -> Duration {
    let mut times = Vec::new();
    for _ in 0..count {
        times.push(timeout(GOOD_LOGIN_MAX, good_login(server, "naman")).await.expect("a good login waits"));
    }
    times.sort();
    times[count / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_0055_two_thousand_slow_peers_do_not_slow_a_good_login() {
    raise_own_descriptor_limit();
    let peers = peers();
    // Long enough that all of them are there at once.
    let patience = 6 + peers / 60;
    let settings: String =
        ["handshake_secs_max", "frame_secs_max", "write_secs_max", "idle_secs_max_before_login"]
            .map(|key| format!("{key} = {patience}\n"))
            .concat();
    let server = Server::start_with(&settings);
    light::register(&server, "naman").await;
    let quiet = good_logins(&server, 20).await;
    let (before, there) = (memory(&server, "VmHWM"), Arc::new(AtomicUsize::new(0)));
    let tls = config::user_client(&server.trust()).unwrap();
    let slow: Vec<JoinHandle<()>> = (0..peers)
        .map(|number| {
            let way = WAYS[number % WAYS.len()];
            tokio::spawn(be_slow(way, source(number), server.user, tls.clone(), there.clone()))
        })
        .collect();
    let first_half = good_logins(&server, 10).await;
    while there.load(Ordering::Relaxed) < peers {
        sleep(Duration::from_millis(20)).await;
    }
    let open = open_connections(&server).await;
    let all_there = good_logins(&server, 20).await;
    let grown = memory(&server, "VmHWM").saturating_sub(before);
    println!(
        "a good login took {quiet:?} alone, {first_half:?} while {peers} came, {all_there:?} with {open} open; \
         {} KiB each",
        grown / peers / 1024
    );
    // A handshake that stopped half-way is the dearest state without an answer to send; one in five has a full outbox,
    // and what TLS made of it, waiting.
    let bound = 8 * 1024 * 1024 + peers * 32 * 1024 + peers / WAYS.len() * 2 * 96 * 1024;
    assert!(grown < bound, "{grown} bytes for {peers} peers; {bound} were expected at most");
    let held = descriptors(&server);
    assert!(held.is_none_or(|held| held <= peers + 128), "{held:?} descriptors for {peers} peers");
    let deadline = Instant::now() + Duration::from_secs(60 + 2 * u64::try_from(patience).unwrap());
    while open_connections(&server).await > 0 {
        assert!(Instant::now() < deadline, "{} are open still", open_connections(&server).await);
        sleep(Duration::from_millis(200)).await;
    }
    let held = descriptors(&server);
    assert!(held.is_none_or(|held| held <= 128), "{held:?} descriptors without a peer");
    good_logins(&server, 1).await;
    slow.iter().for_each(JoinHandle::abort);
}

/// Guesses passwords from one address until it is told to stop; how many were answered, and how many of them at once.
async fn guess(
    number: usize,
    server: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
    over: Arc<AtomicBool>,
) -> (usize, usize) {
    let (mut answered, mut busy) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        let mut stream = tls_from(source(number), server, tls.clone()).await;
        for attempt in 0..20 {
            let call = login(&format!("guess{number}.{answered}"), OTHER_PASSWORD);
            if stream.write_all(&frame(attempt, call)).await.is_err() || over.load(Ordering::Relaxed) {
                break;
            }
            let Ok(length) = stream.read_u32().await else { break };
            let mut payload = vec![0; length as usize];
            stream.read_exact(&mut payload).await.unwrap();
            let reply = decode::<Reply<UserReply>, REPLY_BYTES_MAX>(&payload).unwrap();
            let UserReply::Refused(refusal) = reply.body else { panic!("a guess opened something") };
            answered += 1;
            if refusal.is(RefusalCode::Busy) {
                busy += 1;
                assert!(refusal.retry_after_ms.is_some(), "{refusal:?}");
            }
        }
    }
    (answered, busy)
}

/// A login by password, which is hashed by the server, as patient as its answers ask for.
async fn good_password_login(server: &Server, name: &str) -> Duration {
    let begun = Instant::now();
    loop {
        match server.connect().await.call(login(name, PASSWORD)).await.unwrap() {
            UserReply::LoggedIn(_) => return begun.elapsed(),
            UserReply::Refused(refusal) if refusal.is(RefusalCode::Busy) => {
                sleep(Duration::from_millis(refusal.retry_after_ms.unwrap())).await;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_0056_a_login_flood_from_many_addresses_leaves_room_for_a_good_login() {
    let server = Server::start_with("hashing_threads = 2");
    light::register(&server, "naman").await;
    server.register("anirudh").await;
    let tls = config::user_client(&server.trust()).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    // Three at once from each: the sources take turns, so a good password waits for sixty others at most.
    let guessers = (0..180).map(|number| guess(number % 60, server.user, tls.clone(), over.clone()));
    let flood: Vec<_> = guessers.map(tokio::spawn).collect();
    let (mut opaque, mut hashed) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        opaque.push(timeout(GOOD_LOGIN_MAX, good_login(&server, "naman")).await.expect("OPAQUE waits"));
        let login = good_password_login(&server, "anirudh");
        hashed.push(timeout(4 * GOOD_LOGIN_MAX, login).await.expect("the password waits"));
    }
    over.store(true, Ordering::Relaxed);
    let (mut answered, mut busy) = (0, 0);
    for guesser in flood {
        let (of_one, busy_of_one) = guesser.await.unwrap();
        answered += of_one;
        busy += busy_of_one;
    }
    opaque.sort();
    hashed.sort();
    println!(
        "{answered} guesses from 60 addresses were answered meanwhile, {busy} of them with busy; a good login took \
         {:?} by OPAQUE and {:?} by password (medians)",
        opaque[5], hashed[5]
    );
    assert!(answered > 60, "{answered} guesses are no flood");
    let peak = memory(&server, "VmHWM");
    assert!(peak < (2 * 19 + 64) * 1024 * 1024, "{peak} bytes at the peak");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_connects_too_fast_is_closed_before_its_handshake_and_others_are_not() {
    let server = Server::start_with("connections_per_source_per_sec_max = 1");
    let tls = config::user_client(&server.trust()).unwrap();
    let shake = async |from: Ipv4Addr| {
        let tcp = tcp_from(from, server.user).await;
        TlsConnector::from(tls.clone()).connect("localhost".try_into().unwrap(), tcp).await.is_ok()
    };
    let mut let_in = 0;
    for _ in 0..20 {
        let_in += usize::from(shake(source(1)).await);
    }
    assert!((5..15).contains(&let_in), "{let_in} of 20 were let in");
    assert!(shake(source(2)).await, "another source was refused");
    while !shake(source(1)).await {
        sleep(Duration::from_millis(200)).await;
    }
}
