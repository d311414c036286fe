"""A wheel holds all of the chat, and works where it is installed."""

import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.shell.checkout import TOP, Server, copy_checkout, environment

SHIPPED = {"chat": "chat", "templates": "chat/templates", "static": "chat/static"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy, since a build leaves its files beside the sources."""
    place = copy_checkout(tmp_path_factory.mktemp("sources"))
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", place / "wheels", place)
    [built] = (place / "wheels").iterdir()
    return built


@pytest.fixture(scope="module")
def venv_elsewhere(wheel, tmp_path_factory) -> Path:
    """The wheel in a venv of its own; what it depends on is borrowed from ours, whose .pth files do not count."""
    place = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(place)
    pip(sys.executable, "--python", place / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    [packages] = place.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place


def pip(python: str, *words: str | Path) -> None:
    subprocess.run([python, "-m", "pip", "--quiet", *words], check=True)


def test_the_wheel_holds_every_file_of_the_chat(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    sources = names_in_a_wheel()
    assert {"chat/__init__.py", "chat/store/migrations/__init__.py"} <= sources, "a premise"
    assert sources - held == set()


def names_in_a_wheel() -> set[str]:
    """Where the files of a checkout's chat/, templates/ and static/ belong in the wheel."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *SHIPPED],
                            cwd=TOP, capture_output=True, text=True, check=True).stdout.splitlines()
    return {"/".join([SHIPPED[top], rest]) for top, rest in (name.split("/", 1) for name in listed)
            if (TOP / top / rest).is_file()}


def test_an_installed_wheel_serves_the_chat(venv_elsewhere, tmp_path):
    programs, environ = venv_elsewhere / "bin", environment(CHAT_INSTANCE=tmp_path / "instance")
    subprocess.run([programs / "longwave", "upgrade"], cwd=tmp_path, env=environ, check=True)
    server = Server(programs / "python", "-m", "gunicorn", "--bind", "127.0.0.1:0", "--no-control-socket",
                    "chat.app:create_app()", announced="Listening at: ", cwd=tmp_path, env=environ)
    try:
        status, page = server.get("/")
        assert status == 200
        sheet = re.search(r'href="([^"]+\.css[^"]*)"', page.decode())
        assert sheet, "a page without a stylesheet"
        status, css = server.get(sheet[1])
        assert status == 200 and css
        status, room = server.get("/rooms/lobby")
        script = re.search(r'<script src="([^"]+)"', room.decode())
        assert status == 200 and script, "a room without its script"
        status, joined = server.get(script[1])
        assert status == 200 and b"/* page/start.js */" in joined
    finally:
        server.end()
