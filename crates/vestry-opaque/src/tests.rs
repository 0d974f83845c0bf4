//! The client's steps against the library's server side.

use super::*;
use argon2::{Algorithm, Argon2, Params, Version};
use opaque_ke::Identifiers;
use opaque_ke::generic_array::{GenericArray, typenum::U64};
use opaque_ke::ksf::Ksf;
use opaque_ke::{
    CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload, ServerLogin,
    ServerLoginParameters, ServerRegistration, ServerSetup,
};
use vestry_protocol::fields::{Password, StretchingCost};
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::Stretching;

const EXPORTER: [u8; 32] = [7; 32];

/// The floor: as little work as a client agrees to.
fn cost() -> StretchingCost {
    StretchingCost::parse(Stretching { memory_kib: 19_456, iterations: 2, parallelism: 1 }).unwrap()
}

fn password(text: &str) -> Password {
    Password::parse(&SecretText::new(text.to_owned())).unwrap()
}

fn random() -> SystemRandom {
    SystemRandom::open().unwrap()
}

/// A server with one account.
struct Registered {
    setup: ServerSetup<Suite>,
    record: ServerRegistration<Suite>,
}

fn register(text: &str) -> Registered {
    let setup = ServerSetup::<Suite>::new(&mut random());
    let (sealing, request) = SealingPassword::start_again(&password(text), &mut random()).unwrap();
    let request = RegistrationRequest::deserialize(&request).unwrap();
    let response = ServerRegistration::<Suite>::start(&setup, request, b"naman").unwrap().message.serialize();
    let envelope =
        sealing.finish(&response, cost(), &mut StretchingMemory::default(), &mut random()).unwrap();
    assert_eq!((envelope.upload.len(), envelope.stretching), (192, cost().numbers()));
    let record = ServerRegistration::finish(RegistrationUpload::deserialize(&envelope.upload).unwrap());
    Registered { setup, record }
}

fn context(exporter: &[u8; 32]) -> Vec<u8> {
    [b"VESTRY-OPAQUE-1", exporter.as_slice()].concat()
}

/// A login up to KE2, as the server of a connection with [`EXPORTER`] sees it.
fn to_ke2(registered: &Registered, text: &str) -> (ProvingPassword, Vec<u8>, ServerLogin<Suite>) {
    let (proving, ke1) = ProvingPassword::start(&password(text), &mut random()).unwrap();
    assert_eq!(ke1.len(), 96);
    let ke1 = CredentialRequest::deserialize(&ke1).unwrap();
    let context = context(&EXPORTER);
    let parameters = ServerLoginParameters { context: Some(&context), identifiers: Identifiers::default() };
    let record = Some(registered.record.clone());
    let started = ServerLogin::start(&mut random(), &registered.setup, record, ke1, b"naman", parameters);
    let started = started.unwrap();
    (proving, started.message.serialize().to_vec(), started.state)
}

#[test]
fn the_right_password_is_proven_and_a_wrong_one_is_not() {
    let registered = register("correct horse battery");
    let (proving, ke2, server) = to_ke2(&registered, "correct horse battery");
    let ke3 =
        proving.finish(&ke2, cost(), &mut StretchingMemory::default(), &EXPORTER, &mut random()).unwrap();
    assert_eq!(ke3.len(), NO_PROOF.len());
    let context = context(&EXPORTER);
    let parameters = ServerLoginParameters { context: Some(&context), identifiers: Identifiers::default() };
    server.finish(CredentialFinalization::deserialize(&ke3).unwrap(), parameters).unwrap();

    let (proving, ke2, _) = to_ke2(&registered, "correct horse batterz");
    let refused = proving.finish(&ke2, cost(), &mut StretchingMemory::default(), &EXPORTER, &mut random());
    assert_eq!(refused, Err(OpaqueError::NotProven));
}

#[test]
fn no_proof_is_refused_by_a_server() {
    let registered = register("correct horse battery");
    let (_, _, server) = to_ke2(&registered, "correct horse battery");
    let context = context(&EXPORTER);
    let parameters = ServerLoginParameters { context: Some(&context), identifiers: Identifiers::default() };
    assert!(server.finish(CredentialFinalization::deserialize(&NO_PROOF).unwrap(), parameters).is_err());
}

/// A relay holds two TLS connections, whose exporters differ.
#[test]
fn a_proof_on_another_connection_fails() {
    let registered = register("correct horse battery");
    let (proving, ke2, _) = to_ke2(&registered, "correct horse battery");
    let refused = proving.finish(&ke2, cost(), &mut StretchingMemory::default(), &[8; 32], &mut random());
    assert_eq!(refused, Err(OpaqueError::NotProven));
}

