#!/usr/bin/env python3
"""A proxy that stands before the API and lies, so that each fault of a backend can be shown. Standard library only.

    lying_proxy.py UPSTREAM_PORT RULE…        prints its own port, then serves until it is stopped

A rule is `METHOD PATH WHAT`, in one word each; METHOD and PATH are regular expressions that must match as a whole
(PATH without the query). WHAT is one of
    status=FROM-TO        an answer with status FROM (or `any`) gets TO
    signed:FROM-TO        the same where the request carried a token
    drop=HEADER           the answer lacks a header
    set=HEADER:VALUE      the answer has one more
    swap=A=>B             A becomes B in the answer's body
"""

import http.client
import http.server
import re
import socketserver
import sys

UPSTREAM = int(sys.argv[1])
RULES = [rule.split(" ", 2) for rule in sys.argv[2:]]
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length", "host"}


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"

    def relay(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        upstream = http.client.HTTPConnection("127.0.0.1", UPSTREAM, timeout=60)
        upstream.putrequest(self.command, self.path)
        for name, value in self.headers.items():
            if name.lower() not in HOP:
                upstream.putheader(name, value)
        upstream.putheader("content-length", str(len(body)))
        upstream.endheaders(body)
        answer = upstream.getresponse()
        text, status = answer.read(), answer.status
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP]
        path = self.path.split("?")[0]
        for method, pattern, what in RULES:
            if not re.fullmatch(method, self.command) or not re.fullmatch(pattern, path):
                continue
            verb, _, value = what.partition(":" if what.startswith("signed:") else "=")
            if verb == "status" or verb == "signed" and self.headers.get("authorization"):
                before, _, after = value.partition("-")
                status = int(after) if before in ("any", str(status)) else status
            elif verb == "drop":
                headers = [(name, kept) for name, kept in headers if name.lower() != value]
            elif verb == "set":
                headers.append(tuple(value.split(":", 1)))
            elif verb == "swap":
                text = text.replace(*(part.encode() for part in value.split("=>", 1)))
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = relay

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    server = Server(("0.0.0.0", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
