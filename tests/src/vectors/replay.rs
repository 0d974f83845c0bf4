//! Whole OPAQUE exchanges that another implementation can replay: every input, and every byte that follows from them.
//! One is ours, and its random bytes are those of a fixed stream; the other is the RFC's own.
//!
//! Both sides are played here with the library alone. Nothing of the programs takes part, and nothing is asserted: the
//! cases compare.

use super::known::{KnownBytes, stream};
use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::HEXLOWER;
use opaque_ke::errors::{InternalError, ProtocolError};
use opaque_ke::generic_array::{ArrayLength, GenericArray};
use opaque_ke::ksf::Ksf;
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, Identifiers, Ristretto255, ServerLogin, ServerLoginParameters,
    ServerRegistration, ServerSetup, TripleDh,
};
use serde::{Deserialize, Serialize};
use sha2::Sha512;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use vestry_protocol::limits::OPAQUE_CONTEXT;
use vestry_protocol::user::Stretching;

/// Ours.
pub const LOGIN: &str = "opaque/login";
/// The same at the least cost, but with four lanes.
pub const FOUR_LANES: &str = "opaque/login-four-lanes";
/// The RFC's.
pub const RFC_9807: &str = "opaque/rfc9807-3dh-ristretto255";

/// The password of ours, in normal form C; whoever types it may send the diaeresis by itself.
const PASSWORD: &str = "correct horse bättery staple";
/// What the library draws for a scalar: it reduces them modulo the order of the group.
const WIDE_SCALAR_BYTES: usize = 64;
/// What a server draws for the masking key of a fake record, even when it has a real one.
const FAKE_MASKING_KEY_BYTES: usize = 64;

/// Bytes that are hexadecimal in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hex(pub Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = data_encoding::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        HEXLOWER.decode(text.as_bytes()).map(Self)
    }
}

impl From<Hex> for String {
    fn from(bytes: Hex) -> Self {
        HEXLOWER.encode(&bytes.0)
    }
}

/// One file: a registration and a login with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// What is to be seen, in a sentence.
    pub shows: String,
    /// Where it is from.
    pub source: String,
    /// What stretching costs; nothing when the password is not stretched.
    pub stretching: Option<Stretching>,
    /// What goes in.
    pub inputs: Inputs,
    /// Values on the way, for readers who look for a mistake, or have no Argon2id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub intermediates: BTreeMap<String, Hex>,
    /// What comes out.
    pub outputs: Outputs,
}

/// Everything that an exchange depends on, by the RFC's names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// What both sides put into the transcript.
    pub context: Hex,
    /// The part of it that names a TLS connection; the RFC has none.
    pub exporter: Option<Hex>,
    /// In normal form C.
    pub password: Hex,
    /// What the server derives the account's OPRF key with.
    pub credential_identifier: Hex,
    /// What it derives it from.
    pub oprf_seed: Hex,
    /// The server's, for the key exchange.
    pub server_private_key: Hex,
    /// Its other half.
    pub server_public_key: Hex,
    /// A scalar of the client.
    pub blind_registration: Hex,
    /// Of the client.
    pub envelope_nonce: Hex,
    /// Another scalar of the client.
    pub blind_login: Hex,
    /// What the client derives its key of one exchange from.
    pub client_keyshare_seed: Hex,
    /// Of the client.
    pub client_nonce: Hex,
    /// Of the server.
    pub masking_nonce: Hex,
    /// What the server derives its key of one exchange from.
    pub server_keyshare_seed: Hex,
    /// Of the server.
    pub server_nonce: Hex,
}

/// Everything that is sent, and the keys that are the end of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// From the client.
    pub registration_request: Hex,
    /// From the server.
    pub registration_response: Hex,
    /// From the client: what the server keeps.
    pub registration_upload: Hex,
    /// From the client.
    #[serde(rename = "KE1")]
    pub ke1: Hex,
    /// From the server.
    #[serde(rename = "KE2")]
    pub ke2: Hex,
    /// From the client.
    #[serde(rename = "KE3")]
    pub ke3: Hex,
    /// The client's alone; Vestry does not use it.
    pub export_key: Hex,
    /// The same on both sides; Vestry does not use it.
    pub session_key: Hex,
}

