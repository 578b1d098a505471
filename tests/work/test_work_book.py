"""The book of work items: each row of its table, and the rules at its head."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName
from acdcore.work import book as book_module
from acdcore.work.book import LINE_CLEARS_S, BookSettings, WorkBook
from acdcore.work.model import (
    ENDED,
    Absorbed,
    Attempt,
    AttemptEnded,
    BreakOff,
    CameDue,
    Cancelled,
    Changed,
    Closed,
    Connected,
    CustomerCame,
    CustomerGone,
    CustomerParted,
    CustomerTalks,
    Dequeue,
    Dialling,
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
from acdcore.work.transitions import TRANSITIONS, Event

T0 = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SERVICE = QueueName("service")
SALES = QueueName("sales")
AGENT = AgentId("1001")
W1 = WorkId("w1")
W2 = WorkId("w2")
NUMBER = "13800000001"
CALL = CallId("c1")
CALLS = CustomerCame(CALL, "+86" + NUMBER)
TALKS, PARTED, GONE = CustomerTalks(CALL), CustomerParted(CALL), CustomerGone(CALL)


def key(number: str) -> str:
    return number.removeprefix("+86")


def callback(work_id: str = W1, number: str = NUMBER, queue: QueueName = SERVICE) -> WorkItem:
    return WorkItem(WorkId(work_id), WorkKind.CALLBACK, queue, number, T0)


def message(work_id: str = W1, number: str = NUMBER, *, is_reply_wanted: bool = True) -> WorkItem:
    return replace(callback(work_id, number), kind=WorkKind.VOICEMAIL, is_reply_wanted=is_reply_wanted)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def new_book() -> WorkBook:
    return WorkBook(BookSettings(), key)


def told(book: WorkBook, *inputs: Input, wall: datetime = T0) -> list[Output]:
    """The outputs of the last input."""
    outputs: list[Output] = []
    for each in inputs:
        outputs = book.handle(each, wall)
    return outputs


def states(outputs: Sequence[Output]) -> list[tuple[str, str]]:
    """What was written down."""
    return [(output.item.id, output.item.state.value) for output in outputs if isinstance(output, Changed)]


def kinds(outputs: Sequence[Output]) -> list[type[Output]]:
    return [type(output) for output in outputs]


def state_of(book: WorkBook, work_id: WorkId = W1) -> WorkState:
    item = book.item(work_id)
    assert item is not None
    return item.state


def brought_to(state: WorkState, item: WorkItem) -> WorkBook:
    """A book in which the item is in that state, and its queue open unless it waits."""
    book = new_book()
    if state is WorkState.WAITING:
        told(book, HoursChanged(item.queue, False))
    told(book, Requested(item))
    if state is WorkState.IN_HAND:
        told(book, InHand(item.id, AGENT))
    assert state_of(book, item.id) is state
    return book


EVENTS: dict[Event, Sequence[tuple[Input, float]]] = {
    Event.DUE: [(HoursChanged(SERVICE, True), 0)],
    Event.ACCEPTED: [(InHand(W1, AGENT), 0)],
    Event.BARRED: [(HoursChanged(SERVICE, False), 0)],
    Event.LET_GO: [(LeftQueue(W1), 0)],
    Event.CONNECTED: [(Connected(W1), 0)],
    Event.PUT_BACK: [(AttemptEnded(W1, Attempt.LEFT), 0)],
    Event.MISSED: [(AttemptEnded(W1, Attempt.NO_ANSWER), 0)],
    Event.TALKED: [(AttemptEnded(W1, Attempt.TALKED), 0)],
    Event.EXPIRED: [(CameDue(), 172_800)],
    Event.CLOSED: [(Closed(W1, "1001"), 0)],
    Event.CANCELLED: [(Cancelled(W1, "supervisor"), 0)],
    Event.SETTLED: [(CALLS, 0), (TALKS, 0), (AttemptEnded(W1, Attempt.BUSY), 0)],
}
"""Inputs that are each event by themselves; the rest depends on the item and has tests of its own."""


@pytest.mark.parametrize("state", [state for state in WorkState if state not in ENDED])
@pytest.mark.parametrize("event", EVENTS)
def test_each_state_answers_each_event_as_the_table_says(state: WorkState, event: Event) -> None:
    book = brought_to(state, callback())
    outputs: list[Output] = []
    for each, after_s in EVENTS[event]:
        outputs += book.handle(each, at(after_s))
    becomes = TRANSITIONS.get((state, event))
    found = [output.item.state for output in outputs if isinstance(output, Changed) and output.item.id == W1]
    if (state, event) == (WorkState.QUEUED, Event.SETTLED):
        assert found.pop(0) is WorkState.WAITING  # barred by the call, before the talk settles it
    assert found == ([] if becomes is None else [becomes])
    if becomes in ENDED:
        assert book.item(W1) is None


# Requests


def test_request_in_hours_is_queued_at_once() -> None:
    outputs = told(new_book(), Requested(callback()))
    assert kinds(outputs) == [Changed, Changed, Enqueue]
    assert states(outputs) == [("w1", "waiting"), ("w1", "queued")]
    assert [output.item.changes for output in outputs if isinstance(output, Changed)] == [1, 2]


def test_request_outside_hours_waits_for_them() -> None:
    book = new_book()
    outputs = told(book, HoursChanged(SERVICE, False), Requested(callback()))
    assert states(outputs) == [("w1", "waiting")]
    assert kinds(book.handle(HoursChanged(SERVICE, True), at(3600))) == [Changed, Enqueue]


def test_request_for_later_is_queued_when_it_is_due() -> None:
    book = new_book()
    assert states(told(book, Requested(replace(callback(), next_at=at(600))))) == [("w1", "waiting")]
    assert book.next_deadline() == at(600)
    assert book.handle(CameDue(), at(599)) == []
    assert kinds(book.handle(CameDue(), at(600))) == [Changed, Enqueue]


def test_open_callback_absorbs_another_request_for_the_number_in_that_queue() -> None:
    book = new_book()
    told(book, Requested(callback()))
    [output] = told(book, Requested(callback("w2", "+86" + NUMBER)))
    assert isinstance(output, Absorbed)
    assert output.item.id == W1
    assert states(told(book, Requested(callback("w3", queue=SALES)))) == [("w3", "waiting"), ("w3", "queued")]


def test_each_message_is_an_item_of_its_own() -> None:
    book = new_book()
    told(book, Requested(message("w1")), Requested(message("w2")), Requested(callback("w3")))
    assert len(book) == 3


@pytest.mark.parametrize(
    "item",
    [callback(number=""), replace(callback(), state=WorkState.QUEUED), replace(callback(), state=WorkState.DONE)],
)
def test_request_that_makes_no_sense_is_rejected(item: WorkItem) -> None:
    book = new_book()
    assert kinds(told(book, Requested(item))) == [Rejected]
    assert len(book) == 0


def test_message_without_a_number_is_taken() -> None:
    book = new_book()
    told(book, Requested(message("w1", "")), Requested(message("w2", "")))
    assert kinds(told(book, InHand(W1, AGENT), InHand(W2, AgentId("1002")))) == [Changed]


def test_book_that_is_full_rejects_and_keeps_what_it_has() -> None:
    book = new_book()
    items = (callback(f"w{number}", f"{number}", SALES) for number in range(book_module.MAX_OPEN))
    book.restore(items, T0)
    assert kinds(told(book, Requested(callback("one more"))))[0] is Rejected
    assert len(book) == book_module.MAX_OPEN


# Attempts


def test_only_one_item_for_a_number_is_in_hand_at_a_time() -> None:
    book = new_book()
    told(book, Requested(callback()), Requested(callback("w2", queue=SALES)))
    outputs = told(book, InHand(W1, AGENT))
    assert states(outputs) == [("w1", "in_hand"), ("w2", "waiting")]
    assert kinds(outputs) == [Changed, Changed, Dequeue]
    assert kinds(told(book, InHand(W2, AgentId("1002")))) == [Rejected]
    outputs = book.handle(AttemptEnded(W1, Attempt.TALKED), at(60))
    assert states(outputs) == [("w1", "done"), ("w2", "queued")]


def test_attempts_that_reach_nobody_are_repeated_after_growing_pauses_and_then_given_up() -> None:
    book = new_book()
    told(book, Requested(callback()))
    wall = T0
    pauses = []
    for how in (Attempt.NO_ANSWER, Attempt.BUSY):
        told(book, InHand(W1, AGENT), AttemptEnded(W1, how), wall=wall)
        due = book.next_deadline()
        assert due is not None
        pauses.append((due - wall).total_seconds())
        wall = due
        assert kinds(book.handle(CameDue(), wall)) == [Changed, Enqueue]
    outputs = told(book, InHand(W1, AGENT), AttemptEnded(W1, Attempt.FAILED), wall=wall)
    assert pauses == [300, 1800]
    assert states(outputs) == [("w1", "given_up")]
    assert isinstance(outputs[0], Changed)
    assert (outputs[0].item.attempts, outputs[0].item.last_attempt) == (3, Attempt.FAILED)


def test_last_pause_of_the_table_is_repeated() -> None:
    book = WorkBook(BookSettings(max_attempts=9, retry_after_s=(10, 20)), key)
    told(book, Requested(replace(callback(), attempts=5)), InHand(W1, AGENT), AttemptEnded(W1, Attempt.BUSY))
    assert book.next_deadline() == at(20)


def test_attempt_that_the_agent_broke_off_is_repeated_soon_and_does_not_count() -> None:
    book = new_book()
    told(book, Requested(callback()), InHand(W1, AGENT), AttemptEnded(W1, Attempt.LEFT))
    item = book.item(W1)
    assert item is not None
    assert (item.attempts, item.next_at) == (0, at(60))


def test_once_they_talked_it_is_done_however_the_attempt_ends() -> None:
    book = new_book()
    outputs = told(book, Requested(callback()), InHand(W1, AGENT), Connected(W1), AttemptEnded(W1, Attempt.LEFT))
    assert states(outputs) == [("w1", "done")]


def test_attempt_without_an_agent_is_rejected() -> None:
    assert kinds(told(new_book(), Requested(callback()), AttemptEnded(W1, Attempt.TALKED))) == [Rejected]
    assert kinds(told(new_book(), InHand(W1, AGENT))) == [Rejected]


def test_item_closed_in_hand_holds_its_number_until_the_attempt_ends() -> None:
    book = new_book()
    told(book, Requested(callback()), InHand(W1, AGENT))
    assert states(told(book, Closed(W1, "1001"))) == [("w1", "done")]
    assert states(told(book, Requested(callback("w2")))) == [("w2", "waiting")]
    assert states(told(book, AttemptEnded(W1, Attempt.TALKED))) == [("w2", "queued")]


# Messages


def test_message_without_a_wish_for_a_reply_is_done_when_heard() -> None:
    book = new_book()
    outputs = told(book, Requested(message(is_reply_wanted=False)), InHand(W1, AGENT), AttemptEnded(W1, Attempt.HEARD))
    assert states(outputs) == [("w1", "done")]


def test_message_that_wants_a_reply_is_done_by_a_talk_or_by_somebodys_word() -> None:
    book = new_book()
    told(book, Requested(message()), InHand(W1, AGENT), AttemptEnded(W1, Attempt.HEARD))
    assert state_of(book) is WorkState.WAITING
    assert states(told(book, Closed(W1, "1001"))) == [("w1", "done")]
    called = new_book()
    outputs = told(called, Requested(message()), InHand(W1, AGENT), AttemptEnded(W1, Attempt.TALKED))
    assert states(outputs) == [("w1", "done")]


# The customer calls


def test_customer_who_talks_settles_wishes_and_leaves_messages_and_all_that_is_about_something() -> None:
    book = new_book()
    about = replace(callback("w4"), subject="the refund")
    dated = replace(callback("w5"), at=at(9000), next_at=at(9000))
    addressed = replace(callback("w6"), for_agent=AGENT)
    other = callback("w3", "10010")
    told(book, *map(Requested, (callback(), message("w2"), other, about, dated, addressed)))
    assert states(told(book, CALLS)) == [("w1", "waiting"), ("w4", "waiting"), ("w6", "waiting")]
    assert states(told(book, TALKS)) == [("w1", "merged")]
    told(book, PARTED, GONE)
    assert {item.id for item in book.open_items()} == {"w2", "w3", "w4", "w5", "w6"}
    assert [item.id for item in book.open_for(NUMBER, None)] == ["w2", "w4", "w5", "w6"]


def test_customer_who_calls_is_not_called_until_the_line_has_cleared() -> None:
    book = new_book()
    told(book, Requested(callback()))
    outputs = told(book, CALLS)
    assert kinds(outputs) == [Changed, Dequeue]
    assert book.next_deadline() == at(172_800)
    book.handle(GONE, at(60))
    assert book.next_deadline() == at(60 + LINE_CLEARS_S)
    assert kinds(book.handle(CameDue(), at(60 + LINE_CLEARS_S))) == [Changed, Enqueue]


def test_customer_with_two_calls_is_on_the_line_until_the_last_is_over() -> None:
    book = new_book()
    told(book, CALLS, CustomerCame(CallId("c2"), NUMBER), Requested(callback()))
    told(book, GONE)
    assert book.next_deadline() == at(172_800)
    told(book, CustomerGone(CallId("c2")))
    assert book.next_deadline() == at(LINE_CLEARS_S)


def test_attempt_is_broken_off_by_the_customers_call_and_costs_nothing() -> None:
    book = new_book()
    told(book, Requested(callback()), InHand(W1, AGENT), Dialling(W1))
    [output] = told(book, CALLS)
    assert isinstance(output, BreakOff)
    assert states(told(book, AttemptEnded(W1, Attempt.LEFT))) == [("w1", "waiting")]
    item = book.item(W1)
    assert item is not None
    assert (item.attempts, item.next_at) == (0, None)
    assert states(told(book, TALKS)) == [("w1", "merged")]


def test_number_on_the_line_is_not_dialled_by_whoever_heard_a_message() -> None:
    book = new_book()
    told(book, Requested(message()), CALLS, InHand(W1, AGENT))
    assert kinds(told(book, Dialling(W1))) == [Rejected]
    assert told(book, GONE, Dialling(W1)) == []


def test_message_that_is_heard_when_its_caller_calls_is_heard_on() -> None:
    book = new_book()
    told(book, Requested(message()), InHand(W1, AGENT))
    assert told(book, CALLS) == []


def test_attempt_that_has_reached_the_customer_goes_on_whoever_calls() -> None:
    book = new_book()
    told(book, Requested(callback()), InHand(W1, AGENT), Dialling(W1), Connected(W1))
    assert told(book, CALLS) == []
    assert states(told(book, TALKS, AttemptEnded(W1, Attempt.LEFT))) == [("w1", "done")]


def test_attempt_in_whose_last_moment_the_customer_talks_elsewhere_is_the_last() -> None:
    book = new_book()
    told(book, Requested(callback()), InHand(W1, AGENT), CALLS, TALKS)
    assert states(told(book, AttemptEnded(W1, Attempt.BUSY))) == [("w1", "merged")]


def test_customer_who_asks_anew_while_talking_is_called_again() -> None:
    book = new_book()
    told(book, Requested(callback()), InHand(W1, AGENT), CALLS, TALKS, Requested(callback("w2")))
    assert states(told(book, AttemptEnded(W1, Attempt.BUSY))) == [("w1", "waiting")]


@pytest.mark.parametrize(
    ("before", "is_wanted"),
    [((), True), ((TALKS,), False), ((TALKS, PARTED), False)],
)
def test_who_hangs_up_waiting_is_called_back_unless_another_call_talks_or_has_talked(
    before: tuple[Input, ...], is_wanted: bool
) -> None:
    book = new_book()
    told(book, CALLS, CustomerCame(CallId("c2"), NUMBER), *before, wall=at(10))
    outputs = told(book, Requested(callback(), since=T0), wall=at(20))
    assert kinds(outputs) == ([Changed] if is_wanted else [Rejected])


def test_talk_before_the_wait_began_settles_nothing() -> None:
    book = new_book()
    told(book, CALLS, CustomerCame(CallId("c2"), NUMBER), TALKS, PARTED)
    assert kinds(told(book, Requested(callback(), since=at(10)), wall=at(20))) == [Changed]


def test_customer_is_one_by_the_card_as_well_as_by_the_number() -> None:
    book = new_book()
    told(book, Requested(replace(callback(), customer_id=CustomerId(7))), CustomerCame(CALL, "10010"))
    assert states(told(book, CustomerCame(CALL, "10010", CustomerId(7)))) == [("w1", "waiting")]
    assert states(told(book, TALKS)) == [("w1", "merged")]


def test_customer_who_is_recognised_while_talking_has_got_through() -> None:
    book = new_book()
    told(book, Requested(replace(callback(), customer_id=CustomerId(7))), CustomerCame(CALL, "10010"), TALKS)
    outputs = told(book, CustomerCame(CALL, "10010", CustomerId(7)))
    assert states(outputs) == [("w1", "waiting"), ("w1", "merged")]


def test_hidden_number_settles_nothing() -> None:
    book = new_book()
    told(book, Requested(message("w1", "")), Requested(callback("w2")))
    assert told(book, CustomerCame(CALL, "")) == []
    assert told(book, TALKS) == []


def test_wish_that_is_asked_for_again_is_due_at_the_earlier_time_with_the_longer_wait() -> None:
    book = new_book()
    told(book, Requested(callback()), InHand(W1, AGENT), AttemptEnded(W1, Attempt.BUSY))
    outputs = told(book, Requested(replace(callback("w2"), waited_s=90.0, next_at=at(10))))
    assert kinds(outputs) == [Changed, Absorbed]
    item = book.item(W1)
    assert item is not None
    assert (item.attempts, item.waited_s, item.next_at) == (1, 90.0, at(10))


def test_callback_for_a_time_does_not_expire_before_it() -> None:
    book = new_book()
    later = at(200_000)
    told(book, Requested(replace(callback(), at=later)))
    assert book.next_deadline() == later
    assert states(book.handle(CameDue(), later)) == [("w1", "queued")]


def test_nothing_is_remembered_of_calls_that_are_over() -> None:
    book = new_book()
    told(book, CustomerCame(CALL, NUMBER, CustomerId(7)), TALKS, PARTED, GONE)
    assert book.calls_up() == 0
    assert told(book, Requested(callback(), since=T0), wall=at(1)) != []


# Hours, age, place


def test_closing_queue_takes_its_items_out_and_opening_brings_them_back_in_order() -> None:
    book = new_book()
    for number in range(3):
        item = replace(callback(f"w{number}", f"1380000000{number}"), created_at=at(-number))
        told(book, Requested(item))
    told(book, Requested(callback("other", queue=SALES)))
    outputs = book.handle(HoursChanged(SERVICE, False), at(10))
    assert [output.item.id for output in outputs if isinstance(output, Dequeue)] == ["w0", "w1", "w2"]
    outputs = book.handle(HoursChanged(SERVICE, True), at(20))
    assert [output.item.id for output in outputs if isinstance(output, Enqueue)] == ["w2", "w1", "w0"]


def test_time_in_the_queue_goes_on_counting_for_the_place() -> None:
    book = new_book()
    told(book, Requested(replace(callback(), waited_s=40.0)))
    book.handle(HoursChanged(SERVICE, False), at(10))
    [_, enqueued] = book.handle(HoursChanged(SERVICE, True), at(3600))
    assert isinstance(enqueued, Enqueue)
    assert enqueued.item.waited_s == 50.0


def test_too_old_item_is_given_up_in_the_queue_and_out_of_hours() -> None:
    book = new_book()
    told(book, Requested(callback()), HoursChanged(SALES, False), Requested(callback("w2", queue=SALES)))
    assert book.next_deadline() == at(172_800)
    outputs = book.handle(CameDue(), at(172_800))
    assert sorted(states(outputs)) == [("w1", "given_up"), ("w2", "given_up")]
    assert [output.item.id for output in outputs if isinstance(output, Dequeue)] == ["w1"]
    assert book.next_deadline() is None


def test_item_in_hand_is_not_too_old_until_the_attempt_ends() -> None:
    book = new_book()
    told(book, Requested(callback()), InHand(W1, AGENT))
    assert book.next_deadline() is None
    outputs = book.handle(AttemptEnded(W1, Attempt.LEFT), at(200_000))
    assert states(outputs) == [("w1", "waiting"), ("w1", "given_up")]


def test_queue_that_let_an_item_go_gets_it_back_after_a_pause() -> None:
    book = new_book()
    outputs = told(book, Requested(callback()), LeftQueue(W1))
    assert kinds(outputs) == [Changed]
    assert book.next_deadline() == at(60)


def test_other_settings_hold_for_what_is_open() -> None:
    book = new_book()
    told(book, Requested(callback()))
    outputs = book.configure(BookSettings(expire_after_s=60), at(61))
    assert states(outputs) == [("w1", "given_up")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"retry_after_s": ()},
        {"retry_after_s": (5.0, 0.0)},
        {"put_back_after_s": 0.0},
        {"expire_after_s": -1.0},
    ],
)
def test_settings_that_make_no_sense_are_named(wrong: dict[str, object]) -> None:
    [name] = wrong
    with pytest.raises(ValueError, match=name):
        BookSettings(**wrong)  # type: ignore[arg-type]


# Restart


def test_after_a_restart_everything_open_waits_and_is_queued_when_asked() -> None:
    waiting = replace(callback("w1", "1"), next_at=at(300))
    queued = replace(callback("w2", "2"), state=WorkState.QUEUED, changed_at=T0)
    book = new_book()
    outputs = book.restore([waiting, queued, replace(callback("w3", "3"), state=WorkState.DONE)], at(10))
    assert states(outputs) == [("w2", "waiting")]
    assert states(told(book, CameDue(), wall=at(10))) == [("w2", "queued")]
    assert book.next_deadline() == at(300)


def test_attempt_that_a_crash_cut_short_does_not_count() -> None:
    ringing = replace(callback(), state=WorkState.IN_HAND, agent=AGENT, attempts=2, last_attempt=Attempt.BUSY)
    book = new_book()
    assert states(book.restore([ringing], at(10))) == [("w1", "waiting")]
    item = book.item(W1)
    assert item is not None
    assert (item.attempts, item.next_at) == (2, at(70))


def test_talk_that_a_crash_cut_short_was_a_talk() -> None:
    book = new_book()
    told(book, Requested(callback()), InHand(W1, AGENT), Connected(W1))
    after = new_book()
    outputs = after.restore(book.open_items(), at(10))
    assert states(outputs) == [("w1", "done")]
    assert len(after) == 0


def test_restored_queue_that_is_closed_keeps_its_items_waiting() -> None:
    book = new_book()
    told(book, HoursChanged(SERVICE, False))
    book.restore([replace(callback(), state=WorkState.QUEUED)], T0)
    assert states(told(book, CameDue())) == []
    assert book.next_deadline() == at(172_800)
