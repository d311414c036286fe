"""Whether a run counts: every acknowledged message once in the store, and once, in order, at every reader."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

Texts = Mapping[int, bytes]  # each message's JSON as it went on the wire, by id
Row = tuple[Any, ...]


class Invalid(Exception):
    """The server's answers were wrong, so that its speed means nothing; one sentence says how."""


class Unfit(Invalid):
    """What is wrong is not ours: a peer's column is left out, and the run goes on."""


def check_store(database: Path, ids: Mapping[str, int]) -> Texts:
    """Check that the store holds what was acknowledged (client id → message id), each once and nothing else.

    Returns the log's `message` events by id: what every reader must have been sent.
    """
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        kept = connection.execute("SELECT client_id, id, body FROM messages").fetchall()
        query = "SELECT id, message_id, data FROM events WHERE name = 'message'"
        logged = connection.execute(query).fetchall()
    return check_rows(kept, logged, ids)


def check_rows(kept: Sequence[Row], logged: Sequence[Row], ids: Mapping[str, int]) -> Texts:
    """The same of rows of whichever database: (client id, id, body), and of the log (id, message's id, data)."""
    acknowledged = f"{len(ids)} messages were acknowledged"
    if len(kept) != len(ids) or {client_id: id for client_id, id, _ in kept} != ids:
        raise Invalid(f"{acknowledged}; {len(kept)} are in the database, or others")
    if sorted(id for id, _, _ in logged) != sorted(ids.values()) or any(id != of for id, of, _ in logged):
        raise Invalid(f"{acknowledged}; {len(logged)} are in the log, or others")
    for client_id, id, body in kept:
        if not body.startswith(f"{client_id} "):
            raise Invalid(f"message {id} has another message's text")
    return {id: text.encode() for id, _, text in logged}


def check_readers(heard: Iterable[Sequence[int]], seen: Texts, sent: Texts) -> None:
    """Check that each reader heard all that was `sent`, once and in order, and that it is what was `seen`."""
    wanted = sorted(sent)
    for number, ids in enumerate(heard):
        if list(ids) != wanted:
            missing, repeated = len(set(wanted) - set(ids)), len(ids) - len(set(ids))
            disorder = sum(earlier > later for earlier, later in pairwise(ids))
            raise Invalid(
                f"reader {number} was to hear {len(wanted)} messages; {missing} were missing, "
                f"{repeated} repeated, {disorder} out of order"
            )
    for id in wanted:
        if seen[id] != sent[id]:
            raise Invalid(f"the readers were sent something else for message {id} than the log holds")
