//! Where the server is, and the files that prove who asks: typed, or found beside the local server's own.
//!
//! It reads `vestryd.toml` only for two keys and only when they are needed; the server judges the rest of it. It
//! never writes and never opens a connection.

use crate::cli::WayOptions;
use serde::Deserialize;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use thiserror::Error;
use vestry_client::Address;
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::vestryd;
use vestry_terminal::Surroundings;
use vestry_tls::CertsDir;
use vestry_tls::facts::is_operator_word;
use vestry_tls::private_file::Shown;

/// The admin port of a server whose settings do not name one.
const ADMIN_LISTEN_DEFAULT: &str = "127.0.0.1:7444";

/// Everything that a connection needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) address: Address,
    pub(crate) ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Why the server or the files are not known.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    #[error(transparent)]
    Address(#[from] vestry_client::address::NotAnAddress),
    #[error("'{}' cannot be an operator's name; use 1 to 32 of a-z, 0-9, '.', '_' and '-'", Escaped(.0))]
    OperatorName(String),
    #[error("there is no server in {}; name its folder with --data-dir, or start it there with `{}`", Shown(.0), vestryd("serve"))]
    NoServer(PathBuf),
    #[error("the home directory is not known; name the server's folder with --data-dir")]
    NoHome,
    #[error(
        "{} could not be read: {cause}; run this as the user of the server, or name another with --data-dir",
        Shown(path)
    )]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{} is not valid: {}; correct it, then restart the server", Shown(path), Escaped(problem))]
    Damaged { path: PathBuf, problem: String },
}

/// The keys that this program needs; the rest is the server's.
#[derive(Debug, Default, Deserialize)]
struct ServerFile {
    #[serde(default)]
    network: Network,
    #[serde(default)]
    certificates: Certificates,
}

