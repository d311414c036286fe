"""Where a host stands: a copy of the checkout as one unpacks it, an instance, a web root, free ports, and processes."""

import fcntl
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from tests.support.serving import MEMORY, PATIENCE_SECONDS, TOP, connect, environment, eventually, kept_port

DEPLOY = TOP / "deploy"
PARTS = ("chat", "templates", "static", "wsgi.py", "gunicorn.conf.py", "setup.cfg", ".htaccess")
WEB_USER = "www-data"
IS_ROOT = os.getuid() == 0
LOG_SHOWN = 8000
GONE_SECONDS = 10
HURRIED = -10  # nice
# In memory, where nobody waits for a disk, if programs may be run from there: the CGI program is.
PLACE = MEMORY if MEMORY and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC else None


class Stage:
    """The folders of one host, below `top`: `app`, `instance`, `web` (a web root), `run`; what is started ends with it.

    `system_python` is one of the system's own, which the modules of its web servers are bound to.
    """

    def __init__(self, top: Path, system_python: Path, stack: ExitStack) -> None:
        self.top = top
        self.app, self.instance, self.web, self.run = (top / name for name in ("app", "instance", "web", "run"))
        self.system_python = system_python
        self._servers: list[tuple[Sequence[object], int | Path, dict[str, object], subprocess.Popen[bytes]]] = []
        self._stack = stack
        stack.callback(self._end_servers)
        top.chmod(0o755)
        for folder in (self.instance, self.web, self.run):
            folder.mkdir()
        self.app.mkdir()
        for name in PARTS:
            whole = TOP / name
            if whole.is_dir():
                shutil.copytree(whole, self.app / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(whole, self.app / name)

    def free_port(self) -> int:
        """Nobody else's until the stage ends."""
        return int(self._stack.enter_context(closing(kept_port())).getsockname()[1])

    def settings(self, **settings: object) -> None:
        """What stands in longwave.cfg."""
        lines = [f"CHAT_{name.upper()} = {value}\n" for name, value in {"limits": "off", **settings}.items()]
        (self.instance / "longwave.cfg").write_text("".join(lines))

    def deployed(self, name: str, target: Path, **instead: object) -> Path:
        """A file of deploy/ put in its place, with this stage's paths instead of the example's."""
        text = (DEPLOY / name).read_text()
        for old, new in {
            "/home/alice/longwave-venv/bin/python": self.system_python,
            "/home/alice/virtualenv/longwave/3.11/bin/python": self.system_python,
            "/srv/longwave/.venv": self.system_python.parents[1],
            "/home/alice/longwave/instance": self.instance,
            "/home/alice/longwave": self.app,
            "/srv/longwave": self.app,
            "/run/longwave": self.run,
            **instead,
        }.items():
            text = text.replace(old, str(new))
        target.write_text(text)
        shutil.copymode(DEPLOY / name, target)
        return target

    def give_to_web_user(self) -> None:
        """A web server that is started by root works as another user."""
        if IS_ROOT:
            for path in (self.top, *self.top.rglob("*")):
                if not path.is_symlink():
                    shutil.chown(path, WEB_USER, WEB_USER)

    def start(self, command: Sequence[object], port_or_path: int | Path, **environ: object) -> None:
        """Start a server and wait until it listens; it is ended with the stage, by its own id."""
        log = self.top / f"log-{Path(str(command[0])).name}-{len(list(self.top.glob('log-*')))}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                list(map(str, command)), cwd=self.app, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
                env=environment(self.instance, {}) | {name: str(value) for name, value in environ.items()})
        self._servers.append((command, port_or_path, environ, process))

        def listens() -> bool:
            assert process.poll() is None, f"{command[0]} ended:\n{self.log}"
            with suppress(OSError):
                if isinstance(port_or_path, Path):
                    with closing(socket.socket(socket.AF_UNIX)) as probe:
                        probe.connect(str(port_or_path))
                else:
                    connect("127.0.0.1", port_or_path).close()
                return True
            return False

        eventually(listens, within=2 * PATIENCE_SECONDS)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nothing of the host runs meanwhile; afterwards the same servers do, where they were."""
        servers = list(self._servers)
        self._end_servers()
        yield
        for command, port_or_path, environ, _ in servers:
            self.start(command, port_or_path, **environ)

    def hurry(self) -> None:
        """Others' work comes after that of these servers, where one may say so: as on a host with cores of its own."""
        for path in processes(str(self.top)):
            with suppress(PermissionError, ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, int(path.name), HURRIED)

    def _end_servers(self) -> None:
        while self._servers:
            end(self._servers.pop()[-1])
        # Passenger's have sessions of their own, and end by themselves; whoever does not must write here no more.
        with suppress(AssertionError):
            eventually(lambda: not processes(str(self.top)), within=GONE_SECONDS)
        for path in processes(str(self.top)):
            with suppress(ProcessLookupError):
                os.kill(int(path.name), signal.SIGKILL)

    @property
    def log(self) -> str:
        return "\n".join(f"{path.name}:\n{path.read_text(errors='replace')[-LOG_SHOWN:]}"
                         for path in sorted(self.top.glob("log-*")))

    def longwave(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command, as the user that the instance belongs to."""
        owner = pwd.getpwuid(self.instance.stat().st_uid)
        as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if IS_ROOT else {}
        return subprocess.run(
            [self.system_python, "-c", "from chat.cli import main; main()", *arguments], cwd=self.app, text=True,
            env=environment(self.instance, {}), capture_output=True, timeout=PATIENCE_SECONDS, **as_owner)


def end(process: subprocess.Popen[bytes]) -> None:
    """TERM to the server, which ends its children; then KILL to whatever is left of its session."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_SECONDS)


@contextmanager
def a_stage(system_python: Path) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="longwave-host-", dir=PLACE) as folder, ExitStack() as stack:
        stage = Stage(Path(folder), system_python, stack)
        try:
            yield stage
        finally:
            print(stage.log, file=sys.stderr)  # shown with whatever fails


