//! What holds for every message and every string of bytes, tried with generated ones.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use vestry_protocol::admin::{
    AccountDetail, AccountState, AdminCall, AdminReply, Cell, ClockJump, Credential, FollowFrom, Limit,
    Listing, OpaqueRotation, RowsEnd, SettingChange, Status, View,
};
use vestry_protocol::audit::{AuditFault, AuditVerdict, Checkpoint};
use vestry_protocol::codec::{CodecError, append_frame, decode, encode};
use vestry_protocol::frame::split_first;
use vestry_protocol::greeting::Greeting;
use vestry_protocol::import::{BadRow, ImportRow, Suspension};
use vestry_protocol::item::{Item, Later, Numbered, Open};
use vestry_protocol::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use vestry_protocol::query_fault::{FaultKind, QueryFault};
use vestry_protocol::refusal::Refusal;
use vestry_protocol::secret::{DeviceToken, SecretText, SessionToken};
use vestry_protocol::user::{
    Account, Change, CodeIssued, Envelope, NewSession, Notices, Profile, ProfileUpdate, RememberedDevice,
    ServerDescription, Session, SetWithCode, Stretching, UserCall, UserReply,
};
use vestry_protocol::{Reply, Request, UnixSeconds};
use vestry_tests::vectors::{Direction, Message, Port, examples};

/// Small enough that many of the generated messages and of the vectors go over it.
const SMALL_LIMIT: usize = 96;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,20}", "[a-z]{250,252}"]
}

fn secret() -> impl Strategy<Value = SecretText> {
    text().prop_map(SecretText::new)
}

fn token() -> impl Strategy<Value = SessionToken> {
    any::<[u8; 32]>().prop_map(SessionToken::from_bytes)
}

fn device_token() -> impl Strategy<Value = DeviceToken> {
    any::<[u8; 32]>().prop_map(DeviceToken::from_bytes)
}

/// Every length of a varint equally often.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0u32..64).prop_map(|(bits, shift)| bits >> shift)
}

fn signed() -> impl Strategy<Value = i64> {
    number().prop_map(u64::cast_signed)
}

fn time() -> impl Strategy<Value = UnixSeconds> {
    signed().prop_map(UnixSeconds::from_seconds)
}

fn profile() -> impl Strategy<Value = Profile> {
    (of(text()), of(any::<u16>()), of(text())).prop_map(|(email, age, gender)| Profile { email, age, gender })
}

fn change<T: std::fmt::Debug + Clone>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Change<T>> {
    prop_oneof![Just(Change::Keep), Just(Change::Clear), value.prop_map(Change::Set)]
}

fn update() -> impl Strategy<Value = ProfileUpdate> {
    (change(text()), change(any::<u16>()), change(text())).prop_map(|(email, age, gender)| ProfileUpdate {
        email,
        age,
        gender,
    })
}

/// Shorter and longer than a varint of one byte can say.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..40), vec(any::<u8>(), 249..253)]
}

fn stretching() -> impl Strategy<Value = Stretching> {
    (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(memory_kib, iterations, parallelism)| Stretching {
        memory_kib,
        iterations,
        parallelism,
    })
}

fn envelope() -> impl Strategy<Value = Envelope> {
    (bytes(), stretching()).prop_map(|(upload, stretching)| Envelope { upload, stretching })
}

fn opaque_call() -> impl Strategy<Value = UserCall> {
    prop_oneof![
        (text(), bytes(), of(secret())).prop_map(|(name, request, invitation)| UserCall::StartRegistration {
            name,
            request,
            invitation
        }),
        (envelope(), profile())
            .prop_map(|(envelope, profile)| UserCall::FinishRegistration { envelope, profile }),
        (text(), of(device_token()), bytes()).prop_map(|(name, device_token, ke1)| UserCall::StartLogin {
            name,
            device_token,
            ke1
        }),
        (bytes(), text(), bytes()).prop_map(|(ke3, device, witness)| UserCall::FinishLogin {
            ke3,
            device,
            witness
        }),
        (text(), secret(), bytes()).prop_map(|(name, code, request)| UserCall::StartReset {
            name,
            code,
            request
        }),
        envelope().prop_map(|envelope| UserCall::FinishReset { envelope }),
        bytes().prop_map(|ke1| UserCall::StartProof { ke1 }),
        bytes().prop_map(|ke3| UserCall::FinishProof { ke3 }),
        bytes().prop_map(|request| UserCall::StartNewPassword { request }),
        envelope().prop_map(|envelope| UserCall::FinishNewPassword { envelope }),
    ]
}

