//! `vestryd check`: a doctor. Looks at everything that a start needs and that time wears out, changes nothing,
//! and says what to do about each thing that is wrong.

use super::error::CommandError;
use super::location::Location;
use super::talk::answer;
use crate::audit::head;
use crate::clock::{Clock, as_date};
use crate::config::{Config, Overrides};
use crate::credentials::{ImportedHashes, OpaqueRecord};
use crate::data_dir::{DataDir, own_ids};
use crate::process::confinement::{confine, is_memory_private};
use crate::remedy::{new_authority, new_operator};
use crate::renewal::AUTHORITY_NOTICE_SECS;
use crate::secrets::error::SetupError;
use crate::secrets::files::{Secrets, read_audit_key};
use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;
use vestry_protocol::UnixSeconds;
use vestry_protocol::audit::AuditFault;
use vestry_protocol::count::Count;
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::{quoted, vestryd};
use vestry_store::backup::Offline;
use vestry_store::{ClockJump, Credential, SealedRecord, Store};
use vestry_tls::private_file::Shown;
use vestry_tls::{CertificateFacts, CertsDir, Host};

const DAY_SECS: i64 = 24 * 60 * 60;
/// Below this much free disk the next backup or checkpoint may fail.
const FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;
/// One line names as many damaged records.
const NAMES_SHOWN_MAX: usize = 100;

/// What one look found.
enum Finding {
    Good(String),
    Warning(String),
    Bad(String),
}

pub(super) fn check(location: &Location) -> Result<(), CommandError> {
    let data_dir = location.enter()?;
    let config = location.load_config(Overrides::default());
    let certs = data_dir.certs(config.as_ref().ok().and_then(|config| config.certificates.dir.as_deref()));
    let hosts = config.as_ref().ok().map(|config| check_hosts(&certs, config));
    let judge = |what: &str, outcome: Result<String, CommandError>| match outcome {
        Ok(good) => Finding::Good(format!("{what}: {good}")),
        Err(bad) => Finding::Bad(format!("{what}: {}", bad.with_remedy(Some(&certs)))),
    };
    let mut findings = vec![
        judge(
            "configuration",
            config.map(|_| Shown(&location.config_file()).to_string()).map_err(CommandError::from),
        ),
        judge("file modes", check_modes(&data_dir, &certs)),
        check_access(&data_dir, &certs, location.config_file()),
        judge("secrets", check_secrets(&data_dir)),
        judge(
            "server key",
            certs.load_server().map(|_| "fits its certificate".to_owned()).map_err(CommandError::from),
        ),
        judge("database", check_database(&data_dir)),
        judge("password records", check_credentials(&data_dir)),
        judge("audit", check_audit(&data_dir)),
        check_clock(&data_dir),
        check_disk(&data_dir),
    ];
    findings.extend(hosts);
    findings.push(check_authority(&certs, Clock::system().now()));
    findings.extend(check_certificates(&certs, Clock::system().now()));
    let failed = findings.iter().filter(|finding| matches!(finding, Finding::Bad(_))).count();
    for finding in &findings {
        match finding {
            Finding::Good(line) => answer(&format!("ok    {line}"))?,
            Finding::Warning(line) => answer(&format!("warn  {line}"))?,
            Finding::Bad(line) => answer(&format!("FAIL  {line}"))?,
        }
    }
    answer("in force in every vestryd:")?;
    // What a server does to itself holds for this process from here: nothing else can be opened afterwards.
    let (private, confinement) =
        (is_memory_private(), confine(&[data_dir.path(), certs.path()], &location.config_file()));
    let mark = |good: bool| if good { "ok  " } else { "warn" };
    answer(&format!(
        "{}  memory: no core dumps, closed to other processes, no new privileges",
        mark(private)
    ))?;
    answer(&format!("{}  {confinement}", mark(confinement.is_in_force())))?;
    answer("note  memory is not locked: encrypt the swap, or have none")?;
    if failed == 0 { Ok(()) } else { Err(CommandError::ChecksFailed(failed)) }
}

fn check_modes(data_dir: &DataDir, certs: &CertsDir) -> Result<String, CommandError> {
    data_dir.refuse_exposed_files()?;
    certs.refuse_exposed_keys()?;
    Ok("only the owner can read the database, the secrets and the keys".to_owned())
}

