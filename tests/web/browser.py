"""A real browser, driven by the WebDriver protocol over HTTP: Chromium and its driver, the standard library and no more.

    with Browser(driver_port, width=1440) as b:
        b.open("http://127.0.0.1:8000/")
        b.type("input[name=username]", "admin")
        b.click("button", "Sign in")

What is looked for is awaited: each word of this module tries until it succeeds or `WITHIN` is over.
"""

import base64
import json
import pathlib
import time
import urllib.error
import urllib.request

WITHIN = 15
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"enter": "\ue007", "escape": "\ue00c", "tab": "\ue004", "shift": "\ue008", "control": "\ue009", "end": "\ue010", "null": "\ue000"}


class Failed(AssertionError):
    """What was expected did not come about."""


class Browser:
    """One window of one browser."""

    def __init__(self, port, width=1440, height=900, dark=False, more=()):
        self.base = f"http://127.0.0.1:{port}"
        arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                     "--no-first-run", "--disable-background-networking", f"--window-size={width},{height}", *more]
        # A bubble that offers to keep a password takes the keys that are meant for the page.
        quiet = {"credentials_enable_service": False, "profile.password_manager_enabled": False, "profile.password_manager_leak_detection": False}
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": arguments, "prefs": quiet}, "goog:loggingPrefs": {"browser": "ALL"},
                  "unhandledPromptBehavior": "accept"}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/session/{made['sessionId']}"
        self._ask("POST", "/timeouts", {"script": 60000, "pageLoad": 60000})
        self.size(width, height)
        if dark:
            self.dark(True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.quit()

    def quit(self):
        try:
            self._ask("DELETE", "")
        except Failed:
            pass

    def _ask(self, method, path, body=None):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            said = json.load(error)["value"]
            raise Failed(f"{said.get('error')}: {said.get('message', '').splitlines()[0]}") from None

    # --- the window ---

    def cdp(self, command, **parameters):
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def dark(self, is_dark):
        features = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
        self.cdp("Emulation.setEmulatedMedia", features=features)

    def open(self, url):
        self._ask("POST", "/url", {"url": url})
        self._whole()

    def reload(self):
        self._ask("POST", "/refresh")
        self._whole()

    def _whole(self):
        """Chromium drops what it loads when an interface of the machine comes or goes, as those of containers do all the
        time while tests run. A person reloads such a page, and so does this."""
        for _ in range(5):
            end = time.monotonic() + 3
            while time.monotonic() < end:
                if self.js("return !document.querySelector('#page') || Boolean(document.querySelector('#page main'));"):
                    return
                time.sleep(0.05)
            self._ask("POST", "/refresh")

    def shot(self, path):
        pathlib.Path(path).write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))

    def errors(self):
        """What the console complained about since the last time."""
        return [line["message"] for line in self._ask("POST", "/se/log", {"type": "browser"}) if line["level"] == "SEVERE"]

    def tabs(self):
        return self._ask("GET", "/window/handles")

    def new_tab(self):
        tab = self._ask("POST", "/window/new", {"type": "tab"})["handle"]
        self.tab(tab)
        return tab

    def tab(self, handle):
        self._ask("POST", "/window", {"handle": handle})

    # --- the page ---

    def js(self, script, *arguments):
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def later(self, script, *arguments):
        """The value of a script that awaits something."""
        wrapped = ("const done = arguments[arguments.length - 1], args = [...arguments].slice(0, -1);"
                   f"(async (...args) => {{ {script} }})(...args).then((v) => done([v]), (e) => done([null, String(e && e.stack || e)]));")
        value = self._ask("POST", "/execute/async", {"script": wrapped, "args": list(arguments)})
        if len(value) > 1:
            raise Failed(value[1])
        return value[0]

    FIND = """
        const [selector, words, many] = arguments;
        const shown = (e) => e.checkVisibility({visibilityProperty: true}) && !e.closest('[inert]');
        const said = (e) => (e.getAttribute('aria-label') || e.textContent).replace(/\\s+/g, ' ').trim();
        const found = [...document.querySelectorAll(selector)].filter((e) => shown(e) && (!words || said(e).includes(words)));
        return many ? found : found[0] || null;
    """

    def all(self, selector, words=""):
        return self.js(self.FIND, selector, words, True)

    def maybe(self, selector, words=""):
        return self.js(self.FIND, selector, words, False)

    def until(self, what, check, within=WITHIN):
        """Waits until `check()` is true and returns what it returned."""
        end, error = time.monotonic() + within, None
        while time.monotonic() < end:
            try:
                value = check()
                if value:
                    return value
            except Failed as failed:
                error = failed
            time.sleep(0.05)
        raise Failed(f"not within {within} s: {what}{f' ({error})' if error else ''}\n{self.text()[:1500]}")

    def find(self, selector, words="", within=WITHIN):
        return self.until(f"{selector} {words!r} is there", lambda: self.maybe(selector, words), within)

    def gone(self, selector, words="", within=WITHIN):
        self.until(f"{selector} {words!r} is gone", lambda: self.maybe(selector, words) is None, within)

    def text(self, selector="body"):
        return self.js("const e = document.querySelector(arguments[0]); return e ? e.innerText : '';", selector)

    def says(self, words, selector="body", within=WITHIN):
        self.until(f"{selector} says {words!r}", lambda: words in self.text(selector), within)

    def silent(self, words, selector="body"):
        if words in self.text(selector):
            raise Failed(f"{selector} says {words!r}")

    def click(self, selector, words="", within=WITHIN):
        def attempt():
            element = self.maybe(selector, words)
            if element is None:
                return False
            self._ask("POST", f"/element/{element[ELEMENT]}/click")
            return True
        self.until(f"{selector} {words!r} can be clicked", attempt, within)

    def type(self, selector, text, words=""):
        """Puts a text in place of what stands there, key by key."""
        element = self.find(selector, words)
        self._ask("POST", f"/element/{element[ELEMENT]}/clear")
        self._ask("POST", f"/element/{element[ELEMENT]}/value", {"text": text})

    def put(self, selector, text):
        """Adds to what stands there: text, or a file's path for a file input."""
        element = self.js("return document.querySelector(arguments[0]);", selector)
        self._ask("POST", f"/element/{element[ELEMENT]}/value", {"text": text})

    def keys(self, *keys):
        """Presses keys one after the other, wherever the focus is; "shift+tab" holds one."""
        for key in keys:
            *held, last = key.split("+") if len(key) > 1 else [key]
            names = [KEYS.get(name, name) for name in held]
            value = KEYS.get(last, last)
            actions = [{"type": "keyDown", "value": name} for name in names]
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
            actions += [{"type": "keyUp", "value": name} for name in reversed(names)]
            self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def focused(self):
        return self.js("const e = document.activeElement; return (e.getAttribute('aria-label') || e.textContent || e.tagName).replace(/\\s+/g, ' ').trim();")

    def offline(self, is_off):
        self.cdp("Network.enable")
        self.cdp("Network.emulateNetworkConditions", offline=is_off, latency=0, downloadThroughput=-1, uploadThroughput=-1)
