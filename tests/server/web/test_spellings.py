"""An address that was typed or passed on in another spelling leads to the page that is meant."""

from urllib.parse import quote

import pytest

from tests.support.serving import serve

LOBBY = ("/rooms/lobby/", "/rooms/Lobby", "/rooms/LOBBY/", "/Rooms/lobby", "/rooms/lobby//", "/rooms/lobby.",
         "/rooms/lobby)", "/rooms/lobby,", "/rooms/lobby%20", "/rooms/%20lobby", "/rooms/lobby%E2%80%9D",
         "/rooms/lobby%3E", "/rooms/" + quote("ｌｏｂｂｙ"), "/rooms/lob%E2%80%8Bby", "/rooms/l%C3%B3bby",
         "/rooms/lobby%0A")
PAGES = {"/sign-in/": "/sign-in", "/me/": "/me", "/device/": "/device", "/rooms/new/": "/rooms/new",
         "/rooms/New": "/rooms/new", "/rooms/": "/", "/Selftest.": "/selftest",
         "/Help/": "/help", "/Sign_In": "/sign-in"}


def led(answer):
    assert answer.status == 302, answer.status
    assert answer.headers["Cache-Control"] == "no-store", "the room may be another's tomorrow"
    return answer.headers["Location"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("address", LOBBY)
def test_a_room_is_found_in_other_spellings(carol, visitor, address, method):
    assert led(carol.request(method, address)) == "/rooms/lobby"
    assert led(visitor.request(method, address)) == "/rooms/lobby"


@pytest.mark.parametrize("address", PAGES)
def test_other_pages_are_found_as_well(carol, address):
    assert led(carol.get(address)) == PAGES[address]
    assert carol.get(PAGES[address]).status in (200, 303), "a page, or the way past it"


def test_the_list_of_rooms_for_programs_leads_people_home(carol):
    answer = carol.get("/rooms", Accept="text/html")
    assert (answer.status, answer.headers["Location"]) == (303, "/")


def test_a_message_and_its_query_are_kept(carol):
    number = carol.say("here")["id"]
    assert led(carol.get(f"/messages/{number}.")) == f"/messages/{number}"
    assert led(carol.get(f"/rooms/Lobby/?before={number}&x=%C3%A9+1")) == f"/rooms/lobby?before={number}&x=%C3%A9+1"


def test_spaces_in_a_rooms_address_are_its_hyphens(carol, gardener):
    slug = gardener.post("/rooms", name="Tea Garden 7").json["slug"]
    assert led(carol.get("/rooms/Tea%20Garden%207")) == f"/rooms/{slug}"
    assert led(carol.get("/rooms/tea_garden_7/")) == f"/rooms/{slug}"


@pytest.mark.parametrize("address", ["/rooms/nope/", "/rooms/NOPE", "/rooms/%E6%97%A5", "/rooms/!!!nope", "/nope/",
                                     "/rooms/lobby/nope/", "/STATIC/css/base.css", "/Scripts/room",
                                     "/robots.txt/", "/.well-known/security.txt)"])
def test_what_is_not_there_is_still_not_found(carol, address):
    assert carol.get(address).status == 404


def test_programs_are_told_as_before(carol, hal):
    for address in ("/rooms/Lobby", "/rooms/lobby/", "/poll/", "/session/", "/rooms/Lobby/messages", "/stream/",
                    "/healthz/"):
        assert carol.get(address, Accept="application/json").code == "not_found", address
        assert hal.get(address).code == "not_found", address
    for address in "/rooms/Lobby/messages", "/rooms/lobby/messages/":
        assert carol.post(address, body="lost").code == "not_found"
        assert carol.post(address, body="lost", accept="text/html").status == 404


@pytest.mark.parametrize("spelling", ["/rooms/{}/", "/rooms/{}.", "/rooms/{}%20"])
def test_a_private_room_is_as_unknown_by_another_spelling(chat, carol, visitor, gardener, spelling):
    slug = gardener.post("/rooms", name="Den").json["slug"]
    assert led(carol.get(spelling.format(slug))) == f"/rooms/{slug}", "it is known while it is open"
    chat.query("UPDATE rooms SET kind = 'closed' WHERE slug = ?", slug)
    for stranger in carol, visitor:
        private, unknown = (stranger.get(spelling.format(name)) for name in (slug, "den-of-nobody"))
        assert private.status == unknown.status == 404
    assert led(gardener.get(spelling.format(slug))) == f"/rooms/{slug}"
    chat.query("UPDATE rooms SET kind = 'removed', slug = '~' || id, name = '' WHERE slug = ?", slug)


def test_where_a_name_is_needed_it_is_asked_for_whether_there_is_such_a_room_or_not(people):
    with serve(workers=1, public="off") as server:
        stranger = people(server)
        for name in "Lobby", "lobby/", "Nope", "nope/":
            answer = stranger.get(f"/rooms/{name}")
            assert (answer.status, answer.headers["Location"]) == (303, f"/sign-in?next=/rooms/{name}"), name
        stranger.close()


def test_the_path_below_which_the_site_lies_is_kept(people):
    with serve(workers=1, environ={"SCRIPT_NAME": "/chat"}) as server:
        alice = people(server, "alice")
        assert led(alice.get("/rooms/Lobby/?x=1")) == "/chat/rooms/lobby?x=1"
        assert led(alice.get("/me/")) == "/chat/me"
        alice.close()


def test_a_link_that_works_once_may_have_a_full_stop_behind_it(carol, visitor):
    link = carol.post("/device").json["link"]
    code = link.partition("code=")[2]
    form = next(form for form in visitor.look(f"/device?code={code}.%20)").forms if form.action == "/device/use")
    assert form.fields["code"] == code
