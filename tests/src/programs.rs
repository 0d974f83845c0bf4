//! The programs as a person drives them: arguments, standard input, exit codes, and a pseudo-terminal.

use crate::harness::{Server, program};
use portable_pty::{CommandBuilder, NativePtySystem, PtySize, PtySystem};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A program that says nothing for so long has hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a shell of [`Person::open_shell`] prints when it waits for a command.
pub const SHELL_PROMPT: &str = "ready> ";

/// A person with a home folder of their own.
pub struct Person {
    home: tempfile::TempDir,
}

/// How a run of a program ended.
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Person {
    /// With an empty home.
    #[allow(clippy::new_without_default, reason = "a person is not a default value")]
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(home.path().join("run")).expect("a folder");
        Self { home }
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs a program with standard input, in an environment that holds nothing of the machine's.
    pub fn run(&self, name: &str, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(name);
        command.args(arguments).stdout(Stdio::piped());
        Ran::of_command(command, input)
    }

    /// A program in an environment that holds nothing of the machine's; a test may change what else it wants.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command.env_clear().envs(self.environment());
        command
    }

    /// `vestry` with one password line on standard input.
    pub fn vestry(&self, arguments: &[&str], password: &str) -> Ran {
        self.run("vestry", arguments, &format!("{password}\n"))
    }

    /// `vestryctl` on a server, as its first operator.
    pub fn vestryctl(&self, server: &Server, arguments: &[&str]) -> Ran {
        self.run(
            "vestryctl",
            &with_admin(server, arguments).iter().map(String::as_str).collect::<Vec<_>>(),
            "",
        )
    }

    /// Joins a server by its join string.
    pub fn join(&self, server: &Server) {
        let line = self.vestryctl(server, &["join-string"]).out;
        let joined = self.run("vestry", &["join", line.trim()], "");
        assert_eq!(joined.code, 0, "{}", joined.err);
    }

    /// Opens a program on a pseudo-terminal of 80 by 24.
    pub fn open(&self, name: &str, arguments: &[&str]) -> Terminal {
        self.open_with(name, arguments, 80, &[])
    }

    /// Opens a program on a pseudo-terminal of so many columns, with more variables in its environment or others.
    pub fn open_with(
        &self,
        name: &str,
        arguments: &[&str],
        columns: u16,
        variables: &[(&str, &str)],
    ) -> Terminal {
        self.open_path(&program(name), arguments, columns, variables)
    }

    /// Opens a shell on a pseudo-terminal, which finds the programs; its prompt is [`SHELL_PROMPT`].
    pub fn open_shell(&self, shell: &str, arguments: &[&str]) -> Terminal {
        let mut terminal = self.open_path(Path::new(shell), arguments, 80, &[]);
        let folder = program("vestry");
        let folder = folder.parent().expect("a program is in a folder").display();
        // The prompt in two parts, so that its own definition is not taken for it.
        terminal.type_line(&format!("export PATH={folder}:/usr/sbin:/usr/bin:/sbin:/bin; PS1='rea''dy> '"));
        terminal.wait_for(SHELL_PROMPT);
        terminal
    }

    fn open_path(
        &self,
        program: &Path,
        arguments: &[&str],
        columns: u16,
        variables: &[(&str, &str)],
    ) -> Terminal {
        let size = PtySize { rows: 24, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = NativePtySystem::default().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env_clear();
        for (key, value) in self.environment() {
            command.env(key, value);
        }
        for (key, value) in variables {
            command.env(key, value);
        }
        let child = pair.slave.spawn_command(command).expect("the program runs");
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        let (chunks, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if chunks.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { child, writer, screen, seen: Vec::new(), read_to: 0, master: pair.master }
    }

    fn environment(&self) -> [(&'static str, String); 6] {
        let home = self.home.path();
        [
            ("HOME", home.display().to_string()),
            ("XDG_CONFIG_HOME", home.join("config").display().to_string()),
            ("XDG_STATE_HOME", home.join("state").display().to_string()),
            ("XDG_RUNTIME_DIR", home.join("run").display().to_string()),
            ("TERM", "xterm".to_owned()),
            // A line in colour is drawn again while it is typed, with its prompt; the tests of colours take this away.
            ("CLICOLOR", "0".to_owned()),
        ]
    }
}

/// The arguments that make `vestryctl` talk to a test's server.
pub fn with_admin(server: &Server, arguments: &[&str]) -> Vec<String> {
    let place = ["--data-dir".to_owned(), server.folder().display().to_string()];
    let admin = ["--admin".to_owned(), server.admin.to_string()];
    place.into_iter().chain(admin).chain(arguments.iter().map(|text| (*text).to_owned())).collect()
}

impl Ran {
    /// Runs a command with standard input to its end; talk is kept, and the answer where the command pipes it.
    pub fn of_command(mut command: Command, input: &str) -> Self {
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        // A program that does not read its input may have closed it.
        let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
        Self::of(child.wait_with_output().expect("the program ends"))
    }

    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code, and shows everything when it is another.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        self
    }
}

/// How large a core dump of a process may be, in words of the kernel: the soft limit and the hard one.
///
/// # Panics
/// When there is no such process.
#[must_use]
pub fn core_limits(pid: u32) -> Vec<String> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("the limits of a process");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a line for cores");
    core.split_whitespace().skip(4).take(2).map(str::to_owned).collect()
}

