"""Who takes part in `fan-out`: Longwave, the limit, the peers. Each is started alone, and stopped again.

All of them take a message by POST and send it to their streams. Ours is posted by signed-in guests through the real
API; the others are handed a text that makes their frames as long as ours.
"""

import json
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from bench import guests, machine
from bench.crowd import crowd
from bench.guests import BROWSER, FORM, ROOM, Guest
from bench.load import Address, Post, built
from bench.server import Server, serve
from bench.verdict import Invalid, check_store

PEERS = Path(__file__).parent / "peers"
START_SECONDS = 15
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
WORDS = "the quick brown fox jumps over the lazy dog"
ASIDE = "aside"  # a room that no reader is in
MARK = "@@@@@@@@"  # in a request: see requests.c
PAGE = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
STREAM = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}


@dataclass
class Contestant:
    """One that is running. `pids` are the processes whose CPU and memory count: the workers."""

    address: Address
    pids: list[int]
    folder: Path
    proxies: Sequence[int] = ()  # processes in front of it
    text_bytes: int = 200  # of what a peer is handed; set so that its frames are as long as ours
    batch: int = 0  # of posts, the one prepared last

    is_ours = False

    def streams(self, count: int) -> list[bytes]:
        """A request for each reader."""
        return [head("GET", "/stream", self.address, STREAM) + b"\r\n"] * count

    def posts(self, connections: int, room: str = ROOM) -> list[bytes]:
        """A request for each connection that posts; `MARK` becomes the message's number."""
        text = json.dumps({"id": MARK, "text": ""}).replace(f'"{MARK}"', MARK)
        text = text.replace('""', f'"{"x" * (self.text_bytes - len(text))}"')
        fields = {"Content-Type": "application/json"}
        return [with_body(head("POST", "/messages", self.address, fields), text)] * connections

    def acknowledge(self, batch: int, posts: Sequence[Post]) -> None:
        """Note that they were answered."""

    def key(self, post: Post) -> int:
        """By what the readers know the message."""
        return post.number

    def sent(self, posts: Sequence[Post], texts: Mapping[int, bytes]) -> dict[int, bytes]:
        """The data that the readers should have got for these posts. What a peer makes of its text is its own."""
        return {post.number: texts.get(post.number, b"") for post in posts}


@dataclass
class Ours(Contestant):
    """Longwave itself: a fresh instance in which every reader is a guest with a session of their own."""

    server: Server | None = None
    readers: Sequence[Guest] = ()
    posters: dict[str, list[Guest]] = field(default_factory=lambda: {ROOM: [], ASIDE: []})
    acknowledged: dict[str, int] = field(default_factory=dict)  # every message posted: its id by its client id

    is_ours = True

    def streams(self, count: int) -> list[bytes]:
        return [guests.head("GET", "/stream", self.address, guest, STREAM) + b"\r\n" for guest in self.readers[:count]]

    def posts(self, connections: int, room: str = ROOM) -> list[bytes]:
        self.batch += 1
        known = self.posters[room]
        known += guests.sign_in(
            self.address, max(0, connections - len(known)), f"{room} poster", room, first=len(known)
        )
        client_id = _client_id(self.batch, MARK)
        body = f"body={client_id} {WORDS}&client_id={client_id}".replace(" ", "+")
        return [with_body(self._post_head(guest, room), body) for guest in known[:connections]]

    def _post_head(self, guest: Guest, room: str) -> bytes:
        fields = {
            "Accept": "application/json",
            "Content-Type": f"{FORM};charset=UTF-8",
            "Origin": f"http://{self.address[0]}:{self.address[1]}",
            "X-CSRF-Token": guest.token,
        }
        return guests.head("POST", f"/rooms/{room}/messages", self.address, guest, fields)

    def pages(self, connections: int) -> list[bytes]:
        """Requests for the room's page, each by a guest of its own."""
        who = guests.sign_in(self.address, connections, "visitor")
        return [guests.head("GET", f"/rooms/{ROOM}", self.address, guest, PAGE) + b"\r\n" for guest in who]

    def acknowledge(self, batch: int, posts: Sequence[Post]) -> None:
        self.acknowledged |= {_client_id(batch, post.number): post.id for post in posts}

    def key(self, post: Post) -> int:
        return post.id

    def sent(self, posts: Sequence[Post], texts: Mapping[int, bytes]) -> dict[int, bytes]:
        """What the log holds, which must be what was acknowledged, and nothing else."""
        assert self.server is not None
        logged = check_store(self.server.database, self.acknowledged)
        return {post.id: logged[post.id] for post in posts}


def _client_id(batch: int, number: object) -> str:
    return f"bench-{batch:02}-{number}"


def head(method: str, path: str, address: Address, more: dict[str, str]) -> bytes:
    """The head of a browser's request, as far as a server without guests cares."""
    fields = {"Host": f"{address[0]}:{address[1]}", "Connection": "keep-alive", **BROWSER, **more}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n"


def with_body(head: bytes, body: str) -> bytes:
    return b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body.encode())