#[derive(Debug, Default, Deserialize)]
struct Network {
    admin_listen: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Certificates {
    dir: Option<PathBuf>,
}

/// What a server that runs wrote into its data directory.
#[derive(Debug, Default, Deserialize)]
struct RunningFile {
    admin: Option<String>,
    certs_dir: Option<PathBuf>,
    lock: Option<String>,
}

impl Settings {
    /// Takes what was typed, and finds the rest beside the local server.
    pub(crate) fn find(way: &WayOptions, surroundings: &Surroundings) -> Result<Self, SettingsError> {
        let operator = way.operator.as_deref().unwrap_or("admin");
        if !is_operator_word(operator) {
            return Err(SettingsError::OperatorName(operator.to_owned()));
        }
        // With everything named there need not be a server on this machine.
        if let (Some(admin), Some(ca), Some(certificate), Some(key)) =
            (way.admin.as_deref(), way.ca.clone(), way.cert.clone(), way.key.clone())
        {
            return Ok(Self { address: admin.parse()?, ca, certificate, key });
        }
        let data_dir =
            way.data_dir.clone().or_else(|| surroundings.data_dir()).ok_or(SettingsError::NoHome)?;
        let file = read_server_file(&data_dir)?;
        // Says nothing when no server wrote there, or one of another folder, of which this one is a copy.
        let running = std::fs::read_to_string(data_dir.join("vestryd.running")).unwrap_or_default();
        let running: RunningFile = toml::from_str(&running).unwrap_or_default();
        let lock = data_dir.join("vestryd.lock").metadata().ok();
        let lock = lock.map(|lock| format!("{}:{}", lock.dev(), lock.ino()));
        let running = if running.lock == lock { running } else { RunningFile::default() };
        let certs_dir = running.certs_dir.or(file.certificates.dir);
        let named = way.certs_dir.clone().or_else(|| certs_dir.map(|dir| data_dir.join(dir)));
        let certs = CertsDir::at(named.unwrap_or_else(|| data_dir.join("certs")));
        let address =
            way.admin.as_deref().or(running.admin.as_deref()).or(file.network.admin_listen.as_deref());
        let address = address.unwrap_or(ADMIN_LISTEN_DEFAULT);
        Ok(Self {
            address: address.parse()?,
            ca: way.ca.clone().unwrap_or_else(|| certs.ca_certificate()),
            certificate: way.cert.clone().unwrap_or_else(|| certs.operator_certificate(operator)),
            key: way.key.clone().unwrap_or_else(|| certs.operator_key(operator)),
        })
    }
}

fn read_server_file(data_dir: &Path) -> Result<ServerFile, SettingsError> {
    let path = data_dir.join("vestryd.toml");
    match std::fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map_err(|error| {
            // The whole message quotes lines of the file; this is the part that says what is wrong.
            SettingsError::Damaged { path, problem: error.message().to_owned() }
        }),
        // A server that was set up by hand may do without the file, but not without a folder.
        Err(error) if error.kind() == io::ErrorKind::NotFound && data_dir.is_dir() => {
            Ok(ServerFile::default())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(SettingsError::NoServer(data_dir.to_owned()))
        }
        Err(cause) => Err(SettingsError::Unreadable { path, cause }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(toml: Option<&str>) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        if let Some(text) = toml {
            std::fs::write(directory.path().join("vestryd.toml"), text).unwrap();
        }
        directory
    }

    fn found(directory: &Path) -> Result<Settings, SettingsError> {
        let way = WayOptions { data_dir: Some(directory.to_owned()), ..WayOptions::default() };
        Settings::find(&way, &Surroundings::default())
    }

    #[test]
    fn the_local_servers_own_files_are_the_default() {
        let directory = server(Some(
            "[network]\nlisten = \"0.0.0.0:1\"\nadmin_listen = \"127.0.0.1:99\"\n[new]\nkey = 7\n",
        ));
        let settings = found(directory.path()).unwrap();
        let certs = directory.path().join("certs");
        assert_eq!(settings.address.to_string(), "127.0.0.1:99");
        assert_eq!(settings.ca, certs.join("ca.pem"));
        assert_eq!(settings.certificate, certs.join("operators/admin.pem"));
        assert_eq!(settings.key, certs.join("operators/admin.key"));
    }

    #[test]
    fn certificates_may_be_elsewhere_relative_to_the_data_directory() {
        let directory = server(Some("certificates.dir = \"../pki\"\n"));
        assert_eq!(found(directory.path()).unwrap().ca, directory.path().join("../pki/ca.pem"));
        assert_eq!(found(directory.path()).unwrap().address.to_string(), ADMIN_LISTEN_DEFAULT);
    }

    #[test]
    fn a_running_server_is_found_by_what_it_wrote_and_not_by_a_copy_of_it() {
        let directory = server(Some("network.admin_listen = \"127.0.0.1:99\"\n"));
        let lock = directory.path().join("vestryd.lock");
        std::fs::write(&lock, b"").unwrap();
        let facts = lock.metadata().unwrap();
        let running = |inode: u64| {
            let lock = format!("{}:{inode}", facts.dev());
            let text = format!("admin = \"127.0.0.1:5\"\ncerts_dir = \"/pki\"\npid = 1\nlock = \"{lock}\"\n");
            std::fs::write(directory.path().join("vestryd.running"), text).unwrap();
            found(directory.path()).unwrap()
        };
        let settings = running(facts.ino());
        assert_eq!(
            (settings.address.to_string().as_str(), settings.ca.as_path()),
            ("127.0.0.1:5", Path::new("/pki/ca.pem"))
        );
        assert_eq!(running(facts.ino() + 1).address.to_string(), "127.0.0.1:99");
    }

    #[test]
    fn what_was_typed_goes_first() {
        let directory = server(Some("certificates.dir = \"pki\"\nnetwork.admin_listen = \"127.0.0.1:99\"\n"));
        let way = WayOptions {
            data_dir: Some(directory.path().to_owned()),
            admin: Some("[::1]:5".to_owned()),
            certs_dir: Some("/c".into()),
            key: Some("/k".into()),
            operator: Some("maria".to_owned()),
            ..WayOptions::default()
        };
        let settings = Settings::find(&way, &Surroundings::default()).unwrap();
        assert_eq!(settings.address.to_string(), "[::1]:5");
        assert_eq!(settings.certificate, Path::new("/c/operators/maria.pem"));
        assert_eq!(settings.key, Path::new("/k"));
    }

    #[test]
    fn with_everything_typed_no_data_directory_is_needed() {
        let way = WayOptions {
            admin: Some("localhost:7444".to_owned()),
            ca: Some("a".into()),
            cert: Some("b".into()),
            key: Some("c".into()),
            ..WayOptions::default()
        };
        assert!(Settings::find(&way, &Surroundings::default()).is_ok());
    }

    #[test]
    fn what_cannot_be_used_is_said_with_what_to_do() {
        let missing = server(None).path().join("nowhere");
        assert!(matches!(found(&missing), Err(SettingsError::NoServer(_))));
        let damaged = server(Some("network.admin_listen = 7"));
        let error = found(damaged.path()).unwrap_err();
        assert!(matches!(&error, SettingsError::Damaged { .. }), "{error}");
        let no_address = server(Some("network.admin_listen = \"\\u001b[2J\""));
        let error = found(no_address.path()).unwrap_err().to_string();
        assert!(error.contains("is not the address of a server") && !error.contains('\u{1b}'), "{error}");
        let way = WayOptions { operator: Some("../x".to_owned()), ..WayOptions::default() };
        assert!(matches!(
            Settings::find(&way, &Surroundings::default()),
            Err(SettingsError::OperatorName(_))
        ));
    }

    #[test]
    fn without_a_home_the_data_directory_has_to_be_named() {
        let unknown = Settings::find(&WayOptions::default(), &Surroundings::default());
        assert!(matches!(unknown, Err(SettingsError::NoHome)));
    }
}
