//! What the fuzz targets share. Each target is one file in `fuzz_targets/`; docs/FUZZING.md says what it asserts.
//!
//! | room | holds |
//! |---|---|
//! | [`messages`] | bytes ⇄ messages, for either port |
//! | [`twins`] | two databases that differ only in what no view shows |
//! | [`scratch`] | files for what reads files |
//! | [`port`] | a server of one's own, and what its user port may do |

pub mod messages;
pub mod port;
pub mod scratch;
pub mod twins;

/// What never reaches a terminal: C0, DEL and C1 controls. Written out here, so that it does not depend on what is
/// tested.
#[must_use]
pub fn has_control(text: &str) -> bool {
    text.chars().any(|c| matches!(u32::from(c), 0..=0x1f | 0x7f..=0x9f))
}
