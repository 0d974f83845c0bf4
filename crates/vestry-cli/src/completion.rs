//! What a shell completes: servers that were joined, and one's own sessions and devices, for which the server is asked for a second
//! at most. It asks nobody, changes no file, and says nothing when something fails.

use crate::output::show_id;
use crate::servers::joined;
use crate::target::{Named, Target};
use std::env::{args_os, temp_dir, var, var_os};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;
use vestry_client::Client;
use vestry_client::state::Folders;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::escape::Escaped;
use vestry_terminal::pages::CompletionCandidate;

/// Whoever presses Tab waits no longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Returns the servers that were joined.
pub(crate) fn servers() -> Vec<CompletionCandidate> {
    joined(&folders()).pins.keys().map(|server| CompletionCandidate::new(server.to_string())).collect()
}

/// Returns one's open sessions, with what tells one from another.
pub(crate) fn sessions() -> Vec<CompletionCandidate> {
    let listed = ask(async |client| client.sessions().await.ok());
    let sessions = listed.into_iter().flatten();
    sessions.map(|session| candidate(session.id, &session.device, rfc3339(session.last_used))).collect()
}

/// Returns the devices that are remembered for one's account.
pub(crate) fn devices() -> Vec<CompletionCandidate> {
    let listed = ask(async |client| client.devices().await.ok());
    let devices = listed.into_iter().flatten();
    devices.map(|device| candidate(device.id, &device.device, rfc3339(device.last_used))).collect()
}

fn candidate(id: u64, device: &str, last_used: Option<String>) -> CompletionCandidate {
    let help = format!("{}, {}", Escaped(device), last_used.unwrap_or_default());
    CompletionCandidate::new(show_id(id)).help(Some(help.into()))
}

fn folders() -> Folders {
    Folders::from_environment(|name| var_os(name), temp_dir())
}

/// Asks the server with the session that is kept for it.
fn ask<T>(question: impl AsyncFnOnce(&mut Client) -> Option<T>) -> Option<T> {
    let folders = folders();
    let typed =
        |option: &str, variable: &str| given(option).or_else(|| var(variable).ok().filter(|v| !v.is_empty()));
    let (server, ca) = (typed("--server", "VESTRY_SERVER"), typed("--ca", "VESTRY_CA").map(PathBuf::from));
    let pin = given("--pin").map(|pin| pin.parse()).transpose().ok()?;
    let named = Named { server: server.as_deref(), pin, ca: ca.as_deref() };
    let target = Target::find(named, || Ok(joined(&folders))).ok()?;
    let token = target.sessions(&folders).glance()?.token;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async {
        let asked = async {
            let mut client = Client::connect(&target.address, target.tls()).await.ok()?;
            client.resume(&token).await.ok()?;
            question(&mut client).await
        };
        timeout(PATIENCE, asked).await.ok().flatten()
    });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    answer
}

/// Returns what the line that is completed has for an option.
fn given(option: &str) -> Option<String> {
    let words: Vec<String> = args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let behind = words.iter().position(|word| word == option).and_then(|at| words.get(at + 1).cloned());
    behind.or_else(|| {
        words.iter().find_map(|word| word.strip_prefix(option)?.strip_prefix('=').map(str::to_owned))
    })
}
