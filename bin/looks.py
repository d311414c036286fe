"""Print chat/core/looks.py, the table by which names are compared, from Unicode's own data.

    curl -O https://www.unicode.org/Public/security/15.0.0/confusables.txt
    curl -O https://www.unicode.org/Public/15.0.0/ucd/DerivedCoreProperties.txt
    .venv/bin/python bin/looks.py confusables.txt DerivedCoreProperties.txt > chat/core/looks.py

Both files are in Debian's source package `icu`, too. Whenever the table changes, a new step in
chat/store/migrations has to compute all keys of names again, as v0004 and v0006 do, and v0007 of rooms.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator

ASCII = [chr(code) for code in range(33, 127)]
# Unicode's list serves domain names. It leaves out capitals drawn small and letters that are alike from afar; and it
# has l, I and 1 as one, which are three here but in DRAWN, because every keyboard has them.
# tests/browser/test_drawn_names.py finds what is missing.
ADDED = {
    "aαɑᴀ": "a", "bβвʙᏏ": "b", "cсᴄᏟ": "c", "dԁᴅᎠ": "d", "eеεᴇᎬꜪꜫ": "e", "fꜰ": "f", "gɡɢցᏀ": "g", "hнʜհᎻ": "h",
    "iіιıɩɪІΙⲒƖӀꓲᛁⵏ𐌉𐌠Ꭵ": "i", "jјᴊյȷᎫ": "j", "kкκᴋĸᏦ": "k", "lӏʟᏞ": "l", "mмᴍᎷ": "m", "nɴոηƞȠ": "n",
    "oоοᴏօσ": "o", "pрρᴘᏢ": "p", "qԛզ": "q", "rʀᏒ": "r", "sѕꜱᏚ": "s", "tтτᴛᎢ": "t", "uυᴜսμ": "u", "vѵνᴠᏙ": "v",
    "wԝωᴡᎳ": "w", "xхχ": "x", "yуүγʏᎽ": "y", "zζᴢᏃ": "z",
    "бБƃƂ": "6", "ˋ": "`", "٬": "'", "ɥꞍ": "ч", "ⵍ": "ᴎ", "ðđɖÐĐƉ": "d\u0338",
}  # fmt: skip
# A small letter that looks like one Latin letter, and its capital like another: by case they are one all the same.
APART = "ΓΗΜΝΥ"
# Not ignorable, and yet nothing is drawn: blanks, fillers, and marks that only turn or fill others.
BLANK = "\u2800\ufff9-\ufffc\U00013441-\U00013442\U00016fe4\U0001d159\U0001da9b-\U0001daaf"
NO_CHARACTERS = "\ufdd0-\ufdef\ufffe\uffff"
WIDTH = 108
HEAD = '''"""What letters look like, and which characters show nothing. Made by `bin/looks.py`, which says how.

