"""What bin/run can know beforehand: HOST, PORT and WORKERS are sound, the port is free, the data can be written.

    preflight.py INSTANCE COMMAND

says nothing, or one sentence with what to type instead of COMMAND, and exits with 1.
"""

import errno
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

ROOM_BYTES = 1 << 20  # what a first start writes: database, write-ahead log, keys


def main(instance: Path) -> None:
    host = os.environ.get("HOST") or "127.0.0.1"
    port = number("PORT", 8000, 0, 65535)
    number("WORKERS", 1, 1, 64)
    check_address(host, port)
    check_instance(instance)


def stop(sentence: str, setting: str) -> NoReturn:
    sys.exit(f"{sentence}; type: {setting} {sys.argv[2]}")


def number(name: str, default: int, low: int, high: int) -> int:
    text = os.environ.get(name) or str(default)
    if text.isascii() and text.isdigit() and low <= int(text) <= high:
        return int(text)
    stop(f"{name}={text} is not a whole number from {low} to {high}", f"{name}={default}")


def check_address(host: str, port: int) -> None:
    try:
        listen(host, port)
    except socket.gaierror:
        stop(f"HOST={host} isn't an address", "HOST=127.0.0.1")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            stop(f"Port {port} is taken by another program", f"PORT={free_port(host, port)}")
        if error.errno == errno.EACCES:
            stop(f"Port {port} can be used only by root", "PORT=8000")
        stop(f"Longwave can't listen at {host} ({error.strerror})", "HOST=127.0.0.1")


def listen(host: str, port: int) -> None:
    """Take the address for a moment, as gunicorn does; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()


def free_port(host: str, port: int) -> int:
    """The next port that is free, of the twenty above."""
    for candidate in range(port + 1, min(port + 21, 65536)):
        try:
            listen(host, candidate)
        except OSError:
            continue
        return candidate
    return 0  # the system then chooses one


def check_instance(instance: Path) -> None:
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=instance) as trial:
            trial.write(bytes(ROOM_BYTES))
            trial.flush()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            stop(f"The disk is full at {instance}: free up space, or keep the chat's data on another disk",
                 "CHAT_INSTANCE=/path/on/another/disk")
        stop(f"The chat's data can't be written to {instance} ({error.strerror})",
             'CHAT_INSTANCE="$HOME/longwave"')


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(Path(sys.argv[1]))
    else:
        is_help = sys.argv[1:] in (["-h"], ["--help"])
        print(__doc__.strip(), file=sys.stdout if is_help else sys.stderr)
        sys.exit(0 if is_help else 2)
