//! The admin port's good messages: every variant, every kind of cell, and the boundaries of each.
//! Names, pins and codes in them are made up.

use super::{Example, Message};
use vestry_protocol::admin::{
    AccountDetail, AccountState, AdminCall, AdminReply, Cell, ClockJump, Credential, FollowFrom, Limit,
    Listing, OpaqueRotation, RowsEnd, SettingChange, Status, View,
};
use vestry_protocol::audit::{AuditFault, AuditVerdict, Checkpoint};
use vestry_protocol::greeting::Greeting;
use vestry_protocol::import::{BadRow, ImportRow, Suspension};
use vestry_protocol::item::{Item, Later, Open};
use vestry_protocol::query_fault::{FaultKind, QueryFault};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::Profile;
use vestry_protocol::{Reply, Request, UnixSeconds};

/// 2026-11-23T00:00:00Z, "now" in every example.
const NOW: UnixSeconds = UnixSeconds::from_seconds(1_795_392_000);
const DAY: i64 = 24 * 3_600;

fn request(name: &str, shows: &str, call: AdminCall) -> Example {
    Example {
        name: name.to_owned(),
        shows: shows.to_owned(),
        message: Message::AdminRequest(Request { id: 1, call }),
    }
}

fn reply(name: &str, shows: &str, body: AdminReply) -> Example {
    Example {
        name: name.to_owned(),
        shows: shows.to_owned(),
        message: Message::AdminReply(Reply { id: 1, body }),
    }
}

fn naman() -> String {
    "naman".to_owned()
}

/// What an operator can ask.
pub(super) fn requests() -> Vec<Example> {
    let mut all = vec![
        request("admin/request-show-status", "A variant without fields.", AdminCall::ShowStatus),
        request(
            "admin/request-query",
            "The operator's table, as it is typed.",
            AdminCall::Query { sql: "select * from accounts".to_owned() },
        ),
        request(
            "admin/request-query-non-ascii",
            "SQL is UTF-8, line ends included.",
            AdminCall::Query { sql: "select name\n  from accounts\n where gender = 'männlich'".to_owned() },
        ),
        request("admin/request-show-account", "One account.", AdminCall::ShowAccount { name: naman() }),
        request(
            "admin/request-resume-account",
            "A suspension ends.",
            AdminCall::ResumeAccount { name: naman() },
        ),
        request("admin/request-delete-account", "A deletion.", AdminCall::DeleteAccount { name: naman() }),
        request(
            "admin/request-restore-account",
            "It is undone.",
            AdminCall::RestoreAccount { name: naman() },
        ),
        request("admin/request-reset-account", "A one-time code.", AdminCall::ResetAccount { name: naman() }),
        request(
            "admin/request-revoke-session",
            "A session by its public number.",
            AdminCall::RevokeSession { id: 0x0123_4567_89ab_cdef },
        ),
        request(
            "admin/request-revoke-operator",
            "An operator's certificate.",
            AdminCall::RevokeOperator { name: "shubham".to_owned() },
        ),
        request(
            "admin/request-show-join-string",
            "The last variant, without fields.",
            AdminCall::ShowJoinString,
        ),
        request("admin/request-show-limits", "A variant without fields.", AdminCall::ShowLimits),
        request(
            "admin/request-complete-name",
            "The begin of a name.",
            AdminCall::CompleteName { prefix: "na".to_owned() },
        ),
        request("admin/request-reload-settings", "A variant without fields.", AdminCall::ReloadSettings),
        request("admin/request-back-up", "A variant without fields.", AdminCall::BackUp),
        request(
            "admin/request-clear-throttle",
            "One account's lanes.",
            AdminCall::ClearThrottle { subject: Some("naman".to_owned()) },
        ),
        request(
            "admin/request-clear-throttle-all",
            "Every lane.",
            AdminCall::ClearThrottle { subject: None },
        ),
    ];
    all.extend(audit_requests());
    all.extend(import_requests());
    all.extend(listings());
    all.extend(creations());
    all.extend(suspensions());
    all.extend(largest_requests());
    all
}

