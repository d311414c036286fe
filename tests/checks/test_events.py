"""The list of events is the only one: what the code sends and what the scripts listen to is compared with it."""

import re
from pathlib import Path

from chat.core import log_events
from chat.core.log_events import EVENTS
from tests.checks.sent_events import sent_events

TOP = Path(__file__).parents[2]
LINE = TOP / "static" / "js" / "line"

FOR_PAGES = [event for event in EVENTS if event.is_for_pages]


def names_in(script: str, variable: str) -> list[str]:
    """The names in the array of strings, or the keys of the object, that the script gives to the variable."""
    found = re.search(rf"\b{re.escape(variable)} = ([\[{{][^\]}}]*[\]}}]);", (LINE / script).read_text())
    assert found, f"{script} has no {variable}"
    return re.findall(r"(\w+)(?:'|: 1)", found[1])


def test_every_event_of_the_list_is_sent_and_no_other():
    assert sent_events(TOP / "chat") == {event.name for event in EVENTS}


def test_each_event_is_there_once_and_has_a_constant():
    names = [event.name for event in EVENTS]
    assert len(names) == len(set(names))
    assert all(getattr(log_events, name.upper()) == name for name in names)


def test_what_the_rows_say_fits_together():
    logged = {event.name for event in EVENTS if event.is_logged}
    for event in EVENTS:
        assert set(event.replaces) <= logged and (event.is_logged or not event.replaces), event.name
        assert event.changes_visibility in (None, *event.channels), event.name
        assert not event.rewrites or event.channels == ("room",), event.name
        assert event.channels or not event.is_logged, event.name
        assert bool(event.channels) != (event.receiver in ("one", "selftest")), event.name
        assert event.has_id or not event.is_logged, event.name


def test_the_script_listens_to_every_event_that_pages_are_sent():
    assert sorted(names_in("attempt.js", "Chat.EVENTS")) == sorted(event.name for event in FOR_PAGES)


def test_the_script_knows_which_events_are_logged():
    logged = [event.name for event in FOR_PAGES if event.is_logged]
    assert sorted(names_in("attempt.js", "Chat.LOGGED")) == sorted(logged)


def test_the_script_knows_which_logged_events_come_by_the_rooms_channel_alone_and_name_their_room():
    """`room` names it by another field, and a removed one has no file any more."""
    alone = [event.name for event in FOR_PAGES if event.is_logged and event.channels == ("room",)]
    assert sorted([*names_in("watermarks.js", "ROOM_EVENTS"), log_events.ROOM]) == sorted(alone)
