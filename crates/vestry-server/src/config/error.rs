//! What is said of a configuration that cannot be used: file, line, setting, and what to write instead.

use std::path::{Path, PathBuf};
use thiserror::Error;
use vestry_protocol::escape::Escaped;

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {}: {cause}", shown(.path))]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is not TOML, or has a key or a value that cannot be used.
    #[error("{}, line {line}: {problem}", shown(.path))]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// The line, from 1 on.
        line: usize,
        /// What is wrong there and what to write, on one line.
        problem: String,
    },
    /// A flag of the command line has a value that cannot be used.
    #[error("{flag} cannot be {value}; use {range}")]
    Flag {
        /// Which flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        range: &'static str,
    },
}

fn shown(path: &Path) -> String {
    Escaped(&path.display().to_string()).to_string()
}
