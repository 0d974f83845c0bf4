//! OPAQUE (RFC 9807), the server's half: ristretto255, TripleDH, SHA-512. The password never gets here.
//!
//! ```text
//!  registration   request ──▶ evaluate ──▶ response        envelope ──▶ record
//!  login          KE1 ──▶ start_login ──▶ KE2, Exchange     KE3 ──▶ Exchange::finish ──▶ account
//! ```
//!
//! An [`Exchange`] belongs to one connection, is used once and is short-lived. The context of the key exchange holds
//! the TLS exporter of the connection (RFC 9266), so that nobody who stands between two connections can finish one.
//! A name without a record gets the library's fake answer, under an identifier that stays the same.

use super::ristretto::FastRistretto255;
use crate::failure::Failure;
use opaque_ke::rand::{self, CryptoRng, RngCore};
use opaque_ke::{
    CipherSuite, CredentialFinalization, CredentialRequest, Identifiers, RegistrationRequest,
    RegistrationUpload, Ristretto255, ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup,
    TripleDh,
};
use sha2::{Digest, Sha256, Sha512};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use vestry_protocol::fields::{FieldError, StretchingCost};
use vestry_protocol::limits::{
    EXPORTER_BYTES, OPAQUE_CONTEXT, OPAQUE_KE1_BYTES, OPAQUE_KE3_BYTES, OPAQUE_REQUEST_BYTES,
    OPAQUE_UPLOAD_BYTES,
};
use vestry_protocol::user::{Envelope, Stretching};
use vestry_store::AccountId;
use zeroize::Zeroizing;

/// A client on a slow machine stretches for seconds; nobody needs a minute.
const EXCHANGE_LIFETIME: Duration = Duration::from_secs(60);

/// The first byte of a record says how the rest is read.
const RECORD_FORMAT: u8 = 1;

/// The configuration of RFC 9807. Stretching is the client's; the server never does it.
struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<FastRistretto255, Sha512>;
    type Ksf = opaque_ke::ksf::Identity;
}

/// The server's OPAQUE key: the seed of every account's OPRF key, and a key pair. Cloning shares it.
#[derive(Clone)]
pub struct OpaqueKey {
    setup: Arc<ServerSetup<Suite>>,
    /// A record that is nobody's, to do the same work for a name without one.
    decoy: Arc<[u8]>,
}

