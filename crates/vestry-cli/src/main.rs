//! `vestry`: what was typed becomes calls to a server, and their answers become text or JSON.
//!
//! It never decides what an account may do; the server does. It holds no password longer than one call needs it,
//! and takes none from its arguments or its environment.
//!
//! Its modules, from the ground up; each imports only from those above it in this table:
//!
//! | module | holds |
//! |---|---|
//! | [`servers`] | the servers that were joined, and their pins |
//! | [`failure`] | what went wrong |
//! | [`advice`] | what a person does next |
//! | [`exit`] | which exit code a failure has |
//! | [`output`] | answers on stdout, talk on stderr |
//! | [`done`] | what a server has done, whatever could not be kept of it |
//! | [`passphrase`] | a passphrase to offer for a new password |
//! | [`pasted`] | a join string in what was copied |
//! | [`target`] | which server is meant, and whom to trust |
//! | [`completion`] | what a shell completes of it |
//! | [`cli`] | what can be typed |
//! | [`manual`] | what its manual pages say beside that |
//! | [`secrets`] | where passwords come from |
//! | [`link`] | a connection that is made anew when it is gone |
//! | [`context`] | what every command works with |
//! | [`new_password`] | asking for a new password until it is strong enough |
//! | [`session_link`] | a link that is logged in |
//! | [`commands`] | what each command does |
//! | [`menu`] | the menu of a terminal |
//! | [`program`] | from what was typed to an exit code |

mod advice;
mod cli;
mod commands;
mod completion;
mod context;
mod done;
mod exit;
mod failure;
mod link;
mod manual;
mod menu;
mod new_password;
mod output;
mod passphrase;
mod pasted;
mod program;
mod secrets;
mod servers;
mod session_link;
mod target;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run_from_environment()
}