impl Replay {
    /// Plays both sides again from the inputs alone, each with the context that it is given.
    ///
    /// # Errors
    /// When either side refuses what the other says.
    pub fn again(&self, contexts: Contexts<'_>) -> Result<Outputs, ProtocolError> {
        let inputs = &self.inputs;
        let setup = ServerSetup::deserialize(&self.server_setup())?;
        let mut random = KnownBytes::new(inputs.as_drawn());
        let play = Play {
            setup: &setup,
            password: &inputs.password.0,
            identifier: &inputs.credential_identifier.0,
            stretcher: Stretcher::of(self.stretching),
            contexts,
        };
        play.through(&mut random).map(|played| played.outputs)
    }

    /// The server's keys as the library writes them: seed, private key, and the public key of fake records, which no
    /// exchange here meets.
    #[must_use]
    pub fn server_setup(&self) -> Vec<u8> {
        let Inputs { oprf_seed, server_private_key, server_public_key, .. } = &self.inputs;
        [&oprf_seed.0[..], &server_private_key.0, &server_public_key.0].concat()
    }
}

impl Inputs {
    /// In the order in which the library draws them.
    fn as_drawn(&self) -> Vec<u8> {
        [
            &widened(&self.blind_registration),
            &self.envelope_nonce.0,
            &widened(&self.blind_login),
            &self.client_keyshare_seed.0,
            &self.client_nonce.0,
            &vec![0; FAKE_MASKING_KEY_BYTES],
            &self.masking_nonce.0,
            &self.server_keyshare_seed.0,
            &self.server_nonce.0,
        ]
        .map(Vec::as_slice)
        .concat()
    }
}

/// A scalar as wide as the library draws one: it is little-endian, so nothing is to be reduced.
fn widened(scalar: &Hex) -> Vec<u8> {
    let mut wide = scalar.0.clone();
    wide.resize(WIDE_SCALAR_BYTES, 0);
    wide
}

/// Reads one file of `tests/vectors/opaque/`.
///
/// # Errors
/// When it cannot be read, or is not a replay.
pub fn read(name: &str) -> io::Result<Replay> {
    let text = std::fs::read(super::root().join(format!("{name}.json")))?;
    serde_json::from_slice(&text).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

/// Our exchange, made anew from the stream.
#[must_use]
pub fn made() -> Replay {
    let stretching = Stretching { memory_kib: 65_536, iterations: 6, parallelism: 1 };
    made_at(stretching, "A registration and a login at the cost that every server asks for.")
}

/// The same from the same stream, at a cost that only some servers ask for.
#[must_use]
pub fn made_with_four_lanes() -> Replay {
    let stretching = Stretching { memory_kib: 19_456, iterations: 2, parallelism: 4 };
    made_at(stretching, "The same password and the same random bytes, stretched over four lanes.")
}

/// Panics when the library draws other bytes than it did.
fn made_at(stretching: Stretching, shows: &str) -> Replay {
    let identifier: Vec<u8> = (0xa0..0xc0).collect();
    let exporter: Vec<u8> = (0xe0..=0xff).collect();
    let context = [OPAQUE_CONTEXT, &exporter].concat();
    let mut random = KnownBytes::new(stream());
    let setup = ServerSetup::<Suite>::new(&mut random);
    let play = Play {
        setup: &setup,
        password: PASSWORD.as_bytes(),
        identifier: &identifier,
        stretcher: Stretcher::of(Some(stretching)),
        contexts: Contexts { client: &context, server: &context },
    };
    let played = play.through(&mut random).expect("both sides have the same context");
    let intermediates = play.stretcher.seen.take();
    let [
        _,
        oprf_seed,
        _,
        _,
        envelope_nonce,
        _,
        client_keyshare_seed,
        client_nonce,
        _,
        masking_nonce,
        server_keyshare_seed,
        server_nonce,
    ] = <[Hex; 12]>::try_from(random.into_drawn()).expect("README.md names twelve draws");
    let inputs = Inputs {
        context: Hex(context),
        exporter: Some(Hex(exporter)),
        password: Hex(PASSWORD.into()),
        credential_identifier: Hex(identifier.clone()),
        oprf_seed,
        server_private_key: Hex(setup.keypair().private().serialize().to_vec()),
        server_public_key: Hex(setup.keypair().public().serialize().to_vec()),
        blind_registration: played.blind_registration,
        envelope_nonce,
        blind_login: played.blind_login,
        client_keyshare_seed,
        client_nonce,
        masking_nonce,
        server_keyshare_seed,
        server_nonce,
    };
    Replay {
        shows: shows.to_owned(),
        source: "Vestry: the random bytes are those of the stream that README.md describes".to_owned(),
        stretching: Some(stretching),
        inputs,
        intermediates,
        outputs: played.outputs,
    }
}

pub(super) struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = Stretcher;
}

