"""Moving a chat from one database to another: everything arrives, once, and at most one of them can be written."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import func, insert, select, text

from chat.core import config as configuration
from chat.core.config import Config
from chat.core.errors import ChatError, ConfigError
from chat.domain import moderation, rooms
from chat.store import Store, creation, engines, versions
from chat.store import move as moving
from chat.store.schema import inbox, metadata
from chat.store.tables import events, facts
from tests.support.chats import Chat, opened
from tests.support.postgres import Postgres

TOP = Path(__file__).parents[3]
PASSWORD = "not-to-be-shown"
DYING = """
import os, signal
from chat.cli import main
from chat.store import move
from chat.store.{module} import moving as engine

step, left = {place}.{name}, [{times}]

def last(*arguments):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return step(*arguments)

{place}.{name} = last
move.PIECE_ROWS = 7
main()
"""


class Ends(NamedTuple):
    """Where the chat is, and where it is to go, each as a URL and as the settings of a chat there."""

    url: str
    there: dict[str, str]
    new_url: str
    new: dict[str, str]

    @property
    def config(self) -> Config:
        return configuration.load(self.there)

    @property
    def new_config(self) -> Config:
        return configuration.load(self.new)


@pytest.fixture(params=["from a file", "to a file"])
def ends(request, tmp_path: Path, postgres: Postgres) -> Ends:
    file, server = tmp_path / "file", tmp_path / "server"
    server.mkdir()
    url = postgres.database()
    sides = [
        (f"sqlite:///{file / 'longwave.db'}", {"CHAT_INSTANCE": str(file)}),
        (url, {"CHAT_INSTANCE": str(server), "CHAT_DATABASE_URL": url}),
    ]
    there, new = sides if request.param == "from a file" else reversed(sides)
    return Ends(*there, *new)


@contextmanager
def at(environ: dict[str, str]) -> Iterator[Chat]:
    with opened(Path(environ["CHAT_INSTANCE"]), database_url=environ.get("CHAT_DATABASE_URL", "")) as chat:
        yield chat


@pytest.fixture
def old(ends: Ends) -> Iterator[Chat]:
    """A chat with something in it, which goes on running."""
    with at(ends.there) as chat:
        alice, bob = chat.guest("alice"), chat.guest("bob ☕")
        for number in range(29):
            chat.post(alice if number % 2 else bob, f"message {number} — “ü” 🙂 \\N \t \\.", client_id=f"c{number}")
        chat.store.write(rooms.open_room, bob, "Garden", None, "flowers, and 'quotes'")
        removed = chat.post(bob, "soon gone")["id"]
        chat.store.write(moderation.remove_message, None, removed)
        chat.store.write(lambda tx: tx.connection.execute(
            insert(inbox).values(room="lobby", author="x", body="refused", reason="no such thing")))
        yield chat


def move(ends: Ends) -> list[str]:
    told: list[str] = []
    with engines.opened_at(ends.url, ends.config) as source, engines.opened_at(ends.new_url, ends.config) as target:
        moving.move(source, target, told.append)
    return told


def cancel(ends: Ends) -> None:
    with engines.opened_at(ends.url, ends.config) as source:
        moving.cancel(source)


def command(ends: Ends, *arguments: str, program: str = "from chat.cli import main; main()"):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")} | ends.there
    return subprocess.run([sys.executable, "-c", program, *arguments], cwd=TOP, env=environ, text=True,
                          capture_output=True, timeout=120)


def killed(ends: Ends, place: str, name: str, times: int) -> None:
    """A mover that is killed at its step of this name, after so many of them."""
    module = "sqlite" if ends.new_url.startswith("sqlite") else "postgres"
    program = DYING.format(module=module, place=place, name=name, times=times)
    ended = command(ends, "move", "--from", ends.url, "--to", ends.new_url, program=program)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def rows_of(store: Store) -> dict[str, list[tuple]]:
    """Everything that moves, in the order of the rows' texts."""
    with store.read() as connection:
        return {name: sorted((tuple(row) for row in connection.execute(select(table))
                              if name != "facts" or row[0] not in moving.OWN_FACTS), key=repr)
                for name, table in metadata.tables.items()}


def is_refused(deed: Callable[[], object]) -> bool:
    try:
        deed()
    except ChatError as error:
        return error.code == "busy"
    return False


def opens(config: Config) -> bool:
    store = Store(config)
    try:
        return not is_refused(store.check)
    finally:
        store.stop()


def append(tx) -> int:
    return tx.append("room:1", "message", "{}")


def test_everything_arrives_and_numbers_go_on(ends: Ends, old: Chat):
    users = metadata.tables["users"]
    gone = old.guest("gone")
    old.store.write(lambda tx: tx.connection.execute(text(f"DELETE FROM sessions WHERE user_id = {gone.id}")))
    old.store.write(lambda tx: tx.connection.execute(users.delete().where(users.c.id == gone.id)))
    before, reader = rows_of(old.store), old.another_hub()
    told = move(ends)
    assert "messages: all 30" in told and "verified: all rows are the same" in told
    with at(ends.new) as new:
        assert rows_of(new.store) == before
        assert len(before["messages"]) == 30 and before["inbox"] and before["memberships"], "premise"
        assert new.guest("carol").id == gone.id + 1, "the number of a row that is gone would be given again"
        new.post(new.guest("dave"), "after the move")
        with new.store.read() as connection:
            found = [event.id for event in events.after(connection, reader.last_id, 100)]
        assert found and found[0] == reader.last_id + 1


