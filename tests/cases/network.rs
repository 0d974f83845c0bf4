//! The network as it is: hosts with several addresses, name servers that are silent, servers in other spellings.

use crate::programs::joined;
use socket2::{Domain, Socket, Type};
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use vestry_tests::harness::program;
use vestry_tests::programs::Person;

/// Runs `vestry` where these files stand in for those of the system, and ends it after 20 seconds; `None` where this test may not
/// make a namespace for it.
fn run_with(person: &Person, files: &[(&str, &str)], arguments: &[&str]) -> Option<(i32, String)> {
    // The copy of another test's disk would keep that mounted.
    let mut mounts = "awk '$1 ~ \"^/dev/loop\" {print $2}' /proc/mounts | xargs -r umount; ".to_owned();
    for (path, text) in files {
        let own = person.home().join(path.replace('/', "_"));
        std::fs::write(&own, text).unwrap();
        mounts.push_str(&format!("mount --bind '{}' {path} || exit 99; ", own.display()));
    }
    let ran = Command::new("unshare")
        .args(["--mount", "sh", "-c", &format!("{mounts} exec timeout 20 \"$@\""), "sh"])
        .arg(program("vestry"))
        .args(arguments)
        .env("HOME", person.home())
        .env("XDG_CONFIG_HOME", person.home().join("config"))
        .env("XDG_STATE_HOME", person.home().join("state"))
        .env("XDG_RUNTIME_DIR", person.home().join("run"))
        .stdin(Stdio::null())
        .output();
    let ran = ran.ok()?;
    let text = String::from_utf8_lossy(&ran.stderr).into_owned();
    if ran.status.code() == Some(99) || text.contains("unshare failed") {
        println!("a mount namespace cannot be made here; this is not tried: {text}");
        return None;
    }
    Some((ran.status.code().unwrap_or(-1), text))
}

/// U-12: it took as long as the system's own search, 28 seconds, and told another reason.
#[test]
fn u_12_silent_name_servers_are_named_in_time_and_the_program_ends() {
    let person = Person::new();
    let servers = ["127.0.0.61", "127.0.0.62", "127.0.0.63"];
    let bound: Vec<_> = servers.iter().map(|server| UdpSocket::bind((*server, 53))).collect();
    if bound.iter().any(Result::is_err) {
        return println!("port 53 is not to be had here; this is not tried");
    }
    let resolv = servers.map(|server| format!("nameserver {server}\n")).concat();
    let pin = format!("sha256:{}", "0".repeat(64));
    let arguments = ["--server", "slow.example:7443", "--pin", &pin, "status"];
    let Some((code, said)) = run_with(&person, &[("/etc/resolv.conf", &resolv)], &arguments) else { return };
    assert_eq!(code, 69, "{said}");
    assert!(said.contains("its name was not found in time"), "{said}");
    assert!(said.contains("name servers"), "{said}");
}

/// U-3: with a first address that swallows everything the second was never tried.
#[test]
fn u_3_a_host_whose_first_address_is_silent_is_reached() {
    let (server, person) = joined();
    let port = server.user.port();
    // The queue of a listener that takes nobody fills; then nothing is refused, and nothing answers.
    let socket = || Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    let (silent, place) = (socket(), SocketAddr::from((Ipv6Addr::LOCALHOST, port)).into());
    if let Err(error) = silent.bind(&place) {
        return println!("there is no [::1] here; this is not tried: {error}");
    }
    silent.listen(0).unwrap();
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let socket = socket();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&place);
            socket
        })
        .collect();
    // The system puts IPv6 first.
    let hosts = format!("::1 localhost\n{} localhost\n", server.user.ip());
    let address = format!("localhost:{port}");
    let ca = server.folder().join("certs/ca.pem");
    let arguments = ["--server", &address, "--ca", ca.to_str().unwrap(), "status"];
    let Some((code, said)) = run_with(&person, &[("/etc/hosts", &hosts)], &arguments) else { return };
    drop(waiting);
    assert_eq!(code, 0, "{said}");
}

/// U-17: a server that was joined is the same one in another spelling.
#[test]
fn u_17_a_server_in_another_spelling_is_the_one_that_was_joined() {
    let (server, person) = joined();
    let port = server.user.port();
    for spelled in ["localhost", "LocalHost", "localhost.", "\u{ff4c}ocalhost"] {
        person.run("vestry", &["--server", &format!("{spelled}:{port}"), "status"], "").ended_with(0);
    }
    let zone = person.run("vestry", &["--server", "[fe80::1%eth0]:7443", "status"], "").ended_with(65);
    assert!(zone.err.contains("zone"), "{}", zone.err);
    let long = person.run("vestry", &["--server", &"x".repeat(20_000), "status"], "").ended_with(65);
    assert!(long.err.len() < 400, "{}", long.err);
}

/// U-20: a clock that is a day behind reaches a server whose certificate was made just now; of one that is further behind both times
/// are said.
#[test]
fn u_20_a_clock_that_is_behind_is_no_reason_or_is_named_with_both_times() {
    let (_server, person) = joined();
    let run = |behind: &str| {
        let mut command = Command::new("faketime");
        command.args(["-f", behind]).arg(program("vestry")).arg("status");
        command.env("XDG_CONFIG_HOME", person.home().join("config"));
        command.env("XDG_STATE_HOME", person.home().join("state"));
        command.env("XDG_RUNTIME_DIR", person.home().join("run")).stdin(Stdio::null());
        let ran = command.output().ok()?;
        Some((ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned()))
    };
    let Some((code, said)) = run("-1d") else { return println!("faketime is missing; this is not tried") };
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run("-9d").expect("it was there");
    assert_eq!(code, Some(76), "{said}");
    assert!(said.contains("its certificate is not valid yet"), "{said}");
    let times = said.lines().find(|line| line.contains("The certificate begins at 20"));
    assert!(times.is_some_and(|line| line.contains("; here it is 20")), "{said}");
}