/// Argon2id, or nothing.
#[derive(Debug, Default)]
pub(super) struct Stretcher {
    cost: Option<Stretching>,
    /// What went in and what came out: the same at a registration and at a login with it.
    seen: RefCell<BTreeMap<String, Hex>>,
}

impl Stretcher {
    fn of(cost: Option<Stretching>) -> Self {
        Self { cost, ..Self::default() }
    }
}

impl Ksf for Stretcher {
    fn hash<L: ArrayLength<u8>>(
        &self,
        input: GenericArray<u8, L>,
    ) -> Result<GenericArray<u8, L>, InternalError> {
        let Some(Stretching { memory_kib, iterations, parallelism }) = self.cost else { return Ok(input) };
        let mut output = GenericArray::default();
        let params = Params::new(memory_kib, iterations, parallelism, Some(output.len()));
        let argon2id = params.map(|params| Argon2::new(Algorithm::Argon2id, Version::V0x13, params));
        let stretched = argon2id.and_then(|it| it.hash_password_into(&input, &[0; 16], &mut output));
        stretched.map_err(|_| InternalError::KsfError)?;
        let mut seen = self.seen.borrow_mut();
        seen.insert("oprf_output".to_owned(), Hex(input.to_vec()));
        seen.insert("stretched_oprf_output".to_owned(), Hex(output.to_vec()));
        Ok(output)
    }
}

/// What each side puts into its context.
#[derive(Debug, Clone, Copy)]
pub struct Contexts<'a> {
    /// The client.
    pub client: &'a [u8],
    /// The server.
    pub server: &'a [u8],
}

struct Play<'a> {
    setup: &'a ServerSetup<Suite>,
    password: &'a [u8],
    identifier: &'a [u8],
    stretcher: Stretcher,
    contexts: Contexts<'a>,
}

/// A registration: what was sent, and what the client blinded with.
struct Registered {
    blind: Hex,
    request: Hex,
    response: Hex,
    upload: Hex,
    record: ServerRegistration<Suite>,
}

/// A login: what was sent, what the client blinded with, and what it ended with.
struct LoggedIn {
    blind: Hex,
    ke1: Hex,
    ke2: Hex,
    ke3: Hex,
    export_key: Hex,
    session_key: Hex,
}

struct Played {
    blind_registration: Hex,
    blind_login: Hex,
    outputs: Outputs,
}

impl Play<'_> {
    /// A registration, and a login with what came of it. Both sides draw from one source.
    fn through(&self, random: &mut KnownBytes) -> Result<Played, ProtocolError> {
        let registered = self.register(random)?;
        let logged_in = self.log_in(random, registered.record)?;
        let outputs = Outputs {
            registration_request: registered.request,
            registration_response: registered.response,
            registration_upload: registered.upload,
            ke1: logged_in.ke1,
            ke2: logged_in.ke2,
            ke3: logged_in.ke3,
            export_key: logged_in.export_key,
            session_key: logged_in.session_key,
        };
        Ok(Played { blind_registration: registered.blind, blind_login: logged_in.blind, outputs })
    }

    fn register(&self, random: &mut KnownBytes) -> Result<Registered, ProtocolError> {
        let client = ClientRegistration::<Suite>::start(random, self.password)?;
        let (blind, request) =
            (blind_of(&client.state.serialize()), Hex(client.message.serialize().to_vec()));
        let server = ServerRegistration::start(self.setup, client.message, self.identifier)?.message;
        let response = Hex(server.serialize().to_vec());
        let parameters =
            ClientRegistrationFinishParameters::new(Identifiers::default(), Some(&self.stretcher));
        let sealed = client.state.finish(random, self.password, server, parameters)?.message;
        let upload = Hex(sealed.serialize().to_vec());
        Ok(Registered { blind, request, response, upload, record: ServerRegistration::finish(sealed) })
    }

    fn log_in(
        &self,
        random: &mut KnownBytes,
        record: ServerRegistration<Suite>,
    ) -> Result<LoggedIn, ProtocolError> {
        let Contexts { client: opening, server: seen } = self.contexts;
        let parameters =
            || ServerLoginParameters { context: Some(seen), identifiers: Identifiers::default() };
        let client = ClientLogin::<Suite>::start(random, self.password)?;
        let (blind, ke1) = (blind_of(&client.state.serialize()), Hex(client.message.serialize().to_vec()));
        let record = Some(record);
        let server =
            ServerLogin::start(random, self.setup, record, client.message, self.identifier, parameters())?;
        let ke2 = Hex(server.message.serialize().to_vec());
        let opening =
            ClientLoginFinishParameters::new(Some(opening), Identifiers::default(), Some(&self.stretcher));
        let proven = client.state.finish(random, self.password, server.message, opening)?;
        let ke3 = Hex(proven.message.serialize().to_vec());
        if server.state.finish(proven.message, parameters())?.session_key != proven.session_key {
            return Err(ProtocolError::InvalidLoginError);
        }
        let [export_key, session_key] = [proven.export_key, proven.session_key].map(|key| Hex(key.to_vec()));
        Ok(LoggedIn { blind, ke1, ke2, ke3, export_key, session_key })
    }
}

