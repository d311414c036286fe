"""Signing out says what it does, and offers a link that brings one back."""

import pytest

from chat.core import times
from chat.web import qr


def link_of(person):
    answer = person.submit(person.look("/sign-out").form("/sign-out/link"))
    link = next(answer.page.find("input", id="link"))["value"]
    return answer.page, link[link.index("/device"):]


def test_the_link_brings_back_whoever_has_signed_out_once(people, chat, visitor):
    carol = people(chat, "carol who returns")
    me = carol.user
    page, link = link_of(carol)
    carol.submit(page.form("/sign-out"))
    assert carol.user is None
    carol.submit(carol.look(link).form("/device/use"))
    assert carol.user == me
    assert visitor.submit(visitor.look(link).form("/device/use")).status == 400, "once"


def test_it_lives_for_seven_days_and_a_new_one_voids_it(people, chat, visitor):
    carol = people(chat, "carol who waits")
    (_, first), (_, second) = link_of(carol), link_of(carol)
    chat.query("UPDATE device_codes SET created_at = ?", times.ago(days=6))
    assert visitor.submit(visitor.look(first).form("/device/use")).status == 400
    chat.query("UPDATE device_codes SET good_until = ? WHERE user_id = ?", times.ago(seconds=1), carol.user["id"])
    assert visitor.submit(visitor.look(second).form("/device/use")).status == 400


def test_being_forgotten_voids_it(people, chat, visitor):
    carol = people(chat, "carol who wants no return")
    _, link = link_of(carol)
    carol.post("/me/forget", choice="remove")
    assert visitor.submit(visitor.look(link).form("/device/use")).status == 400


def test_it_says_what_it_does(alice):
    assert "the name stays taken" in alice.look("/sign-out").text
    assert "/sign-out" in alice.look("/").addresses


@pytest.mark.parametrize(("page", "form"), [("/device", "/device"), ("/sign-out", "/sign-out/link")])
def test_a_link_is_drawn_for_a_camera_and_its_page_is_not_kept(people, chat, page, form):
    carol = people(chat, f"carol at {page}")
    answer = carol.submit(carol.look(page).form(form))
    assert answer.headers["Cache-Control"] == "no-store"
    link = next(answer.page.find("input", id="link"))["value"]
    picture, = answer.page.find("div", role="img")
    assert picture["aria-label"] == "QR code for this link"
    assert str(qr.svg(link)) in answer.text


def test_whoever_is_out_already_goes_home(visitor):
    answer = visitor.get("/sign-out")
    assert (answer.status, answer.headers["Location"]) == (303, "/")


def test_an_owner_is_told_what_it_means_for_an_owner(townsman, town, mayor):
    told = "You're the owner of this chat"
    assert told in mayor.look("/sign-out").text
    assert told not in townsman(town, "carol who owns nothing").look("/sign-out").text
