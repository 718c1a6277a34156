#!/usr/bin/env python3
"""A stand-in for Ollama: its HTTP protocol, its store on disk and its ways to fail, without a model.

Ollama's own binary cannot be had from a package registry, so the tests talk to this one. What a client can see
(paths, fields, status codes, error texts, the files under $OLLAMA_MODELS) follows ollama/ollama v0.32.15. What a
model would compute is deterministic: an embedding is a hashed bag of words, so similar texts are near, and an
answer is the sentence of the prompt that shares most words with its question. Standard library only.

    ollama [serve] | list | ps        (installed as /bin/ollama)

Environment: OLLAMA_HOST OLLAMA_MODELS OLLAMA_KEEP_ALIVE OLLAMA_NOPRUNE as the real one, and
    DOUBLE_FAULT       faults from the start, e.g. "busy:times=2,pull-cut:after=65536"; see Faults
    DOUBLE_RATE        bytes per second of a pull and of a streamed answer (default: as fast as it goes)
    DOUBLE_BLOB_BYTES  size of a model's main layer (default 262144)
    DOUBLE_VRAM        share of a loaded model that is on the GPU, 0 (default) to 1

A text that says "unembeddable" gets no vector, as a real model gives none for some texts (NaN); one that says
"unhurried" takes a tenth of a second.

Control: GET /__double shows faults and requests seen; POST /__double/fault adds one, as JSON ({"kind": "busy",
"times": 2}) or in the notation of DOUBLE_FAULT; DELETE /__double/fault removes all; POST /__double/rate {"rate": n}.
"""

import base64
import functools
import hashlib
import http.client
import http.server
import json
import math
import os
import re
import select
import signal
import socket
import struct
import sys
import threading
import time
from datetime import datetime, timedelta, timezone

VERSION = "0.32.15"
REGISTRY = "registry.ollama.ai"
MEDIA = "application/vnd.ollama.image."
MEDIA_CONFIG = "application/vnd.docker.container.image.v1+json"
MEDIA_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
BUSY = "server busy, please try again.  maximum pending requests exceeded"

# What the pretended registry offers: model → (family, default tag, context, dimension, quantization, embeds?).
CATALOGUE = {
    "llama3.2": ("llama", "3b", 131072, 3072, "Q4_K_M", False),
    "llama3.1": ("llama", "8b", 131072, 4096, "Q4_K_M", False),
    "llama3": ("llama", "8b", 8192, 4096, "Q4_0", False),
    "qwen2.5": ("qwen2", "7b", 32768, 3584, "Q4_K_M", False),
    "qwen3": ("qwen3", "8b", 40960, 4096, "Q4_K_M", False),
    "gemma3": ("gemma3", "4b", 131072, 2560, "Q4_K_M", False),
    "mistral": ("llama", "7b", 32768, 4096, "Q4_0", False),
    "phi3": ("phi3", "3.8b", 131072, 3072, "Q4_0", False),
    "tinyllama": ("llama", "1.1b", 2048, 2048, "Q4_0", False),
    "nomic-embed-text": ("nomic-bert", "137m", 2048, 768, "F16", True),
    "all-minilm": ("bert", "22m", 256, 384, "F16", True),
    "mxbai-embed-large": ("bert", "335m", 512, 1024, "F16", True),
    "embeddinggemma": ("gemma3", "300m", 2048, 768, "BF16", True),
}


# --- names and what the registry offers ---------------------------------------------------------------------------

class Name:
    """host/namespace/model:tag, with Ollama's defaults for what is left out."""

    PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")

    def __init__(self, text):
        path, _, tag = text.rpartition(":") if ":" in text.rsplit("/", 1)[-1] else (text, "", "latest")
        parts = path.split("/")
        self.parts = [REGISTRY, "library"][: max(0, 3 - len(parts))] + parts + [tag]
        if len(self.parts) != 4 or not all(self.PART.fullmatch(part) for part in self.parts):
            raise ApiError(400, "invalid model name")

    def __str__(self):
        host, namespace, model, tag = self.parts
        prefix = "" if host == REGISTRY else host + "/"
        prefix += "" if namespace == "library" and not prefix else namespace + "/"
        return f"{prefix}{model}:{tag}"


