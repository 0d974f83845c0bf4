//! What the programs say of a refusal: a sentence of their own for each code. The server's is for a code that is newer than
//! the program, and stands behind where it says what no code can.

use vestry_protocol::calendar::rfc3339;
use vestry_protocol::count::Count;
use vestry_protocol::escape::Escaped;
use vestry_protocol::item::Open;
use vestry_protocol::refusal::{Detail, Refusal, RefusalCode, SessionEnd};

/// What happened, on one line, without anything that drives a terminal.
#[must_use]
pub fn sentence(refusal: &Refusal) -> String {
    let Some(code) = refusal.known_code() else {
        let number = &refusal.code;
        return match refusal.message.is_empty() {
            true => {
                format!("the server refused it, for a reason that is newer than this program ({number})")
            }
            false => Escaped(&refusal.message).to_string(),
        };
    };
    let own = match code {
        RefusalCode::Unsupported => "this server is older than this program and cannot do that",
        RefusalCode::Malformed => "the server could not read the request",
        RefusalCode::BadField => return of_field(refusal),
        RefusalCode::NotLoggedIn => "log in first",
        RefusalCode::WrongCredentials => "the name or the password is wrong",
        RefusalCode::SessionEnded => return of_end(refusal),
        RefusalCode::NameTaken => "this name is taken",
        RefusalCode::PasswordsNotTaken => "this server takes no passwords, only proofs of them (OPAQUE)",
        RefusalCode::Suspended => return of_suspension(refusal),
        RefusalCode::NotFound => return with_the_servers("nothing was found", refusal),
        RefusalCode::Busy => return with_the_wait("the server is busy", refusal),
        RefusalCode::Forbidden => return with_the_servers("your role does not allow it", refusal),
        RefusalCode::Unavailable => "the server cannot write at the moment; its disk is full or read-only",
        RefusalCode::Internal => "the server made a mistake; its operator finds it in the log",
        // What is wrong with a statement only the server's sentence says, which says it whole.
        RefusalCode::QueryRefused => return the_servers_or("the query was refused", refusal),
        RefusalCode::QueryLimit => return the_servers_or("the query was cut off", refusal),
        RefusalCode::RegistrationClosed => "this server does not take registrations",
        RefusalCode::WrongState => {
            return with_the_servers("the state of the account does not allow it", refusal);
        }
        RefusalCode::Throttled => return with_the_wait("too many attempts", refusal),
        RefusalCode::NotStarted => "it took too long, or was begun elsewhere; start it again",
        RefusalCode::NotProven => "prove your password first",
        RefusalCode::WrongCode => {
            "the name or the one-time code is wrong, or the code was used or has expired"
        }
        RefusalCode::CodeSpent => "this one-time code was used too often without setting a password",
        RefusalCode::CodeUsed => return of_used_code(refusal),
        RefusalCode::NoFreshLogin => "a device is remembered once, within two minutes of a login",
        RefusalCode::OperatorUnknown => "this operator certificate is not in use (any more)",
        RefusalCode::Stopping => "the server is stopping",
        RefusalCode::Unsure => "the server cannot tell whether it was done",
        RefusalCode::NoImport => "no import is under way on this connection",
        RefusalCode::ImportUnderWay => "an import is under way on this connection already",
        RefusalCode::ImportCount => "another number of accounts waits to be imported; nothing was imported",
        RefusalCode::OwnCertificate => "this is your own certificate; another admin has to revoke it",
    };
    own.to_owned()
}

fn the_servers_or(own: &str, refusal: &Refusal) -> String {
    match refusal.message.is_empty() {
        true => own.to_owned(),
        false => Escaped(&refusal.message).to_string(),
    }
}

fn with_the_servers(own: &str, refusal: &Refusal) -> String {
    match refusal.message.is_empty() {
        true => own.to_owned(),
        false => format!("{own} ({})", Escaped(&refusal.message)),
    }
}

