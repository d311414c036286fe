"""The other Pythons that Longwave is for: the same tests pass by each that is here, in a venv of its own."""

import faulthandler
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell.checkout import TOP, environment

VERSIONS = [version for version in ("3.10", "3.11", "3.12", "3.13", "3.14")
            if version != f"{sys.version_info.major}.{sys.version_info.minor}"]
PARTS = {
    "checks": ["tests/checks"],
    "unit": ["tests/unit", "tests/contract"],
    "server": ["tests/server/realtime/test_stream.py", "tests/server/realtime/test_poll.py",
               "tests/server/domain/test_messages.py", "tests/server/server/test_restart.py"],
}

pytestmark = pytest.mark.thorough


def find_python(version: str) -> str | None:
    """The Python of that version, by its name or in pyenv's own folder; pyenv's shims are there without it, too."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for python in (shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python{version}"))):
        asked = python and subprocess.run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                                          capture_output=True, text=True)
        if asked and asked.stdout.strip() == version:
            return str(python)
    return None


@pytest.fixture
def unwatched():
    """No limit for a test that runs hundreds: pytest, which runs them, watches over each."""
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.usefixtures("unwatched")
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_tests_pass_by_another_python(version, part):
    python = find_python(version)
    if not python:
        pytest.skip(f"Python {version} is missing, on the PATH and in pyenv's folder")
    environ = environment(CI="true", PYTHON=python, VENV=TOP / f".venv-{version}")
    result = subprocess.run([TOP / "bin" / "test", *PARTS[part]], env=environ, stdin=subprocess.DEVNULL,
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
