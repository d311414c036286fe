"""The load: programs in C, built by the system's compiler, and driven from here by lines of text."""

import hashlib
import json
import os
import select
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from bench.verdict import Invalid

SOURCES = Path(__file__).parent
COMPILE = ("-std=gnu11", "-O2", "-Wall", "-o")
READERS_OF_ONE = 10_000  # a process of the load holds so many streams at most, from an address of its own
HEARD_SECONDS = 30  # how long the last message may take to the last reader

Address = tuple[str, int]


def built(name: str) -> Path:
    """The program of `name.c`, made when it is not there yet. Raises Invalid where that cannot be done."""
    text = b"".join((SOURCES / file).read_bytes() for file in ("load.h", f"{name}.c"))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "longwave-bench"
    program = cache / f"{name}-{hashlib.sha256(text).hexdigest()[:12]}"
    if program.exists():
        return program
    compiler = shutil.which("cc")
    if compiler is None:
        raise Invalid("there is no C compiler for the load. On Debian, type: apt install gcc libc6-dev")
    cache.mkdir(parents=True, exist_ok=True)
    fresh = program.with_suffix(f".{os.getpid()}")
    made = subprocess.run([compiler, *COMPILE, fresh, SOURCES / f"{name}.c"], capture_output=True, text=True)
    if made.returncode:
        raise Invalid(f"the load does not compile here: {made.stderr.strip()}")
    return fresh.rename(program)


class Program:
    """One running program of the load: lines in, lines out."""

    def __init__(self, name: str, *arguments: object, nice: int = 0) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        command = [*(["nice", "-n", str(nice)] if nice else []), built(name), *map(str, arguments)]
        self._process = subprocess.Popen(command, text=True, **pipes)  # type: ignore[call-overload]
        self.pid: int = self._process.pid

    def say(self, *lines: str) -> None:
        try:
            self._process.stdin.write("".join(f"{line}\n" for line in lines))
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: `hear` tells why

    def hear(self, word: str = "") -> str:
        """Its next line, without the word that it must begin with. Raises Invalid where it has stopped."""
        line: str = self._process.stdout.readline().rstrip("\n")
        if not line.startswith(word) or not line:
            raise Invalid(line.removeprefix("stopped ") or "a program of the load died")
        return line[len(word) :].strip()

    def has_words(self, seconds: float) -> bool:
        """Whether it has said something, or does within so many seconds."""
        return bool(select.select([self._process.stdout], [], [], seconds)[0])

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):  # of words that it has not read any more
                pipe.close()


class Post(NamedTuple):
    """A request that was answered, on the machine's monotonic clock; `id` is 0 where the answer holds none."""

    number: int
    id: int
    sent_ns: int
    answered_ns: int


class Report(NamedTuple):
    """What all readers heard: how often each delay occurred (µs), and by message when the last reader had it."""

    deliveries: int
    delays_us: Counter[int]
    last_us: dict[int, int]
    texts: dict[int, bytes]
    frame_bytes: int


class Readers:
    """Streams, held by as many processes as they need."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self._programs = programs
        self.pids = [program.pid for program in programs]
        self.opening_seconds = max(float(program.hear("open").split()[1]) for program in programs)

    def wait_for(self, messages: int, seconds: float = HEARD_SECONDS) -> None:
        """Until every reader has heard so many; what is missing after so long shows in the report."""
        for program in self._programs:
            program.say(f"heard {messages} {seconds}")
        for program in self._programs:
            program.hear("heard")

    def report(self, posted: Sequence[tuple[int, int]], folder: Path) -> Report:
        """About these messages: (key, when begun). Raises Invalid for one that is missing, repeated or altered."""
        lines = [f"post {key} {sent_ns}" for key, sent_ns in posted]
        for number, program in enumerate(self._programs):
            program.say("forget", *lines, f"report {folder / f'texts-{number}'}")
        found = [json.loads(program.hear()) for program in self._programs]
        texts = [_texts(folder / f"texts-{number}") for number in range(len(found))]
        check_alike(found, texts)
        last_us: dict[int, int] = {}
        for one in found:
            for key, us in one["last"].items():
                last_us[int(key)] = max(us, last_us.get(int(key), 0))
        delays = sum((Counter(dict(map(tuple, one["delays"]))) for one in found), Counter[int]())
        deliveries = sum(one["deliveries"] for one in found)
        return Report(deliveries, delays, last_us, texts[0], found[0]["frame_bytes"])


def check_alike(found: Sequence[dict[str, object]], texts: Sequence[dict[int, bytes]]) -> None:
    """Raise Invalid for a fault that one process of the load has found, or where they were sent different things."""
    for one in found:
        if one["faults"]:
            raise Invalid(f"{one['faults']} faults, the first: {one['first_fault']}")
    if any(list(text.items()) != list(texts[0].items()) for text in texts):
        raise Invalid("the readers of one process of the load heard something else than those of another")


def _texts(path: Path) -> dict[int, bytes]:
    """Each message's data as the readers got it, in the order in which they did."""
    lines = path.read_bytes().splitlines()
    return {int(key): data for key, _, data in (line.partition(b" ") for line in lines)}


def percentile_us(delays: Counter[int], percent: float) -> int:
    """The smallest delay that so many percent of all do not exceed (nearest rank)."""
    rank, seen = max(1, -(-delays.total() * percent // 100)), 0
    for us in sorted(delays):
        seen += delays[us]
        if seen >= rank:
            return us
    raise Invalid("nothing was delivered")


@contextmanager
def reading(address: Address, requests: Sequence[bytes], folder: Path) -> Iterator[Readers]:
    """A stream for each request; with many, from several loopback addresses (`source_of`)."""
    programs: list[Program] = []
    try:
        for number, begin in enumerate(range(0, len(requests), READERS_OF_ONE)):
            path = folder / f"streams-{number}"
            _write(path, requests[begin : begin + READERS_OF_ONE])
            programs.append(Program("readers", *address, path, source_of(begin)))
        yield Readers(programs)
    finally:
        for program in programs:
            program.end()


def source_of(number: int) -> str:
    """The address from which the load opens its stream of this number."""
    return f"127.0.0.{2 + number // READERS_OF_ONE}"


class Asking:
    """Requests that are being made; see requests.c."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.pid = program.pid
        self.begun_ns = self.ended_ns = self.answered_bytes = 0

    def begin(self) -> None:
        """Wait until the warming up is over."""
        self.begun_ns = int(self._program.hear("begun"))

    def finish(self) -> tuple[list[Post], list[Post]]:
        """Wait until all are answered; those of the warming up, and those that were measured."""
        self.ended_ns = int(self._program.hear("ended"))
        posts = []
        while (line := self._program.hear()).startswith("answer"):
            posts.append(Post(*map(int, line.split()[1:])))
        self.answered_bytes = int(line.split()[1])
        warm = [post for post in posts if post.sent_ns < self.begun_ns]
        return warm, [post for post in posts if post.sent_ns >= self.begun_ns]


@contextmanager
def asking(
    address: Address, requests: Sequence[bytes], folder: Path, rate: float, warm_seconds: float, seconds: float
) -> Iterator[Asking]:
    """A connection for each request, `rate` requests a second together; 0 is as many as are answered."""
    path = Path(folder) / f"requests-{os.urandom(4).hex()}"
    _write(path, requests)
    program = Program("requests", *address, path, rate, warm_seconds, seconds)
    try:
        yield Asking(program)
    finally:
        program.end()


def _write(path: Path, requests: Sequence[bytes]) -> None:
    path.write_bytes(b"".join(b"%d\n%s" % (len(request), request) for request in requests))