/// Opens every file that a server or a backup opens, as far as the folders can be listed. Root that helped by hand leaves files
/// that are root's: the server goes on without them until it needs one.
fn check_access(data_dir: &DataDir, certs: &CertsDir, settings: PathBuf) -> Finding {
    let beside = |suffix: &str| {
        let mut name = data_dir.database().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    let written = [data_dir.database(), beside("-wal"), beside("-shm"), data_dir.lock_file()];
    let folders = [data_dir.secrets(), certs.path().to_owned(), certs.path().join("operators")];
    let inside = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let read = inside.map(|entry| entry.path()).chain(folders.iter().cloned()).chain([settings]);
    let needed = written.into_iter().map(|path| (path, true)).chain(read.map(|path| (path, false)));
    let is_refused = |(path, is_written): &(PathBuf, bool)| {
        let opened = File::options().read(true).write(*is_written).open(path);
        opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    let refused: Vec<String> =
        needed.filter(is_refused).map(|(path, _)| quoted(&path.to_string_lossy())).collect();
    if refused.is_empty() {
        return Finding::Good("file owners: every file can be opened by this user".to_owned());
    }
    let (owner, files) = (own_ids(), refused.join(" "));
    Finding::Bad(format!(
        "file owners: this user cannot open {}; as root, run: chown -hR {owner} {files} && chmod u+rwX {files}",
        Count::new(refused.len(), "file")
    ))
}

fn check_database(data_dir: &DataDir) -> Result<String, CommandError> {
    Store::verify_integrity(&data_dir.database())?;
    Ok(format!("{}: every page and index is sound", data_dir.database().display()))
}

fn check_secrets(data_dir: &DataDir) -> Result<String, CommandError> {
    let secrets = Secrets::read(data_dir)?;
    let mut database = Offline::open_beside_a_server(&data_dir.database(), secrets.chain.clone())?;
    let known = secrets.verify_for_offline(&mut database)?;
    let fit = "pepper, OPAQUE key, seed of names and audit key are those of this database";
    Ok(match known.opaque_rotation() {
        None => fit.to_owned(),
        Some((moved, left)) => {
            format!("{fit}; {moved} password records have moved to a new OPAQUE key, {left} are left")
        }
    })
}

/// Reads every password record as a login would: a damaged one refuses every password, and its user cannot tell why.
fn check_credentials(data_dir: &DataDir) -> Result<String, CommandError> {
    let secrets = Secrets::read(data_dir)?;
    let hashes = ImportedHashes::new(secrets.pepper).map_err(std::io::Error::other)?;
    let (mut count, mut damaged) = (0_u64, Vec::new());
    let mut database = Offline::open_beside_a_server(&data_dir.database(), secrets.chain)?;
    database.read(|tx| {
        let generations = tx.opaque_generations()?;
        let has_key =
            |record: &SealedRecord| generations.iter().any(|row| row.generation == record.generation);
        tx.for_each_credential(|stored| {
            count += 1;
            let is_readable = match &stored.credential {
                Some(Credential::Opaque(record)) => {
                    OpaqueRecord::is_readable(&record.bytes) && has_key(record)
                }
                Some(Credential::Imported(sealed)) => hashes.is_readable(sealed, stored.oprf_id),
                None => false,
            };
            if !is_readable {
                damaged.push(format!("{} (account {})", Escaped(stored.name.as_str()), stored.account));
            }
        })
    })?;
    let number = damaged.len();
    if number == 0 {
        return Ok(format!("all {count} can be read"));
    }
    damaged.truncate(NAMES_SHOWN_MAX);
    let mut names = damaged.join(", ");
    if number > NAMES_SHOWN_MAX {
        names += &format!(" and {} others", number - NAMES_SHOWN_MAX);
    }
    Err(CommandError::DamagedRecords { number, names })
}

fn check_audit(data_dir: &DataDir) -> Result<String, CommandError> {
    let chain = read_audit_key(&data_dir.audit_key())?;
    let head = head::read(&data_dir.audit_head()).map_err(SetupError::from)?;
    let known = head.map(|head| head.known);
    let verdict = Offline::open_beside_a_server(&data_dir.database(), chain)?.verify_audit(known)?;
    match verdict.fault {
        Some(fault) if fault.known().is_some_and(|fault| matches!(fault, AuditFault::PutBack { .. })) => {
            Err(CommandError::PutBack(fault))
        }
        Some(fault) => Err(CommandError::Audit(fault)),
        None => {
            let events = Count::new(verdict.events, "event");
            Ok(format!("{events} up to {} {} as written", verdict.head, events.is()))
        }
    }
}

/// A clock that is wrong now, or that was lately: what it dated, and what it let expire, is worth a look.
fn check_clock(data_dir: &DataDir) -> Finding {
    let now = match Clock::system().plausible_now() {
        Ok(now) => now.reading(),
        Err(error) => return Finding::Bad(error.to_string()),
    };
    match clock_jump(data_dir, now) {
        Err(error) => Finding::Bad(format!("clock: {error}")),
        Ok(None) => Finding::Good(format!("clock: {}", as_date(now))),
        Ok(Some(ClockJump { from, to })) => Finding::Warning(format!(
            "clock: it said {} where {} was to be expected, or later when no server ran meanwhile; nothing that is old was removed by it. This line goes after 30 days",
            as_date(to),
            as_date(from)
        )),
    }
}

fn clock_jump(data_dir: &DataDir, now: UnixSeconds) -> Result<Option<ClockJump>, CommandError> {
    let chain = read_audit_key(&data_dir.audit_key())?;
    Ok(Offline::open_beside_a_server(&data_dir.database(), chain)?.read(|tx| tx.clock_jump(now))?)
}

fn check_disk(data_dir: &DataDir) -> Finding {
    let Ok(disk) = rustix::fs::statvfs(data_dir.path()) else {
        return Finding::Bad(format!("disk: {} cannot be looked at", data_dir.path().display()));
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let line = format!("disk: {} MiB free", free / (1024 * 1024));
    if free < FREE_BYTES_MIN { Finding::Warning(line) } else { Finding::Good(line) }
}

/// The names that the settings, the certificate and the join string have: whoever goes by one that the certificate lacks is refused.
fn check_hosts(certs: &CertsDir, config: &Config) -> Finding {
    let (wanted, server) = (&config.certificates.hosts, certs.load_server());
    let Some((named, join)) = server.as_ref().ok().and_then(|server| {
        let join = server.join_string(wanted, config.network.listen.port());
        server.hosts().map(|named| (named, join))
    }) else {
        return Finding::Warning("hosts: the certificate names none that could be compared".to_owned());
    };
    let list = |hosts: Vec<Host>| hosts.iter().map(Host::to_string).collect::<Vec<_>>().join(", ");
    let lacking = wanted.without(named);
    if !lacking.is_empty() {
        return Finding::Bad(format!(
            "hosts: the settings name {}, which the certificate lacks, so that clients refuse the server there; run: {}",
            list(lacking),
            vestryd("certs renew")
        ));
    }
    let told = format!("the join string names {}", Escaped(&join.host));
    match named.without(&wanted.with_local_names()) {
        more if more.is_empty() => {
            Finding::Good(format!("hosts: {wanted}, in settings and certificate; {told}"))
        }
        more => Finding::Warning(format!(
            "hosts: the certificate names {}, too, which the settings do not; {told}. To drop it: {}",
            list(more),
            vestryd("certs renew")
        )),
    }
}

/// What renews the server's certificate, and for how long it still can.
fn check_authority(certs: &CertsDir, now: UnixSeconds) -> Finding {
    match certs.load_authority() {
        Err(error) => {
            let error = CommandError::from(error).with_remedy(Some(certs));
            Finding::Warning(format!("CA: the server certificate cannot be renewed: {error}"))
        }
        // Its certificate has a finding of its own.
        Ok(authority) if authority.not_after() <= now => {
            Finding::Warning(format!("CA: ended on {}", as_date(authority.not_after())))
        }
        Ok(authority) if authority.not_after().since(now) < AUTHORITY_NOTICE_SECS => {
            let until = as_date(authority.not_after());
            Finding::Warning(format!("CA: ends on {until}; before that, {}", new_authority(certs)))
        }
        Ok(_) => Finding::Good("CA: renews the server certificate by itself".to_owned()),
    }
}

fn check_certificates(certs: &CertsDir, now: UnixSeconds) -> Vec<Finding> {
    match certs.describe() {
        Ok(all) => all.iter().map(|facts| check_certificate(certs, facts, now)).collect(),
        Err(error) => {
            let error = CommandError::from(error).with_remedy(Some(certs));
            vec![Finding::Bad(format!("certificates: {error}"))]
        }
    }
}

fn check_certificate(certs: &CertsDir, facts: &CertificateFacts, now: UnixSeconds) -> Finding {
    let line = format!("certificate {}: until {}", Shown(&facts.path), as_date(facts.not_after));
    let standing = match facts.not_after.since(now) {
        left if left <= 0 => "EXPIRED",
        _ if facts.not_before > now => "NOT VALID YET, made while the clock was ahead",
        left if left < 3 * DAY_SECS => return Finding::Warning(line),
        _ => return Finding::Good(line),
    };
    if facts.path == certs.ca_certificate() {
        return Finding::Bad(format!("{line}: {standing}; {}", new_authority(certs)));
    }
    let can_sign = certs.load_authority().is_ok_and(|authority| authority.not_after() > now);
    let first = if can_sign { "" } else { "first see to the CA, then " };
    if facts.path != certs.server_certificate() {
        let operator =
            certs.operators().ok().and_then(|all| all.into_iter().find(|one| one.pin == facts.pin));
        let remedy = operator.map(|one| new_operator(certs, &one.name, &one.role)).unwrap_or_default();
        return Finding::Bad(format!("{line}: {standing}; {first}run: {remedy}"));
    }
    let renew = vestryd("certs renew");
    match facts.not_after > now && can_sign {
        // The next start, and SIGHUP, make it again.
        true => Finding::Warning(format!("{line}: {standing}; the next start renews it, or: {renew}")),
        false => Finding::Bad(format!("{line}: {standing}; {first}run: {renew}")),
    }
}
