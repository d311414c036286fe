"""Head files: a number that never goes back, under a name that nobody knows who may not read, whatever fails."""

import errno
import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from chat.domain import accounts, bots, erasure, messages, moderation, retention, rooms, sessions, site_settings
from chat.realtime.watermarks import Watermarks, naming, progress
from chat.store.tables import epochs, events
from chat.store.tables.epochs import Epoch
from tests.support.chats import Chat, opened

LOBBY = 1
ALL = 1 << 62  # what a process knows that has read all of the log


@pytest.fixture
def chat(tmp_path):
    with opened(tmp_path / "instance", heads_dir=tmp_path / "web" / "heads") as chat:
        chat.alice, chat.bob = chat.guest("alice"), chat.guest("bob")
        for user in (chat.alice, chat.bob):
            chat.store.write(rooms.join, user, "lobby")
        yield chat


@pytest.fixture
def served(chat) -> Watermarks:
    """The head files as one process keeps them, after each of its commits."""
    return another(chat)


def another(chat: Chat) -> Watermarks:
    return Watermarks(chat.config, chat.store)


def folder(chat: Chat) -> Path:
    assert chat.config.heads_dir is not None
    return chat.config.heads_dir


def files(chat: Chat) -> set[str]:
    return {path.name for path in folder(chat).iterdir()} - {"index.html"}


def number(chat: Chat, name: str) -> int:
    return int((folder(chat) / name).read_text())


def newest(chat: Chat) -> int:
    with chat.store.read() as connection:
        return events.newest_of_room(connection, LOBBY)


# The number


def test_it_is_that_of_the_newest_event_of_the_room_whatever_happened(chat, served):
    name = served.names([LOBBY], ALL)[LOBBY]
    assert number(chat, name) == newest(chat)
    said = chat.post(chat.alice, "hi")
    assert served.publish() and number(chat, name) == said["id"]
    chat.store.write(rooms.open_room, chat.bob, "Garden", None, "")
    chat.post(chat.bob, "elsewhere", room="garden")
    assert served.publish() and number(chat, name) == said["id"], "another room's is not told"
    edit, removal = (messages.edit, chat.alice, said["id"], "hello"), (messages.remove, chat.alice, said["id"])
    for verb, *arguments in (edit, removal):
        chat.store.write(verb, *arguments)
        assert served.publish() and number(chat, name) == newest(chat) > said["id"]


def test_the_web_server_may_read_it_and_nobody_can_list_the_folder(chat, served):
    before = os.umask(0o077)
    try:
        name = served.names([LOBBY], ALL)[LOBBY]
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder(chat) / name).stat().st_mode) == 0o644
    assert stat.S_IMODE(folder(chat).stat().st_mode) == 0o711 and (folder(chat) / "index.html").read_text() == ""


def test_of_two_writers_the_slower_one_does_not_set_it_back(chat, served, monkeypatch):
    """The one is stopped after it has read the log, while the other one posts and wants to publish."""
    name = served.names([LOBBY], ALL)[LOBBY]
    has_read, may_write = threading.Event(), threading.Event()
    replace = Path.replace

    def stop_before(self, path):
        if threading.current_thread().name == "slow" and path.name == name:
            has_read.set()
            assert may_write.wait(20)
        return replace(self, path)

    monkeypatch.setattr(Path, "replace", stop_before)
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 20.0)
    first = chat.post(chat.alice, "first")
    slow = threading.Thread(target=served.publish, name="slow")
    slow.start()
    assert has_read.wait(20)
    second = chat.post(chat.bob, "second")
    other = another(chat)
    quick = threading.Thread(target=other.publish)
    quick.start()
    assert number(chat, name) < first["id"]
    may_write.set()
    slow.join(20)
    quick.join(20)
    assert number(chat, name) == second["id"]


def test_whoever_hangs_inside_holds_nobody_up_and_nobody_writes_past_them(chat, served, monkeypatch):
    name = served.names([LOBBY], ALL)[LOBBY]
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.05)
    with served._progress.locked() as is_inside:
        assert is_inside
        said = chat.post(chat.alice, "hi")
        assert not another(chat).publish() and number(chat, name) < said["id"]
        assert another(chat).names([LOBBY], ALL) == {}, "a file that may be behind is not named"
    assert another(chat).publish() and number(chat, name) == said["id"]


