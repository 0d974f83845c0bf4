//! Where passwords and codes come from: standard input, a private file, or the person at the terminal.
//!
//! Never from an argument or the environment, which others can read.

use crate::cli::Options;
use crate::failure::{Failure, SecretProblem};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;
use vestry_client::refuse_without_memory;
use vestry_client::strength::untypeable;
use vestry_protocol::fields::Password;
use vestry_protocol::limits::PASSWORD_BYTES_MAX;
use vestry_protocol::secret::{SecretText, without_byte_order_mark};
use vestry_terminal::Prompt;
use vestry_terminal::output::talk;
use vestry_tls::private_file;
use zeroize::Zeroizing;

/// Two passwords of the longest kind, each with a line end, a byte order mark, and one byte to see that there is more.
const INPUT_BYTES_MAX: usize = 2 * (PASSWORD_BYTES_MAX + 2) + 3 + 1;

/// Hands out one secret after the other.
#[derive(Debug)]
pub(crate) struct Secrets {
    source: SecretSource,
    prompt: Prompt,
}

#[derive(Debug)]
enum SecretSource {
    Person,
    File(PathBuf),
    Lines(Lines),
}

impl Secrets {
    pub(crate) fn new(options: &Options, prompt: Prompt) -> Self {
        let source = match (&options.password_file, options.password_stdin) {
            (Some(path), _) => SecretSource::File(path.clone()),
            // A person types there: what is typed is not shown, and a line is enough.
            (None, true) if io::stdin().is_terminal() => SecretSource::Person,
            (None, true) => SecretSource::Lines(Lines::of_stdin()),
            (None, false) => SecretSource::Person,
        };
        Self { source, prompt }
    }

    /// Whether the person at the terminal types them.
    pub(crate) fn come_from_person(&self) -> bool {
        matches!(self.source, SecretSource::Person)
    }

    /// The next secret: `what` names it in an error, `question` asks for it. None is asked for on a machine that could not stretch it.
    pub(crate) fn next(&mut self, what: &'static str, question: &str) -> Result<SecretText, Failure> {
        refuse_without_memory()?;
        if let SecretSource::File(path) = &self.source {
            self.source = SecretSource::Lines(Lines::of_bytes(private_file::read(path)?)?);
        }
        match &mut self.source {
            SecretSource::Lines(lines) => {
                let secret = lines.next()?.ok_or(SecretProblem::Missing(what))?;
                if let Some(hidden) = untypeable(secret.expose_secret()) {
                    // It may be right all the same: an older program took it.
                    let point = u32::from(hidden);
                    talk(format_args!(
                        "Note: {what} has U+{point:04X}, which cannot be seen and no keyboard types."
                    ));
                }
                Ok(secret)
            }
            SecretSource::Person | SecretSource::File(_) if !self.prompt.is_there() => {
                Err(Failure::NoTerminal(what))
            }
            SecretSource::Person | SecretSource::File(_) => {
                self.prompt.secret(question)?.ok_or(Failure::Cancelled)
            }
        }
    }

    /// The next secret, as a password; a person is asked again until it can be one.
    pub(crate) fn next_password(&mut self, what: &'static str, question: &str) -> Result<Password, Failure> {
        refuse_without_memory()?;
        match self.come_from_person() && self.prompt.is_there() {
            true => self.prompt.password(question)?.ok_or(Failure::Cancelled),
            false => Ok(Password::parse(&self.next(what, question)?)?),
        }
    }
}

/// Secrets in lines. Of a pipe no more is read than is asked for: whoever writes one line need not end the pipe.
#[derive(Debug)]
struct Lines {
    bytes: Zeroizing<Vec<u8>>,
    taken: usize,
    /// Where more comes from, until that ends.
    more: Option<File>,
}

impl Lines {
    fn of_stdin() -> Self {
        // One reservation: a growing buffer would leave unwiped copies behind. Not through the buffer of `io::stdin`, which
        // nobody wipes.
        let bytes = Zeroizing::new(Vec::with_capacity(INPUT_BYTES_MAX));
        Self { bytes, taken: 0, more: io::stdin().as_fd().try_clone_to_owned().ok().map(File::from) }
    }

    fn of_bytes(bytes: Zeroizing<Vec<u8>>) -> Result<Self, SecretProblem> {
        match bytes.len() < INPUT_BYTES_MAX {
            true => Ok(Self { bytes, taken: 0, more: None }),
            false => Err(SecretProblem::TooLong),
        }
    }

    /// The next line, without its end, and without the byte order mark that some editors put before the first.
    fn next(&mut self) -> Result<Option<SecretText>, SecretProblem> {
        loop {
            let rest = self.bytes.get(self.taken..).unwrap_or_default();
            let end = rest.iter().position(|byte| *byte == b'\n');
            let Some(end) = end.or_else(|| self.more.is_none().then_some(rest.len())) else {
                self.read_more()?;
                continue;
            };
            let is_first = self.taken == 0;
            let line = rest.get(..end).unwrap_or_default();
            if line.is_empty() && end == rest.len() {
                return Ok(None);
            }
            self.taken = self.bytes.len().min(self.taken + end + 1);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = if is_first { without_byte_order_mark(line) } else { line };
            let text = std::str::from_utf8(line).map_err(|_| SecretProblem::NotText)?;
            return Ok(Some(SecretText::new(text.to_owned())));
        }
    }

    fn read_more(&mut self) -> Result<(), SecretProblem> {
        let Some(more) = &mut self.more else { return Ok(()) };
        let room = INPUT_BYTES_MAX.saturating_sub(self.bytes.len());
        if room == 0 {
            return Err(SecretProblem::TooLong);
        }
        let mut chunk = Zeroizing::new([0; INPUT_BYTES_MAX]);
        match more.read(chunk.get_mut(..room).unwrap_or_default()) {
            Ok(0) => self.more = None,
            Ok(length) => self.bytes.extend_from_slice(chunk.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(SecretProblem::Unreadable),
        }
        Ok(())
    }
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
    fn a_byte_order_mark_is_dropped_before_the_first_line_alone() {
        let (_folder, mut secrets) = from_file("\u{feff}the current one\n\u{feff}the new one".as_bytes());
        assert_eq!(exposed(secrets.next("a", "")), "the current one");
        assert_eq!(exposed(secrets.next("b", "")), "\u{feff}the new one");
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
