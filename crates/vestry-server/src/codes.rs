//! One-time codes: what an operator hands to a person who has no password yet, or no longer.
//!
//! 20 characters of Crockford's base 32 (100 random bits), in groups of five. The store keeps only a hash; a
//! plain one is enough for that many bits. Reading one forgives case, spaces, dashes and the letters I, L, O.

use crate::failure::Failure;
use data_encoding::{Encoding, Specification};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;
use vestry_protocol::secret::SecretText;
use zeroize::Zeroizing;

/// A code waits for a day; then the operator issues another.
pub const CODE_SECS: i64 = 24 * 60 * 60;

const CODE_CHARS: usize = 20;
const GROUP_CHARS: usize = 5;
const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A new code.
///
/// # Errors
/// When the system has no random bytes.
pub fn new_code() -> Result<SecretText, Failure> {
    // 13 bytes give 20 whole characters and four bits that are left out.
    let mut bytes = Zeroizing::new([0; 13]);
    getrandom::fill(bytes.as_mut()).map_err(|_| Failure::Internal("the system has no random bytes"))?;
    let text = Zeroizing::new(alphabet()?.encode(bytes.as_slice()));
    let mut grouped = String::with_capacity(CODE_CHARS + 3);
    for (at, c) in text.chars().take(CODE_CHARS).enumerate() {
        if at > 0 && at % GROUP_CHARS == 0 {
            grouped.push('-');
        }
        grouped.push(c);
    }
    Ok(SecretText::new(grouped))
}

/// What the store keeps of a code, however it was typed.
#[must_use]
pub fn hash_of(code: &SecretText) -> [u8; 32] {
    let canonical: Zeroizing<String> = Zeroizing::new(
        code.expose_secret()
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| match c.to_ascii_uppercase() {
                'I' | 'L' => '1',
                'O' => '0',
                other => other,
            })
            .collect(),
    );
    Sha256::new().chain_update("vestry one-time code").chain_update(canonical.as_bytes()).finalize().into()
}

fn alphabet() -> Result<&'static Encoding, Failure> {
    static ENCODING: OnceLock<Option<Encoding>> = OnceLock::new();
    let built = ENCODING.get_or_init(|| {
        let mut specification = Specification::new();
        specification.symbols.push_str(ALPHABET);
        specification.encoding().ok()
    });
    built.as_ref().ok_or(Failure::Internal("the alphabet of one-time codes is wrong"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = new_code().unwrap();
        let text = code.expose_secret();
        assert_eq!((text.len(), text.matches('-').count()), (23, 3), "{text}");
        let typed =
            format!(" {} ", text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l"));
        assert_eq!(hash_of(&SecretText::new(typed)), hash_of(&code));
    }

    #[test]
    fn two_codes_differ_and_a_changed_one_has_another_hash() {
        let (one, other) = (new_code().unwrap(), new_code().unwrap());
        assert_ne!(hash_of(&one), hash_of(&other));
        let changed = one.expose_secret().replacen(|c: char| c != '-', "?", 1);
        assert_ne!(hash_of(&SecretText::new(changed)), hash_of(&one));
    }
}
