"""Head files: a number instead of a request, for readers that nobody can hold.

The web server itself hands out a small file for each room that is read, with the id of the room's newest event; whoever
polls asks the app when that is beyond their cursor. The file's name is an HMAC over the room and its epoch
(`store.epochs`), so that nobody guesses it, and nobody knows it any longer who may no longer read.

Any process brings the files to what the log says, one at a time: it takes the lock, then reads the log, so that what is
written never goes back. How far that was done stands in the instance. Whoever finds the log to be further than that, in
its next request or second, makes good what a process that was killed has left undone.
"""

import fcntl
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from chat import canary, runtime, secret
from chat.config import Config
from chat.errors import N_
from chat.hosting import Sentence
from chat.store import Store, epochs, events
from chat.store.epochs import Epoch

log = logging.getLogger(__name__)

DONE = "heads.json"  # in the instance
LOCK = "heads.lock"
PATIENCE_SECONDS = 0.5  # the one before takes milliseconds; one that was stopped inside may never come out
TRY_SECONDS = 0.005
NO_ROOM = 0
_OURS = re.compile(r"\.?[0-9a-f]{40}\.txt(\.[\d-]+)?")  # a file, and the draft that a killed process has left of one
_FAILURES = (OSError, SQLAlchemyError, sqlite3.Error)

Fetch = Callable[[str], bytes | None]


class Done(NamedTuple):
    """Up to which event the files are right, the newest epoch then, and of which chat, folder and start of the machine:
    what was not waited for is in doubt after a power cut. `generation` is of the log until a backup is restored.
    """

    until: int
    epoch: str
    site: str
    generation: str


