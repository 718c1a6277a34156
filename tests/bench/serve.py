"""The measuring half of serve.sh: an embedder that answers at once, the backend as a process, and its stores asked bare."""

import http.client
import http.server
import json
import os
import random
import re
import statistics
import subprocess
import threading
import time

ENV = os.environ
CHUNKS, QUERIES = int(ENV["CHUNKS"]), int(ENV["QUERIES"])
DIMENSION = 384
random.seed(4711)
WORDS = ["".join(random.choices("etaoinshrdlu", k=random.randint(3, 10))) for _ in range(6000)]
POOL = ["[" + ",".join(f"{random.uniform(-1, 1):.5f}" for _ in range(DIMENSION)) + "]" for _ in range(2048)]
COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"


class Embedder(http.server.BaseHTTPRequestHandler):
    """Ollama's embedding end point with vectors out of a pool."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.say(json.dumps({"version": "0.32.15", "models": []}))

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/show":
            return self.say(json.dumps({"model_info": {"bert.embedding_length": DIMENSION, "bert.context_length": 512}}))
        given = request.get("input", [])
        texts = [given] if isinstance(given, str) else given
        return self.say('{"embeddings":[' + ",".join(POOL[hash(text) % len(POOL)] for text in texts) + "]}")

    def say(self, text):
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def row(what, value, note=""):
    print(f"{what:<58} {value:>12} {note}", flush=True)


def quantile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def ask(connection, method, path, body=None, headers=None):
    data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
    answer = connection.getresponse()
    content = answer.read()
    return answer.status, content


def psql(script):
    command = ["docker", "exec", "-i", "-e", "PGPASSWORD=bench", f"{ENV['NAME']}-postgres", "psql", "-h", "127.0.0.1",
               "-U", "tars", "-d", "tars_home", "-XAtq", "-v", "ON_ERROR_STOP=1"]
    return subprocess.run(command, input=script, text=True, capture_output=True, check=True).stdout


def until(what, seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def rss_mib(process):
    with open(f"/proc/{process.pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024


def question():
    return " ".join(random.sample(WORDS, 4))


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Embedder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {
        "TARS_LISTEN": f"127.0.0.1:{ENV['API_PORT']}", "TARS_POSTGRES_HOST": "127.0.0.1", "TARS_POSTGRES_PORT": ENV["PG_PORT"],
        "TARS_POSTGRES_PASSWORD": "bench", "TARS_REDIS_HOST": "127.0.0.1", "TARS_REDIS_PORT": ENV["REDIS_PORT"],
        "TARS_CHROMA_URL": f"http://127.0.0.1:{ENV['CHROMA_PORT']}", "TARS_LLM": "url", "TARS_RATE_LIMIT": "0",
        "TARS_OLLAMA_URL": f"http://127.0.0.1:{server.server_port}", "TARS_EMBED_MODEL": "bench", "OLLAMA_MODEL": "bench",
        "TARS_JWT_SECRET": "j" * 40, "TARS_ENCRYPTION_KEY": "e" * 40, "TARS_ADMIN_USER": "admin",
        "TARS_ADMIN_PASSWORD": "bench-password-1", "TARS_DOCUMENTS_DIR": ENV["WORK"] + "/docs",
        "TARS_UPLOADS_DIR": ENV["WORK"] + "/uploads", "LOG_LEVEL": "warn",
    }
    log = open(ENV["WORK"] + "/backend.log", "w")
    begun = time.monotonic()
    process = subprocess.Popen([ENV["TARS_BIN"], "serve"], env=env, stdout=log, stderr=log)
    try:
        measure(process, begun)
    finally:
        process.terminate()
        process.wait(15)


def measure(process, begun):
    api = lambda: http.client.HTTPConnection("127.0.0.1", int(ENV["API_PORT"]), timeout=60)

    def is_up():
        try:
            return ask(api(), "GET", "/ready")[0] == 200
        except OSError:
            return False

    until("the backend answers", 20, is_up)
    row("start, until ready", f"{time.monotonic() - begun:.2f} s", "aim 1 s")
    until("it is idle", 20, lambda: psql("select count(*) from generations") == "1\n")
    row("idle memory", f"{rss_mib(process):.0f} MiB", "aim 60")
    status, body = ask(api(), "POST", "/auth/token", {"username": "admin", "password": "bench-password-1"})
    assert status == 200, body
    head = {"Authorization": "Bearer " + json.loads(body)["access_token"]}

    # --- ingest: the same rows and vectors by the backend and bare ---------------------------------------------------
    words_per_chunk = 165
    for number in range(20):
        lines = []
        for _ in range(CHUNKS // 20 * words_per_chunk // 12):
            lines.append(" ".join(random.choices(WORDS, k=12)) + ".")
        with open(f"{ENV['WORK']}/docs/d{number}.txt", "w") as file:
            file.write("\n".join(lines))
    done = "select coalesce(sum(v.done), 0) >= (select greatest(sum(chunk_count), 1) from documents) and count(*) = 20 from vectors v"
    begun = time.monotonic()
    assert ask(api(), "POST", "/rag/sources/documents/scan", headers=head)[0] == 202
    until("all is indexed", 600, lambda: psql(done) == "t\n")
    ours = time.monotonic() - begun
    count = int(psql("select count(*) from chunks"))
    texts = psql("copy (select content from chunks order by document_id, position) to stdout").splitlines()
    bare_rows = "begin;\ncreate table bare (id integer primary key, tokens integer, content text, search tsvector not null \
generated always as (to_tsvector('english', content)) stored);\ncreate index on bare using gin (search);\n\
copy bare (id, tokens, content) from stdin;\n" + "".join(f"{n}\t512\t{text}\n" for n, text in enumerate(texts)) + "\\.\ncommit;\n"
    chroma = lambda: http.client.HTTPConnection("127.0.0.1", int(ENV["CHROMA_PORT"]), timeout=60)
    _, made = ask(chroma(), "POST", COLLECTIONS, {"name": "bare", "configuration": {"hnsw": {"space": "cosine"}}})
    bare = f"{COLLECTIONS}/{json.loads(made)['id']}"
    bodies = []
    for first in range(0, count, 512):
        last = min(count, first + 512)
        vectors = ",".join(POOL[hash(text) % len(POOL)] for text in texts[first:last])
        ids = ",".join(f'"c{n}"' for n in range(first, last))
        metadata = ",".join(f'{{"document":"d{n}"}}' for n in range(first, last))
        bodies.append(f'{{"ids":[{ids}],"embeddings":[{vectors}],"metadatas":[{metadata}]}}'.encode())

    def write_vectors():
        connection = chroma()
        for body in bodies:
            assert ask(connection, "POST", f"{bare}/upsert", body)[0] == 200

    begun = time.monotonic()
    other = threading.Thread(target=write_vectors)
    other.start()
    psql(bare_rows)
    other.join()
    bare_s = time.monotonic() - begun
    row(f"ingest of {count} chunks", f"{ours:.1f} s", f"bare {bare_s:.1f} s, ratio {ours / bare_s:.2f}, aim 1.5")

    # --- search ------------------------------------------------------------------------------------------------------
    psql("analyze chunks; analyze bare;")
    questions = [question() for _ in range(300)]
    connection, store = api(), chroma()
    # Warm, as it is after a minute of use; each question is a new one.
    for text in [question() for _ in range(50)]:
        assert ask(connection, "POST", "/rag/search", {"query": text, "top_k": 10}, head)[0] == 200
    ours_ms, chroma_ms = [], []
    for text in questions:
        begun = time.monotonic()
        status, body = ask(connection, "POST", "/rag/search", {"query": text, "top_k": 10}, head)
        ours_ms.append((time.monotonic() - begun) * 1000)
        assert status == 200 and json.loads(body)["mode"] == "hybrid", body[:200]
        vector = POOL[hash(text) % len(POOL)]
        request = f'{{"query_embeddings":[{vector}],"n_results":40,"include":["distances"]}}'.encode()
        begun = time.monotonic()
        assert ask(store, "POST", f"{bare}/query", request)[0] == 200
        chroma_ms.append((time.monotonic() - begun) * 1000)
    script = "\\timing on\n" + "".join(
        f"with q as (select replace(plainto_tsquery('english', '{text}')::text, ' & ', ' | ')::tsquery q) select id, content from bare, q "
        "where search @@ q order by ts_rank(search, q) desc limit 10;\n" for text in questions)
    words_ms = [float(found) for found in re.findall(r"^Time: ([\d.]+) ms", psql(script), re.M)]
    assert len(words_ms) == len(questions)
    slower = max(statistics.median(chroma_ms), statistics.median(words_ms))
    slower99 = max(quantile(chroma_ms, 0.99), quantile(words_ms, 0.99))
    p50, p99 = statistics.median(ours_ms), quantile(ours_ms, 0.99)
    row("bare Chroma query, p50 / p99", f"{statistics.median(chroma_ms):.1f} ms", f"{quantile(chroma_ms, 0.99):.1f} ms")
    row("bare Postgres full text, p50 / p99", f"{statistics.median(words_ms):.1f} ms", f"{quantile(words_ms, 0.99):.1f} ms")
    row("search, p50", f"{p50:.1f} ms", f"ratio {p50 / slower:.2f}, aim 1.5")
    row("search, p99", f"{p99:.1f} ms", f"ratio to the slower p50 {p99 / slower:.2f}, aim 4; to its p99 {p99 / slower99:.2f}")

    # --- 64 clients, memory --------------------------------------------------------------------------------------------
    times, errors = [], []

    def client(share):
        own = api()
        for _ in range(share):
            begun = time.monotonic()
            try:
                status, _ = ask(own, "POST", "/rag/search", {"query": question(), "top_k": 5}, head)
            except OSError as error:
                errors.append(error)
                own = api()
                continue
            times.append((time.monotonic() - begun) * 1000)
            if status != 200:
                errors.append(status)

    def at_once(clients, share):
        threads = [threading.Thread(target=client, args=(share,)) for _ in range(clients)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]

    at_once(64, 20)
    row("64 clients at once: errors", len(errors), f"p50 {statistics.median(times):.0f} ms, p99 {quantile(times, 0.99):.0f} ms")
    before = rss_mib(process)
    at_once(8, QUERIES // 8)
    row(f"memory over {QUERIES} queries", f"{rss_mib(process) - before:+.1f} MiB", f"from {before:.0f} MiB; errors {len(errors)}")


main()
