"""What can be said of the code without running it."""

import os
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.support.plugin import needs_tool

TOP = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in [*(TOP / "bin").iterdir(), TOP / ".ci" / "run"]
                 if path.suffix in ("", ".sh") and path.is_file())
STRICT = ("core", "runtime", "store", "domain", "realtime")


def assert_content(*command: str | Path, stdin: str = "") -> None:
    """Fail with all that a checker has to say."""
    result = subprocess.run(command, cwd=TOP, input=stdin, capture_output=True, text=True)
    if result.returncode:
        pytest.fail(result.stdout + result.stderr, pytrace=False)


def test_ruff_has_no_complaint():
    assert_content(sys.executable, "-m", "ruff", "check", "--no-cache", ".")


def test_the_types_hold():
    assert_content(sys.executable, "-m", "mypy")


def test_the_folders_below_the_server_are_held_to_all_that_strict_means():
    config = ConfigParser()
    config.read(TOP / "setup.cfg")
    [section] = [name for name in config if name.startswith("mypy-chat.")]
    assert section == "mypy-" + ",".join(f"chat.{folder}.*" for folder in STRICT)
    wide = {**os.environ, "COLUMNS": "9999"}  # on one line
    options = subprocess.check_output([sys.executable, "-m", "mypy", "--help"], text=True, env=wide)
    flags = re.findall(r"--([a-z-]+)", re.findall("--strict +(Strict mode.+)", options)[0])
    assert "disallow-any-generics" in flags, "premise"
    for flag in flags:
        name = flag.removeprefix("no-").replace("-", "_")
        set_to = config[section].get(name) or config["mypy"].get(name)
        assert set_to == str(not flag.startswith("no-")), f"{name} is {set_to} in setup.cfg"


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
