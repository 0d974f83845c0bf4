//! What is said of bad rows: the first of each kind with their lines, and how many more there are. Nobody reads the three
//! hundred thousand lines of a file that was imported already.

use crate::output::Output;
use crate::progress::grouped;
use std::collections::HashMap;
use vestry_protocol::escape::Escaped;

/// So many of a kind show what it is about.
const OF_A_KIND_MAX: u64 = 20;

/// More kinds than there are rules; what is beyond them counts as one.
const KINDS_MAX: usize = 64;

/// Which bad rows were told.
#[derive(Debug, Default)]
pub(super) struct Told {
    kinds: HashMap<String, Kind>,
}

/// Rows that break the same rule.
#[derive(Debug)]
struct Kind {
    first_line: u64,
    reason: String,
    rows: u64,
}

impl Told {
    /// Takes a bad row; its line and its reason, when they are to be told.
    pub(super) fn row(&mut self, line: u64, reason: &str) -> Option<String> {
        let mut name = kind_of(reason);
        if self.kinds.len() >= KINDS_MAX && !self.kinds.contains_key(&name) {
            name.clear();
        }
        let kind = self.kinds.entry(name).or_insert_with(|| Kind {
            first_line: line,
            reason: reason.to_owned(),
            rows: 0,
        });
        kind.rows += 1;
        (kind.rows <= OF_A_KIND_MAX).then(|| format!("line {line}: {}", Escaped(reason)))
    }

    /// Returns whether some rows were not told.
    pub(super) fn left_some_out(&self) -> bool {
        self.kinds.values().any(|kind| kind.rows > OF_A_KIND_MAX)
    }

    /// Says how many more there are of each kind, in the order of the first of each.
    pub(super) fn tell_the_rest(&self, output: Output) {
        let mut kinds: Vec<_> = self.kinds.values().filter(|kind| kind.rows > OF_A_KIND_MAX).collect();
        kinds.sort_by_key(|kind| kind.first_line);
        for Kind { first_line, reason, rows } in kinds {
            let more = grouped(rows - OF_A_KIND_MAX);
            output.talk(format_args!("and {more} more as in line {first_line}: {}", Escaped(reason)));
        }
    }
}

/// A reason without its numbers, which differ from row to row.
fn kind_of(reason: &str) -> String {
    reason.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_of_a_kind_are_told_whatever_their_numbers_are() {
        let mut told = Told::default();
        for line in 1..=30 {
            assert_eq!(
                told.row(line, &format!("name: line {} has it already", line * 7)).is_some(),
                line <= 20
            );
        }
        assert_eq!(
            told.row(31, "age: use a whole number"),
            Some("line 31: age: use a whole number".to_owned())
        );
        assert!(told.left_some_out());
        assert_eq!(told.kinds.len(), 2);
    }

    #[test]
    fn kinds_without_end_are_bounded() {
        let mut told = Told::default();
        let letters = |number: u64| "x".repeat(usize::try_from(number).unwrap());
        let shown = (1..=150).filter(|line| told.row(*line, &letters(*line)).is_some()).count();
        assert_eq!(told.kinds.len(), KINDS_MAX + 1);
        assert_eq!(shown, KINDS_MAX + 20);
    }
}
