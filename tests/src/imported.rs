//! Accounts as another system had them: Argon2id hashes without a pepper, at a cost of their own, brought in over the admin
//! port.

use crate::harness::{Server, secret};
use data_encoding::BASE64_NOPAD;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::import::ImportRow;
use vestry_protocol::user::Profile;

/// A hash as another system would have made it.
#[must_use]
pub fn hash_of(password: &str) -> String {
    let params = argon2::Params::new(1_024, 2, 1, Some(32)).expect("a cost of Argon2id");
    let hasher = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut tag = [0; 32];
    hasher.hash_password_into(password.as_bytes(), b"somesalt", &mut tag).expect("a hash");
    let (salt, tag) = (BASE64_NOPAD.encode(b"somesalt"), BASE64_NOPAD.encode(&tag));
    format!("$argon2id$v=19$m=1024,t=2,p=1${salt}${tag}")
}

/// A row without a profile and without a hash.
#[must_use]
pub fn row(line: u64, name: &str) -> ImportRow {
    ImportRow {
        line,
        name: name.to_owned(),
        profile: Profile::default(),
        created: None,
        suspended: None,
        argon2id: None,
    }
}

/// Imports accounts by their names and passwords.
pub async fn import(server: &Server, accounts: &[(&str, &str)]) {
    let mut wire = server.connect_as("admin").await;
    let started = wire.call(AdminCall::StartImport).await.expect("an answer");
    assert!(matches!(started, AdminReply::ImportStarted), "{started:?}");
    let rows = accounts.iter().zip(2..).map(|((name, password), line)| ImportRow {
        argon2id: Some(secret(&hash_of(password))),
        ..row(line, name)
    });
    let judged = wire.call(AdminCall::ImportRows(rows.collect())).await.expect("an answer");
    assert!(matches!(&judged, AdminReply::RowsJudged(bad) if bad.is_empty()), "{judged:?}");
    let count = u64::try_from(accounts.len()).expect("few accounts");
    let id = wire.send(&AdminCall::FinishImport { accounts: count }).await.expect("it is sent");
    loop {
        match wire.receive_for(id).await.expect("an answer") {
            AdminReply::ImportContinues { .. } => {}
            AdminReply::ImportFinished { accounts, .. } => return assert_eq!(accounts, count),
            other => panic!("{other:?}"),
        }
    }
}
