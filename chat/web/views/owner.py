"""The owner's page: rooms, people, settings and the log of actions, with plain links and forms."""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote, urljoin

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.engine import Connection

from chat.core import names, times
from chat.core.config import Config
from chat.core.errors import N_, ChatError, Sentence
from chat.domain import moderation, ownership, site_settings
from chat.server import exposure, host_report
from chat.server.process import Process
from chat.store.tables import acts, bans, users
from chat.store.tables import rooms as room_table
from chat.web import answers, bounds, context, forms, identity, repeats
from chat.web.i18n import gettext

SLUGS_A_ROOM = 14  # how often an entry contains its room's slug


def _sizes(bytes_of: Callable[[Any], int]) -> bounds.Sizes:
    return bounds.Sizes(100, bounds.OWNER_BYTES, bytes_of)


SIZES = {
    "rooms": _sizes(lambda room: bounds.drawn(2600, room.name, room.name, room.topic) + SLUGS_A_ROOM * len(room.slug)),
    "people": _sizes(lambda user: bounds.drawn(2400, user.name)),
    "bans": _sizes(lambda ban: bounds.drawn(700, ban.name, ban.reason, ban.network)),
    "acts": _sizes(lambda act: bounds.drawn(350, act.name, act.subject, act.about, act.reason)),
}

_PARTS = ("room", "name", "rooms_from", "people_from", "bans_from", "acts_from")

blueprint = Blueprint("owner", __name__, url_prefix="/owner")


@blueprint.before_request
def only_for_owners() -> None:
    """Refuse every page here but `/owner/claim` to everybody but owners. Raises ChatError `not_found`."""
    if request.endpoint not in ("owner.claim_form", "owner.claim"):
        identity.owner_required()


@blueprint.get("")
def page(error: dict[str, Any] | None = None) -> Response:
    """The page, for owners; `room` and `name` search, `rooms_from` and the like choose the parts of lists."""
    process = context.process()
    sought = {name: _here().get(name, "") for name in ("room", "name")}
    lists = _lists(process, **sought)
    places = _places(lists)
    if error and request.method == "POST":
        error = error | {"place": _place() if _place() in places else None}
    values = {name: request.form.get(name, _as_text(process.config, name)) for name in site_settings.OWNERS}
    shown = [{"name": name, "value": value} for name, value in values.items()]
    return make_response(
        render_template(
            "owner.html",
            sought=sought,
            error=error,
            settings=shown,
            words_for_settings=_setting_words(),
            hints_for_settings=_setting_hints(),
            words_for_acts=_act_words(),
            words_for_changes=_change_words(),
            canary=exposure.look(process.operators_config.instance, request.url_root),
            host=_host(process),
            typed=request.form,
            here=_here(),
            done=_done(places),
            **lists,
        )
    )


def _places(lists: dict[str, bounds.Part]) -> set[str]:
    """The ids of the cards that the page shows."""
    rooms, people = (f"room-{room.slug}" for room in lists["rooms"].rows), lists["people"].rows
    return {"rooms", "settings", *rooms, *(f"person-{user.id}" for user in people)}


def _place() -> str:
    """The id of the card whose form this request sends."""
    about = request.view_args or {}
    return f"room-{about['slug']}" if "slug" in about else f"person-{about['id']}" if "id" in about else "settings"


def _here() -> dict[str, str]:
    """The parameters for the parts of the lists, which forms keep, so that the owner returns to the same parts."""
    return {name: request.args[name][: names.ROOM_NAME_MAX] for name in _PARTS if name in request.args}


def _done(places: set[str]) -> dict[str, str | None] | None:
    """What was just done, and at which card to say so; without a place, it is said at the top of the page."""
    word, place = request.args.get("done", ""), request.args.get("at", "")
    words = _done_words().get(word)
    return {"words": words, "place": place if place in places else None} if words else None


def _done_words() -> dict[str, str]:
    return {
        "changed": gettext("Saved."),
        "closed": gettext("This room is now private. Only the people in it can find it."),
        "reopened": gettext("Anyone in this chat can find and join this room again."),
        "removed": gettext("The room was deleted."),
        "unread": gettext("This room is private and you're not in it, so you can't read it. You can manage it here."),
        "signed out": gettext("Signed out everywhere."),
        "banned": gettext("Banned."),
        "unbanned": gettext("No longer banned."),
        "set": gettext("Settings saved."),
    }


