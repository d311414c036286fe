"""Mistyped addresses: `/rooms/Lobby/.` leads to `/rooms/lobby`, if there is such a page.

Only pages for people, by GET and HEAD; programs must use exact addresses. A room that the reader may not know about is
as unknown by its wrong address as by the right one; an owner is redirected to where they manage it.
"""

import unicodedata
from typing import Any

from flask import Response, current_app, redirect, request, url_for
from werkzeug.exceptions import HTTPException

from chat.core import names
from chat.core.errors import ChatError
from chat.domain import rooms
from chat.server import capacity
from chat.store.tables import rooms as room_table
from chat.web import context, identity

# What chat programs and sentences put after a link; no code ends with any of it.
_GLUED = "/\\.,;:!?'\"`()[]{}<>*~|’‘”“»«›‹…。、，！？）」』】》"
_NO_PAGES = {"static", "scripts", "stream", "health", "metrics", "well_known"}  # by blueprint: for programs


def unglued(typed: str) -> str:
    """The text without invisible characters, and without punctuation and spaces at its end."""
    seen = "".join(c for c in unicodedata.normalize("NFKC", typed) if unicodedata.category(c) not in ("Cc", "Cf"))
    end = len(seen)
    while end and (seen[end - 1] in _GLUED or seen[end - 1].isspace()):
        end -= 1
    return seen[:end]


def right_address(json_by_nature: set[str]) -> Response | None:
    """A redirect from this request's address, which does not exist, to the page that is meant; None if there is none.

    `json_by_nature` are the endpoints to which nobody is redirected. Raises what `identity.reader_required` raises.
    """
    if request.method not in ("GET", "HEAD"):
        return None
    for path in _meant():
        endpoint, arguments = _page_at(path)
        if endpoint in json_by_nature or endpoint.partition(".")[0] in _NO_PAGES:
            continue
        slug = arguments.get("slug")
        if path != request.path and _may_be_seen(slug):
            query = request.query_string.decode("ascii", "replace")
            return redirect(url_for(endpoint, **arguments) + (query and f"?{query}"))  # type: ignore[return-value]
        managed = slug and _managed_room(slug)
        if managed:
            place = f"room-{slug}"
            card = url_for("owner.page", room=managed.name, done="unread", at=place, _anchor=place)
            return redirect(card, 303)  # type: ignore[return-value]
    return None


def _meant() -> list[str]:
    """The paths that may be meant, most likely first: with its end and case corrected, then with its parts as slugs."""
    path = unglued(request.path).lower()
    if path in ("", "/rooms"):
        path = "/"
    return [path, "/".join(map(_as_slug, path.split("/")))]


def _as_slug(part: str) -> str:
    """“My Room” as my-room; unchanged if no slug can be made of it."""
    slug = names.slug_from(part)
    return part if slug in ("room", "new-room") else slug


def _page_at(path: str) -> tuple[str, dict[str, Any]]:
    """The endpoint of a GET of this path, and its arguments; "static", to which nobody is redirected, without one."""
    try:
        endpoint, arguments = current_app.create_url_adapter(request).match(path, "GET")  # type: ignore[union-attr]
    except HTTPException:
        return "static", {}
    return endpoint, dict(arguments)


def _managed_room(slug: str) -> room_table.Room | None:
    """The room, for an owner who cannot read it but must find it; None for everybody else."""
    user = identity.who().user if context.lifecycle().is_open else None
    if user is None or not user.is_owner:
        return None
    with context.process().store.read() as connection:
        return room_table.find(connection, slug)


def _may_be_seen(slug: str | None) -> bool:
    if slug is None:
        return True
    context.lifecycle().start(capacity.host_of(request.environ))  # this may be the first request of the process
    user = identity.reader_required().user
    try:
        with context.process().store.read() as connection:
            rooms.find(connection, slug, user)
    except ChatError:
        return False
    return True