def test_what_was_moved_moves_back(ends: Ends, old: Chat, tmp_path: Path, postgres: Postgres):
    move(ends)
    url = postgres.database() if "CHAT_DATABASE_URL" in ends.there else f"sqlite:///{tmp_path}/third/longwave.db"
    there = {"CHAT_INSTANCE": str(tmp_path / "third"), **({"CHAT_DATABASE_URL": url} if "post" in url[:4] else {})}
    with at(ends.new) as new:
        new.post(new.guest("dave"), "in the new one")
        before = rows_of(new.store)
        head = new.hub.last_id
    move(Ends(ends.new_url, ends.new, url, there))
    with at(there) as third:
        assert rows_of(third.store) == before
        assert third.store.write(append) == head + 1


def test_the_old_one_is_read_but_not_written_and_opened_by_nobody(ends: Ends, old: Chat):
    before = rows_of(old.store)
    move(ends)
    assert is_refused(lambda: old.store.write(append))
    assert is_refused(lambda: old.guest("erin"))
    assert rows_of(old.store) == before
    assert not opens(ends.config)
    with pytest.raises(ConfigError, match="has moved to another database"):
        creation.upgrade(ends.config)
    posted = command(ends, "post", "lobby", "hello", "--as", "hal")
    assert posted.returncode == 1 and "has moved to another database" in posted.stderr
    assert "Traceback" not in posted.stderr


def test_other_programs_are_refused_too(ends: Ends, old: Chat, postgres: Postgres):
    move(ends)
    wish = "INSERT INTO inbox (room, author, body) VALUES ('lobby', 'x', 'y')"
    with pytest.raises(Exception, match=versions.CLOSED):
        if ends.url.startswith("sqlite"):
            with closing(sqlite3.connect(Path(ends.there["CHAT_INSTANCE"]) / "longwave.db")) as file:
                file.execute(wish)
        else:
            postgres.query(wish, ends.url)


STEPS = [
    ("engine", "load", 0), ("engine", "load", 9), ("move", "_note", 6),
    ("engine", "go_on_from", 0), ("move", "_verify", 0), ("move.versions", "put", 1), ("move.versions", "put", 2),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step[1]} {step[2]}")
def test_whoever_was_killed_goes_on_where_they_were(ends: Ends, old: Chat, step: tuple[str, str, int]):
    before = rows_of(old.store)
    killed(ends, *step)
    assert is_refused(lambda: old.store.write(append)), "the old one would have changed when the move goes on"
    assert rows_of(old.store) == before
    assert not opens(ends.new_config), "what is not all there is served"
    assert opens(ends.config) == (step[1:] != ("put", 2))
    told = command(ends, "move", "--from", ends.url, "--to", ends.new_url)
    assert told.returncode == 0, told.stderr
    assert "Traceback" not in told.stderr and "moved:" in told.stdout
    if step[1:] == ("load", 9):
        assert "events: all" not in told.stderr and "messages: all" in told.stderr, "it began anew"
    with at(ends.new) as new:
        assert rows_of(new.store) == before
        assert new.store.write(append) == old.hub.last_id + 1


def test_a_move_that_is_over_is_told_so(ends: Ends, old: Chat):
    move(ends)
    assert ["already" in line for line in move(ends)] == [True]


def test_what_is_half_full_is_used_by_nobody(ends: Ends, old: Chat):
    killed(ends, "engine", "load", 4)
    with pytest.raises(ConfigError, match="still being moved"):
        creation.upgrade(ends.new_config)
    with pytest.raises(ConfigError, match="still being moved"):
        move(Ends(ends.new_url, ends.new, ends.url, ends.there))


def test_a_cancelled_move_gives_the_old_one_back(ends: Ends, old: Chat):
    killed(ends, "engine", "load", 4)
    assert is_refused(lambda: old.store.write(append)), "premise"
    cancelled = command(ends, "move", "--from", ends.url, "--cancel", "--yes")
    assert cancelled.returncode == 0, cancelled.stderr
    assert old.store.write(append) == old.hub.last_id
    assert opens(ends.config) and not opens(ends.new_config)
    with pytest.raises(ConfigError, match="holds something already"):
        move(ends)
    assert opens(ends.config) and not is_refused(lambda: old.store.write(append)), "it was closed for nothing"
    with pytest.raises(ConfigError, match="No move was begun"):
        cancel(ends)


def test_a_database_with_a_chat_is_never_written_over(ends: Ends, old: Chat):
    with at(ends.new) as new:
        new.post(new.guest("zoe"), "was here before")
        before = rows_of(new.store)
        with pytest.raises(ConfigError, match="holds something already"):
            move(ends)
        assert rows_of(new.store) == before
    assert not is_refused(lambda: old.store.write(append))


