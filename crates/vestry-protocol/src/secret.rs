//! Text and tokens that cannot print, clone or compare themselves by accident, and wipe themselves when dropped.
//!
//! Reading one takes a visible `expose_secret`.

use crate::limits::TOKEN_BYTES;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password or a one-time code, as it was typed.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Takes ownership of the text; the caller's copy is this one.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Every call of this is a place to look at.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// Returns what stands behind a byte order mark, which some editors write before the first line of a text in UTF-8.
#[must_use]
pub fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// Defines a token of 256 random bits. Each kind is a type of its own, so that none can stand in for another.
macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
        #[serde(transparent)]
        pub struct $name([u8; TOKEN_BYTES]);

        impl $name {
            /// Wraps bytes that came from the system's random source, or from a file that holds a token.
            #[must_use]
            pub fn from_bytes(bytes: [u8; TOKEN_BYTES]) -> Self {
                Self(bytes)
            }

            /// The bytes themselves. Every call of this is a place to look at.
            #[must_use]
            pub fn expose_secret(&self) -> &[u8; TOKEN_BYTES] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

token! {
    /// A session token: it stands for a login.
    SessionToken
}

token! {
    /// A device token: it names a device that logged in before, and opens nothing.
    DeviceToken
}
