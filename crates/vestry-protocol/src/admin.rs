//! What the admin port can be asked and what it may answer.
//!
//! Variants are numbered by their order and never change once released: new ones are appended. Nothing here can
//! be named by what the user port reads: it is another type on another listener.

use crate::audit::{AuditVerdict, Checkpoint};
use crate::codec::{CodecError, decode};
use crate::greeting::{Greeting, ReplyBody};
use crate::import::{BadRow, ImportRow};
use crate::item::{Item, Later, Numbered, Open};
use crate::limits::REPLY_BYTES_MAX;
use crate::query_fault::QueryFault;
use crate::refusal::Refusal;
use crate::secret::SecretText;
use crate::time::UnixSeconds;
use crate::user::Profile;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteBuf;
use std::fmt;

/// A request of an operator.
#[derive(Debug, Serialize, Deserialize)]
pub enum AdminCall {
    /// Ask how the server is.
    ShowStatus,
    /// Run one `select` over the views. Answered by `Columns`, any number of `Rows`, then `RowsEnd`.
    Query {
        /// The statement.
        sql: String,
    },
    /// A page of one view, in a stable order. Answered like `Query`.
    ListRows(Listing<Open<View>>),
    /// One account.
    ShowAccount {
        /// Its name.
        name: String,
    },
    /// Make an account for somebody, who sets the password with the one-time code of the answer.
    CreateAccount {
        /// The name that is wanted.
        name: String,
        /// The profile; every field may be empty.
        profile: Profile,
    },
    /// Let nobody log in to an account, and end its sessions.
    SuspendAccount {
        /// Its name.
        name: String,
        /// Until when; for good when absent.
        until: Option<UnixSeconds>,
        /// Why; the user is told after a right password.
        reason: Option<String>,
    },
    /// Lift a suspension.
    ResumeAccount {
        /// Its name.
        name: String,
    },
    /// Delete an account; it can be restored for seven days.
    DeleteAccount {
        /// Its name.
        name: String,
    },
    /// Undo a deletion.
    RestoreAccount {
        /// Its name.
        name: String,
    },
    /// Hand somebody a one-time code to set a new password with. The old password works until it is redeemed.
    ResetAccount {
        /// Its name.
        name: String,
    },
    /// End a session.
    RevokeSession {
        /// Its public number.
        id: u64,
    },
    /// Take an operator's certificate out of use, at once and for good.
    RevokeOperator {
        /// The operator's name.
        name: String,
    },
    /// The line that a user types to trust this server.
    ShowJoinString,
    /// A backup of the database as it is at one moment, without keys. Answered by any number of `BackupChunk`, then
    /// `BackupEnd`.
    BackUp,
    /// Let an account or a source be tried again that failed too often.
    ClearThrottle {
        /// A name, a prefix as the view `throttle` shows it, or everything.
        subject: Option<String>,
    },
    /// Check the whole audit chain. Answered by any number of `AuditChecked`, then `AuditVerified`.
    VerifyAudit {
        /// What was written down elsewhere, to be compared.
        checkpoints: Vec<Checkpoint>,
    },
    /// The audit events behind one, in their order. Answered like `Query`; `next` of `RowsEnd` is the number to go on
    /// behind, also when there were no rows.
    FollowAudit {
        /// The columns to show, in this order; all when empty.
        columns: Vec<String>,
        /// A condition over the columns of the view `audit`, in SQL.
        filter: Option<String>,
        /// Where to begin.
        from: FollowFrom,
    },
    /// Begin to bring accounts in. Nothing changes before `FinishImport`; when the connection ends, nothing has.
    StartImport,
    /// More accounts for the import of this connection. Rows that are not bad wait; the others are named and dropped.
    ImportRows(Vec<ImportRow>),
    /// Make every account that waits, all in one act. Answered by any number of `ImportContinues`, then
    /// `ImportFinished`.
    FinishImport {
        /// How many have to wait; with another number nothing is done.
        accounts: u64,
    },
    /// Give the import of this connection up, as after a dry run.
    DropImport,
    /// Ask for the limits of the gate, as they are in force.
    ShowLimits,
    /// Read settings and certificates again. Answered by `SettingsRead`, or by `SettingsKept`.
    ReloadSettings,
    /// The first names of accounts that begin with this, for a person who types one.
    CompleteName {
        /// What was typed so far.
        prefix: String,
    },
}

