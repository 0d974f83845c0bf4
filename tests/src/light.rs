//! A client that says that it stretches and does not. The server cannot tell, and the machine that both share does
//! not spend its time on the client.

use crate::exchanges::{cheap, finish_login};
use crate::harness::{PASSWORD, Server, UserWire};
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, Identifiers, RegistrationResponse, Ristretto255,
    TripleDh,
};
use vestry_opaque::SystemRandom;
use vestry_protocol::limits::OPAQUE_CONTEXT;
use vestry_protocol::user::{Envelope, Profile, UserCall, UserReply};

struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = opaque_ke::ksf::Identity;
}

/// An account whose password is not stretched.
pub async fn register(server: &Server, name: &str) {
    let (mut wire, mut random) = (server.connect().await, SystemRandom::open().expect("random bytes"));
    let name = name.to_owned();
    let started = ClientRegistration::<Suite>::start(&mut random, PASSWORD.as_bytes()).expect("a request");
    let request = started.message.serialize().to_vec();
    let call = UserCall::StartRegistration { name: name.clone(), request };
    let UserReply::RegistrationStarted { response, .. } = wire.call(call).await.expect("an answer") else {
        panic!("refused")
    };
    let response = RegistrationResponse::deserialize(&response).expect("a response");
    let parameters = ClientRegistrationFinishParameters::default();
    let sealed =
        started.state.finish(&mut random, PASSWORD.as_bytes(), response, parameters).expect("sealed");
    let envelope = Envelope { upload: sealed.message.serialize().to_vec(), stretching: cheap().numbers() };
    let call = UserCall::FinishRegistration { name, envelope, profile: Profile::default() };
    wire.call(call).await.expect("an answer");
}

/// A login to such an account.
pub async fn log_in(wire: &mut UserWire, name: &str) -> UserReply {
    let mut random = SystemRandom::open().expect("random bytes");
    let started = ClientLogin::<Suite>::start(&mut random, PASSWORD.as_bytes()).expect("KE1");
    let call = UserCall::StartLogin { name: name.to_owned(), ke1: started.message.serialize().to_vec() };
    let UserReply::LoginStarted { ke2, .. } = wire.call(call).await.expect("an answer") else {
        panic!("refused")
    };
    let exporter = wire.exporter().expect("an exporter");
    let context = [OPAQUE_CONTEXT, exporter.as_slice()].concat();
    let ke2 = CredentialResponse::deserialize(&ke2).expect("KE2");
    let parameters = ClientLoginFinishParameters::new(Some(&context), Identifiers::default(), None);
    let proven = started.state.finish(&mut random, PASSWORD.as_bytes(), ke2, parameters).expect("KE3");
    wire.call(finish_login(proven.message.serialize().to_vec())).await.expect("an answer")
}