@pytest.mark.parametrize("step", ["before it began", "with the number written", "with a draft left behind"])
def test_what_a_killed_process_has_left_undone_another_one_does(chat, served, monkeypatch, step):
    name = served.names([LOBBY], ALL)[LOBBY]
    said = chat.post(chat.alice, "hi")
    if step != "before it began":
        def die(self, path, replace=Path.replace):
            if step == "with a draft left behind" or path.name == progress.DONE:
                raise KeyboardInterrupt
            return replace(self, path)

        with monkeypatch.context() as killed:
            killed.setattr(Path, "replace", die)
            with pytest.raises(KeyboardInterrupt):
                served.publish()
        assert step != "with a draft left behind" or len(files(chat)) == 2
    assert another(chat).names([LOBBY], ALL) == {LOBBY: name} and number(chat, name) == said["id"]


def test_after_a_power_cut_which_may_have_kept_the_note_and_not_the_file_all_are_made_anew(chat, served, monkeypatch):
    name = served.names([LOBBY], ALL)[LOBBY]
    before = (folder(chat) / name).read_text()
    said = chat.post(chat.alice, "hi")
    served.publish()
    (folder(chat) / name).write_text(before)
    monkeypatch.setattr(naming, "_boot_id", lambda: "another")
    new = another(chat).names([LOBBY], ALL)[LOBBY]
    assert files(chat) == {new} != {name} and number(chat, new) == said["id"]


def test_whoever_makes_a_file_with_a_generation_that_is_over_names_none(chat, served, monkeypatch):
    served.names([LOBBY], ALL)
    chat.post(chat.alice, "a word by which the log goes on")
    late = another(chat)
    published = late._published
    monkeypatch.setattr(late, "_published", lambda: (published(), forget_what_was_done(chat))[0])
    are_there = iter([False, True])
    monkeypatch.setattr(late, "_are_there", lambda names: next(are_there))
    assert late.names([LOBBY], ALL) == {}


def forget_what_was_done(chat):
    """Between its look and its lock another process begins a generation."""
    (chat.config.instance / progress.DONE).unlink()
    another(chat).publish()


@pytest.mark.parametrize("content", ["", "{", "[1]", '["a", "b", "c", "d"]', "null"])
def test_a_damaged_progress_note_counts_as_missing(chat, served, content):
    name = served.names([LOBBY], ALL)[LOBBY]
    (chat.config.instance / progress.DONE).write_text(content)
    said = chat.post(chat.alice, "hi")
    new = another(chat).names([LOBBY], ALL)[LOBBY]
    assert files(chat) == {new} != {name} and number(chat, new) == said["id"]


@pytest.mark.parametrize("is_overtaken", [False, True], ids=["found out", "overtaken before anybody looked"])
def test_after_a_restored_backup_no_name_of_the_lost_time_comes_back(chat, served, is_overtaken):
    """Though the ids of its events do: who was let go in that time, and again after it, knows those names."""
    database, backup = chat.config.instance / "longwave.db", chat.config.instance / "backup"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    known = [served.names([LOBBY], ALL)[LOBBY]]
    leave(chat)
    known += served.names([LOBBY], ALL).values()
    lost = epoch(chat)
    chat.store.stop()
    for path in chat.config.instance.glob("longwave.db-*"):
        path.unlink()
    backup.replace(database)
    with opened(chat.config.instance, heads_dir=folder(chat)) as restored:
        if not is_overtaken:
            [known_before] = another(restored).names([LOBBY], ALL).values()
            assert known_before not in known and number(restored, known_before) == newest(restored)
        restored.store.write(rooms.leave, chat.bob, "lobby")
        restored.post(chat.alice, "hi")
        assert epoch(restored).id == lost.id, "or ids were not given again"
        [new] = another(restored).names([LOBBY], ALL).values()
        assert new not in known and files(restored) == {new}


def epoch(chat: Chat) -> Epoch:
    with chat.store.read() as connection:
        return epochs.newest(connection)


# The name


def leave(chat):
    chat.store.write(rooms.leave, chat.bob, "lobby")


def sign_out(chat):
    session = chat.store.write(accounts.sign_in, "dave", 30, sessions.From(None, ""))
    with chat.store.read() as connection:
        found = sessions.find_by_session(connection, session.key)
    chat.store.write(sessions.sign_out, found.session_id)


def is_forgotten(chat):
    chat.store.write(erasure.ask, chat.bob, "leave")


def is_banned(chat):
    chat.store.write(moderation.ban, None, chat.bob.id, "spam", None, chat.config)


def is_signed_out(chat):
    chat.store.write(moderation.end_sessions, None, chat.bob.id)


def loses_their_name(chat):
    chat.store.write(lambda tx: tx.connection.exec_driver_sql("UPDATE users SET seen_at = '2020' WHERE name = 'bob'"))
    chat.guest("bob")


