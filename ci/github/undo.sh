#!/usr/bin/env bash
# Undoes the apply of run $RECEIPT_RUN by the receipt of its newest attempt, or of attempt $RECEIPT_ATTEMPT; leaves
# the exit code in the output `exitcode`. Only receipts of this repository count, of runs that a push or a person
# started.
set -euo pipefail
# shellcheck source=ci/github/host.sh
. "$(dirname "$0")/host.sh"

mkdir -p "$FOLDER"
if ! [[ "$RECEIPT_RUN" =~ ^[0-9]+$ && "${RECEIPT_ATTEMPT:-}" =~ ^[0-9]*$ ]]; then
  echo "::error::the run and the attempt of a receipt are numbers; nothing was written"
  exit 1
fi
# a pull request, of a fork too, can upload an artifact of any name: what it made is no receipt
export WORKFLOWS=" ${RECEIPT_WORKFLOWS:-} "
made_by=$(gh api "repos/$GITHUB_REPOSITORY/actions/runs/$RECEIPT_RUN" --jq 'select(
  (.event == "push" or .event == "workflow_dispatch") and .head_repository.id == .repository.id
  and ((env.WORKFLOWS | test("[^ ]") | not)
    or (.path | split("@")[0] | split("/")[-1] | " \(.) " | inside(env.WORKFLOWS)))) | .id')
if [ -z "$made_by" ]; then
  echo "::error::run $RECEIPT_RUN is not an apply of this repository; nothing was written"
  exit 1
fi
gh run download "$RECEIPT_RUN" --repo "$GITHUB_REPOSITORY" --dir "$FOLDER" \
  --pattern "$ID-receipt-$RECEIPT_RUN-${RECEIPT_ATTEMPT:-*}" || true
# -V: attempt 10 comes after attempt 9
receipt=$(find "$FOLDER" -name '*.json' | sort -V | tail -n 1)
if [ -z "$receipt" ]; then
  echo "::error::run $RECEIPT_RUN has no receipt of ${RECEIPT_ATTEMPT:+attempt $RECEIPT_ATTEMPT of }$ID; nothing was written"
  exit 1
fi
echo "undoing ${receipt#"$FOLDER/"}"
read -r -d '' -a extra <<< "${ARGUMENTS:-}" || true
code=0
trueup -C "$DIRECTORY" undo "$receipt" ${extra[@]+"${extra[@]}"} --auto-approve || code=$?
echo "exitcode=$code" >> "$GITHUB_OUTPUT"