@contextmanager
def ours(readers: int, workers: int = 1, is_proxied: bool = False) -> Iterator[Ours]:
    """Longwave; behind nginx, if that is wished."""
    with ExitStack() as stack:
        folder = stack.enter_context(temporary())
        settings = {"CHAT_TRUSTED_PROXIES": "127.0.0.1"} if is_proxied else {}
        made = crowd(readers)
        instance = folder / "instance"
        made.copy(instance)
        server = stack.enter_context(serve(workers, instance, settings))
        address, proxies = server.address, []
        if is_proxied:
            port = free_port()
            conf = filled("nchan/proxy.conf", folder, port, UPSTREAM=f"{address[0]}:{address[1]}")
            master = stack.enter_context(started([nginx(), "-c", str(conf)], port))
            address, proxies = ("127.0.0.1", port), machine.children(master)
        yield Ours(address, list(server.workers), folder, server=server, readers=made.guests, proxies=proxies)


@contextmanager
def loop(readers: int) -> Iterator[Contestant]:
    """The limit: a C program that does nothing but `send`."""
    with temporary() as folder:
        process = subprocess.Popen([built("loop")], stdout=subprocess.PIPE, text=True)
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield Contestant(("127.0.0.1", int(line.rpartition(":")[2])), [process.pid], folder)
        finally:
            end(process)


@contextmanager
def nchan(readers: int) -> Iterator[Contestant]:
    with temporary() as folder:
        port = free_port()
        conf = filled("nchan/nginx.conf", folder, port)
        with started([nginx(), "-c", str(conf)], port) as master:
            # Of its children one is the worker; the other, if there is one, tends the cache.
            yield Contestant(("127.0.0.1", port), machine.children(master), folder)


@contextmanager
def sse_starlette(readers: int) -> Iterator[Contestant]:
    with temporary() as folder:
        port = free_port()
        options = ["--port", str(port), "--log-level", "error", "--no-access-log", "--backlog", "4096"]
        command = [python(), "-m", "uvicorn", "app:app", "--timeout-keep-alive", "75", *options]
        with started(command, port, PEERS / "sse_starlette") as pid:
            yield Contestant(("127.0.0.1", port), [pid], folder)


@contextmanager
def flask_queue(readers: int) -> Iterator[Contestant]:
    with temporary() as folder:
        port = free_port()
        options = ["-k", "gevent", "-w", "1", "--worker-connections", "20000", "--keep-alive", "75"]
        options += ["--backlog", "4096", "--log-level", "error", "-b", f"127.0.0.1:{port}"]
        command = [python(), "-m", "gunicorn", *options, "app:app"]
        with started(command, port, PEERS / "flask_queue") as master:
            yield Contestant(("127.0.0.1", port), machine.children(master), folder)


@contextmanager
def better_sse(readers: int) -> Iterator[Contestant]:
    with temporary() as folder:
        port = free_port()
        command = [shutil.which("node") or "node", "server.js", str(port)]
        with started(command, port, PEERS / "better_sse") as pid:
            yield Contestant(("127.0.0.1", port), [pid], folder)


def missing() -> dict[str, str]:
    """The peers that are not installed, and why they are left out."""
    found = {}
    if not nginx() or not any(path.exists() for path in NCHAN):
        found["nchan"] = "type: apt install nginx libnginx-mod-nchan"
    for name, module in (("sse-starlette", "sse_starlette"), ("flask-queue", "flask")):
        if not any((PEERS / "venv").glob(f"lib/*/site-packages/{module}")):
            found[name] = "type: bench/peers/install"
    if not shutil.which("node") or not (PEERS / "better_sse" / "node_modules" / "better-sse").exists():
        found["better-sse"] = "install Node 20 or newer, and type: bench/peers/install"
    return found


NCHAN = [Path(folder) / "ngx_nchan_module.so" for folder in ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules")]
CONTESTANTS: dict[str, Callable[..., AbstractContextManager[Contestant]]] = {
    "ours": ours,
    "loop": loop,
    "nchan": nchan,
    "better-sse": better_sse,
    "flask-queue": flask_queue,
    "sse-starlette": sse_starlette,
}


def nginx() -> str:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""


def python() -> str:
    return str(PEERS / "venv" / "bin" / "python")


@contextmanager
def temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="longwave-load-", dir=machine.FOLDER) as folder:
        yield Path(folder)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def filled(template: str, folder: Path, port: int, **more: str) -> Path:
    """A configuration with the words between @ replaced."""
    text = (PEERS / template).read_text()
    for word, value in {"FOLDER": str(folder), "PORT": str(port), "FILES": str(FILES), **more}.items():
        text = text.replace(f"@{word}@", value)
    path = folder / "nginx.conf"
    path.write_text(text)
    return path


@contextmanager
def started(command: list[str], port: int, folder: Path = PEERS) -> Iterator[int]:
    """A peer's process, once it listens; it may open as many files as the system allows."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True, preexec_fn=_open_files_as_allowed
        )
        try:
            _await_port(process, port, log)
            yield process.pid
        finally:
            end(process)


def _open_files_as_allowed() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


def _await_port(process: "subprocess.Popen[bytes]", port: int, log: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    log.seek(0)
    said = log.read().decode(errors="replace")[-500:]
    raise Invalid(f"{process.args!r} did not start: {said}")


def end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
