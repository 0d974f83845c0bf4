//! Server-side password hashes: Argon2id (RFC 9106) in PHC strings, with the pepper as its secret value.
//!
//! Pure work on bytes: no database, no clock, no thread. Memory comes from the caller, who keeps it, since
//! fresh memory costs up to half of a hash in page faults.

use super::Pepper;
use crate::config::Argon2idConfig;
use argon2::{Algorithm, Argon2, Block, KeyId, Params, ParamsBuilder, Version};
use phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use std::sync::Arc;
use thiserror::Error;
use vestry_protocol::fields::{FieldError, Password};

/// RFC 9106, 3.1: 128 bits of salt are enough for everybody.
const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

/// A stored hash may not ask for more than this, whoever wrote it into the database.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
const ITERATIONS_MAX: u32 = 32;
const PARALLELISM_MAX: u32 = 16;

/// A hash from elsewhere may not ask for more than this: what it takes for a password that is right, every guess takes
/// too, and a file can bring a million of them. PHP, Django, Symfony and the second choice of RFC 9106 stay within it.
const IMPORTED_MEMORY_KIB_MAX: u32 = 128 * 1024;

/// Memory times passes is the time that a guess costs: 64 MiB four times is about seven logins at our own cost.
const IMPORTED_WORK_KIB_MAX: u32 = 4 * 64 * 1024;

/// RFC 9106, 3.1: with a shorter tag, too many wrong passwords are right.
const IMPORTED_TAG_BYTES_MIN: usize = 16;

/// The longest PHC string that these bounds allow has 64 bytes of tag and of salt each: 230 characters.
const IMPORTED_BYTES_MAX: usize = 256;

/// The working memory of one hash, kept by its thread.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    fn for_params(&mut self, params: &Params) -> &mut [Block] {
        let wanted = params.block_count();
        if self.0.len() < wanted {
            self.0.resize(wanted, Block::new());
        }
        self.0.get_mut(..wanted).unwrap_or_default()
    }
}

/// A hash that could not be made. Wrong passwords are not errors.
#[derive(Debug, Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashError(&'static str);

/// What a stored hash says of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the password.
    Right,
    /// It is the password, and the hash should be made anew with today's parameters.
    RightButOutdated,
    /// It is not, or there is no usable hash.
    Wrong,
}

/// Today's parameters and pepper. Cloning shares the pepper.
#[derive(Clone)]
pub struct Argon2id {
    params: Params,
    pepper: Arc<Pepper>,
    decoy: Arc<Stored>,
}

/// A PHC string, taken apart and checked.
struct Stored {
    params: Params,
    peppered: bool,
    salt: Salt,
    tag: Output,
}

/// Whatever else a PHC string says would not enter the hash, and so make every password wrong.
const KNOWN_PARAMS: [&str; 4] = ["m", "t", "p", "keyid"];

impl Stored {
    /// Holds a hash from elsewhere to tighter bounds than one that is stored already.
    fn require_bearable(&self) -> Result<(), FieldError> {
        let refuse = |rule: String| Err(FieldError { field: "argon2id", rule });
        let (memory, passes) = (self.params.m_cost(), self.params.t_cost());
        if memory > IMPORTED_MEMORY_KIB_MAX || memory.saturating_mul(passes) > IMPORTED_WORK_KIB_MAX {
            return refuse(format!(
                "m={memory} and t={passes} cost too much; at most m={IMPORTED_MEMORY_KIB_MAX}, and m times t \
                 at most {IMPORTED_WORK_KIB_MAX}"
            ));
        }
        if self.tag.len() < IMPORTED_TAG_BYTES_MIN {
            return refuse(format!("its hash needs at least {IMPORTED_TAG_BYTES_MIN} bytes"));
        }
        Ok(())
    }
}

