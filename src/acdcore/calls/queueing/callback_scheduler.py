"""The callback scheduler: keeps the callback queue of callbacks and messages, and puts what is due into the queues."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
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
"""Open items in a screen pop: what an agent can read while the phone rings."""


def external_party_of(call: CallId) -> CallId:
    """The party outside that a call was sent on to, as a call of its own; the blank keeps it apart from all calls."""
    return CallId(f"{call} external")


WORK_REFUSED = AlarmKind(
    "work_refused",
    Severity.MAJOR,
    "Have staff end open work items; the log names each call (work_refused) whose caller expects one.",
    3_600.0,
)
"""A callback or a message that a caller was told of was not taken."""
WORK_WITHOUT_QUEUE = AlarmKind(
    "work_without_queue", Severity.MINOR, "Put the queue back into the settings, or end its work items."
)
"""Work waits for a queue that the settings have no more."""


class CallbackScheduler:
    """The driver of the callback queue: its one timer, its rows, and what it begins and withdraws."""

    def __init__(self, callback_queue: CallbackQueue, event_log: CallEventLog, bus: EventBus, clock: Clock) -> None:
        self.on_due: Callable[[WorkItem], None] = lambda _: None
        """Begins an attempt at an item: places it in its queue."""
        self.on_cancelled: Callable[[WorkItem], None] = lambda _: None
        """Takes an item out of its queue, or ends the attempt at it."""
        self._callback_queue = callback_queue
        self._event_log = event_log
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._serial = 0
        self._stranded = ""
        self._by_right_clock: set[WorkId] = set()
        """Items whose times need not follow when the clock is put right."""
        self._sent_on: set[CallId] = set()
        """Calls that are with an external number, which is on the line as well."""
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
        """Put an item into the callback queue; the open one that covers it, if there is one. Raises WrongState.

        Without anybody's word for it, `since` is when the customer began to wait.
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
        """The same for a caller who has been told of it already: what does not fit is an alarm, not an answer."""
        try:
            self.request(item)
        except WrongState as refusal:
            kind, queue = item.kind.value, item.queue
            self._log.error("work_refused", call=item.call_id, kind=kind, queue=queue, why=str(refusal))
            self._event_log.alarms.raise_alarm(WORK_REFUSED, f"{kind} for {queue}: {refusal}")

    def request_callback(
        self, call: Call, queue: QueueName, number: str, first: DialFirst, since: datetime | None = None
    ) -> WorkItem | None:
        """Take down that the caller wants to be called at `number`, with the time waited so far; None: it cannot be.

        `since` is when a caller began to wait who has hung up, and has not said so.
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
        """The next item's name."""
        self._serial += 1
        wall = self._wall()
        return WorkId(f"W{wall:%Y%m%dT%H%M%S}{wall.microsecond // 1000:03d}-{self._serial:06d}")

    # --- the customers' own calls ---

    def _call_event_logged(self, logged: CallEventLogged) -> None:
        """What happens in any call, for what it means to callbacks: who is on the line, and who has got through."""
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
        """The number that the call was sent on to is on the line no more, though the call may be."""
        if call in self._sent_on:
            self._sent_on.discard(call)
            self.handle(CustomerCallEnded(external_party_of(call)))

    def may_dial(self, item: WorkItem) -> bool:
        """Whether the customer may be called now; False when the customer has called in this very moment."""
        return not any(isinstance(output, InputRejected) for output in self.handle(Dialling(item.id)))

    def customer_reached(self, call: Call, item: WorkItem) -> None:
        """The customer has answered our call, which is one of the customer's from here on."""
        self.handle(AttemptConnected(item.id))
        self.handle(CustomerCallStarted(call.id, item.number, call.view.customer_id))

    def wish_of(self, call: Call, queue: QueueName) -> WorkItem | None:
        """The open wish to get through of this caller in that queue, whose place the call takes: the oldest."""
        found = self._callback_queue.open_for(call.view.caller, call.view.customer_id)
        return next((item for item in found if item.is_plain_request and item.queue == queue), None)

    def open_for(self, view: LiveCall, work: WorkId | None = None) -> tuple[WorkItem, ...]:
        """What is open for the customer of a call, newest first, besides the item that the call itself is about."""
        found = self._callback_queue.open_for(view.caller, view.customer_id)
        return tuple(item for item in reversed(found) if item.id != work)[:OPEN_SHOWN]

    # --- what happens to it ---

    def handle(self, event: Input) -> list[Output]:
        """One input, carried out; what follows from it."""
        outputs = self._callback_queue.handle(event, self._wall())
        self._carry_out(outputs)
        return outputs

    def hours_changed(self, queue: QueueName, is_open: bool) -> None:
        """A queue opens or closes."""
        self.handle(WorkHoursChanged(queue, is_open))

    def configure(self, settings: CallbackSettings) -> None:
        """Other settings from now on."""
        self._carry_out(self._callback_queue.configure(settings, self._wall()))

    def clock_set(self, by: timedelta, *, is_clock_wrong: bool) -> None:
        """The machine's clock was set: whatever is open comes due and grows old in as long a time as before.

        `is_clock_wrong`: it cannot be right now, or could not before; only then appointments move with it.
        """
        right = self._by_right_clock
        self._carry_out(self._callback_queue.clock_set(by, self._wall(), right, is_clock_wrong=is_clock_wrong))
        self._by_right_clock.clear()

    def restore(self, rows: Iterable[WorkRow], ahead: timedelta = timedelta()) -> int:
        """Take over what was open when the last process ended; how many items that were.

        By so much this machine's clock is `ahead` of a time that can be believed; negative: it is behind. The items
        were written by one that was right. Behind, nothing comes due before the clock is put right, and the items need
        not follow it then; ahead, all would be too old at once, so they are moved.
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
        """How many open items each queue has."""
        return Counter(item.queue for item in self._callback_queue.open_items())

    def report_stranded(self, items: Mapping[QueueName, int]) -> None:
        """Raise or end the alarm about work whose queue is no more; `items` counts it by queue."""
        stranded = ", ".join(f"{queue} ({count})" for queue, count in sorted(items.items()))
        if stranded != self._stranded:
            self._stranded = stranded
            detail = f"{stranded}: not in the settings; put the queue back, or end its work" if stranded else ""
            self._event_log.alarms.hold(WORK_WITHOUT_QUEUE, detail)

    def item(self, work: WorkId) -> WorkItem | None:
        """An open item."""
        return self._callback_queue.item(work)

    def close(self) -> None:
        """Disarm the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- within ---

    def _wall(self) -> datetime:
        """The time of day that the callback queue goes by, which leaps in `clock_set` only."""
        return self._event_log.time.at(self._clock.now())

    def _carry_out(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            match output:
                case Changed(item=item):
                    self._event_log.work(item)
                case Enqueue(item=item):
                    self.on_due(item)
                case Dequeue(item=item) | BreakOff(item=item):
                    self.on_cancelled(item)
                case Absorbed() | InputRejected():
                    pass  # an answer to whoever asked
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
