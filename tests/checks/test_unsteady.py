"""tests/unsteady.md names tests that exist, and none twice without saying how the first time was mended."""

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
LIST = TOP / "tests" / "unsteady.md"
HEAD = ["| day | commit | test | seen | mended |", "|---|---|---|---|---|"]
LINE = re.compile(r"\| (\d{4}-\d\d-\d\d) \| ([0-9a-f]{7,40}) \| `(tests/[\w/]+\.py)::(\w+)` \| ([^|]+) \|( [^|]+)? \|")


def faults(text: str) -> list[str]:
    """What is wrong with such a page, a sentence each."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    if lines[:2] != HEAD:
        return ["the head of the table is another"]
    found, unmended, last_day = [], set(), ""
    for line in lines[2:]:
        parts = LINE.fullmatch(line)
        if not parts:
            found.append(f"not of the form: {line}")
            continue
        day, _, file, test, _, mended = parts.groups()
        if not is_there(file, test):
            found.append(f"there is no {file}::{test}")
        if (file, test) in unmended:
            found.append(f"{file}::{test} stands here twice: mend or remove it")
        if day < last_day:
            found.append(f"{day} stands after {last_day}")
        last_day = day
        if not mended:
            unmended.add((file, test))
    return found


def is_there(file: str, test: str) -> bool:
    """Whether that file has such a test, also one within a class."""
    if not (TOP / file).is_file():
        return False
    nodes = ast.walk(ast.parse((TOP / file).read_text()))
    return any(isinstance(node, ast.FunctionDef) and node.name == test for node in nodes)


def test_the_list_of_unsteady_tests_is_in_order():
    assert not faults(LIST.read_text())


THIS = "`tests/checks/test_unsteady.py::test_the_list_of_unsteady_tests_is_in_order`"


@pytest.mark.parametrize(("lines", "fault"), [
    (f"| 2026-11-30 | 120e5af | {THIS} | it waited | |", ""),
    (f"| 2026-11-30 | 120e5af | {THIS} | it waited | 55a2b50 |\n| 2026-12-01 | 55a2b50 | {THIS} | again | |", ""),
    (f"| 2026-11-30 | 120e5af | {THIS} | it waited | |\n| 2026-12-01 | 55a2b50 | {THIS} | again | |", "twice"),
    (f"| 2026-12-01 | 120e5af | {THIS} | it waited | x |\n| 2026-11-30 | 55a2b50 | {THIS} | again | |", "after"),
    ("| 2026-11-30 | 120e5af | `tests/unit/core/test_text.py::test_nothing` | it waited | |", "there is no"),
    ("| 2026-11-30 | 120e5af | `tests/unit/test_none.py::test_nothing` | it waited | |", "there is no"),
    (f"| yesterday | 120e5af | {THIS} | it waited | |", "form"),
    (f"| 2026-11-30 | 120e5af | {THIS} | | |", "form"),
], ids=["once", "mended", "twice", "disorder", "no test", "no file", "no day", "nothing seen"])
def test_what_is_wrong_with_it_is_found(lines, fault):
    found = faults("\n".join([*HEAD, lines, ""]))
    assert [fault in each for each in found] == ([True] if fault else [])
