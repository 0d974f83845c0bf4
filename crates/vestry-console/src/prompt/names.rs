//! Names of accounts for the Tab key, asked of the server over a connection of their own, so that a server which is slow to answer
//! costs no command its connection.

use crate::console::Console;
use crate::failure::Failure;
use crate::settings::Settings;
use std::cell::RefCell;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use vestry_client::admin::CompletedNames;

/// A key that does nothing for longer feels stuck.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);

/// How long nothing is asked behind an answer that did not come.
const LEFT_ALONE: Duration = Duration::from_secs(10);

/// Asks for names.
pub(super) struct Names<'r> {
    runtime: &'r Runtime,
    state: RefCell<State>,
}

struct State {
    console: Console,
    silent_since: Option<Instant>,
}

impl<'r> Names<'r> {
    /// Of this server; nothing is asked yet.
    pub(super) fn new(runtime: &'r Runtime, settings: &Settings) -> Self {
        let state = State { console: Console::with(settings.clone()), silent_since: None };
        Self { runtime, state: RefCell::new(state) }
    }

    /// Returns names that begin so; none when the server does not answer at once, or refuses.
    pub(super) fn beginning(&self, prefix: &str) -> CompletedNames {
        let none = CompletedNames { names: Vec::new(), has_more: false };
        let Ok(mut state) = self.state.try_borrow_mut() else { return none };
        let State { console, silent_since } = &mut *state;
        if silent_since.is_some_and(|since| since.elapsed() < LEFT_ALONE) {
            return none;
        }
        let asked = self.runtime.block_on(async { timeout(ANSWER_WITHIN, ask(console, prefix)).await });
        match asked {
            Ok(Ok(names)) => names,
            Ok(Err(_)) | Err(_) => {
                console.disconnect();
                *silent_since = Some(Instant::now());
                none
            }
        }
    }
}

/// A connection that was left alone for long has been closed, which may be found out only by asking.
async fn ask(console: &mut Console, prefix: &str) -> Result<CompletedNames, Failure> {
    let had_one = console.is_connected();
    let asked = console.read(async |client| client.complete_name(prefix).await).await;
    match asked {
        Err(Failure::Wire { .. }) if had_one => {
            console.disconnect();
            console.read(async |client| client.complete_name(prefix).await).await
        }
        asked => asked,
    }
}
