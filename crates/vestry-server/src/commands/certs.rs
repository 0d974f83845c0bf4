//! `vestryd certs`: show, renew or make certificates, by hand or from a script.

use super::error::CommandError;
use super::location::Location;
use super::talk::{answer, say};
use crate::clock::{Clock, Plausible, as_date};
use crate::config::{Overrides, with_hosts};
use crate::setup::{CA_DAYS, FIRST_OPERATOR, OPERATOR_DAYS};
use clap::{Args, Subcommand, ValueEnum};
use vestry_protocol::UnixSeconds;
use vestry_protocol::role::Role;
use vestry_tls::{CertsDir, Host, Hosts, TlsError, Validity, private_file};

const RENEW_EXAMPLES: &str = "\
The settings and the certificate change together, and users who joined by another name notice
nothing until that is dropped.

Examples:
  vestryd certs renew                               the same names, for another 30 days
  vestryd certs renew --host new.example.org        one more name; new users get this one
  vestryd certs renew --drop-host old.example.org   when nobody uses it any more";

#[derive(Debug, Args)]
pub(super) struct CertsFlags {
    #[command(subcommand)]
    command: CertsCommand,
}

#[derive(Debug, Subcommand)]
enum CertsCommand {
    /// What each certificate says: for whom, until when, which pin
    Show(Location),
    /// Renew the server's certificate now, for the hosts of vestryd.toml. A running server takes it after SIGHUP
    #[command(after_help = RENEW_EXAMPLES)]
    Renew {
        #[command(flatten)]
        location: Location,
        /// A further name or address that users reach this server by; goes into vestryd.toml, too, before those that are
        /// there, and the first one into the join string (repeatable)
        #[arg(long = "host", value_name = "NAME")]
        hosts: Vec<Host>,
        /// A name or address that users do not reach this server by any more (repeatable)
        #[arg(long = "drop-host", value_name = "NAME")]
        dropped: Vec<Host>,
        /// For how long [default: certificate_days of vestryd.toml]
        #[arg(long, value_name = "N")]
        days: Option<u32>,
    },
    /// Make a certificate for an operator. A running server takes it after SIGHUP
    Operator {
        #[command(flatten)]
        location: Location,
        /// The operator's name
        name: String,
        /// What the operator may do
        #[arg(long, value_enum, default_value = "admin")]
        role: RoleName,
        /// For how long
        #[arg(long, value_name = "N", default_value_t = OPERATOR_DAYS)]
        days: u32,
    },
    /// Make a CA, a server certificate and operator certificates in a folder; never overwrites
    #[command(
        after_help = "Example:\n  vestryd certs generate --certs-dir certs --host accounts.example.org"
    )]
    Generate {
        #[command(flatten)]
        location: Location,
        /// A name or address of the server (repeatable)
        #[arg(long = "host", value_name = "NAME", required = true)]
        hosts: Vec<Host>,
        /// How long the server's certificate is valid
        #[arg(long, value_name = "N", default_value_t = 30)]
        days: u32,
        /// An operator (repeatable)
        #[arg(long = "operator", value_name = "NAME", default_value = FIRST_OPERATOR)]
        operators: Vec<String>,
    },
}

/// The roles of operators.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    /// Look
    Viewer,
    /// Help people with their accounts
    Helpdesk,
    /// Everything
    Admin,
}

impl CertsFlags {
    pub(super) fn location(&self) -> &Location {
        match &self.command {
            CertsCommand::Show(location)
            | CertsCommand::Renew { location, .. }
            | CertsCommand::Operator { location, .. }
            | CertsCommand::Generate { location, .. } => location,
        }
    }
}

/// Says how a server that runs takes what was made.
fn say_how_it_is_taken(location: &Location) {
    if let Some(reload) = location.how_to_reload() {
        say(&format!("a server runs; it takes it after: {reload}"));
    }
}

pub(super) fn certs(flags: &CertsFlags) -> Result<(), CommandError> {
    // Certificates are shown by any clock, and made by one that may be right.
    let clock = Clock::system();
    match &flags.command {
        CertsCommand::Show(location) => show(&*location.enter_certs()?, clock.now()),
        CertsCommand::Renew { location, hosts, dropped, days } => {
            renew(location, hosts, dropped, *days, clock.plausible_now()?)
        }
        CertsCommand::Operator { location, name, role, days } => {
            let certs = location.enter_certs()?;
            let validity = Validity { not_before: clock.plausible_now()?.reading(), days: *days };
            let role = match role {
                RoleName::Viewer => Role::Viewer,
                RoleName::Helpdesk => Role::Helpdesk,
                RoleName::Admin => Role::Admin,
            };
            certs.create_operator(name, role.as_str(), validity)?;
            answer(&format!("{}", certs.operator_certificate(name).display()))?;
            say_how_it_is_taken(location);
            Ok(())
        }
        CertsCommand::Generate { location, hosts, days, operators } => {
            generate(&*location.enter_certs()?, hosts, *days, operators, clock.plausible_now()?)
        }
    }
}

