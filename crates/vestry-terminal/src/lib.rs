//! The manners that `vestryd`, `vestry` and `vestryctl` share: how a run ends, where answers and talk go, how a person is
//! asked, where files are when nothing says so, and the pages that a program prints of itself.
//!
//! It knows no command and no failure of any program: each maps its own to what is here.
//!
//! Its modules, from the ground up; each imports only from those above it in this table:
//!
//! | module | holds |
//! |---|---|
//! | [`folders`] | where files are when nothing says so |
//! | [`fitted`] | text in lines that fit on the screen |
//! | [`colour`] | whether a program writes in colour |
//! | [`output`] | answers on stdout, talk on stderr |
//! | [`arguments`] | what was typed, and the environment in its place |
//! | [`exit`] | the exit codes, and what each says in each program, and which one a refusal has |
//! | [`pages`] | completion scripts and manual pages |
//! | [`signals`] | signals while something has to be put right first |
//! | `error` | why a person could not be asked |
//! | `terminal` | reading a line from the terminal, shown or hidden |
//! | [`prompt`] | asking a person |

pub mod arguments;
pub mod colour;
mod error;
pub mod exit;
pub mod fitted;
pub mod folders;
pub mod output;
pub mod pages;
pub mod prompt;
pub mod signals;
mod terminal;

pub use colour::{Colour, ColourArgs};
pub use error::PromptError;
pub use exit::Exit;
pub use folders::Surroundings;
pub use prompt::Prompt;
pub use signals::Signal;
