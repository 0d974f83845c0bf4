//! Every end-to-end test, in one binary. A test's name is its claim; `sec_NNNN_…` is a security regression with
//! its line in SECURITY.md, and is never deleted.

// The user port, through the typed client and raw bytes.
mod accounts;
mod advice;
mod answers;
mod devices;
mod gate;
mod histories;
mod inside;
mod listen;
mod opaque;
mod sessions;
mod throttle;
mod time;
mod timing;
mod wire;
// The admin port.
mod admin;
mod audit;
mod import;
mod logs;
mod office;
mod operator_files;
mod operator_words;
mod settings;
// What happens to everybody when one peer, the disk or the power fails.
mod backup;
mod canary;
mod crowd;
mod durability;
mod faults;
mod first_minute;
mod machine;
mod rotation;
mod siege;
// The programs as a person uses them, and the one that measures them.
mod bench;
mod commands;
mod completion;
mod dead_ends;
mod drill;
mod exits;
mod hidden;
mod manuals;
mod memory;
mod names;
mod network;
mod owners;
mod processes;
mod programs;
mod prompt;
mod prompt_help;
// The documents and the structure that they promise, and clients that others wrote from them.
mod documents;
mod languages;
mod vectors;
