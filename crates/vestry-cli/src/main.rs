//! `vestry`: what was typed becomes calls to a server, and their answers become text or JSON.
//!
//! It never decides what an account may do; the server does. It holds no password longer than one call needs it,
//! and takes none from its arguments or its environment.
//!
//! | room | holds |
//! |---|---|
//! | [`program`] | from what was typed to an exit code |
//! | [`cli`] | what can be typed |
//! | [`commands`] | one file a command |
//! | [`menu`] | the menu of a terminal |
//! | [`context`] | what every command works with |
//! | [`target`], [`servers`] | which server is meant and whom to trust |
//! | [`link`] | a connection that is made anew when it is gone |
//! | [`session_link`] | a link that is logged in |
//! | [`secrets`], [`passphrase`], [`new_password`] | where passwords come from |
//! | [`output`] | answers on stdout, talk on stderr |
//! | [`failure`], [`exit`] | what went wrong, what to do, which exit code |

mod cli;
mod commands;
mod context;
mod exit;
mod failure;
mod link;
mod menu;
mod new_password;
mod output;
mod passphrase;
mod program;
mod secrets;
mod servers;
mod session_link;
mod target;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run_from_environment()
}
