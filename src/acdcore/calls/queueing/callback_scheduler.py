"""The callback scheduler: drives the callback queue, and puts items into the agents' queues when they are due."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from acdcore.calls.core.call import Call
from acdcore.calls.core.leg import Side
from acdcore.calls.model import history
from acdcore.calls.model.commands import LiveCall, WrongState
from acdcore.calls.model.events import CallEventLogged
from acdcore.calls.model.rows import WorkRow
from acdcore.calls.record.event_log import CallEventLog
from acdcore.calls.trunks.trunks import AGENTS_TRUNK, WORK_TRUNK
from acdcore.kernel.alarms import AlarmKind, Severity
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.ids import CallId, QueueName
from acdcore.work.callback_queue import CallbackQueue, CallbackSettings
from acdcore.work.model import (
    Absorbed,
    AttemptConnected,
    BreakOff,
    CameDue,
    Changed,
    CustomerCallEnded,
    CustomerCallStarted,
    CustomerTalkEnded,
    CustomerTalkStarted,
    Dequeue,
    DialFirst,
    Dialling,
    Enqueue,
    Input,
    InputRejected,
    Output,
    Requested,
    WorkHoursChanged,
    WorkId,
    WorkItem,
    WorkKind,
    moved,
)

CALLBACK_DELAY = timedelta(seconds=10)
"""What it takes at least from the request to the call: the caller still hears that it has been noted, and hangs up."""
OPEN_SHOWN = 10
"""Open items in a screen pop: as many as an agent can read while the phone rings."""


def external_party_of(call: CallId) -> CallId:
    """A call id for the external party of a call; the blank makes it different from every real call id."""
    return CallId(f"{call} external")


WORK_REFUSED = AlarmKind(
    "work_refused",
    Severity.MAJOR,
    "Have staff end open work items; the log names each call (work_refused) whose caller expects one.",
    3_600.0,
)
"""A callback or a message that was promised to a caller could not be taken."""
WORK_WITHOUT_QUEUE = AlarmKind(
    "work_without_queue", Severity.MINOR, "Put the queue back into the settings, or end its work items."
)
"""Work items wait for a queue that is not in the settings."""


@dataclass(frozen=True, slots=True)
class WorkAttempts:
    """The part that makes attempts at work items, as the callback queue orders."""

    begin: Callable[[WorkItem], None]
    """Begins an attempt: the item gets its place in the queue."""
    end: Callable[[WorkItem], None]
    """Takes the item out of its queue, or breaks off the attempt."""


class CallbackScheduler:
    """The driver of the callback queue: its one timer, its rows, and the attempts that it begins and cancels."""

    def __init__(
        self,
        callback_queue: CallbackQueue,
        attempts: WorkAttempts,
        event_log: CallEventLog,
        bus: EventBus,
        clock: Clock,
    ) -> None:
        self._callback_queue = callback_queue
        self._attempts = attempts
        self._event_log = event_log
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._serial = 0
        self._stranded = ""
        self._by_right_clock: set[WorkId] = set()
        """Items whose times are right already, and are not moved when the clock is corrected."""
        self._sent_on: set[CallId] = set()
        """Calls that are connected to an external number, which counts as on the line too."""
        self._log = structlog.get_logger("work")
        bus.subscribe(CallEventLogged, self._call_event_logged)

    # --- asking for work ---

    def item_for(self, call: Call, kind: WorkKind, queue: QueueName, number: str) -> WorkItem:
        """A new item about the caller of `call`."""
        return WorkItem(
            id=self.next_id(),
            kind=kind,
            queue=queue,
            number=number,
            created_at=self._wall(),
            call_id=call.id,
            customer_id=call.view.customer_id,
            language=call.language.value,
        )

    def has_room_for_message(self, queue: QueueName) -> bool:
        """Whether the queue takes one more message."""
        return self._callback_queue.has_room_for_message(queue)

    def request(self, item: WorkItem, since: datetime | None = None) -> WorkItem:
        """Put an item into the callback queue; returns the open one that covers it, if there is one. Raises WrongState.

        For a callback that nobody asked for, `since` is when the customer began to wait.
        """
        for output in self.handle(Requested(item, since)):
            match output:
                case Absorbed(item=former):
                    return former
                case InputRejected(why=why):
                    raise WrongState(why)
                case _:
                    pass
        return item

    def request_or_alarm(self, item: WorkItem) -> None:
        """The same after the caller has heard a confirmation: a refusal is an alarm."""
        try:
            self.request(item)
        except WrongState as refusal:
            kind, queue = item.kind.value, item.queue
            self._log.error("work_refused", call=item.call_id, kind=kind, queue=queue, why=str(refusal))
            self._event_log.alarms.raise_alarm(WORK_REFUSED, f"{kind} for {queue}: {refusal}")

    def request_callback(
        self, call: Call, queue: QueueName, number: str, first: DialFirst, since: datetime | None = None
    ) -> WorkItem | None:
        """Request a callback to `number` for the caller, with the time waited so far; None: it was refused.

        For a caller who hung up without asking, `since` is when the waiting began.
        """
        item = replace(
            self.item_for(call, WorkKind.CALLBACK, queue, number),
            next_at=self._wall() + CALLBACK_DELAY,
            waited_s=call.waited_s(self._clock.now()) + CALLBACK_DELAY.total_seconds(),
            priority_s=call.priority_s,
            dial_first=first,
        )
        try:
            kept = self.request(item, since)
        except WrongState as refusal:
            self._log.info("no callback", call=call.id, why=str(refusal))
            return None
        call.log(history.CallbackRequested(self._clock.now(), kept.id, kept.number, kept.queue))
        return kept

    def next_id(self) -> WorkId:
        """The id of the next item."""
        self._serial += 1
        wall = self._wall()
        return WorkId(f"W{wall:%Y%m%dT%H%M%S}{wall.microsecond // 1000:03d}-{self._serial:06d}")

    # --- the customers' own calls ---

    def _call_event_logged(self, logged: CallEventLogged) -> None:
        """Report to the callback queue which customers are on the line, and which have got through."""
        view = logged.view
        call = view.call_id
        match logged.event:
            case history.Arrived() | history.CustomerFound() if view.trunk not in (AGENTS_TRUNK, WORK_TRUNK):
                self.handle(CustomerCallStarted(call, view.caller, view.customer_id))
            case history.Dialled(number=number, side=Side.EXTERNAL_NUMBER.value):
                self._sent_on.add(call)
                self.handle(CustomerCallStarted(external_party_of(call), number))
            case history.DialFailed():
                self._external_party_gone(call)
            case history.Bridged():
                self.handle(CustomerTalkStarted(call))
                if call in self._sent_on:
                    self.handle(CustomerTalkStarted(external_party_of(call)))
            case history.CallTalkEnded():
                self.handle(CustomerTalkEnded(call))
                self._external_party_gone(call)
            case history.Ended():
                self._external_party_gone(call)
                self.handle(CustomerCallEnded(call))
            case _:
                pass

    def _external_party_gone(self, call: CallId) -> None:
        """The external number is not on the line any more; the call itself may be."""
        if call in self._sent_on:
            self._sent_on.discard(call)
            self.handle(CustomerCallEnded(external_party_of(call)))

    def may_dial(self, item: WorkItem) -> bool:
        """Whether the customer may be called now; False when the customer has called in this very moment."""
        return not any(isinstance(output, InputRejected) for output in self.handle(Dialling(item.id)))

    def customer_reached(self, call: Call, item: WorkItem) -> None:
        """The customer has answered our call; from here on it counts as a call of the customer."""
        self.handle(AttemptConnected(item.id))
        self.handle(CustomerCallStarted(call.id, item.number, call.view.customer_id))

    def wish_of(self, call: Call, queue: QueueName) -> WorkItem | None:
        """The oldest open plain callback of this caller in that queue, whose place the call takes over; None: none."""
        found = self._callback_queue.open_for(call.view.caller, call.view.customer_id)
        return next((item for item in found if item.is_plain_request and item.queue == queue), None)

    def open_for(self, view: LiveCall, work: WorkId | None = None) -> tuple[WorkItem, ...]:
        """Open items of the customer of a call, newest first, without the item of the call itself."""
        found = self._callback_queue.open_for(view.caller, view.customer_id)
        return tuple(item for item in reversed(found) if item.id != work)[:OPEN_SHOWN]

    # --- what happens to it ---

    def handle(self, event: Input) -> list[Output]:
        """Give one input to the callback queue and carry out its outputs, which are returned."""
        outputs = self._callback_queue.handle(event, self._wall())
        self._carry_out(outputs)
        return outputs

    def hours_changed(self, queue: QueueName, is_open: bool) -> None:
        """A queue opens or closes."""
        self.handle(WorkHoursChanged(queue, is_open))

    def configure(self, settings: CallbackSettings) -> None:
        """Use other settings from now on."""
        self._carry_out(self._callback_queue.configure(settings, self._wall()))

    def clock_set(self, by: timedelta, *, is_clock_wrong: bool) -> None:
        """The machine's clock was set: the times until items are due or too old stay the same.

        `is_clock_wrong`: the clock is doubted now, or was before; only then appointments are moved too.
        """
        right = self._by_right_clock
        self._carry_out(self._callback_queue.clock_set(by, self._wall(), right, is_clock_wrong=is_clock_wrong))
        self._by_right_clock.clear()

    def restore(self, rows: Iterable[WorkRow], ahead: timedelta = timedelta()) -> int:
        """Take over the items that were open when the last process ended; returns how many.

        `ahead` is how far the machine's clock is ahead of a trusted time; negative: behind. The items were written with
        a right clock. With a clock that is behind, nothing is due before the clock is corrected, and the items are not
        moved then. With a clock that is ahead all items would be too old at once, so they are moved.
        """
        items = [row.item for row in rows]
        if ahead < timedelta():
            self._by_right_clock = {item.id for item in items}
        elif ahead:
            items = [moved(item, ahead, is_appointment_moved=True) for item in items]
        self._carry_out(self._callback_queue.restore(items, self._wall()))
        return len(items)

    def open_items(self) -> tuple[WorkItem, ...]:
        """All open items."""
        return self._callback_queue.open_items()

    def open_by_queue(self) -> Counter[QueueName]:
        """Open items by queue."""
        return Counter(item.queue for item in self._callback_queue.open_items())

    def report_stranded(self, items: Mapping[QueueName, int]) -> None:
        """Raise or end the alarm about work items without a queue; `items` counts them by queue."""
        stranded = ", ".join(f"{queue} ({count})" for queue, count in sorted(items.items()))
        if stranded != self._stranded:
            self._stranded = stranded
            detail = f"{stranded}: not in the settings; put the queue back, or end its work" if stranded else ""
            self._event_log.alarms.hold(WORK_WITHOUT_QUEUE, detail)

    def item(self, work: WorkId) -> WorkItem | None:
        """An open item; None when there is none with this id."""
        return self._callback_queue.item(work)

    def close(self) -> None:
        """Disarm the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- within ---

    def _wall(self) -> datetime:
        """The wall time of the callback queue, which jumps in `clock_set` only."""
        return self._event_log.time.at(self._clock.now())

    def _carry_out(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            match output:
                case Changed(item=item):
                    self._event_log.work(item)
                case Enqueue(item=item):
                    self._attempts.begin(item)
                case Dequeue(item=item) | BreakOff(item=item):
                    self._attempts.end(item)
                case Absorbed() | InputRejected():
                    pass  # the caller of `handle` reads these
        self._arm()

    def _arm(self) -> None:
        self.close()
        due = self._callback_queue.next_deadline()
        if due is not None:
            delay_s = max(0.0, (due - self._wall()).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._come_due)

    def _come_due(self) -> None:
        self._timer = None
        self.handle(CameDue())
