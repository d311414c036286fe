"""What bad input gets: an answer that says what to do, and nothing is lost."""

import socket

import pytest

from tests.support.clients import FORM
from tests.support.serving import serve

pytestmark = pytest.mark.usefixtures("parting")  # so early, for test_presence's sake

HUGE_BYTES = 50 * 1024 * 1024


@pytest.fixture
def unharmed(chat, bob):
    """Whatever the test does, everybody else goes on."""
    stream = bob.listen("room=lobby")
    count, = chat.query("SELECT count(*) FROM messages")[0]
    yield
    assert chat.query("SELECT count(*) FROM messages")[0] == (count,), "nothing was taken in"
    bob.say("marker")
    stream.expect_message("marker")
    assert stream.bodies == ["marker"]


BAD_BODIES = [
    (b"", 400, "invalid"), (b"body=", 400, "invalid"), (b"body=+%0D%0A+%09", 400, "invalid"),
    (b"body=%E3%80%80", 400, "invalid"), (b"body=%E2%80%8B", 400, "invalid"), (b"body=" + b"x" * 4001, 413, "too_long"),
    (b"body=" + b"%F0%9F%98%80" * 4001, 413, "too_long"), (b"body=" + b"x" * 300_000, 413, "too_large"),
    (b"body=caf%E9", 400, "invalid"), (b"body=caf\xe9", 400, "invalid"), (b"body=%ED%A0%80", 400, "invalid"),
    (b"body=%C0%AF", 400, "invalid"), (b"body=a%00b", 400, "invalid"), (b"body=a\0b", 400, "invalid")]


@pytest.mark.parametrize(("raw", "status", "code"), BAD_BODIES, ids=lambda value: str(value)[:30])
def test_a_body_that_is_no_message_is_refused(alice, unharmed, raw, status, code):
    answer = alice.post("/rooms/lobby/messages", raw=raw)
    assert (answer.status, answer.code) == (status, code)
    page = alice.post("/rooms/lobby/messages", raw=raw, accept="text/html")
    assert page.status == status
    assert answer.json["error"]["message"] in page.page.text


@pytest.mark.parametrize("part", [b"caf\xe9", b"a\0b", b"\xed\xa0\x80", b""])
def test_a_multipart_body_that_is_no_message_is_refused(alice, unharmed, part):
    head = b'--x\r\nContent-Disposition: form-data; name="body"\r\n\r\n'
    answer = alice.request("POST", "/rooms/lobby/messages", head + part + b"\r\n--x--\r\n", X_CSRF_Token=alice.token(),
                           Content_Type="multipart/form-data; boundary=x", Accept="application/json")
    assert (answer.status, answer.code) == (400, "invalid")


HALF = "half \ud83d"
FIELDS = ("body", "client_id", "name", "topic", "slug", "code", "word", "reason", "for", "state", "id", "choice",
          "next", "sure", "csrf_token", "CHAT_NAME", "CHAT_WELCOME", "\udc00")
POSTS = ["/sign-in", "/device", "/device/use", "/enter", "/me/view", "/me/forget", "/owner/claim", "/owner/settings",
         "/messages/1/edit", "/messages/1/remove", "/rooms", "/owner/people/1/ban"]
POSTS += [f"/rooms/lobby/{verb}" for verb in ("messages", "join", "read", "typing", "here")]
POSTS += [f"/owner/rooms/lobby{verb}" for verb in ("", "/close", "/reopen", "/remove")]


@pytest.mark.parametrize("path", POSTS)
def test_half_a_surrogate_pair_breaks_nothing_in_any_field(alice, hal, unharmed, path):
    answer = hal.post(path, **dict.fromkeys(FIELDS, HALF))
    assert answer.status in (200, 204) or 400 <= answer.status < 500, answer.text
    raw = "&".join(f"{field}=half+%ED%A0%BD" for field in FIELDS[:-1]).encode()
    for accept in "application/json", "text/html":
        answer = alice.post(path, raw=raw, accept=accept)
        assert answer.status in (200, 204, 303) or 400 <= answer.status < 500, answer.text
        answer.text.encode()


@pytest.mark.parametrize("fields", [{"body": HALF}, {"body": "whole", "client_id": HALF}])
def test_a_bot_s_message_with_half_a_surrogate_pair_is_refused_in_words(hal, unharmed, fields):
    answer = hal.post("/rooms/lobby/messages", **fields)
    assert (answer.status, answer.code, answer.json["error"]["field"]) == (400, "invalid", list(fields)[-1])


def test_a_multipart_form_is_a_form(alice):
    body = ('--x\r\nContent-Disposition: form-data; name="body"\r\n\r\ncafé\r\n'
            f'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{alice.token()}\r\n--x--\r\n')
    answer = alice.request("POST", "/rooms/lobby/messages", body.encode(), Accept="application/json",
                           Content_Type="multipart/form-data; boundary=x")
    assert (answer.status, answer.json["body"]) == (201, "café")


