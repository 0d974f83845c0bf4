//! `[network]` and `[certificates]`: where the server listens, and by which names it is known.

use super::groups::settings;
use super::setting::{number, quoted, written};
use crate::listen::{Listen, Proxies};
use std::net::SocketAddr;
use std::path::PathBuf;
use vestry_tls::Hosts;

/// What the admin port may be.
pub(super) const ADMIN_LISTEN_RANGE: &str = "a loopback address, as in \"127.0.0.1:7444\"";

settings! {
    /// Where users and operators connect.
    NetworkConfig {
        /// Where users connect. Without it, every address of IPv4 and of IPv6. The port of the first is in the join string.
        listen: Listen = written(
            "listen",
            Listen::Everywhere,
            "an address with its port, as in \"0.0.0.0:7443\" or \"[::]:7443\", or a list of such",
            Some,
            Listen::to_string,
        )
        .at_restart();

        /// Where operators connect, with a certificate.
        admin_listen: SocketAddr = written(
            "admin_listen",
            SocketAddr::from(([127, 0, 0, 1], 7444)),
            ADMIN_LISTEN_RANGE,
            |address: SocketAddr| address.ip().is_loopback().then_some(address),
            |address| quoted(&address.to_string()),
        )
        .because("Operators work on this machine.")
        .at_restart();

        /// Load balancers, and what forwards into a container. Each of their connections has to begin with a header of the PROXY
        /// protocol, version 2, that says for whom it is; without it, all people behind them would be one address.
        proxies: Proxies = written(
            "proxy_from",
            Proxies::default(),
            "a list of addresses and networks, as in [\"10.1.0.7\", \"10.1.0.0/24\"]; a network of everybody is not taken",
            Some,
            Proxies::to_string,
        )
        .because("The header of any other peer is not believed.");
    }
}

settings! {
    /// What the server's certificate says, and where the certificates are.
    CertificateConfig {
        /// Names and addresses that users reach this server by; the first is in the join string. A start or a reload renews the
        /// certificate when it lacks one. `vestryd certs renew --host NAME` adds one here and there at once.
        hosts: Hosts = written(
            "hosts",
            Hosts::localhost(),
            "a list of host names or IP addresses, as in [\"server.example.org\", \"192.0.2.1\"]",
            |hosts: Vec<String>| Hosts::parse(hosts).ok(),
            array_of,
        )
        .per_server();

        /// The folder of the CA's, the server's and the operators' certificates, relative to this file.
        dir: Option<PathBuf> = written(
            "dir",
            None,
            "a folder, as in \"certs\"",
            |folder: PathBuf| Some(Some(folder)),
            // Unset, it is a folder of the data directory.
            |folder| quoted(&folder.as_ref().map_or_else(|| "certs".into(), |folder| folder.display().to_string())),
        )
        .at_restart();

        /// How long a server certificate is valid.
        days: u32 = number("days", 30, 1..=825, "days")
            .because("It is renewed while the server runs when a third is left.");
    }
}

/// Returns hosts as a value of TOML.
#[must_use]
pub fn array_of(hosts: &Hosts) -> String {
    let hosts: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
    format!("[{}]", hosts.join(", "))
}
