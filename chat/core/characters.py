"""Characters as people see them: which are visible, which shape their neighbours, how many marks a letter may have."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# On one letter. The most that a script is known to need is on a Tibetan one, in the mantra ཧྐྵྨླྺྼྻྂ; pointed Hebrew has
# five, Vietnamese, Thai, Arabic and polytonic Greek three. Unicode itself (UAX #15) calls 30 far more than any.
MARKS_MAX = 8


def without_piles(text: str) -> str:
    """The text with at most MARKS_MAX combining marks on each letter: more would cover the lines above and below."""
    if max(text, default="") < "\u0300":  # the first of them
        return text
    kept, marks = [], 0
    for character in text:
        category = unicodedata.category(character)
        if category in ("Mn", "Me"):
            marks += 1
        elif category != "Cf":  # joiners and other invisible characters begin no new letter
            marks = 0
        if marks <= MARKS_MAX or category == "Cf":
            kept.append(character)
    return "".join(kept)


_UNSEEN = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}


def is_visible(character: str) -> bool:
    """Whether fonts show something for the character; a space is not visible."""
    # Unassigned code points count as seen: they are next year's emoji to an older Python.
    return unicodedata.category(character) not in _UNSEEN and not blanks().match(character)


@lru_cache(1)
def blanks() -> re.Pattern[str]:
    """A pattern for one letter, mark or symbol that shows nothing. Loaded on first use, because no poll needs it."""
    from chat.core import looks

    return re.compile(f"[{looks.BLANK}]")


def is_joint(line: str, at: int) -> bool:
    """Whether the invisible character at this index only shapes its neighbours, as in ❤️, in 👩‍💻 or in Persian."""
    before = line[at - 1] if at else ""
    if not before or line[at] not in "\u200c\u200d\ufe0f":
        return False
    is_emoji = unicodedata.category(before) == "So" or is_skin_tone(before)
    if line[at] == "\ufe0f":
        return is_emoji
    joins = is_emoji or before == "\ufe0f" or _shapes_letters(before)
    return joins and at + 1 < len(line) and is_visible(line[at + 1])


def _shapes_letters(before: str) -> bool:
    is_virama = unicodedata.combining(before) == 9
    return is_virama or unicodedata.bidirectional(before) == "AL"


def is_skin_tone(character: str) -> bool:
    """Whether it changes the skin colour of the emoji before it."""
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def is_flag_half(character: str) -> bool:
    """Whether it is one of the two letters of a flag."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"
