//! The key stretching function (RFC 9807, 2.2): Argon2id, at a cost that the server serves and the client has
//! checked. It never picks a cost of its own.

use argon2::{Algorithm, Argon2, Params, Version};
use opaque_ke::errors::InternalError;
use opaque_ke::generic_array::{ArrayLength, GenericArray};
use opaque_ke::ksf::Ksf;
use vestry_protocol::fields::StretchingCost;
use vestry_protocol::user::Stretching;
use zeroize::Zeroize;

/// RFC 9807, 7: the salt is fixed, since the input is the output of an OPRF whose key is the account's own.
const SALT: [u8; 16] = [0; 16];

/// Argon2id at one cost. The default is what the library's trait asks for; no step uses it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stretcher(pub(super) StretchingCost);

impl Ksf for Stretcher {
    fn hash<L: ArrayLength<u8>>(
        &self,
        mut input: GenericArray<u8, L>,
    ) -> Result<GenericArray<u8, L>, InternalError> {
        let mut output = GenericArray::default();
        let stretched = stretch(self.0, &input, &mut output);
        input.as_mut_slice().zeroize();
        stretched.map(|()| output).map_err(|_| InternalError::KsfError)
    }
}

fn stretch(cost: StretchingCost, input: &[u8], output: &mut [u8]) -> argon2::Result<()> {
    let Stretching { memory_kib, iterations, parallelism } = cost.numbers();
    let params = Params::new(memory_kib, iterations, parallelism, Some(output.len()))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(input, &SALT, output)
}
