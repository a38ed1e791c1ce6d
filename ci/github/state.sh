#!/usr/bin/env bash
# Copies `.trueup` to the folder that is cached ($FOLDER), or back. Keys and locks are never copied.
#   state.sh restore   puts what was restored from the cache into the workspace, and remembers it
#   state.sh save      adds what this job changed to what is in $FOLDER now: the newest state, which another job may
#                      have saved meanwhile
# A record is taken from this job where the job changed it, and from the newest state otherwise.
set -euo pipefail

state="$DIRECTORY/.trueup"
before="$FOLDER-before"
copy() {
  if [ ! -d "$1" ]; then return; fi
  mkdir -p "$2"
  chmod 700 "$2"
  tar -C "$1" --exclude=./key --exclude='./*.key' --exclude=./lock -cf - . | tar -C "$2" --no-same-owner -xf -
}
# existing FILE: the file, or an empty one
existing() { if [ -f "$1" ]; then echo "$1"; else echo /dev/null; fi; }
# merge_json FILE: the entries of `objects` by object, those of `plans` by plan
merge_json() {
  jq -n --slurpfile before "$(existing "$before/$1")" --slurpfile own "$state/$1" --slurpfile newest "$FOLDER/$1" '
    def entries: (.objects // [] | map({key: ([.target, .kind, .name] | tojson), value: .}) | from_entries)
      + (.plans // {});
    ($before[0] // {} | entries) as $b | ($own[0] | entries) as $o
    | reduce (($b + $o) | keys[] | select($b[.] != $o[.])) as $key ($newest[0] | entries;
        if $o[$key] == null then del(.[$key])
        # objects of one plan may be applied by several jobs
        elif $o[$key].objects then .[$key] = $o[$key] + {objects: ($o[$key].objects + (.[$key].objects // []) | unique)}
        else .[$key] = $o[$key] end)
    | if $own[0] | has("plans") then {format: 1, plans: .} else {format: 1, objects: [.[]]} end' > "$FOLDER-merged"
  mv "$FOLDER-merged" "$FOLDER/$1"
}
# merge_log FILE: what is said last of a record holds, so that the new lines of this job come last
merge_log() {
  {
    grep '}$' "$FOLDER/$1" || true
    grep -vxF -f "$(existing "$before/$1")" "$state/$1" || true
  } | awk 'NR == 1 || !/^\{"format":/' > "$FOLDER-merged"
  mv "$FOLDER-merged" "$FOLDER/$1"
}
merge() {
  local file
  # receipts and journals have names of their own
  mkdir -p "$FOLDER-files"
  copy "$FOLDER" "$FOLDER-files"
  copy "$state" "$FOLDER"
  for file in index.json applied.json ledger.jsonl written.jsonl; do
    rm -f "$FOLDER/$file"
    if [ -f "$FOLDER-files/$file" ]; then cp -p "$FOLDER-files/$file" "$FOLDER/$file"; fi
    if [ ! -f "$state/$file" ]; then continue; fi
    if [ ! -f "$FOLDER/$file" ]; then
      cp -p "$state/$file" "$FOLDER/$file"
    elif [ "${file##*.}" = json ]; then
      merge_json "$file"
    else
      merge_log "$file"
    fi
  done
  rm -rf "$FOLDER-files"
}
case "$1" in
  save)
    mkdir -p "$before" "$FOLDER"
    merge
    ;;
  restore)
    copy "$FOLDER" "$state"
    rm -rf "$before"
    mkdir -p "$before"
    # the folder is filled again by the newest state before it is saved
    if [ -d "$FOLDER" ]; then rmdir "$before" && mv "$FOLDER" "$before"; fi
    ;;
  *) echo "state.sh save | restore" >&2; exit 64 ;;
esac
