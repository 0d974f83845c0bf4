//! A message of either port in either direction: to bytes, from bytes, and to the JSON that other
//! implementations compare with. Every reply is named here, and every call in the protocol, so that a new one
//! does not compile without a name for its vectors.

use super::{Direction, Port, State};
use data_encoding::HEXLOWER;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use vestry_protocol::admin::{AdminCall, AdminReply, Cell};
use vestry_protocol::codec::{CodecError, Unreadable, append_frame, decode, decode_request};
use vestry_protocol::item::Numbered;
use vestry_protocol::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use vestry_protocol::refusal::{Detail, Refusal};
use vestry_protocol::user::{UserCall, UserReply};
use vestry_protocol::{Reply, Request};

/// Anything that either side can say.
#[derive(Debug)]
pub enum Message {
    /// From a user.
    UserRequest(Request<UserCall>),
    /// To a user.
    UserReply(Reply<UserReply>),
    /// From an operator.
    AdminRequest(Request<AdminCall>),
    /// To an operator.
    AdminReply(Reply<AdminReply>),
}

impl Message {
    /// Reads a whole payload as the receiver on that port would.
    ///
    /// # Errors
    /// When it is not such a message.
    pub fn decode(port: Port, direction: Direction, payload: &[u8]) -> Result<Self, CodecError> {
        fn request<T: DeserializeOwned + Numbered>(payload: &[u8]) -> Result<Request<T>, CodecError> {
            decode::<Request<T>, REQUEST_BYTES_MAX>(payload)
        }
        fn reply<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CodecError> {
            decode::<T, REPLY_BYTES_MAX>(payload)
        }
        match (port, direction) {
            (Port::User, Direction::Request) => request(payload).map(Self::UserRequest),
            (Port::User, Direction::Reply) => reply(payload).map(Self::UserReply),
            (Port::Admin, Direction::Request) => request(payload).map(Self::AdminRequest),
            (Port::Admin, Direction::Reply) => reply(payload).map(Self::AdminReply),
        }
    }

    /// Whether a payload is a request whose call belongs to a later version.
    #[must_use]
    pub fn is_unsupported(port: Port, direction: Direction, payload: &[u8]) -> bool {
        fn of<T: DeserializeOwned + Numbered>(payload: &[u8]) -> bool {
            let read = decode_request::<T, REQUEST_BYTES_MAX>(payload);
            matches!(read, Err(Unreadable::Unsupported { .. }))
        }
        match (port, direction) {
            (_, Direction::Reply) => false,
            (Port::User, Direction::Request) => of::<UserCall>(payload),
            (Port::Admin, Direction::Request) => of::<AdminCall>(payload),
        }
    }