fn audit_requests() -> Vec<Example> {
    let checkpoints = vec![
        Checkpoint { id: 4_711, mac: "0123456789abcdef".to_owned() },
        Checkpoint { id: 4_712, mac: "ab".repeat(32) },
    ];
    let follow = |filter: Option<&str>, from| AdminCall::FollowAudit {
        columns: filter.map(|_| vec!["id".to_owned(), "action".to_owned()]).unwrap_or_default(),
        filter: filter.map(str::to_owned),
        from,
    };
    vec![
        request(
            "admin/request-verify-audit",
            "Nothing to compare.",
            AdminCall::VerifyAudit { checkpoints: Vec::new() },
        ),
        request(
            "admin/request-verify-audit-checkpoints",
            "A part of a MAC, and a whole one.",
            AdminCall::VerifyAudit { checkpoints },
        ),
        request("admin/request-follow-audit", "The newest ten events.", follow(None, FollowFrom::Newest(10))),
        request(
            "admin/request-follow-audit-behind",
            "Those of one kind behind an event.",
            follow(Some("action = 'login.failed'"), FollowFrom::Behind(4_711)),
        ),
    ]
}

fn import_requests() -> Vec<Example> {
    let bare = ImportRow {
        line: 2,
        name: naman(),
        profile: Profile::default(),
        created: None,
        suspended: None,
        argon2id: None,
    };
    let full = ImportRow {
        line: 5_000_000_000,
        name: "anirudh".to_owned(),
        profile: Profile {
            email: Some("anirudh@example.org".to_owned()),
            age: Some(18),
            gender: Some("männlich".to_owned()),
        },
        created: Some(NOW.minus(DAY)),
        suspended: Some(Suspension { until: Some(NOW.plus(DAY)), reason: Some("rent".to_owned()) }),
        argon2id: Some(SecretText::new(
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw".to_owned(),
        )),
    };
    vec![
        request("admin/request-start-import", "A variant without fields.", AdminCall::StartImport),
        request(
            "admin/request-import-rows",
            "A row with nothing but a name, and one with everything.",
            AdminCall::ImportRows(vec![bare, full]),
        ),
        request("admin/request-import-rows-none", "A batch may be empty.", AdminCall::ImportRows(Vec::new())),
        request(
            "admin/request-finish-import",
            "So many accounts have to wait.",
            AdminCall::FinishImport { accounts: 1_000_000 },
        ),
        request("admin/request-drop-import", "A variant without fields.", AdminCall::DropImport),
    ]
}

fn listings() -> Vec<Example> {
    let whole = |view| Listing {
        view,
        columns: Vec::new(),
        filter: None,
        sort: None,
        descending: false,
        limit: 0,
        after: None,
    };
    let page = Listing {
        view: View::Accounts,
        columns: vec!["name".to_owned(), "age".to_owned()],
        filter: Some("age >= 18".to_owned()),
        sort: Some("age".to_owned()),
        descending: true,
        limit: 100,
        after: Some("AQACAQEAAAAIAAAAAAAAACM".to_owned()),
    };
    let later = Open::Unknown(Item { number: 4, content: vec![1] });
    let of_a_later_version = Listing { view: later, ..Listing::from(whole(View::Accounts)) };
    vec![
        request(
            "admin/request-list-rows",
            "All accounts.",
            AdminCall::ListRows(whole(View::Accounts).into()),
        ),
        request(
            "admin/request-list-rows-sessions",
            "All sessions.",
            AdminCall::ListRows(whole(View::Sessions).into()),
        ),
        request(
            "admin/request-list-rows-audit",
            "All audit events.",
            AdminCall::ListRows(whole(View::Audit).into()),
        ),
        request(
            "admin/request-list-rows-operators",
            "All operators.",
            AdminCall::ListRows(whole(View::Operators).into()),
        ),
        request(
            "admin/request-list-rows-later",
            "A view of a later version is a message, which is refused as unsupported.",
            AdminCall::ListRows(of_a_later_version),
        ),
        request(
            "admin/request-list-rows-page",
            "Every field of a listing.",
            AdminCall::ListRows(page.into()),
        ),
    ]
}