fn user_call() -> impl Strategy<Value = UserCall> {
    prop_oneof![other_call(), opaque_call(),]
}

fn other_call() -> impl Strategy<Value = UserCall> {
    prop_oneof![
        Just(()).prop_map(|()| UserCall::DescribeServer),
        (text(), secret(), text()).prop_map(|(name, password, device)| UserCall::LogInImported {
            name,
            password,
            device
        }),
        token().prop_map(|token| UserCall::ResumeSession { token }),
        Just(()).prop_map(|()| UserCall::ShowAccount),
        update().prop_map(UserCall::UpdateAccount),
        Just(()).prop_map(|()| UserCall::DeleteAccount),
        Just(()).prop_map(|()| UserCall::ListSessions),
        number().prop_map(|id| UserCall::RevokeSession { id }),
        any::<bool>().prop_map(|everywhere| UserCall::LogOut { everywhere }),
        Just(()).prop_map(|()| UserCall::RememberDevice),
        Just(()).prop_map(|()| UserCall::ListDevices),
        number().prop_map(|id| UserCall::ForgetDevice { id }),
        Just(()).prop_map(|()| UserCall::ShowNotices),
        envelope().prop_map(|envelope| UserCall::FinishRecordMove { envelope }),
        bytes().prop_map(|request| UserCall::StartRecordMove { request }),
    ]
}

/// Of a later version, or of this one with any content: what a code says beside its number is read only when it is asked for.
fn item() -> impl Strategy<Value = Item> {
    (any::<u32>(), bytes()).prop_map(|(number, content)| Item { number, content })
}

fn later() -> impl Strategy<Value = Later> {
    vec(item(), 0..3)
}

/// One of today's, or one of a later version.
fn open<T: Numbered + std::fmt::Debug>(known: impl Strategy<Value = T>) -> impl Strategy<Value = Open<T>> {
    let unknown = (T::KNOWN.., bytes()).prop_map(|(number, content)| Open::Unknown(Item { number, content }));
    prop_oneof![known.prop_map(Open::Known), unknown]
}

fn greeting() -> impl Strategy<Value = Greeting> {
    (any::<u32>(), number(), number(), later()).prop_map(
        |(version, request_bytes_max_before_login, request_bytes_max, later)| Greeting {
            version,
            request_bytes_max_before_login,
            request_bytes_max,
            later,
        },
    )
}

fn refusal() -> impl Strategy<Value = Refusal> {
    (item(), text(), of(number())).prop_map(|(code, message, retry_after_ms)| Refusal {
        code,
        message,
        retry_after_ms,
    })
}

fn new_session() -> impl Strategy<Value = NewSession> {
    (token(), text(), of(time()), time(), number(), any::<(bool, bool)>(), bytes(), later()).prop_map(
        |(token, name, last_login, expires, idle_secs_max, (device_known, move_record), witness, later)| {
            NewSession {
                token,
                name,
                last_login,
                expires,
                idle_secs_max,
                device_known,
                move_record,
                witness,
                later,
            }
        },
    )
}

fn device() -> impl Strategy<Value = RememberedDevice> {
    (number(), text(), time(), time()).prop_map(|(id, device, created, last_used)| RememberedDevice {
        id,
        device,
        created,
        last_used,
    })
}

fn code_issued() -> impl Strategy<Value = CodeIssued> {
    (text(), time()).prop_map(|(by, at)| CodeIssued { by, at })
}

fn notices() -> impl Strategy<Value = Notices> {
    let set_with_code =
        (code_issued(), time()).prop_map(|(issued, redeemed)| SetWithCode { issued, redeemed });
    (number(), any::<bool>(), of(set_with_code), of(time())).prop_map(
        |(failures_since_last_login, password_is_weak, password_set_with_code, record_moved)| Notices {
            failures_since_last_login,
            password_is_weak,
            password_set_with_code,
            record_moved,
        },
    )
}

