//! `vestryd.toml`: whatever is taken is in range; the file that `init` writes says what it was told.
#![no_main]

use arbitrary::Arbitrary;
use std::net::SocketAddr;
use std::path::Path;
use vestry_fuzz::has_control;
use vestry_server::config::{CertificateConfig, Config, NetworkConfig, Overrides};
use vestry_server::listen::Listen;
use vestry_tls::Hosts;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Typed(&'a str),
    Written { listen: SocketAddr, admin_port: u16, hosts: Vec<&'a str>, certs_dir: Option<&'a str> },
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Typed(text) => typed(text),
        Input::Written { listen, admin_port, hosts, certs_dir } => {
            written(listen, admin_port, &hosts, certs_dir)
        }
    }
});

fn parse(text: &str) -> Result<Config, String> {
    let parsed = Config::parse(text, Path::new("/data/vestryd.toml"), Overrides::default());
    parsed.map_err(|error| error.to_string())
}

fn typed(text: &str) {
    match parse(text) {
        Ok(config) => in_range(&config),
        Err(words) => assert!(!has_control(&words), "{words:?}"),
    }
}

fn in_range(config: &Config) {
    assert!(config.network.admin_listen.ip().is_loopback());
    assert!((1..=825).contains(&config.certificates.days));
    assert!((8..=256).contains(&config.accounts.password_policy.chars_min()));
    let month = 120..=30 * 24 * 60 * 60;
    assert!(
        month.contains(&config.sessions.idle_secs_max) && month.contains(&config.sessions.absolute_secs_max)
    );
    let (hashing, gate) = (&config.hashing, &config.gate);
    assert!((1..=64).contains(&hashing.threads) && (1..=10_000).contains(&hashing.queue_max));
    assert!((500..=10_000).contains(&hashing.imported_login_time.as_millis()));
    assert!(
        (1..=20).contains(&gate.account_guesses_at_once) && (20..=100).contains(&gate.account_guesses_max)
    );
    assert!((1..=300).contains(&gate.exchange_timeout.as_secs()) && gate.write_interval.as_secs() <= 3_600);
    let connections = &config.connections;
    assert!((1..=200_000).contains(&connections.max) && (1..=200_000).contains(&connections.per_source_max));
}

fn written(listen: SocketAddr, admin_port: u16, hosts: &[&str], certs_dir: Option<&str>) {
    // `init` makes a certificate for the hosts first, which takes no others.
    let hosts = Hosts::new(hosts.iter().filter_map(|host| host.parse().ok()));
    let Ok(hosts) = hosts else { return };
    let admin_listen: SocketAddr = ([127, 0, 0, 1], admin_port).into();
    let text = Config {
        network: NetworkConfig { listen: Listen::At(vec![listen]), admin_listen, ..NetworkConfig::default() },
        certificates: CertificateConfig {
            hosts: hosts.clone(),
            dir: certs_dir.map(Into::into),
            ..CertificateConfig::default()
        },
        ..Config::default()
    }
    .to_toml();
    let config = parse(&text).unwrap_or_else(|words| panic!("{words}\n{text}"));
    assert_eq!((config.network.admin_listen, &config.certificates.hosts), (admin_listen, &hosts));
    // The scope's flow label is not written.
    let bound = config.network.listen;
    assert_eq!((bound.addresses()[0].ip(), bound.port()), (listen.ip(), listen.port()));
    if let Some(folder) = certs_dir {
        assert_eq!(config.certificates.dir.as_deref(), Some(Path::new("/data").join(folder).as_path()));
    }
}
