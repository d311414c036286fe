"""What can be said of the code without running it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.plugin import needs_tool

TOP = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in [*(TOP / "bin").iterdir(), TOP / ".ci" / "run"]
                 if path.suffix in ("", ".sh") and path.is_file())


def assert_content(*command: str | Path, stdin: str = "") -> None:
    """Fail with all that a checker has to say."""
    result = subprocess.run(command, cwd=TOP, input=stdin, capture_output=True, text=True)
    if result.returncode:
        pytest.fail(result.stdout + result.stderr, pytrace=False)


def test_ruff_has_no_complaint():
    assert_content(sys.executable, "-m", "ruff", "check", "--no-cache", ".")


def test_the_types_hold():
    assert_content(sys.executable, "-m", "mypy")


@pytest.mark.parametrize("later", ["try: pass\nexcept* OSError: pass\n", "type Name = str\n", "f'{'nested'}'\n"])
def test_ruff_complains_of_syntax_that_python_3_10_lacks(later):
    with pytest.raises(pytest.fail.Exception, match="Python 3.10"):
        assert_content(sys.executable, "-m", "ruff", "check", "--no-cache", "-", stdin=later)


def test_mypy_complains_of_what_the_library_of_python_3_10_lacks(tmp_path):
    module = tmp_path / "later.py"
    module.write_text("from datetime import UTC\nfrom typing import Self\n")
    with pytest.raises(pytest.fail.Exception, match=r'"datetime" has no attribute "UTC"(?s:.*)"Self"'):
        assert_content(sys.executable, "-m", "mypy", module)


@needs_tool("shellcheck")
def test_shellcheck_has_no_complaint():
    assert_content("shellcheck", "--external-sources", *SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_posix_sh(script):
    head = script.read_text().splitlines()[0]
    if script.suffix == ".sh":
        assert not os.access(script, os.X_OK) and not head.startswith("#!"), "it is read by others, not run"
    else:
        assert os.access(script, os.X_OK) and head == "#!/bin/sh"
    assert_content("sh", "-n", script)
