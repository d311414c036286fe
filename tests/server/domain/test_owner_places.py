"""The owner's page opens where something was refused, and says where one was what was done. Without script."""

from itertools import count
from urllib.parse import quote

import pytest

from tests.support.clients import Person

numbers = count(1)


@pytest.fixture
def barn(mayor):
    """A room that the mayor is not in, called as its address is; among many it is found by that."""
    slug = mayor.post("/rooms", name=f"barn-no-{next(numbers)}").json["slug"]
    assert mayor.post(f"/rooms/{slug}/leave").status == 204
    return slug


def card(page, place):
    """The source of what stands in the card with this id, as far as the next one."""
    after = page.raw.partition(f'id="{place}"')[2]
    assert after, f"there is no {place}"
    return after.partition('id="room-')[0]


def wrong_fields(page):
    found = [(tag, attributes) for tag in ("input", "select", "textarea") for attributes in page.find(tag)
             if "aria-invalid" in attributes]
    for _, attributes in found:
        assert "autofocus" in attributes and attributes["aria-describedby"] == "problem"
    return [attributes for _, attributes in found]


@pytest.mark.parametrize(("name", "typed"), [
    ("CHAT_KEEP_DAYS", "-1"), ("CHAT_POSTS_PER_MINUTE", "many"), ("CHAT_SITE_NAME", ""), ("CHAT_WELCOME", "x" * 1001),
    ("CHAT_ENTRY_WORD", "x" * 101)])
def test_a_wrong_setting_is_told_at_its_field_which_keeps_what_was_typed(mayor, name, typed):
    form = mayor.look("/owner").form("/owner/settings")
    answer = mayor.submit(form, **{name: typed})
    assert answer.status == 400
    field, = wrong_fields(answer.page)
    assert field["name"] == name
    assert answer.page.form("/owner/settings").fields[name] == typed
    assert len(list(answer.page.find("span", id="problem"))) == 1, "beside the field"
    assert "#problem" in answer.page.addresses, "and from the top of the page a link leads there"


@pytest.mark.parametrize(("field", "typed"), [("name", "a\u202eb"), ("topic", "x" * 201)])
def test_a_wrong_word_about_a_room_is_told_in_its_card(mayor, barn, field, typed):
    answer = mayor.submit(mayor.look(f"/owner?room={barn}").form(f"/owner/rooms/{barn}"), **{field: typed})
    wrong, = wrong_fields(answer.page)
    assert wrong["id"] == f"{field}-{barn}"
    assert answer.page.form(f"/owner/rooms/{barn}").fields[field] == typed
    assert 'id="problem"' in card(answer.page, f"room-{barn}")


def test_a_forgotten_tick_is_told_at_the_box(mayor, barn):
    form = mayor.look(f"/owner?room={barn}").form(f"/owner/rooms/{barn}/remove")
    form.fields.pop("sure", None)
    wrong, = wrong_fields(mayor.submit(form).page)
    assert wrong["name"] == "sure"


def test_a_wrong_ban_is_told_at_its_field_in_an_open_card(mayor, town, townsman):
    number = townsman(town, "erin").user["id"]
    form = mayor.look("/owner").form(f"/owner/people/{number}/ban")
    for field, typed in ("for", "ages"), ("reason", "x" * 201):
        page = mayor.submit(form, **{field: typed}).page
        wrong, = wrong_fields(page)
        assert wrong["id"] == f"{field}-{number}"
        assert "<details open>" in card(page, f"person-{number}")
    assert page.form(f"/owner/people/{number}/ban").fields["reason"] == "x" * 201


@pytest.mark.parametrize(("field", "typed"), [("name", " "), ("topic", "x" * 201), ("slug", "A b")])
def test_a_room_that_cannot_be_opened_is_told_at_the_field(mayor, field, typed):
    form = mayor.look("/rooms/new").form("/rooms")
    page = mayor.submit(form, **{"name": "Loft", field: typed}).page
    wrong, = wrong_fields(page)
    assert wrong["name"] == field
    assert len([1 for attributes in page.find("input") if "autofocus" in attributes]) == 1


