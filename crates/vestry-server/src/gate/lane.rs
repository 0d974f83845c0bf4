//! Lanes: what is counted and for whom, and in which of them an attempt runs.

use super::policy::Policy;
use vestry_store::{KnownDevice, Lane, SessionId};

/// So many lanes are kept; beyond them the ones that failed longest ago are forgotten.
pub const LANES_MAX: u32 = 1_000_000;

/// How a target is attempted.
#[derive(Debug, Clone, Copy)]
pub enum AttemptKind<'a> {
    /// An evaluation under its key, by a stranger.
    Login,
    /// A login from a device that did so before. Strangers do not throttle it.
    LoginFromDevice(&'a KnownDevice),
    /// Proving the password within a session. Strangers do not throttle it.
    Session(SessionId),
    /// A registration: an evaluation under its key, whether the name is taken, and an account.
    Registration,
    /// A one-time code. It has 100 bits: a right one is always taken, and wrong ones are counted for their source.
    Code,
}

/// A lane: what is counted, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct LaneKey {
    pub(super) lane: Lane,
    pub(super) subject: String,
}

/// One lane of an attempt.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) key: LaneKey,
    pub(super) policy: Policy,
    pub(super) role: Role,
}

/// When a lane counts an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// When it failed; a success starts the lane over.
    Secret,
    /// When it failed.
    Source,
    /// When it succeeded.
    Made,
    /// When a name was told: the attempt says that it is taken, or broke off behind a free one. Holds no share, since a class
    /// registers at once.
    Told,
    /// When a code was wrong. Judged only then.
    WrongCode,
}

impl Part {
    pub(super) fn is_judged(&self) -> bool {
        self.role != Role::WrongCode
    }

    pub(super) fn takes_share(&self) -> bool {
        matches!(self.role, Role::Secret | Role::Source | Role::Made)
    }
}
