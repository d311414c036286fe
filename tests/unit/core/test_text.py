"""Messages: which bodies are accepted, and what becomes of them as HTML."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.core import characters, markup, validation
from chat.core.errors import ChatError

words = (
    "http:// https://a.b HTTP://x/y https://a/( ) ( [ ] [:: . , ' \" & &amp; < > <b> <script> </code> ` `` "
    "`x` \\ * javascript: data: onclick= 。 “ ” é 😀 a"
).split()
spaces = list("\n \t\r\0\x85\u2028\u200d\u202e\u200b\ufeff")
bodies = st.lists(st.sampled_from(words + spaces) | st.characters(), max_size=30).map("".join)


def refusal_of(raw) -> ChatError:
    with pytest.raises(ChatError) as refusal:
        validation.clean_body(raw)
    return refusal.value


# Bodies


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        ("hi", "hi"),
        ("  hi \r\n", "hi"),
        ("a\r\nb\rc\n\nd", "a\nb\nc\n\nd"),
        ("a\r\r\nb", "a\n\nb"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("a\tb  c\u200d\u202e", "a\tb  c\u200d\u202e"),
        ("x" * 4000, "x" * 4000),
        ("\n" * 9000 + "😀" * 4000, "😀" * 4000),
        ("\r\n".join("x" * 2000), "\n".join("x" * 2000)),
    ],
)
def test_a_body_has_only_lf_as_line_end_and_is_trimmed(raw, body):
    assert validation.clean_body(raw) == body


@pytest.mark.parametrize(
    "raw",
    ["", " ", "\r\n\t", "\u00a0\u3000", "\u200b\u200d", "\u3164", "\u2800 \u2800", "\ufe0f", "\x1b"]
    + ["\0", "a\0b", "\ud800a", "a\udfff", None, 5, b"hi", ["hi"]],
)
def test_a_body_that_is_empty_blank_or_no_text_is_invalid(raw):
    error = refusal_of(raw)
    assert (error.code, error.field) == ("invalid", "body")
    assert "%" not in str(error)


@pytest.mark.parametrize("raw", ["x" * 4001, "😀" * 4001, "a" + "\n" * 3999 + "b", " " * 4001 + "x" * 4001])
def test_a_body_of_4001_characters_is_too_long(raw):
    error = refusal_of(raw)
    assert (error.code, error.field) == ("too_long", "body")
    assert "4000" in str(error)


@settings(deadline=None)
@given(bodies)
def test_cleaning_a_clean_body_changes_nothing(raw):
    try:
        body = validation.clean_body(raw)
    except ChatError:
        return
    assert validation.clean_body(body) == body
    assert body == body.strip()
    assert not set(body) & set("\r\0")


@pytest.mark.parametrize("raw", ["k3", "A-Z_9", "x" * 64])
def test_a_client_id_is_kept_as_it_is(raw):
    assert validation.clean_client_id(raw) == raw


@pytest.mark.parametrize("raw", [None, ""])
def test_no_client_id_is_none(raw):
    assert validation.clean_client_id(raw) is None


@pytest.mark.parametrize("raw", ["x" * 65, "a b", "a\n", "é", "a.b", "'", "٣", 5, ["a"]])
def test_any_other_client_id_is_invalid(raw):
    with pytest.raises(ChatError) as refusal:
        validation.clean_client_id(raw)
    assert (refusal.value.code, refusal.value.field) == ("invalid", "client_id")


# HTML


def link(url: str) -> str:
    return f'<a href="{url}" rel="nofollow ugc noopener noreferrer">{url}</a>'


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("hi", "hi"),
        ("a\nb\n\nc", "a<br>b<br><br>c"),
        ("<b>&amp;\"'", "&lt;b&gt;&amp;amp;&quot;&#x27;"),
        ("use `ls -l`!", "use <code>ls -l</code>!"),
        ("`<b>` & `\"`", "<code>&lt;b&gt;</code> &amp; <code>&quot;</code>"),
        ("`a` `b", "<code>a</code> `b"),
        ("``", "``"),
        ("`a\nb`", "`a<br>b`"),
        ("`http://a.b`", "<code>http://a.b</code>"),
        ("*bold* _it_ #1 @bob", "*bold* _it_ #1 @bob"),
    ],
)
def test_line_breaks_and_code_are_drawn_and_everything_else_is_text(body, html):
    assert markup.to_html(body) == html


@pytest.mark.parametrize(
    ("before", "url", "after"),
    [
        ("", "http://a.b", ""),
        ("see ", "https://a.b/c?d=1", " now"),
        ("", "HTTPS://A.b", ""),
        ("", "http://localhost:8000/x#y", ""),
        ("", "http://[::1]:8000/", ""),
        ("", "https://例え.jp/佐々木/é", ""),
        ("", "https://a.b/c_(d)", ""),
        ("(", "https://a.b/c_(d)", ")"),
        ("(", "https://a.b/c", ")"),
        ("(", "https://a.b/c", "), more"),
        ("", "https://a.b/((x)(y))", ")"),
        ("[", "https://a.b", "](x)"),
        ("", "https://a.b/c", "."),
        ("", "https://a.b/c", "...!?"),
        ("", "https://a.b/c", ","),
        ("", "https://a.b/c.d,e", ";"),
        ("*", "https://a.b/c", "*"),
        ("(", "https://a.b/c", ".)"),
        ("", "https://a.b/c_(d)", ".)"),
        ("“", "https://a.b", "”"),
        ("看", "https://a.b", "。然后"),
        ("（", "https://a.b", "）"),
        ("", "https://a.b/x", "\u202egpj.exe"),
        ("", "https://a.b/x", "\u200by"),
        ("", "https://a.b", "\\@c.d"),
        ("", "https://a.b/x", "\u00a0y"),
        ("", "https://a.b/x", "\x07y"),
        ("-", "https://a.b/_", ""),
    ],
)
def test_a_link_begins_and_ends_where_a_reader_would_say(before, url, after):
    assert markup.to_html(before + url + after) == before + link(url) + after


def test_what_follows_a_link_is_drawn_as_anything_else():
    assert markup.to_html("http://a)http://b\nhttp://c`d`") == (
        f"{link('http://a')}){link('http://b')}<br>{link('http://c')}<code>d</code>"
    )


def test_no_character_of_a_link_can_leave_its_attribute():
    assert markup.to_html("http://a.b/?x=1&y='2'z") == link("http://a.b/?x=1&amp;y=&#x27;2&#x27;z")
    assert markup.to_html('http://a.b/"onclick="x') == link("http://a.b/") + "&quot;onclick=&quot;x"
    assert markup.to_html("http://a.b/<script>") == link("http://a.b/") + "&lt;script&gt;"


@pytest.mark.parametrize(
    "body",
    ["javascript:alert(1)", "JaVaScRiPt://a.b", "data:text/html,x", "ftp://a.b", "//a.b", "www.a.b", "a@b.c"]
    + ["http", "http://", "https://.", "http:// a.b", "http://[", "http://[.", "http:///a", "http://?a", "http://)"]
    + ["http:/a.b", "https:a.b", "xhttp://a.b", "mailto:a@b.c"],
)
def test_anything_but_http_and_a_host_is_no_link(body):
    assert markup.to_html(body) == body


def test_an_address_inside_another_scheme_links_its_http_part_alone():
    assert markup.to_html("javascript:http://a.b") == "javascript:" + link("http://a.b")


class Undrawn(HTMLParser):
    """Reads HTML as a browser does, refuses every tag but ours, and puts the body together again."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.body = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert not self.open, "a tag within a tag"
        if tag == "br":
            assert attributes == []
            self.body += "\n"
            return
        self.open.append(tag)
        if tag == "code":
            assert attributes == []
            self.body += "`"
        else:
            assert tag == "a"
            (href_name, self.href), rel = attributes
            assert href_name == "href"
            assert rel == ("rel", "nofollow ugc noopener noreferrer")
            assert re.match(r"https?://[\w\[]", self.href, re.IGNORECASE)
            self.link_from = len(self.body)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "code":
            self.body += "`"
        else:
            assert self.body[self.link_from :] == self.href

    def handle_data(self, data):
        self.body += data

    def refuse(self, *what):
        raise AssertionError(what)

    handle_comment = handle_decl = handle_pi = unknown_decl = handle_startendtag = refuse


