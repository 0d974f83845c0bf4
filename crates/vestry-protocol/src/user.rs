//! What the user port can be asked and what it may answer.
//!
//! Variants are numbered by their order and never change once released: new ones are appended. Text in them is
//! as it was sent; whoever acts on it parses it into [`crate::fields`] first.

pub use crate::fields::Stretching;
use crate::greeting::{Greeting, ReplyBody};
use crate::item::{Later, Numbered, Open};
use crate::refusal::Refusal;
use crate::secret::{DeviceToken, SecretText, SessionToken};
use crate::time::UnixSeconds;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A request of a user.
#[derive(Debug, Serialize, Deserialize)]
pub enum UserCall {
    /// Ask what this server is and what it expects of a new password. Needs no session.
    DescribeServer,
    /// OPAQUE registration, first half (RFC 9807, 5.1): evaluate a blinded password for a name. Needs no session.
    StartRegistration {
        /// The name that is wanted.
        name: String,
        /// A `RegistrationRequest`: 32 bytes.
        #[serde(with = "serde_bytes")]
        request: Vec<u8>,
        /// What an operator invited with. No server takes one yet.
        invitation: Option<SecretText>,
    },
    /// OPAQUE registration, second half: make the account whose name this connection asked for. Opens no session.
    FinishRegistration {
        /// What the client made of the answer.
        envelope: Envelope,
        /// The profile; every field may be empty.
        profile: Profile,
    },
    /// OPAQUE login, first message (RFC 9807, 6.1). Needs no session.
    StartLogin {
        /// The account.
        name: String,
        /// The token of a device that logged in to this account before: its attempts have a lane of their own.
        device_token: Option<DeviceToken>,
        /// KE1: 96 bytes.
        #[serde(with = "serde_bytes")]
        ke1: Vec<u8>,
    },
    /// OPAQUE login, third message: trade a finished key exchange for a session.
    FinishLogin {
        /// KE3: 64 bytes.
        #[serde(with = "serde_bytes")]
        ke3: Vec<u8>,
        /// What to call this device in the list of sessions.
        device: String,
        /// The witness of the last login of this account on this device, unread; else nothing. 128 bytes at most.
        #[serde(with = "serde_bytes")]
        witness: Vec<u8>,
    },
    /// The first login of an account that was imported with a password hash: the only call that takes a password. The
    /// server seals an OPAQUE record of it in the same act. Continues the attempt of a `StartLogin` of the same name.
    LogInImported {
        /// The account.
        name: String,
        /// Its password.
        password: SecretText,
        /// What to call this device in the list of sessions.
        device: String,
    },
    /// Go on with a session on a new connection.
    ResumeSession {
        /// The token from the login.
        token: SessionToken,
    },
    /// A one-time code for a new password, first half: the code is judged before anything is evaluated. Needs no session.
    StartReset {
        /// The account.
        name: String,
        /// The code that the operator handed over.
        code: SecretText,
        /// A `RegistrationRequest`: 32 bytes.
        #[serde(with = "serde_bytes")]
        request: Vec<u8>,
    },
    /// A one-time code for a new password, second half, for the account and by the code of the first. Opens no session;
    /// ends all there are.
    FinishReset {
        /// What the client made of the answer.
        envelope: Envelope,
    },
    /// Read one's own account.
    ShowAccount,
    /// Change one's profile. A changed e-mail address needs a proof, and uses it up.
    UpdateAccount(ProfileUpdate),
    /// Prove the password again within a session, first message.
    StartProof {
        /// KE1: 96 bytes.
        #[serde(with = "serde_bytes")]
        ke1: Vec<u8>,
    },
    /// Prove the password again within a session, third message. The next call on this connection that asks for the
    /// password uses the proof up.
    FinishProof {
        /// KE3: 64 bytes.
        #[serde(with = "serde_bytes")]
        ke3: Vec<u8>,
    },
    /// A new password for the account of this session, first half. Uses up the proof.
    StartNewPassword {
        /// A `RegistrationRequest`: 32 bytes.
        #[serde(with = "serde_bytes")]
        request: Vec<u8>,
    },
    /// A new password, second half. Ends every session but a new one that the answer carries.
    FinishNewPassword {
        /// What the client made of the answer.
        envelope: Envelope,
    },
    /// Delete one's account. Needs a proof. The operator can undo it for seven days.
    DeleteAccount,
    /// List one's sessions.
    ListSessions,
    /// End one of one's sessions.
    RevokeSession {
        /// The session's public number.
        id: u64,
    },
    /// End this session, or all of one's sessions; then the devices are forgotten too.
    LogOut {
        /// All of them.
        everywhere: bool,
    },
    /// Remember this device, so that strangers' failures do not throttle it: once, on the connection that logged in.
    RememberDevice,
    /// List the devices that are remembered.
    ListDevices,
    /// Forget one of them.
    ForgetDevice {
        /// The device's public number.
        id: u64,
    },
    /// What the user should know of attempts at the account and of its password.
    ShowNotices,
    /// The same password under the server's new key, first half: once, on the connection whose login said so.
    StartRecordMove {
        /// A `RegistrationRequest`: 32 bytes.
        #[serde(with = "serde_bytes")]
        request: Vec<u8>,
    },
    /// The same password under the server's new key, second half. Ends every other session and forgets every device.
    FinishRecordMove {
        /// What the client made of the answer.
        envelope: Envelope,
    },
}

