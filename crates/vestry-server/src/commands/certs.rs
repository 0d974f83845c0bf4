//! `vestryd certs`: show, renew or make certificates, by hand or from a script.

use super::{CommandError, Place, answer, say};
use crate::clock::{Clock, Plausible, as_date};
use crate::config::Overrides;
use crate::identity::with_local_names;
use crate::setup::{CA_DAYS, FIRST_OPERATOR, OPERATOR_DAYS};
use clap::{Args, Subcommand, ValueEnum};
use vestry_tls::{CertsDir, TlsError, Validity, private_file};

#[derive(Debug, Args)]
pub(super) struct CertsFlags {
    #[command(subcommand)]
    command: CertsCommand,
}

#[derive(Debug, Subcommand)]
enum CertsCommand {
    /// What each certificate says: for whom, until when, which pin
    Show(Place),
    /// Renew the server's certificate now; clients notice nothing. A running server takes it after SIGHUP
    Renew {
        #[command(flatten)]
        place: Place,
        /// A name or address that users reach this server by [default: those of vestryd.toml] (repeatable)
        #[arg(long = "host", value_name = "NAME")]
        hosts: Vec<String>,
        /// For how long [default: certificate_days of vestryd.toml]
        #[arg(long, value_name = "N")]
        days: Option<u32>,
    },
    /// Make a certificate for an operator. A running server takes it after SIGHUP
    Operator {
        #[command(flatten)]
        place: Place,
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
    Generate {
        #[command(flatten)]
        place: Place,
        /// A name or address of the server (repeatable)
        #[arg(long = "host", value_name = "NAME", required = true)]
        hosts: Vec<String>,
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

impl RoleName {
    fn as_role(self) -> crate::admin::Role {
        match self {
            Self::Viewer => crate::admin::Role::Viewer,
            Self::Helpdesk => crate::admin::Role::Helpdesk,
            Self::Admin => crate::admin::Role::Admin,
        }
    }
}

pub(super) fn certs(flags: &CertsFlags) -> Result<(), CommandError> {
    // Certificates are shown by any clock, and made by one that may be right.
    let clock = Clock::system();
    match &flags.command {
        CertsCommand::Show(place) => show(&folder(place), clock.now()),
        CertsCommand::Renew { place, hosts, days } => renew(place, hosts, *days, clock.plausible_now()?),
        CertsCommand::Operator { place, name, role, days } => {
            let certs = folder(place);
            let validity = Validity { not_before: clock.plausible_now()?.seconds(), days: *days };
            certs.create_operator(name, role.as_role().as_str(), validity)?;
            answer(&format!("{}", certs.operator_certificate(name).display()));
            say("a running server takes it after: kill -HUP $(pidof vestryd)");
            Ok(())
        }
        CertsCommand::Generate { place, hosts, days, operators } => {
            generate(&folder(place), hosts, *days, operators, clock.plausible_now()?)
        }
    }
}

/// The folder of the certificates: the flag, the settings, or the one in the data directory.
fn folder(place: &Place) -> CertsDir {
    let configured = || place.load_config(Overrides::default()).ok().and_then(|config| config.certs_dir);
    place.data_dir().certs(place.certs_dir.clone().or_else(configured).as_deref())
}

fn show(certs: &CertsDir, now: i64) -> Result<(), CommandError> {
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
        answer(&format!("{}", facts.path.display()));
        answer(&format!("  subject  {}", facts.subject));
        if !facts.sans.is_empty() {
            answer(&format!("  hosts    {}", facts.sans.join(", ")));
        }
        answer(&format!("  {standing:<8} {} to {}", as_date(facts.not_before), as_date(facts.not_after)));
        answer(&format!("  pin      {}", facts.pin));
        answer(&format!("  serial   {}", facts.serial));
    }
    Ok(())
}

fn renew(place: &Place, hosts: &[String], days: Option<u32>, now: Plausible) -> Result<(), CommandError> {
    let (certs, config) = (folder(place), place.load_config(Overrides::default()).ok());
    let days = days.or(config.as_ref().map(|config| config.certificate_days)).unwrap_or(30);
    let named =
        if hosts.is_empty() { config.map(|config| config.hosts).unwrap_or_default() } else { hosts.to_vec() };
    // Without names of our own, those of the old certificate stay.
    let names = if named.is_empty() { named } else { with_local_names(&named) };
    certs.renew_server(&names, Validity { not_before: now.seconds(), days })?;
    answer(&format!("{}", certs.server_certificate().display()));
    say("a running server takes it after: kill -HUP $(pidof vestryd)");
    Ok(())
}

fn generate(
    certs: &CertsDir,
    hosts: &[String],
    days: u32,
    operators: &[String],
    now: Plausible,
) -> Result<(), CommandError> {
    let valid_for = |days| Validity { not_before: now.seconds(), days };
    private_file::create_dir(certs.path()).map_err(TlsError::from)?;
    if !certs.ca_certificate().exists() {
        certs.create_authority("Vestry CA", valid_for(CA_DAYS))?;
        answer(&format!("{}", certs.ca_certificate().display()));
    }
    if !certs.server_certificate().exists() {
        certs.create_server(&with_local_names(hosts), valid_for(days))?;
        answer(&format!("{}", certs.server_certificate().display()));
    }
    for name in operators.iter().filter(|name| !certs.operator_certificate(name).exists()) {
        certs.create_operator(name, crate::admin::Role::Admin.as_str(), valid_for(OPERATOR_DAYS))?;
        answer(&format!("{}", certs.operator_certificate(name).display()));
    }
    Ok(())
}
