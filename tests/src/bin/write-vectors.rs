//! Writes the golden vectors that are in the table but not on disk. It never overwrites one: a file whose bytes
//! no longer fit is a broken promise, which the tests report, and not something to write anew. What is new of the user port
//! goes on the list of what is frozen.

use std::io::{Write, stdout};
use vestry_tests::vectors;

fn main() -> std::io::Result<()> {
    let written = vectors::write_missing(&vectors::root())?;
    let mut out = stdout().lock();
    for name in &written {
        writeln!(out, "wrote {name}.json")?;
    }
    for name in vectors::frozen::append_missing()? {
        writeln!(out, "froze {name}")?;
    }
    writeln!(out, "{} written, {} in the table", written.len(), vectors::table().len())
}
