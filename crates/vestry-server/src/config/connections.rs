//! `[connections]`: how many connections there may be, and how long a peer may take.

use super::groups::settings;
use super::setting::{fixed, number, seconds};
use std::time::Duration;

settings! {
    /// Connections of users: how many, and how long a peer may take.
    ConnectionConfig {
        /// Connections on the user port, in all. When all are taken, the oldest one without a login, of the network that has most of
        /// those, makes room.
        max: usize = number("max", 10_000, 1..=200_000, "connections")
            .because("10 kB each: 100 MB when all are there.")
            .at_restart();

        /// Connections on the user port from one address (IPv6: a /64).
        per_source_max: usize = number("per_source_max", 2_000, 1..=200_000, "connections")
            .because("A lab behind one address is a few hundred people.")
            .at_restart();

        /// Connections on the user port from one network (/24, IPv6 /48).
        per_network_max: usize = number("per_network_max", 4_000, 1..=200_000, "connections")
            .because("A site is a few labs.")
            .at_restart();

        /// New connections a second from one address (IPv6: a /64), once it has used up five seconds' worth of them. More are closed
        /// at once.
        per_source_per_sec_max: u32 = number("per_source_per_sec_max", 4_000, 1..=1_000_000, "connections")
            // A lab that comes in together, or a benchmark at 2,000 a second, is far from it.
            .because("A handshake costs 0.12 ms: one source gets at most half of one core, whatever it does.")
            .at_restart();

        /// Operators' connections on the admin port, in all, behind their handshakes.
        // Each may run a query on a connection of its own.
        admin_max: usize = fixed(16);

        /// Of those, with one certificate: the others find a slot whatever one operator holds.
        admin_per_certificate_max: usize = fixed(12);

        /// Handshakes on the admin port at once; then the oldest makes room.
        admin_handshakes_max: usize = fixed(64);

        /// As `handshake_timeout`, on the admin port: its peers are on this machine.
        admin_handshake_timeout: Duration = fixed(Duration::from_secs(1));

        /// How long a handshake on the admin port has for sure, however many others begin. One takes some milliseconds.
        admin_handshake_spared: Duration = fixed(Duration::from_millis(250));

        /// How long the TLS handshake may take, from the TCP connection on.
        handshake_timeout: Duration = seconds("handshake_secs_max", 10, 1..=86_400).at_restart();

        /// How long a request may take, from its first byte to its last.
        frame_timeout: Duration = seconds("frame_secs_max", 10, 1..=86_400);

        /// How long a peer may take to accept one answer.
        write_timeout: Duration = seconds("write_secs_max", 30, 1..=86_400);

        /// How long a connection without a login may wait between requests.
        anonymous_idle_timeout: Duration = seconds("idle_secs_max_before_login", 60, 1..=86_400);

        /// How long a connection may last without a login.
        anonymous_timeout: Duration = seconds("secs_max_before_login", 120, 1..=86_400)
            .because("A person types a password in less.");

        /// How long a connection may wait between requests after a login. The session outlives the connection.
        idle_timeout: Duration = seconds("idle_secs_max", 900, 1..=86_400);

        /// How long connections have to finish when the server stops.
        drain_timeout: Duration = fixed(Duration::from_secs(10));
    }
}

impl Copy for ConnectionConfig {}
