#!/usr/bin/env bash
# Answers in place of GitHub's own program, from JSON files in $HUB: comments, issues, runs, artifacts, pull requests.
# Lists have two entries a page, and only `--paginate` sees more than the first. Every call needs a token.
set -euo pipefail
shopt -s inherit_errexit

echo "$*" >> "$HUB/calls"
[ -n "${GH_TOKEN:-}" ] || { echo "no token" >&2; exit 4; }
# a server of one's own needs its host, and the token under another name
if [ "${GITHUB_SERVER_URL:-https://github.com}" != https://github.com ]; then
  if [ -z "${GH_ENTERPRISE_TOKEN:-}" ] || [ "https://${GH_HOST:-}" != "$GITHUB_SERVER_URL" ]; then
    echo "gh: not logged in to $GITHUB_SERVER_URL" >&2
    exit 4
  fi
fi
login="github-actions[bot]"

if [ "$1 $2" = "run download" ]; then
  shift 2; run=$1; shift
  while [ $# -gt 0 ]; do
    case "$1" in --name) pattern=$2 ;; --pattern) pattern=$2 ;; --dir) folder=$2 ;; --repo) ;; esac
    shift 2
  done
  jq -r --arg run "$run" '.[] | select((.workflow_run.id | tostring) == $run) | .name' "$HUB/artifacts.json" |
    while read -r name; do
      # shellcheck disable=SC2053
      if [[ $name == $pattern ]]; then
        if [[ $pattern == *"*"* ]]; then mkdir -p "$folder/$name" && cp -r "$HUB/artifacts/$run/$name/." "$folder/$name"
        else cp -r "$HUB/artifacts/$run/$name/." "$folder"; fi
      fi
    done
  exit 0
fi

shift
path="" method=GET expression=. paginate=false
declare -A fields=()
while [ $# -gt 0 ]; do
  case "$1" in
    --method) method=$2; shift ;;
    --field | --raw-field) fields["${2%%=*}"]="${2#*=}"; shift ;;
    --jq) expression=$2; shift ;;
    --paginate) paginate=true ;;
    --silent) expression=empty ;;
    *) path=$1 ;;
  esac
  shift
done
resource=${path#repos/"$GITHUB_REPOSITORY"/}
query=${resource#*\?}
resource=${resource%%\?*}
parameter() { sed -n "s/.*\(^\|&\)$1=\([^&]*\).*/\2/p" <<< "$query"; }
body() { case "${fields[body]-}" in @*) jq -Rs . "${fields[body]#@}" ;; *) jq -n --arg b "${fields[body]-}" '$b' ;; esac; }
change() { jq "${@:2}" "$HUB/$1.json" > "$HUB/$1.new" && mv "$HUB/$1.new" "$HUB/$1.json"; }

# a list, page by page, in an object under a member if one is given
list() {
  local all=${1:?} member=${2:-} from=0
  while :; do
    jq --argjson from "$from" --arg member "$member" \
      '.[$from:$from + 2] | if $member == "" then . else {($member): .} end' <<< "$all" | jq -r "$expression"
    from=$((from + 2))
    if [ "$paginate" = false ] || [ "$from" -ge "$(jq length <<< "$all")" ]; then break; fi
  done
}

case "$method $resource" in
  # only what was asked for
  "GET graphql")
    jq --arg query "${fields[query]}" 'if $query | contains("userContentEdits(first: 100)") then . else del(.userContentEdits) end
      | {data: {repository: {pullRequest: .}}}' "$HUB/pull.json" | jq "$expression" ;;
  "GET issues/"*/comments) list "$(cat "$HUB/comments.json")" ;;
  "POST issues/"*/comments)
    change comments --argjson body "$(body)" --arg login "$login" '. + [{id: (length + 100), user: {login: $login}, body: $body}]' ;;
  "PATCH issues/comments/"*)
    change comments --argjson body "$(body)" --arg id "${resource##*/}" 'map(if (.id | tostring) == $id then .body = $body else . end)' ;;
  "GET issues")
    list "$(jq --arg tag "$(parameter labels)" 'map(select(.state == "open" and (.labels | index($tag))))' "$HUB/issues.json")" ;;
  "POST issues")
    change issues --argjson body "$(body)" --arg login "$login" --arg title "${fields[title]}" --arg tag "${fields["labels[]"]}" \
      '. + [{number: (length + 9), state: "open", user: {login: $login}, title: $title, labels: [$tag], body: $body}]' ;;
  "PATCH issues/"*)
    if [ "${fields[state]-}" = closed ]; then
      change issues --arg n "${resource##*/}" 'map(if (.number | tostring) == $n then .state = "closed" else . end)'
    else
      change issues --arg n "${resource##*/}" --argjson body "$(body)" 'map(if (.number | tostring) == $n then .body = $body else . end)'
    fi ;;
  "GET commits/"*/pulls) sha=${resource#commits/}; jq -r "$expression" "$HUB/merged/${sha%/pulls}.json" 2> /dev/null || echo '[]' | jq -r "$expression" ;;
  "GET actions/artifacts") list "$(jq --arg name "$(parameter name)" 'map(select(.name == $name))' "$HUB/artifacts.json")" artifacts ;;
  "GET actions/runs/"*/jobs)
    run=${resource#actions/runs/}
    list "$(jq --arg id "${run%/jobs}" 'map(select((.id | tostring) == $id)) | first | .jobs // []' "$HUB/runs.json")" jobs ;;
  "GET actions/runs/"*) jq --arg id "${resource##*/}" 'map(select((.id | tostring) == $id)) | first' "$HUB/runs.json" | jq -r "$expression" ;;
  "GET actions/workflows/"*/runs)
    workflow=${resource#actions/workflows/}
    list "$(jq --arg workflow "${workflow%/runs}" --arg status "$(parameter status)" \
      'map(select((.workflow_id | tostring) == $workflow and .status == $status))' "$HUB/runs.json")" workflow_runs ;;
  *) echo "no answer to $method $path" >&2; exit 1 ;;
esac
