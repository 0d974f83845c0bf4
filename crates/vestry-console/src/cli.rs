//! What can be typed. What it means is decided elsewhere: fields are text here and parsed by their commands.

use crate::completion;
use crate::render::Format;
use clap::builder::styling::Styles;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use vestry_protocol::typed::{Flags, lead_here};
use vestry_protocol::views;
use vestry_terminal::ColourArgs;
use vestry_terminal::exit::{OF_CLIENTS, listed};
use vestry_terminal::pages::{ArgValueCandidates, ArgValueCompleter, CompletionsArgs, ManArgs};

const AFTER_HELP: &str = "\
Examples:
  vestryctl                                           on a terminal: the prompt
  vestryctl sql 'select * from accounts'              any select, read only
  vestryctl accounts --where 'age > 30' --sort age    a page of the table
  vestryctl account suspend naman --until 7d          for a week
  vestryctl join-string                               the line that a user types first";

/// See and manage the accounts of a Vestry server, from the machine that it runs on.
#[derive(Debug, Parser)]
#[command(name = "vestryctl", version, after_help = format!("{AFTER_HELP}\n\n{}", listed(&OF_CLIENTS)), styles = Styles::plain())]
#[command(disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What is typed at the prompt: a command without the program's name and without its way to the server.
#[derive(Debug, Parser)]
#[command(name = "", no_binary_name = true, styles = Styles::plain(), max_term_width = 100)]
#[command(disable_help_subcommand = true, disable_version_flag = true)]
pub(crate) struct PromptLine {
    #[command(flatten)]
    pub(crate) form: FormOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) way: WayOptions,
    #[command(flatten)]
    pub(crate) form: FormOptions,
    #[command(flatten)]
    pub(crate) colour: ColourArgs,
}

/// The way to the server.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct WayOptions {
    /// The server's admin port [default: that of the server that runs on the data directory, else as its vestryd.toml says]
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub(crate) admin: Option<String>,
    /// Your certificate [default: operators/admin.pem beside the server's]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// The key of your certificate [default: operators/admin.key]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The server's CA [default: ca.pem beside the server's certificate]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Use the certificate of this operator
    #[arg(long, global = true, value_name = "NAME", default_value = "admin")]
    pub(crate) operator: Option<String>,
    /// The server's data directory [default: /var/lib/vestry for root, else ~/.local/share/vestry]
    #[arg(long, global = true, value_name = "DIR", env = "VESTRY_DATA_DIR", hide_env_values = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where the certificates are [default: as vestryd.toml says, else certs in the data directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) certs_dir: Option<PathBuf>,
}

