"""A database's own words stand in its engine's folder, so that everything else is written once for all of them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHAT = Path(__file__).parents[2] / "chat"
WORDS = re.compile(
    r"sqlite|\bpragma\b|\browid\b|\bwal\b|\bcheckpoint|begin immediate|\binsert or\b|\bor (replace|ignore)\b"
    r"|not indexed|postgres|psycopg|advisory|listen/notify",
    re.IGNORECASE,
)
FREE = (
    "store/postgres/",
    "store/sqlite/",
    "store/migrations/",  # what a step does may depend on the database
    "realtime/presence/file.py",  # has a database of its own, which nobody must keep
)
# What these files say of a database, word for word.
ALLOWED = {
    "cli.py": {
        "Where the chat is: sqlite:///instance/longwave.db", "A new database: postgresql://user@host/name",
    },
    "core/config.py": {
        "the URL of a PostgreSQL database such as postgresql://user:password@host/name; or nothing",
        "The database of the chat; nothing means a file of SQLite's in CHAT_INSTANCE.",
        "The Redis server by which the processes of several hosts ring each other. Nothing means that those of a "
        "PostgreSQL database do so by the database, and those of a file by sockets of their machine.",
        "wal", "SQLite's journal; auto is rollback on network file systems and wal elsewhere.",
    },
    "core/config_checks.py": {"postgres(ql)?://[^\\s/]*/[^\\s/?]+(\\?\\S*)?"},
    "store/engines.py": {  # the choice
        "chat.store.sqlite.engine", "SqliteEngine", "chat.store.postgres.engine", "PostgresEngine",
        "CHAT_DATABASE_URL needs a driver: run pip install 'longwave[postgres]'.", "sqlite:///",
        "A database's URL is like sqlite:///instance/longwave.db or postgresql://user:password@host/name.",
    },
    "store/schema.py": {"sqlite", "postgresql", "sqlite_autoincrement", "sqlite_where"},  # the dialects' arguments
}


def words_of(tree: ast.AST) -> Iterator[str]:
    """All names and texts of a module but for its docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield text
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.ImportFrom(module=str(module)):
                yield module
            case ast.alias(name=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name


def of_databases(source: str) -> set[str]:
    return {word for word in words_of(ast.parse(source)) if WORDS.search(word)}


FILES = [str(path.relative_to(CHAT)) for path in sorted(CHAT.rglob("*.py"))]


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith(FREE)])
def test_no_module_speaks_as_one_database_does(name: str):
    assert of_databases((CHAT / name).read_text()) == ALLOWED.get(name, set())


@pytest.mark.parametrize("source", [
    "import sqlite3", "from sqlalchemy.dialects import sqlite", "insert(facts).prefix_with('OR REPLACE')",
    "driver.execute('PRAGMA busy_timeout = 0')", "Table('t', sqlite_autoincrement=True)", "table('sqlite_sequence')",
])
def test_what_only_one_database_understands_is_found(source: str):
    assert of_databases(source)


def test_what_is_said_about_one_is_no_use_of_it():
    assert not of_databases('"""SQLite may be as old as 3.34."""\n# SQLite takes 32,766 values\nMOST = 10_000')
