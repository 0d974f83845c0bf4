//! What every command works with: the connection, where to write, and in which form.

use crate::cli::FormOptions;
use crate::console::Console;
use crate::output::Output;
use std::time::{SystemTime, UNIX_EPOCH};
use vestry_protocol::UnixSeconds;

/// What every command works with.
pub(crate) struct Context {
    pub(crate) console: Console,
    pub(crate) output: Output,
    pub(crate) form: FormOptions,
    /// What was typed, to say how to go on.
    pub(crate) words: Vec<String>,
    /// Whether that was at the prompt, where `next` goes on.
    pub(crate) at_prompt: bool,
    /// The command that shows the page behind the one that was shown last.
    pub(crate) next_page: Option<Vec<String>>,
}

/// Returns the time by the clock of this machine. The one place that reads it.
#[expect(
    clippy::disallowed_methods,
    reason = "a span like 7d counts from when it was typed; everything below takes the time"
)]
pub(crate) fn now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixSeconds::from_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