impl Argon2id {
    /// From the configuration.
    ///
    /// # Errors
    /// When the parameters do not go together.
    pub fn new(config: Argon2idConfig, pepper: Pepper) -> Result<Self, HashError> {
        let params = ParamsBuilder::new()
            .m_cost(config.memory_kib)
            .t_cost(config.iterations)
            .p_cost(config.parallelism)
            .output_len(TAG_BYTES)
            .build()
            .map_err(|_| HashError("its parameters do not go together"))?;
        let tag = Output::new(&[0; TAG_BYTES]).map_err(|_| HashError("its decoy does not fit"))?;
        let decoy = Stored { params: params.clone(), peppered: true, salt: fresh_salt()?, tag };
        Ok(Self { params, pepper: Arc::new(pepper), decoy: Arc::new(decoy) })
    }

    /// Hashes a new password to a PHC string.
    pub(super) fn hash(&self, memory: &mut Memory, password: &Password) -> Result<String, HashError> {
        let salt = fresh_salt()?;
        let tag = self.tag(memory, &self.params, true, &salt, password)?;
        let mut params = ParamsString::new();
        let add = |params: &mut ParamsString, name, value| params.add_decimal(name, value);
        add(&mut params, "m", self.params.m_cost())
            .and_then(|()| add(&mut params, "t", self.params.t_cost()))
            .and_then(|()| add(&mut params, "p", self.params.p_cost()))
            .and_then(|()| params.add_b64_bytes("keyid", self.pepper.id()))
            .map_err(|_| HashError("its parameters do not fit a PHC string"))?;
        let algorithm =
            Ident::new("argon2id").map_err(|_| HashError("its name does not fit a PHC string"))?;
        let version = Some(Version::V0x13.into());
        Ok(PasswordHash { algorithm, version, params, salt: Some(salt), hash: Some(tag) }.to_string())
    }

    /// Judges a password against a stored PHC string; without a usable one, does the work of today's
    /// parameters all the same and says [`Verdict::Wrong`].
    pub(super) fn verify(
        &self,
        memory: &mut Memory,
        password: &Password,
        record: Option<&[u8]>,
    ) -> Result<Verdict, HashError> {
        let stored = record.and_then(|record| self.read(record));
        let judged = stored.as_ref().unwrap_or(&self.decoy);
        let tag = self.tag(memory, &judged.params, judged.peppered, &judged.salt, password)?;
        // `Output` compares in constant time.
        let right = tag == judged.tag && stored.is_some();
        Ok(match (right, stored) {
            (true, Some(stored)) if self.is_outdated(&stored) => Verdict::RightButOutdated,
            (true, Some(_)) => Verdict::Right,
            _ => Verdict::Wrong,
        })
    }

    fn is_outdated(&self, stored: &Stored) -> bool {
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        costs(&stored.params) != costs(&self.params) || !stored.peppered
    }

    /// Takes a PHC string apart. `None` for what this server could not have been given: another algorithm, a
    /// cost over the caps, another pepper.
    fn read(&self, record: &[u8]) -> Option<Stored> {
        self.judge(&PasswordHash::new(std::str::from_utf8(record).ok()?).ok()?)
    }

    fn judge(&self, parsed: &PasswordHash) -> Option<Stored> {
        let version: Version = parsed.version?.try_into().ok()?;
        if parsed.algorithm.as_str() != "argon2id" || version != Version::V0x13 {
            return None;
        }
        let (salt, tag) = (parsed.salt?, parsed.hash?);
        let cost = |name: &str, max: u32| parsed.params.get_decimal(name).filter(|value| *value <= max);
        let params = ParamsBuilder::new()
            .m_cost(cost("m", MEMORY_KIB_MAX)?)
            .t_cost(cost("t", ITERATIONS_MAX)?)
            .p_cost(cost("p", PARALLELISM_MAX)?)
            .output_len(tag.len())
            .build()
            .ok()?;
        let peppered = match parsed.params.get("keyid") {
            None => false,
            Some(id) => self.is_own_pepper(id).then_some(true)?,
        };
        Some(Stored { params, peppered, salt, tag })
    }