impl UserCall {
    /// Returns the name of the call, as `docs/PROTOCOL.md` has it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::DescribeServer => "DescribeServer",
            Self::StartRegistration { .. } => "StartRegistration",
            Self::FinishRegistration { .. } => "FinishRegistration",
            Self::StartLogin { .. } => "StartLogin",
            Self::FinishLogin { .. } => "FinishLogin",
            Self::LogInImported { .. } => "LogInImported",
            Self::ResumeSession { .. } => "ResumeSession",
            Self::StartReset { .. } => "StartReset",
            Self::FinishReset { .. } => "FinishReset",
            Self::ShowAccount => "ShowAccount",
            Self::UpdateAccount(_) => "UpdateAccount",
            Self::StartProof { .. } => "StartProof",
            Self::FinishProof { .. } => "FinishProof",
            Self::StartNewPassword { .. } => "StartNewPassword",
            Self::FinishNewPassword { .. } => "FinishNewPassword",
            Self::DeleteAccount => "DeleteAccount",
            Self::ListSessions => "ListSessions",
            Self::RevokeSession { .. } => "RevokeSession",
            Self::LogOut { .. } => "LogOut",
            Self::RememberDevice => "RememberDevice",
            Self::ListDevices => "ListDevices",
            Self::ForgetDevice { .. } => "ForgetDevice",
            Self::ShowNotices => "ShowNotices",
            Self::StartRecordMove { .. } => "StartRecordMove",
            Self::FinishRecordMove { .. } => "FinishRecordMove",
        }
    }
}

/// An answer to a user. The first variant answers any call; each other one answers its own.
#[derive(Debug, Serialize, Deserialize)]
pub enum UserReply {
    /// The call was not done.
    Refused(Refusal),
    /// Before the first reply on a connection, with the number 0.
    Greeting(Greeting),
    /// To `DescribeServer`.
    ServerDescribed(ServerDescription),
    /// To `StartRegistration`, `StartReset`, `StartNewPassword` and `StartRecordMove`.
    NewPasswordStarted {
        /// A `RegistrationResponse`: 64 bytes.
        #[serde(with = "serde_bytes")]
        response: Vec<u8>,
        /// What stretching the new password has to cost the client. An envelope with another cost is refused.
        stretching: Stretching,
    },
    /// To `FinishRegistration`.
    Registered {
        /// The name in its canonical form.
        name: String,
    },
    /// To `StartLogin` and `StartProof`.
    LoginStarted {
        /// KE2: 320 bytes. For a name without an account, and one without OPAQUE, as good as a real one.
        #[serde(with = "serde_bytes")]
        ke2: Vec<u8>,
        /// What stretching this password costs the client.
        stretching: Stretching,
    },
    /// To `FinishLogin` and `LogInImported`.
    LoggedIn(NewSession),
    /// To `ResumeSession`.
    SessionResumed {
        /// Whose session it is.
        name: String,
    },
    /// To `FinishReset`.
    PasswordReset {
        /// The name in its canonical form.
        name: String,
        /// Who issued the code.
        code: CodeIssued,
    },
    /// To `ShowAccount`.
    AccountShown(Account),
    /// To `UpdateAccount`: the account as it is now.
    AccountUpdated(Account),
    /// To `FinishProof`.
    PasswordProven,
    /// To `FinishNewPassword`: every session before this one has ended.
    PasswordChanged(NewSession),
    /// To `DeleteAccount`.
    AccountDeleted {
        /// Until when the operator can undo it.
        restorable_until: UnixSeconds,
    },
    /// To `ListSessions`, newest first.
    SessionsListed(Vec<Session>),
    /// To `RevokeSession`.
    SessionRevoked,
    /// To `LogOut`.
    LoggedOut {
        /// How many sessions ended.
        sessions_ended: u64,
    },
    /// To `RememberDevice`.
    DeviceRemembered {
        /// What to send with the next login. It opens nothing.
        token: DeviceToken,
    },
    /// To `ListDevices`, the one that was used last first.
    DevicesListed(Vec<RememberedDevice>),
    /// To `ForgetDevice`.
    DeviceForgotten,
    /// To `ShowNotices`.
    NoticesShown(Notices),
    /// To `FinishLogin`, between the proof and the session: the account wants another factor. No server asks for one yet.
    LoginContinues {
        /// Those that will do.
        factors: Vec<Open<Factor>>,
    },
    /// To `FinishRecordMove`.
    RecordMoved {
        /// How many other sessions ended.
        sessions_ended: u64,
    },
}

