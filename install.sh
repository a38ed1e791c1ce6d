#!/bin/sh
# Installs a release of trueup for Linux or macOS and verifies its checksum first.
#   curl --proto '=https' --fail --silent --show-error --location https://github.com/example/trueup/releases/latest/download/install.sh | sh
# TRUEUP_VERSION   the release, like v0.1.0 [default: the newest]
# TRUEUP_BIN       the folder for the program [default: ~/.local/bin]
# TRUEUP_RELEASES  where releases are, for a mirror [default: https://github.com/example/trueup/releases]
set -eu

fail() { echo "install.sh: $*; nothing was installed" >&2; exit 1; }

releases=${TRUEUP_RELEASES:-https://github.com/example/trueup/releases}
bin=${TRUEUP_BIN:-$HOME/.local/bin}
case "$releases" in
  https://*) protocols='=https' ;;
  http://127.0.0.1:*) protocols='=http' ;; # a mirror on this machine
  *) fail "TRUEUP_RELEASES must be an https URL" ;;
esac
case "${TRUEUP_VERSION:-latest}" in
  latest) from="$releases/latest/download" ;;
  v*) from="$releases/download/$TRUEUP_VERSION" ;;
  *) fail "TRUEUP_VERSION must be like v0.1.0" ;;
esac
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) target=x86_64-unknown-linux-musl ;;
  Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-musl ;;
  Darwin-x86_64) target=x86_64-apple-darwin ;;
  Darwin-arm64) target=aarch64-apple-darwin ;;
  *) fail "there is no release for $(uname -s) on $(uname -m)" ;;
esac
if command -v sha256sum > /dev/null; then sum='sha256sum'
elif command -v shasum > /dev/null; then sum='shasum -a 256'
else fail "neither sha256sum nor shasum is on PATH, so the checksum cannot be verified"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
get() {
  curl --proto "$protocols" --tlsv1.2 --fail --silent --show-error --location --output "$folder/$1" "$from/$1" \
    || fail "$from/$1 cannot be downloaded"
}
archive="trueup-$target.tar.gz"
get SHA256SUMS
get "$archive"
expected=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$archive\$/\1/p" "$folder/SHA256SUMS")
[ -n "$expected" ] || fail "SHA256SUMS does not name $archive"
actual=$($sum < "$folder/$archive" | cut -d ' ' -f 1)
[ "$expected" = "$actual" ] || fail "the checksum of $archive is $actual, and SHA256SUMS says $expected"
tar -xzf "$folder/$archive" -C "$folder" trueup || fail "$archive holds no trueup"
mkdir -p "$bin"
# a program that runs is replaced at once, not written over
cp "$folder/trueup" "$bin/.trueup.new" && chmod 755 "$bin/.trueup.new" && mv -f "$bin/.trueup.new" "$bin/trueup"
echo "installed $("$bin/trueup" --version) to $bin/trueup"
case ":$PATH:" in
  *":$bin:"*) ;;
  *) echo "add $bin to PATH" ;;
esac