OUR_TAG = re.compile('<br>|</?code>|<a href="[^"<>]+" rel="nofollow ugc noopener noreferrer">|</a>')
OUR_ENTITY = re.compile("&(amp|lt|gt|quot|#x27);")


@settings(deadline=None, max_examples=500)
@given(bodies)
def test_whatever_the_body_its_html_has_our_tags_alone_and_loses_nothing(body):
    html = markup.to_html(body)
    assert Undrawn(html).body == characters.without_piles(body)
    rest = OUR_TAG.sub("", html)
    assert not set(rest) & set("<>\"'")
    assert "&" not in OUR_ENTITY.sub("", html)


@settings(deadline=None)
@given(bodies)
def test_no_link_holds_an_invisible_character(body):
    for url in re.findall('href="([^"]*)"', markup.to_html(body)):
        assert not set(url) & set(" \t\r\n\0\x85\u2028\u200d\u202e\u200b\ufeff\\`")


@pytest.mark.parametrize(
    "piece",
    ["http://a)", "http://a(", "http://[", "http://a(((", "http://a...", "http://a.", "http://a`", "http://a]("]
    + ["https://", "http:/", "http://\u202e", "\u200b", "`", "`a", "``\n", "`\n", "(", ".", "<", "h"],
)
def test_time_is_linear_in_the_length(piece):
    # A million characters take about a second; by the square they would take an hour.
    body = piece * (200_000 // len(piece))
    for hostile in (body, "http://a/" + body, body + ".", "`" + body):
        begun = time.process_time()
        markup.to_html(hostile)
        assert time.process_time() - begun < 5


# Piles of marks

MANTRA = "\u0f67\u0f90\u0fb5\u0fa8\u0fb3\u0fba\u0fbc\u0fbb\u0f82"
REAL = [
    "Tiếng Việt",
    "Tie\u0302\u0301ng Vie\u0323\u0302t",
    "\u05d1\u05bc\u05b0\u05e8\u05b5\u05d0\u05e9\u05c1\u05b4\u0596\u05d9\u05ea",  # the first word of the Hebrew bible
    "ที่นี่ ผู้ใหญ่",
    "हिन्दी क्ष्म्य",
    "\u1f84\u1fc2 \u03b1\u0313\u0301\u0345",
    "\u0627\u0644\u0644\u0651\u064e\u0670\u0647\u064f",
    "ကြောင်",
    MANTRA,
    "👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏿 1\ufe0f\u20e3 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
]


@pytest.mark.parametrize("written", REAL)
def test_no_language_has_piles(written):
    assert characters.without_piles(written) == written
    assert markup.to_html(written) == written
    assert validation.clean_body(written) == written


@pytest.mark.parametrize(
    ("pile", "kept"),
    [
        ("a" + "\u0301" * 40 + "b", "a" + "\u0301" * 8 + "b"),
        ("\u0301" * 40, "\u0301" * 8),
        ("\u0e01" + "\u0e49" * 40, "\u0e01" + "\u0e49" * 8),
        ("a" + "\u20dd" * 9, "a" + "\u20dd" * 8),
        ("a" + "\u0301\u200d" * 10, "a" + "\u0301\u200d" * 8 + "\u200d" * 2),
        ("a" + "\u034f\u0301" * 10, "a" + "\u034f\u0301" * 4),
        ("`a" + "\u0301" * 9 + "`", "<code>a" + "\u0301" * 8 + "</code>"),
    ],
)
def test_the_html_has_eight_marks_on_a_letter_and_the_body_all(pile, kept):
    assert markup.to_html(pile) == kept
    if pile[0] == "a":
        assert validation.clean_body(pile) == pile


@settings(deadline=None)
@given(bodies)
def test_what_has_no_piles_is_left_as_it_is(body):
    assert characters.without_piles(characters.without_piles(body)) == characters.without_piles(body)
