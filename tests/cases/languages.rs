//! Clients in other languages, written from `docs/PROTOCOL.md` and the vectors alone, against the real server: one in Python,
//! which speaks both ports, and one in JavaScript for the user port, which keeps every MUST of a client. What of them needs no
//! server is in `vectors`.

use rustix::process::Signal;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use vestry_tests::harness::Server;
use vestry_tests::languages::{JAVASCRIPT, Language, PYTHON};
use vestry_tests::programs::Person;
use vestry_tests::vectors;

/// The ends of a server as both clients take them: the user port, and the admin port with an operator's certificate.
fn ends(server: &Server) -> Vec<String> {
    let certs = server.certs();
    let files = [certs.ca_certificate(), certs.operator_certificate("admin"), certs.operator_key("admin")];
    let [authority, certificate, key] = files.map(|path| path.to_str().unwrap().to_owned());
    let (user, admin) = (server.user.port().to_string(), server.admin.port().to_string());
    vec!["127.0.0.1".to_owned(), user, authority, admin, certificate, key]
}

fn play(language: Language, what: &[&str]) -> Option<String> {
    let mut command = language.command()?;
    let server = Server::start();
    Some(said(command.args(what).args(ends(&server))))
}

fn said(command: &mut Command) -> String {
    let played = command.output().unwrap();
    let said =
        String::from_utf8_lossy(&played.stdout).into_owned() + &String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{said}");
    said
}

#[test]
fn a_client_written_in_python_from_the_document_alone_plays_the_tour() {
    let Some(said) = play(PYTHON, &["tour"]) else { return };
    assert!(said.lines().count() >= 12, "{said}");
}

/// What each call is refused with, in which order, and what it uses up: as the document says.
#[track_caller]
fn every_conversation_goes_as_it_is_written(language: Language) {
    let folder = vectors::root();
    let files = std::fs::read_dir(folder.join("conversations")).unwrap().count();
    let Some(said) = play(language, &["converse", folder.to_str().unwrap()]) else { return };
    assert_eq!((said.lines().count(), files), (files, 9), "{said}");
}

#[test]
fn every_conversation_of_the_vectors_goes_as_it_is_written() {
    every_conversation_goes_as_it_is_written(PYTHON);
}

#[test]
fn every_conversation_goes_as_it_is_written_for_a_client_in_javascript() {
    every_conversation_goes_as_it_is_written(JAVASCRIPT);
}

/// One run of `life`, as the person of `store`.
fn life(server: &Server, store: &Path, options: &[&str]) -> Option<String> {
    let join_string = Person::new().vestryctl(server, &["join-string"]).out;
    let port = server.user.port().to_string();
    let mut node = JAVASCRIPT.command()?;
    node.args(["life", "127.0.0.1", &port, join_string.trim(), "--store"]).arg(store).args(options);
    node.env("LIFE_NAME", "naman").env("LIFE_PASSWORD", "sofa lantern 7 quiet harbour");
    Some(said(&mut node))
}

#[test]
fn an_account_lives_from_its_registration_to_its_deletion_in_javascript() {
    let server = Server::start();
    let folder = TempDir::new().unwrap();
    let Some(said) = life(&server, &folder.path().join("store"), &[]) else { return };
    assert!(said.ends_with("a whole life\n"), "{said}");
}

#[test]
fn the_record_of_a_client_in_javascript_moves_to_a_new_key_of_the_server() {
    let folder = TempDir::new().unwrap();
    let store = folder.path().join("store");
    let server = Server::start();
    if life(&server, &store, &["--stay"]).is_none() {
        return;
    }
    server.signal(Signal::TERM);
    let data = server.shared_folder();
    server.talk_after_stop();
    let at = data.path().to_str().unwrap();
    Person::new().run("vestryd", &["secrets", "rotate", "opaque", "--data-dir", at], "").ended_with(0);
    let server = Server::start_in(data);
    let said = life(&server, &store, &["--return"]).unwrap();
    assert!(said.contains("asked to move the record: true"), "{said}");
    assert!(!said.contains("record moved at null"), "{said}");
    assert!(said.ends_with("a whole life\n"), "{said}");
}
