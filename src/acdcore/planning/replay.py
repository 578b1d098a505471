"""Run a recorded day through the same dispatcher again: it must make the same decisions, or the difference is shown."""

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
"""Most differences kept: after the first, the two dispatchers differ, and later differences may follow from it."""

RecordedTurn = tuple[datetime, float, Input, Sequence[Decision]]
"""Time of day (UTC), monotonic seconds of that process, input, decisions at that time."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A turn that was decided differently."""

    file: str
    """The segment's name."""
    turn: int
    """The turn's number in the segment, from 1."""
    wall: datetime
    """Time of day (UTC)."""
    event: Input
    """The input."""
    recorded: tuple[DecisionFields, ...]
    """The recorded decisions."""
    replayed: tuple[DecisionFields, ...]
    """The decisions now."""


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
    """Of these, the turns decided differently."""
    ending: str
    """How the segment ends: the last mark's kind; "torn": it has no mark at the end."""


@dataclass(slots=True)
class ReplayReport:
    """The result of a replay."""

    segments: list[SegmentReport] = field(default_factory=list)
    """In order of time."""
    differences: list[Difference] = field(default_factory=list)
    """The first ones, `DIFFERENCES_MAX` at most."""
    problems: list[str] = field(default_factory=list)
    """What could not be read, with the file's name."""
    took_s: float = 0.0
    """How long the replay ran, seconds."""

    @property
    def turns(self) -> int:
        """Turns replayed in all segments."""
        return sum(segment.turns for segment in self.segments)

    @property
    def differing(self) -> int:
        """Turns decided differently."""
        return sum(segment.differing for segment in self.segments)

    @property
    def is_identical(self) -> bool:
        """Whether every record was read and every turn was decided as recorded."""
        return bool(self.segments) and not self.differing and not self.problems

    @property
    def turns_per_s(self) -> float:
        """Turns read, decided and compared in a second."""
        return self.turns / self.took_s if self.took_s > 0 else 0.0

    def render(self) -> str:
        """Plain text: a line for each segment, then problems and differences."""
        text = [_segment_text(segment) for segment in self.segments]
        text += [f"not read: {problem}" for problem in self.problems]
        text += [_difference_text(difference) for difference in self.differences]
        if self.is_identical:
            text.append(f"{self.turns} turns, identical ({self.turns_per_s:,.0f} turns a second)")
        else:
            text.append(f"{self.turns} turns, {self.differing} decided differently")
        return "\n".join(text)


def replay(files: Iterable[Path], stopwatch: Callable[[], float] = time.perf_counter) -> ReplayReport:
    """Run segments through the dispatcher again, each from its own beginning. Damaged files raise nothing."""
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
    """Every turn of the segments in order. Raises StateError for a file that is no journal, and `OSError`."""
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
    """Whether decisions agree; a field that only one side has does not count: another version wrote the journal."""
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
