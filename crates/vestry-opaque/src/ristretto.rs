//! ristretto255 for the key exchange, as opaque-ke has it, for a server that is asked often.
//!
//! The library works out the 32 bytes of a public key anew each time it needs them, five microseconds each, six times a login; here
//! a public key remembers them, since ristretto255 has exactly one encoding of a point. And it multiplies the
//! base point as any other; here that goes through curve25519-dalek's table of it. What is computed is the same, bit
//! for bit: the client runs the library's own group. Nothing else belongs here.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use opaque_ke::Ristretto255;
use opaque_ke::errors::{InternalError, ProtocolError};
use opaque_ke::generic_array::GenericArray;
use opaque_ke::key_exchange::group::Group;
use opaque_ke::key_exchange::tripledh::DiffieHellman;
use opaque_ke::rand::{CryptoRng, RngCore};
use zeroize::ZeroizeOnDrop;

type Length = <Ristretto255 as Group>::PkLen;
type Encoding = GenericArray<u8, Length>;

/// The group of the server's key exchange; `opaque_ke::Ristretto255` with public keys that remember their encoding.
pub struct FastRistretto255;

/// A public key: a point other than the identity, and its one encoding.
#[derive(Clone)]
pub struct PublicPoint {
    point: RistrettoPoint,
    encoding: CompressedRistretto,
}

/// A private key: a scalar other than zero.
#[derive(Clone, ZeroizeOnDrop)]
pub struct PrivateScalar(Scalar);

impl PrivateScalar {
    /// The library makes only canonical scalars other than zero, so nothing is reduced here.
    fn from_library(made: &<Ristretto255 as Group>::Sk) -> Self {
        Self(Scalar::from_bytes_mod_order(Ristretto255::serialize_sk(made).into()))
    }
}

impl Group for FastRistretto255 {
    type Pk = PublicPoint;
    type PkLen = Length;
    type Sk = PrivateScalar;
    type SkLen = <Ristretto255 as Group>::SkLen;

    fn serialize_pk(key: &PublicPoint) -> Encoding {
        key.encoding.to_bytes().into()
    }

    fn deserialize_take_pk(bytes: &mut &[u8]) -> Result<PublicPoint, ProtocolError> {
        let refused = || ProtocolError::SerializationError;
        let (encoding, rest) = bytes.split_first_chunk().ok_or_else(refused)?;
        let encoding = CompressedRistretto(*encoding);
        let point = encoding.decompress().filter(|point| !point.is_identity()).ok_or_else(refused)?;
        *bytes = rest;
        Ok(PublicPoint { point, encoding })
    }

    fn random_sk<R: RngCore + CryptoRng>(random: &mut R) -> PrivateScalar {
        PrivateScalar::from_library(&Ristretto255::random_sk(random))
    }

    fn derive_scalar(seed: GenericArray<u8, Self::SkLen>) -> Result<PrivateScalar, InternalError> {
        Ristretto255::derive_scalar(seed).map(|made| PrivateScalar::from_library(&made))
    }

    fn public_key(key: &PrivateScalar) -> PublicPoint {
        let point = RistrettoPoint::mul_base(&key.0);
        PublicPoint { point, encoding: point.compress() }
    }

    fn serialize_sk(key: &PrivateScalar) -> GenericArray<u8, Self::SkLen> {
        key.0.to_bytes().into()
    }

    fn deserialize_take_sk(bytes: &mut &[u8]) -> Result<PrivateScalar, ProtocolError> {
        Ristretto255::deserialize_take_sk(bytes).map(|made| PrivateScalar::from_library(&made))
    }
}

impl DiffieHellman<FastRistretto255> for PrivateScalar {
    fn diffie_hellman(&self, other: &PublicPoint) -> Encoding {
        (other.point * self.0).compress().to_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same private key in both groups, from 32 bytes as an exchange derives it.
    fn both(seed: [u8; 32]) -> (PrivateScalar, <Ristretto255 as Group>::Sk) {
        let ours = FastRistretto255::derive_scalar(seed.into()).unwrap();
        (ours, Ristretto255::derive_scalar(seed.into()).unwrap())
    }

    proptest! {
        #[test]
        fn every_key_and_every_secret_is_the_librarys_bit_for_bit(mine in any::<[u8; 32]>(), other in any::<[u8; 32]>()) {
            let ((ours, librarys), (_, others)) = (both(mine), both(other));
            prop_assert_eq!(FastRistretto255::serialize_sk(&ours), Ristretto255::serialize_sk(&librarys));
            let public = Ristretto255::serialize_pk(&Ristretto255::public_key(&librarys));
            prop_assert_eq!(FastRistretto255::serialize_pk(&FastRistretto255::public_key(&ours)), public);
            let others = Ristretto255::public_key(&others);
            let bytes = Ristretto255::serialize_pk(&others);
            let read = FastRistretto255::deserialize_take_pk(&mut bytes.as_slice()).unwrap();
            prop_assert_eq!(FastRistretto255::serialize_pk(&read), bytes);
            prop_assert_eq!(ours.diffie_hellman(&read), librarys.diffie_hellman(&others));
        }

        #[test]
        fn what_the_library_refuses_as_a_key_is_refused(bytes in any::<[u8; 32]>(), length in 0_usize..=32) {
            let bytes = &bytes[..length];
            let ours = FastRistretto255::deserialize_take_pk(&mut &*bytes).is_ok();
            prop_assert_eq!(ours, Ristretto255::deserialize_take_pk(&mut &*bytes).is_ok());
            let ours = FastRistretto255::deserialize_take_sk(&mut &*bytes).is_ok();
            prop_assert_eq!(ours, Ristretto255::deserialize_take_sk(&mut &*bytes).is_ok());
        }
    }

    #[test]
    fn the_identity_and_zero_are_no_keys() {
        assert!(FastRistretto255::deserialize_take_pk(&mut [0; 32].as_slice()).is_err());
        assert!(FastRistretto255::deserialize_take_sk(&mut [0; 32].as_slice()).is_err());
    }

    #[test]
    fn a_key_takes_its_own_bytes_and_leaves_the_rest() {
        let public = FastRistretto255::public_key(&FastRistretto255::derive_scalar([7; 32].into()).unwrap());
        let bytes = [FastRistretto255::serialize_pk(&public).as_slice(), b"rest"].concat();
        let mut left = bytes.as_slice();
        FastRistretto255::deserialize_take_pk(&mut left).unwrap();
        assert_eq!(left, b"rest");
    }
}
