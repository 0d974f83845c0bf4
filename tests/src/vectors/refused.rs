//! What a client must give up, beside the logins of [`super::replay::REFUSED`]: costs out of bounds, answers to a new password, and
//! logins of somebody who has the record of the account and not the key of its server.

use super::known::{KnownBytes, stream};
use super::replay::{self, Hex, LOGIN, Refused, RefusedLogin, Replay, Suite};
use opaque_ke::{
    CredentialRequest, Identifiers, RegistrationUpload, ServerLogin, ServerLoginParameters,
    ServerRegistration, ServerSetup,
};
use serde::{Deserialize, Serialize};
use vestry_protocol::user::Stretching;

/// What stretching may not cost.
pub const STRETCHING: &str = "refused/stretching";
/// Answers to the `RegistrationRequest` of [`LOGIN`].
pub const REGISTRATION: &str = "refused/registration";
/// Answers to its KE1 that were made with its record.
pub const RECORD: &str = "refused/record";

/// Costs, and whether a client stretches at them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedCosts {
    /// What is to be seen, in a sentence.
    pub shows: String,
    /// Those at which it does.
    pub taken: Vec<Cost>,
    /// Those that it gives up.
    pub cases: Vec<Cost>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// What is to be seen.
    pub shows: String,
    /// As a server asks for it.
    pub stretching: Stretching,
}

/// New passwords that a client must give up, all behind the `RegistrationRequest` of [`LOGIN`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedRegistrations {
    /// What is to be seen, in a sentence.
    pub shows: String,
    /// Each of them.
    pub cases: Vec<RefusedRegistration>,
}

/// One answer that seals nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedRegistration {
    /// What is wrong with it.
    pub shows: String,
    /// What the server sent.
    pub response: Hex,
}

/// The costs.
#[must_use]
pub fn costs() -> RefusedCosts {
    let cost = |shows: &str, memory_kib, iterations, parallelism| Cost {
        shows: shows.to_owned(),
        stretching: Stretching { memory_kib, iterations, parallelism },
    };
    RefusedCosts {
        shows: "What stretching may cost, and what a client gives up before it stretches.".to_owned(),
        taken: vec![
            cost("The cost that every server asks for.", 65_536, 6, 1),
            cost("Each number is the least.", 19_456, 2, 1),
            cost("The most lanes.", 19_456, 2, 16),
            cost("The most memory, with as many passes as it may have.", 1_048_576, 4, 16),
            cost("The most passes, with as much memory as they may have.", 262_144, 16, 1),
        ],
        cases: vec![
            cost("A KiB below the least memory.", 19_455, 6, 1),
            cost("No memory.", 0, 6, 1),
            cost("A KiB over the most memory.", 1_048_577, 2, 1),
            cost("2 GiB.", 2_097_152, 2, 1),
            cost("One pass.", 65_536, 1, 1),
            cost("No pass.", 65_536, 0, 1),
            cost("17 passes.", 65_536, 17, 1),
            cost("No lane.", 65_536, 6, 0),
            cost("17 lanes.", 65_536, 6, 17),
            cost("Memory times passes is over 4,194,304, though each is within its bounds.", 1_048_576, 5, 1),
            cost("It is by a little.", 262_145, 16, 1),
            cost("The product of these two has more than 32 bits.", u32::MAX, u32::MAX, 1),
            cost("Here its lower 32 bits are within the bound.", 65_536, 65_538, 1),
        ],
    }
}

/// The answers to a new password, made from the file of [`LOGIN`].
///
/// # Panics
/// When that cannot be read.
#[must_use]
pub fn registrations() -> RefusedRegistrations {
    let response = login().outputs.registration_response.0;
    let case = |shows: &str, response: &[u8]| RefusedRegistration {
        shows: shows.to_owned(),
        response: Hex(response.to_vec()),
    };
    let mut cases = vec![
        case("Nothing.", &[]),
        case("A byte is missing.", &response[..63]),
        case("A byte is left over.", &[&response[..], &[0]].concat()),
        case("The public key is missing.", &response[..32]),
    ];
    for (what, at) in [("An evaluated element", 0), ("A public key", 32)] {
        for (how, part) in no_elements() {
            let mut bytes = response.clone();
            bytes[at..at + part.len()].copy_from_slice(&part);
            cases.push(case(&format!("{what} that is {how}."), &bytes));
        }
    }
    let shows = "Answers to the RegistrationRequest of opaque/login.json that seal nothing.".to_owned();
    RefusedRegistrations { shows, cases }
}

