#!/usr/bin/env bash
# Runs the fuzz targets of fuzz/ (docs/FUZZING.md says what each asserts): builds them, writes their first inputs, runs
# each for a while within bounded memory, and prints a table. Exits with 1 when one of them found something.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/fuzz.sh [--seconds N] [--sanitizer NAME] [--smoke] [TARGET...]

  --seconds N        how long each target runs   (default: 60)
  --sanitizer NAME   address or none             (default: address where the toolchain has it)
  --smoke            only proves that the targets build and run: a build that is hardly optimised, in a folder of its own
  TARGET             only these; scripts/fuzz.sh --list names them
TEXT
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "fuzz: $*"; exit 2; }
all() { sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | grep -v '^vestry-fuzz$'; }

seconds=60 sanitizer="" smoke=no targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
    --sanitizer) sanitizer=${2:?--sanitizer needs a name}; shift 2 ;;
    --smoke) smoke=yes; shift ;;
    --list) all; exit 0 ;;
    --help | -h) usage; exit 0 ;;
    -*) say "fuzz: $1 is not an option"; usage >&2; exit 2 ;;
    *) all | grep -qx -- "$1" || fail "$1 is no target; these are: $(all | tr '\n' ' ')"; targets+=("$1"); shift ;;
  esac
done
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "--seconds needs a whole number of seconds, not $seconds"
case "$sanitizer" in "" | address | none) ;; *) fail "--sanitizer is address or none, not $sanitizer" ;; esac
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(all)

# A target that is not built, or not described, would be forgotten.
for file in fuzz/fuzz_targets/*.rs; do
  name=$(basename "$file" .rs)
  all | grep -qx -- "$name" || fail "$file has no [[bin]] in fuzz/Cargo.toml"
  grep -q "^| \`$name\` |" docs/FUZZING.md || fail "$file has no row in docs/FUZZING.md"
done

for tool in cargo c++; do
  command -v "$tool" >/dev/null || fail "$tool is missing; install Rust from https://rustup.rs and a C++ compiler (Debian: apt-get install g++)"
done
if ! cargo fuzz --version >/dev/null 2>&1; then
  say "cargo-fuzz is not installed; installing it: cargo install cargo-fuzz --locked"
  cargo install cargo-fuzz --locked
fi

# The flags that instrument code are unstable; this lets the stable compiler, which is what we ship with, take them.
export RUSTC_BOOTSTRAP=1
cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null ||
  fail "fuzz/Cargo.lock is behind the crates; run: cargo update --workspace --manifest-path fuzz/Cargo.toml, and commit it"
host=$(rustc -vV | sed -n 's/^host: //p')
if [ -z "$sanitizer" ]; then
  sanitizer=none
  for runtime in "$(rustc --print sysroot)/lib/rustlib/$host/lib/"librustc-*rt.asan.a; do
    if [ -e "$runtime" ]; then sanitizer=address; fi
  done
  [ "$sanitizer" = address ] || say "this toolchain has no AddressSanitizer; running without"
fi
# Wherever the workspace is built: the flags differ, so nothing could be shared.
folder=fuzz/target build=()
if [ $smoke = yes ]; then
  folder=fuzz/target/smoke build=(--codegen-units 16)
  export CARGO_PROFILE_RELEASE_OPT_LEVEL=1
fi
programs="$folder/$host/release"
say "building, sanitizer: $sanitizer (the first time takes some minutes) ..."
cargo fuzz build --fuzz-dir fuzz --sanitizer "$sanitizer" --target "$host" --target-dir "$folder" ${build[@]+"${build[@]}"}
if [ "$sanitizer" = address ]; then
  grep -q __asan_init "$programs/${targets[0]}" || fail "AddressSanitizer was asked for and is not in $programs/${targets[0]}"
fi

if command -v python3 >/dev/null; then
  python3 fuzz/seeds.py
else
  say "python3 is not installed: the targets begin without seeds"
fi

# Databases and files of the targets are in memory where there is room for them, and gone afterwards.
scratch=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/vestry-fuzz.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch
export ASAN_OPTIONS="detect_odr_violation=0:${ASAN_OPTIONS:-}"

longest_input() {
  case "$1" in
    user_frames | admin_frames) echo 70000 ;;
    frames | certificates | pem_files | import_file | archives | sealed_files) echo 8192 ;;
    fields | server_config | client_state | user_port) echo 2048 ;;
    *) echo 4096 ;;
  esac
}

run() { # run TARGET: its exit code, with its talk in $scratch/TARGET.log
  local target=$1 arguments
  mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
  arguments=(-max_total_time="$seconds" -max_len="$(longest_input "$target")" -rss_limit_mb=2048 -malloc_limit_mb=512
    -timeout=25 -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$target/")
  # Visits grow by whole calls, which are longer than the steps in which the fuzzer would let them.
  if [ "$target" = user_port ]; then arguments+=(-len_control=0 -detect_leaks=0); fi
  if [ -e "fuzz/dictionaries/$target.dict" ]; then arguments+=(-dict="fuzz/dictionaries/$target.dict"); fi
  "$programs/$target" "${arguments[@]}" "fuzz/corpus/$target" >"$scratch/$target.log" 2>&1
}

last() { sed -n "s/$1/\\1/p" "$2" | tail -n 1; }

found=0
printf '%-20s %12s %10s %10s %s\n' target runs coverage seconds result
for target in "${targets[@]}"; do
  result=ok began=$SECONDS
  run "$target" || { result=FOUND found=1; }
  log=$scratch/$target.log
  # A target that crashed prints no final count; the last line of its progress has one.
  runs=$(last '^stat::number_of_executed_units: *\([0-9]*\)$' "$log")
  [ -n "$runs" ] || runs=$(last '^#\([0-9]*\).*' "$log")
  if [ $result = ok ] && [ "${runs:-0}" = 0 ]; then result=IDLE found=1; fi
  printf '%-20s %12s %10s %10s %s\n' "$target" "${runs:-0}" "$(last '.*cov: \([0-9]*\).*' "$log")" $((SECONDS - began)) $result
  if [ $result = IDLE ]; then say "fuzz: $target ran no input: $(tail -n 3 "$log")"; fi
  if [ $result = FOUND ]; then
    tail -n 40 "$log" >&2
    say "fuzz: $target found something; the input is in fuzz/artifacts/$target, and this repeats it:"
    say "  RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir fuzz --sanitizer $sanitizer $target FILE"
  fi
done
exit $found
