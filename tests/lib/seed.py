#!/usr/bin/env python3
"""Fills a Chroma collection, or writes to Chroma and Postgres without rest.

    seed.py fill URL COLLECTION ROWS DIMENSIONS
    seed.py hammer URL COLLECTION LOG POSTGRES_CONTAINER     one line "chroma ID" or "postgres ID" per acknowledged write
    seed.py ids URL COLLECTION                               every id, one a line
    seed.py count URL COLLECTION                             "IDS VECTORS", as the API gives them
"""

import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

BASE = "/api/v2/tenants/default_tenant/databases/default_database/collections"


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def vector(key, dimensions):
    source = random.Random(str(key))
    return [round(source.uniform(-1, 1), 6) for _ in range(dimensions)]


def collection(url, name):
    return ask(f"{url}{BASE}", {"name": name, "get_or_create": True, "configuration": {"hnsw": {"space": "cosine"}}})


def fill(url, name, rows, dimensions):
    where = f"{url}{BASE}/{collection(url, name)['id']}"
    for first in range(0, rows, 1000):
        ids = [f"d{n}" for n in range(first, min(rows, first + 1000))]
        ask(f"{where}/upsert", {
            "ids": ids,
            "embeddings": [vector(key, dimensions) for key in ids],
            "documents": [f"passage {key} " + "lorem ipsum dolor " * 20 for key in ids],
            "metadatas": [{"n": key} for key in ids],
        })


def hammer(url, name, log, container):
    dimensions = collection(url, name).get("dimension") or 8
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    said = open(log, "w", buffering=1)

    def chroma():
        number = time.time_ns()
        while not stop.is_set():
            ids = [f"h{number}-{n}" for n in range(20)]
            try:
                where = f"{url}{BASE}/{collection(url, name)['id']}"
                ask(f"{where}/upsert", {"ids": ids, "embeddings": [vector(key, dimensions) for key in ids]})
                said.write("".join(f"chroma {key}\n" for key in ids))
            except (OSError, urllib.error.URLError, ValueError):
                time.sleep(0.02)
            number += 1

    def postgres():
        number = time.time_ns()  # a second hammer goes on where the first one stopped
        command = 'PGPASSWORD=$POSTGRES_PASSWORD exec psql -h 127.0.0.1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -XAtq'
        shell = subprocess.Popen(["docker", "exec", "-i", container, "sh", "-c", command], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        shell.stdin.write("create table if not exists hammered(id bigint primary key);\n")
        while not stop.is_set():
            shell.stdin.write(f"insert into hammered values ({number}) returning id;\n")
            shell.stdin.flush()
            line = shell.stdout.readline()
            if not line:
                break
            said.write(f"postgres {line.strip()}\n")
            number += 1
        shell.stdin.close()
        shell.wait()

    threads = [threading.Thread(target=chroma), threading.Thread(target=postgres)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def pages(url, name):
    where = f"{url}{BASE}/{collection(url, name)['id']}"
    offset = 0
    while page := ask(f"{where}/get", {"limit": 1000, "offset": offset, "include": ["embeddings"]}):
        if not page["ids"]:
            return
        yield page
        offset += len(page["ids"])


def count(url, name):
    ids = vectors = 0
    for page in pages(url, name):
        ids += len(page["ids"])
        vectors += sum(1 for embedding in page["embeddings"] if embedding)
    print(ids, vectors)


match sys.argv[1:]:
    case ["fill", url, name, rows, dimensions]:
        fill(url, name, int(rows), int(dimensions))
    case ["hammer", url, name, log, container]:
        hammer(url, name, log, container)
    case ["ids", url, name]:
        for page in pages(url, name):
            print("\n".join(page["ids"]))
    case ["count", url, name]:
        count(url, name)
    case _:
        sys.exit(__doc__)
