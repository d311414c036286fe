"""What browsers must make of an event stream: bytes, and the events that a page hears of them.

The cases are those that web-platform-tests tries (eventsource/), written anew from the standard's section 9.2.6.
They are asked of our own parser, and of every engine that we have.
"""

from __future__ import annotations

from typing import NamedTuple

from chat.core import sse
from chat.core.wire import CURSOR_MAX, to_json
from tests.support.eventsource import Event

BOM = b"\xef\xbb\xbf"
LONG = "long " * 20_000


class Case(NamedTuple):
    """`body` is the whole stream; its connection ends behind it."""

    name: str
    body: bytes
    heard: list[Event]


def heard(*data: str, type: str = "message", last_event_id: str = "") -> list[Event]:
    return [Event(type, each, last_event_id) for each in data]


BY_HAND = [
    Case("nothing", b"", []),
    Case("one line", b"data: one\n\n", heard("one")),
    Case("several lines", b"data: one\ndata: two\ndata:\ndata: four\n\n", heard("one\ntwo\n\nfour")),
    Case("no blank line at the end", b"data: heard\n\ndata: unheard\n", heard("heard")),
    Case("cut off in a field", b"data: heard\n\ndata: unhe", heard("heard")),
    Case("cut off in a character", b"data: heard\n\ndata: \xf0\x9f\x98", heard("heard")),
    Case("the standard's second example",
         b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event",
         [*heard("first event", last_event_id="1"), *heard("second event")]),
    # BOM
    Case("a BOM at the start", BOM + b"data: one\n\n", heard("one")),
    Case("two BOMs at the start", BOM + BOM + b"data: lost\n\ndata: two\n\n", heard("two")),
    Case("a BOM later on", b"data: one\n\n" + BOM + b"data: lost\n\ndata: three\n\n", heard("one", "three")),
    Case("a BOM in the data", b"data: " + BOM + b"one\n\n", heard("\ufeffone")),
    # Newlines
    Case("CR", b"data: one\rdata: two\r\rdata: three\r\r", heard("one\ntwo", "three")),
    Case("CRLF", b"data: one\r\ndata: two\r\n\r\ndata: three\r\n\r\n", heard("one\ntwo", "three")),
    Case("all three", b"data: one\r\ndata: two\ndata: three\r\ndata: four\r\r\ndata: five\n\r", heard(
        "one\ntwo\nthree\nfour", "five")),
    Case("many blank lines", b"\n\r\n\rdata: one\n\n\n\n\r\n\ndata: two\n\n", heard("one", "two")),
    Case("no newline at all is one", "data: a\u2028b\u2029c\x85d\x0be\x0cf\n\n".encode(), heard(
        "a\u2028b\u2029c\x85d\x0be\x0cf")),
    # Fields
    Case("comments", b":\n: one\n:data: two\ndata: three\n:" + b"x" * 5000 + b"\n\n::\n\ndata: four\n:",
         heard("three")),
    Case("fields that are none", b"dat: a\ndatas: b\n data: c\nDATA: d\ndata : e\nx\n:\ndata: f\n\n", heard("f")),
    Case("fields without a value", b"data\n\ndata\ndata\n\ndata:\n\ndata", heard("", "\n", "")),
    Case("colons in the value", b"data: a: b:c\n\ndata::d\n\n", heard("a: b:c", ":d")),
    Case("the one space that goes", b"data:one\ndata: two\ndata:  three\ndata:\tfour\ndata: \n\n", heard(
        "one\ntwo\n three\n\tfour\n")),
    Case("spaces at the end stay", b"data: one  \n\n", heard("one  ")),
    # Names
    Case("a name", b"event: named\ndata: one\n\ndata: two\n\n", [*heard("one", type="named"), *heard("two")]),
    Case("an empty name", b"event: named\nevent:\ndata: one\n\nevent\ndata: two\n\n", heard("one", "two")),
    Case("the last of two names", b"event: unnamed\nevent: named\ndata: one\n\n", heard("one", type="named")),
    Case("a name without data", b"event: named\n\ndata: one\n\n", heard("one")),
    Case("a name with spaces", b"event:  spaced \ndata: one\n\n", heard("one", type=" spaced ")),
    # Ids
    Case("an id that stays", b"id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n", [
        *heard("a", "b", last_event_id="1"), *heard("c", last_event_id="2")]),
    Case("an id that is taken back", b"id: 1\ndata: a\n\nid\ndata: b\n\nid:\ndata: c\n\n", [
        *heard("a", last_event_id="1"), *heard("b", "c")]),
    Case("an id without data", b"id: 7\n\ndata: a\n\n", heard("a", last_event_id="7")),
    Case("an id in any letters", "id: …ж 7\ndata: a\n\n".encode(), heard("a", last_event_id="…ж 7")),
    Case("an id with a null character", b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid: \0\ndata: c\n\n", heard(
        "a", "b", "c", last_event_id="1")),
    # Characters
    Case("null characters", b"data: \0\n\nda\0ta: lost\ndata: a\0b\n\nevent: na\0me\ndata: c\n\n", [
        *heard("\0", "a\0b"), *heard("c", type="na\0me")]),
    Case("many scripts", "data: žluťoučký κόσμε 日本 🙂\n\n".encode(), heard("žluťoučký κόσμε 日本 🙂")),
    Case("what is no UTF-8", b"data: a\xffb\xc3(\xe2\x98\n\n", heard("a\ufffdb\ufffd(\ufffd")),
    # Sizes, and a field that is for the browser
    Case("a long line", f"data: {LONG}\n\n".encode(), heard(LONG)),
    Case("many events", b"".join(b"id: %d\ndata: %d\n\n" % (n, n) for n in range(500)), [
        Event("message", str(n), str(n)) for n in range(500)]),
    Case("retry among others", b"retry: 90000\ndata: a\nretry: x\n\nretry:\n\ndata: b\n\n", heard("a", "b")),
]

_HOSTILE = ["a\nb", "\r\n", "data: x\n\nevent: forged\ndata: y", "\u2028\u2029\x85\x0b\x0c", "\ufeff", "\0",
            ": no comment", "🙂\ud800", " two  spaces ", "\\n", LONG]

BY_OUR_ENCODER = [
    Case("our frames", sse.retry(873) + b"".join(sse.frame("hello", to_json(text), id=n) for n, text in
                                                enumerate(_HOSTILE)), [
        Event("hello", to_json(text), str(n)) for n, text in enumerate(_HOSTILE)]),
    Case("our frames without ids", sse.frame("hello", "{}", id=41) + sse.frame("presence", "[1]"), [
        Event("hello", "{}", "41"), Event("presence", "[1]", "41")]),
    Case("our padding", sse.PADDING + sse.retry(500) + sse.frame("hello", "{}", id=CURSOR_MAX), [
        Event("hello", "{}", str(CURSOR_MAX))]),
    Case("our farewell", sse.frame("bye", "{}", retry_ms=1500) + sse.unnamed("{}", 3), [
        Event("bye", "{}", ""), Event("message", "{}", "3")]),
]

CASES = BY_HAND + BY_OUR_ENCODER