def test_what_concerns_no_field_is_told_in_the_card(mayor):
    number, name = mayor.user["id"], quote(mayor.user["name"])
    answer = mayor.post(f"/owner/people/{number}/ban?name={name}", accept="text/html", reason="oops")
    assert answer.status == 403
    assert 'id="problem"' in card(answer.page, f"person-{number}")


@pytest.mark.parametrize(("act", "typed", "words"), [
    ("", {"name": "BARN for all"}, "Saved"), ("/close", {}, "now private"), ("/reopen", {}, "can find and join")])
def test_after_a_deed_one_is_at_the_room_and_told_what_happened(mayor, town, barn, act, typed, words):
    town.query("UPDATE rooms SET kind = ? WHERE slug = ?", "closed" if act == "/reopen" else "open", barn)
    form = mayor.look(f"/owner?room={barn}").form(f"/owner/rooms/{barn}{act}")
    answer = mayor.submit(form, **{name: typed[name].replace("BARN", barn) for name in typed})
    assert answer.status == 303
    address, _, anchor = answer.headers["Location"].partition("#")
    page = mayor.look(address)
    assert anchor == f"room-{barn}" and words in card(page, anchor)
    assert len(list(page.find("p", role="status"))) == 1


def test_a_removed_room_is_told_at_the_list(mayor, barn):
    answer = mayor.submit(mayor.look(f"/owner?room={barn}").form(f"/owner/rooms/{barn}/remove"), sure="on")
    address, _, anchor = answer.headers["Location"].partition("#")
    assert anchor == "rooms" and "deleted" in card(mayor.look(address), "rooms")


def test_one_comes_back_to_the_part_of_the_list_and_the_search(mayor, barn):
    answer = mayor.submit(mayor.look(f"/owner?room={barn}&name=er").form(f"/rooms/{barn}/close"))
    assert answer.headers["Location"].startswith("/owner?") and f"room={barn}" in answer.headers["Location"]
    assert "name=er" in answer.headers["Location"]


def test_a_long_search_is_cut_wherever_the_page_repeats_it(mayor):
    assert "x" * 100 not in mayor.look(f"/owner?name={'x' * 4000}").raw
    assert "x" * 100 not in mayor.look(f"/owner?room={'x' * 4000}").raw


def test_an_owner_who_is_not_in_a_private_room_is_led_to_where_she_manages_it(mayor, barn, town, townsman):
    assert mayor.post(f"/owner/rooms/{barn}/close").status == 204
    answer = mayor.get(f"/rooms/{barn}")
    assert answer.status == 303 and answer.headers["Location"].endswith(f"#room-{barn}")
    assert f"room={barn}" in answer.headers["Location"], "wherever it is in the list"
    page = mayor.look(answer.headers["Location"].partition("#")[0])
    assert "you can't read it" in card(page, f"room-{barn}").replace("&#39;", "'")
    assert mayor.get(f"/rooms/{barn}", Accept="application/json").code == "not_found"
    assert mayor.get("/rooms/nowhere-at-all").status == 404
    with Person(town) as stranger:
        assert stranger.get(f"/rooms/{barn}").status == 404
    assert townsman(town, "erin").get(f"/rooms/{barn}").status == 404


def test_a_ban_from_a_messages_page_comes_back_to_it(mayor, town, townsman):
    message = townsman(town, "erin").say("buy")
    page = mayor.look(f"/messages/{message['id']}")
    answer = mayor.submit(next(form for form in page.forms if form.action.endswith("/ban")))
    assert answer.headers["Location"] == f"/messages/{message['id']}?done=banned"
    assert "Banned." in mayor.look(answer.headers["Location"]).text


def test_words_that_nobody_wrote_are_not_shown(mayor):
    for address in "/owner?done=You+have+won&at=rooms", "/owner?done=closed&at=%3Cscript%3E":
        assert "have won" not in mayor.look(address).raw and "<script>" not in mayor.look(address).raw
