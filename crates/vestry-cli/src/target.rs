//! Which server is meant, and whom to trust as it: flags first, then what was joined.

use crate::failure::Failure;
use crate::servers::KnownServers;
use rustls::ClientConfig;
use std::path::Path;
use std::sync::Arc;
use vestry_client::Address;
use vestry_client::state::{DeviceTokens, Folders, OpaqueAccounts, Sessions, StateError, Witnesses};
use vestry_protocol::Pin;
use vestry_tls::config::user_client;
use vestry_tls::pem_file::read_certificates;
use vestry_tls::{Trust, pin};

/// What a command line and its environment name of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    /// Its address, as it was typed.
    pub(crate) server: Option<&'a str>,
    /// The pin that it must show.
    pub(crate) pin: Option<Pin>,
    /// The CA that is trusted instead.
    pub(crate) ca: Option<&'a Path>,
}

/// A server and how to know it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Where it is.
    pub(crate) address: Address,
    /// The pin that it must show; none when a CA is trusted instead.
    pub(crate) pin: Option<Pin>,
    /// The pin of whom it is trusted by, in either case.
    authority: Pin,
    tls: Arc<ClientConfig>,
}

impl Target {
    /// A server that must show this pin.
    pub(crate) fn pinned(address: Address, pin: Pin) -> Result<Self, Failure> {
        Ok(Self { address, pin: Some(pin), authority: pin, tls: user_client(&Trust::Pin(pin))? })
    }

    /// The server that is named, or else the one that was joined last; `joined` reads which were, where that matters.
    pub(crate) fn find(
        Named { server, pin, ca }: Named<'_>,
        joined: impl FnOnce() -> Result<KnownServers, Failure>,
    ) -> Result<Self, Failure> {
        if let (Some(server), Some(pin)) = (server, pin) {
            // Then no file is needed.
            return Self::pinned(server.parse()?, pin);
        }
        let known = joined()?;
        let address = match server {
            Some(server) => server.parse()?,
            None => known.default_server().cloned().ok_or(Failure::NoServer)?,
        };
        if let (None, Some(ca)) = (pin, ca) {
            // A server whose certificate one of these CAs has signed.
            let authorities = read_certificates(ca)?;
            let [first, ..] = authorities.as_slice() else { return Err(Failure::NotJoined(address)) };
            let authority = pin::of_certificate(first)?;
            let tls = user_client(&Trust::Authority(authorities))?;
            return Ok(Self { address, pin: None, authority, tls });
        }
        let pin = pin.or_else(|| known.pin_of(&address));
        let pin = pin.ok_or_else(|| Failure::NotJoined(address.clone()))?;
        Self::pinned(address, pin)
    }

    /// Which of its accounts are known to be OPAQUE.
    pub(crate) fn opaque_accounts(&self, folders: &Folders) -> Result<OpaqueAccounts, StateError> {
        OpaqueAccounts::of(folders, &self.address, self.authority)
    }

    /// What this machine is to it.
    pub(crate) fn device_tokens(&self, folders: &Folders) -> Result<DeviceTokens, StateError> {
        DeviceTokens::of(folders, &self.address, self.authority)
    }

    /// What it said of its audit.
    pub(crate) fn witnesses(&self, folders: &Folders) -> Result<Witnesses, StateError> {
        Witnesses::of(folders, &self.address, self.authority)
    }

    /// The session with it.
    pub(crate) fn sessions(&self, folders: &Folders) -> Sessions {
        Sessions::of(folders, &self.address, self.authority)
    }

    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Options;
    use crate::servers::{join_server, read_servers};
    use tempfile::TempDir;
    use vestry_protocol::UnixSeconds;
    use vestry_tls::{CertsDir, Validity};

    const LONG: Validity = Validity { not_before: UnixSeconds::from_seconds(1_577_836_800), days: 36_500 };

    struct Home(TempDir, Folders);

    fn home() -> Home {
        let folder = TempDir::new().unwrap();
        let path = folder.path().to_owned();
        let folders = Folders::from_environment(
            |name| (name == "HOME").then(|| path.clone().into()),
            "/nowhere".into(),
        );
        Home(folder, folders)
    }

    fn options(server: Option<&str>, pin: Option<Pin>) -> Options {
        Options { server: server.map(str::to_owned), pin, ..Options::default() }
    }

    fn find(options: &Options, folders: &Folders) -> Result<Target, Failure> {
        Target::find(options.named(), || Ok(read_servers(folders, |_| {})?))
    }

    #[test]
    fn without_any_server_it_is_said_how_to_join() {
        let Home(_folder, folders) = home();
        assert!(matches!(find(&options(None, None), &folders), Err(Failure::NoServer)));
        let named = find(&options(Some("localhost"), None), &folders);
        assert!(matches!(named, Err(Failure::NotJoined(at)) if at.to_string() == "localhost:7443"));
        let bad = find(&options(Some("two words"), None), &folders);
        assert!(matches!(bad, Err(Failure::Address(_))));
    }

    #[test]
    fn what_was_joined_is_found_and_flags_go_first() {
        let Home(folder, folders) = home();
        for (server, pin) in [("localhost:1", Pin([1; 32])), ("localhost:2", Pin([2; 32]))] {
            let allow = |_: &_| Ok::<(), Failure>(());
            join_server(&folders, &server.parse().unwrap(), pin, allow, |_| {}).unwrap();
        }
        let found = |options: &Options| {
            let target = find(options, &folders).unwrap();
            (target.address.port(), target.pin)
        };
        assert_eq!(found(&options(None, None)), (2, Some(Pin([2; 32]))));
        assert_eq!(found(&options(Some("localhost:1"), None)), (1, Some(Pin([1; 32]))));
        assert_eq!(found(&options(None, Some(Pin([9; 32])))), (2, Some(Pin([9; 32]))));
        let certs = CertsDir::at(folder.path().join("certs"));
        certs.create_authority("CA", LONG).unwrap();
        let mut with_ca = options(None, None);
        with_ca.ca = Some(certs.ca_certificate());
        assert_eq!(found(&with_ca), (2, None));
        with_ca.pin = Some(Pin([9; 32]));
        assert_eq!(found(&with_ca), (2, Some(Pin([9; 32]))));
    }

    /// A password that was closed under a pin must not open again under `--ca`, nor the other way round.
    #[test]
    fn a_ca_and_its_pin_mean_the_same_accounts() {
        let Home(folder, folders) = home();
        let certs = CertsDir::at(folder.path().join("certs"));
        certs.create_authority("CA", LONG).unwrap();
        let mut by_ca = options(Some("localhost"), None);
        by_ca.ca = Some(certs.ca_certificate());
        let [ca] = read_certificates(&certs.ca_certificate()).unwrap().try_into().unwrap();
        let by_pin = options(Some("localhost"), Some(pin::of_certificate(&ca).unwrap()));
        let accounts =
            |options: &Options| find(options, &folders).unwrap().opaque_accounts(&folders).unwrap();
        assert_eq!(accounts(&by_ca), accounts(&by_pin));
        assert_ne!(accounts(&by_ca), accounts(&options(Some("localhost"), Some(Pin([9; 32])))));
    }

    #[test]
    fn a_ca_that_is_not_there_is_told() {
        let Home(_folder, folders) = home();
        let mut with_ca = options(Some("localhost"), None);
        with_ca.ca = Some("/nowhere/ca.pem".into());
        assert!(matches!(find(&with_ca, &folders), Err(Failure::Tls(_))));
    }
}
