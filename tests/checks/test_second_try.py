"""What failed in a whole run is tried once more, alone: what then passes is called unsteady, and counts as passed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.second_try import MAX_TRIED, MAX_UNSTEADY

TOP = Path(__file__).parents[2]

# Passes from the second time on; where everybody's first time is over, only one test runs at a time.
FIRST = """
import os, pathlib, pytest

def passes_later(name):
    mark = pathlib.Path(__file__).with_name(f"{name}.mark")
    was_there = mark.exists()
    mark.touch()
    return was_there
"""


ALONE, SPREAD = (), ("-p", "xdist", "--numprocesses=2", "--dist=loadfile")
each_way = pytest.mark.parametrize("way", [ALONE, SPREAD], ids=["alone", "spread"])


@pytest.fixture
def run_suite(tmp_path):
    """Runs these tests with `--second-try`, as bin/test does; gives the exit code and what was printed."""
    def run(suite: str, *options: str, **environ: str) -> tuple[int, str]:
        (tmp_path / "test_suite.py").write_text(FIRST + suite)
        (tmp_path / "conftest.py").write_text("pytest_plugins = ['tests.support.plugin', 'tests.support.second_try']\n")
        (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -m 'not thorough'\nmarkers = thorough\n")
        outside = {name: value for name, value in os.environ.items() if name != "CI"}
        own = {"PYTHONPATH": str(TOP), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        result = subprocess.run([sys.executable, "-m", "pytest", "--second-try", *options, tmp_path],
                                cwd=tmp_path, env=outside | own | environ, capture_output=True, text=True)
        return result.returncode, result.stdout
    return run


def closing(output: str) -> str:
    """The counts of the last line, which is the only closing line; without the seconds."""
    lines = [line for line in output.splitlines() if re.match(r"=+ \d+ (passed|failed)", line)]
    assert lines == output.splitlines()[-1:], output
    return re.fullmatch(r"=+ (.*) in [\d.]+s.*=+", lines[0])[1]


def said(output: str, what: str) -> list[str]:
    return sorted(re.findall(rf"^{what}: test_suite.py::(.*)$", output, re.MULTILINE))


@each_way
def test_what_fails_again_fails_the_run_and_the_closing_line_counts_over_both_tries(run_suite, way):
    code, output = run_suite("""
@pytest.fixture
def late(): assert passes_later("late")

@pytest.fixture
def loose():
    yield
    assert passes_later("loose")

@pytest.fixture(scope="session")
def server():
    yield
    assert passes_later("server"), "it complained"

def test_steady(): pass
def test_once(): assert passes_later("once"), "the first time"
def test_never(): assert passes_later("never") and False
def test_before(late): pass
def test_after(loose): pass
def test_both(loose): assert passes_later("both")
def test_skips(): pytest.skip("not now") if passes_later("skips") else pytest.fail()
def test_last(server): pass
""", *way)
    assert code == 1
    assert said(output, "unsteady") == ["test_after", "test_before", "test_both", "test_once"]
    assert said(output, "failed again") == ["test_never", "test_skips"]
    assert said(output, "not tried again") == ["test_last"], "any test of that server may be at fault"
    assert closing(output) == "2 failed, 6 passed, 1 error"
    assert "AssertionError: the first time" in output, "why it failed at first must not be lost"


NAMES = ["a::b", "[x]] y", "@é\n%s'\"", "", "-k"]


@each_way
def test_what_passes_then_counts_as_passed_whatever_its_name_and_marks(run_suite, way):
    code, output = run_suite(f"""
@pytest.mark.thorough
@pytest.mark.parametrize("number", range({len(NAMES)}), ids={NAMES!r})
def test_named(number): assert passes_later(number)

@pytest.mark.parametrize("word", ["other", "a"])
def test_of_others(word): pass
""", *way, "-m", "")
    assert (code, closing(output)) == (0, f"{len(NAMES) + 2} passed"), output
    assert len(NAMES) == MAX_UNSTEADY == len(said(output, "unsteady"))


def fail_once(run_suite, count: int) -> str:
    """What is printed where so many fail the first time, and that is too many."""
    code, output = run_suite(f"""
@pytest.mark.parametrize("number", range({count}))
def test_once(number): assert passes_later(number)
""", *SPREAD)
    assert (code, closing(output)) == (1, f"{count} failed")
    return output


def test_more_than_a_few_unsteady_ones_fail_the_run(run_suite):
    count = MAX_UNSTEADY + 1
    output = fail_once(run_suite, count)
    assert len(said(output, "unsteady")) == count
    assert f"{count} tests are unsteady" in output


def test_where_many_fail_none_is_tried_again(run_suite):
    count = MAX_TRIED + 1
    output = fail_once(run_suite, count)
    assert f"{count} tests failed" in output and not said(output, "unsteady")


def test_a_process_that_dies_is_a_failure_of_its_test(run_suite):
    code, output = run_suite("""
def test_deadly(): passes_later("deadly") or os._exit(1)
def test_next(): pass
""", *SPREAD)
    assert (code, closing(output)) == (0, "2 passed")
    assert said(output, "unsteady") == ["test_deadly"]


def test_with_ci_a_test_that_was_not_run_still_fails_the_run(run_suite):
    code, output = run_suite("""
def test_once(): assert passes_later("once")
def test_skipped(): pytest.skip("not today")
""", *SPREAD, CI="true")
    assert code == 1
    assert said(output, "unsteady") == ["test_once"]
    assert output.splitlines()[-1].startswith("1 test NOT run")


@pytest.mark.parametrize(("fault", "options"), [
    ("assert False, 'this file is not collected'", SPREAD),
    ("def test_quits(): pytest.exit('enough')", SPREAD),
    ("def test_interrupted(): raise KeyboardInterrupt", ALONE),
    ("def test_next(): pass", (*SPREAD, "--maxfail=1")),
    ("def test_next(): pass", (*ALONE, "--maxfail=1")),
], ids=["not collected", "left", "interrupted", "broken off", "broken off, alone"])
def test_a_run_that_is_no_whole_run_is_never_tried_again(run_suite, fault, options):
    code, output = run_suite(f"def test_once(): assert passes_later('once')\n{fault}", *options)
    assert code != 0
    assert "second try" not in output
