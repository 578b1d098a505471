"""A recorded day through the same dispatcher again: it must decide what it decided then, or the difference is shown."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from acdcore.queues.decisions import Decision
from acdcore.queues.inputs import Input
from acdcore.queues.journal import lines as journal
from acdcore.queues.journal.checkpoint import StateError
from acdcore.queues.journal.lines import DecisionFields, JournalSegment, JournalTurn, MarkKind
from acdcore.storage.journal.files import day_files, lines

__all__ = ["Difference", "RecordedTurn", "ReplayReport", "SegmentReport", "day_files", "inputs", "is_same", "replay"]

DIFFERENCES_MAX: Final = 20
"""Differences that are kept: after the first one the floors are two, and the rest follows from it."""

RecordedTurn = tuple[datetime, float, Input, Sequence[Decision]]
"""Time of day (UTC), monotonic seconds of that process, input, what was decided then."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A turn that was decided otherwise."""

    file: str
    """The segment's name."""
    turn: int
    """The turn's number in it, from 1."""
    wall: datetime
    """Time of day (UTC)."""
    event: Input
    """What happened."""
    recorded: tuple[DecisionFields, ...]
    """What was decided then."""
    replayed: tuple[DecisionFields, ...]
    """What is decided now."""


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """One segment: from a start of the daemon, or from midnight, to its end."""

    file: str
    """Its name."""
    version: str
    """Version of the program that wrote it."""
    began_wall: datetime
    """When it began (UTC)."""
    ended_wall: datetime
    """Time of its last record (UTC)."""
    turns: int
    """Turns replayed."""
    differing: int
    """Of these, those decided otherwise."""
    ending: str
    """How it ends: the last mark's kind, or "torn" when there is none."""


@dataclass(slots=True)
class ReplayReport:
    """What a replay found."""

    segments: list[SegmentReport] = field(default_factory=list)
    """In the order of the day."""
    differences: list[Difference] = field(default_factory=list)
    """The first ones, `DIFFERENCES_MAX` at most."""
    problems: list[str] = field(default_factory=list)
    """What could not be read, with the file."""
    took_s: float = 0.0
    """How long the replay ran."""

    @property
    def turns(self) -> int:
        """Turns replayed in all."""
        return sum(segment.turns for segment in self.segments)

    @property
    def differing(self) -> int:
        """Turns decided otherwise."""
        return sum(segment.differing for segment in self.segments)

    @property
    def is_identical(self) -> bool:
        """Whether everything that was recorded was read, and decided again as it had been."""
        return bool(self.segments) and not self.differing and not self.problems

    @property
    def turns_per_s(self) -> float:
        """Reading, deciding and comparing."""
        return self.turns / self.took_s if self.took_s > 0 else 0.0

    def render(self) -> str:
        """For people: a line for each segment, then what is wrong."""
        text = [_segment_text(segment) for segment in self.segments]
        text += [f"not read: {problem}" for problem in self.problems]
        text += [_difference_text(difference) for difference in self.differences]
        if self.is_identical:
            text.append(f"{self.turns} turns, identical ({self.turns_per_s:,.0f} turns a second)")
        else:
            text.append(f"{self.turns} turns, {self.differing} decided otherwise")
        return "\n".join(text)


def replay(files: Iterable[Path], stopwatch: Callable[[], float] = time.perf_counter) -> ReplayReport:
    """Run segments through the dispatcher again, each from its own beginning. Never raises for what files hold."""
    report = ReplayReport()
    began = stopwatch()
    for path in files:
        try:
            segment = journal.open_segment(lines(path))
        except (OSError, StateError) as error:
            report.problems.append(f"{path.name}: {error}")
            continue
        _replay_one(path.name, segment, report)
    report.took_s = stopwatch() - began
    return report


def inputs(files: Iterable[Path]) -> Iterator[RecordedTurn]:
    """Every turn of the segments in order. Raises StateError for what is no journal, `OSError`."""
    for path in files:
        segment = journal.open_segment(lines(path))
        for record in segment.rest:
            if isinstance(record, JournalTurn):
                yield segment.header.wall(record.at), record.at, record.event, record.decisions()


def _replay_one(name: str, segment: JournalSegment, report: ReplayReport) -> None:
    turns = differing = 0
    at = segment.header.began_at
    ending: MarkKind | None = None
    try:
        for record in segment.rest:
            at = record.at
            if not isinstance(record, JournalTurn):
                ending = record.mark
                continue
            turns += 1
            decided = segment.dispatcher.handle(record.event, at)
            replayed = tuple([journal.decision_fields(decision) for decision in decided])
            if is_same(record.recorded, replayed):
                continue
            differing += 1
            if len(report.differences) < DIFFERENCES_MAX:
                wall = segment.header.wall(at)
                report.differences.append(Difference(name, turns, wall, record.event, record.recorded, replayed))
    except (OSError, StateError) as error:
        report.problems.append(f"{name}: {error}")
    header = segment.header
    ended_wall = header.wall(at)
    shown = "torn" if ending is None or ending is MarkKind.SHUTDOWN else ending.value
    report.segments.append(SegmentReport(name, header.version, header.began_wall, ended_wall, turns, differing, shown))


def is_same(recorded: Sequence[DecisionFields], replayed: Sequence[DecisionFields]) -> bool:
    """Fields that only one side knows do not count: another version wrote the journal."""
    if recorded == replayed:
        return True
    if len(recorded) != len(replayed):
        return False
    return all(
        all(old[key] == new[key] for key in old.keys() & new.keys())
        for old, new in zip(recorded, replayed, strict=True)
    )


def _segment_text(segment: SegmentReport) -> str:
    state = "identical" if not segment.differing else f"{segment.differing} turns differ"
    return (
        f"{segment.file}: {segment.began_wall:%H:%M:%S} to {segment.ended_wall:%H:%M:%S} UTC, {segment.turns} turns, "
        f"{state}, written by {segment.version or 'an unnamed version'}, ends: {segment.ending}"
    )


def _difference_text(difference: Difference) -> str:
    return "\n".join(
        [
            f"{difference.file}, turn {difference.turn}, {difference.wall:%H:%M:%S.%f} UTC: {difference.event}",
            *[f"  then: {dict(fields)}" for fields in difference.recorded or ({},)],
            *[f"  now:  {dict(fields)}" for fields in difference.replayed or ({},)],
        ]
    )
