"""Private parts of packages: whether a version was tried, and whether everything looks as it did."""

import logging
from collections.abc import Callable, Mapping

import pytest

from chat.runtime.internals import Internals, Version


def internals(
    version: Version = (27, 0, 1), tried: tuple[Version, Version] = ((23,), (27,)),
    parts: Mapping[str, Callable[[], bool]] | None = None,
) -> Internals:
    return Internals("gunicorn", version, tried, parts or {}, "it goes the ordinary way.")


@pytest.mark.parametrize(("version", "tried", "is_tried"), [
    ((27, 0, 1), ((23,), (27,)), True), ((27, 9), ((23,), (27,)), True), ((23, 0, 0), ((23,), (27,)), True),
    ((28, 0, 0), ((23,), (27,)), False), ((22, 9), ((23,), (27,)), False),
    ((3, 14, 2), ((3, 10), (3, 14)), True), ((3, 15, 0), ((3, 10), (3, 14)), False),
    ((3, 9), ((3, 10), (3, 14)), False)])
def test_a_version_is_tried_within_its_bounds_as_far_as_these_go(version, tried, is_tried):
    assert internals(version, tried).is_tried is is_tried


def test_all_that_looks_the_same_is_used_without_a_word(caplog: pytest.LogCaptureFixture):
    assert internals(parts={"Response": lambda: True, "Request": lambda: True}).are_known()
    assert not caplog.records


def missing() -> bool:
    raise AttributeError("write")


@pytest.mark.parametrize("other", [lambda: False, missing], ids=["different", "missing"])
def test_what_looks_different_is_looked_at_and_told_once(caplog: pytest.LogCaptureFixture, other: Callable[[], bool]):
    looks = []
    found = internals(parts={"Response": lambda: bool(looks.append(1)) or other(), "Request": lambda: True})
    assert not found.are_known() and not found.are_known()
    assert len(looks) == 1
    assert caplog.record_tuples == [
        ("chat.runtime.internals", logging.WARNING,
         "gunicorn 27.0.1 is different inside (Response): it goes the ordinary way.")]
