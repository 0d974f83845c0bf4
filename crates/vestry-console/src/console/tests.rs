//! The connection against servers that are not there, not ours, not honest, or not there any more.

use super::*;
use crate::exit::exit_for;
use crate::render::Format;
use rustls::ServerConfig;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use vestry_protocol::admin::{AdminCall, AdminReply, Cell};
use vestry_protocol::codec::{append_frame, decode};
use vestry_protocol::greeting::Greeting;
use vestry_protocol::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::typed::vestryctl;
use vestry_protocol::{Reply, Request, UnixSeconds};
use vestry_terminal::Exit;
use vestry_tls::config::admin_server;
use vestry_tls::{CertsDir, Validity};

#[expect(clippy::disallowed_methods, reason = "certificates are judged by rustls' own clock")]
fn now() -> UnixSeconds {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixSeconds::from_seconds(i64::try_from(since.as_secs()).unwrap())
}

/// A CA, a server and an operator in a folder of their own.
struct Pki(TempDir);

impl Pki {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let certs = CertsDir::at(directory.path());
        let validity = Validity { not_before: now(), days: 2 };
        certs.create_authority("test", validity).unwrap();
        certs
            .create_server(&vestry_tls::Hosts::parse(["localhost", "127.0.0.1"]).unwrap(), validity)
            .unwrap();
        certs.create_operator("admin", "admin", validity).unwrap();
        Self(directory)
    }

    fn certs(&self) -> CertsDir {
        CertsDir::at(self.0.path())
    }

    fn server_config(&self) -> Arc<ServerConfig> {
        admin_server(&self.certs().load_server().unwrap()).unwrap()
    }

    fn settings(&self, port: u16) -> Settings {
        let certs = self.certs();
        Settings {
            address: format!("127.0.0.1:{port}").parse().unwrap(),
            ca: certs.ca_certificate(),
            certificate: certs.operator_certificate("admin"),
            key: certs.operator_key("admin"),
        }
    }
}

/// What a fake server does with one connection: answers, call by call, then hangs up.
type Answers = Vec<Vec<AdminReply>>;

/// Serves one connection for each script, and says how many calls it read.
async fn serve(pki: &Pki, scripts: Vec<Answers>) -> (u16, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(pki.server_config());
    let served = tokio::spawn(async move {
        let mut calls = 0;
        for script in scripts {
            let (socket, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(socket).await {
                calls += converse(stream, script).await;
            }
        }
        calls
    });
    (port, served)
}

async fn converse(mut stream: TlsStream<TcpStream>, script: Answers) -> usize {
    let mut calls = 0;
    let mut greeting = Some(AdminReply::Greeting(Greeting::of_this_version()));
    for answers in script {
        let Some(id) = read_call(&mut stream).await else { return calls };
        calls += 1;
        let greeting = greeting.take().map(|body| Reply { id: 0, body });
        for reply in greeting.into_iter().chain(answers.into_iter().map(|body| Reply { id, body })) {
            let mut bytes = Vec::new();
            append_frame(&mut bytes, &reply, REPLY_BYTES_MAX).unwrap();
            stream.write_all(&bytes).await.unwrap();
        }
        stream.flush().await.unwrap();
    }
    let _ = stream.shutdown().await;
    calls
}

async fn read_call(stream: &mut TlsStream<TcpStream>) -> Option<u64> {
    let length = stream.read_u32().await.ok()?;
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).await.ok()?;
    Some(decode::<Request<AdminCall>, REQUEST_BYTES_MAX>(&payload).unwrap().id)
}

fn columns() -> AdminReply {
    AdminReply::Columns(vec!["name".to_owned()])
}

fn rows(names: &[&str]) -> AdminReply {
    AdminReply::Rows(names.iter().map(|name| vec![Cell::Text((*name).to_owned())]).collect())
}

fn end(rows: u64) -> AdminReply {
    AdminReply::RowsEnd(RowsEnd { rows, elapsed_us: 0, next: None })
}

fn join_string() -> Vec<AdminReply> {
    vec![AdminReply::JoinString("vestry1-x".to_owned())]
}

async fn join(console: &mut Console) -> Result<String, Failure> {
    console.read(async |client| client.join_string().await).await
}

