"""The load of the benchmarks finds what is missing, repeated, out of order or altered, at whichever reader."""

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from bench import load
from bench.load import asking, percentile_us, reading
from bench.verdict import Invalid

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
CHUNKED = HEAD[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
HELLO = b"event: hello\ndata: {}\n\n"
REQUEST = b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"


def message(number: int, text: bytes = b"hi") -> bytes:
    return b'event: message\nid: %d\ndata: {"id":%d,"text":"%s"}\n\n' % (number, number, text)


class Stage:
    """A server that says to each reader what the test says."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.streams: list[socket.socket] = []

    def accept(self, count: int, first: bytes) -> None:
        for _ in range(count):
            stream, _ = self.listener.accept()
            self.streams.append(stream)  # before it is answered: the answer may be all that a test waits for
            stream.recv(4096)
            stream.sendall(first)

    def close(self) -> None:
        for stream in [*self.streams, self.listener]:
            stream.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


@contextmanager
def heard(stage: Stage, tmp_path, said: Sequence[Sequence[bytes]], first: bytes = HEAD + HELLO):
    """Readers who have been sent these things, one list each, and whatever else is written to `stage.streams`."""
    accepting = threading.Thread(target=stage.accept, args=(len(said), first))
    accepting.start()
    with reading(stage.address, [REQUEST] * len(said), tmp_path) as readers:
        accepting.join()
        for stream, sent in zip(stage.streams, said, strict=True):
            stream.sendall(b"".join(sent))
        yield readers


AGO_SECONDS = 5


def report(stage: Stage, tmp_path, *said: Sequence[bytes], messages: int = 3):
    """What the load says of readers who were sent this, where so many messages were posted some seconds ago."""
    began_ns = time.monotonic_ns() - AGO_SECONDS * 10**9
    with heard(stage, tmp_path, said) as readers:
        # Whatever is missing was not sent: only what everybody was sent is waited for.
        readers.wait_for(min(messages, *(sum(b"event: message" in one for one in sent) for sent in said)))
        return readers.report([(number, began_ns) for number in range(1, messages + 1)], tmp_path)


ALL = [message(1), message(2), message(3)]


def test_what_everybody_heard_is_reported_with_its_delays(stage, tmp_path):
    found = report(stage, tmp_path, ALL, [b": still here\n\n", *ALL], ALL)
    assert found.deliveries == found.delays_us.total() == 9
    assert list(found.texts) == [1, 2, 3] and found.texts[2] == b'{"id":2,"text":"hi"}'
    assert found.last_us.keys() == {1, 2, 3}
    assert all(AGO_SECONDS * 1e6 <= us < 60e6 for us in [*found.last_us.values(), *found.delays_us])
    assert found.frame_bytes == len(message(3))


@pytest.mark.parametrize("said", [
    [message(1), message(3)],
    [message(1), message(2)],
    [message(1), message(3), message(2)],
    [message(1), message(2), message(2), message(3)],
    [message(1), message(2), message(3), message(4)],
    [message(1), message(2, b"ho"), message(3)],
    [message(1), b"event: message\nid: 2\ndata: {}\n\n", message(2), message(3)],
], ids=["gap", "end missing", "order", "twice", "one too many", "altered", "no key"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_reader_who_hears_something_else_makes_the_run_invalid(stage, tmp_path, said, place):
    others = [ALL, ALL]
    with pytest.raises(Invalid, match=r"faults, the first: \S+"):
        report(stage, tmp_path, *others[:place], said, *others[place:])


def test_a_message_that_reached_nobody_is_missing(stage, tmp_path):
    with pytest.raises(Invalid, match="reached nobody"):
        report(stage, tmp_path, ALL, ALL, messages=4)


def test_a_stream_that_ends_stops_the_load(stage, tmp_path):
    with pytest.raises(Invalid, match="closed the stream of reader 0"):
        with heard(stage, tmp_path, [ALL]) as readers:
            stage.streams[0].close()
            readers.wait_for(4)


@pytest.mark.parametrize("event", [b"bye", b"reset", b"mode"])
def test_a_reader_who_is_sent_away_stops_the_load(stage, tmp_path, event):
    with pytest.raises(Invalid, match="sent away"):
        with heard(stage, tmp_path, [[b"event: %s\ndata: {}\n\n" % event]]) as readers:
            readers.wait_for(1)


def test_another_answer_than_a_stream_is_shown(stage, tmp_path):
    with pytest.raises(Invalid, match="403"):
        with heard(stage, tmp_path, [[]], first=b"HTTP/1.1 403 Forbidden\r\n\r\n"):
            pass


def test_frames_are_found_wherever_the_pieces_end(stage, tmp_path):
    whole = b"".join(ALL)
    with heard(stage, tmp_path, [[], []]) as readers:
        for number in range(len(whole)):
            stage.streams[0].sendall(whole[number : number + 1])
        stage.streams[1].sendall(whole)
        readers.wait_for(3)
        assert readers.report([], tmp_path).deliveries == 6


def test_chunks_are_undone(stage, tmp_path):
    def chunks(body: bytes, size: int) -> bytes:
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)

    with heard(stage, tmp_path, [[], []], first=CHUNKED + chunks(HELLO, 5)) as readers:
        stage.streams[0].sendall(chunks(b"".join(ALL), 7))
        stage.streams[1].sendall(chunks(b"".join(ALL), 1000))
        readers.wait_for(3)
        assert readers.report([], tmp_path).deliveries == 6


def test_several_processes_of_the_load_must_hear_the_same(stage, tmp_path, monkeypatch):
    monkeypatch.setattr(load, "READERS_OF_ONE", 1)
    assert report(stage, tmp_path, ALL, ALL).deliveries == 6
    assert {stream.getpeername()[0] for stream in stage.streams} == {"127.0.0.2", "127.0.0.3"}


def test_processes_of_the_load_that_hear_different_things_are_found(stage, tmp_path, monkeypatch):
    monkeypatch.setattr(load, "READERS_OF_ONE", 1)
    with pytest.raises(Invalid, match="one process of the load"):
        report(stage, tmp_path, ALL, [message(1), message(2, b"ho"), message(3)])


def test_a_percentile_is_the_delay_that_so_many_do_not_exceed():
    delays = Counter({7: 98, 5000: 1, 90_000: 1})
    assert percentile_us(delays, 50) == 7
    assert percentile_us(delays, 99) == 5000
    assert percentile_us(delays, 100) == 90_000


# Requests


def answering(stage: Stage, connections: int, answer: bytes, received: list[bytes]) -> threading.Thread:
    def serve(connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(65536):
                received.append(request)
                connection.sendall(answer)

    def accept() -> None:
        for _ in range(connections):
            threading.Thread(target=serve, args=(stage.listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    return thread


POST = b"POST / HTTP/1.1\r\nContent-Length: 17\r\n\r\n@@@@@@@@ @@@@@@@@"
TRIES = 5
CREATED = b'HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{"id":57}'


def asked_undisturbed(stage, tmp_path, is_whole, *rate_and_seconds):
    """What was received, and the load's own word of it, of the first of a few runs that a busy machine left whole."""
    for _ in range(TRIES):
        received: list[bytes] = []
        answering(stage, 2, CREATED, received)
        with asking(stage.address, [POST, POST], tmp_path, *rate_and_seconds) as asked:
            asked.begin()
            warm, posts = asked.finish()
        if is_whole(len(warm), len(posts)):
            return received, warm, posts
    raise AssertionError(f"{len(warm)} and {len(posts)}")


def test_requests_are_made_at_their_rate_and_numbered(stage, tmp_path):
    def is_whole(warm, posts):
        assert warm <= 10 and posts <= 50
        return (warm, posts) == (10, 50)

    received, warm, posts = asked_undisturbed(stage, tmp_path, is_whole, 100, 0.1, 0.5)
    assert {post.id for post in posts} == {57} and all(post.answered_ns > post.sent_ns for post in posts)
    numbers = sorted(request[-17:] for request in received)
    assert numbers == [b"%d %d" % (number, number) for number in range(10_000_000, 10_000_060)]
    assert sorted(post.number for post in [*warm, *posts]) == list(range(10_000_000, 10_000_060))


def test_without_a_rate_each_connection_asks_again_at_once(stage, tmp_path):
    assert asked_undisturbed(stage, tmp_path, lambda warm, posts: posts > 30, 0, 0, 0.3)


def test_a_refused_request_stops_the_load(stage, tmp_path):
    answering(stage, 1, b"HTTP/1.1 429 Slow Down\r\nContent-Length: 0\r\n\r\n", [])
    with pytest.raises(Invalid, match="429"):
        with asking(stage.address, [POST], tmp_path, 0, 0, 0.3) as asked:
            asked.begin()
            asked.finish()


def test_without_a_compiler_the_benchmark_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(Invalid, match="apt install gcc"):
        load.built("readers")
