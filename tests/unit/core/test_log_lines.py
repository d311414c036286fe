"""Lines of the log: what a request says stands in them encoded and cut, and none looks like two."""

import logging

import pytest

from chat.core import log_lines

NASTY = ["\n", "\r", "\x1b[31m", "\x7f", "\x9b", "\x85", "\u2028", "\u202e", "\ufeff", "\udcff", "\U000e0001"]


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
def test_a_path_is_spelled_in_ascii(nasty):
    line = log_lines.request_line("GET", f"/x{nasty}y")
    assert line.isascii() and line.isprintable() and line.startswith("GET /x") and line.endswith("y")


def test_an_ordinary_path_is_as_it_came():
    assert log_lines.request_line("POST", "/rooms/lobby-2_~/messages.json") == "POST /rooms/lobby-2_~/messages.json"


def test_what_is_long_is_cut():
    line = log_lines.request_line("M" * 1000, "/" + "é" * 10_000)
    assert len(line) < 250 and line.count(log_lines.CUT) == 2


@pytest.fixture
def line_of():
    """What a handler of ours writes for a message with arguments."""
    formatter = log_lines.LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def line_of(message, *args, error=None):
        exc_info = (type(error), error, error.__traceback__) if error else None
        return formatter.format(logging.LogRecord("chat", logging.ERROR, "", 0, message, args, exc_info))

    return line_of


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
def test_a_record_is_one_printable_line_whatever_it_tells(line_of, nasty):
    line = line_of("could not: %s", f"before{nasty}2026-11-30 12:00:00,000 INFO chat.requests: POST /owner 204 1 ms -")
    assert line.isprintable() and "could not: before" in line


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
def test_no_line_of_a_traceback_can_pass_for_a_record(line_of, nasty):
    try:
        raise ValueError(f"no number: {nasty}2026-11-30 12:00:00,000 INFO chat.requests: POST /owner 204 1 ms -")
    except ValueError as raised:
        first, second, *others = line_of("failed", error=raised).split("\n")
    assert first.endswith("ERROR chat: failed") and second.startswith("Traceback")
    assert others and all(line.startswith("  ") and line.isprintable() for line in others)
