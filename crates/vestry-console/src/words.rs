//! Words of a command line, as a shell cuts and quotes them.

use vestry_protocol::escape::Escaped;

/// Cuts a line into words: white space parts them, quotes keep it, a backslash takes the next character as it is.
/// Nothing when a quote does not end.
pub(crate) fn words_of(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().push(characters.next()?),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// A word as it can be typed again, spelled out where it would drive the terminal.
pub(crate) fn quoted(word: &str) -> String {
    let shown = Escaped(word).to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !shown.is_empty() && shown.chars().all(plain) {
        true => shown,
        false => format!("'{}'", shown.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_cut_as_a_shell_cuts_them() {
        let cases: &[(&str, &[&str])] = &[
            ("accounts  --sort age", &["accounts", "--sort", "age"]),
            ("accounts --where \"name = 'x'\"", &["accounts", "--where", "name = 'x'"]),
            ("a 'b c'd \"\" e\\ f", &["a", "b cd", "", "e f"]),
            (r#"'it'\''s' "a\"b""#, &["it's", "a\"b"]),
            ("  ", &[]),
        ];
        for (line, words) in cases {
            assert_eq!(words_of(line).unwrap(), *words, "{line}");
        }
        for line in ["'a", "\"a", "a\\"] {
            assert_eq!(words_of(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_was_quoted_is_one_word_again(word in "[ -~]{0,30}") {
            prop_assert_eq!(words_of(&quoted(&word)), Some(vec![word]));
        }
    }
}
