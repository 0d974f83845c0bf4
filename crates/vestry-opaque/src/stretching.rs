//! The key stretching function (RFC 9807, 2.2): Argon2id, at a cost that the server serves and the client has
//! checked. It never picks a cost of its own.

use crate::error::OpaqueError;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use opaque_ke::errors::InternalError;
use opaque_ke::generic_array::{ArrayLength, GenericArray};
use opaque_ke::ksf::Ksf;
use std::cell::RefCell;
use vestry_protocol::fields::StretchingCost;
use vestry_protocol::user::Stretching;
use zeroize::Zeroize;

/// RFC 9807, 7: the salt is fixed, since the input is the output of an OPRF whose key is the account's own.
const SALT: [u8; 16] = [0; 16];

/// The memory that a password is stretched in. It is had before the first half of an exchange is sent, so that no attempt begins that
/// this machine cannot finish.
#[derive(Debug, Default)]
pub struct StretchingMemory(Vec<Block>);

impl StretchingMemory {
    /// Takes the memory that stretching at this cost needs. A system may promise more than it has; [`StretchingMemory::fill`] finds out.
    ///
    /// # Errors
    /// [`OpaqueError::NoMemory`] when it cannot be had.
    pub fn reserve(cost: StretchingCost) -> Result<Self, OpaqueError> {
        let mut memory = Vec::new();
        let params = params(cost, 0).map_err(|_| OpaqueError::NoMemory)?;
        memory.try_reserve_exact(params.block_count()).map_err(|_| OpaqueError::NoMemory)?;
        Ok(Self(memory))
    }

    /// Writes to all of it, which takes some 20 ms: it belongs on a thread of its own.
    pub fn fill(&mut self) {
        self.0.resize(self.0.capacity(), Block::new());
    }

    #[cfg(test)]
    pub(super) fn blocks(&self) -> usize {
        self.0.len()
    }

    fn grow(&mut self, blocks: usize) -> Option<&mut [Block]> {
        if let Some(more) = blocks.checked_sub(self.0.len()) {
            self.0.try_reserve_exact(more).ok()?;
            self.0.resize(blocks, Block::new());
        }
        self.0.get_mut(..blocks)
    }
}

/// Argon2id at one cost, in memory that is there already or grows. The default is what the library's trait asks for; no step uses it.
#[derive(Debug, Default)]
pub struct Stretcher {
    cost: StretchingCost,
    memory: RefCell<StretchingMemory>,
}

impl Stretcher {
    /// At this cost, in memory that is taken and given back by [`Stretcher::into_memory`].
    pub(super) fn new(cost: StretchingCost, memory: &mut StretchingMemory) -> Self {
        Self { cost, memory: RefCell::new(std::mem::take(memory)) }
    }

    pub(super) fn into_memory(self) -> StretchingMemory {
        self.memory.into_inner()
    }

    fn stretch(&self, input: &[u8], output: &mut [u8]) -> Option<()> {
        let params = params(self.cost, output.len()).ok()?;
        let mut memory = self.memory.try_borrow_mut().ok()?;
        let blocks = memory.grow(params.block_count())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into_with_memory(input, &SALT, output, blocks).ok()
    }
}

impl Ksf for Stretcher {
    fn hash<L: ArrayLength<u8>>(
        &self,
        mut input: GenericArray<u8, L>,
    ) -> Result<GenericArray<u8, L>, InternalError> {
        let mut output = GenericArray::default();
        let stretched = self.stretch(&input, &mut output);
        input.as_mut_slice().zeroize();
        stretched.map(|()| output).ok_or(InternalError::KsfError)
    }
}

fn params(cost: StretchingCost, output_bytes: usize) -> argon2::Result<Params> {
    let Stretching { memory_kib, iterations, parallelism } = cost.numbers();
    Params::new(memory_kib, iterations, parallelism, (output_bytes > 0).then_some(output_bytes))
}
