//! Where passwords and codes come from: standard input, a private file, or the person at the terminal.
//!
//! Never from an argument or the environment, which others can read.

use crate::cli::Options;
use crate::failure::{Failure, SecretProblem};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::PathBuf;
use vestry_protocol::fields::Password;
use vestry_protocol::limits::PASSWORD_BYTES_MAX;
use vestry_protocol::secret::SecretText;
use vestry_terminal::Prompt;
use vestry_tls::private_file;
use zeroize::Zeroizing;

/// Two passwords of the longest kind, each with a line end, and one byte to see that there is more.
const INPUT_BYTES_MAX: usize = 2 * (PASSWORD_BYTES_MAX + 2) + 1;

/// Hands out one secret after the other.
#[derive(Debug)]
pub(crate) struct Secrets {
    source: SecretSource,
    prompt: Prompt,
}

#[derive(Debug)]
enum SecretSource {
    Person,
    Stdin,
    File(PathBuf),
    Lines(VecDeque<SecretText>),
}

impl Secrets {
    pub(crate) fn new(options: &Options, prompt: Prompt) -> Self {
        let source = match (&options.password_file, options.password_stdin) {
            (Some(path), _) => SecretSource::File(path.clone()),
            (None, true) => SecretSource::Stdin,
            (None, false) => SecretSource::Person,
        };
        Self { source, prompt }
    }

    /// Whether the person at the terminal types them.
    pub(crate) fn come_from_person(&self) -> bool {
        matches!(self.source, SecretSource::Person)
    }

    /// The next secret: `what` names it in an error, `question` asks for it.
    pub(crate) fn next(&mut self, what: &'static str, question: &str) -> Result<SecretText, Failure> {
        match &mut self.source {
            SecretSource::Person if !self.prompt.is_there() => return Err(Failure::NoTerminal(what)),
            SecretSource::Person => return self.prompt.secret(question)?.ok_or(Failure::Cancelled),
            SecretSource::Stdin => {
                // One reservation: a growing buffer would leave unwiped copies behind.
                let mut bytes = Zeroizing::new(Vec::with_capacity(INPUT_BYTES_MAX + 1));
                let limit = u64::try_from(INPUT_BYTES_MAX).unwrap_or(u64::MAX);
                let read = io::stdin().lock().take(limit).read_to_end(&mut bytes);
                read.map_err(|_| SecretProblem::Unreadable)?;
                self.source = SecretSource::Lines(lines_of(&bytes)?);
            }
            SecretSource::File(path) => {
                self.source = SecretSource::Lines(lines_of(&private_file::read(path)?)?);
            }
            SecretSource::Lines(_) => {}
        }
        match &mut self.source {
            SecretSource::Lines(lines) => {
                lines.pop_front().ok_or_else(|| SecretProblem::Missing(what).into())
            }
            SecretSource::Person | SecretSource::Stdin | SecretSource::File(_) => {
                Err(SecretProblem::Missing(what).into())
            }
        }
    }

    /// The next secret, as a password; a person is asked again until it can be one.
    pub(crate) fn next_password(&mut self, what: &'static str, question: &str) -> Result<Password, Failure> {
        match self.come_from_person() && self.prompt.is_there() {
            true => self.prompt.password(question)?.ok_or(Failure::Cancelled),
            false => Ok(Password::parse(&self.next(what, question)?)?),
        }
    }
}

fn lines_of(bytes: &[u8]) -> Result<VecDeque<SecretText>, SecretProblem> {
    if bytes.len() >= INPUT_BYTES_MAX {
        return Err(SecretProblem::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| SecretProblem::NotText)?;
    Ok(text.lines().map(|line| SecretText::new(line.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;
    use vestry_protocol::fields::PasswordProblem;
    use vestry_tls::FileError;

    fn nobody() -> Prompt {
        Prompt::new(true)
    }

    fn from_file(bytes: &[u8]) -> (TempDir, Secrets) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("password");
        private_file::create(&path, bytes).unwrap();
        let options = Options { password_file: Some(path), ..Options::default() };
        (folder, Secrets::new(&options, nobody()))
    }

    fn exposed(secret: Result<SecretText, Failure>) -> String {
        secret.unwrap().expose_secret().to_owned()
    }

    #[test]
    fn lines_of_a_file_are_handed_out_in_order() {
        let (_folder, mut secrets) = from_file(b"the current one\r\nthe new one\n");
        assert_eq!(exposed(secrets.next("a", "")), "the current one");
        assert_eq!(exposed(secrets.next("b", "")), "the new one");
        let missing = secrets.next("the new password", "").unwrap_err();
        assert!(matches!(missing, Failure::Secret(SecretProblem::Missing("the new password"))));
    }

    #[test]
    fn white_space_within_a_line_belongs_to_the_password() {
        let (_folder, mut secrets) = from_file(b" two spaces \n");
        assert_eq!(exposed(secrets.next("a", "")), " two spaces ");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let (folder, mut secrets) = from_file(b"secret\n");
        let path = folder.path().join("password");
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = secrets.next("a", "").unwrap_err();
        assert!(matches!(refused, Failure::File(FileError::Exposed { mode: 0o644, .. })));
    }

    #[test]
    fn what_is_no_password_is_told() {
        let (_folder, mut secrets) = from_file(b"\xff\xfe\n");
        assert!(matches!(secrets.next("a", ""), Err(Failure::Secret(SecretProblem::NotText))));
        let (_folder, mut secrets) = from_file(&vec![b'a'; 5000]);
        assert!(matches!(secrets.next("a", ""), Err(Failure::Secret(SecretProblem::TooLong))));
        let (_folder, mut secrets) = from_file(&vec![b'a'; 1025]);
        let refused = secrets.next_password("a", "").unwrap_err();
        assert!(matches!(refused, Failure::Password(PasswordProblem::TooLong)));
        let (_folder, mut secrets) = from_file(b"\n");
        let refused = secrets.next_password("a", "").unwrap_err();
        assert!(matches!(refused, Failure::Password(PasswordProblem::Empty)));
    }

    #[test]
    fn without_a_terminal_nobody_is_asked() {
        let mut secrets = Secrets::new(&Options::default(), nobody());
        assert!(matches!(secrets.next("a password", ""), Err(Failure::NoTerminal("a password"))));
    }
}