fn creations() -> Vec<Example> {
    let full = Profile {
        email: Some("anirudh@example.org".to_owned()),
        age: Some(18),
        gender: Some("männlich".to_owned()),
    };
    let create = |profile| AdminCall::CreateAccount { name: "anirudh".to_owned(), profile };
    vec![
        request("admin/request-create-account", "An account with a full profile.", create(full)),
        request("admin/request-create-account-bare", "An empty profile.", create(Profile::default())),
    ]
}

fn suspensions() -> Vec<Example> {
    let suspend = |until, reason| AdminCall::SuspendAccount { name: naman(), until, reason };
    vec![
        request("admin/request-suspend-account", "For good, without a reason.", suspend(None, None)),
        request(
            "admin/request-suspend-account-until",
            "Until a date, with a reason.",
            suspend(Some(NOW.plus(7 * DAY)), Some("Gebühr offen".to_owned())),
        ),
    ]
}

/// What an operator may be answered.
pub(super) fn replies() -> Vec<Example> {
    let code = AdminReply::CodeIssued {
        name: naman(),
        code: SecretText::new("01234-56789-ABCDE-FGHJK".to_owned()),
        expires: NOW.plus(DAY),
    };
    let mut all = vec![
        reply(
            "admin/reply-refused",
            "A role that does not allow it.",
            AdminReply::Refused(Refusal::new(
                RefusalCode::Forbidden,
                "your role is viewer; this needs helpdesk",
            )),
        ),
        reply(
            "admin/reply-greeting",
            "What comes before the first reply, with the number 0.",
            AdminReply::Greeting(Greeting::of_this_version()),
        ),
        reply("admin/reply-status-shown", "How the server is.", AdminReply::StatusShown(status())),
        reply(
            "admin/reply-status-shown-rotating",
            "Three of four password records have moved to a new OPAQUE key.",
            AdminReply::StatusShown(Status {
                opaque_rotation: Some(OpaqueRotation { began: NOW, moved: 3, left: 1 }),
                ..status()
            }),
        ),
        reply(
            "admin/reply-status-shown-clock-jumped",
            "The clock came back to where it should be.",
            AdminReply::StatusShown(Status {
                clock_jump: Some(ClockJump { from: NOW.plus(400 * 86_400), to: NOW }),
                ..status()
            }),
        ),
        reply("admin/reply-code-issued", "A one-time code, shown once.", code),
        reply(
            "admin/reply-names-completed",
            "Two names, and no others.",
            AdminReply::NamesCompleted { names: vec![naman(), "natasha".to_owned()], has_more: false },
        ),
        reply(
            "admin/reply-names-completed-more",
            "Names of which there are more.",
            AdminReply::NamesCompleted { names: vec![naman()], has_more: true },
        ),
        reply("admin/reply-session-revoked", "A variant without fields.", AdminReply::SessionRevoked),
        reply("admin/reply-operator-revoked", "A variant without fields.", AdminReply::OperatorRevoked),
        reply(
            "admin/reply-join-string",
            "A variant that is one text.",
            AdminReply::JoinString(
                "vestry1-dujqaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab2hiy6ylmdey".to_owned(),
            ),
        ),
    ];
    all.extend(row_streams());
    all.extend(backup_streams());
    all.extend(audit_verdicts());
    all.extend(import_replies());
    all.extend(limits());
    all.extend(settings());
    all.extend(query_faults());
    all.extend(account_details());
    all.extend(largest_replies());
    all
}