    /// Whether a PHC string from elsewhere may be stored as it is: one that this server can judge, at a cost that it
    /// can bear at each guess.
    ///
    /// # Errors
    /// With what is wrong, in words for whoever brought it. Holds nothing of the string.
    pub fn admit(&self, record: &str) -> Result<(), FieldError> {
        let refuse = |rule: String| Err(FieldError { field: "argon2id", rule });
        if record.len() > IMPORTED_BYTES_MAX {
            return refuse(format!("use a PHC string of at most {IMPORTED_BYTES_MAX} characters"));
        }
        let Ok(parsed) = PasswordHash::new(record) else {
            return refuse("write it as $argon2id$v=19$m=65536,t=3,p=4$SALT$HASH".to_owned());
        };
        if parsed.algorithm.as_str() != "argon2id" || parsed.version != Some(Version::V0x13.into()) {
            return refuse("only hashes by Argon2id of version 19 are taken".to_owned());
        }
        if let Some((name, _)) = parsed.params.iter().find(|(name, _)| !KNOWN_PARAMS.contains(&name.as_str()))
        {
            return refuse(format!("the parameter {name} is not one of m, t, p and keyid"));
        }
        if parsed.params.get("keyid").is_some_and(|id| !self.is_own_pepper(id)) {
            return refuse(
                "it was made with the pepper of another server, without which it proves nothing".to_owned(),
            );
        }
        match self.judge(&parsed) {
            Some(stored) => stored.require_bearable(),
            None => refuse(format!(
                "its parameters are not Argon2id's, or over m={MEMORY_KIB_MAX}, t={ITERATIONS_MAX}, p={PARALLELISM_MAX}"
            )),
        }
    }

    fn is_own_pepper(&self, id: phc::Value<'_>) -> bool {
        let mut bytes = [0; KeyId::MAX_LEN];
        id.b64_decode(&mut bytes).is_ok_and(|id| id == self.pepper.id())
    }

    fn tag(
        &self,
        memory: &mut Memory,
        params: &Params,
        peppered: bool,
        salt: &Salt,
        password: &Password,
    ) -> Result<Output, HashError> {
        let secret = if peppered { self.pepper.expose_secret() } else { &[] };
        let hasher = Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params.clone())
            .map_err(|_| HashError("the pepper is too long"))?;
        let length = params.output_len().unwrap_or(TAG_BYTES);
        let blocks = memory.for_params(params);
        let mut tag = vec![0; length];
        hasher
            .hash_password_into_with_memory(password.expose_secret().as_bytes(), salt, &mut tag, blocks)
            .map_err(|_| HashError("Argon2id refused its input"))?;
        Output::new(&tag).map_err(|_| HashError("its tag does not fit a PHC string"))
    }
}

/// What the fuzz target of stored hashes sees of this file (docs/FUZZING.md).
#[cfg(feature = "fuzzing")]
impl Argon2id {
    /// What judging a password against this record costs: memory in KiB, passes, lanes. `None` when the record is
    /// not one of this server's; the decoy is judged then.
    #[must_use]
    pub fn cost_of(&self, record: &[u8]) -> Option<(u32, u32, u32)> {
        self.read(record)
            .map(|stored| (stored.params.m_cost(), stored.params.t_cost(), stored.params.p_cost()))
    }

    /// Hashes a new password, as the server stores it.
    ///
    /// # Errors
    /// When it could not be hashed.
    pub fn hash_new(&self, memory: &mut Memory, password: &Password) -> Result<String, HashError> {
        self.hash(memory, password)
    }

    /// Whether this is the password of the record.
    ///
    /// # Errors
    /// When it could not be hashed.
    pub fn is_right(
        &self,
        memory: &mut Memory,
        password: &Password,
        record: &[u8],
    ) -> Result<bool, HashError> {
        let verdict = self.verify(memory, password, Some(record))?;
        Ok(matches!(verdict, Verdict::Right | Verdict::RightButOutdated))
    }
}

