"""The event stream's cases in real engines: what our parser makes of the bytes is what every browser makes of them."""

import json

import pytest

from tests.browser.event_streams import COLLECT, answering
from tests.support.eventsource import Event
from tests.support.stream_cases import BY_OUR_ENCODER, CASES

# Where an engine is known not to keep to the standard; none of our own frames is among it. Firefox takes null
# characters away (the third event is called `name` then), passes over an event whose id has one, and over an id without
# data.
OTHERWISE = {
    "firefox": {
        "an id without data": [Event("message", "a", "")],
        "an id with a null character": [Event("message", "a", "1")],
        "null characters": [Event("message", "", ""), Event("message", "ab", "")],
    },
}
MANY = 1000  # ends of a connection: each try at a server that is still away is one
NAMES = sorted({"message", *(event.type for case in CASES for event in case.heard)})

# Engines write to the console what they could not load.
REFUSALS = "EventSource|event-stream|Failed to load|CORS|origin|Access|interrupted|connection|favicon"


@pytest.fixture(scope="module")
def streams():
    with answering() as answers:
        yield answers


@pytest.fixture(scope="module")
def elsewhere():
    """Another origin: the same host on another port."""
    with answering() as answers:
        yield answers


@pytest.fixture
def page(engine, streams):
    return engine.open(f"{streams.base_url}/page", forgives=REFUSALS)


def collect(page, url, ends=1, names=NAMES, **options):
    """The events that an EventSource hears until its connection has ended so often, and how it stood."""
    page.run(COLLECT, url, names, ends, options)
    page.wait("self.heard.isOver")
    heard = page.run("self.heard")
    return [Event(*event) for event in heard["events"]], heard["states"]


def test_every_engine_hears_of_each_case_what_the_standard_says(page, streams, engine):
    found = {case.name: collect(page, streams.say(f"/cases/{case.name}", case.body))[0] for case in CASES}
    assert not {case.name for case in BY_OUR_ENCODER} & OTHERWISE.get(engine.name, {}).keys()
    otherwise = {case.name: found[case.name] for case in CASES if found[case.name] != case.heard}
    assert otherwise == OTHERWISE.get(engine.name, {})


def test_it_comes_back_after_the_time_that_was_said_with_the_last_id(page, streams):
    """The browsers' own time is 3 to 5 s, and what is no number is passed over."""
    url = streams.say("/back", b"retry: 50\nretry: 9x\nid: 1\ndata: a\n\nid: unclosed\ndata: b\n",
                      b"id: 2\ndata: c\n\n", b"id\ndata: d\n\n", b"data: e\n\n")
    events, states = collect(page, url, ends=4)
    assert [event.data for event in events] == ["a", "c", "d", "e"]
    asked = streams.asked["/back"][:4]
    assert [each.get("last-event-id") for each in asked] == [None, "1", "2", None]
    assert {each["accept"] for each in asked} == {"text/event-stream"}
    assert all("no-cache" in each.get("cache-control", "no-cache") for each in asked)
    assert states == ["open", "connecting"] * 4


def test_ids_come_back_as_they_were_in_any_letters(page, streams):
    url = streams.say("/letters", "retry: 50\nid: …ж\ndata: a\n\n".encode(), b"data: b\n\n")
    events, _ = collect(page, url, ends=2)
    assert [event.last_event_id for event in events] == ["…ж", "…ж"]
    assert streams.asked["/letters"][1]["last-event-id"].encode("latin-1").decode() == "…ж"


def test_any_other_answer_ends_it_for_good_and_hides_the_status(page, streams):
    """This is why over the budget the answer is 200 and `mode`, and why the page's script asks /poll then."""
    answers = [(status, {}) for status in (204, 400, 401, 404, 429, 500, 503)]
    answers += [(200, {"Content_Type": each}) for each in ("text/plain", "text/html", "text/event-streams",
                                                           "application/x-dom-event-stream")]
    for number, (status, headers) in enumerate(answers):
        body = b"data: unheard\n\n" if status != 204 else b""
        url = streams.say(f"/refused{number}", body, status=status, **headers)
        assert collect(page, url) == ([], ["closed"]), (status, headers)


