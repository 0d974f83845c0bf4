#!/usr/bin/env bash
# What a login, a show, an update, an idle connection and a table of 100,000 accounts cost on this machine.
# Builds for release (some minutes the first time) and takes about a minute. Compare ratios, not machines.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked --workspace --bins
exec "${CARGO_TARGET_DIR:-target}/release/measure"
