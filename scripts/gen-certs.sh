#!/usr/bin/env bash
# Makes a CA, a server certificate and operator certificates in a folder, without a question, for scripts.
# Never overwrites: what is there stays. `vestryd certs --help` has the rest (show, renew, operator).
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/gen-certs.sh [--dir DIR] [--host NAME]... [--days N] [--operator NAME]...

  --dir DIR        where the files go                              (default: certs)
  --host NAME      a name or address of the server; repeatable     (default: localhost)
  --days N         how long the server's certificate is valid      (default: 30)
  --operator NAME  an operator to make a certificate for; repeatable (default: admin)

Every server certificate also covers localhost, 127.0.0.1 and ::1.
Prints the path of each file that it made. Exit codes: 0 done, 2 usage, 78 a file could not be made.
TEXT
}

dir=certs days=30 hosts=() operators=()
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) usage; exit 0 ;;
    --dir | --host | --days | --operator)
      [ $# -ge 2 ] || { echo "gen-certs.sh: $1 needs a value" >&2; exit 2; }
      case "$1" in
        --dir) dir=$2 ;;
        --host) hosts+=(--host "$2") ;;
        --days) days=$2 ;;
        --operator) operators+=(--operator "$2") ;;
      esac
      shift 2 ;;
    *) echo "gen-certs.sh: $1 is not an option" >&2; usage >&2; exit 2 ;;
  esac
done
[ ${#hosts[@]} -gt 0 ] || hosts=(--host localhost)

dir=$(realpath -m "$dir")
root=$(cd "$(dirname "$0")/.." && pwd)
if ! command -v vestryd >/dev/null; then
  # The whole workspace, as everything else here builds it: a part of it would be compiled anew with other features.
  (cd "$root" && cargo build --quiet --locked --workspace --bins)
  PATH="${CARGO_TARGET_DIR:-$root/target}/debug:$PATH"
fi
exec vestryd certs generate --certs-dir "$dir" --days "$days" "${hosts[@]}" ${operators[@]+"${operators[@]}"}