fn account() -> impl Strategy<Value = Account> {
    (text(), profile(), time(), of(time()), later()).prop_map(
        |(name, profile, created, last_login, later)| Account { name, profile, created, last_login, later },
    )
}

fn session() -> impl Strategy<Value = Session> {
    (number(), text(), text(), time(), time(), time(), any::<bool>(), later()).prop_map(
        |(id, device, source, created, last_used, expires, current, later)| Session {
            id,
            device,
            source,
            created,
            last_used,
            expires,
            current,
            later,
        },
    )
}

fn description() -> impl Strategy<Value = ServerDescription> {
    (text(), any::<bool>(), number(), time()).prop_map(
        |(version, registration_open, password_chars_min, now)| ServerDescription {
            version,
            registration_open,
            password_chars_min,
            now,
        },
    )
}

fn user_reply() -> impl Strategy<Value = UserReply> {
    prop_oneof![
        refusal().prop_map(UserReply::Refused),
        greeting().prop_map(UserReply::Greeting),
        vec(
            (any::<u32>(), bytes()).prop_map(|(number, content)| Open::Unknown(Item { number, content })),
            0..3
        )
        .prop_map(|factors| UserReply::LoginContinues { factors }),
        description().prop_map(UserReply::ServerDescribed),
        text().prop_map(|name| UserReply::Registered { name }),
        new_session().prop_map(UserReply::LoggedIn),
        text().prop_map(|name| UserReply::SessionResumed { name }),
        account().prop_map(UserReply::AccountShown),
        account().prop_map(UserReply::AccountUpdated),
        new_session().prop_map(UserReply::PasswordChanged),
        time().prop_map(|restorable_until| UserReply::AccountDeleted { restorable_until }),
        vec(session(), 0..5).prop_map(UserReply::SessionsListed),
        Just(()).prop_map(|()| UserReply::SessionRevoked),
        number().prop_map(|sessions_ended| UserReply::LoggedOut { sessions_ended }),
        (text(), code_issued()).prop_map(|(name, code)| UserReply::PasswordReset { name, code }),
        (bytes(), stretching())
            .prop_map(|(response, stretching)| UserReply::NewPasswordStarted { response, stretching }),
        (bytes(), stretching()).prop_map(|(ke2, stretching)| UserReply::LoginStarted { ke2, stretching }),
        Just(()).prop_map(|()| UserReply::PasswordProven),
        device_token().prop_map(|token| UserReply::DeviceRemembered { token }),
        vec(device(), 0..5).prop_map(UserReply::DevicesListed),
        Just(()).prop_map(|()| UserReply::DeviceForgotten),
        notices().prop_map(UserReply::NoticesShown),
    ]
}

fn view() -> impl Strategy<Value = View> {
    prop::sample::select(vec![View::Accounts, View::Sessions, View::Audit, View::Operators])
}

fn listing() -> impl Strategy<Value = Listing> {
    (view(), vec(text(), 0..4), of(text()), of(text()), any::<bool>(), number(), of(text())).prop_map(
        |(view, columns, filter, sort, descending, limit, after)| Listing {
            view,
            columns,
            filter,
            sort,
            descending,
            limit,
            after,
        },
    )
}

fn checkpoint() -> impl Strategy<Value = Checkpoint> {
    (signed(), text()).prop_map(|(id, mac)| Checkpoint { id, mac })
}

fn follow_from() -> impl Strategy<Value = FollowFrom> {
    prop_oneof![number().prop_map(FollowFrom::Newest), signed().prop_map(FollowFrom::Behind)]
}

fn audit_fault() -> impl Strategy<Value = AuditFault> {
    prop_oneof![
        signed().prop_map(|id| AuditFault::Changed { id }),
        (signed(), signed()).prop_map(|(first, last)| AuditFault::Missing { first, last }),
        (signed(), signed()).prop_map(|(id, with)| AuditFault::Swapped { id, with }),
        signed().prop_map(|id| AuditFault::Inserted { id }),
        (signed(), signed()).prop_map(|(first, last)| AuditFault::Truncated { first, last }),
        signed().prop_map(|last| AuditFault::Older { last }),
        Just(AuditFault::Marks),
        signed().prop_map(|id| AuditFault::Broken { id }),
        signed().prop_map(|id| AuditFault::Checkpoint { id }),
        signed().prop_map(|id| AuditFault::PutBack { id }),
    ]
}

