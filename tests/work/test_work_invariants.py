"""What holds in the callback queue whatever happens in whatever order."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName
from acdcore.work.callback_queue import CallbackQueue, CallbackSettings
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
)

T0 = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
QUEUES = (QueueName("service"), QueueName("sales"))
NUMBERS = ("", "1", "2", "+2")
CALLS = (CallId("c1"), CallId("c2"), CallId("c3"))
SETTINGS = CallbackSettings(max_attempts=2, retry_after_s=(300.0,), expire_after_s=7_200.0)


def key(number: str) -> str:
    return number.removeprefix("+")


class Centre(RuleBasedStateMachine):
    """Callers, agents, staff and crashes around one callback queue; outputs are kept as storage and queues would."""

    work = Bundle("work")

    @initialize()
    def begin(self) -> None:
        self.callbacks = CallbackQueue(SETTINGS, key)
        self.wall = T0
        self.serial = 0
        self.stored: dict[WorkId, WorkItem] = {}
        self.queued: set[WorkId] = set()
        self.closed: set[QueueName] = set()
        self.attempts: dict[WorkId, set[str]] = {}
        """Attempts under way, with the keys of their customers."""
        self.dialled: set[WorkId] = set()
        """Those whose customer's phone rings, or who talk."""
        self.reached: set[WorkId] = set()
        self.up: dict[CallId, set[str]] = {}
        """Calls of customers, with their keys."""
        self.talks: set[CallId] = set()
        self.turn = 0
        self.asked_in: dict[WorkId, int] = {}
        """The turn in which each wish was uttered last."""
        self.talked_in: dict[str, int] = {}
        """The turn in which each customer got through last."""
        self.broken_off: set[WorkId] = set()

    def tell(self, input: Input) -> list[Output]:
        self.turn += 1
        outputs = self.callbacks.handle(input, self.wall)
        self.keep(outputs)
        return outputs

    def customer(self, item: WorkItem) -> set[str]:
        """The keys of the item's customer."""
        card = "" if item.customer_id is None else f"card {item.customer_id}"
        return {key(item.number), card} - {""}

    def is_up(self, item: WorkItem) -> bool:
        return any(not self.customer(item).isdisjoint(keys) for keys in self.up.values())

    def keep(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            match output:
                case Changed(item):
                    former = self.stored.get(item.id)
                    assert former is None or former.state not in ENDED, "what has ended was changed"
                    assert item.changes == (0 if former is None else former.changes) + 1
                    if item.state is WorkState.IN_PROGRESS:
                        self.queued.discard(item.id)
                    self.stored[item.id] = item
                case Enqueue(item):
                    assert item.id not in self.queued
                    assert item.queue not in self.closed
                    assert item.at is None or item.at <= self.wall, "tried before its time"
                    if item.kind is WorkKind.CALLBACK:
                        assert not self.is_up(item), "queued for a customer who is on the line"
                    self.queued.add(item.id)
                case Dequeue(item):
                    self.queued.remove(item.id)
                case BreakOff(item):
                    assert item.id in self.attempts
                    assert item.id not in self.reached, "a talk was broken off"
                    self.broken_off.add(item.id)
                case Absorbed(item):
                    assert item.state not in ENDED
                    self.asked_in[item.id] = self.turn
                case InputRejected():
                    pass

    @rule(
        target=work,
        kind=st.sampled_from(WorkKind),
        queue=st.sampled_from(QUEUES),
        number=st.sampled_from(NUMBERS),
        card=st.sampled_from([None, 7]),
        is_reply_wanted=st.booleans(),
        later_s=st.sampled_from([None, 600.0]),
        subject=st.sampled_from(["", "", "refund"]),
    )
    def request(
        self,
        kind: WorkKind,
        queue: QueueName,
        number: str,
        card: int | None,
        is_reply_wanted: bool,
        later_s: float | None,
        subject: str,
    ) -> WorkId:
        self.serial += 1
        at = None if later_s is None else self.wall + timedelta(seconds=later_s)
        item = WorkItem(WorkId(f"w{self.serial:04}"), kind, queue, number, self.wall, at=at, subject=subject)
        customer = None if card is None else CustomerId(card)
        self.asked_in[item.id] = self.turn + 1
        self.tell(Requested(replace(item, is_reply_wanted=is_reply_wanted, customer_id=customer)))
        return item.id

    @rule(
        target=work, queue=st.sampled_from(QUEUES), number=st.sampled_from(NUMBERS), waited_s=st.sampled_from([1, 90])
    )
    def hang_up_waiting(self, queue: QueueName, number: str, waited_s: float) -> WorkId:
        self.serial += 1
        item = WorkItem(WorkId(f"w{self.serial:04}"), WorkKind.CALLBACK, queue, number, self.wall)
        self.asked_in[item.id] = self.turn + 1
        is_talking = any(key(number) in self.up[call] for call in self.talking())
        outputs = self.tell(Requested(item, since=self.wall - timedelta(seconds=waited_s)))
        if number and is_talking:
            assert any(isinstance(output, InputRejected) for output in outputs), "called back although talking"
        return item.id

    def talking(self) -> list[CallId]:
        return [call for call in self.up if call in self.talks]

    @rule(work_id=work)
    def accept(self, work_id: WorkId) -> None:
        was_queued = work_id in self.queued
        outputs = self.tell(InProgress(work_id, AgentId("1001")))
        is_accepted = not any(isinstance(output, InputRejected) for output in outputs)
        assert is_accepted == was_queued
        if is_accepted:
            customer = self.customer(self.stored[work_id])
            busy = set().union(*self.attempts.values())
            assert customer.isdisjoint(busy), "two attempts at once for one customer"
            self.attempts[work_id] = customer

    @rule(work_id=work)
    def dial(self, work_id: WorkId) -> None:
        if work_id in self.dialled or work_id in self.broken_off:
            return  # the call has ended: it dials nobody
        outputs = self.tell(Dialling(work_id))
        if any(isinstance(output, InputRejected) for output in outputs):
            return
        item = self.stored[work_id]
        assert work_id in self.attempts
        assert not self.is_up(item), "dialled while on the line"
        if item.is_plain_request and item.state not in ENDED:
            talked = max((self.talked_in.get(each, 0) for each in self.customer(item)), default=0)
            assert talked <= self.asked_in[work_id], "dialled although served since"
        self.dialled.add(work_id)

    @rule(work_id=work)
    def connect(self, work_id: WorkId) -> None:
        if work_id in self.dialled and work_id not in self.broken_off | self.reached:
            self.reached.add(work_id)
            self.tell(AttemptConnected(work_id))

    @rule(work_id=work, how=st.sampled_from(AttemptOutcome))
    def end_attempt(self, work_id: WorkId, how: AttemptOutcome) -> None:
        was_under_way = work_id in self.attempts
        if work_id in self.broken_off:
            how = AttemptOutcome.LEFT
        if how is AttemptOutcome.TALKED and work_id in self.attempts and work_id not in self.reached:
            how = AttemptOutcome.NO_ANSWER
        self.attempts.pop(work_id, None)
        for gone in (self.dialled, self.reached, self.broken_off):
            gone.discard(work_id)
        outputs = self.tell(AttemptEnded(work_id, how))
        assert was_under_way != any(isinstance(output, InputRejected) for output in outputs)

    @rule(call=st.sampled_from(CALLS), number=st.sampled_from(NUMBERS), card=st.sampled_from([None, 7]))
    def call_in(self, call: CallId, number: str, card: int | None) -> None:
        keys = {key(number), "" if card is None else f"card {card}"} - {""}
        new = keys - self.up.setdefault(call, set())
        self.up[call].update(keys)
        if call in self.talks:
            self.talked_in |= dict.fromkeys(new, self.turn + 1)
        self.tell(CustomerCallStarted(call, number, None if card is None else CustomerId(card)))
        for work_id in self.attempts:
            if self.stored[work_id].kind is WorkKind.CALLBACK and not self.attempts[work_id].isdisjoint(keys):
                assert work_id in self.broken_off | self.reached, "the phone of a customer on the line rings on"
        if call in self.talks:
            self.nothing_is_wished_by(new)

    @rule(call=st.sampled_from(CALLS))
    def talk(self, call: CallId) -> None:
        if call not in self.up:
            return
        self.talks.add(call)
        self.talked_in |= dict.fromkeys(self.up[call], self.turn + 1)
        self.tell(CustomerTalkStarted(call))
        self.nothing_is_wished_by(self.up[call])

    def nothing_is_wished_by(self, customer: set[str]) -> None:
        for item in self.callbacks.open_items():
            if item.is_plain_request and not self.customer(item).isdisjoint(customer):
                assert item.state is WorkState.IN_PROGRESS, "the customer would be called after getting through"

    @rule(call=st.sampled_from(CALLS))
    def part(self, call: CallId) -> None:
        self.talks.discard(call)
        self.tell(CustomerTalkEnded(call))

    @rule(call=st.sampled_from(CALLS))
    def go(self, call: CallId) -> None:
        self.talks.discard(call)
        self.up.pop(call, None)
        self.tell(CustomerCallEnded(call))

    @rule(work_id=work)
    def let_go(self, work_id: WorkId) -> None:
        if work_id in self.queued:
            self.queued.remove(work_id)
            self.tell(LeftQueue(work_id))

    @rule(work_id=work, is_done=st.booleans())
    def end_by_hand(self, work_id: WorkId, is_done: bool) -> None:
        self.tell(Closed(work_id, "staff") if is_done else Cancelled(work_id, "staff"))

    @rule(queue=st.sampled_from(QUEUES), is_open=st.booleans())
    def change_hours(self, queue: QueueName, is_open: bool) -> None:
        if is_open:
            self.closed.discard(queue)
        else:
            self.closed.add(queue)
        self.tell(WorkHoursChanged(queue, is_open))

    @rule(after_s=st.sampled_from([1.0, 60.0, 600.0, 7_200.0]))
    def pass_time(self, after_s: float) -> None:
        until = self.wall + timedelta(seconds=after_s)
        while (due := self.callbacks.next_deadline()) is not None and due <= until:
            self.wall = max(self.wall, due)
            self.tell(CameDue())
        self.wall = until

    @rule()
    def crash(self) -> None:
        left = [item for _, item in sorted(self.stored.items()) if item.state not in ENDED]
        attempts = {item.id: item.attempts for item in left}
        self.callbacks = CallbackQueue(SETTINGS, key)
        for gone in (self.queued, self.attempts, self.dialled, self.reached, self.broken_off, self.up, self.talks):
            gone.clear()
        for queue in self.closed:
            self.tell(WorkHoursChanged(queue, False))
        self.keep(self.callbacks.restore(left, self.wall))
        again = self.callbacks.open_items()
        assert self.callbacks.restore(again, self.wall) == [], "restoring twice is restoring once"
        assert CallbackQueue(SETTINGS, key).restore(again, self.wall) == []
        for item in again:
            assert item.state is WorkState.WAITING
            assert item.attempts == attempts[item.id]
            assert item.last_attempt is not AttemptOutcome.TALKED, "who talked would be called again"
        self.tell(CameDue())

    @invariant()
    def storage_and_queues_know_what_the_callback_queue_knows(self) -> None:
        items = {item.id: item for item in self.callbacks.open_items()}
        assert items == {key: item for key, item in self.stored.items() if item.state not in ENDED}
        assert self.queued == {item.id for item in items.values() if item.state is WorkState.QUEUED}

    @invariant()
    def every_open_item_is_queued_or_in_hand_or_has_a_next_time_or_is_barred(self) -> None:
        held = set().union(*self.attempts.values())
        deadline = self.callbacks.next_deadline()
        for item in self.callbacks.open_items():
            if item.state is not WorkState.IN_PROGRESS:
                expires_at = max(item.created_at, item.at or item.created_at) + timedelta(
                    seconds=SETTINGS.expire_after_s
                )
                assert deadline is not None
                assert deadline <= expires_at
            if item.state is WorkState.WAITING:
                is_calling = item.kind is WorkKind.CALLBACK and self.is_up(item)
                is_barred = is_calling or item.queue in self.closed or not held.isdisjoint(self.customer(item))
                assert is_barred or (deadline is not None and deadline > self.wall), "it could be queued and is not"

    @invariant()
    def a_number_has_one_open_wish_in_a_queue(self) -> None:
        wishes = [(key(item.number), item.queue) for item in self.callbacks.open_items() if item.is_plain_request]
        assert len(wishes) == len(set(wishes))

    @invariant()
    def nobody_is_tried_too_often(self) -> None:
        assert all(item.attempts < SETTINGS.max_attempts for item in self.callbacks.open_items())


Centre.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestCentre = Centre.TestCase
