//! What a statement is made of, as far as a program has to know that helps to write one. It judges nothing: that is the server's
//! matter.

use std::ops::Range;
use vestry_protocol::views::{self, Columns};

/// The words of a select that are no names.
#[rustfmt::skip]
pub(crate) const KEYWORDS: &[&str] = &[
    "all", "and", "as", "asc", "between", "by", "case", "cast", "collate", "cross", "desc", "distinct", "else", "end", "escape",
    "except", "exists", "explain", "filter", "from", "full", "glob", "group", "having", "in", "inner", "intersect", "is", "isnull",
    "join", "left", "like", "limit", "materialized", "natural", "not", "notnull", "null", "nulls", "offset", "on", "or", "order",
    "outer", "over", "partition", "recursive", "right", "rows", "select", "then", "union", "using", "values", "when", "where",
    "window", "with",
];

/// A piece of a statement that is not white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) kind: PieceKind,
    /// Its bytes.
    pub(crate) at: Range<usize>,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PieceKind {
    /// A keyword or a name.
    Word,
    /// `'…'`, `"…"`, `` `…` `` or `[…]`; also one that does not end.
    Quoted,
    Number,
    Comment,
    Sign,
}

impl Piece {
    /// Its text.
    pub(crate) fn of<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.at.clone()).unwrap_or_default()
    }
}

/// Cuts a statement into its pieces.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return pieces };
        let (kind, length) = piece(first, rest);
        let begin = text.len() - rest.len();
        pieces.push(Piece { kind, at: begin..begin + length });
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// What begins a text, and how many bytes it has.
fn piece(first: char, text: &str) -> (PieceKind, usize) {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    let behind = |mark: &str, from: usize| {
        let found = text.get(from..).and_then(|rest| rest.find(mark));
        found.map_or(text.len(), |at| from + at + mark.len())
    };
    let while_of = |fits: &dyn Fn(char) -> bool| text.find(|c| !fits(c)).unwrap_or(text.len());
    match first {
        '\'' | '"' | '`' => (PieceKind::Quoted, end_of_quotes(first, text)),
        '[' => (PieceKind::Quoted, behind("]", 1)),
        '-' if text.starts_with("--") => (PieceKind::Comment, text.find('\n').unwrap_or(text.len())),
        '/' if text.starts_with("/*") => (PieceKind::Comment, behind("*/", 2)),
        c if c.is_ascii_digit() => (PieceKind::Number, while_of(&|c| is_of_name(c) || c == '.')),
        c if is_of_name(c) => (PieceKind::Word, while_of(&is_of_name)),
        c => (PieceKind::Sign, c.len_utf8()),
    }
}

/// A quote that is written twice is one of the text.
fn end_of_quotes(quote: char, text: &str) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// Whether a piece in quotes has its last one.
pub(crate) fn is_ended(quoted: &str) -> bool {
    let ends = quoted.len() > 1 && quoted.ends_with(['\'', '"', '`', ']']);
    // What is doubled at the end is one of the text.
    ends && piece(quoted.chars().next().unwrap_or_default(), &format!("{quoted} ")).1 == quoted.len()
}

/// The views that stand behind `from`, `join` or a comma in a statement; each once, in their order.
pub(crate) fn views_named(text: &str) -> Vec<&'static Columns> {
    let mut named: Vec<&'static Columns> = Vec::new();
    let pieces = pieces(text);
    for pair in pieces.windows(2) {
        let [before, piece] = pair else { continue };
        let leads = ["from", "join", ","].iter().any(|lead| before.of(text).eq_ignore_ascii_case(lead));
        if let Some(view) = view_called(piece.of(text)).filter(|view| leads && !named.contains(view)) {
            named.push(view);
        }
    }
    named
}

/// The view of a name.
pub(crate) fn view_called(name: &str) -> Option<&'static Columns> {
    views::ALL.iter().find(|view| view.view.eq_ignore_ascii_case(name))
}

