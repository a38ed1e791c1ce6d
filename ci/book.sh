#!/usr/bin/env bash
# Builds docs/ as a book with search into target/book. Links to files outside of docs/ lead to the repository.
#   SOURCE   the repository on the web [default: https://github.com/example/trueup]
set -euo pipefail
cd "$(dirname "$0")/.."

source=${SOURCE:-https://github.com/example/trueup}
rm -rf target/book-source target/book
mkdir -p target/book-source
cp -r docs target/book-source/docs
sed "s#^build-dir = .*#build-dir = \"../book\"#; s#^git-repository-url = .*#git-repository-url = \"$source\"#" \
  book.toml > target/book-source/book.toml
find target/book-source/docs -name '*.md' -exec sed -i "s#](\.\./\([^)]*\))#](@outside@/\1)#g" {} +
find target/book-source/docs/reference -name '*.md' -exec sed -i "s#](@outside@/\.\./#](@source@/#g" {} +
# pages in folders reach other pages of the book by ../ too
find target/book-source/docs/reference -name '*.md' -exec sed -i "s#](@outside@/#](../#g" {} +
find target/book-source/docs -name '*.md' -exec sed -i "s#](@\(outside\|source\)@/#]($source/blob/main/#g" {} +
# the book calls a README of a folder its index
find target/book-source/docs -name '*.md' ! -name SUMMARY.md -exec sed -i "s#](\([a-z./]*\)README\.md#](\1index.md#g" {} +
mdbook build target/book-source

# every link within the book leads to a file, and to a heading if it names one
broken=0
while IFS=$'\t' read -r page target; do
  file=${target%%#*} anchor=""
  case "$target" in *#*) anchor=${target#*#} ;; esac
  case "$target" in http*: | http://* | https://* | mailto:* | javascript:* | data:*) continue ;; esac
  path=$page
  if [ -n "$file" ]; then path="$(dirname "$page")/$file"; fi
  if [ ! -e "$path" ]; then
    echo "${page#target/book/}: nothing at $target" >&2
    broken=$((broken + 1))
  elif [ -n "$anchor" ] && [ -f "$path" ] && ! grep -q "id=\"$anchor\"" "$path"; then
    echo "${page#target/book/}: no heading for $target" >&2
    broken=$((broken + 1))
  fi
done < <(
  find target/book -name '*.html' ! -name print.html ! -name 404.html ! -name toc.html -print0 |
    xargs -0 grep -o 'href="[^"]*"' /dev/null | sed 's/:href="/\t/; s/"$//' | sort -u
)
[ "$broken" = 0 ] || { echo "$broken broken links" >&2; exit 1; }
echo "target/book: $(find target/book -name '*.html' | wc -l) pages, no broken links"
