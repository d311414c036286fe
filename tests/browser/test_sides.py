"""What stands beside the log and between its messages: rooms, people, rules, notes."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_looks import NOT_TEXT, in_both_schemes, ratios
from tests.browser.windows import PHONE
from tests.support.serving import eventually


def square(window, name):
    """The colour and the initial beside a name on the roster."""
    face = window.find(f'.roster li:has(.name:text-is("{name}")) .avatar')
    initial = window.style(face, "content", "::before")
    return window.style(face, "backgroundColor"), initial.strip('"')


def square_in_log(window, text):
    square = window.message(text).locator(".avatar")
    return window.style(square, "backgroundColor"), square.inner_text()


def test_rooms_have_32_px_and_44_by_touch_and_room_on_the_right_only_for_a_badge(window, alice, carol, garden):
    shed = alice.post("/rooms", name="Shed").json["slug"]
    carol.post(f"/rooms/{shed}/join")
    alice.say("News", room=shed)
    hers = window(carol, garden)
    entries = hers.find("#room-list a")
    assert {round(entry.bounding_box()["height"]) for entry in entries.all()} == {32}
    paddings = [hers.style(hers.find(f'#room-list [data-room="{room}"] a'), "paddingRight") for room in (shed, garden)]
    assert paddings == ["40px", "11px"]
    phone = window(carol, garden, **PHONE)
    phone.find("#to-rooms").tap()
    assert {round(entry.bounding_box()["height"]) for entry in phone.find("#room-list a").all()} == {44}


def test_the_account_stays_below_however_many_rooms_there_are(window, alice, carol, garden):
    for number in range(40):
        alice.post("/rooms", name=f"Room {number}")
    hers = window(carol, garden, viewport={"width": 1280, "height": 700})
    hers.expect_in_view(".rooms .account")
    assert hers.find("#room-list").evaluate("list => list.scrollHeight > list.clientHeight")
    hers.page.set_viewport_size({"width": 1280, "height": 300})
    hers.find(".rooms .account li:last-child a").scroll_into_view_if_needed()
    hers.expect_in_view(".rooms .account li:last-child a")


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "plain"])
def test_people_have_their_colour_and_initial_and_a_dot_over_the_corner(window, alice, carol, garden, has_script):
    window(alice, garden)
    alice.say("Mine", room=garden)
    live = window(carol, garden)
    expect(live.here).to_have_text(["carol", "alice"])
    hers = live if has_script else window(carol, java_script_enabled=False)
    eventually(lambda: (has_script or hers.go(f"/rooms/{garden}")) and hers.here.count() == 2)  # at another worker, too
    assert square(hers, "alice") == square_in_log(hers, "Mine")
    face, dot = hers.box(".roster .avatar >> nth=0"), hers.box(".roster .dot >> nth=0")
    assert face["width"] == face["height"] == 24
    assert dot["x"] < face["x"] + 24 < dot["x"] + dot["width"], "over the corner"
    assert dot["y"] < face["y"] + 24 < dot["y"] + dot["height"] + 1


def test_a_day_that_begins_with_what_is_new_has_one_line(window, alice, carol, chat, garden):
    carol.post(f"/rooms/{garden}/join")
    alice.say("Of today, and new", room=garden)
    hers = window(carol, garden)
    day, new = hers.box(hers.day_rules), hers.box(hers.new_rule)
    assert day["y"] == new["y"]
    label, mark = hers.box(hers.day_rules.locator("time")), hers.box(hers.new_rule.locator("span"))
    assert label["x"] + label["width"] < mark["x"], "side by side"


def test_that_it_was_edited_stands_behind_the_text(window, alice, carol, garden):
    alice.say("First", room=garden)
    alice.post(f"/messages/{alice.say('Tpyo', room=garden)['id']}/edit", body="Typo")
    hers = window(carol, garden)
    for _ in range(2):
        row = hers.message("Typo")
        text, note = hers.box(row.locator(".text")), hers.box(row.locator(".edited"))
        assert text["x"] + text["width"] <= note["x"] <= text["x"] + text["width"] + 12
        assert abs((text["y"] + text["height"]) - (note["y"] + note["height"])) < 6
        alice.post(f"/messages/{row.get_attribute('data-id')}/edit", body="Typo, and more")  # by the stream
        expect(hers.message("Typo, and more")).to_be_visible()


def test_forced_colours_leave_the_current_room_and_every_dot_and_badge(window, alice, carol, garden):
    window(alice, garden)
    shed = alice.post("/rooms", name="Shed").json["slug"]
    carol.post(f"/rooms/{shed}/join")
    alice.say("Unread", room=shed)
    hers = window(carol, garden)
    expect(hers.here).to_have_count(2)
    for scheme in in_both_schemes(hers):
        hers.page.emulate_media(forced_colors="active", color_scheme=scheme)
        assert hers.page.evaluate("matchMedia('(forced-colors: active)').matches"), "a premise"
        for shown in ".roster .dot", ".badge:not([hidden])", ".room-list .current a":
            assert min(ratios(hers, shown, "backgroundColor")) >= NOT_TEXT, (shown, scheme)
        assert min(ratios(hers, ".room-list .current a, .badge:not([hidden])")) >= 4.5
