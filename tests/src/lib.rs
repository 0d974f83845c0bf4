//! What the end-to-end tests share: a server of their own on port 0 with its own folder and PKI, the programs as
//! a person drives them, the clients in other languages, and the golden vectors. Nothing here asserts what Vestry does: the cases do.

pub mod harness;
pub mod imported;
pub mod imports;
pub mod languages;
pub mod light;
pub mod played;
pub mod programs;
pub mod talk;
pub mod vectors;