impl AdminCall {
    /// Returns the name of the call, as `docs/PROTOCOL.md` has it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ShowStatus => "ShowStatus",
            Self::Query { .. } => "Query",
            Self::ListRows(_) => "ListRows",
            Self::ShowAccount { .. } => "ShowAccount",
            Self::CreateAccount { .. } => "CreateAccount",
            Self::SuspendAccount { .. } => "SuspendAccount",
            Self::ResumeAccount { .. } => "ResumeAccount",
            Self::DeleteAccount { .. } => "DeleteAccount",
            Self::RestoreAccount { .. } => "RestoreAccount",
            Self::ResetAccount { .. } => "ResetAccount",
            Self::RevokeSession { .. } => "RevokeSession",
            Self::RevokeOperator { .. } => "RevokeOperator",
            Self::ShowJoinString => "ShowJoinString",
            Self::BackUp => "BackUp",
            Self::ClearThrottle { .. } => "ClearThrottle",
            Self::VerifyAudit { .. } => "VerifyAudit",
            Self::FollowAudit { .. } => "FollowAudit",
            Self::StartImport => "StartImport",
            Self::ImportRows(_) => "ImportRows",
            Self::FinishImport { .. } => "FinishImport",
            Self::DropImport => "DropImport",
            Self::ShowLimits => "ShowLimits",
            Self::ReloadSettings => "ReloadSettings",
            Self::CompleteName { .. } => "CompleteName",
        }
    }
}

/// Where following the audit begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FollowFrom {
    /// With the newest so many events that the condition lets through; 0 for all.
    Newest(u64),
    /// Behind the event with this number.
    Behind(i64),
}

/// An answer to an operator. The first variant answers any call; each other one answers its own.
#[derive(Debug, Serialize, Deserialize)]
pub enum AdminReply {
    /// The call was not done; also after `Columns`, `Rows` and `BackupChunk`, when a stream breaks off.
    Refused(Refusal),
    /// Before the first reply on a connection, with the number 0.
    Greeting(Greeting),
    /// To `ShowStatus`.
    StatusShown(Status),
    /// The header of a row stream.
    Columns(Vec<String>),
    /// Some rows, each as long as the header.
    Rows(Vec<Vec<Cell>>),
    /// The end of a row stream.
    RowsEnd(RowsEnd),
    /// To `ShowAccount`.
    AccountShown(AccountDetail),
    /// To `CreateAccount` and `ResetAccount`.
    CodeIssued {
        /// The canonical name.
        name: String,
        /// The one-time code; shown once, stored only as a hash.
        code: SecretText,
        /// When it stops working.
        expires: UnixSeconds,
    },
    /// To `SuspendAccount`, `ResumeAccount`, `DeleteAccount` and `RestoreAccount`: the account as it is now.
    AccountChanged(AccountDetail),
    /// To `RevokeSession`.
    SessionRevoked,
    /// To `RevokeOperator`.
    OperatorRevoked,
    /// To `ShowJoinString`.
    JoinString(String),
    /// The next bytes of a backup.
    BackupChunk(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The end of a backup: only now it is whole.
    BackupEnd {
        /// How many bytes were sent.
        bytes: u64,
    },
    /// To `ClearThrottle`.
    ThrottleCleared {
        /// How many lanes are open again.
        lanes: u64,
    },
    /// That a check of the audit goes on.
    AuditChecked {
        /// How many events were checked so far.
        events: u64,
    },
    /// To `VerifyAudit`: the end of the check.
    AuditVerified(AuditVerdict),
    /// To `StartImport`.
    ImportStarted,
    /// To `ImportRows`: those of its rows that are not taken.
    RowsJudged(Vec<BadRow>),
    /// That an import goes on.
    ImportContinues {
        /// How many accounts were made so far. None of them is there before the end.
        accounts: u64,
    },
    /// To `FinishImport`: the accounts are there.
    ImportFinished {
        /// How many were made.
        accounts: u64,
        /// How many of them have a password.
        with_password: u64,
        /// How long other writes waited for this one, in microseconds.
        elapsed_us: u64,
    },
    /// To `DropImport`.
    ImportDropped,
    /// To `ShowLimits`: each limit once.
    LimitsShown(Vec<Limit>),
    /// To `ReloadSettings`: each key whose value in the file differs from the one in force before.
    SettingsRead(Vec<SettingChange>),
    /// To `ReloadSettings`, when settings or certificates cannot be used: nothing has changed, and a sentence says why.
    SettingsKept(String),
    /// To `Query`, `ListRows` and `FollowAudit`, in the place of `Refused`, where a program can point at what is wrong.
    QueryRefusedAt {
        /// As `Refused` would have it.
        refusal: Refusal,
        /// What is wrong, and where.
        fault: QueryFault,
    },
    /// To `CompleteName`.
    NamesCompleted {
        /// At most [`crate::limits::COMPLETED_NAMES_MAX`], in their order.
        names: Vec<String>,
        /// Whether others begin so, too.
        has_more: bool,
    },
}

impl Numbered for AdminCall {
    const KNOWN: u32 = 24;
}

impl ReplyBody for AdminReply {
    fn refused(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }

