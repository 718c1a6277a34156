#!/usr/bin/env python3
"""A registry that fails, so that `docker pull 127.0.0.1:PORT/x` shows each failure. Standard library only.

    bad_registry.py MODE [--times N] [--retry-after SECONDS] [--port P] [--upstream HOST:PORT]

Prints the port on stdout, then serves until it is stopped. MODE applies to the first N pulls (default: all; an
engine asks for a manifest by HEAD and then by GET, and only the GET counts); after that it passes on to --upstream,
a real registry, or answers 404.

    429           too many requests, as Docker Hub words it, with Retry-After      500   internal server error
    503           a proxy's HTML page                                              502   the same with 502
    unauthorized  401 with no way to authenticate                                  denied  403
    not-found     manifest unknown                                                 hang  accepts, never answers
    stall         the manifest comes, the layer stops half-way                     reset  closes without an answer
    garbage       200 with something that is no manifest                           tls   TLS with a self-signed cert
    upstream      never fails                                                      timeout  packets are dropped

`timeout` is a full backlog: the connection never comes about. `tls` needs --bind with an address that is not
loopback (engines fall back to http there). `reset`, `hang` and `tls` apply to the handshake too. GET /__bad answers {"requests": n}.
"""

import argparse
import hashlib
import http.client
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

MEDIA = "application/vnd.docker.distribution.manifest.v2+json"
LAYER = hashlib.sha256(b"no such layer").hexdigest()
CONFIG = b'{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' % LAYER.encode()
PAGE = "<html><body><h1>Bad gateway</h1></body></html>"
ERRORS = {
    "429": (429, "TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit. "
                                    "https://www.docker.com/increase-rate-limit"),
    "500": (500, "UNKNOWN", "unknown error"),
    "unauthorized": (401, "UNAUTHORIZED", "authentication required"),
    "denied": (403, "DENIED", "requested access to the resource is denied"),
    "not-found": (404, "MANIFEST_UNKNOWN", "manifest unknown"),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection of an engine."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        if self.path == "/__bad":
            return self.send(200, json.dumps({"requests": server.seen}))
        handshake = self.path == "/v2/"
        if server.mode in ("hang", "reset") or not handshake:
            if self.path.startswith("/v2/") and self.fails():
                return self.fail()
        if handshake:
            return self.send(200, "{}")
        return self.forward() if server.upstream else self.error(*ERRORS["not-found"])

    do_HEAD = do_GET

    def fails(self):
        server = self.server
        with server.guard:
            server.seen += self.command == "GET"
            number = server.seen + (self.command == "HEAD")
            return server.mode != "upstream" and (not server.times or number <= server.times)

    def fail(self):
        mode = self.server.mode
        if mode in ERRORS:
            return self.error(*ERRORS[mode])
        if mode in ("502", "503"):
            return self.send(int(mode), PAGE, "text/html")
        if mode == "garbage":
            return self.send(200, "no manifest", MEDIA)
        if mode == "stall":
            return self.stall()
        if mode == "hang":
            time.sleep(3600)
        self.close_connection = True
        return None

    def stall(self):
        if "/manifests/" in self.path:
            layers = [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 1 << 20,
                       "digest": "sha256:" + LAYER}]
            config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(CONFIG),
                      "digest": "sha256:" + hashlib.sha256(CONFIG).hexdigest()}
            return self.send(200, json.dumps({"schemaVersion": 2, "mediaType": MEDIA, "config": config,
                                              "layers": layers}), MEDIA)
        if LAYER not in self.path:
            return self.send(200, CONFIG.decode(), "application/octet-stream")
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 20))
        self.end_headers()
        self.wfile.write(b"\0" * 1000)
        self.wfile.flush()
        time.sleep(3600)
        return None

    def error(self, status, code, message):
        self.send(status, json.dumps({"errors": [{"code": code, "message": message}]}))

    def send(self, status, text, kind="application/json"):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if kind == MEDIA:
            self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(data).hexdigest())
        if status == 429:
            self.send_header("Retry-After", str(self.server.retry_after))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def forward(self):
        connection = http.client.HTTPConnection(self.server.upstream, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():  # several Accept lines stay several
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        data = response.read()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, form, *args):
        print(form % args, file=sys.stderr, flush=True)


def self_signed(address):
    """A context with a certificate for this address that nobody trusts."""
    folder = tempfile.mkdtemp()
    key, cert = os.path.join(folder, "key"), os.path.join(folder, "cert")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bad-registry",
                    "-addext", f"subjectAltName=DNS:localhost,IP:{address}", "-keyout", key, "-out", cert],
                   check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def drop_packets(bind, port):
    """A listener whose backlog is full and stays so: the kernel drops every further SYN."""
    listener = socket.socket()
    listener.bind((bind, port))
    listener.listen(0)
    clients = [socket.socket() for _ in range(3)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
    print(listener.getsockname()[1], flush=True)
    threading.Event().wait()


def main():
    modes = [*ERRORS, "502", "503", "hang", "stall", "reset", "garbage", "tls", "timeout", "upstream"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=modes)
    parser.add_argument("--times", type=int, default=0)
    parser.add_argument("--retry-after", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--upstream")
    options = parser.parse_args()
    if options.mode == "timeout":
        drop_packets(options.bind, options.port)
    server = http.server.ThreadingHTTPServer((options.bind, options.port), Handler)
    server.daemon_threads = True
    if options.mode == "tls":
        server.socket = self_signed(options.bind).wrap_socket(server.socket, server_side=True)
    server.mode, server.times, server.upstream = options.mode, options.times, options.upstream
    server.retry_after, server.seen, server.guard = options.retry_after, 0, threading.Lock()
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
