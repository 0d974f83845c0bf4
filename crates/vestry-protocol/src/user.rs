//! What the user port can be asked and what it may answer.
//!
//! Variants are numbered by their order and never change once released: new ones are appended. Text in them is
//! as it was sent; whoever acts on it parses it into [`crate::fields`] first.

use crate::UnixSeconds;
use crate::refusal::Refusal;
use crate::secret::{SecretText, SessionToken};
use serde::{Deserialize, Serialize};

/// A request of a user.
#[derive(Debug, Serialize, Deserialize)]
pub enum UserCall {
    /// Ask what this server is and what it expects of a new password. Needs no session.
    DescribeServer,
    /// Make an account. Opens no session.
    Register(Registration),
    /// Trade a name and a password for a session.
    LogIn {
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
    /// Read one's own account.
    ShowAccount,
    /// Change one's profile.
    UpdateAccount(ProfileUpdate),
    /// Set a new password, and end every session but a new one that the answer carries.
    ChangePassword {
        /// The password until now.
        current: SecretText,
        /// The password from now on.
        new: SecretText,
    },
    /// Delete one's account. The operator can undo it for seven days.
    DeleteAccount {
        /// The current password.
        password: SecretText,
    },
    /// List one's sessions.
    ListSessions,
    /// End one of one's sessions.
    RevokeSession {
        /// The session's public number.
        id: u64,
    },
    /// End this session, or all of one's sessions.
    LogOut {
        /// All of them.
        everywhere: bool,
    },
    /// Trade the operator's one-time code for a password of one's own. Opens no session; ends all there are.
    RedeemResetCode {
        /// The account.
        name: String,
        /// The code that the operator handed over.
        code: SecretText,
        /// The password from now on.
        new: SecretText,
    },
    /// OPAQUE registration, first half (RFC 9807, 5.1): evaluate a blinded password for a name. Needs no session.
    StartRegistration {
        /// The name that is wanted.
        name: String,
        /// A `RegistrationRequest`: 32 bytes.
        #[serde(with = "serde_bytes")]
        request: Vec<u8>,
    },
    /// OPAQUE registration, second half: make the account. Opens no session.
    FinishRegistration {
        /// The name that is wanted; the same as in the first half.
        name: String,
        /// What the client made of the answer.
        envelope: Envelope,
        /// The profile; every field may be empty.
        profile: Profile,
    },
    /// OPAQUE login, first message (RFC 9807, 6.1). Needs no session.
    StartLogin {
        /// The account.
        name: String,
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
    },
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
    /// A new password for the account of this session, first half. Needs a proof, which stays.
    StartNewPassword {
        /// A `RegistrationRequest`: 32 bytes.
        #[serde(with = "serde_bytes")]
        request: Vec<u8>,
    },
    /// A new password, second half. Uses up the proof, and ends every session but a new one that the answer carries.
    FinishNewPassword {
        /// What the client made of the answer.
        envelope: Envelope,
    },
    /// Move an account from a password hash to OPAQUE, after a login with the password on this connection. Uses up
    /// that login's proof; the hash goes when a proof by OPAQUE succeeds.
    FinishMigration {
        /// What the client made of the answer to `StartNewPassword`.
        envelope: Envelope,
    },
    /// Delete one's account, with a proof instead of the password.
    DeleteProvenAccount,
    /// A one-time code for a new password, first half. Needs no session.
    StartReset {
        /// The account.
        name: String,
        /// A `RegistrationRequest`: 32 bytes.
        #[serde(with = "serde_bytes")]
        request: Vec<u8>,
    },
    /// A one-time code for a new password, second half. Opens no session; ends all there are.
    FinishReset {
        /// The account.
        name: String,
        /// The code that the operator handed over.
        code: SecretText,
        /// What the client made of the answer.
        envelope: Envelope,
    },
    /// Say that this device logged in before: its tries are then counted by themselves. Needs no session.
    PresentDevice {
        /// The token of `DeviceRemembered`.
        token: SessionToken,
    },
    /// Remember this device, so that strangers' failures do not hold it up.
    RememberDevice,
    /// How often the password was wrong between the login on this connection and the one before it.
    ShowFailures,
}

/// An answer to a user. The first variant answers any call; each other one answers its own.
#[derive(Debug, Serialize, Deserialize)]
pub enum UserReply {
    /// The call was not done.
    Refused(Refusal),
    /// To `DescribeServer`.
    ServerDescribed(ServerDescription),
    /// To `Register`.
    Registered {
        /// The name in its canonical form.
        name: String,
    },
    /// To `LogIn`.
    LoggedIn(NewSession),
    /// To `ResumeSession`.
    SessionResumed {
        /// Whose session it is.
        name: String,
    },
    /// To `ShowAccount`.
    AccountShown(Account),
    /// To `UpdateAccount`: the account as it is now.
    AccountUpdated(Account),
    /// To `ChangePassword`: every session before this one has ended.
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
    /// To `RedeemResetCode`.
    PasswordReset {
        /// The name in its canonical form.
        name: String,
    },
    /// To `StartRegistration`, `StartNewPassword` and `StartReset`.
    RegistrationStarted {
        /// A `RegistrationResponse`: 64 bytes.
        #[serde(with = "serde_bytes")]
        response: Vec<u8>,
        /// What stretching a new password must cost the client.
        stretching: Stretching,
    },
    /// To `StartLogin` and `StartProof`.
    LoginStarted {
        /// KE2: 320 bytes. For a name without an account, and one without OPAQUE, as good as a real one.
        #[serde(with = "serde_bytes")]
        ke2: Vec<u8>,
        /// What stretching this password costs the client.
        stretching: Stretching,
        /// Whether this server still takes passwords themselves, for accounts that were never moved to OPAQUE.
        takes_passwords: bool,
    },
    /// To `FinishProof`.
    PasswordProven,
    /// To `FinishMigration`.
    CredentialMigrated,
    /// To `PresentDevice`.
    DevicePresented {
        /// Whether the token is of a device that is known.
        known: bool,
    },
    /// To `RememberDevice`.
    DeviceRemembered {
        /// What to present before the next login. It opens nothing.
        token: SessionToken,
    },
    /// To `ShowFailures`.
    FailuresShown {
        /// Wrong and broken-off attempts, whoever made them.
        since_last_login: u64,
    },
}

/// What a client makes of a new password: everything that the server keeps of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// A `RegistrationUpload`: 192 bytes.
    #[serde(with = "serde_bytes")]
    pub upload: Vec<u8>,
    /// What stretching cost the client; served at each login.
    pub stretching: Stretching,
}

/// What Argon2id costs a client between its password and OPAQUE (RFC 9807, 2.2: the key stretching function).
/// [`crate::fields::StretchingCost`] has the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretching {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// What a new account starts with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Registration {
    /// The name that is wanted.
    pub name: String,
    /// The password that is wanted.
    pub password: SecretText,
    /// The profile; every field may be empty.
    pub profile: Profile,
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
    /// The e-mail address; a change asks for the password.
    pub email: Change<String>,
    /// The age.
    pub age: Change<u16>,
    /// The gender.
    pub gender: Change<String>,
    /// The current password, when the e-mail address changes.
    pub password: Option<SecretText>,
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
