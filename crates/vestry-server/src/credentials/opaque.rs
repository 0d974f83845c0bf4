//! OPAQUE (RFC 9807), the server's half: ristretto255, TripleDH, SHA-512. The password never gets here, but in [`OpaqueKey::seal`].
//!
//! ```text
//!  new password   Blinded ──▶ evaluate ──▶ response        envelope ──▶ record
//!  login          Ke1 ──▶ start_login ──▶ KE2, Exchange     KE3 ──▶ Exchange::finish ──▶ account
//! ```
//!
//! A guess in OPAQUE is one evaluation under an account's key, whatever it is called. So both of the functions that
//! evaluate ask for an [`Admitted`]. Their messages are parsed before: what is none costs no attempt.
//!
//! An [`Exchange`] belongs to one connection, is used once and is short-lived. The context of the key exchange holds
//! the TLS exporter of the connection (RFC 9266), so that nobody who stands between two connections can finish one.
//! A name without a record gets the library's fake answer, under the identifier that an account of it would have.

use crate::failure::Failure;
use crate::gate::Admitted;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use vestry_opaque::server::{self, BlindedPassword, Record, ServerKey, Verified};
use vestry_opaque::{OpaqueError, SealingPassword, StretchingMemory, SystemRandom};
use vestry_protocol::fields::{Field, FieldError, Password, StretchingCost};
use vestry_protocol::limits::{EXPORTER_BYTES, OPAQUE_UPLOAD_BYTES};
use vestry_protocol::user::{Envelope, Stretching};
use vestry_store::{AccountId, OprfId, SealedRecord};
use zeroize::Zeroizing;

/// The first byte of a record says how the rest is read.
const RECORD_FORMAT: u8 = 1;

/// So many bytes of a digest end a record.
const CHECKSUM_BYTES: usize = 8;

/// What tells [`OpaqueKey::place_of`] from other uses of the key.
const FOLLOWS: &[u8] = b"vestry follows 1\0";

/// 2^53.
const FLOATS_BELOW_1: f64 = 9_007_199_254_740_992.0;

/// The server's OPAQUE key: the seed of every account's OPRF key, and a key pair. Cloning shares it.
#[derive(Clone)]
pub struct OpaqueKey {
    key: Arc<ServerKey>,
    /// A record that is nobody's, to do the same work for a name without one.
    decoy: Arc<[u8]>,
}