class ApiError(Exception):
    """An answer with an error status and Ollama's body for it."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def noise(seed, size):
    """Incompressible bytes that are the same on every machine."""
    return hashlib.shake_256(seed.encode()).digest(size)


@functools.lru_cache(maxsize=8)
def offered(text):
    """(manifest bytes, [(digest, bytes)] in pulling order) for a model's name, or None where there is no such model."""
    host, namespace, model, tag = Name(text).parts
    if (host, namespace) != (REGISTRY, "library") or model not in CATALOGUE:
        return None
    if not re.fullmatch(r"latest|v\d.*|\d+(\.\d+)?[bm].*", tag):
        return None
    family, default, context, dimension, quantization, embeds = CATALOGUE[model]
    tag = default if tag == "latest" else tag  # `latest` is another name for the same blobs
    size = int(os.environ.get("DOUBLE_BLOB_BYTES", "262144"))
    weights = b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + noise(f"{model}:{tag}", max(0, size - 24))
    layers = [
        ("model", weights),
        ("template", b"{{ .Prompt }}" if embeds else b"{{ .System }}\n{{ .Prompt }}\n{{ .Response }}"),
        ("license", b"A licence text, the same for every model of the double.\n" * 20),
        ("params", json.dumps({"num_ctx": context} if embeds else {"stop": ["<|eot_id|>"]}).encode()),
    ]
    config = json.dumps({
        "model_format": "gguf", "model_family": family, "model_families": [family], "model_type": tag.upper(),
        "file_type": quantization, "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(data) for _, data in layers]},
    }).encode()
    entry = lambda media, data: {"mediaType": media, "digest": digest_of(data), "size": len(data)}
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MEDIA_MANIFEST, "config": entry(MEDIA_CONFIG, config),
        "layers": [entry(MEDIA + kind, data) for kind, data in layers],
    }, separators=(",", ":")).encode()
    return manifest, [(digest_of(data), data) for data in [data for _, data in layers] + [config]]


# --- the store on disk --------------------------------------------------------------------------------------------

class Store:
    """$OLLAMA_MODELS: manifests/HOST/NAMESPACE/MODEL/TAG and blobs/sha256-HEX, as Ollama keeps them."""

    def __init__(self, root):
        self.root = root
        self.locks, self.guard = {}, threading.Lock()
        for folder in ("blobs", "manifests"):
            os.makedirs(os.path.join(root, folder), exist_ok=True)

    def blob(self, digest):
        return os.path.join(self.root, "blobs", digest.replace(":", "-"))

    def manifest_path(self, name):
        return os.path.join(self.root, "manifests", *name.parts)

    def lock(self, digest):
        with self.guard:
            return self.locks.setdefault(digest, threading.Lock())

    def names(self):
        base = os.path.join(self.root, "manifests")
        for folder, _, files in os.walk(base):
            parts = os.path.relpath(folder, base).split(os.sep)
            if len(parts) == 3:
                yield from (Name("/".join(parts) + ":" + tag) for tag in files if Name.PART.fullmatch(tag))

    def read(self, name):
        """The parsed manifest with its digest and time, or None if the model is not there."""
        path = self.manifest_path(name)
        try:
            with open(path, "rb") as file:
                data = file.read()
            found = json.loads(data)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError:
            raise ApiError(500, f"invalid character in manifest of {name}") from None
        found["sha256"] = hashlib.sha256(data).hexdigest()
        found["modified"] = os.stat(path).st_mtime
        return found

    def config(self, manifest):
        with open(self.blob(manifest["config"]["digest"]), "rb") as file:
            return json.load(file)

    def write_manifest(self, name, data):
        path = self.manifest_path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)

    def referenced(self):
        """Digests that some manifest names; None if a manifest cannot be read (then nothing may be pruned)."""
        found = set()
        try:
            for name in self.names():
                manifest = self.read(name)
                found |= {layer["digest"] for layer in [manifest["config"], *manifest["layers"]]}
        except (ApiError, KeyError, TypeError):
            return None
        return found

    def remove(self, name):
        manifest = self.read(name)
        path = self.manifest_path(name)
        os.remove(path)
        for _ in range(3):
            path = os.path.dirname(path)
            if os.listdir(path):
                break
            os.rmdir(path)
        kept = self.referenced()
        for layer in [manifest["config"], *manifest["layers"]]:
            if kept is not None and layer["digest"] not in kept and os.path.exists(self.blob(layer["digest"])):
                os.remove(self.blob(layer["digest"]))

    def prune(self):
        """What `ollama serve` does when it starts: unreferenced blobs and partials older than an hour go."""
        kept = self.referenced()
        if kept is None or os.environ.get("OLLAMA_NOPRUNE", "") not in ("", "0"):
            return
        folder = os.path.join(self.root, "blobs")
        for file in os.listdir(folder):
            path = os.path.join(folder, file)
            if file.replace("-", ":", 1) not in kept and time.time() - os.stat(path).st_mtime > 3600:
                os.remove(path)


