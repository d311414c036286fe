"""WebKit, by the W3C's WebDriver over HTTP: Debian's WebKitWebDriver and its MiniBrowser, on a screen of their own."""

import base64
import json
import os
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.engines.engine import Engine, Page
from tests.browser.windows import DESKTOP
from tests.support.serving import PATIENCE_SECONDS, eventually

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the name that the standard gave to a reference
ENTER_KEY = "\ue007"
PATIENCE_MS = int(PATIENCE_SECONDS * 1000)
SCRIPT_MS = 4000  # a script whose page is replaced by the next is never answered
SESSION_TRIES = 3
# The console of an automated WebKit is told to nobody, so that a page notes for itself what it complains of; over the
# pages of a tab. What went wrong before its own scripts ended is noted where the page has a `before`.
LISTEN = """(function (root) {
    if (root.complaints) { return; }
    var key = 'complaints', list = root.complaints = [], console = root.console, error = console.error;
    try { list = root.complaints = JSON.parse(root.sessionStorage.getItem(key)) || list; } catch (worker) { }
    function note(text) {
        list.push(String(text));
        try { root.sessionStorage.setItem(key, JSON.stringify(list)); } catch (worker) { }
    }
    console.error = function (said) { note(said && said.stack ? said + ' ' + said.stack : said);
        error.apply(console, arguments); };
    root.addEventListener('error', function (event) { if (event.message) { note(event.message); } });
    root.addEventListener('unhandledrejection', function (event) { note(event.reason); });
    root.addEventListener('securitypolicyviolation', function (event) { note('CSP: ' + event.violatedDirective); });
}(self))"""


@contextmanager
def start_webkit() -> Iterator["WebKit"]:
    with screen() as display, tempfile.TemporaryDirectory(prefix="longwave-webkit-") as home:
        engine = WebKit(display, home)
        try:
            yield engine
        finally:
            engine.end()


@contextmanager
def screen() -> Iterator[str]:
    """A display that nobody sees: MiniBrowser knows no other way."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    with os.fdopen(reading) as number:
        process = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
        os.close(writing)
        try:
            yield f":{number.readline().strip()}"
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


class WebKit(Engine):
    """Each browser that has never been anywhere is a session, and each session a driver of its own."""

    name = "webkit"

    def __init__(self, display: str, home: str) -> None:
        super().__init__()
        self._environ = {
            **os.environ, "DISPLAY": display, "GDK_BACKEND": "x11", "HOME": home, "XDG_RUNTIME_DIR": home,
            "LANGUAGE": "en_GB", "NO_AT_BRIDGE": "1", "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        self._spare: Session | None = Session(self._environ)
        self._sessions: list[Session] = []
        self.version = f"WebKitGTK {self._spare.version}"

    def _session(self) -> "Session":
        session, self._spare = self._spare or Session(self._environ), None
        self._sessions.append(session)
        return session

    def _foreword(self, script: str) -> str:
        return f"{LISTEN};\n{script}"

    def _new_page(self, base_url: str, cookies: dict[str, str], forgives: str) -> Page:
        session = self._session()
        page = WebKitPage(self, session, session.ask("GET", "/window"), base_url, forgives)
        if cookies:
            page.go("/healthz")  # a cookie can only be set where one is
        for name, value in cookies.items():
            session.ask("POST", "/cookie", cookie={"name": name, "value": value, "path": "/"})
        return page

    def _close_all(self) -> None:
        while self._sessions:
            self._sessions.pop().close()

    def end(self) -> None:
        self._close_all()
        if self._spare:
            self._spare.close()


class Session:
    """One driver with one browser, whose version is `version`."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._window = ""
        self._process, self._address, made = start_session(environ)
        self._address += f"/session/{made['sessionId']}"
        self.version = made["capabilities"]["browserVersion"]

    def ask(self, method: str, path: str, window: str = "", **details: Any) -> Any:
        """One command of the standard, in that window if it must be in one."""
        if window and window != self._window:
            call(f"{self._address}/window", "POST", {"handle": window})
            self._window = window
        return call(self._address + path, method, details if method == "POST" else None)

    def close(self) -> None:
        call(self._address, "DELETE")
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)