/// A program on a pseudo-terminal.
pub struct Terminal {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    screen: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    read_to: usize,
    master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Terminal {
    /// The program's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("a process")
    }

    /// Waits until the program prints `text` after what was waited for before; returns all that came up to it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let fresh = String::from_utf8_lossy(&self.seen[self.read_to..]).into_owned();
            if let Some(at) = fresh.find(text) {
                let end = at + text.len();
                self.read_to += end;
                return fresh[..end].to_owned();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(chunk) => self.seen.extend(chunk),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{text:?} did not come; the screen:\n{}", self.all())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{text:?} did not come before the end:\n{}", self.all())
                }
            }
        }
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        self.type_keys(&format!("{line}\r"));
    }

    /// Types keys as they are.
    pub fn type_keys(&mut self, keys: &str) {
        self.type_bytes(keys.as_bytes());
    }

    /// Types bytes that need not be text.
    pub fn type_bytes(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).expect("the program reads");
        self.writer.flush().expect("the program reads");
    }

    /// Waits for a prompt, then answers it.
    #[track_caller]
    pub fn answer(&mut self, prompt: &str, line: &str) {
        self.wait_for(prompt);
        self.type_line(line);
    }

    /// Waits until the program has printed nothing for a while.
    pub fn wait_for_silence(&mut self) {
        while let Ok(chunk) = self.screen.recv_timeout(Duration::from_millis(300)) {
            self.seen.extend(chunk);
        }
    }

    /// Everything that was printed.
    pub fn all(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// The line that the program sees, to look at its modes and to set them. While it is open, they stay after the program's end.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    pub fn line(&self) -> File {
        let path = self.master.tty_name().expect("a pseudo-terminal has a name");
        let flags = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
        OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).expect("it is open")
    }

    /// Waits for the end of a program that a signal ends; what the system calls the signal, and everything that was printed.
    ///
    /// # Panics
    /// When it ended by itself.
    pub fn finish_by_signal(mut self) -> (String, String) {
        let status = self.child.wait().expect("the program ends");
        while let Ok(chunk) = self.screen.recv_timeout(Duration::from_millis(200)) {
            self.seen.extend(chunk);
        }
        let signal = status.signal().unwrap_or_else(|| panic!("it ended with {status}:\n{}", self.all()));
        (signal.to_owned(), self.all())
    }

    /// Waits for the end; the exit code and everything that was printed.
    pub fn finish(mut self) -> (u32, String) {
        let status = self.child.wait().expect("the program ends");
        while let Ok(chunk) = self.screen.recv_timeout(Duration::from_millis(200)) {
            self.seen.extend(chunk);
        }
        (status.exit_code(), self.all())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
    }
}
