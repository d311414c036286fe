"""bin/run starts the chat on a fresh machine, and where it cannot it says in one sentence what to type."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.shell.checkout import alone, environment, refusal, started
from tests.support.plugin import needs_tool
from tests.support.serving import once_within

# All that bin/run needs of a system before there is a Python.
UTILITIES = ("sh", "dirname", "id", "cat", "cksum", "cut", "tail", "grep", "sed", "df", "awk", "readlink", "rm")


@pytest.fixture
def bare_path(tmp_path) -> Path:
    """A PATH of a system without Python, to which a test adds programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in UTILITIES:
        target = shutil.which(name)
        assert target, f"{name} is not POSIX's?"
        (folder / name).symlink_to(target)
    return folder


# A python3 of 3.8, as far as a script can tell.
OLD_PYTHON = f'''exec "{sys.executable}" -c 'import sys
sys.version_info = (3, 8, 18, "final", 0)
exec(sys.argv[2])' "$@"'''


def add_program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def private_disk(size: str, place: Path) -> list[str]:
    """The words in front of a command that give it a disk of its own of this size."""
    place.mkdir(exist_ok=True)
    script = f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"'
    return [*alone("--mount"), "sh", "-c", script, str(place)]


# --- it starts

def test_a_fresh_checkout_is_installed_and_served(installed):
    with started(installed) as run:
        assert run.get()[0] == 200


def test_what_it_keeps_lies_in_the_instance_folder_alone(installed, tmp_path):
    before = set(installed.rglob("*"))
    with started(installed, CHAT_INSTANCE=tmp_path / "elsewhere", PYTHONDONTWRITEBYTECODE="1"):
        assert any((tmp_path / "elsewhere").iterdir())
    assert set(installed.rglob("*")) == before


def test_an_unchanged_second_start_calls_no_pip_and_is_quick(installed, tmp_path):
    shim = tmp_path / "pip"
    shim.mkdir()
    (shim / "__init__.py").touch()
    (shim / "__main__.py").write_text("raise SystemExit('pip was called')")
    called = subprocess.run([installed / ".venv" / "bin" / "python", "-m", "pip"], capture_output=True, text=True,
                            env=environment(PYTHONPATH=tmp_path))
    assert "pip was called" in called.stderr, "the shim must stand before pip for this to mean anything"

    def start(_):
        with started(installed, PYTHONPATH=tmp_path) as run:
            assert "Installing" not in run.said
        return run.seconds

    once_within(6, start)  # it takes two; the rest is for a busy machine


def test_ctrl_c_ends_it_cleanly(installed):
    with started(installed) as run:
        assert run.press_ctrl_c() == 0
    assert "Traceback" not in run.said
    with pytest.raises(ProcessLookupError):
        os.killpg(run.process.pid, 0)


def test_it_says_when_it_runs_as_root(installed):
    with started(installed) as run:
        assert ("runs as root" in run.said) == (os.getuid() == 0)


def test_without_gevent_an_interrupted_install_heals_and_threads_serve(checkout, tmp_path):
    constraint = tmp_path / "constraint.txt"
    constraint.write_text("gevent == 0.0.1\n")  # there is none
    interrupt_the_install(checkout)
    with started(checkout, PIP_CONSTRAINT=constraint) as run:
        assert "Without gevent" in run.said
        assert "Using worker: chat.server.thread_worker.StreamThreadWorker" in run.said
        assert run.get()[0] == 200
        assert run.press_ctrl_c() == 0
    with started(checkout) as again:
        assert "Installing" not in again.said
        assert "gevent is missing" in again.said


