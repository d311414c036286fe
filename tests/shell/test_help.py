"""Every command says what it does when it is asked, and starts, installs and writes nothing."""

import subprocess

import pytest
from click.testing import CliRunner

from chat import __version__
from chat.cli import longwave
from tests.shell.checkout import TOP, environment

SCRIPTS = ("run", "test", "bench", "soak")
PROGRAMS = ("looks.py", "preflight.py")


def answer(place, *arguments, **environ):
    return subprocess.run([str(word) for word in arguments], env=environment(**environ), cwd=place, timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


@pytest.fixture
def nowhere(tmp_path):
    """A folder in which nothing may appear."""
    yield tmp_path
    assert not list(tmp_path.iterdir())


def ask(script, *arguments, place):
    """Ask a shell command, which would install into `place` and serve from there."""
    return answer(place, TOP / "bin" / script, *arguments, VENV=place / "venv", CHAT_INSTANCE=place / "instance")


@pytest.mark.parametrize("word", ["--help", "-h"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_tells_how_to_use_it(script, word, nowhere):
    said = ask(script, word, place=nowhere)
    assert said.returncode == 0 and not said.stderr
    assert f"bin/{script}" in said.stdout and "#" not in said.stdout and "set -eu" not in said.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_tells_its_version(script, nowhere):
    said = ask(script, "--version", place=nowhere)
    assert (said.returncode, said.stdout) == (0, f"longwave {__version__}\n")


@pytest.mark.parametrize("wrong", [["--port", "9000"], ["start"], ["--halp"], [""]])
def test_run_refuses_what_it_does_not_know(wrong, nowhere):
    said = ask("run", *wrong, place=nowhere)
    assert said.returncode == 2 and not said.stdout
    assert "takes no arguments" in said.stderr and "bin/run --help" in said.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_helper_tells_how_to_use_it(program, nowhere):
    said = answer(nowhere, environment()["PYTHON"], TOP / "bin" / program, "--help")
    assert (said.returncode, said.stderr) == (0, "") and program in said.stdout
    wrong = answer(nowhere, environment()["PYTHON"], TOP / "bin" / program)
    assert (wrong.returncode, wrong.stdout) == (2, "") and "Traceback" not in wrong.stderr


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_the_command_and_each_of_its_parts_tell_how_to_use_them(word):
    paths = [[], *([name] for name in longwave.commands), ["room", "add"], ["bot", "add"]]
    for path in paths:
        said = CliRunner().invoke(longwave, [*path, word], prog_name="longwave")
        assert said.exit_code == 0 and said.output.startswith(f"Usage: {' '.join(['longwave', *path])}")


def test_a_wrong_word_to_the_command_is_refused_in_a_line():
    said = CliRunner().invoke(longwave, ["frobnicate"], prog_name="longwave")
    assert said.exit_code == 2 and "No such command" in said.output
