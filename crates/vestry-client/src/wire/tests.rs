//! A connection against servers that lie, vanish and stall; each over real TLS on a free port.

use super::*;
use rustls::ServerConfig;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream as ServerStream;
use vestry_protocol::Pin;
use vestry_protocol::codec::{CodecError, encode};
use vestry_protocol::frame::FrameError;
use vestry_protocol::greeting::Greeting;
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::user::{UserCall, UserReply};
use vestry_protocol::{ADMIN_ALPN, USER_ALPN, UnixSeconds};
use vestry_tls::config::{user_client, user_server};
use vestry_tls::{CertsDir, Trust, TrustFailure, Validity};

type UserWire = Wire<UserCall, UserReply>;
pub(crate) type Server = ServerStream<TcpStream>;

/// A server's keys, and what a client needs to trust it.
pub(crate) struct Pki {
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) pin: Pin,
}

pub(crate) fn pki() -> Pki {
    let folder = TempDir::new().unwrap();
    let certs = CertsDir::at(folder.path());
    let long = Validity { not_before: UnixSeconds::from_seconds(1_577_836_800), days: 36_500 };
    certs.create_authority("Vestry CA", long).unwrap();
    certs.create_server(&vestry_tls::Hosts::parse(["127.0.0.1"]).unwrap(), long).unwrap();
    let identity = certs.load_server().unwrap();
    Pki { server: user_server(&identity).unwrap(), pin: identity.authority_pin() }
}

/// Runs one connection: `server` has its end of it, `client` tries to connect to the port.
pub(crate) async fn meet<T>(
    config: Arc<ServerConfig>,
    server: impl AsyncFnOnce(Server),
    client: impl AsyncFnOnce(u16) -> T,
) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = async {
        let (socket, _) = listener.accept().await.unwrap();
        if let Ok(stream) = TlsAcceptor::from(config).accept(socket).await {
            server(stream).await;
        }
    };
    tokio::join!(serve, client(port)).1
}

async fn connect(port: u16, pin: Pin) -> Result<UserWire, WireError> {
    let tls = user_client(&Trust::Pin(pin)).unwrap();
    Wire::connect("127.0.0.1", port, tls, USER_ALPN).await
}

/// One call to a server that reads one request and then does as it is told; the error that the client sees.
async fn error_after(server: impl AsyncFnOnce(&mut Server)) -> WireError {
    let pki = pki();
    let serve = async |mut stream: Server| {
        read_request(&mut stream).await;
        server(&mut stream).await;
    };
    let ask = async |port| {
        let mut wire = connect(port, pki.pin).await.unwrap();
        wire.call(UserCall::DescribeServer).await.unwrap_err()
    };
    meet(Arc::clone(&pki.server), serve, ask).await
}

pub(crate) async fn read_request(stream: &mut Server) -> u64 {
    read_call(stream).await.unwrap().id
}

/// The next request; none once the client has gone.
pub(crate) async fn read_call(stream: &mut Server) -> Option<Request<UserCall>> {
    let mut header = [0u8; 4];
    stream.read_exact(&mut header).await.ok()?;
    let mut payload = vec![0; u32::from_be_bytes(header) as usize];
    stream.read_exact(&mut payload).await.unwrap();
    let request = decode::<Request<UserCall>, 4096>(&payload).unwrap();
    if request.id == 1 {
        greet(stream).await;
    }
    Some(request)
}

/// What every server says before its first reply.
async fn greet(stream: &mut Server) {
    let body = UserReply::Greeting(Greeting::of_this_version());
    send(stream, &encode(&Reply { id: 0, body }).unwrap()).await;
}

fn reply_bytes(id: u64) -> Vec<u8> {
    encode(&Reply { id, body: UserReply::SessionRevoked }).unwrap().to_vec()
}

pub(crate) async fn send(stream: &mut Server, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap();
    stream.write_all(&length.to_be_bytes()).await.unwrap();
    stream.write_all(payload).await.unwrap();
    stream.flush().await.unwrap();
}

