"""What is removed is gone: from rings and replays, and from the files; so is what is no longer kept."""

import sqlite3
import threading
import time
from contextlib import closing

import pytest

from chat.core import times
from tests.support.clients import FORM
from tests.support.serving import eventually, once_within
from tests.support.town import files_with

GONE_SECONDS = 5.0
SLOWEST_SECONDS, STOPPED_SECONDS = 2.0, 99.0


@pytest.fixture
def bob(town, townsman):
    return townsman(town, "bob")


@pytest.fixture
def dave(town, townsman):
    return townsman(town, "dave", worker=1)


def gone(town, words):
    """Wait until the words have left every file of the instance."""
    eventually(lambda: files_with(town, words) == [])


def replays(person, query=""):
    """All that can be heard from the beginning, at each worker, by poll and by stream."""
    for worker in (0, 1):
        tab = person.tab(worker)
        cursor, told = 0, ""
        while True:
            answer = tab.get(f"/poll?since={cursor}&{query}")
            told += answer.text
            if not answer.json["more"]:
                break
            cursor = answer.json["cursor"]
        yield told
        stream = tab.listen(f"since=0&{query}")
        marker = tab.say("marker", room=query.partition("=")[2] or "lobby")
        stream.expect("message", lambda message, id=marker["id"]: message["id"] == id)
        yield stream.raw.decode()


# Removed


WAYS = ["edited", "removed", "removed by the owner", "removed by command"]


@pytest.mark.parametrize("way", WAYS)
def test_it_is_gone_from_every_ring_replay_page_and_file(town, mayor, bob, dave, hall, way):
    words = f"an unmistakable sentence, {way}"
    heard = bob.listen(f"room={hall}")
    message = dave.say(words, room=hall)
    dave.post(f"/messages/{message['id']}/edit", body=f"{words}, edited")
    assert heard.expect("edit").data["body"] == f"{words}, edited"
    assert files_with(town, words), "premise"
    assert words in bob.tab(1).get(f"/poll?room={hall}&since=0").text, "premise"
    if way == "edited":
        assert dave.post(f"/messages/{message['id']}/edit", body="something else").status == 200
        heard.expect("edit")
    elif way == "removed by command":
        assert town.command("remove", str(message["id"])).returncode == 0
        heard.expect("remove")
    else:
        person = dave if way == "removed" else mayor
        assert person.post(f"/messages/{message['id']}/remove").status == 200
        heard.expect("remove")
    gone(town, words)
    for told in replays(bob, f"room={hall}"):
        assert words not in told
        assert f'"id":{message["id"]}' in told, "it is still told of"
    for path in (f"/rooms/{hall}", f"/rooms/{hall}/messages", f"/messages/{message['id']}",
                 f"/rooms/{hall}/refresh?since=0"):
        assert words not in bob.get(path).text


def test_it_leaves_the_files_within_five_seconds(town, dave, hall):
    def take_back(number):
        words = f"a sentence of little patience, {number}"
        message = dave.say(words, room=hall)
        began = time.monotonic()
        assert dave.post(f"/messages/{message['id']}/remove").status == 200
        gone(town, words)
        return time.monotonic() - began

    once_within(GONE_SECONDS, take_back)


def test_a_room_goes_with_all_that_was_said_in_it(town, mayor, bob, dave, hall):
    words = "said in a room that is no more"
    for person in (bob, dave):
        person.say(words, room=hall)
    assert mayor.post(f"/owner/rooms/{hall}/remove", sure="on").status == 204
    gone(town, words)
    for told in replays(dave):
        assert words not in told


