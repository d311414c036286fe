"""A poll that is a process of its own pays for all that it loads, so it loads nothing that it does not use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chat.core import config as configuration
from chat.store import creation

TOP = Path(__file__).parents[3]
LATE = {
    "alembic", "babel", "chat.core.looks", "chat.domain.personal_data", "chat.realtime.presence.memory",
    "chat.runtime.greenlets", "chat.server.lasting_process", "chat.store.migrations", "flask_babel", "gevent",
    "gunicorn", "prometheus_client", "psycopg", "redis", "segno", "sqlalchemy.dialects.postgresql", "sqlalchemy.orm",
}
POLL = f"""
import sys
from werkzeug.test import create_environ
from chat.app import create_app

environ = create_environ("/poll", query_string="room=lobby&since=0") | {{"wsgi.run_once": True}}
status = []
answer = b"".join(create_app()(environ, lambda line, headers: status.append(line)))
assert status == ["200 OK"] and b"events" in answer, (status, answer)
print(*sorted({LATE} & sys.modules.keys()))
"""


@pytest.fixture
def environ(instance: Path) -> dict[str, str]:
    creation.upgrade(configuration.load({"CHAT_INSTANCE": str(instance)}))
    return {**os.environ, "CHAT_INSTANCE": str(instance)}


def test_a_poll_in_its_own_process_loads_nothing_that_it_does_not_need(environ: dict[str, str]):
    loaded = subprocess.run(
        [sys.executable, "-c", POLL], cwd=TOP, capture_output=True, text=True, timeout=60, env=environ, check=True
    )
    assert loaded.stdout.split() == []
