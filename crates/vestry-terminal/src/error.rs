//! Why a person could not be asked.

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
    /// Ctrl-C.
    #[error("interrupted; nothing was done")]
    Interrupted,
    /// The system refused.
    #[error("the terminal could not be used: {0}")]
    Terminal(#[from] io::Error),
}
