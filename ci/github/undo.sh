#!/usr/bin/env bash
# Undoes the apply of run $RECEIPT_RUN by its receipt; leaves the exit code in the output `exitcode`.
set -euo pipefail
# shellcheck source=ci/github/host.sh
. "$(dirname "$0")/host.sh"

mkdir -p "$FOLDER"
gh run download "$RECEIPT_RUN" --repo "$GITHUB_REPOSITORY" --pattern "$ID-receipt-$RECEIPT_RUN-*" --dir "$FOLDER"
find "$FOLDER" -name '*.json' | sort > "$RUNNER_TEMP/receipts"
count=$(wc -l < "$RUNNER_TEMP/receipts")
if [ "$count" != 1 ]; then
  echo "::error::run $RECEIPT_RUN has $count receipts, expected one; nothing was written"
  exit 1
fi
read -r -d '' -a extra <<< "${ARGUMENTS:-}" || true
code=0
trueup -C "$DIRECTORY" undo "$(cat "$RUNNER_TEMP/receipts")" ${extra[@]+"${extra[@]}"} --auto-approve || code=$?
echo "exitcode=$code" >> "$GITHUB_OUTPUT"
