"""How long readers heard nothing after a kill or a restart."""

from collections.abc import Iterable, Sequence
from typing import Any

from bench.figures import percentile
from bench.soak.diary import Diary, Gap
from bench.soak.faults import Done
from bench.soak.plan import RESTARTS

FAREWELL_SECONDS = 12.0  # an ending worker keeps its last reader at most so long: its drain, and gunicorn's grace


def blackouts(diaries: Iterable[Diary], done: Sequence[Done]) -> dict[str, Any]:
    """For each kind of restart its times and the blackouts of the streams that it cost a connection, in seconds.

    A blackout begins with the fault, or with the last sign on the old connection where that came later (a worker that
    ends serves its streams until it says bye). Only faults that came alone count: with another at the same time nobody
    could say whose it was.
    """
    gaps = [gap for diary in diaries if diary.seat.way == "stream" for gap in diary.gaps]
    return {kind: _of_kind(kind, gaps, sorted(done, key=lambda one: one.at)) for kind in RESTARTS
            if any(one.kind == kind for one in done)}


def _of_kind(kind: str, gaps: list[Gap], done: Sequence[Done]) -> dict[str, Any]:
    found: list[float] = []
    for number, one in enumerate(done):
        if one.kind != kind or not one.was_alone:
            continue
        until = done[number + 1].at if number + 1 < len(done) else float("inf")
        until = min(until, one.until + FAREWELL_SECONDS)
        found += [gap.back_at - max(one.at, gap.silent_at) for gap in gaps if one.at <= gap.lost_at < until]
    alone = sum(one.kind == kind and one.was_alone for one in done)
    figures = {f"p{percent}_seconds": percentile(found, percent) for percent in (50, 99)} if found else {}
    return {"faults": alone, "readers": len(found), **figures, **({"max_seconds": max(found)} if found else {})}
