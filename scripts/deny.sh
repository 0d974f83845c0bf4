#!/usr/bin/env bash
# Holds what comes in with the dependencies to deny.toml: banned crates, licences, sources, and advisories where their database can
# be had. Shows first that it would refuse a crate. Installs cargo-deny when it is missing, beside the target directory's files.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
target="${CARGO_TARGET_DIR:-$PWD/target}"
tools="$target/tools"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/vestry-deny.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

PATH="$tools/bin:$PATH"
if ! command -v cargo-deny >/dev/null; then
  # Unoptimised: it is built faster than it could ever save.
  CARGO_TARGET_DIR="$tools/target" cargo install --quiet --debug --locked --root "$tools" --version "$version" cargo-deny
  rm -rf "$tools/target"
fi
deny() { cargo deny --log-level error --config "$1" check --hide-inclusion-graph "${@:2}"; }

sed 's/^deny = \[/deny = [\n  { crate = "bincode", reason = "to see that it is refused" },/' deny.toml >"$scratch/deny.toml"
if deny "$scratch/deny.toml" bans >"$scratch/said" 2>&1 || ! grep -q "to see that it is refused" "$scratch/said"; then
  echo "deny: a crate that is banned was let through" >&2
  exit 1
fi
deny deny.toml bans licenses sources
if timeout 120 cargo deny --log-level error fetch db >/dev/null 2>&1; then
  deny deny.toml advisories
else
  echo "deny: the database of advisories cannot be had here; dependencies were not compared with it"
fi
