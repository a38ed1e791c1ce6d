#!/usr/bin/env bash
# Prints the Homebrew formula of a release: formula.sh VERSION SHA256SUMS
# A tap keeps it as Formula/trueup.rb; the release workflow adds it to each release.
set -euo pipefail
shopt -s inherit_errexit

version=${1#v}
sums=$2
releases=${TRUEUP_RELEASES:-https://github.com/example/trueup/releases}
checksum() {
  local found
  found=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]trueup-$1\.tar\.gz\$/\1/p" "$sums")
  [ -n "$found" ] || { echo "formula.sh: $sums does not name trueup-$1.tar.gz" >&2; exit 1; }
  echo "$found"
}
# one branch of the formula: platform and target
branch() {
  local sum
  sum=$(checksum "$2")
  cat << END
    on_$1 do
      url "$releases/download/v$version/trueup-$2.tar.gz"
      sha256 "$sum"
    end
END
}
mac_arm=$(branch arm aarch64-apple-darwin)
mac_intel=$(branch intel x86_64-apple-darwin)
linux_arm=$(branch arm aarch64-unknown-linux-musl)
linux_intel=$(branch intel x86_64-unknown-linux-musl)
cat << END
class Trueup < Formula
  desc "Manage SaaS configuration from YAML in Git"
  homepage "https://github.com/example/trueup"
  version "$version"
  license any_of: ["Apache-2.0", "MIT"]

  on_macos do
$mac_arm
$mac_intel
  end

  on_linux do
$linux_arm
$linux_intel
  end

  def install
    bin.install "trueup"
    generate_completions_from_executable(bin/"trueup", "completions")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/trueup --version")
  end
end
END