def session_expires(chat):
    chat.store.write(lambda tx: tx.connection.exec_driver_sql("UPDATE sessions SET seen_at = '2020' WHERE user_id = 1"))
    retention.every_minute(chat.store, chat.config)


def bot_has_a_new_key(chat):
    for _ in range(2):
        chat.store.write(bots.add_bot, "hal")


def room_is_closed(chat):
    chat.store.write(moderation.close_room, None, "lobby")


def has_an_entry_word(chat):
    chat.store.write(site_settings.change_settings, None, {"CHAT_ENTRY_WORD": "sesame"}, chat.config)


LOSSES = [leave, sign_out, is_forgotten, is_banned, is_signed_out, loses_their_name, session_expires, bot_has_a_new_key,
          room_is_closed, has_an_entry_word]


@pytest.mark.parametrize("loss", LOSSES)
def test_it_is_another_one_when_anybody_loses_the_right_to_read_and_the_old_file_is_gone(chat, served, loss):
    old = served.names([LOBBY], ALL)[LOBBY]
    loss(chat)
    assert served.publish()
    assert old not in files(chat)
    new = served.names([LOBBY], ALL)[LOBBY]
    assert new != old and files(chat) == {new} and number(chat, new) == newest(chat)
    assert another(chat).names([LOBBY], ALL) == {LOBBY: new}, "and the same for every process"


def test_a_removed_room_has_no_file(chat, served):
    served.names([LOBBY], ALL)
    chat.store.write(moderation.remove_room, None, "lobby")
    assert served.publish() and files(chat) == set()


def test_the_loss_is_made_good_though_the_process_was_killed_right_after_the_commit(chat, served):
    old = served.names([LOBBY], ALL)[LOBBY]
    is_banned(chat)
    assert old in files(chat), "nobody has published for this to mean anything"
    assert another(chat).publish() and old not in files(chat)


def test_who_leaves_one_room_changes_nothing_in_another(chat, served):
    chat.store.write(rooms.open_room, chat.bob, "Garden", None, "")
    names = served.names([LOBBY, 2], ALL)
    chat.store.write(rooms.leave, chat.bob, "garden")
    again = served.names([LOBBY, 2], ALL)
    assert again[LOBBY] == names[LOBBY] and again[2] != names[2] and files(chat) == set(again.values())


def test_joining_and_posting_change_no_name(chat, served):
    names = served.names([LOBBY], ALL)
    chat.store.write(bots.add_bot, "hal")
    chat.store.write(rooms.join, chat.guest("carol"), "lobby")
    said = chat.post(chat.bob, "hi")
    chat.store.write(messages.remove, chat.bob, said["id"])
    assert served.names([LOBBY], ALL) == names


def test_a_process_that_does_not_know_of_the_loss_yet_names_no_file(chat, served):
    old = served.names([LOBBY], ALL)[LOBBY]
    known = newest(chat)
    leave(chat)
    assert served.names([LOBBY], known) == {} and old not in files(chat)
    assert served.names([LOBBY], newest(chat)).keys() == {LOBBY}


def test_to_publish_takes_no_look_at_the_whole_log(chat, monkeypatch):
    asked = []
    with chat.store.read() as connection:
        compiled = events._CHANNELS_AFTER.compiled(connection.dialect)
        execute = compiled.execute
        monkeypatch.setattr(compiled, "execute", lambda *call: asked.append(call[1]) or execute(*call))
        events.newest_of_rooms(connection, 7)
        driver = connection.connection.driver_connection
        [plan] = driver.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", {**compiled._literals, **asked[0]}).fetchall()
    assert "USING INTEGER PRIMARY KEY (rowid>?)" in plan[-1]


def test_it_never_comes_back(chat, served):
    seen = set()
    for _ in range(5):
        seen.add(served.names([LOBBY], ALL)[LOBBY])
        leave(chat)
        chat.store.write(rooms.join, chat.bob, "lobby")
    assert len(seen) == 5


def test_nobody_guesses_it_without_the_site_s_secret(chat, served, tmp_path):
    name = served.names([LOBBY], ALL)[LOBBY]
    assert len(name.partition(".")[0]) == 40  # 160 bits
    (chat.config.instance / "secret").write_text("a" * 64)
    assert another(chat).names([LOBBY], ALL)[LOBBY] != name and name not in files(chat)


def test_another_word_of_the_operator_s_about_who_may_read_is_another_name(tmp_path):
    names = set()
    for settings in ({}, {"public": "off"}, {"entry_word": "sesame"}):
        with opened(tmp_path / "instance", heads_dir=tmp_path / "heads", **settings) as chat:
            names.add(another(chat).names([LOBBY], ALL)[LOBBY])
            assert len(files(chat)) == 1
    assert len(names) == 3


