//! Times as text (RFC 3339), for people, JSON and files. On the wire they are seconds.

use crate::time::UnixSeconds;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Returns a time as RFC 3339 in UTC; `None` for a second that no calendar has.
#[must_use]
pub fn rfc3339(at: UnixSeconds) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(at.seconds()).ok()?.format(&Rfc3339).ok()
}

/// Returns the second that an RFC 3339 time names, of whatever offset; its fraction is cut off.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<UnixSeconds> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(UnixSeconds::from_seconds(time.unix_timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        assert_eq!(rfc3339(UnixSeconds::default()).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(
            rfc3339(UnixSeconds::from_seconds(1_795_399_200)).as_deref(),
            Some("2026-11-23T02:00:00Z")
        );
        assert_eq!(rfc3339(UnixSeconds::MAX), None);
    }

    #[test]
    fn times_are_read_with_any_offset() {
        let read = Some(UnixSeconds::from_seconds(1_795_399_200));
        assert_eq!(parse_rfc3339("2026-11-23T02:00:00Z"), read);
        assert_eq!(parse_rfc3339("2026-11-23t04:00:00.25+02:00"), read);
        for text in ["", "2026-11-23", "2026-11-23T02:00:00", "2026-02-30T00:00:00Z"] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }
}