/// A client's state begins with its blind.
fn blind_of(state: &[u8]) -> Hex {
    Hex(state[..32].to_vec())
}

/// Logins that a client must give up, all behind the KE1 of [`LOGIN`] and with its password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// What is to be seen, in a sentence.
    pub shows: String,
    /// Each of them.
    pub cases: Vec<RefusedLogin>,
}

/// One answer that opens nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedLogin {
    /// What is wrong with it.
    pub shows: String,
    /// What names the connection for the client.
    pub exporter: Hex,
    /// What the server sent.
    pub ke2: Hex,
}

/// Those.
pub const REFUSED: &str = "refused/login";

/// The answers, made from [`made`].
///
/// # Panics
/// When the library does not answer for a name without a record.
#[must_use]
pub fn refused() -> Refused {
    let login = made();
    let (exporter, ke2) = (login.inputs.exporter.clone().unwrap_or_default(), login.outputs.ke2.clone());
    let case = |shows: &str, exporter: &Hex, ke2: Vec<u8>| RefusedLogin {
        shows: shows.to_owned(),
        exporter: exporter.clone(),
        ke2: Hex(ke2),
    };
    let bent = |shows: &str, at: usize| {
        let mut bytes = ke2.0.clone();
        bytes[at] ^= 1;
        case(shows, &exporter, bytes)
    };
    let replaced = |shows: &str, at: usize, part: [u8; 32]| {
        let mut bytes = ke2.0.clone();
        bytes[at..at + part.len()].copy_from_slice(&part);
        case(shows, &exporter, bytes)
    };
    let mut other = exporter.clone();
    other.0[31] ^= 1;
    let length = ke2.0.len();
    let cases = vec![
        case("Another connection on the client's side.", &other, ke2.0.clone()),
        bent("A forged MAC of the server.", length - 1),
        bent("Another nonce of the server.", 192),
        bent("A masked response that is bent.", 64),
        bent("Another masking nonce.", 32),
        replaced("An evaluated element that is the identity.", 0, [0; 32]),
        replaced("An evaluated element that is not in its canonical form.", 0, [0xff; 32]),
        replaced("A key share that is the identity.", 224, [0; 32]),
        replaced("A key share that is not in its canonical form.", 224, [0xff; 32]),
        case("A byte is missing.", &exporter, ke2.0[..length - 1].to_vec()),
        case("A byte is left over.", &exporter, [&ke2.0[..], &[0]].concat()),
        case("The fake answer for a name without a record, under the same key.", &exporter, fake_ke2(&login)),
    ];
    Refused { shows: "Answers to the KE1 of opaque/login.json that open nothing.".to_owned(), cases }
}

fn fake_ke2(login: &Replay) -> Vec<u8> {
    let setup = ServerSetup::<Suite>::deserialize(&login.server_setup()).expect("it is a server's key");
    let ke1 = opaque_ke::CredentialRequest::deserialize(&login.outputs.ke1.0).expect("it is KE1");
    let parameters =
        ServerLoginParameters { context: Some(&login.inputs.context.0), identifiers: Identifiers::default() };
    let mut random = KnownBytes::new(stream().skip(4_096));
    let identifier = &login.inputs.credential_identifier.0;
    let started = ServerLogin::start(&mut random, &setup, None, ke1, identifier, parameters);
    started.expect("a fake record is answered for").message.serialize().to_vec()
}