def _lists(process: Process, room: str, name: str) -> dict[str, bounds.Part]:
    """The parts of the four lists that the request asks for, with only those rooms and people that match the search."""
    here = url_for("owner.page")
    with process.store.read() as connection:
        finders: dict[str, tuple[str, bounds.Find]] = {
            "rooms": (f"{here}?room={quote(room)}", partial(room_table.all_rooms, connection, name=room.strip())),
            "people": (f"{here}?name={quote(name)}", partial(users.newest, connection, name.strip())),
            "bans": (here, partial(bans.standing, connection, times.now())),
            "acts": (here, partial(acts.newest, connection)),
        }
        return {
            which: bounds.part(address, f"{which}_from", find, SIZES[which], f"#{which}")
            for which, (address, find) in finders.items()
        }


def _as_text(config: Config, name: str) -> str:
    """The current value of a setting, as one would type it."""
    value = getattr(config, site_settings.BY_NAME[name].attribute)
    if isinstance(value, bool):
        return "on" if value else "off"
    return "forever" if value is None else str(value)


def _setting_words() -> dict[str, str]:
    return {
        "CHAT_SITE_NAME": gettext("Chat name"),
        "CHAT_WELCOME": gettext("Welcome message"),
        "CHAT_ENTRY_WORD": gettext("Shared password"),
        "CHAT_ROOMS_BY": gettext("Who can create rooms"),
        "CHAT_KEEP_DAYS": gettext("Delete messages after (days)"),
        "CHAT_LIMITS": gettext("Flood control"),
        "CHAT_POSTS_PER_MINUTE": gettext("Messages per person per minute"),
    }


def _setting_hints() -> dict[str, str]:
    """Which values a setting accepts, if that is not clear from its field."""
    return {
        "CHAT_SITE_NAME": gettext("1 to 60 characters"),
        "CHAT_WELCOME": gettext("Up to 1000 characters, shown on the home page"),
        "CHAT_ENTRY_WORD": gettext("Up to 100 characters, asked for once. Leave blank for none"),
        "CHAT_KEEP_DAYS": gettext("A number from 1 to 36500, or “forever”"),
        "CHAT_POSTS_PER_MINUTE": gettext("A number from 1 to 6000"),
    }


def _host(process: Process) -> dict[str, Any]:
    """The state of the server: people here, memory, `problems` if there are any, and details."""
    seen = process.hosting
    problems: list[Sentence] = []
    details = seen.words() if seen is not None else []
    people = len(process.presence.everybody_here())
    if process.watermarks.is_used:
        found = process.watermarks.look(urljoin(request.url_root, context.heads_url()))
        (details if found.is_well else problems).append(found.words)
    return {
        "people": people,
        "megabytes": host_report.cost(seen, people).megabytes if seen is not None else None,
        "problems": [gettext(text, **params) for text, params in problems],
        "details": [gettext(text, **params) for text, params in details],
    }


def _act_words() -> dict[str, str]:
    return {
        "became owner": gettext("became owner"),
        "banned": gettext("banned"),
        "unbanned": gettext("unbanned"),
        "ended sessions": gettext("signed out"),
        "removed message": gettext("deleted a message by"),
        "changed room": gettext("changed the room"),
        "closed room": gettext("made a room private:"),
        "reopened room": gettext("made a room public:"),
        "removed room": gettext("deleted the room"),
        "forgot": gettext("deleted their account"),
    }


def _change_words() -> dict[str, str]:
    return {
        "CHAT_SITE_NAME": gettext("changed the chat's name"),
        "CHAT_WELCOME": gettext("changed the welcome message"),
        "CHAT_ENTRY_WORD": gettext("changed the shared password"),
        "CHAT_ROOMS_BY": gettext("changed who can create rooms"),
        "CHAT_KEEP_DAYS": gettext("changed how long messages are kept"),
        "CHAT_LIMITS": gettext("changed flood control"),
        "CHAT_POSTS_PER_MINUTE": gettext("changed how many messages a minute are allowed"),
    }


def _again(error: dict[str, Any], **address: object) -> Response:
    return page(error)


for _endpoint in ("change_room", "close_room", "reopen_room", "remove_room", "ban", "unban", "end_sessions",
                  "change_settings"):
    answers.shown_again(f"owner.{_endpoint}")(_again)