#[test]
fn a_proof_at_another_cost_fails() {
    let registered = register("correct horse battery");
    let (proving, ke2, _) = to_ke2(&registered, "correct horse battery");
    let other = StretchingCost::parse(Stretching { iterations: 3, ..cost().numbers() }).unwrap();
    assert_eq!(
        proving.finish(&ke2, other, &mut StretchingMemory::default(), &EXPORTER, &mut random()),
        Err(OpaqueError::NotProven)
    );
}

#[test]
fn a_flipped_bit_anywhere_in_ke2_fails() {
    let registered = register("correct horse battery");
    // The first and last byte of each field, and one within: element, nonce, masked response (key, nonce, tag),
    // server's nonce, server's key, tag.
    let fields = [(0, 32), (32, 64), (64, 96), (96, 128), (128, 192), (192, 224), (224, 256), (256, 320)];
    for (from, to) in fields {
        for at in [from, (from + to) / 2, to - 1] {
            let (proving, mut ke2, _) = to_ke2(&registered, "correct horse battery");
            ke2[at] ^= 1;
            let refused = proving
                .finish(&ke2, cost(), &mut StretchingMemory::default(), &EXPORTER, &mut random())
                .unwrap_err();
            assert!(matches!(refused, OpaqueError::NotProven | OpaqueError::Malformed), "{at}: {refused:?}");
        }
    }
}

#[test]
fn an_answer_of_another_length_is_malformed() {
    let registered = register("correct horse battery");
    let longer = |bytes: &[u8]| [bytes, &[0]].concat();
    let (proving, ke2, _) = to_ke2(&registered, "correct horse battery");
    assert_eq!(
        proving.finish(&longer(&ke2), cost(), &mut StretchingMemory::default(), &EXPORTER, &mut random()),
        Err(OpaqueError::Malformed)
    );
    for length in [0, 63, 64, 65, 319, 321] {
        let (proving, _, _) = to_ke2(&registered, "correct horse battery");
        let answer = vec![0xff; length];
        let refused =
            proving.finish(&answer, cost(), &mut StretchingMemory::default(), &EXPORTER, &mut random());
        assert_eq!(refused, Err(OpaqueError::Malformed), "{length}");
        let (sealing, _) =
            SealingPassword::start_again(&password("correct horse battery"), &mut random()).unwrap();
        let refused =
            sealing.finish(&answer, cost(), &mut StretchingMemory::default(), &mut random()).unwrap_err();
        assert_eq!(refused, OpaqueError::Malformed, "{length}");
    }
}

#[test]
fn a_server_that_hands_the_blinded_password_back_is_refused() {
    let registered = register("correct horse battery");
    let (sealing, request) =
        SealingPassword::start_again(&password("correct horse battery"), &mut random()).unwrap();
    let reflected = [request.as_slice(), &registered.setup.keypair().public().serialize()].concat();
    assert_eq!(
        sealing.finish(&reflected, cost(), &mut StretchingMemory::default(), &mut random()).unwrap_err(),
        OpaqueError::Malformed
    );
}

#[test]
fn stretching_is_argon2id_of_the_whole_input_under_a_salt_of_zeros() {
    let input = GenericArray::<u8, U64>::from([0x5a; 64]);
    let stretched = Stretcher::new(cost(), &mut StretchingMemory::default()).hash(input).unwrap();
    let mut expected = [0; 64];
    let params = Params::new(19_456, 2, 1, Some(64)).unwrap();
    let argon2id = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2id.hash_password_into(&[0x5a; 64], &[0; 16], &mut expected).unwrap();
    assert_eq!(stretched.as_slice(), expected);
}

#[test]
fn two_requests_for_one_password_have_nothing_in_common() {
    let request =
        || SealingPassword::start_again(&password("correct horse battery"), &mut random()).unwrap().1;
    assert_ne!(request(), request());
}

#[test]
fn memory_that_was_had_before_is_used_again_and_grows_where_it_is_too_small() {
    let registered = register("correct horse");
    let (small, large) = (19 * 1024, 20 * 1024);
    let of =
        |memory_kib| StretchingCost::parse(Stretching { memory_kib, iterations: 2, parallelism: 1 }).unwrap();
    let mut memory = StretchingMemory::reserve(of(small)).unwrap();
    memory.fill();
    for (cost, blocks) in [(cost(), small), (of(large), large), (cost(), large)] {
        let (proving, ke2, _) = to_ke2(&registered, "correct horse");
        let proven = proving.finish(&ke2, cost, &mut memory, &EXPORTER, &mut random());
        // The record was made at one of the costs.
        assert_eq!(proven.is_ok(), cost == self::cost());
        assert_eq!(memory.blocks(), usize::try_from(blocks).unwrap());
    }
}
