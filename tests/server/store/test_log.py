"""What the log on stderr holds: what was asked for and how it went; nothing that anybody said, nor a key."""

import re
import socket

import pytest

from tests.support.clients import Bot, Person
from tests.support.serving import eventually, serve

SECRET = "sesame-open-thyself"
FORGED = "2026-11-30%2012:00:00,000%20INFO%20chat.requests:%20POST%20/owner/settings%20204%201%20ms%20-"
OF_A_REQUEST = re.compile(r"\d{4}-\d\d-\d\d \S+ INFO chat\.requests: [!-~]+ /[!-~]* \d{3} \d+ ms [\d.-]+")


@pytest.fixture(scope="module")
def busy():
    """A server to which everything has been said, and all that must not be in its log."""
    with serve(workers=1, trusted_proxies="127.0.0.1") as server:
        keys = [server.command("bot", "add", "hal").stdout.strip()]
        with Person(server, X_Forwarded_For="203.0.113.77") as alice, Bot(server, keys[0]) as hal:
            alice.sign_in(f"alice {SECRET}")
            keys += [*alice.cookies.values(), alice.token()]
            message = alice.say(f"body {SECRET}", client_id=SECRET)
            alice.post(f"/messages/{message['id']}/edit", body=f"edited {SECRET}")
            alice.post("/rooms/lobby/messages", body=f"{SECRET}\0")
            alice.post("/rooms", name=SECRET, topic=SECRET, slug=f"{SECRET}!")
            alice.post("/rooms/lobby/messages", token=SECRET, body=SECRET)
            alice.submit(alice.look("/rooms/lobby").form("/messages"), body=SECRET * 1000)
            keys += [alice.post(path).json["link"].split("code=")[1] for path in ("/sign-out/link", "/device")]
            for path in (f"/device?code={keys[-1]}", f"/poll?room=lobby&since={SECRET}", f"/stream?x={SECRET}&since=x",
                         f"/sign-in?next=/{SECRET}", f"/nowhere?{SECRET}", f"/rooms/lobby?before={SECRET}"):
                alice.get(path)
            alice.listen(f"room=lobby&x={SECRET}").close()
            alice.get("/", Authorization=f"Bearer {SECRET}")
            alice.request("POST", "/sign-in", f"name={SECRET}&password={SECRET}", Referer=f"http://x/{SECRET}",
                          User_Agent=SECRET, Content_Type="application/x-www-form-urlencoded")
            hal.post("/rooms/lobby/messages", body=SECRET)
            hal.request("POST", "/rooms/lobby/messages", f'{{"body": "{SECRET}"', Content_Type="application/json")
            hal.get("/rooms/the-end")
        eventually(lambda: "/rooms/the-end" in server.log)
        yield server, [SECRET, "203.0.113.77", *keys]


def test_requests_are_noted_with_how_they_went(busy):
    server, _ = busy
    assert "POST /rooms/lobby/messages 201 " in server.log
    assert "GET /poll 400 " in server.log
    assert "203.0.113.0" in server.log


def test_no_body_key_name_query_or_whole_address_is_in_it(busy):
    server, secrets = busy
    assert len(secrets) >= 6 and all(len(secret) > 10 for secret in secrets)
    for secret in secrets:
        assert secret not in server.log, [line for line in server.log.splitlines() if secret in line]


def test_what_is_no_http_leaves_no_whole_address_either(busy):
    server, _ = busy
    for raw in (b"GARBAGE\r\n\r\n", f"GET /?{SECRET} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".encode(),
                f"GET /?{SECRET} HTTP/7\r\n\r\n".encode()):
        with socket.create_connection((server.host, server.port), 20, source_address=("127.0.0.77", 0)) as connection:
            connection.sendall(raw)
            while connection.recv(65536):
                pass
    with Person(server) as somebody:
        somebody.get("/healthz")
    eventually(lambda: "/healthz" in server.log)
    assert "127.0.0.77" not in server.log
    assert SECRET not in server.log


NASTY = ["%0a", "%0d%0a", "%1b%5b2J", "%07", "%7f", "%c2%9b", "%c2%85", "%e2%80%a8", "%e2%80%ae"]


@pytest.mark.parametrize("nasty", NASTY)
def test_a_path_writes_no_line_of_its_own_and_orders_no_terminal(busy, nasty):
    server, _ = busy
    said = len(server.log)
    with Person(server) as somebody:
        assert somebody.get(f"/x{nasty}{FORGED}").status == 404
        somebody.get("/rooms/after-it")
    lines = eventually(lambda: "/rooms/after-it" in (log := server.log[said:]) and log)
    assert lines.isascii() and lines.count("\n") == 2
    assert all(OF_A_REQUEST.fullmatch(line) for line in lines.splitlines()), lines


def test_nobody_writes_a_long_line(busy):
    server, _ = busy
    said = len(server.log)
    with Person(server) as somebody:
        somebody.request("LONG" * 5, "/" + "x" * 8000)
        somebody.request("GET", "/%c3%a9" * 1000)
        somebody.get("/rooms/after-these")
    lines = eventually(lambda: "/rooms/after-these" in (log := server.log[said:]) and log)
    assert all(len(line) < 400 for line in lines.splitlines()), lines