impl WayOptions {
    /// Has every command that this process advises lead to the same server.
    pub(crate) fn lead_here(&self) {
        let path = |path: &Option<PathBuf>| {
            let path = path.as_ref()?;
            Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()).to_string_lossy().into_owned())
        };
        let (data_dir, certs_dir) =
            (("--data-dir", path(&self.data_dir)), ("--certs-dir", path(&self.certs_dir)));
        let operator = self.operator.clone().filter(|name| name != "admin");
        let files = [("--cert", path(&self.cert)), ("--key", path(&self.key)), ("--ca", path(&self.ca))];
        let own = [("--admin", self.admin.clone()), ("--operator", operator)];
        let words = |given: Vec<(&str, Option<String>)>| {
            given.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value?])).flatten().collect()
        };
        lead_here(Flags {
            vestryd: words(vec![data_dir.clone(), certs_dir.clone()]),
            vestry: Vec::new(),
            vestryctl: words([data_dir, certs_dir].into_iter().chain(own).chain(files).collect()),
        });
    }
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct FormOptions {
    /// How to write answers [default: table on a terminal, else tsv]
    #[arg(long, global = true, value_name = "FORMAT", conflicts_with = "json")]
    pub(crate) format: Option<Format>,
    /// The same as --format json
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl FormOptions {
    /// The format that was asked for.
    pub(crate) fn asked(self) -> Option<Format> {
        self.format.or(self.json.then_some(Format::Json))
    }
}

/// One thing to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(
        about = format!("Run one select over the views {}", names_of_views()),
        after_help = "Examples:\n  vestryctl sql 'select name, age from accounts order by age desc'\n  \
        vestryctl sql 'select * from accounts \\G'\n  vestryctl sql - < report.sql\n  \
        vestryctl --format csv sql 'select * from accounts' > accounts.csv"
    )]
    Sql(SqlArgs),
    /// List accounts, a page at a time
    #[command(after_help = "Examples:\n  vestryctl accounts\n  \
        vestryctl accounts --where \"status = 'active' and age > 30\" --sort age --desc\n  \
        vestryctl --json accounts --columns name,email --limit 0")]
    Accounts(ListArgs),
    /// Show or change one account
    #[command(
        after_help = "Examples:\n  vestryctl account show naman\n  vestryctl account create naman --age 40\n  \
        vestryctl account delete naman --dry-run"
    )]
    Account(AccountArgs),
    /// List sessions, or end one
    #[command(args_conflicts_with_subcommands = true)]
    #[command(after_help = "Examples:\n  vestryctl sessions --where \"account = 'naman'\"\n  \
        vestryctl sessions revoke 00c0ffee00c0ffee")]
    Sessions(SessionsArgs),
    /// List audit events, follow them as they come, or check that nobody changed them
    #[command(args_conflicts_with_subcommands = true)]
    #[command(after_help = "Examples:\n  vestryctl audit --sort id --desc --limit 20\n  \
        vestryctl audit --where \"subject = 'naman'\"\n  \
        vestryctl audit --follow --where \"action like 'login.%'\" --limit 5\n  \
        vestryctl audit verify")]
    Audit(AuditArgs),
    /// List operators, or take one's certificate out of use
    #[command(args_conflicts_with_subcommands = true)]
    #[command(after_help = "Examples:\n  vestryctl operators\n  vestryctl operators revoke maria --dry-run")]
    Operators(OperatorsArgs),
    /// List who is throttled after failed attempts, or let them try again
    #[command(after_help = "Examples:\n  vestryctl throttle\n  vestryctl throttle clear naman\n  \
        vestryctl throttle clear 192.0.2.0/24\n  vestryctl throttle clear --all")]
    Throttle(ThrottleArgs),
    /// Print the line that a user types to trust this server
    #[command(after_help = "Example:\n  vestryctl join-string")]
    JoinString,
    /// Write a backup of the running server to a new file: everything but its keys
    #[command(after_help = "Examples:\n  vestryctl backup vestry.backup\n  \
        (umask 077; head -c 24 /dev/urandom | base64 > passphrase)\n  \
        vestryctl backup --passphrase-file passphrase vestry.backup\n  \
        vestryctl backup - | gzip > vestry.backup.gz\n\n\
        Keys never leave the server's machine this way; `vestryd backup --with-secrets` takes them there,\n\
        also while the server runs. `vestryd restore` reads either.")]
    Backup(BackupArgs),
    /// Make accounts of the rows of a file: all of them, or none
    #[command(after_help = AFTER_IMPORT_HELP)]
    Import(ImportArgs),
    /// Write accounts to a new file or to standard output, without a secret
    #[command(after_help = AFTER_EXPORT_HELP)]
    Export(ExportArgs),
    /// Play attackers against this running server, and show how far each gets
    #[command(after_help = AFTER_DRILL_HELP)]
    Drill(DrillArgs),
    /// Show how the server is
    #[command(after_help = "Examples:\n  vestryctl status\n  vestryctl --json status")]
    Status,
    /// Have the server read its settings and certificates again, and show what has changed
    #[command(after_help = AFTER_RELOAD_HELP)]
    Reload,
    /// Print a completion script for a shell
    #[command(hide = true, after_help = "Example:\n  vestryctl completions bash > vestryctl.bash")]
    Completions(CompletionsArgs),
    /// Print the manual page, or write all of them to a folder
    #[command(hide = true, after_help = "Examples:\n  vestryctl man | man -l -\n  vestryctl man DIRECTORY")]
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SqlArgs {
    /// The select; - reads it from standard input
    #[arg(value_name = "STATEMENT", add = ArgValueCompleter::new(completion::statement))]
    pub(crate) statement: String,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to make, never overwritten; - is standard output
    pub(crate) file: PathBuf,
    /// Encrypt it with the one line of this file (mode 0600); - reads standard input
    #[arg(long, value_name = "PATH")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

const AFTER_IMPORT_HELP: &str = "\
Examples:
  vestryctl import people.csv --dry-run
  vestryctl import people.csv
  vestryctl import people.csv --skip-bad left-out.csv
  zcat people.ndjson.gz | vestryctl import - --format ndjson

Columns, in any order, or keys of each object: name; and if there is one,
email, age, gender, created, status (active or suspended),
suspended_until, suspended_reason, and argon2id (a password hash as a PHC
string). A suspension without suspended_until is for good. Times are
2026-12-24T18:30:00Z (as exported), '2026-12-24 18:30' (UTC) or 2026-12-24,
which is the first second of that day in UTC.
An account without a hash waits for a code: vestryctl account reset NAME.
What an export says in credential and last_login is passed over. Nothing is
imported while a row is bad, unless --skip-bad says where those go; with bad
rows and without it the exit code is 65.";

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file; - reads standard input
    pub(crate) file: PathBuf,
    /// How the file is written: csv or ndjson [default: by its name]
    // The option of every command, with other words and values: in an import it speaks of the input; json is that of the answer.
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    #[arg(value_parser = format_among(&["csv", "ndjson"], &["json"]))]
    pub(crate) format: Option<Format>,
    /// Check every row on the server and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Import the good rows, and write the bad ones with their reasons to this new file; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) skip_bad: Option<PathBuf>,
}

