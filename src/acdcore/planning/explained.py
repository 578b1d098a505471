"""Why a past call went as it went: the offers and other decisions about it, from the journal.

The journal has every turn, so the dispatcher of any moment can be rebuilt. The segments that name the call are folded
up to its last turn, and each decision is shown with the candidates, filters and keys on which it was based.
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
"""A call is searched in segments that began up to this long after its arrival: no call lasts longer."""
PROGRESS_TURNS: Final = 1_000
"""Progress is reported after this many turns: about ten times a second."""

Progress = Callable[[int, int], None]
"""Called with the lines read and the lines to read."""
StepFact = Decision | CallerPaused | CallerResumed | CallerAssigned
"""What happened at a step of a call trace."""


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
    """The same moment in monotonic seconds, as in the keys."""
    entry: EntryId
    """The entry of the call that the step is about."""
    fact: StepFact
    """The decision, or what the caller or staff did."""
    evidence: Evidence | None = None
    """What the decision was based on; None: the fact was no choice."""
    explanation: Explanation | None = None
    """On entering a queue or reaching a widening step: how the caller stood then, if waiting. On leaving: how the
    caller stood just before. None: nothing to explain."""


@dataclass(frozen=True, slots=True)
class FinishedOffer:
    """The end of an offer."""

    wall: datetime
    """Time of day (UTC)."""
    outcome: OfferOutcome
    cause: str
    """Why the offer was not answered; "" when it was."""
    rang_s: float
    """How long the phone rang, seconds."""


@dataclass(frozen=True, slots=True)
class ExplainedOffer:
    """One offer of the call to one agent."""

    wall: datetime
    """Time of day (UTC)."""
    offered: Offered
    evidence: Evidence
    """The candidates, and who else waited."""
    ended: FinishedOffer | None
    """How the offer ended; None: the phone still rings at the end of the journal."""


@dataclass(frozen=True, slots=True)
class WaitingMoment:
    """The call at one moment of its wait."""

    wall: datetime
    """Time of day (UTC)."""
    explanation: Explanation
    """Why the call was still waiting."""
    at: float
    """The same moment in monotonic seconds, as in the timers."""


@dataclass(frozen=True, slots=True)
class CallExplanation:
    """A call's way through the queues."""

    call: CallId
    label: str
    """The caller's number, as the dispatcher had it."""
    steps: tuple[ExplainedStep, ...]
    """In order of time; empty: the journal does not name the call."""
    names: Mapping[AgentId, str]
    """Names of all agents mentioned."""
    is_as_recorded: bool
    """False: this version decides differently from the one that served the call, so the reasons may differ too."""
    problems: tuple[str, ...] = ()
    """What could not be read, with the file's name."""
    moment: WaitingMoment | None = None
    """The moment that was asked for; None: none was, or the call did not wait then."""

    @property
    def offers(self) -> tuple[ExplainedOffer, ...]:
        """Every offer with its end."""
        return tuple(
            ExplainedOffer(step.wall, step.fact, step.evidence, _end(step.fact, step.wall, self.steps[number:]))
            for number, step in enumerate(self.steps)
            if isinstance(step.fact, Offered) and step.evidence is not None
        )


def arrived_at(call: CallId) -> datetime | None:
    """The time of day (UTC) with which the call's id begins; None: the id begins otherwise."""
    try:
        return datetime.strptime(call[:18], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return None


def candidate_segments(files: Sequence[SegmentFile], call: CallId) -> list[Path]:
    """Of all segments, in order of time, those that can name the call: from its arrival on, for one day."""
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
    """The call trace from these segments, given in order of time; only those that name the call are folded.

    `at` adds how the call stood at this time of day in `zone`. Damaged files raise nothing; they become `problems`.
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
    """The number of the last line that names the call; 0: none does. A search is twenty times faster than folding."""
    needle = json.dumps(f"{call}/", ensure_ascii=False)[:-1]
    last = 0
    for number, line in enumerate(lines(path), 1):
        if needle in line:
            last = number
    return last


class _Fold:
    """What the segments read so far tell of the call."""

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
        """Note the agents' names at the end, also when the rest of the segment cannot be read."""
        try:
            yield
        finally:
            if self._about:
                self._names |= {view.agent: view.name for view in segment.dispatcher.snapshot(0.0).agents}

    def read(self, segment: JournalSegment, last: int) -> None:
        """Fold a segment up to line `last`; raises StateError, OSError."""
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
        """Whether the call still waits and the moment asked for has not been reached."""
        return self._at is not None and self._standing is None and any(map(segment.dispatcher.is_waiting, self._about))

    def _look(self, segment: JournalSegment, until: float) -> None:
        """Note how the call stands at the moment asked for, if that comes before the next turn."""
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
        """The entry of the call that a decision is about; None: the decision is not about the call."""
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
    """The first step that ends the offer; an expired offer is missed right after its withdrawal."""
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
    """The first time after a call joined at which the clock shows `at`; it may be past midnight."""
    local = joined.astimezone(zone)
    moment = datetime.combine(local.date(), at, local.tzinfo)
    if moment < local.replace(microsecond=0):
        moment = datetime.combine(local.date() + timedelta(days=1), at, local.tzinfo)
    return max(moment, joined).astimezone(UTC)
