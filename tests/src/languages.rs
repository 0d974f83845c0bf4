//! The clients in other languages, as programs to run.

use std::path::Path;
use std::process::{Command, Stdio};

/// A language and the client that was written in it.
#[derive(Debug, Clone, Copy)]
pub struct Language {
    program: &'static str,
    first: &'static [&'static str],
    script: &'static str,
    /// What has to be there besides the program, and what puts it there.
    needs: Option<(&'static str, &'static str)>,
}

/// Its standard library is enough. `-I` keeps the user's own settings and packages out.
pub const PYTHON: Language =
    Language { program: "python3", first: &["-I"], script: "python/vestry_wire.py", needs: None };

/// It needs two packages, which `scripts/test.sh` installs.
pub const JAVASCRIPT: Language = Language {
    program: "node",
    first: &[],
    script: "javascript/main.js",
    needs: Some(("javascript/node_modules", "npm ci, in tests/javascript")),
};

impl Language {
    /// Returns the client's command; `None`, and says why, when it cannot run here.
    #[must_use]
    pub fn command(self) -> Option<Command> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let there = Command::new(self.program).arg("--version").stdout(Stdio::null()).status();
        if there.is_err() {
            println!("skipped: {} is not installed", self.program);
            return None;
        }
        if let Some((missing, remedy)) = self.needs
            && !folder.join(missing).exists()
        {
            println!("skipped: {missing} is not there: {remedy}");
            return None;
        }
        let mut command = Command::new(self.program);
        command.args(self.first).arg(folder.join(self.script));
        Some(command)
    }
}