const AFTER_EXPORT_HELP: &str = "\
Examples:
  vestryctl export people.csv
  vestryctl export --where \"created > '2026-01-01'\" --columns name,email new.ndjson
  vestryctl export --format ndjson | jq .name

The file is new and private, and is there only when all of it is. Deleted accounts are left out.
vestryctl import reads it; a password hash is in no export.";

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The file to make, never overwritten; - is standard output [default: standard output]
    pub(crate) file: Option<PathBuf>,
    /// csv or ndjson [default: by the file's name, else csv]
    #[arg(long, value_name = "FORMAT", value_parser = format_among(&["csv", "ndjson"], &[]))]
    pub(crate) format: Option<Format>,
    /// Only accounts for which this SQL expression is true
    #[arg(long = "where", value_name = "EXPR", allow_hyphen_values = true)]
    #[arg(add = ArgValueCompleter::new(completion::expression))]
    pub(crate) filter: Option<String>,
    /// Only these columns, in this order
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = column)]
    #[arg(add = ArgValueCandidates::new(completion::columns))]
    pub(crate) columns: Vec<String>,
    /// Deleted accounts, too
    #[arg(long)]
    pub(crate) with_deleted: bool,
}

const AFTER_RELOAD_HELP: &str = "\
Examples:
  vestryctl reload
  vestryctl --json reload

With the role admin. The server reads vestryd.toml (or what its --config names),
its certificates and those of new operators, as after SIGHUP; nobody is
disconnected. Each setting that has changed is shown: what was in force, what the
file says now, and whether it needs a restart; the old value stays until then.
When anything cannot be used, nothing changes: exit code 78.";

const AFTER_DRILL_HELP: &str = "\
Examples:
  vestryctl drill
  vestryctl drill --seconds 60 --format json
  vestryctl drill --tidy drill-abcdefghij

On the server's machine, with the role admin. A stranger (one address), a thief
(a session without its password) and a crowd (many addresses) guess, ask for
names, try codes, register and write, as fast as the server lets them. What they
got is counted by its replies; limit is what its settings promise for that time.
Exit code: 0 when all are within, 65 when a limit is exceeded.

