"""What people type: cleaned or refused, names compared, and a message's text drawn as safe HTML."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from chat.errors import N_, ChatError

# Lengths in code points, as the wire contract counts them.
BODY_MAX = 4000
NAME_MAX = 32
ROOM_NAME_MAX = 60
TOPIC_MAX = 200
SLUG_MAX = 40
# On one letter. The most that a script is known to need is on a Tibetan one, in the mantra ཧྐྵྨླྺྼྻྂ; pointed Hebrew has
# five, Vietnamese, Thai, Arabic and polytonic Greek three. Unicode itself (UAX #15) calls 30 far more than any.
MARKS_MAX = 8
DRAWN_BY = 2  # the edition of `to_html`: what was drawn by an earlier one is drawn anew
NAME_KEY_MAX = 64  # a single ligature may be eighteen letters; the column holds so many

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_SPACES = re.compile(r"[^\S\t-\r\x1c-\x1f\x85\u2028\u2029]+")  # white space that is no control character
_SLUG = re.compile("[a-z0-9-]+")
_CLIENT_ID = re.compile("[A-Za-z0-9_-]{1,64}")


def clean_body(raw: object) -> str:
    """A message's text with LF as its only line end and its ends trimmed, 1–4000 code points.

    Raises ChatError `invalid` (empty, blank, no text) or `too_long`.
    """
    body = _as_text(raw, "body").replace("\r\n", "\n").replace("\r", "\n").strip()
    _refuse_longer(len(body), BODY_MAX, "body")
    if not any(map(_is_visible, body)):
        raise ChatError("invalid", N_("The message is empty. Write something."), field="body")
    return body


def clean_name(raw: object) -> str:
    """A person's name in Unicode form NFC, with single spaces, 1–32 code points, all of them to be seen."""
    name = _clean_line(raw, "name", NAME_MAX)
    if not name:
        raise ChatError("invalid", N_("The name is empty. Tell others what to call you."), field="name")
    return name


def clean_room_name(raw: object) -> str:
    """A room's name, 1–60 code points, cleaned as a person's name."""
    name = _clean_line(raw, "name", ROOM_NAME_MAX)
    if not name:
        raise ChatError("invalid", N_("Give the room a name."), field="name")
    return name


def clean_topic(raw: object, field: str = "topic") -> str:
    """A room's topic, at most 200 code points on one line; empty where nothing was typed."""
    return "" if raw is None else _clean_line(raw, field, TOPIC_MAX)


def clean_slug(raw: object) -> str:
    """A room's place in addresses: 1–40 of a-z, 0-9 and hyphen, but not "new", which is a page."""
    slug = _as_text(raw, "slug").strip()
    _refuse_longer(len(slug), SLUG_MAX, "slug")
    if not _SLUG.fullmatch(slug):
        message = N_("A room's address can only have lower-case letters a–z, digits and hyphens. Choose another.")
        raise ChatError("invalid", message, field="slug")
    if slug == "new":
        message = N_("“new” can't be a room's address. Choose another.")
        raise ChatError("invalid", message, field="slug")
    return slug


def clean_client_id(raw: object) -> str | None:
    """The sender's own id of a message, 1–64 of A-Z, a-z, 0-9, _ and -; None where there is none."""
    if raw is None or raw == "":
        return None
    if not isinstance(raw, str) or not _CLIENT_ID.fullmatch(raw):
        message = N_("A client id must be 1 to 64 of the characters A–Z, a–z, 0–9, _ and -.")
        raise ChatError("invalid", message, field="client_id")
    return raw


def _as_text(raw: object, field: str) -> str:
    if not isinstance(raw, str):
        raise ChatError("invalid", N_("“%(field)s” is required."), field=field)
    if _NO_TEXT.search(raw):
        message = N_("It contains a character that can't be sent. Remove it and try again.")
        raise ChatError("invalid", message, field=field)
    return raw


def _refuse_longer(length: int, longest: int, field: str) -> None:
    if length > longest:
        message = N_("Use %(longest)d characters or fewer.")
        raise ChatError("too_long", message, field=field, longest=longest)


