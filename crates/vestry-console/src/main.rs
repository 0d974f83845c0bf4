//! `vestryctl`: the operator's console. What was typed becomes calls to the admin port, and their answers become
//! tables, lists or JSON.
//!
//! It decides nothing about accounts or queries; the server does. It never opens the database, and holds no secret
//! but the operator's key while it connects, and a one-time code while it prints it.
//!
//! | room | holds |
//! |---|---|
//! | [`cli`] | what can be typed |
//! | [`settings`] | where the server is, and the files that prove who asks |
//! | [`console`] | the connection: one answer, or a stream of rows |
//! | [`context`] | what every command works with |
//! | [`commands`] | what each command does |
//! | [`prompt`] | the prompt of a terminal, and how statements end |
//! | [`render`] | how rows are written |
//! | [`reader`] | files of accounts, read a row at a time |
//! | [`bad_rows`] | the rows that an import leaves out, to be mended |
//! | [`formula`] | text that a spreadsheet would run |
//! | [`record`] | one thing with named fields |
//! | [`output`], [`progress`] | answers to stdout, talk to stderr, and how far it has come |
//! | [`until`] | times as people type them |
//! | [`failure`], [`exit`] | what went wrong, what to do, and the exit code |

mod bad_rows;
mod cli;
mod commands;
mod console;
mod context;
mod exit;
mod failure;
mod formula;
mod output;
mod program;
mod progress;
mod prompt;
mod qr;
mod reader;
mod record;
mod render;
mod settings;
mod until;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run_from_environment()
}