def test_the_type_may_have_parameters_and_it_is_utf_8(page, streams):
    for number, content_type in enumerate(["text/event-stream; charset=utf-8", "TEXT/Event-Stream"]):
        url = streams.say(f"/type{number}", "data: ß…\n\n".encode(), Content_Type=content_type)
        assert collect(page, url)[0] == [Event("message", "ß…", "")], content_type


def test_a_redirect_is_followed(page, streams):
    target = streams.say("/target", b"data: there\n\n")
    url = streams.say("/redirect", b"", status=307, Location=target)
    assert [event.data for event in collect(page, url)[0]] == ["there"]


# Another origin


def test_what_another_origin_may_hear_is_for_the_server_to_say(page, streams, elsewhere):
    origin = streams.base_url
    body = b"retry: 50\nid: 7\ndata: a\n\n"
    admitted = {"Access_Control_Allow_Origin": origin, "Access_Control_Allow_Credentials": "true"}
    anybody = {"Access_Control_Allow_Origin": "*"}
    another = {"Access_Control_Allow_Origin": "https://evil.example", "Access_Control_Allow_Credentials": "true"}
    expected = [(admitted, True, True), (admitted, False, True), (anybody, False, True), (anybody, True, False),
                (another, False, False), ({}, False, False)]
    for number, (headers, with_credentials, is_heard) in enumerate(expected):
        url = elsewhere.say(f"/cors{number}", body, **headers)
        events, states = collect(page, url, withCredentials=with_credentials)
        assert bool(events) == is_heard, (headers, with_credentials)
        assert states == (["open", "connecting"] if is_heard else ["closed"])
        assert elsewhere.asked[f"/cors{number}"][0]["origin"] == origin


def test_the_last_id_goes_to_another_origin_without_a_question_beforehand(page, streams, elsewhere):
    """A server that answers no OPTIONS would never hear of it otherwise."""
    url = elsewhere.say("/again", b"retry: 50\nid: 7\ndata: a\n\n", Access_Control_Allow_Origin=streams.base_url)
    events, _ = collect(page, url, ends=2)
    assert len(events) == 2
    assert elsewhere.asked["/again"][1]["last-event-id"] == "7"


# Through our worker


def test_what_people_write_comes_through_our_worker_unharmed(engine, chat, alice, garden):
    """What looks like a frame is text; the engine's own parser says so."""
    page = engine.open(f"{chat.base_url}/robots.txt", alice.cookies, forgives="favicon")
    cursor = alice.cursor()
    texts = ["data: x\n\nevent: remove\ndata: {}", "a\u2028b\u2029c", "\ufeffbom", "id: 1\nretry: 1", ": comment",
             "é 🙂 ж", "x" * 4000]
    said = [alice.say(text, room=garden) for text in texts]
    page.run(COLLECT, f"{chat.base_url}/stream?room={garden}&since={cursor}", ["hello", "message", "remove"], 1, {})
    page.wait("count => self.heard.events.length === count", 1 + len(said))
    hello, *messages = page.run("self.heard.events")
    assert hello[0] == "hello"
    assert [name for name, _, _ in messages] == ["message"] * len(said)
    assert [json.loads(data) for _, data, _ in messages] == said
    assert [int(last_id) for _, _, last_id in messages] == [message["id"] for message in said]


def test_an_engine_comes_back_to_our_worker_with_its_last_id_and_misses_nothing(engine, serving, people):
    """No script of ours: the browser's own coming back, as another page's reader has it."""
    server = serving()
    alice = people(server, "alice")
    page = engine.open(f"{server.base_url}/robots.txt", alice.cookies, forgives=REFUSALS)
    page.run(COLLECT, f"{server.base_url}/stream?room=lobby", ["message", "hello"], MANY, {})
    page.wait("self.heard.events.length === 1")
    first = alice.say("before")
    page.wait("self.heard.events.length === 2")
    server.stop()
    server.start()
    alice.close()
    second = alice.say("after")
    page.wait("self.heard.events.some(event => event[1].indexOf('after') > 0)")
    messages = [json.loads(data) for name, data, _ in page.run("self.heard.events") if name == "message"]
    assert messages == [first, second]
