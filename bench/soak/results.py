"""A run's results: as a value for JSON, as a table for people, as Markdown for the README."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench import machine
from bench.soak.blackout import blackouts, spread
from bench.soak.diary import NUMBERS, Diary
from bench.soak.oracle import WRONGS, Verdict
from bench.soak.play import Played, Wish

MESSAGE = NUMBERS["message"]
FIGURES = ("p50_seconds", "p99_seconds", "max_seconds")


def as_value(command: str, wish: Wish, played: Played, verdict: Verdict) -> dict[str, Any]:
    described = machine.describe(1, played.minutes * 60)
    return {
        "command": command,
        "commit": described["commit"],
        "at": described["at"],
        "seed": wish.seed,
        "minutes": round(played.minutes, 1),
        "machine": described["machine"],
        "versions": described["versions"],
        "acknowledged": verdict.acknowledged,
        "in_doubt": verdict.in_doubt,
        "delivered": verdict.delivered,
        "events_delivered": verdict.events,
        **{name.replace(" ", "_"): count for name, count in verdict.wrong.items()},
        "examples": verdict.examples,
        "readers": _by_way(played.diaries),
        "writers": dict(Counter(one.way for journal in played.journals for one in journal.written)),
        "attempts": sum(one.attempts for journal in played.journals for one in journal.written),
        "edits_and_removals": sum(len(journal.changes) for journal in played.journals),
        "joins_and_leaves": sum(journal.moves for journal in played.journals),
        "acknowledgement": spread([one for journal in played.journals for one in journal.delays]),
        "faults": dict(Counter(done.kind for done in played.done).most_common()),
        "blackouts": blackouts(played.diaries, played.done),
        "left_out": played.left_out,
        **played.facts,
    }


def _by_way(diaries: list[Diary]) -> dict[str, dict[str, int]]:
    ways: dict[str, dict[str, int]] = {}
    for diary in diaries:
        way = ways.setdefault(diary.seat.way, {"readers": 0, "delivered": 0, "connections_lost": 0})
        way["readers"] += 1
        way["delivered"] += diary.names.count(MESSAGE)
        way["connections_lost"] += len(diary.gaps)
    return ways


# For people


def as_table(results: Mapping[str, Any]) -> str:
    """Everything that a person wants to know first."""
    found = [
        f"commit {results['commit']}, seed {results['seed']}, {results['minutes']:g} minutes",
        "",
        *_lines({name: results[name] for name in ("acknowledged", "delivered")}),
        *_lines({name: results[name.replace(" ", "_")] for name in WRONGS}),
        "",
        "Readers (loads, for pages)        readers  delivered  connections lost",
        *(f"  {way:30}{figures['readers']:9}{figures['delivered']:11,}{figures['connections_lost']:18,}"
          for way, figures in results["readers"].items()),
        "",
        "Faults",
        *_lines(results["faults"]),
        "",
        "Blackout in seconds, of streams cut off    faults  readers    p50    p99    max   of it waited by themselves",
        *(_blackout_line(kind, figures) for kind, figures in results["blackouts"].items()),
        *(["", "Left out", *(f"  {words}" for words in results["left_out"])] if results["left_out"] else []),
        *(["", "Wrong", *(f"  {words}" for words in results["examples"])] if results["examples"] else []),
    ]
    return "\n".join(found)


def _lines(figures: Mapping[str, int]) -> list[str]:
    return [f"  {name:30}{count:9,}" for name, count in figures.items()]


def _blackout_line(kind: str, figures: Mapping[str, float]) -> str:
    times = "".join(f"{figures[name]:7.2f}" if name in figures else "      –"
                    for name in (*FIGURES, "waited_p50_seconds", "waited_p99_seconds"))
    return f"  {kind:38}{figures['faults']:9}{figures['readers']:9}{times}"


# For the README


def as_markdown(results: Mapping[str, Any]) -> str:
    """What the README shows of a run that it cites."""
    on, versions = results["machine"], results["versions"]
    kinds = ", ".join(f"{kind} {count}" for kind, count in results["faults"].items())
    readers = ", ".join(f"{way} {figures['readers']}" for way, figures in results["readers"].items())
    rows = [
        ("messages acknowledged", f"{results['acknowledged']:,}"),
        ("deliveries", f"{results['delivered']:,}"),
        ("**" + " / ".join(WRONGS[:3]) + "**", f"**{_counts(results, WRONGS[:3])}**"),
        (" / ".join(WRONGS[3:]), _counts(results, WRONGS[3:])),
        (f"faults: {kinds}", f"{sum(results['faults'].values()):,}"),
        (f"readers: {readers}", f"{sum(figures['readers'] for figures in results['readers'].values()):,}"),
        *((f"blackout, {kind}, p50 / p99 / max of {figures['readers']:,}",
           " / ".join(f"{figures[name]:.1f}" for name in FIGURES) + " s")
          for kind, figures in results["blackouts"].items() if figures["readers"]),
    ]
    return "\n".join([
        f"`{results['command']}`, commit {results['commit']}, {on['cores']} cores ({on['processor']}, "
        f"Linux {on['kernel']}), Python {versions['python']}, gunicorn {versions['gunicorn']}, "
        f"gevent {versions['gevent']}; faults for {results['minutes']:g} minutes.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {figure} |" for name, figure in rows),
    ])


def _counts(results: Mapping[str, Any], names: Sequence[str]) -> str:
    return " / ".join(str(results[name.replace(" ", "_")]) for name in names)