fn fresh_salt() -> Result<Salt, HashError> {
    let mut bytes = [0; SALT_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| HashError("the system has no random bytes"))?;
    Salt::new(&bytes).map_err(|_| HashError("its salt does not fit a PHC string"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_protocol::secret::SecretText;

    const CHEAP: Argon2idConfig =
        Argon2idConfig { memory_kib: 64, iterations: 1, parallelism: 1, threads: 1, queue_max: 1 };

    fn scheme(config: Argon2idConfig, pepper: u8) -> Argon2id {
        Argon2id::new(config, Pepper::from_bytes(&[pepper; 32]).unwrap()).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::parse(&SecretText::new(text.to_owned())).unwrap()
    }

    fn judge(scheme: &Argon2id, text: &str, record: &str) -> Verdict {
        scheme.verify(&mut Memory::default(), &password(text), Some(record.as_bytes())).unwrap()
    }

    #[test]
    fn a_hash_knows_its_own_password_and_no_other() {
        let scheme = scheme(CHEAP, 1);
        let record = scheme.hash(&mut Memory::default(), &password("right")).unwrap();
        assert_eq!(judge(&scheme, "right", &record), Verdict::Right);
        assert_eq!(judge(&scheme, "wrong", &record), Verdict::Wrong);
        assert!(record.starts_with("$argon2id$v=19$m=64,t=1,p=1,keyid="), "{record}");
    }

    #[test]
    fn sec_0001_the_database_alone_cannot_verify_a_password() {
        let record = scheme(CHEAP, 1).hash(&mut Memory::default(), &password("right")).unwrap();
        assert_eq!(judge(&scheme(CHEAP, 2), "right", &record), Verdict::Wrong);
        let (head, tail) = record.split_once(",keyid=").unwrap();
        let unnamed = format!("{head}${}", tail.split_once('$').unwrap().1);
        assert_eq!(judge(&scheme(CHEAP, 2), "right", &unnamed), Verdict::Wrong);
        // Nor does it help to say that it was made with the pepper that is there.
        let other = scheme(CHEAP, 2).hash(&mut Memory::default(), &password("right")).unwrap();
        let id_of =
            |record: &str| record.split_once(",keyid=").unwrap().1.split_once('$').unwrap().0.to_owned();
        let renamed = record.replace(&id_of(&record), &id_of(&other));
        assert_eq!(id_of(&renamed), id_of(&other));
        assert_eq!(judge(&scheme(CHEAP, 2), "right", &renamed), Verdict::Wrong);
    }

    #[test]
    fn a_hash_of_other_parameters_is_right_but_outdated() {
        let record = scheme(CHEAP, 1).hash(&mut Memory::default(), &password("right")).unwrap();
        let today = scheme(Argon2idConfig { iterations: 2, ..CHEAP }, 1);
        assert_eq!(judge(&today, "right", &record), Verdict::RightButOutdated);
        assert_eq!(judge(&today, "wrong", &record), Verdict::Wrong);
    }

    #[test]
    fn a_hash_made_elsewhere_without_a_pepper_is_right_but_outdated() {
        // RFC 9106's algorithm through the reference program: argon2 somesalt -id -t 2 -k 64 -p 1 -e, "password".
        let argon2 =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 2, 1, Some(32)).unwrap());
        let mut tag = [0; 32];
        argon2.hash_password_into(b"password", b"somesalt", &mut tag).unwrap();
        let tag = Output::new(&tag).unwrap();
        let record = format!("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ${tag}");
        assert_eq!(judge(&scheme(CHEAP, 1), "password", &record), Verdict::RightButOutdated);
    }

    #[test]
    fn a_stored_hash_cannot_ask_for_more_than_the_caps() {
        let today = scheme(CHEAP, 1);
        let record = today.hash(&mut Memory::default(), &password("right")).unwrap();
        for (from, to) in [("m=64", "m=4194304"), ("t=1", "t=4294967295"), ("p=1", "p=255"), ("v=19", "v=16")]
        {
            assert_eq!(judge(&today, "right", &record.replacen(from, to, 1)), Verdict::Wrong, "{to}");
        }
        for garbage in
            ["", "$", "$argon2id$", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA", "\u{0}", "plain"]
        {
            assert_eq!(judge(&today, "right", garbage), Verdict::Wrong, "{garbage:?}");
        }
    }

    fn phc(params: &str, tag_bytes: usize) -> String {
        let tag = Output::new(&vec![7; tag_bytes]).unwrap();
        format!("$argon2id$v=19$m={params}$c29tZXNhbHQ${tag}")
    }

    #[test]
    fn hashes_of_well_known_systems_are_taken_as_they_are() {
        let today = scheme(CHEAP, 1);
        // PHP and Symfony, Django, RFC 9106's second choice, OWASP's, Keycloak's, and one of our own.
        for params in
            ["65536,t=4,p=1", "102400,t=2,p=8", "65536,t=3,p=4", "19456,t=2,p=1", "7168,t=5,p=1", "8,t=1,p=1"]
        {
            assert_eq!(today.admit(&phc(params, 32)), Ok(()), "{params}");
        }
        assert_eq!(today.admit(&phc("65536,t=4,p=1", 64)), Ok(()));
        // At every bound.
        assert_eq!(today.admit(&phc("131072,t=2,p=1", 16)), Ok(()));
        let own = today.hash(&mut Memory::default(), &password("right")).unwrap();
        assert_eq!(today.admit(&own), Ok(()));
    }

    #[test]
    fn sec_0060_a_hash_that_would_burn_the_cpu_at_each_guess_is_not_taken_in() {
        let today = scheme(CHEAP, 1);
        let bombs = [
            // The most memory that a stored hash may have, once; and with as many passes as it may have.
            ("262144,t=1,p=1", "cost too much"),
            ("262144,t=32,p=16", "cost too much"),
            // Just over either bound.
            ("131073,t=1,p=1", "cost too much"),
            ("65537,t=4,p=1", "cost too much"),
            ("8192,t=33,p=1", "over m="),
            ("4194304,t=1,p=1", "over m="),
            ("4294967295,t=4294967295,p=1", "not Argon2id's"),
            ("64,t=1,p=17", "over m="),
            ("64,t=0,p=1", "not Argon2id's"),
        ];
        for (params, said) in bombs {
            let refused = today.admit(&phc(params, 32)).unwrap_err();
            assert!(refused.field == "argon2id" && refused.rule.contains(said), "{params}: {refused}");
        }
    }

    #[test]
    fn a_hash_that_no_password_could_ever_match_is_not_taken_in() {
        let today = scheme(CHEAP, 1);
        let foreign = scheme(CHEAP, 2).hash(&mut Memory::default(), &password("right")).unwrap();
        let whole = phc("64,t=1,p=1", 32);
        let cases = [
            (foreign, "pepper of another server"),
            (phc("64,t=1,p=1", 10), "at least 16 bytes"),
            (phc("64,t=1,p=1,data=AAAA", 32), "parameter data"),
            (whole.replace("argon2id", "argon2i"), "only hashes by Argon2id"),
            (whole.replace("v=19", "v=16"), "only hashes by Argon2id"),
            (whole.replace("v=19$", ""), "only hashes by Argon2id"),
            ("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(), "write it as"),
            ("correct horse battery staple".to_owned(), "write it as"),
            (format!("{whole}\n"), "write it as"),
            (whole.repeat(8), "at most 256"),
            (String::new(), "write it as"),
        ];
        for (record, said) in cases {
            let refused = today.admit(&record).unwrap_err().to_string();
            assert!(refused.contains(said), "{record}: {refused}");
            assert!(!refused.contains("staple"), "a reason holds nothing of what was typed");
        }
        assert!(today.admit("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ").is_err());
    }
}
