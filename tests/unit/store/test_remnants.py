"""Copies of rows that SQLite leaves in its pages are found by the forms of its file, and wiped, and nothing else is."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chat.store.sqlite import remnants
from chat.store.sqlite.remnants import Remnants, changed_pages

TEXT = "an unmistakable sentence"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


@pytest.fixture
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """A database whose pages hold remnants, and whose write-ahead log holds all of them."""
    with with_remnants(path) as connection:
        yield connection


@contextmanager
def with_remnants(path: Path, *pragmas: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE texts (id INTEGER PRIMARY KEY, body TEXT, kept TEXT)")
        connection.execute("CREATE INDEX by_body ON texts (body)")
        for number in range(200):
            connection.execute("INSERT INTO texts VALUES (?, ?, 'kept')", (number, TEXT * (5 + number * 7 % 16)))
        for number in range(200):
            connection.execute("UPDATE texts SET body = ? WHERE id = ?", (TEXT * (20 + number * 11 % 23), number))
        connection.execute("UPDATE texts SET body = id")
        yield connection


def test_what_stayed_in_the_pages_is_wiped(path: Path, database: sqlite3.Connection):
    numbers = changed_pages(path.with_name("some.db-wal"))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert TEXT.encode() in path.read_bytes(), "premise: SQLite leaves something behind"
    assert Remnants(path).wipe(numbers)
    assert TEXT.encode() not in path.read_bytes()


def test_nothing_else_changes(path: Path, database: sqlite3.Connection):
    numbers = changed_pages(path.with_name("some.db-wal"))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    Remnants(path).wipe(numbers)
    with closing(sqlite3.connect(path)) as another:
        assert another.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        kept = another.execute("SELECT id, body, kept FROM texts ORDER BY id").fetchall()
    assert kept == [(number, str(number), "kept") for number in range(200)]


def test_a_second_time_there_is_nothing_to_do(path: Path, database: sqlite3.Connection):
    numbers = changed_pages(path.with_name("some.db-wal"))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    wiper = Remnants(path)
    assert wiper.wipe(numbers)
    assert not wiper.wipe(numbers)


@pytest.mark.parametrize("page_bytes", [512, 65536])
def test_pages_of_every_size_are_wiped_and_whole(path: Path, page_bytes: int):
    with with_remnants(path, f"page_size = {page_bytes}") as connection:
        numbers = changed_pages(path.with_name("some.db-wal"))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert len(path.read_bytes()) >= page_bytes * max(numbers), "premise"
        Remnants(path).wipe(numbers)
    with closing(sqlite3.connect(path)) as another:
        assert another.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert another.execute("PRAGMA page_size").fetchone() == (page_bytes,)
    assert TEXT.encode() not in path.read_bytes()


@pytest.mark.parametrize("kind", ["FULL", "INCREMENTAL"])
def test_a_file_with_pages_of_pointers_is_left_alone_and_that_is_said_once(path: Path, kind: str, caplog):
    with with_remnants(path, "page_size = 512", f"auto_vacuum = {kind}") as connection:
        numbers = changed_pages(path.with_name("some.db-wal"))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = path.read_bytes()
        of_pointers = range(2, len(before) // 512, 103)  # of 102 pages each
        looks_like_a_tree = [before[(number - 1) * 512] in remnants.PAGE_HEADER_BYTES for number in of_pointers]
        assert any(looks_like_a_tree) and numbers.issuperset(of_pointers), "premise"
        wiper = Remnants(path)
        assert not wiper.wipe(numbers) and not wiper.wipe(numbers)
        assert path.read_bytes() == before
        assert "auto_vacuum" in wiper.problem() and "auto_vacuum" in caplog.text
        assert len(caplog.records) == 1
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
        assert wiper.problem() == "", "as it is said"


@pytest.mark.parametrize(("start", "content", "file_bytes"), [
    (0, b"something else", 0), (20, b"\x08", 0), (55, b"\x01", 0), (16, b"\x02\x00", 512 * remnants.MOST_PAGES),
], ids=["no database", "reserved bytes", "auto_vacuum", "pages whose numbers look like a kind"])
def test_what_could_be_taken_for_something_else_is_refused(path: Path, database, start, content, file_bytes):
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    header = bytearray(path.read_bytes()[:100])
    assert remnants._problem(bytes(header), 4096 * 100) == "", "premise"
    header[start : start + len(content)] = content
    assert remnants._problem(bytes(header), file_bytes or 4096 * 100)


def test_a_log_that_is_missing_or_empty_has_no_pages(tmp_path: Path):
    assert changed_pages(tmp_path / "none") == set()
    (tmp_path / "empty").touch()
    assert changed_pages(tmp_path / "empty") == set()


@pytest.mark.parametrize("page", [b"", b"\0" * 4096, b"\0\0\0\2" + b"x" * 4092, b"\r" * 4096])
def test_pages_of_another_kind_have_no_gap(page: bytes):
    """Free ones, and ones that carry on a long row."""
    assert len(remnants._gap(page, header=0)) == 0
