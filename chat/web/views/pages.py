"""The pages for people, each complete without script."""

import time
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy.engine import Connection

from chat.core import times, validation
from chat.core.errors import N_, ChatError
from chat.domain import messages, rooms, serializers
from chat.realtime.presence.rosters import Roster
from chat.store.tables import events
from chat.store.tables import messages as message_table
from chat.store.tables import rooms as room_table
from chat.store.tables.messages import Message
from chat.store.tables.users import User
from chat.web import answers, bounds, context, flood, forms, identity
from chat.web.views import excerpt, room_lists, stream
from chat.web.views.rows import dressed, rows_of

PERSON_BYTES = 224  # around the name of a person, and the square beside it
REFRESH_ROWS = 100  # beyond this the live part offers to reload the page
REFRESH_SECONDS = 25
REFRESH_PAUSE_SECONDS = 10  # between two loads where nothing can be held

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def home() -> str:
    """The list of rooms, for everybody who may see the chat. ChatError `invalid` for `from`."""
    user_id = _id_of(identity.reader_required().user)
    with context.process().store.read() as connection:
        cursor = events.newest_id(connection)
        found = room_lists.by_name(connection, user_id)
        lines = room_lists.lines_of(connection, found.rows, user_id)
    return render_template("home.html", rooms=lines, part=found, cursor=cursor, may_open_room=may_open_room())


@blueprint.get("/help")
def help() -> str:
    """The help, for everybody, also before they have signed in."""
    return render_template("help.html")


def _id_of(user: User | None) -> int | None:
    return user.id if user is not None else None


def may_open_room() -> bool:
    """Whether the reader may create rooms."""
    user = identity.who().user
    return user is not None and (context.process().config.rooms_by == "all" or user.is_owner)


@blueprint.get("/rooms/new")
def new_room(error: dict[str, Any] | None = None) -> str:
    """The form for a new room, for users."""
    identity.user_required()
    form = {name: request.form.get(name, "") for name in ("name", "slug", "topic")}
    return render_template("new_room.html", form=form, error=error)


@answers.shown_again("rooms.create")
def new_room_again(error: dict[str, Any]) -> str:
    """The same with the error."""
    return new_room(error)


@blueprint.get("/rooms/<slug>")
def room(slug: str) -> str | Response:
    """A room with its messages, for everybody who may read it; a user joins an open room by opening it.

    503 for a prefetch that would join. ChatError `not_found`, `invalid`.
    """
    identity.reader_required()
    wish, seen, new = excerpt.asked_for(), forms.whole_number("seen"), forms.whole_number("new", low=1)
    user = identity.who().user
    if user is not None and _is_ahead() and not _is_member(slug, user):
        return Response(status=503)  # browsers then ask again when the page is opened, which joins
    if user is not None and not identity.who().is_bot and _is_visit():
        _join_once(slug)
        if seen is not None:
            _note_reader(user, slug, seen)
    return room_page(slug, wish, new)


@answers.shown_again("messages.post")
def room_page(
    slug: str, wish: excerpt.Wish = excerpt.NEWEST, new: int | None = None, error: dict[str, Any] | None = None
) -> str:
    """The room's page with the messages that `wish` asks for; with an error, the refused text is in the composer.

    `new` is the first new message according to the page that led here, and may have been read since.
    """
    process, user = context.process(), identity.reader_required().user
    draft = request.form.get("body", "") if error else ""
    room_for_rows = bounds.ROOM_PAGE_BYTES - bounds.drawn(0, draft)
    with process.store.read() as connection:
        # In the same snapshot as the rows, so that the stream continues exactly where they end.
        cursor = events.newest_id(connection)
        found = rooms.find(connection, slug, user)
        stay = room_table.membership(connection, found.id, user.id) if user else None
        shown, has_older, has_newer = excerpt.find(connection, found.id, wish, room_for_rows)
        new_id, new_count = _new(connection, found.id, stay, new)
        lines, more_rooms = room_lists.beside(connection, _id_of(user), slug)
    return render_template(
        "room.html",
        room=serializers.as_wire_room(found),
        rooms=lines,
        more_rooms=more_rooms,
        rows=rows_of(shown, new_id, wish.around),
        cursor=cursor,
        more=has_older,
        before=shown[0].id if shown else None,
        after=shown[-1].id if shown else None,
        around=wish.around,
        is_latest=not has_newer,
        anew_url=_anew(slug, shown[-1].id if shown else 0),
        read_id=stay.read_id if stay else None,
        now=times.now(),
        new_id=new_id,
        new_count=new_count,
        unread_max=rooms.UNREAD_MAX,
        is_new_above=bool(shown and new_id and new_id < shown[0].id),
        roster=_fitting(process.presence.shown(found.id)),
        draft=draft,
        error=error,
        may_post=user is not None,
        may_open_room=may_open_room(),
        max_body=validation.BODY_MAX,
    )


