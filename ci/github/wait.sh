#!/usr/bin/env bash
# Waits until the earlier runs of this workflow, and of $WAIT_FOR, are done with this job, so that applies happen in
# the order of their merges and none is lost. (A concurrency group keeps one waiting run and cancels the others.)
# A run is done with it when it ended, or when its job of the same name did and none of its jobs runs: `staging` does
# not wait for the reviewers of `production`. A run by hand counts by its environment. Runs are ordered by the start of
# their last attempt.
set -euo pipefail
# shellcheck source=ci/github/host.sh
. "$(dirname "$0")/host.sh"

actions="repos/$GITHUB_REPOSITORY/actions"
self=$(gh api "$actions/runs/$GITHUB_RUN_ID" --jq '"\(.workflow_id) \(.run_started_at)"')
read -r workflow started <<< "$self"
export STARTED="$started" RUN="$GITHUB_RUN_ID"
job=${GITHUB_JOB:-} place=${ENVIRONMENT:-$job}
read -r -d '' -a workflows <<< "$workflow ${WAIT_FOR:-}" || true

# prints a line for each earlier run that is not done with this job
list_earlier() {
  local status other run
  for other in "${workflows[@]}"; do
    for status in queued in_progress waiting pending; do
      gh api --paginate "$actions/workflows/$other/runs?status=$status&per_page=100" \
        --jq '.workflow_runs[] | select([.run_started_at, .id] < [env.STARTED, (env.RUN | tonumber)]) | .id'
    done
  done | sort -u > "$RUNNER_TEMP/earlier"
  while read -r run; do
    gh api --paginate "$actions/runs/$run/jobs?per_page=100" \
      --jq '.jobs[] | "\(.status) \(.name)"' > "$RUNNER_TEMP/jobs"
    if ! grep -qxF -e "completed $job" -e "completed $place" "$RUNNER_TEMP/jobs" ||
      grep -qE '^(queued|in_progress) ' "$RUNNER_TEMP/jobs"; then
      echo "$run"
    fi
  done < "$RUNNER_TEMP/earlier"
}

deadline=$((SECONDS + 60 * ${WAIT_MINUTES:-30}))
while :; do
  list_earlier > "$RUNNER_TEMP/open"
  if [ ! -s "$RUNNER_TEMP/open" ]; then exit 0; fi
  read -r -d '' -a open < "$RUNNER_TEMP/open" || true
  if [ "$SECONDS" -ge "$deadline" ]; then
    echo "::error::${#open[@]} earlier runs have not ended (${open[*]}); nothing was written." \
      "Approve, reject or cancel them, then run this job again"
    exit 1
  fi
  echo "waiting for ${#open[@]} earlier runs: ${open[*]}"
  sleep "${WAIT_SECONDS:-15}"
done
