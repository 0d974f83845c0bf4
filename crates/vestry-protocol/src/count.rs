//! Numbers of things, in sentences.

use std::fmt;

/// A number with its noun: `1 row`, `2 rows`. Only for nouns whose plural ends in `s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(u64, &'static str);

impl Count {
    /// So many, of what one is called like this.
    pub fn new(number: impl TryInto<u64>, one: &'static str) -> Self {
        Self(number.try_into().unwrap_or(u64::MAX), one)
    }

    /// Returns `is` or `are`.
    #[must_use]
    pub fn is(self) -> &'static str {
        if self.0 == 1 { "is" } else { "are" }
    }

    /// Returns `was` or `were`.
    #[must_use]
    pub fn was(self) -> &'static str {
        if self.0 == 1 { "was" } else { "were" }
    }

    /// Returns `has` or `have`.
    #[must_use]
    pub fn has(self) -> &'static str {
        if self.0 == 1 { "has" } else { "have" }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, one) = self;
        let end = match (*number, ["s", "sh", "ch", "x"].iter().any(|end| one.ends_with(end))) {
            (1, _) => "",
            (_, true) => "es",
            (_, false) => "s",
        };
        write!(f, "{number} {one}{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_not_several() {
        let shown = |number: u64| {
            let rows = Count::new(number, "row");
            format!("{rows} {} {} {}", rows.is(), rows.was(), rows.has())
        };
        assert_eq!(shown(0), "0 rows are were have");
        assert_eq!(shown(1), "1 row is was has");
        assert_eq!(shown(2), "2 rows are were have");
        assert_eq!(Count::new(2u8, "password hash").to_string(), "2 password hashes");
        assert_eq!(Count::new(-1i64, "row").to_string(), format!("{} rows", u64::MAX));
    }
}
