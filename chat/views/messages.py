"""Messages: read by page, post, edit, remove."""

from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import Any

from flask import Blueprint, Response, url_for

from chat import drawing, flood, identity, owner, rooms, sse
from chat.store import events, messages
from chat.views import answers, bounds, forms

LIMIT_DEFAULT, LIMIT_MAX = 50, 200

blueprint = Blueprint("messages", __name__)


@blueprint.get("/rooms/<slug>/messages")
def index(slug: str) -> Response:
    """A page of messages; `more` tells whether there are others beyond it in the direction that was asked for."""
    identity.reader_required()
    limit = forms.whole_number("limit", low=1, high=LIMIT_MAX, default=LIMIT_DEFAULT) or LIMIT_DEFAULT
    with identity.parts().store.read() as connection:
        cursor = events.newest_id(connection)
        room = rooms.find(connection, slug, identity.who().user)
        found = ((message.id, sse.to_json(drawing.wire(message))) for message in _asked_for(connection, room.id, limit))
        page, is_more = bounds.take(found, limit, bounds.LIST_BYTES, _bytes_of)
    texts = ",".join(text for _, text in sorted(page))
    return answers.json_text(f'{{"messages":[{texts}],"cursor":{cursor},"more":{sse.to_json(is_more)}}}')


def _asked_for(connection: Any, room_id: int, limit: int) -> Iterator[Any]:
    """The messages in the direction that was asked for, those first that are kept where not all fit; one too many."""
    before, after, around = (forms.whole_number(name) for name in ("before", "after", "around"))
    if around is not None:
        older = messages.before(connection, room_id, around + 1, limit + 1)
        return _outwards(older, messages.after(connection, room_id, around, limit + 1))
    if after is not None:
        return messages.after(connection, room_id, after, limit + 1)
    return messages.before(connection, room_id, before, limit + 1)


def _outwards(older: Iterator[Any], newer: Iterator[Any]) -> Iterator[Any]:
    """The message in the middle, then its neighbours by turns; where one side is short, more of the other."""
    yield from islice(older, 1)
    for pair in zip_longest(older, newer):
        yield from (message for message in pair if message is not None)


def _bytes_of(entry: tuple[int, str]) -> int:
    return len(entry[1].encode()) + 1  # and a comma


@blueprint.post("/rooms/<slug>/messages")
def post(slug: str) -> Response:
    user = identity.user_required()
    fields = forms.posted()
    flood.check_post(user, fields.get("body"))
    parts = identity.parts()
    text = fields.get("body"), fields.get("client_id")
    posted = parts.store.write(rooms.post, user, slug, *text, is_limited=parts.config.limits)

    def shown_at() -> str:
        return url_for("pages.room", slug=slug, _anchor=f"m{posted.message['id']}")

    return answers.done(posted.message, shown_at, 201 if posted.is_new else 200)


@blueprint.post(f"/messages/<{forms.ID}:id>/edit")
def edit(id: int) -> Response:
    user = identity.user_required()
    body = forms.posted().get("body")
    flood.check_post(user, body)
    message = identity.parts().store.write(rooms.edit, user, id, body)
    return answers.done(message, _page_of(message))


@blueprint.post(f"/messages/<{forms.ID}:id>/remove")
def remove(id: int) -> Response:
    user = identity.user_required()
    verb = owner.remove_message if user.is_owner else rooms.remove
    message = identity.parts().store.write(verb, user, id)
    return answers.done(message, _page_of(message))


def _page_of(message: dict[str, object]) -> str:
    """The room where the message stands; its own page offers no more acts once it is removed."""
    return url_for("pages.room", slug=message["room"], _anchor=f"m{message['id']}")
