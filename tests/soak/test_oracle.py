"""The oracle of the soak finds every kind of wrong; one that finds nothing would be worth nothing."""

import json

import pytest

from bench.guests import Guest
from bench.soak.diary import SABOTAGES, Diary, Opening, Seat, diary
from bench.soak.journal import Change, Journal, Written
from bench.soak.oracle import WRONGS, judge
from bench.soak.truth import Row, Truth
from bench.soak.words import REMOVED, body, checksum, version_in

LOBBY, TIDE = "room:1", "room:2"
CAROL = Guest("carol", "", "")
ROOMS = {"lobby": 1, "tide": 2}
USERS = {"carol": 7, "dave": 8}


def message(id: int, channel: str = LOBBY, version: int = 0) -> Row:
    text = "" if version == REMOVED else body(f"bot-{id}", version)
    data = json.dumps({"id": id, "body": text}, separators=(",", ":"))
    return Row(id, channel, "message", data, id)


def move(id: int, name: str, user: int = 7) -> list[Row]:
    """A join or a leave as the log has it: the room's copy, then the user's own."""
    data = json.dumps({"room": "tide", "user": {"id": user}})
    return [Row(id, TIDE, name, data, None), Row(id + 1, f"user:{user}", name, data, None)]


def truth_of(*rows: Row) -> Truth:
    written = [(row.id, f"bot-{row.id}", json.loads(row.data)["body"]) for row in rows if row.name == "message"]
    return Truth(rows, ROOMS, USERS, written)


LOG = [message(id) for id in range(1, 31)]


def read(notes: Diary, rows: list[Row]) -> Diary:
    """Let a reader be given these events."""
    notes.start(0)
    notes.open()
    for row in rows:
        data = row.data.encode()
        notes.note(row.id, row.name, version_in(data), checksum(data))
    return notes


def seat(rooms: tuple[str, ...] | None = ("lobby",)) -> Seat:
    return Seat("carol", "stream", CAROL, rooms)


def wrongs(truth: Truth, *diaries: Diary, written: list[Written] | None = None,
           changes: list[Change] | None = None) -> dict[str, int]:
    verdict = judge(truth, diaries, [Journal(written or [], changes or [])])
    return {wrong: count for wrong, count in verdict.wrong.items() if count}


def acknowledged(id: int, *more_ids: int, has_key: bool = True) -> Written:
    return Written(f"bot-{id}", "bot", "bot", "lobby", has_key, ids=[id, *more_ids])


# Readers


def test_who_was_given_everything_once_is_content():
    assert wrongs(truth_of(*LOG), read(Diary(seat()), LOG)) == {}


@pytest.mark.parametrize(("sabotage", "found"),
                         [("drop", "lost"), ("double", "repeated"), ("swap", "out of order"), ("tear", "torn")])
def test_each_sabotage_is_found_as_what_it_is(sabotage, found):
    assert sabotage in SABOTAGES and found in WRONGS
    assert wrongs(truth_of(*LOG), read(diary(seat(), sabotage), LOG)) == {found: 1}


def test_what_came_before_a_reader_began_is_not_missed():
    notes = Diary(seat(), since=10)
    assert wrongs(truth_of(*LOG), read(notes, LOG[10:])) == {}


def test_a_reader_that_never_began_has_lost():
    assert wrongs(truth_of(*LOG), Diary(seat())) == {"lost": 1}


def test_who_names_no_room_hears_from_join_to_leave_and_no_more():
    rows = [message(1, TIDE), *move(2, "join"), message(4, TIDE), *move(5, "leave"), message(7, TIDE), message(8)]
    heard = [*rows[1:3], rows[3], *rows[4:6]]
    assert wrongs(truth_of(*rows), read(Diary(seat(None)), heard)) == {}
    assert wrongs(truth_of(*rows), read(Diary(seat(None)), [*heard, rows[6]])) == {"overheard": 1}
    assert wrongs(truth_of(*rows), read(Diary(seat(None)), [rows[0], *heard])) == {"overheard": 1}


def test_another_users_join_opens_nothing():
    rows = [*move(1, "join", user=8), message(3, TIDE)]
    assert wrongs(truth_of(*rows), read(Diary(seat(None)), [rows[2]])) == {"overheard": 1}


