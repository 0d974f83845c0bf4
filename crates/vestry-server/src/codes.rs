//! One-time codes: what an operator hands to a person who has no password yet, or no longer.
//!
//! 20 characters of Crockford's base 32 (100 random bits), in groups of five. The store keeps only a hash; a
//! plain one is enough for that many bits. Reading one forgives case, spaces, dashes and the letters I, L, O.

use crate::config::GateConfig;
use crate::failure::Failure;
use crate::gate::Verdicts;
use crate::operators::operator::CodeIssuer;
use data_encoding::{Encoding, Specification};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;
use vestry_protocol::UnixSeconds;
use vestry_protocol::random;
use vestry_protocol::secret::SecretText;
use vestry_store::{AccountId, ReadTx, ResetCode, Standing};
use zeroize::Zeroizing;

/// A code waits for a day; then the operator issues another.
pub const CODE_SECS: i64 = 24 * 60 * 60;

/// A code that set a password says so for so long, to whoever lost the answer.
pub const USED_CODE_SECS: i64 = 10 * 60;

/// Evaluations by the codes of an account are counted for a day.
const EVALUATIONS_SECS: i64 = 24 * 60 * 60;

const CODE_CHARS: usize = 20;
const GROUP_CHARS: usize = 5;
const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Makes a code for an operator who may issue one.
///
/// # Errors
/// When the system has no random bytes.
pub fn new_code(_: &CodeIssuer<'_>) -> Result<SecretText, Failure> {
    draw()
}

fn draw() -> Result<SecretText, Failure> {
    static ENCODING: OnceLock<Option<Encoding>> = OnceLock::new();
    // 13 bytes give 20 whole characters and four bits that are left out.
    let mut bytes = Zeroizing::new([0; 13]);
    random::fill(bytes.as_mut())?;
    let built = ENCODING.get_or_init(|| {
        let mut specification = Specification::new();
        specification.symbols.push_str(ALPHABET);
        specification.encoding().ok()
    });
    let encoding = built.as_ref().ok_or(Failure::Internal("the alphabet of one-time codes is wrong"))?;
    let text = Zeroizing::new(encoding.encode(bytes.as_slice()));
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

/// The code of an account, when it is this one and still good; with its account. A deleted account has none.
///
/// # Errors
/// When the store does.
pub fn find(
    _: &Verdicts,
    tx: &ReadTx<'_>,
    account: Option<AccountId>,
    code_hash: &[u8; 32],
    now: UnixSeconds,
) -> Result<Option<(AccountId, ResetCode)>, Failure> {
    // Looked for in vain where there is no account, so that the time does not tell.
    let id = account.unwrap_or(AccountId::NONE);
    let code = tx.reset_code(id, code_hash, now, now.minus(EVALUATIONS_SECS))?;
    let standing = tx.account_by_id(id, now)?.map(|account| account.standing);
    let is_there = standing.is_some_and(|standing| !matches!(standing, Standing::Deleted { .. }));
    Ok(code.filter(|_| is_there).map(|code| (id, code)))
}

/// Refuses a right code that set a password already, or had new ones evaluated too often: each is a guess at the password
/// until now.
///
/// # Errors
/// [`Failure::CodeUsed`]; [`Failure::CodeSpent`], or [`Failure::Throttled`] when it were the codes of the account before it.
pub fn refuse_spent(code: &ResetCode, limits: &GateConfig) -> Result<(), Failure> {
    if let Some(at) = code.used {
        return Err(Failure::CodeUsed { at });
    }
    if code.evaluations >= limits.code_evaluations_max {
        return Err(Failure::CodeSpent);
    }
    if code.evaluations_of_account >= limits.code_evaluations_per_day_max {
        return Err(Failure::Throttled { wait_ms: 60 * 60 * 1_000 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = draw().unwrap();
        let text = code.expose_secret();
        assert_eq!((text.len(), text.matches('-').count()), (23, 3), "{text}");
        let typed =
            format!(" {} ", text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l"));
        assert_eq!(hash_of(&SecretText::new(typed)), hash_of(&code));
    }

    #[test]
    fn two_codes_differ_and_a_changed_one_has_another_hash() {
        let (one, other) = (draw().unwrap(), draw().unwrap());
        assert_ne!(hash_of(&one), hash_of(&other));
        let changed = one.expose_secret().replacen(|c: char| c != '-', "?", 1);
        assert_ne!(hash_of(&SecretText::new(changed)), hash_of(&one));
    }
}
