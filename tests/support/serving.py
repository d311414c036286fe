"""A real server: gunicorn as the project configures it, on a free loopback port, with an instance of its own."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from chat.runtime import secret

TOP = Path(__file__).parents[2]
GUNICORN = (sys.executable, "-m", "gunicorn")
LONGWAVE = (sys.executable, "-c", "from chat.cli import main; main()")
# Another process may write between the words of a line and its end: a free port has five digits.
ANNOUNCED = re.compile(r"Longwave is at http://([\d.]+):(\d{1,5})")
COMPLAINT = re.compile(r"^Traceback|\bERROR\b|\bCRITICAL\b|Error handling request", re.MULTILINE)
OURS = ("HOST", "PORT", "WORKERS", "SCRIPT_NAME", "GUNICORN_CMD_ARGS", "PYTHONPATH", "PYTHONWARNINGS")
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # there nobody waits for a disk
LOG_SHOWN = 10_000
CONNECTIONS_KEPT = 20
PATIENCE_SECONDS = 40.0  # for what takes milliseconds here; a busy machine gets the rest


def a_file() -> dict[str, str]:
    """The settings of a chat on SQLite."""
    return {}


new_database: Callable[[], dict[str, str]] = a_file  # by which settings a server has a new database; see `over`


@contextmanager
def over(database: Callable[[], dict[str, str]]) -> Iterator[None]:
    """Servers that are made meanwhile have databases of this kind."""
    global new_database
    before, new_database = new_database, database
    try:
        yield
    finally:
        new_database = before


@contextmanager
def serve(workers: int = 2, *, environ: dict[str, str] | None = None, arguments: Sequence[str] = (),
          command: Sequence[str] = GUNICORN, config_file: str = "", forgives: str = "(?!)",
          **settings: Any) -> Iterator["Server"]:
    """A server with these settings (`look_seconds=0` is CHAT_LOOK_SECONDS) and no flood control, killed at the end.

    `config_file` is what stands in its longwave.cfg. Fails when it logged an error or a traceback, other than those
    that the pattern `forgives` finds.
    """
    with tempfile.TemporaryDirectory(prefix="longwave-", dir=MEMORY) as folder, closing(kept_port()) as kept:
        settings = {"limits": "off"} | new_database() | settings
        server = Server([*command, *arguments], Path(folder) / "instance", workers, settings, environ or {})
        server.port = kept.getsockname()[1]
        if config_file:
            server.instance.mkdir()
            (server.instance / "longwave.cfg").write_text(config_file)
        try:
            server.start()
            yield server
        finally:
            server.kill()
            print(server.log[-LOG_SHOWN:])  # shown with whatever fails
        complaints = [line for line in server.complaints() if not re.search(forgives, line)]
        assert not complaints, f"the server complained: {complaints}"


class Server:
    """What runs: `host`, `port`, `workers` (their pids), `instance` (its folder), `log` (all that it wrote so far)."""

    def __init__(self, command: list[str], instance: Path, workers: int, settings: dict[str, Any],
                 environ: dict[str, str]):
        self.instance = instance
        self.host, self.port = "127.0.0.1", 0  # any, unless one is kept for it
        self.mount = environ.get("SCRIPT_NAME", "")
        self.database_url: str = settings.get("database_url", "")
        self._command = command
        self._wanted_workers = workers
        self._environ = environment(instance, settings) | environ
        self._lines: list[str] = []

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}{self.mount}"

    @property
    def log(self) -> str:
        return "".join(self._lines)

    @property
    def workers(self) -> list[int]:
        """The processes that answer, oldest first; the server itself where it has no others."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sorted(map(int, children)) or [self.pid]

    @property
    def pid(self) -> int:
        return self._process.pid

    # Start and end

    def start(self) -> None:
        """Start it, also again on the same port and instance, and wait until every worker answers."""
        said = len(self._lines)
        self._process = subprocess.Popen(
            self._command, cwd=TOP, env=self._environ | {"PORT": str(self.port), "WORKERS": str(self._wanted_workers)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        # A thread empties the pipe: a server must never wait for whoever reads its log.
        self._listener = threading.Thread(target=self._keep_log, name="server log")
        self._listener.start()
        found = eventually(lambda: self._announcement(said))
        self.host, self.port = found[1], int(found[2])
        self.await_workers()

    def stop(self) -> float:
        """TERM, as systemd says it; returns the seconds it took."""
        return self._end(lambda: self._process.send_signal(signal.SIGTERM))

    def press_ctrl_c(self) -> float:
        """INT to all its processes, as a terminal says it; returns the seconds it took."""
        return self._end(lambda: os.killpg(self.pid, signal.SIGINT))

    def _end(self, ask: Callable[[], None]) -> float:
        began = time.monotonic()
        ask()
        self._process.wait(PATIENCE_SECONDS)
        self._clear_up()
        return time.monotonic() - began

    def kill(self) -> None:
        """End it with all its workers, at once."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(PATIENCE_SECONDS)
        self._clear_up()

    def _clear_up(self) -> None:
        self._listener.join(PATIENCE_SECONDS)
        if self._process.stdout:
            self._process.stdout.close()

    def _keep_log(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.append(line.decode(errors="replace"))

    def _announcement(self, said: int) -> re.Match[str] | None:
        """Where it says that it is, after what it had said before."""
        assert self._process.poll() is None, f"the server ended:\n{self.log}"
        return ANNOUNCED.search("".join(self._lines[said:]))

    def complaints(self) -> list[str]:
        return [line.strip() for line in self._lines if COMPLAINT.search(line)]

    # Its workers

    def await_workers(self) -> None:
        """Wait until as many workers as were asked for answer."""
        eventually(lambda: len(self.workers) == self._wanted_workers)
        for pid in self.workers:
            with closing(self.connect(pid)):
                pass

    def kill_worker(self, pid: int) -> None:
        """`kill -9`; the next one is there when this returns."""
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: pid not in self.workers)
        self.await_workers()

    def connect(self, worker: int | None = None, through: tuple[str, int] | None = None) -> socket.socket:
        """A new connection, to one worker's pid if it must be that; `through` is the address of a proxy."""
        address = through or (self.host, self.port)
        if worker is None:
            return connect(*address)
        passed_over: list[socket.socket] = []  # kept open: whoever has just taken one is not so quick to take the next
        deadline = time.monotonic() + PATIENCE_SECONDS
        try:
            while time.monotonic() < deadline:
                connection = connect(*address)
                if self.taker_of(connection) == worker:
                    return connection
                passed_over.append(connection)
                for earlier in passed_over[:-CONNECTIONS_KEPT]:
                    earlier.close()
            raise AssertionError(f"worker {worker} takes no connection")
        finally:
            for connection in passed_over:
                connection.close()

    def taker_of(self, connection: socket.socket) -> int:
        """The pid of the worker that has accepted this connection."""
        return eventually(lambda: self._find_taker(connection.getsockname()[1]))

    def _find_taker(self, port: int) -> int | None:
        """Look the connection's other end up among the kernel's sockets, then among the workers' files."""
        ends = f":{self.port:04X}", f":{port:04X}"
        for line in Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines():
            fields = line.split()
            if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
                return next((pid for pid in self.workers if f"socket:[{fields[9]}]" in open_files(pid)), None)
        return None

    # Other programs

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """The `longwave` command beside this server."""
        return subprocess.run([*LONGWAVE, *arguments], cwd=TOP, env=self._environ, input=stdin, text=True,
                              capture_output=True, timeout=PATIENCE_SECONDS)

    def cookie(self, name: str = "longwave") -> str:
        """What the cookie is called here, which other chats on the same host do not share."""
        return f"{name}-{secret.mark_of(secret.of(self.instance, self._environ.get('CHAT_SECRET', '')))}"

    def query(self, sql: str, *values: object) -> list[Any]:
        """What any other program may do with the database, in a transaction of its own."""
        with closing(self._connect()) as database, database:
            found = database.execute(self._in_its_words(sql), values)
            return found.fetchall() if found.description else []

    @contextmanager
    def held_when(self, sql: str, *values: object) -> Iterator[None]:
        """Keep the write lock of the database, from a moment on when the question finds something."""
        with ExitStack() as held:

            def is_held() -> bool:
                with ExitStack() as trying:
                    database = trying.enter_context(self._writing())
                    is_found = bool(database.execute(self._in_its_words(sql), values).fetchone())
                    if is_found:
                        held.push(trying.pop_all())
                    return is_found

            eventually(is_held)
            yield

    def append(self, rows: str, *values: object) -> None:
        """Append events as another process would, without a ring: `rows` selects channel, name, data and time."""
        add = ("INSERT INTO events (id, channel, name, data, created_at)"
               f" SELECT last_id + row_number() OVER (), added.* FROM log_head, ({rows}) AS added")
        with self._writing() as database:
            database.execute(self._in_its_words(add), values)
            database.execute("UPDATE log_head SET last_id = (SELECT max(id) FROM events)")

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """A connection with the write lock."""
        with closing(self._connect()) as database, database:
            if self.database_url:
                from chat.store.postgres.engine import WRITE_LOCK

                database.execute(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
            else:
                database.execute("BEGIN IMMEDIATE")
            yield database

    def _connect(self) -> Any:
        """Any other program's connection to the database, whose transaction ends with its block."""
        if not self.database_url:
            return sqlite3.connect(self.instance / "longwave.db", timeout=PATIENCE_SECONDS)
        import psycopg  # late: what only measures a chat with a file is run without the driver

        return psycopg.connect(self.database_url)

    def _in_its_words(self, sql: str) -> Any:
        """SQL with SQLite's marks for values, as the driver of this database knows them."""
        return sql.replace("%", "%%").replace("?", "%s").encode() if self.database_url else sql


def environment(instance: Path, settings: dict[str, Any]) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items()
               if name not in OURS and not name.startswith("CHAT_")}
    chosen = {f"CHAT_{name.upper()}": str(value) for name, value in settings.items()}
    return {**outside, "CHAT_INSTANCE": str(instance), **chosen}


def kept_port() -> socket.socket:
    """A free loopback port that nobody else is given until this is closed.

    A server that sets SO_REUSEADDR, as they all do, can listen there all the same, and again after it has ended.
    """
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    return kept


def connect(host: str, port: int) -> socket.socket:
    connection = socket.create_connection((host, port), PATIENCE_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a form's head and body are two packets
    return connection


def open_files(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(os.readlink(entry))
    return found


def once_within(seconds: float, attempt: Callable[[int], float], tries: int = 3) -> None:
    """Of a few attempts, which say how many seconds they took, one takes no more.

    A machine that has other work may be late once or twice; what is slow by itself is late each time.
    """
    took: list[float] = []
    while not took or took[-1] > seconds:
        assert len(took) < tries, f"not within {seconds} s, but in {took}"
        took.append(attempt(len(took)))


def eventually(condition: Callable[[], Any], within: float = PATIENCE_SECONDS) -> Any:
    """Wait for a condition and return what it gave; after that many seconds it has failed."""
    deadline = time.monotonic() + within
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.01)
