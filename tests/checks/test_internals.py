"""Private parts of packages are used in one module each, which looks whether they are still there."""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import FunctionType

import pytest

from chat.runtime import cpython_internals
from chat.runtime.internals import Internals, dotted
from chat.server import gunicorn_internals

TOP = Path(__file__).parents[2]
CHAT = TOP / "chat"
FENCED = {"runtime/cpython_internals.py": cpython_internals.INTERNALS,
          "server/gunicorn_internals.py": gunicorn_internals.INTERNALS}
PAGE = (TOP / "docs" / "dependencies.md").read_text()

DOCUMENTED = {"_replace", "_asdict", "_fields", "_make", "_get_current_object"}  # of tuples, and of Flask's proxies
OF_GUNICORN = re.compile(r"gunicorn(\.glogging|\.workers(\.\w+)?)?")  # the classes that its settings name
OF_WERKZEUG = re.compile(r"werkzeug\.sansio\b")  # which its documentation leaves out
WITHOUT_UNDERSCORE = {"unreader", "mesg_class", "peer_addr", "proxy_protocol_info", "headers_sent", "response_length",
                      "force_close", "max_buffer_headers", "default_headers", "__self__"}
# What gunicorn's documentation of workers names, and its signals.
OF_WORKERS = {"__init__", "run", "notify", "init_process", "handle_exit", "handle_quit", "handle_abort", "wsgi"}

METHODS = (FunctionType, property, cached_property)
TREES = {str(path.relative_to(CHAT)): ast.parse(path.read_text()) for path in sorted(CHAT.rglob("*.py"))}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("_") and not name.startswith("__") and name not in DOCUMENTED


def defined_here() -> set[str]:
    """The private names that are ours: of functions, classes and variables, and attributes that are set on `self`."""
    names = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
    return names


OURS = defined_here()


def private_names(tree: ast.AST) -> Iterator[str]:
    """Private names of others that are read, looked for, or imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if is_private(node.attr) and node.attr not in OURS or node.attr in WITHOUT_UNDERSCORE:
                yield node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr", "setattr"):
            name = node.args[1]
            if isinstance(name, ast.Constant) and (is_private(name.value) or name.value in WITHOUT_UNDERSCORE):
                if name.value not in OURS:
                    yield name.value
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            module = getattr(node, "module", None)
            for name in [module, *(alias.name for alias in node.names)]:
                if name and any(map(is_private, name.split("."))):
                    yield name


def modules_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def overridden(name: str) -> Iterator[tuple[str, type]]:
    """The methods of a module's classes that a parent from another package has, with that parent."""
    try:
        module = importlib.import_module("chat." + name.removesuffix(".py").replace("/", ".").removesuffix(".__init__"))
    except (ImportError, RuntimeError):  # RuntimeError: gunicorn's word for a missing gevent
        pytest.skip("needs a package that is missing here")
    for kind in vars(module).values():
        if isinstance(kind, type) and kind.__module__ == module.__name__:
            for method in [name for name, value in vars(kind).items() if isinstance(value, METHODS)]:
                for parent in kind.__mro__[1:]:
                    if not parent.__module__.startswith("chat") and method in vars(parent):
                        yield method, parent


each_open = pytest.mark.parametrize("name", [name for name in TREES if name not in FENCED])


@each_open
def test_no_private_part_of_another_package_is_used(name: str):
    found = sorted(set(private_names(TREES[name])))
    assert not found, f"{name} uses {found}: move that to a module of {sorted(FENCED)}, or find a documented way"


@each_open
def test_only_documented_modules_are_imported(name: str):
    for module in modules_of(TREES[name]):
        is_documented = OF_GUNICORN.fullmatch(module) if module.startswith("gunicorn") else (
            not OF_WERKZEUG.match(module))
        assert is_documented, f"{name} must not import {module}"


@each_open
def test_no_private_method_of_another_package_is_replaced(name: str):
    if not any(isinstance(node, ast.ClassDef) and node.bases for node in ast.walk(TREES[name])):
        return
    for method, parent in overridden(name):
        assert not is_private(method), f"{name} replaces {parent.__qualname__}.{method}"
        if parent.__module__.startswith("gunicorn.workers"):
            assert method in OF_WORKERS | gunicorn_internals.HOOKS.keys() | {"handle_error"} or is_dunder(method), (
                f"{name} replaces {parent.__qualname__}.{method}, which nothing looks at")


def is_dunder(name: str) -> bool:
    return name.startswith("__")


@pytest.mark.parametrize("name", FENCED)
def test_each_package_that_is_looked_into_is_listed_with_the_versions_that_were_tried(name: str):
    internals: Internals = FENCED[name]
    oldest, newest = map(dotted, internals.tried)
    row = re.search(rf"^\| {internals.package} \| {oldest} to {newest} \| `{name}` \| .+ \|$", PAGE, re.M)
    assert row, f"docs/dependencies.md must list {name} for {internals.package} {oldest} to {newest}"


def test_private_parts_are_used_where_they_may_be():
    """The premise: this test would notice them."""
    assert {"_args", "_max_workers"} <= set(private_names(TREES["runtime/cpython_internals.py"]))
    assert {"unreader", "mesg_class"} <= set(private_names(TREES["server/gunicorn_internals.py"]))
    assert {method for method, _ in overridden("server/gevent_worker.py")} >= {"timeout_ctx", "handle_request"}
