"""Which browser was led through which step: a test that is marked `pytest.mark.shows(step)` notes it when it passes.

The browser is the `version` of the fixture `engine`, of the one named by `by`, or what `browser` says.

What ran last is kept in pytest's cache; `python -m tests.browser.table` makes the tables of docs/browsers.md of it.
"""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

KEPT = "longwave/browsers"
HERE = Path(__file__).parent

noted: dict[str, list[list[str]]] = {}


class Claim(NamedTuple):
    """That a test shows a step, in each of the three engines or in those that it names itself."""

    step: str
    test: str
    is_of_engines: bool


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    shown = [list(value) for name, value in report.user_properties if name == "shows"]
    if shown and report.when == "call" and report.passed:
        noted[report.nodeid] = shown


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where several processes test, the first of them hears of all."""
    cache = session.config.cache
    if noted and cache and not hasattr(session.config, "workerinput"):
        cache.set(KEPT, {**cache.get(KEPT, {}), **noted})


@cache
def claims() -> list[Claim]:
    """What the tests claim to show, from their source."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        functions = {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        for name, function in functions.items():
            found += [Claim(step, f"{path.stem}::{name}", "engine" in fixtures_of(name, functions))
                      for step in steps_of(function)]
    return found


def steps_of(test: ast.FunctionDef) -> list[str]:
    calls = [call for decorator in test.decorator_list for call in ast.walk(decorator) if isinstance(call, ast.Call)]
    return sorted({str(call.args[0].value) for call in calls  # type: ignore[attr-defined]
                   if isinstance(call.func, ast.Attribute) and call.func.attr == "shows"})


def fixtures_of(name: str, functions: dict[str, ast.FunctionDef]) -> set[str]:
    """What a test asks for, and what the fixtures of its own file ask for in their turn."""
    asked: set[str] = set()
    left = [name]
    while left:
        function = functions.get(left.pop())
        wanted = {argument.arg for argument in function.args.args} - asked if function else set()
        asked |= wanted
        left += wanted
    return asked
