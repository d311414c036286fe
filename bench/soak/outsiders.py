"""Readers that are not our code: curl, and SSE libraries of npm and of PyPI; each is a process that prints events."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from bench.soak.diary import NUMBERS
from bench.soak.polls import Listener
from bench.soak.server import HEARTBEAT_SECONDS
from bench.soak.words import checksum, version_in

HERE = Path(__file__).parent
CURL_SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS
_FIELDS = re.compile(rb"event: (\w+)\n(?:id: (\d+)\n)?(?:retry: \d+\n)?data: (.*)", re.DOTALL)

Heard = tuple[str, int | None, bytes]  # name, id, data


class Outsider(Listener):
    """Runs a program for each connection, or for all of them, and notes what it prints."""

    _process: "subprocess.Popen[bytes] | None" = None

    def command(self, url: str) -> list[str]:
        raise NotImplementedError

    def heard(self, process: "subprocess.Popen[bytes]") -> Iterator[Heard]:
        raise NotImplementedError

    def listen_once(self) -> None:
        """Listen until the program ends, which an OSError tells."""
        seat = self.notes.seat
        query = urlencode([("room", room) for room in seat.rooms or ()])
        url = f"http://{self.address[0]}:{self.address[1]}/stream" + (f"?{query}" if query else "")
        self.notes.open()
        with subprocess.Popen(self.command(url), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as process:
            self._process = process
            try:
                for name, id, data in self.heard(process):
                    self._note(name, id, data)
                    if self.is_done():
                        return
            finally:
                process.kill()
        raise OSError("it ended")

    def _note(self, name: str, id: int | None, data: bytes) -> None:
        if name == "opened":
            return self.notes.open()
        if name == "lost":
            return self.notes.lose()
        self.notes.hear()
        if id is None:
            return
        if name in NUMBERS:
            self.notes.note(id, name, version_in(data), checksum(data))
            self.notes.move(id)
        elif name == "reset":
            self.notes.reset(id)
        elif name == "hello":
            self.notes.start(id)
        elif name == "ping":
            self.notes.move(id)

    def stop(self) -> None:
        super().stop()
        if self._process is not None:
            self._process.kill()

    @property
    def cookies(self) -> str:
        return self.notes.seat.guest.cookies if self.notes.seat.guest else ""


class Curl(Outsider):
    """`curl -N`, called again with the last id; it speaks HTTP, and we cut its output at blank lines."""

    @staticmethod
    def missing() -> str | None:
        return None if shutil.which("curl") else "curl is not installed"

    def command(self, url: str) -> list[str]:
        last = [] if self.notes.cursor is None else ["--header", f"Last-Event-ID: {self.notes.cursor}"]
        return ["curl", "--silent", "--no-buffer", "--fail", "--max-time", "3600", "--speed-limit", "1", "--speed-time",
                str(CURL_SILENCE_SECONDS), "--header", f"Cookie: {self.cookies}", *last, url]

    def heard(self, process: "subprocess.Popen[bytes]") -> Iterator[Heard]:
        assert process.stdout is not None
        rest = b""
        while piece := process.stdout.read1(65536):  # type: ignore[attr-defined]
            *frames, rest = (rest + piece).split(b"\n\n")
            for frame in frames:
                found = _FIELDS.match(frame)
                if found is not None:
                    yield found[1].decode(), int(found[2]) if found[2] else None, found[3]


class Library(Outsider):
    """A program on top of a library, which comes back by itself; it prints each event as a line of JSON."""

    def heard(self, process: "subprocess.Popen[bytes]") -> Iterator[Heard]:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            yield event["event"], int(event["id"]) if event.get("id") else None, event.get("data", "").encode()

    def _arguments(self, url: str) -> list[str]:
        return [url, self.cookies, "" if self.notes.cursor is None else str(self.notes.cursor)]


class NodeEventSource(Library):
    """npm's `eventsource`, which reconnects as the standard says."""

    @staticmethod
    def missing() -> str | None:
        if shutil.which("node") is None:
            return "node is not installed"
        if not (HERE / "node_modules" / "eventsource").is_dir():
            return "npm's eventsource is not installed; type: npm install --prefix bench/soak"
        return None

    def command(self, url: str) -> list[str]:
        return ["node", str(HERE / "listen.mjs"), *self._arguments(url)]


class HttpxSse(Library):
    """PyPI's `httpx-sse`, with the loop around it that its documentation asks for."""

    @staticmethod
    def missing() -> str | None:
        if importlib.util.find_spec("httpx") and importlib.util.find_spec("httpx_sse"):
            return None
        return f"httpx-sse is not installed; type: {sys.executable} -m pip install httpx httpx-sse"

    def command(self, url: str) -> list[str]:
        return [sys.executable, "-m", "bench.soak.listen_httpx", *self._arguments(url), str(CURL_SILENCE_SECONDS)]


OUTSIDERS: dict[str, type[Curl] | type[NodeEventSource] | type[HttpxSse]] = {
    "curl": Curl,
    "eventsource (npm)": NodeEventSource,
    "httpx-sse (PyPI)": HttpxSse,
}
