"""Signed-in guests, each with a session of its own, made through the real API."""

import http.client
import json
from typing import NamedTuple
from urllib.parse import urlencode

from bench.verdict import Invalid

ROOM = "lobby"

# What Chromium sends with a script's request, because to parse it is the server's work, too.
BROWSER = {
    "sec-ch-ua-platform": '"Linux"',
    "Accept-Language": "en-GB,en;q=0.9",
    "sec-ch-ua": '"Chromium";v="140", "Not=A?Brand";v="24"',
    "sec-ch-ua-mobile": "?0",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "Accept-Encoding": "gzip, deflate, br, zstd",
}
FORM = "application/x-www-form-urlencoded"


class Guest(NamedTuple):
    """Who somebody is: the name, the cookies as a header's value, the token for POSTs."""

    name: str
    cookies: str
    token: str


VISITOR = Guest("", "", "")  # somebody without a name


def sign_in(
    address: tuple[str, int], count: int, prefix: str, room: str = ROOM, first: int = 0, source: str = ""
) -> list[Guest]:
    """So many new guests, all of them in the room, from the address `source`; their names end with numbers."""
    connection = http.client.HTTPConnection(*address, timeout=30, source_address=(source, 0))
    guests = [_sign_in(connection, f"{prefix} {number}", room) for number in range(first, first + count)]
    connection.close()
    return guests


def visitor(address: tuple[str, int]) -> Guest:
    """Somebody without a name, who may sign in."""
    connection = http.client.HTTPConnection(*address, timeout=30)
    cookies: dict[str, str] = {}
    token = _token(connection, cookies)
    connection.close()
    return Guest("", _as_header(cookies), token)


def open_room(address: tuple[str, int], name: str) -> None:
    """A room of this name and address, opened by a guest who is then alone in it."""
    connection = http.client.HTTPConnection(*address, timeout=30)
    cookies, token = _begin(connection, f"{name} opener")
    _ask(connection, cookies, "POST", "/rooms", name=name, slug=name, csrf_token=token)
    connection.close()


def say(address: tuple[str, int], guest: Guest, path: str, **fields: str) -> bytes:
    """Make one POST, and return the answer's body."""
    cookies = dict(cookie.split("=", 1) for cookie in guest.cookies.split("; "))
    connection = http.client.HTTPConnection(*address, timeout=30)
    body = _ask(connection, cookies, "POST", path, csrf_token=guest.token, **fields)
    connection.close()
    return body


def _sign_in(connection: http.client.HTTPConnection, name: str, room: str) -> Guest:
    cookies, token = _begin(connection, name)
    _ask(connection, cookies, "POST", f"/rooms/{room}/join", csrf_token=token)
    return Guest(name, _as_header(cookies), token)


def _begin(connection: http.client.HTTPConnection, name: str) -> tuple[dict[str, str], str]:
    """A session: its cookies, and the token for POSTs."""
    cookies: dict[str, str] = {}
    _ask(connection, cookies, "POST", "/sign-in", name=name, csrf_token=_token(connection, cookies))
    return cookies, _token(connection, cookies)


def _token(connection: http.client.HTTPConnection, cookies: dict[str, str]) -> str:
    token: str = json.loads(_ask(connection, cookies, "GET", "/session"))["csrf_token"]
    return token


def _ask(
    connection: http.client.HTTPConnection, cookies: dict[str, str], method: str, path: str, **fields: str
) -> bytes:
    """The answer's body; what cookies it sets is added to those given."""
    fields_of_head = BROWSER | {"Accept": "application/json", "Cookie": _as_header(cookies)}
    if method == "POST":
        fields_of_head["Content-Type"] = FORM
    connection.request(method, path, urlencode(fields), fields_of_head)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status >= 300:
        text = body.decode(errors="replace")[:300]
        raise Invalid(f"{method} {path} was answered with {answer.status}, “{text}”")
    for cookie in answer.headers.get_all("Set-Cookie", []):
        key, _, value = cookie.partition(";")[0].partition("=")
        cookies[key] = value
    return body


def _as_header(cookies: dict[str, str]) -> str:
    return "; ".join(f"{key}={value}" for key, value in cookies.items())


def head(method: str, path: str, address: tuple[str, int], guest: Guest, more: dict[str, str]) -> bytes:
    """A request's head as a browser sends it, without the blank line at its end."""
    host = f"{address[0]}:{address[1]}"
    own = {"Referer": f"http://{host}/rooms/{ROOM}", "Cookie": guest.cookies}
    fields = {"Host": host, "Connection": "keep-alive", **BROWSER, **own, **more}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n"


def form(path: str, address: tuple[str, int], guest: Guest, **fields: object) -> bytes:
    """A whole POST as a browser's script sends it."""
    return with_body(path, address, guest, urlencode(fields, safe="@").encode(), FORM)


def with_body(path: str, address: tuple[str, int], guest: Guest, body: bytes, kind: str) -> bytes:
    fields = {
        "Accept": "application/json",
        "Content-Type": kind,
        "Content-Length": str(len(body)),
        "Origin": f"http://{address[0]}:{address[1]}",
        "X-CSRF-Token": guest.token,
    }
    return head("POST", path, address, guest, fields) + b"\r\n" + body
