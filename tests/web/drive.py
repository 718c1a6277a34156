"""Drives the page in real Chromium against the real backend: every line that people were promised, and the bad days.

Called by tests/scenarios/web.sh with what it needs in the environment. Says each step; ends at the first thing that is
not as it should be, with a picture of the window in WORK.
"""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import markdown
from browser import Browser, Failed

ENV = os.environ
URL, DRIVER, WORK = ENV["URL"], int(ENV["DRIVER"]), pathlib.Path(ENV["WORK"])
FIGURES = {}
AXE = pathlib.Path(ENV["AXE"]).read_text()
LIGHT = [(390, 844), (820, 1180), (1440, 900)]
QUESTION = "When does the heating start?"
HOSTILE = "<img src=x onerror=window.hit=1>.txt"


def step(words):
    print(f"-- {words} ({time.monotonic() - BEGUN:.0f}s)", flush=True)


def that(is_so, words):
    if not is_so:
        raise Failed(words)


# --- the other side ---------------------------------------------------------------------------------------------------

class Api:
    """The API as a program uses it, to prepare and to look behind the page."""

    def __init__(self, name, password):
        self.name, self.password, self.token = name, password, None

    def __call__(self, method, path, body=None, ok=True):
        if self.token is None:
            self.token = ask("POST", "/auth/token", {"username": self.name, "password": self.password})[1]["access_token"]
        status, said = ask(method, path, body, self.token)
        that(not ok or status < 300, f"{method} {path}: {status} {said}")
        return said if ok else (status, said)

    def send(self, name, content):
        data = content if isinstance(content, bytes) else content.encode()
        head = f'--xx\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        self("GET", "/auth/me")
        request = urllib.request.Request(URL + "/rag/documents", head + data + b"\r\n--xx--\r\n",
                                         {"Authorization": f"Bearer {self.token}", "Content-Type": "multipart/form-data; boundary=xx"})
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer)


def ask(method, path, body=None, token=None, headers=None):
    headers = {"Content-Type": "application/json", **(headers or {})}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(URL + path, json.dumps(body).encode() if body is not None else None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=90) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text else None


def double(method, path, body):
    address = ENV["OLLAMA"]
    request = urllib.request.Request(f"http://{address}/__double{path}", body.encode(), method=method)
    urllib.request.urlopen(request, timeout=10).read()


def rate(bytes_per_s):
    double("POST", "/rate", json.dumps({"rate": bytes_per_s}))


def docker(*arguments):
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


