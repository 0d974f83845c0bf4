//! `vestryctl`: the operator's console. What was typed becomes calls to the admin port, and their answers become
//! tables, lists or JSON.
//!
//! It decides nothing about accounts or queries; the server does. It never opens the database, and holds no secret
//! but the operator's key while it connects, and a one-time code while it prints it.
//!
//! Its modules, from the ground up; each imports only from those above it in this table:
//!
//! | module | holds |
//! |---|---|
//! | [`until`] | times as people type them |
//! | [`progress`] | how far it has come |
//! | [`formula`] | text that a spreadsheet would run |
//! | [`reader`] | files of accounts, read a row at a time |
//! | [`bad_rows`] | the rows that an import leaves out, to be mended |
//! | [`render`] | how rows are written |
//! | [`sql`] | what a statement is made of, and the nearest of some words |
//! | [`select`] | what may come at a place in a select |
//! | [`completion`] | what a shell completes of it |
//! | [`cli`] | what can be typed |
//! | [`manual`] | what its manual pages say beside that |
//! | [`settings`] | where the server is, and the files that prove who asks |
//! | [`excerpt`] | parts of a text that fit on a line |
//! | [`mistake`] | where a statement is wrong, and what was meant |
//! | [`failure`] | what went wrong, and what to do |
//! | [`interrupt`] | Ctrl-C while something is under way |
//! | [`done`] | what a call changed, which has to be said |
//! | [`exit`] | which exit code a failure has |
//! | [`output`] | answers to stdout, talk to stderr |
//! | [`record`] | one thing with named fields |
//! | [`console`] | the connection: one answer, or a stream of rows |
//! | [`context`] | what every command works with |
//! | [`qr`] | a one-time code as a picture |
//! | [`statement`] | where a statement ends |
//! | [`words`] | words of a line, as a shell cuts and quotes them |
//! | [`commands`] | what each command does |
//! | [`prompt`] | the prompt of a terminal, and what its Tab key knows |
//! | [`program`] | from what was typed to an exit code |

mod bad_rows;
mod cli;
mod commands;
mod completion;
mod console;
mod context;
mod done;
mod excerpt;
mod exit;
mod failure;
mod formula;
mod interrupt;
mod manual;
mod mistake;
mod output;
mod program;
mod progress;
mod prompt;
mod qr;
mod reader;
mod record;
mod render;
mod select;
mod settings;
mod sql;
mod statement;
mod until;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run_from_environment()
}
