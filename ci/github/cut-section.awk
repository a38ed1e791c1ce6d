# A report in Markdown in at most `most` bytes: whole lines, and of the objects at its end only whole ones. Says so
# where something is omitted. A line of a diff is indented or begins with a sign: none is taken for the end of an object.
{ lines[NR] = $0; bytes += length($0) + 1; if (bytes <= most) fitting = NR }
/^<details>/ { inside = 1 }
/^<\/details>$/ { inside = 0 }
{ if (!inside && fitting == NR) last = NR }
END {
  if (bytes <= most) last = NR
  for (at = 1; at <= last; at++) print lines[at]
  if (last == NR) exit
  for (at = last + 1; at <= NR; at++) objects += lines[at] ~ /^<details>/
  print "\n**The details of " objects " more objects, or of objects alike, are omitted here: this section is limited to " \
    most " bytes.** The full plan is in the artifact and in the log of the job."
}
