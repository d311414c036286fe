"""Names: compared, shortened to an initial, and made into addresses."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from chat.core.characters import blanks, is_flag_half, is_skin_tone

NAME_KEY_MAX = 64  # a single ligature may be eighteen letters; the column holds so many
ROOM_NAME_MAX = 60
SLUG_MAX = 40

_SECOND_DOT = re.compile("(?<=[ij])\u0307")  # the letter's own gives way to it, so that one dot is seen


def name_key(name: str) -> str:
    """The key under which two names are the same: what people see of them, ignoring case and Unicode form. Idempotent.

    ASCII letters and digits are all different: i, l and 1 are three. See `drawn_key`.
    """
    table = _looks()
    seen = _seen(name.translate(table.composed))
    if table.greek.search(seen):  # Ν is the capital of ν then; else it is an N, as in “Νick”
        seen = seen.translate(table.in_greek)
    folded = unicodedata.normalize("NFKD", seen.translate(table.plain).casefold()).translate(table.plain)
    single = _SECOND_DOT.sub("", _without_repeated_marks(unicodedata.normalize("NFKD", folded)))
    return unicodedata.normalize("NFKC", single)[:NAME_KEY_MAX]


def drawn_key(name: str) -> str:
    """The key under which two names are also the same, because most fonts draw them alike, case as typed. Idempotent.

    Here I, 1 and | are an l, 0 is an O, and rn is an m: PauI is Paul. Ian is lan, but neither Lan nor ian, for which
    there is `name_key`.
    """
    drawn = _looks().drawn
    apart = unicodedata.normalize("NFD", name)  # ẛ has what ſ is drawn like
    plain = unicodedata.normalize("NFKD", _seen(apart.translate(drawn)).translate(drawn)).translate(drawn)
    single = _SECOND_DOT.sub("", _without_repeated_marks(plain)).replace("rn", "m")
    return unicodedata.normalize("NFKC", single)[:NAME_KEY_MAX]


def _seen(name: str) -> str:
    """What shows something, taken apart."""
    plain, blank = unicodedata.normalize("NFKD", name), blanks()
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
    from chat.core import looks

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
    """The first character that people see: a letter with its marks, a whole emoji or flag. Empty for an empty name."""
    end = 1
    while end < len(name) and _continues(name, end):
        end += 1
    return name[:end]


def _continues(name: str, at: int) -> bool:
    before, character = name[at - 1], name[at]
    if is_flag_half(character):
        return at == 1 and is_flag_half(before)
    is_mark = unicodedata.category(character)[0] == "M"
    is_joined = before == "\u200d" and unicodedata.category(character) == "So"
    return is_mark or is_joined or character in "\u200c\u200d" or is_skin_tone(character)


# Letters that Unicode does not take apart into an ASCII letter and a mark.
_SPELT = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})


def slug_from(name: str) -> str:
    """A slug from a room's name, which `validation.clean_slug` accepts; "room" if nothing of the name is ASCII."""
    plain = unicodedata.normalize("NFKD", name[:ROOM_NAME_MAX].casefold()).translate(_SPELT)
    kept = "".join(c for c in plain if c not in "'’" and not unicodedata.combining(c))
    slug = "-".join(re.findall("[a-z0-9]+", kept))[:SLUG_MAX].strip("-")
    return "new-room" if slug == "new" else slug or "room"
