//! The exit codes of `vestryd` (after BSD's sysexits). The numbers are a contract with scripts and service managers; this is the
//! only place that names them, and `--help` and `docs/OPERATIONS.md` are held against its table.

use super::error::CommandError;
use crate::backup::error::BackupError;
use crate::data_dir::DataDirError;
use crate::run::ServeError;
use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// As it should.
    Done = 0,
    /// What was typed makes no sense.
    Usage = 2,
    /// A file that was given is at fault.
    BadData = 65,
    /// A part of the server broke off.
    BrokeOff = 70,
    /// Something could not be read or written.
    Output = 74,
    /// Another vestryd has the data directory.
    InUse = 75,
    /// Files or settings, where only a person helps.
    Configuration = 78,
    /// Ctrl-C, as a shell counts it.
    Interrupted = 130,
}

impl Exit {
    /// Every exit code, with what `--help` and the documents say of it.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Done, "done"),
        (Self::Usage, "usage"),
        (Self::BadData, "not a backup that can be restored"),
        (Self::BrokeOff, "a part of the server broke off"),
        (Self::Output, "input or output failed"),
        (Self::InUse, "in use by another vestryd"),
        (Self::Configuration, "configuration, or a check failed"),
        (Self::Interrupted, "interrupted"),
    ];

    /// The exit code of a command that did not do what was asked.
    pub(super) fn of(error: &CommandError) -> Self {
        match error {
            CommandError::Usage(_)
            | CommandError::OtherHosts { .. }
            | CommandError::NotAHostOfOurs { .. }
            | CommandError::NoHostLeft => Self::Usage,
            CommandError::DataDir(DataDirError::InUse(_)) => Self::InUse,
            CommandError::Serve(ServeError::Ended(_)) => Self::BrokeOff,
            CommandError::Backup(error) => Self::of_backup(error),
            CommandError::NewFile(_)
            | CommandError::System(_)
            | CommandError::Unwritten { .. }
            | CommandError::Serve(ServeError::System(_)) => Self::Output,
            CommandError::Config(_)
            | CommandError::DataDir(_)
            | CommandError::Owner(_)
            | CommandError::Setup(_)
            | CommandError::Store(_)
            | CommandError::Query(_)
            | CommandError::Tls(_)
            | CommandError::Clock(_)
            | CommandError::CertificateEnded { .. }
            | CommandError::Bind { .. }
            | CommandError::Passphrase(_)
            | CommandError::Audit(_)
            | CommandError::PutBack(_)
            | CommandError::DamagedRecords { .. }
            | CommandError::EventsLost { .. }
            | CommandError::NoAuditHead
            | CommandError::ChecksFailed(_) => Self::Configuration,
        }
    }

    fn of_backup(error: &BackupError) -> Self {
        match error {
            BackupError::DataDir(DataDirError::InUse(_)) => Self::InUse,
            BackupError::Sealed(_)
            | BackupError::NotRead(_)
            | BackupError::NotSealed
            | BackupError::Unfit(_)
            | BackupError::FormatTooNew(_) => Self::BadData,
            BackupError::System { .. } | BackupError::NoRoom { .. } | BackupError::NotWritten(_) => {
                Self::Output
            }
            BackupError::Store(_)
            | BackupError::Setup(_)
            | BackupError::DataDir(_)
            | BackupError::File(_)
            | BackupError::NotTaken(_)
            | BackupError::PassphraseNeeded
            | BackupError::DatabaseInPlace { .. }
            | BackupError::SecretMissing { .. }
            | BackupError::SecretOfAnother { .. }
            | BackupError::RecordsWithoutKey { .. }
            | BackupError::SecretDiffers(_) => Self::Configuration,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        // The discriminants are the contract, and each fits.
        Self::from(exit as u8)
    }
}
