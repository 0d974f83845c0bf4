//! What a program for one person runs its calls on.

use std::io;
use tokio::runtime::{Builder, Runtime};

/// Does all of a program's work on one thread, and leaves to itself what still runs elsewhere when that is done: the look-up of a name
/// cannot be broken off, and a program that has said how it went ends at once.
///
/// # Errors
/// When the system lends no descriptors for it.
pub fn on_one_thread<T>(work: impl FnOnce(&Runtime) -> T) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let done = work(&runtime);
    runtime.shutdown_background();
    Ok(done)
}