def interrupt_the_install(place: Path) -> None:
    """kill -9 while pip copies."""
    run = subprocess.Popen([place / "bin" / "run"], env=environment(PORT="0"), stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(lambda: list(place.glob(".venv/lib/*/site-packages/sqlalchemy/engine")))
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    assert not (place / ".venv" / "longwave.stamp").exists()


def wait_until(holds, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- it says what to type

def test_no_python(checkout, bare_path):
    sentence = refusal(checkout, PATH=bare_path, PYTHON="", VENV=bare_path / "none")
    assert sentence.startswith("Longwave needs Python 3.10 or newer; type: ")
    assert sentence.endswith(" install python3")


def test_python_too_old(checkout, bare_path):
    add_program(bare_path, "python3", OLD_PYTHON)
    sentence = refusal(checkout, PATH=bare_path, PYTHON="", VENV=bare_path / "none")
    assert "python3 is 3.8.18" in sentence
    assert sentence.endswith("type: PYTHON=python3.12 " + str(checkout / "bin" / "run"))


def test_a_newer_python_beside_an_old_one_is_found(checkout, bare_path):
    add_program(bare_path, "python3", OLD_PYTHON)
    add_program(bare_path, "python3.11", f'exec "{sys.executable}" "$@"')
    assert refusal(checkout, PATH=bare_path, PYTHON="", VENV=bare_path / "none", PORT="x").startswith("PORT=x")


def test_a_python_that_is_not_there(checkout):
    assert refusal(checkout, PYTHON="python3.99").startswith("There is no python3.99; type: PYTHON=python3 ")


def test_no_venv_module(checkout, tmp_path):
    """Debian's python3 without python3-venv: the module is there, what it needs is not."""
    add_program(tmp_path, "python3", f'''
case "$*" in
*"-m venv"*) echo "The virtual environment was not created successfully because ensurepip is not available."; exit 1 ;;
*"import ensurepip"*) exit 1 ;;
esac
exec "{sys.executable}" "$@"''')
    sentence = refusal(checkout, PYTHON=tmp_path / "python3", VENV=tmp_path / "venv", PORT="0")
    assert "no venv module; type: " in sentence
    assert sentence.endswith(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")


@needs_tool("unshare")
def test_pip_without_network(checkout, tmp_path):
    sentence = refusal(checkout, *alone("--net"), VENV=tmp_path / "venv", PORT="0", HOST="0.0.0.0",
                       PIP_NO_CACHE_DIR="1", PIP_RETRIES="0")
    assert sentence == f"pip can't download its packages; when the network is back, type: {checkout / 'bin' / 'run'}"


def test_port_taken(checkout):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        sentence = refusal(checkout, PORT=str(port))
    assert sentence.startswith(f"Port {port} is taken by another program; type: PORT=")
    suggested = int(sentence.split("PORT=")[1].split()[0])
    assert port < suggested <= port + 20 or suggested == 0


def test_a_setting_of_the_chat_that_cannot_be(installed):
    sentence = refusal(installed, PORT="0", CHAT_RING_EVENTS="many")
    assert "CHAT_RING_EVENTS" in sentence and "many" in sentence


def test_gunicorn_by_itself_refuses_such_a_setting_too(installed, tmp_path):
    command = [installed / ".venv" / "bin" / "python", "-m", "gunicorn", "--config", installed / "gunicorn.conf.py"]
    result = subprocess.run(command, cwd=tmp_path, timeout=20, capture_output=True, text=True,
                            env=environment(PORT="0", CHAT_RING_EVENTS="many"))
    assert result.returncode != 0
    assert "CHAT_RING_EVENTS" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_gunicorn_by_itself_refuses_a_damaged_key_too(installed, tmp_path):
    (tmp_path / "secret").write_text("short")
    command = [installed / ".venv" / "bin" / "python", "-m", "gunicorn", "--config", installed / "gunicorn.conf.py"]
    result = subprocess.run(command, cwd=tmp_path, timeout=20, capture_output=True, text=True,
                            env=environment(PORT="0", CHAT_INSTANCE=tmp_path))
    assert result.returncode != 0
    assert "is damaged" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("setting, start", [
    ({"PORT": "http"}, "PORT=http is not a whole number from 0 to 65535; type: PORT=8000 "),
    ({"PORT": "70000"}, "PORT=70000 is not a whole number from 0 to 65535; type: PORT=8000 "),
    ({"WORKERS": "0"}, "WORKERS=0 is not a whole number from 1 to 64; type: WORKERS=1 "),
    ({"PORT": "0", "HOST": "203.0.113.9"}, "Longwave can't listen at 203.0.113.9"),
    ({"PORT": "0", "HOST": "no such host"}, "HOST=no such host isn't an address; type: HOST=127.0.0.1 "),
])
def test_a_setting_that_cannot_be(checkout, setting, start):
    assert refusal(checkout, **setting).startswith(start)


def test_an_instance_that_cannot_be_written(checkout, tmp_path):
    (tmp_path / "file").touch()
    sentence = refusal(checkout, PORT="0", CHAT_INSTANCE=tmp_path / "file" / "instance")
    assert sentence.startswith(f"The chat's data can't be written to {tmp_path}/file/instance (Not a directory)")
    assert 'type: CHAT_INSTANCE="$HOME/longwave" ' in sentence


@needs_tool("unshare")
def test_a_full_disk_under_the_data(checkout, tmp_path):
    disk = tmp_path / "disk"
    sentence = refusal(checkout, *private_disk("512k", disk), PORT="0", CHAT_INSTANCE=disk / "instance")
    assert sentence.startswith(f"The disk is full at {disk}/instance")
    assert "type: CHAT_INSTANCE=" in sentence


@needs_tool("unshare")
@pytest.mark.parametrize("size", ["8m", "40m"])  # full while the venv is made, and while pip installs
def test_a_full_disk_under_the_venv(checkout, tmp_path, size):
    disk = tmp_path / "disk"
    sentence = refusal(checkout, *private_disk(size, disk), PORT="0", VENV=disk / "venv")
    assert sentence.startswith(f"The disk is full at {disk}/venv; free up ")
