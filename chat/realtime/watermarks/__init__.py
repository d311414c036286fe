"""Watermark files: a number to look at instead of a request, for readers that cannot be held.

The web server itself serves a small file for each room that is read, with the id of the room's newest event. Whoever
polls only asks the app when that id is above their cursor.

Any process may update the files, one at a time: it takes the lock and then reads the log, so the numbers never go down.
How far that was done is noted in the instance. A process that finds the log to be further, with its next request or
tick, does what a process that was killed has left undone.
"""

import logging
import secrets
import time
from collections.abc import Collection

from chat.core.config import Config
from chat.realtime.watermarks import probe
from chat.realtime.watermarks.folder import Folder
from chat.realtime.watermarks.naming import Naming
from chat.realtime.watermarks.probe import Look
from chat.realtime.watermarks.progress import Done, Progress
from chat.runtime import http_probe
from chat.store import Store, trouble
from chat.store.tables import epochs, events

log = logging.getLogger(__name__)

_FAILURES = (OSError, trouble.DatabaseError)

__all__ = ["Watermarks", "Look"]


class Watermarks:
    """The watermark files of one chat, in CHAT_HEADS_DIR; without that setting it does nothing."""

    def __init__(self, config: Config, store: Store) -> None:
        self._store = store
        self._complaint = ""
        self._seen_well: tuple[Look, float] | None = None  # with the moment until which it may be reused
        self.is_used = config.heads_dir is not None
        if config.heads_dir is not None:
            self._folder = Folder(config.heads_dir)
            self._naming = Naming(config)
            self._progress = Progress(config.instance)
            self._fingerprint = self._naming.fingerprint(config.heads_dir)

    def publish(self) -> bool:
        """Bring the files up to date with the log; false when there are none.

        Never raises. A file that cannot be written is removed, and its readers ask the app.
        """
        return self._published() is not None

    def names(self, room_ids: Collection[int], known_id: int) -> dict[int, str]:
        """The name of each room's file, which is made if necessary; empty when one of them cannot be had.

        `known_id` is the event up to which it is known that the rooms may be read: names of later epochs are not given.
        """
        done = self._published() if room_ids else None
        if done is None:
            return {}
        try:
            with self._store.read() as connection:
                of_rooms = epochs.of_rooms(connection, room_ids)
            if max(of_rooms.values()).id > known_id:
                return {}
            names = self._naming.of_rooms(of_rooms, done.generation)
            return names if self._are_there(names) else self._made(done.generation, room_ids, known_id)
        except _FAILURES as error:
            self._complain(error)
            return {}

    def look(self, url: str, fetch: probe.Fetch = http_probe.fetch) -> Look:
        """Whether the web server serves the files at the folder's address `url`.

        A good result is reused for an hour, because a host with one process cannot answer anybody meanwhile.
        """
        if self._seen_well is not None and self._seen_well[0].url == url and time.monotonic() < self._seen_well[1]:
            return self._seen_well[0]
        if not self.publish() and self._complaint:
            return Look(url, self._complaint, False, False)
        found = probe.look(self._folder, self._naming.of_a_trial(), url, fetch)
        self._seen_well = (found, time.monotonic() + http_probe.GOOD_SECONDS) if found.is_well else None
        return found

    # Writing

    def _published(self) -> Done | None:
        if not self.is_used:
            return None
        try:
            with self._store.glance() as connection:
                newest = events.highest_id(connection)
            done = self._progress.read()
            if done is not None and done.fingerprint == self._fingerprint and done.until == newest:
                return done
            with self._progress.locked() as is_inside:
                return self._catch_up() if is_inside else None
        except _FAILURES as error:
            self._complain(error)
            return None

    def _catch_up(self) -> Done:
        """Update the files, under the lock, so that whoever has it later reads at least as much of the log."""
        before = self._progress.read()
        with self._store.read() as connection:
            newest, epoch = events.highest_id(connection), epochs.newest(connection).mark
            if before is not None and (before.until > newest or before.fingerprint != self._fingerprint):
                before = None  # the log or the instance is from a backup, or files may be lost in a power cut
            generation = before.generation if before is not None else secrets.token_hex(8)
            if before is not None and before.until < events.pruned_to(connection):
                before = None  # the log was pruned meanwhile
            changed = events.newest_of_rooms(connection, before.until) if before is not None else {}
            is_same = before is not None and before.epoch == epoch
            of_rooms = epochs.of_rooms(connection, changed) if is_same else epochs.of_all(connection)
        names = self._naming.of_rooms(of_rooms, generation)
        if not is_same:
            self._folder.remove_all_but(names.values() if before is not None else ())
        for room_id in changed.keys() & names.keys():
            number = self._folder.number(names[room_id])
            if number is not None:  # otherwise nobody reads it
                self._put(names[room_id], max(number, changed[room_id]))
        done = Done(newest, epoch, self._fingerprint, generation)
        self._progress.write(done)
        return done

    def _made(self, generation: str, room_ids: Collection[int], known_id: int) -> dict[int, str]:
        with self._progress.locked() as is_inside:
            done = self._progress.read() if is_inside else None
            if done is None or done.generation != generation:  # it is another log by now
                return {}
            self._folder.make()
            with self._store.read() as connection:
                of_rooms = epochs.of_rooms(connection, room_ids)
                if max(of_rooms.values()).id > known_id:
                    return {}
                numbers = {room_id: events.newest_of_room(connection, room_id) for room_id in room_ids}
            names = self._naming.of_rooms(of_rooms, generation)
            for room_id, name in names.items():
                self._put(name, max(numbers[room_id], self._folder.number(name) or 0))
            return names if self._are_there(names) else {}

    def _are_there(self, names: dict[int, str]) -> bool:
        return all(self._folder.number(name) is not None for name in names.values())

    def _put(self, name: str, number: int) -> None:
        try:
            self._folder.put(name, number)
            self._complaint = ""
        except OSError as error:
            self._complain(error)
            self._folder.withdraw(name)  # whoever reads an old number would wait in vain

    def _complain(self, error: Exception) -> None:
        if self._complaint != str(error):
            log.error("head files: %s", error)
        self._complaint = str(error)