/// Statements that are refused where something in them is wrong.
fn query_faults() -> Vec<Example> {
    let refused = |name, shows, message: &str, fault| {
        let refusal = Refusal::new(RefusalCode::QueryRefused, message);
        reply(name, shows, AdminReply::QueryRefusedAt { refusal, fault })
    };
    let fault = |kind: FaultKind, word: Option<&str>, at| QueryFault {
        kind: kind.into(),
        word: word.map(str::to_owned),
        at,
    };
    vec![
        refused(
            "admin/reply-query-refused-at",
            "A column that no view has, at the eighth byte of the statement.",
            "no such column: nam",
            fault(FaultKind::Column, Some("nam"), Some(7)),
        ),
        refused(
            "admin/reply-query-refused-at-elsewhere",
            "A column to sort by: it stands in no statement.",
            "accounts has no column nam",
            fault(FaultKind::Column, Some("nam"), None),
        ),
        refused(
            "admin/reply-query-refused-at-no-word",
            "A condition that is not complete: its end, and no word.",
            "the condition is not complete",
            fault(FaultKind::Other, None, Some(5)),
        ),
        refused(
            "admin/reply-query-refused-at-later",
            "A kind of fault that a later version has.",
            "no such thing",
            QueryFault {
                kind: Open::Unknown(Item { number: 250, content: vec![1] }),
                word: Some("thing".to_owned()),
                at: Some(u64::MAX),
            },
        ),
    ]
}

/// A field that were narrower in some reader would not hold these.
fn largest_replies() -> Vec<Example> {
    let (at, id, many) = (UnixSeconds::MAX, i64::MAX, u64::MAX);
    let server = Status {
        uptime_secs: many,
        connections: many,
        connections_max: many,
        accounts: many,
        accounts_suspended: many,
        accounts_deleted: many,
        sessions: many,
        database_bytes: many,
        certificate_expires: at,
        hashing_queue: many,
        attempts_under_way: many,
        registrations: many,
        registrations_max: many,
        opaque_rotation: Some(OpaqueRotation { began: at, moved: many, left: many }),
        clock_jump: Some(ClockJump { from: at, to: UnixSeconds::from_seconds(i64::MIN) }),
        ..status()
    };
    let verdict = AuditVerdict {
        events: many,
        purged_to: id,
        older_to: id,
        head: id,
        head_mac: String::new(),
        checkpoints: many,
        fault: Some(AuditFault::Truncated { first: id, last: id }.into()),
    };
    let detail = AccountDetail {
        name: String::new(),
        profile: Profile { age: Some(u16::MAX), ..Profile::default() },
        state: AccountState::Suspended { until: Some(at), reason: None }.into(),
        credential: Credential::Imported.into(),
        created: at,
        last_login: Some(at),
        sessions: many,
        later: Later::new(),
    };
    let code = AdminReply::CodeIssued { name: naman(), code: SecretText::new(String::new()), expires: at };
    let finished = AdminReply::ImportFinished { accounts: many, with_password: many, elapsed_us: many };
    let end = RowsEnd { rows: many, elapsed_us: many, next: None };
    let bad = BadRow { line: many, reason: String::new() };
    let limit = Limit { key: String::new(), at_once: many, interval_ms: Some(many) };
    let largest = |name: &str, body| reply(name, "The largest number in each of its fields.", body);
    vec![
        largest("admin/reply-status-shown-largest", AdminReply::StatusShown(server)),
        largest("admin/reply-audit-verified-largest", AdminReply::AuditVerified(verdict)),
        largest("admin/reply-account-shown-largest", AdminReply::AccountShown(detail)),
        largest("admin/reply-code-issued-largest", code),
        largest("admin/reply-import-finished-largest", finished),
        largest("admin/reply-rows-end-largest", AdminReply::RowsEnd(end)),
        largest("admin/reply-rows-judged-largest", AdminReply::RowsJudged(vec![bad])),
        largest("admin/reply-limits-shown-largest", AdminReply::LimitsShown(vec![limit])),
        largest("admin/reply-backup-end-largest", AdminReply::BackupEnd { bytes: many }),
        largest("admin/reply-throttle-cleared-largest", AdminReply::ThrottleCleared { lanes: many }),
        largest("admin/reply-audit-checked-largest", AdminReply::AuditChecked { events: many }),
        largest("admin/reply-import-continues-largest", AdminReply::ImportContinues { accounts: many }),
    ]
}

