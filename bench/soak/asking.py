"""Requests through the proxy, one at a time over a connection that is kept as long as it lasts."""

import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlencode

from bench.guests import BROWSER, Guest

TIMEOUT_SECONDS = 6.0
HOLD_SECONDS = 25


class Unreadable(Exception):
    """A whole answer that is not what was asked for: a mistake of the server's."""


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Unreadable(f"{self.status} and no JSON: {self.body[:200]!r}") from error


class Caller:
    """Somebody who asks. Every failure to get a whole answer is an OSError, and the next request a new connection."""

    def __init__(self, address: tuple[str, int], guest: Guest | None, key: str | None = None) -> None:
        self._address = address
        self._kept: http.client.HTTPConnection | None = None
        origin = f"http://{address[0]}:{address[1]}"
        self._head = dict(BROWSER)
        self._cookies: dict[str, str] = {}
        if guest is not None:
            self._cookies = dict(pair.split("=", 1) for pair in guest.cookies.split("; "))
            self._head |= {"X-CSRF-Token": guest.token, "Origin": origin}
        if key is not None:
            self._head |= {"Authorization": f"Bearer {key}"}
        self.accept = "application/json"

    def get(self, path: str, timeout_seconds: float = TIMEOUT_SECONDS, **query: object) -> Answer:
        asked = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path + ("?" + urlencode(asked, doseq=True) if asked else ""), None, timeout_seconds)

    def post(self, path: str, **fields: object) -> Answer:
        """A form, sent again with a new token where the server knows the old one no more, as the page's script does."""
        answer = self._ask("POST", path, urlencode(fields).encode(), TIMEOUT_SECONDS)
        if answer.status == 400 and b'"code":"csrf"' in answer.body:
            self.renew()
            answer = self._ask("POST", path, urlencode(fields).encode(), TIMEOUT_SECONDS)
        return answer

    def renew(self) -> None:
        """Take a new token."""
        answer = self.get("/session")
        if answer.status == 200:
            self._head["X-CSRF-Token"] = answer.json["csrf_token"]

    def status(self, path: str) -> int:
        """How it is answered, whatever comes then."""
        connection = self._connection(TIMEOUT_SECONDS)
        try:
            connection.request("GET", path, None, self._full_head())
            return connection.getresponse().status
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            self.hang_up()

    def _ask(self, method: str, path: str, body: bytes | None, timeout_seconds: float) -> Answer:
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        connection = self._connection(timeout_seconds)
        try:
            connection.request(method, path, body, self._full_head() | form)
            answer = connection.getresponse()
            whole = Answer(answer.status, answer.headers, answer.read())
            if answer.length is None and not answer.chunked:
                raise ConnectionError("cut off within its head")  # which http.client takes for the head's end
        except (http.client.HTTPException, ValueError) as error:
            self.hang_up()
            raise OSError(str(error)) from error
        except OSError:
            self.hang_up()
            raise
        self._keep_cookies(whole)
        return whole

    def _full_head(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return self._head | {"Accept": self.accept} | ({"Cookie": cookies} if cookies else {})

    def _keep_cookies(self, answer: Answer) -> None:
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value

    def _connection(self, timeout_seconds: float) -> http.client.HTTPConnection:
        if self._kept is None:
            self._kept = http.client.HTTPConnection(*self._address)
        self._kept.timeout = timeout_seconds
        if self._kept.sock is not None:
            self._kept.sock.settimeout(timeout_seconds)
        return self._kept

    def hang_up(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None