impl OpaqueKey {
    /// A new key, as the bytes of its file.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, Failure> {
        Ok(ServerKey::generate().map_err(broken)?.to_bytes())
    }

    /// From the bytes of its file; `None` when they are no key.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = ServerKey::from_bytes(bytes)?;
        let mut upload = key.public_key();
        upload.resize(OPAQUE_UPLOAD_BYTES, 0);
        let decoy = OpaqueRecord { cost: StretchingCost::default(), upload }.to_bytes();
        OpaqueRecord::read_whole(&decoy)?;
        Some(Self { key: Arc::new(key), decoy: decoy.into() })
    }

    /// What names this key in public: the hash of its public half.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = Sha256::digest(self.key.public_key());
        data_encoding::HEXLOWER.encode(digest.get(..8).unwrap_or_default())
    }

    /// Where a name without a record stands in the order in which such names follow to this key: from 0 to 1, the same for ever.
    #[must_use]
    pub fn place_of(&self, id: OprfId) -> f64 {
        let seed = self.key.to_bytes();
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(Sha256::digest(seed.as_slice())).for_each(|(to, from)| *to = from);
        let mut mac = <Hmac<Sha256> as Mac>::new((&*block).into());
        mac.update(FOLLOWS);
        mac.update(&id.0);
        let bytes: [u8; 32] = mac.finalize().into_bytes().into();
        let first = bytes.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        // The 53 bits that a float keeps.
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let place = (first >> 11) as f64;
        place / FLOATS_BELOW_1
    }

    /// Evaluates the blinded password of a new credential.
    ///
    /// # Errors
    /// When it cannot be evaluated.
    pub fn evaluate(&self, _: &Admitted, id: OprfId, blinded: Blinded) -> Result<Vec<u8>, Failure> {
        self.key.evaluate(&id.0, blinded.0).map_err(not_opaque(Field::Request))
    }

    /// Answers KE1: KE2, what stretching costs, and what must be remembered until KE3. A name without a record gets a
    /// fake answer after the same work: reading a record takes ten microseconds, which 2,000 tries would show. So does one
    /// whose record is damaged, which [`Exchange::record_is_damaged`] tells the server and nothing tells the client.
    ///
    /// # Errors
    /// When it cannot be answered.
    pub fn start_login(
        &self,
        _: &Admitted,
        id: OprfId,
        known: Option<(AccountId, SealedRecord)>,
        ke1: Ke1,
        exporter: &[u8; EXPORTER_BYTES],
    ) -> Result<(Vec<u8>, Stretching, Exchange), Failure> {
        let own = known.as_ref().and_then(|(_, record)| OpaqueRecord::read_whole(&record.bytes));
        let (is_real, record_is_damaged) = (own.is_some(), known.is_some() && own.is_none());
        let no_decoy = Failure::Internal("the OPAQUE record of nobody cannot be read");
        let (record, registration) = own.or_else(|| OpaqueRecord::read_whole(&self.decoy)).ok_or(no_decoy)?;
        let stretching = record.cost.numbers();
        let registration = std::hint::black_box(Some(registration)).filter(|_| is_real);
        let (ke2, state) =
            self.key.start_login(&id.0, registration, ke1.0, exporter).map_err(not_opaque(Field::Ke1))?;
        let proves = known.filter(|_| is_real);
        Ok((ke2, stretching, Exchange { state, proves, record_is_damaged }))
    }

    /// Seals a password that the server has in hand, as its client would: for the first login of an imported account. Takes
    /// as long as stretching does: for a hashing thread.
    ///
    /// # Errors
    /// When there is too little memory, or the system has no random bytes.
    pub fn seal(
        &self,
        admitted: &Admitted,
        id: OprfId,
        password: &Password,
    ) -> Result<OpaqueRecord, Failure> {
        let failed = |_| Failure::Internal("a password could not be sealed");
        let mut random = SystemRandom::open().map_err(broken)?;
        let (sealing, request) = SealingPassword::start_again(password, &mut random).map_err(failed)?;
        let response = self.evaluate(admitted, id, Blinded::parse(&request)?)?;
        let envelope = sealing
            .finish(&response, StretchingCost::default(), &mut StretchingMemory::default(), &mut random)
            .map_err(failed)?;
        OpaqueRecord::from_envelope(&envelope)
    }
}

/// A `RegistrationRequest`: a blinded new password.
pub struct Blinded(BlindedPassword);

impl Blinded {
    /// From what a client sent.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        BlindedPassword::parse(bytes).map(Self).map_err(not_opaque(Field::Request))
    }
}

/// KE1: a blinded password that is to be proven.
pub struct Ke1(server::Ke1);

impl Ke1 {
    /// From what a client sent.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        server::Ke1::parse(bytes).map(Self).map_err(not_opaque(Field::Ke1))
    }
}

/// A login between KE2 and KE3. Used up by [`Exchange::finish`].
pub struct Exchange {
    state: server::Exchange,
    /// Whose password it would prove, and by which record; nothing for a fake one.
    proves: Option<(AccountId, SealedRecord)>,
    record_is_damaged: bool,
}

impl Exchange {
    /// Returns whether the account has a record that cannot be read, so that no password is right.
    #[must_use]
    pub fn record_is_damaged(&self) -> bool {
        self.record_is_damaged
    }

    /// Whose password was proven and by which record; `None` for a wrong password or a fake record.
    #[must_use]
    pub fn finish(
        self,
        ke3: &[u8],
        exporter: &[u8; EXPORTER_BYTES],
    ) -> Option<(Verified, AccountId, SealedRecord)> {
        // A fake one never proves anything; it is verified all the same, so that the time does not tell.
        let verified = self.state.finish(ke3, exporter)?;
        self.proves.map(|(account, record)| (verified, account, record))
    }
}

/// What is stored for an account: the upload, and what stretching costs.
pub struct OpaqueRecord {
    cost: StretchingCost,
    upload: Vec<u8>,
}

