"""A guest who posts now and then and polls all that is told: what it heard is what the log holds, once and in order."""

import http.client
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.guests import BROWSER, FORM, ROOM, Guest
from bench.load import Address
from bench.verdict import Invalid

ANSWER_SECONDS = 60
JSON = {"Accept": "application/json"}


class Witness:
    def __init__(self, address: Address, guest: Guest) -> None:
        self._address, self._guest = address, guest
        self._since = self._cursor = self._ask("GET", f"/poll?room={ROOM}")["cursor"]
        self._posted: list[int] = []
        self._heard: list[tuple[int, str]] = []  # an event's id and name

    def post(self) -> None:
        form = {"body": f"post {len(self._posted)}", "client_id": f"witness-{len(self._posted)}"}
        fields = {
            "Content-Type": FORM,
            "Origin": f"http://{self._address[0]}:{self._address[1]}",
            "X-CSRF-Token": self._guest.token,
        }
        self._posted.append(self._ask("POST", f"/rooms/{ROOM}/messages", urlencode(form), fields)["id"])

    def listen(self) -> None:
        """Poll until there is nothing more."""
        is_more = True
        while is_more:
            told = self._ask("GET", f"/poll?room={ROOM}&since={self._cursor}")
            if any(event["event"] == "reset" for event in told["events"]):
                raise Invalid(f"the witness was told to begin anew: {told['events'][-1]}")
            self._heard += [(event["id"], event["event"]) for event in told["events"] if event["id"] is not None]
            self._cursor, is_more = told["cursor"], told["more"]

    def check(self, database: Path) -> None:
        """Raise Invalid unless it heard each post once, all in order, and all that the log still holds."""
        ids = [id for id, _ in self._heard]
        if any(earlier >= later for earlier, later in pairwise(ids)):
            raise Invalid("the witness heard events out of order, or twice")
        if [id for id, name in self._heard if name == "message"] != self._posted:
            raise Invalid(f"the witness posted {len(self._posted)} messages and heard others")
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            query = "SELECT id FROM events WHERE channel = 'room:' || (SELECT id FROM rooms WHERE slug = ?) AND id > ?"
            logged = {id for (id,) in connection.execute(query, (ROOM, self._since))}
        if missing := logged - set(ids):
            raise Invalid(f"the witness missed {len(missing)} of {len(logged)} events, the first {min(missing)}")

    def _ask(self, method: str, path: str, form: str | None = None, fields: Mapping[str, str] | None = None) -> Any:
        connection = http.client.HTTPConnection(*self._address, timeout=ANSWER_SECONDS)
        own = {"Cookie": self._guest.cookies, "Connection": "close"}
        connection.request(method, path, form, {**BROWSER, **JSON, **own, **(fields or {})})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status >= 300:
            raise Invalid(f"the witness's {method} {path} was answered with {answer.status}, {body[:300]!r}")
        return json.loads(body)
