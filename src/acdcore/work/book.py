"""The book of callbacks and messages: which are open, when each is tried, and what settles it. Pure; `wall` is UTC.

Rules:
- An item is in the queue when it is due, its queue is open, and nothing else for the same number is in hand. So a
  customer is never called twice at once, and after each turn nothing that could be queued is left waiting.
- A number has one open callback in a queue; whoever asks again is told of that one. Each message is an item of its own.
- When the customer calls, callbacks to that number are settled, unless one is in hand: that one is settled when its
  attempt ends without a talk, for the customer is being served already.
- An attempt that reached nobody counts, and the next one follows after a pause; one that was broken off by the agent
  does not count and is repeated soon. Too many in vain, or too old: given up.
- Every `InHand` that is not rejected is followed by one `AttemptEnded`, even when the item was closed meanwhile: until
  then the number is held.

    from      due     accepted  barred   let_go   put_back  missed   exhausted  talked  heard  settled  expired
    WAITING   QUEUED  -         -        -        -         -        -          -       -      MERGED   GIVEN_UP
    QUEUED    -       IN_HAND   WAITING  WAITING  -         -        -          -       -      MERGED   GIVEN_UP
    IN_HAND   -       -         -        -        WAITING   WAITING  GIVEN_UP   DONE    DONE   MERGED   -

Staff may close (DONE) or cancel (CANCELLED) in any of the three; what is in hand when they talk stays in hand.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import assert_never

from acdcore.kernel.deadlines import Deadlines
from acdcore.kernel.ids import QueueName
from acdcore.work.model import (
    ENDED,
    Absorbed,
    Attempt,
    AttemptEnded,
    CameDue,
    Cancelled,
    Changed,
    Closed,
    Connected,
    CustomerCalled,
    Dequeue,
    Enqueue,
    HoursChanged,
    InHand,
    Input,
    LeftQueue,
    Output,
    Rejected,
    Requested,
    WorkId,
    WorkItem,
    WorkKind,
    WorkState,
    moved,
)

MAX_OPEN = 20_000
"""Open items: days of a large centre's callbacks, some 20 MB; what comes on top is refused, not forgotten later."""


class Event(StrEnum):
    """What moves an item from state to state."""

    DUE = "due"
    """Its time has come and nothing bars it."""
    ACCEPTED = "accepted"
    """An agent took it."""
    BARRED = "barred"
    """Its queue closed, or another item for the number is in hand."""
    LET_GO = "let_go"
    """The queue let it go."""
    PUT_BACK = "put_back"
    """The attempt was broken off on our side."""
    MISSED = "missed"
    """The customer was not reached, and is to be tried again."""
    EXHAUSTED = "exhausted"
    """The customer was not reached, for the last time."""
    TALKED = "talked"
    """Agent and customer talked."""
    HEARD = "heard"
    """The message was heard, and no reply is wanted."""
    SETTLED = "settled"
    """The customer called."""
    EXPIRED = "expired"
    """It is too old."""
    CONNECTED = "connected"
    """Agent and customer begin to talk."""
    CLOSED = "closed"
    """Somebody says that it is done."""
    CANCELLED = "cancelled"
    """Somebody takes it out."""