async fn query(console: &mut Console) -> (Result<RowsEnd, Failure>, String) {
    let (mut writer, mut out) = (Format::Json.writer(None), Vec::new());
    let end = console
        .stream_rows(
            Asked::statement("select 1"),
            async |client| client.query("select name from accounts").await,
            writer.as_mut(),
            &mut out,
        )
        .await;
    (end, String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn rows_are_written_and_the_connection_is_kept() {
    let pki = Pki::new();
    let script = vec![vec![columns(), rows(&["a", "b"]), rows(&["c"]), end(3)], join_string()];
    let (port, served) = serve(&pki, vec![script]).await;
    let mut console = Console::with(pki.settings(port));
    let (result, out) = query(&mut console).await;
    assert_eq!(result.unwrap().rows, 3);
    assert_eq!(out, "[\n{\"name\":\"a\"},\n{\"name\":\"b\"},\n{\"name\":\"c\"}\n]\n");
    assert!(join(&mut console).await.is_ok());
    assert!(!console.was_reconnected());
    assert_eq!(served.await.unwrap(), 2);
}

#[tokio::test]
async fn a_query_that_breaks_off_keeps_its_rows_and_says_why() {
    let pki = Pki::new();
    let refusal = AdminReply::Refused(Refusal::new(RefusalCode::QueryLimit, "too slow"));
    let (port, _) = serve(&pki, vec![vec![vec![columns(), rows(&["a"]), refusal], join_string()]]).await;
    let mut console = Console::with(pki.settings(port));
    let (result, out) = query(&mut console).await;
    assert_eq!(exit_for(&result.unwrap_err()), Exit::BadData);
    assert_eq!(out, "[\n{\"name\":\"a\"}\n");
    assert!(join(&mut console).await.is_ok(), "the connection goes on");
}

#[tokio::test]
async fn a_backup_is_whole_only_when_the_server_says_so_and_its_length_is_right() {
    let chunk = |bytes: &[u8]| AdminReply::BackupChunk(bytes.to_vec());
    let end = |bytes| AdminReply::BackupEnd { bytes };
    let refusal = || AdminReply::Refused(Refusal::new(RefusalCode::Unavailable, "the disk is full"));
    let cases = [
        (vec![chunk(b"ab"), chunk(b""), chunk(b"c"), end(3)], None),
        (vec![chunk(b"ab"), end(3)], Some(Exit::WrongServer)),
        (vec![chunk(b"ab"), columns()], Some(Exit::WrongServer)),
        (vec![chunk(b"ab"), refusal()], Some(Exit::TryLater)),
        (vec![chunk(b"ab")], Some(Exit::Unreachable)),
    ];
    for (answers, expected) in cases {
        let pki = Pki::new();
        let (port, _) = serve(&pki, vec![vec![answers]]).await;
        let mut out = Vec::new();
        let outcome = Console::with(pki.settings(port)).stream_backup(&mut out).await;
        assert_eq!(outcome.as_ref().err().map(exit_for), expected, "{outcome:?}");
    }
}

#[tokio::test]
async fn answers_that_do_not_fit_are_refused() {
    let wide = AdminReply::Rows(vec![vec![Cell::Null, Cell::Null]]);
    let scripts = [
        vec![rows(&["a"])],
        vec![columns(), wide],
        vec![columns(), rows(&["a"]), end(2)],
        vec![columns(), columns()],
        join_string(),
    ];
    for answers in scripts {
        let pki = Pki::new();
        let (port, _) = serve(&pki, vec![vec![answers]]).await;
        let (result, out) = query(&mut Console::with(pki.settings(port))).await;
        assert_eq!(exit_for(&result.unwrap_err()), Exit::WrongServer);
        assert!(!out.ends_with("]\n"), "{out}");
    }
}

#[tokio::test]
async fn a_lost_server_is_asked_again_over_a_new_connection() {
    let pki = Pki::new();
    let (port, served) = serve(&pki, vec![vec![join_string()], vec![join_string()]]).await;
    let mut console = Console::with(pki.settings(port));
    assert!(join(&mut console).await.is_ok());
    // The end of the first connection arrives when it arrives; the call is done in either case, or was not sent.
    let second = join(&mut console).await;
    match second {
        Ok(_) => assert!(console.was_reconnected()),
        Err(failure) => {
            assert_eq!(exit_for(&failure), Exit::Unreachable);
            assert!(join(&mut console).await.is_ok());
        }
    }
    assert_eq!(served.await.unwrap(), 2);
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_not_repeated() {
    let pki = Pki::new();
    let (port, served) = serve(&pki, vec![vec![vec![]]]).await;
    let mut console = Console::with(pki.settings(port));
    let failure = console
        .change(vestryctl("account show naman"), async |client| client.delete_account("naman").await)
        .await
        .unwrap_err();
    assert!(failure.to_string().ends_with("the change may or may not have been made"), "{failure}");
    assert_eq!(failure.advice().unwrap(), "Look before you repeat it: vestryctl account show naman");
    assert_eq!(exit_for(&failure), Exit::BrokeOff);
    assert_eq!(served.await.unwrap(), 1);
}

#[tokio::test]
async fn a_server_of_another_ca_gets_nothing() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let (port, served) = serve(&theirs, vec![vec![join_string()]]).await;
    let failure = join(&mut Console::with(ours.settings(port))).await.unwrap_err();
    assert_eq!(exit_for(&failure), Exit::WrongServer);
    assert!(failure.advice().unwrap().starts_with("Nothing was sent."));
    assert_eq!(served.await.unwrap(), 0);
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_refused() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let (port, _) = serve(&theirs, vec![vec![join_string()]]).await;
    let settings = Settings { ca: theirs.certs().ca_certificate(), ..ours.settings(port) };
    let failure = join(&mut Console::with(settings)).await.unwrap_err();
    assert_eq!(exit_for(&failure), Exit::Refused, "{failure}");
}

#[tokio::test]
async fn where_nothing_listens_the_exit_code_says_so() {
    let pki = Pki::new();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let failure = join(&mut Console::with(pki.settings(port))).await.unwrap_err();
    assert_eq!(exit_for(&failure), Exit::Unreachable);
    assert!(failure.advice().unwrap().contains("vestryd serve"));
}

#[tokio::test]
async fn exposed_keys_and_missing_files_are_configuration_errors() {
    use std::os::unix::fs::PermissionsExt;
    let pki = Pki::new();
    let exposed = pki.settings(1);
    std::fs::set_permissions(&exposed.key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let failure = join(&mut Console::with(exposed)).await.unwrap_err();
    assert_eq!(exit_for(&failure), Exit::Configuration);
    assert!(failure.to_string().contains("chmod 600"), "{failure}");

    let missing = Settings { certificate: Path::new("nowhere.pem").to_owned(), ..Pki::new().settings(1) };
    let failure = join(&mut Console::with(missing)).await.unwrap_err();
    assert_eq!(exit_for(&failure), Exit::Configuration);
}
