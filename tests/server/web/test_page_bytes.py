"""No page and no list is longer than 256 KB, whatever people write; what does not fit is a step away."""

import html

import pytest

from chat.app import create_app
from chat.core import config
from tests.support.clients import Person
from tests.support.serving import serve

BOUND = 256 * 1024
WORST = "http://a" + "'" * 3991 + "a"  # a link is in the html twice, each quote as six characters
COUNT = 120


@pytest.fixture(scope="module")
def loud():
    """A server whose lobby holds more than any answer may."""
    with serve(workers=1, look_seconds=0) as server:
        yield server


@pytest.fixture(scope="module")
def dave(loud):
    with Person(loud) as person:
        yield person.sign_in("dave")


@pytest.fixture(scope="module")
def said(dave):
    """The ids of the lobby's messages, oldest first."""
    token = dave.token()
    answers = [dave.post("/rooms/lobby/messages", token=token, body=WORST) for _ in range(COUNT)]
    assert len(answers[0].json["html"]) > 40_000, "the worst that a message can become"
    return [answer.json["id"] for answer in answers]


def listed(person, query):
    answer = person.get(f"/rooms/lobby/messages?limit=200{query}")
    assert len(answer.body) <= BOUND
    return [message["id"] for message in answer.json["messages"]], answer.json["more"]


def test_a_list_of_messages_ends_before_its_bound_and_says_that_there_is_more(dave, said):
    newest, more = listed(dave, "")
    assert more and newest == said[-len(newest) :]
    middle = said[COUNT // 2]
    older, more = listed(dave, f"&before={middle}")
    assert more and older == [id for id in said if id < middle][-len(older) :]
    newer, more = listed(dave, f"&after={middle}")
    assert more and newer == [id for id in said if id > middle][: len(newer)]
    around, more = listed(dave, f"&around={middle}")
    at = said.index(around[0])
    assert more and around == said[at : at + len(around)]
    assert abs(around.index(middle) - len(around) // 2) <= 1, "in the middle"


@pytest.mark.parametrize("step", ["before", "after"])
def test_from_page_to_page_none_is_left_out(dave, said, step):
    found, more = listed(dave, "" if step == "before" else "&after=0")
    while more:
        page, more = listed(dave, f"&{step}={found[0] if step == 'before' else found[-1]}")
        found = page + found if step == "before" else found + page
    assert found == said


def test_so_do_the_pages_for_people(dave, said):
    answer = dave.get("/rooms/lobby")
    shown = [id for id in said if f'id="m{id}"' in answer.text]
    assert len(answer.body) <= BOUND and shown == said[-len(shown) :] and shown
    link = next(address for address in answer.page.addresses if "?before=" in address)
    assert link.endswith(f"before={shown[0]}")
    older = dave.get(link)
    assert len(older.body) <= BOUND and f'id="m{said[said.index(shown[0]) - 1]}"' in older.text


def test_the_live_frame_offers_the_page_anew_where_not_all_fits(dave, said):
    answer = dave.get("/rooms/lobby/refresh?since=0&wait=0")
    assert len(answer.body) <= BOUND
    assert f'id="m{said[0]}"' in answer.text and f'id="m{said[-1]}"' not in answer.text
    assert "Many new messages." in html.unescape(answer.text)


def test_addresses_that_somebody_has_typed_are_not_kept(tmp_path):
    app = create_app(config.load({"CHAT_INSTANCE": str(tmp_path / "instance"), "CHAT_PUBLIC": "off"}))
    browser = app.test_client()
    kept = [browser.get(f"/rooms/lobby?{letter * 3000}") and app._address.cache_info().currsize for letter in "abc"]
    assert browser.get("/rooms/lobby").status_code == 303 and kept[0] == kept[-1]
    app.extensions["chat"].stop()


def test_one_event_and_one_poll_stay_far_below_it(dave, said):
    answer = dave.get(f"/poll?room=lobby&since={said[0]}")
    assert answer.json["more"] and len(answer.body) <= BOUND / 2
