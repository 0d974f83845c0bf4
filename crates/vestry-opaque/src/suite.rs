//! The configuration of RFC 9807 that both sides speak: ristretto255, TripleDH, SHA-512. The only place that has it.

#[cfg(feature = "server")]
use crate::ristretto::FastRistretto255;
use crate::stretching::Stretcher;
#[cfg(any(feature = "server", feature = "unstretched"))]
use opaque_ke::ksf::Identity;
use opaque_ke::{CipherSuite, Ristretto255, TripleDh};
use sha2::Sha512;

/// The suite over one implementation of the key exchange's group, with one key stretching function.
macro_rules! suite {
    ($(#[$attribute:meta])* $name:ident, $group:ty, $stretching:ty) => {
        $(#[$attribute])*
        pub struct $name;

        $(#[$attribute])*
        impl CipherSuite for $name {
            type OprfCs = Ristretto255;
            type KeyExchange = TripleDh<$group, Sha512>;
            type Ksf = $stretching;
        }
    };
}

suite!(
    /// As a client has it.
    Suite, Ristretto255, Stretcher
);
suite!(
    /// As a server has it: stretching is the client's, and the group is computed faster.
    #[cfg(feature = "server")]
    ServerSuite, FastRistretto255, Identity
);
suite!(
    /// As a load generator has it, whose machine has better things to do than to stretch.
    #[cfg(feature = "unstretched")]
    UnstretchedSuite, Ristretto255, Identity
);