fn with_the_wait(own: &str, refusal: &Refusal) -> String {
    let Some(ms) = refusal.retry_after_ms else { return format!("{own}; try again later") };
    match ms.div_ceil(1_000) {
        secs @ 0..120 => format!("{own}; try again in {secs} s"),
        secs @ 120..7_200 => format!("{own}; try again in {}", Count::new(secs / 60, "minute")),
        secs @ 7_200..172_800 => format!("{own}; try again in {}", Count::new(secs / 3_600, "hour")),
        secs => format!("{own}; try again in {}, or ask the operator", Count::new(secs / 86_400, "day")),
    }
}

fn of_field(refusal: &Refusal) -> String {
    match refusal.detail() {
        Some(Detail::Field(Open::Known(field))) => {
            with_the_servers(&format!("the server does not take this {field}"), refusal)
        }
        _ => with_the_servers("the server does not take a field", refusal),
    }
}

fn of_end(refusal: &Refusal) -> String {
    let Some(Detail::Ended(Some(end))) = refusal.detail() else { return "your session has ended".to_owned() };
    let why = match end {
        Open::Known(SessionEnd::Expired) => "it expired",
        Open::Known(SessionEnd::LoggedOut) => "it was logged out",
        Open::Known(SessionEnd::PasswordChanged) => "the password was changed",
        Open::Known(SessionEnd::Displaced) => "the account had too many sessions",
        Open::Known(SessionEnd::Revoked) => "an operator ended it",
        Open::Known(SessionEnd::Suspended) => "the account was suspended",
        Open::Known(SessionEnd::Deleted) => "the account was deleted",
        Open::Known(SessionEnd::RecordMoved) => {
            "a login elsewhere moved the password to the server's new key"
        }
        Open::Unknown(item) => return format!("your session has ended: {item}"),
    };
    format!("your session has ended: {why}")
}

fn of_suspension(refusal: &Refusal) -> String {
    let Some(Detail::Suspended { until, reason }) = refusal.detail() else {
        return "the operator suspended this account".to_owned();
    };
    let until = until.and_then(rfc3339).map_or_else(String::new, |until| format!(" until {until}"));
    let reason = reason.map_or_else(String::new, |reason| format!(": {}", Escaped(&reason)));
    format!("the operator suspended this account{until}{reason}")
}

fn of_used_code(refusal: &Refusal) -> String {
    let at = match refusal.detail() {
        Some(Detail::UsedAt(at)) => rfc3339(at).map_or_else(String::new, |at| format!(" at {at}")),
        _ => String::new(),
    };
    format!("this one-time code did set a password{at}, and works once")
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_protocol::UnixSeconds;
    use vestry_protocol::fields::Field;
    use vestry_protocol::item::Item;

    #[test]
    fn every_code_has_a_sentence_of_its_own() {
        let mut said = std::collections::BTreeSet::new();
        for code in RefusalCode::ALL {
            let words = sentence(&Refusal::new(code, ""));
            assert!(words.len() > 10 && said.insert(words.clone()), "{code:?}: {words}");
        }
    }

    #[test]
    fn what_a_code_says_beside_its_number_is_in_the_sentence() {
        let cases = [
            (RefusalCode::BadField, Detail::Field(Field::Email.into()), "this e-mail"),
            (
                RefusalCode::SessionEnded,
                Detail::Ended(Some(SessionEnd::PasswordChanged.into())),
                "password was changed",
            ),
            (
                RefusalCode::Suspended,
                Detail::Suspended {
                    until: Some(UnixSeconds::default()),
                    reason: Some("sp\u{1b}am".to_owned()),
                },
                "until 1970-01-01T00:00:00Z: sp\\u{1b}am",
            ),
            (RefusalCode::CodeUsed, Detail::UsedAt(UnixSeconds::default()), "at 1970-01-01T00:00:00Z"),
        ];
        for (code, detail, part) in cases {
            let words = sentence(&Refusal::new(code, "").with(&detail));
            assert!(words.contains(part), "{words}");
        }
    }

    #[test]
    fn a_code_of_a_later_version_is_told_in_the_servers_words_or_by_its_number() {
        let code = Item { number: 999, content: vec![1, 2] };
        let mut newer = Refusal { code, message: "a\nb".to_owned(), retry_after_ms: None };
        assert_eq!(sentence(&newer), "a\\nb");
        newer.message.clear();
        assert!(sentence(&newer).contains("unknown 999 (0102)"));
    }
}
