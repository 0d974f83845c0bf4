//! Pins: SHA-256 of a certificate's public key (its DER SubjectPublicKeyInfo).
//!
//! A pin names a key, not a certificate: a certificate that is renewed with its key keeps its pin. Here it is bytes and text;
//! `vestry-tls` computes it.

use crate::typed::vestryd;
use data_encoding::HEXLOWER;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// What a written pin starts with.
const PREFIX: &str = "sha256:";

/// The fingerprint of a public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pin(pub [u8; 32]);

/// Text that is not a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "this is not a pin; write it as sha256: and 64 of 0-9 and a-f, as the operator's `{}` prints it",
    vestryd("certs show")
)]
pub struct NotAPin;

impl FromStr for Pin {
    type Err = NotAPin;

    fn from_str(text: &str) -> Result<Self, NotAPin> {
        let digits = text.trim().strip_prefix(PREFIX).ok_or(NotAPin)?;
        let bytes = HEXLOWER.decode(digits.as_bytes()).map_err(|_| NotAPin)?;
        bytes.try_into().map(Self).map_err(|_| NotAPin)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_written_and_read_as_sha256_and_lower_case_hexadecimal() {
        let pin = Pin([0xab; 32]);
        let text = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(pin.to_string(), text);
        assert_eq!(text.parse(), Ok(pin));
        assert_eq!(format!(" {text}\n").parse(), Ok(pin));
    }

    #[test]
    fn text_that_is_not_exactly_a_pin_is_refused() {
        let cases = [
            String::new(),
            "ab".repeat(32),
            format!("sha256:{}", "AB".repeat(32)),
            format!("sha256:{}", "ab".repeat(31)),
            format!("sha256:{}a", "ab".repeat(31)),
            format!("sha256:{}", "ab".repeat(33)),
            format!("sha512:{}", "ab".repeat(32)),
            format!("sha256:{}", "zz".repeat(32)),
        ];
        for case in cases {
            assert_eq!(case.parse::<Pin>(), Err(NotAPin), "{case:?} was taken");
        }
    }
}
