"""Redis servers of the tests' own, and Sentinels that watch them: no data, free ports of the loopback."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import redis

from tests.support.network import HERE, Host
from tests.support.serving import MEMORY, eventually, kept_port

LEADER = "chat"  # what Sentinels call the server that leads


class Redis:
    """A server; `stop` it, `kill` it, `start` it again, or let it stand still between `pause` and `resume`."""

    def __init__(self, folder: Path, port: int, program: str, lines: str, host: Host) -> None:
        self.port, self._host = port, host
        self._program, self._file = program, folder / f"{port}.conf"
        self._file.write_text(f"bind {host.address}\nport {port}\nprotected-mode no\ndir {folder}\n"
                              f"logfile {folder}/{port}.log\n{lines}")

    @property
    def url(self) -> str:
        return f"redis://{self._host.address}:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        self._process = subprocess.Popen([*self._host.command, self._program, str(self._file)],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        eventually(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except redis.ConnectionError:
            return False

    def ask(self, *command: object) -> object:
        with closing(redis.Redis(self._host.address, self.port, socket_timeout=5)) as client:
            return client.execute_command(*command)

    def cut(self) -> None:
        """End all connections of subscribers, and all others but the one that says so."""
        self.ask("CLIENT", "KILL", "TYPE", "pubsub")
        self.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.resume()
        self._process.terminate()
        self._process.wait(10)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)


@contextmanager
def running(lines: str = "", host: Host = HERE) -> Iterator[Redis]:
    """One that is ended with the test, whose test is not run where Redis is not installed."""
    with ExitStack() as opened:
        yield _opened(opened, "redis-server", f"save ''\nappendonly no\n{lines}", host)


@contextmanager
def watched() -> Iterator[tuple[str, Redis, Redis]]:
    """A server and its replica, watched by three Sentinels; gives the URL of these, and both."""
    with running() as leader, running(f"replicaof 127.0.0.1 {leader.port}\n") as replica, ExitStack() as opened:
        lines = f"sentinel monitor {LEADER} 127.0.0.1 {leader.port} 2\n" \
                f"sentinel down-after-milliseconds {LEADER} 1000\nsentinel failover-timeout {LEADER} 4000\n"
        sentinels = [_opened(opened, "redis-sentinel", lines, HERE) for _ in range(3)]
        eventually(lambda: all(_knows_everybody(sentinel) for sentinel in sentinels))
        addresses = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels)
        yield f"redis+sentinel://{addresses}/{LEADER}", leader, replica


def _knows_everybody(sentinel: Redis) -> bool:
    with closing(redis.Redis(port=sentinel.port, socket_timeout=5)) as client:
        state = client.sentinel_master(LEADER)
    return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1)


def _opened(opened: ExitStack, program: str, lines: str, host: Host) -> Redis:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is missing")
    folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="longwave-", dir=MEMORY)))
    port = opened.enter_context(closing(kept_port())).getsockname()[1]
    server = Redis(folder, port, program, lines, host)
    opened.callback(server.kill)
    server.start()
    return server
