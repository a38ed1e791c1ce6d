#!/usr/bin/env bash
# Tells the receipt of this run from those that came with the state.
#   receipt.sh before   remembers what is there
#   receipt.sh after    copies what is new to $FOLDER
set -euo pipefail

receipts="$DIRECTORY/.trueup/receipts"
known="$RUNNER_TEMP/receipts-before"
case "$1" in
  before) find "$receipts" -name '*.json' 2> /dev/null | sort > "$known" || true ;;
  after)
    mkdir -p "$FOLDER"
    find "$receipts" -name '*.json' 2> /dev/null | sort | comm -13 "$known" - | while read -r receipt; do
      cp "$receipt" "$FOLDER"
    done
    ;;
  *) echo "receipt.sh before | after" >&2; exit 64 ;;
esac
