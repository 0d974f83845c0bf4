#!/usr/bin/env bash
# From a fresh clone to a running server: builds, makes certificates and a database, starts vestryd on loopback
# and waits until it answers. On a terminal it opens the user's menu and, after it, the operator's table. Without
# one it plays the tour of the report that Vestry grew from. It stops the server that it started.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/quickstart.sh [--fresh] [--dir DIR] [--port N]

  --fresh     begin anew: throws away what an earlier run left in DIR
  --dir DIR   where database, settings and the users' files go   (default: var, with the certificates in certs/)
  --port N    the user port; the admin port is the next one      (default: 7443)
TEXT
}

fresh=no dir="" port=7443
while [ $# -gt 0 ]; do
  case "$1" in
    --fresh) fresh=yes; shift ;;
    --dir) dir=${2:?--dir needs a folder}; shift 2 ;;
    --port) port=${2:?--port needs a number}; shift 2 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "quickstart: $1 is not an option" >&2; usage >&2; exit 2 ;;
  esac
done
if [ -n "$dir" ]; then certs="$dir/certs"; else dir=var certs=certs; fi

say() { printf '%s\n' "$*" >&2; }
fail() { say "quickstart: $*"; exit 1; }
for tool in cargo cc; do
  command -v "$tool" >/dev/null || fail "$tool is missing; install Rust from https://rustup.rs and a C compiler (Debian: apt-get install gcc)"
done

built="${CARGO_TARGET_DIR:-$PWD/target}/debug"
is_built() { # whether the programs are there and no source is newer than all of them
  [ -x "$built/vestryd" ] && [ -x "$built/vestry" ] && [ -x "$built/vestryctl" ] && [ -z "$(
    find Cargo.toml Cargo.lock .cargo crates -type f \
      -newer "$built/vestryd" -newer "$built/vestry" -newer "$built/vestryctl" -print -quit
  )" ]
}
say "building (the first time takes some minutes) ..."
# What takes minutes shows how far it is, on the standard error.
quiet=""
if is_built; then quiet=--quiet; fi
cargo build ${quiet:+"$quiet"} --locked --workspace --bins
PATH="$built:$PATH"

if [ "$fresh" = yes ]; then
  rm -rf "${dir:?}/data" "${dir:?}/home"
  # Only what was made: the folder's README stays.
  rm -rf "${certs:?}/operators" "${certs:?}"/*.pem "${certs:?}"/*.key
fi
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
data="$dir/data"
mkdir -p "$certs"
certs=$(cd "$certs" && pwd)
# The tour's people live in the folder too, not in your own home.
mkdir -p "$dir/home/run"
chmod 700 "$dir/home" "$dir/home/run"
export XDG_CONFIG_HOME="$dir/home/config" XDG_RUNTIME_DIR="$dir/home/run" XDG_STATE_HOME="$dir/home/state"
unset VESTRY_SERVER VESTRY_CA VESTRY_DATA_DIR

admin=127.0.0.1:$((port + 1))
ctl() { vestryctl --data-dir "$data" --certs-dir "$certs" --admin "$admin" "$@"; }

vestryd init --data-dir "$data" --certs-dir "$certs" --host 127.0.0.1 \
  --listen "127.0.0.1:$port" --admin-listen "$admin" >&2

log="$dir/vestryd.log"
vestryd serve --data-dir "$data" --certs-dir "$certs" --listen "127.0.0.1:$port" --admin-listen "$admin" 2>"$log" &
server=$!
stop() { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
trap stop EXIT

for _ in $(seq 100); do
  kill -0 "$server" 2>/dev/null || { cat "$log" >&2; fail "vestryd did not start; the lines above say why"; }
  if ctl status >/dev/null 2>&1; then break; fi
  sleep 0.1
done
ctl status >/dev/null || { cat "$log" >&2; fail "vestryd does not answer"; }
say "vestryd runs on 127.0.0.1:$port; its log is $log"
vestry join "$(ctl join-string)" >&2

table() { ctl sql --format table "select * from accounts"; }
if [ -t 0 ] && [ -t 1 ]; then
  vestry
  say ""
  say "What the operator sees (vestryctl sql \"select * from accounts\"):"
  table
  exit 0
fi

# The tour. Each person's passphrase is made here and kept in the folder, so that a second run finds it.
passphrase_of() {
  local file="$dir/home/$1.passphrase"
  [ -f "$file" ] || (umask 077 && printf 'tour-%s\n' "$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')" >"$file")
  cat "$file"
}
as() { # as NAME COMMAND...: runs vestry with the passphrase of NAME on standard input
  local name=$1
  shift
  echo "\$ vestry $*"
  passphrase_of "$name" | vestry --password-stdin --no-input "$@"
}
register() { # register NAME AGE EMAIL; a name that an earlier run registered is fine
  local status=0
  as "$1" register "$1" --no-login --age "$2" --email "$3" || status=$?
  if [ "$status" = 77 ] && [ -n "$(ctl sql --format tsv "select name from accounts where name = '$1'" | tail -n +2)" ]; then
    echo "($1 is there from an earlier run)"
  elif [ "$status" != 0 ]; then
    fail "registering $1 failed with exit code $status"
  fi
}
run() {
  echo "\$ $*"
  "$@"
}

register navneet 23 agarwal@gmail.com
register anirudh 18 goel@gmail.com
register shubham 20 rao@gmail.com
echo "\$ vestryctl sql \"select * from accounts\""
table
register naman 40 naman@gmail.com
as naman login naman
run vestry show
run vestry update --age 35
run vestry show
run vestry logout
echo "\$ vestryctl sql \"select * from accounts\""
table
vestry show >/dev/null 2>&1 && fail "naman is still logged in"
[ "$(ctl sql --format tsv "select age from accounts where name = 'naman'" | tail -n +2)" = 35 ] || fail "naman's age is not 35"
say "the tour is done; run scripts/quickstart.sh on a terminal to try it yourself"