def test_a_name_that_the_log_does_not_have_is_found():
    notes = read(Diary(seat()), LOG)
    notes.names[3] = 1
    assert wrongs(truth_of(*LOG), notes) == {"torn": 1}


def test_an_old_text_is_stale_only_on_a_connection_that_was_opened_after_the_change():
    log = [message(1, version=1)]
    notes = read(Diary(seat()), [message(1)])
    assert notes.openings[0].first == 0
    changed_at = notes.openings[0].at + 1
    assert wrongs(truth_of(*log), notes, changes=[Change(1, 1, changed_at)]) == {}
    notes.openings = [Opening(0, changed_at + 1)]
    assert wrongs(truth_of(*log), notes, changes=[Change(1, 1, changed_at)]) == {"stale": 1}
    removed = truth_of(message(1, version=REMOVED))
    assert wrongs(removed, notes, changes=[Change(1, REMOVED, changed_at)]) == {"stale": 1}


def test_an_edit_that_another_has_replaced_may_have_been_heard_or_not():
    first, last = Row(31, LOBBY, "edit", LOG[0].data, 1), Row(32, LOBBY, "edit", LOG[0].data, 1)
    truth = truth_of(*LOG, last)
    assert wrongs(truth, read(diary(seat()), [*LOG, first, last]), read(diary(seat()), [*LOG, last])) == {}
    assert wrongs(truth, read(diary(seat()), [*LOG, first])) == {"lost": 1}
    assert wrongs(truth, read(diary(seat()), [*LOG, first, first, last])) == {"repeated": 1}
    unknown = Row(31, LOBBY, "message", LOG[0].data, 31)
    assert wrongs(truth, read(diary(seat()), [*LOG, unknown, last])) == {"overheard": 1}


def test_a_page_that_was_loaded_anew_is_judged_up_to_there():
    page = Diary(Seat("page", "page", CAROL, ("lobby",)))
    read(page, LOG[:5])
    page.ended = 5
    assert wrongs(truth_of(*LOG), page) == {}
    page.ended = 6
    assert wrongs(truth_of(*LOG), page) == {"lost": 1}


# Writers


def test_an_acknowledged_message_must_be_there_under_its_id():
    assert wrongs(truth_of(*LOG), written=[acknowledged(1), acknowledged(2, 2)]) == {}
    assert wrongs(truth_of(*LOG), written=[acknowledged(1, 2)]) == {"lost": 1}
    assert wrongs(truth_of(*LOG), written=[acknowledged(31)]) == {"lost": 1}


def test_a_message_that_was_written_twice_is_found_acknowledged_or_not():
    twice = Truth([message(1), message(2)], ROOMS, USERS, [(1, "bot-1", body("bot-1")), (2, "bot-1", body("bot-1"))])
    assert wrongs(twice, written=[acknowledged(1)]) == {"repeated": 1}
    unknown = Written("bot-1", "bot", "bot", "lobby", has_key=True)
    assert wrongs(twice, written=[unknown]) == {"repeated": 1}


def test_what_was_refused_must_not_be_there():
    refused = Written("bot-1", "form", "bot", "lobby", has_key=False, was_refused=True)
    assert wrongs(truth_of(message(1)), written=[refused]) == {"undone": 1}
    assert wrongs(truth_of(message(2)), written=[refused]) == {}


def test_nobody_knows_of_a_message_without_an_answer():
    unknown = Written("bot-1", "form", "bot", "lobby", has_key=False)
    assert wrongs(truth_of(message(1)), written=[unknown]) == {}
    assert judge(truth_of(), [], [Journal([unknown])]).in_doubt == 1


def test_one_writers_messages_stand_in_their_order():
    assert wrongs(truth_of(*LOG), written=[acknowledged(2), acknowledged(1)]) == {"out of order": 1}


def test_an_outsider_who_was_let_in_is_found():
    verdict = judge(truth_of(), [], [Journal(overheard=["/stream?room=staff was answered with 200"])])
    assert not verdict.is_clean


def test_a_message_without_its_event_is_found():
    silent = Truth([], ROOMS, USERS, [(1, "bot-1", body("bot-1"))])
    assert wrongs(silent) == {"lost": 1}
