#!/usr/bin/env python3
"""What the other tests may rely on in the Ollama double. Run: python3 tests/ollama_double/test_double.py"""

import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

DOUBLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ollama_double.py")


class Running:
    """One double on a free port with a home of its own."""

    def __init__(self, home, **env):
        self.home = home
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OLLAMA_", "DOUBLE_"))}
        self.env = {**clean, "HOME": home, "OLLAMA_HOST": "127.0.0.1:0", **env}
        self.process = subprocess.Popen([sys.executable, DOUBLE], env=self.env, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        self.port = int(re.search(r"Listening on 127\.0\.0\.1:(\d+)", line)[1])
        self.env["OLLAMA_HOST"] = f"127.0.0.1:{self.port}"
        self.reader = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.reader.start()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=5)

    def end(self):
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        self.reader.join()
        self.process.stderr.close()

    def open(self, method, path, body=None, timeout=5):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        data = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
        connection.request(method, path, data)
        try:
            return connection, connection.getresponse()
        except OSError:
            connection.close()
            raise

    def ask(self, method, path, body=None):
        connection, response = self.open(method, path, body)
        text = response.read().decode()
        connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def lines(self, path, body, timeout=5):
        connection, response = self.open("POST", path, body, timeout)
        try:
            return [json.loads(line) for line in response.read().splitlines()]
        finally:
            connection.close()

    def pull(self, model):
        return self.lines("/api/pull", {"model": model})

    def fault(self, text):
        status, answer = self.ask("POST", "/__double/fault", text)
        assert status == 200, answer

    def cli(self, *arguments):
        return subprocess.run([sys.executable, DOUBLE, *arguments], env=self.env, capture_output=True, text=True)

    def blobs(self):
        return os.path.join(self.home, ".ollama", "models", "blobs")


