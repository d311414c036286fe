"""Becoming the owner: by the link of the first start, once; nobody else is told that there is such a page."""

import re
import stat

import pytest

from tests.support.serving import eventually, serve
from tests.support.town import Townsman, an_address

LINK = re.compile(r"http://[\d.]+:\d+(/owner/claim\?code=([\w-]{32}))$", re.MULTILINE)


@pytest.fixture(scope="module")
def village():
    """A chat that nobody owns yet, with flood control."""
    with serve(look_seconds=0, trusted_proxies="127.0.0.1", limits="on") as server:
        yield server


def is_owner(person):
    return person.get("/owner").status == 200


def new_code(server):
    done = server.command("owner")
    assert done.returncode == 0
    return LINK.search(done.stdout)[2]


def claim(person, code, **options):
    return person.post("/owner/claim", code=code, **options)


def test_the_first_start_prints_a_link_and_keeps_its_code_for_the_operator(village):
    links = eventually(lambda: LINK.findall(village.log))
    assert len(links) == 1, "one, whatever the number of workers"
    path = village.instance / "owner-code"
    assert path.read_text().strip() == links[0][1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_code_is_in_no_line_that_notes_a_request(village, townsman):
    code = LINK.search(village.log)[2]
    townsman(village).get(f"/owner/claim?code={code}")
    assert village.log.count(code) == 1


def test_by_forms_alone_from_the_link_to_the_page(village, townsman):
    """A preview, or a look at the page, does not use the code up; the button does."""
    address, code = LINK.search(village.log).groups()
    alice = townsman(village)
    assert alice.request("HEAD", address).status == alice.get(address).status == 303
    answer = alice.get(address)
    question = alice.look(answer.headers["Location"])
    answer = alice.submit(question.form("/sign-in"), name="alice")
    assert (answer.status, answer.headers["Location"]) == (303, address)
    for _ in range(3):
        button = alice.look(address).form("/owner/claim")
    assert not is_owner(alice) and (village.instance / "owner-code").exists()
    answer = alice.submit(button)
    assert (answer.status, answer.headers["Location"]) == (303, "/owner")
    assert is_owner(alice) and not (village.instance / "owner-code").exists()
    again = alice.submit(button)
    assert (again.status, again.headers["Location"]) == (303, "/owner"), "the same form has the same answer"
    another = alice.submit(button, form_id="another")
    assert another.status == 403 and "has been used" in another.page.text
    assert is_owner(alice)
    bob = townsman(village, "bob")
    assert claim(bob, code).code == "forbidden" and not is_owner(bob)


def test_where_there_is_an_owner_the_next_start_prints_no_link(village, townsman):
    if not village.query("SELECT 1 FROM users WHERE is_owner"):
        claim(townsman(village, "alice the first"), new_code(village))
    said = len(village.log)
    village.stop()
    village.start()
    assert LINK.findall(village.log[said:]) == []
    assert not (village.instance / "owner-code").exists()


def test_a_new_link_by_command_voids_the_one_before(village, townsman):
    first = new_code(village)
    second = new_code(village)
    path = village.instance / "owner-code"
    assert path.read_text().strip() == second and stat.S_IMODE(path.stat().st_mode) == 0o600
    carol = townsman(village, "carol")
    assert claim(carol, first).code == "forbidden" and not is_owner(carol)
    assert claim(carol, second).status == 204 and is_owner(carol)


@pytest.mark.parametrize("forged", ["", "x", "x" * 32, "\0", "é", "%ff", "' OR 1=1 --", None])
def test_a_forged_code_is_refused(village, townsman, forged):
    mallory = townsman(village, "mallory")
    answer = claim(mallory, forged) if forged is not None else mallory.post("/owner/claim")
    assert (answer.status, answer.code) == (403, "forbidden")
    assert not is_owner(mallory)


def test_attempts_are_limited_over_both_workers_and_over_new_names(village, townsman):
    address = an_address()
    code = new_code(village)
    statuses = []
    for number in range(8):
        guesser = townsman(village, f"guesser {number}", worker=number % 2, address=address)
        statuses.append(claim(guesser, f"guess {number}").status)
    assert statuses == [403] * 5 + [429] * 3
    answer = claim(guesser, code)
    assert (answer.status, answer.code) == (429, "slow_down"), "not even the right one, now"
    assert 1 <= int(answer.headers["Retry-After"]) <= 21
    assert not is_owner(guesser)
    elsewhere = townsman(village, "the owner to be")
    assert claim(elsewhere, code).status == 204, "whoever has the link is not kept out by whoever guesses"


def test_a_visitor_is_asked_for_a_name_first(village, townsman):
    code = new_code(village)
    visitor = townsman(village)
    assert claim(visitor, code).code == "sign_in"
    assert claim(visitor, code, token="").code == "csrf"
    assert claim(townsman(village, "second owner"), code).status == 204, "the code was not used up"


def test_of_many_who_press_at_once_one_becomes_the_owner(village):
    for round_number in range(2):
        code = new_code(village)
        people = [Townsman(village, number % 2, an_address()) for number in range(6)]
        for number, person in enumerate(people):
            person.sign_in(f"hasty {round_number} {number}")
        form = {"Content_Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        tokens = [person.token() for person in people]
        pressed = [person.send("POST", "/owner/claim", f"code={code}", X_CSRF_Token=token, **form)
                   for person, token in zip(people, tokens, strict=True)]
        statuses = [each.head().status for each in pressed]
        assert sorted(statuses) == [204] + [403] * 5
        assert [is_owner(person) for person in people] == [status == 204 for status in statuses]
        for person in people:
            person.close()


# Nobody else


GUARDED = ["/owner/rooms/lobby", "/owner/rooms/lobby/close", "/owner/rooms/lobby/reopen", "/owner/rooms/lobby/remove",
           "/owner/people/1/ban", "/owner/people/1/unban", "/owner/people/1/end-sessions", "/owner/settings"]


@pytest.mark.parametrize("who", ["a guest", "a visitor", "a bot"])
def test_nobody_else_is_told_that_there_is_such_a_page(town, mayor, townsman, who):
    before = town.query("SELECT count(*) FROM acts")
    person = townsman(town, "bob" if who != "a visitor" else None)
    headers = {}
    if who == "a bot":
        headers = {"Authorization": "Bearer " + town.command("bot", "add", "hal").stdout.strip()}
    nowhere = person.get("/owner-of-nowhere")
    for accept in ("application/json", "text/html"):
        answer = person.get("/owner", Accept=accept, **headers)
        assert answer.status == 404
        for path in GUARDED:
            for fields in ("", "for=nonsense", "sure=on&name=Mine&for=1h&CHAT_SITE_NAME=Mine"):
                answer = person.request("POST", path, fields, Accept=accept, X_CSRF_Token=person.token(),
                                        Content_Type="application/x-www-form-urlencoded", **headers)
                assert answer.status == 404, path
    assert person.get("/owner").page.text == nowhere.page.text
    assert town.query("SELECT count(*) FROM acts") == before
    assert mayor.get("/owner").status == 200, "premise"


def test_an_owners_acts_need_the_token(mayor, town):
    before = town.query("SELECT count(*) FROM acts")
    for path in GUARDED:
        assert mayor.post(path, token="", sure="on").code == "csrf"
        assert mayor.request("POST", path, "sure=on", Origin="https://evil.example", X_CSRF_Token=mayor.token(),
                             Accept="application/json").code == "forbidden"
    assert town.query("SELECT count(*) FROM acts") == before
