#!/usr/bin/env bash
# Finds the reviewed plan and downloads it to $FOLDER. On a push: the plan of the last commit of the pull request
# that this commit came from. With $PLAN_RUN: the plan of that run, which someone started by hand.
# Only plans of this repository, made by $PLAN_WORKFLOW for that commit, count.
set -euo pipefail
# shellcheck source=ci/github/host.sh
. "$(dirname "$0")/host.sh"

mkdir -p "$FOLDER"
repository="repos/$GITHUB_REPOSITORY"
number="" head="" run=""
if [ -n "${PLAN_RUN:-}" ]; then
  run=$PLAN_RUN
  head=$(gh api "$repository/actions/runs/$run" --jq .head_sha)
  event=workflow_dispatch
else
  event=pull_request
  pull=$(gh api "$repository/commits/$GITHUB_SHA/pulls" \
    --jq '[.[] | select(.merged_at)] | first // empty | "\(.number) \(.head.sha)"')
  if [ -z "$pull" ]; then
    echo "::error::$GITHUB_SHA came without a pull request, so there is no reviewed plan; nothing was written." \
      "Start the workflow by hand with mode plan, review its plan, then start it with mode apply"
    exit 1
  fi
  read -r number head <<< "$pull"
fi
export HEAD="$head" RUN="$run"
candidates=$(gh api --paginate "$repository/actions/artifacts?name=$ID-plan-$head&per_page=100" \
  --jq '[.artifacts[] | select((.expired | not) and .workflow_run.head_sha == env.HEAD
    and .workflow_run.head_repository_id == .workflow_run.repository_id
    and (env.RUN == "" or (.workflow_run.id | tostring) == env.RUN))]
    | sort_by(.created_at) | reverse | .[] | "\(.id) \(.workflow_run.id)"')
export EVENT="$event" WORKFLOW="${PLAN_WORKFLOW:-}"
while read -r artifact made_by; do
  if [ -z "$artifact" ]; then continue; fi
  matches=$(gh api "$repository/actions/runs/$made_by" --jq \
    'select(.event == env.EVENT and (env.WORKFLOW == "" or (.path | split("@")[0] | split("/")[-1]) == env.WORKFLOW)) | .id')
  if [ -n "$matches" ]; then
    gh run download "$made_by" --repo "$GITHUB_REPOSITORY" --name "$ID-plan-$head" --dir "$FOLDER"
    rm -f "$FOLDER/comment.md"
    if [ ! -f "$FOLDER/$FILE" ]; then
      echo "::error::the plan of $head has no $FILE; nothing was written. Plan this environment too"
      exit 1
    fi
    echo "number=$number" >> "$GITHUB_OUTPUT"
    exit 0
  fi
done <<< "$candidates"
echo "::error::there is no plan of ${number:+pull request $number, }commit $head any more; nothing was written." \
  "Start the workflow by hand with mode plan, review its plan, then start it with mode apply"
exit 1
