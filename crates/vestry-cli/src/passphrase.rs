//! Making a passphrase: words that are short, distinct and drawn evenly, so that it can be typed and remembered.

use crate::failure::Failure;
use bip39::Language;
use vestry_protocol::random;
use vestry_protocol::secret::SecretText;
use zeroize::Zeroizing;

/// Six of 2,048 words: 66 bits, far beyond guessing through a server and dear even with its files stolen.
const WORDS: usize = 6;

/// A passphrase of at least `chars_min` characters.
pub(super) fn generate(chars_min: usize) -> Result<SecretText, Failure> {
    let words = Language::English.word_list();
    // Words have at most 8 letters; one reservation keeps every copy wiped.
    let mut phrase = Zeroizing::new(String::with_capacity((WORDS + chars_min) * 9));
    let mut count = 0;
    while count < WORDS || phrase.len() < chars_min {
        let index = even_index(words.len(), || {
            let mut bytes = [0; 4];
            random::fill(&mut bytes)?;
            Ok::<_, Failure>(u32::from_ne_bytes(bytes))
        })?;
        if count > 0 {
            phrase.push('-');
        }
        phrase.push_str(words.get(index).copied().unwrap_or_default());
        count += 1;
    }
    Ok(SecretText::new(phrase.as_str().to_owned()))
}

/// A number below `count`, each as likely as any other, from numbers that are evenly spread over all of `u32`.
///
/// The last incomplete round of them is thrown away: taking the remainder of all would favour small numbers.
fn even_index<E>(count: usize, mut random: impl FnMut() -> Result<u32, E>) -> Result<usize, E> {
    let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
    let uneven = (u32::MAX % count + 1) % count;
    loop {
        let number = random()?;
        if number <= u32::MAX - uneven {
            return Ok(usize::try_from(number % count).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::convert::Infallible;
    use vestry_client::StrongPassword;
    use vestry_protocol::fields::{Password, PasswordOwner, PasswordPolicy};

    fn index_of(count: usize, numbers: &[u32]) -> usize {
        let mut numbers = numbers.iter();
        even_index(count, || Ok::<u32, Infallible>(*numbers.next().unwrap())).unwrap()
    }

    #[test]
    fn numbers_of_the_incomplete_round_are_thrown_away() {
        // 2^32 = 3 * 1431655765 + 1: only the very last number is one too many.
        assert_eq!(index_of(3, &[u32::MAX, 7]), 1);
        assert_eq!(index_of(3, &[u32::MAX - 1]), 2);
        // 2^32 = 5 * 858993459 + 1, and 2^32 = 7 * 613566756 + 4.
        assert_eq!(index_of(5, &[u32::MAX, 9]), 4);
        assert_eq!(index_of(7, &[u32::MAX, u32::MAX - 3, 10]), 3);
        assert_eq!(index_of(7, &[u32::MAX - 4]), 6);
        // A power of two has no incomplete round.
        assert_eq!(index_of(2048, &[u32::MAX]), 2047);
        assert_eq!(index_of(1, &[u32::MAX]), 0);
    }

    #[test]
    fn every_index_has_the_same_number_of_sources() {
        // The whole of a smaller world: the numbers of one round, at both ends of the range.
        for count in [2usize, 3, 5, 6, 7, 10] {
            let round = u32::try_from(count).unwrap();
            let last = u32::MAX - (u32::MAX % round + 1) % round;
            for start in [0, last - round + 1] {
                let seen: HashSet<usize> =
                    (start..=start + (round - 1)).map(|n| index_of(count, &[n])).collect();
                assert_eq!(seen.len(), count, "{count} from {start}");
            }
        }
    }

    #[test]
    fn every_passphrase_is_six_words_and_strong() {
        let words: HashSet<&str> = Language::English.word_list().iter().copied().collect();
        let owner =
            PasswordOwner { name: "naman", email: Some("naman@gmail.com"), host: Some("example.org") };
        for _ in 0..500 {
            let phrase = generate(15).unwrap();
            let parts: Vec<&str> = phrase.expose_secret().split('-').collect();
            assert_eq!(parts.len(), 6);
            assert!(parts.iter().all(|part| words.contains(part)), "{parts:?}");
            let password = Password::parse(&phrase).unwrap();
            let strong = StrongPassword::judge(PasswordPolicy::default(), password, &owner);
            assert!(strong.is_ok_and(|strong| strong.guesses_log10() > 12.0), "{}", phrase.expose_secret());
        }
    }

    #[test]
    fn a_stricter_server_gets_more_words() {
        for chars_min in [8, 40, 100, 200, 256] {
            let phrase = generate(chars_min).unwrap();
            assert!(phrase.expose_secret().len() >= chars_min);
            let policy = PasswordPolicy::with_chars_min(chars_min).unwrap();
            let password = Password::parse(&phrase).unwrap();
            assert!(StrongPassword::judge(policy, password, &PasswordOwner::default()).is_ok());
        }
    }

    #[test]
    fn no_two_passphrases_are_the_same() {
        let many: HashSet<String> =
            (0..200).map(|_| generate(15).unwrap().expose_secret().to_owned()).collect();
        assert_eq!(many.len(), 200);
    }
}
