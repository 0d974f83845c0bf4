//! Which exit code a failure of `vestryd` has. What the numbers mean is in `vestry_terminal::exit`.

use super::error::CommandError;
use crate::backup::error::BackupError;
use crate::data_dir::DataDirError;
use crate::run::ServeError;
use vestry_terminal::Exit;

/// Returns the exit code of a command that did not do what was asked.
pub(super) fn exit_for(error: &CommandError) -> Exit {
    match error {
        CommandError::Usage(_)
        | CommandError::OtherHosts { .. }
        | CommandError::NotAHostOfOurs { .. }
        | CommandError::NoHostLeft => Exit::Usage,
        CommandError::DataDir(DataDirError::InUse(_)) => Exit::TryLater,
        CommandError::Serve(ServeError::Ended(_)) => Exit::BrokeOff,
        CommandError::Backup(error) => exit_for_backup(error),
        CommandError::NewFile(_)
        | CommandError::System(_)
        | CommandError::Unwritten { .. }
        | CommandError::Serve(ServeError::System(_)) => Exit::Output,
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
        | CommandError::ChecksFailed(_) => Exit::Configuration,
    }
}

fn exit_for_backup(error: &BackupError) -> Exit {
    match error {
        BackupError::DataDir(DataDirError::InUse(_)) => Exit::TryLater,
        BackupError::Sealed(_)
        | BackupError::NotRead(_)
        | BackupError::NotSealed
        | BackupError::Unfit(_)
        | BackupError::Packed(_)
        | BackupError::FormatTooNew(_) => Exit::BadData,
        BackupError::InputOnATerminal
        | BackupError::System { .. }
        | BackupError::NoRoom { .. }
        | BackupError::NotWritten(_) => Exit::Output,
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
        | BackupError::SecretDiffers(_) => Exit::Configuration,
    }
}