impl OpaqueKey {
    /// A new key, as the bytes of its file.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut random = SystemRandom::default();
        let setup = ServerSetup::<Suite>::new(&mut random);
        random.checked(Zeroizing::new(setup.serialize().to_vec()))
    }

    /// From the bytes of its file; `None` when they are no key.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let setup = ServerSetup::<Suite>::deserialize(bytes).ok()?;
        let mut upload = setup.keypair().public().serialize().to_vec();
        upload.resize(OPAQUE_UPLOAD_BYTES, 0);
        let identifier = "nobody-in-particular".to_owned();
        let decoy = OpaqueRecord { cost: StretchingCost::default(), identifier, upload }.to_bytes();
        ServerRegistration::<Suite>::deserialize(&OpaqueRecord::read(&decoy)?.upload).ok()?;
        Some(Self { setup: Arc::new(setup), decoy: decoy.into() })
    }

    /// What names this key in public: the hash of its public half.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = Sha256::digest(self.setup.keypair().public().serialize());
        data_encoding::HEXLOWER.encode(digest.get(..8).unwrap_or_default())
    }

    /// Evaluates the blinded password of a new credential.
    ///
    /// # Errors
    /// When the request is not one.
    pub fn evaluate(&self, identifier: &str, request: &[u8]) -> Result<Vec<u8>, Failure> {
        let request = of_length(request, OPAQUE_REQUEST_BYTES, "registration request")?;
        let request =
            RegistrationRequest::deserialize(request).map_err(|_| not_opaque("registration request"))?;
        let started = ServerRegistration::<Suite>::start(&self.setup, request, identifier.as_bytes());
        Ok(started.map_err(|_| not_opaque("registration request"))?.message.serialize().to_vec())
    }

    /// Answers KE1: KE2, what stretching costs, and what must be remembered until KE3. A name without a record gets a
    /// fake answer after the same work: reading a record takes ten microseconds, which 2,000 tries would show.
    ///
    /// # Errors
    /// When KE1 is not one.
    pub fn start_login(
        &self,
        identifier: &str,
        account: Option<AccountId>,
        record: Option<&[u8]>,
        ke1: &[u8],
        exporter: &[u8; EXPORTER_BYTES],
    ) -> Result<(Vec<u8>, Stretching, Exchange), Failure> {
        let ke1 = of_length(ke1, OPAQUE_KE1_BYTES, "KE1")?;
        let ke1 = CredentialRequest::deserialize(ke1).map_err(|_| not_opaque("KE1"))?;
        let damaged = Failure::Internal("an OPAQUE record is damaged");
        let own = record.and_then(OpaqueRecord::read);
        let is_real = own.is_some();
        let Some(record) = own.or_else(|| OpaqueRecord::read(&self.decoy)) else { return Err(damaged) };
        let stretching = record.cost.numbers();
        let identifier = if is_real { record.identifier.clone() } else { identifier.to_owned() };
        let Ok(registration) = ServerRegistration::deserialize(&record.upload) else { return Err(damaged) };
        let registration = std::hint::black_box(Some(registration)).filter(|_| is_real);
        let context = context_of(exporter);
        let mut random = SystemRandom::default();
        let parameters = parameters(&context);
        let started = ServerLogin::start(
            &mut random,
            &self.setup,
            registration,
            ke1,
            identifier.as_bytes(),
            parameters,
        )
        .map_err(|_| not_opaque("KE1"))?;
        let proves = account.zip(std::hint::black_box(Some(record.to_bytes())).filter(|_| is_real));
        let exchange =
            Exchange { state: started.state, proves, deadline: Instant::now() + EXCHANGE_LIFETIME };
        random.checked((started.message.serialize().to_vec(), stretching, exchange))
    }
}

/// A login between KE2 and KE3. Used up by [`Exchange::finish`].
pub struct Exchange {
    state: ServerLogin<Suite>,
    /// Whose password it would prove, and by which record; nothing for a fake one.
    proves: Option<(AccountId, Vec<u8>)>,
    deadline: Instant,
}

impl Exchange {
    /// Whose password was proven and by which record; `None` for a wrong password, a fake record, or too late.
    #[must_use]
    pub fn finish(self, ke3: &[u8], exporter: &[u8; EXPORTER_BYTES]) -> Option<(AccountId, Vec<u8>)> {
        let ke3 = of_length(ke3, OPAQUE_KE3_BYTES, "KE3").ok()?;
        let ke3 = CredentialFinalization::deserialize(ke3).ok()?;
        let context = context_of(exporter);
        self.state.finish(ke3, parameters(&context)).ok()?;
        self.proves.filter(|_| Instant::now() < self.deadline)
    }
}

/// What is stored for an account: the upload, what stretching costs, and the identifier that its OPRF key was made
/// under, so that a renamed account keeps its password.
pub struct OpaqueRecord {
    cost: StretchingCost,
    identifier: String,
    upload: Vec<u8>,
}

impl OpaqueRecord {
    /// From what a client sent.
    ///
    /// # Errors
    /// When the upload is not one, or its cost out of bounds.
    pub fn from_envelope(identifier: &str, envelope: &Envelope) -> Result<Self, Failure> {
        let cost = StretchingCost::parse(envelope.stretching)?;
        let upload = of_length(&envelope.upload, OPAQUE_UPLOAD_BYTES, "upload")?;
        let upload = RegistrationUpload::<Suite>::deserialize(upload).map_err(|_| not_opaque("upload"))?;
        let upload = ServerRegistration::finish(upload).serialize().to_vec();
        Ok(Self { cost, identifier: identifier.to_owned(), upload })
    }

