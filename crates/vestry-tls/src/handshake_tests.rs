//! Who gets in and who does not: real handshakes over memory, each "may" beside its "may not".

use crate::authority::{CertificateAuthority, Validity};
use crate::certs_dir::CertsDir;
use crate::config::{
    Trust, admin_server, alpn_was_agreed, console_client_from_files, user_client, user_server,
};
use crate::host::Hosts;
use crate::identity::ServerIdentity;
use crate::trust::{TrustFailure, peer_refused_our_certificate};
use crate::verifier::PinMismatch;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{
    ClientConfig, ClientConnection, Error, HandshakeKind, NamedGroup, ServerConfig, ServerConnection,
};
use std::io;
use std::sync::Arc;
use tempfile::TempDir;
use vestry_protocol::{ADMIN_ALPN, Pin, USER_ALPN, UnixSeconds};

/// Long ago and for long: these tests do not ask what day it is.
const LONG: Validity = Validity { not_before: UnixSeconds::from_seconds(1_577_836_800), days: 36_500 };
const OVER: Validity = Validity { not_before: UnixSeconds::from_seconds(1_577_836_800), days: 30 };
const AHEAD: Validity = Validity { not_before: UnixSeconds::from_seconds(4_000_000_000), days: 30 };

struct Pki {
    _folder: TempDir,
    certs: CertsDir,
}

impl Pki {
    fn with_server(validity: Validity) -> Self {
        let folder = TempDir::new().unwrap();
        let certs = CertsDir::at(folder.path());
        certs.create_authority("Vestry CA", LONG).unwrap();
        certs.create_server(&Hosts::parse(["localhost", "127.0.0.1"]).unwrap(), validity).unwrap();
        certs.create_operator("admin", "admin", LONG).unwrap();
        Self { _folder: folder, certs }
    }

    fn new() -> Self {
        Self::with_server(LONG)
    }

    fn identity(&self) -> ServerIdentity {
        self.certs.load_server().unwrap()
    }

    fn pin(&self) -> Pin {
        self.certs.authority_pin().unwrap()
    }

    fn console(&self, ca_of: &Self) -> Arc<ClientConfig> {
        let (certificate, key) = (self.certs.operator_certificate("admin"), self.certs.operator_key("admin"));
        console_client_from_files(&ca_of.certs.ca_certificate(), &certificate, &key).unwrap()
    }
}

struct Outcome {
    client: ClientConnection,
    server: ServerConnection,
    client_error: Option<Error>,
    server_error: Option<Error>,
}

impl Outcome {
    fn succeeded(&self) -> bool {
        self.client_error.is_none() && self.server_error.is_none() && !self.client.is_handshaking()
    }

    /// Why the client ended it.
    fn failure(&self) -> Option<TrustFailure> {
        self.client_error.as_ref().map(TrustFailure::of)
    }
}

fn shake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, host: &str) -> Outcome {
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let server = ServerConnection::new(Arc::clone(server)).unwrap();
    let mut outcome = Outcome { client, server, client_error: None, server_error: None };
    for _ in 0..8 {
        let mut bytes = Vec::new();
        while outcome.client.wants_write() {
            outcome.client.write_tls(&mut bytes).unwrap();
        }
        let mut unread = bytes.as_slice();
        while !unread.is_empty() && outcome.server.read_tls(&mut unread).unwrap() > 0 {
            let processed = outcome.server.process_new_packets();
            outcome.server_error = outcome.server_error.or(processed.err());
        }
        let mut bytes = Vec::new();
        while outcome.server.wants_write() {
            outcome.server.write_tls(&mut bytes).unwrap();
        }
        let mut unread = bytes.as_slice();
        while !unread.is_empty() && outcome.client.read_tls(&mut unread).unwrap() > 0 {
            let processed = outcome.client.process_new_packets();
            outcome.client_error = outcome.client_error.or(processed.err());
        }
    }
    outcome
}

fn with_alpn(config: &Arc<ClientConfig>, protocols: &[&[u8]]) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(config);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

#[test]
fn the_right_pin_gets_in_over_the_post_quantum_group() {
    let pki = Pki::new();
    let client = user_client(&Trust::Pin(pki.pin())).unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let outcome = shake(&client, &user_server(&pki.identity()).unwrap(), host);
        assert!(outcome.succeeded(), "{host}: {:?}", outcome.client_error);
        assert!(alpn_was_agreed(&outcome.client, USER_ALPN) && alpn_was_agreed(&outcome.server, USER_ALPN));
        assert!(!alpn_was_agreed(&outcome.server, ADMIN_ALPN));
        let group = outcome.client.negotiated_key_exchange_group().unwrap().name();
        assert_eq!(group, NamedGroup::X25519MLKEM768);
    }
}

#[test]
fn the_right_authority_gets_in_and_another_does_not() {
    let (pki, other) = (Pki::new(), Pki::new());
    let server = user_server(&pki.identity()).unwrap();
    let trusting =
        |pki: &Pki| user_client(&Trust::Authority(vec![pki.identity().authority().clone()])).unwrap();
    assert!(shake(&trusting(&pki), &server, "localhost").succeeded());
    let refused = shake(&trusting(&other), &server, "localhost");
    assert_eq!(refused.failure(), Some(TrustFailure::UnknownIssuer));
}