    /// The message on the wire, with its length prefix.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        let mut frame = Vec::new();
        let appended = match self {
            Self::UserRequest(request) => append_frame(&mut frame, request, REQUEST_BYTES_MAX),
            Self::UserReply(reply) => append_frame(&mut frame, reply, REPLY_BYTES_MAX),
            Self::AdminRequest(request) => append_frame(&mut frame, request, REQUEST_BYTES_MAX),
            Self::AdminReply(reply) => append_frame(&mut frame, reply, REPLY_BYTES_MAX),
        };
        appended.expect("a message of the tests fits a frame");
        frame
    }

    /// Which listener it is for.
    #[must_use]
    pub fn port(&self) -> Port {
        match self {
            Self::UserRequest(_) | Self::UserReply(_) => Port::User,
            Self::AdminRequest(_) | Self::AdminReply(_) => Port::Admin,
        }
    }

    /// Who says it.
    #[must_use]
    pub fn direction(&self) -> Direction {
        match self {
            Self::UserRequest(_) | Self::AdminRequest(_) => Direction::Request,
            Self::UserReply(_) | Self::AdminReply(_) => Direction::Reply,
        }
    }

    /// When it makes sense: most calls of a user need a session.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            Self::UserRequest(request) if needs_session(&request.call) => State::AfterLogin,
            Self::UserRequest(_) | Self::UserReply(_) | Self::AdminRequest(_) | Self::AdminReply(_) => {
                State::Any
            }
        }
    }

    /// What the names of this variant's vectors begin with.
    #[must_use]
    pub fn group(&self) -> String {
        match self {
            Self::UserRequest(request) => format!("user/request-{}", kebab_case(request.call.name())),
            Self::UserReply(reply) => format!("user/reply-{}", of_user_reply(&reply.body)),
            Self::AdminRequest(request) => format!("admin/request-{}", kebab_case(request.call.name())),
            Self::AdminReply(reply) => format!("admin/reply-{}", of_admin_reply(&reply.body)),
        }
    }

    /// The variant as the code names it.
    #[must_use]
    pub fn variant(&self) -> String {
        let value = self.value();
        let body = value.get("call").or(value.get("body")).expect("a message has a call or a body");
        match body {
            Value::String(unit) => unit.clone(),
            other => other.as_object().and_then(|object| object.keys().next().cloned()).unwrap_or_default(),
        }
    }

    /// The message as JSON: structures are objects, a variant without fields is its name, any other is an object
    /// with its name as the only key; bytes and floating-point numbers are hexadecimal.
    #[must_use]
    pub fn value(&self) -> Value {
        match self {
            Self::UserRequest(request) => spelled(request),
            Self::AdminRequest(request) => spelled(request),
            Self::UserReply(Reply { id, body: UserReply::Refused(refusal) })
            | Self::AdminReply(Reply { id, body: AdminReply::Refused(refusal) }) => {
                json!({ "id": id, "body": { "Refused": of_refusal(refusal) } })
            }
            Self::UserReply(reply) => spelled(reply),
            Self::AdminReply(Reply { id, body: AdminReply::QueryRefusedAt { refusal, fault } }) => {
                let said = json!({ "refusal": of_refusal(refusal), "fault": spelled(fault) });
                json!({ "id": id, "body": { "QueryRefusedAt": said } })
            }
            Self::AdminReply(Reply { id, body: AdminReply::Rows(rows) }) => {
                let rows: Vec<Vec<Value>> =
                    rows.iter().map(|row| row.iter().map(of_cell).collect()).collect();
                json!({ "id": id, "body": { "Rows": rows } })
            }
            Self::AdminReply(reply) => spelled(reply),
        }
    }
}

/// The fields that hold bytes.
const FIELDS_OF_BYTES: [&str; 11] = [
    "token",
    "device_token",
    "request",
    "response",
    "upload",
    "ke1",
    "ke2",
    "ke3",
    "witness",
    "content",
    "BackupChunk",
];

/// As serde_json spells it, but bytes in hexadecimal.
fn spelled(message: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(message).expect("every message has a JSON form");
    spell_bytes(&mut value);
    value
}

fn spell_bytes(value: &mut Value) {
    if let Some(list) = value.as_array_mut() {
        list.iter_mut().for_each(spell_bytes);
    }
    let Some(object) = value.as_object_mut() else { return };
    for (key, inner) in object.iter_mut() {
        match inner.as_array() {
            Some(bytes) if FIELDS_OF_BYTES.contains(&key.as_str()) => *inner = Value::String(hex_of(bytes)),
            _ => spell_bytes(inner),
        }
    }
}

fn hex_of(bytes: &[Value]) -> String {
    let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
    HEXLOWER.encode(&bytes.iter().filter_map(byte).collect::<Vec<u8>>())
}

fn of_cell(cell: &Cell) -> Value {
    match cell {
        Cell::Null => json!("Null"),
        Cell::Integer(number) => json!({ "Integer": number }),
        Cell::Real(number) => json!({ "Real": format!("{:016x}", number.to_bits()) }),
        Cell::Text(text) => json!({ "Text": text }),
        Cell::Blob(bytes) => json!({ "Blob": HEXLOWER.encode(bytes) }),
        Cell::Unknown(item) => json!({ "Unknown": spelled(item) }),
    }
}

/// The code is spelled like any other value that may grow.
fn of_refusal(refusal: &Refusal) -> Value {
    let code = match (refusal.known_code(), refusal.detail()) {
        (None, _) => json!({ "Unknown": spelled(&refusal.code) }),
        (Some(code), None) => json!(format!("{code:?}")),
        (Some(code), Some(detail)) => {
            let fields = match detail {
                Detail::Field(field) => json!({ "field": spelled(&field) }),
                Detail::Ended(reason) => json!({ "reason": spelled(&reason) }),
                Detail::Suspended { until, reason } => json!({ "until": until, "reason": reason }),
                Detail::UsedAt(at) => json!({ "at": at }),
            };
            json!({ format!("{code:?}"): fields })
        }
    };
    json!({ "code": code, "message": refusal.message, "retry_after_ms": refusal.retry_after_ms })
}

