"""The record of a call, folded from its history: nothing is counted twice because nothing is counted anywhere else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from acdcore.calls import events
from acdcore.calls.rows import CdrRow, Detail, Direction, EndedBy
from acdcore.calls.trunks import WORK_TRUNK
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import CallId

QUEUE_TARGET = "queue:"
"""How an overflow to another queue begins: the caller waits on there."""
AGENT_TARGET = "agent:"
"""How it is written that a waiting caller was given to an agent by hand: the caller waits until that phone answers."""


class WallTime:
    """Turns monotonic seconds into UTC by one anchor, so that a call's times keep their distances.

    When the machine's clock is set the anchor is: a call that is on record afterwards has all its times by the new one.
    """

    def __init__(self, now: float, wall: datetime) -> None:
        self._now = now
        self._wall = wall

    def set(self, now: float, wall: datetime) -> None:
        """From here on `now` is `wall`."""
        self._now, self._wall = now, wall

    def at(self, now: float) -> datetime:
        """The UTC time of `now`."""
        return self._wall + timedelta(seconds=now - self._now)


def cdr(call_id: CallId, history: Sequence[events.Event], time: WallTime, figures: Detail) -> CdrRow:
    """Fold `history` (the first event is `Arrived`) into the call's record.

    A history without an `Ended` is that of a call cut short, and is recorded as ended by its last event.
    """
    arrived = history[0]
    if not isinstance(arrived, events.Arrived):
        raise ValueError(f"history of {call_id} begins with {type(arrived).__name__}, not with Arrived")
    row = CdrRow(
        call_id=call_id,
        trunk=arrived.trunk,
        caller=arrived.caller,
        dialled=arrived.dialled,
        outcome=Outcome.SHUTDOWN,
        ended_by=EndedBy.SYSTEM,
        arrived_at=time.at(arrived.at),
        ended_at=time.at(history[-1].at),
        direction=Direction.OUTBOUND if arrived.trunk == WORK_TRUNK else Direction.INBOUND,
        recording=next((path for path, _ in recordings(history)), ""),
        figures=figures,
    )
    spans, unanswered = Spans(), row
    for event in history[1:]:
        if isinstance(event, events.Connected):
            unanswered = row
        row = _apply(row, event, time)
        if isinstance(event, events.Returned):
            row = replace(row, agent=unanswered.agent, connected_at=unanswered.connected_at)
        spans.apply(event)
    spans.close(history[-1].at)
    return replace(row, wait_s=round(spans.wait_s, 3), ring_s=round(spans.ring_s, 3), talk_s=round(spans.talk_s, 3))


def recordings(history: Iterable[events.Event]) -> Iterator[tuple[str, float]]:
    """The recordings that were begun, with the time: a talk is recorded from the bridge on, not from the answer."""
    path = ""
    for event in history:
        match event:
            case events.Connected():
                path = event.recording
            case events.Bridged(at) if path:
                yield path, at
            case events.MessageBegun(at, recording) if recording:
                yield recording, at
            case _:
                pass


def answers(history: Iterable[events.Event]) -> list[events.Connected]:
    """Who answered, in order, without those who were gone before a talk."""
    answered: list[events.Connected] = []
    for event in history:
        match event:
            case events.Connected():
                answered.append(event)
            case events.Returned() if answered:
                answered.pop()
            case _:
                pass
    return answered


class Spans:
    """Sums the time spent waiting, ringing and talking; each runs from its opening to its closing event."""

    def __init__(self) -> None:
        self.wait_s = 0.0
        self.ring_s = 0.0
        self.talk_s = 0.0
        self._waiting_since: float | None = None
        self._ringing_since: float | None = None
        self._talking_since: float | None = None

    def apply(self, event: events.Event) -> None:
        """Open and close the spans that `event` concerns."""
        match event:
            case events.Queued():
                self._end_talking(event.at)
                self._waiting_since = event.at if self._waiting_since is None else self._waiting_since
            case events.Offered():
                self._ringing_since = event.at
            case events.OfferEnded():
                self._end_ringing(event.at)
            case events.Reserved():
                self._end_ringing(event.at)
                self._end_waiting(event.at)
            case events.Connected():
                self._end_ringing(event.at)
                self._end_waiting(event.at)
                self._end_talking(event.at)
                self._talking_since = event.at
            case events.Overflowed(target=target) if not target.startswith(QUEUE_TARGET):
                self._end_waiting(event.at)
            case events.Sent(target=target) if not target.startswith(AGENT_TARGET):
                self._end_waiting(event.at)
            case events.TalkEnded():
                self._end_talking(event.at)
            case events.Returned():  # waited all along, and has not talked
                self._waiting_since, self._talking_since = self._talking_since, None
            case events.Ended():
                self.close(event.at)
            case _:
                pass

    def close(self, at: float) -> None:
        """End whatever is still open."""
        self._end_ringing(at)
        self._end_waiting(at)
        self._end_talking(at)

    def _end_waiting(self, at: float) -> None:
        if self._waiting_since is not None:
            self.wait_s += at - self._waiting_since
            self._waiting_since = None

    def _end_ringing(self, at: float) -> None:
        if self._ringing_since is not None:
            self.ring_s += at - self._ringing_since
            self._ringing_since = None

    def _end_talking(self, at: float) -> None:
        if self._talking_since is not None:
            self.talk_s += at - self._talking_since
            self._talking_since = None


def _apply(row: CdrRow, event: events.Event, time: WallTime) -> CdrRow:
    match event:
        case events.Answered():
            return replace(row, answered_at=time.at(event.at), flow=event.flow)
        case events.CustomerFound():
            return replace(row, customer_id=event.customer)
        case events.Queued():
            return replace(row, queue=event.queue, queued_at=row.queued_at or time.at(event.at))
        case events.Reserved():
            return replace(row, agent=event.agent)
        case events.Connected():
            return replace(row, connected_at=row.connected_at or time.at(event.at), agent=event.agent or row.agent)
        case events.Overflowed():
            return replace(row, overflowed_to=event.target)
        case events.Ended():
            return replace(row, outcome=event.outcome, ended_by=event.by, ended_at=time.at(event.at))
        case _:
            return row
