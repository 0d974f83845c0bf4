#!/usr/bin/env bash
# Mutation testing of what guards accounts: credentials, sessions, throttling and the operator's SQL. Each mutant is one
# change that a test should notice. First the unit tests of its own crate judge it (cargo-mutants), then what they let
# through is judged by the end-to-end tests with real programs. What both let through is printed at the end: read each one.
# Takes hours; works in a copy of what is committed, so that you can go on. For whoever changes those rooms.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/mutants.sh [--list | [--dir DIR] [--unit-only]] [ROOM...]
       scripts/mutants.sh --regressions [--list] [NUMBER...]

  --list        only proves that a run can begin: the files and the tests of each room exist, and how many mutants there
                are when cargo-mutants is installed
  --dir DIR     where the copy, its build and the results go   (default: a new folder below ${TMPDIR:-/tmp})
  --unit-only   leave the end-to-end tests out
  ROOM          guard, gate, credentials, sessions              (default: all of them)

  --regressions takes out what each regression below tests/regressions/ guards, one after the other: its test has to
                fail. With --list, only that each patch applies and has its test
  NUMBER        0067 and so on                                  (default: all of them)
TEXT
}

dir="" unit_only=no list=no regressions=no rooms=() numbers=()
while [ $# -gt 0 ]; do
  case "$1" in
    --dir) dir=${2:?--dir needs a folder}; shift 2 ;;
    --unit-only) unit_only=yes; shift ;;
    --list) list=yes; shift ;;
    --regressions) regressions=yes; shift ;;
    [0-9][0-9][0-9][0-9]) numbers+=("$1"); shift ;;
    --help | -h) usage; exit 0 ;;
    guard | gate | credentials | sessions) rooms+=("$1"); shift ;;
    *) echo "mutants: $1 is neither an option nor a room" >&2; usage >&2; exit 2 ;;
  esac
done
[ ${#rooms[@]} -gt 0 ] || rooms=(guard gate credentials sessions)
# What a room's mutants are, and which unit tests of their crate are about them.
files_of() {
  case "$1" in
    guard) echo "crates/vestry-store/src/query/guard.rs" ;;
    gate) echo "crates/vestry-server/src/gate/*.rs crates/vestry-store/src/tables/throttle.rs" ;;
    credentials) echo "crates/vestry-server/src/credentials/*.rs crates/vestry-server/src/hashing/*.rs crates/vestry-server/src/proofs.rs crates/vestry-store/src/tables/passwords.rs" ;;
    sessions) echo "crates/vestry-server/src/sessions.rs crates/vestry-store/src/tables/sessions.rs" ;;
  esac
}
unit_tests_of() {
  case $1 in
  guard) echo query ;;
  credentials) echo '/credentials|hashing|proofs/' ;;
  *) echo "$1" ;;
  esac
}

# The end-to-end tests that show how people and operators are served; not the long ones about faults, load and time.
END_TO_END='accounts|sessions|opaque|gate|devices|throttle|time|admin|wire|audit|programs'

missing() { echo "mutants: $1" >&2; exit 1; }

