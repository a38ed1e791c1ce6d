#!/usr/bin/env bash
# Makes a container image without a daemon: image.sh OUT.tar VERSION CERTIFICATES ARCH=BINARY...
# The image holds one static program and the roots of TLS; no shell, and it runs as user 65532.
# OUT.tar is an OCI layout, which podman, skopeo, crane and containerd read. The same input gives the same bytes.
set -euo pipefail
shopt -s inherit_errexit

out=$(realpath -m "$1") version=${2#v} certificates=$3
shift 3
[ $# -gt 0 ] || { echo "image.sh OUT.tar VERSION CERTIFICATES ARCH=BINARY..." >&2; exit 64; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/layout/blobs/sha256"

pack() { tar --sort=name --mtime=@0 --numeric-owner --format=posix --pax-option=delete=atime,delete=ctime "$@"; }
# moves a file among the blobs and prints its descriptor
blob() {
  local digest size
  digest=$(sha256sum "$1" | cut -d ' ' -f 1)
  size=$(stat -c %s "$1")
  mv "$1" "$work/layout/blobs/sha256/$digest"
  jq -cn --arg type "$2" --arg digest "sha256:$digest" --argjson size "$size" \
    '{mediaType: $type, digest: $digest, size: $size}'
}

manifests='[]'
for pair in "$@"; do
  architecture=${pair%%=*} binary=${pair#*=}
  root="$work/root"
  rm -rf "$root"
  mkdir -p "$root/etc/ssl/certs" "$root/tmp" "$root/work"
  cp "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
  cp "$binary" "$root/trueup"
  chmod 644 "$root/etc/ssl/certs/ca-certificates.crt"
  chmod 755 "$root" "$root/etc" "$root/etc/ssl" "$root/etc/ssl/certs" "$root/work" "$root/trueup"
  chmod 1777 "$root/tmp"
  pack --owner=0 --group=0 -cf "$work/layer.tar" -C "$root" ./etc ./tmp ./trueup
  pack --owner=65532 --group=65532 -rf "$work/layer.tar" -C "$root" ./work
  diff=$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)
  gzip --no-name --force "$work/layer.tar"
  layer=$(blob "$work/layer.tar.gz" application/vnd.oci.image.layer.v1.tar+gzip)
  jq -cn --arg architecture "$architecture" --arg diff "sha256:$diff" --arg version "$version" '{
    architecture: $architecture, os: "linux",
    config: {
      User: "65532:65532", WorkingDir: "/work", Entrypoint: ["/trueup"],
      Env: ["SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
      Labels: {"org.opencontainers.image.title": "trueup", "org.opencontainers.image.version": $version,
        "org.opencontainers.image.licenses": "Apache-2.0 OR MIT"}
    },
    rootfs: {type: "layers", diff_ids: [$diff]}
  }' > "$work/config.json"
  config=$(blob "$work/config.json" application/vnd.oci.image.config.v1+json)
  jq -cn --argjson config "$config" --argjson layer "$layer" '{
    schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: $config, layers: [$layer]
  }' > "$work/manifest.json"
  manifest=$(blob "$work/manifest.json" application/vnd.oci.image.manifest.v1+json)
  manifests=$(jq -c --argjson manifest "$manifest" --arg architecture "$architecture" \
    '. + [$manifest + {platform: {os: "linux", architecture: $architecture}}]' <<< "$manifests")
done
jq -cn --argjson manifests "$manifests" '{
  schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: $manifests
}' > "$work/index.json"
index=$(blob "$work/index.json" application/vnd.oci.image.index.v1+json)
jq -cn --argjson index "$index" --arg version "$version" '{
  schemaVersion: 2, manifests: [$index + {annotations: {"org.opencontainers.image.ref.name": $version}}]
}' > "$work/layout/index.json"
echo '{"imageLayoutVersion":"1.0.0"}' > "$work/layout/oci-layout"
pack --owner=0 --group=0 -cf "$out" -C "$work/layout" ./blobs ./index.json ./oci-layout
