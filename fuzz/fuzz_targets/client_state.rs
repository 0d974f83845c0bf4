//! The files of a user: the list of servers and a session. A server that is joined leaves what was known of the others, and a session
//! that is kept comes back; a damaged file is told without showing what is in it, and a damaged session is set aside.
#![no_main]

use std::path::PathBuf;
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
    put(folders().config().expect("there is a home").join("servers.toml"), bytes);
    match read_servers(folders()) {
        Ok(known) => {
            let (joined, pin): (Address, _) = ("localhost:7443".parse().expect("an address"), Pin([9; 32]));
            let allow = |_: &KnownServers| Ok::<(), ServersError>(());
            join_server(folders(), &joined, pin, allow).expect("it can be written");
            let now = read_servers(folders()).expect("our own file is read");
            assert_eq!((now.pin_of(&joined), now.default_server()), (Some(pin), Some(&joined)));
            if let Some(other) = known.default_server().filter(|other| **other != joined) {
                assert_eq!(now.pin_of(other), known.pin_of(other));
            }
        }
        Err(error) => assert!(!has_control(&error.to_string()), "{error}"),
    }
}

fn session(bytes: &[u8]) {
    let kept = Sessions::of(folders(), &"localhost:7443".parse().expect("an address"), Pin([7; 32]));
    let name = format!("localhost_7443-{}.session", "07".repeat(32));
    put(folders().runtime().expect("there is a folder").join(name), bytes);
    let mut set_aside = false;
    let loaded = kept.load(|damaged| {
        assert!(!has_control(&damaged.to_string()), "{damaged}");
        set_aside = true;
    });
    let (session, read) = loaded.expect("a private file of our own");
    assert_eq!(session.is_none(), set_aside);
    let place = kept.reserve(Lifetime::Login).expect("there is a folder");
    let Some(session) = session else { return };
    let kept_again = place.keep(&session.name, &session.token, &read).expect("it can be written");
    assert!(matches!(kept_again, SessionKept::Made(_)));
    let (again, _) = kept.load(|damaged| panic!("{damaged}")).expect("our own file is read");
    let again = again.expect("it is there");
    assert_eq!(again.name, session.name);
    assert_eq!(again.token.expose_secret(), session.token.expose_secret());
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
