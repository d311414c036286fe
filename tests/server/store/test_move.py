"""A chat moves to another database while its server runs; whoever reads goes on there where they were."""

import pytest

from chat.store.versions import CLOSED
from tests.support.clients import Person
from tests.support.postgres import Postgres
from tests.support.serving import Server, serve

REFUSED = rf"could not save: .*{CLOSED}|can't save anything right now"


def configure(server: Server, database_url: str) -> None:
    (server.instance / "longwave.cfg").write_text(f"CHAT_DATABASE_URL = {database_url}\n")


@pytest.mark.parametrize("kind", ["from a file", "to a file"])
def test_a_reader_goes_on_with_their_cursor_and_nothing_is_lost_or_repeated(kind: str, postgres: Postgres):
    url = postgres.database()
    here, there = (url, "") if kind == "to a file" else ("", url)
    with serve(config_file=f"CHAT_DATABASE_URL = {here}\n", forgives=REFUSED) as server:
        file = f"sqlite:///{server.instance / 'longwave.db'}"
        with Person(server) as alice, Person(server) as bob:
            alice.sign_in("alice")
            bob.sign_in("bob")
            alice.say("first")
            cursor, token = alice.cursor(), alice.token()
            stream = bob.listen("room=lobby")
            alice.say("second")
            stream.expect_message("second")
            moved = server.command("move", "--from", here or file, "--to", there or file)
            assert moved.returncode == 0, moved.stderr
            third = {"token": token, "body": "third", "client_id": "third"}
            refused = alice.post("/rooms/lobby/messages", **third)
            assert (refused.status, refused.code) == (503, "busy")
            assert messages(alice, cursor) == ["second"], "what is there can be read meanwhile"
            assert stream.bodies == ["second"]
            server.stop()
            configure(server, there)
            server.start()
            with alice.also_at(None) as again:
                accepted = again.post("/rooms/lobby/messages", **third)
                assert accepted.status in (200, 201), accepted.text
                assert messages(again, cursor) == ["second", "third"]
            with bob.also_at(None) as again:
                resumed = again.listen("room=lobby", Last_Event_ID=str(stream.last_id))
                resumed.expect_message("third")
                assert resumed.bodies == ["third"]


def messages(person: Person, cursor: int) -> list[str]:
    return [event["data"]["body"] for event in person.poll_on(cursor, "room=lobby&") if event["event"] == "message"]
