//! Completion of what is typed in a shell. A script asks the program, which knows what only its machine knows: joined servers, sessions,
//! views. It never asks a person, and says nothing when something fails: the line of the shell is not the place.

use clap::Command;
use clap_complete::CompleteEnv;
use clap_complete::engine::complete;
use clap_complete::env::{Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh};
use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

/// The variable by which a script asks, and that names its shell.
const VARIABLE: &str = "VESTRY_COMPLETE";

const SHELLS: Shells<'static> = Shells(&[&Bash, &Elvish, &Fish, &Powershell, &Zsh]);

/// Answers a completion script that asks this process. Returns whether one did, so that there is nothing else to do.
pub fn answer_script(program: fn() -> Command) -> bool {
    let is_asked = env::var_os(VARIABLE).is_some_and(|shell| !shell.is_empty());
    let folder = env::current_dir().ok();
    let asked = CompleteEnv::with_factory(program).var(VARIABLE).shells(SHELLS);
    asked.try_complete(env::args_os(), folder.as_deref()).unwrap_or(is_asked)
}

/// Returns the script of a shell for a program, which it finds by its name.
pub(super) fn script(shell: &str, program: &Command) -> io::Result<Vec<u8>> {
    let mut script = Vec::new();
    let name = program.get_name();
    match SHELLS.completer(shell) {
        Some(shell) => shell.write_registration(VARIABLE, name, name, name, &mut script)?,
        None => return Err(io::Error::other("there is no completion for this shell")),
    }
    Ok(script)
}

/// Bash, whose words are put together again where it cut them at `:` or `=`.
struct Bash;

const SCRIPT: &str = include_str!("complete.bash");

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(
        &self,
        variable: &str,
        name: &str,
        bin: &str,
        completer: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let script = SCRIPT.replace("VAR", variable).replace("COMPLETER", completer);
        out.write_all(script.replace("NAME", &name.replace('-', "_")).replace("BIN", bin).as_bytes())
    }

    fn write_complete(
        &self,
        program: &mut Command,
        words: Vec<OsString>,
        folder: Option<&Path>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let index = env::var(format!("{VARIABLE}_INDEX")).ok().and_then(|index| index.parse().ok());
        for candidate in complete(program, words, index.unwrap_or_default(), folder)? {
            writeln!(out, "{}", candidate.get_value().to_string_lossy())?;
        }
        Ok(())
    }
}