#[test]
fn another_pin_is_refused_and_what_was_presented_is_told() {
    let (pki, other) = (Pki::new(), Pki::new());
    let client = user_client(&Trust::Pin(other.pin())).unwrap();
    let outcome = shake(&client, &user_server(&pki.identity()).unwrap(), "localhost");
    assert_eq!(outcome.failure(), Some(TrustFailure::PinMismatch));
    let Some(Error::Other(cause)) = outcome.client_error else { panic!("another error") };
    let mismatch = cause.0.downcast_ref::<PinMismatch>().unwrap();
    assert_eq!(mismatch.presented, Some(pki.pin()));
}

/// Anybody can copy a CA's certificate off the wire; only its key makes leaves.
#[test]
fn the_pinned_authority_beside_a_leaf_that_it_did_not_sign_is_refused() {
    let (pki, impostor) = (Pki::new(), Pki::new());
    std::fs::copy(pki.certs.ca_certificate(), impostor.certs.ca_certificate()).unwrap();
    let client = user_client(&Trust::Pin(pki.pin())).unwrap();
    let outcome = shake(&client, &user_server(&impostor.identity()).unwrap(), "localhost");
    assert_eq!(outcome.failure(), Some(TrustFailure::UnknownIssuer));
}

#[test]
fn another_name_is_refused() {
    let pki = Pki::new();
    let client = user_client(&Trust::Pin(pki.pin())).unwrap();
    for host in ["example.org", "127.0.0.2", "sub.localhost"] {
        let outcome = shake(&client, &user_server(&pki.identity()).unwrap(), host);
        assert_eq!(outcome.failure(), Some(TrustFailure::WrongName), "{host}");
    }
}

#[test]
fn a_leaf_outside_its_dates_is_refused() {
    for (validity, failure) in [(OVER, TrustFailure::Expired), (AHEAD, TrustFailure::NotYetValid)] {
        let pki = Pki::with_server(validity);
        for trust in [Trust::Pin(pki.pin()), Trust::Authority(vec![pki.identity().authority().clone()])] {
            let client = user_client(&trust).unwrap();
            let outcome = shake(&client, &user_server(&pki.identity()).unwrap(), "localhost");
            assert_eq!(outcome.failure(), Some(failure));
        }
    }
}

#[test]
fn an_operators_certificate_does_not_make_a_server() {
    let pki = Pki::new();
    std::fs::copy(pki.certs.operator_certificate("admin"), pki.certs.server_certificate()).unwrap();
    std::fs::copy(pki.certs.operator_key("admin"), pki.certs.server_key()).unwrap();
    let client = user_client(&Trust::Pin(pki.pin())).unwrap();
    let outcome = shake(&client, &user_server(&pki.identity()).unwrap(), "localhost");
    assert!(outcome.client_error.is_some());
}

#[test]
fn a_peer_that_offers_no_protocol_is_found_out_on_both_sides() {
    let pki = Pki::new();
    let client = with_alpn(&user_client(&Trust::Pin(pki.pin())).unwrap(), &[]);
    let outcome = shake(&client, &user_server(&pki.identity()).unwrap(), "localhost");
    assert!(!alpn_was_agreed(&outcome.server, USER_ALPN));
    assert!(!alpn_was_agreed(&outcome.client, USER_ALPN));
}

#[test]
fn a_peer_with_another_protocol_is_refused() {
    let pki = Pki::new();
    let client = user_client(&Trust::Pin(pki.pin())).unwrap();
    let server = user_server(&pki.identity()).unwrap();
    for protocols in [&[ADMIN_ALPN][..], &[b"http/1.1", b"h2"], &[b"vestry/2"]] {
        let outcome = shake(&with_alpn(&client, protocols), &server, "localhost");
        assert_eq!(outcome.server_error, Some(Error::NoApplicationProtocol));
        assert!(outcome.client_error.is_some());
    }
    assert!(shake(&with_alpn(&client, &[b"h2", USER_ALPN]), &server, "localhost").succeeded());
}

#[test]
fn an_operator_of_this_authority_gets_in() {
    let pki = Pki::new();
    let outcome = shake(&pki.console(&pki), &admin_server(&pki.identity()).unwrap(), "127.0.0.1");
    assert!(outcome.succeeded(), "{:?} {:?}", outcome.client_error, outcome.server_error);
    assert!(alpn_was_agreed(&outcome.server, ADMIN_ALPN));
    let shown = outcome.server.peer_certificates().unwrap();
    let operator = crate::OperatorCertificate::of(&shown[0]).unwrap();
    assert_eq!((operator.name.as_str(), operator.role.as_str()), ("admin", "admin"));
}

