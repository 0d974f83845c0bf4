//! What can be typed. What it means is decided elsewhere: fields are text here and parsed by their commands.

use crate::completion;
use crate::target::Named;
use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand};
use std::path::{PathBuf, absolute};
use vestry_client::Address;
use vestry_client::state::Lifetime;
use vestry_protocol::Pin;
use vestry_protocol::typed::{Flags, lead_here};
use vestry_terminal::ColourArgs;
use vestry_terminal::exit::{OF_CLIENTS, listed};
use vestry_terminal::pages::{ArgValueCandidates, CompletionsArgs, ManArgs};

const AFTER_HELP: &str = "\
Examples:
  vestry join vestry1-...          trust the server of this line
  vestry register naman --age 40   make an account
  vestry login naman               log in
  vestry show                      what is stored about you
  vestry                           a menu of all this";

/// Look after your own account on a Vestry server.
#[derive(Debug, Parser)]
#[command(name = "vestry", version, after_help = format!("{AFTER_HELP}\n\n{}", listed(&OF_CLIENTS)), styles = Styles::plain())]
#[command(disable_help_subcommand = true, max_term_width = 80)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct Options {
    /// The server; the one that was joined last when absent
    #[arg(long, global = true, value_name = "HOST:PORT", env = "VESTRY_SERVER", hide_env_values = true)]
    #[arg(add = ArgValueCandidates::new(completion::servers))]
    pub(crate) server: Option<String>,
    /// Trust the CA in this file instead of a pin
    #[arg(long, global = true, value_name = "FILE", env = "VESTRY_CA", hide_env_values = true)]
    pub(crate) ca: Option<PathBuf>,
    /// Trust the server whose CA has this pin; wins over --ca
    #[arg(long, global = true, value_name = "sha256:...")]
    pub(crate) pin: Option<Pin>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Never ask; fail when something is missing
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Read passwords from standard input, one a line
    #[arg(long, global = true, conflicts_with = "password_file")]
    pub(crate) password_stdin: bool,
    /// Read passwords from a file that only you can read, one a line
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) colour: ColourArgs,
}

impl Options {
    /// Returns what is named of the server.
    pub(crate) fn named(&self) -> Named<'_> {
        Named { server: self.server.as_deref(), pin: self.pin, ca: self.ca.as_deref() }
    }

    /// Returns the variable of the environment that has another server meant than this one, or another CA trusted.
    pub(crate) fn leading_variable(&self, joined: &Address) -> Option<&'static str> {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_joined = self.server.as_ref().is_none_or(|server| server.parse().as_ref() == Ok(joined));
        match (is_joined, self.ca.is_some()) {
            (false, _) if is_set("VESTRY_SERVER") => Some("VESTRY_SERVER"),
            (_, true) if is_set("VESTRY_CA") => Some("VESTRY_CA"),
            _ => None,
        }
    }

    /// Has every command that this process advises lead to the same server.
    pub(crate) fn lead_here(&self) {
        let ca = self.ca.as_ref().map(|ca| absolute(ca).unwrap_or_else(|_| ca.clone()));
        let given = [
            ("--server", self.server.clone()),
            ("--ca", ca.map(|ca| ca.to_string_lossy().into_owned())),
            ("--pin", self.pin.map(|pin| pin.to_string())),
        ];
        let words = given.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value?]));
        lead_here(Flags { vestry: words.flatten().collect(), ..Flags::default() });
    }
}