# --- faults -------------------------------------------------------------------------------------------------------

class Faults:
    """What is to go wrong, when and how often.

    kind[:after=BYTES][:times=N][:path=/api/…], several with commas. `times` 0 means until removed; `after` is the
    number of bytes of the pull, or of the answer, after which it happens (a pull's default is half of its weights).
        busy (503) · 500 · hang (never an answer) · not-found (the model)      requests that use or pull a model
        pull-offline · pull-error (error lines under 200) · pull-stall · pull-cut                         /api/pull
        stream-error · stream-stall · stream-cut                                    /api/generate and /api/chat
    """

    KINDS = {"busy", "500", "hang", "not-found", "pull-offline", "pull-error", "pull-stall", "pull-cut",
             "stream-error", "stream-stall", "stream-cut"}

    def __init__(self, text=""):
        self.guard, self.active = threading.Lock(), []
        for one in filter(None, text.split(",")):
            self.add_text(one)

    def add_text(self, text):
        kind, *rest = text.strip().split(":")
        self.add({"kind": kind, **dict(item.split("=", 1) for item in rest)})

    def add(self, fault):
        if fault.get("kind") not in self.KINDS:
            raise ValueError(f"no such fault: {fault.get('kind')!r}; there are: {' '.join(sorted(self.KINDS))}")
        after = fault.get("after")
        with self.guard:
            self.active.append({"kind": fault["kind"], "times": int(fault.get("times", 0)),
                                "after": None if after is None else int(after), "path": fault.get("path")})

    def clear(self):
        with self.guard:
            self.active = []

    def take(self, path, *kinds):
        """The first active fault of these kinds for this path; it is used up by one."""
        with self.guard:
            for fault in self.active:
                if fault["kind"] in kinds and fault["path"] in (None, path):
                    if fault["times"] == 1:
                        self.active.remove(fault)
                    elif fault["times"] > 1:
                        fault["times"] -= 1
                    return dict(fault)
        return None


# --- what a model would compute -----------------------------------------------------------------------------------

STOP = set("a an and are as at be by can did do does for from had has have how i in is it its of on or question s "
           "that the this to was what when where which who why will with you your answer context".split())


def words(text):
    return re.findall(r"[^\W_]+", text.lower())


def embed(text, dimension):
    """A unit vector: every word and its five-letter stem fall on a hashed axis, common words weigh little."""
    vector = [0.0] * dimension
    for word in words(re.sub(r"^search_(query|document):", "", text)) or ["\0"]:
        weight = 0.1 if word in STOP else 1.0
        for feature, share in ((word, weight), ("~" + word[:5], weight * 0.7)):
            hashed = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "big")
            vector[(hashed >> 1) % dimension] += share if hashed & 1 else -share
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


def answer(texts):
    """The sentence of the texts that shares most words with the question, which stands last."""
    lines = [line.strip() for line in texts[-1].splitlines() if line.strip()] or [""]
    asked = next((line for line in reversed(lines) if "?" in line), lines[-1])
    wanted = {word[:5] for word in words(asked) if word not in STOP}
    best, best_score = "", 0
    for text in reversed(texts):
        for sentence in re.split(r"(?<=[.!?])\s+|\n+", text):
            sentence = sentence.strip()
            score = len(wanted & {word[:5] for word in words(sentence)})
            if sentence and sentence not in asked and score > best_score:
                best, best_score = sentence, score
    return best or f"There is no context for: {asked[:200]}"


def tokens_of(text):
    return re.findall(r"\s*\S+", text)