fn audit_verdict() -> impl Strategy<Value = AuditVerdict> {
    (vec(number(), 2), vec(signed(), 3), text(), of(open(audit_fault()))).prop_map(
        |(counts, places, head_mac, fault)| AuditVerdict {
            events: counts[0],
            purged_to: places[0],
            older_to: places[1],
            head: places[2],
            head_mac,
            checkpoints: counts[1],
            fault,
        },
    )
}

fn import_row() -> impl Strategy<Value = ImportRow> {
    let suspension = (of(time()), of(text())).prop_map(|(until, reason)| Suspension { until, reason });
    (number(), text(), profile(), of(time()), of(suspension), of(secret())).prop_map(
        |(line, name, profile, created, suspended, argon2id)| ImportRow {
            line,
            name,
            profile,
            created,
            suspended,
            argon2id,
        },
    )
}

fn bad_row() -> impl Strategy<Value = BadRow> {
    (number(), text()).prop_map(|(line, reason)| BadRow { line, reason })
}

fn admin_call() -> impl Strategy<Value = AdminCall> {
    prop_oneof![
        Just(()).prop_map(|()| AdminCall::ShowStatus),
        text().prop_map(|sql| AdminCall::Query { sql }),
        (listing(), open(view()))
            .prop_map(|(listing, view)| { AdminCall::ListRows(Listing { view, ..Listing::from(listing) }) }),
        text().prop_map(|name| AdminCall::ShowAccount { name }),
        (text(), profile()).prop_map(|(name, profile)| AdminCall::CreateAccount { name, profile }),
        (text(), of(time()), of(text())).prop_map(|(name, until, reason)| AdminCall::SuspendAccount {
            name,
            until,
            reason
        }),
        text().prop_map(|name| AdminCall::ResumeAccount { name }),
        text().prop_map(|name| AdminCall::DeleteAccount { name }),
        text().prop_map(|name| AdminCall::RestoreAccount { name }),
        text().prop_map(|name| AdminCall::ResetAccount { name }),
        number().prop_map(|id| AdminCall::RevokeSession { id }),
        text().prop_map(|name| AdminCall::RevokeOperator { name }),
        Just(()).prop_map(|()| AdminCall::ShowJoinString),
        Just(()).prop_map(|()| AdminCall::BackUp),
        of(text()).prop_map(|subject| AdminCall::ClearThrottle { subject }),
        vec(checkpoint(), 0..4).prop_map(|checkpoints| AdminCall::VerifyAudit { checkpoints }),
        (vec(text(), 0..4), of(text()), follow_from())
            .prop_map(|(columns, filter, from)| AdminCall::FollowAudit { columns, filter, from }),
        Just(()).prop_map(|()| AdminCall::StartImport),
        vec(import_row(), 0..4).prop_map(AdminCall::ImportRows),
        number().prop_map(|accounts| AdminCall::FinishImport { accounts }),
        Just(()).prop_map(|()| AdminCall::DropImport),
        Just(()).prop_map(|()| AdminCall::ShowLimits),
        Just(()).prop_map(|()| AdminCall::ReloadSettings),
        text().prop_map(|prefix| AdminCall::CompleteName { prefix }),
    ]
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Null),
        signed().prop_map(Cell::Integer),
        any::<u64>().prop_map(|bits| Cell::Real(f64::from_bits(bits))),
        text().prop_map(Cell::Text),
        vec(any::<u8>(), 0..20).prop_map(Cell::Blob),
        (5_u32.., bytes()).prop_map(|(number, content)| Cell::Unknown(Item { number, content })),
    ]
}

