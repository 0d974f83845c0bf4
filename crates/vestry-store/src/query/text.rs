//! Searching, replacing, trimming and matching of text, in time that grows with the text and not with its product.
//!
//! SQLite's own functions compare at every position, in one step that nothing interrupts. These do what those do, to
//! the character, and count their steps, so that whoever runs them can end them. They know nothing of SQLite.

use std::collections::BTreeSet;

/// Counts steps, and may end what takes them.
pub(super) trait Steps {
    /// Why it ends.
    type Ended;

    /// Counts, and fails when it is time to end.
    fn spend(&self, steps: usize) -> Result<(), Self::Ended>;
}

/// Finds one text in others (Knuth, Morris, Pratt): no byte is compared twice, whatever repeats.
pub(super) struct Finder<'n> {
    needle: &'n [u8],
    /// For each prefix of the needle, how long a prefix of the needle it ends with.
    borders: Vec<usize>,
}

impl<'n> Finder<'n> {
    /// Prepares to find a text that is not empty.
    pub(super) fn new(needle: &'n [u8]) -> Self {
        let mut borders = Vec::with_capacity(needle.len());
        let mut matched = 0;
        for (place, byte) in needle.iter().enumerate() {
            if place > 0 {
                matched = advance(needle, &borders, matched, *byte);
            }
            borders.push(matched);
        }
        Self { needle, borders }
    }

    /// Returns where it begins first.
    pub(super) fn find(&self, hay: &[u8]) -> Option<usize> {
        let mut matched = 0;
        for (place, byte) in hay.iter().enumerate() {
            matched = advance(self.needle, &self.borders, matched, *byte);
            if matched == self.needle.len() {
                return Some(place + 1 - matched);
            }
        }
        None
    }
}

/// How much of the needle is matched behind one more byte.
fn advance(needle: &[u8], borders: &[usize], mut matched: usize, byte: u8) -> usize {
    loop {
        if needle.get(matched) == Some(&byte) {
            return matched + 1;
        }
        let Some(shorter) = matched.checked_sub(1).and_then(|last| borders.get(last)) else { return 0 };
        matched = *shorter;
    }
}

/// Returns the text with every occurrence of another replaced, or nothing when it would be longer than `bytes_max`.
pub(super) fn replace(text: &str, from: &str, to: &str, bytes_max: usize) -> Option<String> {
    let (finder, mut rest, mut replaced) = (Finder::new(from.as_bytes()), text, String::new());
    while let Some((before, after)) = finder.find(rest.as_bytes()).and_then(|at| rest.split_at_checked(at)) {
        replaced.push_str(before);
        replaced.push_str(to);
        if replaced.len() > bytes_max {
            return None;
        }
        rest = after.get(from.len()..).unwrap_or_default();
    }
    replaced.push_str(rest);
    (replaced.len() <= bytes_max).then_some(replaced)
}

/// Which ends of a text are trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Left,
    Right,
    Both,
}

/// Returns the text without these characters at its ends.
pub(super) fn trim<'t>(text: &'t str, characters: &str, ends: Ends) -> &'t str {
    let characters: BTreeSet<char> = characters.chars().collect();
    let trimmed = |c: char| characters.contains(&c);
    match ends {
        Ends::Left => text.trim_start_matches(trimmed),
        Ends::Right => text.trim_end_matches(trimmed),
        Ends::Both => text.trim_matches(trimmed),
    }
}

/// A pattern of LIKE or GLOB, read once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
    folds_case: bool,
}

/// What one place of a pattern takes.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// Any number of characters.
    Run,
    /// Any one character.
    One,
    /// This one.
    Exactly(char),
    /// One of these, or none of them.
    Set { inverted: bool, ranges: Vec<(char, char)> },
    /// A set or an escape without its end.
    Nothing,
}

impl Pattern {
    /// Reads a pattern of LIKE: `%` is a run, `_` is one character, capitals are small letters in ASCII.
    pub(super) fn like(pattern: &str, escape: Option<char>) -> Self {
        let (mut pieces, mut rest) = (Vec::new(), pattern.chars());
        while let Some(c) = rest.next() {
            pieces.push(match c {
                c if Some(c) == escape => rest.next().map_or(Piece::Nothing, Piece::Exactly),
                '%' => Piece::Run,
                '_' => Piece::One,
                c => Piece::Exactly(c),
            });
        }
        Self { pieces, folds_case: true }
    }

    /// Reads a pattern of GLOB: `*` is a run, `?` is one character, `[…]` and `[^…]` are sets.
    pub(super) fn glob(pattern: &str) -> Self {
        let (mut pieces, mut rest) = (Vec::new(), pattern.chars());
        while let Some(c) = rest.next() {
            pieces.push(match c {
                '*' => Piece::Run,
                '?' => Piece::One,
                '[' => set(&mut rest),
                c => Piece::Exactly(c),
            });
        }
        Self { pieces, folds_case: false }
    }

    /// Whether it takes the whole text. When a piece does not fit, only the last run can take one character more: an
    /// earlier one would leave a longer text to the same pieces.
    pub(super) fn takes<S: Steps>(&self, text: &str, steps: &S) -> Result<bool, S::Ended> {
        let (mut pieces, mut rest) = (self.pieces.as_slice(), text.chars());
        let mut last_run = None;
        loop {
            let cost = match pieces.first() {
                Some(Piece::Set { ranges, .. }) => ranges.len(),
                _ => 0,
            };
            steps.spend(1 + cost)?;
            let fits = match pieces.split_first() {
                Some((Piece::Run, behind)) => {
                    pieces = behind;
                    last_run = Some((behind, rest.clone()));
                    continue;
                }
                Some((piece, behind)) => {
                    pieces = behind;
                    rest.next().is_some_and(|c| self.fits(piece, c))
                }
                None if rest.as_str().is_empty() => return Ok(true),
                None => false,
            };
            if !fits {
                let Some((behind, mut longer)) = last_run.take() else { return Ok(false) };
                if longer.next().is_none() {
                    return Ok(false);
                }
                pieces = behind;
                rest = longer.clone();
                last_run = Some((behind, longer));
            }
        }
    }

    fn fits(&self, piece: &Piece, c: char) -> bool {
        match piece {
            Piece::Exactly(wanted) if self.folds_case => wanted.eq_ignore_ascii_case(&c),
            Piece::Exactly(wanted) => *wanted == c,
            Piece::Set { inverted, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *inverted
            }
            Piece::One => true,
            Piece::Run | Piece::Nothing => false,
        }
    }
}

/// Reads a set behind its `[`. A `]` that comes first, and a `-` that stands at an end, are characters of it.
fn set(rest: &mut std::str::Chars<'_>) -> Piece {
    let inverted = rest.as_str().starts_with('^') && rest.next().is_some();
    let mut ranges = Vec::new();
    if rest.as_str().starts_with(']') {
        ranges.extend(rest.next().map(|c| (c, c)));
    }
    let mut low: Option<char> = None;
    while let Some(c) = rest.next() {
        let next = rest.as_str().chars().next();
        match (c, low, next) {
            (']', ..) => return Piece::Set { inverted, ranges },
            ('-', Some(from), Some(to)) if to != ']' => {
                ranges.extend(rest.next().map(|to| (from, to)));
                low = None;
            }
            (c, ..) => {
                ranges.push((c, c));
                low = Some(c);
            }
        }
    }
    Piece::Nothing
}
