//! Imported password hashes: Argon2id (RFC 9106) in PHC strings from other systems, sealed under the pepper, and judged once,
//! at the first login of their accounts.
//!
//! Pure work on bytes: no database, no clock but the one that measures this machine, no thread. Memory comes from the
//! caller, who keeps it, since fresh memory costs up to half of a hash in page faults.

use super::pepper::Pepper;
use crate::gate::Admitted;
use crate::hashing::argon2id::{
    HashError, ITERATIONS_MAX, MEMORY_KIB_MAX, Matched, Memory, PARALLELISM_MAX, Stored, compute, params_of,
    take_apart,
};
use argon2::Version;
use phc::{Output, PasswordHash, Salt};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use vestry_protocol::fields::{Field, FieldError, Password};
use vestry_protocol::random::NoRandomness;
use vestry_store::OprfId;
use zeroize::Zeroizing;

/// Memory times passes is the time that a guess costs: 64 MiB four times.
const WORK_KIB_MAX: u32 = 4 * 64 * 1024;

/// RFC 9106, 3.1: with a shorter tag, too many wrong passwords are right.
const TAG_BYTES_MIN: usize = 16;

/// The longest PHC string that these bounds allow has 64 bytes of tag and of salt each: 230 characters.
const RECORD_BYTES_MAX: usize = 256;

/// What is judged where there is no hash: RFC 9106's second choice, which most systems are near.
const DECOY: (u32, u32, u32) = (64 * 1024, 3, 4);

/// What is computed to learn how fast this machine is: 16 MiB twice.
const PROBE: (u32, u32, u32) = (16 * 1024, 2, 1);

/// How a hash by bcrypt begins, as other programs write it.
const BCRYPT: [&str; 4] = ["$2a$", "$2b$", "$2x$", "$2y$"];

/// Whatever else a PHC string says would not enter the hash, and so make every password wrong.
const KNOWN_PARAMS: [&str; 3] = ["m", "t", "p"];

/// Judges and seals imported hashes. Cloning shares the pepper.
#[derive(Clone)]
pub struct ImportedHashes {
    pepper: Arc<Pepper>,
    decoy: Arc<Stored>,
}

/// How much of Argon2id a thread of this machine computes in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speed {
    /// Memory times passes, in KiB, a second.
    kib_per_sec: u64,
}

impl ImportedHashes {
    /// With the pepper of this server.
    ///
    /// # Errors
    /// Never for the parameters of this version.
    pub fn new(pepper: Pepper) -> Result<Self, HashError> {
        let unfit = |_| HashError("its decoy does not fit");
        let salt = Salt::new(&[7; 16]).map_err(|_| HashError("its decoy does not fit"))?;
        let tag = Output::new(&[0; 32]).map_err(|_| HashError("its decoy does not fit"))?;
        let decoy = Stored { params: params_of(DECOY, 32).map_err(unfit)?, salt, tag };
        Ok(Self { pepper: Arc::new(pepper), decoy: Arc::new(decoy) })
    }

    /// Measures this machine: some hundredths of a second.
    ///
    /// # Errors
    /// When Argon2id refuses its input.
    pub fn measure(memory: &mut Memory) -> Result<Speed, HashError> {
        let params = params_of(PROBE, 32).map_err(|_| HashError("its probe does not fit"))?;
        let salt = Salt::new(&[7; 16]).map_err(|_| HashError("its probe does not fit"))?;
        // Once to have the memory, once to measure.
        compute(memory, &params, &salt, b"probe")?;
        let began = Instant::now();
        compute(memory, &params, &salt, b"probe")?;
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        Ok(Speed { kib_per_sec: u64::from(PROBE.0 * PROBE.1).saturating_mul(1_000_000) / micros })
    }