From confusables.txt and DerivedCoreProperties.txt of Unicode {version}, © 1991-2022 Unicode, Inc., under the Unicode
License (https://www.unicode.org/license.txt), reproduced in docs/unicode-license.txt.
"""
'''


def main(confusables: str, properties: str) -> None:
    with open(confusables, encoding="utf-8-sig") as lines:
        text = lines.read()
    rows = list(rows_of(text.splitlines()))
    version = re.search(r"# Version: (\S+)", text)
    assert version
    looks = Looks(dict(pairs_of(rows)))
    with open(properties) as lines:
        ignorable = "".join(ranges_of(lines))
    print(HEAD.format(version=version[1]))
    print(f'VERSION = "{version[1]}"\n')
    show("BLANK", ignorable + BLANK + NO_CHARACTERS, "The inside of a character class: what shows nothing.")
    show("ALIKE", looks.as_text(), "Characters, an =, and what all of them look like.")
    show("DRAWN", drawn_of(rows), "Characters, an =, and what of ASCII they are drawn like, case kept.")
    show("GREEK", looks.greek(), "Letters that nobody takes for Latin; the others are read as Greek beside them.")
    show("IN_GREEK", looks.capitals_in_greek(), "What capitals look like there, as in ALIKE.")


def rows_of(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What is confusable, and with what, where both are seen."""
    for line in lines:
        fields = [field.strip() for field in line.partition("#")[0].split(";")]
        if len(fields) == 3:
            source, target = ("".join(chr(int(code, 16)) for code in field.split()) for field in fields[:2])
            if not any(map(str.isspace, source + target)):
                yield source, target


def pairs_of(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The rows that hold in either case; none of ASCII."""
    for source, target in rows:
        is_letter = len(source.casefold()) == 1 and unicodedata.is_normalized("NFD", source)
        if is_letter and not source.isascii() and len(target.casefold()) == len(target):
            yield source, nfkd(target).replace("rn", "m")  # an m is two letters there


def drawn_of(rows: Iterable[tuple[str, str]]) -> str:
    """The rows with ASCII targets; an m stays one letter, and is what r and n are drawn like."""
    drawn: dict[str, list[str]] = {}
    for source, target in sorted(rows):
        if target.isascii() and source != "m" and nfkd(source) == source:
            drawn.setdefault(target.replace("rn", "m"), []).append(source)
    return " ".join(f"{''.join(sources)}={target}" for target, sources in sorted(drawn.items()))


def ranges_of(lines: Iterable[str]) -> Iterator[str]:
    """The default ignorable code points, as parts of a character class."""
    for line in lines:
        codes, _, name = line.partition("#")[0].partition(";")
        if name.strip() == "Default_Ignorable_Code_Point":
            yield "-".join(chr(int(code, 16)) for code in codes.strip().split(".."))


def nfkd(text: str) -> str:
    return unicodedata.normalize("NFKD", text)


class Looks:
    """Classes of characters that look the same: each has one name, and no two ASCII letters are in one."""

    def __init__(self, confusables: dict[str, str]) -> None:
        self._parent: dict[str, str] = {}
        self._label: dict[str, str] = {}
        for letter in ASCII:
            self._label[letter] = letter.lower()
            self._join(letter.lower(), letter)
        for sources, letter in ADDED.items():
            for source in sources:
                self._join(letter, source)
        stable = {source: target for source, target in confusables.items() if nfkd(source) == source}
        # The look of a letter itself counts most, then that it is another's capital, then what else it is like.
        self._join_all({source: target.lower() for source, target in stable.items() if is_ascii(target)})
        self.plain = set(self._parent)
        self._join_all(dict(cases()))
        for source, target in sorted(stable.items(), key=lambda pair: pair[0] != pair[0].casefold()):
            if len(target) > 1:
                self._label.setdefault(self._find(source), target)
        self._join_all({source: target for source, target in stable.items() if len(target) == 1})
        self._odd = {source: target for source, target in confusables.items() if nfkd(source) != source}

    def of(self, text: str) -> str:
        """What a text looks like: the names of its characters' classes."""
        seen = "".join(self._name(character) for character in nfkd(text))
        return seen if seen == text else self.of(seen)

    def as_text(self) -> str:
        alike: dict[str, list[str]] = {}
        for character in sorted(self._parent):
            look, small = self.of(character), nfkd(character.casefold())
            if look != (character if character == small else self.of(small)):
                alike.setdefault(look, []).append(character)
        for character, target in sorted(self._odd.items()):
            if len(self.of(target)) == 1 and not self._is_near(self.of(character.casefold()), self.of(target)):
                alike.setdefault(self.of(target), []).append(character)
        return " ".join(f"{''.join(sources)}={look}" for look, sources in sorted(alike.items()))

    def greek(self) -> str:
        block = [chr(code) for code in range(0x370, 0x400)]
        letters = [each for each in block if each.isalpha() and nfkd(each) == each]
        return "".join(each for each in letters if each not in self.plain and each not in APART)

    def capitals_in_greek(self) -> str:
        found = []
        for capital in APART:
            like_it = [each for each in sorted(self._parent) if each.isupper() and self.of(each) == self.of(capital)]
            found.append(f"{''.join(like_it)}={self.of(capital.casefold())}")
        return " ".join(found)

    def _is_near(self, one: str, other: str) -> bool:
        """Whether only l, I and 1, or o and 0, tell them apart, which NFKD knows better."""
        digits = str.maketrans("li1|0", "llllo")
        return one.translate(digits) == other.translate(digits)

    def _name(self, character: str) -> str:
        root = self._find(character)
        if root not in self._label:
            self._label[root] = nfkd(root.casefold())
        return self._label[root]

    def _join_all(self, pairs: dict[str, str]) -> None:
        for source, target in pairs.items():
            self._join(target, source)

    def _join(self, target: str, source: str) -> None:
        """Make two classes one, unless they have different names."""
        kept, lost = self._find(target), self._find(source)
        names = {self._label[root] for root in (kept, lost) if root in self._label}
        if kept != lost and len(names) < 2:
            self._parent[lost] = kept
            for name in names:
                self._label[kept] = name

    def _find(self, character: str) -> str:
        parent = self._parent.setdefault(character, character)
        return character if parent == character else self._find(parent)


def is_ascii(target: str) -> bool:
    return len(target) == 1 and target.isascii()


def cases() -> Iterator[tuple[str, str]]:
    for code in range(128, sys.maxunicode):
        small = chr(code).casefold()
        if len(small) == 1 and small != chr(code) and nfkd(chr(code)) == chr(code) and chr(code) not in APART:
            yield chr(code), small


def show(name: str, text: str, comment: str) -> None:
    """A constant, in lines of escapes, so that nothing in the file turns another way than it reads."""
    print(f"# {comment}\n{name} = (")
    line = ""
    for character in text:
        written = character if " " <= character <= "~" and character not in '"\\' else escaped(character)
        if len(line) + len(written) > WIDTH:
            print(f'    "{line}"')
            line = ""
        line += written
    print(f'    "{line}"\n)')


def escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(*sys.argv[1:])
    else:
        is_help = sys.argv[1:] in (["-h"], ["--help"])
        print(__doc__.strip(), file=sys.stdout if is_help else sys.stderr)
        sys.exit(0 if is_help else 2)