impl OpaqueRecord {
    /// From what a client sent. The cost is the one that the server asks for: were it the client's to choose, an account
    /// at another cost could be told from a name without one, which is answered with the server's.
    ///
    /// # Errors
    /// When the upload is not one, or its cost another.
    pub fn from_envelope(envelope: &Envelope) -> Result<Self, Failure> {
        let cost = StretchingCost::default();
        if envelope.stretching != cost.numbers() {
            let rule = "its cost is not the one that the server asked for".to_owned();
            return Err(FieldError { field: Field::Stretching, rule }.into());
        }
        let record = Record::of_upload(&envelope.upload).map_err(not_opaque(Field::Upload))?;
        Ok(Self { cost, upload: record.to_bytes() })
    }

    /// As it is stored: format, cost, upload, checksum.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Stretching { memory_kib, iterations, parallelism } = self.cost.numbers();
        let mut bytes = vec![RECORD_FORMAT];
        for number in [memory_kib, iterations, parallelism] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.upload);
        bytes.extend_from_slice(&checksum(&bytes));
        bytes
    }

    /// From how it is stored; `None` for what this version did not write, or what was damaged since.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (bytes, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
        if checksum(bytes) != *sum {
            return None;
        }
        let (&RECORD_FORMAT, rest) = bytes.split_first()? else { return None };
        let (memory_kib, rest) = rest.split_first_chunk()?;
        let (iterations, rest) = rest.split_first_chunk()?;
        let (parallelism, upload) = rest.split_first_chunk()?;
        let number = |bytes: &[u8; 4]| u32::from_be_bytes(*bytes);
        let stretching = Stretching {
            memory_kib: number(memory_kib),
            iterations: number(iterations),
            parallelism: number(parallelism),
        };
        let cost = StretchingCost::parse(stretching).ok()?;
        Some(Self { cost, upload: upload.to_vec() })
    }

    /// Returns whether stored bytes are a record as it was written.
    #[must_use]
    pub fn is_readable(bytes: &[u8]) -> bool {
        Self::read_whole(bytes).is_some()
    }

    fn read_whole(bytes: &[u8]) -> Option<(Self, Record)> {
        let record = Self::read(bytes)?;
        let registration = Record::from_bytes(&record.upload).ok()?;
        Some((record, registration))
    }
}

/// Finds damage on the disk, and nothing that was done on purpose: who can write a record can write its checksum.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Sha256::digest(bytes);
    *digest.first_chunk().unwrap_or(&[0; CHECKSUM_BYTES])
}

/// For `map_err`: what a client sent in this field is no message of OPAQUE.
fn not_opaque(field: Field) -> impl FnOnce(OpaqueError) -> Failure {
    move |error| match error {
        OpaqueError::Malformed | OpaqueError::NotProven => {
            FieldError { field, rule: "this is no such message of OPAQUE (RFC 9807)".to_owned() }.into()
        }
        OpaqueError::NoMemory | OpaqueError::NotStretched | OpaqueError::NoRandomness(_) => broken(error),
    }
}