TRANSITIONS: Mapping[tuple[WorkState, Event], WorkState] = {
    (WorkState.WAITING, Event.DUE): WorkState.QUEUED,
    (WorkState.WAITING, Event.SETTLED): WorkState.MERGED,
    (WorkState.WAITING, Event.EXPIRED): WorkState.GIVEN_UP,
    (WorkState.WAITING, Event.CLOSED): WorkState.DONE,
    (WorkState.WAITING, Event.CANCELLED): WorkState.CANCELLED,
    (WorkState.QUEUED, Event.ACCEPTED): WorkState.IN_HAND,
    (WorkState.QUEUED, Event.BARRED): WorkState.WAITING,
    (WorkState.QUEUED, Event.LET_GO): WorkState.WAITING,
    (WorkState.QUEUED, Event.SETTLED): WorkState.MERGED,
    (WorkState.QUEUED, Event.EXPIRED): WorkState.GIVEN_UP,
    (WorkState.QUEUED, Event.CLOSED): WorkState.DONE,
    (WorkState.QUEUED, Event.CANCELLED): WorkState.CANCELLED,
    (WorkState.IN_HAND, Event.CONNECTED): WorkState.IN_HAND,
    (WorkState.IN_HAND, Event.PUT_BACK): WorkState.WAITING,
    (WorkState.IN_HAND, Event.MISSED): WorkState.WAITING,
    (WorkState.IN_HAND, Event.EXHAUSTED): WorkState.GIVEN_UP,
    (WorkState.IN_HAND, Event.TALKED): WorkState.DONE,
    (WorkState.IN_HAND, Event.HEARD): WorkState.DONE,
    (WorkState.IN_HAND, Event.SETTLED): WorkState.MERGED,
    (WorkState.IN_HAND, Event.CLOSED): WorkState.DONE,
    (WorkState.IN_HAND, Event.CANCELLED): WorkState.CANCELLED,
}
"""Anything else does not fit and is rejected."""

KNOWN_TO_QUEUE = frozenset({Event.ACCEPTED, Event.LET_GO})
"""The queue itself did this and need not be told to take the item out."""


@dataclass(frozen=True, slots=True)
class BookSettings:
    """How often and how long a customer is tried."""

    max_attempts: int = 3
    """Attempts that counted, after which it is given up."""
    retry_after_s: tuple[float, ...] = (300.0, 1_800.0, 7_200.0)
    """Pause after the first, second, ... attempt that reached nobody; the last one is repeated."""
    put_back_after_s: float = 60.0
    """Pause after an attempt that our side broke off, so that an item is not offered round and round."""
    expire_after_s: float = 172_800.0
    """Age beyond which nobody expects the call any more."""

    def __post_init__(self) -> None:
        """Raises ValueError naming the field."""
        if self.max_attempts < 1:
            raise ValueError("max_attempts: is less than 1")
        if not self.retry_after_s or min(self.retry_after_s) <= 0:
            raise ValueError("retry_after_s: lists no pauses above 0")
        if self.put_back_after_s <= 0:
            raise ValueError("put_back_after_s: is not above 0")
        if self.expire_after_s <= 0:
            raise ValueError("expire_after_s: is not above 0")