    /// Whether a PHC string from elsewhere may be brought in: one that this server can judge, at a cost that it can bear at
    /// each guess, and within half of the time after which a login with it is answered.
    ///
    /// # Errors
    /// With what is wrong, in words for whoever brought it. Holds nothing of the string.
    pub fn admit(&self, record: &str, speed: Speed, answer_after: Duration) -> Result<(), FieldError> {
        let refuse = |rule: String| Err(FieldError { field: Field::Argon2id, rule });
        if record.len() > RECORD_BYTES_MAX {
            return refuse(format!("use a PHC string of at most {RECORD_BYTES_MAX} characters"));
        }
        if BCRYPT.iter().any(|start| record.starts_with(start)) {
            return refuse("bcrypt is not taken; leave it out, and issue a code".to_owned());
        }
        let Ok(parsed) = PasswordHash::new(record) else {
            return refuse("write it as $argon2id$v=19$m=65536,t=3,p=4$SALT$HASH".to_owned());
        };
        if parsed.algorithm.as_str() != "argon2id" || parsed.version != Some(Version::V0x13.into()) {
            return refuse("only hashes by Argon2id of version 19 are taken".to_owned());
        }
        if let Some((name, _)) = parsed.params.iter().find(|(name, _)| !KNOWN_PARAMS.contains(&name.as_str()))
        {
            // Another name than those of the PHC string format may be anything.
            let name = ["keyid", "data"].into_iter().find(|known| *known == name.as_str());
            let which = name.map_or_else(|| "a parameter".to_owned(), |name| format!("the parameter {name}"));
            return refuse(format!("{which} is not one of m, t and p"));
        }
        let Some(stored) = take_apart(&parsed) else {
            return refuse(format!(
                "its parameters are not Argon2id's, or over m={MEMORY_KIB_MAX}, t={ITERATIONS_MAX}, p={PARALLELISM_MAX}"
            ));
        };
        let (memory, passes) = (stored.params.m_cost(), stored.params.t_cost());
        let work = memory.saturating_mul(passes);
        if work > WORK_KIB_MAX {
            return refuse(format!(
                "m={memory} and t={passes} cost too much; m times t may be {WORK_KIB_MAX} at most"
            ));
        }
        let half_ms = u64::try_from((answer_after / 2).as_millis()).unwrap_or(u64::MAX);
        if u64::from(work) > speed.kib_per_sec.saturating_mul(half_ms) / 1_000 {
            return refuse(format!(
                "m={memory} and t={passes} take this machine longer than half of hashing.imported_login_ms"
            ));
        }
        if stored.tag.len() < TAG_BYTES_MIN {
            return refuse(format!("its hash needs at least {TAG_BYTES_MIN} bytes"));
        }
        Ok(())
    }

    /// Seals a hash for the account that it is of.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn seal(&self, record: &str, account: OprfId) -> Result<Vec<u8>, NoRandomness> {
        self.pepper.seal(record, account)
    }

    /// Whether this is the password of a sealed hash. Without a usable one, does the work of a common one all the same.
    ///
    /// # Errors
    /// When Argon2id refuses its input.
    pub(crate) fn verify(
        &self,
        _: &Admitted,
        memory: &mut Memory,
        password: &Password,
        (sealed, account): (Option<&[u8]>, OprfId),
    ) -> Result<Option<Matched>, HashError> {
        let stored = sealed.and_then(|sealed| self.open(sealed, account));
        let judged = stored.as_ref().unwrap_or(&self.decoy);
        let matched = judged.matches(memory, password.expose_secret().as_bytes())?;
        Ok(matched.filter(|_| stored.is_some()))
    }

    /// Returns whether a sealed hash opens for its account and can be judged.
    #[must_use]
    pub fn is_readable(&self, sealed: &[u8], account: OprfId) -> bool {
        self.open(sealed, account).is_some()
    }

    fn open(&self, sealed: &[u8], account: OprfId) -> Option<Stored> {
        let record: Zeroizing<String> = self.pepper.open(sealed, account)?;
        take_apart(&PasswordHash::new(&record).ok()?)
    }
}