It aims at accounts of its own (drill-...), from addresses in 127.77.0.0/16, and
takes both away at the end, also after Ctrl-C: the accounts are deleted, what
they filled is cleared. What stays: events in the audit, deleted accounts for
seven days, and up to a tenth of the registrations that are left in this hour.";

#[derive(Debug, Args)]
pub(crate) struct DrillArgs {
    /// How long each of the three plays, in seconds: 1 to 600
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// Play every limit out; no account can then be registered until some time has passed
    #[arg(long)]
    pub(crate) all: bool,
    /// Play nothing; take away what a drill left that was killed, by what its accounts begin with
    #[arg(long, value_name = "DRILL", conflicts_with_all = ["all", "seconds"])]
    pub(crate) tidy: Option<String>,
}

/// Every view, as in a sentence.
fn names_of_views() -> String {
    let names: Vec<&str> = views::ALL.iter().map(|view| view.view).collect();
    match names.split_last() {
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// A name of a list, which may have blanks around it.
#[expect(clippy::unnecessary_wraps, reason = "clap takes parsers that may fail")]
fn column(name: &str) -> Result<String, std::convert::Infallible> {
    Ok(name.trim().to_owned())
}

/// Some of the formats by their names; of others no help speaks.
fn format_among(
    names: &[&'static str],
    others: &[&'static str],
) -> impl TypedValueParser<Value = Format> + use<> {
    let hidden = others.iter().map(|name| PossibleValue::new(*name).hide(true));
    let values = names.iter().map(|name| PossibleValue::new(*name)).chain(hidden);
    PossibleValuesParser::new(values.collect::<Vec<_>>()).try_map(|name| Format::from_str(&name, false))
}

/// A page of a view, as it was typed.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListArgs {
    /// Only rows for which this SQL expression is true
    #[arg(long = "where", value_name = "EXPR", allow_hyphen_values = true)]
    #[arg(add = ArgValueCompleter::new(completion::expression))]
    pub(crate) filter: Option<String>,
    /// Sort by this column
    #[arg(long, value_name = "COLUMN", add = ArgValueCandidates::new(completion::columns))]
    pub(crate) sort: Option<String>,
    /// From the highest to the lowest
    #[arg(long)]
    pub(crate) desc: bool,
    /// Only these columns, in this order
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = column)]
    #[arg(add = ArgValueCandidates::new(completion::columns))]
    pub(crate) columns: Vec<String>,
    /// Rows of a page; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u64,
    /// Go on behind the page that ended with this cursor
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    pub(crate) after: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SessionsArgs {
    #[command(flatten)]
    pub(crate) list: ListArgs,
    #[command(subcommand)]
    pub(crate) act: Option<SessionsAct>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsAct {
    /// End one session at once
    Revoke {
        /// Its id in the list: 16 of 0-9 and a-f
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) list: ListArgs,
    /// Show the newest events (as many as --limit says) and then each new one, until Ctrl-C
    #[arg(long, conflicts_with_all = ["sort", "desc", "after"])]
    pub(crate) follow: bool,
    #[command(subcommand)]
    pub(crate) act: Option<AuditAct>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditAct {
    /// Check every event from the first to the newest; exit code 65 when one is not as it was written
    #[command(after_help = "Examples:\n  vestryctl audit verify\n  \
        vestryctl audit verify --checkpoint 4711:0123456789abcdef\n\n\
        The server's log has a checkpoint for each minute with new events. Only a checkpoint that was kept elsewhere\n\
        shows that the end was cut off together with its mark, or that all of it was put back to what it was.")]
    Verify {
        /// A line of the log that has to fit: the event, and 16 or more digits of its MAC (repeatable)
        #[arg(long = "checkpoint", value_name = "ID:HEX")]
        checkpoints: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct OperatorsArgs {
    #[command(flatten)]
    pub(crate) list: ListArgs,
    #[command(subcommand)]
    pub(crate) act: Option<OperatorsAct>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OperatorsAct {
    /// Take an operator's certificate out of use, at once and for good
    Revoke {
        /// The operator
        name: String,
        #[command(flatten)]
        care: CareArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ThrottleArgs {
    #[command(subcommand)]
    pub(crate) act: Option<ThrottleAct>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ThrottleAct {
    /// Let an account, or an address or network, be tried again at once
    Clear {
        /// A name, or a prefix as the list shows it
        #[arg(required_unless_present = "all")]
        subject: Option<String>,
        /// Everything that is throttled
        #[arg(long, conflicts_with = "subject")]
        all: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    #[command(subcommand)]
    pub(crate) act: AccountAct,
}

/// What is done with one account.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountAct {
    /// Show everything but secrets
    Show {
        /// The account
        name: String,
    },
    /// Make an account; its user sets the password with the one-time code that is printed
    Create {
        /// 2 to 32 of a-z, 0-9, '.', '_' and '-'
        name: String,
        /// An e-mail address
        #[arg(long, value_name = "E")]
        email: Option<String>,
        /// Whole years, 0 to 150
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        age: Option<String>,
        /// In their own words
        #[arg(long, value_name = "G")]
        gender: Option<String>,
    },
    /// Let nobody log in, and end all sessions
    #[command(after_help = "Examples:\n  vestryctl account suspend naman\n  \
        vestryctl account suspend naman --until 2026-12-31 --reason 'late fees'\n  \
        vestryctl account suspend naman --until 12h --confirm naman")]
    Suspend {
        /// The account
        name: String,
        /// Until when: a date (its first second), a date and a time as '2026-12-31 23:59', both in UTC, an RFC 3339 time, or from now: 30m, 12h, 7d, 2w
        #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
        until: Option<String>,
        /// Why; the user is told after a right password
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        care: CareArgs,
    },
    /// Lift a suspension
    #[command(after_help = "Example:\n  vestryctl account resume naman")]
    Resume {
        /// The account
        name: String,
    },
    /// Print a one-time code with which the user sets a new password
    #[command(after_help = "Examples:\n  vestryctl account reset naman\n  \
        vestryctl account reset naman --confirm naman > code.txt")]
    Reset {
        /// The account
        name: String,
        #[command(flatten)]
        care: CareArgs,
    },
    /// Delete an account; it can be restored for seven days
    Delete {
        /// The account
        name: String,
        #[command(flatten)]
        care: CareArgs,
    },
    /// Undo a deletion
    #[command(after_help = "Example:\n  vestryctl account restore naman")]
    Restore {
        /// The account
        name: String,
    },
}

/// What keeps a hand from slipping.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CareArgs {
    /// Only show what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The name once more, to say that you mean it
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn parse(arguments: &[&str]) -> Result<Cli, ErrorKind> {
        Cli::try_parse_from(["vestryctl"].iter().chain(arguments)).map_err(|error| error.kind())
    }

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
        PromptLine::command().debug_assert();
    }

    #[test]
    fn every_command_is_read_as_the_design_writes_it() {
        let lines: &[&[&str]] = &[
            &["sql", "select * from accounts"],
            &["sql", "-"],
            &[
                "accounts",
                "--where",
                "age > 30",
                "--sort",
                "age",
                "--desc",
                "--columns",
                "name,age",
                "--limit",
                "0",
            ],
            &["accounts", "--after", "-_abc"],
            &["sessions"],
            &["sessions", "--limit", "5"],
            &["sessions", "revoke", "00c0ffee00c0ffee"],
            &["audit", "--sort", "id"],
            &["audit", "--follow", "--where", "id > 3", "--limit", "5", "--columns", "id,action"],
            &["audit", "verify"],
            &["audit", "verify", "--checkpoint", "1:0123456789abcdef", "--checkpoint", "2:0123456789abcdef"],
            &["operators"],
            &["operators", "revoke", "maria", "--confirm", "maria"],
            &["account", "show", "naman"],
            &["account", "create", "naman", "--email", "n@x.org", "--age", "40", "--gender", "male"],
            &["account", "suspend", "naman", "--until", "7d", "--reason", "late", "--dry-run"],
            &["account", "resume", "naman"],
            &["account", "reset", "naman", "--confirm", "naman"],
            &["account", "delete", "naman", "--dry-run"],
            &["account", "restore", "naman"],
            &["join-string"],
            &["backup", "vestry.backup"],
            &["backup", "--passphrase-file", "p", "vestry.backup"],
            &["import", "people.csv", "--dry-run"],
            &["import", "-", "--format", "csv", "--json"],
            &["--format", "ndjson", "import", "people", "--skip-bad", "left-out"],
            &["export"],
            &["export", "people.csv", "--where", "-age > 3", "--columns", "name,email", "--with-deleted"],
            &["export", "--format", "ndjson"],
            &["status", "--json"],
            &["--format", "csv", "accounts"],
            &[
                "accounts",
                "--format",
                "ndjson",
                "--admin",
                "localhost:7444",
                "--ca",
                "a",
                "--cert",
                "b",
                "--key",
                "c",
            ],
            &["--data-dir", "d", "--certs-dir", "c", "--operator", "maria", "status"],
            &["completions", "zsh"],
            &["man"],
        ];
        for line in lines {
            assert!(parse(line).is_ok(), "{line:?}");
        }
        assert!(parse(&[]).unwrap().command.is_none());
    }

    #[test]
    fn mistakes_are_usage_errors() {
        let cases: &[(&[&str], ErrorKind)] = &[
            (&["backup"], ErrorKind::MissingRequiredArgument),
            (&["backup", "--with-secrets", "f"], ErrorKind::UnknownArgument),
            (&["import"], ErrorKind::MissingRequiredArgument),
            (&["import", "f", "--dry-run", "--skip-bad", "g"], ErrorKind::ArgumentConflict),
            (&["import", "f", "--format", "table"], ErrorKind::InvalidValue),
            (&["export", "f", "--format", "json"], ErrorKind::InvalidValue),
            (&["sql"], ErrorKind::MissingRequiredArgument),
            (&["sql", "select", "1"], ErrorKind::UnknownArgument),
            (&["accounts", "--limit", "-1"], ErrorKind::UnknownArgument),
            (&["accounts", "--limit", "many"], ErrorKind::ValueValidation),
            (&["--format", "xml", "accounts"], ErrorKind::InvalidValue),
            (&["--format", "csv", "--json", "accounts"], ErrorKind::ArgumentConflict),
            (&["sessions", "--limit", "5", "revoke", "00c0ffee00c0ffee"], ErrorKind::ArgumentConflict),
            (&["account"], ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            (&["account", "rob", "naman"], ErrorKind::InvalidSubcommand),
            (&["account", "show"], ErrorKind::MissingRequiredArgument),
            (&["account", "show", "naman", "--password", "x"], ErrorKind::UnknownArgument),
            (&["dance"], ErrorKind::InvalidSubcommand),
        ];
        for (arguments, kind) in cases {
            let refused = Cli::try_parse_from(["vestryctl"].iter().chain(*arguments)).unwrap_err();
            assert_eq!((refused.kind(), refused.exit_code()), (*kind, 2), "{arguments:?}");
        }
    }

    #[test]
    fn json_is_a_format_like_the_others() {
        assert_eq!(parse(&["status", "--json"]).unwrap().options.form.asked(), Some(Format::Json));
        assert_eq!(parse(&["status", "--format", "csv"]).unwrap().options.form.asked(), Some(Format::Csv));
        assert_eq!(parse(&["status"]).unwrap().options.form.asked(), None);
    }

    #[test]
    fn the_format_of_a_file_may_stand_before_or_behind_its_command() {
        for line in [["--format", "ndjson", "import", "f"], ["import", "f", "--format", "ndjson"]] {
            let Some(Command::Import(import)) = parse(&line).unwrap().command else { panic!("{line:?}") };
            assert_eq!(import.format, Some(Format::Ndjson), "{line:?}");
        }
    }

    #[test]
    fn every_help_of_a_command_has_examples() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands() {
            let help = command.clone().term_width(80).render_long_help().to_string();
            assert!(help.contains("Example"), "{}", command.get_name());
        }
    }
}
