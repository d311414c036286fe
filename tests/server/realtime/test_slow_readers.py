"""Readers that are slow, and readers that vanish: they delay nobody, cost little, and lose nothing themselves."""

import ctypes
import re
import socket
import struct
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.clients import Stream
from tests.support.serving import eventually, serve
from tests.support.slow import asked

RING_EVENTS = 64
SLOW = 30  # readers who take next to nothing
LONG = "x" * 3900  # some 8 KB as an event, with its html
POSTS = 300
SLOW_MAX_BYTES = 384 * 1024  # of the server's memory, each: a piece, the same as it is sent, and room
FOUND_DEAD_SECONDS = 30.0
LOOKS = 3
SO_ATTACH_FILTER = 26
DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # of each packet, let nothing through


@pytest.fixture(scope="module")
def patient():
    """One worker with a short ring, and a heart that beats each second."""
    with serve(workers=1, heartbeat_seconds=1, ring_events=RING_EVENTS) as server:
        yield server


def vanish(connection):
    """Drop whatever comes to this socket before the kernel answers it: as if the reader had lost its network."""
    program = ctypes.create_string_buffer(DROP_ALL)
    connection.sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


def is_held(server, port):
    """Whether the worker still holds the connection from this port; the kernel's list may miss one while it changes."""
    return any(server._find_taker(port) is not None for _ in range(LOOKS))


def port_of(connection):
    return connection.sock.getsockname()[1]


def memory_bytes(pid):
    """What a process has of its own."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * sum(int(found) for found in re.findall(r"^Private_\w+:\s+(\d+) kB", rollup, re.MULTILINE))


def say_much(person):
    """Far more than a slow reader may cost; returns the ids."""
    token = person.token()
    posted = (person.post("/rooms/lobby/messages", token=token, body=f"{number} {LONG}") for number in range(POSTS))
    return [answer.json["id"] for answer in posted]


def ids_of(stream):
    return [event.id for event in stream.named("message")]


@pytest.fixture(scope="module")
def vanished(patient):
    """Readers who have vanished: of a stream, of a stream in mid-sentence, between two requests. Gives after how many
    seconds each was found dead, as it comes to pass, whatever is tested meanwhile."""
    paths = "/stream?room=lobby", "/stream?room=lobby&since=0", "/healthz"
    with ExitStack() as stack:
        gone = [stack.enter_context(asked(patient, path)) for path in paths]
        for connection in gone:
            assert connection.sock.recv(1) == b"H", "it has begun"
            assert is_held(patient, port_of(connection))
            vanish(connection)
        found = []
        is_over = threading.Event()
        watch = threading.Thread(target=note_found, args=(patient, list(map(port_of, gone)), found, is_over))
        watch.start()
        yield found
        is_over.set()
        watch.join()


def note_found(server, ports, found, is_over):
    since = time.monotonic()
    while ports and not is_over.wait(0.25):
        for port in [each for each in ports if not is_held(server, each)]:
            ports.remove(port)
            found.append(time.monotonic() - since)


def test_readers_who_take_nothing_delay_nobody_and_cost_a_piece_each(patient, vanished, people):
    start = people(patient).cursor()
    alice, bob = people(patient).sign_in("alice S."), people(patient)
    said = say_much(alice)
    people(patient).listen(f"room=lobby&since={start}").expect("message", lambda message: message["id"] == said[-1])
    before = memory_bytes(patient.workers[0])
    with ExitStack() as stack:
        slow = [stack.enter_context(asked(patient, f"/stream?room=lobby&since={start}")) for _ in range(SLOW)]
        for connection in slow:
            assert connection.sock.recv(1) == b"H", "it has begun"
        stream = bob.listen(f"room=lobby&since={start}")
        stream.expect("message", lambda message: message["id"] == said[-1])
        assert ids_of(stream) == said, "all of it has passed the slow ones by"
        alice.say("and more")
        stream.expect_message("and more")
        assert len(stream.raw) > 5 * SLOW_MAX_BYTES, "premise: much more was to be had than a slow one may cost"
        cost = (memory_bytes(patient.workers[0]) - before) / SLOW
        print(f"{cost / 1024:.0f} KB for each slow reader")
        assert cost < SLOW_MAX_BYTES
        for connection in slow:
            assert is_held(patient, port_of(connection)) and connection.sock.recv(1) == b"T"


def test_a_live_reader_that_falls_off_the_ring_is_told_so_and_loses_nothing(patient, vanished, people):
    alice = people(patient).sign_in("alice F.")
    with asked(patient, "/stream?room=lobby") as connection:
        slow = Stream(connection, connection.getresponse())
        slow.expect("hello")
        said = say_much(alice)
        bye = slow.expect("bye")
        slow.close()
    assert bye.data["reason"] == "slow"
    assert ids_of(slow) == said[:len(ids_of(slow))] and len(ids_of(slow)) < POSTS - RING_EVENTS, "it did fall off"
    again = people(patient).listen("room=lobby", Last_Event_ID=str(slow.last_id))
    alice.say("marker")
    again.expect_message("marker")
    assert ids_of(slow) + ids_of(again)[:-1] == said


def test_readers_who_vanished_are_found_dead(patient, vanished):
    """Last in this file, because it takes a quarter of a minute."""
    eventually(lambda: len(vanished) == 3, within=3 * FOUND_DEAD_SECONDS)
    print(f"found dead after {max(vanished):.1f} s")
    assert max(vanished) < FOUND_DEAD_SECONDS
