"""A request as it arrives: what is expensive to parse is refused unparsed, and a truncated body is an error."""

import io

import pytest
from flask import Flask
from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser

from chat.core.errors import ChatError
from chat.core.validation import BODY_MAX
from chat.web import incoming

FORM, PARTS = incoming.URLENCODED, f"{incoming.MULTIPART}; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
BODY = b'--x\r\nContent-Disposition: form-data; name="body"\r\n\r\na line with --x\r\n--x--\r\n'
EMOJI = "\N{GRINNING FACE}"
# What took a quarter of a second to parse, and its kind.
DEAR = {
    "empty fields": (FORM, b"&" * 200_000, "too_large"),
    "fields": (FORM, b"a=&" * 80_000, "too_large"),
    "escapes": (FORM, b"body=" + b"%41" * 80_000, "too_large"),
    "escapes that are no text": (FORM, b"body=" + b"%FF" * 15_000, "invalid"),
    "bytes that are no text": (FORM, b"body=" + b"\xff" * 200_000, "invalid"),
    "parts": (PARTS, PART * 500 + b"--x--\r\n", "too_large"),
    "parts with other line ends": (PARTS, PART.replace(b"\r\n", b"\n") * 500 + b"--x--\n", "too_large"),
    "a long head": (PARTS, PART.replace(b"\r\n\r\n", b";a=b" * 20_000 + b"\r\n\r\n") + b"--x--\r\n", "invalid"),
    "a long head behind another line end": (
        PARTS, PART.replace(b"\r\n", b"\r") + PART.replace(b"\r\n\r\n", b"\r\nH:v" * 9000 + b"\r\n\r\n") + b"--x--",
        "invalid"),
    "a long preamble": (PARTS, b"--y\r\n" * 40_000 + PART + b"--x--\r\n", "invalid"),
    "parts that are no text": (PARTS, PART.replace(b"1", b"\xff") + b"--x--\r\n", "invalid"),
}


@pytest.fixture
def app():
    app = Flask("incoming")
    app.request_class = incoming.IncomingRequest
    app.config.update(MAX_CONTENT_LENGTH=1 << 18, MAX_FORM_MEMORY_SIZE=1 << 18, MAX_FORM_PARTS=incoming.FIELDS)
    return app


@pytest.fixture
def asked(app):
    """A POST of these bytes."""
    return lambda kind, raw: app.test_request_context("/", method="POST", data=raw, content_type=kind)


@pytest.mark.parametrize(("kind", "raw", "code"), DEAR.values(), ids=DEAR)
def test_what_is_expensive_to_parse_is_not_parsed(asked, monkeypatch, kind, raw, code):
    monkeypatch.setattr(FormDataParser, "parse", lambda *arguments: pytest.fail("it is parsed"))
    with asked(kind, raw) as context:
        with pytest.raises(ChatError) as raised:
            incoming.form()
        assert raised.value.code == code
        assert not context.request.form, "nor by the page that says so"


@pytest.mark.parametrize(("kind", "raw"), [
    (FORM, b"a=1&body=" + EMOJI.encode() * BODY_MAX),
    (FORM, b"a=1&b=" + b"%C3%A9" * 100 + b"&body=" + b"%F0%9F%98%80" * BODY_MAX),
    (FORM, b"a=1" + b"&body=x" * (incoming.FIELDS - 1)),
    (PARTS, PART + BODY),
    (PARTS, (PART + BODY).replace(b"\r\n", b"\n")),
], ids=["text", "escapes", "fields", "parts", "parts with other line ends"])
def test_what_a_browser_may_send_is_parsed(asked, kind, raw):
    with asked(kind, raw):
        assert incoming.form()["a"] == "1" and incoming.form()["body"]


@pytest.mark.parametrize(("raw", "is_parsed"), [
    (b'{"body": "' + b"[" * 4000 + b'"}', True), (b'{"body": [' + b"[]," * 60_000 + b"1]}", False)])
def test_json_without_end_is_not_parsed(asked, raw, is_parsed):
    with asked("application/json", raw):
        assert (incoming.json() is not None) == is_parsed


class Broken(io.RawIOBase):
    """A body that a server finds something wrong with."""

    def __init__(self, error):
        self._error = error

    def read(self, size=-1):
        raise self._error


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("no number"), Exception("malformed chunk")])
def test_a_body_that_cannot_be_read_is_the_client_s_mistake(app, error):
    environ = {"REQUEST_METHOD": "POST", "wsgi.input": Broken(error), "wsgi.input_terminated": True,
               "CONTENT_TYPE": FORM, "HTTP_HOST": "x", "wsgi.url_scheme": "http"}
    with app.request_context(environ), pytest.raises((ChatError, BadRequest)) as raised:
        incoming.form()
    assert getattr(raised.value, "code", None) in ("invalid", 400)