fn needs_session(call: &UserCall) -> bool {
    match call {
        UserCall::DescribeServer
        | UserCall::StartRegistration { .. }
        | UserCall::FinishRegistration { .. }
        | UserCall::StartLogin { .. }
        | UserCall::FinishLogin { .. }
        | UserCall::LogInImported { .. }
        | UserCall::ResumeSession { .. }
        | UserCall::StartReset { .. }
        | UserCall::FinishReset { .. } => false,
        UserCall::ShowAccount
        | UserCall::UpdateAccount(_)
        | UserCall::StartProof { .. }
        | UserCall::FinishProof { .. }
        | UserCall::StartNewPassword { .. }
        | UserCall::FinishNewPassword { .. }
        | UserCall::DeleteAccount
        | UserCall::ListSessions
        | UserCall::RevokeSession { .. }
        | UserCall::LogOut { .. }
        | UserCall::RememberDevice
        | UserCall::ListDevices
        | UserCall::ForgetDevice { .. }
        | UserCall::ShowNotices
        | UserCall::StartRecordMove { .. }
        | UserCall::FinishRecordMove { .. } => true,
    }
}

/// Returns the name of a call as file names spell it.
fn kebab_case(name: &str) -> String {
    let mut spelled = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !spelled.is_empty() {
            spelled.push('-');
        }
        spelled.push(letter.to_ascii_lowercase());
    }
    spelled
}

fn of_user_reply(reply: &UserReply) -> &'static str {
    match reply {
        UserReply::Refused(_) => "refused",
        UserReply::Greeting(_) => "greeting",
        UserReply::LoginContinues { .. } => "login-continues",
        UserReply::ServerDescribed(_) => "server-described",
        UserReply::NewPasswordStarted { .. } => "new-password-started",
        UserReply::Registered { .. } => "registered",
        UserReply::LoginStarted { .. } => "login-started",
        UserReply::LoggedIn(_) => "logged-in",
        UserReply::SessionResumed { .. } => "session-resumed",
        UserReply::PasswordReset { .. } => "password-reset",
        UserReply::AccountShown(_) => "account-shown",
        UserReply::AccountUpdated(_) => "account-updated",
        UserReply::PasswordProven => "password-proven",
        UserReply::PasswordChanged(_) => "password-changed",
        UserReply::AccountDeleted { .. } => "account-deleted",
        UserReply::SessionsListed(_) => "sessions-listed",
        UserReply::SessionRevoked => "session-revoked",
        UserReply::LoggedOut { .. } => "logged-out",
        UserReply::DeviceRemembered { .. } => "device-remembered",
        UserReply::DevicesListed(_) => "devices-listed",
        UserReply::DeviceForgotten => "device-forgotten",
        UserReply::NoticesShown(_) => "notices-shown",
        UserReply::RecordMoved { .. } => "record-moved",
    }
}

fn of_admin_reply(reply: &AdminReply) -> &'static str {
    match reply {
        AdminReply::Refused(_) => "refused",
        AdminReply::Greeting(_) => "greeting",
        AdminReply::StatusShown(_) => "status-shown",
        AdminReply::Columns(_) => "columns",
        AdminReply::Rows(_) => "rows",
        AdminReply::RowsEnd(_) => "rows-end",
        AdminReply::AccountShown(_) => "account-shown",
        AdminReply::CodeIssued { .. } => "code-issued",
        AdminReply::AccountChanged(_) => "account-changed",
        AdminReply::SessionRevoked => "session-revoked",
        AdminReply::OperatorRevoked => "operator-revoked",
        AdminReply::JoinString(_) => "join-string",
        AdminReply::BackupChunk(_) => "backup-chunk",
        AdminReply::BackupEnd { .. } => "backup-end",
        AdminReply::ThrottleCleared { .. } => "throttle-cleared",
        AdminReply::AuditChecked { .. } => "audit-checked",
        AdminReply::AuditVerified(_) => "audit-verified",
        AdminReply::ImportStarted => "import-started",
        AdminReply::RowsJudged(_) => "rows-judged",
        AdminReply::ImportContinues { .. } => "import-continues",
        AdminReply::ImportFinished { .. } => "import-finished",
        AdminReply::ImportDropped => "import-dropped",
        AdminReply::LimitsShown(_) => "limits-shown",
        AdminReply::SettingsRead(_) => "settings-read",
        AdminReply::SettingsKept(_) => "settings-kept",
        AdminReply::QueryRefusedAt { .. } => "query-refused-at",
        AdminReply::NamesCompleted { .. } => "names-completed",
    }
}
