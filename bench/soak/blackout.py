"""How long readers heard nothing after a kill or a restart."""

from collections.abc import Iterable, Sequence
from typing import Any

from bench.figures import percentile
from bench.soak.diary import Diary, Gap
from bench.soak.faults import Done
from bench.soak.plan import RESTARTS

STEADY_SECONDS = 10.0  # a connection that lasts so long makes up for failures before it, in the page's script, too
FAREWELL_SECONDS = 12.0  # an ending worker keeps its last reader at most so long: its drain, and gunicorn's grace


def blackouts(diaries: Iterable[Diary], done: Sequence[Done]) -> dict[str, Any]:
    """For each kind of restart its times and the blackouts of the streams that it cost a connection, in seconds.

    A blackout begins with the fault, or with the last sign on the old connection where that came later (a worker that
    ends serves its streams until it says bye). Only faults that came alone count: with another at the same time nobody
    could say whose it was; and only streams that had been well for a while, without an earlier fault's back-off.
    `waited_` is what of it the readers let pass by themselves, by their back-off or as a bye asked them to;
    `away_seconds` how long the fault took until the server listened again.
    """
    gaps = [gap for diary in diaries if diary.seat.way == "stream" for gap in diary.gaps]
    return {kind: _of_kind(kind, gaps, sorted(done, key=lambda one: one.at)) for kind in RESTARTS
            if any(one.kind == kind for one in done)}


def _of_kind(kind: str, gaps: list[Gap], done: Sequence[Done]) -> dict[str, Any]:
    blackouts: list[float] = []
    waits: list[float] = []
    away: list[float] = []
    for number, one in enumerate(done):
        if one.kind != kind or not one.was_alone:
            continue
        until = done[number + 1].at if number + 1 < len(done) else float("inf")
        until = min(until, one.until + FAREWELL_SECONDS)
        cut_off = [gap for gap in gaps if one.at <= gap.lost_at < until
                   and gap.lost_at - gap.opened_at > STEADY_SECONDS]
        blackouts += [gap.back_at - max(one.at, gap.silent_at) for gap in cut_off]
        waits += [gap.waited_seconds for gap in cut_off]
        away.append(one.until - one.at)
    return {"faults": len(away), "readers": len(blackouts), **spread(blackouts), **spread(waits, "waited_"),
            **({"away_seconds": max(away)} if away else {})}


def spread(seconds: Sequence[float], prefix: str = "") -> dict[str, float]:
    """p50, p99 and the longest; nothing of nothing."""
    if not seconds:
        return {}
    figures = {"p50": percentile(seconds, 50), "p99": percentile(seconds, 99), "max": max(seconds)}
    return {f"{prefix}{name}_seconds": round(figure, 3) for name, figure in figures.items()}
