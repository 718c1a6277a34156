#!/usr/bin/env bash
# A minimal Debian 12 image to build test roots on. Prints its name.
#
# tars-home/base:bookworm (what `tars install` builds on hosts without a registry) is taken where it is there;
# otherwise one of our own is made by debootstrap, which needs root and the Debian mirror, and about 45 s.
set -euo pipefail

for image in tars-home/base:bookworm tars-test/base:bookworm; do
  if docker image inspect "$image" >/dev/null 2>&1; then
    echo "$image"
    exit 0
  fi
done

root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
debootstrap --variant=minbase --include=ca-certificates bookworm "$root" >&2
tar -C "$root" -c . | docker import - tars-test/base:bookworm >/dev/null
echo tars-test/base:bookworm
