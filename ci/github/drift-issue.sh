#!/usr/bin/env bash
# Opens, updates or closes the issue about drift of this workspace and environment, by the exit code in $CODE:
# 2 opens or updates it; 0 (no differences) and 5 (only pending or never applied) close it; an error changes nothing.
set -euo pipefail
# shellcheck source=ci/github/host.sh
. "$(dirname "$0")/host.sh"

if [ ! -s "$FOLDER/comment.md" ]; then exit 0; fi
issues="repos/$GITHUB_REPOSITORY/issues"
label="$ID-drift"
export LABEL="$label" AUTHOR
number=$(gh api --paginate "$issues?labels=$label&state=open&per_page=100" \
  --jq '.[] | select(.user.login == env.AUTHOR) | .number' | sed -n 1p)
case "$CODE" in
  2)
    if [ -n "$number" ]; then
      gh api --method PATCH "$issues/$number" --field "body=@$FOLDER/comment.md" --silent
    else
      gh api --method POST "$issues" --field "title=Drift in ${ID#trueup-}" \
        --field "body=@$FOLDER/comment.md" --field "labels[]=$label" --silent
    fi
    ;;
  0 | 5)
    if [ -n "$number" ]; then gh api --method PATCH "$issues/$number" --field state=closed --silent; fi
    ;;
  *) echo "drift could not be determined (exit code $CODE); the issue is left as it is" ;;
esac
