//! The small parts, each by itself.

fn main() {
    divan::main();
}