#[tokio::test]
async fn replies_come_back_in_order_to_requests_that_did_not_wait() {
    let pki = pki();
    let serve = async |mut stream: Server| {
        for _ in 0..3 {
            let id = read_request(&mut stream).await;
            send(&mut stream, &reply_bytes(id)).await;
        }
    };
    let ask = async |port| {
        let mut wire = connect(port, pki.pin).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(wire.send(&UserCall::ShowAccount).await.unwrap());
        }
        for id in &ids {
            assert!(matches!(wire.receive_for(*id).await.unwrap(), UserReply::SessionRevoked));
        }
        ids
    };
    assert_eq!(meet(Arc::clone(&pki.server), serve, ask).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_length_over_the_limit_is_refused_before_anything_is_allocated() {
    for announced in [1_048_577u32, u32::MAX] {
        let error =
            error_after(async |stream| stream.write_all(&announced.to_be_bytes()).await.unwrap()).await;
        let WireError::Protocol(Violation::Frame(FrameError::TooLong { announced: seen, limit })) = error
        else {
            panic!("{error:?}");
        };
        assert_eq!((seen, limit), (announced as usize, 1_048_576));
    }
}

#[tokio::test]
async fn an_empty_frame_is_refused() {
    let error = error_after(async |stream| stream.write_all(&[0; 4]).await.unwrap()).await;
    assert!(matches!(error, WireError::Protocol(Violation::Frame(FrameError::Empty))), "{error:?}");
}

#[tokio::test]
async fn bytes_that_are_left_over_are_refused() {
    let error = error_after(async |stream| {
        let mut payload = reply_bytes(1);
        payload.push(0);
        send(stream, &payload).await;
    });
    let error = error.await;
    assert!(
        matches!(error, WireError::Protocol(Violation::Reply(CodecError::TrailingBytes(1)))),
        "{error:?}"
    );
}

#[tokio::test]
async fn bytes_that_are_no_reply_are_refused() {
    for payload in
        [vec![1, 250], vec![1, 0, 251], vec![0xff; 100], vec![1, 0, 4, 253, 0, 0, 0, 0, 0, 0, 0, 1]]
    {
        let error = error_after(async |stream| send(stream, &payload).await).await;
        assert!(matches!(error, WireError::Protocol(Violation::Reply(CodecError::Malformed))), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_to_another_request_is_refused() {
    let error = error_after(async |stream| send(stream, &reply_bytes(9)).await).await;
    let wrong = matches!(error, WireError::Protocol(Violation::WrongId { asked: 1, answered: 9 }));
    assert!(wrong, "{error:?}");
}

#[tokio::test]
async fn a_connection_that_ends_before_or_within_a_reply_leaves_the_request_open() {
    let before = error_after(async |stream| stream.shutdown().await.unwrap()).await;
    let within = error_after(async |stream| {
        stream.write_all(&[0, 0, 1, 0, 1, 2, 3]).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    for error in [before, within.await] {
        assert!(matches!(error, WireError::LostAfterSending(_)) && !error.was_not_sent(), "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_ended_while_idle_is_noticed_before_anything_is_sent() {
    let pki = pki();
    let (closed, is_closed) = tokio::sync::oneshot::channel();
    let serve = async |mut stream: Server| {
        let id = read_request(&mut stream).await;
        send(&mut stream, &reply_bytes(id)).await;
        stream.shutdown().await.unwrap();
        drop(stream);
        closed.send(()).unwrap();
    };
    let ask = async |port| {
        let mut wire = connect(port, pki.pin).await.unwrap();
        wire.call(UserCall::DescribeServer).await.unwrap();
        is_closed.await.unwrap();
        wire.call(UserCall::DescribeServer).await.unwrap_err()
    };
    let error = meet(Arc::clone(&pki.server), serve, ask).await;
    assert!(matches!(error, WireError::LostBeforeSending(_)) && error.was_not_sent(), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let pki = pki();
    let (done, is_done) = tokio::sync::oneshot::channel();
    let serve = async |mut stream: Server| {
        read_request(&mut stream).await;
        is_done.await.unwrap();
    };
    let ask = async |port| {
        let wire = connect(port, pki.pin).await.unwrap();
        let error = wire.with_reply_timeout(Duration::from_millis(50)).call(UserCall::ShowAccount).await;
        done.send(()).unwrap();
        error.unwrap_err()
    };
    let error = meet(Arc::clone(&pki.server), serve, ask).await;
    let WireError::LostAfterSending(cause) = error else { panic!("{error:?}") };
    assert_eq!(cause.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let pki = pki();
    let serve = async |mut stream: Server| {
        let id = read_request(&mut stream).await;
        let body = UserReply::Refused(Refusal::new(RefusalCode::NotLoggedIn, "log in first"));
        send(&mut stream, &encode(&Reply { id, body }).unwrap()).await;
    };
    let ask = async |port| connect(port, pki.pin).await.unwrap().call(UserCall::ShowAccount).await.unwrap();
    let reply = meet(Arc::clone(&pki.server), serve, ask).await;
    assert!(matches!(reply, UserReply::Refused(refusal) if refusal.is(RefusalCode::NotLoggedIn)));
}

#[tokio::test]
async fn both_ends_of_a_connection_have_one_exporter_and_another_connection_has_another() {
    let pki = pki();
    let mut exporters = Vec::new();
    for _ in 0..2 {
        let (seen, is_seen) = tokio::sync::oneshot::channel();
        let serve = async |stream: Server| {
            let tls = stream.get_ref().1;
            let label = b"EXPORTER-Channel-Binding";
            seen.send(tls.export_keying_material([0; 32], label, None).unwrap()).unwrap();
        };
        let ask = async |port| *connect(port, pki.pin).await.unwrap().exporter().unwrap();
        let exporter = meet(Arc::clone(&pki.server), serve, ask).await;
        assert_eq!(exporter, is_seen.await.unwrap());
        exporters.push(exporter);
    }
    assert_ne!(exporters[0], exporters[1]);
}

#[tokio::test]
async fn another_pin_gets_no_byte_of_a_request() {
    let pki = pki();
    let other = self::pki().pin;
    let serve = async |_: Server| panic!("the handshake must not succeed");
    let error =
        meet(Arc::clone(&pki.server), serve, async |port| connect(port, other).await.unwrap_err()).await;
    let WireError::WrongServer { failure, shown } = error else { panic!("{error:?}") };
    assert_eq!((failure, shown), (TrustFailure::PinMismatch, Some(Shown::Pin(pki.pin))));
}

#[tokio::test]
async fn a_server_without_the_protocol_is_refused_on_this_side_too() {
    let pki = pki();
    let mut silent = ServerConfig::clone(&pki.server);
    silent.alpn_protocols.clear();
    let serve = async |_: Server| ();
    let error = meet(Arc::new(silent), serve, async |port| connect(port, pki.pin).await.unwrap_err()).await;
    assert!(matches!(error, WireError::Protocol(Violation::NoAlpn)), "{error:?}");

    let mut other = ServerConfig::clone(&pki.server);
    other.alpn_protocols = vec![ADMIN_ALPN.to_vec()];
    let serve = async |_: Server| panic!("the handshake must not succeed");
    let error = meet(Arc::new(other), serve, async |port| connect(port, pki.pin).await.unwrap_err()).await;
    assert!(matches!(error, WireError::WrongServer { failure: TrustFailure::Other, .. }), "{error:?}");
}

#[tokio::test]
async fn a_port_without_a_server_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = connect(port, Pin([0; 32])).await.unwrap_err();
    assert!(matches!(error, WireError::Unreachable(Unreachable::Refused)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_unreachable_and_one_that_is_not_tls_is_the_wrong_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hang_up = async { drop(listener.accept().await.unwrap()) };
    let error = tokio::join!(hang_up, connect(port, Pin([0; 32]))).1.unwrap_err();
    assert!(matches!(error, WireError::Unreachable(Unreachable::HungUp)), "{error:?}");
    let greet = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"220 mail.example ESMTP ready\r\n").await.unwrap();
        // Until the client has hung up.
        let _ = socket.read_to_end(&mut Vec::new()).await;
    };
    let error = tokio::join!(greet, connect(port, Pin([0; 32]))).1.unwrap_err();
    assert!(matches!(error, WireError::WrongServer { failure: TrustFailure::Other, .. }), "{error:?}");
}
