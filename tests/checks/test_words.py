"""Every word goes through the catalogue, every address through `url_for`, and nothing in a page is inline."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest
from babel.messages.extract import extract_from_dir

from chat.core.errors import STATUS
from tests.checks import pages as stage

TOP = Path(__file__).parents[2]
TEMPLATES = sorted((TOP / "templates").rglob("*.html"))
SCRIPTS = sorted((TOP / "static" / "js").rglob("*.js"))

each_template = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
each_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)

SPOKEN = {"title", "placeholder", "aria-label", "alt", "label"}
ADDRESSES = {"href", "src", "action", "formaction"}


class Page(HTMLParser):
    """What a page says (`said`: where, text), where it leads (`addresses`), and its words for the script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[tuple[str, str]] = []
        self.addresses: list[str] = []
        self.words: dict[str, str] = {}
        self.in_samp = False
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        if not self.in_samp:  # what a machine said, in whatever language
            self.said.append(("text", data))

    def handle_endtag(self, tag: str) -> None:
        self.in_samp = self.in_samp and tag != "samp"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_samp = self.in_samp or tag == "samp"
        values = {name: value or "" for name, value in attrs}
        for name, value in values.items():
            if name in SPOKEN or (name == "value" and values.get("type") in ("submit", "button", "reset")):
                self.said.append((f"{name} of {tag}", value))
            if name.startswith("data-word-"):
                self.words[name.removeprefix("data-word-")] = value
                self.said.append((name, value))
            if name in ADDRESSES or name.startswith(("data-url-", "data-icon-")):
                self.addresses.append(value)
        if tag == "meta":
            self._take_meta(values)

    def _take_meta(self, values: dict[str, str]) -> None:
        about = values.get("name") or values.get("property") or ""
        if about in ("description", "og:title", "og:description"):
            self.said.append((about, values["content"]))
        if values.get("http-equiv") == "refresh":
            self.addresses.append(values["content"].partition("url=")[2])


ZONE = "UTC"  # the same in every language, as the other names of the system's table


def untranslated(text: str) -> str:
    """What is left in Latin letters without the catalogue's words, names of settings and of the site's time zone,
    codes and addresses."""
    rest = re.sub("⟦[^⟦⟧]*⟧", " ", text)
    rest = re.sub(r"\d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d", " ", rest)  # days are Babel's, in the page's language
    tokens = [token for token in rest.split() if not re.match(r"/|https?:|CHAT_[A-Z_]+$", token)]
    return " ".join(token for token in tokens if re.search("[A-Za-z]", token) and token not in (*STATUS, ZONE))


