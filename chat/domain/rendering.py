"""A message's html: drawn once by the one template, dressed for each reader; knows no request.

`draw` makes what is the same for every reader and is kept with the message. `dress` adds, for a page, what depends
on the reader: words, local time, the link, grouping. The page's script does the same to what a stream brings.
"""

import hashlib
from functools import cache, lru_cache
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup, escape

from chat.core import markup, names
from chat.core.resources import folder
from chat.core.wire import WireUser
from chat.store.tables.messages import Message

DRESSED = 512  # messages that pages have shown of late, as they were shown: about a kilobyte each
DRESSED_CHARACTERS = 4096  # what is longer is not kept: a message may become fifty thousand


@cache
def template() -> Template:
    """The one that draws a message; compiled with the first, unless somebody asks for it before."""
    environment = Environment(loader=FileSystemLoader(folder("templates")), autoescape=True)
    environment.globals.clear()  # the template needs none of them, and every drawing would copy them
    return environment.get_template("message.html")


# Messages drawn by another version of the template, or of what draws their text, are drawn anew when they are read.
_DRAWN_BY = (folder("templates") / "message.html").read_bytes() + bytes([markup.DRAWN_BY])
VERSION = hashlib.sha256(_DRAWN_BY).hexdigest()[:12]


def drawn(message: Message) -> Message:
    """The message with its html."""
    return message._replace(html=draw(message), html_version=VERSION)


def draw(message: Message) -> str:
    """The html of a message, the same for every reader."""
    values = {
        "id": message.id,
        "html": Markup(markup.to_html(message.body)),
        "created_at": message.created_at,
        "edited_at": message.edited_at,
        "removed": message.removed_at is not None,
        "removed_by": message.removed_by,
    }
    return template().render(m=values, author=author_of(message)).strip()


def author_of(message: Message) -> WireUser:
    """Who has written the message, as the contract has them."""
    return {
        "id": message.author_id,
        "name": message.name,
        "kind": message.kind,
        "colour": message.colour,
        "initial": initial_of(message.name, message.bearer),
    }


def initial_of(name: str, bearer: int) -> str:
    """What stands in the square: the name's initial, with a number where others had the name before."""
    return names.initial(name).upper() + (str(bearer) if bearer > 1 else "")


def html_of(message: Message) -> str:
    """The html as it is kept, or drawn anew when another version of the template drew it."""
    return message.html if message.html_version == VERSION else draw(message)


# What stands empty in a message's html, in the order of `Words`.
EMPTY = (
    '<i class="bot"></i>',
    '<i class="edited"></i>',
    '<p class="gone by-author"></p>',
    '<p class="gone by-owner"></p>',
)


class Words(NamedTuple):
    """The words of the interface that a page writes into a message, in the reader's language."""

    bot: str
    edited: str
    removed_by_author: str
    removed_by_owner: str


def dress(
    html: str, words: Words, *, clock: str, label: str, href: str,
    is_grouped: bool, is_mine: bool, is_marked: bool = False, zone: str = ""
) -> Markup:
    """The html for one reader; what was drawn of late is kept."""
    draw_one = _dress if len(html) <= DRESSED_CHARACTERS else _dress.__wrapped__
    states = {"grouped": is_grouped, "mine": is_mine, "marked": is_marked}
    of_reader = "".join(f" {name}" for name, is_so in states.items() if is_so)
    return draw_one(html, words, clock, zone, label, href, of_reader)


@lru_cache(DRESSED)
def _dress(html: str, words: Words, clock: str, zone: str, label: str, href: str, states: str) -> Markup:
    """What is replaced can only be the template's: a body's own ``<`` is escaped."""
    time_at = html.index("<time")
    time_end = html.index("</time>")
    html = (
        html[:time_at].replace('<li class="message', f'<li class="message{states}', 1)
        + f'<a class="when" href="{escape(href)}" aria-label="{escape(label)}">'
        + html[time_at:time_end]
        + f"{escape(clock)}</time>{escape(zone)}</a>"
        + html[time_end + len("</time>") :]
    )
    for empty, word in zip(EMPTY, words, strict=True):
        if empty in html:
            html = html.replace(empty, f"{empty[:-4]}{escape(word)}{empty[-4:]}", 1)
    return Markup(html)
