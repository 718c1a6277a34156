#!/usr/bin/env bash
# Builds tars-test/ollama:double: the Ollama double where the real image has its binary, with the same entry point.
#
# Does nothing (0.1 s) where the image was made from the present files. Prints the image's name.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/roots/commit.sh
. "$here/../roots/commit.sh"

image=tars-test/ollama:double
key=$(cat "$here/ollama_double.py" "$here/image.sh" | sha256sum | cut -c1-16)

# python3-minimal has no http.server; python3 with its libpython3-stdlib has.
COPY="$here/ollama_double.py:/bin/ollama" commit_image "$image" "$("$here/../roots/base.sh")" "$key" '
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends python3
  rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
  chmod 0755 /bin/ollama
' --change 'ENTRYPOINT ["/bin/ollama"]' --change 'CMD ["serve"]' --change 'ENV OLLAMA_HOST=0.0.0.0:11434' \
  --change 'ENV PYTHONDONTWRITEBYTECODE=1' --change 'EXPOSE 11434'
echo "$image"
