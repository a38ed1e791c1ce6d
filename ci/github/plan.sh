#!/usr/bin/env bash
# Validates, and plans each of $ENVIRONMENTS, or the whole workspace when there are none. Leaves plan.json, or
# plan-NAME.json for each environment, and comment.md with a section for each in $FOLDER. The output `exitcode` is
# that of the worst. A document or a policy that is wrong is told in the comment too.
set -euo pipefail

mkdir -p "$FOLDER"
read -ra extra <<< "${ARGUMENTS:-} ${PERMISSIONS:-}"
read -ra environments <<< "${ENVIRONMENTS:-}"
# code of a fork never runs programs that its documents name
if [ "${HEAD_REPOSITORY:-$GITHUB_REPOSITORY}" != "$GITHUB_REPOSITORY" ]; then export TRUEUP_NO_COMMANDS=1; fi

worst=0
# an error hides a refusal, a refusal hides differences
add_code() {
  case "$worst:$1" in
    *:0) ;;
    0:*) worst=$1 ;;
    1:* | *:1) worst=1 ;;
    3:* | *:3) worst=3 ;;
  esac
}
# plan_one FILE COMMENT [--env NAME]
plan_one() {
  local file=$1 comment=$2 code=0
  shift 2
  trueup -C "$DIRECTORY" plan "$@" ${extra[@]+"${extra[@]}"} --detailed-exitcode \
    --output "$FOLDER/$file" --report "markdown=$FOLDER/$comment" || code=$?
  add_code "$code"
}
# a comment holds 65,536 characters
cut_section() { head -c "$((58000 / ${#environments[@]}))" "$1" | iconv -c -f UTF-8 -t UTF-8; }

code=0
trueup -C "$DIRECTORY" policy test || code=$?
if [ "$code" = 0 ]; then
  trueup -C "$DIRECTORY" validate --report "markdown=$FOLDER/comment.md" || code=$?
fi
# 3: a policy is broken; the plan shows what would change all the same
if [ "$code" != 0 ] && [ "$code" != 3 ]; then
  add_code "$code"
elif [ "${#environments[@]}" = 0 ]; then
  plan_one plan.json comment.md
else
  rm -f "$FOLDER/comment.md"
  for name in "${environments[@]}"; do
    plan_one "plan-$name.json" "section.md" --env "$name"
    { echo "## $name"; echo; cut_section "$FOLDER/section.md"; echo; } >> "$FOLDER/comment.md"
    rm -f "$FOLDER/section.md"
  done
fi
echo "exitcode=$worst" >> "$GITHUB_OUTPUT"
