//! The OPAQUE exchanges replay byte for byte: with the library alone, and as far as they can be fed known bytes, with
//! the two halves that the programs are made of. The RFC's own exchange shows that the configuration is the RFC's.

use data_encoding::HEXLOWER;
use opaque_ke::errors::ProtocolError;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::process::Command;
use vestry_opaque::{OpaqueError, ProvingPassword, SealingPassword, StretchingMemory};
use vestry_protocol::fields::{Password, StretchingCost};
use vestry_protocol::secret::SecretText;
use vestry_server::clock::Clock;
use vestry_server::credentials::{Blinded, OpaqueKey};
use vestry_server::gate::{AttemptKind, Gate};
use vestry_server::names::Target;
use vestry_server::settings::Settings;
use vestry_server::source::Source;
use vestry_store::{ChainKey, OprfId, Store, StoreLimits};
use vestry_tests::vectors::crafted::{self, RefusedIdentities};
use vestry_tests::vectors::known::{KnownBytes, stream};
use vestry_tests::vectors::refused::{self, RefusedCosts, RefusedRegistrations};
use vestry_tests::vectors::replay::{
    self, Contexts, FOUR_LANES, Hex, LOGIN, REFUSED, RFC_9807, Refused, RefusedLogin, Replay, made,
    made_with_four_lanes, read,
};
use vestry_tests::vectors::root;

const EACH: [&str; 3] = [LOGIN, FOUR_LANES, RFC_9807];

/// What the server's key draws before anybody registers: two scalars and a seed of 64 bytes each.
const DRAWN_FOR_THE_KEY: usize = 192;
/// What a client draws to seal its password: a scalar and a nonce.
const DRAWN_FOR_THE_PASSWORD: usize = 96;

fn contexts(replay: &Replay) -> Contexts<'_> {
    Contexts { client: &replay.inputs.context.0, server: &replay.inputs.context.0 }
}

fn cost(replay: &Replay) -> StretchingCost {
    StretchingCost::parse(replay.stretching.unwrap()).unwrap()
}

/// What the client's half makes of an answer to its first half of this login.
fn finished(replay: &Replay, exporter: &Hex, ke2: &Hex) -> Result<Vec<u8>, OpaqueError> {
    let mut random = KnownBytes::new(stream().skip(DRAWN_FOR_THE_KEY + DRAWN_FOR_THE_PASSWORD));
    let (proving, ke1) = ProvingPassword::start(&typed_password(), &mut random).unwrap();
    assert_eq!(ke1, replay.outputs.ke1.0);
    let exporter = exporter.0.as_slice().try_into().unwrap();
    proving.finish(&ke2.0, cost(replay), &mut StretchingMemory::default(), exporter, &mut random)
}

/// As somebody types it whose keyboard sends the diaeresis behind its letter.
fn typed_password() -> Password {
    Password::parse(&SecretText::new("correct horse ba\u{308}ttery staple".to_owned())).unwrap()
}

/// A folder that lost its files would pass every test that walks it.
#[test]
fn the_folder_of_exchanges_holds_exactly_those_that_are_replayed() {
    let folder = std::fs::read_dir(root().join("opaque")).unwrap();
    let files: BTreeSet<String> =
        folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let wanted = EACH.map(|name| format!("{}.json", name.trim_start_matches("opaque/")));
    assert_eq!(files, BTreeSet::from(wanted));
}

#[test]
fn each_exchange_replays_byte_for_byte_from_its_inputs() {
    for name in EACH {
        let replay = read(name).unwrap();
        assert_eq!(replay.again(contexts(&replay)).unwrap(), replay.outputs, "{name}");
    }
}

/// An exporter of another connection on either side: somebody stands between the two.
#[test]
fn an_exchange_does_not_finish_when_the_two_sides_have_different_contexts() {
    let replay = read(LOGIN).unwrap();
    let ours = &replay.inputs.context.0;
    for at in [0, ours.len() - 1] {
        let mut other = ours.clone();
        other[at] ^= 1;
        for contexts in [Contexts { client: ours, server: &other }, Contexts { client: &other, server: ours }]
        {
            assert!(matches!(replay.again(contexts), Err(ProtocolError::InvalidLoginError)), "{at}");
        }
    }
}

/// Every input that is secret or random goes into what is sent: with another one, other bytes come out.
#[test]
fn an_exchange_with_one_other_input_has_other_outputs() {
    let replay = read(RFC_9807).unwrap();
    let fields: [fn(&mut replay::Inputs) -> &mut replay::Hex; 11] = [
        |inputs| &mut inputs.password,
        |inputs| &mut inputs.credential_identifier,
        |inputs| &mut inputs.oprf_seed,
        |inputs| &mut inputs.blind_registration,
        |inputs| &mut inputs.envelope_nonce,
        |inputs| &mut inputs.blind_login,
        |inputs| &mut inputs.client_keyshare_seed,
        |inputs| &mut inputs.client_nonce,
        |inputs| &mut inputs.masking_nonce,
        |inputs| &mut inputs.server_keyshare_seed,
        |inputs| &mut inputs.server_nonce,
    ];
    for (at, field) in fields.into_iter().enumerate() {
        let mut other = replay.clone();
        field(&mut other.inputs).0[0] ^= 1;
        assert_ne!(other.again(contexts(&replay)).unwrap(), replay.outputs, "{at}");
    }
}