    /// As it is stored: format, cost, length of the identifier, identifier, upload.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Stretching { memory_kib, iterations, parallelism } = self.cost.numbers();
        let mut bytes = vec![RECORD_FORMAT];
        for number in [memory_kib, iterations, parallelism] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.push(u8::try_from(self.identifier.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(self.identifier.as_bytes());
        bytes.extend_from_slice(&self.upload);
        bytes
    }

    /// From how it is stored; `None` for what this version did not write.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (&RECORD_FORMAT, rest) = bytes.split_first()? else { return None };
        let (memory_kib, rest) = rest.split_first_chunk()?;
        let (iterations, rest) = rest.split_first_chunk()?;
        let (parallelism, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (identifier, upload) = rest.split_at_checked(usize::from(*length))?;
        let number = |bytes: &[u8; 4]| u32::from_be_bytes(*bytes);
        let stretching = Stretching {
            memory_kib: number(memory_kib),
            iterations: number(iterations),
            parallelism: number(parallelism),
        };
        let cost = StretchingCost::parse(stretching).ok()?;
        Some(Self { cost, identifier: String::from_utf8(identifier.to_vec()).ok()?, upload: upload.to_vec() })
    }
}

fn context_of(exporter: &[u8; EXPORTER_BYTES]) -> Vec<u8> {
    [OPAQUE_CONTEXT, exporter.as_slice()].concat()
}

fn parameters(context: &[u8]) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters { context: Some(context), identifiers: Identifiers::default() }
}

/// The library reads what it needs and leaves the rest; here a message has exactly its length.
fn of_length<'a>(bytes: &'a [u8], length: usize, what: &'static str) -> Result<&'a [u8], Failure> {
    if bytes.len() == length { Ok(bytes) } else { Err(not_opaque(what)) }
}

fn not_opaque(what: &'static str) -> Failure {
    FieldError { field: "opaque", rule: format!("this is not a valid {what} (RFC 9807)") }.into()
}

/// The system's random bytes for a library that cannot be told that there are none: it is given something (zeros would
/// make it look for a scalar for ever), and [`SystemRandom::checked`] throws the result away.
#[derive(Default)]
struct SystemRandom {
    failed: bool,
}

impl SystemRandom {
    fn checked<T>(&self, made: T) -> Result<T, Failure> {
        if self.failed { Err(Failure::Internal("the system has no random bytes")) } else { Ok(made) }
    }
}

impl RngCore for SystemRandom {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            self.failed = true;
            bytes.fill(0x5a);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for SystemRandom {}

#[cfg(test)]
mod tests {
    use super::*;
    use opaque_ke::{
        ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
        CredentialResponse, RegistrationResponse,
    };

    const EXPORTER: [u8; 32] = [7; 32];

    /// As the client has it: the library's own group.
    struct ClientSuite;

    impl CipherSuite for ClientSuite {
        type OprfCs = Ristretto255;
        type KeyExchange = TripleDh<Ristretto255, Sha512>;
        type Ksf = opaque_ke::ksf::Identity;
    }

    fn key() -> OpaqueKey {
        OpaqueKey::from_bytes(&OpaqueKey::generate().unwrap()).unwrap()
    }

    fn register(key: &OpaqueKey, name: &str, password: &[u8]) -> OpaqueRecord {
        let mut random = SystemRandom::default();
        let started = ClientRegistration::<ClientSuite>::start(&mut random, password).unwrap();
        let response = key.evaluate(name, &started.message.serialize()).unwrap();
        let response = RegistrationResponse::deserialize(&response).unwrap();
        let finished = started
            .state
            .finish(&mut random, password, response, ClientRegistrationFinishParameters::default())
            .unwrap();
        let stretching = StretchingCost::default().numbers();
        let envelope = Envelope { upload: finished.message.serialize().to_vec(), stretching };
        OpaqueRecord::from_envelope(name, &envelope).unwrap()
    }

