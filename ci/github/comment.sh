#!/usr/bin/env bash
# Writes $FOLDER/comment.md as a comment of pull request $NUMBER, or over the comment that an earlier run wrote.
# That one is found by its author and by a marker with the names of workspace, environment and command.
set -euo pipefail
# shellcheck source=ci/github/host.sh
. "$(dirname "$0")/host.sh"

if [ ! -s "$FOLDER/comment.md" ] || [ -z "$NUMBER" ]; then exit 0; fi
export MARKER="<!-- $ID:$TITLE -->" AUTHOR
body="$FOLDER/$TITLE-body.md"
{
  echo "$MARKER"
  if [ "$ID" != trueup ]; then echo "**${ID#trueup-}**"; echo; fi
  cat "$FOLDER/comment.md"
} > "$body"
comments="repos/$GITHUB_REPOSITORY/issues"
id=$(gh api --paginate "$comments/$NUMBER/comments" \
  --jq '.[] | select(.user.login == env.AUTHOR and (.body | startswith(env.MARKER))) | .id' | sed -n 1p)
if [ -n "$id" ]; then
  gh api --method PATCH "$comments/comments/$id" --field "body=@$body" --silent
else
  gh api --method POST "$comments/$NUMBER/comments" --field "body=@$body" --silent
fi