#[test]
fn our_exchange_was_made_with_the_stream_of_the_readme() {
    let first = Sha256::digest(b"VESTRY-OPAQUE-VECTOR-1\0\0\0\0\0\0\0\0");
    let second = Sha256::digest(b"VESTRY-OPAQUE-VECTOR-1\0\0\0\0\0\0\0\x01");
    assert_eq!(stream().take(64).collect::<Vec<u8>>(), [first, second].concat());
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains(&HEXLOWER.encode(&first)));
    assert_eq!(read(LOGIN).unwrap(), made());
    assert_eq!(read(FOUR_LANES).unwrap(), made_with_four_lanes());
}

#[test]
fn the_context_is_the_label_and_the_exporter_of_the_connection() {
    let inputs = read(LOGIN).unwrap().inputs;
    assert_eq!(inputs.context.0, [b"VESTRY-OPAQUE-1".as_slice(), &inputs.exporter.unwrap().0].concat());
}

/// The parts of the RFC's upload are the ones that it names on the way.
#[test]
fn the_rfcs_upload_is_a_public_key_a_masking_key_and_an_envelope() {
    let Replay { intermediates, outputs, .. } = read(RFC_9807).unwrap();
    let parts = ["client_public_key", "masking_key", "envelope"].map(|name| intermediates[name].0.as_slice());
    assert_eq!(outputs.registration_upload.0, parts.concat());
}

/// What `vestry` runs, with the stream as its random source.
#[test]
fn the_clients_half_writes_our_exchanges() {
    for name in [LOGIN, FOUR_LANES] {
        writes(&read(name).unwrap());
    }
}

fn writes(replay: &Replay) {
    let (outputs, password) = (&replay.outputs, typed_password());
    let mut random = KnownBytes::new(stream().skip(DRAWN_FOR_THE_KEY));
    let (sealing, request) = SealingPassword::start_again(&password, &mut random).unwrap();
    assert_eq!(request, outputs.registration_request.0);
    let envelope = sealing
        .finish(&outputs.registration_response.0, cost(replay), &mut StretchingMemory::default(), &mut random)
        .unwrap();
    assert_eq!(
        (envelope.upload, Some(envelope.stretching)),
        (outputs.registration_upload.0.clone(), replay.stretching)
    );
    let (proving, ke1) = ProvingPassword::start(&password, &mut random).unwrap();
    assert_eq!(ke1, outputs.ke1.0);
    let exporter = replay.inputs.exporter.as_ref().unwrap().0.as_slice().try_into().unwrap();
    let ke3 = proving
        .finish(&outputs.ke2.0, cost(replay), &mut StretchingMemory::default(), exporter, &mut random)
        .unwrap();
    assert_eq!(ke3, outputs.ke3.0);
}

/// What `vestry` makes of answers that a server may not give, or that are not for it.
#[test]
fn the_clients_half_gives_up_each_login_that_opens_nothing() {
    let replay = read(LOGIN).unwrap();
    let file = std::fs::read(root().join(format!("{REFUSED}.json"))).unwrap();
    let refused: Refused = serde_json::from_slice(&file).unwrap();
    assert_eq!(refused, replay::refused());
    let right = RefusedLogin {
        shows: "the right answer".to_owned(),
        exporter: replay.inputs.exporter.clone().unwrap(),
        ke2: replay.outputs.ke2.clone(),
    };
    for (case, opens) in refused.cases.into_iter().map(|case| (case, false)).chain([(right, true)]) {
        let finished = finished(&replay, &case.exporter, &case.ke2);
        assert_eq!(finished.is_ok(), opens, "{}", case.shows);
    }
}

/// The same for somebody who has the record: the library would take each of them, were it not for the envelope.
#[test]
fn the_clients_half_gives_up_each_login_of_somebody_with_the_record() {
    let replay = read(LOGIN).unwrap();
    let made: Refused = file_of(refused::RECORD);
    assert_eq!(made, refused::of_record());
    for case in made.cases {
        let finished = finished(&replay, &case.exporter, &case.ke2);
        assert_eq!(finished.err(), Some(OpaqueError::NotProven), "{}", case.shows);
    }
}

/// A client without the check would go on: the Python implementation shows it.
#[test]
fn the_clients_half_gives_up_each_login_with_the_identity() {
    let replay = read(LOGIN).unwrap();
    assert_eq!(crafted::honest_ke2(), replay.outputs.ke2.0);
    let made: RefusedIdentities = file_of(crafted::IDENTITY);
    assert_eq!(made, crafted::identities());
    assert_eq!(made.cases.len(), 3);
    for case in made.cases {
        let finished = finished(&replay, &case.exporter, &case.ke2);
        assert!(finished.is_err(), "{}", case.shows);
    }
}