/// One thing to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Trust a server with the join string from its operator, and make it the default
    #[command(
        after_help = "Examples:\n  vestry join vestry1-dujq...\n  vestry join         (asks for it)\n  \
        vestry join -       (reads it from standard input)\n\n\
        The operator prints the join string with: vestryctl join-string\n\n\
        It may be pasted as mail and chat show it: quoted, broken, or as a link."
    )]
    Join(JoinArgs),
    /// Make an account and log in to it
    #[command(
        after_help = "Examples:\n  vestry register naman\n  vestry register naman --email naman@example.org \
        --age 40 --gender male\n  printf '%s\\n' \"$passphrase\" | vestry register naman --password-stdin"
    )]
    Register(RegisterArgs),
    /// Log in; the session is kept until it expires or you leave this machine
    #[command(after_help = "Examples:\n  vestry login naman\n  vestry login naman --remember\n  \
        vestry login naman --password-file ~/.vestry-password\n  vestry login naman --imported\n\n\
        Your password does not leave this machine. Only the first login of an account \
        that was imported from another system sends it, over TLS, and only with \
        --imported.")]
    Login(LoginArgs),
    /// End this session, or all of your sessions
    #[command(after_help = "Examples:\n  vestry logout\n  vestry logout --all")]
    Logout(LogoutArgs),
    /// Show what is stored about you
    #[command(after_help = "Examples:\n  vestry show\n  vestry show --json")]
    Show,
    /// Change your e-mail address, age or gender; an empty value clears a field
    #[command(
        after_help = "Examples:\n  vestry update --age 35\n  vestry update --email new@example.org\n  \
        vestry update --gender \"\"\n\nA change of the e-mail address asks for your password."
    )]
    Update(UpdateArgs),
    /// Set a new password and end all other sessions
    #[command(after_help = "Examples:\n  vestry passwd\n  vestry passwd --password-file FILE\n\n\
        In a file or on standard input, the first line is the current password and the second the new one.\n\n\
        A new password has at least 15 characters, unless the server asks for another \
        number, and is not easy to guess: a few unrelated words do.")]
    Passwd,
    /// Delete your account; the operator can undo it for seven days
    #[command(
        after_help = "Examples:\n  vestry delete\n  vestry delete --no-input --confirm naman --password-stdin"
    )]
    Delete(DeleteArgs),
    /// List your sessions, or end one of them
    #[command(after_help = "Examples:\n  vestry sessions\n  vestry sessions revoke 00c0ffee00c0ffee")]
    Sessions(SessionsArgs),
    /// List the devices that are remembered for you, or forget one of them
    #[command(after_help = "Examples:\n  vestry devices\n  vestry devices forget 00c0ffee00c0ffee\n\n\
        A device that is remembered can log in while guesses of strangers are throttled. \
        Every login remembers its device; a new password and `vestry logout --all` forget them all.")]
    Devices(DevicesArgs),
    /// Set a new password with the operator's one-time code
    #[command(after_help = "Examples:\n  vestry reset naman\n  vestry reset naman --password-file FILE\n\n\
        In a file or on standard input, the first line is the code and the second the new password.")]
    Reset(ResetArgs),
    /// Show which server is meant, whether it answers, and who is logged in
    #[command(after_help = "Examples:\n  vestry status\n  vestry status --server accounts.example.org:7443")]
    Status,
    /// Print a completion script for a shell
    #[command(hide = true, after_help = "Example:\n  vestry completions bash > vestry.bash")]
    Completions(CompletionsArgs),
    /// Print the manual page, or write all of them to a folder
    #[command(hide = true, after_help = "Examples:\n  vestry man | man -l -\n  vestry man DIRECTORY")]
    Man(ManArgs),
}

#[derive(Debug, Default, Args)]
pub(crate) struct JoinArgs {
    /// The line from the operator; '-' reads it from standard input, and without it a terminal asks
    #[arg(value_name = "STRING")]
    pub(crate) join: Vec<String>,
    /// Forget the pin that this server had until now; only after the operator confirmed the change
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// 2 to 32 of a-z, 0-9, '.', '_' and '-'; without it a terminal asks
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) profile: ProfileArgs,
    #[command(flatten)]
    pub(crate) lasting: LastingArgs,
    /// Make the account, and do not log in
    #[arg(long, conflicts_with = "remember")]
    pub(crate) no_login: bool,
}

/// How long a session is kept on this machine.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct LastingArgs {
    /// Keep the session when you leave this machine
    #[arg(long)]
    remember: bool,
}

impl LastingArgs {
    /// The lifetime that was asked for.
    pub(crate) fn lifetime(self) -> Lifetime {
        if self.remember { Lifetime::Remembered } else { Lifetime::Login }
    }
}