def _new(connection: Connection, room_id: int, stay: room_table.Stay | None, new: int | None) -> tuple[int | None, int]:
    """The first message that a member has not read, and how many there are, up to `UNREAD_MAX`.

    Messages from `new` on count as unread.
    """
    if stay is None:
        return None, 0
    read_id = stay.read_id if new is None else min(stay.read_id, new - 1)
    first_id = message_table.first_unread(connection, room_id, stay.user_id, read_id)
    if first_id is None:
        return None, 0
    return first_id, message_table.count_unread(connection, room_id, stay.user_id, read_id, rooms.UNREAD_MAX)


def _fitting(roster: Roster) -> Roster:
    """As many people as fit on the page; the count includes all."""
    here, away = (
        bounds.take((user for user in users), len(users), bounds.ROSTER_BYTES,
                    lambda user: bounds.drawn(PERSON_BYTES, user["name"]))[0]
        for users in (roster.here, roster.away)
    )
    return Roster(roster.count, here, away)


def _anew(slug: str, last_id: int) -> str:
    """The URL of the link Refresh: the page again, at the message that was the last, which then counts as read.

    The time in it makes each URL different: text browsers only scroll if a link leads to the page that they show.
    """
    address = url_for("pages.room", slug=slug)
    return f"{address}?seen={last_id}&at={time.time_ns() // 1_000_000}" + (f"#m{last_id}" if last_id else "")


def _note_reader(user: User, slug: str, message_id: int) -> None:
    """Note that the user is here and what they have read: their page has neither script nor frame to say so."""
    process = context.process()
    with process.store.read() as connection:
        found = rooms.find(connection, slug, user)
    process.presence.poll(serializers.as_wire_user(user), {found.id: slug}, stream.POLL_PRESENT_SECONDS)
    _mark_read(user, slug, message_id)


def _is_ahead() -> bool:
    """Whether a browser prefetches the page, which nobody may ever open."""
    purposes = " ".join(request.headers.get(name, "") for name in _PURPOSES).lower()
    return any(word in purposes for word in ("prefetch", "prerender", "preview"))


_PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def _is_visit() -> bool:
    """Whether a person opens this page, and not a prefetch, a script or a HEAD."""
    is_shown = request.headers.get("Sec-Fetch-Dest", "document") in ("document", "frame", "iframe")
    return request.method == "GET" and is_shown and not _is_ahead()


def _is_member(slug: str, user: User) -> bool:
    with context.process().store.read() as connection:
        found = rooms.find(connection, slug, user)
        return room_table.membership(connection, found.id, user.id) is not None


def _join_once(slug: str) -> None:
    """Join the room, unless the user is in it: loading a page again writes nothing."""
    process, user = context.process(), identity.user_required()
    if not _is_member(slug, user):
        flood.check("move", user)
        process.store.write(rooms.join, user, slug, is_limited=process.config.limits)


@blueprint.get(f"/messages/<{forms.ID}:id>")
def message(id: int, error: dict[str, Any] | None = None) -> str:
    """A message on a page of its own, with forms for what the reader may do with it; for everybody who may read it.

    ChatError `not_found`.
    """
    user = identity.reader_required().user
    with context.process().store.read() as connection:
        found = messages.find(connection, id, user)
        found_room = room_table.find(connection, found.slug)
    assert found_room is not None, "of a removed room no message is found"
    return render_template(
        "message_page.html",
        html=dressed(found),
        message=found,
        room=serializers.as_wire_room(found_room),
        acts=_acts_on(found, user),
        draft=request.form.get("body") if error else None,
        error=error,
        was_banned=request.args.get("done") == "banned",
    )