/// What the fuzz target of stored hashes sees of this file (docs/FUZZING.md).
#[cfg(feature = "fuzzing")]
impl ImportedHashes {
    /// What judging a password against this PHC string costs: memory in KiB, passes, lanes. `None` when it cannot be judged.
    #[must_use]
    pub fn cost_of(record: &str) -> Option<(u32, u32, u32)> {
        let stored = take_apart(&PasswordHash::new(record).ok()?)?;
        Some((stored.params.m_cost(), stored.params.t_cost(), stored.params.p_cost()))
    }

    /// What was sealed for an account.
    #[must_use]
    pub fn open_record(&self, sealed: &[u8], account: OprfId) -> Option<String> {
        self.pepper.open(sealed, account).map(|record| record.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::fixture::Fixture;
    use vestry_protocol::secret::SecretText;

    const NAMAN: OprfId = OprfId([1; 32]);
    const ENOUGH: Duration = Duration::from_secs(2);
    const FAST: Speed = Speed { kib_per_sec: 1 << 40 };

    fn hashes(pepper: u8) -> ImportedHashes {
        ImportedHashes::new(Pepper::from_bytes(&[pepper; 32]).unwrap()).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::parse(&SecretText::new(text.to_owned())).unwrap()
    }

    /// As another system would store it.
    fn record_of(text: &str) -> String {
        let (params, salt) = (params_of((64, 2, 1), 32).unwrap(), Salt::new(b"somesalt").unwrap());
        let tag = compute(&mut Memory::default(), &params, &salt, text.as_bytes()).unwrap();
        format!("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ${tag}")
    }

    fn phc(params: &str, tag_bytes: usize) -> String {
        let tag = Output::new(&vec![7; tag_bytes]).unwrap();
        format!("$argon2id$v=19$m={params}$c29tZXNhbHQ${tag}")
    }

    fn admit(record: &str) -> Result<(), FieldError> {
        hashes(1).admit(record, FAST, ENOUGH)
    }

    #[tokio::test]
    async fn a_sealed_hash_knows_its_own_password_and_no_other() {
        let (fixture, hashes) = (Fixture::new(), hashes(1));
        let admitted = fixture.login("naman").await;
        let sealed = hashes.seal(&record_of("right"), NAMAN).unwrap();
        let judge = |text, sealed| {
            let own = (sealed, NAMAN);
            hashes.verify(&admitted, &mut Memory::default(), &password(text), own).unwrap().is_some()
        };
        assert!(judge("right", Some(sealed.as_slice())));
        assert!(!judge("wrong", Some(&sealed)) && !judge("right", None) && !judge("right", Some(b"garbage")));
    }

    /// M-4: imported hashes were stored as they came, and the database alone verified their passwords.
    #[tokio::test]
    async fn sec_0001_the_database_alone_cannot_verify_a_password() {
        let fixture = Fixture::new();
        let admitted = fixture.login("naman").await;
        let record = record_of("right");
        let sealed = hashes(1).seal(&record, NAMAN).unwrap();
        let plain =
            |bytes: &[u8]| record.as_bytes().windows(6).any(|part| bytes.windows(6).any(|own| own == part));
        assert!(plain(record.as_bytes()) && !plain(&sealed));
        for (pepper, account) in [(2, NAMAN), (1, OprfId([2; 32]))] {
            let own = (Some(sealed.as_slice()), account);
            let judged = hashes(pepper).verify(&admitted, &mut Memory::default(), &password("right"), own);
            assert!(judged.unwrap().is_none(), "{pepper} {account:?}");
        }
    }

    #[test]
    fn a_stored_hash_cannot_ask_for_more_than_the_caps() {
        for params in
            ["131073,t=1,p=1", "64,t=33,p=1", "64,t=1,p=17", "4194304,t=1,p=1", "64,t=4294967295,p=1"]
        {
            assert!(take_apart(&PasswordHash::new(&phc(params, 32)).unwrap()).is_none(), "{params}");
        }
        for garbage in
            ["", "$", "$argon2id$", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA", "\u{0}", "plain"]
        {
            assert!(PasswordHash::new(garbage).ok().and_then(|parsed| take_apart(&parsed)).is_none());
        }
    }

    #[test]
    fn hashes_of_well_known_systems_are_taken_as_they_are() {
        // PHP and Symfony, Django, RFC 9106's second choice, OWASP's, Keycloak's.
        for params in
            ["65536,t=4,p=1", "102400,t=2,p=8", "65536,t=3,p=4", "19456,t=2,p=1", "7168,t=5,p=1", "8,t=1,p=1"]
        {
            assert_eq!(admit(&phc(params, 32)), Ok(()), "{params}");
        }
        assert_eq!(admit(&phc("65536,t=4,p=1", 64)), Ok(()));
        // At every bound.
        assert_eq!(admit(&phc("131072,t=2,p=1", 16)), Ok(()));
    }

    #[test]
    fn sec_0060_a_hash_that_would_burn_the_cpu_at_each_guess_is_not_taken_in() {
        let bombs = [
            // Just over each bound, and far over.
            ("131073,t=1,p=1", "over m="),
            ("65537,t=4,p=1", "cost too much"),
            ("8192,t=33,p=1", "over m="),
            ("262144,t=32,p=16", "over m="),
            ("4194304,t=1,p=1", "over m="),
            ("4294967295,t=4294967295,p=1", "not Argon2id's"),
            ("64,t=1,p=17", "over m="),
            ("64,t=0,p=1", "not Argon2id's"),
        ];
        for (params, said) in bombs {
            let refused = admit(&phc(params, 32)).unwrap_err();
            assert!(refused.field == Field::Argon2id && refused.rule.contains(said), "{params}: {refused}");
        }
    }

    #[test]
    fn a_hash_that_takes_more_than_half_of_the_answers_time_is_not_taken_in() {
        // 200 MiB-passes a second: half of two seconds is enough for 200, and not for more.
        let (speed, hashes) = (Speed { kib_per_sec: 200 * 1024 }, hashes(1));
        assert_eq!(hashes.admit(&phc("102400,t=2,p=1", 32), speed, ENOUGH), Ok(()));
        let refused = hashes.admit(&phc("102401,t=2,p=1", 32), speed, ENOUGH).unwrap_err();
        assert!(refused.rule.contains("half of hashing.imported_login_ms"), "{refused}");
        assert!(ImportedHashes::measure(&mut Memory::default()).unwrap().kib_per_sec > 1_024);
    }

    #[test]
    fn a_hash_that_no_password_could_ever_match_is_not_taken_in() {
        let whole = phc("64,t=1,p=1", 32);
        let cases = [
            (phc("64,t=1,p=1,keyid=AAAA", 32), "parameter keyid"),
            (phc("64,t=1,p=1", 10), "at least 16 bytes"),
            (phc("64,t=1,p=1,data=AAAA", 32), "parameter data"),
            (whole.replace("argon2id", "argon2i"), "only hashes by Argon2id"),
            (whole.replace("v=19", "v=16"), "only hashes by Argon2id"),
            (whole.replace("v=19$", ""), "only hashes by Argon2id"),
            (
                "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
                "bcrypt is not taken",
            ),
            ("correct horse battery staple".to_owned(), "write it as"),
            (format!("{whole}\n"), "write it as"),
            (whole.repeat(8), "at most 256"),
            (String::new(), "write it as"),
        ];
        for (record, said) in cases {
            let refused = admit(&record).unwrap_err().to_string();
            assert!(refused.contains(said), "{record}: {refused}");
            assert!(!refused.contains("staple"), "a reason holds nothing of what was typed");
        }
        assert!(admit("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ").is_err());
    }
}
