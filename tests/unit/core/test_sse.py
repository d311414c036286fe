import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.core import sse
from chat.core.errors import ChatError
from chat.core.wire import CURSOR_MAX, to_json
from tests.support.eventsource import Event, EventSource
from tests.support.stream_cases import CASES

any_text = st.text(st.characters(exclude_categories=[]) | st.sampled_from("\r\n\u2028\u2029\ufeff\0:\ud800"))
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)
names = st.sampled_from(["hello", "message", "presence", "bye"]) | st.text("abcß: \0\u2028", min_size=1)
ids = st.none() | st.integers(0, CURSOR_MAX)
sent_events = st.lists(st.tuples(names, any_json, ids, st.none() | st.integers(0, 60_000)), max_size=5)


def heard(stream: bytes, cuts: list[int]) -> tuple[list[Event], EventSource]:
    source = EventSource()
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in zip(edges, edges[1:], strict=False)]
    assert b"".join(pieces) == stream
    return [event for piece in pieces for event in source.feed(piece)], source


# The oracle: what every engine is asked, too (tests/browser/test_event_stream.py)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_oracle_parses_as_the_standard_says_however_the_bytes_are_split(case):
    assert heard(case.body, [])[0] == case.heard
    if len(case.body) < 10_000:
        assert heard(case.body, list(range(len(case.body))))[0] == case.heard


# Frames


def test_a_frame_has_its_fields_in_the_contracts_order():
    assert sse.frame("message", '{"id":57}', 57) == b'event: message\nid: 57\ndata: {"id":57}\n\n'
    assert sse.frame("typing", "{}") == b"event: typing\ndata: {}\n\n"
    assert sse.frame("bye", "{}", retry_ms=1500) == b"event: bye\nretry: 1500\ndata: {}\n\n"
    assert sse.frame("x", "{}", id=0, retry_ms=0) == b"event: x\nid: 0\nretry: 0\ndata: {}\n\n"
    assert sse.retry(873) == b"retry: 873\n\n"


@settings(deadline=None)
@given(sent=sent_events, head_ms=st.integers(0, 60_000), cuts=st.lists(st.integers(0, 5000), max_size=8))
def test_a_browser_receives_exactly_the_framed_events_however_the_bytes_are_split(sent, head_ms, cuts):
    frames = [sse.frame(name, to_json(value), id, retry_ms) for name, value, id, retry_ms in sent]
    events, source = heard(sse.retry(head_ms) + b"".join(frames), cuts)

    assert [event.type for event in events] == [name for name, *_ in sent]
    # Through json.dumps because two lone surrogates in a row are JSON's spelling of one character.
    values = [json.loads(json.dumps(value)) for _, value, *_ in sent]
    assert [json.loads(event.data) for event in events] == values
    last_ids = [""]
    for _, _, id, _ in sent:
        last_ids.append(last_ids[-1] if id is None else str(id))
    assert [event.last_event_id for event in events] == last_ids[1:]
    assert source.reconnection_time_ms == [head_ms, *(ms for *_, ms in sent if ms is not None)][-1]


@settings(deadline=None)
@given(sent=sent_events.filter(len), data=st.data())
def test_a_truncated_frame_is_dropped(sent, data):
    frames = [sse.frame(name, to_json(value), id, retry_ms) for name, value, id, retry_ms in sent]
    missing = data.draw(st.integers(1, len(frames[-1])))
    assert len(heard(b"".join(frames)[:-missing], [])[0]) == len(sent) - 1


@pytest.mark.parametrize(
    ("name", "data"),
    [("message\ndata: forged", "{}"), ("message", "{}\n\nevent: forged"), ("message", "{}\r"), ("\r", "{}")],
)
def test_no_name_and_no_data_can_begin_another_field(name, data):
    with pytest.raises(ValueError, match="line end"):
        sse.frame(name, data)


@settings(deadline=None)
@given(sent=sent_events, head_ms=st.integers(0, 60_000))
def test_the_older_dialect_tells_the_same_and_nothing_can_be_forged_in_it(sent, head_ms):
    frames = [sse.frame(name, to_json(value), id) for name, value, id, _ in sent]
    head = sse.frame("hello", "{}", id=1)
    older = sse.in_dom_dialect(sse.retry(head_ms) + head + b"".join(frames))
    blocks = older.decode().split("\n\n")[:-1]
    assert [block.split("\n")[0] for block in blocks] == ["Event: hello", *(f"Event: {name}" for name, *_ in sent)]
    assert [block.split("\n")[-1] for block in blocks[1:]] == [f"data: {to_json(value)}" for _, value, *_ in sent]
    again = b"\n\n" + older
    assert again.replace(b"\n\nEvent: ", b"\n\nevent: ")[2:] == head + b"".join(frames)


def test_readers_of_the_older_dialect_share_its_bytes():
    piece = sse.frame("message", '{"id":57}', 57) * 3
    assert sse.in_dom_dialect(piece) is sse.in_dom_dialect(piece)


# JSON


@settings(deadline=None)
@given(any_json)
def test_json_is_one_line_that_old_script_engines_can_read_too(value):
    text = to_json(value)
    assert not set(text) & set("\r\n\u2028\u2029")
    assert text.encode()
    assert json.loads(text) == json.loads(json.dumps(value))


def test_json_is_compact_and_spells_letters_as_they_are():
    assert to_json({"room": "lobby", "n": [1, "é"]}) == '{"room":"lobby","n":[1,"é"]}'
    assert to_json("\u2028\u2029\ud800\n") == r'"\u2028\u2029\ud800\n"'


def test_what_is_no_json_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        to_json(float("nan"))


# Cursors


def test_the_cursor_is_the_first_candidate_that_is_there():
    assert sse.cursor_from() is None
    assert sse.cursor_from(None, None) is None
    assert sse.cursor_from(None, "41", "7") == 41
    assert sse.cursor_from("0") == 0
    assert sse.cursor_from("0057") == 57
    assert sse.cursor_from(str(2**53 - 1)) == 2**53 - 1


@pytest.mark.parametrize(
    "text",
    ["", " ", "-1", "+1", "1.0", "1e3", "0x1", " 1", "1\n", "1_0", "٣", "１", "abc", "1;DROP", "\0"]
    + [str(2**53), "9" * 16, "0" * 17, "9" * 100_000],
)
def test_a_malformed_cursor_is_invalid_even_when_a_good_one_follows(text):
    with pytest.raises(ChatError) as refusal:
        sse.cursor_from(None, text, "5")
    assert refusal.value.code == "invalid"