def tars(*arguments):
    command = [ENV["TARS_BIN"], "--home", ENV["STACK_HOME"], "--quiet", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    that(ended.returncode == 0, f"tars {' '.join(arguments)}: exit {ended.returncode}: {ended.stderr[-1000:]}")


def backend(verb, *arguments):
    return docker(verb, *arguments, f"{ENV['PROJECT']}-backend")


def wait_ready():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(URL + "/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise Failed("the backend is not back within 60 s")


# --- words of these tests ---------------------------------------------------------------------------------------------

def sign_in(b, name, password):
    b.type("input[name=username]", name)
    b.type("input[name=password]", password)
    b.keys("enter")
    b.find("#question")


def ask_page(b, question):
    b.type("#question", question)
    b.keys("enter")


def answered(b, words, within=20):
    b.until(f"the last answer says {words!r}", lambda: words in b.js(
        "const e = [...document.querySelectorAll('.answer')].pop(); return e && !e.hasAttribute('aria-busy') ? e.innerText : '';"), within)


def last_answer(b):
    return b.js("const e = [...document.querySelectorAll('.answer')].pop(); return e ? e.innerText : '';")


def axe(b, where):
    b.js(AXE + "; window.axe = axe;" if "window.axe" not in AXE[:1000] else AXE)
    found = b.later("""
        const r = await axe.run(document, { resultTypes: ['violations'] });
        return r.violations.map((v) => `${v.id} (${v.impact}): ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + n.html.slice(0, 120)
          + ' ' + (n.any[0] ? n.any[0].message : '')).join(' | ')}`);
    """)
    FIGURES["axe_looks"] = FIGURES.get("axe_looks", 0) + 1
    that(not found, f"axe finds in {where}:\n  " + "\n  ".join(found))


def every_size(b, name, shots):
    """axe in both colour schemes and three sizes, and nothing wider than the window; the pictures are for people."""
    for dark in (False, True):
        b.dark(dark)
        for width, height in LIGHT:
            b.size(width, height)
            over = b.js("return document.scrollingElement.scrollWidth - innerWidth;")
            that(over <= 0, f"{name} at {width}: {over} px too wide")
            axe(b, f"{name}, {width} px, {'dark' if dark else 'light'}")
            if shots:
                b.shot(pathlib.Path(shots) / f"{name}-{width}-{'dark' if dark else 'light'}.png")
    for width in (360, 3840):
        b.size(width, 800)
        over = b.js("return document.scrollingElement.scrollWidth - innerWidth;")
        that(over <= 0, f"{name} at {width}: {over} px too wide")
    b.dark(False)
    b.size(1440, 900)


def clean(b, *expected):
    """The console says nothing that was not expected: a refused script would stand there."""
    for line in b.errors():
        if not any(word in line for word in ("Failed to load resource", "net::ERR", *expected)):
            raise Failed(f"the console says: {line}")


# --- the steps --------------------------------------------------------------------------------------------------------

def module_of(b):
    return b.js("return performance.getEntriesByType('resource').map((e) => e.name).find((n) => n.endsWith('/markdown.js'));")


def first_paint(b):
    step("first paint, the policy, and what the page weighs")
    times = []
    for _ in range(5):
        b.open(URL + "/")
        b.find("input[name=username]")
        times.append(b.later("""
            for (;;) { const p = performance.getEntriesByName('first-contentful-paint')[0]; if (p) return p.startTime; await new Promise((d) => setTimeout(d, 20)); }
        """))
    FIGURES["first_paint_ms"] = round(sorted(times)[2])
    that(sorted(times)[2] <= 500, f"first paint after {sorted(times)} ms")
    loaded = b.js("return performance.getEntriesByType('resource').map((e) => e.name);")
    that(loaded and all(name.startswith(URL) for name in loaded), f"loaded from elsewhere: {loaded}")
    module = module_of(b)
    weight = 0
    for name in {*loaded}:
        with urllib.request.urlopen(name, timeout=10) as answer:
            weight += len(answer.read())
            that("immutable" in answer.headers["cache-control"], f"{name} is not kept")
    request = urllib.request.Request(URL + "/", headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        weight += len(answer.read())
        tag, policy = answer.headers["etag"], answer.headers["content-security-policy"]
    FIGURES["page_bytes"] = weight
    that(weight <= 150 * 1024, f"the page has {weight} bytes")
    that("unsafe" not in policy and "trusted-types 'none'" in policy and "default-src 'none'" in policy, policy)
    status, _ = ask("GET", "/", headers={"Accept": "text/html", "If-None-Match": tag})
    that(status == 304, f"the same page again: {status}")
    status, about = ask("GET", "/", headers={"Accept": "application/json"})
    that(status == 200 and about["name"] == "tars", f"{about}")
    every_size(b, "sign-in", None)
    clean(b)
    return module


def sign_in_first(b):
    step("the first sign-in of the administrator: where the password was, and one of their own")
    b.click("summary", "The first time here?")
    b.says("TARS_ADMIN_PASSWORD")
    sign_in_wrong(b)
    sign_in(b, "admin", ENV["ADMIN_PASSWORD"])
    b.find("dialog h2", "Choose your own password")
    b.says("tars-home.env", "dialog")
    axe(b, "the first password")
    b.type("input[name=current]", ENV["ADMIN_PASSWORD"])
    b.type("input[name=new]", "a sentence of mine")
    b.type("input[name=again]", "another sentence")
    b.keys("enter")
    b.says("The two new passwords differ.", "dialog")
    b.type("input[name=again]", "a sentence of mine")
    b.keys("enter")
    b.gone("dialog")
    b.says("Your password was changed.")
    that(ask("POST", "/auth/token", {"username": "admin", "password": ENV["ADMIN_PASSWORD"]})[0] == 401, "the old password still signs in")
    b.reload()
    b.find("#question")
    that(not b.maybe("dialog"), "it asks for a password again")
    clean(b)


def sign_in_wrong(b):
    b.type("input[name=username]", "admin")
    b.type("input[name=password]", "wrong-password")
    b.keys("enter")
    b.says("The name or the password is wrong.", ".trouble")


def documents(b, shots):
    step("documents: several at once with their progress, ready or set aside with the reason, found, trash and back")
    up = WORK / "up"
    up.mkdir()
    (up / "heating.md").write_text("# Heating\n\nThe heating starts on the first of October. The boiler holds 1.5 bar.\n")
    (up / "kites.txt").write_text("The red kite nests in May. Its eggs hatch after thirty-two days.\n")
    (up / "broken.json").write_text('{"a": ')
    (up / "program.exe").write_text("x")
    (up / HOSTILE).write_text("The hostile note speaks of kingfishers.\n<script>window.hit=1</script> <img src=x onerror=window.hit=1>\n")
    with open(up / "large.txt", "wb") as file:
        file.truncate(500 << 20)
    b.click("a", "Documents")
    b.says("Documents are common to all")
    b.put("input[type=file]", "\n".join(str(up / name) for name in ("heating.md", "kites.txt", "broken.json", "program.exe", HOSTILE, "large.txt")))
    b.until("three are ready", lambda: len(b.all(".uploads .good")) == 3, 60)
    b.says("set aside:", ".uploads")
    b.says("this kind of file is not read", ".uploads")
    b.says("up to 256 MB can be sent", ".uploads")
    b.find("table.documents th", "heating.md")
    b.find("table.documents th", HOSTILE)
    that(b.js("return window.hit || 0;") == 0, "a document's name ran")
    b.put("input[type=file]", str(up / "kites.txt"))
    b.says("it was here already", ".uploads")
    every_size(b, "documents", shots)
    b.click("button", "Clear the list")
    b.gone(".uploads li")
    b.type("input[type=search][placeholder*=name]", "kite")
    b.gone("table.documents th", "heating.md")
    b.find("table.documents th", "kites.txt")
    b.click("button", "Move kites.txt to the trash")
    b.click("dialog button", "Move to the trash")
    b.gone("table.documents th", "kites.txt")
    b.click("a", "Trash")
    b.find("table.documents th", "kites.txt")
    b.click("button", "Bring kites.txt back")
    b.gone("table.documents th", "kites.txt")
    b.click("a", "Set aside")
    b.says("broken.json")
    axe(b, "set aside")
    b.click("button", "Remove broken.json")
    b.gone(".plain li", "broken.json")
    b.click(".tabs a", "All")
    b.find("table.documents th", "kites.txt")
    step("documents: dropped, and a large one cancelled on its way; nothing of it stays")
    b.js("""
        const t = new DataTransfer(); t.items.add(new File(['A dropped note about otters.'], 'dropped.txt'));
        for (const kind of ['dragenter', 'dragover', 'drop']) window.dispatchEvent(new DragEvent(kind, { dataTransfer: t, bubbles: true, cancelable: true }));
    """)
    b.until("the dropped one is ready", lambda: b.maybe(".uploads .good", ""), 30)
    with open(up / "cancelled.txt", "wb") as file:
        file.truncate(250 << 20)
    b.cdp("Network.enable")
    b.cdp("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=6 << 20)
    b.put("input[type=file]", str(up / "cancelled.txt"))
    b.says("sending, ", ".uploads")
    b.click("button", "Cancel cancelled.txt")
    b.says("cancelled – nothing was kept", ".uploads")
    b.cdp("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    b.until("nothing of it is left", lambda: ".new-" not in docker("run", "--rm", "--volumes-from", f"{ENV['PROJECT']}-backend", "--entrypoint", "ls",
                                                                 ENV["TOOLS_IMAGE"], "-A", "/var/lib/tars/documents"), 30)
    that(ADMIN("GET", "/rag/documents?query=cancelled")["total_documents"] == 0, "the cancelled one is there")
    clean(b)


def asking(b, shots):
    step("ask: streamed, with sources that open; follow up, stop, ask again, copy")
    b.click("a", "New question")
    b.until("the box has the focus", lambda: b.js("return document.activeElement.id;") == "question")
    rate(60)
    b.js("window.shifts = []; new PerformanceObserver((l) => shifts.push(...l.getEntries())).observe({ type: 'layout-shift' });")
    ask_page(b, QUESTION)
    b.until("the answer streams in", lambda: b.js("const e = document.querySelector('.answer[aria-busy] .words'); return e && e.innerText.includes('The heating');"))
    rate(0)
    answered(b, "first of October")
    shift = b.js("return shifts.filter((s) => !s.hadRecentInput).reduce((sum, s) => sum + s.value, 0);")
    FIGURES["layout_shift"] = round(shift, 4)
    that(shift < 0.05, f"the layout moved by {shift} while it was written")
    b.says("The heating starts", "#said")
    that(b.js("return location.hash;").startswith("#/c/"), "the address does not name the conversation")
    b.click(".cite, .source", "heating.md")
    b.find("dialog h2", "heating.md")
    b.says("passage 1 of 1", "dialog")
    b.says("1.5 bar", "dialog mark")
    every_size(b, "source", shots)
    b.keys("escape")
    b.gone("dialog")
    ask_page(b, "And how many bar does the boiler hold?")
    answered(b, "1.5 bar")
    that(len(b.all("h2.question")) == 2, "the follow-up is not in the conversation")
    every_size(b, "ask", shots)
    b.click("button", "Ask again")
    answered(b, "1.5 bar")
    that(len(b.all("h2.question")) == 2, "asked again is one more")
    b.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"], origin=URL)
    b.click(".turn:last-child button", "Copy")
    that("1.5 bar" in b.later("return navigator.clipboard.readText();"), "the copy is not the answer")
    rate(15)
    ask_page(b, QUESTION)
    b.until("some words are there", lambda: "The h" in b.js("const e = document.querySelector('.answer[aria-busy] .words'); return e ? e.innerText : '';"))
    b.click("button", "Stop")
    b.says("You stopped the answer here.")
    rate(0)
    identity = b.js("return location.hash;").split("/")[2]
    b.until("what was written is kept", lambda: ADMIN("GET", f"/rag/conversations/{identity}")["messages"][-1].get("unfinished")
            and ADMIN("GET", f"/rag/conversations/{identity}")["messages"][-1]["content"].startswith("The h"))
    b.reload()
    b.says("The answer broke off here.")
    b.click(".turn:last-child button", "Ask again")
    answered(b, "first of October")
    said = ADMIN("GET", f"/rag/conversations/{identity}")["messages"]
    that(len(said) == 6 and not said[-1].get("unfinished") and said[-1]["sources"][0]["file_name"] == "heating.md", f"{said[-1]}")
    ask_page(b, "Who won the chess championship in Reykjavik?")
    answered(b, "The documents do not answer this question.")
    clean(b)


def hostile(b, module):
    step("hostile documents, names, titles and Markdown run no script")
    b.click("a", "New question")
    ask_page(b, "What does the hostile note say of kingfishers?")
    answered(b, "kingfishers")
    b.click(".source", HOSTILE)
    b.says("<script>window.hit=1</script>", "dialog")
    b.keys("escape")
    b.click("button", "Rename")
    b.type("dialog input[name=title]", "<img src=x onerror=window.hit=1>")
    b.keys("enter")
    b.gone("dialog")
    b.find(".conversations a", "<img src=x")
    that(b.js("return window.hit || 0;") == 0, "something ran")
    refused = b.js("try { document.body.innerHTML = '<p>x</p>'; return 'done'; } catch (e) { return e.name; }")
    that(refused == "TypeError", f"markup can be made of text: {refused}")
    b.errors()
    FIGURES["markdown_slowest_ms"] = round(markdown.check(b, module))
    clean(b, "TrustedHTML", "Trusted")


def conversations(b):
    step("conversations: listed, found by what was said, renamed, deleted")
    b.type(".talks input[type=search]", "october bar")
    b.until("one is found", lambda: len(b.all(".conversations a")) == 1)
    b.click(".conversations a")
    answered(b, "The documents do not answer")
    b.click("button", "Rename")
    b.type("dialog input[name=title]", "The heating")
    b.keys("enter")
    b.gone("dialog")
    b.find("h1", "The heating")
    b.type(".talks input[type=search]", "nothing like this was said")
    b.says("No conversation has these words.")
    b.type(".talks input[type=search]", " ")
    b.find(".conversations a", "The heating")
    b.click(".conversations a", "<img")
    b.find("h1", "<img")
    b.click("button", "Delete")
    b.click("dialog button", "Delete")
    b.gone(".conversations a", "<img")
    that(len(ADMIN("GET", "/rag/conversations")["conversations"]) == 1, "it is still there")


def keyboard(b):
    step("by keyboard alone, and what a screen reader is told")
    b.open(URL + "/")
    b.reload()
    b.find("#question")
    b.until("the box has the focus", lambda: b.js("return document.activeElement.id;") == "question")
    for key in "When does the heating start?":
        b.keys(key)
    b.keys("shift+enter")
    b.keys("enter")
    answered(b, "first of October")
    for _ in range(40):
        if b.focused().startswith("Source 1"):
            break
        b.keys("shift+tab")
    that(b.focused().startswith("Source 1"), f"no way to the source by keyboard: {b.focused()}")
    b.keys("enter")
    b.find("dialog h2", "heating.md")
    for _ in range(12):
        b.keys("tab")
        that(b.js("return document.querySelector('dialog').contains(document.activeElement) || document.activeElement === document.body;"), f"the focus left the dialog: {b.focused()}")
    b.keys("escape")
    b.gone("dialog")
    that(b.focused().startswith("Source 1"), f"the focus is not back where it was: {b.focused()}")
    b.js("document.activeElement.blur(); document.body.focus();")
    b.reload()
    b.find("#question")
    b.js("document.activeElement.blur();")
    b.keys("tab")
    seen = []
    for _ in range(30):
        seen.append(b.focused())
        b.keys("tab")
    for needed in ("To the content", "New question", "Documents", "Look after it", "Find a conversation", "admin", "Your question"):
        that(any(needed in one for one in seen), f"by tab nobody comes to {needed}: {seen}")
    roles = b.js("""
        return { lang: document.documentElement.lang, main: document.querySelectorAll('main').length, nav: document.querySelectorAll('nav').length,
          h1: document.querySelectorAll('h1').length, live: document.querySelectorAll('[role=status],[aria-live]').length };
    """)
    that(roles["lang"] == "en" and roles["main"] == 1 and roles["h1"] == 1 and roles["live"] >= 2, f"{roles}")
    b.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    moving = b.js("const d = document.createElement('span'); d.className = 'dots'; document.body.append(d); const n = getComputedStyle(d).animationName; d.remove(); return n;")
    that(moving == "none", f"it moves although that is not wanted: {moving}")
    b.dark(False)


def care(b, shots):
    step("look after it: the verdict first, models and the GPU, backup and drill, people")
    b.click("a", "Look after it")
    b.says("There is no good backup yet.", ".verdict")
    b.says("llama3.2:3b")
    (WORK / "backups").mkdir(exist_ok=True)
    tars("backup", "--output-dir", str(WORK / "backups"))
    tars("restore", "--drill", "--backup-file", "latest")
    b.click(".side a", "Documents")
    b.click("a", "Look after it")
    b.until("the drill is known", lambda: "passed" in b.text(".cards"), 30)
    b.silent("There is no good backup yet.", ".verdict")
    ADMIN("POST", "/rag/query", {"query": QUESTION, "keep": False})
    b.until("where the model runs", lambda: "runs on the processor" in b.text(".cards") or "runs on the graphics card" in b.text(".cards"), 40)
    every_size(b, "care", shots)
    step("look after it: the folder is away, and the button to confirm; the index made anew with its progress")
    folder = pathlib.Path(ENV["DOCS"])
    (folder / "manuals").mkdir()
    for n in range(25):
        (folder / "manuals" / f"m{n}.txt").write_text(f"Manual number {n} about subject{n}. " + f"word{n} " * 400)
    b.click("button", "Look through the folder now")
    b.until("they are read", lambda: ADMIN("GET", "/rag/documents?folder=manuals")["total_documents"] == 25, 60)
    for n in range(25):
        (folder / "manuals" / f"m{n}.txt").unlink()
    b.click("button", "Look through the folder now")
    b.until("the folder is away", lambda: b.maybe(".verdict li", "The documents folder is away.") or b.click("button", "Look through the folder now"), 60)
    axe(b, "a folder that is away")
    b.click("button", "The documents are gone")
    b.click("dialog button", "They are gone")
    b.until("they lie in the trash", lambda: ADMIN("GET", "/rag/documents?folder=manuals")["total_documents"] == 0, 60)
    b.until("the folder is here", lambda: not b.maybe(".verdict li", "The documents folder is away."), 40)
    before = ADMIN("GET", "/rag/stats")["indexes"][0]["collection"]
    b.click("button", "Make the index anew")
    b.click("dialog button", "Make it anew")
    b.says("The new index is being made.")
    b.until("another index serves", lambda: ADMIN("GET", "/rag/stats")["indexes"][0]["collection"] != before, 60)
    b.find("button", "Make the index anew", 30)
    people(b, shots)


def people(b, shots):
    step("people: added with a password for once, kept out, let in, reset, removed")
    b.click("a", "Look after it")
    b.click(".tabs a", "People")
    for name in ("ada", "grace"):
        b.click("button", "Add somebody")
        b.type("dialog input[name=name]", name)
        b.keys("enter")
        b.find("dialog h2", f"The password of {name}")
        PASSWORDS[name] = b.text("#once").strip()
        axe(b, "a password that is shown once")
        b.keys("escape")
        b.gone("dialog")
    that(len(PASSWORDS["ada"]) >= 10, "no password was shown")
    b.says("has not chosen a password yet")
    b.click("button", "Make an administrator: grace")
    b.says("grace is an administrator now.")
    b.click("button", "New password: grace")
    b.click("dialog button", "Make a new one")
    b.find("dialog h2", "The password of grace")
    that(b.text("#once").strip() != PASSWORDS["grace"], "the password is the same")
    b.keys("escape")
    b.gone("dialog")
    every_size(b, "people", shots)
    b.click("button", "Remove: grace")
    b.click("dialog button", "Remove")
    b.gone("table.people th", "grace")
    b.click(".side a", "admin")
    b.find("h1", "You")
    every_size(b, "account", None)
    b.click("label", "Dark")
    that(b.js("return getComputedStyle(document.documentElement).colorScheme;") == "dark", "dark is not dark")
    b.click("label", "As the device")
    clean(b)


def bad_days(b):
    step("a token that is no good any more, in mid-stream; two tabs at once, with and without the browser's own lock")
    b.open(URL + "/#/")
    b.find("#question")
    rate(25)
    ask_page(b, QUESTION)
    b.until("it streams", lambda: "The h" in b.js("const e = document.querySelector('.answer[aria-busy] .words'); return e ? e.innerText : '';"))
    b.js("const s = JSON.parse(localStorage['tars.session']); s.access = s.access.slice(0, -6) + 'AAAAAA'; localStorage['tars.session'] = JSON.stringify(s);")
    rate(0)
    answered(b, "first of October")
    b.click("a", "Documents")
    b.find("table.documents th", "heating.md")
    that(b.js("return !JSON.parse(localStorage['tars.session']).access.endsWith('AAAAAA');"), "the token is still the bad one")
    one = b.tabs()[0]
    two = b.new_tab()
    for without_lock in (False, True):
        for tab in (one, two):
            b.tab(tab)
            if without_lock:
                b.cdp("Page.addScriptToEvaluateOnNewDocument", source="Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined });")
            b.open(URL + "/#/documents")
            b.reload()
            b.find("table.documents th", "heating.md")
        b.js("const s = JSON.parse(localStorage['tars.session']); s.until = 0; localStorage['tars.session'] = JSON.stringify(s);")
        at = b.js("return Date.now() + 3000;")
        for tab in (one, two):
            b.tab(tab)
            b.js("""
                const module = [...document.querySelectorAll('link[rel=modulepreload]')].find((l) => l.href.endsWith('api.js')).href;
                import(module).then(({ get }) => setTimeout(() => Promise.all([1, 2, 3].map(() => get('/auth/me'))).then((all) => { window.came = all.length; }, (e) => { window.came = e.message; }),
                  arguments[0] - Date.now()));
            """, at)
        for tab in (one, two):
            b.tab(tab)
            b.until("all of them came", lambda: b.js("return window.came;"), 20)
            that(b.js("return window.came;") == 3, f"two tabs: {b.js('return window.came;')}")
            that(b.maybe("input[name=password]") is None, "a tab was signed out")
    b.tab(two)
    b._ask("DELETE", "/window")
    b.tab(one)

    step("the backend restarted in mid-answer; the connection lost while one writes: the draft is there")
    b.open(URL + "/#/")
    b.reload()
    b.find("#question")
    rate(15)
    ask_page(b, QUESTION)
    b.until("it streams", lambda: "The h" in b.js("const e = document.querySelector('.answer[aria-busy] .words'); return e ? e.innerText : '';"))
    backend("kill", "-s", "KILL")
    b.says("The connection is lost.")
    b.says("The answer broke off here.")
    b.type("#question", "A draft that must not be lost")
    ask_page(b, "How many bar does the boiler hold?")
    b.says("What you have written is kept", ".composer")
    that(b.js("return document.querySelector('#question').value;") == "How many bar does the boiler hold?", "the question is lost")
    rate(0)
    backend("start")
    wait_ready()
    b.says("Connected again.", within=30)
    b.gone(".composer .trouble")
    b.reload()
    b.until("the draft is there after all", lambda: b.js("const q = document.querySelector('#question'); return q && q.value;") == "How many bar does the boiler hold?")
    b.says("The answer broke off here." if "The h" in last_answer(b) else "This question was not answered.")
    b.click("#question")
    b.keys("enter")
    answered(b, "1.5 bar", 40)
    b.errors()

    step("a model that fails in the middle is said in words")
    double("POST", "/fault", "stream-error:times=1:path=/api/chat")
    ask_page(b, QUESTION)
    b.says("The language model stopped in the middle of its answer.")
    b.click(".turn:last-child button", "Ask again")
    answered(b, "first of October")

    step("a user who is kept out while signed in; what was written is there when they may again")
    with Browser(DRIVER, 820, 1180) as c:
        c.open(URL + "/")
        sign_in(c, "ada", PASSWORDS["ada"])
        c.find("dialog h2", "Choose your own password")
        c.type("input[name=current]", PASSWORDS["ada"])
        c.type("input[name=new]", "adas own sentence")
        c.type("input[name=again]", "adas own sentence")
        c.keys("enter")
        c.gone("dialog")
        that(c.maybe("a", "Look after it") is None, "a user sees what is for administrators")
        c.says("What would you like to know, ada?")
        c.type("#question", "Adas question that is not sent yet")
        ada = next(user["id"] for user in ADMIN("GET", "/users")["users"] if user["name"] == "ada")
        ADMIN("PATCH", f"/users/{ada}", {"disabled": True})
        c.keys("enter")
        c.find("input[name=password]")
        c.says("What you have written is kept.")
        c.type("input[name=username]", "ada")
        c.type("input[name=password]", "adas own sentence")
        c.keys("enter")
        c.says("The name or the password is wrong.")
        ADMIN("PATCH", f"/users/{ada}", {"disabled": False})
        sign_in(c, "ada", "adas own sentence")
        c.until("the draft is there", lambda: c.js("return document.querySelector('#question').value;") == "Adas question that is not sent yet")
        c.click(".opener")
        c.click(".side a", "ada")
        c.click("button", "Sign out")
        c.find("input[name=password]")

    step("no JavaScript: a sentence says what is needed")
    with Browser(DRIVER, 820, 1180) as c:
        c.cdp("Emulation.setScriptExecutionDisabled", value=True)
        c.open(URL + "/")
        source = c._ask("GET", "/source")
        that("This page needs JavaScript" in source, "nothing is said without JavaScript")
        c.cdp("Emulation.setScriptExecutionDisabled", value=False)


def too_much(b):
    step("429: said with the seconds, and asked again when they are over")
    b.open(URL + "/#/")
    b.reload()
    b.find("#question")
    token = b.js("return JSON.parse(localStorage['tars.session']).access;")
    for _ in range(80):
        if ask("GET", "/auth/me", token=token)[0] == 429:
            break
    ask_page(b, QUESTION)
    b.says("That was too much at once.", ".composer")
    b.find(".composer button", "Try again in")
    that(b.js("return document.querySelector('#question').value;") == QUESTION, "the question is lost")
    b.until("the button is free", lambda: b.maybe(".composer .trouble button:not([disabled])", "Try again"), 70)
    b.click(".composer button", "Try again")
    answered(b, "first of October")
    b.errors()


def passages(b, shots):
    step("no language model: said once and kindly, passages as passages")
    docker("stop", "-t", "1", f"{ENV['PROJECT']}-ollama")
    b.open(URL + "/#/")
    b.reload()
    b.says("Passages instead of answers.", ".notice")
    ask_page(b, QUESTION)
    answered(b, "fits best", 60) if "fits best" in last_answer(b) else answered(b, "best", 60)
    b.find(".found", "first of October")
    every_size(b, "passages", shots)
    b.click(".found .cite")
    b.find("dialog h2", "heating.md")
    b.keys("escape")
    b.click("button", "Good to know")
    b.gone(".notice")
    b.reload()
    b.find(".found", "first of October")
    that(b.maybe(".notice") is None, "it is said again")
    docker("start", f"{ENV['PROJECT']}-ollama")


def scrolled(b, scroller):
    """Ten seconds of somebody who scrolls fast, three windows in a second, upwards: the frames, and the work in each."""
    b.cdp("Performance.enable", timeDomain="threadTicks")
    before = {one["name"]: one["value"] for one in b.cdp("Performance.getMetrics")["metrics"]}
    frames = b.later("""
        const s = %s, times = [];
        let last = performance.now();
        await new Promise((done) => {
          const begun = last;
          const tick = (now) => {
            times.push(now - last); last = now;
            s.scrollTop -= s.clientHeight / 20;
            if (now - begun > 10000 || s.scrollTop <= 0) done(); else requestAnimationFrame(tick);
          };
          requestAnimationFrame(tick);
        });
        times.sort((a, b) => a - b);
        const of = (share) => Math.round(10 * times[Math.min(times.length - 1, Math.floor(times.length * share))]) / 10;
        return { frames: times.length, median_ms: of(.5), p95_ms: of(.95), worst_ms: of(1) };
    """ % scroller)
    after = {one["name"]: one["value"] for one in b.cdp("Performance.getMetrics")["metrics"]}
    b.cdp("Performance.disable")
    spent = {name: 1000 * (after[name] - before[name]) / frames["frames"] for name in ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration", "TaskDuration")}
    frames["work_ms"] = round(spent.pop("TaskDuration"), 2)
    frames["script_and_layout_ms"] = round(sum(spent.values()), 2)
    return frames


def best(b, scroller):
    """The best of three, each from the end: other tests run on this machine."""
    found = []
    for _ in range(3):
        b.js(f"const s = {scroller}; s.scrollTop = s.scrollHeight;")
        found.append(scrolled(b, scroller))
        if found[-1]["p95_ms"] <= 34:
            break
    return min(found, key=lambda one: one["p95_ms"])


def many_messages(b):
    step("2,000 messages in one conversation")
    identity = ADMIN("POST", "/rag/query", {"query": QUESTION})["conversation_id"]
    left, lock = list(range(999)), threading.Lock()

    def work():
        own = Api("admin", "a sentence of mine")
        while True:
            with lock:
                if not left:
                    return
                n = left.pop()
            own("POST", "/rag/query", {"query": f"{n}: {QUESTION}", "conversation_id": identity, "top_k": 2})

    begun = time.monotonic()
    workers = [threading.Thread(target=work) for _ in range(6)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    print(f"   1,000 questions were asked in {time.monotonic() - begun:.0f} s")
    that(len(ADMIN("GET", f"/rag/conversations/{identity}")["messages"]) == 2000, "there are not 2,000 messages")
    b.open(URL + "/#/documents")
    b.find("table.documents")
    b.js("window.begun = performance.now(); location.hash = arguments[0];", f"#/c/{identity}")
    b.until("the end is there", lambda: b.js("return document.querySelectorAll('.turn').length > 0;"))
    opened = b.js("return performance.now() - begun;")
    b.until("all are there", lambda: b.js("return document.querySelectorAll('.turn').length === 1000 && !document.querySelector('.turns').hasAttribute('aria-busy');"), 60)
    at_end = b.js("const s = document.querySelector('.scroller'); return s.scrollHeight - s.scrollTop - s.clientHeight;")
    that(at_end < 4, f"it is not at its end: {at_end} px")
    conversation = best(b, "document.querySelector('.scroller')")
    # What this machine can do at this moment: as much plain text in a page that has nothing else.
    b.open(URL + "/health")
    b.js("""
        document.body.replaceChildren();
        const s = document.createElement('div');
        s.id = 'plain'; s.style.cssText = 'position: fixed; inset: 0; overflow: auto; background: white';
        for (let n = 0; n < 2000; n += 1) { const p = document.createElement('p'); p.textContent = 'The heating starts on the first of October. '.repeat(4); s.append(p); }
        document.body.append(s);
    """)
    plain = best(b, "document.querySelector('#plain')")
    FIGURES["open_2000_ms"] = round(opened)
    FIGURES["scroll_2000"], FIGURES["scroll_plain"] = conversation, plain
    # A frame has 16.7 ms. How many are drawn is a matter of who else is at work here, hence beside plain text.
    said = f"it does not scroll smoothly: {conversation}, and plain text {plain}"
    that(conversation["work_ms"] <= 12 and conversation["script_and_layout_ms"] <= 4, said)
    that(conversation["median_ms"] <= max(20, 2 * plain["median_ms"]) and conversation["p95_ms"] <= max(50, 3 * plain["p95_ms"]), said)
    b.open(f"{URL}/#/c/{identity}")
    b.find(".turn")
    b.until("it can be read from its beginning", lambda: b.js("""
        const s = document.querySelector('.scroller');
        if (document.querySelectorAll('.turn').length < 1000) return false;
        s.scrollTop = 0; return document.querySelector('.turn').getBoundingClientRect().top >= 0;
    """), 60)
    b.click("button", "To the end")
    b.until("it is at its end", lambda: b.js("const s = document.querySelector('.scroller'); return s.scrollHeight - s.scrollTop - s.clientHeight;") < 4)
    ask_page(b, QUESTION)
    answered(b, "first of October", 30)


BEGUN = time.monotonic()
PASSWORDS = {}
ADMIN = Api("admin", "a sentence of mine")


def main():
    shots = ENV.get("SHOTS")
    if shots:
        pathlib.Path(shots).mkdir(parents=True, exist_ok=True)
    parts = sys.argv[1:]
    b = Browser(DRIVER)
    try:
        if parts:
            # By hand, on a stack that stands already.
            b.open(URL + "/")
            if parts[0] != "sign_in_first":
                sign_in(b, "admin", "a sentence of mine")
                for one in ADMIN("GET", "/rag/conversations")["conversations"]:
                    ADMIN("DELETE", f"/rag/conversations/{one['id']}")
                b.reload()
                b.find("#question")
            for part in parts:
                needs = {"hostile": [module_of(b)]}.get(part, [shots] if part in ("documents", "asking", "care", "people", "passages") else [])
                globals()[part](b, *needs)
        elif ENV.get("PART") == "limits":
            b.open(URL + "/")
            sign_in(b, "admin", "a sentence of mine")
            too_much(b)
        else:
            module = first_paint(b)
            sign_in_first(b)
            documents(b, shots)
            asking(b, shots)
            hostile(b, module)
            conversations(b)
            keyboard(b)
            care(b, shots)
            bad_days(b)
            many_messages(b)
            passages(b, shots)
        print(f"figures {json.dumps(FIGURES)}", flush=True)
    except BaseException:
        try:
            b.shot(WORK / "failed.png")
            print("console:", *b.errors()[:5], sep="\n  ")
        except Exception as error:  # the picture is only a help
            print(f"no picture: {error}")
        raise
    finally:
        b.quit()


if __name__ == "__main__":
    main()