impl Numbered for UserCall {
    const KNOWN: u32 = 25;
}

impl ReplyBody for UserReply {
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

/// What proves a person beside the password. There is none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factor {}

impl Numbered for Factor {
    const KNOWN: u32 = 0;
}

impl fmt::Display for Factor {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// What the user should know of attempts at the account and of its password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    /// Failed attempts, at a login or within a session, between the login on this connection and the one before it, whoever made them.
    pub failures_since_last_login: u64,
    /// The password was imported and breaks a rule that new ones have to keep.
    pub password_is_weak: bool,
    /// The password was set with a one-time code in the last 30 days.
    pub password_set_with_code: Option<SetWithCode>,
    /// When a login moved the password record to the server's new key, in the last 30 days.
    pub record_moved: Option<UnixSeconds>,
}

/// Who issued a one-time code, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeIssued {
    /// The operator's name.
    pub by: String,
    /// When.
    pub at: UnixSeconds,
}

/// A password that was set with a one-time code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetWithCode {
    /// Who issued the code.
    pub issued: CodeIssued,
    /// When the code was redeemed.
    pub redeemed: UnixSeconds,
}

/// What a client makes of a new password: everything that the server keeps of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// A `RegistrationUpload`: 192 bytes.
    #[serde(with = "serde_bytes")]
    pub upload: Vec<u8>,
    /// What stretching cost the client: what the server asked for.
    pub stretching: Stretching,
}

/// What an account says of its person; all of it is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// An e-mail address; syntax only.
    pub email: Option<String>,
    /// Whole years.
    pub age: Option<u16>,
    /// Free text.
    pub gender: Option<String>,
}

/// What becomes of one field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// It becomes empty.
    Clear,
    /// It becomes this.
    Set(T),
}

/// Changes to a profile, done all or none.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ProfileUpdate {
    /// The e-mail address; a change needs a proof of the password.
    pub email: Change<String>,
    /// The age.
    pub age: Change<u16>,
    /// The gender.
    pub gender: Change<String>,
}

/// An account as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The canonical name.
    pub name: String,
    /// The profile.
    pub profile: Profile,
    /// When it was made.
    pub created: UnixSeconds,
    /// The last login, if there was one.
    pub last_login: Option<UnixSeconds>,
    /// Fields of later versions.
    pub later: Later,
}

/// A session that was just opened.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewSession {
    /// What resumes it; the server keeps only a hash.
    pub token: SessionToken,
    /// The canonical name.
    pub name: String,
    /// The login before this one, if there was one.
    pub last_login: Option<UnixSeconds>,
    /// When it ends at the latest.
    pub expires: UnixSeconds,
    /// How long it lives without a request, in seconds.
    pub idle_secs_max: u64,
    /// Whether the device token of the login is of a device that is remembered for this account.
    pub device_known: bool,
    /// Whether the password record is of a key that the server is replacing: move it now (`StartRecordMove`).
    pub move_record: bool,
    /// What to send with the next `FinishLogin` of this account on this device, unread: 128 bytes at most, none today.
    #[serde(with = "serde_bytes")]
    pub witness: Vec<u8>,
    /// Fields of later versions.
    pub later: Later,
}

/// A session in its owner's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The public number, to revoke it by; it resumes nothing.
    pub id: u64,
    /// What its client called the device.
    pub device: String,
    /// The address that it was opened from.
    pub source: String,
    /// When it was opened.
    pub created: UnixSeconds,
    /// When it was last used, to the minute.
    pub last_used: UnixSeconds,
    /// When it ends at the latest.
    pub expires: UnixSeconds,
    /// Whether it is the one that asks.
    pub current: bool,
    /// Fields of later versions.
    pub later: Later,
}

/// A remembered device in its owner's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedDevice {
    /// The public number, to forget it by.
    pub id: u64,
    /// What its client called it when it logged in.
    pub device: String,
    /// When it was remembered.
    pub created: UnixSeconds,
    /// When it logged in last, to the day.
    pub last_used: UnixSeconds,
}

/// What a server says of itself to anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDescription {
    /// The version of `vestryd`.
    pub version: String,
    /// Whether anybody may register.
    pub registration_open: bool,
    /// The fewest characters of a new password.
    pub password_chars_min: u64,
    /// The server's clock.
    pub now: UnixSeconds,
}
