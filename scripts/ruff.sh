#!/usr/bin/env bash
# Lints what is written in Python by ruff.toml. Installs ruff when it is missing, beside the target directory's files; says so when
# it cannot, and lints nothing then. Shows first that it would refuse a fault.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.17.6
tools="${CARGO_TARGET_DIR:-$PWD/target}/tools/ruff-$version"

ruff="$tools/bin/ruff"
if [ "$(ruff --version 2>/dev/null)" = "ruff $version" ]; then
  ruff=ruff
elif [ ! -x "$ruff" ]; then
  if ! { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet --disable-pip-version-check "ruff==$version"; } >&2; then
    rm -rf "$tools"
    echo "ruff $version cannot be had here; what is written in Python was not linted"
    exit 0
  fi
fi

if echo "import os" | "$ruff" check --quiet --no-cache - >/dev/null; then
  echo "ruff: an import that nothing uses was let through" >&2
  exit 1
fi
"$ruff" check --no-cache .
