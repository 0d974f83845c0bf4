//! Times as people type them: a date, with a time or without one, an RFC 3339 time, or a span from now. Never reads the clock.
//! A file of accounts takes the same, but for spans.

use thiserror::Error;
use time::{Date, Month};
use vestry_protocol::UnixSeconds;
use vestry_protocol::calendar::{parse_rfc3339, rfc3339};
use vestry_protocol::escape::Escaped;

/// Text that is no time, or one that has passed.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum NotATime {
    #[error(
        "'{}' is not a time; write 2026-12-31, '2026-12-31 23:59' (UTC), 2026-12-31T18:00:00Z, or a span as 30m, 12h, 7d or 2w",
        Escaped(.0)
    )]
    Unreadable(String),
    #[error("{0} has passed; name a time in the future")]
    Passed(String),
}

/// Reads a time after `now`. A date means its first second, and what names no zone is in UTC.
pub(crate) fn parse_until(text: &str, now: UnixSeconds) -> Result<UnixSeconds, NotATime> {
    let text = text.trim();
    let read = span(text).map(|seconds| now.plus(seconds)).or_else(|| parse_time(text));
    let until = read.filter(|until| rfc3339(*until).is_some());
    let until = until.ok_or_else(|| NotATime::Unreadable(text.to_owned()))?;
    match until > now {
        true => Ok(until),
        false => Err(NotATime::Passed(rfc3339(until).unwrap_or_default())),
    }
}

/// Reads a time. A date means its first second, and what names no zone is in UTC.
pub(crate) fn parse_time(text: &str) -> Option<UnixSeconds> {
    let text = text.trim();
    let midnight = |date: Date| UnixSeconds::from_seconds(date.midnight().assume_utc().unix_timestamp());
    parse_rfc3339(text).or_else(|| date(text).map(midnight)).or_else(|| without_a_zone(text))
}

/// `7d` in seconds; nothing when it is no span, a second level of nothing when it is too long for one.
fn span(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let seconds: i64 = match unit {
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return None,
    };
    let number = text.strip_suffix(unit)?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    // A number that does not fit is still a span; it ends where no calendar has a second.
    digits.then(|| number.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(seconds))
}

/// `2026-12-31 23:59`, with seconds or without, and with a `T` for the blank.
fn without_a_zone(text: &str) -> Option<UnixSeconds> {
    let (day, time) = text.split_once([' ', 'T', 't'])?;
    let time = if time.len() == "23:59".len() { format!("{time}:00") } else { time.to_owned() };
    parse_rfc3339(&format!("{day}T{}Z", time.trim_start()))
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) =
        (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() {
        return None;
    }
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()
}

fn digits(text: &str, count: usize) -> Option<u16> {
    let well_formed = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    well_formed.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T02:00:00Z.
    const NOW: UnixSeconds = UnixSeconds::from_seconds(1_795_399_200);

    #[test]
    fn dates_times_and_spans_are_read() {
        let cases = [
            ("2026-12-31", "2026-12-31T00:00:00Z"),
            ("2026-12-31T18:30:00Z", "2026-12-31T18:30:00Z"),
            ("2026-12-31T18:30:00+02:00", "2026-12-31T16:30:00Z"),
            ("2026-12-31t18:30:00.25z", "2026-12-31T18:30:00Z"),
            ("2026-12-31 23:59", "2026-12-31T23:59:00Z"),
            ("2026-12-31  23:59:30", "2026-12-31T23:59:30Z"),
            ("2026-12-31T18:30:00", "2026-12-31T18:30:00Z"),
            ("1m", "2026-11-23T02:01:00Z"),
            ("12h", "2026-11-23T14:00:00Z"),
            (" 7d ", "2026-11-30T02:00:00Z"),
            ("2w", "2026-12-07T02:00:00Z"),
            ("2028-02-29", "2028-02-29T00:00:00Z"),
        ];
        for (text, expected) in cases {
            let until = parse_until(text, NOW).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(rfc3339(until).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let cases = [
            "",
            "d",
            "-7d",
            "+7d",
            "7",
            "7s",
            "7 d",
            "1.5h",
            "tomorrow",
            "2026-02-30",
            "2027-02-29",
            "2026-13-01",
            "2026-1-1",
            "26-12-31",
            "2026-12-31 18",
            "2026-12-31 24:00",
            "2026-12-31 18:30:00Z+1",
            "2026-12-31 6:30 pm",
            "2026/12/31",
            "99999999999999999999d",
            "9999999999d",
            "7é",
            "2026-12-31-01",
            "\u{1b}[2J",
        ];
        for text in cases {
            assert!(matches!(parse_until(text, NOW), Err(NotATime::Unreadable(_))), "{text:?}");
        }
        assert!(!parse_until("\u{1b}[2J", NOW).unwrap_err().to_string().contains('\u{1b}'));
    }

    #[test]
    fn a_time_that_has_passed_is_refused() {
        for text in ["2026-11-23", "2026-11-23T02:00:00Z", "0d", "1969-01-01"] {
            assert!(matches!(parse_until(text, NOW), Err(NotATime::Passed(_))), "{text}");
        }
        assert!(parse_until("2026-11-23T02:00:01Z", NOW).is_ok());
    }
}