#[test]
fn the_clients_half_gives_up_each_new_password_that_seals_nothing() {
    let replay = read(LOGIN).unwrap();
    let made: RefusedRegistrations = file_of(refused::REGISTRATION);
    assert_eq!(made, refused::registrations());
    let right = replay.outputs.registration_response.0.clone();
    let wrong = made.cases.into_iter().map(|case| (case.shows, case.response.0, false));
    for (shows, response, seals) in wrong.chain([("the right answer".to_owned(), right, true)]) {
        let mut random = KnownBytes::new(stream().skip(DRAWN_FOR_THE_KEY));
        let (sealing, request) = SealingPassword::start_again(&typed_password(), &mut random).unwrap();
        assert_eq!(request, replay.outputs.registration_request.0);
        let sealed = sealing.finish(&response, cost(&replay), &mut StretchingMemory::default(), &mut random);
        assert_eq!(sealed.is_ok(), seals, "{shows}");
    }
}

#[test]
fn a_client_stretches_at_a_cost_within_the_bounds_and_at_no_other() {
    let costs: RefusedCosts = file_of(refused::STRETCHING);
    assert_eq!(costs, refused::costs());
    let taken = costs.taken.into_iter().map(|cost| (cost, true));
    for (cost, is_taken) in taken.chain(costs.cases.into_iter().map(|cost| (cost, false))) {
        assert_eq!(StretchingCost::parse(cost.stretching).is_ok(), is_taken, "{}", cost.shows);
    }
}

/// A folder that lost its files would pass every test that reads it.
#[test]
fn the_folder_of_what_is_given_up_holds_exactly_the_files_that_are_read() {
    let folder = std::fs::read_dir(root().join("refused")).unwrap();
    let files: BTreeSet<String> =
        folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let read = [REFUSED, crafted::IDENTITY, refused::RECORD, refused::REGISTRATION, refused::STRETCHING];
    assert_eq!(
        files,
        BTreeSet::from(read.map(|name| format!("{}.json", name.trim_start_matches("refused/"))))
    );
}

fn file_of<T: serde::de::DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(root().join(format!("{name}.json"))).unwrap()).unwrap()
}

/// What `vestryd` runs, for an attempt that its gate admitted. Its answer to a login draws from the system, so only the other
/// one can be compared; and its identifiers have 32 bytes, so only ours can be.
#[tokio::test]
async fn the_servers_half_evaluates_the_blinded_password_of_our_exchange() {
    let folder = tempfile::tempdir().unwrap();
    let (path, chain) = (folder.path().join("vestry.db"), ChainKey::from_bytes(&[7; 32]).unwrap());
    Store::create(&path, &chain).unwrap();
    let store = Store::open(&path, StoreLimits::default(), chain).unwrap();
    let gate = Gate::start(store.clone(), Clock::system(), Settings::defaults());
    let replay = read(LOGIN).unwrap();
    let oprf_id = OprfId(replay.inputs.credential_identifier.0.as_slice().try_into().unwrap());
    let source = Source::of("192.0.2.1".parse().unwrap());
    let target = Target { oprf_id, name: String::new(), account: None };
    let admitted =
        store.look_up(move |tx| gate.admit(tx, AttemptKind::Login, &target, &source)).await.unwrap();
    let key = OpaqueKey::from_bytes(&replay.server_setup()).unwrap();
    let blinded = Blinded::parse(&replay.outputs.registration_request.0).unwrap();
    assert_eq!(key.evaluate(&admitted, oprf_id, blinded).unwrap(), replay.outputs.registration_response.0);
}

/// Written from the two RFCs; of ours, what stretching makes of the password is taken from the file.
#[test]
fn an_implementation_in_another_language_replays_each_exchange() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/vestry_opaque.py");
    let run = Command::new("python3").args(["-I", script, "replay"]).arg(root()).output();
    match run {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: there is no python3 here to run the second implementation");
        }
        run => {
            let output = run.unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
            let logins = replay::refused().cases.len()
                + refused::of_record().cases.len()
                + crafted::identities().cases.len();
            let refused = logins + refused::registrations().cases.len() + refused::costs().cases.len();
            assert_eq!(said.trim_end(), format!("{} exchanges agree, {refused} are given up", EACH.len()));
        }
    }
}

/// The table of lengths in the document is that of the messages.
#[test]
fn the_protocol_document_says_how_long_each_message_of_opaque_is() {
    let document = super::protocol_document();
    for name in EACH {
        let outputs = read(name).unwrap().outputs;
        let lengths = [
            ("RegistrationRequest", outputs.registration_request),
            ("RegistrationResponse", outputs.registration_response),
            ("RegistrationUpload", outputs.registration_upload),
            ("KE1", outputs.ke1),
            ("KE2", outputs.ke2),
            ("KE3", outputs.ke3),
        ];
        for (message, bytes) in lengths {
            let row = format!("\n| `{message}` | {} |", bytes.0.len());
            assert!(document.contains(&row), "{row:?} is missing");
        }
    }
}
