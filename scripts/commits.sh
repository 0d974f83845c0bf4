#!/usr/bin/env bash
# Holds the newest commits to the rules for commits: a subject "area: what" of at most 72 characters, and a body that says why
# unless one line has changed. Newest are those that origin/main does not have, or else the last 20; the rules hold for what came
# after the commit that added this script. Shows first that it would refuse bad ones.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

judge() { # judge SUBJECT BODY LINES: prints what is wrong with a commit of so many lines
  [[ $1 =~ ^[a-z][a-z0-9/._-]*:\ [^[:space:]] ]] || echo "the subject is not \"area: what\""
  [ "${#1}" -le 72 ] || echo "the subject has ${#1} characters; 72 are the most"
  [[ $3 -le 1 || $2 =~ [^[:space:]] ]] || echo "it changes $3 lines and has no body that says why"
}

expect() { # expect PROBLEM SUBJECT BODY LINES: PROBLEM is a part of what has to be said, or empty
  local said
  said=$(judge "${@:2}")
  if [[ -z $1 && -n $said ]] || [[ $said != *"$1"* ]]; then
    echo "commits: of \"$2\" it should have been said: ${1:-nothing}; but it was: ${said:-nothing}" >&2
    exit 1
  fi
}
expect "" "gate: count an attempt once" "It was counted twice." 40
expect "" "docs: mend a link" "" 1
expect "" "docs: ö and ü are one character each, and this subject has seventy-two" "Why." 2
expect "is not" "Count an attempt once" "Why." 40
expect "is not" "Gate: count an attempt once" "Why." 40
expect "is not" "gate:count an attempt once" "Why." 40
expect "is not" "gate: " "Why." 40
expect "has 73 characters" "gate: count an attempt once, and say in the subject all that can be said." "Why." 40
expect "no body" "gate: count an attempt once" $'\n' 2

if ! git rev-parse --verify --quiet HEAD >/dev/null; then
  echo "commits: not checked; this is no repository, or one without commits"
  exit 0
fi
if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
  echo "commits: not checked; this clone is shallow"
  exit 0
fi
added=$(git log --diff-filter=A --format=%H -- scripts/commits.sh | tail -n 1)
if [ -z "$added" ]; then
  echo "commits: not checked; none came after the one that adds this script"
  exit 0
fi
newest=(--max-count=20)
if base=$(git merge-base HEAD origin/main 2>/dev/null); then newest=("^$base"); fi

checked=0 bad=0
for commit in $(git rev-list --no-merges "${newest[@]}" HEAD "^$added"); do
  # A file that is not text has no numbers of lines.
  lines=$(git show --format= --numstat "$commit" | awk '{ lines += $1 == "-" ? 2 : $1 + $2 } END { print lines + 0 }')
  subject=$(git show --no-patch --format=%s "$commit")
  said=$(judge "$subject" "$(git show --no-patch --format=%b "$commit")" "$lines")
  checked=$((checked + 1))
  if [ -n "$said" ]; then
    bad=$((bad + 1))
    printf 'commits: %s %s\n%s\n' "${commit:0:9}" "$subject" "$said" >&2
  fi
done
echo "commits: $checked checked, $bad against the rules"
[ "$bad" = 0 ]
