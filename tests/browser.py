# SPDX-License-Identifier: MIT
"""A real browser without a window, controlled by its driver's JSON protocol (W3C WebDriver)."""

import json
import re
import subprocess
import urllib.request

import harness

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ESCAPE = "\ue00c"
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--disable-dev-shm-usage", "--window-size=1300,900")


class Browser:
    """One page: open, run scripts in it, click, press keys, answer its questions."""

    def __init__(self, folder):
        harness.need("chromium", "chromedriver")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        for line in self.driver.stdout:
            started = re.search(r"started successfully on port (\d+)", line)
            if started:
                self.url = f"http://127.0.0.1:{started[1]}/session"
                break
        try:
            chrome = {"args": [*OPTIONS, f"--user-data-dir={folder}"]}
            wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": chrome,
                                      "unhandledPromptBehavior": "ignore"}}
            made = self._send("POST", "", {"capabilities": wanted})
            self.url += "/" + made["sessionId"]
        except BaseException:
            self._end_driver()
            raise

    def _send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"},
                                         method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=harness.TIMEOUT_S) as answer:
            return json.load(answer)["value"]

    def _end_driver(self):
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()

    def close(self):
        try:
            self._send("DELETE", "")
        finally:
            self._end_driver()

    def open(self, path):
        self._send("POST", "/url", {"url": f"file://{path}"})

    def run(self, script, *args):
        """The value that a function body returns."""
        return self._send("POST", "/execute/sync", {"script": script, "args": list(args)})

    def click(self, element):
        self._send("POST", f"/element/{element[ELEMENT]}/click", {})

    def point_at(self, element):
        self._act({"type": "pointer", "id": "mouse", "actions": [
            {"type": "pointerMove", "duration": 0, "origin": element, "x": 0, "y": 0}]})

    def press(self, key, holding=None):
        down = [{"type": "keyDown", "value": k} for k in (holding, key) if k]
        up = [{"type": "keyUp", "value": k} for k in (key, holding) if k]
        self._act({"type": "key", "id": "keyboard", "actions": down + up})

    def _act(self, source):
        self._send("POST", "/actions", {"actions": [source]})

    def answer(self, text):
        """Types into the page's question and accepts it."""
        self._send("POST", "/alert/text", {"text": text})
        self._send("POST", "/alert/accept", {})

    def resize(self, width, height):
        self._send("POST", "/window/rect", {"width": width, "height": height})
