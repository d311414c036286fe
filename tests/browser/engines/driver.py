"""A node process beside us that does as it is told: one order a line, one answer a line."""

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.serving import PATIENCE_SECONDS

ANSWER_SECONDS = 3 * PATIENCE_SECONDS  # the browser gives up before


@contextmanager
def driver(script: str, *arguments: str) -> Iterator["Driver"]:
    """`script` lies beside this file, and ends when its input does."""
    path = Path(__file__).with_name(script)
    with subprocess.Popen(["node", path, *arguments], text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        driver = Driver(process)
        try:
            yield driver
        finally:
            driver.end()


class Driver:
    """`heard` is what pages complained of, by the name of their context."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin and process.stdout
        self._process, self._orders, self._lines = process, process.stdin, process.stdout
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self.heard: dict[str, list[str]] = {}
        self._listener = threading.Thread(target=self._listen, name="driver")
        self._listener.start()

    def order(self, order: str, **details: Any) -> Any:
        """Have it done, and return the answer; raises DriverError for what the browser answered instead."""
        self._orders.write(json.dumps({"order": order, **details}) + "\n")
        self._orders.flush()
        answer = self._answers.get(timeout=ANSWER_SECONDS)
        if "error" in answer:
            raise DriverError(f"{order} {details}: {answer['error']}")
        return answer["value"]

    def end(self) -> None:
        self._orders.close()
        self._process.wait(PATIENCE_SECONDS)
        self._listener.join()

    def _listen(self) -> None:
        for line in self._lines:
            said = json.loads(line)
            if "complaint" in said:
                self.heard.setdefault(said["context"], []).append(said["complaint"])
            else:
                self._answers.put(said)
        self._answers.put({"error": "it has ended"})


class DriverError(Exception):
    """What came instead of a value."""
