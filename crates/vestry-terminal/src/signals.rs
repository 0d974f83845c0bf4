//! Signals while something has to be put right first: a terminal that hides what is typed, an answer under way.
//!
//! While a [`Watch`] is held, SIGTSTP, SIGCONT and the signals that would end this program are noted and do nothing else.
//! Otherwise each does what it does by default. A signal that was ignored from the start, as under `nohup`, stays ignored.

use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGXCPU,
};
use signal_hook::{flag, low_level};
use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A signal that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(i32);

impl Signal {
    /// Ctrl-C.
    pub const INT: Self = Self(SIGINT);
    /// By which a service manager or `timeout` ends a program.
    pub const TERM: Self = Self(SIGTERM);
    /// Ctrl-Z.
    pub(crate) const TSTP: Self = Self(SIGTSTP);
    /// What goes on after a stop.
    pub(crate) const CONT: Self = Self(SIGCONT);

    pub(crate) const ALL: [Self; 12] = [
        Self::CONT,
        Self::TSTP,
        Self::INT,
        Self(SIGHUP),
        Self(SIGQUIT),
        Self::TERM,
        Self(SIGALRM),
        Self(SIGPROF),
        Self(SIGUSR1),
        Self(SIGUSR2),
        Self(SIGVTALRM),
        Self(SIGXCPU),
    ];

    /// Does what the signal does by default: it stops this program, and returns when it goes on, or ends it. Returns the exit
    /// code of a shell for a program that the signal ended, for the case that it could not.
    #[must_use]
    pub fn act(self) -> ExitCode {
        // What fails here fails for a signal that the library does not know; those above it knows.
        let _ = low_level::emulate_default_handler(self.0);
        ExitCode::from(u8::try_from(128 + self.0).unwrap_or(u8::MAX))
    }
}

/// A signal with what its handler does.
struct Handler {
    signal: Signal,
    /// Whether it does what it does by default, which is when nobody watches.
    is_default: Arc<AtomicBool>,
    has_arrived: Arc<AtomicBool>,
    watches: Mutex<u32>,
}

struct Handlers {
    all: Vec<Handler>,
    /// Has a byte when a signal arrived.
    woken: UnixStream,
}

/// Set up when they are needed first, and for as long as the program runs: a handler that is taken away leaves a signal
/// that does nothing.
static HANDLERS: OnceLock<Result<Handlers, io::ErrorKind>> = OnceLock::new();

impl Handlers {
    fn set_up() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
        let (woken, wakes) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        let mut all = Vec::new();
        for signal in Signal::ALL.into_iter().filter(|signal| ignored & (1 << (signal.0 - 1)) == 0) {
            let (is_default, has_arrived) =
                (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
            // In this order they run.
            flag::register_conditional_default(signal.0, is_default.clone())?;
            flag::register(signal.0, has_arrived.clone())?;
            low_level::pipe::register(signal.0, wakes.try_clone()?)?;
            all.push(Handler { signal, is_default, has_arrived, watches: Mutex::new(0) });
        }
        Ok(Self { all, woken })
    }
}

/// Whether Ctrl-C was typed under the watch that is held over it, if one is.
#[must_use]
pub fn is_interrupted() -> bool {
    // Not set up for the question alone.
    let Some(Ok(handlers)) = HANDLERS.get() else { return false };
    handlers.all.iter().any(|handler| {
        handler.signal == Signal::INT
            && !handler.is_default.load(Ordering::SeqCst)
            && handler.has_arrived.load(Ordering::SeqCst)
    })
}

/// While this is held, its signals are noted and do nothing else.
pub struct Watch {
    handlers: &'static Handlers,
    signals: &'static [Signal],
}

impl Watch {
    /// Watches for these, on behalf of whatever else of this program listens to them. What arrived before the first watch over
    /// them is forgotten.
    ///
    /// # Errors
    /// When the system lends no descriptors for it.
    pub fn over(signals: &'static [Signal]) -> io::Result<Self> {
        let handlers = HANDLERS.get_or_init(|| Handlers::set_up().map_err(|error| error.kind()));
        let handlers = handlers.as_ref().map_err(|kind| io::Error::from(*kind))?;
        let watch = Self { handlers, signals };
        watch.count(|watches| watches + 1);
        Ok(watch)
    }

    fn count(&self, change: impl Fn(u32) -> u32) {
        for handler in self.handlers.all.iter().filter(|handler| self.signals.contains(&handler.signal)) {
            let mut watches = handler.watches.lock().unwrap_or_else(PoisonError::into_inner);
            if *watches == 0 {
                handler.has_arrived.store(false, Ordering::SeqCst);
            }
            *watches = change(*watches);
            handler.is_default.store(*watches == 0, Ordering::SeqCst);
        }
    }

    /// Waits until the terminal has something to read, or a signal arrived, which is taken.
    pub(crate) fn wait_for_input(&self, terminal: impl AsFd) -> io::Result<Option<Signal>> {
        let Handlers { all, woken } = self.handlers;
        loop {
            if let Some(taken) = all.iter().find(|handler| handler.has_arrived.swap(false, Ordering::SeqCst))
            {
                return Ok(Some(taken.signal));
            }
            let mut ready = [PollFd::new(&terminal, PollFlags::IN), PollFd::new(woken, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let [has_input, was_woken] = ready.map(|fd| !fd.revents().is_empty());
            if was_woken {
                // One byte may stand for several signals, or for one that was taken already.
                let _ = Read::read(&mut &*woken, &mut [0; 64]);
            } else if has_input {
                return Ok(None);
            }
        }
    }

    /// Forgets that this program goes on after a stop.
    pub(crate) fn forget_continue(&self) {
        for handler in self.handlers.all.iter().filter(|handler| handler.signal == Signal::CONT) {
            handler.has_arrived.store(false, Ordering::SeqCst);
        }
    }

    /// Forgets what arrived.
    pub(crate) fn forget(&self) {
        while matches!(Read::read(&mut &self.handlers.woken, &mut [0; 64]), Ok(1..)) {}
        for handler in &self.handlers.all {
            handler.has_arrived.store(false, Ordering::SeqCst);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.count(|watches| watches - 1);
    }
}
