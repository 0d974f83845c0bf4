//! The files of a user: the list of servers and a session. What is read means the same when it is written and read
//! again; a damaged file is told without showing what is in it.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;
use vestry_client::state::{Folders, Sessions};
use vestry_fuzz::{has_control, scratch};
use vestry_protocol::Pin;
use vestry_tls::private_file;

#[path = "../../crates/vestry-cli/src/servers.rs"]
#[allow(dead_code, reason = "the program's, of which this is a part")]
mod servers;

use servers::{read_servers, write_servers};

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
            write_servers(folders(), &known).expect("it can be written");
            assert_eq!(read_servers(folders()).expect("our own file is read"), known);
        }
        Err(error) => assert!(!has_control(&error.to_string()), "{error}"),
    }
}

fn session(bytes: &[u8]) {
    let kept = Sessions::of(folders(), &"localhost:7443".parse().expect("an address"), Pin([7; 32]));
    let name = format!("localhost_7443-{}.session", "07".repeat(32));
    put(folders().runtime().expect("there is a folder").join(name), bytes);
    match kept.load() {
        Ok(Some(session)) => {
            kept.save(&session).expect("it can be written");
            let again = kept.load().expect("our own file is read").expect("it is there");
            assert_eq!(again.name, session.name);
            assert_eq!(again.token.expose_secret(), session.token.expose_secret());
        }
        Ok(None) => panic!("the file is there"),
        Err(error) => assert!(!has_control(&error.to_string()), "{error}"),
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
