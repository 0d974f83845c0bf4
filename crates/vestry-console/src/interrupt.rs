//! Ctrl-C while something is under way.

use crate::failure::Failure;
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};
use vestry_terminal::Signal;
use vestry_terminal::signals::{Watch, is_interrupted};

/// Ctrl-C is listened to while this is held, and ends the program otherwise.
pub(crate) struct Interrupt {
    listener: Listener,
    _watch: Watch,
}

impl Interrupt {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Terminal(error.to_string());
        // First, so that it hears all that the watch notes.
        let listener = signal(SignalKind::interrupt()).map_err(failed)?;
        Ok(Self { listener, _watch: Watch::over(&[Signal::INT]).map_err(failed)? })
    }

    /// Waits for Ctrl-C.
    pub(crate) async fn pressed(&mut self) {
        // A listener is told of a signal that came before it, too: it was meant for what ran then.
        while self.listener.recv().await.is_some() && !is_interrupted() {}
    }
}
