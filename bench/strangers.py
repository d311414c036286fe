"""Strangers: honest guests with time to think, a connection for each request, and an address of their own.

Each goes round in the same circle of requests. Whoever is refused or cut off tries again, as a browser would, and a
delay counts from the first try until the answer is complete.
"""

import http.client
import json
import random
import threading
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple
from urllib.parse import urlencode

from bench.guests import BROWSER, FORM, ROOM, Guest
from bench.verdict import Invalid

CIRCLE = ("page", "poll", "poll", "page", "poll", "poll", "page", "post")  # posts below flood control's rate
THINK_SECONDS = 0.1
GIVE_UP_SECONDS = 30
AGAIN_SECONDS = 0.5  # before another try
LONGEST_SECONDS = 60  # nothing is begun after this, however few requests were made
WORDS = "the quick brown fox jumps over the lazy dog"
PAGE = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
JSON = {"Accept": "application/json"}


class Request(NamedTuple):
    """What a stranger asked for: the kind, how long it took, how often it was refused; `id` is a post's."""

    kind: str
    took_ns: int
    refusals: int
    client_id: str = ""
    id: int = 0
    is_answered: bool = True


class Stranger:
    def __init__(self, address: tuple[str, int], guest: Guest, source: str) -> None:
        self._address, self._guest, self._source = address, guest, source
        self._cursor = 0
        self._posts = 0
        self.made: list[Request] = []

    def go_round(self, requests: int, until: float) -> None:
        for number in range(requests):
            time.sleep(random.uniform(0.5, 1.5) * THINK_SECONDS)
            if time.monotonic() > until:
                return
            self.made.append(getattr(self, f"_{CIRCLE[number % len(CIRCLE)]}")())

    def _page(self) -> Request:
        return self._timed("page", "GET", f"/rooms/{ROOM}", PAGE)[0]

    def _poll(self) -> Request:
        path = f"/poll?room={ROOM}" + (f"&since={self._cursor}" if self._cursor else "")
        request, body = self._timed("poll", "GET", path, JSON)
        self._cursor = json.loads(body)["cursor"] if request.is_answered else self._cursor
        return request

    def _post(self) -> Request:
        self._posts += 1
        client_id = f"{self._guest.name}-{self._posts}".replace(" ", "-")
        form = urlencode({"body": f"{client_id} {WORDS}", "client_id": client_id})
        fields = JSON | {
            "Content-Type": FORM,
            "Origin": f"http://{self._address[0]}:{self._address[1]}",
            "X-CSRF-Token": self._guest.token,
        }
        request, body = self._timed("post", "POST", f"/rooms/{ROOM}/messages", fields, form)
        id = json.loads(body)["id"] if request.is_answered else 0
        return request._replace(client_id=client_id, id=id)

    def _timed(
        self, kind: str, method: str, path: str, fields: Mapping[str, str], form: str | None = None
    ) -> tuple[Request, bytes]:
        """Ask until it is answered; what has not come after GIVE_UP_SECONDS has taken so long."""
        began, tries = time.monotonic_ns(), 0
        while (left := GIVE_UP_SECONDS - (time.monotonic_ns() - began) / 1e9) > 0:
            try:
                status, body = self._ask(method, path, fields, form, left)
            except (OSError, http.client.HTTPException):
                status, body = 503, b""
            took = time.monotonic_ns() - began
            if status < 300:
                return Request(kind, took, tries), body
            if status not in (429, 503):
                raise Invalid(f"a stranger's {method} {path} was answered with {status}, {body[:300]!r}")
            tries += 1
            time.sleep(AGAIN_SECONDS)
        return Request(kind, time.monotonic_ns() - began, tries, is_answered=False), b""

    def _ask(
        self, method: str, path: str, fields: Mapping[str, str], form: str | None, seconds: float
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*self._address, timeout=seconds, source_address=(self._source, 0))
        try:
            own = {"Cookie": self._guest.cookies, "Connection": "close"}
            connection.request(method, path, form, {**BROWSER, **own, **fields})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def go_round(
    pipe: Connection, address: tuple[str, int], who: Sequence[tuple[Guest, str]], requests: int
) -> list[Request]:
    """Let each of these guests, with the address that they come from, make so many requests."""
    strangers = [Stranger(address, guest, source) for guest, source in who]
    until = time.monotonic() + LONGEST_SECONDS
    faults: list[Exception] = []

    def run(stranger: Stranger) -> None:
        try:
            stranger.go_round(requests, until)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=(stranger,)) for stranger in strangers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return [request for stranger in strangers for request in stranger.made]
