#: IMAGE tars-home/chroma:1.5.9-bookworm
#: ENV CHROMA_VERSION=1.5.9
#: ENTRYPOINT ["docker-entrypoint.sh", "chroma"]
#: CMD ["run", "/config.yaml"]
#: EXPOSE 8000
#: LABEL io.tars.recipe=chroma
#
# Chroma 1.5.9: the Rust server as it comes inside the Python wheel, and just enough Python to call it.
# Run by `sh -eu` as root inside a container of the base image, which is then committed with the
# changes above. No VOLUME: a container without its volume must not get a nameless one.

tars-apt-install python3-minimal python3-pip

# The wheels of 1.5.9 for x86_64 and aarch64, as PyPI lists them. A different file is refused.
cat > /tmp/requirements.txt <<'EOF'
chromadb==1.5.9 \
    --hash=sha256:cc09b3df76e5a5cb386aed2715a2eea152e3949f9e1ba93c7119505377749929 \
    --hash=sha256:9192d111bd662241625867962333d99369a00769a50f8b2f58cb388731274d7e
EOF
if [ -s /tmp/tars-ca.crt ]; then
    export PIP_CERT=/tmp/tars-ca.crt SSL_CERT_FILE=/tmp/tars-ca.crt
fi
python3 -m pip install --quiet --no-cache-dir --no-compile --no-deps --require-hashes --only-binary :all: \
    --root-user-action ignore --disable-pip-version-check --retries 5 --timeout 60 \
    --target /tmp/wheel -r /tmp/requirements.txt
# The Python client in the wheel is not called by the server; its metadata holds the licence.
mkdir -p /opt/chroma
mv /tmp/wheel/chromadb_rust_bindings /tmp/wheel/chromadb-*.dist-info /opt/chroma/
rm -rf /tmp/wheel /tmp/requirements.txt

apt-mark manual python3-minimal > /dev/null
DEBIAN_FRONTEND=noninteractive apt-get -qy purge --auto-remove python3-pip
rm -rf /tmp/tars-ca.crt /var/cache/apt/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/lib/dpkg/*-old /root/.cache

cat > /config.yaml <<'EOF'
persist_path: "/data"
listen_address: "0.0.0.0"
port: 8000
allow_reset: false
EOF
mkdir -p /data

cat > /usr/local/bin/chroma <<'EOF'
#!/usr/bin/python3 -BSE
"""The chroma command: hands its arguments to the server in the wheel."""
import sys

sys.path.insert(0, "/opt/chroma")
import chromadb_rust_bindings

chromadb_rust_bindings.cli(["chroma", *sys.argv[1:]])
EOF

cat > /usr/local/bin/docker-entrypoint.sh <<'EOF'
#!/bin/sh
# Runs its arguments as a child, passes stop signals on, and ends as the child ends.
#
# `chroma run` exits 0 even when its port is taken or its configuration is missing. A server that
# ends unasked has failed, so here that is exit 1 and the engine starts it again.
set -u
asked=
child=
stop() {
    asked=yes
    [ -z "$child" ] || kill -TERM "$child" 2> /dev/null
}
trap stop TERM INT

"$@" &
child=$!
[ -z "$asked" ] || kill -TERM "$child"
while :; do
    wait "$child"
    status=$?
    kill -0 "$child" 2> /dev/null || break
done

[ -z "$asked" ] || exit 0
if [ "$status" = 0 ] && [ "${2:-}" = run ]; then
    echo 'chroma: the server ended without having been asked to' >&2
    exit 1
fi
exit "$status"
EOF
chmod 755 /usr/local/bin/chroma /usr/local/bin/docker-entrypoint.sh
chroma --version
