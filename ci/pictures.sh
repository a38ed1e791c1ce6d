#!/usr/bin/env bash
# Makes the pictures of docs/pictures from a real run: the quickstart workspace against the sandbox.
# Needs python3, and Chromium for the pictures of the HTML report; $TRUEUP is the program [default: target/debug/trueup].
set -euo pipefail
cd "$(dirname "$0")/.."

program=$(realpath "${TRUEUP:-target/debug/trueup}")
pictures=$PWD/docs/pictures
work=$(mktemp -d)
mkdir -p "$pictures"
cp -r examples/quickstart/. "$work"
"$program" sandbox --port 0 > "$work/address" 2> /dev/null &
sandbox=$!
trap 'kill "$sandbox"; rm -rf "$work"' EXIT
for _ in $(seq 50); do
  address=$(grep -o 'http://127.0.0.1:[0-9]*' "$work/address" | head -1 || true)
  if [ -n "$address" ]; then break; fi
  sleep 0.1
done
sed -i "s#http://127.0.0.1:8080#$address#" "$work/trueup.yaml"
export HARBOR_TOKEN=any PHONES_TOKEN=any HARBOR_MERCHANT_KEY=k:9,f HARBOR_CHECKS_KEY=sandbox-key-2040 \
  HARBOR_CHECKS_PIN=4711 ACME_PASSWORD='p"w,1'
cd "$work"
"$program" plan --color always config/gateways.yaml > plan.ansi 2> /dev/null
"$program" plan --report html=plan.html > /dev/null 2>&1
cd - > /dev/null
python3 ci/terminal_svg.py '$ trueup plan config/gateways.yaml' < "$work/plan.ansi" > "$pictures/plan.svg"

chromium=$(command -v chromium || command -v google-chrome || true)
if [ -z "$chromium" ]; then echo "without Chromium there are no pictures of the HTML report" >&2; exit 0; fi
for scheme in light dark; do
  dark=""
  if [ "$scheme" = dark ]; then dark="--force-prefers-color-scheme=dark --blink-settings=preferredColorScheme=0"; fi
  # shellcheck disable=SC2086
  "$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1000,760 $dark \
    --screenshot="$pictures/report-$scheme.png" "file://$work/plan.html" > /dev/null 2>&1
done
ls -l "$pictures"
