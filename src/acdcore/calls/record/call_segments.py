"""Call segments: each visit to a queue, each agent who answered, each external number, folded from the history.

Times are those of the events (monotonic seconds); the record has them in UTC.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from acdcore.calls.model import history as events
from acdcore.calls.model.rows import CallEnd, EndedBy, SegmentEnd, SegmentKind
from acdcore.kernel.ids import AgentId, QueueName

AGENT_TARGET = "agent:"
"""Beginning of `Sent.target` for a manual assignment: the caller waits until that agent answers."""
QUEUE_TARGET = "queue:"
"""Beginning of the target of an overflow to another queue: the caller waits on there."""
CALLER_SIDE = "caller"
"""`Dialled.side` of the customer of a callback."""
EXTERNAL_SIDES = ("external_number", "")
"""`Dialled.side` of a number to which a caller is forwarded."""
HUNG_UP = {
    EndedBy.CALLER: SegmentEnd.CALLER_HUNG_UP,
    EndedBy.AGENT: SegmentEnd.AGENT_HUNG_UP,
    EndedBy.SYSTEM: SegmentEnd.COMPLETED,
}
"""Why the last segment ended when this party ended the call."""


@dataclass(slots=True)
class FoldedSegment:
    """One segment of a call; times are monotonic seconds."""

    kind: SegmentKind
    began_at: float
    queue: QueueName | None = None
    agent: AgentId | None = None
    number: str = ""
    trunk: str = ""
    connected_at: float | None = None
    """When the agent or the external number answered; None when nobody did."""
    ended_at: float = 0.0
    end: SegmentEnd | None = None
    """None while it goes on."""
    talk_s: float = 0.0
    talked_since: float | None = None
    """Since when both hear each other; None when they do not."""
    recording: str = ""
    """Path for the recording of the talk; empty when there is none."""

    is_talked: bool = False
    """Both could hear each other, even for a short time."""
    is_heard: bool = False
    """The agent heard a caller's message."""
    is_lost: bool = False
    """The agent, or the external party, was lost."""
    is_unanswered: bool = False
    """The customer, who was rung for the agent, did not answer."""