/// 32 bytes that are no element a client may take. The last three are of RFC 9496, appendix A.3.
fn no_elements() -> [(&'static str, [u8; 32]); 6] {
    let field_prime = {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xed, 0x7f);
        bytes
    };
    let one = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    };
    let above = {
        let mut bytes = field_prime;
        bytes[0] = 0xf3;
        bytes
    };
    let off_the_group = [
        0x26, 0x94, 0x8d, 0x35, 0xca, 0x62, 0xe6, 0x43, 0xe2, 0x6a, 0x83, 0x17, 0x73, 0x32, 0xe6, 0xb6, 0xaf,
        0xeb, 0x9d, 0x08, 0xe4, 0x26, 0x8b, 0x65, 0x0f, 0x1f, 0x5b, 0xbd, 0x8d, 0x81, 0xd3, 0x71,
    ];
    [
        ("the identity", [0; 32]),
        ("the identity in another form, the prime of the field", field_prime),
        ("not in its canonical form: its bits are all set", [0xff; 32]),
        ("not in its canonical form: it is over the prime", above),
        ("negative", one),
        ("not of the group", off_the_group),
    ]
}

/// The answers to KE1 of somebody who has the record, made from the file of [`LOGIN`]. Only the envelope can tell.
///
/// # Panics
/// When that cannot be read.
#[must_use]
pub fn of_record() -> Refused {
    let login = login();
    let exporter = login.inputs.exporter.clone().unwrap_or_default();
    let upload = login.outputs.registration_upload.0.clone();
    let bent = |at: usize| {
        let mut bytes = upload.clone();
        bytes[at] ^= 1;
        bytes
    };
    let other_key = ServerSetup::<Suite>::new(&mut KnownBytes::new(stream().skip(8_192))).serialize();
    // The seed of the right one, and what is behind it of the other.
    let mixed = [&login.inputs.oprf_seed.0[..], &other_key[64..]].concat();
    let right_key = login.server_setup();
    let case = |shows: &str, setup: &[u8], upload: &[u8]| RefusedLogin {
        shows: shows.to_owned(),
        exporter: exporter.clone(),
        ke2: Hex(ke2_of(&login, setup, upload)),
    };
    let last = upload.len() - 1;
    let cases = vec![
        case(
            "Somebody has the record, and another key: the masked public key is that one, and the MAC is right for it.",
            &mixed,
            &upload,
        ),
        case(
            "The last bit of the envelope's tag is wrong, and the server's MAC is right.",
            &right_key,
            &bent(last),
        ),
        case("So it is when the first is.", &right_key, &bent(last - 63)),
    ];
    let shows =
        "Answers to the KE1 of opaque/login.json with a right MAC, behind an envelope that does not open.";
    Refused { shows: shows.to_owned(), cases }
}

pub(super) fn login() -> Replay {
    replay::read(LOGIN).expect("the exchange is there")
}

/// What a server with this key and this record answers.
fn ke2_of(login: &Replay, setup: &[u8], upload: &[u8]) -> Vec<u8> {
    let setup = ServerSetup::<Suite>::deserialize(setup).expect("it is a server's key");
    let record = RegistrationUpload::deserialize(upload).expect("it has the form of a record");
    let ke1 = CredentialRequest::deserialize(&login.outputs.ke1.0).expect("it is KE1");
    let parameters =
        ServerLoginParameters { context: Some(&login.inputs.context.0), identifiers: Identifiers::default() };
    let mut random = KnownBytes::new(stream().skip(12_288));
    let (record, identifier) =
        (Some(ServerRegistration::finish(record)), &login.inputs.credential_identifier.0);
    let started = ServerLogin::start(&mut random, &setup, record, ke1, identifier, parameters);
    started.expect("it is answered for").message.serialize().to_vec()
}
