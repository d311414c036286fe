"""What a request costs where each is a new process: CPU of deploy/cgi/longwave.cgi against Python's own imports.

`python -m bench.cgi`; the rounds take turns, and of each kind the median counts.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.support.serving import TOP, environment

ROUNDS = 15
BARE = "import flask, sqlalchemy"
THRIFTY = f"import gc, os; gc.disable(); {BARE}; os._exit(0)"  # as the CGI program is run itself
LIMITS = {"poll without news": 1.3, "page": 1.6}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "bare imports": (["-c", BARE], None),
            "bare imports, without garbage collection and clean-up": (["-c", THRIFTY], None),
            **requests(Path(folder)),
        }
        for arguments, environ in commands.values():
            cpu_seconds(arguments, environ)  # compiles what is not compiled yet, and makes the database
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, (arguments, environ) in commands.items():
                taken[name].append(cpu_seconds(arguments, environ))
    bare = median(taken["bare imports"])
    is_good = True
    print("| a process for | CPU, median | compared with bare imports |\n|---|---|---|")
    for name, seconds in taken.items():
        ratio = median(seconds) / bare
        is_good &= ratio <= LIMITS.get(name, 2.0)
        print(f"| {name} | {median(seconds) * 1000:.0f} ms | {ratio:.2f} × |")
    return 0 if is_good else 1


def requests(folder: Path, checkout: Path = TOP) -> dict[str, tuple[list[str], dict[str, str]]]:
    """What Python is called with, and in which environment; the instance lies in the folder."""
    instance, script = folder / "instance", folder / "longwave.cgi"
    text = (checkout / "deploy" / "cgi" / "longwave.cgi").read_text()
    script.write_text(text.replace("/home/alice/longwave/instance", str(instance))
                      .replace("/home/alice/longwave", str(checkout)))
    environ = environment(instance, {}) | {
        "PYTHONDONTWRITEBYTECODE": "",  # or each process would compile the chat anew, as none does on a host
        "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/longwave.cgi",
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1"}
    return {
        "poll without news": ([str(script)], environ | {"PATH_INFO": "/poll", "QUERY_STRING": "room=lobby&since=1"}),
        "page": ([str(script)], environ | {"PATH_INFO": "/rooms/lobby", "QUERY_STRING": ""}),
    }


def cpu_seconds(arguments: list[str], environ: dict[str, str] | None, python: str = sys.executable) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)  # to the microsecond; os.times counts in hundredths
    ran = subprocess.run([python, *arguments], env=environ, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert b"Status: " not in ran.stdout or ran.stdout.startswith(b"Status: 200"), ran.stdout
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