def seconds(value, default=300.0):
    """Ollama's durations: a number of seconds or 1h2m3s; negative means for ever."""
    if value is None or value == "":
        return default
    if isinstance(value, (int, float)) or re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value)
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    total = sum(float(n) * units[u] for n, u in re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", value))
    return -total if value.startswith("-") else total


def rfc3339(moment=None):
    moment = datetime.now(timezone.utc) if moment is None else moment
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


# --- the server ---------------------------------------------------------------------------------------------------

class Server(http.server.ThreadingHTTPServer):
    """The state shared by all requests."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, store):
        super().__init__(address, Handler)
        self.store = store
        self.faults = Faults(os.environ.get("DOUBLE_FAULT", ""))
        self.rate = float(os.environ.get("DOUBLE_RATE", "0") or 0)
        self.loaded, self.seen, self.guard = {}, {}, threading.Lock()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Cut(Exception):
    """The connection ends here, in the middle of an answer."""


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version, sys_version = "", ""

    ROUTES = {
        ("GET", "/"): "root", ("HEAD", "/"): "root",
        ("GET", "/api/version"): "version", ("HEAD", "/api/version"): "version",
        ("GET", "/api/tags"): "tags", ("HEAD", "/api/tags"): "tags", ("GET", "/api/ps"): "running",
        ("POST", "/api/show"): "show", ("POST", "/api/pull"): "pull", ("DELETE", "/api/delete"): "delete",
        ("POST", "/api/generate"): "generate", ("POST", "/api/chat"): "chat",
        ("POST", "/api/embed"): "embed", ("POST", "/api/embeddings"): "embeddings",
        ("GET", "/__double"): "control", ("POST", "/__double/fault"): "control_fault",
        ("DELETE", "/__double/fault"): "control_clear", ("POST", "/__double/rate"): "control_rate",
    }
    USES_MODEL = {"/api/show", "/api/pull", "/api/generate", "/api/chat", "/api/embed", "/api/embeddings"}

    def dispatch(self):
        self.path = self.path.split("?", 1)[0]
        self.started, self.streaming = time.monotonic(), False
        if not self.path.startswith("/__double"):
            with self.server.guard:
                key = f"{self.command} {self.path}"
                self.server.seen[key] = self.server.seen.get(key, 0) + 1
        try:
            self.answer_request()
        except ApiError as error:
            self.send(error.status, {"error": error.message})
        except (Cut, ConnectionError):
            with self.server.guard:
                key = f"gone {self.path}"  # whoever asked did not wait for the end
                self.server.seen[key] = self.server.seen.get(key, 0) + 1
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = dispatch

    def answer_request(self):
        self.raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        route = self.ROUTES.get((self.command, self.path))
        if route is None:
            known = any(path == self.path for _, path in self.ROUTES)
            status, text = (405, "405 method not allowed") if known else (404, "404 page not found")
            return self.send(status, text, "text/plain")
        if self.path in self.USES_MODEL:
            self.apply_early_fault()
        return getattr(self, "api_" + route)()

    def apply_early_fault(self):
        fault = self.server.faults.take(self.path, "busy", "500", "hang", "not-found")
        kind = fault and fault["kind"]
        if kind == "busy":
            raise ApiError(503, BUSY)
        if kind == "500":
            raise ApiError(500, "llama runner process has terminated: exit status 2")
        if kind == "hang":
            self.wait_for_client_to_go()
        if kind == "not-found" and self.path == "/api/pull":
            self.server.faults.add({"kind": "not-found", "times": 1, "path": "manifest"})
        elif kind == "not-found":
            self.not_found(self.body().get("model"))

    # --- answers

    def body(self):
        if not self.raw.strip():
            raise ApiError(400, "missing request body")
        try:
            found = json.loads(self.raw)
        except ValueError as error:
            raise ApiError(400, f"invalid character in request: {error}") from None
        if not isinstance(found, dict):
            raise ApiError(400, "json: cannot unmarshal value into Go value")
        if not found.get("model") and "name" in found:
            found["model"] = found["name"]
        return found

    def send(self, status, content, kind="application/json; charset=utf-8"):
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def stream(self, lines):
        """NDJSON, one chunk per line, ended properly unless something cuts it."""
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.streaming = True
        for line in lines:
            data = json.dumps(line).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def client_gone(self):
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def wait_for_client_to_go(self):
        while not self.client_gone():
            select.select([self.connection], [], [], 0.2)
        raise Cut

    def pace(self, count):
        """Takes as long as `count` bytes take at the given rate, and notices a client that left meanwhile."""
        until = time.monotonic() + (count / self.server.rate if self.server.rate else 0)
        while True:
            if self.client_gone():
                raise Cut
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.05))

    def log_message(self, form, *args):
        if not self.path.startswith("/__double"):
            now = datetime.now().strftime("%Y/%m/%d - %H:%M:%S")
            took = (time.monotonic() - self.started) * 1000
            say(f'[GIN] {now} | {args[1] if len(args) > 1 else "-"} | {took:.3f}ms | {self.client_address[0]} '
                f'| {self.command} "{self.path}"')

    # --- models

    def not_found(self, model, style="model '{}' not found"):
        raise ApiError(404, style.format(model))

    def manifest(self, model, **style):
        if not model:
            raise ApiError(400, "model is required")
        name = Name(model)
        found = self.server.store.read(name)
        if found is None:
            self.not_found(model, **style)
        return name, found

    def details(self, manifest):
        config = self.server.store.config(manifest)
        return {"parent_model": "", "format": config["model_format"], "family": config["model_family"],
                "families": config["model_families"], "parameter_size": config["model_type"],
                "quantization_level": config["file_type"]}

    def entry(self, name, manifest):
        size = sum(layer["size"] for layer in [manifest["config"], *manifest["layers"]])
        return {"name": str(name), "model": str(name), "size": size, "digest": manifest["sha256"],
                "details": self.details(manifest)}

    def load(self, request, **style):
        """Loads a model as a runner would: each blob must be there and be what its name says."""
        name, manifest = self.manifest(request.get("model"), **style)
        for layer in manifest["layers"]:
            path = self.server.store.blob(layer["digest"])
            try:
                with open(path, "rb") as file:
                    whole = digest_of(file.read()) == layer["digest"]
            except FileNotFoundError:
                whole = False
            if not whole:
                raise ApiError(500, f"unable to load model: {path}")
        keep = seconds(request.get("keep_alive"), seconds(os.environ.get("OLLAMA_KEEP_ALIVE")))
        with self.server.guard:
            if keep == 0:
                self.server.loaded.pop(str(name), None)
            else:
                self.server.loaded[str(name)] = time.time() + (keep if keep > 0 else 10**9)
        return name, CATALOGUE.get(name.parts[2], CATALOGUE["llama3.2"])

    def api_root(self):
        self.send(200, "Ollama is running", "text/plain; charset=utf-8")

    def api_version(self):
        self.send(200, {"version": VERSION})

    def api_tags(self):
        models = []
        for name in self.server.store.names():
            try:
                manifest = self.server.store.read(name)
                moment = datetime.fromtimestamp(manifest["modified"], timezone.utc)
                models.append((manifest["modified"], {**self.entry(name, manifest), "modified_at": rfc3339(moment)}))
            except (ApiError, OSError, KeyError, TypeError, ValueError):
                continue  # the real one logs "bad manifest" and lists the others
        models.sort(key=lambda pair: -pair[0])
        self.send(200, {"models": [model for _, model in models]})

    def api_running(self):
        share, models = float(os.environ.get("DOUBLE_VRAM", "0")), []
        with self.server.guard:
            loaded = {name: end for name, end in self.server.loaded.items() if end > time.time()}
        for text, end in loaded.items():
            manifest = self.server.store.read(Name(text))
            if manifest is not None:
                entry = self.entry(text, manifest)
                expires = datetime.now(timezone.utc) + timedelta(seconds=end - time.time())
                models.append({**entry, "expires_at": rfc3339(expires), "size_vram": int(entry["size"] * share),
                               "context_length": 4096})
        self.send(200, {"models": models})

    def api_show(self):
        request = self.body()
        name, manifest = self.manifest(request.get("model"))
        details = self.details(manifest)
        family, _, context, dimension, _, embeds = CATALOGUE.get(name.parts[2], CATALOGUE["llama3.2"])
        moment = datetime.fromtimestamp(manifest["modified"], timezone.utc)
        self.send(200, {
            "license": "A licence text.", "modelfile": f'# Modelfile generated by "ollama show"\n# FROM {name}\n',
            "parameters": "", "template": "{{ .Prompt }}", "details": details, "modified_at": rfc3339(moment),
            "model_info": {"general.architecture": family, f"{family}.context_length": context,
                           f"{family}.embedding_length": dimension},
            "capabilities": ["embedding"] if embeds else ["completion", "tools"],
        })

    def api_delete(self):
        name, _ = self.manifest(self.body().get("model"))
        with self.server.guard:
            self.server.loaded.pop(str(name), None)
        self.server.store.remove(name)
        self.send(200, "", "text/plain")

    # --- pulling

    def api_pull(self):
        request = self.body()
        name = Name(request.get("model") or "")
        lines = self.pull_lines(name)
        if request.get("stream", True):
            return self.stream(lines)
        for line in lines:
            if "error" in line:
                raise ApiError(500, line["error"])
        return self.send(200, {"status": "success"})

    def pull_lines(self, name):
        yield {"status": "pulling manifest"}
        if self.server.faults.take(self.path, "pull-offline"):
            yield {"error": f'pull model manifest: Get "https://{REGISTRY}/v2/library/{name.parts[2]}/manifests/'
                            f'{name.parts[3]}": dial tcp: lookup {REGISTRY}: no such host'}
            return
        offer = offered(str(name))
        if offer is None or self.server.faults.take("manifest", "not-found"):
            yield {"error": "pull model manifest: file does not exist"}
            return
        manifest, blobs = offer
        fault = self.server.faults.take(self.path, "pull-error", "pull-stall", "pull-cut")
        if fault and fault["after"] is None:
            fault["after"] = len(blobs[0][1]) // 2
        for digest, data in blobs:
            for line in self.download(digest, data, fault):
                yield line
                if "error" in line:
                    return
        yield {"status": "verifying sha256 digest"}
        yield {"status": "writing manifest"}
        self.server.store.write_manifest(name, manifest)
        yield {"status": "success"}

    def download(self, digest, data, fault):
        """One blob: kept as -partial with its part file, so that whoever pulls next goes on from there."""
        total, path = len(data), self.server.store.blob(digest)
        status = {"status": f"pulling {digest[7:19]}", "digest": digest, "total": total}
        lock = self.server.store.lock(digest)
        while not lock.acquire(timeout=0.06):  # somebody else pulls it: share the progress
            yield {**status, **completed(part_done(path, total))}
            self.pace(0)
        try:
            if os.path.exists(path):
                yield {**status, "completed": total}
                return
            done = part_done(path, total)
            step = max(1, total // 16) if not self.server.rate else max(1, min(total, int(self.server.rate * 0.06)))
            with open(path + "-partial", "r+b" if os.path.exists(path + "-partial") else "w+b") as file:
                file.truncate(total)
                while True:
                    yield {**status, **completed(done)}
                    if done >= total:
                        break
                    if fault:
                        yield from self.fail_pull(fault, done)
                    count = min(step, total - done)
                    self.pace(count)
                    file.seek(done)
                    file.write(data[done:done + count])
                    file.flush()
                    done += count
                    write_part(path, total, done)
                    if fault:
                        fault["after"] -= count
            os.remove(path + "-partial-0")
            os.rename(path + "-partial", path)
        finally:
            lock.release()

    def fail_pull(self, fault, done):
        if fault["after"] > 0 or not done:
            return
        if fault["kind"] == "pull-error":
            yield {"error": "max retries exceeded: unexpected EOF"}
        elif fault["kind"] == "pull-stall":
            self.wait_for_client_to_go()
        else:
            raise Cut

    # --- answers of a model

    def api_generate(self):
        request = self.body()
        text = request.get("prompt") or ""
        shape = lambda part, thinking=None: {"response": part}
        self.complete(request, [request.get("system") or "", text] if text else [], "generate", shape)

    def api_chat(self):
        request = self.body()
        messages = request.get("messages") or []
        texts = [str(message.get("content", "")) for message in messages]
        self.complete(request, texts, "chat", lambda part: {"message": {"role": "assistant", "content": part}})

    def complete(self, request, texts, verb, shape):
        model = request.get("model") or ""
        if not model:
            self.not_found("") if verb == "generate" else self.manifest("")
        begun = time.monotonic_ns()
        if not texts and request.get("keep_alive") in (0, "0"):
            name, _ = self.manifest(model)
            with self.server.guard:
                self.server.loaded.pop(str(name), None)
            return self.send(200, {"model": model, "created_at": rfc3339(), **shape(""), "done": True,
                                   "done_reason": "unload"})
        _, row = self.load(request)
        if row[5]:
            raise ApiError(400, f'"{model}" does not support {verb}')
        if not texts:
            return self.send(200, {"model": model, "created_at": rfc3339(), **shape(""), "done": True,
                                   "done_reason": "load"})
        parts, limit = tokens_of(answer(texts)), (request.get("options") or {}).get("num_predict", -1)
        reason = "length" if 0 < limit < len(parts) else "stop"
        parts = parts[:limit] if reason == "length" else parts
        if request.get("format"):
            parts = tokens_of(json.dumps({"answer": "".join(parts)}))
        lines = self.complete_lines(model, parts, shape, reason, texts, begun, verb)
        if request.get("stream", True):
            return self.stream(lines)
        return self.complete_at_once(lines, parts, shape)

    def complete_at_once(self, lines, parts, shape):
        for line in lines:
            if "error" in line:
                raise ApiError(500, line["error"])
        return self.send(200, {**line, **shape("".join(parts))})

    def complete_lines(self, model, parts, shape, reason, texts, begun, verb):
        fault = self.server.faults.take(self.path, "stream-error", "stream-stall", "stream-cut")
        sent = 0
        for part in parts:
            if fault and sent >= (fault["after"] or 1):
                yield from self.fail_stream(fault)
                return
            yield {"model": model, "created_at": rfc3339(), **shape(part), "done": False}
            self.pace(len(part))
            sent += len(part)
        spent = time.monotonic_ns() - begun
        asked = sum(len(tokens_of(text)) for text in texts)
        extra = {"context": list(range(1, min(asked, 20) + 1))} if verb == "generate" else {}
        yield {"model": model, "created_at": rfc3339(), **shape(""), "done": True, "done_reason": reason, **extra,
               "total_duration": spent, "load_duration": 1_000_000, "prompt_eval_count": asked,
               "prompt_eval_duration": 1_000_000, "eval_count": len(parts), "eval_duration": max(spent, 1)}

    def fail_stream(self, fault):
        if fault["kind"] == "stream-error":
            yield {"error": "an error was encountered while running the model: unexpected EOF"}
        elif fault["kind"] == "stream-stall":
            self.wait_for_client_to_go()
        else:
            raise Cut

    def vectors(self, request, inputs):
        _, row = self.load(request, style='model "{}" not found, try pulling it first')
        context, dimension, embeds = row[2], row[3], row[5]
        if not embeds:
            raise ApiError(501, "this model does not support embeddings")
        rows, count = [], 0
        for text in inputs:
            if "unembeddable" in text:
                raise ApiError(500, "failed to encode response: json: unsupported value: NaN")
            if "unhurried" in text:
                time.sleep(0.1)
            parts = tokens_of(text)
            if len(parts) > context and request.get("truncate") is False:
                raise ApiError(400, "the input length exceeds the context length")
            count += min(len(parts), context)
            vector = embed("".join(parts[:context]), dimension)
            cut = vector[: request.get("dimensions") or dimension]
            length = math.sqrt(sum(value * value for value in cut)) or 1.0
            rows.append([round(value / length, 8) for value in cut])
        return rows, count

    def api_embed(self):
        begun = time.monotonic_ns()
        request = self.body()
        given = request.get("input")
        inputs = [given] if isinstance(given, str) and given else given or []
        if not isinstance(inputs, list) or not all(isinstance(text, str) for text in inputs):
            raise ApiError(400, "invalid input type")
        rows, count = self.vectors(request, inputs)
        self.send(200, {"model": request["model"], "embeddings": rows, "load_duration": 1_000_000,
                        "total_duration": time.monotonic_ns() - begun, "prompt_eval_count": count})

    def api_embeddings(self):
        request = self.body()
        prompt = request.get("prompt") or ""
        rows, _ = self.vectors(request, [prompt] if prompt else [])
        self.send(200, {"embedding": rows[0] if rows else []})

    # --- control

    def api_control(self):
        with self.server.guard:
            self.send(200, {"faults": self.server.faults.active, "rate": self.server.rate,
                            "requests": dict(self.server.seen)})

    def api_control_fault(self):
        text = self.raw.decode().strip()
        try:
            if text.startswith("{"):
                self.server.faults.add(json.loads(text))
            else:
                for one in text.split(","):
                    self.server.faults.add_text(one)
        except ValueError as error:
            raise ApiError(400, str(error)) from None
        self.send(200, {"faults": self.server.faults.active})

    def api_control_clear(self):
        self.server.faults.clear()
        self.send(200, {"faults": []})

    def api_control_rate(self):
        self.server.rate = float(self.body().get("rate") or 0)
        self.send(200, {"rate": self.server.rate})


# --- part files of a download -------------------------------------------------------------------------------------

def completed(count):
    return {"completed": count} if count else {}  # the field is omitted when it is zero


def part_done(path, total):
    try:
        with open(path + "-partial-0", encoding="utf-8") as file:
            return min(int(json.load(file)["Completed"]), total)
    except (OSError, ValueError, KeyError):
        return 0


def write_part(path, total, done):
    """Renamed into place, so that a kill leaves the old or the new count. (The real one rewrites it in place.)"""
    fresh = path + "-partial-0.new"
    with open(fresh, "w", encoding="utf-8") as file:
        json.dump({"N": 0, "Offset": 0, "Size": total, "Completed": done}, file)
    os.replace(fresh, path + "-partial-0")


# --- the command line ---------------------------------------------------------------------------------------------

def say(text):
    print(text, file=sys.stderr, flush=True)


def address():
    text = re.sub(r"^https?://", "", os.environ.get("OLLAMA_HOST") or "0.0.0.0:11434").rstrip("/")
    host, colon, port = text.rpartition(":")
    return (host or "0.0.0.0", int(port)) if colon else (text, 11434)


def make_key(folder):
    """`ollama serve` makes a private key at its first start; it must never reach a backup. This one opens nothing."""
    path = os.path.join(folder, "id_ed25519")
    if os.path.exists(path):
        return
    os.makedirs(folder, exist_ok=True)
    body = base64.b64encode(b"openssh-key-v1\0" + os.urandom(180)).decode()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n")
    with open(path + ".pub", "w", encoding="ascii") as file:
        file.write("ssh-ed25519 " + base64.b64encode(os.urandom(51)).decode() + "\n")


def serve():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))  # as process 1 there is no default action
    home = os.path.join(os.path.expanduser("~"), ".ollama")
    make_key(home)
    store = Store(os.environ.get("OLLAMA_MODELS") or os.path.join(home, "models"))
    store.prune()
    server = Server(address(), store)
    host, port = server.server_address[:2]
    say(f'time={rfc3339()} level=INFO source=routes.go msg="Listening on {host}:{port} (version {VERSION})"')
    server.serve_forever()


def ask(path):
    host, port = address()
    connection = http.client.HTTPConnection("127.0.0.1" if host in ("0.0.0.0", "::", "[::]") else host, port, timeout=5)
    try:
        connection.request("GET", path)
        return json.load(connection.getresponse())
    except (OSError, ValueError, http.client.HTTPException):
        sys.exit("Error: could not connect to ollama server, run 'ollama serve' to start it")


def table(header, rows):
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        print("    ".join(cell.ljust(width) for cell, width in zip(row, widths)))


def main(arguments):
    verb = arguments[0] if arguments else "serve"
    if verb == "serve":
        serve()
    elif verb in ("list", "ls"):
        table(["NAME", "ID", "SIZE", "MODIFIED"], [[m["name"], m["digest"][:12], f"{m['size'] / 1000:.0f} KB",
              m["modified_at"]] for m in ask("/api/tags")["models"]])
    elif verb == "ps":
        table(["NAME", "ID", "SIZE", "PROCESSOR", "UNTIL"], [[m["name"], m["digest"][:12], f"{m['size'] / 1000:.0f} KB",
              "100% GPU" if m["size_vram"] else "100% CPU", m["expires_at"]] for m in ask("/api/ps")["models"]])
    elif verb in ("-v", "--version"):
        print(f"ollama version is {VERSION}")
    else:
        sys.exit(f'Error: unknown command "{verb}" for "ollama"')


if __name__ == "__main__":
    main(sys.argv[1:])
