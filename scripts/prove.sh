#!/usr/bin/env bash
# The long proofs, for a release or a change of the store: minutes to hours, where scripts/test.sh takes seconds.
#   durability  kill -9 under writes, 200 times, with a ledger of what was acknowledged (short form: 8 times)
#   timing      2,000 tries of each kind: does the time of an answer tell who has an account? (short form: 150)
#   siege       2,000 slow peers around good logins, with figures (short form: 300)
#   tls         other people's scanners against both ports, and each of the assertions against a weak listener
#   fuzzing     every fuzz target, VESTRY_FUZZ_SECONDS each (default: 30); docs/FUZZING.md
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --workspace --locked
VESTRY_KILL_ROUNDS="${VESTRY_KILL_ROUNDS:-200}" \
  cargo test --locked -p vestry-tests --test vestry -- --nocapture sec_0017
VESTRY_TIMING_TRIES="${VESTRY_TIMING_TRIES:-2000}" \
  cargo test --locked -p vestry-tests --test vestry -- --nocapture sec_0035
VESTRY_SLOW_PEERS="${VESTRY_SLOW_PEERS:-2000}" \
  cargo test --locked -p vestry-tests --test vestry -- --nocapture sec_0055
scripts/check-tls.sh --self-test
scripts/check-tls.sh
scripts/fuzz.sh --seconds "${VESTRY_FUZZ_SECONDS:-30}"
