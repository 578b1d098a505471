"""The record of a call (CDR), folded from its history, which is the only source of its figures."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from acdcore.calls.model import history as events
from acdcore.calls.model.rows import (
    CallDirection,
    CallEnd,
    CallSegment,
    CdrRow,
    Detail,
    EndedBy,
    SegmentEnd,
    SegmentKind,
)
from acdcore.calls.record.call_segments import AGENT_TARGET, CALLER_SIDE, QUEUE_TARGET, FoldedSegment, Segments
from acdcore.calls.trunks.trunks import WORK_TRUNK
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId

SERVICE = frozenset({Outcome.ANSWERED, Outcome.FORWARDED, Outcome.VOICEMAIL, Outcome.CALLBACK})
"""Outcomes that a call keeps however it ends, for example if its audio is lost afterwards."""
CAUSES = {
    Outcome.MEDIA_LOST: CallEnd.MEDIA_LOST,
    Outcome.WITHDRAWN: CallEnd.WITHDRAWN,
    Outcome.SHUTDOWN: CallEnd.SHUTDOWN,
    Outcome.FAILED: CallEnd.FAILED,
    Outcome.UNANSWERED: CallEnd.UNANSWERED,
    Outcome.REFUSED_CAPACITY: CallEnd.REFUSED,
    Outcome.REFUSED_PEER: CallEnd.REFUSED,
    Outcome.REFUSED_REQUEST: CallEnd.REFUSED,
    Outcome.BLOCKED: CallEnd.REFUSED,
}
"""Endings that cut a call short: each is the outcome of a call without service, and the end cause in any case."""


class WallTime:
    """Turns monotonic seconds into UTC by one anchor, so that the differences between a call's times are exact.

    The anchor is set when the machine's clock is set: a record written later has all its times by the new anchor.
    """

    def __init__(self, now: float, wall: datetime) -> None:
        self._now = now
        self._wall = wall

    def set(self, now: float, wall: datetime) -> None:
        """Set the anchor: monotonic `now` is `wall`."""
        self._now, self._wall = now, wall

    def at(self, now: float) -> datetime:
        """The UTC time of `now`."""
        return self._wall + timedelta(seconds=now - self._now)


def cdr(call_id: CallId, history: Sequence[events.Event], time: WallTime, figures: Detail) -> CdrRow:
    """Fold `history` (the first event is `Arrived`) into the call's record.

    A history without `Ended` is that of a call cut short by a crash; its record ends at its last event.
    """
    arrived = history[0]
    if not isinstance(arrived, events.Arrived):
        raise ValueError(f"history of {call_id} begins with {type(arrived).__name__}, not with Arrived")
    segments, spans = Segments(), Spans()
    row = CdrRow(
        call_id=call_id,
        trunk=arrived.trunk,
        caller=arrived.caller,
        dialled=arrived.dialled,
        outcome=outcome_of(history, Outcome.SHUTDOWN),
        ended_by=EndedBy.SYSTEM,
        end_cause=CallEnd.CRASH,
        arrived_at=time.at(arrived.at),
        ended_at=time.at(history[-1].at),
        direction=CallDirection.OUTBOUND if arrived.trunk == WORK_TRUNK else CallDirection.INBOUND,
        recording=next((path for path, _ in recordings(history)), ""),
        figures=figures,
    )
    for event in history[1:]:
        row = _apply(row, event, time)
        segments.apply(event)
        spans.apply(event)
    segments.close(history[-1].at, CallEnd.CRASH)
    spans.close(history[-1].at)
    row = replace(row, wait_s=round(spans.wait_s, 3), ring_s=round(spans.ring_s, 3))
    return _with_segments(row, segments.all, time)


def is_on_record(history: Sequence[events.Event]) -> bool:
    """Whether the call gets a record. A work item that a stop or a crash found in the queue gets none.

    Nobody had been called for it or had answered; it is queued anew at the next start, under an id of its own.
    """
    last = history[-1]
    is_broken_off = not isinstance(last, events.Ended) or last.end_cause is CallEnd.SHUTDOWN
    is_work = isinstance(history[0], events.Arrived) and history[0].trunk == WORK_TRUNK
    return not (is_work and is_broken_off) or was_with_somebody(history)


def was_with_somebody(history: Iterable[events.Event]) -> bool:
    """Whether a customer was called for a work item, or an agent answered or was reserved."""
    return any(isinstance(event, events.Dialled | events.Reserved | events.CallConnected) for event in history)


def outcome_of(history: Sequence[events.Event], ending: Outcome) -> Outcome:
    """The outcome of a call that ends by `ending`; a service at its last stage goes before it."""
    rejected = next((event for event in history if isinstance(event, events.CallRejected)), None)
    if rejected is not None:
        return rejected.outcome
    if ending not in CAUSES:
        return ending
    achieved = achieved_by(history, Outcome.ABANDONED_QUEUE, Outcome.ABANDONED_FLOW)
    is_overflowed = ending is Outcome.UNANSWERED and achieved is Outcome.OVERFLOWED
    return achieved if achieved is not None and (achieved in SERVICE or is_overflowed) else ending


def achieved_by(history: Sequence[events.Event], when_queued: Outcome, when_answered: Outcome) -> Outcome | None:
    """The outcome of a call so far, by the last event that decides it; None before we answered.

    A caller is served when an agent answers; a work item only by a talk, or by a message that was heard.
    """
    is_work = isinstance(history[0], events.Arrived) and history[0].trunk == WORK_TRUNK
    is_external, is_together = False, False
    for event in reversed(history):
        match event:
            case events.Bridged() | events.MessageHeard():
                is_together = True
            case events.CallConnected(agent=None):
                is_external = True
            case events.CallConnected() if is_together or not is_work:
                return Outcome.ANSWERED
            case events.MessageLeft():
                return Outcome.VOICEMAIL
            case events.CallbackRequested():
                return Outcome.CALLBACK
            case events.NailedUp():
                return Outcome.FEATURE_CODE
            case events.CallOverflowed():
                return Outcome.OVERFLOWED
            case events.CallQueued() | events.Returned():
                return when_queued
            case events.CallAnswered():
                return Outcome.FORWARDED if is_external else when_answered
            case _:
                pass
    return None


def cause_of(ending: Outcome, by: EndedBy) -> CallEnd:
    """The end cause of a call, by the outcome of its ending and the side that ended it."""
    return CAUSES.get(ending) or (CallEnd.COMPLETED if by is EndedBy.SYSTEM else CallEnd.HUNG_UP)


def recordings(history: Iterable[events.Event]) -> Iterator[tuple[str, float]]:
    """Path and start of each recording: a talk's from the bridge, or from the answer if it is recorded at once.

    There is none for an answer without a talk after which the caller waited on, nor for a message that was dropped.
    """
    begun: dict[str, float] = {}
    path = ""
    for event in history:
        match event:
            case events.CallConnected(at, recording=path, is_recorded_at_once=True) if path:
                begun[path] = at
            case events.CallConnected(recording=path):
                pass
            case events.Bridged(at) if path:
                begun.setdefault(path, at)
            case events.Returned():
                begun.pop(path, None)
            case events.MessageBegun(at, recording) if recording:
                begun[recording] = at
            case events.MessageDropped(recording=recording):
                begun.pop(recording, None)
            case _:
                pass
    yield from begun.items()


def served_by(segments: Iterable[FoldedSegment]) -> AgentId | None:
    """The last agent who talked to the caller."""
    talked = [each.agent for each in segments if each.is_talked and each.agent is not None]
    return talked[-1] if talked else None


class Spans:
    """Sums the time spent waiting and ringing; each runs from its opening to its closing event."""

    def __init__(self) -> None:
        self.wait_s = 0.0
        self.ring_s = 0.0
        self._waiting_since: float | None = None
        self._ringing_since: float | None = None
        self._connected_at: float | None = None

    def apply(self, event: events.Event) -> None:
        """Open and close the spans that `event` concerns."""
        match event:
            case events.CallQueued():
                self._waiting_since = event.at if self._waiting_since is None else self._waiting_since
            case events.CallOffered():
                self._ringing_since = event.at
            case events.CallOfferEnded():
                self._end_ringing(event.at)
            case events.Reserved():
                self._end_ringing(event.at)
                self._end_waiting(event.at)
            case events.CallConnected():
                self._end_ringing(event.at)
                self._end_waiting(event.at)
                self._connected_at = event.at
            case events.CallOverflowed(target=target) if not target.startswith(QUEUE_TARGET):
                self._end_waiting(event.at)
            case events.Sent(target=target) if not target.startswith(AGENT_TARGET):
                self._end_waiting(event.at)
            case events.QueueLeft():
                self._end_waiting(event.at)
            case events.Returned():  # the caller has waited all the time, without a talk
                if self._connected_at is not None:
                    self._waiting_since, self._connected_at = self._connected_at, None
            case events.Bridged() | events.CallTalkEnded():
                self._connected_at = None
            case events.Ended():
                self.close(event.at)
            case _:
                pass

    def close(self, at: float) -> None:
        """End all open spans."""
        self._end_ringing(at)
        self._end_waiting(at)

    def _end_waiting(self, at: float) -> None:
        if self._waiting_since is not None:
            self.wait_s += at - self._waiting_since
            self._waiting_since = None

    def _end_ringing(self, at: float) -> None:
        if self._ringing_since is not None:
            self.ring_s += at - self._ringing_since
            self._ringing_since = None


def _with_segments(row: CdrRow, segments: Sequence[FoldedSegment], time: WallTime) -> CdrRow:
    """`row` with its segments, and the fields that sum them up."""
    served = [each for each in segments if each.kind is not SegmentKind.QUEUE and each.end is not SegmentEnd.NO_TALK]
    answered_at = [each.connected_at for each in served if each.connected_at is not None]
    agents = [each.agent for each in served if each.agent is not None]
    return replace(
        row,
        agent=agents[-1] if agents else None,
        connected_at=time.at(answered_at[0]) if answered_at else None,
        served_by=served_by(segments),
        talk_s=round(sum(each.talk_s for each in segments), 3),
        segments=tuple(_written(each, time) for each in segments),
    )


def _written(segment: FoldedSegment, time: WallTime) -> CallSegment:
    return CallSegment(
        kind=segment.kind,
        began_at=time.at(segment.began_at),
        ended_at=time.at(segment.ended_at),
        end=segment.end or SegmentEnd.CRASH,
        queue=segment.queue,
        agent=segment.agent,
        number=segment.number,
        trunk=segment.trunk,
        talk_s=round(segment.talk_s, 3),
    )


def _apply(row: CdrRow, event: events.Event, time: WallTime) -> CdrRow:
    match event:
        case events.CallAnswered():
            return replace(row, answered_at=time.at(event.at), flow=event.flow)
        case events.CustomerFound():
            return replace(row, customer_id=event.customer)
        case events.CallQueued():
            return replace(row, queue=event.queue, queued_at=row.queued_at or time.at(event.at))
        case events.Dialled(trunk=trunk, side=side) if side == CALLER_SIDE:
            return replace(row, trunk=trunk)
        case events.CallOverflowed():
            return replace(row, overflowed_to=event.target)
        case events.Ended():
            cause = event.end_cause or cause_of(event.outcome, event.by)
            return replace(row, outcome=event.outcome, ended_by=event.by, ended_at=time.at(event.at), end_cause=cause)
        case _:
            return row
