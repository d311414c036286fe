"""The rows of a page: messages with what depends on the reader, and separators for days and for what is new."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from flask import request, url_for
from markupsafe import Markup

from chat.domain import rendering
from chat.store.tables.messages import Message
from chat.web import clock, context, identity
from chat.web.i18n import format_date, gettext

GROUP_SECONDS = 300  # messages of one author within this time are under one name
_TERMINALS = re.compile("(E?Links|Lynx|w3m)[ /(]")
_LOST_SPACES = re.compile("(?<=<br>)[ \t]+|(?<=<code>)[ \t]+|[ \t]{2,}|\t")  # in a terminal, where pre-wrap is unknown


def rows_of(
    messages: Iterable[Message], new_id: int | None = None, named_id: int | None = None, *, is_alone: bool = False
) -> list[dict[str, Any]]:
    """Rows for `rows.html`, oldest first; the rule "New" is before the message `new_id`, if that is among them.

    The message `named_id` is marked; if it is missing, a row in its place says so. With `is_alone` a message shows
    its date beside its time.
    """
    user = identity.who().user
    words = _words()
    today = datetime.now(context.process().config.timezone).date()
    address = url_for("pages.message", id=0).removesuffix("0")
    is_terminal = _TERMINALS.match(request.headers.get("User-Agent", "")) is not None
    rows: list[dict[str, Any]] = []
    earlier: tuple[Message, datetime] | None = None
    missing_id = named_id
    for message in messages:
        if missing_id is not None and message.id >= missing_id:
            if message.id > missing_id:
                rows.append({"kind": "missing", "id": missing_id})
            missing_id = None
        moment = clock.here(message.created_at)
        if earlier is None or earlier[1].date() != moment.date():
            rows.append({"kind": "day", "date": moment.date().isoformat(), "label": _label_of_day(moment, today)})
        is_mine = user is not None and user.id == message.author_id
        if message.id == new_id:
            rows.append({"kind": "new"})
        hour = clock.in_words(message.created_at) if is_alone else moment.strftime("%H:%M")
        zone = "" if is_alone else f" {clock.zone_of(moment)}"
        html = rendering.dress(
            rendering.html_of(message),
            words,
            clock=hour,
            zone=zone,
            label=gettext("Message by %(name)s, %(time)s", name=message.name, time=hour + zone),
            href=f"{address}{message.id}",
            is_grouped=rows[-1]["kind"] == "message" and _is_near(earlier, message, moment),
            is_mine=is_mine,
            is_marked=message.id == named_id,
        )
        rows.append({"kind": "message", "html": _with_hard_spaces(html) if is_terminal else html})
        earlier = message, moment
    if missing_id is not None:
        rows.append({"kind": "missing", "id": missing_id})
    return rows


def dressed(message: Message) -> Markup:
    """The html of one message alone, with the date beside the time."""
    html: Markup = rows_of([message], is_alone=True)[-1]["html"]
    return html


def _with_hard_spaces(html: Markup) -> Markup:
    """The html with hard spaces, which terminals show and copy as normal ones."""
    head, mark, rest = html.partition('<div class="text">')
    return Markup(f"{head}{mark}{_LOST_SPACES.sub(_hard, rest)}")


def _hard(run: re.Match[str]) -> str:
    width = len(run[0].replace("\t", "    "))
    return ("\u00a0 " * width)[:width]  # so that lines can still be broken


def _is_near(earlier: tuple[Message, datetime] | None, message: Message, moment: datetime) -> bool:
    if earlier is None or earlier[0].author_id != message.author_id:
        return False
    return abs((moment - earlier[1]).total_seconds()) <= GROUP_SECONDS


def _label_of_day(moment: datetime, today: date) -> str:
    """The day in words, with the zone of its midnight; a script replaces it by the reader's own day."""
    return f"{_day(moment.date(), today)} · {clock.zone_of(moment)}"


def _day(day: date, today: date) -> str:
    if day == today:
        return gettext("Today")
    if day == today - timedelta(days=1):
        return gettext("Yesterday")
    return format_date(day, "EEEE, d MMMM" if day.year == today.year else "EEEE, d MMMM y")


def _words() -> rendering.Words:
    return rendering.Words(
        bot=gettext("bot"),
        edited=gettext("edited"),
        removed_by_author=gettext("Message deleted"),
        removed_by_owner=gettext("Deleted by the owner"),
    )
