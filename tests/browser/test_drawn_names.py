"""All of Unicode, drawn once by Chromium: what shows nothing makes no name, and what looks the same is one name."""

import re
import sys
import unicodedata

import pytest

from chat.core import names, validation
from chat.core.errors import ChatError

# By numbers, one for each picture: of every character alone, and between two letters.
DRAW = """codes => {
    const canvas = document.createElement('canvas');
    canvas.width = 80; canvas.height = 40;
    const pen = canvas.getContext('2d', { willReadFrequently: true });
    pen.font = '18px "DejaVu Sans"';
    const draw = written => {
        pen.clearRect(0, 0, 80, 40);
        pen.fillText(written, 24, 26);
        const pixels = new Uint32Array(pen.getImageData(0, 0, 80, 40).data.buffer);
        let one = 0, other = 0;
        for (let at = 0; at < pixels.length; at++) {
            if (!pixels[at]) { continue; }
            one = Math.imul(one ^ pixels[at] ^ at, 16777619);
            other = Math.imul(other + one, 31) + at | 0;
        }
        return one + ' ' + other;
    };
    const drawn = code => [draw(String.fromCodePoint(code)), draw('x' + String.fromCodePoint(code) + 'x')];
    return { nothing: draw(''), pair: draw('xx'), box: draw('\\u{10fffe}'), each: codes.map(drawn) };
}"""


# Of these no font here has one: each would be the same box, and finding none takes long.
BOXES = re.compile("(CJK|HANGUL|TANGUT|NUSHU|YI|VAI|BAMUM|CUNEIFORM|EGYPTIAN|ANATOLIAN|KHITAN|LINEAR|MENDE|SIGNWRITING)"
                   ".*(IDEOGRAPH|SYLLABLE|CHARACTER|SIGN|HIEROGLYPH|LETTER|IDEOGRAM|COMPONENT|SIGNWRITING)")


@pytest.fixture(scope="module")
def characters():
    """All that Unicode has given a meaning."""
    every = map(chr, range(sys.maxunicode + 1))
    given = [character for character in every if unicodedata.category(character) not in ("Cn", "Co", "Cs")]
    return [each for each in given if not BOXES.match(unicodedata.name(each, "")) or "FILLER" in unicodedata.name(each)]


@pytest.fixture
def drawn(window, characters):
    opened = window()
    opened.go("/selftest")
    return opened.page.evaluate(DRAW, [ord(character) for character in characters])


def key_of(name, key=names.name_key):
    """What the name is compared by; None where it is refused."""
    try:
        return key(validation.clean_name(name))
    except ChatError:
        return None


def named(characters):
    return [f"U+{ord(character):04X} {unicodedata.name(character, '')}" for character in characters]


def test_what_shows_nothing_is_no_name_and_what_looks_the_same_is_one(drawn, characters):
    """One test, because to draw all of Unicode takes a while."""
    pictures = list(zip(characters, drawn["each"], strict=True))
    assert ["x", drawn["pair"]] not in pictures and len({alone for _, (alone, _) in pictures}) > 5000, "premise"
    blank = [character for character, (alone, _) in pictures if alone == drawn["nothing"] and key_of(character)]
    assert not named(blank)
    unseen = [character for character, (_, between) in pictures
              if between == drawn["pair"] and key_of(f"x{character}x") not in (None, "xx")]
    assert not named(unseen)
    twins = {}
    for character, (alone, _) in pictures:
        # A mark alone is drawn as the browser likes; what no font has is a box.
        if alone not in (drawn["nothing"], drawn["box"]) and unicodedata.category(character)[0] != "M":
            twins.setdefault(alone, []).append(character)
    unlike = [group for group in twins.values() if len({key_of(each) for each in group} - {None}) > 1]
    assert not [named(group) for group in unlike]
    ascii_looks = [group for group in twins.values() if any(map(str.isascii, group))]
    assert len(ascii_looks) > 90, "premise"
    unlike = [group for group in ascii_looks if len({key_of(each, names.drawn_key) for each in group} - {None}) > 1]
    assert not [named(group) for group in unlike]
