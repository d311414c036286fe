"""A TCP proxy between everybody and the server that cuts, delays, half-closes, pauses and withholds answers.

One process, one epoll. What it is told to do it does to connections that it draws at random.
"""

import errno
import heapq
import itertools
import random
import re
import select
import socket
import struct
from collections.abc import Callable
from multiprocessing.connection import Connection

from bench.soak.lane import PIECE_BYTES, Lane, lanes, now

IDLE_SECONDS = 0.5
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST
BUFFER_BYTES = 32768  # small, so that a reader that stops is felt at the server
WASTE_SECONDS = 3.0  # how long the server speaks to nobody
_POST = re.compile(rb"POST /rooms/[^/ ]+/messages HTTP")


class Link:
    """A connection with both its ends; `swallows` when the answer on it is to be thrown away."""

    __slots__ = ("client", "lanes", "masks", "server", "swallows")

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.lanes = lanes(client, server)
        self.masks = {client: 0, server: 0}
        self.swallows = False

    def mask(self, end: socket.socket, at: float) -> int:
        to_server, to_client = self.lanes
        reads, writes = (to_server, to_client) if end is self.client else (to_client, to_server)
        return (select.EPOLLIN if reads.wants(at) else 0) | (select.EPOLLOUT if writes.has_due(at) else 0)