/// The fields of a profile, as they were typed.
#[derive(Debug, Default, Args)]
pub(crate) struct ProfileArgs {
    /// An e-mail address
    #[arg(long, value_name = "E")]
    pub(crate) email: Option<String>,
    /// Whole years, 0 to 150
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) age: Option<String>,
    /// In your own words
    #[arg(long, value_name = "G")]
    pub(crate) gender: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Your account; without it a terminal asks
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) lasting: LastingArgs,
    /// Send the password, once, for an account that came from another system
    #[arg(long)]
    pub(crate) imported: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// End all of your sessions, on every device
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    pub(crate) profile: ProfileArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The name of your account, to say that you mean it
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SessionsArgs {
    #[command(subcommand)]
    pub(crate) act: Option<SessionsAct>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsAct {
    /// End one session
    Revoke {
        /// Its number in the list: 16 of 0-9 and a-f
        #[arg(add = ArgValueCandidates::new(completion::sessions))]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    #[command(subcommand)]
    pub(crate) act: Option<DevicesAct>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DevicesAct {
    /// Forget one device
    Forget {
        /// Its number in the list: 16 of 0-9 and a-f
        #[arg(add = ArgValueCandidates::new(completion::devices))]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// Your account; without it a terminal asks
    pub(crate) name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn parse(arguments: &[&str]) -> Result<Cli, ErrorKind> {
        Cli::try_parse_from(["vestry"].iter().chain(arguments)).map_err(|error| error.kind())
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_is_read_as_the_design_writes_it() {
        let lines = [
            "join",
            "join -",
            "join vestry1-abc",
            "join vestry1-abc def ghi",
            "register naman --email e@x.org --age 40 --gender male",
            "login naman --remember",
            "logout --all",
            "show",
            "update --email e@x.org --age 40 --gender male",
            "passwd",
            "delete --confirm naman",
            "sessions",
            "sessions revoke 00c0ffee00c0ffee",
            "devices",
            "devices forget 00c0ffee00c0ffee",
            "login naman --imported",
            "reset naman",
            "status",
            "completions bash",
            "man",
            "man pages",
            "show --json --no-input --server localhost:7443 --ca ca.pem",
            "login naman --password-stdin",
            "--json login naman --password-file secret",
            "join --replace vestry1-abc",
        ];
        for line in lines {
            let arguments: Vec<&str> = line.split(' ').collect();
            assert!(parse(&arguments).is_ok(), "{line}");
        }
        assert!(parse(&[]).unwrap().command.is_none());
    }

    #[test]
    fn an_empty_value_is_a_value() {
        let Some(Command::Update(update)) = parse(&["update", "--gender", ""]).unwrap().command else {
            panic!("another command");
        };
        assert_eq!((update.profile.gender.as_deref(), update.profile.email), (Some(""), None));
    }

    #[test]
    fn a_negative_age_reaches_the_rule_for_ages() {
        let Some(Command::Update(update)) = parse(&["update", "--age", "-1"]).unwrap().command else {
            panic!("another command");
        };
        assert_eq!(update.profile.age.as_deref(), Some("-1"));
    }

    #[test]
    fn mistakes_are_usage_errors() {
        let cases: [(&[&str], ErrorKind); 6] = [
            (&["dance"], ErrorKind::InvalidSubcommand),
            (&["show", "--pin", "sha256:12"], ErrorKind::ValueValidation),
            (&["login", "naman", "--password", "hunter2"], ErrorKind::UnknownArgument),
            (&["login", "naman", "--password-stdin", "--password-file", "f"], ErrorKind::ArgumentConflict),
            (&["completions", "fish2"], ErrorKind::InvalidValue),
            (&["show", "naman"], ErrorKind::UnknownArgument),
        ];
        for (arguments, kind) in cases {
            let refused = Cli::try_parse_from(["vestry"].iter().chain(arguments)).unwrap_err();
            assert_eq!((refused.kind(), refused.exit_code()), (kind, 2), "{arguments:?}");
        }
    }

    #[test]
    fn every_help_has_examples_and_fits_the_screen() {
        let mut cli = Cli::command();
        cli.build();
        let shown = cli.get_subcommands().filter(|command| command.get_name() != "help");
        for command in shown.chain([&cli]) {
            let mut command = command.clone().term_width(80);
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example"), "{}", command.get_name());
            assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        }
    }
}