fn status() -> impl Strategy<Value = Status> {
    let rotation =
        (time(), number(), number()).prop_map(|(began, moved, left)| OpaqueRotation { began, moved, left });
    let jump = (time(), time()).prop_map(|(from, to)| ClockJump { from, to });
    let parts = (vec(text(), 5), vec(number(), 12), time(), of(rotation), of(jump));
    parts.prop_map(|(texts, numbers, certificate_expires, opaque_rotation, clock_jump)| Status {
        version: texts[0].clone(),
        uptime_secs: numbers[0],
        listen: texts[1].clone(),
        connections: numbers[1],
        connections_max: numbers[2],
        accounts: numbers[3],
        accounts_suspended: numbers[4],
        accounts_deleted: numbers[5],
        sessions: numbers[6],
        database_bytes: numbers[7],
        certificate_expires,
        pin: texts[2].clone(),
        hashing_queue: numbers[8],
        attempts_under_way: numbers[9],
        registrations: numbers[10],
        registrations_max: numbers[11],
        operator: texts[3].clone(),
        role: texts[4].clone(),
        opaque_rotation,
        clock_jump,
    })
}

fn detail() -> impl Strategy<Value = AccountDetail> {
    let state = prop_oneof![
        Just(AccountState::Active),
        (of(time()), of(text())).prop_map(|(until, reason)| AccountState::Suspended { until, reason }),
        time().prop_map(|restorable_until| AccountState::Deleted { restorable_until }),
    ];
    let credential =
        prop_oneof![Just(Credential::None), Just(Credential::Imported), Just(Credential::Opaque)];
    (text(), profile(), open(state), open(credential), time(), of(time()), number(), later()).prop_map(
        |(name, profile, state, credential, created, last_login, sessions, later)| AccountDetail {
            name,
            profile,
            state,
            credential,
            created,
            last_login,
            sessions,
            later,
        },
    )
}

fn query_fault() -> impl Strategy<Value = QueryFault> {
    use FaultKind::{Column, Function, Other, Syntax, View};
    let kind = prop::sample::select(vec![Other, Column, View, Function, Syntax]);
    (kind, of(text()), of(number())).prop_map(|(kind, word, at)| QueryFault { kind: kind.into(), word, at })
}

fn admin_reply() -> impl Strategy<Value = AdminReply> {
    prop_oneof![
        refusal().prop_map(AdminReply::Refused),
        greeting().prop_map(AdminReply::Greeting),
        status().prop_map(AdminReply::StatusShown),
        vec(text(), 0..5).prop_map(AdminReply::Columns),
        vec(vec(cell(), 0..5), 0..5).prop_map(AdminReply::Rows),
        (number(), number(), of(text()))
            .prop_map(|(rows, elapsed_us, next)| { AdminReply::RowsEnd(RowsEnd { rows, elapsed_us, next }) }),
        detail().prop_map(AdminReply::AccountShown),
        (text(), secret(), time()).prop_map(|(name, code, expires)| AdminReply::CodeIssued {
            name,
            code,
            expires
        }),
        detail().prop_map(AdminReply::AccountChanged),
        Just(()).prop_map(|()| AdminReply::SessionRevoked),
        Just(()).prop_map(|()| AdminReply::OperatorRevoked),
        text().prop_map(AdminReply::JoinString),
        vec(any::<u8>(), 0..100).prop_map(AdminReply::BackupChunk),
        number().prop_map(|bytes| AdminReply::BackupEnd { bytes }),
        number().prop_map(|lanes| AdminReply::ThrottleCleared { lanes }),
        number().prop_map(|events| AdminReply::AuditChecked { events }),
        audit_verdict().prop_map(AdminReply::AuditVerified),
        Just(()).prop_map(|()| AdminReply::ImportStarted),
        vec(bad_row(), 0..4).prop_map(AdminReply::RowsJudged),
        number().prop_map(|accounts| AdminReply::ImportContinues { accounts }),
        (number(), number(), number()).prop_map(|(accounts, with_password, elapsed_us)| {
            AdminReply::ImportFinished { accounts, with_password, elapsed_us }
        }),
        Just(()).prop_map(|()| AdminReply::ImportDropped),
        vec((text(), number(), of(number())), 0..4).prop_map(|limits| {
            let limit = |(key, at_once, interval_ms)| Limit { key, at_once, interval_ms };
            AdminReply::LimitsShown(limits.into_iter().map(limit).collect())
        }),
        vec((text(), text(), text(), any::<bool>()), 0..4).prop_map(|changes| {
            let change = |(key, was, is, needs_restart)| SettingChange { key, was, is, needs_restart };
            AdminReply::SettingsRead(changes.into_iter().map(change).collect())
        }),
        text().prop_map(AdminReply::SettingsKept),
        (vec(text(), 0..4), any::<bool>())
            .prop_map(|(names, has_more)| AdminReply::NamesCompleted { names, has_more }),
        (refusal(), query_fault()).prop_map(|(refusal, fault)| AdminReply::QueryRefusedAt { refusal, fault }),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        (number(), user_call()).prop_map(|(id, call)| Message::UserRequest(Request { id, call })),
        (number(), user_reply()).prop_map(|(id, body)| Message::UserReply(Reply { id, body })),
        (number(), admin_call()).prop_map(|(id, call)| Message::AdminRequest(Request { id, call })),
        (number(), admin_reply()).prop_map(|(id, body)| Message::AdminReply(Reply { id, body })),
    ]
}