/// Whether a text closes exactly the parentheses that it opens.
pub(crate) fn closes_its_parentheses(text: &str) -> bool {
    let mut open: usize = 0;
    for piece in pieces(text) {
        match piece.of(text) {
            "(" => open += 1,
            ")" if open == 0 => return false,
            ")" => open -= 1,
            _ => {}
        }
    }
    open == 0
}

/// Returns the word that was probably meant: one that a slip of the fingers or two lead to.
pub(crate) fn nearest<'w>(typed: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    // A longer one is near to none, and takes its time.
    const CHARS_MAX: usize = 40;
    if typed.chars().nth(CHARS_MAX).is_some() {
        return None;
    }
    let typed = typed.to_lowercase();
    let slips = |word: &str| strsim::damerau_levenshtein(&typed, word);
    let fits = |word: &&str| slips(word) <= 2 && 2 * slips(word) < word.chars().count();
    words.into_iter().filter(fits).min_by_key(|word| slips(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_statement_is_cut_into_its_pieces() {
        use PieceKind::{Comment, Number, Quoted, Sign, Word};
        let cases: &[(&str, &[(PieceKind, &str)])] = &[
            ("select a.b", &[(Word, "select"), (Word, "a"), (Sign, "."), (Word, "b")]),
            ("'it''s' \"x", &[(Quoted, "'it''s'"), (Quoted, "\"x")]),
            ("[a b]`c`", &[(Quoted, "[a b]"), (Quoted, "`c`")]),
            ("1.5e3-- é\n2", &[(Number, "1.5e3"), (Comment, "-- é"), (Number, "2")]),
            ("/*/ */é /* x", &[(Comment, "/*/ */"), (Word, "é"), (Comment, "/* x")]),
            ("'é", &[(Quoted, "'é")]),
            (" ", &[]),
        ];
        for (text, expected) in cases {
            let cut: Vec<_> = pieces(text).iter().map(|piece| (piece.kind, piece.of(text))).collect();
            assert_eq!(cut, *expected, "{text}");
        }
    }

    #[test]
    fn the_views_of_a_statement_are_known_by_where_they_stand() {
        for (quoted, ends) in [
            ("'a'", true),
            ("'a", false),
            ("'", false),
            ("'a''", false),
            ("\"a'", false),
            ("[a]", true),
            ("''", true),
        ] {
            assert_eq!(is_ended(quoted), ends, "{quoted}");
        }
        let named = |text| views_named(text).iter().map(|view| view.view).collect::<Vec<_>>();
        assert_eq!(named("select accounts from Sessions s join audit, sessions"), ["sessions", "audit"]);
        assert_eq!(named("select 'from accounts'"), [""; 0]);
    }

    #[test]
    fn parentheses_are_counted_outside_of_quotes() {
        for text in ["", "(a)", "')'", "(a) or (b) -- ("] {
            assert!(closes_its_parentheses(text), "{text}");
        }
        for text in ["(", "a) or (b", ")("] {
            assert!(!closes_its_parentheses(text), "{text}");
        }
    }

    #[test]
    fn two_slips_lead_to_a_word_and_three_do_not() {
        let words = ["name", "email", "from"];
        for (typed, meant) in
            [("nam", Some("name")), ("form", Some("from")), ("EMIAL", Some("email")), ("xyz", None)]
        {
            assert_eq!(nearest(typed, words), meant, "{typed}");
        }
        assert_eq!(nearest(&"n".repeat(100_000), words), None);
    }

    proptest! {
        #[test]
        fn pieces_hold_all_but_white_space_in_its_order(text in "[a;'\"\\[\\]`/*.1 é漢\n-]{0,30}") {
            let mut upto = 0;
            for piece in pieces(&text) {
                prop_assert!(piece.at.start >= upto && piece.at.end > piece.at.start);
                prop_assert_eq!(text.get(upto..piece.at.start).map(str::trim), Some(""));
                upto = piece.at.end;
            }
            prop_assert_eq!(text.get(upto..).map(str::trim), Some(""));
        }
    }
}
