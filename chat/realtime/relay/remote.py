"""The relay of several hosts: over a broker, which is a server that each of them reaches.

Nobody but two greenlets of the process waits for the broker: one sends what the others leave for it, and one listens.
A path that is dead and says nothing is found by asking. Whoever hears again after a pause looks at the log at once.
"""

import json
import logging
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress

from chat import runtime
from chat.core.broker import Broker, Line
from chat.realtime.relay import NEWS_BYTES, News, OnNews
from chat.realtime.relay.receiving import RING, pass_on

log = logging.getLogger(__name__)

CONNECT_SECONDS = 2.0
ASK_SECONDS = 4.0  # after so long without a sign of life the broker is asked for one,
DEAD_SECONDS = 12.0  # and after so long the line is given up
RECEIVE_SECONDS = 1.0  # how soon the listening greenlet sees that it must stop
RETRY_SECONDS = (0.1, 5.0)  # between two tries to listen: at first, and at most
UNSENT_BYTES = 16 * NEWS_BYTES  # of news that wait for a slow broker
BRIEF_SECONDS = 0.3  # that a command, or a request with a process of its own, takes for its ring


class RemoteRelay:
    """Between all processes that use the same broker in the same way, wherever they run, and itself receives from them.

    Rings that wait become one. News waits for a slow broker up to `UNSENT_BYTES`; what can't be sent is dropped. It can
    ring without being started, as commands do; it then takes up to about `BRIEF_SECONDS` for it.
    """

    def __init__(self, broker: Broker) -> None:
        self.lost = 0
        self._broker = broker
        self._name = secrets.token_hex(8).encode()  # with each message, because brokers also pass on one's own
        self._lock = threading.Lock()
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._must_ring = False
        self._waiter = runtime.current().waiter()
        self._is_started = self._is_stopped = False
        self._sending = _Path(broker, "can't be told anything")
        self._listening = _Path(broker, "can't be heard")

    def start(self, on_ring: Callable[[], None], on_news: OnNews) -> None:
        self._on_ring, self._on_news = on_ring, on_news
        self._is_started = True
        runtime.current().start(self._send, "relay")
        runtime.current().start(self._listen, "relay")

    def ring(self) -> None:
        if not self._is_started:
            return self._send_briefly(RING)
        self._must_ring = True
        self._waiter.wake()

    def publish(self, news: News) -> None:
        message = json.dumps(news, ensure_ascii=False).encode()
        if not self._is_started:
            return self._send_briefly(message)
        with self._lock:
            if self._unsent_bytes + len(message) > UNSENT_BYTES:
                self.lost += 1
                return
            self._unsent.append(message)
            self._unsent_bytes += len(message)
        self._waiter.wake()

    def stop(self) -> None:
        self._is_stopped = True
        self._waiter.wake()

    # Sending

    def _send_briefly(self, message: bytes) -> None:
        try:
            with closing(self._broker.connect(BRIEF_SECONDS)) as line:
                line.send([self._name + message])
        except Exception as error:
            self._sending.fail(error)
            self.lost += 1

    def _send(self) -> None:
        line: Line | None = None
        must_stop = False
        while not must_stop:
            self._waiter.wait()
            must_stop = self._is_stopped  # after what was left before
            messages = self._take_unsent()
            line = self._send_over(line, messages) if messages else line
            if pause_seconds := self._broker.pause_seconds if line else RETRY_SECONDS[0]:
                time.sleep(pause_seconds)
        if line is not None:
            line.close()

    def _take_unsent(self) -> list[bytes]:
        """All news that waits, and a ring after it if there is one to be sent."""
        with self._lock:
            must_ring, self._must_ring = self._must_ring, False
            messages = [self._name + message for message in (*self._unsent, *[RING] * must_ring)]
            self._unsent.clear()
            self._unsent_bytes = 0
        return messages

    def _send_over(self, line: Line | None, messages: list[bytes]) -> Line | None:
        """Send over this line, or over a new one where there is none or it is dead; returns what was used.

        Without a way the messages are lost, and None is returned.
        """
        if line is not None:
            with suppress(*self._broker.errors):
                line.send(messages)
                return line
            line.close()
        try:
            line = self._broker.connect(CONNECT_SECONDS)
            try:
                line.send(messages)
            except BaseException:
                line.close()
                raise
        except Exception as error:
            self._sending.fail(error)
            self.lost += len(messages)
            return None
        self._sending.work()
        return line

    # Listening

    def _listen(self) -> None:
        retry_seconds, most_seconds = RETRY_SECONDS
        while not self._is_stopped:
            began_at = time.monotonic()
            try:
                with closing(self._broker.connect(CONNECT_SECONDS)) as line:
                    line.listen()
                    self._listening.work()
                    self._receive(line)
            except Exception as error:
                self._listening.fail(error)
                if time.monotonic() - began_at > most_seconds:
                    retry_seconds = RETRY_SECONDS[0]
                time.sleep(retry_seconds * random.uniform(0.5, 1))  # else all processes would come back at once
                retry_seconds = min(2 * retry_seconds, most_seconds)

    def _receive(self, line: Line) -> None:
        self._take_in([RING])  # what was sent before is in the log
        heard_at = asked_at = time.monotonic()
        while not self._is_stopped:
            messages = line.receive(RECEIVE_SECONDS)
            now = time.monotonic()
            if messages is not None:
                heard_at = now
                self._take_in([m[len(self._name) :] for m in messages if not m.startswith(self._name)])
            elif now - heard_at > DEAD_SECONDS:
                raise ConnectionError(f"no answer for {DEAD_SECONDS:.0f} s")
            elif now - max(heard_at, asked_at) > ASK_SECONDS:
                asked_at = now
                line.ask()

    def _take_in(self, messages: list[bytes]) -> None:
        pass_on(messages, self._on_ring, self._on_news)


class _Path:
    """Logs when one direction stops working, and when it works again; with a traceback where that is our fault.

    Whatever it was, it will be tried again: neither greenlet may end for good.
    """

    def __init__(self, broker: Broker, what: str) -> None:
        self._broker, self._what = broker, what
        self._works, self._has_fault = True, False

    def fail(self, error: BaseException) -> None:
        is_ours = not isinstance(error, self._broker.errors)
        if self._works or (is_ours and not self._has_fault):
            why = str(error).strip().split("\n", 1)[0]
            log.error("other processes %s by the %s (%s): meanwhile they look at the log by themselves",
                      self._what, self._broker.name, why, exc_info=error if is_ours else None)
        self._works, self._has_fault = False, self._has_fault or is_ours

    def work(self) -> None:
        if not self._works:
            log.warning("the %s is back", self._broker.name)
        self._works, self._has_fault = True, False