class Seen(NamedTuple):
    """All pages by what they show, all that was asked of the catalogue for them, the templates that were drawn."""

    pages: dict[str, Page]
    asked: set[str]
    templates: set[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> Iterator[Seen]:
    with stage.pseudo_language() as language, stage.opened_app(tmp_path_factory.mktemp("instance")) as app:
        pages = {name: Page(html) for name, html in stage.every_page(app).items()}
        assert app.jinja_env.cache is not None
        yield Seen(pages, language.asked, {name for _, name in app.jinja_env.cache.keys()})


def test_every_word_of_every_page_comes_from_the_catalogue(seen):
    found = {f"{name}, {where}: {text.strip()!r}"
             for name, page in seen.pages.items() for where, text in page.said if untranslated(text)}
    assert not found, "\n".join(sorted(found))


def test_every_template_was_shown(seen):
    """The premise of the one before: what nobody fetches is not looked at."""
    drawn_apart = {"message.html"}  # by rendering.py, without words
    assert {str(path.relative_to(TOP / "templates")) for path in TEMPLATES} == seen.templates | drawn_apart


def test_a_word_outside_the_catalogue_is_noticed():
    assert untranslated("⟦Rooms⟧ · Ἀγορά and more") == "and more"
    assert Page('<input placeholder="Name">').said == [("placeholder of input", "Name")]


def test_translators_find_every_word(seen):
    """What a page asks for at run time is what can be extracted from the sources."""
    methods = {"chat": ("**.py", "python"), "templates": ("**.html", "jinja2.ext:babel_extract")}
    found = [message for folder, method in methods.items()
             for _, _, message, _, _ in extract_from_dir(TOP / folder, [method], {"**.html": {"silent": "false"}})]
    extracted = {message[0] if isinstance(message, tuple) else message for message in found}
    greek = {message for message in seen.asked if not re.search("[A-Za-z]", message)}
    assert seen.asked - greek <= extracted


def test_every_address_leads_below_the_mount(seen):
    wrong = {f"{name}: {address}" for name, page in seen.pages.items() for address in page.addresses
             if not address.startswith((f"{stage.MOUNT}/", "#", "https://example.org/"))}
    assert not wrong, "\n".join(sorted(wrong))


# Refusals

def test_every_refusal_is_marked_for_the_catalogue():
    for path in sorted((TOP / "chat").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ChatError":
                sentence = node.args[1]
                assert not isinstance(sentence, ast.Constant | ast.JoinedStr), f"{path.name}: {ast.unparse(sentence)}"


# Templates

def source(path: Path) -> str:
    """A template without its comments."""
    return re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)


@each_template
def test_a_template_has_nothing_inline(path):
    text = source(path)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style\b", text)
    assert not re.search(r"<[^>]*\s(?:style|on[a-z]+)\s*=", text)
    assert "javascript:" not in text


# By `url_for`, with what only the view knows.
MADE_BY_THE_VIEW = {"{{ next_url }}", "{{ at_once_url }}", "{{ anew_url }}", "{{ part.first_url }}",
                    "{{ part.next_url }}"}
THE_OPERATORS_OWN = {"{{ url }}"}  # the links at the foot


@each_template
def test_a_template_writes_no_address_itself(path):
    for address in re.findall(r'\b(?:href|src|action|formaction|data-url-[\w-]+|data-icon-[\w-]+)="([^"]*)"',
                              source(path)):
        is_made = address.startswith(("{{ url_for(", "#")) or address in MADE_BY_THE_VIEW | THE_OPERATORS_OWN
        assert is_made, f"{address} would not work below a path"


# Scripts

TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<string>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")
      | (?P<regex>(?<=[=(,:!&|?{;])\s*/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+/[gimy]*)""",
    re.DOTALL | re.VERBOSE,
)
ASKED = re.compile(r"\bChat\.(?:word|plural)\(([^()]*)\)")
SHOWN = re.compile(
    r"""(?:\.(?:textContent|innerText|innerHTML|title|placeholder|alt)\s*=\s*(?P<set>[^;]+);)
      | (?:setAttribute\('(?:aria-label|title|placeholder|alt)',\s*(?P<attribute>[^;]+);)
      | (?:Chat\.make\([^,()]*,[^,()]*,(?P<made>[^()]+)\))
      | (?:Chat\.button\([^,()]*,(?P<button>[^,]+),)
      | (?:\b(?:alert|confirm|prompt|createTextNode)\((?P<said>[^;]+);)""",
    re.VERBOSE,
)


def code_of(path: Path) -> str:
    """A script without its comments."""
    return TOKEN.sub(lambda found: " " if found["comment"] else found[0], path.read_text())


def strings(code: str) -> list[str]:
    return [found["string"][1:-1] for found in TOKEN.finditer(code) if found["string"]]


def is_english(text: str) -> bool:
    """A sentence, or the beginning of one; lists of classes and selectors are in small letters and have no stops."""
    return bool(re.search(r"\b[A-Z][a-z]+ [a-z]|[A-Za-z]{2,} [A-Za-z' ]*[A-Za-z][.!?…]$|[a-z]n't\b", text))


@each_script
def test_a_script_holds_no_sentence(path):
    assert not [text for text in strings(code_of(path)) if is_english(text)]


@each_script
def test_a_script_shows_only_words_of_the_catalogue(path):
    for found in SHOWN.finditer(ASKED.sub("WORD", code_of(path))):
        shown = next(part for part in found.groups() if part)
        assert not [text for text in strings(shown) if re.search("[A-Za-z]", text)], found[0]


def test_the_rules_for_scripts_see_what_they_should():
    assert is_english("Try again") and is_english("not sent.") and not is_english("message pending mine")
    assert SHOWN.search("line.textContent = 'gone';") and SHOWN.search("Chat.button('retry', 'Retry', again)")
    assert strings("x = 'a'; y = /'/; z = 'b'") == ["a", "b"]


def test_every_word_that_a_script_asks_for_is_there_and_no_other(seen):
    there = seen.pages["a room"].words.keys() | seen.pages["the self-test"].words.keys()
    assert seen.pages["a room"].words and seen.pages["the self-test"].words, "premise: there are words"
    literals = {text for path in SCRIPTS for text in strings(code_of(path))}
    asked = {text for path in SCRIPTS for found in ASKED.finditer(code_of(path))
             for text in strings(re.split(",", found[1])[0])}
    assert asked <= there
    assert there <= literals, "words that no script says"
