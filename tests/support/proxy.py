"""A TCP proxy between a reader and the server that can cut, pause and resume what goes through it."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PIECE_BYTES = 65536


class Proxy:
    """`host` and `port` are where it listens; what it is told holds for every connection through it."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._lock = threading.Lock()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._threads: list[threading.Thread] = []
        self._flows = threading.Event()
        self._flows.set()
        self._refuses = False
        self._is_over = False
        self._run(self._accept)

    @property
    def connections(self) -> int:
        """How many are open through it."""
        return len(self._pairs) // 2

    def cut(self) -> None:
        """End all connections as a lost network does, and let none in until `resume`."""
        with self._lock:
            self._refuses = True
        self._drop_all()

    def pause(self) -> None:
        """Keep every connection open and let nothing through, as a dead spot does."""
        self._flows.clear()

    def resume(self) -> None:
        self._refuses = False
        self._flows.set()

    def close(self) -> None:
        self._is_over = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.resume()
        self._drop_all()
        for thread in self._threads:
            thread.join(5)

    def _run(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="proxy")  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._is_over:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            if self._refuses:
                inner.close()
                continue
            try:
                outer = socket.create_connection(self._target, 5)
            except OSError:  # the server is away: so are we
                inner.close()
                continue
            outer.settimeout(None)  # a server that stands still takes what it takes
            with self._lock:
                is_cut = self._refuses  # perhaps since it was let in
                if not is_cut:
                    self._pairs[inner], self._pairs[outer] = outer, inner
            if is_cut:
                self._drop(inner, outer)
            else:
                self._run(self._carry, inner, outer)

    def _carry(self, inner: socket.socket, outer: socket.socket) -> None:
        """Both directions of one connection, until either side ends it."""
        other = {inner: outer, outer: inner}
        try:
            while True:
                ready = select.select([inner, outer], [], [])[0]
                self._flows.wait()
                for end in ready:
                    piece = end.recv(PIECE_BYTES)
                    if not piece:
                        return
                    other[end].sendall(piece)
        except (OSError, ValueError):
            pass
        finally:
            self._drop(inner, outer)

    def _drop_all(self) -> None:
        with self._lock:
            ends = list(self._pairs)
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _drop(self, *ends: socket.socket) -> None:
        with self._lock:
            for end in ends:
                self._pairs.pop(end, None)
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()


@contextmanager
def proxy_before(host: str, port: int) -> Iterator[Proxy]:
    proxy = Proxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
