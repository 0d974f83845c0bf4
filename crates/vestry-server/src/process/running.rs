//! What a running server writes into its data directory, so that `vestryctl` finds it there: `vestryd.running`.
//!
//! ```text
//! admin = "127.0.0.1:7444"       where it listens for operators
//! certs_dir = "/etc/vestry/pki"  where their certificates are
//! pid = 4711
//! lock = "64769:1311"            device and inode of vestryd.lock: a copy of the folder is no running server
//! ```
//!
//! The file goes when the server stops. One that a killed server left names an address where nobody listens; whoever listens
//! there instead has to prove the CA's key to `vestryctl`, as always.

use crate::data_dir::DataDir;
use serde::Deserialize;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use vestry_tls::private_file;

#[derive(Debug, Deserialize)]
struct Written {
    pid: u32,
}

/// The file of a running server; it goes with this value.
#[derive(Debug)]
pub struct Announcement {
    file: PathBuf,
    is_written: bool,
}

impl Announcement {
    /// Writes the file. Without it, operators have to name the address; that is no reason not to serve.
    pub fn write(data_dir: &DataDir, admin: SocketAddr, certs_dir: &Path) -> Self {
        let file = data_dir.running_file();
        let written = data_dir.lock_file().metadata().and_then(|lock| {
            let text = format!(
                "admin = \"{admin}\"\ncerts_dir = {}\npid = {}\nlock = \"{}:{}\"\n",
                toml::Value::String(certs_dir.to_string_lossy().into_owned()),
                std::process::id(),
                lock.dev(),
                lock.ino()
            );
            private_file::replace(&file, text.as_bytes()).map_err(io::Error::other)
        });
        let is_written = written.is_ok();
        if let Err(error) = written {
            // What an earlier server left would lead astray.
            let _ = std::fs::remove_file(&file);
            tracing::warn!(%error, "vestryctl does not find this server by its data directory; name the port with --admin {admin}");
        }
        Self { file, is_written }
    }

    /// Whether operators find the server without being told its address.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.is_written
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // Where it cannot be removed, it names an address where nobody listens.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// How to have a running server read its settings and certificates again; `None` when none runs.
#[must_use]
pub fn how_to_reload(data_dir: &DataDir) -> Option<String> {
    if !data_dir.is_in_use() {
        return None;
    }
    let text = std::fs::read_to_string(data_dir.running_file()).ok();
    let written: Option<Written> = text.and_then(|text| toml::from_str(&text).ok());
    Some(written.map_or_else(|| "send it SIGHUP".to_owned(), |written| format!("kill -HUP {}", written.pid)))
}
