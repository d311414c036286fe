"""Two commits side by side: each checked out for a while, with a Python that has the packages it asks for."""

import configparser
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

from bench import machine
from bench.verdict import Invalid

EXTRA = "gevent"  # what bin/run installs beside what is always needed


class Commit(NamedTuple):
    """A commit in a folder of its own: its short name, where it lies, what runs it."""

    name: str
    checkout: Path
    python: str


@contextlib.contextmanager
def checked_out(word: str) -> Iterator[Commit]:
    """The commit that git knows by this word, in a git worktree that is removed at the end."""
    name = _git("rev-parse", "--short", "--verify", "--quiet", f"{word}^{{commit}}", wrong=f"there is no commit {word}")
    with tempfile.TemporaryDirectory(prefix=f"longwave-{name}-", dir=machine.FOLDER) as folder:
        checkout = Path(folder) / "checkout"
        _git("worktree", "add", "--quiet", "--detach", str(checkout), name, wrong=f"{name} cannot be checked out")
        try:
            python = sys.executable if asks_for_the_same(checkout) else _python_of_its_own(checkout, Path(folder))
            _check_import(python, checkout)
            yield Commit(name, checkout, python)
        finally:
            _git("worktree", "remove", "--force", str(checkout), wrong=f"{checkout} cannot be removed")


def requirements(checkout: Path) -> list[str]:
    """What pip would install for bin/run."""
    setup = configparser.ConfigParser()
    setup.read(checkout / "setup.cfg")
    texts = setup["options"]["install_requires"], setup["options.extras_require"].get(EXTRA, "")
    lines = (line.strip() for text in texts for line in text.splitlines())
    return sorted(line for line in lines if line and not line.startswith("#"))


def asks_for_the_same(checkout: Path) -> bool:
    """Whether the packages that run this program also do for that checkout."""
    return requirements(checkout) == requirements(machine.TOP)


def _python_of_its_own(checkout: Path, folder: Path) -> str:
    """A venv with what it asks for; packages that are here, too, in the same version."""
    installed = {one.metadata["Name"]: one.version for one in distributions()}
    constraints = folder / "constraints"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in installed.items() if name != "longwave"))
    python = str(folder / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--constraint", str(constraints), *requirements(checkout)]
    _run([sys.executable, "-m", "venv", str(folder / "venv")], "a venv cannot be made")
    _run(install, "its packages cannot be installed")
    return python


def _check_import(python: str, checkout: Path) -> None:
    """Nothing must come from an installed Longwave: the server would be another commit's."""
    found = _run([python, "-c", "import chat; print(chat.__file__)"], "its chat cannot be imported", checkout)
    if not Path(found).resolve().is_relative_to(checkout.resolve()):
        raise Invalid(f"{found} would be measured instead of {checkout}")


def _git(*words: str, wrong: str) -> str:
    return _run(["git", "-C", str(machine.TOP), *words], wrong)


def _run(command: list[str], wrong: str, folder: Path | None = None) -> str:
    """What it prints. Raises Invalid with that sentence, and with the command's own last line."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if ran.returncode:
        raise Invalid(": ".join([wrong, *ran.stderr.strip().splitlines()[-1:]]))
    return ran.stdout.strip()
