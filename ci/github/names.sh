#!/usr/bin/env bash
# Computes the names that keep workspaces and environments apart: `id` for comments, receipts, issues and caches;
# `plan-id` for plans, which are made for all environments of a workspace together.
# `state-key` names the state that this job saves; `state` is true where `.trueup` may be cached: only with TRUEUP_DIGEST_KEY, so that no key is ever in a cache.
set -euo pipefail

slug() { printf '%s' "$1" | tr -c 'A-Za-z0-9' '-' | sed 's/--*/-/g; s/^-//; s/-$//'; }

plan=trueup
workspace=$(slug "${DIRECTORY#./}")
if [ -n "$workspace" ]; then plan="$plan-$workspace"; fi
id=$plan
if [ -n "${ENVIRONMENT:-}" ]; then id="$id-$(slug "$ENVIRONMENT")"; fi
state=false
if [ "${STATE:-}" != none ] && [ -n "${TRUEUP_DIGEST_KEY:-}" ]; then state=true; fi
{
  echo "id=$id"
  echo "plan-id=$plan"
  echo "file=plan${ENVIRONMENT:+-$ENVIRONMENT}.json"
  echo "state=$state"
  echo "state-key=$plan-state-${GITHUB_RUN_ID:-}-${GITHUB_RUN_ATTEMPT:-1}-$id"
} >> "$GITHUB_OUTPUT"
if [ "${STATE:-}" != none ] && [ "$state" = false ]; then
  echo "::notice::without TRUEUP_DIGEST_KEY nothing is kept between runs; set it, or share receipts in trueup.yaml"
fi
