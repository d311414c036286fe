"""Messages: read by page, post, edit, remove."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, url_for

from chat import drawing, flood, identity, owner, rooms
from chat.store import events, messages
from chat.views import answers, forms

LIMIT_DEFAULT, LIMIT_MAX = 50, 200

blueprint = Blueprint("messages", __name__)


@blueprint.get("/rooms/<slug>/messages")
def index(slug: str) -> Response:
    """A page of messages; `more` tells whether there are others beyond it in the direction that was asked for."""
    identity.reader_required()
    limit = forms.whole_number("limit", low=1, high=LIMIT_MAX, default=LIMIT_DEFAULT) or LIMIT_DEFAULT
    before, after, around = (forms.whole_number(name) for name in ("before", "after", "around"))
    with identity.parts().store.read() as connection:
        cursor = events.newest_id(connection)
        room = rooms.find(connection, slug, identity.who().user)
        if around is not None:
            page, is_more = _around(connection, room.id, around, limit)
        elif after is not None:
            found = messages.after(connection, room.id, after, limit + 1)
            page, is_more = found[:limit], len(found) > limit
        else:
            found = messages.before(connection, room.id, before, limit + 1)
            page, is_more = found[-limit:], len(found) > limit
    return answers.json({"messages": [drawing.wire(each) for each in page], "cursor": cursor, "more": is_more})


def _around(connection: Any, room_id: int, message_id: int, limit: int) -> tuple[Sequence[Any], bool]:
    """The message in the middle of its neighbours; where one side is short, more of the other."""
    older = list(messages.before(connection, room_id, message_id + 1, limit + 1))
    newer = list(messages.after(connection, room_id, message_id, limit + 1))
    kept_older = min(len(older), limit - min(len(newer), (limit - 1) // 2))
    kept_newer = min(len(newer), limit - kept_older)
    is_more = len(older) > kept_older or len(newer) > kept_newer
    return older[len(older) - kept_older :] + newer[:kept_newer], is_more


@blueprint.post("/rooms/<slug>/messages")
def post(slug: str) -> Response:
    user = identity.user_required()
    fields = forms.posted()
    flood.check_post(user, fields.get("body"))
    posted = identity.parts().store.write(rooms.post, user, slug, fields.get("body"), fields.get("client_id"))

    def shown_at() -> str:
        return url_for("pages.room", slug=slug, _anchor=f"m{posted.message['id']}")

    return answers.done(posted.message, shown_at, 201 if posted.is_new else 200)


@blueprint.post(f"/messages/<{forms.ID}:id>/edit")
def edit(id: int) -> Response:
    user = identity.user_required()
    message = identity.parts().store.write(rooms.edit, user, id, forms.posted().get("body"))
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
