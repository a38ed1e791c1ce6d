#!/usr/bin/env bash
# Detects drift in each of $ENVIRONMENTS, or in the whole workspace when there are none, and opens, updates or closes
# the issue of each. The output `exitcode` is that of the worst: an error, drift, pending, nothing.
set -euo pipefail

mkdir -p "$FOLDER"
read -r -d '' -a extra <<< "${ARGUMENTS:-}" || true
read -r -d '' -a environments <<< "${ENVIRONMENTS:-}" || true
worst=0
detect() {
  local code=0
  rm -f "$FOLDER/comment.md"
  trueup -C "$DIRECTORY" drift "${@:2}" ${extra[@]+"${extra[@]}"} --report "markdown=$FOLDER/comment.md" || code=$?
  ID=$1 CODE=$code bash "$(dirname "${BASH_SOURCE[0]}")/drift-issue.sh"
  case "$worst:$code" in
    *:0) ;;
    0:*) worst=$code ;;
    5:2) worst=2 ;;
    2:2 | 2:5 | 5:5) ;;
    *) worst=1 ;;
  esac
}
if [ "${#environments[@]}" = 0 ]; then detect "$ID"; fi
for name in ${environments[@]+"${environments[@]}"}; do detect "$ID-$name" --env "$name"; done
echo "exitcode=$worst" >> "$GITHUB_OUTPUT"