class Proxy:
    """`port` is where it listens; `carry` runs it until it is told to stop."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._poll = select.epoll()
        self._poll.register(self._listener.fileno(), select.EPOLLIN)
        self._links: dict[int, Link] = {}
        self._ghosts: dict[int, socket.socket] = {}  # the server's ends of what clients have lost
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._to_swallow = 0
        self.swallowed = 0

    # Carrying

    def carry(self, pipe: Connection) -> None:
        self._poll.register(pipe.fileno(), select.EPOLLIN)
        while True:
            for fileno, mask in self._poll.poll(self._patience()):
                if fileno == pipe.fileno():
                    word = pipe.recv()
                    if word is None:
                        return
                    pipe.send(self.strike(*word))
                elif fileno == self._listener.fileno():
                    self._accept()
                elif fileno in self._ghosts:
                    self._hear_ghost(fileno)
                else:
                    self._serve(fileno, mask)
            self._run_timers()

    def _patience(self) -> float:
        return max(0.0, min(IDLE_SECONDS, self._timers[0][0] - now())) if self._timers else IDLE_SECONDS

    def _run_timers(self) -> None:
        while self._timers and self._timers[0][0] <= now():
            heapq.heappop(self._timers)[2]()

    def _at(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (now() + seconds, next(self._numbers), act))

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except BlockingIOError:
                return
            server = socket.socket()
            for end in (client, server):
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            if server.connect_ex(self._target) not in (0, errno.EINPROGRESS):
                client.close()
                server.close()
                continue
            link = Link(client, server)
            for end in (client, server):
                self._links[end.fileno()] = link
                self._poll.register(end.fileno(), 0)
            self._settle(link)

    def _serve(self, fileno: int, mask: int) -> None:
        link = self._links.get(fileno)
        if link is None:  # dropped a moment ago
            return
        end = link.client if link.client.fileno() == fileno else link.server
        to_server, to_client = link.lanes
        reads, writes = (to_server, to_client) if end is link.client else (to_client, to_server)
        is_broken = mask & (select.EPOLLHUP | select.EPOLLERR)
        try:
            if mask & select.EPOLLIN or is_broken and reads.wants(now()):
                self._read(link, reads)
            elif is_broken:
                return self._drop(link)
            if not writes.write(now()) or not reads.write(now()):
                return self._drop(link)
        except OSError:
            return self._drop(link)
        self._settle(link)

    def _read(self, link: Link, lane: Lane) -> None:
        try:
            piece = lane.read(now())
        except BlockingIOError:
            return
        if lane.source is link.client and self._to_swallow and _POST.match(piece):
            self._to_swallow -= 1
            link.swallows = True
        elif lane.source is link.server and link.swallows:
            self.swallowed += 1
            raise ConnectionResetError("the answer is thrown away")

    def _settle(self, link: Link) -> None:
        """Wait for what can be done next on the link; end it when it is over."""
        at = now()
        if any(lane.is_over() for lane in link.lanes):
            return self._drop(link)
        for end, known in link.masks.items():
            wanted = link.mask(end, at)
            if wanted != known:
                link.masks[end] = wanted
                self._poll.modify(end.fileno(), wanted)
        later = [max(lane.held[0].at, lane.paused_until) for lane in link.lanes if lane.held]
        later += [lane.paused_until for lane in link.lanes]
        due = [moment for moment in later if moment > at]
        if due:
            self._at(min(due) - at, lambda: self._go_on(link))

    def _go_on(self, link: Link) -> None:
        if link.client.fileno() < 0:
            return
        try:
            if not all(lane.write(now()) for lane in link.lanes):
                return self._drop(link)
        except OSError:
            return self._drop(link)
        self._settle(link)

    def _drop(self, link: Link) -> None:
        for end in (link.client, link.server):
            if end.fileno() < 0:
                continue
            del self._links[end.fileno()]
            self._poll.unregister(end.fileno())
            end.close()

    # Faults

    def strike(self, kind: str, seed: int, share: float, amount: float) -> int:
        """Do `kind` to a share of all connections; returns to how many."""
        dice = random.Random(seed)
        links = list({id(link): link for link in self._links.values()}.values())
        struck = dice.sample(links, round(len(links) * share))
        if kind == "swallow":
            self._to_swallow = int(amount)
            return int(amount)
        for link in struck:
            try:
                getattr(self, f"_{kind}")(link, dice, amount)
            except OSError:  # it was at its end already
                self._drop(link)
            if link.client.fileno() >= 0:
                self._settle(link)
        return len(struck)

    def _cut(self, link: Link, dice: random.Random, amount: float) -> None:
        """After so many bytes more; mostly of what the server says."""
        lane = link.lanes[dice.random() < 0.8]
        lane.limit = dice.randrange(1, int(amount))

    def _delay(self, link: Link, dice: random.Random, amount: float) -> None:
        """Let everything take longer, for a while."""
        for lane in link.lanes:
            lane.delay_seconds = amount * dice.random()
        self._at(2 * amount + 2, lambda: self._undelay(link))

    def _undelay(self, link: Link) -> None:
        for lane in link.lanes:
            lane.delay_seconds = 0.0  # pieces keep their order: what is held stands before

    def _half_close(self, link: Link, dice: random.Random, amount: float) -> None:
        """Shut one direction: the server hears no more, or speaks to nobody for a while."""
        if dice.random() < 0.5:
            return link.lanes[0].shut()
        ghost = link.server.dup()
        self._drop(link)
        fileno = ghost.fileno()
        self._ghosts[fileno] = ghost
        self._poll.register(fileno, select.EPOLLIN)
        self._at(WASTE_SECONDS, lambda: self._lay(fileno, ghost))

    def _hear_ghost(self, fileno: int) -> None:
        ghost = self._ghosts[fileno]
        try:
            if ghost.recv(PIECE_BYTES):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._lay(fileno, ghost)

    def _lay(self, fileno: int, ghost: socket.socket) -> None:
        if self._ghosts.get(fileno) is ghost:
            del self._ghosts[fileno]
            self._poll.unregister(fileno)
            ghost.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            ghost.close()

    def _pause(self, link: Link, dice: random.Random, amount: float) -> None:
        """Let nothing through for so many seconds, as a dead spot does."""
        for lane in link.lanes:
            lane.paused_until = now() + amount * (0.5 + dice.random())


def carry(pipe: Connection, target: tuple[str, int]) -> int:
    """Say where it listens, then do what is asked until None comes; returns how many answers it threw away."""
    proxy = Proxy(target)
    pipe.send(proxy.port)
    proxy.carry(pipe)
    return proxy.swallowed