class DoubleTest(unittest.TestCase):
    """Each test has its own double with its own home."""

    def start(self, **env):
        home = tempfile.mkdtemp(prefix="double-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        return self.start_in(home, **env)

    def start_in(self, home, **env):
        double = Running(home, **env)
        self.addCleanup(double.end)
        return double


class Api(DoubleTest):
    def test_root_version_and_unknown_paths(self):
        d = self.start()
        self.assertEqual(d.ask("GET", "/"), (200, "Ollama is running"))
        self.assertEqual(d.ask("HEAD", "/"), (200, ""))
        self.assertEqual(d.ask("GET", "/api/version"), (200, {"version": "0.32.15"}))
        self.assertEqual(d.ask("GET", "/api/nothing")[0], 404)
        self.assertEqual(d.ask("GET", "/api/pull")[0], 405)
        self.assertEqual(d.ask("GET", "/api/tags"), (200, {"models": []}))

    def test_errors_have_ollamas_status_and_text(self):
        d = self.start()
        self.assertEqual(d.ask("POST", "/api/show", ""), (400, {"error": "missing request body"}))
        self.assertEqual(d.ask("POST", "/api/show", "{")[0], 400)
        self.assertEqual(d.ask("POST", "/api/show", {"model": "x"}), (404, {"error": "model 'x' not found"}))
        self.assertEqual(d.ask("POST", "/api/chat", {"model": "x"}), (404, {"error": "model 'x' not found"}))
        self.assertEqual(d.ask("DELETE", "/api/delete", {"model": "x"}), (404, {"error": "model 'x' not found"}))
        self.assertEqual(d.ask("POST", "/api/embed", {"model": "x", "input": "a"}),
                         (404, {"error": 'model "x" not found, try pulling it first'}))
        self.assertEqual(d.ask("POST", "/api/pull", {"model": "../../etc"})[0], 400)
        self.assertEqual(d.pull("no-such")[-1], {"error": "pull model manifest: file does not exist"})
        self.assertEqual(d.ask("POST", "/api/pull", {"model": "no-such", "stream": False})[0], 500)

    def test_pull_stores_content_addressed_and_delete_keeps_shared_blobs(self):
        d = self.start()
        seen = [line["status"] for line in d.pull("all-minilm")]
        self.assertEqual(seen[0], "pulling manifest")
        self.assertEqual(seen[-3:], ["verifying sha256 digest", "writing manifest", "success"])
        for name in os.listdir(d.blobs()):
            with open(os.path.join(d.blobs(), name), "rb") as file:
                self.assertEqual("sha256-" + hashlib.sha256(file.read()).hexdigest(), name)
        manifest = os.path.join(d.home, ".ollama/models/manifests/registry.ollama.ai/library/all-minilm/latest")
        with open(manifest, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        model = d.ask("GET", "/api/tags")[1]["models"][0]
        self.assertEqual((model["name"], model["digest"]), ("all-minilm:latest", digest))
        self.assertEqual(d.ask("POST", "/api/pull", {"model": "llama3.2", "stream": False}), (200, {"status": "success"}))
        self.assertEqual(d.ask("DELETE", "/api/delete", {"model": "llama3.2"})[0], 200)
        self.assertEqual(d.ask("POST", "/api/embed", {"model": "all-minilm", "input": "a"})[0], 200)
        self.assertEqual(d.ask("DELETE", "/api/delete", {"model": "all-minilm"})[0], 200)
        self.assertEqual(os.listdir(d.blobs()), [])

    def test_embeddings_are_deterministic_and_similar_texts_are_near(self):
        d = self.start()
        d.pull("all-minilm"), d.pull("nomic-embed-text")
        texts = ["The boiler is serviced every October.", "When is the boiler serviced?", "Cats sleep all day."]
        first = d.ask("POST", "/api/embed", {"model": "all-minilm", "input": texts})[1]["embeddings"]
        again = d.ask("POST", "/api/embed", {"model": "all-minilm", "input": texts[0]})[1]["embeddings"]
        dot = lambda a, b: sum(x * y for x, y in zip(a, b))
        self.assertEqual(first[0], again[0])
        self.assertEqual(len(first[0]), 384)
        self.assertAlmostEqual(dot(first[0], first[0]), 1, places=5)
        self.assertGreater(dot(first[0], first[1]), dot(first[0], first[2]) + 0.3)
        old = d.ask("POST", "/api/embeddings", {"model": "nomic-embed-text", "prompt": "a"})[1]["embedding"]
        self.assertEqual(len(old), 768)
        long = {"model": "all-minilm", "input": "word " * 300}
        self.assertEqual(d.ask("POST", "/api/embed", long)[1]["prompt_eval_count"], 256)
        self.assertEqual(d.ask("POST", "/api/embed", {**long, "truncate": False})[0], 400)

    def test_chat_and_generate_stream_and_at_once(self):
        d = self.start(DOUBLE_VRAM="1")
        d.pull("llama3.2"), d.pull("all-minilm")
        prompt = "Context:\n[1] Cats sleep all day.\n[2] The boiler is serviced in October.\n\nQuestion: When is the boiler serviced?"
        chat = {"model": "llama3.2", "messages": [{"role": "user", "content": prompt}]}
        lines = d.lines("/api/chat", chat)
        text = "".join(line["message"]["content"] for line in lines)
        self.assertEqual(text, "[2] The boiler is serviced in October.")
        self.assertEqual([line["done"] for line in lines[-2:]], [False, True])
        self.assertGreater(lines[-1]["eval_count"], 1)
        whole = d.ask("POST", "/api/chat", {**chat, "stream": False})[1]
        self.assertEqual((whole["message"]["content"], whole["done"]), (text, True))
        short = {"model": "llama3.2", "prompt": prompt, "stream": False, "options": {"num_predict": 2}}
        answer = d.ask("POST", "/api/generate", short)[1]
        self.assertEqual((answer["response"], answer["done_reason"]), ("[2] The", "length"))
        running = d.ask("GET", "/api/ps")[1]["models"][0]
        self.assertEqual(running["size_vram"], running["size"])
        d.ask("POST", "/api/generate", {"model": "llama3.2", "keep_alive": 0})
        self.assertEqual(d.ask("GET", "/api/ps")[1]["models"], [])
        wrong = d.ask("POST", "/api/chat", {**chat, "model": "all-minilm"})
        self.assertEqual(wrong, (400, {"error": '"all-minilm" does not support chat'}))
        info = d.ask("POST", "/api/show", {"model": "all-minilm"})[1]
        self.assertEqual((info["model_info"]["bert.embedding_length"], info["capabilities"]), (384, ["embedding"]))

    def test_command_line_key_and_stop(self):
        d = self.start()
        d.pull("all-minilm")
        self.assertIn("all-minilm:latest", d.cli("list").stdout)
        self.assertEqual(d.cli("ps").returncode, 0)
        key = os.path.join(d.home, ".ollama", "id_ed25519")
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        begun = time.monotonic()
        self.assertEqual(d.stop(), 0)
        self.assertLess(time.monotonic() - begun, 1)
        self.assertEqual(d.cli("list").returncode, 1)

    def test_a_damaged_or_missing_blob_cannot_be_loaded(self):
        d = self.start()
        d.pull("all-minilm")
        largest = max((os.path.join(d.blobs(), name) for name in os.listdir(d.blobs())), key=os.path.getsize)
        with open(largest, "r+b") as file:
            file.seek(1000)
            file.write(b"damage")
        status, body = d.ask("POST", "/api/embed", {"model": "all-minilm", "input": "a"})
        self.assertEqual((status, body), (500, {"error": f"unable to load model: {largest}"}))

    def test_start_prunes_old_unreferenced_blobs_only(self):
        d = self.start()
        d.pull("all-minilm")
        d.stop()
        kept = set(os.listdir(d.blobs()))
        for name, age in (("sha256-" + "0" * 64, 7200), ("sha256-" + "1" * 64, 0)):
            path = os.path.join(d.blobs(), name)
            with open(path, "wb"):
                pass
            os.utime(path, (time.time() - age,) * 2)
        for name in kept:
            os.utime(os.path.join(d.blobs(), name), (0, 0))
        self.start_in(d.home)
        self.assertEqual(set(os.listdir(d.blobs())), kept | {"sha256-" + "1" * 64})


class Failures(DoubleTest):
    def test_a_pull_goes_on_where_it_was_cut(self):
        d = self.start()
        d.fault("pull-cut:times=1")
        with self.assertRaises(http.client.IncompleteRead):
            d.pull("all-minilm")
        self.assertTrue(any(name.endswith("-partial") for name in os.listdir(d.blobs())))
        self.assert_resumed(d)

    def assert_resumed(self, d):
        lines = [line for line in d.pull("all-minilm") if line.get("total", 0) > 200_000]
        self.assertGreater(lines[0].get("completed", 0), 0)
        self.assertEqual(lines[-1]["completed"], lines[-1]["total"])
        self.assertFalse([name for name in os.listdir(d.blobs()) if "partial" in name])
        self.assertEqual(d.ask("POST", "/api/embed", {"model": "all-minilm", "input": "a"})[0], 200)

    def test_a_pull_goes_on_after_the_client_left(self):
        d = self.start(DOUBLE_RATE="400000")
        connection, response = d.open("POST", "/api/pull", {"model": "all-minilm"})
        while b'"completed"' not in response.readline():
            pass
        response.close(), connection.close()
        d.ask("POST", "/__double/rate", {"rate": 0})
        self.assert_resumed(d)

    def test_a_pull_goes_on_after_the_server_was_killed(self):
        d = self.start(DOUBLE_RATE="400000")
        connection, response = d.open("POST", "/api/pull", {"model": "all-minilm"})
        while b'"completed"' not in response.readline():
            pass
        d.stop(signal.SIGKILL)
        response.close(), connection.close()
        self.assert_resumed(self.start_in(d.home))

    def test_an_error_line_under_200(self):
        d = self.start(DOUBLE_FAULT="pull-error:after=1:times=1")
        connection, response = d.open("POST", "/api/pull", {"model": "all-minilm"})
        last = json.loads(response.read().splitlines()[-1])
        connection.close()
        self.assertEqual((response.status, list(last)), (200, ["error"]))
        d.fault("pull-offline:times=1")
        self.assertIn("no such host", d.pull("all-minilm")[-1]["error"])
        self.assert_resumed(d)

    def test_stalls_are_silent_and_end_with_the_client(self):
        d = self.start(DOUBLE_FAULT="pull-stall:times=1,hang:path=/api/embed:times=1")
        with self.assertRaises(TimeoutError):
            d.lines("/api/pull", {"model": "all-minilm"}, timeout=0.4)
        self.assert_hangs(d)
        d.pull("all-minilm")
        self.assertEqual(d.ask("POST", "/api/embed", {"model": "all-minilm", "input": "a"})[0], 200)

    def assert_hangs(self, d):
        with self.assertRaises(TimeoutError):
            d.open("POST", "/api/embed", {"model": "all-minilm", "input": "a"}, timeout=0.3)

    def test_busy_500_and_not_found(self):
        d = self.start()
        d.pull("all-minilm")
        embed = ("POST", "/api/embed", {"model": "all-minilm", "input": "a"})
        d.fault('{"kind": "busy", "times": 2}')
        d.fault("500:times=1")
        d.fault("not-found:times=1")
        self.assertEqual([d.ask(*embed)[0] for _ in range(5)], [503, 503, 500, 404, 200])
        d.fault("busy"), d.ask("DELETE", "/__double/fault")
        self.assertEqual(d.ask(*embed)[0], 200)
        self.assertEqual(d.ask("POST", "/__double/fault", "nonsense")[0], 400)
        self.assertEqual(d.ask("GET", "/__double")[1]["requests"]["POST /api/embed"], 6)

    def test_streams_break_in_the_middle(self):
        d = self.start()
        d.pull("llama3.2")
        chat = {"model": "llama3.2", "messages": [{"role": "user", "content": "one two three four five"}]}
        d.fault("stream-error:times=1")
        self.assertIn("error", d.lines("/api/chat", chat)[-1])
        d.fault("stream-cut:times=1")
        with self.assertRaises(http.client.IncompleteRead):
            d.lines("/api/chat", chat)
        d.fault("stream-stall:times=1")
        with self.assertRaises(TimeoutError):
            d.lines("/api/chat", chat, timeout=0.3)
        self.assertTrue(d.lines("/api/chat", chat)[-1]["done"])

    def test_a_rate_slows_a_pull(self):
        d = self.start(DOUBLE_RATE="600000")
        begun = time.monotonic()
        d.pull("all-minilm")
        self.assertGreater(time.monotonic() - begun, 0.4)

    def test_two_pulls_of_one_model_share_the_download(self):
        d = self.start(DOUBLE_RATE="600000")
        results = []
        threads = [threading.Thread(target=lambda: results.append(d.pull("all-minilm")[-1])) for _ in range(2)]
        begun = time.monotonic()
        [thread.start() for thread in threads], [thread.join() for thread in threads]
        self.assertEqual(results, [{"status": "success"}] * 2)
        self.assertLess(time.monotonic() - begun, 2)


if __name__ == "__main__":
    unittest.main()
