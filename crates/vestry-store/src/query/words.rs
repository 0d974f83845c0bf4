//! Cuts SQL into words exactly as SQLite does, for what has to be known before SQLite is asked.
//!
//! Secrets do not depend on this: what is misread here still meets the authorizer. It never rewrites SQL.

use std::str::Chars;

/// One word of SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A keyword or a bare name.
    Name(String),
    /// A name or a text in whatever quotes; SQLite takes a text for a name where it expects one.
    Quoted(String),
    /// A number.
    Number,
    /// A character that stands for itself.
    Sign(char),
    /// `?`, `:name`, `@name`, `$name` or `#name`.
    Parameter,
    /// `-- …` or `/* … */`.
    Comment,
    /// A quote or a comment that does not end.
    Unended,
}

impl Word {
    /// The name that this may be, in quotes or not.
    pub(super) fn as_name(&self) -> Option<&str> {
        match self {
            Self::Name(name) | Self::Quoted(name) => Some(name),
            Self::Number | Self::Sign(_) | Self::Parameter | Self::Comment | Self::Unended => None,
        }
    }

    /// Whether this is one of these keywords.
    pub(super) fn is_one_of(&self, keywords: &[&str]) -> bool {
        matches!(self, Self::Name(name) if keywords.iter().any(|keyword| keyword.eq_ignore_ascii_case(name)))
    }
}

/// A word, and at which byte of the text it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) word: Word,
    pub(super) at: usize,
}

/// The words of a text, comments included.
pub(super) fn words_of(sql: &str) -> Vec<Placed> {
    let mut words = Words { rest: Rest(sql.chars()) };
    let mut placed = Vec::new();
    loop {
        words.skip_space();
        let at = sql.len() - words.rest.0.as_str().len();
        match words.next() {
            Some(word) => placed.push(Placed { word, at }),
            None => return placed,
        }
    }
}

/// What is not read yet.
struct Rest<'a>(Chars<'a>);

impl Rest<'_> {
    fn next_if(&mut self, takes: impl FnOnce(&char) -> bool) -> Option<char> {
        let mut behind = self.0.clone();
        let next = behind.next().filter(takes)?;
        self.0 = behind;
        Some(next)
    }

    fn next_if_eq(&mut self, wanted: char) -> Option<char> {
        self.next_if(|c| *c == wanted)
    }
}

impl Iterator for Rest<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        self.0.next()
    }
}

struct Words<'a> {
    rest: Rest<'a>,
}

impl Words<'_> {
    /// SQLite skips a byte order mark too, wherever a word could begin.
    fn skip_space(&mut self) {
        while self.rest.next_if(|c| matches!(c, ' ' | '\t'..='\r' | '\u{feff}')).is_some() {}
    }

    fn next(&mut self) -> Option<Word> {
        let first = self.rest.next()?;
        Some(match first {
            '\'' | '"' | '`' => self.quoted(first),
            '[' => self.bracketed(),
            '-' if self.rest.next_if_eq('-').is_some() => {
                let _ = self.rest.by_ref().find(|c| *c == '\n');
                Word::Comment
            }
            '/' if self.rest.next_if_eq('*').is_some() => self.comment_to_star_slash(),
            '?' | ':' | '@' | '$' | '#' => {
                while self.rest.next_if(|c| is_name_character(*c)).is_some() {}
                Word::Parameter
            }
            c if c.is_ascii_digit() => {
                while self.rest.next_if(|c| is_name_character(*c) || *c == '.').is_some() {}
                Word::Number
            }
            c if is_name_character(c) => {
                let mut text = String::from(c);
                while let Some(c) = self.rest.next_if(|c| is_name_character(*c)) {
                    text.push(c);
                }
                Word::Name(text)
            }
            c => Word::Sign(c),
        })
    }

    fn quoted(&mut self, quote: char) -> Word {
        let mut text = String::new();
        while let Some(c) = self.rest.next() {
            // A quote inside is written twice.
            if c == quote && self.rest.next_if_eq(quote).is_none() {
                return Word::Quoted(text);
            }
            text.push(c);
        }
        Word::Unended
    }

    fn bracketed(&mut self) -> Word {
        let mut text = String::new();
        for c in self.rest.by_ref() {
            if c == ']' {
                return Word::Quoted(text);
            }
            text.push(c);
        }
        Word::Unended
    }

    fn comment_to_star_slash(&mut self) -> Word {
        while let Some(c) = self.rest.next() {
            if c == '*' && self.rest.next_if_eq('/').is_some() {
                return Word::Comment;
            }
        }
        Word::Unended
    }
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Word {
        Word::Name(text.to_owned())
    }

    fn quoted(text: &str) -> Word {
        Word::Quoted(text.to_owned())
    }

    #[test]
    fn words_are_cut_where_sqlite_cuts_them() {
        use Word::{Comment, Number, Parameter, Sign, Unended};
        let cases: &[(&str, &[Word])] = &[
            ("select*from t", &[name("select"), Sign('*'), name("from"), name("t")]),
            ("a\u{b}b\u{c}c\u{feff}d", &[name("a"), name("b"), name("c\u{feff}d")]),
            ("\u{feff}a", &[name("a")]),
            ("a\u{a0}b", &[name("a\u{a0}b")]),
            (
                "'it''s' \"a\"\"b\" `c``d` [e]]",
                &[quoted("it's"), quoted("a\"b"), quoted("c`d"), quoted("e"), Sign(']')],
            ),
            ("x'00'", &[name("x"), quoted("00")]),
            ("a--b\nc -- d", &[name("a"), Comment, name("c"), Comment]),
            ("a/**/b /*/ c */ d", &[name("a"), Comment, name("b"), Comment, name("d")]),
            ("/* a", &[Unended]),
            ("'a", &[Unended]),
            ("[a", &[Unended]),
            ("1.5e3 0x1f a1", &[Number, Number, name("a1")]),
            ("? ?1 :a @b $c #d", &[const { Parameter }; 6]),
            ("a-b/c", &[name("a"), Sign('-'), name("b"), Sign('/'), name("c")]),
        ];
        for (sql, words) in cases {
            let cut: Vec<Word> = words_of(sql).into_iter().map(|placed| placed.word).collect();
            assert_eq!(cut, *words, "{sql:?}");
        }
        let places: Vec<usize> = words_of(" \u{e9}a 'b' /**/\n=5").iter().map(|placed| placed.at).collect();
        assert_eq!(places, [1, 5, 9, 14, 15]);
    }
}