def test_fifty_megabytes_are_refused_before_they_are_read(chat, alice, unharmed):
    token = alice.token()
    cookies = "; ".join(f"{name}={value}" for name, value in alice.cookies.items())
    with chat.connect() as connection:
        connection.sendall((f"POST /rooms/lobby/messages HTTP/1.1\r\nHost: {chat.host}:{chat.port}\r\n"
                            f"Cookie: {cookies}\r\nX-CSRF-Token: {token}\r\nAccept: application/json\r\n"
                            f"Content-Type: {FORM}\r\nContent-Length: {HUGE_BYTES}\r\n\r\nbody=").encode())
        answer = ""  # not one of the megabytes was sent
        while "too_large" not in answer:
            piece = connection.recv(65536).decode()
            assert piece, answer
            answer += piece
        assert answer.startswith("HTTP/1.1 413")


@pytest.mark.parametrize("path", ["/sign-in", "/rooms", "/messages/1/edit", "/nowhere"])
def test_no_address_takes_in_much(alice, unharmed, path):
    answer = alice.post(path, raw=b"name=" + b"x" * 300_000)
    assert (answer.status, answer.code) in ((413, "too_large"), (404, "not_found"))


def test_a_length_that_is_not_said_is_no_way_around(alice, unharmed):
    pieces = (b"x" * 65536 if number else b"body=" for number in range(HUGE_BYTES // 65536))
    pending = alice.send("POST", "/rooms/lobby/messages", pieces, Transfer_Encoding="chunked", Content_Type=FORM,
                         X_CSRF_Token=alice.token(), Accept="application/json")
    assert pending.answer().status == 413


@pytest.mark.parametrize("raw", [b"GARBAGE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
                                 b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET /%\r\n\r\n",
                                 b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
                                 b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n"])
def test_what_is_no_http_is_answered_or_cut(chat, unharmed, raw):
    with chat.connect() as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 505")


OUTSIZE = [
    (b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + b"x" * 16_400 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: x\r\n" * 100 + b"\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + (b"X: " + b"x" * 10_000 + b"\r\n") * 7, 431),  # and it is not at its end
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: " + b"x" * 60 + b"\r\n\r\n", 400),
]


def test_strange_headers_break_nothing(alice):
    for headers in ({"Cookie": "longwave=\xff\xfe; =; ;;; longwave_token=\x80"}, {"Cookie": "x" * 8000},
                    {"Accept": "\xff" * 100}, {"Accept_Language": ",;q=\xff"}, {"Host": "\xff"}, {"Host": ""},
                    {"User_Agent": "\x80"}, {"Origin": "\xff"}, {"Content_Type": "application/json; charset=\xff"}):
        answer = alice.get("/session", **headers)
        assert answer.status in (200, 400), headers


CHUNKED = ("POST /rooms/lobby/messages HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nContent-Type: " + FORM
           + "\r\nTransfer-Encoding: chunked\r\n\r\n")
BROKEN_CHUNKS = [b"zz\r\n", b"\r\n", b"-1\r\nx\r\n", b"5\r\nbody=x\r\n0\r\n\r\n", b"5\r\nbody=0\r\n\r\n",
                 b"5;a b\r\nbody=\r\n", b"5\r\nbod", b"0\r\nHost: x\r\n\r\n", b"0\r\nX\r\n\r\n", b"f" * 20_000]


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize("raw", BROKEN_CHUNKS, ids=lambda raw: str(raw)[:30])
def test_a_malformed_chunk_is_the_client_s_mistake(chat, unharmed, raw, accept):
    with chat.connect() as connection:
        connection.sendall(CHUNKED.replace("application/json", accept).encode() + raw)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 "), answer


@pytest.mark.parametrize("way", ["greenlets", "threads"])
def test_what_the_server_itself_refuses_is_refused_in_words_and_with_protection(way):
    worker = ("--worker-class", "chat.server.thread_worker.StreamThreadWorker") if way == "threads" else ()
    with serve(workers=1, arguments=worker) as server:
        for raw, status in OUTSIZE:
            with server.connect() as connection:
                connection.sendall(raw)
                connection.shutdown(socket.SHUT_WR)
                head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).decode().partition("\r\n\r\n")
            assert head.startswith(f"HTTP/1.1 {status} "), head
            assert "nosniff" in head and "default-src 'none'" in head and f"Content-Length: {len(body)}" in head
            assert body.startswith("<!DOCTYPE html>") and ("try again" in body or "links" in body)
            assert "x" * 50 not in body, "nothing that was sent comes back"
