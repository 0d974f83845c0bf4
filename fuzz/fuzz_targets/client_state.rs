//! The files of a user: the list of servers and a session. A server that is joined leaves what was known of the others, and a session
//! that is kept comes back; a damaged file is told without showing what is in it, and a damaged session is set aside.
#![no_main]

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use vestry_client::Address;
use vestry_client::state::{Folders, Lifetime, SessionKept, Sessions};
use vestry_fuzz::{has_control, scratch};
use vestry_protocol::Pin;
use vestry_tls::private_file;

#[path = "../../crates/vestry-cli/src/servers.rs"]
#[allow(dead_code, reason = "the program's, of which this is a part")]
mod servers;

use servers::{KnownServers, ServersError, join_server, read_servers};

libfuzzer_sys::fuzz_target!(|input: (bool, &[u8])| {
    match input {
        (true, bytes) => list_of_servers(bytes),
        (false, bytes) => session(bytes),
    }
});

fn list_of_servers(bytes: &[u8]) {
    let config = folders().config().expect("there is a home");
    put(config.join("servers.toml"), bytes);
    // What is said of a list that is set aside has a line for each thing.
    let say = |said: &dyn fmt::Display| assert!(!said.to_string().lines().any(has_control), "{said}");
    let quiet = |said: &dyn fmt::Display| panic!("{said}");
    let known = read_servers(folders(), say).expect("a file of our own");
    let (joined, pin): (Address, _) = ("localhost:7443".parse().expect("an address"), Pin([9; 32]));
    let allow = |_: &KnownServers| Ok::<(), ServersError>(());
    join_server(folders(), &joined, pin, allow, quiet).expect("it can be written");
    let now = read_servers(folders(), quiet).expect("our own file is read");
    assert_eq!((now.pin_of(&joined), now.default_server()), (Some(pin), Some(&joined)));
    if let Some(other) = known.default_server().filter(|other| **other != joined) {
        assert_eq!(now.pin_of(other), known.pin_of(other));
    }
    tidy(&config);
}

fn session(bytes: &[u8]) {
    let kept = Sessions::of(folders(), &"localhost:7443".parse().expect("an address"), Pin([7; 32]));
    let name = format!("localhost_7443-{}.session", "07".repeat(32));
    let folder = folders().runtime().expect("there is a folder");
    put(folder.join(name), bytes);
    let mut set_aside = false;
    let loaded = kept.load(|damaged| {
        assert!(!has_control(&damaged.to_string()), "{damaged}");
        set_aside = true;
    });
    let (session, read) = loaded.expect("a private file of our own");
    assert_eq!(session.is_none(), set_aside);
    tidy(&folder);
    let place = kept.reserve(Lifetime::Login).expect("there is a folder");
    let Some(session) = session else { return };
    let kept_again = place.keep(&session.name, &session.token, &read).expect("it can be written");
    assert!(matches!(kept_again, SessionKept::Made(_)));
    let (again, _) = kept.load(|damaged| panic!("{damaged}")).expect("our own file is read");
    let again = again.expect("it is there");
    assert_eq!(again.name, session.name);
    assert_eq!(again.token.expose_secret(), session.token.expose_secret());
}

/// Removes what was set aside: each name is taken once.
fn tidy(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("our own folder").flatten() {
        if entry.file_name().to_string_lossy().contains(".damaged") {
            std::fs::remove_file(entry.path()).expect("our own file");
        }
    }
}

fn put(path: PathBuf, bytes: &[u8]) {
    private_file::create_dir(path.parent().expect("it is in a folder")).expect("a folder can be made");
    private_file::replace(&path, bytes).expect("a file can be written");
}

fn folders() -> &'static Folders {
    static FOLDERS: OnceLock<Folders> = OnceLock::new();
    FOLDERS.get_or_init(|| {
        let home = scratch::folder().path();
        let variable = |name: &str| match name {
            "HOME" => Some(home.into()),
            "XDG_RUNTIME_DIR" => Some(home.join("run").into()),
            _ => None,
        };
        Folders::from_environment(variable, home.join("tmp"))
    })
}
