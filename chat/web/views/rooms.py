"""Rooms: listing, creating, joining, leaving and reading them, and who is here."""

from typing import Any

from flask import Blueprint, Response, redirect, request, url_for

from chat.core.errors import N_, ChatError
from chat.core.wire import WireUser
from chat.domain import rooms, serializers
from chat.store.tables import events
from chat.store.tables.rooms import Room
from chat.web import answers, context, forms, identity, repeats
from chat.web.views import room_lists

PEOPLE_MAX = 200

blueprint = Blueprint("rooms", __name__)


@blueprint.get("/rooms")
def index() -> Any:
    """The rooms that a reader may see, as a page lists them and as of one `cursor`; for people a redirect to `/`.

    ChatError `invalid` for `from`.
    """
    user = identity.reader_required().user
    if not answers.wants_json():
        return redirect(url_for("pages.home"), 303)
    user_id, near = (user.id if user is not None else None), request.args.get("near")
    with context.process().store.read() as connection:
        cursor = events.newest_id(connection)
        if near is None:
            part = room_lists.by_name(connection, user_id)
            lines, is_more = room_lists.lines_of(connection, part.rows, user_id), part.next_url is not None
        else:
            lines, is_more = room_lists.beside(connection, user_id, near)
    for line in lines:
        del line["is_current"]
    wire_user = serializers.as_wire_user(user) if user is not None else None
    return answers.json({"user": wire_user, "cursor": cursor, "rooms": lines, "more": is_more})


@blueprint.post("/rooms")
def create() -> Response:
    """Create a room, for users, or only owners; the creator is in it. Answers the room with 201.

    ChatError `forbidden`, `name_taken`, `invalid`, `too_long`.
    """
    user, process = identity.user_required(), context.process()
    if process.config.rooms_by != "all" and not user.is_owner:
        raise ChatError("forbidden", N_("Only the owner can create rooms here. Ask them for one."))
    fields = forms.posted()
    wished = fields.get("name"), fields.get("slug"), fields.get("topic")
    most = process.config.rooms_max if process.config.limits else None
    room = repeats.write(rooms.open_room, user, *wished, most=most)
    return answers.done(room, url_for("pages.room", slug=room["slug"]), 201)


@blueprint.post("/rooms/<slug>/join")
def join(slug: str) -> Response:
    """Join an open room, for users; answers the room.

    ChatError `not_found`; `forbidden` for a user of too many rooms, `slow_down` after too many returns.
    """
    process = context.process()
    room = process.store.write(rooms.join, identity.user_required(), slug, is_limited=process.config.limits)
    return answers.done(room, url_for("pages.room", slug=slug))


@blueprint.post("/rooms/<slug>/leave")
def leave(slug: str) -> Response:
    """Leave a room, for users; 204, also if they were not in it. ChatError `not_found`."""
    repeats.write_anew(rooms.leave, identity.user_required(), slug)
    return answers.done(None, url_for("pages.home"))


@blueprint.post("/rooms/<slug>/read")
def read(slug: str) -> Response:
    """Note that a user has read up to the message `id`; 204. ChatError `not_found`, `invalid`."""
    message_id = forms.whole_number("id", of=forms.posted())
    if message_id is None:
        raise ChatError("invalid", N_("“%(field)s” is required: the last message that was read."), field="id")
    context.process().store.write(rooms.read, identity.user_required(), slug, message_id)
    return answers.done(None, url_for("pages.room", slug=slug))


@blueprint.post("/rooms/<slug>/typing")
def typing(slug: str) -> Response:
    """Tell the room that the user is typing; 204. ChatError `not_found`."""
    user, room = _present_in(slug)
    context.process().presence.typing(user, room.id, slug)
    return answers.done(None, url_for("pages.room", slug=slug))


@blueprint.post("/rooms/<slug>/here")
def here(slug: str) -> Response:
    """Note that the user is here or away, by `state`; 204. ChatError `not_found`, `invalid`."""
    state = forms.posted().get("state")
    if state not in ("here", "away"):
        raise ChatError("invalid", N_("“%(field)s” must be here or away."), field="state")
    user, room = _present_in(slug)
    context.process().presence.set_away(user, room.id, is_away=state == "away")
    return answers.done(None, url_for("pages.room", slug=slug))


@blueprint.get("/rooms/<slug>/people")
def people(slug: str) -> Response:
    """Who is here or away in a room, by user id, as JSON, for everybody who may read it.

    ChatError `not_found`, `invalid`.
    """
    identity.reader_required()
    after = forms.whole_number("after", default=0) or 0
    limit = forms.whole_number("limit", low=1, high=PEOPLE_MAX, default=PEOPLE_MAX) or PEOPLE_MAX
    with context.process().store.read() as connection:
        room = rooms.find(connection, slug, identity.who().user)
    roster = context.process().presence.roster(room.id)
    states = (("here", roster.here), ("away", roster.away))
    beyond = [(user, state) for state, users in states for user in users if user["id"] > after]
    beyond.sort(key=lambda person: person[0]["id"])
    people = [{**user, "state": state} for user, state in beyond[:limit]]
    return answers.json({"count": roster.count, "people": people, "more": len(beyond) > limit})


def _present_in(slug: str) -> tuple[WireUser, Room]:
    """The user as JSON has them, and the room. Raises ChatError `not_found`."""
    user = identity.user_required()
    with context.process().store.read() as connection:
        return serializers.as_wire_user(user), rooms.find(connection, slug, user)
