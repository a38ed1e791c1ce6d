#!/usr/bin/env bash
# Validates and plans; leaves plan.json and comment.md in $FOLDER and the exit code in the output `exitcode`.
# A document or a policy that is wrong is told in the comment too.
set -euo pipefail

mkdir -p "$FOLDER"
read -ra extra <<< "${ARGUMENTS:-} ${PERMISSIONS:-}"
# code of a fork never runs programs that its documents name
if [ "${HEAD_REPOSITORY:-$GITHUB_REPOSITORY}" != "$GITHUB_REPOSITORY" ]; then export TRUEUP_NO_COMMANDS=1; fi
code=0
trueup -C "$DIRECTORY" policy test || code=$?
if [ "$code" = 0 ]; then
  trueup -C "$DIRECTORY" validate --report "markdown=$FOLDER/comment.md" || code=$?
fi
# 3: a policy is broken; the plan shows what would change all the same
if [ "$code" = 0 ] || [ "$code" = 3 ]; then
  code=0
  trueup -C "$DIRECTORY" plan ${extra[@]+"${extra[@]}"} --detailed-exitcode \
    --output "$FOLDER/plan.json" --report "markdown=$FOLDER/comment.md" || code=$?
fi
echo "exitcode=$code" >> "$GITHUB_OUTPUT"
