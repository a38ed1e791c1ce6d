#!/usr/bin/env bash
# Copies `.trueup` to the folder that is cached ($FOLDER), or back. Keys and locks are never copied.
#   state.sh save | state.sh restore
set -euo pipefail

state="$DIRECTORY/.trueup"
copy() {
  if [ ! -d "$1" ]; then return; fi
  mkdir -p "$2"
  chmod 700 "$2"
  tar -C "$1" --exclude=./key --exclude='./*.key' --exclude=./lock -cf - . | tar -C "$2" --no-same-owner -xf -
}
case "$1" in
  save) rm -rf "$FOLDER" && copy "$state" "$FOLDER" ;;
  restore) copy "$FOLDER" "$state" ;;
  *) echo "state.sh save | restore" >&2; exit 64 ;;
esac
