"""Many readers when a server ends and when it begins again: told to come back, and soon back with nothing lost."""

import os
import threading
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.support.audience import audience, settle
from tests.support.clients import Person
from tests.support.serving import eventually, once_within, serve

pytestmark = pytest.mark.slow

LEAVING = 1000
LEFT_WITHIN_SECONDS = 5.0
RETURNING = 2000
BACK_CPU_SECONDS = 15.0  # the goal is 5 s on two cores, so 10, and room; how long it takes depends on who else works
BACK_PATIENCE_SECONDS = 90.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
POST_EVERY_SECONDS = 0.2


@pytest.fixture(scope="module")
def server():
    with serve() as started:
        settle(started, RETURNING)
        yield started


class Writer(threading.Thread):
    """Posts all the time, each message again until it is acknowledged; `acknowledged` are their ids."""

    def __init__(self, server):
        super().__init__(name="writer")
        self.acknowledged = []
        self._person = Person(server).sign_in("writer")
        self._token = self._person.token()
        self._is_over = threading.Event()

    def run(self):
        number = 0
        while not self._is_over.wait(POST_EVERY_SECONDS):
            if self._say(f"n{number}"):
                number += 1
        self._person.close()

    def _say(self, client_id):
        with suppress(OSError, HTTPException):
            answer = self._person.post("/rooms/lobby/messages", token=self._token, body=client_id, client_id=client_id)
            assert answer.status in (200, 201, 503), answer.text
            if answer.status == 503:  # the machine is busy, and says so
                return False
            self.acknowledged.append(answer.json["id"])
            return True
        self._person.close()
        return False

    def end(self):
        self._is_over.set()
        self.join()


def cpu_seconds(server):
    """What the workers have worked so far."""
    fields = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in server.workers)
    return sum(int(stat[11]) + int(stat[12]) for stat in fields) / TICKS_A_SECOND


def cursor_of(server):
    with Person(server) as somebody:
        return somebody.cursor()


def test_ctrl_c_says_bye_to_a_thousand_streams_and_ends_within_five_seconds(server):
    def leave(_):
        with audience(server, LEAVING, cursor_of(server)) as leaving:
            took_seconds = server.press_ctrl_c()
            leaving.hear_until(lambda: leaving.is_gone, within=20)
            print(f"Ctrl-C with {LEAVING} streams took {took_seconds:.2f} s")
            assert leaving.all(lambda reader: reader.last_event == "bye")
        server.start()
        return took_seconds

    once_within(LEFT_WITHIN_SECONDS, leave)


def test_two_thousand_who_return_at_once_are_soon_back_and_have_missed_nothing(server):
    start = cursor_of(server)
    writer = Writer(server)
    with audience(server, RETURNING, start) as returning:
        writer.start()
        returning.hear_until(lambda: returning.all(lambda reader: len(reader.message_ids) > 3), within=30)
        server.kill()
        returning.hear_until(lambda: returning.is_gone, within=20)
        server.start()
        heard = max(reader.last_id for reader in returning.readers)
        eventually(lambda: writer.acknowledged[-1] > heard)  # until everybody has missed something
        missed = writer.acknowledged[-1]
        before = cpu_seconds(server)
        returning.return_at_once()
        took_seconds = returning.hear_until(
            lambda: returning.all(lambda reader: reader.is_live and reader.last_id >= missed), BACK_PATIENCE_SECONDS)
        worked_seconds = cpu_seconds(server) - before
        print(f"{RETURNING} readers were live again after {took_seconds:.2f} s, and {worked_seconds:.2f} s of CPU")
        writer.end()
        last = writer.acknowledged[-1]
        returning.hear_until(lambda: returning.all(lambda reader: reader.last_id >= last), within=60)
        kept = [id for id, in server.query("SELECT id FROM messages WHERE id > ? ORDER BY id", start)]
        assert writer.acknowledged == kept, "durable, and each once"
        assert returning.all(lambda reader: reader.message_ids == kept)
    assert worked_seconds < BACK_CPU_SECONDS
