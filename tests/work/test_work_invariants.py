"""What holds in the book whatever happens in whatever order."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.work.book import BookSettings, WorkBook
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
)

T0 = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
QUEUES = (QueueName("service"), QueueName("sales"))
NUMBERS = ("", "1", "2", "+2")
SETTINGS = BookSettings(max_attempts=2, retry_after_s=(300.0,), put_back_after_s=60.0, expire_after_s=7_200.0)


def key(number: str) -> str:
    return number.removeprefix("+")


class Centre(RuleBasedStateMachine):
    """Callers, agents, staff and crashes around one book; what it says is kept as storage and queues would."""

    work = Bundle("work")

    @initialize()
    def begin(self) -> None:
        self.book = WorkBook(SETTINGS, key)
        self.wall = T0
        self.serial = 0
        self.stored: dict[WorkId, WorkItem] = {}
        self.queued: set[WorkId] = set()
        self.closed: set[QueueName] = set()
        self.dialled: dict[WorkId, str] = {}
        """Attempts under way, with the number's key."""

    def tell(self, input: Input) -> list[Output]:
        outputs = self.book.handle(input, self.wall)
        self.keep(outputs)
        return outputs

    def keep(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            match output:
                case Changed(item):
                    former = self.stored.get(item.id)
                    assert former is None or former.state not in ENDED, "what has ended was changed"
                    assert item.changes == (0 if former is None else former.changes) + 1
                    if item.state is WorkState.IN_HAND:
                        self.queued.discard(item.id)
                    self.stored[item.id] = item
                case Enqueue(item):
                    assert item.id not in self.queued
                    assert item.queue not in self.closed
                    self.queued.add(item.id)
                case Dequeue(item):
                    self.queued.remove(item.id)
                case Absorbed(item):
                    assert item.state not in ENDED
                case Rejected():
                    pass

    @rule(
        target=work,
        kind=st.sampled_from(WorkKind),
        queue=st.sampled_from(QUEUES),
        number=st.sampled_from(NUMBERS),
        is_reply_wanted=st.booleans(),
        later_s=st.sampled_from([None, 600.0]),
    )
    def request(
        self, kind: WorkKind, queue: QueueName, number: str, is_reply_wanted: bool, later_s: float | None
    ) -> WorkId:
        self.serial += 1
        next_at = None if later_s is None else self.wall + timedelta(seconds=later_s)
        item = WorkItem(WorkId(f"w{self.serial:04}"), kind, queue, number, self.wall, next_at=next_at)
        self.tell(Requested(replace(item, is_reply_wanted=is_reply_wanted)))
        return item.id

    @rule(work_id=work)
    def accept(self, work_id: WorkId) -> None:
        was_queued = work_id in self.queued
        outputs = self.tell(InHand(work_id, AgentId("1001")))
        is_accepted = not any(isinstance(output, Rejected) for output in outputs)
        assert is_accepted == was_queued
        if is_accepted:
            number = key(self.stored[work_id].number)
            assert not number or number not in self.dialled.values(), "two attempts at once for one number"
            self.dialled[work_id] = number

    @rule(work_id=work)
    def connect(self, work_id: WorkId) -> None:
        self.tell(Connected(work_id))

    @rule(work_id=work, how=st.sampled_from(Attempt))
    def end_attempt(self, work_id: WorkId, how: Attempt) -> None:
        outputs = self.tell(AttemptEnded(work_id, how))
        was_under_way = self.dialled.pop(work_id, None) is not None
        assert was_under_way != any(isinstance(output, Rejected) for output in outputs)

    @rule(number=st.sampled_from(NUMBERS))
    def call_in(self, number: str) -> None:
        self.tell(CustomerCalled(number))
        for item in self.book.open_items():
            if number and item.kind is WorkKind.CALLBACK and key(item.number) == key(number):
                assert item.state is WorkState.IN_HAND, "the customer would be called after calling in"

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
        self.tell(HoursChanged(queue, is_open))

    @rule(after_s=st.sampled_from([1.0, 60.0, 600.0, 7_200.0]))
    def pass_time(self, after_s: float) -> None:
        until = self.wall + timedelta(seconds=after_s)
        while (due := self.book.next_deadline()) is not None and due <= until:
            self.wall = max(self.wall, due)
            self.tell(CameDue())
        self.wall = until

    @rule()
    def crash(self) -> None:
        left = [item for _, item in sorted(self.stored.items()) if item.state not in ENDED]
        attempts = {item.id: item.attempts for item in left}
        self.book = WorkBook(SETTINGS, key)
        self.queued.clear()
        self.dialled.clear()
        for queue in self.closed:
            self.tell(HoursChanged(queue, False))
        self.keep(self.book.restore(left, self.wall))
        again = self.book.open_items()
        assert self.book.restore(again, self.wall) == [], "restoring twice is restoring once"
        assert WorkBook(SETTINGS, key).restore(again, self.wall) == []
        for item in again:
            assert item.state is WorkState.WAITING
            assert item.attempts == attempts[item.id]
            assert item.last_attempt is not Attempt.TALKED, "who talked would be called again"
        self.tell(CameDue())

    @invariant()
    def storage_and_queues_know_what_the_book_knows(self) -> None:
        items = {item.id: item for item in self.book.open_items()}
        assert items == {key: item for key, item in self.stored.items() if item.state not in ENDED}
        assert self.queued == {item.id for item in items.values() if item.state is WorkState.QUEUED}

    @invariant()
    def every_open_item_is_queued_or_in_hand_or_has_a_next_time_or_is_barred(self) -> None:
        held = {number for number in self.dialled.values() if number}
        deadline = self.book.next_deadline()
        for item in self.book.open_items():
            if item.state is not WorkState.IN_HAND:
                expires_at = item.created_at + timedelta(seconds=SETTINGS.expire_after_s)
                assert deadline is not None
                assert deadline <= expires_at
            if item.state is WorkState.WAITING:
                is_barred = item.queue in self.closed or key(item.number) in held
                is_later = item.next_at is not None and item.next_at > self.wall
                assert is_barred or is_later, "it could be queued and is not"

    @invariant()
    def a_number_has_one_open_callback_in_a_queue(self) -> None:
        callbacks = [
            (key(item.number), item.queue) for item in self.book.open_items() if item.kind is WorkKind.CALLBACK
        ]
        assert len(callbacks) == len(set(callbacks))

    @invariant()
    def nobody_is_tried_too_often(self) -> None:
        assert all(item.attempts < SETTINGS.max_attempts for item in self.book.open_items())


Centre.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestCentre = Centre.TestCase
