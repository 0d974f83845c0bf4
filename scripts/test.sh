#!/usr/bin/env bash
# The one door: formats, lints, builds, tests, builds the documentation, and fails when the tree is dirty.
# Needs a Rust toolchain and a C compiler; python3, openssl, tmux, Node 20 and npm make more of the tests run.
# What it leaves out (other scripts, fuzz targets, benchmarks) is run in small by scripts/smoke.sh; the long proofs (200
# kills, bigger crowds) are in scripts/prove.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n==> %s\n' "$*"; }
need() { command -v "$1" >/dev/null || { echo "test.sh: $1 is missing: $2" >&2; exit 1; }; }
need cargo "install Rust from https://rustup.rs"
need cc "install a C compiler (Debian: apt-get install gcc)"
cargo fmt --version >/dev/null 2>&1 || { echo "test.sh: rustfmt is missing: rustup component add rustfmt" >&2; exit 1; }
cargo clippy --version >/dev/null 2>&1 || { echo "test.sh: clippy is missing: rustup component add clippy" >&2; exit 1; }

say "format"
cargo fmt --all

say "the lock file of the fuzz targets"
cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null || {
  echo "test.sh: fuzz/Cargo.lock is behind the crates; run: cargo update --workspace --manifest-path fuzz/Cargo.toml" >&2
  exit 1
}

say "packages of the client in JavaScript"
if command -v npm >/dev/null; then
  (cd tests/javascript && npm ci --no-audit --no-fund) ||
    echo "npm could not fetch its packages; the tests of the client in JavaScript are left out"
else
  echo "npm is not installed; the tests of the client in JavaScript are left out"
fi

say "build the programs"
cargo build --workspace --locked

say "tests"
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --workspace --locked --no-fail-fast
  # The examples in the documentation of the library, which nextest leaves out.
  cargo test --locked --doc --package vestry-client
else
  echo "cargo-nextest is not installed; cargo test does the same, slower"
  cargo test --workspace --locked
fi

say "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

if command -v shellcheck >/dev/null; then
  say "shell scripts"
  shellcheck scripts/*.sh .ci/run
else
  echo "shellcheck is not installed; the shell scripts were not linted"
fi

say "Python"
scripts/ruff.sh

say "commits"
scripts/commits.sh

say "is the tree clean?"
scripts/clean-tree.sh
say "all good"