/// A good frame's payload with some of its bytes changed: gets deeper into the decoder than noise does.
fn damaged_payload() -> impl Strategy<Value = Vec<u8>> {
    let payloads: Vec<Vec<u8>> = examples().iter().map(|e| e.message.frame()[4..].to_vec()).collect();
    let spoils = vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (prop::sample::select(payloads), spoils).prop_map(|(mut payload, spoils)| {
        for (at, byte) in spoils {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        payload
    })
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 1..200), damaged_payload()]
}

const EVERY_WAY: [(Port, Direction); 4] = [
    (Port::User, Direction::Request),
    (Port::User, Direction::Reply),
    (Port::Admin, Direction::Request),
    (Port::Admin, Direction::Reply),
];

fn encoded_bytes<T: serde::Serialize>(read: Result<T, CodecError>) -> Option<usize> {
    read.ok().map(|message| encode(&message).unwrap().len())
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(message in message()) {
        let frame = message.frame();
        let limit = match message.direction() {
            Direction::Request => REQUEST_BYTES_MAX,
            Direction::Reply => REPLY_BYTES_MAX,
        };
        let (payload, used) = split_first(&frame, limit).unwrap().unwrap();
        prop_assert_eq!(used, frame.len());
        let read = Message::decode(message.port(), message.direction(), payload).unwrap();
        prop_assert_eq!(read.frame(), frame);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic_or_find_more_than_was_sent(payload in any_payload()) {
        for (port, direction) in EVERY_WAY {
            if let Ok(message) = Message::decode(port, direction, &payload) {
                prop_assert!(message.frame().len() <= 4 + payload.len());
            }
        }
    }

    #[test]
    fn nothing_that_is_read_claims_more_than_the_limit(payload in any_payload()) {
        let read = [
            encoded_bytes(decode::<Request<UserCall>, SMALL_LIMIT>(&payload)),
            encoded_bytes(decode::<Reply<UserReply>, SMALL_LIMIT>(&payload)),
            encoded_bytes(decode::<Request<AdminCall>, SMALL_LIMIT>(&payload)),
            encoded_bytes(decode::<Reply<AdminReply>, SMALL_LIMIT>(&payload)),
        ];
        prop_assert!(read.into_iter().flatten().all(|bytes| bytes <= SMALL_LIMIT));
    }

    #[test]
    fn a_message_that_is_cut_anywhere_is_no_message(message in message(), cut in any::<prop::sample::Index>()) {
        let frame = message.frame();
        let cut = cut.index(frame.len() - 4);
        let read = Message::decode(message.port(), message.direction(), &frame[4..4 + cut]);
        prop_assert!(matches!(read, Err(CodecError::Malformed)));
    }
}

/// The budget counts a number at its full width, whatever it takes on the wire (PROTOCOL.md, "The budget").
#[test]
fn the_longest_query_is_the_one_whose_budget_is_the_limit() {
    let read = |sql_bytes: usize| {
        let call = AdminCall::Query { sql: "x".repeat(sql_bytes) };
        let mut frame = Vec::new();
        append_frame(&mut frame, &Request { id: 1, call }, REQUEST_BYTES_MAX).unwrap();
        Message::decode(Port::Admin, Direction::Request, &frame[4..])
    };
    // 8 for the request number, 4 for the variant, 8 for the length of the text.
    assert!(read(REQUEST_BYTES_MAX - 20).is_ok());
    assert!(matches!(read(REQUEST_BYTES_MAX - 19), Err(CodecError::Malformed)));
}
