#!/usr/bin/env bash
# Reads permissions from the description of pull request $NUMBER: lines like `trueup: allow max-updates=40`.
# They count only if the author of the pull request, and everybody who ever edited the description, are in
# $PERMISSION_AUTHORS (logins, split at blanks or lines). Writes flags to the output `flags`.
set -euo pipefail
# shellcheck source=ci/github/host.sh
. "$(dirname "$0")/host.sh"

flags=""
if [ -n "${PERMISSION_AUTHORS:-}" ] && [ -n "${NUMBER:-}" ]; then
  # shellcheck disable=SC2016
  query='query($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) {
    pullRequest(number: $number) { body author { login } editor { login }
      userContentEdits(first: 100) { totalCount nodes { editor { login } } } } } }'
  pull=$(gh api graphql --raw-field "query=$query" --raw-field "owner=${GITHUB_REPOSITORY%%/*}" \
    --raw-field "name=${GITHUB_REPOSITORY#*/}" --field "number=$NUMBER" --jq .data.repository.pullRequest)
  asked=$(jq -r .body <<< "$pull" | tr -d '\r' | sed -n 's/^trueup: allow \(.*\)$/\1/p')
  people=$(jq -r '[.author.login, .editor.login, .userContentEdits.nodes[]?.editor.login] | map(select(. != null))
    | unique | .[]' <<< "$pull")
  # an edit whose editor is not known may be anyone's: of a deleted account, or behind the first page
  trusted=$(jq -r '.author.login != null and (.userContentEdits | .totalCount == (.nodes | length)
    and all(.nodes[]; .editor.login != null))' <<< "$pull")
  if [ "$trusted" = false ]; then people="$people unknown-editor"; fi
  authors=${PERMISSION_AUTHORS//[$'\n\t\r']/ }
  for person in $people; do
    case " $authors " in *" $person "*) ;; *) trusted=false ;; esac
  done
  people=$(tr -s '\n' ' ' <<< "$people" | sed 's/ *$//; s/ /, /g')
  if [ -n "$asked" ] && [ "$trusted" != true ]; then
    echo "::warning::the permissions in the description do not count: $people may not give them"
    asked=""
  fi
  while read -r permission; do
    if [ -z "$permission" ]; then continue; fi
    case "${permission%%=*}" in
      max-updates | max-deletes | max-requests | allow-delete | allow-replace | allow-rename | retry-creates | overwrite-edits | allow-personal) ;;
      *) echo "::error::\`trueup: allow ${permission%%=*}\` is not a permission of pull requests"; exit 1 ;;
    esac
    if ! [[ ${permission#*=} =~ ^[0-9]+$ ]] || [[ $permission != *=* ]]; then
      echo "::error::write a number: \`trueup: allow ${permission%%=*}=N\`"
      exit 1
    fi
    flags="$flags --$permission"
    echo "allowed by $people: --$permission"
  done <<< "$asked"
fi
echo "flags=${flags# }" >> "$GITHUB_OUTPUT"
