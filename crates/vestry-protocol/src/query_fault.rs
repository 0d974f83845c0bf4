//! Where and what is wrong in a statement or a condition that an operator typed, for a program that points at it.

use crate::codec::Numbered;
use crate::item::Open;
use serde::{Deserialize, Serialize};

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryFault {
    /// What is meant by `word`.
    pub kind: Open<FaultKind>,
    /// The word as it was typed, where it is one word. Escape it before printing.
    pub word: Option<String>,
    /// Where it begins: bytes of UTF-8 from the begin of the statement or the condition, which may be its length when
    /// something is missing at its end. Absent when it stands elsewhere, as a column to sort by.
    pub at: Option<u64>,
}

/// What is wrong in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// Something that the sentence of the refusal says.
    Other,
    /// No column has this name.
    Column,
    /// No view has this name.
    View,
    /// No function that runs here has this name.
    Function,
    /// The statement is not SQL from this word on.
    Syntax,
}

impl Numbered for FaultKind {
    const KNOWN: u32 = 5;
}