def _clean_line(raw: object, field: str, longest: int) -> str:
    text = _as_text(raw, field).strip()
    _refuse_longer(len(text) // 4, longest, field)  # normalising a heap of accents takes time by its square
    line = without_piles(_SPACES.sub(" ", unicodedata.normalize("NFC", text)))
    _refuse_longer(len(line), longest, field)
    for at, character in enumerate(line):
        is_box = unicodedata.category(character) == "Co"  # for private use: each font shows something else, or nothing
        if is_box or (character != " " and not _is_visible(character) and not _is_joint(line, at)):
            message = N_("It can't contain line breaks or invisible characters. Type it again.")
            raise ChatError("invalid", message, field=field)
    return line


def without_piles(text: str) -> str:
    """The text with at most MARKS_MAX marks above, below and around a letter: more would cover the lines beside it."""
    if max(text, default="") < "\u0300":  # the first of them
        return text
    kept, marks = [], 0
    for character in text:
        category = unicodedata.category(character)
        if category in ("Mn", "Me"):
            marks += 1
        elif category != "Cf":  # what joins letters, or is not seen, begins none
            marks = 0
        if marks <= MARKS_MAX or category == "Cf":
            kept.append(character)
    return "".join(kept)


_UNSEEN = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}


def _is_visible(character: str) -> bool:
    # Unassigned code points count as seen: they are next year's emoji to an older Python.
    return unicodedata.category(character) not in _UNSEEN and not _blank().match(character)


@lru_cache(1)
def _blank() -> re.Pattern[str]:
    """A letter, mark or symbol that shows nothing. Read when something is cleaned: no poll needs it."""
    from chat import looks

    return re.compile(f"[{looks.BLANK}]")


def _is_joint(line: str, at: int) -> bool:
    """Whether the unseen character only shapes its neighbours, as in ❤️, in 👩‍💻 or in Persian."""
    before = line[at - 1] if at else ""
    if not before or line[at] not in "\u200c\u200d\ufe0f":
        return False
    is_emoji = unicodedata.category(before) == "So" or _is_skin_tone(before)
    if line[at] == "\ufe0f":
        return is_emoji
    joins = is_emoji or before == "\ufe0f" or _shapes_letters(before)
    return joins and at + 1 < len(line) and _is_visible(line[at + 1])


def _shapes_letters(before: str) -> bool:
    is_virama = unicodedata.combining(before) == 9
    return is_virama or unicodedata.bidirectional(before) == "AL"


_SECOND_DOT = re.compile("(?<=[ij])\u0307")  # the letter's own gives way to it, so that one dot is seen


def name_key(name: str) -> str:
    """The form in which two names are one: what is seen of them, whatever their case and Unicode form. Idempotent.

    ASCII letters and digits stand for themselves alone: i, l and 1 are three. See `drawn_key`.
    """
    table = _looks()
    seen = _seen(name.translate(table.composed))
    if table.greek.search(seen):  # Ν is the capital of ν then; else it is an N, as in “Νick”
        seen = seen.translate(table.in_greek)
    folded = unicodedata.normalize("NFKD", seen.translate(table.plain).casefold()).translate(table.plain)
    single = _SECOND_DOT.sub("", _without_repeated_marks(unicodedata.normalize("NFKD", folded)))
    return unicodedata.normalize("NFKC", single)[:NAME_KEY_MAX]


def drawn_key(name: str) -> str:
    """The form in which two names are one, too, because most fonts draw them alike, case as typed. Idempotent.

    Here I, 1 and | are an l, 0 is an O, and rn is an m: PauI is Paul. Ian is lan, but neither Lan nor what it is in
    small letters, for which there is `name_key`.
    """
    drawn = _looks().drawn
    apart = unicodedata.normalize("NFD", name)  # ẛ has what ſ is drawn like
    plain = unicodedata.normalize("NFKD", _seen(apart.translate(drawn)).translate(drawn)).translate(drawn)
    single = _SECOND_DOT.sub("", _without_repeated_marks(plain)).replace("rn", "m")
    return unicodedata.normalize("NFKC", single)[:NAME_KEY_MAX]


def _seen(name: str) -> str:
    """What shows something, taken apart."""
    plain, blank = unicodedata.normalize("NFKD", name), _blank()
    return "".join(c for c in plain if unicodedata.category(c) not in ("Cc", "Cf") and not blank.match(c))


def _without_repeated_marks(decomposed: str) -> str:
    """A mark twice on one letter may be drawn as one upon the other."""
    pairs = zip(" " + decomposed, decomposed, strict=False)
    return "".join(c for before, c in pairs if c != before or not unicodedata.combining(c))


class _Looks(NamedTuple):
    """Letters that are only Greek, and tables for `str.translate`: of characters that NFKD takes apart otherwise, of
    all others, and among Greek; and of all with their case kept.
    """

    greek: re.Pattern[str]
    composed: dict[int, str]
    plain: dict[int, str]
    in_greek: dict[int, str]
    drawn: dict[int, str]


