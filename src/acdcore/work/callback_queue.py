"""The queue of callbacks and messages: which are open, when each is tried, and what ends it. Pure; `wall` is UTC.

Rules:
- An item is in the queue when it is due, its queue is open, and nothing else for the same customer is in progress; a
  callback only while no call of the customer is up. So a customer is never called twice at once nor while calling, and
  after each turn nothing that could be queued is left waiting. A customer is a number, however written, or a card.
- A number has one open request to get through in a queue; a further request is answered with that one. Callbacks for
  a time, about a matter or by a certain agent are joined with their like only. Each message is an item of its own.
- When the customer calls, callbacks leave the queue, and an attempt that has not reached the customer is broken off. A
  talk fulfils the requests to get through; a call that ends without one leaves them as they were, `LINE_CLEARS_S`
  later.
- A customer who hung up while waiting is not called back when another call of theirs is in a talk, or was since.
- An attempt that reached nobody counts, and the next one follows after a pause; one that was broken off by the agent
  does not count and is repeated soon. Too many that failed, or too old: given up.
- Every `InProgress` that is not rejected is followed by one `AttemptEnded`, even when the item was closed meanwhile:
  until then the customer's keys are busy.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, assert_never

from annotated_types import Ge, Gt, Le, MinLen

from acdcore.kernel.deadlines import Deadlines
from acdcore.kernel.ids import CustomerId, QueueName
from acdcore.kernel.setting_types import NumberBeginning
from acdcore.work.model import (
    ENDED,
    Absorbed,
    AttemptConnected,
    AttemptEnded,
    AttemptOutcome,
    BreakOff,
    CameDue,
    Cancelled,
    Changed,
    Closed,
    CustomerCallEnded,
    CustomerCallStarted,
    CustomerTalkEnded,
    CustomerTalkStarted,
    Dequeue,
    Dialling,
    Enqueue,
    InProgress,
    Input,
    InputRejected,
    LeftQueue,
    Output,
    Requested,
    WorkHoursChanged,
    WorkId,
    WorkItem,
    WorkKind,
    WorkState,
    moved,
)
from acdcore.work.on_line import CustomersOnLine, customer_key
from acdcore.work.transitions import KNOWN_TO_QUEUE, TRANSITIONS, WorkEvent

MAX_OPEN = 20_000
"""Open items: days of a large centre's callbacks, some 20 MB; what comes on top is refused, not forgotten later."""
LINE_CLEARS_S = 5.0
"""Nobody is called back sooner after hanging up: the line would be busy still."""
PUT_BACK_AFTER_S = 60.0
"""Pause after an attempt that our side broke off, so that an item is not offered again and again."""


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """The section `[callbacks]`: how often and how long a customer is tried, and who may be called."""

    max_attempts: Annotated[int, Ge(1), Le(100)] = 3
    """Attempts that counted, after which it is given up."""
    retry_after_s: Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(1)] = (300.0, 1_800.0, 7_200.0)
    """Pause after the first, second, ... attempt that reached nobody; the last one is repeated."""
    expire_after_s: Annotated[float, Gt(0)] = 172_800.0
    """Age beyond which nobody expects the call any more."""
    min_wait_s: Annotated[float, Ge(0), Le(3_600)] = 5.0
    """A caller who hangs up sooner is not called back: most dialled by mistake, or did not mean to wait."""
    messages_max: Annotated[int, Ge(1), Le(MAX_OPEN)] = 500
    """Open messages of one queue; beyond this no further message is accepted."""
    numbers: tuple[NumberBeginning, ...] = ()
    """Beginnings of the numbers that callers may have called, as staff write them; empty: the caller's own only."""


@dataclass(slots=True)
class AttemptUnderWay:
    """One attempt; its item may have ended meanwhile."""

    item: WorkItem
    keys: tuple[str, ...]
    """The customer's, which it holds."""
    is_for_call: bool
    """The customer is to be called, or is being called: not only a message that is heard."""
    is_connected: bool = False