/// What failed is the machine's.
fn broken(error: OpaqueError) -> Failure {
    tracing::error!(%error, "OPAQUE broke off");
    Failure::Internal("an OPAQUE step could not be done")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::fixture::Fixture;
    use vestry_opaque::ProvingPassword;
    use vestry_opaque::unstretched::{Prover, Sealer};
    use vestry_protocol::secret::SecretText;
    use vestry_store::Generation;

    const EXPORTER: [u8; 32] = [7; 32];

    const NAMAN: OprfId = OprfId([1; 32]);

    fn key() -> OpaqueKey {
        OpaqueKey::from_bytes(&OpaqueKey::generate().unwrap()).unwrap()
    }

    fn register(admitted: &Admitted, key: &OpaqueKey, id: OprfId, password: &[u8]) -> OpaqueRecord {
        let sealer = Sealer::new(password).unwrap();
        let response = key.evaluate(admitted, id, Blinded::parse(sealer.request()).unwrap()).unwrap();
        OpaqueRecord::from_envelope(&sealer.finish(&response).unwrap()).unwrap()
    }

    /// A login up to KE3 over connections with these exporters; nothing when the client finds that it failed.
    fn up_to_ke3(
        admitted: &Admitted,
        key: &OpaqueKey,
        record: Option<&OpaqueRecord>,
        password: &[u8],
        exporters: (&[u8; 32], &[u8; 32]),
    ) -> Option<(Exchange, Vec<u8>)> {
        let prover = Prover::new(password).unwrap();
        let known = record.and_then(|record| known(&record.to_bytes()));
        let ke1 = Ke1::parse(prover.ke1()).unwrap();
        let (ke2, _, exchange) = key.start_login(admitted, NAMAN, known, ke1, exporters.1).unwrap();
        Some((exchange, prover.finish(&ke2, exporters.0).ok()?))
    }

    /// Whether a client that types this password gets through, over connections with these exporters.
    fn logs_in(
        admitted: &Admitted,
        key: &OpaqueKey,
        record: Option<&OpaqueRecord>,
        password: &[u8],
        exporters: (&[u8; 32], &[u8; 32]),
    ) -> bool {
        up_to_ke3(admitted, key, record, password, exporters)
            .is_some_and(|(exchange, ke3)| exchange.finish(&ke3, exporters.1).is_some())
    }

    fn known(record: &[u8]) -> Option<(AccountId, SealedRecord)> {
        let record = SealedRecord { bytes: record.to_vec(), generation: Generation(1) };
        Some((AccountId::for_tests(1), record))
    }

    #[tokio::test]
    async fn the_right_password_gets_through_and_nothing_else_does() {
        let (fixture, key, another) = (Fixture::new(), key(), key());
        let admitted = fixture.login("naman").await;
        let record = register(&admitted, &key, NAMAN, b"right");
        let same = (&EXPORTER, &EXPORTER);
        let gets_in = |key, record, password| logs_in(&admitted, key, record, password, same);
        assert!(gets_in(&key, Some(&record), b"right"));
        assert!(!gets_in(&key, Some(&record), b"wrong"));
        assert!(!gets_in(&key, None, b"right"));
        assert!(!gets_in(&another, Some(&record), b"right"), "with another server key");
        let elsewhere = register(&admitted, &key, OprfId([2; 32]), b"right");
        assert!(!gets_in(&key, Some(&elsewhere), b"right"), "under another identifier");
    }

    #[tokio::test]
    async fn sec_0028_an_exchange_does_not_cross_from_one_connection_to_another() {
        let (fixture, key) = (Fixture::new(), key());
        let admitted = fixture.login("naman").await;
        let record = register(&admitted, &key, NAMAN, b"right");
        assert!(!logs_in(&admitted, &key, Some(&record), b"right", (&EXPORTER, &[8; 32])));
    }

    #[tokio::test]
    async fn a_fake_answer_has_the_size_and_the_cost_of_a_real_one() {
        let (fixture, key) = (Fixture::new(), key());
        let admitted = fixture.login("naman").await;
        let prover = Prover::new(b"x").unwrap();
        let ke1 = || Ke1::parse(prover.ke1()).unwrap();
        let record = register(&admitted, &key, NAMAN, b"right").to_bytes();
        let known = known(&record);
        let (real, cost, _) = key.start_login(&admitted, NAMAN, known, ke1(), &EXPORTER).unwrap();
        let (fake, fake_cost, _) = key.start_login(&admitted, NAMAN, None, ke1(), &EXPORTER).unwrap();
        assert_eq!((real.len(), cost), (fake.len(), fake_cost));
        // What is evaluated does not tell either: the first element of KE2 is a function of identifier and KE1.
        assert_eq!(real[..32], fake[..32]);
    }

    #[tokio::test]
    async fn the_server_seals_a_password_as_a_client_would() {
        let (fixture, key) = (Fixture::new(), key());
        let admitted = fixture.login("naman").await;
        let password = Password::parse(&SecretText::new("right".to_owned())).unwrap();
        let record = key.seal(&admitted, NAMAN, &password).unwrap();
        let mut random = SystemRandom::open().unwrap();
        for (typed, gets_in) in [("right", true), ("wrong", false)] {
            let typed = Password::parse(&SecretText::new(typed.to_owned())).unwrap();
            let (proving, ke1) = ProvingPassword::start(&typed, &mut random).unwrap();
            let known = known(&record.to_bytes());
            let ke1 = Ke1::parse(&ke1).unwrap();
            let (ke2, cost, exchange) = key.start_login(&admitted, NAMAN, known, ke1, &EXPORTER).unwrap();
            let cost = StretchingCost::parse(cost).unwrap();
            let ke3 = proving.finish(&ke2, cost, &mut StretchingMemory::default(), &EXPORTER, &mut random);
            assert_eq!(ke3.is_ok_and(|ke3| exchange.finish(&ke3, &EXPORTER).is_some()), gets_in);
        }
    }

    #[tokio::test]
    async fn a_record_is_read_as_it_was_written_and_no_other_bytes_are() {
        let (fixture, key) = (Fixture::new(), key());
        let record = register(&fixture.login("naman").await, &key, NAMAN, b"right");
        let bytes = record.to_bytes();
        assert_eq!(OpaqueRecord::read(&bytes).unwrap().to_bytes(), bytes);
        for cut in 0..13 {
            assert!(OpaqueRecord::read(&bytes[..cut]).is_none(), "{cut}");
        }
        let mut other = bytes;
        other[0] = 2;
        assert!(OpaqueRecord::read(&other).is_none());
    }

    /// I-6: one that could not be read was answered with an error, or as a wrong password without a word to the operator.
    #[tokio::test]
    async fn a_damaged_record_gets_an_answer_like_a_fake_one_and_the_server_is_told() {
        let (fixture, key) = (Fixture::new(), key());
        let admitted = fixture.login("naman").await;
        let whole = register(&admitted, &key, NAMAN, b"right").to_bytes();
        let prover = Prover::new(b"right").unwrap();
        let answer = |record: Option<&[u8]>| {
            let known = record.and_then(known);
            key.start_login(&admitted, NAMAN, known, Ke1::parse(prover.ke1()).unwrap(), &EXPORTER).unwrap()
        };
        let (fake, cost, of_nobody) = answer(None);
        assert!(!of_nobody.record_is_damaged() && !answer(Some(&whole)).2.record_is_damaged());
        let mut damaged: Vec<Vec<u8>> = (0..whole.len()).map(|length| whole[..length].to_vec()).collect();
        damaged.push([whole.as_slice(), b"x"].concat());
        damaged.extend((0..8 * whole.len()).map(|bit| {
            let mut bent = whole.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            bent
        }));
        for record in damaged {
            let (ke2, its_cost, exchange) = answer(Some(&record));
            assert!(exchange.record_is_damaged() && !OpaqueRecord::is_readable(&record), "{record:?}");
            assert_eq!((ke2.len(), its_cost, &ke2[..32]), (fake.len(), cost, &fake[..32]));
            assert!(exchange.proves.is_none());
        }
        assert!(OpaqueRecord::is_readable(&whole));
    }

    #[tokio::test]
    async fn sec_0069_an_envelope_of_another_cost_than_the_server_asks_for_is_refused() {
        let (fixture, key) = (Fixture::new(), key());
        let upload = register(&fixture.login("naman").await, &key, NAMAN, b"right").upload;
        let asked = StretchingCost::default().numbers();
        assert_eq!(asked, Stretching { memory_kib: 65_536, iterations: 6, parallelism: 1 });
        for stretching in [
            Stretching { iterations: asked.iterations + 1, ..asked },
            Stretching { memory_kib: asked.memory_kib - 1, ..asked },
            Stretching { parallelism: 4, ..asked },
        ] {
            let envelope = Envelope { upload: upload.clone(), stretching };
            let refused = OpaqueRecord::from_envelope(&envelope).err().unwrap();
            assert!(matches!(refused, Failure::Field(FieldError { field: Field::Stretching, .. })));
        }
    }

    #[test]
    fn what_is_no_message_of_opaque_is_a_bad_field() {
        for length in [0, 31, 32, 33, 96, 1000] {
            assert!(matches!(Blinded::parse(&vec![0xff; length]), Err(Failure::Field(_))), "{length}");
            assert!(matches!(Ke1::parse(&vec![0xff; length]), Err(Failure::Field(_))), "{length}");
        }
    }
}
