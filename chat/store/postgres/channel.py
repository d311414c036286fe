"""Messages between hosts by the database itself: LISTEN and NOTIFY, on one channel.

What is notified has less than 8,000 bytes, so a longer message is cut into pieces. A transaction's notifications come
together and in order, so they need no more than a mark on each piece that another follows. They are numbered, because
the server drops one that is like another of its transaction.
"""

import re
from collections.abc import Iterator
from typing import Any

import psycopg

from chat.core.broker import Line, Messages
from chat.store.postgres import database

CHANNEL = "longwave"
LEAST_SECONDS = 2  # that libpq waits for a connection
PIECE_CHARACTERS = 1950  # of up to four bytes
LAST, MORE = ".", "+"
PAYLOAD = re.compile(r"\d+([.+])(.*)", re.DOTALL)


class Channel:
    """The database as a broker. Every message is a commit that waits for all others of its kind on that server."""

    errors = (psycopg.Error, OSError)
    pause_seconds = 0.02

    def __init__(self, url: str) -> None:
        self._url = url
        self.name = database.name_of(url)

    def connect(self, seconds: float) -> Line:
        return _ChannelLine(database.connect(self._url, max(LEAST_SECONDS, round(seconds))))


class _ChannelLine:
    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection
        self._begun: dict[int, str] = {}  # what has come of unfinished messages, by their senders
        self._has_answered = False

    def send(self, messages: Messages) -> None:
        texts = [f"{number}{piece}" for number, piece in enumerate(_pieces(messages))]
        self._connection.execute(
            "SELECT pg_notify(%s, text) FROM unnest(%s::text[]) WITH ORDINALITY AS piece (text, place) ORDER BY place",
            (CHANNEL, texts),
        ).close()

    def listen(self) -> None:
        self._connection.execute(f"LISTEN {CHANNEL}".encode()).close()

    def receive(self, seconds: float) -> Messages | None:
        notified = list(self._connection.notifies(timeout=seconds, stop_after=1))
        has_answered, self._has_answered = self._has_answered, False
        if not notified and not has_answered:
            return None
        return [whole for each in notified if (whole := self._joined(each)) is not None]

    def ask(self) -> None:
        self._connection.execute(b"SELECT 1").close()
        self._has_answered = True

    def close(self) -> None:
        self._connection.close()

    def _joined(self, notified: psycopg.Notify) -> bytes | None:
        """The whole message, once its last piece has come."""
        found = PAYLOAD.fullmatch(notified.payload)
        if found is None:  # another program's
            return None
        mark, piece = found.groups()
        text = self._begun.pop(notified.pid, "") + piece
        if mark == LAST:
            return text.encode()
        self._begun[notified.pid] = text
        return None


def _pieces(messages: Messages) -> Iterator[str]:
    for message in messages:
        text = message.decode()
        for start in range(0, len(text), PIECE_CHARACTERS):
            end = start + PIECE_CHARACTERS
            yield (MORE if end < len(text) else LAST) + text[start:end]
