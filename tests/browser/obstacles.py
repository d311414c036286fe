"""What stands between a browser and the chat: an HTTP proxy that treats each answer as the test says.

Knows no browser, so that every engine can be led through it. What the server answers comes without a length and ends
with its connection, as from the oldest proxies: whatever is cut off looks like an end.
"""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PIECE_BYTES = 65536
GREETING = b"event: hello"
STREAM, POLL, POSTS, PAGES = "/stream", "/poll", "/messages", "/rooms/"


class Gone(Exception):
    """The browser or the server has closed its end."""


@dataclass
class Exchange:
    """One request on its way, and the way back: `method`, `target` with the query, and the answer in pieces."""

    method: str
    target: str
    request: bytes
    client: socket.socket
    address: tuple[str, int]
    _server: socket.socket | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def pieces(self) -> Iterator[bytes]:
        """The answer as it comes, the first piece its head; raises Gone when the browser has left."""
        self._server = socket.create_connection(self.address, 10)
        self._server.sendall(self.request)
        head: bytes | None = b""
        for piece in self._received(self._server):
            if head is not None:
                head += piece
                if b"\r\n\r\n" not in head:
                    continue
                piece, _, rest = head.partition(b"\r\n\r\n")
                yield without_length(piece)
                head, piece = None, rest
            if piece:
                yield piece

    def _received(self, server: socket.socket) -> Iterator[bytes]:
        while True:
            ready = select.select([server, self.client], [], [])[0]
            if self.client in ready and not self.client.recv(PIECE_BYTES):
                raise Gone
            if server in ready:
                piece = server.recv(PIECE_BYTES)
                if not piece:
                    return
                yield piece

    def send(self, piece: bytes) -> None:
        self.client.sendall(piece)

    def wait_for_leaving(self) -> None:
        """Until the browser has had enough."""
        while self.client.recv(PIECE_BYTES):
            pass

    def close(self) -> None:
        for end in (self._server, self.client):
            if end is not None:
                shut(end)
                end.close()


Obstacle = Callable[[Exchange], None]


def without_length(head: bytes) -> bytes:
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length:", b"connection:"))]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


# The obstacles

def none(exchange: Exchange) -> None:
    for piece in exchange.pieces():
        exchange.send(piece)


def buffers(exchange: Exchange) -> None:
    """Nothing goes on before the answer is complete: an event stream never is."""
    exchange.send(b"".join(exchange.pieces()))


def holds_the_body(exchange: Exchange) -> None:
    """The head goes on at once, and no event follows it: antivirus software does so."""
    exchange.send(next(exchange.pieces()))
    exchange.wait_for_leaving()


def holds_after_first_piece(exchange: Exchange) -> None:
    """The first burst goes through, the greeting of a stream, and whatever comes later is kept."""
    pieces = exchange.pieces()
    sent = b""
    while GREETING not in sent or not sent.endswith(b"\n\n"):
        piece = next(pieces)
        sent += piece
        exchange.send(piece)
    for _ in pieces:
        pass


def cuts_after(seconds: float) -> Obstacle:
    """No answer may take longer."""
    def cut(exchange: Exchange) -> None:
        timer = threading.Timer(seconds, shut, [exchange.client])
        timer.start()
        try:
            none(exchange)
        finally:
            timer.cancel()
    return cut


def cuts_in_a_character() -> Obstacle:
    """The first answer that has a character beyond ASCII ends in the middle of it."""
    has_cut = threading.Event()

    def cut(exchange: Exchange) -> None:
        for piece in exchange.pieces():
            at = next((number for number, byte in enumerate(piece) if byte >= 0x80), None)
            if at is not None and not has_cut.is_set():
                has_cut.set()
                return exchange.send(piece[:at + 1])
            exchange.send(piece)
    return cut


def answers(status: str, body: str, content_type: str = "text/html", **headers: str) -> Obstacle:
    """Something answers in the server's place: a firewall, a host out of processes, the gate of a hotel."""
    def answer(exchange: Exchange) -> None:
        fields = {"Content-Type": content_type, "Connection": "close"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        exchange.send(f"HTTP/1.1 {status}\r\n{head}\r\n{body}".encode())
    return answer


def remembers() -> Obstacle:
    """A cache that nobody has told about HTTP: what it has answered once, a POST too, it answers for ever."""
    known: dict[tuple[str, str], bytes] = {}

    def answer(exchange: Exchange) -> None:
        key = exchange.method, exchange.target
        if key not in known:
            known[key] = b"".join(exchange.pieces())
        exchange.send(known[key])
    return answer


class Way:
    """`base_url` is where a browser finds the chat, at `port`; `met` is what it has asked for, in order, and when.

    `put(STREAM, buffers)` treats the answers of paths that begin or end so; `times` is for how many.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.met: list[tuple[float, str]] = []
        self._obstacles: dict[str, tuple[Obstacle, list[None] | None]] = {}
        self._lock = threading.Lock()
        self._clients: dict[socket.socket, str] = {}  # and what they have asked for
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def put(self, where: str, obstacle: Obstacle, times: int | None = None) -> None:
        with self._lock:
            self._obstacles[where] = obstacle, None if times is None else [None] * times

    def clear(self) -> None:
        with self._lock:
            self._obstacles = {}

    def asked(self, path: str) -> list[str]:
        """What was asked for there, with its query."""
        return [target for _, target in self.met if target.partition("?")[0].endswith(path)]

    def under_way(self, path: str) -> int:
        """How many answers from there are not yet complete."""
        with self._lock:
            return sum(asked.endswith(path) for asked in self._clients.values())

    def cut(self, path: str = "") -> None:
        """End the answers from there that are under way, else all of them."""
        with self._lock:
            clients = [client for client, asked in self._clients.items() if asked.endswith(path)]
        for client in clients:
            shut(client)

    def close(self) -> None:
        shut(self._listener)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="way")
        self._threads = [other for other in self._threads if other.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._run(self._meet, client)

    def _meet(self, client: socket.socket) -> None:
        with self._lock:
            self._clients[client] = ""
        exchange = None
        try:
            exchange = read_request(client, self._address)
            self._clients[client] = exchange.path
            self.met.append((time.monotonic(), exchange.target))
            self._obstacle(exchange.path)(exchange)
        except (Gone, OSError, StopIteration):
            pass
        finally:
            with self._lock:
                self._clients.pop(client)
            if exchange:
                exchange.close()
            client.close()

    def _obstacle(self, path: str) -> Obstacle:
        with self._lock:
            for where, (obstacle, left) in self._obstacles.items():
                if path.startswith(where) or path.endswith(where):
                    if left is None or left:
                        if left:
                            left.pop()
                        return obstacle
        return none


def read_request(client: socket.socket, address: tuple[str, int]) -> Exchange:
    """Raises Gone for a connection that was opened in advance and never used."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += piece_of(client)
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
    while len(body) < length:
        body += piece_of(client)
    kept = [line for line in lines if not line.lower().startswith("connection:")]
    request = "\r\n".join([f"{method} {target} HTTP/1.0", *kept, "", ""]).encode("latin-1") + body
    return Exchange(method, target, request, client, address)


def shut(end: socket.socket) -> None:
    """End it for whoever waits there, unless it has ended already."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def piece_of(client: socket.socket) -> bytes:
    piece = client.recv(PIECE_BYTES)
    if not piece:
        raise Gone
    return piece


@contextmanager
def obstacles_before(host: str, port: int) -> Iterator[Way]:
    way = Way(host, port)
    try:
        yield way
    finally:
        way.close()
