#!/usr/bin/env bash
# What others' scanners say of both ports: starts a vestryd of its own on loopback, scans it with sslyze and sslscan,
# looks at the rest with openssl and a ClientHello made by hand, and asserts what SECURITY.md promises of TLS
# (scripts/check-tls.py has each assertion). Needs python3 and openssl, and PyPI for the first run (but see --lenient);
# installs sslscan from Debian when it may, and goes on without it otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/check-tls.sh [--self-test] [--lenient]

  --self-test   holds each assertion against a listener that is weak on purpose: one that finds nothing there fails
  --lenient     goes on without sslyze where PyPI does not answer, and installs no Debian package; what is left out is
                named
TEXT
}

# sslyze is pinned, so that a new opinion of its comes when we ask for it.
SSLYZE=6.3.1

self_test=no lenient=no
while [ $# -gt 0 ]; do
  case "$1" in
    --self-test) self_test=yes; shift ;;
    --lenient) lenient=yes; shift ;;
    --help | -h) usage; exit 0 ;;
    *) echo "check-tls: $1 is not an option" >&2; usage >&2; exit 2 ;;
  esac
done

say() { printf '%s\n' "$*" >&2; }
fail() { say "check-tls: $*"; exit 2; }
for tool in cargo openssl python3; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done

target="${CARGO_TARGET_DIR:-$PWD/target}"
venv="$target/check-tls/sslyze-$SSLYZE"
python="$venv/bin/python"
install_sslyze() {
  say "installing sslyze $SSLYZE into $venv ..."
  rm -rf "$venv"
  python3 -m venv "$venv" || { say "python3 cannot make a virtual environment (Debian: apt-get install python3-venv)"; return 1; }
  "$venv/bin/pip" --quiet --disable-pip-version-check --retries 1 install "sslyze==$SSLYZE"
}
if ! "$python" -c 'import sslyze' 2>/dev/null && ! install_sslyze; then
  [ $lenient = yes ] || fail "sslyze could not be installed; the lines above say why"
  python=python3
fi
if [ $lenient = no ] && ! command -v sslscan >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  say "installing sslscan ..."
  DEBIAN_FRONTEND=noninteractive apt-get install -y sslscan >/dev/null 2>&1 || say "sslscan could not be installed"
fi

folder=$(mktemp -d) server=""
stop() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap stop EXIT
mkdir "$folder/scans"

if [ $self_test = yes ]; then
  "$python" scripts/check-tls.py --self-test --folder "$folder/scans"
  say "every assertion that was made finds what it looks for"
  exit 0
fi

say "building vestryd ..."
# The whole workspace, as everything else here builds it: a part of it would be compiled again with other features.
cargo build --quiet --locked --workspace --bins
vestryd="$target/debug/vestryd"
"$vestryd" init --data-dir "$folder/data" --host 127.0.0.1 --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 \
  >"$folder/init" 2>&1 || { cat "$folder/init" >&2; fail "vestryd could not be set up"; }
"$vestryd" serve --data-dir "$folder/data" 2>"$folder/log" &
server=$!
for _ in $(seq 100); do
  ports=$(sed -n 's/.* listens on .*:\([0-9]*\) for users and on .*:\([0-9]*\) for operators$/\1 \2/p' "$folder/log")
  [ -n "$ports" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; fail "vestryd did not start; the lines above say why"; }
  sleep 0.1
done
[ -n "$ports" ] || fail "vestryd does not say where it listens"
"$python" scripts/check-tls.py --folder "$folder/scans" --certs "$folder/data/certs" \
  --user-port "${ports% *}" --admin-port "${ports#* }"
say "both ports are what SECURITY.md says"