    fn greeting(greeting: Greeting) -> Self {
        Self::Greeting(greeting)
    }

    fn is_greeting(&self) -> bool {
        matches!(self, Self::Greeting(_))
    }
}

/// A limit of the gate: `at_once`, then one more each time that `interval_ms` passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Its key in `vestryd.toml`. A reader skips one that it does not know.
    pub key: String,
    /// How many are allowed without a pause.
    pub at_once: u64,
    /// Milliseconds; absent where no time brings another.
    pub interval_ms: Option<u64>,
}

/// A setting that was read again. Values are spelled as in `vestryd.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// Its key in `vestryd.toml`.
    pub key: String,
    /// The value that was in force; it stays when a restart is needed.
    pub was: String,
    /// The value that the file has now.
    pub is: String,
    /// Whether the server takes it up when it starts, and not before.
    pub needs_restart: bool,
}

/// One of the operator's views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// One row an account.
    Accounts,
    /// One row a live session.
    Sessions,
    /// One row an audit event.
    Audit,
    /// One row an operator.
    Operators,
}

impl Numbered for View {
    const KNOWN: u32 = 4;
}

/// A page of a view. On the wire the view may be one that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing<V = View> {
    /// Of what.
    pub view: V,
    /// The columns to show, in this order; all when empty.
    pub columns: Vec<String>,
    /// A condition over the view's columns, in SQL.
    pub filter: Option<String>,
    /// The column to sort by; the view's own key when absent.
    pub sort: Option<String>,
    /// From the highest to the lowest.
    pub descending: bool,
    /// How many rows at most; 0 for all.
    pub limit: u64,
    /// Where the page before this one ended, as its `RowsEnd` said.
    pub after: Option<String>,
}

impl From<Listing> for Listing<Open<View>> {
    fn from(listing: Listing) -> Self {
        let Listing { view, columns, filter, sort, descending, limit, after } = listing;
        Self { view: view.into(), columns, filter, sort, descending, limit, after }
    }
}

impl Listing<Open<View>> {
    /// The same, when the view is one of this version.
    #[must_use]
    pub fn known(self) -> Option<Listing> {
        let Self { view, columns, filter, sort, descending, limit, after } = self;
        let view = *view.known()?;
        Some(Listing { view, columns, filter, sort, descending, limit, after })
    }
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text, as it is stored: escape it before printing.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
    /// A kind of value that a later version has.
    Unknown(Item),
}

/// As [`Open`] would write it, without a copy of the content: rows are many.
impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => (0_u32, 0_u64).serialize(serializer),
            Self::Integer(value) => (1_u32, varint_bytes(zigzag(*value)), value).serialize(serializer),
            Self::Real(value) => (2_u32, 8_u64, value).serialize(serializer),
            Self::Text(text) => (3_u32, length_and(text.len()), text).serialize(serializer),
            Self::Blob(bytes) => {
                (4_u32, length_and(bytes.len()), serde_bytes::Bytes::new(bytes)).serialize(serializer)
            }
            Self::Unknown(item) => item.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let item = Item::deserialize(deserializer)?;
        let content = item.content.as_slice();
        let read = match item.number {
            0 if content.is_empty() => Ok(Self::Null),
            1 => decode::<_, CELL_BUDGET_BYTES>(content).map(Self::Integer),
            2 => decode::<_, CELL_BUDGET_BYTES>(content).map(Self::Real),
            3 => decode::<_, CELL_BUDGET_BYTES>(content).map(Self::Text),
            4 => decode::<ByteBuf, CELL_BUDGET_BYTES>(content).map(|bytes| Self::Blob(bytes.into_vec())),
            0 => Err(CodecError::Malformed),
            _ => Ok(Self::Unknown(item)),
        };
        read.map_err(D::Error::custom)
    }
}

/// A cell comes in a reply, and claims no more than one.
const CELL_BUDGET_BYTES: usize = REPLY_BYTES_MAX;

fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

/// How long a number is on the wire.
fn varint_bytes(value: u64) -> u64 {
    match value {
        0..=250 => 1,
        251..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

/// How long bytes are behind their length.
fn length_and(bytes: usize) -> u64 {
    varint_bytes(bytes as u64) + bytes as u64
}

/// How a row stream ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsEnd {
    /// How many rows were sent.
    pub rows: u64,
    /// How long the server worked, in microseconds.
    pub elapsed_us: u64,
    /// For a listing with more rows: what to send as `after` for the next page.
    pub next: Option<String>,
}

/// An account as an operator sees it. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDetail {
    /// The canonical name.
    pub name: String,
    /// The profile.
    pub profile: Profile,
    /// Whether it can be used.
    pub state: Open<AccountState>,
    /// How its password is kept.
    pub credential: Open<Credential>,
    /// When it was made.
    pub created: UnixSeconds,
    /// The last login, if there was one.
    pub last_login: Option<UnixSeconds>,
    /// How many sessions are open.
    pub sessions: u64,
    /// Fields of later versions.
    pub later: Later,
}

