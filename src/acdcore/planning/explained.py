"""Why it went as it went: the offers and other decisions on a call of the past, from the journal.

The journal has every turn, so the dispatcher of any moment can be had again: the segments that name the call are
folded up to its last turn, and each decision is told with the candidates, filters and keys that it was made from.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Final

from acdcore.kernel.ids import AgentId, CallId
from acdcore.planning.replay import is_same
from acdcore.queues.decisions import (
    AgentStateChanged,
    Connected,
    Decision,
    Departed,
    InputRefused,
    LateAccept,
    Offered,
    OfferMissed,
    OfferWithdrawn,
    Queued,
    Widened,
    WithdrawCause,
)
from acdcore.queues.inputs import (
    CallerAssigned,
    CallerJoined,
    CallerLeft,
    CallerPaused,
    CallerResumed,
    EntryId,
    OfferId,
)
from acdcore.queues.journal import checkpoint
from acdcore.queues.journal import lines as journal
from acdcore.queues.journal.checkpoint import StateError
from acdcore.queues.journal.lines import JournalSegment, JournalTurn, MarkKind
from acdcore.queues.views import Choice, Evidence, Explanation
from acdcore.storage.journal.files import SegmentFile, lines

SEARCHED_AFTER: Final = timedelta(days=1)
"""A call is looked for in segments that began up to so long after its arrival: no call is on the line for longer."""
PROGRESS_TURNS: Final = 1_000
"""How often progress is told: about ten times a second."""

Progress = Callable[[int, int], None]
"""Lines read, and lines to read."""
StepFact = Decision | CallerPaused | CallerResumed | CallerAssigned
"""What a step of a call trace is."""


class OfferOutcome(StrEnum):
    """How an offer ended."""

    ANSWERED = "answered"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """Something that happened to the call in the queues."""

    wall: datetime
    """Time of day (UTC)."""
    at: float
    """Monotonic seconds of the same, which keys count in."""
    entry: EntryId
    """Which joining of the call."""
    fact: StepFact
    """What was decided, or done by the caller or by staff."""
    evidence: Evidence | None = None
    """What the decision was made from; None for what follows from something else."""
    explanation: Explanation | None = None
    """Of coming into a queue or a wider widening step: how the caller stood then, if waiting; of leaving: how, just
    before."""


@dataclass(frozen=True, slots=True)
class FinishedOffer:
    """The end of an offer."""

    wall: datetime
    """Time of day (UTC)."""
    outcome: OfferOutcome
    cause: str
    """Of one not answered: why."""
    rang_s: float
    """How long the phone rang."""


@dataclass(frozen=True, slots=True)
class ExplainedOffer:
    """One ringing of one agent for the call."""

    wall: datetime
    """Time of day (UTC)."""
    offered: Offered
    evidence: Evidence
    """The candidates, and who else waited."""
    ended: FinishedOffer | None
    """None: still rings at the end of the journal."""


@dataclass(frozen=True, slots=True)
class WaitingMoment:
    """The call at one moment of its wait."""

    wall: datetime
    """Time of day (UTC)."""
    explanation: Explanation
    """Why it waited still."""
    at: float
    """Monotonic seconds of the same, which timers count in."""


@dataclass(frozen=True, slots=True)
class CallExplanation:
    """A call's way through the queues."""

    call: CallId
    label: str
    """The caller's number, as the dispatcher was told."""
    steps: tuple[ExplainedStep, ...]
    """In the order of time; empty when the journal does not name the call."""
    names: Mapping[AgentId, str]
    """Of all agents that are named."""
    is_as_recorded: bool
    """False: this version decides otherwise than the one that served the call, so that reasons may differ too."""
    problems: tuple[str, ...] = ()
    """What could not be read, with the file."""
    moment: WaitingMoment | None = None
    """At the moment asked for; None when none was, or the call did not wait then."""

    @property
    def offers(self) -> tuple[ExplainedOffer, ...]:
        """Every offer with its end."""
        return tuple(
            ExplainedOffer(step.wall, step.fact, step.evidence, _end(step.fact, step.wall, self.steps[number:]))
            for number, step in enumerate(self.steps)
            if isinstance(step.fact, Offered) and step.evidence is not None
        )


