//! The user port's good messages that carry OPAQUE. Bytes in them are made up and have only the right lengths; a
//! whole exchange whose bytes fit together is in `replay`.

use super::Example;
use super::user::{reply, request};
use vestry_protocol::secret::{DeviceToken, SecretText};
use vestry_protocol::user::{Envelope, Profile, Stretching, UserCall, UserReply};

const REQUEST_BYTES: usize = 32;
const RESPONSE_BYTES: usize = 64;
const UPLOAD_BYTES: usize = 192;
const KE1_BYTES: usize = 96;
const KE2_BYTES: usize = 320;
const KE3_BYTES: usize = 64;

/// What the server asks of every password: 64 MiB, 6 passes, 1 lane.
const USUAL: Stretching = Stretching { memory_kib: 65_536, iterations: 6, parallelism: 1 };
/// The largest numbers that there are. They are a message; that they are out of bounds is the receiver's business.
const LARGEST: Stretching = Stretching { memory_kib: u32::MAX, iterations: u32::MAX, parallelism: u32::MAX };

fn naman() -> String {
    "naman".to_owned()
}

/// Bytes that count up, so that a lost or swapped one shows.
fn counting(length: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(length).collect()
}

fn envelope(stretching: Stretching) -> Envelope {
    Envelope { upload: counting(UPLOAD_BYTES), stretching }
}

/// What a client may ask.
pub(super) fn requests() -> Vec<Example> {
    [registrations(), logins(), proofs(), new_passwords(), resets()].into_iter().flatten().collect()
}

fn registrations() -> Vec<Example> {
    let full = Profile {
        email: Some("naman@example.org".to_owned()),
        age: Some(40),
        gender: Some("männlich".to_owned()),
    };
    let start = |invitation| UserCall::StartRegistration {
        name: naman(),
        request: counting(REQUEST_BYTES),
        invitation,
    };
    let finish = |profile| UserCall::FinishRegistration { envelope: envelope(USUAL), profile };
    vec![
        request("user/request-start-registration", "A name, and 32 bytes with their length.", 1, start(None)),
        request(
            "user/request-start-registration-invitation",
            "What an operator may invite with later; no server takes one yet.",
            1,
            start(Some(SecretText::new("01234-56789-ABCDE-FGHJK".to_owned()))),
        ),
        request(
            "user/request-finish-registration",
            "The envelope and a full profile; the connection remembers the name.",
            2,
            finish(full),
        ),
        request("user/request-finish-registration-bare", "An empty profile.", 2, finish(Profile::default())),
    ]
}

fn logins() -> Vec<Example> {
    let start =
        |name: &str, device_token, ke1| UserCall::StartLogin { name: name.to_owned(), device_token, ke1 };
    let device = DeviceToken::from_bytes([0xd7; 32]);
    let finish =
        |witness| UserCall::FinishLogin { ke3: counting(KE3_BYTES), device: "laptop".to_owned(), witness };
    vec![
        request(
            "user/request-start-login",
            "A name and KE1, from a device that is not remembered.",
            3,
            start("naman", None, counting(KE1_BYTES)),
        ),
        request(
            "user/request-start-login-device",
            "The token of a device between them: 01 and 32 bytes.",
            3,
            start("naman", Some(device), counting(KE1_BYTES)),
        ),
        request(
            "user/request-start-login-empty",
            "Bytes of another length are a message; that KE1 is none of OPAQUE is the answer's business.",
            3,
            start("", None, Vec::new()),
        ),
        request("user/request-finish-login", "KE3, and what to call the device.", 4, finish(Vec::new())),
        request(
            "user/request-finish-login-witness",
            "What the login before handed out, at its longest.",
            4,
            finish((0..128).collect()),
        ),
    ]
}

fn proofs() -> Vec<Example> {
    vec![
        request(
            "user/request-start-proof",
            "KE1; the name is that of the session.",
            5,
            UserCall::StartProof { ke1: counting(KE1_BYTES) },
        ),
        request("user/request-finish-proof", "KE3.", 6, UserCall::FinishProof { ke3: counting(KE3_BYTES) }),
    ]
}

fn new_passwords() -> Vec<Example> {
    vec![
        request(
            "user/request-start-new-password",
            "32 bytes; the name is that of the session.",
            7,
            UserCall::StartNewPassword { request: counting(REQUEST_BYTES) },
        ),
        request(
            "user/request-finish-new-password",
            "An envelope: 192 bytes, and what stretching cost.",
            8,
            UserCall::FinishNewPassword { envelope: envelope(USUAL) },
        ),
        request(
            "user/request-start-record-move",
            "32 bytes; the name is that of the session, and the password is that of its login.",
            7,
            UserCall::StartRecordMove { request: counting(REQUEST_BYTES) },
        ),
        request(
            "user/request-finish-record-move",
            "An envelope, of the same password under the server's new key.",
            8,
            UserCall::FinishRecordMove { envelope: envelope(USUAL) },
        ),
        request(
            "user/request-finish-new-password-largest-stretching",
            "The largest numbers of 32 bits, which the server refuses as a field.",
            8,
            UserCall::FinishNewPassword { envelope: envelope(LARGEST) },
        ),
    ]
}

fn resets() -> Vec<Example> {
    vec![
        request(
            "user/request-start-reset",
            "A name, the operator's one-time code as it was printed, and 32 bytes.",
            1,
            UserCall::StartReset {
                name: naman(),
                code: SecretText::new("01234-56789-ABCDE-FGHJK".to_owned()),
                request: counting(REQUEST_BYTES),
            },
        ),
        request(
            "user/request-finish-reset",
            "An envelope; the connection remembers the account and the code.",
            2,
            UserCall::FinishReset { envelope: envelope(USUAL) },
        ),
    ]
}

/// What a server may answer.
pub(super) fn replies() -> Vec<Example> {
    let login_started = |stretching| UserReply::LoginStarted { ke2: counting(KE2_BYTES), stretching };
    vec![
        reply(
            "user/reply-new-password-started",
            "64 bytes, and what stretching a new password must cost.",
            1,
            UserReply::NewPasswordStarted { response: counting(RESPONSE_BYTES), stretching: USUAL },
        ),
        reply(
            "user/reply-login-started",
            "KE2 of 320 bytes: its length takes three.",
            3,
            login_started(USUAL),
        ),
        reply(
            "user/reply-login-started-largest-stretching",
            "The largest numbers of 32 bits, which a client must not work by.",
            3,
            login_started(LARGEST),
        ),
        reply("user/reply-password-proven", "A variant without fields.", 6, UserReply::PasswordProven),
    ]
}
