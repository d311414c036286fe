"""A part of the load in a process of its own: posting, reading and measuring don't wait for each other."""

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from bench.verdict import Invalid

FORK = multiprocessing.get_context("fork")


class Aside:
    """`function(pipe, *arguments)` in another process. What it sends, and at last returns, is for `hear`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._pipe, theirs = FORK.Pipe()
        self._process = FORK.Process(target=_run, args=(theirs, function, arguments), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def say(self, word: Any) -> None:
        try:
            self._pipe.send(word)
        except BrokenPipeError:
            pass  # it has ended: `hear` tells why

    def hear(self) -> Any:
        """The next word. Raises Invalid where the process has failed; its own limits keep it from hanging."""
        try:
            word = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            word = Invalid("a load process died")
        if isinstance(word, Invalid):
            raise word
        return word

    def end(self) -> None:
        self._process.terminate()
        self._process.join()
        self._pipe.close()


@contextmanager
def aside(function: Callable[..., Any], *arguments: Any) -> Iterator[Aside]:
    started = Aside(function, *arguments)
    try:
        yield started
    finally:
        started.end()


def _run(pipe: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        pipe.send(function(pipe, *arguments))
    except Invalid as error:
        pipe.send(error)
    except OSError as error:
        pipe.send(Invalid(f"the server broke off: {error}"))
    except Exception:
        pipe.send(Invalid(f"the load failed: {traceback.format_exc()}"))