#[test]
fn the_user_protocol_is_refused_on_the_admin_port() {
    let pki = Pki::new();
    let client = with_alpn(&pki.console(&pki), &[USER_ALPN]);
    let outcome = shake(&client, &admin_server(&pki.identity()).unwrap(), "localhost");
    assert_eq!(outcome.server_error, Some(Error::NoApplicationProtocol));
}

#[test]
fn without_a_client_certificate_the_admin_port_is_closed() {
    let pki = Pki::new();
    let client = with_alpn(&user_client(&Trust::Pin(pki.pin())).unwrap(), &[ADMIN_ALPN]);
    let outcome = shake(&client, &admin_server(&pki.identity()).unwrap(), "localhost");
    assert_eq!(outcome.server_error, Some(Error::NoCertificatesPresented));
    let told = io::Error::new(io::ErrorKind::InvalidData, outcome.client_error.unwrap());
    assert!(peer_refused_our_certificate(&told));
}

#[test]
fn an_operator_of_another_authority_is_refused() {
    let (pki, other) = (Pki::new(), Pki::new());
    let outcome = shake(&other.console(&pki), &admin_server(&pki.identity()).unwrap(), "localhost");
    assert_eq!(outcome.server_error.as_ref().map(TrustFailure::of), Some(TrustFailure::UnknownIssuer));
}

#[test]
fn an_operator_with_an_expired_certificate_is_refused() {
    let pki = Pki::new();
    pki.certs.create_operator("late", "admin", OVER).unwrap();
    let (certificate, key) = (pki.certs.operator_certificate("late"), pki.certs.operator_key("late"));
    let client = console_client_from_files(&pki.certs.ca_certificate(), &certificate, &key).unwrap();
    let outcome = shake(&client, &admin_server(&pki.identity()).unwrap(), "localhost");
    assert_eq!(outcome.server_error.as_ref().map(TrustFailure::of), Some(TrustFailure::Expired));
}

#[test]
fn the_servers_certificate_does_not_make_an_operator() {
    let pki = Pki::new();
    let (certificate, key) = (pki.certs.server_certificate(), pki.certs.server_key());
    let client = console_client_from_files(&pki.certs.ca_certificate(), &certificate, &key).unwrap();
    let outcome = shake(&client, &admin_server(&pki.identity()).unwrap(), "localhost");
    assert!(matches!(outcome.server_error, Some(Error::InvalidCertificate(_))), "{:?}", outcome.server_error);
}

#[test]
fn a_console_does_not_talk_to_a_server_of_another_authority() {
    let (pki, squatter) = (Pki::new(), Pki::new());
    let outcome = shake(&pki.console(&pki), &admin_server(&squatter.identity()).unwrap(), "localhost");
    assert_eq!(outcome.failure(), Some(TrustFailure::UnknownIssuer));
}

#[test]
fn a_renewed_server_still_has_the_old_pin() {
    let pki = Pki::with_server(OVER);
    let client = user_client(&Trust::Pin(pki.pin())).unwrap();
    assert!(!shake(&client, &user_server(&pki.identity()).unwrap(), "localhost").succeeded());
    pki.certs.renew_server(&pki.certs.server_hosts().unwrap(), LONG).unwrap();
    assert!(shake(&client, &user_server(&pki.identity()).unwrap(), "localhost").succeeded());
}

#[test]
fn every_handshake_is_a_full_one() {
    let pki = Pki::new();
    let kinds = |client: &Arc<ClientConfig>, server: &Arc<ServerConfig>| {
        [(); 2].map(|()| shake(client, server, "localhost").client.handshake_kind().unwrap())
    };
    let user = kinds(&user_client(&Trust::Pin(pki.pin())).unwrap(), &user_server(&pki.identity()).unwrap());
    assert_eq!(user, [HandshakeKind::Full, HandshakeKind::Full]);
    let operator = kinds(&pki.console(&pki), &admin_server(&pki.identity()).unwrap());
    assert_eq!(operator, [HandshakeKind::Full, HandshakeKind::Full]);
}

#[test]
fn a_server_that_shows_only_itself_has_no_pin_to_match() {
    let (authority, issued_authority) = CertificateAuthority::create("Vestry CA", LONG).unwrap();
    let issued = authority.issue_server(&Hosts::parse(["localhost"]).unwrap(), LONG).unwrap();
    let leaf = rustls::pki_types::CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap();
    let verifier = crate::verifier::PinVerifier::new(
        CertificateAuthority::from_pem(&issued_authority.certificate_pem, &issued_authority.key_pem)
            .unwrap()
            .pin(),
        Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
    );
    let verified = rustls::client::danger::ServerCertVerifier::verify_server_cert(
        &verifier,
        &leaf,
        &[],
        &ServerName::try_from("localhost").unwrap(),
        &[],
        rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_600_000_000)),
    );
    let error = verified.unwrap_err();
    assert_eq!(TrustFailure::of(&error), TrustFailure::PinMismatch);
    let Error::Other(cause) = error else { panic!("another error") };
    assert_eq!(cause.0.downcast_ref(), Some(&PinMismatch { presented: None }));
}
