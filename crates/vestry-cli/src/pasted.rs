//! A join string in what a person copied from a mail or a chat.
//!
//! The protocol's reader takes a join string and nothing else (docs/PROTOCOL.md). What programs for mail and chat put around it and
//! into it is taken away here: quotes, brackets, `>` in front of a line, line breaks, dashes of every kind, characters without a
//! width, the link `vestry://join/...`, the command in front of it and the words behind it.

use vestry_tls::JoinString;
use vestry_tls::join::{JoinStringError, LETTERS_MAX, PREFIX};

/// More than this is no message that a person copied. In bytes.
pub(crate) const PASTED_BYTES_MAX: usize = 64 * 1024;

/// How many times the prefix may stand in a message.
const PREFIXES_MAX: usize = 16;

/// Returns the first join string in `text`.
///
/// # Errors
/// Why what follows the last prefix is none.
pub(crate) fn join_string(text: &str) -> Result<JoinString, JoinStringError> {
    // What is neither a letter nor a digit does not matter: none is ever added.
    let (mut letters, mut ends) = (String::new(), Vec::new());
    for word in text.split_whitespace() {
        letters.extend(word.chars().filter(|c| c.is_alphanumeric()));
        ends.push(letters.len());
    }
    let lower = letters.to_ascii_lowercase();
    let mut error = JoinStringError::WrongPrefix;
    for (at, _) in lower.match_indices(PREFIX).take(PREFIXES_MAX) {
        let start = at + PREFIX.len();
        let read = |end: usize| {
            let body = letters.get(start..end).unwrap_or_default();
            format!("{PREFIX}-{body}").parse::<JoinString>()
        };
        // Words behind it are no part of it: its check characters say where it ends.
        let is_possible = |end: &&usize| (start..=start + LETTERS_MAX).contains(*end);
        if let Some(found) = ends.iter().filter(is_possible).rev().find_map(|end| read(*end).ok()) {
            return Ok(found);
        }
        error = read(letters.len()).err().unwrap_or(error);
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use vestry_protocol::Pin;

    fn example() -> JoinString {
        JoinString { host: "accounts.example.org".to_owned(), port: 7443, pin: Pin([0x5a; 32]) }
    }

    #[test]
    fn whatever_mail_and_chat_make_of_it_is_read() {
        let text = example().to_string();
        let (head, tail) = text.split_at(40);
        let shapes = [
            text.clone(),
            text.to_uppercase(),
            format!("vestry://join/{text}"),
            format!("VESTRY://JOIN/{text}/"),
            format!("<vestry://join/{text}>"),
            format!("https://example.org/join#{text}"),
            format!("vestry join {text}"),
            format!("$ vestry join '{text}'\r\n"),
            format!("`{text}`"),
            format!("```\n{text}\n```"),
            format!("\"{text}\""),
            format!("\u{201c}{text}\u{201d}"),
            format!("\u{2039}{text}\u{203a}"),
            format!("\u{ab} {text} \u{bb}"),
            format!("({text})."),
            format!("**{text}**"),
            format!("{text}="),
            format!("{text}..."),
            format!("{head}=\r\n{tail}"),
            format!("> {head}\n> {tail}\n"),
            format!(">> {head}\n>>   {tail}\n"),
            format!("| {head}\n| {tail}\n"),
            format!("  {head}\n    {tail}\r\n"),
            format!("{head}\u{200b}{tail}\u{feff}"),
            format!("\u{feff}{head}\u{ad}{tail}"),
            format!("{head}\u{2060}\u{200d}{tail}"),
            format!("\u{2066}{text}\u{2069}"),
            text.replacen('-', "\u{2013}", 1),
            text.replacen('-', "\u{2011}", 1),
            text.replacen('-', " - ", 1),
            text.replacen('-', "\n-", 1),
            text.replacen("vestry1", "ves\ntry1", 1),
            format!("Hello Hana,\nhere it is: {text}\nYours, O'Neil (room 108)\n"),
            format!("join string: {text} (copy all of it)"),
            format!("{head}\n{text}\n"),
            format!("{text}\n{text}"),
            text.chars().map(|c| format!("{c} ")).collect(),
        ];
        for shape in shapes {
            assert_eq!(join_string(&shape), Ok(example()), "{shape:?}");
        }
    }

    #[test]
    fn what_is_no_join_string_is_told_as_the_protocol_tells_it() {
        let text = example().to_string();
        let cases = [
            (String::new(), JoinStringError::WrongPrefix),
            ("vestry join".to_owned(), JoinStringError::WrongPrefix),
            (text.replacen("vestry1", "vestry2", 1), JoinStringError::WrongPrefix),
            ("vestry1-".to_owned(), JoinStringError::Incomplete),
            (text.strip_suffix('a').unwrap().to_owned(), JoinStringError::Incomplete),
            (text.replacen("dujv", "duj1", 1), JoinStringError::StrayCharacter('1')),
            (text.replacen("dujv", "duj\u{e9}", 1), JoinStringError::StrayCharacter('\u{e9}')),
            (text.replacen("dujv", "djuv", 1), JoinStringError::WrongCheck),
        ];
        for (text, error) in cases {
            assert_eq!(join_string(&text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_message_as_long_as_it_may_be_is_judged() {
        for text in
            ["vestry1-".repeat(8_000), "a ".repeat(32_000), format!("vestry1-{}", "a ".repeat(32_000))]
        {
            assert!(join_string(&text).is_err());
        }
    }

    proptest! {
        #[test]
        fn noise_in_any_place_changes_nothing(noise in "[ \n>`*_.\u{200b}\u{ad}\u{2013}-]{1,4}", at in 0_usize..80) {
            let mut text = example().to_string();
            text.insert_str(at % text.len(), &noise);
            prop_assert_eq!(join_string(&text), Ok(example()));
        }

        #[test]
        fn one_wrong_letter_leads_to_no_other_server(other in "[a-z0-9]", at in 0_usize..80) {
            let mut text = example().to_string();
            let at = at % text.len();
            text.replace_range(at..=at, &other);
            prop_assert!(join_string(&text).map_or(true, |read| read == example()));
        }
    }
}