class WorkBook:
    """All open items; `handle` is the only way to change them, besides `restore` and `configure`.

    `number_key` gives the key that all ways of writing a number share, "" for what is no number.
    """

    def __init__(self, settings: BookSettings, number_key: Callable[[str], str]) -> None:
        self._settings = settings
        self._number_key = number_key
        self._open: dict[WorkId, WorkItem] = {}
        self._lines: dict[str, set[WorkId]] = {}
        """Open items by line: the number's key, or the item's own id when it has no number."""
        self._attempts: dict[WorkId, str] = {}
        """Attempts that are under way, with their lines; the item may have ended meanwhile."""
        self._held: set[str] = set()
        """Lines with an attempt under way."""
        self._served: set[WorkId] = set()
        """Callbacks in hand whose customer called meanwhile."""
        self._closed: set[QueueName] = set()
        """Queues outside their hours; a queue of which nothing was said is open."""
        self._deadlines: Deadlines[WorkId] = Deadlines()
        """When each item becomes due or too old, seconds since 1970."""

    def __len__(self) -> int:
        return len(self._open)

    def item(self, work_id: WorkId) -> WorkItem | None:
        """The open item with that id."""
        return self._open.get(work_id)

    def open_items(self) -> tuple[WorkItem, ...]:
        """All open items, in the order in which they came."""
        return tuple(self._open.values())

    def next_deadline(self) -> datetime | None:
        """When `CameDue` is to be handled, UTC; in the past after `restore`; None when nothing is pending."""
        at = self._deadlines.earliest()
        return None if at is None else datetime.fromtimestamp(at, UTC)

    def handle(self, input: Input, wall: datetime) -> list[Output]:
        """What follows, in order: an item's `Changed` goes before its `Enqueue` or `Dequeue`."""
        outputs: list[Output]
        match input:
            case Requested():
                outputs = self._request(input, wall)
            case InHand():
                outputs = self._take_in_hand(input, wall)
            case Connected():
                outputs = self._step(input, Event.CONNECTED, wall)
            case AttemptEnded():
                outputs = self._end_attempt(input, wall)
            case CustomerCalled():
                outputs = self._settle(input, wall)
            case LeftQueue():
                outputs = self._step(input, Event.LET_GO, wall)
            case HoursChanged():
                outputs = self._change_hours(input, wall)
            case Closed():
                outputs = self._step(input, Event.CLOSED, wall)
            case Cancelled():
                outputs = self._step(input, Event.CANCELLED, wall)
            case CameDue():
                outputs = []
            case _:
                assert_never(input)
        return outputs + self._bring_due(wall)

    def restore(self, items: Iterable[WorkItem], wall: datetime) -> list[Output]:
        """Take over what was open when the process ended; what is known already, or has ended, is left alone.

        Say before which queues are closed. Nothing is queued yet: the next input does that, and `next_deadline` asks
        for `CameDue`. Whoever talked is done; any other attempt does not count, for nobody knows how it ended.
        """
        outputs: list[Output] = []
        for item in items:
            if item.state in ENDED or item.id in self._open:
                continue
            self._keep(item)
            if item.state is WorkState.QUEUED:
                outputs += self._become(item, Event.LET_GO, wall)
            elif item.state is WorkState.IN_HAND and item.last_attempt is Attempt.TALKED:
                outputs += self._become(replace(item, attempts=item.attempts + 1), Event.TALKED, wall)
            elif item.state is WorkState.IN_HAND:
                outputs += self._become(self._put_back(item, wall), Event.PUT_BACK, wall)
        return outputs

    def configure(self, settings: BookSettings, wall: datetime) -> list[Output]:
        """Go by other settings from now on; pauses that have begun stay as they were."""
        self._settings = settings
        for item in self._open.values():
            self._arm(item)
        return self._bring_due(wall)

    def clock_set(self, by: timedelta, wall: datetime, right: Collection[WorkId] = ()) -> list[Output]:
        """The time of day has leapt: keep all distances to it, but of those whose times are `right` by the new one.

        Nothing comes due or expires by a leap, and what was written by a wrong clock is right once the clock is.
        """
        outputs: list[Output] = []
        for item in self._sorted(self._open):
            if item.id not in right:
                waited_s = item.waited_s + self._queued_s(item, wall - by)
                now = replace(moved(item, by), changed_at=wall, changes=item.changes + 1, waited_s=waited_s)
                self._keep(now)
                outputs.append(Changed(now))
        return outputs + self._bring_due(wall)

    # Inputs

    def _request(self, input: Requested, wall: datetime) -> list[Output]:
        item = input.item
        if item.state is not WorkState.WAITING or item.id in self._open:
            return [Rejected(input, "it is not new")]
        if item.kind is WorkKind.CALLBACK:
            if not self._number_key(item.number):
                return [Rejected(input, f"{item.number[:40]!r} is no number to call")]
            for work_id in self._lines.get(self._line(item), ()):
                former = self._open[work_id]
                if former.kind is WorkKind.CALLBACK and former.queue == item.queue:
                    self._served.discard(former.id)  # Called in, but wants to be called after all.
                    return [Absorbed(former)]
        if len(self._open) >= MAX_OPEN:
            return [Rejected(input, f"{MAX_OPEN} items are open already")]
        new = replace(item, changed_at=wall, changes=item.changes + 1)
        self._keep(new)
        return [Changed(new)]

    def _take_in_hand(self, input: InHand, wall: datetime) -> list[Output]:
        outputs = self._step(input, Event.ACCEPTED, wall)
        item = self._open.get(input.id)
        if item is None or item.state is not WorkState.IN_HAND or item.id in self._attempts:
            return outputs
        line = self._line(item)
        self._attempts[item.id] = line
        self._held.add(line)
        return outputs + self._review(self._lines[line], wall)

    def _end_attempt(self, input: AttemptEnded, wall: datetime) -> list[Output]:
        line = self._attempts.pop(input.id, None)
        if line is None:
            return [Rejected(input, "no attempt at it is under way")]
        self._held.discard(line)
        item = self._open.get(input.id)
        # None: it was closed or cancelled meanwhile, and only the number had to be set free.
        outputs = [] if item is None else self._judge(item, input.how, wall)
        return outputs + self._review(self._lines.get(line, set()), wall)

    def _judge(self, item: WorkItem, how: Attempt, wall: datetime) -> list[Output]:
        """What an attempt's end makes of the item."""
        if item.last_attempt is Attempt.TALKED:
            how = Attempt.TALKED  # They talked: whatever came after that.
        item = replace(item, last_attempt=how, changed_by=item.agent or "")
        counted = replace(item, attempts=item.attempts + 1)
        if how is not Attempt.TALKED and item.id in self._served:
            return self._become(item, Event.SETTLED, wall)
        match how:
            case Attempt.TALKED:
                return self._become(counted, Event.TALKED, wall)
            case Attempt.HEARD if not item.is_reply_wanted:
                return self._become(item, Event.HEARD, wall)
            case Attempt.HEARD | Attempt.LEFT:
                return self._become(self._put_back(item, wall), Event.PUT_BACK, wall)
            case Attempt.NO_ANSWER | Attempt.BUSY | Attempt.FAILED:
                if counted.attempts >= self._settings.max_attempts:
                    return self._become(counted, Event.EXHAUSTED, wall)
                return self._become(replace(counted, next_at=wall + self._pause(counted)), Event.MISSED, wall)
            case _:
                assert_never(how)

    def _settle(self, input: CustomerCalled, wall: datetime) -> list[Output]:
        line = self._number_key(input.number)
        outputs: list[Output] = []
        for item in self._sorted(self._lines.get(line, set()) if line else set()):
            if item.kind is not WorkKind.CALLBACK:
                continue
            if item.state is WorkState.IN_HAND:
                self._served.add(item.id)
                outputs.append(Absorbed(item))
            else:
                outputs += self._become(replace(item, changed_by=""), Event.SETTLED, wall)
        return outputs

    def _change_hours(self, input: HoursChanged, wall: datetime) -> list[Output]:
        if input.is_open:
            self._closed.discard(input.queue)
        else:
            self._closed.add(input.queue)
        return self._review({item.id for item in self._open.values() if item.queue == input.queue}, wall)

    def _step(
        self, input: InHand | Connected | LeftQueue | Closed | Cancelled, event: Event, wall: datetime
    ) -> list[Output]:
        """An input that names one item and is an event by itself."""
        item = self._open.get(input.id)
        if item is None:
            return [Rejected(input, "no open item has that id")]
        if (item.state, event) not in TRANSITIONS:
            return [Rejected(input, f"it is {item.state}")]
        match input:
            case InHand(agent=agent):
                item = replace(item, agent=agent, changed_by=agent)
            case Connected():
                item = replace(item, last_attempt=Attempt.TALKED)
            case LeftQueue():
                item = self._put_back(item, wall)
            case Closed(by=by) | Cancelled(by=by):
                item = replace(item, changed_by=by)
            case _:
                assert_never(input)
        return self._become(item, event, wall)

    # Items

    def _become(self, item: WorkItem, event: Event, wall: datetime) -> list[Output]:
        """Move the item, which carries the event's facts already, to its next state."""
        state = TRANSITIONS[item.state, event]
        waited_s = item.waited_s + self._queued_s(item, wall)
        moved = replace(item, state=state, changed_at=wall, changes=item.changes + 1, waited_s=waited_s)
        outputs: list[Output] = [Changed(moved)]
        if state is WorkState.QUEUED:
            outputs.append(Enqueue(moved))
        elif item.state is WorkState.QUEUED and event not in KNOWN_TO_QUEUE:
            outputs.append(Dequeue(moved))
        if state in ENDED:
            self._forget(moved)
        else:
            self._keep(moved)
        return outputs

    @staticmethod
    def _queued_s(item: WorkItem, wall: datetime) -> float:
        """How long it has been in the queue since it was changed last."""
        if item.state is not WorkState.QUEUED or item.changed_at is None:
            return 0.0
        return max(0.0, (wall - item.changed_at).total_seconds())

    def _keep(self, item: WorkItem) -> None:
        self._open[item.id] = item
        self._lines.setdefault(self._line(item), set()).add(item.id)
        self._arm(item)
        if item.state is not WorkState.IN_HAND:
            self._served.discard(item.id)

    def _forget(self, item: WorkItem) -> None:
        self._open.pop(item.id, None)
        self._served.discard(item.id)
        self._deadlines.cancel(item.id)
        line = self._line(item)
        of_line = self._lines.get(line, set())
        of_line.discard(item.id)
        if not of_line:
            self._lines.pop(line, None)

    def _review(self, work_ids: Iterable[WorkId], wall: datetime) -> list[Output]:
        """What bars these items has changed: take barred ones out of the queue, arm the others."""
        outputs: list[Output] = []
        for item in self._sorted(work_ids):
            if item.state is WorkState.QUEUED and self._is_barred(item):
                outputs += self._become(replace(item, changed_by=""), Event.BARRED, wall)
            else:
                self._arm(item)
        return outputs

    def _bring_due(self, wall: datetime) -> list[Output]:
        """Queue what is due and give up what is too old, the longest overdue first."""
        outputs: list[Output] = []
        while (work_id := self._deadlines.pop_due(wall.timestamp())) is not None:
            item = replace(self._open[work_id], changed_by="")
            event = Event.EXPIRED if self._expires_at(item) <= wall else Event.DUE
            outputs += self._become(item, event, wall)
        return outputs

    def _arm(self, item: WorkItem) -> None:
        """Every open item has a deadline, except in hand, where the attempt's end is what comes next."""
        if item.state is WorkState.IN_HAND:
            self._deadlines.cancel(item.id)
            return
        at = self._expires_at(item)
        if item.state is WorkState.WAITING and not self._is_barred(item):
            at = min(at, item.next_at or item.created_at)
        self._deadlines.set(item.id, at.timestamp())

    def _is_barred(self, item: WorkItem) -> bool:
        return item.queue in self._closed or self._line(item) in self._held

    def _line(self, item: WorkItem) -> str:
        return self._number_key(item.number) or item.id

    def _sorted(self, work_ids: Iterable[WorkId]) -> list[WorkItem]:
        return sorted((self._open[work_id] for work_id in work_ids), key=lambda item: item.id)

    def _put_back(self, item: WorkItem, wall: datetime) -> WorkItem:
        return replace(item, next_at=wall + timedelta(seconds=self._settings.put_back_after_s))

    def _pause(self, item: WorkItem) -> timedelta:
        pauses = self._settings.retry_after_s
        return timedelta(seconds=pauses[min(item.attempts, len(pauses)) - 1])

    def _expires_at(self, item: WorkItem) -> datetime:
        return item.created_at + timedelta(seconds=self._settings.expire_after_s)