/// The same of what is asked.
fn largest_requests() -> Vec<Example> {
    let (at, id, many) = (UnixSeconds::MAX, i64::MAX, u64::MAX);
    let listing = Listing {
        view: View::Accounts,
        columns: Vec::new(),
        filter: None,
        sort: None,
        descending: false,
        limit: many,
        after: None,
    };
    let follow = |from| AdminCall::FollowAudit { columns: Vec::new(), filter: None, from };
    let row = ImportRow {
        line: many,
        name: String::new(),
        profile: Profile { age: Some(u16::MAX), ..Profile::default() },
        created: Some(at),
        suspended: Some(Suspension { until: Some(at), reason: None }),
        argon2id: None,
    };
    let checkpoint = Checkpoint { id, mac: String::new() };
    let largest = |name: &str, call| request(name, "The largest number in each of its fields.", call);
    vec![
        largest("admin/request-list-rows-largest", AdminCall::ListRows(listing.into())),
        largest("admin/request-follow-audit-largest-newest", follow(FollowFrom::Newest(many))),
        largest("admin/request-follow-audit-largest-behind", follow(FollowFrom::Behind(id))),
        largest("admin/request-import-rows-largest", AdminCall::ImportRows(vec![row])),
        largest("admin/request-finish-import-largest", AdminCall::FinishImport { accounts: many }),
        largest("admin/request-revoke-session-largest", AdminCall::RevokeSession { id: many }),
        largest(
            "admin/request-verify-audit-largest",
            AdminCall::VerifyAudit { checkpoints: vec![checkpoint] },
        ),
        largest(
            "admin/request-suspend-account-largest",
            AdminCall::SuspendAccount { name: naman(), until: Some(at), reason: None },
        ),
    ]
}

fn status() -> Status {
    Status {
        version: "0.1.0".to_owned(),
        uptime_secs: 86_400,
        listen: "127.0.0.1:7443".to_owned(),
        connections: 3,
        connections_max: 10_000,
        accounts: 4,
        accounts_suspended: 1,
        accounts_deleted: 0,
        sessions: 2,
        database_bytes: 5_000_000_000,
        certificate_expires: NOW.plus(30 * DAY),
        pin: format!("sha256:{}", "ab".repeat(32)),
        hashing_queue: 0,
        attempts_under_way: 2,
        registrations: 40,
        registrations_max: 1000,
        operator: "admin".to_owned(),
        role: "admin".to_owned(),
        opaque_rotation: None,
        clock_jump: None,
    }
}

