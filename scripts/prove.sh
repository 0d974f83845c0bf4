#!/usr/bin/env bash
# The long proofs, for a release or a change of the store: minutes to hours, where scripts/test.sh takes seconds.
#   durability  kill -9 under writes, 200 times, with a ledger of what was acknowledged (short form: 8 times)
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --workspace --locked
VESTRY_KILL_ROUNDS="${VESTRY_KILL_ROUNDS:-200}" \
  cargo test --locked -p vestry-tests --test vestry -- --nocapture sec_0017