@lru_cache(1)
def _looks() -> _Looks:
    """Read when the first name is compared."""
    from chat import looks

    alike = _translation(looks.ALIKE)
    composed = {code: look for code, look in alike.items() if not unicodedata.is_normalized("NFKD", chr(code))}
    plain = {code: look for code, look in alike.items() if code not in composed}
    drawn = _in_both_cases(alike) | _translation(looks.DRAWN)
    return _Looks(re.compile(f"[{looks.GREEK}]"), composed, plain, _translation(looks.IN_GREEK), drawn)


def _translation(entries: str) -> dict[int, str]:
    halves = [entry.partition("=") for entry in entries.split(" ")]
    return {ord(source): look for sources, _, look in halves for source in sources}


def _in_both_cases(alike: dict[int, str]) -> dict[int, str]:
    """The table where case counts: a letter that is in it in its other case alone has the other case of that look."""
    looks = {chr(code): look for code, look in alike.items()}
    for letter, look in list(looks.items()):
        other = letter.swapcase()
        if len(other) == 1 and other.swapcase() == letter:
            looks.setdefault(other, look)
    return {ord(letter): look.upper() if letter.isupper() else look for letter, look in looks.items()}


def initial(name: str) -> str:
    """The first character that a reader sees: a letter with its marks, a whole emoji or flag."""
    end = 1
    while end < len(name) and _continues(name, end):
        end += 1
    return name[:end]


def _continues(name: str, at: int) -> bool:
    before, character = name[at - 1], name[at]
    if _is_flag_half(character):
        return at == 1 and _is_flag_half(before)
    is_mark = unicodedata.category(character)[0] == "M"
    is_joined = before == "\u200d" and unicodedata.category(character) == "So"
    return is_mark or is_joined or character in "\u200c\u200d" or _is_skin_tone(character)


def _is_skin_tone(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


# Letters that Unicode does not take apart into an ASCII letter and a mark.
_SPELT = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})


def slug_from(name: str) -> str:
    """A slug made from a room's name, in ASCII; "room" where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", name[:ROOM_NAME_MAX].casefold()).translate(_SPELT)
    kept = "".join(c for c in plain if c not in "'’" and not unicodedata.combining(c))
    slug = "-".join(re.findall("[a-z0-9]+", kept))[:SLUG_MAX].strip("-")
    return "new-room" if slug == "new" else slug or "room"


_TOKEN = re.compile(r"`(?P<code>[^`\n]+)`|\n|(?<![0-9A-Za-z])https?://(?=[\w\[])", re.IGNORECASE)
_REL = "nofollow ugc noopener noreferrer"


def to_html(body: str) -> str:
    """The body as HTML whose only tags are br, code and a with href and rel, in time linear in its length.

    Nothing is lost but piled marks: taking the tags away again (and putting `…` around code) gives the body back.
    """
    body = without_piles(body)
    parts = []
    at = 0
    while token := _TOKEN.search(body, at):
        parts.append(html.escape(body[at : token.start()]))
        drawn, at = _draw(body, token)
        parts.append(drawn)
    parts.append(html.escape(body[at:]))
    return "".join(parts)


def _draw(body: str, token: re.Match[str]) -> tuple[str, int]:
    """The HTML of what begins at the token, and where the text goes on after it."""
    if token[0] == "\n":
        return "<br>", token.end()
    if token["code"]:
        return f"<code>{html.escape(token['code'])}</code>", token.end()
    end = _link_end(body, token.end())
    shown = html.escape(body[token.start() : end])
    if end == token.end():
        return shown, end
    return f'<a href="{shown}" rel="{_REL}">{shown}</a>', end


_ENDS_LINK = frozenset('<>"`\\“”„«»‹›' + "。、，；：！？（）「」『』【】《》〈〉")
_ENDS_SENTENCE = frozenset(".,:;!?'*‘’…([")
_OPENER = {")": "(", "]": "["}


def _link_end(body: str, start: int) -> int:
    """Where the link ends whose host begins at `start`: before an unbalanced bracket, without last stops."""
    is_open: Counter[str] = Counter()
    end = start
    while end < len(body) and body[end] not in _ENDS_LINK and _is_visible(body[end]):
        opener = _OPENER.get(body[end])
        if opener and not is_open[opener]:
            break
        is_open[opener or body[end]] += -1 if opener else 1
        end += 1
    while end > start and body[end - 1] in _ENDS_SENTENCE:
        end -= 1
    return end
