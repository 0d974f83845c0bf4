//! Argon2id (RFC 9106) over a PHC string: what a hash may ask for, the memory that it is computed in, and whether a password is its own.
//!
//! Pure work on bytes: no database, no clock, no thread. Memory comes from the caller, who keeps it, since fresh memory costs up to
//! half of a hash in page faults.

use argon2::{Algorithm, Argon2, Block, Params, ParamsBuilder, Version};
use phc::{Output, PasswordHash, Salt};
use thiserror::Error;

/// A hash may not ask for more than this: what it takes for a password that is right, every guess takes too, and a file can
/// bring a million of them. PHP, Django, Symfony and the second choice of RFC 9106 stay within it.
pub(crate) const MEMORY_KIB_MAX: u32 = 128 * 1024;

pub(crate) const ITERATIONS_MAX: u32 = 32;

pub(crate) const PARALLELISM_MAX: u32 = 16;

/// The working memory of one hash, kept by its thread.
#[derive(Default)]
pub struct Memory(Vec<Block>);

/// A hash that could not be computed, or not be sealed. Wrong passwords are not errors.
#[derive(Debug, Error)]
#[error("an imported password could not be judged: {0}")]
pub struct HashError(pub(crate) &'static str);

/// A PHC string, taken apart and checked.
pub(crate) struct Stored {
    pub(crate) params: Params,
    pub(crate) salt: Salt,
    pub(crate) tag: Output,
}

/// That a password is the one of a hash. Only comparing it makes one.
#[derive(Debug, Clone, Copy)]
pub struct Matched(());

impl Stored {
    /// Computes the hash of a password and compares.
    ///
    /// # Errors
    /// When Argon2id refuses its input.
    pub(crate) fn matches(&self, memory: &mut Memory, password: &[u8]) -> Result<Option<Matched>, HashError> {
        let tag = compute(memory, &self.params, &self.salt, password)?;
        // `Output` compares in constant time.
        Ok((tag == self.tag).then_some(Matched(())))
    }
}

/// `None` for what this server could not have been given: another algorithm, or a cost over the caps.
pub(crate) fn take_apart(parsed: &PasswordHash) -> Option<Stored> {
    let version: Version = parsed.version?.try_into().ok()?;
    if parsed.algorithm.as_str() != "argon2id" || version != Version::V0x13 {
        return None;
    }
    let (salt, tag) = (parsed.salt?, parsed.hash?);
    let cost = |name: &str, max: u32| parsed.params.get_decimal(name).filter(|value| *value <= max);
    let costs = (cost("m", MEMORY_KIB_MAX)?, cost("t", ITERATIONS_MAX)?, cost("p", PARALLELISM_MAX)?);
    Some(Stored { params: params_of(costs, tag.len()).ok()?, salt, tag })
}

pub(crate) fn params_of(
    (memory_kib, passes, lanes): (u32, u32, u32),
    tag_bytes: usize,
) -> argon2::Result<Params> {
    ParamsBuilder::new().m_cost(memory_kib).t_cost(passes).p_cost(lanes).output_len(tag_bytes).build()
}

pub(crate) fn compute(
    Memory(memory): &mut Memory,
    params: &Params,
    salt: &Salt,
    password: &[u8],
) -> Result<Output, HashError> {
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut tag = vec![0; params.output_len().unwrap_or(32)];
    let wanted = params.block_count();
    if memory.len() < wanted {
        memory.resize(wanted, Block::new());
    }
    let blocks = memory.get_mut(..wanted).unwrap_or_default();
    hasher
        .hash_password_into_with_memory(password, salt, &mut tag, blocks)
        .map_err(|_| HashError("Argon2id refused its input"))?;
    Output::new(&tag).map_err(|_| HashError("its tag does not fit a PHC string"))
}
