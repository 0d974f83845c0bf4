#!/usr/bin/env bash
# Fails when the tree differs from what is committed. scripts/test.sh and scripts/smoke.sh end with it.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -n "$(git status --porcelain)" ]; then
  git status --short
  echo "clean-tree: everything else passed, but the tree is dirty: commit what changed (the formatter may have)" >&2
  exit 1
fi
