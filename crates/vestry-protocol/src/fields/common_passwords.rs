//! The published list of common passwords (`docs/passwords/common.txt`), searched where it lies: nothing of it is copied.

/// The list of section 5 of `docs/PROTOCOL.md`: ASCII in lower case, one entry on a line, sorted by bytes.
pub const COMMON_PASSWORDS: &str = include_str!("../../../../docs/passwords/common.txt");

/// Returns whether the list has exactly this entry.
pub(super) fn is_common(text: &str) -> bool {
    has_line(COMMON_PASSWORDS, text)
}

/// Returns whether one of the sorted lines is `wanted`, by halving the range of bytes that it can lie in.
fn has_line(lines: &str, wanted: &str) -> bool {
    // Both are always the first byte of a line, or the end of the text.
    let (mut low, mut high) = (0, lines.len());
    while low < high {
        let middle = low.midpoint(high);
        let before = lines.get(low..middle).unwrap_or_default();
        let start = before.rfind('\n').map_or(low, |at| low + at + 1);
        let line = lines.get(start..high).and_then(|rest| rest.split('\n').next()).unwrap_or_default();
        match line.cmp(wanted) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = start + line.len() + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_and_nothing_between_two_entries() {
        let mut entries = 0;
        for line in COMMON_PASSWORDS.lines() {
            assert!(is_common(line), "{line}");
            assert!(!is_common(&format!("{line}\u{1}")), "{line}");
            entries += 1;
        }
        assert_eq!(entries, 17_950);
        for stranger in ["", "\n", "a", "password\n", "PASSWORD", "~~~~~~~~~~", "\u{e9}", "!"] {
            assert!(!is_common(stranger), "{stranger:?}");
        }
    }

    #[test]
    fn the_list_is_sorted_without_repetitions_in_lower_case_ascii_of_8_characters() {
        let entries: Vec<&str> = COMMON_PASSWORDS.lines().collect();
        assert!(entries.is_sorted_by(|a, b| a < b));
        assert!(COMMON_PASSWORDS.ends_with('\n'));
        for entry in entries {
            let is_plain = |b: u8| b.is_ascii_graphic() && !b.is_ascii_uppercase();
            assert!(entry.len() >= 8 && entry.bytes().all(is_plain), "{entry}");
        }
    }

    #[test]
    fn a_line_is_found_in_lists_of_every_small_size() {
        let lines = ["aa", "ab", "b", "ba", "c"];
        for count in 0..=lines.len() {
            let list: String = lines[..count].iter().map(|line| format!("{line}\n")).collect();
            for (at, line) in lines.iter().enumerate() {
                assert_eq!(has_line(&list, line), at < count, "{line} of {count}");
            }
        }
    }
}