def arrived_at(call: CallId) -> datetime | None:
    """The time of day (UTC) that the call's id begins with; None when it begins otherwise."""
    try:
        return datetime.strptime(call[:18], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return None


def candidate_segments(files: Sequence[SegmentFile], call: CallId) -> list[Path]:
    """Of all segments, in the order of time, those that can name the call: from the one it arrived in, for a day."""
    arrived = arrived_at(call)
    if arrived is None:
        return [each.path for each in files]
    before = [each for each in files if each.began_wall <= arrived]
    after = [each for each in files if arrived < each.began_wall <= arrived + SEARCHED_AFTER]
    return [each.path for each in before[-1:] + after]


def explain(
    files: Sequence[Path],
    call: CallId,
    at: time | None = None,
    zone: tzinfo | None = UTC,
    progress: Progress | None = None,
) -> CallExplanation:
    """The call trace from these segments, which are in the order of time; only those that name it are folded.

    `at` asks for the standing at this time of day in `zone` as well. Never raises for what files hold.
    """
    fold = _Fold(call, at, zone, progress)
    for path in files:
        try:
            last = _last_mention(path, call)
            if last:
                segment = journal.open_segment(lines(path))
                with fold.naming(segment):
                    fold.read(segment, last)
        except (OSError, StateError) as error:
            fold.problems.append(f"{path.name}: {error}")
    return fold.explained()


def _last_mention(path: Path, call: CallId) -> int:
    """The number of the last line that names the call; 0 when none does. Text is searched twenty times faster than
    turns are folded."""
    needle = json.dumps(f"{call}/", ensure_ascii=False)[:-1]
    last = 0
    for number, line in enumerate(lines(path), 1):
        if needle in line:
            last = number
    return last


class _Fold:
    """What is known of the call so far."""

    def __init__(self, call: CallId, at: time | None, zone: tzinfo | None, progress: Progress | None) -> None:
        self.problems: list[str] = []
        self._call = call
        self._at = at
        self._zone = zone
        self._progress = progress
        self._about: set[EntryId] = set()
        self._steps: list[ExplainedStep] = []
        self._offers: dict[OfferId, EntryId] = {}
        self._names: dict[AgentId, str] = {}
        self._label = ""
        self._is_as_recorded = True
        self._standing: WaitingMoment | None = None

    def explained(self) -> CallExplanation:
        """The trace."""
        return CallExplanation(
            self._call,
            self._label,
            tuple(self._steps),
            self._names,
            self._is_as_recorded,
            tuple(self.problems),
            self._standing,
        )

    @contextmanager
    def naming(self, segment: JournalSegment) -> Iterator[None]:
        """Learn the agents' names at the end, also when the rest of the segment cannot be read."""
        try:
            yield
        finally:
            if self._about:
                self._names |= {view.agent: view.name for view in segment.dispatcher.snapshot(0.0).agents}

    def read(self, segment: JournalSegment, last: int) -> None:
        """Fold a segment up to this line; raises StateError, OSError."""
        for entry in checkpoint.dump(segment.dispatcher).entries:
            self._meet(entry.asked)
        is_being_written = True
        for number, record in enumerate(segment.rest, 2):
            if self._progress is not None and number % PROGRESS_TURNS == 0:
                self._progress(min(number, last), last)
            self._look(segment, record.at)
            if number > last and not self._is_still_to_be_seen(segment):
                break
            if isinstance(record, JournalTurn):
                self._take(segment, record)
            else:
                is_being_written = record.mark is MarkKind.SHUTDOWN
        if is_being_written:
            self._look(segment, math.inf)
        if self._progress is not None:
            self._progress(last, last)

    def _meet(self, asked: CallerJoined) -> None:
        if asked.entry.startswith(f"{self._call}/"):
            self._about.add(asked.entry)
            self._label = asked.label or self._label

    def _is_still_to_be_seen(self, segment: JournalSegment) -> bool:
        """Whether the call waits on, and the moment asked for has not come."""
        return self._at is not None and self._standing is None and any(map(segment.dispatcher.is_waiting, self._about))

    def _look(self, segment: JournalSegment, until: float) -> None:
        """How the call stands at the moment asked for, when that lies before the next turn."""
        if self._at is None or self._standing is not None or not self._steps:
            return
        moment = moment_after(self._steps[0].wall, self._at, self._zone)
        at = segment.header.began_at + (moment - segment.header.began_wall).total_seconds()
        if at >= until:
            return
        for entry in self._about:
            found = segment.dispatcher.why(entry, at)
            if found is not None:
                self._standing = WaitingMoment(moment, found, at)

    def _take(self, segment: JournalSegment, turn: JournalTurn) -> None:
        if isinstance(turn.event, CallerJoined):
            self._meet(turn.event)
        before = None
        if isinstance(turn.event, CallerLeft) and turn.event.entry in self._about:
            before = segment.dispatcher.why(turn.event.entry, turn.at)
        decided, noted = segment.dispatcher.handle_traced(turn.event, turn.at, self._about)
        if not self._about:
            return
        wall = segment.header.wall(turn.at)
        if isinstance(turn.event, CallerPaused | CallerResumed | CallerAssigned) and turn.event.entry in self._about:
            self._steps.append(ExplainedStep(wall, turn.at, turn.event.entry, turn.event))
        evidence = iter(noted)
        is_ours = False
        for decision in decided:
            entry = self._entry_of(decision)
            if entry is None:
                continue
            is_ours = True
            step = self._step(segment, turn, entry, decision, evidence)
            self._steps.append(replace(step, explanation=before) if isinstance(decision, Departed) else step)
        if is_ours and not is_same(turn.recorded, tuple([journal.decision_fields(each) for each in decided])):
            self._is_as_recorded = False

    def _entry_of(self, decision: Decision) -> EntryId | None:
        """Which of the call's entries a decision is about; None for what tells nothing of the call."""
        match decision:
            case AgentStateChanged():
                return None
            case LateAccept(offer=offer):
                return self._offers.get(offer)
            case InputRefused(input=CallerJoined(entry=entry)):
                pass
            case InputRefused():
                return None
            case _:
                entry = decision.entry
        return entry if entry in self._about else None

    def _step(
        self,
        segment: JournalSegment,
        turn: JournalTurn,
        entry: EntryId,
        decision: Decision,
        evidence: Iterator[Evidence],
    ) -> ExplainedStep:
        found = next(evidence) if isinstance(decision, Choice) else None  # in the order of the decisions
        after = segment.dispatcher.why(entry, turn.at) if isinstance(decision, Queued | Widened) else None
        if isinstance(decision, Offered):
            self._offers[decision.offer] = entry
        return ExplainedStep(segment.header.wall(turn.at), turn.at, entry, decision, found, after)


def _end(offered: Offered, wall: datetime, following: Sequence[ExplainedStep]) -> FinishedOffer | None:
    """The first step that ends the offer; what expires is missed right after it is withdrawn."""
    for step in following:
        rang_s = (step.wall - wall).total_seconds()
        match step.fact:
            case Connected(offer=offered.offer):
                return FinishedOffer(step.wall, OfferOutcome.ANSWERED, "", rang_s)
            case OfferMissed(offer=offered.offer, cause=cause):
                return FinishedOffer(step.wall, OfferOutcome.MISSED, cause.value, rang_s)
            case OfferWithdrawn(offer=offered.offer, cause=why) if why is not WithdrawCause.EXPIRED:
                return FinishedOffer(step.wall, OfferOutcome.WITHDRAWN, why.value, rang_s)
    return None


def moment_after(joined: datetime, at: time, zone: tzinfo | None) -> datetime:
    """When the clock on the wall first shows `at` after a call joined, which may be past midnight; not before it
    joined."""
    local = joined.astimezone(zone)
    moment = datetime.combine(local.date(), at, local.tzinfo)
    if moment < local.replace(microsecond=0):
        moment = datetime.combine(local.date() + timedelta(days=1), at, local.tzinfo)
    return max(moment, joined).astimezone(UTC)
