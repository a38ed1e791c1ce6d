#!/usr/bin/env bash
# Writes $FOLDER/comment.md as a comment of pull request $NUMBER, or over the one that is there. The first line
# of the text is a marker, by which the comment is found again.
set -euo pipefail

if [ ! -s "$FOLDER/comment.md" ] || [ -z "$NUMBER" ]; then exit 0; fi
comments="repos/$GITHUB_REPOSITORY/issues"
marker="<!-- trueup:$TITLE -->"
id=$(gh api --paginate "$comments/$NUMBER/comments" --jq ".[] | select(.body | startswith(\"$marker\")) | .id" | sed -n 1p)
if [ -n "$id" ]; then
  gh api --method PATCH "$comments/comments/$id" --field "body=@$FOLDER/comment.md" --silent
else
  gh api --method POST "$comments/$NUMBER/comments" --field "body=@$FOLDER/comment.md" --silent
fi