fn show(certs: &CertsDir, now: UnixSeconds) -> Result<(), CommandError> {
    let all = certs.describe()?;
    if all.is_empty() {
        return Err(TlsError::Missing(certs.ca_certificate()).into());
    }
    for facts in all {
        let standing = match facts.not_after {
            end if end <= now => "EXPIRED",
            _ if facts.not_before > now => "NOT YET VALID",
            _ => "valid",
        };
        answer(&format!("{}", facts.path.display()))?;
        answer(&format!("  subject  {}", facts.subject))?;
        if !facts.sans.is_empty() {
            answer(&format!("  hosts    {}", facts.sans.join(", ")))?;
        }
        answer(&format!("  {standing:<8} {} to {}", as_date(facts.not_before), as_date(facts.not_after)))?;
        answer(&format!("  pin      {}", facts.pin))?;
        answer(&format!("  serial   {}", facts.serial))?;
    }
    Ok(())
}

fn renew(
    location: &Location,
    added: &[Host],
    dropped: &[Host],
    days: Option<u32>,
    now: Plausible,
) -> Result<(), CommandError> {
    let (certs, file) = (location.enter_certs()?, location.config_file());
    // A folder of certificates without settings has its names from the certificate alone.
    let config = file.exists().then(|| location.load_config(Overrides::default())).transpose()?;
    let known = match &config {
        Some(config) => config.certificates.hosts.clone(),
        None => certs.server_hosts()?,
    };
    if let Some(host) = dropped.iter().find(|host| !known.contains(host)) {
        return Err(CommandError::NotAHostOfOurs { host: host.clone(), known });
    }
    let left = added.iter().chain(known.iter()).filter(|host| !dropped.contains(host)).cloned();
    let hosts = Hosts::new(left).map_err(|_| CommandError::NoHostLeft)?;
    let days = days.or(config.map(|config| config.certificates.days)).unwrap_or(30);
    let renewal =
        certs.prepare_renewal(&hosts.with_local_names(), Validity { not_before: now.reading(), days })?;
    drop(certs);
    // The settings first: a certificate that lacks one of their hosts is renewed by the next start.
    if file.exists() && hosts != known {
        let settings = location.enter_settings()?;
        // The file itself, and not a link that leads to it. Nothing else in it changes.
        let target = std::fs::canonicalize(&*settings)?;
        let text = with_hosts(&std::fs::read_to_string(&target)?, &target, &hosts)?;
        private_file::replace_alike(&target, text.as_bytes()).map_err(TlsError::from)?;
        drop(settings);
        answer(&format!("{}", file.display()))?;
    }
    let certs = location.enter_certs()?;
    renewal.put_in_place()?;
    answer(&format!("{}", certs.server_certificate().display()))?;
    say(&format!("hosts: {hosts}; the first one goes into the join string"));
    say_how_it_is_taken(location);
    Ok(())
}

fn generate(
    certs: &CertsDir,
    hosts: &[Host],
    days: u32,
    operators: &[String],
    now: Plausible,
) -> Result<(), CommandError> {
    let valid_for = |days| Validity { not_before: now.reading(), days };
    private_file::create_dir(certs.path()).map_err(TlsError::from)?;
    if !certs.ca_certificate().exists() {
        certs.create_authority("Vestry CA", valid_for(CA_DAYS))?;
        answer(&format!("{}", certs.ca_certificate().display()))?;
    }
    if !certs.server_certificate().exists() {
        let hosts = Hosts::new(hosts.iter().cloned())?;
        certs.create_server(&hosts.with_local_names(), valid_for(days))?;
        answer(&format!("{}", certs.server_certificate().display()))?;
    }
    for name in operators.iter().filter(|name| !certs.operator_certificate(name).exists()) {
        certs.create_operator(name, Role::Admin.as_str(), valid_for(OPERATOR_DAYS))?;
        answer(&format!("{}", certs.operator_certificate(name).display()))?;
    }
    Ok(())
}