# What can fail


def test_without_a_folder_nothing_is_written(tmp_path):
    with opened(tmp_path / "instance") as chat:
        served = another(chat)
        chat.post(chat.guest("alice"), "hi")
        assert not served.publish() and served.names([LOBBY], ALL) == {} and not served.is_used
        assert not (tmp_path / "instance" / progress.DONE).exists()


def test_a_folder_that_is_deleted_is_made_again_when_somebody_asks(chat, served):
    name = served.names([LOBBY], ALL)[LOBBY]
    for path in folder(chat).iterdir():
        path.unlink()
    folder(chat).rmdir()
    said = chat.post(chat.alice, "hi")
    assert served.publish() and not folder(chat).exists()
    assert served.names([LOBBY], ALL) == {LOBBY: name} and number(chat, name) == said["id"]


def test_a_folder_that_cannot_be_made_is_logged_once_and_no_file_is_named(chat, served, caplog):
    folder(chat).parent.write_text("a file")
    for body in ("one", "two"):
        chat.post(chat.alice, body)
        served.publish()
        assert served.names([LOBBY], ALL) == {}
    assert len(caplog.records) == 1 and "head files" in caplog.text


@pytest.mark.parametrize("folder_changes", [True, False])
def test_a_number_that_cannot_be_written_is_not_left_as_it_was(chat, served, monkeypatch, caplog, folder_changes):
    """On a full disk the file goes; where the folder may not be changed either, it is emptied."""
    name = served.names([LOBBY], ALL)[LOBBY]
    write, unlink = os.write, Path.unlink

    def full(file, content):
        if content.endswith(b"\n"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, content)

    def refuse(self, missing_ok=False):
        if self.name == name and not folder_changes:
            raise PermissionError(errno.EACCES, "Permission denied")
        unlink(self, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr("chat.realtime.watermarks.folder.os.write", full)
        patched.setattr(Path, "unlink", refuse)
        chat.post(chat.alice, "hi")
        served.publish()
        left = folder(chat) / name
        assert not left.exists() if folder_changes else left.read_text() == ""
        assert served.names([LOBBY], ALL) == {}, "everybody asks the app meanwhile"
        assert "No space left" in caplog.text
        assert not [each for each in files(chat) if each != name]
    assert served.names([LOBBY], ALL) == {LOBBY: name}, "until there is room again"
    assert number(chat, name) == newest(chat)


def test_a_file_that_a_power_cut_has_left_empty_is_written_anew(chat, served):
    name = served.names([LOBBY], ALL)[LOBBY]
    (folder(chat) / name).write_text("")
    assert served.names([LOBBY], ALL) == {LOBBY: name} and number(chat, name) == newest(chat)


def test_what_others_keep_in_the_folder_stays(chat, served):
    served.names([LOBBY], ALL)
    (folder(chat) / "notes.txt").write_text("mine")
    leave(chat)
    served.publish()
    assert files(chat) == {"notes.txt"}


# Whether the web server serves them


def site(chat, answer):
    """A web server that answers for the folder's files by `answer(path)`, and lists the folder where that is a list."""
    def fetch(address):
        name = address.removeprefix("https://example.org/heads/")
        return answer(folder(chat) / name)
    return fetch


@pytest.mark.parametrize(("answer", "is_well", "word"), [
    (lambda path: path.read_bytes() if path.is_file() else b"", True, "most reading needs no request"),
    (lambda path: b"<h1>Not found</h1>", False, "doesn't serve"),
    (lambda path: None, False, "doesn't serve"),
    (lambda path: path.read_bytes() if path.is_file() else "\n".join(os.listdir(path)).encode(), False, "lists all")])
def test_the_probe_reports_whether_the_web_server_serves_the_files(chat, served, answer, is_well, word):
    found = served.look("https://example.org/heads", site(chat, answer))
    assert found.is_well == is_well and word in str(found.words)
    assert files(chat) == set(), "and leaves nothing behind"


def test_what_was_well_is_not_looked_at_again_at_once(chat, served):
    answer = site(chat, lambda path: path.read_bytes() if path.is_file() else b"")
    found = served.look("https://example.org/heads", answer)
    assert served.look("https://example.org/heads", lambda address: pytest.fail("within the hour")) == found
    assert not served.look("https://example.org/elsewhere", lambda address: None).is_well


def test_the_probe_reports_that_nothing_can_be_written(chat, served):
    folder(chat).parent.write_text("a file")
    found = served.look("https://example.org/heads", lambda address: b"")
    assert not found.is_well and "can't be written" in str(found.words)