class CallbackQueue:
    """All open items; `handle` is the only way to change them, besides `restore` and `configure`.

    `number_key` gives the key that all ways of writing a number share, "" for what is no number.
    """

    def __init__(self, settings: CallbackSettings, number_key: Callable[[str], str]) -> None:
        self._settings = settings
        self._number_key = number_key
        self._open: dict[WorkId, WorkItem] = {}
        self._keys: dict[WorkId, tuple[str, ...]] = {}
        """The keys of each open item's customer: number and card, or the item's own id in place of a number."""
        self._by_key: dict[str, set[WorkId]] = {}
        """Open items by key."""
        self._attempts: dict[WorkId, AttemptUnderWay] = {}
        self._busy_keys: set[str] = set()
        """Keys with an attempt under way."""
        self._on_line = CustomersOnLine()
        self._clears_at: dict[str, datetime] = {}
        """Keys with open items whose last call has ended lately."""
        self._served: set[WorkId] = set()
        """Callbacks in progress whose customer talks on another call."""
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

    def open_for(self, number: str, customer: CustomerId | None) -> tuple[WorkItem, ...]:
        """What is open for this customer, in the order in which it was asked for."""
        found = (self._by_key.get(key, ()) for key in self._customer_keys(number, customer))
        return tuple(self._sorted({work_id for ids in found for work_id in ids}))

    def has_room_for_message(self, queue: QueueName) -> bool:
        """Whether one more message may be left there."""
        if len(self._open) >= MAX_OPEN:
            return False
        waiting = sum(item.queue == queue and item.kind is WorkKind.VOICEMAIL for item in self._open.values())
        return waiting < self._settings.messages_max

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
            case InProgress():
                outputs = self._begin_attempt(input, wall)
            case Dialling():
                outputs = self._dial(input)
            case AttemptConnected():
                outputs = self._connect(input, wall)
            case AttemptEnded():
                outputs = self._end_attempt(input, wall)
            case CustomerCallStarted():
                outputs = self._customer_came(input, wall)
            case CustomerTalkStarted():
                outputs = self._cancel_for_caller(self._on_line.talk_started(input.call), wall)
            case CustomerTalkEnded():
                self._on_line.talk_ended(input.call, wall)
                outputs = []
            case CustomerCallEnded():
                outputs = self._customer_gone(input, wall)
            case LeftQueue():
                outputs = self._step(input, WorkEvent.LET_GO, wall)
            case WorkHoursChanged():
                outputs = self._change_hours(input, wall)
            case Closed():
                outputs = self._step(input, WorkEvent.CLOSED, wall)
            case Cancelled():
                outputs = self._step(input, WorkEvent.CANCELLED, wall)
            case CameDue():
                outputs = []
            case _:
                assert_never(input)
        return outputs + self._bring_due(wall)

    def restore(self, items: Iterable[WorkItem], wall: datetime) -> list[Output]:
        """Take over what was open when the process ended; what is known already, or has ended, is ignored.

        Say before which queues are closed. Nothing is queued yet: the next input does that, and `next_deadline` asks
        for `CameDue`. A talk is done; any other attempt does not count, because nobody knows how it ended.
        """
        outputs: list[Output] = []
        for item in items:
            if item.state in ENDED or item.id in self._open:
                continue
            self._keep(item)
            if item.state is WorkState.QUEUED:
                outputs += self._become(item, WorkEvent.LET_GO, wall)
            elif item.state is WorkState.IN_PROGRESS and item.last_attempt is AttemptOutcome.TALKED:
                outputs += self._become(replace(item, attempts=item.attempts + 1), WorkEvent.TALKED, wall)
            elif item.state is WorkState.IN_PROGRESS:
                outputs += self._become(self._put_back(item, wall), WorkEvent.PUT_BACK, wall)
        return outputs

    def configure(self, settings: CallbackSettings, wall: datetime) -> list[Output]:
        """Use other settings from now on; pauses that have begun stay as they were."""
        self._settings = settings
        for item in self._open.values():
            self._arm(item)
        return self._bring_due(wall)

    def clock_set(
        self, by: timedelta, wall: datetime, right: Collection[WorkId] = (), *, is_clock_wrong: bool = False
    ) -> list[Output]:
        """The time of day has leapt: items stay as far from it as before, except those in `right`, whose times fit.

        `is_clock_wrong`: it is wrong now, or was before, so that appointments move with it too.
        Nothing comes due or expires by a leap, and what was written by a wrong clock is right once the clock is.
        """
        self._on_line.clock_set(by)
        self._clears_at = {key: at + by for key, at in self._clears_at.items()}
        outputs: list[Output] = []
        for item in self._sorted(self._open):
            if item.id not in right:
                waited_s = item.waited_s + self._queued_s(item, wall - by)
                now = replace(
                    moved(item, by, is_appointment_moved=is_clock_wrong),
                    changed_at=wall,
                    changes=item.changes + 1,
                    waited_s=waited_s,
                )
                self._keep(now)
                outputs.append(Changed(now))
        return outputs + self._bring_due(wall)

    # Inputs

    def _request(self, input: Requested, wall: datetime) -> list[Output]:
        item = input.item
        if item.state is not WorkState.WAITING or item.id in self._open:
            return [InputRejected(input, "it is not new")]
        if item.kind is WorkKind.CALLBACK:
            number = self._number_key(item.number)
            if not number:
                return [InputRejected(input, f"{item.number[:40]!r} is no number to call")]
            keys = self._customer_keys(item.number, item.customer_id)
            if input.since is not None and self._on_line.has_talked(keys, input.since):
                return [InputRejected(input, "the customer talks on another call, or has talked since")]
            former = next((each for each in self._of_keys([number]) if covers(each, item)), None)
            if former is not None:
                return self._absorb(former, item, wall)
        if len(self._open) >= MAX_OPEN:
            return [InputRejected(input, f"{MAX_OPEN} items are open already")]
        new = replace(item, changed_at=wall, changes=item.changes + 1)
        self._keep(new)
        return [Changed(new)]

    def _absorb(self, former: WorkItem, item: WorkItem, wall: datetime) -> list[Output]:
        """Asked for again: a request that waits is due at the earlier time, and the longer wait counts for its
        place."""
        self._served.discard(former.id)  # The customer talks on another call, but wants to be called all the same.
        if not former.is_plain_request or former.state is not WorkState.WAITING:
            return [Absorbed(former)]
        next_at = min(due_at(former), due_at(item)) if due_at(former) > wall else former.next_at
        renewed = replace(former, waited_s=max(former.waited_s, item.waited_s), next_at=next_at)
        if renewed == former:
            return [Absorbed(former)]
        renewed = replace(renewed, changes=former.changes + 1, changed_at=wall, changed_by=item.changed_by)
        self._keep(renewed)
        return [Changed(renewed), Absorbed(renewed)]

    def _begin_attempt(self, input: InProgress, wall: datetime) -> list[Output]:
        outputs = self._step(input, WorkEvent.ACCEPTED, wall)
        item = self._open.get(input.id)
        if item is None or item.state is not WorkState.IN_PROGRESS or item.id in self._attempts:
            return outputs
        keys = self._keys[item.id]
        self._attempts[item.id] = AttemptUnderWay(item, keys, item.kind is WorkKind.CALLBACK)
        self._busy_keys.update(keys)
        return outputs + self._review(keys, wall)

    def _dial(self, input: Dialling) -> list[Output]:
        attempt = self._attempts.get(input.id)
        if attempt is None:
            return [InputRejected(input, "no attempt at it is under way")]
        if self._on_line.is_up(attempt.keys):
            return [InputRejected(input, "the customer is on the line")]
        attempt.is_for_call = True
        return []

    def _connect(self, input: AttemptConnected, wall: datetime) -> list[Output]:
        attempt = self._attempts.get(input.id)
        if attempt is not None:
            attempt.is_connected = True
        return self._step(input, WorkEvent.CONNECTED, wall)

    def _end_attempt(self, input: AttemptEnded, wall: datetime) -> list[Output]:
        attempt = self._attempts.pop(input.id, None)
        if attempt is None:
            return [InputRejected(input, "no attempt at it is under way")]
        self._busy_keys.difference_update(attempt.keys)
        item = self._open.get(input.id)
        # None: it was closed or cancelled meanwhile, and only the customer had to be set free.
        outputs = [] if item is None else self._apply_outcome(item, input.how, wall)
        return outputs + self._review(attempt.keys, wall)

    def _apply_outcome(self, item: WorkItem, how: AttemptOutcome, wall: datetime) -> list[Output]:
        """What an attempt's end makes of the item."""
        if item.last_attempt is AttemptOutcome.TALKED:
            how = AttemptOutcome.TALKED  # They talked: whatever came after that.
        item = replace(item, last_attempt=how, changed_by=item.agent or "")
        counted = replace(item, attempts=item.attempts + 1)
        if how is not AttemptOutcome.TALKED and item.id in self._served:
            return self._become(item, WorkEvent.GOT_THROUGH, wall)
        match how:
            case AttemptOutcome.TALKED:
                return self._become(counted, WorkEvent.TALKED, wall)
            case AttemptOutcome.HEARD if not item.is_reply_wanted:
                return self._become(item, WorkEvent.HEARD, wall)
            case AttemptOutcome.LEFT if self._on_line.is_up(self._keys[item.id]):
                return self._become(item, WorkEvent.PUT_BACK, wall)  # for the customer's own call, not for the agent
            case AttemptOutcome.HEARD | AttemptOutcome.LEFT:
                return self._become(self._put_back(item, wall), WorkEvent.PUT_BACK, wall)
            case AttemptOutcome.NO_ANSWER | AttemptOutcome.BUSY | AttemptOutcome.FAILED:
                if counted.attempts >= self._settings.max_attempts:
                    return self._become(counted, WorkEvent.EXHAUSTED, wall)
                return self._become(replace(counted, next_at=wall + self._pause(counted)), WorkEvent.MISSED, wall)
            case _:
                assert_never(how)

    def _customer_came(self, input: CustomerCallStarted, wall: datetime) -> list[Output]:
        """Nothing calls the customer from now on: not what is queued, nor what is on its way."""
        keys = self._on_line.call_started(input.call, self._customer_keys(input.number, input.customer))
        outputs: list[Output] = [
            BreakOff(attempt.item)
            for attempt in self._attempts.values()
            if attempt.is_for_call and not attempt.is_connected and not set(keys).isdisjoint(attempt.keys)
        ]
        outputs += self._review(keys, wall)
        return outputs + self._cancel_for_caller(keys, wall) if self._on_line.is_talking(input.call) else outputs

    def _customer_gone(self, input: CustomerCallEnded, wall: datetime) -> list[Output]:
        keys = self._on_line.call_ended(input.call, wall)
        clears_at = wall + timedelta(seconds=LINE_CLEARS_S)
        self._clears_at |= {key: clears_at for key in keys if key in self._by_key}
        return self._review(keys, wall)

    def _cancel_for_caller(self, keys: Iterable[str], wall: datetime) -> list[Output]:
        """The customer has got through."""
        outputs: list[Output] = []
        for item in self._of_keys(keys):
            if not item.is_plain_request:
                continue
            if item.state is WorkState.IN_PROGRESS:
                self._served.add(item.id)
            else:
                outputs += self._become(replace(item, changed_by=""), WorkEvent.GOT_THROUGH, wall)
        return outputs

    def _change_hours(self, input: WorkHoursChanged, wall: datetime) -> list[Output]:
        if input.is_open:
            self._closed.discard(input.queue)
        else:
            self._closed.add(input.queue)
        return self._review_items(
            sorted((item for item in self._open.values() if item.queue == input.queue), key=by_id), wall
        )

    def _step(
        self, input: InProgress | AttemptConnected | LeftQueue | Closed | Cancelled, event: WorkEvent, wall: datetime
    ) -> list[Output]:
        """An input that names one item and is an event by itself."""
        item = self._open.get(input.id)
        if item is None:
            return [InputRejected(input, "no open item has that id")]
        if (item.state, event) not in TRANSITIONS:
            return [InputRejected(input, f"it is {item.state}")]
        match input:
            case InProgress(agent=agent):
                item = replace(item, agent=agent, changed_by=agent)
            case AttemptConnected():
                item = replace(item, last_attempt=AttemptOutcome.TALKED)
            case LeftQueue():
                item = self._put_back(item, wall)
            case Closed(by=by) | Cancelled(by=by):
                item = replace(item, changed_by=by)
            case _:
                assert_never(input)
        return self._become(item, event, wall)

    # Items

    def _become(self, item: WorkItem, event: WorkEvent, wall: datetime) -> list[Output]:
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
        if item.id not in self._open:
            keys = self._keys[item.id] = (
                self._number_key(item.number) or item.id,
                *self._customer_keys("", item.customer_id),
            )
            for key in keys:
                self._by_key.setdefault(key, set()).add(item.id)
        self._open[item.id] = item
        self._arm(item)
        if item.state is not WorkState.IN_PROGRESS:
            self._served.discard(item.id)

    def _forget(self, item: WorkItem) -> None:
        self._served.discard(item.id)
        self._deadlines.cancel(item.id)
        if self._open.pop(item.id, None) is None:
            return
        for key in self._keys.pop(item.id):
            self._by_key[key].discard(item.id)
            if not self._by_key[key]:
                del self._by_key[key]
                self._clears_at.pop(key, None)

    def _review(self, keys: Iterable[str], wall: datetime) -> list[Output]:
        """What bars the items of these customers has changed."""
        return self._review_items(self._of_keys(keys), wall)

    def _review_items(self, items: Iterable[WorkItem], wall: datetime) -> list[Output]:
        """Take barred ones out of the queue, arm the others."""
        outputs: list[Output] = []
        for item in items:
            if item.state is WorkState.QUEUED and self._is_barred(item):
                outputs += self._become(replace(item, changed_by=""), WorkEvent.BARRED, wall)
            else:
                self._arm(item)
        return outputs

    def _bring_due(self, wall: datetime) -> list[Output]:
        """Queue what is due and give up what is too old, the longest overdue first."""
        outputs: list[Output] = []
        while (work_id := self._deadlines.pop_due(wall.timestamp())) is not None:
            item = replace(self._open[work_id], changed_by="")
            event = WorkEvent.EXPIRED if self._expires_at(item) <= wall else WorkEvent.DUE
            outputs += self._become(item, event, wall)
        return outputs

    def _arm(self, item: WorkItem) -> None:
        """Every open item has a deadline, except in progress, where the attempt's end is what comes next."""
        if item.state is WorkState.IN_PROGRESS:
            self._deadlines.cancel(item.id)
            return
        at = self._expires_at(item)
        if item.state is WorkState.WAITING and not self._is_barred(item):
            clears_at = (self._clears_at.get(key) for key in self._keys[item.id])
            at = min(at, max([due_at(item), *filter(None, clears_at)]))
        self._deadlines.set(item.id, at.timestamp())

    def _is_barred(self, item: WorkItem) -> bool:
        keys = self._keys[item.id]
        is_calling = item.kind is WorkKind.CALLBACK and self._on_line.is_up(keys)
        return is_calling or item.queue in self._closed or not self._busy_keys.isdisjoint(keys)

    def _customer_keys(self, number: str, customer: CustomerId | None) -> tuple[str, ...]:
        keys = (self._number_key(number), "" if customer is None else customer_key(customer))
        return tuple(filter(None, keys))

    def _of_keys(self, keys: Iterable[str]) -> list[WorkItem]:
        """The open items of these customers."""
        return self._sorted({work_id for key in keys for work_id in self._by_key.get(key, ())})

    def _sorted(self, work_ids: Iterable[WorkId]) -> list[WorkItem]:
        return sorted((self._open[work_id] for work_id in work_ids), key=by_id)

    def _put_back(self, item: WorkItem, wall: datetime) -> WorkItem:
        return replace(item, next_at=wall + timedelta(seconds=PUT_BACK_AFTER_S))

    def _pause(self, item: WorkItem) -> timedelta:
        pauses = self._settings.retry_after_s
        return timedelta(seconds=pauses[min(item.attempts, len(pauses)) - 1])

    def _expires_at(self, item: WorkItem) -> datetime:
        return max(item.created_at, item.at or item.created_at) + timedelta(seconds=self._settings.expire_after_s)


def by_id(item: WorkItem) -> WorkId:
    """Sorts items in the order in which they were asked for."""
    return item.id


def due_at(item: WorkItem) -> datetime:
    """When it is to be tried next."""
    return item.next_at or item.at or item.created_at


def covers(former: WorkItem, item: WorkItem) -> bool:
    """Whether a callback to the same number is the same callback."""
    return former.kind is WorkKind.CALLBACK and merge_key(former) == merge_key(item)


def merge_key(item: WorkItem) -> tuple[object, ...]:
    """Two callbacks to one number with the same key are one."""
    return item.queue, item.at, item.subject, item.for_agent
