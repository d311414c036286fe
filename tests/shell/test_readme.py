"""Every command that README.md and docs/operating.md show works as it stands there, in a copy of this checkout."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.shell.checkout import TOP, Server, environment, started
from tests.support.plugin import needs_tool
from tests.support.serving import eventually

DOCUMENTS = ("README.md", "docs/operating.md")
TESTED_ELSEWHERE = ("bin/test\n", "bin/bench\n")  # the one runs this, the other takes minutes
SHOWN_ADDRESS = "http://127.0.0.1:8000"
INBOX_SECONDS = 10  # a row is posted within one


def blocks(document: str) -> list[str]:
    found = re.findall(r"^```sh\n(.*?)^```$", (TOP / document).read_text(), re.MULTILINE | re.DOTALL)
    return [block for block in found if block not in TESTED_ELSEWHERE]


def is_start(block: str) -> bool:
    return "bin/run" in block


def run(block: str, place: Path) -> str:
    """What a block of commands prints, typed in that checkout; the test fails with all of it when one fails."""
    result = subprocess.run(["sh", "-euc", block], cwd=place, env=environment(), stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, f"{block}\n{result.stdout}{result.stderr}"
    return result.stdout


def said_in_the_lobby(server: Server) -> set[str]:
    return {message["body"] for message in json.loads(server.get("/rooms/lobby/messages?limit=200")[1])["messages"]}


@pytest.mark.parametrize("block", [block for document in DOCUMENTS for block in blocks(document) if is_start(block)])
def test_each_shown_way_to_start_serves_the_chat(installed, block):
    environ = environment(PORT="0", WORKERS="1")
    server = Server("sh", "-euc", re.sub("PORT=[0-9]+", "PORT=0", block), announced="Longwave is at ",
                    env=environ, cwd=installed)
    try:
        assert server.get()[0] == 200
    finally:
        server.end()


@needs_tool("curl", "sqlite3")
@pytest.mark.parametrize("document", DOCUMENTS)
def test_all_shown_commands_work_one_after_another(installed, document):
    with started(installed) as server:
        for block in blocks(document):
            if not is_start(block):
                run(block.replace(SHOWN_ADDRESS, server.address), installed)
        wanted = {"The build is green", "Rain from noon", "Good morning"}
        assert all(text in (TOP / document).read_text() for text in wanted), "the document has other examples"
        eventually(lambda: wanted <= said_in_the_lobby(server), INBOX_SECONDS)
        assert "This must not stay" not in said_in_the_lobby(server)


def test_a_command_that_fails_is_noticed(tmp_path):
    with pytest.raises(AssertionError, match="no-such-command"):
        run("no-such-command\ntrue\n", tmp_path)
