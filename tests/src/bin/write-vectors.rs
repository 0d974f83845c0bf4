//! Writes the golden vectors that are in the table but not on disk. It never overwrites one: a file whose bytes
//! no longer fit is a broken promise, which the tests report, and not something to write anew.

use std::io::{Write, stdout};
use vestry_tests::vectors;

fn main() -> std::io::Result<()> {
    let written = vectors::write_missing(&vectors::root())?;
    let mut out = stdout().lock();
    for name in &written {
        writeln!(out, "wrote {name}.json")?;
    }
    writeln!(out, "{} written, {} in the table", written.len(), vectors::table().len())
}
