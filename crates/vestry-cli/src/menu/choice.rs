//! What the menu offers and what a typed number means. Pure text.

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    LogIn,
    LogInImported,
    Register,
    Update,
    Delete,
    RetrieveInfo,
    LogOut,
    Exit,
}

/// A number, what it is called, and what it does.
type Offer = (&'static str, Choice, &'static str, &'static str);

/// Before a login.
pub(super) const OUTSIDE: &[Offer] = &[
    ("1", Choice::LogIn, "login", "log in to your account"),
    ("2", Choice::Register, "register", "make a new account"),
    ("7", Choice::LogInImported, "first login", "with a password from another system"),
    ("0", Choice::Exit, "exit", "leave"),
];

/// After it.
pub(super) const INSIDE: &[Offer] = &[
    ("3", Choice::Update, "update", "change your e-mail, age or gender"),
    ("4", Choice::Delete, "delete", "delete your account"),
    ("5", Choice::RetrieveInfo, "retrieve info", "show what is stored about you"),
    ("6", Choice::LogOut, "logout", "end this session"),
    ("0", Choice::Exit, "exit", "leave, and stay logged in"),
];

/// The menu as it is printed.
pub(super) fn show(offers: &[Offer]) -> String {
    let line = |(number, _, name, does): &Offer| format!("\n  {number}  {name:<14} {does}");
    offers.iter().map(line).collect()
}

/// What was chosen, if it is on offer.
pub(super) fn read_choice(offers: &[Offer], typed: &str) -> Option<Choice> {
    offers.iter().find(|(number, ..)| *number == typed.trim()).map(|(_, choice, ..)| *choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_report() {
        let before = [
            ("1", Choice::LogIn),
            ("2", Choice::Register),
            ("7", Choice::LogInImported),
            ("0", Choice::Exit),
        ];
        let after = [
            ("3", Choice::Update),
            ("4", Choice::Delete),
            ("5", Choice::RetrieveInfo),
            ("6", Choice::LogOut),
            ("0", Choice::Exit),
        ];
        for (typed, choice) in before {
            assert_eq!(read_choice(OUTSIDE, typed), Some(choice));
        }
        for (typed, choice) in after {
            assert_eq!(read_choice(INSIDE, &format!(" {typed} ")), Some(choice));
        }
        assert_eq!((OUTSIDE.len(), INSIDE.len()), (before.len(), after.len()));
    }

    #[test]
    fn what_is_not_on_offer_is_no_choice() {
        for typed in ["", "8", "10", "login", "-1", "１"] {
            assert_eq!(read_choice(OUTSIDE, typed), None, "{typed:?}");
            assert_eq!(read_choice(INSIDE, typed), None, "{typed:?}");
        }
        assert_eq!(read_choice(OUTSIDE, "3"), None);
        assert_eq!(read_choice(INSIDE, "1"), None);
    }

    #[test]
    fn every_number_says_what_it_does_on_a_line_that_fits() {
        assert_eq!(
            show(OUTSIDE),
            "\n  1  login          log in to your account\n  2  register       make a new account\n  \
             7  first login    with a password from another system\n  0  exit           leave"
        );
        for line in [OUTSIDE, INSIDE]
            .into_iter()
            .flat_map(|offers| show(offers).lines().map(str::len).collect::<Vec<_>>())
        {
            assert!(line <= 80);
        }
    }
}