# A file or a test that was renamed would leave its mutants out, and nothing would say so.
list_room() {
  local room=$1 word file crate arguments=() crates="none()" tests mutants
  word=$(unit_tests_of "$room")
  for file in $(files_of "$room"); do
    [ -f "$file" ] || missing "$room: there is no file $file"
    arguments+=(--file "$file")
    crate=${file#crates/}
    crates+=" + package(${crate%%/*})"
  done
  if command -v cargo-nextest >/dev/null; then
    tests=$(cargo nextest list --cargo-quiet --workspace --locked --message-format oneline \
      -E "test($word) & ($crates)" | wc -l)
    [ "$tests" -gt 0 ] || missing "$room: no unit test of its crates has $word in its name"
    echo "$room: $tests unit tests"
  fi
  if command -v cargo-mutants >/dev/null; then
    mutants=$(cargo mutants --list "${arguments[@]}" | wc -l)
    [ "$mutants" -gt 0 ] || missing "$room: there are no mutants of ${arguments[*]}"
    echo "$room: $mutants mutants"
  fi
}

list() {
  local tool room
  for tool in cargo-mutants cargo-nextest; do
    command -v $tool >/dev/null || echo "$tool is not installed: what it would list was not looked at"
  done
  for room in "${rooms[@]}"; do list_room "$room"; done
  for room in ${END_TO_END//|/ }; do
    [ -e "tests/cases/$room.rs" ] || [ -d "tests/cases/$room" ] || missing "there are no end-to-end tests tests/cases/$room"
  done
}

patches=(tests/regressions/*.patch)
[ ${#numbers[@]} -eq 0 ] || patches=("${numbers[@]/#/tests/regressions/}") patches=("${patches[@]/%/.patch}")

# A patch that does not apply any more, or whose test was renamed, would prove nothing.
list_regressions() {
  local patch number
  for patch in "${patches[@]}"; do
    number=$(basename "$patch" .patch)
    git apply --check "$patch" || missing "$patch does not apply"
    grep -rqs "fn sec_${number}_" crates tests --include=*.rs || missing "there is no test sec_${number}_"
  done
  echo "${#patches[@]} regressions have their patches"
}

if [ $regressions = yes ] && [ $list = yes ]; then list_regressions; exit 0; fi
if [ $list = yes ]; then list; exit 0; fi
tools=(cargo-mutants cargo-nextest)
[ $regressions = no ] || tools=(cargo-nextest)
for tool in "${tools[@]}"; do
  command -v "$tool" >/dev/null || { echo "mutants: $tool is missing: cargo install $tool --locked" >&2; exit 2; }
done

[ -n "$dir" ] || dir=$(mktemp -d "${TMPDIR:-/tmp}/vestry-mutants.XXXXXX")
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
copy="$dir/copy"
git worktree add --quiet --force --detach "$copy" HEAD
trap 'git worktree remove --force "$copy"' EXIT
export CARGO_TARGET_DIR="$dir/target"

# Exit code 0 of nextest is a test that passed, 100 one that failed; anything else is told apart from both.
if [ $regressions = yes ]; then
  list_regressions
  cd "$copy"
  survivors=0
  for patch in "${patches[@]}"; do
    number=$(basename "$patch" .patch)
    git apply "$patch"
    # What does not compile proves nothing of a test.
    cargo build --quiet --workspace --bins --tests 2>"$dir/last.log" ||
      { echo "mutants: $number does not compile, see $dir/last.log" >&2; exit 1; }
    code=0
    cargo nextest run --workspace --status-level none --final-status-level none -E "test(sec_${number}_)" \
      >"$dir/last.log" 2>&1 || code=$?
    case $code in
      0) echo "SURVIVED $number: $(head -n 1 "$patch")"; survivors=$((survivors + 1)) ;;
      100) echo "caught   $number: $(head -n 1 "$patch")" ;;
      *) echo "mutants: nextest ended with $code, see $dir/last.log" >&2; exit 1 ;;
    esac
    git checkout --quiet .
  done
  [ $survivors -eq 0 ] || { echo "mutants: $survivors survived" >&2; exit 1; }
  exit 0
fi

missed="$dir/missed"
: >"$missed"
for room in "${rooms[@]}"; do
  echo "==> $room: unit tests"
  arguments=()
  for file in $(files_of "$room"); do arguments+=(--file "$file"); done
  # 2: some mutants were missed, 3: some took too long; both are read from the results. Anything else is a failure.
  (cd "$copy" && cargo mutants --in-place --no-shuffle --baseline skip --timeout 120 --test-tool nextest --colors never \
    --output "$dir/$room" "${arguments[@]}" -- --no-tests=pass -E "test($(unit_tests_of "$room"))") || case $? in 2 | 3) ;; *) exit 1 ;; esac
  python3 - "$dir/$room/mutants.out" >>"$missed" <<'PY'
import json, pathlib, sys
out = pathlib.Path(sys.argv[1])
for outcome in json.loads((out / "outcomes.json").read_text())["outcomes"]:
    if outcome["summary"] == "MissedMutant":
        print(out / outcome["diff_path"], outcome["scenario"]["Mutant"]["name"], sep="\t")
PY
done
echo "==> $(wc -l <"$missed") mutants passed the unit tests of their crate"
[ "$unit_only" = no ] || { cut -f2 "$missed"; exit 0; }

the_end_to_end_tests_pass() {
  cargo build --quiet --workspace --bins 2>/dev/null &&
    timeout 600 cargo nextest run --package vestry-tests --test vestry --max-fail 1 --status-level none \
      --final-status-level none -E "test(/^($END_TO_END)::/)" >"$dir/last.log" 2>&1
}

survivors="$dir/survivors"
: >"$survivors"
cd "$copy"
# A judge that fails whatever is put before it would call every mutant caught.
the_end_to_end_tests_pass || { echo "mutants: the end-to-end tests fail without a mutant, see $dir/last.log" >&2; exit 1; }
while IFS=$'\t' read -r diff name; do
  patch --quiet -p0 <"$diff"
  if the_end_to_end_tests_pass; then
    echo "SURVIVED $name" | tee -a "$survivors"
  else
    echo "caught   $name"
  fi
  git checkout --quiet .
done <"$missed"
echo "==> $(wc -l <"$survivors") survivors; each is in $survivors"