    /// A login up to KE3 over connections with these exporters; nothing when the client finds that it failed.
    fn up_to_ke3(
        key: &OpaqueKey,
        record: Option<OpaqueRecord>,
        password: &[u8],
        exporters: (&[u8; 32], &[u8; 32]),
    ) -> Option<(Exchange, Vec<u8>)> {
        let mut random = SystemRandom::default();
        let started = ClientLogin::<ClientSuite>::start(&mut random, password).unwrap();
        let account = record.as_ref().map(|_| test_account());
        let stored = record.map(|record| record.to_bytes());
        let (ke2, _, exchange) = key
            .start_login("naman", account, stored.as_deref(), &started.message.serialize(), exporters.1)
            .unwrap();
        let ke2 = CredentialResponse::deserialize(&ke2).unwrap();
        let context = context_of(exporters.0);
        let parameters = ClientLoginFinishParameters::new(Some(&context), Identifiers::default(), None);
        let finished = started.state.finish(&mut random, password, ke2, parameters).ok()?;
        Some((exchange, finished.message.serialize().to_vec()))
    }

    /// Whether a client that types this password gets through, over connections with these exporters.
    fn logs_in(
        key: &OpaqueKey,
        record: Option<OpaqueRecord>,
        password: &[u8],
        exporters: (&[u8; 32], &[u8; 32]),
    ) -> bool {
        up_to_ke3(key, record, password, exporters)
            .is_some_and(|(exchange, ke3)| exchange.finish(&ke3, exporters.1).is_some())
    }

    fn test_account() -> AccountId {
        AccountId::for_tests(1)
    }

    #[tokio::test]
    async fn the_right_password_gets_through_and_nothing_else_does() {
        let key = key();
        let record = || Some(register(&key, "naman", b"right"));
        let same = (&EXPORTER, &EXPORTER);
        assert!(logs_in(&key, record(), b"right", same));
        assert!(!logs_in(&key, record(), b"wrong", same));
        assert!(!logs_in(&key, None, b"right", same));
        assert!(!logs_in(&self::key(), record(), b"right", same), "with another server key");
    }

    #[tokio::test]
    async fn sec_0028_an_exchange_does_not_cross_from_one_connection_to_another() {
        let key = key();
        let record = Some(register(&key, "naman", b"right"));
        assert!(!logs_in(&key, record, b"right", (&EXPORTER, &[8; 32])));
    }

    #[tokio::test]
    async fn an_exchange_ends_a_minute_after_it_began_at_the_latest() {
        let key = key();
        let record = Some(register(&key, "naman", b"right"));
        let before = Instant::now();
        let (mut exchange, ke3) = up_to_ke3(&key, record, b"right", (&EXPORTER, &EXPORTER)).unwrap();
        let lifetime = Duration::from_secs(60);
        assert!((before + lifetime..=Instant::now() + lifetime).contains(&exchange.deadline));
        exchange.deadline = Instant::now();
        assert_eq!(exchange.finish(&ke3, &EXPORTER), None);
    }

    #[tokio::test]
    async fn a_fake_answer_has_the_size_and_the_cost_of_a_real_one() {
        let key = key();
        let started = ClientLogin::<ClientSuite>::start(&mut SystemRandom::default(), b"x").unwrap();
        let ke1 = started.message.serialize();
        let record = register(&key, "naman", b"right");
        let (real, cost, _) = key
            .start_login("naman", Some(test_account()), Some(&record.to_bytes()), &ke1, &EXPORTER)
            .unwrap();
        let (fake, fake_cost, _) = key.start_login("nobody", None, None, &ke1, &EXPORTER).unwrap();
        assert_eq!((real.len(), cost), (fake.len(), fake_cost));
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_no_other_bytes_are() {
        let record = register(&key(), "naman", b"right");
        let bytes = record.to_bytes();
        assert_eq!(OpaqueRecord::read(&bytes).unwrap().to_bytes(), bytes);
        for cut in 0..18 {
            assert!(OpaqueRecord::read(&bytes[..cut]).is_none(), "{cut}");
        }
        let mut other = bytes;
        other[0] = 2;
        assert!(OpaqueRecord::read(&other).is_none());
    }

    #[test]
    fn what_is_no_message_of_opaque_is_a_bad_field() {
        let key = key();
        for length in [0, 31, 33, 96, 1000] {
            assert!(matches!(key.evaluate("naman", &vec![0xff; length]), Err(Failure::Field(_))), "{length}");
        }
        assert!(key.start_login("naman", None, None, &[0xff; 96], &EXPORTER).is_err());
    }
}