def start_session(environ: dict[str, str]) -> tuple["subprocess.Popen[bytes]", str, Any]:
    """A driver that has a browser, its address, and what it said of the session.

    The driver looks for a free port for its browser to meet it at, and the browser takes it a moment later. Where
    somebody else was quicker the two wait for each other for ever, so another pair is given a try.
    """
    timeouts = {"script": SCRIPT_MS, "pageLoad": PATIENCE_MS, "implicit": 0}
    wish = {"capabilities": {"alwaysMatch": {"timeouts": timeouts}}}
    tries_left = SESSION_TRIES
    while True:
        process, address = start_driver(environ)
        try:
            return process, address, call(f"{address}/session", "POST", wish, PATIENCE_SECONDS)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE_SECONDS)
            tries_left -= 1
            if not tries_left:
                raise


def start_driver(environ: dict[str, str]) -> tuple["subprocess.Popen[bytes]", str]:
    """A driver that answers, in a process group of its own, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(["WebKitWebDriver", f"--port={port}"], env=environ, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    eventually(lambda: is_ready(address))
    return process, address


def is_ready(address: str) -> bool:
    try:
        return bool(call(f"{address}/status", "GET")["ready"])
    except OSError:
        return False


def call(url: str, method: str, details: Any = None, within: float = 3 * PATIENCE_SECONDS) -> Any:
    body = None if details is None else json.dumps(details).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=within) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as refusal:
        with refusal:
            error = json.load(refusal)["value"]
        raise WebKitError(error["error"], error["message"]) from None


class WebKitError(Exception):
    """What WebKit answered instead of a value: the standard's word for it, and a sentence."""


class WebKitPage(Page):
    engine: WebKit

    def __init__(self, engine: WebKit, session: Session, window: str, *where: str) -> None:
        super().__init__(engine, *where)
        self._session = session
        self._window = window
        self._is_open = True
        self._was_heard: list[str] = []
        self.resize(**DESKTOP)

    def go(self, url: str) -> Page:
        self._leave("/url", url=self._absolute(url))
        return self

    def back(self) -> None:
        self._leave("/back")

    def reload(self) -> None:
        self._leave("/refresh")

    def beside(self, url: str) -> Page:
        window = self._session.ask("POST", "/window/new", type="window")["handle"]
        return WebKitPage(self.engine, self._session, window, self.base_url, self._forgives).go(url)

    def close(self) -> None:
        self._was_heard = self._heard()
        self._is_open = False
        self._ask("DELETE", "/window")

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))

    def resize(self, width: int, height: int) -> None:
        self._ask("POST", "/window/rect", width=width, height=height)

    def _type(self, selector: str, text: str) -> None:
        self._ask("POST", f"/element/{self._find(selector)}/value", text=text.replace("\n", ENTER_KEY))

    def _click(self, selector: str) -> None:
        self._ask("POST", f"/element/{self._find(selector)}/click")

    def _find(self, selector: str) -> str:
        return self._ask("POST", "/element", using="css selector", value=selector)[ELEMENT]

    def _ask(self, method: str, path: str, **details: Any) -> Any:
        return self._session.ask(method, path, self._window, **details)

    def _evaluate(self, expression: str) -> Any:
        try:
            return self._ask("POST", "/execute/sync", script=f"return ({expression});", args=[])
        except WebKitError as error:
            if error.args[0] == "timeout":
                return None
            raise

    def _leave(self, path: str, **details: Any) -> None:
        self._ask("POST", path, **details)
        self._evaluate(f"void {LISTEN}")

    def _heard(self) -> list[str]:
        return (self._evaluate("self.complaints") or []) if self._is_open else self._was_heard