def test_a_move_to_somewhere_else_is_another_move(ends: Ends, old: Chat, tmp_path: Path):
    killed(ends, "engine", "load", 4)
    with pytest.raises(ConfigError, match="is being moved to"):
        move(ends._replace(new_url=f"sqlite:///{tmp_path}/elsewhere/longwave.db"))


def test_what_differs_is_found_and_nothing_is_given_up(ends: Ends, old: Chat, monkeypatch):
    noted = moving._note

    def spoil(tx, place) -> None:
        noted(tx, place)
        if place.table == "messages" and place.key:
            tx.connection.execute(text("UPDATE messages SET body = 'another' WHERE client_id = 'c7'"))

    monkeypatch.setattr(moving, "_note", spoil)
    with pytest.raises(ConfigError, match="table messages is not the same"):
        move(ends)
    assert opens(ends.config) and not opens(ends.new_config)


def test_what_no_text_holds_moves_as_what_is_shown_of_it(tmp_path: Path, postgres: Postgres):
    """A file takes from other programs what a server refuses."""
    url, instance = postgres.database(), tmp_path / "file"
    here = {"CHAT_INSTANCE": str(instance)}
    with at(here), closing(sqlite3.connect(instance / "longwave.db", isolation_level=None)) as file:
        odd = [(b"\xff\xfe", "x", "a\0b", 3), ("lobby", "y", b"\x00", None)]
        file.executemany("INSERT INTO inbox (room, author, body, client_id) VALUES (?, ?, ?, ?)", odd)
    new = here | {"CHAT_DATABASE_URL": url}
    move(Ends(f"sqlite:///{instance / 'longwave.db'}", here, url, new))
    found = postgres.query("SELECT room, author, body, client_id FROM inbox ORDER BY id", url)
    assert found == [("\ufffd\ufffd", "x", "a\ufffdb", "3"), ("lobby", "y", "\ufffd", None)]


def test_another_servers_timeline_does_not_move(ends: Ends, old: Chat):
    """Where it did, the new server would look as if it had taken over from one that had lost something."""
    with engines.opened_at(ends.url, ends.config) as source, moving._changing(source) as connection:
        moving.Transaction(connection).put_fact("timeline", "FFFFFFFF")
    move(ends)
    with at(ends.new) as new:
        with new.store.read() as connection:
            assert facts.get(connection, "timeline") != "FFFFFFFF"
        assert new.store.write(append) == old.hub.last_id + 1


@pytest.mark.parametrize("url", ["", "mysql://x:{}@y/z", "postgresql://x:{}@y", "sqlite:///{}.db",
                                 "postgresql://x:{}%zz@127.0.0.1/z", "postgresql://x:{}@127.0.0.1:1/z"])
def test_no_url_is_shown(tmp_path: Path, url: str):
    file = f"sqlite:///{tmp_path}/longwave.db"
    here = Ends(file, {"CHAT_INSTANCE": str(tmp_path)}, "", {})
    creation.upgrade(here.config)
    for arguments in (["--from", url.format(PASSWORD), "--to", file], ["--from", file, "--to", url.format(PASSWORD)]):
        answer = command(here, "move", *arguments)
        assert answer.returncode in (1, 2) and answer.stderr
        assert PASSWORD not in answer.stderr + answer.stdout and "Traceback" not in answer.stderr
    assert opens(here.config)


def test_the_mover_says_either_where_to_or_cancel(tmp_path: Path):
    here = Ends("", {"CHAT_INSTANCE": str(tmp_path)}, "", {})
    for more in ([], ["--to", "x", "--cancel"]):
        answer = command(here, "move", "--from", "x", *more)
        assert answer.returncode == 2 and "either --to or --cancel" in answer.stderr


def test_a_chat_of_no_or_another_version_does_not_move(tmp_path: Path):
    file, other = f"sqlite:///{tmp_path}/longwave.db", f"sqlite:///{tmp_path}/new/longwave.db"
    here = Ends(file, {"CHAT_INSTANCE": str(tmp_path)}, other, {})
    with pytest.raises(ConfigError, match="no chat"):
        move(here)
    assert not (tmp_path / "longwave.db").exists()
    creation.upgrade(here.config)
    with closing(sqlite3.connect(tmp_path / "longwave.db", isolation_level=None)) as database:
        database.execute("UPDATE alembic_version SET version_num = '0010'")
    with pytest.raises(ConfigError, match="longwave upgrade"):
        move(here)
    assert not (tmp_path / "new").exists()


def test_tables_are_copied_in_pieces_of_which_none_is_missing_or_twice(ends: Ends, old: Chat, monkeypatch):
    monkeypatch.setattr(moving, "PIECE_ROWS", 1)
    monkeypatch.setattr(moving, "TOLD_PIECES", 7)
    before = rows_of(old.store)
    assert "messages: 28 more of 30" in move(ends)
    with at(ends.new) as new:
        assert rows_of(new.store) == before
        with new.store.read() as connection:
            assert connection.execute(select(func.count()).select_from(metadata.tables["messages"])).scalar() == 30
