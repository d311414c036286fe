"""The oracle: what readers were given and writers were answered, compared with the database."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.soak.diary import NAMES, NO_CHECKSUM, NUMBERS, Diary
from bench.soak.journal import Change, Journal, Written
from bench.soak.truth import Truth

EXAMPLES = 20
MESSAGE = NUMBERS["message"]
REPLACED = ("edit", "remove", "read")  # the last about a message or a room is kept alone

# lost: acknowledged and not there; repeated: given or written twice; out of order; overheard: not for that reader;
# stale: an older text on a connection that was opened after the change; torn: not the bytes that the log holds;
# undone: refused, and yet there.
WRONGS = ("lost", "repeated", "out of order", "overheard", "stale", "torn", "undone")


@dataclass
class Verdict:
    """What a run came to. All of `wrong` must be 0; `examples` say where to look."""

    acknowledged: int = 0
    delivered: int = 0  # messages, to any reader
    events: int = 0  # of every kind
    in_doubt: int = 0  # messages of which nobody knows whether they were written
    wrong: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WRONGS, 0))
    examples: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not any(self.wrong.values())

    def count(self, wrong: str, where: str, which: Sequence[object]) -> None:
        if which:
            self.wrong[wrong] += len(which)
            if len(self.examples) < EXAMPLES:
                self.examples.append(f"{wrong}: {where}: {', '.join(map(str, which[:5]))}{' …' * (len(which) > 5)}")


def judge(truth: Truth, diaries: Iterable[Diary], journals: Iterable[Journal]) -> Verdict:
    verdict = Verdict()
    changes: dict[int, list[Change]] = defaultdict(list)
    for journal in journals:
        _judge_writing(verdict, truth, journal.written)
        verdict.count("overheard", "an outsider", journal.overheard)
        for change in journal.changes:
            changes[change.message_id].append(change)
    _judge_log(verdict, truth)
    for diary in diaries:
        _judge_reading(verdict, truth, diary)
        _judge_texts(verdict, truth, diary, changes)
    return verdict


# Writing


def _judge_writing(verdict: Verdict, truth: Truth, written: Sequence[Written]) -> None:
    """Every acknowledged message is there once, under the id that was acknowledged, in the order of its writer."""
    earlier = 0
    for one in written:
        found = (truth.by_key if one.has_key and one.way != "page" else truth.by_body).get(one.token, [])
        verdict.count("repeated", f"{one.way} wrote {one.token} more than once", found[1:])
        if not one.is_acknowledged:
            verdict.in_doubt += not one.was_refused
            verdict.count("undone", f"{one.way} was refused {one.token}", found if one.was_refused else [])
            continue
        verdict.acknowledged += 1
        if not found or any(id not in found for id in one.ids):
            verdict.count("lost", f"{one.way} was acknowledged", [f"{one.token} as {one.ids or '?'}"])
        elif one.has_key and one.way != "inbox":
            verdict.count("out of order", f"{one.way} wrote before {earlier}", [id for id in found if id < earlier])
            earlier = found[0]


def _judge_log(verdict: Verdict, truth: Truth) -> None:
    """Each message has one event that created it, under its own id."""
    told = Counter(row.message_id for row in truth.events.values() if row.name == "message")
    verdict.count("repeated", "more than one event of a message", [id for id, count in told.items() if count > 1])
    known = {id for ids in (*truth.by_key.values(), *truth.by_body.values()) for id in ids}
    verdict.count("lost", "messages without an event", sorted(known - told.keys()))


# Reading


def _judge_reading(verdict: Verdict, truth: Truth, diary: Diary) -> None:
    """Exactly what was for this reader, once each, in order."""
    label = diary.seat.label
    if diary.began is None:
        return verdict.count("lost", label, ["it never began to hear"])
    given = [id for id in diary.ids if id <= truth.last_id]
    verdict.count("repeated", label, [id for id, count in Counter(given).items() if count > 1])
    steps = itertools.pairwise(dict.fromkeys(given))
    verdict.count("out of order", label, [f"{later} after {id}" for id, later in steps if later < id])
    replaced = _replaced(truth, diary)
    given = [id for id in given if id not in replaced]
    verdict.delivered += diary.names.count(MESSAGE)
    verdict.events += len(given)
    expected = truth.expected(diary.seat, diary.began, diary.ended)
    if given == expected and not _misnamed(truth, diary):
        return
    wanted, had = set(expected), set(given)
    if diary.ended is not None:  # what a page had of its own beyond that
        had = {id for id in had if id <= diary.ended} | (had & wanted)
    verdict.count("lost", f"{label} from {diary.began}", sorted(wanted - had))
    verdict.count("overheard", label, sorted(had - wanted))
    verdict.count("torn", label, _misnamed(truth, diary))


def _replaced(truth: Truth, diary: Diary) -> set[int]:
    """What was given and is no more in the log: an edit or a mark that a later one took the place of."""
    return {id for id, name in zip(diary.ids, diary.names, strict=True)
            if id not in truth.events and NAMES[name] in REPLACED}


def _misnamed(truth: Truth, diary: Diary) -> list[int]:
    """The ids that came under another name than the log's."""
    return [id for id, name in zip(diary.ids, diary.names, strict=True)
            if id in truth.events and truth.events[id].name != NAMES[name]]


def _judge_texts(verdict: Verdict, truth: Truth, diary: Diary, changes: dict[int, list[Change]]) -> None:
    """Whole texts, and none that was changed before the reader's connection was opened."""
    openings = iter([*diary.openings, None])
    opened_at, upcoming = float("-inf"), next(openings)
    stale, torn = [], []
    for index, (id, version, sum) in enumerate(zip(diary.ids, diary.versions, diary.checksums, strict=True)):
        while upcoming is not None and upcoming.first <= index:
            opened_at, upcoming = upcoming.at, next(openings)
        row = truth.events.get(id)
        if row is None or row.message_id not in truth.latest:
            continue
        latest, latest_sum = truth.latest[row.message_id]
        if version == latest:
            if sum not in (NO_CHECKSUM, latest_sum):
                torn.append(id)
        elif any(change.version > version and change.acknowledged_at < opened_at
                 for change in changes.get(row.message_id, ())):
            stale.append(id)
    verdict.count("stale", diary.seat.label, stale)
    verdict.count("torn", diary.seat.label, torn)
