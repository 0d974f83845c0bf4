#!/usr/bin/env bash
# The long proofs, for a release or a change of the store: minutes to hours, where scripts/test.sh takes seconds. With
# --short, which scripts/smoke.sh runs, only a proof that each of them still can be run.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/prove.sh [--short]

  durability  kill -9 under writes, with a ledger of what was acknowledged      VESTRY_KILL_ROUNDS: 200, short 2
  machine     a disk that fills or turns read-only, clocks at 1970 and 400      VESTRY_MACHINE_ROUNDS: 10, short 1
              days ahead, kill -9, dead and stuck logs, 64 descriptors          VESTRY_MACHINE_SEED: the time, short 1
  timing      tries of each kind and call: does the time tell of an account?    VESTRY_TIMING_TRIES: 2,000, short 50
  siege       slow peers around good logins, with figures                       VESTRY_SLOW_PEERS: 2,000, short 100
  gate        every call against its limits, from 400 addresses                 VESTRY_CONNECTIONS_PER_ADDRESS: 5, short 1
              and as many guesses as a bot gets                                 VESTRY_BOT_SECONDS: 3,600, short 60
  tls         scanners of others against both ports, and each of the assertions against a weak listener
  screens     both clients in tmux: 80, 40 and 20 columns, three shells, a dumb terminal, su, a read-only home
  fuzzing     every fuzz target, docs/FUZZING.md; seconds of each               VESTRY_FUZZ_SECONDS: 30, short 2

  --short     the small numbers; goes on without scanners that cannot be installed, and without AddressSanitizer where
              the toolchain has none; fuzz targets are hardly optimised
TEXT
}

short=no
for word in "$@"; do
  case "$word" in
    --short) short=yes ;;
    --help | -h) usage; exit 0 ;;
    *) echo "prove: $word is not an option" >&2; usage >&2; exit 2 ;;
  esac
done

# The environment decides over both forms.
if [ $short = yes ]; then
  rounds=2 machine=1 seed=1 tries=50 peers=100 connections=1 bot=60 seconds=2 scans=(--lenient) fuzz=(--smoke)
else
  rounds=200 machine=10 seed=$(date +%s) tries=2000 peers=2000 connections=5 bot=3600 seconds=30 scans=() fuzz=(--sanitizer address)
fi
export VESTRY_MACHINE_ROUNDS="${VESTRY_MACHINE_ROUNDS:-$machine}" VESTRY_MACHINE_SEED="${VESTRY_MACHINE_SEED:-$seed}"
export VESTRY_KILL_ROUNDS="${VESTRY_KILL_ROUNDS:-$rounds}" VESTRY_TIMING_TRIES="${VESTRY_TIMING_TRIES:-$tries}"
export VESTRY_SLOW_PEERS="${VESTRY_SLOW_PEERS:-$peers}" VESTRY_FUZZ_SECONDS="${VESTRY_FUZZ_SECONDS:-$seconds}"
export VESTRY_CONNECTIONS_PER_ADDRESS="${VESTRY_CONNECTIONS_PER_ADDRESS:-$connections}" VESTRY_BOT_SECONDS="${VESTRY_BOT_SECONDS:-$bot}"

log=$(mktemp "${TMPDIR:-/tmp}/vestry-prove.XXXXXX")
trap 'rm -f "$log"' EXIT
cargo build --workspace --locked

proof() { # proof NAME: runs that test and prints its figures; cargo calls it a success when there is none
  cargo test --workspace --locked --test vestry -- --nocapture "$1" 2>&1 | tee "$log"
  grep -q '^test result: ok\. 1 passed' "$log" || { echo "prove: there is no test $1" >&2; exit 1; }
}
proof sec_0017_
proof sec_0104_
proof sec_0035_
proof the_time_of_every_other_answer
proof the_time_of_a_name_taken_meanwhile
proof the_time_of_a_throttled_name_and_of_a_proof
proof sec_0055_
if [ $short = no ]; then
  proof sec_0070_
  proof a_bot_gets_as_many_guesses_as_security_md_says
fi
scripts/check-tls.sh --self-test ${scans[@]+"${scans[@]}"}
scripts/check-tls.sh ${scans[@]+"${scans[@]}"}
if [ $short = no ]; then python3 scripts/screens.py; fi
scripts/fuzz.sh --seconds "$VESTRY_FUZZ_SECONDS" "${fuzz[@]}"
