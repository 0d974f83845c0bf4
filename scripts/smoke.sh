#!/usr/bin/env bash
# Runs everything that scripts/test.sh does not, each in its shortest form: every other script, fuzz target, example and
# benchmark, so that none of them breaks unnoticed. No figure of it means anything; the long forms are scripts/prove.sh,
# scripts/bench.sh and scripts/mutants.sh. Names each thing that it had to leave out, and prints what each step took.
# Needs python3, openssl and a C++ compiler besides what scripts/test.sh needs, and tmux for the screens; installs cargo-fuzz when
# it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/smoke.sh [--only WORD]

  --only WORD   only the steps that have WORD in their name, and no check of the tree
TEXT
}

only=""
while [ $# -gt 0 ]; do
  case "$1" in
    --only) only=${2:?--only needs a word}; shift 2 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "smoke: $1 is not an option" >&2; usage >&2; exit 2 ;;
  esac
done

say() { printf '\n==> %s\n' "$*"; }
fail() { printf 'smoke: %s\n' "$*" >&2; exit 1; }
for tool in cargo cc c++ git openssl python3; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done

target="${CARGO_TARGET_DIR:-$PWD/target}"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/vestry-smoke.XXXXXX")
# Empty again after each step, or the step has left something.
mkdir "$scratch/tmp"
export TMPDIR="$scratch/tmp"

current="" took=()
finish() {
  local status=$?
  rm -rf "$scratch"
  [ -z "$current" ] || printf 'smoke: "%s" failed\n' "$current" >&2
  exit $status
}
trap finish EXIT

step() { # step NAME COMMAND...
  [[ $1 == *"$only"* ]] || return 0
  local began=$SECONDS
  current=$1
  say "$current"
  shift
  "$@"
  require_nothing_left
  took+=("$(printf '%4d s  %s' $((SECONDS - began)) "$current")")
  current=""
}

# Everything that a step starts has its files in the scratch folder, and therefore its path among its arguments.
require_nothing_left() {
  local left file
  left=$(ls -A "$TMPDIR")
  [ -z "$left" ] || fail "files were left in TMPDIR: $left"
  for file in /proc/[0-9]*/cmdline; do
    left=$(tr '\0' ' ' 2>/dev/null <"$file") || continue
    [[ $left != *"$scratch"* ]] || fail "a process is still there: $left"
  done
}

# Prints every script that a command in .ci/run comes to; comments, strings and help do not count.
scripts_that_run() {
  local known=(.ci/run) at=0 name
  while [ $at -lt ${#known[@]} ]; do
    while read -r name; do
      [[ " ${known[*]} " == *" $name "* ]] || known+=("$name")
    done < <(sed -e "/<<'[A-Z]*'/,/^[A-Z]*\$/d" -e 's/^ *#.*//' -e 's/ # .*//' -e 's/"[^"]*"//g' "${known[at]}" |
      grep -oE 'scripts/[a-z0-9_-]+\.(sh|py)')
    at=$((at + 1))
  done
  printf '%s\n' "${known[@]}"
}

no_script_is_forgotten() {
  local run file
  run=$(scripts_that_run)
  for file in scripts/*.sh scripts/*.py; do
    grep -qxF -- "$file" <<<"$run" || fail "$file is run by nothing that .ci/run runs: add its shortest form to scripts/smoke.sh"
  done
}

golden_vectors() {
  "$target/debug/write-vectors" | tee "$scratch/vectors"
  grep -q '^0 written' "$scratch/vectors" || fail "golden vectors were missing; commit the new ones"
}

# Whatever a manifest or a folder benches/ adds is in the metadata.
benchmarks() {
  local bench benches
  benches=$(cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    for target in package["targets"]:
        if "bench" in target["kind"]:
            print(target["name"])')
  [ -n "$benches" ] || fail "no benchmark was found"
  for bench in $benches; do
    # The build of the tests: the one that measures is optimised for minutes.
    cargo bench --profile dev --workspace --locked --bench "$bench" -- --test | tee "$scratch/bench.txt"
    [ -s "$scratch/bench.txt" ] || fail "the benchmark $bench ran nothing"
  done
}

certificates() {
  local file
  scripts/gen-certs.sh --dir "$scratch/certs" | tee "$scratch/certs.txt"
  for file in ca.pem server.pem operators/admin.pem; do
    grep -qx ".*/certs/$file" "$scratch/certs.txt" || fail "gen-certs.sh did not name $file"
    [ -s "$scratch/certs/$file" ] || fail "gen-certs.sh did not make $file"
  done
}

# A user port that is free, with a free one for operators behind it.
free_ports() {
  python3 -c '
import socket
while True:
    with socket.socket() as user, socket.socket() as admin:
        user.bind(("127.0.0.1", 0))
        port = user.getsockname()[1]
        try:
            admin.bind(("127.0.0.1", port + 1))
        except (OSError, OverflowError):
            continue
        print(port)
        break'
}

# Without a terminal it plays the tour. The second run has to cope with what the first left.
quickstart() {
  local port run name
  port=$(free_ports)
  for run in first second; do
    # Not through a pipe: it would stay open, and this script wait, for as long as a server that was left.
    scripts/quickstart.sh --dir "$scratch/tour" --port "$port" </dev/null >"$scratch/tour.txt"
    cat "$scratch/tour.txt"
    for name in navneet anirudh shubham naman; do
      tail -n 8 "$scratch/tour.txt" | grep -q "^| $name " || fail "the last table of the $run tour does not show $name"
      [ $run = first ] || grep -qxF "($name is there from an earlier run)" "$scratch/tour.txt" ||
        fail "the second tour did not find $name"
    done
  done
}

screens() {
  if command -v tmux >/dev/null; then
    python3 scripts/screens.py --short
  else
    say "left out: tmux is missing (Debian: apt-get install tmux)"
  fi
}

benchmark_of_servers() {
  scripts/bench.sh --smoke --scratch "$scratch/bench" --out "$scratch/BENCHMARKS.md"
  grep -q '^| ' "$scratch/BENCHMARKS.md" || fail "bench.sh wrote no table"
}

# What README.md installs and scripts/bench.sh measures.
release() {
  local program
  cargo build --release --workspace --locked --bins
  for program in vestryd vestry vestryctl vestry-bench; do "$target/release/$program" --version; done
}

fuzz_is_formatted() { cargo fmt --check --manifest-path fuzz/Cargo.toml; }

step "is any script forgotten?" no_script_is_forgotten
step "programs" cargo build --workspace --locked
step "examples" cargo build --workspace --locked --examples
step "golden vectors" golden_vectors
step "micro-benchmarks, each once" benchmarks
step "certificates" certificates
step "quickstart, twice without a terminal" quickstart
step "screens, wide and narrow" screens
step "benchmark of servers" benchmark_of_servers
step "mutation testing, its lists" scripts/mutants.sh --list
step "regressions, their patches" scripts/mutants.sh --regressions --list
step "format of the fuzz targets" fuzz_is_formatted
step "the proofs in small, with every fuzz target" scripts/prove.sh --short
step "release build" release
[ -n "$only" ] || step "is the tree clean?" scripts/clean-tree.sh
[ ${#took[@]} -gt 0 ] || fail "no step has $only in its name"

say "how long each step took"
printf '%s\n' "${took[@]}"
