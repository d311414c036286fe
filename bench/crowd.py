"""Guests by the thousand, put into the database before the server starts: to sign them in would take minutes."""

import atexit
import functools
import hashlib
import secrets
import shutil
import tempfile
from pathlib import Path

from bench import machine
from bench.guests import ROOM, Guest
from bench.load import source_of
from chat.core import config as configuration
from chat.domain import rooms
from chat.runtime import secret
from chat.store import Store, Transaction, creation
from chat.store.tables import sessions as session_table
from chat.store.tables import users

AT_ONCE = 500  # in one transaction


class Crowd:
    """An instance in which so many guests have a session and are in the room; copied for each round."""

    def __init__(self, count: int) -> None:
        folder = tempfile.mkdtemp(prefix="longwave-crowd-", dir=machine.FOLDER)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self._instance = Path(folder) / "instance"
        self.guests = fill(self._instance, count)

    def copy(self, instance: Path) -> None:
        shutil.copytree(self._instance, instance)


@functools.cache
def crowd(count: int) -> Crowd:
    return Crowd(count)


def fill(instance: Path, count: int, **settings: str) -> list[Guest]:
    """So many guests of a new chat, whose key lies in the instance and whose database is where the settings say."""
    config = configuration.load({"CHAT_INSTANCE": str(instance), **settings})
    creation.upgrade(config)
    store = Store(config)
    cookie = f"longwave-{secret.mark_of(secret.of(instance, ''))}"
    guests: list[Guest] = []
    try:
        while len(guests) < count:
            guests += store.write(_add, cookie, len(guests), min(count, len(guests) + AT_ONCE))
    finally:
        store.stop()
    return guests


def _add(tx: Transaction, cookie: str, first: int, end: int) -> list[Guest]:
    return [_add_guest(tx, cookie, number) for number in range(first, end)]


def _add_guest(tx: Transaction, cookie: str, number: int) -> Guest:
    """As `accounts.sign_in` does, but without its looks for old sessions and other bearers, which take ever longer."""
    name, key = f"reader {number}", secrets.token_urlsafe(32)
    user_id = users.add(tx, name, kind="guest", colour=number % 12, bearer=1)
    session_table.add(tx, hashlib.sha256(key.encode()).hexdigest(), user_id, source_of(number), "")
    rooms.join(tx, users.find(tx.connection, user_id), ROOM)
    return Guest(name, f"{cookie}={key}", "")
