"""gunicorn's own log lines: no whole address of a stranger and no query, whatever words gunicorn finds for them."""

import logging

import pytest
from gunicorn.config import Config
from gunicorn.workers.base import Worker

from chat.server.gunicorn_internals import LOG_LINES
from chat.server.gunicorn_log import RedactingLogger


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """What stands in the log after a warning of gunicorn's."""
    logger = RedactingLogger(Config())
    error_log = logging.getLogger("gunicorn.error")
    earlier = error_log.filters[:]
    monkeypatch.setattr(error_log, "propagate", True)

    def written(message: str, level: int = logging.WARNING) -> str:
        caplog.clear()
        logger.log(level, message)
        return [record.getMessage() for record in caplog.records if record.name == "gunicorn.error"][-1]

    yield written
    error_log.filters[:] = earlier
    for handler in error_log.handlers[:]:
        error_log.removeHandler(handler)


def other_words(self, req, client, addr, exc):
    self.log.warning("No HTTP at all came from %s: %s", addr[0], exc)


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch):
    """A gunicorn with other words."""
    monkeypatch.setattr(LOG_LINES, "_known", None)
    monkeypatch.setattr(Worker, "handle_error", other_words)


def test_this_gunicorn_uses_the_words_that_are_looked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(LOG_LINES, "_known", None)
    assert LOG_LINES.is_tried and LOG_LINES.are_known()


@pytest.mark.parametrize(("address", "shown"), [("192.0.2.77", "192.0.2.0"), ("2001:db8:1:2::9", "2001:db8:1::")])
def test_a_stranger_s_address_is_shortened_and_what_was_sent_left_out(written, address: str, shown: str):
    assert written(f"Invalid request from ip={address}: Invalid Method 'secret'") == (
        f"Invalid request from ip={shown}")


def test_a_path_is_logged_without_its_query(written):
    assert written("Error handling request /device?code=secret") == "Error handling request /device"


@pytest.mark.usefixtures("changed")
@pytest.mark.parametrize(("address", "shown"), [("192.0.2.77", "192.0.2.0"), ("2001:db8:1:2::9", "2001:db8:1::"),
                                                ("::ffff:192.0.2.77", "::")])
def test_in_other_words_every_address_is_shortened_and_it_says_so_once(written, caplog, address: str, shown: str):
    assert written(f"No HTTP at all came from {address} today") == f"No HTTP at all came from {shown} today"
    assert "is different inside (the log's words)" in caplog.text
    written("No HTTP at all came from 192.0.2.78")
    assert "is different inside" not in caplog.text
    assert written("Listening at: http://127.0.0.1:8000 (7)", logging.INFO) == "Listening at: http://127.0.0.1:8000 (7)"


def test_in_the_known_words_other_lines_stay_as_they_are(written):
    assert written("Worker graceful timeout (pid:7) 127.0.0.1") == "Worker graceful timeout (pid:7) 127.0.0.1"
