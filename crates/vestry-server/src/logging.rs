//! The log: one line an event, on standard error.
//!
//! A line that cannot be written is lost, and nothing else happens: the log may share a full disk with the register, and
//! its reader may be gone. The subscriber's own way to tell of a failed write is `eprintln!`, which panics when
//! standard error is what failed, on whichever thread logged: the writer of the register among them. So a write here
//! never fails, and the subscriber is told to keep its own errors to itself.

use std::io::{self, Write};
use tracing_subscriber::fmt::MakeWriter;

/// Begins to log, at the level of `VESTRY_LOG` (`debug`, `info`, `warn`; default `info`).
pub fn start() {
    let level = match std::env::var("VESTRY_LOG").as_deref() {
        Ok("debug") => tracing::Level::DEBUG,
        Ok("warn") => tracing::Level::WARN,
        _ => tracing::Level::INFO,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_target(false)
        .log_internal_errors(false)
        .with_writer(Unfailing(io::stderr));
    // A second subscriber (in a test) is no reason to stop.
    let _ = subscriber.try_init();
}

/// Writes to what it makes, and says that it did, whatever became of it.
#[derive(Clone, Copy)]
struct Unfailing<M>(M);

impl<'a, W: Write, M: Fn() -> W> MakeWriter<'a> for Unfailing<M> {
    type Writer = UnfailingWrite<W>;

    fn make_writer(&'a self) -> Self::Writer {
        UnfailingWrite((self.0)())
    }
}

struct UnfailingWrite<W>(W);

impl<W: Write> Write for UnfailingWrite<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing;

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn a_write_that_fails_is_told_to_nobody() {
        let mut writer = Unfailing(|| Failing).make_writer();
        assert_eq!(writer.write(b"a line\n").unwrap(), 7);
        writer.write_all(b"a line\n").unwrap();
        writer.flush().unwrap();
    }
}
