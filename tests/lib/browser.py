# SPDX-License-Identifier: GPL-3.0-or-later
"""browser.py [--shots DIRECTORY] PAGE...: loads each file in Chromium, at three widths, dark, and as on paper, and says what is wrong.

Wrong is: a message on the console; a request for anything but the page; a script, a handler or a link that leads elsewhere; a text that overlaps
another one or leaves the window; a text that one can hardly read on its ground. It prints "PAGE VIEW: what", and ends with status 1 then. With
--shots it keeps a picture of each. One browser is started for all of them, and it needs no network.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PATIENCE = 120  # s until it says anything; a busy machine takes its time
VIEWS = {
    "360": (360, "screen", "light"),
    "800": (800, "screen", "light"),
    "1400": (1400, "screen", "light"),
    "dark": (800, "screen", "dark"),
    "360-dark": (360, "screen", "dark"),
    "print": (794, "print", "light"),
}

# Returns a list of what is wrong with the document as it is laid out.
EXAMINE = r"""(() => {
    const wrong = [], width = innerWidth, texts = [];
    const say = (what, node) => wrong.push(what + ": " + JSON.stringify((node.textContent || node.outerHTML).trim().slice(0, 60)));
    const luminance = ([r, g, b]) => {
        const part = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const numbers = colour => colour.match(/[\d.]+/g).map(Number);
    const ground = element => {
        for (; element; element = element.parentElement) {
            const colour = numbers(getComputedStyle(element).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode());) {
        const parent = node.parentElement;
        if (!node.data.trim() || parent.closest("title,style") || !parent.checkVisibility({visibilityProperty: true})) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const style = getComputedStyle(parent), svg = parent instanceof SVGElement;
        const one = luminance(numbers(svg ? style.fill : style.color)), other = luminance(ground(parent));
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (contrast < 4.5) say("contrast " + contrast.toFixed(2), node);
        for (const box of range.getClientRects()) {
            if (box.width < 1 || box.height < 1) continue;
            if (box.left < -0.5 || box.right > width + 0.5) say("outside the window", node);
            texts.push({box, node});
        }
    }
    texts.sort((a, b) => a.box.top - b.box.top);
    for (let i = 0; i < texts.length; i++)
        for (let k = i + 1; k < texts.length && texts[k].box.top < texts[i].box.bottom; k++) {
            const a = texts[i].box, b = texts[k].box;
            const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (texts[i].node !== texts[k].node && wide > 1 && high > 0.3 * Math.min(a.height, b.height))
                say("overlap with " + JSON.stringify(texts[k].node.data.trim().slice(0, 40)), texts[i].node);
        }
    if (document.documentElement.scrollWidth > width) wrong.push("it is " + document.documentElement.scrollWidth + " wide");
    if (!texts.length) wrong.push("there is no text");
    for (const element of document.querySelectorAll("*")) {
        if (/^(script|img|image|iframe|object|embed|link|form|input|a|base|audio|video)$/i.test(element.localName) &&
            !(element.getAttribute("href") || "").startsWith("#")) say("element " + element.localName, element);
        for (const {name, value} of element.attributes) {
            if (/^on|^style$|^src/i.test(name)) say("attribute " + name, element);
            if (/href$/i.test(name) && !document.getElementById(value.slice(1))) say(name + " leads nowhere", element);
        }
        if (element.id && document.querySelectorAll("[id=" + CSS.escape(element.id) + "]").length > 1) say("id " + element.id + " twice", element);
    }
    return wrong;
})()"""


class Browser:
    def __init__(self, home):
        to_read, self.to = os.pipe()
        self.out, to_write = os.pipe()

        def places():
            os.dup2(to_read, 198)
            os.dup2(to_write, 199)
            os.dup2(198, 3)
            os.dup2(199, 4)

        self.process = subprocess.Popen(
            [shutil.which("chromium-headless-shell") or "chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe", f"--user-data-dir={home}", "about:blank"],
            pass_fds=(3, 4), preexec_fn=places, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": home}, close_fds=True)
        os.close(to_read)
        os.close(to_write)
        self.buffer, self.number, self.events, self.session = b"", 0, [], None

    def receive(self):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.out], [], [], PATIENCE)
            piece = os.read(self.out, 1 << 20) if ready else b""
            if not piece:
                raise RuntimeError("Chromium has ended" if ready else f"Chromium has said nothing for {PATIENCE} s")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def load(self, address):
        """Returns when the page is there, with what happened meanwhile."""
        self.events.clear()
        loader = self.call("Page.navigate", url=address)["loaderId"]
        while not any(event.get("method") == "Page.lifecycleEvent" and event["params"]["name"] == "load" and
                      event["params"]["loaderId"] == loader for event in self.events):
            self.events.append(self.receive())

    def open(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def end(self):
        self.process.kill()
        self.process.wait()


def noise(event):
    """What an event says against the page, or None."""
    method, about = event.get("method"), event.get("params", {})
    if method == "Log.entryAdded":
        return "console: " + about["entry"]["text"]
    if method == "Runtime.consoleAPICalled":
        return "console: " + json.dumps(about["args"])
    if method == "Runtime.exceptionThrown":
        return "exception: " + about["exceptionDetails"]["text"]
    if method == "Page.javascriptDialogOpening":
        return "dialog: " + about["message"]
    return None


def examine(browser, page, view, shots):
    width, media, scheme = VIEWS[view]
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    browser.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])
    wrong = browser.call("Runtime.evaluate", expression=EXAMINE, returnByValue=True)["result"].get("value", ["it cannot be examined"])
    if shots:
        height = browser.call("Page.getLayoutMetrics")["cssContentSize"]["height"]
        picture = browser.call("Page.captureScreenshot", captureBeyondViewport=True,
                               clip={"x": 0, "y": 0, "width": width, "height": min(height, 6000), "scale": 1})
        (shots / f"{page.stem}-{view}.png").write_bytes(base64.b64decode(picture["data"]))
    return [f"{view}: {what}" for what in wrong]


def look(browser, page, shots):
    address = page.resolve().as_uri()
    browser.load(address)
    wrong = [what for view in VIEWS for what in examine(browser, page, view, shots)]
    for event in browser.events:
        request = event["params"]["request"]["url"] if event.get("method") == "Network.requestWillBeSent" else None
        if request and request != address:
            wrong.append("request: " + request)
        wrong += [said for said in [noise(event)] if said]
    return wrong


def main(arguments):
    shots = None
    if arguments[:1] == ["--shots"]:
        shots = Path(arguments[1])
        arguments = arguments[2:]
    found = False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        browser = Browser(home)
        try:
            browser.open()
            for page in map(Path, arguments):
                for what in look(browser, page, shots):
                    print(f"{page.name}: {what}")
                    found = True
        finally:
            browser.end()
    return 1 if found else 0


sys.exit(main(sys.argv[1:]))