def _write(
    word: str,
    verb: Callable[..., object],
    *arguments: object,
    stands: repeats.Stands | None = None,
    place: str | None = None,
    back: str | None = None,
) -> Response:
    """Run one of the owner's verbs; for people, return to the place of its form, which says what was done.

    A verb whose repeat would do more runs once, for as long as its result `stands`.
    """
    if stands:
        repeats.write_while(stands, verb, identity.owner_required(), *arguments)
    else:
        repeats.write_anew(verb, identity.owner_required(), *arguments)
    return answers.done(None, back or address_at(place or _place(), word, **_here()))


def address_at(place: str, word: str, **here: Any) -> str:
    """The URL of the page at this card, which will say what was done."""
    return f"{url_for('owner.page', **here, done=word, at=place)}#{place}"


# Becoming the owner


@blueprint.get("/claim")
def claim_form(error: dict[str, Any] | None = None) -> Any:
    """A button that uses the code, for users; visitors are redirected to `/sign-in`.

    The code is not used at once, because a link preview must not use it up.
    """
    code = forms.code()
    if identity.who().user is None:
        here = url_for("owner.claim_form", code=code)
        return redirect(url_for("auth.sign_in_form", next=here), 303)
    return render_template("claim.html", code=code, error=error)


@answers.shown_again("owner.claim")
def claim_again(error: dict[str, Any]) -> Any:
    """The button with the error."""
    identity.user_required()
    return claim_form(error)


@blueprint.post("/claim")
def claim() -> Response:
    """Make the user an owner by the code of the owner's link; 204. ChatError `forbidden` for a wrong or used code."""
    user = identity.user_required()
    repeats.write(ownership.claim, user, forms.posted().get("code"))
    if not repeats.is_repeat():
        ownership.forget_code_file(context.process().config)
    return answers.done(None, url_for("owner.page"))


# Rooms


@blueprint.post("/rooms/<slug>")
def change_room(slug: str) -> Response:
    """Change a room's name and topic; 204. ChatError `not_found`, `name_taken`, `invalid`, `too_long`."""
    fields = forms.posted()
    return _write("changed", moderation.change_room, slug, fields.get("name"), fields.get("topic"))


@blueprint.post("/rooms/<slug>/close")
def close_room(slug: str) -> Response:
    """Make a room private; 204. ChatError `not_found`."""
    return _write("closed", moderation.close_room, slug)


@blueprint.post("/rooms/<slug>/reopen")
def reopen_room(slug: str) -> Response:
    """Make a room public again; 204. ChatError `not_found`; `name_taken` if an open room has its name."""
    return _write("reopened", moderation.reopen_room, slug)


@blueprint.post("/rooms/<slug>/remove")
def remove_room(slug: str) -> Response:
    """Remove a room with all its messages; 204. ChatError `not_found`; `invalid` unless `sure` is on."""
    if forms.posted().get("sure") != "on":
        message = N_("Tick the box to confirm.")
        raise ChatError("invalid", message, field="sure")
    return _write("removed", moderation.remove_room, slug, stands=repeats.for_good, place="rooms")


# People


@blueprint.post(f"/people/<{forms.ID}:id>/end-sessions")
def end_sessions(id: int) -> Response:
    """Sign a user out everywhere; 204. ChatError `not_found`."""
    return _write("signed out", moderation.end_sessions, id)


@blueprint.post(f"/people/<{forms.ID}:id>/ban")
def ban(id: int) -> Response:
    """Ban a user and the addresses that they came from; 204.

    ChatError `not_found`, `invalid`, `too_long`; `forbidden` for an owner.
    """
    fields = forms.posted()
    seconds = moderation.span_seconds(fields.get("for", ""))
    page = forms.local_path(fields.get("next"))
    back = f"{page}?done=banned" if page else None
    stands = partial(_is_banned, id)
    reason, config = fields.get("reason", ""), context.process().config
    return _write("banned", moderation.ban, id, reason, seconds, config, stands=stands, back=back)


def _is_banned(id: int, connection: Connection, networks: object) -> bool:
    return bans.is_banned(connection, id, times.now())


@blueprint.post(f"/people/<{forms.ID}:id>/unban")
def unban(id: int) -> Response:
    """Lift a user's ban; 204. ChatError `not_found`, also for somebody who is not banned."""
    return _write("unbanned", moderation.unban, id)


# Settings


@blueprint.post("/settings")
def change_settings() -> Response:
    """Change the given settings, all or none; 204. ChatError `invalid` with the setting as its field."""
    return _write("set", site_settings.change_settings, dict(forms.posted()), context.process().operators_config)
