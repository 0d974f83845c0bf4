//! What a program for one person runs its calls on.

use std::fs::File;
use std::io;
use tokio::runtime::{Builder, Runtime};

/// What the runtime, a connection and the files of a user take together, and some more.
const DESCRIPTORS: usize = 16;

/// Does all of a program's work on one thread, and leaves to itself what still runs elsewhere when that is done: the look-up of a name
/// cannot be broken off, and a program that has said how it went ends at once.
///
/// # Errors
/// When the system does not lend as many descriptors as a call takes; nothing was done then.
pub fn on_one_thread<T>(work: impl FnOnce(&Runtime) -> T) -> io::Result<T> {
    // The runtime panics when it gets some and not all, and what is asked of a person would be lost.
    (0..DESCRIPTORS).map(|_| File::open("/dev/null")).collect::<io::Result<Vec<_>>>()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let done = work(&runtime);
    runtime.shutdown_background();
    Ok(done)
}
