"""A test that does not run is counted aloud, and fails CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SUITE = """
from tests.support.plugin import needs_tool

@needs_tool("no-such-tool")
def test_of_a_tool(): raise AssertionError("it must not run")

def test_of_nothing(): pass
"""


@pytest.fixture(params=[(), ("--numprocesses=2", "--dist=loadfile")], ids=["alone", "spread"])
def run_suite(request, tmp_path):
    def run(suite: str, **environ: str) -> subprocess.CompletedProcess:
        (tmp_path / "test_suite.py").write_text(suite)
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        outside = {name: value for name, value in os.environ.items() if name != "CI"}
        return subprocess.run([sys.executable, "-m", "pytest", "-rs", "-p", "tests.support.plugin",
                               "-p", "no:cacheprovider", *request.param, tmp_path],
                              cwd=tmp_path, env={**outside, "PYTHONPATH": str(TOP), **environ},
                              capture_output=True, text=True)
    return run


def test_a_missing_tool_is_said_and_counted_last(run_suite):
    result = run_suite(SUITE)
    assert result.returncode == 0
    assert "no-such-tool is missing" in result.stdout
    *_, closing, last = result.stdout.splitlines()
    assert "1 passed, 1 skipped" in closing
    assert last == "1 test NOT run"


def test_with_ci_a_missing_tool_is_a_failure(run_suite):
    result = run_suite(SUITE, CI="true")
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1].startswith("1 test NOT run")


def test_with_ci_a_module_that_skips_itself_is_a_failure(run_suite):
    assert run_suite("import pytest\npytest.skip('not today', allow_module_level=True)", CI="true").returncode != 0


def test_with_ci_a_whole_run_passes(run_suite):
    result = run_suite("def test_of_nothing(): pass", CI="true")
    assert result.returncode == 0
    assert "NOT run" not in result.stdout
