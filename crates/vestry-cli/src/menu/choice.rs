//! What the menu offers and what a typed number means. Pure text.

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice<T> {
    Act(T),
    Exit,
}

/// What somebody can do who is not logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outside {
    LogIn,
    LogInImported,
    Register,
    Reset,
}

/// What somebody can do who is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    Update,
    Delete,
    RetrieveInfo,
    LogOut,
    Sessions,
    Devices,
    Password,
}

/// A number, what it is called, and what it does.
pub(super) type Offer<T> = (&'static str, T, &'static str, &'static str);

const EXIT: &str = "0";

/// Before a login.
pub(super) const OUTSIDE: &[Offer<Outside>] = &[
    ("1", Outside::LogIn, "login", "log in"),
    ("2", Outside::Register, "register", "make an account"),
    ("7", Outside::LogInImported, "first login", "for imported accounts"),
    ("8", Outside::Reset, "reset", "with a one-time code"),
];

/// After it.
pub(super) const INSIDE: &[Offer<Inside>] = &[
    ("3", Inside::Update, "update", "change your profile"),
    ("4", Inside::Delete, "delete", "delete your account"),
    ("5", Inside::RetrieveInfo, "retrieve info", "show what is stored"),
    ("6", Inside::LogOut, "logout", "end this session"),
    ("7", Inside::Sessions, "sessions", "see or end them"),
    ("8", Inside::Devices, "devices", "see or forget them"),
    ("9", Inside::Password, "password", "choose another"),
];

/// The menu as it is printed; `exit` says what leaving does.
pub(super) fn show<T>(offers: &[Offer<T>], exit: &str) -> String {
    let line = |number, name, does| format!("\n  {number}  {name:<13} {does}");
    let offered = offers.iter().map(|(number, _, name, does)| line(*number, *name, *does));
    offered.chain([line(EXIT, "exit", exit)]).collect()
}

/// What was chosen, if it is on offer.
pub(super) fn read_choice<T: Copy>(offers: &[Offer<T>], typed: &str) -> Option<Choice<T>> {
    let typed = typed.trim();
    if typed == EXIT {
        return Some(Choice::Exit);
    }
    offers.iter().find(|(number, ..)| *number == typed).map(|(_, act, ..)| Choice::Act(*act))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_report() {
        let before = [("1", Outside::LogIn), ("2", Outside::Register), ("7", Outside::LogInImported)];
        let after = [
            ("3", Inside::Update),
            ("4", Inside::Delete),
            ("5", Inside::RetrieveInfo),
            ("6", Inside::LogOut),
            ("7", Inside::Sessions),
            ("8", Inside::Devices),
            ("9", Inside::Password),
        ];
        for (typed, act) in before {
            assert_eq!(read_choice(OUTSIDE, typed), Some(Choice::Act(act)));
        }
        for (typed, act) in after {
            assert_eq!(read_choice(INSIDE, &format!(" {typed} ")), Some(Choice::Act(act)));
        }
        assert_eq!(read_choice(OUTSIDE, "0"), Some(Choice::Exit));
        assert_eq!(read_choice(INSIDE, "0"), Some(Choice::Exit));
    }

    #[test]
    fn what_is_not_on_offer_is_no_choice() {
        for typed in ["", "10", "login", "-1", "\u{ff11}"] {
            assert_eq!(read_choice(OUTSIDE, typed), None, "{typed:?}");
            assert_eq!(read_choice(INSIDE, typed), None, "{typed:?}");
        }
        assert_eq!(read_choice(OUTSIDE, "3"), None);
        assert_eq!(read_choice(INSIDE, "1"), None);
    }

    #[test]
    fn every_number_says_what_it_does_on_a_line_that_fits_a_narrow_screen() {
        assert_eq!(
            show(OUTSIDE, "leave"),
            "\n  1  login         log in\n  2  register      make an account\n  \
             7  first login   for imported accounts\n  8  reset         with a one-time code\n  \
             0  exit          leave"
        );
        let shown = [show(OUTSIDE, "leave"), show(INSIDE, "leave, stay logged in")];
        for line in shown.iter().flat_map(|shown| shown.lines()) {
            assert!(line.len() <= 40, "{line:?}");
        }
    }
}
