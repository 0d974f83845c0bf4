//! Who is at the other end of a connection.

use crate::source::Source;

/// What is known of a peer before it says anything.
pub(crate) struct Peer {
    /// Where it comes from.
    pub source: Source,
}
