"""The design's layers: imports point strictly down, and only the worker's side knows gevent and gunicorn."""

import ast
from pathlib import Path

import pytest

CHAT = Path(__file__).parents[2] / "chat"

# The table of docs/architecture.md, from the ground up; parts of one layer do not import each other.
LAYERS: tuple[set[str], ...] = (
    {"core"},
    {"runtime"},
    {"__init__"},
    {"store"},
    {"domain", "realtime"},
    {"server"},
    {"web"},
    {"app"},
    {"cli"},
)
LAYER = {part: number for number, layer in enumerate(LAYERS) for part in layer}
FLASK = {"app", "web"}
WORKERS_SIDE = {"runtime/greenlets", "server/arriving", "server/gevent_worker", "server/gunicorn_log",
                "server/protocol_errors", "server/thread_worker"}

FILES = sorted(CHAT.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(CHAT).parts[0].removesuffix(".py")


def module_of(path: Path) -> str:
    return str(path.relative_to(CHAT)).removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """The dotted names of all modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute, so that they can be searched for"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHAT)))
def test_imports_point_strictly_down(path: Path):
    part = part_of(path)
    assert part in LAYER, f"{part} has no place in the table of layers"
    for name in imports_of(path):
        if name.startswith("chat."):
            imported = name.split(".")[1]
            if imported in LAYER and imported != part:
                assert LAYER[imported] < LAYER[part], f"{part} must not import {imported}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHAT)))
def test_gevent_and_gunicorn_are_known_to_the_workers_side_alone(path: Path):
    known = {name.split(".")[0] for name in imports_of(path)} & {"gevent", "gunicorn", "greenlet"}
    assert not known or module_of(path) in WORKERS_SIDE


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHAT)))
def test_the_request_is_known_to_identity_views_and_app_alone(path: Path):
    known = {name.split(".")[0] for name in imports_of(path)} & {"flask", "flask_babel"}
    assert not known or part_of(path) in FLASK


def test_every_layer_of_the_table_exists():
    assert {part_of(path) for path in FILES} == set(LAYER)
