#!/usr/bin/env bash
# Validates, and plans each of $ENVIRONMENTS, or the whole workspace when there are none. Leaves plan.json, or
# plan-NAME.json for each environment, and comment.md with a section for each in $FOLDER. The output `exitcode` is
# that of the worst. A document or a policy that is wrong is reported in the comment too.
set -euo pipefail

mkdir -p "$FOLDER"
# `read` ends with 1 at the end of its input; `-d ''` takes every line
read -r -d '' -a extra <<< "${ARGUMENTS:-} ${PERMISSIONS:-}" || true
read -r -d '' -a environments <<< "${ENVIRONMENTS:-}" || true
# code of a fork never runs programs that its documents name
if [ "${HEAD_REPOSITORY:-$GITHUB_REPOSITORY}" != "$GITHUB_REPOSITORY" ]; then export TRUEUP_NO_COMMANDS=1; fi

worst=0
# an error hides a refusal, a refusal hides differences; every other code (usage, a signal) is an error
add_code() {
  case "$worst:$1" in
    *:0 | 1:* | 2:2 | 3:2 | 3:3) ;;
    0:2 | 0:3 | 2:3) worst=$1 ;;
    *) worst=1 ;;
  esac
}
# plan_one FILE SECTION [--env NAME]; a plan that ends before its report gets a section too
plan_one() {
  local file=$1 section=$2 code=0
  shift 2
  rm -f "$FOLDER/$section"
  trueup -C "$DIRECTORY" plan "$@" ${extra[@]+"${extra[@]}"} --detailed-exitcode \
    --output "$FOLDER/$file" --report "markdown=$FOLDER/$section" || code=$?
  if [ ! -s "$FOLDER/$section" ]; then
    echo "There is no plan: \`trueup plan\` ended with exit code $code. The log of the job has the reason." > "$FOLDER/$section"
  fi
  add_code "$code"
}
# a comment holds 65,536 characters. A section that is too long ends before an object, never inside its diff
cut_section() { LC_ALL=C awk -v most="$((58000 / ${#environments[@]} - 300))" -f "$(dirname "$0")/cut-section.awk" "$1"; }

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