fn row_streams() -> Vec<Example> {
    let every_cell = vec![
        Cell::Null,
        Cell::Integer(40),
        Cell::Real(1.5),
        Cell::Text("Zoë 👋".to_owned()),
        Cell::Blob(vec![0, 1, 0xfb, 0xff]),
        Cell::Unknown(Item { number: 5, content: vec![0, 0xff] }),
    ];
    let lengths = [250, 251, 70_000].map(|bytes| Cell::Text("x".repeat(bytes))).to_vec();
    let integers = [0, -1, 1, 125, -126, 126, i64::MAX, i64::MIN].map(Cell::Integer).to_vec();
    let reals = [0.0, -0.0, 0.1, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let columns = ["name", "email", "age", "größe"].map(str::to_owned).to_vec();
    let end = |next| AdminReply::RowsEnd(RowsEnd { rows: 2, elapsed_us: 417, next });
    vec![
        reply("admin/reply-columns", "The header of a row stream.", AdminReply::Columns(columns)),
        reply(
            "admin/reply-rows",
            "A row with every kind of cell, and one that nobody knows yet.",
            AdminReply::Rows(vec![every_cell]),
        ),
        reply(
            "admin/reply-rows-integers",
            "Signed numbers in zigzag order, at the ends of each length.",
            AdminReply::Rows(vec![integers]),
        ),
        reply(
            "admin/reply-rows-reals",
            "Floating-point numbers are eight bytes, the lowest first.",
            AdminReply::Rows(vec![reals.map(Cell::Real).to_vec()]),
        ),
        reply(
            "admin/reply-rows-empty-values",
            "An empty text and empty bytes are not NULL.",
            AdminReply::Rows(vec![
                vec![Cell::Text(String::new()), Cell::Blob(Vec::new())],
                vec![Cell::Null, Cell::Null],
            ]),
        ),
        reply(
            "admin/reply-rows-lengths",
            "A text has a length, and so has the cell around it: each in its shortest form.",
            AdminReply::Rows(vec![lengths]),
        ),
        reply("admin/reply-rows-none", "A chunk may be empty.", AdminReply::Rows(Vec::new())),
        reply("admin/reply-rows-end", "The last page.", end(None)),
        reply(
            "admin/reply-rows-end-more",
            "There is a next page, and this is where it starts.",
            end(Some("AQACAQEAAAAIAAAAAAAAACM".to_owned())),
        ),
    ]
}

fn audit_verdicts() -> Vec<Example> {
    let whole = AuditVerdict {
        events: 4_600,
        purged_to: 100,
        older_to: 0,
        head: 4_700,
        head_mac: "ab".repeat(32),
        checkpoints: 2,
        fault: None,
    };
    let with = |fault: AuditFault| AuditVerdict { fault: Some(fault.into()), ..whole.clone() };
    let later = Open::Unknown(Item { number: 250, content: vec![14] });
    let of_a_later_server = AuditVerdict { fault: Some(later), ..whole.clone() };
    let verified = |verdict| AdminReply::AuditVerified(verdict);
    let mut all = vec![
        reply("admin/reply-audit-checked", "It goes on.", AdminReply::AuditChecked { events: 1_000_000 }),
        reply("admin/reply-audit-verified", "All of it is as it was written.", verified(whole.clone())),
        reply(
            "admin/reply-audit-verified-later",
            "A fault that nobody knows yet.",
            verified(of_a_later_server),
        ),
    ];
    let faults: [(&str, &str, AuditFault); 10] = [
        (
            "admin/reply-audit-verified-put-back",
            "The newest event is gone.",
            AuditFault::PutBack { id: 4_711 },
        ),
        ("admin/reply-audit-verified-changed", "A changed event.", AuditFault::Changed { id: 7 }),
        ("admin/reply-audit-verified-missing", "Missing events.", AuditFault::Missing { first: 7, last: 9 }),
        ("admin/reply-audit-verified-swapped", "Swapped events.", AuditFault::Swapped { id: 7, with: 12 }),
        ("admin/reply-audit-verified-inserted", "A number below zero.", AuditFault::Inserted { id: -5 }),
        (
            "admin/reply-audit-verified-truncated",
            "The end is missing.",
            AuditFault::Truncated { first: 4_690, last: 4_700 },
        ),
        (
            "admin/reply-audit-verified-older",
            "Something before the chain is not as it was.",
            AuditFault::Older { last: 100 },
        ),
        ("admin/reply-audit-verified-marks", "A fault without fields.", AuditFault::Marks),
        ("admin/reply-audit-verified-broken", "The head was gone.", AuditFault::Broken { id: 7 }),
        (
            "admin/reply-audit-verified-checkpoint",
            "Not the event of the checkpoint.",
            AuditFault::Checkpoint { id: 4_711 },
        ),
    ];
    all.extend(faults.map(|(name, shows, fault)| reply(name, shows, verified(with(fault)))));
    all
}

fn backup_streams() -> Vec<Example> {
    vec![
        reply(
            "admin/reply-backup-chunk",
            "Bytes of a backup: a length, then the bytes as they are.",
            AdminReply::BackupChunk(b"backup.toml\0\xff".to_vec()),
        ),
        reply("admin/reply-backup-chunk-none", "A chunk may be empty.", AdminReply::BackupChunk(Vec::new())),
        reply(
            "admin/reply-backup-end",
            "The backup is whole, and has so many bytes.",
            AdminReply::BackupEnd { bytes: 5_000_000_000 },
        ),
        reply(
            "admin/reply-throttle-cleared",
            "How many lanes are open again.",
            AdminReply::ThrottleCleared { lanes: 3 },
        ),
    ]
}

fn import_replies() -> Vec<Example> {
    let bad = |line, reason: &str| BadRow { line, reason: reason.to_owned() };
    let judged = vec![bad(3, "name: an account has it already"), bad(5_000_000_000, "age: über 150")];
    vec![
        reply("admin/reply-import-started", "A variant without fields.", AdminReply::ImportStarted),
        reply("admin/reply-rows-judged", "Two rows that are not taken.", AdminReply::RowsJudged(judged)),
        reply("admin/reply-rows-judged-none", "Every row is taken.", AdminReply::RowsJudged(Vec::new())),
        reply(
            "admin/reply-import-continues",
            "It goes on; nothing is there yet.",
            AdminReply::ImportContinues { accounts: 500_000 },
        ),
        reply(
            "admin/reply-import-finished",
            "All accounts are there.",
            AdminReply::ImportFinished { accounts: 1_000_000, with_password: 999_999, elapsed_us: 5_000_000 },
        ),
        reply("admin/reply-import-dropped", "A variant without fields.", AdminReply::ImportDropped),
    ]
}

fn settings() -> Vec<Example> {
    let change = |key: &str, was: &str, is: &str, needs_restart| SettingChange {
        key: key.to_owned(),
        was: was.to_owned(),
        is: is.to_owned(),
        needs_restart,
    };
    let changes = vec![
        change("registration", "\"open\"", "\"closed\"", false),
        change("connections_max", "10000", "20000", true),
    ];
    vec![
        reply(
            "admin/reply-settings-read",
            "One that is in force now, and one that needs a restart.",
            AdminReply::SettingsRead(changes),
        ),
        reply("admin/reply-settings-read-none", "Nothing has changed.", AdminReply::SettingsRead(Vec::new())),
        reply(
            "admin/reply-settings-kept",
            "A file that cannot be used.",
            AdminReply::SettingsKept("audit_days: use 0 to 36_500 days; 0 is for ever".to_owned()),
        ),
    ]
}

fn limits() -> Vec<Example> {
    let limit = |key: &str, at_once, interval_ms| Limit { key: key.to_owned(), at_once, interval_ms };
    let shown = vec![limit("account_guesses_at_once", 5, None), limit("writes_at_once", 30, Some(2_000))];
    vec![
        reply(
            "admin/reply-limits-shown",
            "One that no time brings another of, and one that a time does.",
            AdminReply::LimitsShown(shown),
        ),
        reply("admin/reply-limits-shown-none", "A list may be empty.", AdminReply::LimitsShown(Vec::new())),
    ]
}

fn account_details() -> Vec<Example> {
    let active = AccountDetail {
        name: naman(),
        profile: Profile { email: Some("naman@example.org".to_owned()), age: Some(40), gender: None },
        state: AccountState::Active.into(),
        credential: Credential::Opaque.into(),
        created: NOW,
        last_login: Some(NOW.plus(60)),
        sessions: 2,
        later: Later::new(),
    };
    let suspended = AccountDetail {
        state: AccountState::Suspended {
            until: Some(NOW.plus(7 * DAY)),
            reason: Some("Gebühr offen".to_owned()),
        }
        .into(),
        sessions: 0,
        ..active.clone()
    };
    let deleted = AccountDetail {
        state: AccountState::Deleted { restorable_until: NOW.plus(7 * DAY) }.into(),
        profile: Profile::default(),
        credential: Credential::None.into(),
        last_login: None,
        sessions: 0,
        ..active.clone()
    };
    let unknown = |number| Item { number, content: vec![1, 2, 3] };
    let of_a_later_server = AccountDetail {
        state: Open::Unknown(unknown(3)),
        credential: Open::Unknown(unknown(u32::MAX)),
        later: vec![unknown(0)],
        ..active.clone()
    };
    vec![
        reply("admin/reply-account-shown", "An account in use.", AdminReply::AccountShown(active)),
        reply(
            "admin/reply-account-shown-deleted",
            "A deleted account that never had a password.",
            AdminReply::AccountShown(deleted),
        ),
        reply(
            "admin/reply-account-shown-later",
            "An account in a state that nobody knows yet, with a credential and a field of a later version.",
            AdminReply::AccountShown(of_a_later_server),
        ),
        reply(
            "admin/reply-account-changed",
            "An account after its suspension.",
            AdminReply::AccountChanged(suspended),
        ),
    ]
}