class Segments:
    """The fold: give it every event once, in order."""

    def __init__(self) -> None:
        self.all: list[FoldedSegment] = []
        """In the order in which they began; only the last one can be open."""
        self._queue: QueueName | None = None

    def apply(self, event: events.Event) -> None:
        """Begin and end the segments that `event` concerns."""
        match event:
            case events.CallQueued(at=at, queue=queue):
                self._end(at, SegmentEnd.TRANSFERRED)
                self._queue = queue
                self._begin(FoldedSegment(SegmentKind.QUEUE, at, queue))
            case events.CallOverflowed(at=at):
                self._end_of(SegmentKind.QUEUE, at, SegmentEnd.OVERFLOWED)
            case events.Sent(at=at, target=target) if not target.startswith(AGENT_TARGET):
                self._end_of(SegmentKind.QUEUE, at, SegmentEnd.TRANSFERRED)
            case events.QueueLeft(at=at):
                self._end_of(SegmentKind.QUEUE, at, SegmentEnd.LEFT_QUEUE)
            case events.Reserved(at=at, agent=agent):
                self._end(at, SegmentEnd.ANSWERED)
                self._begin(FoldedSegment(SegmentKind.AGENT, at, self._queue, agent))
            case events.Dialled(at=at, number=number, trunk=trunk, side=side) if side in EXTERNAL_SIDES:
                self._dialled(at, number, trunk)
            case events.CallConnected():
                self._connected(event)
            case events.Returned(at=at):
                self._end(at, SegmentEnd.NO_TALK)
            case events.CallTalkEnded():
                self._talk_ended(event)
            case events.Ended():
                self.close(event.at, event.end_cause, event.by)
            case _:
                self._partner_step(event)

    def close(self, at: float, cause: CallEnd | None, by: EndedBy = EndedBy.SYSTEM) -> None:
        """The call is over, for this `cause`."""
        if self.open is None:
            return
        if cause is not None and cause not in (CallEnd.HUNG_UP, CallEnd.COMPLETED, CallEnd.REFUSED):
            self._end(at, SegmentEnd(cause.value))
        elif by is EndedBy.CALLER and self.open.kind is SegmentKind.QUEUE:
            self._end(at, SegmentEnd.ABANDONED)
        else:
            self._end(at, HUNG_UP[by])

    @property
    def open(self) -> FoldedSegment | None:
        """The open segment; None when there is none."""
        return self.all[-1] if self.all and self.all[-1].end is None else None

    def _begin(self, segment: FoldedSegment) -> None:
        self.all.append(segment)

    def _dialled(self, at: float, number: str, trunk: str) -> None:
        """An external number is dialled for the caller; in callbacks of older versions, the customer's number."""
        if self.open is None:
            self._begin(FoldedSegment(SegmentKind.EXTERNAL_NUMBER, at, self._queue, number=number, trunk=trunk))

    def _connected(self, event: events.CallConnected) -> None:
        going_on = self.open
        if going_on is not None and event.agent is not None and going_on.agent == event.agent:
            pass  # the agent was reserved before
        elif going_on is not None and event.agent is None and going_on.kind is SegmentKind.EXTERNAL_NUMBER:
            pass  # the number was dialled before
        else:
            self._end(event.at, SegmentEnd.ANSWERED)
            kind = SegmentKind.EXTERNAL_NUMBER if event.agent is None else SegmentKind.AGENT
            self._begin(FoldedSegment(kind, event.at, self._queue, event.agent, event.external_number))
        self.all[-1].connected_at, self.all[-1].recording = event.at, event.recording

    def _partner_step(self, event: events.Event) -> None:
        """An event of the agent, or the external party, to whom the caller is connected."""
        going_on = self.open
        if going_on is None or going_on.kind is SegmentKind.QUEUE:
            return
        match event:
            case events.DialFailed(at=at):
                going_on.is_unanswered = True
                self._end_of(SegmentKind.EXTERNAL_NUMBER, at, SegmentEnd.UNANSWERED)
            case events.Bridged(at=at) if going_on.talked_since is None:
                going_on.talked_since, going_on.is_talked = at, True
            case events.PartyLost():
                going_on.is_lost = True
            case events.MessageHeard():
                going_on.is_heard = True
            case _:
                pass

    def _talk_ended(self, event: events.CallTalkEnded) -> None:
        going_on = self.open
        if going_on is not None and going_on.kind is not SegmentKind.QUEUE:
            self._end(event.at, event.end or talk_end(going_on, event.by))

    def _end_of(self, kind: SegmentKind, at: float, end: SegmentEnd) -> None:
        if self.open is not None and self.open.kind is kind:
            self._end(at, end)

    def _end(self, at: float, end: SegmentEnd) -> None:
        ending = self.open
        if ending is None:
            return
        ending.ended_at, ending.end = at, end
        if ending.talked_since is not None:
            ending.talk_s = at - ending.talked_since
            ending.talked_since = None


def talk_end(segment: FoldedSegment, by: EndedBy) -> SegmentEnd:
    """Why the time with an agent, or with an external number, ended while the caller stayed."""
    is_together = segment.is_talked or segment.is_heard
    if segment.is_lost:
        return SegmentEnd.MEDIA_LOST
    if by is EndedBy.SYSTEM and segment.connected_at is not None:
        return SegmentEnd.TRANSFERRED
    if not is_together:
        return SegmentEnd.UNANSWERED if segment.is_unanswered else SegmentEnd.NO_TALK
    return SegmentEnd.EXTERNAL_HUNG_UP if segment.kind is SegmentKind.EXTERNAL_NUMBER else HUNG_UP[by]


def segments_of(history: Iterable[events.Event]) -> Sequence[FoldedSegment]:
    """The segments of a call so far."""
    folded = Segments()
    for event in history:
        folded.apply(event)
    return folded.all
