//! Where people come in: several addresses, and load balancers that say for whom they connect.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use vestry_client::{Wire, WireError};
use vestry_protocol::USER_ALPN;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Profile, UserCall, UserReply};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, UserWire, program, refusal_of};
use vestry_tests::light;
use vestry_tests::talk::{User, logged_in};
use vestry_tls::config;

const BALANCER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The header of a connection from this address, as the standard writes it.
fn header(source: Ipv4Addr) -> Vec<u8> {
    let addresses = [&source.octets()[..], &[10, 0, 0, 1], &40_000u16.to_be_bytes(), &7_443u16.to_be_bytes()];
    [SIGNATURE, &[0x21, 0x11, 0, 12], &addresses.concat()].concat()
}

async fn open(to: SocketAddr, from: Ipv4Addr, first: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0)).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    stream.write_all(first).await.unwrap();
    stream
}

async fn shake_hands(server: &Server, stream: TcpStream) -> Result<UserWire, WireError> {
    let tls = config::user_client(&server.trust()).unwrap();
    Wire::over(stream, "localhost", tls, USER_ALPN).await
}

/// As a person whom the balancer forwards.
async fn forwarded(server: &Server, source: Ipv4Addr) -> UserWire {
    let stream = open(server.user, BALANCER, &header(source)).await;
    shake_hands(server, stream).await.unwrap()
}

/// Everybody behind a load balancer or in front of a container was one address, with one address's share of everything.
#[tokio::test]
async fn sec_0107_people_behind_a_load_balancer_are_not_one_address() {
    let server = Server::start_with(
        "network.proxy_from = [\"127.0.0.2\"]\ngate.attempts_per_address_max = 3\ngate.attempts_per_network_max = 3",
    );
    let [one, other] = [Ipv4Addr::new(203, 0, 113, 7), Ipv4Addr::new(198, 51, 100, 7)];
    let mut wire = forwarded(&server, one).await;
    let registered = light::register(&mut wire, "naman", PASSWORD, Profile::default()).await;
    assert!(matches!(registered, UserReply::Registered { .. }), "{registered:?}");
    light::log_in(&mut wire, "naman", PASSWORD).await;
    assert_eq!(server.select("select source from sessions").await, [["203.0.113.7"]]);
    // Whoever guesses uses up what one address has, and nobody else's.
    let mut codes = Vec::new();
    for number in 0..4 {
        let mut wire = forwarded(&server, one).await;
        codes.push(refusal_of(light::log_in(&mut wire, &format!("name{number}"), OTHER_PASSWORD).await));
    }
    assert_eq!(codes.last(), Some(&RefusalCode::Throttled), "{codes:?}");
    for source in [other, BALANCER] {
        let stream = match source {
            // It looks whether the server lives.
            BALANCER => open(server.user, BALANCER, &[SIGNATURE, &[0x20, 0, 0, 0]].concat()).await,
            _ => open(server.user, BALANCER, &header(source)).await,
        };
        let mut wire = shake_hands(&server, stream).await.unwrap();
        logged_in(light::log_in(&mut wire, "naman", PASSWORD).await);
    }
    let sources = server.select("select source from sessions order by 1").await;
    assert_eq!(sources, [["127.0.0.2"], ["198.51.100.7"], ["203.0.113.7"]]);
}

#[tokio::test]
async fn only_what_the_settings_name_says_for_whom_it_connects_and_it_has_to() {
    let server =
        Server::start_with("network.proxy_from = [\"127.0.0.2\"]\nconnections.handshake_secs_max = 1");
    let stranger = Ipv4Addr::new(127, 0, 0, 3);
    let closed = |mut stream: TcpStream| async move {
        let read = timeout(Duration::from_secs(5), stream.read_to_end(&mut Vec::new())).await;
        read.expect("it is closed").unwrap_or_default()
    };
    // Somebody else's header is no handshake.
    let forged = open(server.user, stranger, &header(Ipv4Addr::new(203, 0, 113, 7))).await;
    assert!(shake_hands(&server, forged).await.is_err());
    // On the admin port nobody is believed.
    closed(open(server.admin, BALANCER, &header(Ipv4Addr::new(203, 0, 113, 7))).await).await;
    // The balancer says nothing, too little, or something else.
    let unsaid = open(server.user, BALANCER, b"").await;
    assert!(shake_hands(&server, unsaid).await.is_err());
    for first in [&b""[..], &header(stranger)[..20], b"PROXY TCP4 203.0.113.7 10.0.0.1 40000 7443\r\n"] {
        assert_eq!(closed(open(server.user, BALANCER, first).await).await, 0, "{first:?}");
    }
    // Everybody else goes on as ever.
    let mut direct = shake_hands(&server, open(server.user, stranger, b"").await).await.unwrap();
    direct.describe().await;
}

#[tokio::test]
async fn a_server_listens_on_every_address_of_a_list() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let addresses = ["--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--admin-listen", "127.0.0.1:0"];
    let mut init = Command::new(program("vestryd"));
    let done =
        init.arg("init").args(addresses).args(["--host", "localhost"]).arg("--data-dir").arg(folder.path());
    assert!(done.output().unwrap().status.success());
    let server = Server::start_in(folder);
    let talk = server.talk();
    let said = talk.split(" listens on ").nth(1).unwrap().split(" for users").next().unwrap();
    let listed: Vec<SocketAddr> = said.split(" and ").map(|address| address.parse().unwrap()).collect();
    assert!(matches!(listed[..], [SocketAddr::V4(_), SocketAddr::V6(_)]), "{listed:?}");
    for address in listed {
        let stream = TcpStream::connect(address).await.unwrap();
        shake_hands(&server, stream).await.unwrap().call(UserCall::DescribeServer).await.unwrap();
    }
}
