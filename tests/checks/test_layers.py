"""The floors of docs/architecture.md: imports point strictly down, without a cycle, and every folder stays small."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
CHAT = TOP / "chat"
PAGE = "docs/architecture.md"
TEXT = (TOP / PAGE).read_text()

FOR_ALL = "__init__.py"  # of the package: it holds the version only
FLASK = {"app.py", "web/"}
WORKERS_SIDE = {"runtime/greenlets.py", "server/arriving.py", "server/farewell_worker.py", "server/gevent_worker.py",
                "server/gunicorn_internals.py", "server/gunicorn_log.py", "server/protocol_errors.py",
                "server/thread_worker.py"}
STEPS = "store/migrations/versions/"  # listed as one: a module for each version of the schema
MODULES_MAX = 24
LINES_MAX = 400
CLASS_LINES_MAX = 250

FILES = sorted(CHAT.rglob("*.py"))
MODULES = {".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHAT)))


def between(mark: str) -> str:
    found = re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", TEXT, re.DOTALL)
    assert found, f"{PAGE} has no marks <!-- {mark} --> … <!-- /{mark} -->"
    return found[1]


FLOORS = {folder: int(floor) for floor, folder in re.findall(r"^\| (\d+) \| `([^`]+)` \|", between("layers"), re.M)}


def name_of(path: Path) -> str:
    """A module as the page calls it: its path in `chat/`, or its folder's where it is the folder's `__init__`."""
    path = path.relative_to(CHAT)
    return f"{path.parent}/" if path.name == "__init__.py" and path.parent.name else str(path)


def row_of(path: Path) -> str:
    """The row of the table of floors that a file belongs to."""
    parts = path.relative_to(CHAT).parts
    return parts[0] if len(parts) == 1 else f"{parts[0]}/"


def imports_of(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every import of a file, wherever in it, with the dotted name of what is imported."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "imports are absolute, so that they can be searched for"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield node, name if name in MODULES else node.module


def imported_files(path: Path) -> set[Path]:
    return {MODULES[name] for _, name in imports_of(path) if name in MODULES} - {CHAT / FOR_ALL}


def known_to(path: Path) -> set[str]:
    """The packages that a file imports from, by their first names."""
    return {name.split(".")[0] for _, name in imports_of(path)}


@each_file
def test_imports_point_strictly_down(path: Path):
    if path == CHAT / FOR_ALL:
        assert not list(imports_of(path)), "everything may import it, so it imports nothing"
        return
    row = row_of(path)
    assert row in FLOORS, f"{row} has no row in the table of floors of {PAGE}"
    for imported in map(row_of, imported_files(path)):
        assert imported == row or FLOORS[imported] < FLOORS[row], (
            f"{name_of(path)} (floor {FLOORS[row]}) must not import {imported} (floor {FLOORS[imported]}): "
            "move what both need down, or let a higher floor pass it in"
        )


def test_every_row_of_the_table_of_floors_exists_and_the_highest_is_first():
    assert set(FLOORS) == {row_of(path) for path in FILES} - {FOR_ALL}
    assert list(FLOORS.values()) == sorted(FLOORS.values(), reverse=True)


def test_no_import_leads_back_to_where_it_began():
    """Neither at the top of modules nor within their functions."""
    done: set[Path] = set()

    def visit(path: Path, way: tuple[Path, ...]) -> None:
        assert path not in way, "a cycle of imports: " + " → ".join(map(name_of, (*way[way.index(path):], path)))
        if path not in done:
            for imported in sorted(imported_files(path)):
                visit(imported, (*way, path))
            done.add(path)

    for path in FILES:
        visit(path, ())


@each_file
def test_gevent_and_gunicorn_are_known_to_the_workers_side_only(path: Path):
    known = known_to(path) & {"gevent", "gunicorn", "greenlet"}
    assert not known or name_of(path) in WORKERS_SIDE, f"{name_of(path)} must not know {known}"


@each_file
def test_flask_is_known_to_what_meets_a_request_only(path: Path):
    known = known_to(path) & {"flask", "flask_babel"}
    assert not known or row_of(path) in FLASK, f"{name_of(path)} must not know {known}"


def test_no_folder_is_crowded():
    for folder in sorted({path.parent for path in FILES}):
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= MODULES_MAX, f"{folder} has {len(modules)} modules: make folders by subject"


@each_file
def test_no_file_is_long(path: Path):
    lines = len(path.read_text().splitlines())
    assert lines <= LINES_MAX, f"{name_of(path)} has {lines} lines: split it by what it answers for"


@each_file
def test_no_class_is_long(path: Path):
    classes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
    lines = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in classes}
    long = {name: count for name, count in lines.items() if count > CLASS_LINES_MAX}
    assert not long, f"{name_of(path)}: split what answers for more than one thing: {long}"


def modules_listed() -> Iterator[str]:
    """What the tables of modules list: below the heading of a folder, which stands for its `__init__`, its modules."""
    for folder, table in re.findall(r"^### `(.+?)`\n(.*?)(?=^### |\Z)", between("modules"), re.M | re.S):
        within = "" if folder == "chat/" else folder
        if within:
            yield within
        for cell in re.findall(r"^\| (`.*?) \| .+ \|$", table, re.M):
            yield from (within + name for name in re.findall(r"`([^`]+)`", cell))


def test_every_module_is_listed_once_with_what_it_answers_for():
    listed = Counter(modules_listed())
    there = {name_of(path) for path in FILES if not name_of(path).startswith(STEPS)} | {STEPS}
    missing, gone = sorted(there - set(listed)), sorted(set(listed) - there)
    assert not missing, f"each needs a row in the tables of modules of {PAGE}: {missing}"
    assert not gone, f"{PAGE} lists what is not there: {gone}"
    assert max(listed.values()) == 1, f"{PAGE} lists a module twice: {listed.most_common(3)}"
