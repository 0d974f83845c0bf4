//! How far a long piece of work has come, as one line on the terminal that is written over and over, and gone when
//! the work is done. Without a terminal, with `NO_COLOR` and for JSON there is none.

use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Often enough to look alive, and too seldom to cost anything.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

const BAR_COLUMNS: usize = 24;

/// The line.
#[derive(Debug)]
pub(crate) struct Progress {
    is_shown: bool,
    began: Instant,
    drawn: Option<Instant>,
    columns: usize,
}

impl Progress {
    /// A line that shows, or none.
    pub(crate) fn begin(is_shown: bool) -> Self {
        Self { is_shown, began: Instant::now(), drawn: None, columns: 0 }
    }

    /// Draws the line anew when it is time: what is done, of how much where that is known, and how many rows that is.
    pub(crate) fn at(&mut self, what: &str, done: u64, of: Option<u64>, rows: u64) {
        self.tell_with(|began| line(what, done, of, rows, began.elapsed()));
    }

    /// Draws a line of its own words when it is time.
    pub(crate) fn tell(&mut self, line: &str) {
        self.tell_with(|_| line.to_owned());
    }

    fn tell_with(&mut self, line: impl FnOnce(Instant) -> String) {
        let is_due = self.drawn.is_none_or(|drawn| drawn.elapsed() >= DRAWN_EVERY);
        if self.is_shown && is_due {
            self.drawn = Some(Instant::now());
            self.draw(&line(self.began));
        }
    }

    /// Makes room for a line of talk, or for the end.
    pub(crate) fn clear(&mut self) {
        if self.columns > 0 {
            self.draw("");
            self.columns = 0;
            self.drawn = None;
        }
    }

    fn draw(&mut self, line: &str) {
        let width = line.chars().count();
        let mut stderr = io::stderr().lock();
        // Over what was there, and no further; when nobody looks there is nobody to tell.
        let _ =
            write!(stderr, "\r{line:columns$}\r{line}", columns = self.columns).and_then(|()| stderr.flush());
        self.columns = width;
    }
}

fn line(what: &str, done: u64, of: Option<u64>, rows: u64, elapsed: Duration) -> String {
    let rate = rows.saturating_mul(1_000) / u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let (shown, noun) = (grouped(rows), if rows == 1 { "row" } else { "rows" });
    let rows = format!("{shown} {noun}, {}/s", grouped(rate));
    let Some(of) = of.filter(|of| *of > 0) else { return format!("{what} {rows}") };
    let percent = done.min(of).saturating_mul(100) / of;
    let filled = usize::try_from(percent).unwrap_or_default() * BAR_COLUMNS / 100;
    format!("{what} [{:BAR_COLUMNS$}] {percent:3} % {rows}", "#".repeat(filled))
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_line_fits_a_terminal_of_eighty_columns() {
        let full = line("checking", u64::MAX, Some(1), 10_000_000, Duration::from_secs(20));
        assert_eq!(full, "checking [########################] 100 % 10,000,000 rows, 500,000/s");
        let unknown = line("importing", 5, None, 5, Duration::ZERO);
        assert_eq!(unknown, "importing 5 rows, 5,000/s");
        let half = line("checking", 50, Some(100), 1, Duration::from_secs(1));
        assert!(half.contains("[############            ]  50 %"), "{half}");
        assert!(full.len() < 80);
    }
}
