//! Argon2id and nothing else: the most passwords that a machine can verify, with memory that is reused. It is what a login
//! costs a server that hashes passwords, before anything else of it. Also prints hashes, for a directory to compare with.

use crate::failure::Failure;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use data_encoding::BASE64_NOPAD;
use serde::Serialize;
use std::time::{Duration, Instant};

/// OWASP's least: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;
const TAG_BYTES: usize = 32;
const SALT: &[u8; 16] = b"vestry-bench: 16";

/// How fast it went.
#[derive(Debug, Serialize)]
pub struct Hashed {
    /// Threads.
    pub threads: usize,
    /// Hashes, all in all.
    pub done: u64,
    /// Hashes a second.
    pub per_second: f64,
    /// Processor time of one, in microseconds, were it alone on a core.
    pub cpu_us: f64,
}

/// Hashes on so many threads for so long.
///
/// # Errors
/// When there is no memory.
pub fn run(threads: usize, time: Duration) -> Result<Hashed, Failure> {
    let begun = Instant::now();
    let counts = std::thread::scope(|scope| {
        let hash = || {
            let (mut hasher, mut count) = (Hasher::new()?, 0);
            while begun.elapsed() < time {
                hasher.hash()?;
                count += 1;
            }
            Ok::<u64, Failure>(count)
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(hash)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|count| count.map_err(|_| Failure::other("a thread panicked"))?)
            .collect::<Result<Vec<u64>, _>>()
    })?;
    let (done, wall) = (counts.iter().sum::<u64>(), begun.elapsed().as_secs_f64());
    let cpu_us = wall * threads as f64 / done.max(1) as f64 * 1e6;
    Ok(Hashed { threads, done, per_second: done as f64 / wall, cpu_us })
}

/// One thread's memory.
pub struct Hasher {
    argon2id: Argon2<'static>,
    blocks: Vec<Block>,
}

impl Hasher {
    /// Takes the memory.
    ///
    /// # Errors
    /// Never for these parameters; the library cannot know that.
    pub fn new() -> Result<Self, Failure> {
        let params = params()?;
        let blocks = vec![Block::new(); params.block_count()];
        Ok(Self { argon2id: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), blocks })
    }

    /// One hash of a password.
    ///
    /// # Errors
    /// As [`Hasher::new`].
    pub fn hash(&mut self) -> Result<[u8; TAG_BYTES], Failure> {
        let mut tag = [0; TAG_BYTES];
        let password = b"bench 0123456789abcdef password";
        self.argon2id
            .hash_password_into_with_memory(password, SALT, &mut tag, &mut self.blocks)
            .map_err(|error| Failure::other(error.to_string()))?;
        Ok(tag)
    }
}

fn params() -> Result<Params, Failure> {
    Params::new(MEMORY_KIB, ITERATIONS, LANES, Some(TAG_BYTES))
        .map_err(|error| Failure::other(error.to_string()))
}

/// A password's hash as a PHC string.
///
/// # Errors
/// Never for these parameters; the library cannot know that.
pub fn phc_string(password: &[u8]) -> Result<String, Failure> {
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params()?);
    let mut tag = [0; TAG_BYTES];
    hasher.hash_password_into(password, SALT, &mut tag).map_err(|error| Failure::other(error.to_string()))?;
    Ok(format!(
        "$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}${}${}",
        BASE64_NOPAD.encode(SALT),
        BASE64_NOPAD.encode(&tag)
    ))
}