class Heads:
    """The head files of one chat, in CHAT_HEADS_DIR; without such a folder there are none, and nothing is done."""

    def __init__(self, config: Config, store: Store) -> None:
        self._folder = config.heads_dir
        self._instance = config.instance
        self._store = store
        self._complaint = ""
        self._seen_well: tuple[Look, float] | None = None  # and until when that is good
        if self._folder is not None:
            # Who may read at all is the operator's word, too: with another one all names are others.
            who = f"{config.public} {config.entry_word}"
            self._key = f"{secret.of(config.instance)} {who}".encode()
            self._site = self._signed(f"site {self._folder} {_boot_id()}")

    @property
    def is_used(self) -> bool:
        return self._folder is not None

    # Writing

    def publish(self) -> bool:
        """Bring the files to what the log says; whether they are there.

        Never raises. A file that cannot be written is taken away, and its readers ask the app.
        """
        return self._published() is not None

    def _published(self) -> Done | None:
        if self._folder is None:
            return None
        try:
            with self._store.glance() as connection:
                newest = events.highest_id(connection)
            done = self._done()
            if done is not None and done.site == self._site and done.until == newest:
                return done
            with self._locked() as is_inside:
                return self._catch_up() if is_inside else None
        except _FAILURES as error:
            self._complain(error)
            return None

    def _catch_up(self) -> Done:
        """Under the lock: whoever has it later reads no less of the log."""
        before = self._done()
        with self._store.read() as connection:
            newest, epoch = events.highest_id(connection), epochs.newest(connection).mark
            if before is not None and before.until > newest:
                before = None  # this log is that of a backup
            generation = before.generation if before is not None else secrets.token_hex(8)
            if before is not None and (before.site != self._site or before.until < events.pruned_to(connection)):
                before = None  # a file may be lost in a power cut, or the log was shortened meanwhile
            done = Done(newest, epoch, self._site, generation)
            changed = events.newest_of_rooms(connection, before.until) if before is not None else {}
            is_same = before is not None and before.epoch == epoch
            names = self._names(done, epochs.of_rooms(connection, changed) if is_same else epochs.of_all(connection))
        if not is_same:
            self._remove_all_but(names.values() if before is not None else ())
        for room_id in changed.keys() & names.keys():
            number = self._number(names[room_id])
            if number is not None:  # else nobody reads it
                self._put(names[room_id], max(number, changed[room_id]))
        self._replace(self._instance / DONE, json.dumps(done), 0o600)
        return done

    def _remove_all_but(self, kept: Collection[str]) -> None:
        assert self._folder is not None
        with suppress(FileNotFoundError):
            for entry in os.listdir(self._folder):
                if _OURS.fullmatch(entry) and entry not in kept:
                    self._withdraw(self._folder / entry)

    def _put(self, name: str, number: int) -> None:
        """Write the number, or take the file away: who reads an old one would wait for nothing."""
        assert self._folder is not None
        try:
            self._replace(self._folder / name, f"{number}\n", 0o644)
            self._complaint = ""
        except OSError as error:
            self._complain(error)
            self._withdraw(self._folder / name)

    def _replace(self, path: Path, text: str, mode: int) -> None:
        """Not waiting for the disk: what a machine that lost its power has left of it is no number."""
        draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
        try:
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
            try:
                os.fchmod(file, mode)  # whatever the umask: the web server is another user
                os.write(file, text.encode())
            finally:
                os.close(file)
            draft.replace(path)
        except OSError:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise

    def _withdraw(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError:  # of the folder; what is empty says nothing, too
            os.truncate(path, 0)

    def _complain(self, error: Exception) -> None:
        if self._complaint != str(error):
            log.error("head files: %s", error)
        self._complaint = str(error)

    # Reading

    def names(self, room_ids: Collection[int], known_id: int) -> dict[int, str]:
        """The file of each of these rooms, made where there is none; of none, where one of them cannot be had.

        `known_id` is up to which event it is known that the rooms may be read: no later epoch's name is told.
        """
        done = self._published() if room_ids else None
        if done is None:
            return {}
        try:
            with self._store.read() as connection:
                of_rooms = epochs.of_rooms(connection, room_ids)
            if max(of_rooms.values()).id > known_id:
                return {}
            names = self._names(done, of_rooms)
            are_there = all(self._number(name) is not None for name in names.values())
            return names if are_there else self._made(done, room_ids, known_id)
        except _FAILURES as error:
            self._complain(error)
            return {}

    def _made(self, done: Done, room_ids: Collection[int], known_id: int) -> dict[int, str]:
        with self._locked() as is_inside:
            if not is_inside:
                return {}
            self._make_folder()
            with self._store.read() as connection:
                of_rooms = epochs.of_rooms(connection, room_ids)
                if max(of_rooms.values()).id > known_id:
                    return {}
                names = self._names(done, of_rooms)
                numbers = {room_id: events.newest_of_room(connection, room_id) for room_id in room_ids}
            for room_id, name in names.items():
                self._put(name, max(numbers[room_id], self._number(name) or 0))
            return names if all(self._number(name) is not None for name in names.values()) else {}

    def _make_folder(self) -> None:
        """To be passed through by the web server, and listed by nobody."""
        assert self._folder is not None
        if not self._folder.exists():
            self._folder.mkdir(parents=True, exist_ok=True)  # another process may be quicker
            self._folder.chmod(0o711)
        if not (self._folder / "index.html").exists():
            self._replace(self._folder / "index.html", "", 0o644)

    def _names(self, done: Done, of_rooms: dict[int, Epoch]) -> dict[int, str]:
        return {room_id: self._name(room_id, epoch.mark, done.generation) for room_id, epoch in of_rooms.items()}

    def _name(self, room_id: int, epoch: str, generation: str) -> str:
        return f"{self._signed(f'room {room_id} {epoch} {generation}')}.txt"

    def _signed(self, words: str) -> str:
        return hmac.new(self._key, f"heads {words}".encode(), hashlib.sha256).hexdigest()[:40]

    def _number(self, name: str) -> int | None:
        """What the file says; None when there is none, or no number in it."""
        assert self._folder is not None
        try:
            return int((self._folder / name).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def _done(self) -> Done | None:
        """How far the files were right; None where nobody knows."""
        try:
            done = Done(*json.loads((self._instance / DONE).read_bytes()))
            return done._replace(until=int(done.until))
        except (OSError, ValueError, TypeError):
            return None

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Whether one is the one who writes. In a loop nobody waits for that: the next second does it."""
        patience_seconds = 0.0 if runtime.current().has_loop else PATIENCE_SECONDS
        deadline = time.monotonic() + patience_seconds
        file = os.open(self._instance / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not (is_inside := _try(file)) and time.monotonic() < deadline:
                time.sleep(TRY_SECONDS)
            yield is_inside
        finally:
            os.close(file)

    # Looking whether the web server hands them out

    def look(self, url: str, fetch: Fetch = canary.fetch) -> "Look":
        """Put a file there and ask the site for it, as a reader would, by the folder's address `url`.

        What was well is good for an hour: a host of one process cannot answer anybody meanwhile.
        """
        assert self._folder is not None
        if self._seen_well is not None and self._seen_well[0].url == url and time.monotonic() < self._seen_well[1]:
            return self._seen_well[0]
        found = self._look(url, fetch)
        self._seen_well = (found, time.monotonic() + canary.GOOD_SECONDS) if found.is_well else None
        return found

    def _look(self, url: str, fetch: Fetch) -> "Look":
        assert self._folder is not None
        if not self.publish() and self._complaint:
            return Look(url, self._complaint, False, False)
        name, number = self._name(NO_ROOM, secrets.token_hex(8), ""), secrets.randbits(32)
        try:
            self._make_folder()
            self._replace(self._folder / name, f"{number}\n", 0o644)
            try:
                is_served = fetch(f"{url}/{name}") == f"{number}\n".encode()
                listing = is_served and fetch(f"{url}/") or b""
            finally:
                self._withdraw(self._folder / name)
        except OSError as error:
            return Look(url, str(error), False, False)
        return Look(url, "", is_served, name.encode() in listing)


class Look(NamedTuple):
    """What was found: why no file could be written, whether one was handed out, and whether anybody can list them."""

    url: str
    problem: str
    is_served: bool
    is_listed: bool

    @property
    def is_well(self) -> bool:
        return self.is_served and not self.is_listed

    @property
    def words(self) -> Sentence:
        if self.problem:
            text = N_("Head files cannot be written, so that everybody asks the chat itself: %(problem)s.")
        elif not self.is_served:
            text = N_("The web server does not hand out head files at %(url)s, so that everybody asks the chat itself.")
        elif self.is_listed:
            text = N_("The web server lists all head files at %(url)s. Switch its listings off.")
        else:
            text = N_("The web server hands out head files at %(url)s: who reads along mostly asks no process.")
        return Sentence(text, {"url": self.url, "problem": self.problem})


def _boot_id() -> str:
    """Another one after each start of the machine; nothing where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        return ""


def _try(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