def test_a_reader_in_the_way_only_delays_it_also_for_a_command(town, bob, dave):
    """Another program looks at the database all the while; the command has long ended when it lets go."""
    words = "a sentence that was in the way"
    messages = [dave.say(f"{words} {number}") for number in range(2)]
    with closing(sqlite3.connect(town.instance / "longwave.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchall()
        dave.post(f"/messages/{messages[0]['id']}/remove")
        assert town.command("remove", str(messages[1]["id"])).returncode == 0
        assert files_with(town, words), "premise: the reader still sees what was there"
        assert bob.say("nobody waits for it")
    gone(town, words)


@pytest.mark.parametrize("by", ["author", "owner"])
def test_the_tombstone_says_who_and_when_and_not_what(mayor, bob, dave, hall, by):
    message = dave.say("must not stay", room=hall)
    stone = (dave if by == "author" else mayor).post(f"/messages/{message['id']}/remove").json
    assert (stone["removed"], stone["removed_by"], stone["body"]) == (True, by, "")
    assert stone["removed_at"] >= message["created_at"] == stone["created_at"]
    assert f'class="gone by-{by}"' in stone["html"] and "must not stay" not in stone["html"]
    assert bob.get(f"/rooms/{hall}/messages").json["messages"][-1] == stone
    words = "Message deleted" if by == "author" else "Deleted by the owner"
    assert words in bob.look(f"/rooms/{hall}").text and words in bob.look(f"/messages/{message['id']}").text


def test_a_page_says_when_it_was_removed(bob, dave, hall):
    message = dave.say("must not stay", room=hall)
    stone = dave.post(f"/messages/{message['id']}/remove").json
    assert stone["removed_at"] in bob.look(f"/messages/{message['id']}").raw


# Removed while it is being edited


def test_an_edit_that_comes_too_late_is_refused_and_its_text_comes_back(town, mayor, dave):
    message = dave.say("must not stay")
    form = dave.look(f"/messages/{message['id']}").form("/edit")
    mayor.post(f"/messages/{message['id']}/remove")
    assert dave.post(f"/messages/{message['id']}/edit", body="edited too late").code == "not_found"
    page = dave.submit(form, body="edited too late")
    assert page.status == 404 and "edited too late" in page.page.text
    assert dave.get(f"/messages/{message['id']}").page.text.count("edited too late") == 0
    gone(town, "edited too late")


def test_of_an_edit_and_a_removal_at_once_the_removal_stays(town, mayor, bob, dave):
    heard = bob.listen("room=lobby")
    for number in range(5):
        message = dave.say(f"round {number}")
        path = f"/messages/{message['id']}"
        send = {"X_CSRF_Token": dave.token(), "Content_Type": FORM, "Accept": "application/json"}
        bodies = [f"body=a+text+of+round+{number}+{each}" for each in range(4)]
        edits = [dave.send("POST", f"{path}/edit", body, **send) for body in bodies]
        removed = mayor.post(f"{path}/remove")
        assert removed.status == 200
        assert {edit.head().status for edit in edits} <= {200, 404}
        stone = bob.get("/rooms/lobby/messages?limit=1").json["messages"][0]
        assert (stone["id"], stone["removed_by"], stone["body"]) == (message["id"], "owner", "")
        heard.expect("remove")
    gone(town, "a text of round")
    for told in replays(bob, "room=lobby"):
        assert "a text of round" not in told


# No longer kept


def make_old(town, ids, days=31):
    """As if these messages had been written so many days ago; the town keeps them for 30."""
    town.query(f"UPDATE messages SET created_at = ? WHERE id IN ({','.join(map(str, ids))})", times.ago(days=days))


def test_old_messages_go_and_no_reader_notices(town, bob, dave, hall):
    words = "said a long time ago"
    bob.post(f"/rooms/{hall}/join")
    readers = [person.listen(query) for person in (bob, dave) for query in (f"room={hall}", f"room={hall}&since=0")]
    old = [dave.say(f"{words} {number}", room=hall) for number in range(30)]
    young = dave.say("young enough", room=hall)
    for reader in readers:
        reader.expect_message("young enough")
    make_old(town, [message["id"] for message in old])
    make_old(town, [young["id"]], days=29)
    eventually(lambda: len(bob.get(f"/rooms/{hall}/messages").json["messages"]) == 1)
    gone(town, words)
    bob.say("marker", room=hall)
    for reader in readers:
        before = len(reader.events)
        reader.expect_message("marker")
        assert {event.name for event in reader.events[before:]} <= {"message", "presence", "ping"}
    for told in replays(bob, f"room={hall}"):
        assert words not in told and "young enough" in told
    for path in (f"/messages/{old[0]['id']}", f"/messages/{old[0]['id']}/edit"):
        assert bob.get(path, Accept="application/json").status in (404, 405)
    assert "young enough" in bob.look(f"/rooms/{hall}").text


def test_a_great_many_old_messages_stop_nobody(town, bob, dave, hall):
    """Messages come through while ten thousand go, which is more than one minute's share of a process."""
    heard = bob.listen(f"room={hall}")
    first = dave.say("first", room=hall)["id"]
    room_id, dave_id = town.query("SELECT room_id, author_id FROM messages WHERE id = ?", first)[0]

    def slowest(_):
        town.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
                   "INSERT INTO messages (id, room_id, author_id, body, html, html_version, created_at) "
                   "SELECT -i, ?, ?, 'a word of an old time', '', '', ? FROM n", room_id, dave_id, times.ago(days=99))
        took = []
        while town.query("SELECT 1 FROM messages WHERE expired_at IS NULL AND id < 0 LIMIT 1"):
            began = time.monotonic()
            dave.say(f"meanwhile {len(took)}", room=hall)
            heard.expect_message(f"meanwhile {len(took)}")
            took.append(time.monotonic() - began)
        town.query("DELETE FROM messages WHERE id < 0")
        return max(took) if len(took) > 1 else STOPPED_SECONDS  # or they were gone before anybody could say a word

    once_within(SLOWEST_SECONDS, slowest)
    assert heard.named("bye") == []


def test_addresses_and_browsers_are_kept_for_a_week(town, townsman):
    carol = townsman(town, "carol")
    carol.request("GET", "/rooms/lobby", User_Agent="Unmistakable/1.0")
    user_id = carol.user["id"]
    kept = "SELECT address, user_agent FROM sessions WHERE user_id = ?"
    assert town.query(kept, user_id)[0][0] == carol.address
    carol.close()
    town.query("UPDATE sessions SET seen_at = ? WHERE user_id = ?", times.ago(days=8), user_id)
    eventually(lambda: town.query(kept, user_id) == [(None, None)])
    gone(town, carol.address)
    assert carol.user["name"] == "carol", "the session goes on"


def test_writers_and_removers_at_once_leave_nothing_behind(town, people, townsman, hall):
    """Four people post, edit and remove as fast as they can, over both workers."""
    words = "whoever reads this reads too much"

    def churn(person):
        for number in range(12):
            message = person.say(f"{words} {number}", room=hall)
            person.post(f"/messages/{message['id']}/edit", body=f"{words}, edited {number}")
            person.post(f"/messages/{message['id']}/remove")

    churners = [townsman(town, f"churner {number}", worker=number % 2) for number in range(4)]
    threads = [threading.Thread(target=churn, args=(churner,)) for churner in churners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gone(town, words)
    for told in replays(churners[0], f"room={hall}"):
        assert words not in told
