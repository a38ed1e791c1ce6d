#!/usr/bin/env bash
# Waits until every earlier run of this workflow has ended, so that applies happen in the order of their merges and
# none is lost. (A concurrency group keeps one waiting run and cancels the others.)
set -euo pipefail
# shellcheck source=ci/github/host.sh
. "$(dirname "$0")/host.sh"

export RUN="$GITHUB_RUN_ID" NUMBER="$GITHUB_RUN_NUMBER"
self=$(gh api "repos/$GITHUB_REPOSITORY/actions/runs/$RUN" --jq .workflow_id)
deadline=$((SECONDS + 60 * ${WAIT_MINUTES:-30}))
while :; do
  earlier=0
  for status in queued in_progress waiting pending; do
    found=$(gh api --paginate "repos/$GITHUB_REPOSITORY/actions/workflows/$self/runs?status=$status&per_page=100" \
      --jq '.workflow_runs[] | select(.run_number < (env.NUMBER | tonumber)) | .id' | wc -l)
    earlier=$((earlier + found))
  done
  if [ "$earlier" = 0 ]; then exit 0; fi
  if [ "$SECONDS" -ge "$deadline" ]; then
    echo "::error::$earlier earlier runs of this workflow have not ended; nothing was written. Run this job again"
    exit 1
  fi
  echo "waiting for $earlier earlier runs"
  sleep "${WAIT_SECONDS:-15}"
done