def processes(folder: str) -> set[Path]:
    """Below /proc: the servers that were started with a path in the folder, and all that they have started."""
    parents = {path: stat_of(path)[1] for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = {path for path in parents if folder in _command(path)}
    while more := {path for path, parent in parents.items() if Path(f"/proc/{parent}") in found} - found:
        found |= more
    return found


def stat_of(path: Path) -> list[str]:
    """The fields of a process's `stat` from its state on; of one that has ended, zeros."""
    try:
        return path.joinpath("stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["", "0", *"0" * 20]


def _command(path: Path) -> str:
    try:
        return "".join(path.joinpath(name).read_text(errors="replace") for name in ("cmdline", "environ"))
    except OSError:
        return ""


def make_system_python(cache: Path) -> Path:
    """A venv of the system's Python with what deploy/passenger/requirements.txt lists; made once, then found again."""
    folder = cache if can_all_enter(cache) else Path(tempfile.gettempdir()) / f"longwave-hosts-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process of the tests may be at it
        return _made(folder)


def system_python() -> Path:
    """The same where there is no cache of pytest's."""
    folder = Path(tempfile.gettempdir()) / f"longwave-hosts-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    return make_system_python(folder)


def _made(folder: Path) -> Path:
    python, stamp = folder / "venv" / "bin" / "python", folder / "requirements.txt"
    wanted = (DEPLOY / "passenger" / "requirements.txt").read_text()
    if not stamp.exists() or stamp.read_text() != wanted or not python.exists():
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", folder / "venv"], check=True, timeout=120)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r",
                        DEPLOY / "passenger" / "requirements.txt"], check=True, timeout=240)
        stamp.write_text(wanted)
    return python


def can_all_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def own_python() -> Path:
    """The Python that the tests run with, for servers that are Python packages themselves."""
    return Path(sys.executable)


def without_lines(text: str, pattern: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not re.search(pattern, line))
