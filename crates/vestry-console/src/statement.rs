//! Where a statement ends: at a `;` or `\G` that stands outside of quotes and comments.
//!
//! It only cuts. Whether what it cut is SQL is the server's matter.

/// One statement, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    /// It ended with `\G`: rows are wanted as lists.
    pub(crate) vertical: bool,
}

/// What is left behind the last statement that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) text: String,
    /// Whether there is anything but white space and comments.
    has_words: bool,
    inside: Inside,
    /// Parentheses that are open, outside of quotes and comments.
    open: usize,
}

impl Rest {
    /// Takes it for a statement whose end was left out.
    pub(crate) fn into_statement(self) -> Option<Statement> {
        self.has_words.then(|| Statement { sql: self.text.trim().to_owned(), vertical: false })
    }

    /// Inside of what it ends.
    pub(crate) fn inside(&self) -> Inside {
        match self.inside {
            Inside::Nothing if self.open > 0 => Inside::Parentheses,
            inside => inside,
        }
    }

    /// Whether nothing is waiting for its end.
    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// Inside of what the next character stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    Nothing,
    Parentheses,
    Quotes(char),
    LineComment,
    Comment,
}

/// Cuts a text into the statements that end in it, and the rest.
pub(crate) fn split(text: &str) -> (Vec<Statement>, Rest) {
    let (mut statements, mut inside) = (Vec::new(), Inside::Nothing);
    let nothing = || Rest { text: String::new(), has_words: false, inside: Inside::Nothing, open: 0 };
    let mut rest = nothing();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied();
        let end = match (inside, c, next) {
            (Inside::Nothing, ';', _) => Some(false),
            (Inside::Nothing, '\\', Some('G')) => Some(true),
            (Inside::Nothing, '\\', Some('g')) => Some(false),
            (_, _, _) => None,
        };
        if let Some(vertical) = end {
            if c == '\\' {
                characters.next();
            }
            if rest.has_words {
                statements.push(Statement { sql: rest.text.trim().to_owned(), vertical });
            }
            rest = nothing();
            continue;
        }
        rest.text.push(c);
        match (inside, c) {
            (Inside::Nothing, '(') => rest.open += 1,
            (Inside::Nothing, ')') => rest.open = rest.open.saturating_sub(1),
            _ => {}
        }
        let before = inside;
        inside = after(inside, c, next);
        let is_mark_of_two = match (before, inside) {
            (Inside::Nothing, Inside::LineComment | Inside::Comment) => true,
            (Inside::Comment, Inside::Nothing) => c == '*',
            (_, _) => false,
        };
        if is_mark_of_two {
            // Both characters of a mark are taken at once: `/*/` does not close what it opens.
            rest.text.extend(characters.next());
        }
        let comment = |state| matches!(state, Inside::LineComment | Inside::Comment);
        rest.has_words |= !comment(before) && !comment(inside) && !c.is_whitespace();
    }
    rest.inside = inside;
    (statements, rest)
}

fn after(inside: Inside, c: char, next: Option<char>) -> Inside {
    match (inside, c, next) {
        (Inside::Nothing, '\'' | '"' | '`', _) => Inside::Quotes(c),
        (Inside::Nothing, '[', _) => Inside::Quotes(']'),
        (Inside::Nothing, '-', Some('-')) => Inside::LineComment,
        (Inside::Nothing, '/', Some('*')) => Inside::Comment,
        // A quote that is written twice ends its text and begins another one, which comes to the same.
        (Inside::Quotes(quote), c, _) if c == quote => Inside::Nothing,
        (Inside::LineComment, '\n', _) => Inside::Nothing,
        (Inside::Comment, '*', Some('/')) => Inside::Nothing,
        (unchanged, _, _) => unchanged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str) -> (Vec<(String, bool)>, String) {
        let (statements, rest) = split(text);
        (statements.into_iter().map(|one| (one.sql, one.vertical)).collect(), rest.text)
    }

    /// A text, the statements that end in it (and whether with `\G`), and the rest.
    type Case = (&'static str, &'static [(&'static str, bool)], &'static str);

    #[test]
    fn statements_end_outside_of_quotes_and_comments() {
        let cases: &[Case] = &[
            ("select 1;", &[("select 1", false)], ""),
            ("select 1\\G", &[("select 1", true)], ""),
            ("select 1\\g select 2\\G", &[("select 1", false), ("select 2", true)], ""),
            ("select 1; select 2", &[("select 1", false)], " select 2"),
            ("select ';'", &[], "select ';'"),
            ("select ';';", &[("select ';'", false)], ""),
            ("select 'it''s; \\G';", &[("select 'it''s; \\G'", false)], ""),
            ("select \"a;b\", `c;d`, [e;f];", &[("select \"a;b\", `c;d`, [e;f]", false)], ""),
            ("select 1 -- ; no\n;", &[("select 1 -- ; no", false)], ""),
            ("select 1 /* ; \\G */;", &[("select 1 /* ; \\G */", false)], ""),
            ("select 1 /*/ ; */;", &[("select 1 /*/ ; */", false)], ""),
            ("select 1 - -1;", &[("select 1 - -1", false)], ""),
            ("select 2/1;", &[("select 2/1", false)], ""),
            (";;;", &[], ""),
            ("-- nothing\n;", &[], ""),
            ("select\n1\n;\n", &[("select\n1", false)], "\n"),
            ("select '", &[], "select '"),
            ("\\", &[], "\\"),
        ];
        for (text, statements, rest) in cases {
            let expected: Vec<_> =
                statements.iter().map(|(sql, vertical)| ((*sql).to_owned(), *vertical)).collect();
            assert_eq!(cut(text), (expected, (*rest).to_owned()), "{text:?}");
        }
    }

    #[test]
    fn comments_alone_are_no_statement() {
        for text in ["", " \n", "-- a", "/* a */", "/* a"] {
            assert_eq!(split(text).1.into_statement(), None, "{text:?}");
        }
        assert!(split("select 1 -- a").1.into_statement().is_some());
        assert!(split(" \n").1.is_blank() && !split("x").1.is_blank());
    }

    proptest! {
        #[test]
        fn nothing_but_ends_and_white_space_is_lost(text in "[a;'\"\\[\\]`/*\\-\\\\Gg \n]{0,40}") {
            let (statements, rest) = split(&text);
            let kept: usize = statements.iter().map(|one| one.sql.len()).sum::<usize>() + rest.text.len();
            prop_assert!(kept <= text.len());
            if !text.contains([';', '\\']) {
                prop_assert_eq!(rest.text, text);
            }
        }
    }
}
