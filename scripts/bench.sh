#!/usr/bin/env bash
# Vestry side by side with what people would pick instead: builds for release, starts every server on loopback from
# Debian's packages, measures in rounds that take turns, and writes docs/BENCHMARKS.md with the figures, the machine,
# the versions and the commands. Under half an hour on two cores; --quick takes five minutes with smaller databases.
# Needs python3; the peers are installed when this runs as root with apt-get, and named as missing otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/bench.sh [--quick | --smoke] [--only SECTION]... [--rounds N] [--scratch DIR] [--out FILE] [--keep]

  --quick         databases of 10 and 100 thousand accounts, shorter runs, writes no document unless --out says where
  --smoke         proves in a minute that every section still runs: the debug build, no peers, databases of a thousand
                  accounts, and a failure when anything could not be measured; no figure of it means anything
  --only SECTION  start, logins, reads, handshakes, writes, idle, overload, growth, tables or import;
                  repeatable
  --rounds N      how often each figure is taken              (default: 3)
  --scratch DIR   where databases and raw figures go          (default: a new folder in TMPDIR)
  --out FILE      the document                                (default: docs/BENCHMARKS.md)
  --keep          leave the scratch folder with the databases; the raw figures stay anyway
TEXT
}

build=release
for word in "$@"; do
  case "$word" in
    --help | -h) usage; exit 0 ;;
    --smoke) build=debug ;;
  esac
done
for tool in cargo python3; do
  command -v "$tool" >/dev/null || { echo "bench: $tool is missing" >&2; exit 2; }
done
echo "building for $build (some minutes the first time) ..." >&2
cargo build --quiet --profile "${build/debug/dev}" --locked --workspace --bins
exec python3 scripts/bench.py --programs "${CARGO_TARGET_DIR:-$PWD/target}/$build" "$@"
