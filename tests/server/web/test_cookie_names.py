"""Cookies' names: a browser sends a host's cookies to every port, so those of two chats must differ."""

import shutil

import pytest

from tests.support.serving import serve

OLD = ("longwave", "longwave_token")


@pytest.fixture(scope="module")
def other():
    """Another chat on the same host, at another port."""
    with serve(workers=1) as server:
        yield server


def as_before(person):
    """Their cookies under the names that they had at first."""
    return dict(zip(OLD, (person.cookies[name] for name in (person.session_cookie, person.token_cookie)), strict=True))


def set_by(answer):
    return {line.partition("=")[0] for line in answer.headers.get_all("Set-Cookie") or ()}


def test_two_chats_at_two_ports_of_a_host_do_not_throw_out_each_others_sessions(chat, other, people):
    here, there = people(chat), people(other)
    there.cookies = here.cookies  # as in one browser
    here.sign_in("at home here")
    there.sign_in("at home there")
    assert here.user["name"] == "at home here" and there.user["name"] == "at home there"
    assert here.post("/rooms/lobby/messages", body="hi", token=here.token()).status == 201
    here.post("/sign-out")
    assert here.user is None and there.user["name"] == "at home there"


def test_all_who_serve_one_site_agree(chat, tmp_path):
    """The names follow from the site's key alone, not from the host or the port."""
    with serve(workers=1) as twin:
        first = twin.cookie()
        twin.stop()
        shutil.copy(chat.instance / "secret", twin.instance / "secret")
        twin.start()
        assert twin.cookie() == chat.cookie() != first


def test_the_upgrade_signs_nobody_out_and_renews_both_cookies(chat, people):
    carol = people(chat, "carol of old")
    token = carol.token()
    carol.cookies = as_before(carol)
    first = carol.get("/poll?room=lobby")
    assert set_by(first) == {carol.session_cookie, carol.token_cookie}
    assert carol.user["name"] == "carol of old"
    assert carol.post("/rooms/lobby/messages", body="hi", token=token).status == 201, "a page that was open goes on"
    assert set_by(carol.get("/session")) == set(), "once"


def test_a_visitors_open_page_goes_on_and_its_cookie_is_renewed(chat, people):
    visitor = people(chat)
    form = visitor.look("/sign-in").form("/sign-in")
    visitor.cookies = {OLD[1]: visitor.cookies[visitor.token_cookie]}
    assert set_by(visitor.get("/session")) == {visitor.token_cookie}
    assert set_by(visitor.get("/session")) == set()
    assert visitor.submit(form, name="Came by an old page").status == 303


def test_the_entry_word_is_not_asked_again(people):
    with serve(workers=1, entry_word="open sesame") as cave:
        visitor = people(cave)
        visitor.post("/enter", word="open sesame")
        visitor.cookies = {OLD[1]: visitor.cookies[visitor.token_cookie]}
        assert visitor.get("/poll?room=lobby").status == 200
        assert visitor.token_cookie in visitor.cookies


def test_saying_the_word_renews_the_sessions_cookie_along(people):
    """Or the new cookie would take the place of both old ones."""
    with serve(workers=1, entry_word="open sesame") as cave:
        carol = people(cave)
        carol.post("/enter", word="open sesame")
        carol.sign_in("carol in the cave")
        carol.cookies = {OLD[0]: as_before(carol)[OLD[0]]}
        token = carol.get("/enter").page.metas["csrf-token"]
        carol.cookies = {OLD[0]: carol.cookies.get(OLD[0])}
        assert carol.post("/enter", word="open sesame", token=token).status == 204
        assert carol.user["name"] == "carol in the cave"


def test_what_another_chat_leaves_under_an_old_name_wins_over_nothing(chat, other, people):
    carol, stranger, somebody = people(chat, "carol of today"), people(other, "of another chat"), people(chat)
    somebody.look("/")
    somebody_s_token = somebody.token()
    for person in (carol, somebody):
        person.cookies |= as_before(stranger)
    assert carol.user["name"] == "carol of today"
    assert somebody.post("/sign-in", name="undisturbed", token=somebody_s_token).status == 200
    assert somebody.user["name"] == "undisturbed"


def test_signing_out_removes_the_old_cookie_too_but_not_another_chats(chat, other, people):
    carol, stranger = people(chat, "carol who leaves"), people(other, "of yet another")
    old = as_before(carol)
    carol.cookies |= old
    assert set_by(carol.post("/sign-out")) >= {carol.session_cookie, OLD[0]}
    assert not {carol.session_cookie, OLD[0]} & set(carol.cookies) and carol.user is None
    carol.cookies |= {OLD[0]: old[OLD[0]]}
    assert carol.user is None, "and the session is over"
    carol.sign_in("carol who comes back")
    carol.cookies |= as_before(stranger)
    carol.post("/sign-out")
    stranger.cookies = carol.cookies
    assert stranger.user["name"] == "of yet another"
