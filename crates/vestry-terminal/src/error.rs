//! Why a person could not be asked.

use crate::signals::Signal;
use std::io;
use thiserror::Error;

/// Why a person could not be asked, or did not answer.
#[derive(Debug, Error)]
pub enum PromptError {
    /// There is no terminal to ask for this on, or asking was forbidden.
    #[error("{0} is needed, and there is no terminal to ask on")]
    NoTerminal(&'static str),
    /// The input ended.
    #[error("the input ended before everything was answered; nothing was done")]
    InputEnded,
    /// A signal arrived that ends this program, Ctrl-C's as a rule. The terminal is as it was; what is left is
    /// [`Signal::act`].
    #[error("interrupted; nothing was done")]
    Signal(Signal),
    /// The system refused.
    #[error("the terminal could not be used: {0}")]
    Terminal(#[from] io::Error),
}
