"""Rendering a message: the same for every reader, then decorated for one."""

import pytest

from chat.domain import rendering
from chat.store.tables.messages import Message

WORDS = rendering.Words("BOT", "EDITED", "REMOVED BY ITS AUTHOR", "REMOVED BY THE OWNER")


def message(**changed) -> Message:
    values = {
        "id": 57,
        "room_id": 1,
        "room_kind": "open",
        "expired_at": None,
        "author_id": 3,
        "name": "carol",
        "kind": "guest",
        "colour": 4,
        "bearer": 1,
        "slug": "lobby",
        "body": "hi",
        "html": "",
        "html_version": "",
        "client_id": None,
        "created_at": "2026-11-20T10:01:00.000Z",
        "edited_at": None,
        "removed_at": None,
        "removed_by": None,
    }
    return Message(**values | changed)


def dress(html, **changed):
    for_whom = {"clock": "11:01", "label": "BY carol", "href": "/messages/57", "is_grouped": False, "is_mine": False}
    return rendering.dress(html, WORDS, **for_whom | changed)


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x>', "</time><b>", "{{ 7*7 }}", "&lt;"])
def test_markup_in_names_and_bodies_is_text(hostile: str):
    html = rendering.draw(message(name=hostile, body=hostile))
    for dressed in (html, str(dress(html))):
        assert "<script" not in dressed and "<img" not in dressed and "<b>" not in dressed and "49" not in dressed
        assert dressed.count("</time>") == 1


def test_nothing_in_the_html_depends_on_the_reader():
    html = rendering.draw(message(kind="bot", edited_at="2026-11-20T10:02:00.000Z"))
    assert "href" not in html and ">bot<" not in html and "10:01<" not in html


def test_a_decorated_message_has_the_readers_words_time_and_link():
    html = rendering.draw(message(kind="bot", edited_at="2026-11-20T10:02:00.000Z"))
    dressed = dress(html, is_grouped=True, is_mine=True)
    assert '<i class="bot">BOT</i>' in dressed and '<i class="edited">EDITED</i>' in dressed
    assert '<a class="when" href="/messages/57" aria-label="BY carol">' in dressed
    assert '<time datetime="2026-11-20T10:01:00.000Z">11:01</time></a>' in dressed
    assert '<li class="message grouped mine"' in dressed


@pytest.mark.parametrize(("by", "words"), [("author", "REMOVED BY ITS AUTHOR"), ("owner", "REMOVED BY THE OWNER")])
def test_a_tombstone_says_who_removed_it_and_not_what(by: str, words: str):
    html = rendering.draw(message(body="", removed_at="2026-11-20T10:02:00.000Z", removed_by=by))
    assert f'<p class="gone by-{by}">{words}</p>' in dress(html)
    assert 'class="text"' not in html


def test_a_later_holder_of_a_name_has_a_number_beside_the_initial():
    assert rendering.initial_of("carol", 1) == "C"
    assert rendering.initial_of("carol", 2) == "C2"


def test_html_of_another_version_of_the_template_is_drawn_anew():
    assert rendering.html_of(message(html="old", html_version="another")) == rendering.draw(message())
    assert rendering.html_of(message(html="kept", html_version=rendering.VERSION)) == "kept"


def test_what_is_kept_of_dressed_messages_is_bounded_in_bytes():
    words = rendering.Words("bot", "edited", "removed", "removed")
    rendering._dress.cache_clear()
    for body, kept in (("x" * rendering.DRESSED_CHARACTERS, 0), ("hi", 1)):
        html = f'<li class="message"><time></time>{body}</li>'
        dressed = rendering.dress(html, words, clock="12:00", label="by", href="/messages/1", is_grouped=False,
                                is_mine=False)
        assert body in dressed and rendering._dress.cache_info().currsize == kept