/// Whether an account can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountState {
    /// It can.
    Active,
    /// Nobody can log in to it.
    Suspended {
        /// Until when, if not for good.
        until: Option<UnixSeconds>,
        /// Why.
        reason: Option<String>,
    },
    /// It is deleted.
    Deleted {
        /// Until when it can be restored.
        restorable_until: UnixSeconds,
    },
}

impl Numbered for AccountState {
    const KNOWN: u32 = 3;
}

impl fmt::Display for AccountState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Suspended { .. } => "suspended",
            Self::Deleted { .. } => "deleted",
        })
    }
}

/// How the password of an account is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Credential {
    /// There is none until a one-time code is redeemed.
    None,
    /// As the hash that it was imported with, until the first login.
    Imported,
    /// As an OPAQUE record.
    Opaque,
}

impl Numbered for Credential {
    const KNOWN: u32 = 3;
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Imported => "imported",
            Self::Opaque => "opaque",
        })
    }
}

/// How the server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version of `vestryd`.
    pub version: String,
    /// Seconds since it started.
    pub uptime_secs: u64,
    /// Where users connect.
    pub listen: String,
    /// Open connections on the user port.
    pub connections: u64,
    /// How many it takes at most.
    pub connections_max: u64,
    /// Accounts that are not deleted.
    pub accounts: u64,
    /// Accounts that are suspended.
    pub accounts_suspended: u64,
    /// Accounts that are deleted and can be restored.
    pub accounts_deleted: u64,
    /// Sessions that have not expired.
    pub sessions: u64,
    /// The size of the database with its write-ahead log.
    pub database_bytes: u64,
    /// When the server's certificate ends.
    pub certificate_expires: UnixSeconds,
    /// The pin of its CA.
    pub pin: String,
    /// Passwords that wait to be hashed.
    pub hashing_queue: u64,
    /// Attempts that were begun and have no outcome yet: logins, proofs, registrations.
    pub attempts_under_way: u64,
    /// Registrations that are used up of those that everybody together has in an hour.
    pub registrations: u64,
    /// Of so many; then only accounts that an operator makes are taken, until some time has passed.
    pub registrations_max: u64,
    /// Who asks.
    pub operator: String,
    /// The role of who asks.
    pub role: String,
    /// How far password records have moved to a new OPAQUE key, while they do.
    pub opaque_rotation: Option<OpaqueRotation>,
    /// The last jump of the server's clock, for 30 days.
    pub clock_jump: Option<ClockJump>,
}

/// A clock that was suddenly somewhere else: set right, set wrong, or a server that was off for long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockJump {
    /// What it should have said, or said when the server was last seen.
    pub from: UnixSeconds,
    /// What it said.
    pub to: UnixSeconds,
}

/// How far password records have moved to a new OPAQUE key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpaqueRotation {
    /// When the new key was made.
    pub began: UnixSeconds,
    /// Records that are of the new key.
    pub moved: u64,
    /// Records that are of the key that it replaces.
    pub left: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encode;

    #[test]
    fn a_cell_is_written_as_any_item_is() {
        let texts = ["", "x", &"x".repeat(250), &"x".repeat(251), &"ä".repeat(40_000)];
        let numbers = [0, 1, -1, 125, -126, i64::from(i32::MAX), i64::MIN, i64::MAX];
        let mut cells =
            vec![Cell::Null, Cell::Real(-0.5), Cell::Unknown(Item { number: 9, content: vec![1] })];
        cells.extend(numbers.map(Cell::Integer));
        cells.extend(texts.map(|text| Cell::Text(text.to_owned())));
        cells.extend(texts.map(|text| Cell::Blob(text.as_bytes().to_vec())));
        for cell in cells {
            let bytes = encode(&cell).unwrap();
            let item = decode::<Item, REPLY_BYTES_MAX>(&bytes).unwrap();
            assert_eq!(*encode(&item).unwrap(), *bytes, "{cell:?}");
            assert_eq!(decode::<Cell, REPLY_BYTES_MAX>(&bytes).unwrap(), cell);
        }
    }

    #[test]
    fn a_cell_whose_content_is_not_what_its_number_says_is_none() {
        for bad in [&[0, 1, 0][..], &[1, 0], &[1, 2, 2, 2], &[2, 7, 0, 0, 0, 0, 0, 0, 0], &[3, 2, 2, b'x']] {
            assert!(decode::<Cell, 64>(bad).is_err(), "{bad:?} was taken");
        }
    }
}