@blueprint.get(f"/messages/<{forms.ID}:id>/remove")
def remove_message(id: int, error: dict[str, Any] | None = None) -> str:
    """The question before a message is removed, for users without script; without the right to, the message's page.

    ChatError `not_found`.
    """
    user = identity.user_required()
    with context.process().store.read() as connection:
        found = messages.find(connection, id, user)
    if not _acts_on(found, user)["remove"]:
        return message(id, error)
    return render_template("message_remove.html", html=dressed(found), message=found, error=error)


def _acts_on(message: Message, user: User | None) -> dict[str, bool]:
    """What the user may do with the message."""
    may_change = messages.may_change(user, message)
    is_owners = user is not None and user.is_owner and not message.removed_at
    is_own = user is not None and message.author_id == user.id
    return {
        "edit": may_change,
        "remove": may_change or is_owners,
        "ban": is_owners and not is_own and message.kind != "bot",
    }


@answers.shown_again("messages.edit")
def message_again(error: dict[str, Any], id: int) -> str:
    """The page of the message, with the error and the text that was typed."""
    return message(id, error)


@answers.shown_again("messages.remove")
def remove_message_again(error: dict[str, Any], id: int) -> str:
    """The question with the error."""
    return remove_message(id, error)


@blueprint.get("/rooms/<slug>/refresh")
def refresh(slug: str) -> Response:
    """The live part for browsers without script, for everybody who may read the room.

    It is held before its first byte until there is news. ChatError `not_found`, `invalid`.
    """
    user = identity.reader_required().user
    since, seen = forms.whole_number("since"), forms.whole_number("seen")
    wait_seconds = forms.whole_number("wait", low=0, high=REFRESH_SECONDS, default=REFRESH_SECONDS) or 0
    if since is None:
        raise ChatError("invalid", N_("The address is incomplete. Reload the room."), field="since")
    process = context.process()
    with process.store.read() as connection:
        found = rooms.find(connection, slug, user)
    if user is not None and _is_visit():
        process.presence.poll(serializers.as_wire_user(user), {found.id: slug}, stream.POLL_PRESENT_SECONDS)
    can_hold = process.streams.has_place(identity.holders())
    if seen is not None and wait_seconds and can_hold:
        held = stream.wait_for_news(found.id, seen, wait_seconds)
        if held is not None:
            return held
        identity.forget_who()
        user = identity.reader_required().user
    with process.store.read() as connection:
        newest = events.newest_id(connection)
        rooms.find(connection, slug, user)
        news, too_many = excerpt.take(message_table.after(connection, found.id, since, REFRESH_ROWS + 1), REFRESH_ROWS,
                                      bounds.FRAME_BYTES)
    if user is not None and _is_visit():
        # Without script only this tells what they have seen: the page up to `since`, then these rows.
        _mark_read(user, slug, since if seen is None or not news else news[-1].id)
    next_url = url_for("pages.refresh", slug=slug, since=since, seen=newest)
    page = render_template(
        "refresh.html",
        slug=slug,
        rows=rows_of(news),
        too_many=too_many,
        next_url=next_url,
        at_once_url=next_url + "&wait=0",
        refresh_seconds=0 if can_hold else REFRESH_PAUSE_SECONDS,
    )
    return make_response(page)


@answers.shown_again("pages.refresh")
def refresh_again(error: dict[str, Any], slug: str) -> str:
    """The error in the frame, with links that lead out of it; temporary errors are retried."""
    return render_template(
        "refresh.html",
        slug=slug,
        rows=[],
        error=error,
        next_url=request.script_root + request.full_path,
        refresh_seconds=error["retry_after_seconds"],
    )


def _mark_read(user: User, slug: str, message_id: int) -> None:
    """Note what was read, if that is further than before: a frame that is loaded again writes nothing."""
    store = context.process().store
    with store.read() as connection:
        found = rooms.find(connection, slug, user)
        stay = room_table.membership(connection, found.id, user.id)
        read_id = min(message_id, message_table.newest_id(connection, found.id))
    if stay is not None and read_id > stay.read_id:
        try:
            flood.check("read", user)
            store.write(rooms.read, user, slug, read_id)
        except ChatError as error:
            if error.code not in ("busy", "slow_down"):
                raise
            # Nothing can be written now: the rows are shown anyway, and the next load sets the mark.
