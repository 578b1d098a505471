"""The queue of work items: each row of its table, and the rules at its head."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName
from acdcore.work.callback_queue import LINE_CLEARS_S, MAX_OPEN, CallbackQueue, CallbackSettings
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
from acdcore.work.on_line import CustomersOnLine
from acdcore.work.transitions import TRANSITIONS, WorkEvent

T0 = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SERVICE = QueueName("service")
SALES = QueueName("sales")
AGENT = AgentId("1001")
W1 = WorkId("w1")
W2 = WorkId("w2")
NUMBER = "13800000001"
CALL = CallId("c1")
CALLS = CustomerCallStarted(CALL, "+86" + NUMBER)
TALKS, PARTED, GONE = CustomerTalkStarted(CALL), CustomerTalkEnded(CALL), CustomerCallEnded(CALL)


def key(number: str) -> str:
    return number.removeprefix("+86")


def callback(work_id: str = W1, number: str = NUMBER, queue: QueueName = SERVICE) -> WorkItem:
    return WorkItem(WorkId(work_id), WorkKind.CALLBACK, queue, number, T0)


def message(work_id: str = W1, number: str = NUMBER, *, is_reply_wanted: bool = True) -> WorkItem:
    return replace(callback(work_id, number), kind=WorkKind.VOICEMAIL, is_reply_wanted=is_reply_wanted)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def new_callbacks() -> CallbackQueue:
    return CallbackQueue(CallbackSettings(), key)


def outputs_of(callbacks: CallbackQueue, *inputs: Input, wall: datetime = T0) -> list[Output]:
    """The outputs of the last input."""
    outputs: list[Output] = []
    for each in inputs:
        outputs = callbacks.handle(each, wall)
    return outputs


def states(outputs: Sequence[Output]) -> list[tuple[str, str]]:
    """What was written down."""
    return [(output.item.id, output.item.state.value) for output in outputs if isinstance(output, Changed)]


def kinds(outputs: Sequence[Output]) -> list[type[Output]]:
    return [type(output) for output in outputs]


def state_of(callbacks: CallbackQueue, work_id: WorkId = W1) -> WorkState:
    item = callbacks.item(work_id)
    assert item is not None
    return item.state


def brought_to(state: WorkState, item: WorkItem) -> CallbackQueue:
    """A callback queue in which the item is in that state, and its queue open unless it waits."""
    callbacks = new_callbacks()
    if state is WorkState.WAITING:
        outputs_of(callbacks, WorkHoursChanged(item.queue, False))
    outputs_of(callbacks, Requested(item))
    if state is WorkState.IN_PROGRESS:
        outputs_of(callbacks, InProgress(item.id, AGENT))
    assert state_of(callbacks, item.id) is state
    return callbacks


EVENTS: dict[WorkEvent, Sequence[tuple[Input, float]]] = {
    WorkEvent.DUE: [(WorkHoursChanged(SERVICE, True), 0)],
    WorkEvent.ACCEPTED: [(InProgress(W1, AGENT), 0)],
    WorkEvent.BARRED: [(WorkHoursChanged(SERVICE, False), 0)],
    WorkEvent.LET_GO: [(LeftQueue(W1), 0)],
    WorkEvent.CONNECTED: [(AttemptConnected(W1), 0)],
    WorkEvent.PUT_BACK: [(AttemptEnded(W1, AttemptOutcome.LEFT), 0)],
    WorkEvent.MISSED: [(AttemptEnded(W1, AttemptOutcome.NO_ANSWER), 0)],
    WorkEvent.TALKED: [(AttemptEnded(W1, AttemptOutcome.TALKED), 0)],
    WorkEvent.EXPIRED: [(CameDue(), 172_800)],
    WorkEvent.CLOSED: [(Closed(W1, "1001"), 0)],
    WorkEvent.CANCELLED: [(Cancelled(W1, "supervisor"), 0)],
    WorkEvent.GOT_THROUGH: [(CALLS, 0), (TALKS, 0), (AttemptEnded(W1, AttemptOutcome.BUSY), 0)],
}
"""Inputs that are each event by themselves; the rest depends on the item and has tests of its own."""


@pytest.mark.parametrize("state", [state for state in WorkState if state not in ENDED])
@pytest.mark.parametrize("event", EVENTS)
def test_each_state_answers_each_event_as_the_table_says(state: WorkState, event: WorkEvent) -> None:
    callbacks = brought_to(state, callback())
    outputs: list[Output] = []
    for each, after_s in EVENTS[event]:
        outputs += callbacks.handle(each, at(after_s))
    becomes = TRANSITIONS.get((state, event))
    found = [output.item.state for output in outputs if isinstance(output, Changed) and output.item.id == W1]
    if (state, event) == (WorkState.QUEUED, WorkEvent.GOT_THROUGH):
        assert found.pop(0) is WorkState.WAITING  # barred by the call, before the talk settles it
    assert found == ([] if becomes is None else [becomes])
    if becomes in ENDED:
        assert callbacks.item(W1) is None


# Requests


def test_request_in_hours_is_queued_at_once() -> None:
    outputs = outputs_of(new_callbacks(), Requested(callback()))
    assert kinds(outputs) == [Changed, Changed, Enqueue]
    assert states(outputs) == [("w1", "waiting"), ("w1", "queued")]
    assert [output.item.changes for output in outputs if isinstance(output, Changed)] == [1, 2]


def test_request_outside_hours_waits_for_them() -> None:
    callbacks = new_callbacks()
    outputs = outputs_of(callbacks, WorkHoursChanged(SERVICE, False), Requested(callback()))
    assert states(outputs) == [("w1", "waiting")]
    assert kinds(callbacks.handle(WorkHoursChanged(SERVICE, True), at(3600))) == [Changed, Enqueue]


def test_request_for_later_is_queued_when_it_is_due() -> None:
    callbacks = new_callbacks()
    assert states(outputs_of(callbacks, Requested(replace(callback(), next_at=at(600))))) == [("w1", "waiting")]
    assert callbacks.next_deadline() == at(600)
    assert callbacks.handle(CameDue(), at(599)) == []
    assert kinds(callbacks.handle(CameDue(), at(600))) == [Changed, Enqueue]


def test_open_callback_absorbs_another_request_for_the_number_in_that_queue() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()))
    [output] = outputs_of(callbacks, Requested(callback("w2", "+86" + NUMBER)))
    assert isinstance(output, Absorbed)
    assert output.item.id == W1
    assert states(outputs_of(callbacks, Requested(callback("w3", queue=SALES)))) == [
        ("w3", "waiting"),
        ("w3", "queued"),
    ]


def test_each_message_is_an_item_of_its_own() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(message("w1")), Requested(message("w2")), Requested(callback("w3")))
    assert len(callbacks) == 3


@pytest.mark.parametrize(
    "item",
    [callback(number=""), replace(callback(), state=WorkState.QUEUED), replace(callback(), state=WorkState.DONE)],
)
def test_request_that_makes_no_sense_is_rejected(item: WorkItem) -> None:
    callbacks = new_callbacks()
    assert kinds(outputs_of(callbacks, Requested(item))) == [InputRejected]
    assert len(callbacks) == 0


def test_message_without_a_number_is_taken() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(message("w1", "")), Requested(message("w2", "")))
    assert kinds(outputs_of(callbacks, InProgress(W1, AGENT), InProgress(W2, AgentId("1002")))) == [Changed]


def test_callback_queue_that_is_full_rejects_and_keeps_what_it_has() -> None:
    callbacks = new_callbacks()
    items = (callback(f"w{number}", f"{number}", SALES) for number in range(MAX_OPEN))
    callbacks.restore(items, T0)
    assert kinds(outputs_of(callbacks, Requested(callback("one more"))))[0] is InputRejected
    assert len(callbacks) == MAX_OPEN


# Attempts


def test_only_one_item_for_a_number_is_in_hand_at_a_time() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()), Requested(callback("w2", queue=SALES)))
    outputs = outputs_of(callbacks, InProgress(W1, AGENT))
    assert states(outputs) == [("w1", "in_progress"), ("w2", "waiting")]
    assert kinds(outputs) == [Changed, Changed, Dequeue]
    assert kinds(outputs_of(callbacks, InProgress(W2, AgentId("1002")))) == [InputRejected]
    outputs = callbacks.handle(AttemptEnded(W1, AttemptOutcome.TALKED), at(60))
    assert states(outputs) == [("w1", "done"), ("w2", "queued")]


def test_attempts_that_reach_nobody_are_repeated_after_growing_pauses_and_then_given_up() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()))
    wall = T0
    pauses = []
    for how in (AttemptOutcome.NO_ANSWER, AttemptOutcome.BUSY):
        outputs_of(callbacks, InProgress(W1, AGENT), AttemptEnded(W1, how), wall=wall)
        due = callbacks.next_deadline()
        assert due is not None
        pauses.append((due - wall).total_seconds())
        wall = due
        assert kinds(callbacks.handle(CameDue(), wall)) == [Changed, Enqueue]
    outputs = outputs_of(callbacks, InProgress(W1, AGENT), AttemptEnded(W1, AttemptOutcome.FAILED), wall=wall)
    assert pauses == [300, 1800]
    assert states(outputs) == [("w1", "given_up")]
    assert isinstance(outputs[0], Changed)
    assert (outputs[0].item.attempts, outputs[0].item.last_attempt) == (3, AttemptOutcome.FAILED)


def test_last_pause_of_the_table_is_repeated() -> None:
    callbacks = CallbackQueue(CallbackSettings(max_attempts=9, retry_after_s=(10, 20)), key)
    outputs_of(
        callbacks,
        Requested(replace(callback(), attempts=5)),
        InProgress(W1, AGENT),
        AttemptEnded(W1, AttemptOutcome.BUSY),
    )
    assert callbacks.next_deadline() == at(20)


def test_attempt_that_the_agent_broke_off_is_repeated_soon_and_does_not_count() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()), InProgress(W1, AGENT), AttemptEnded(W1, AttemptOutcome.LEFT))
    item = callbacks.item(W1)
    assert item is not None
    assert (item.attempts, item.next_at) == (0, at(60))


def test_once_they_talked_it_is_done_however_the_attempt_ends() -> None:
    callbacks = new_callbacks()
    outputs = outputs_of(
        callbacks,
        Requested(callback()),
        InProgress(W1, AGENT),
        AttemptConnected(W1),
        AttemptEnded(W1, AttemptOutcome.LEFT),
    )
    assert states(outputs) == [("w1", "done")]


def test_attempt_without_an_agent_is_rejected() -> None:
    assert kinds(outputs_of(new_callbacks(), Requested(callback()), AttemptEnded(W1, AttemptOutcome.TALKED))) == [
        InputRejected
    ]
    assert kinds(outputs_of(new_callbacks(), InProgress(W1, AGENT))) == [InputRejected]


def test_item_closed_in_hand_holds_its_number_until_the_attempt_ends() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()), InProgress(W1, AGENT))
    assert states(outputs_of(callbacks, Closed(W1, "1001"))) == [("w1", "done")]
    assert states(outputs_of(callbacks, Requested(callback("w2")))) == [("w2", "waiting")]
    assert states(outputs_of(callbacks, AttemptEnded(W1, AttemptOutcome.TALKED))) == [("w2", "queued")]


# Messages


def test_message_without_a_wish_for_a_reply_is_done_when_heard() -> None:
    callbacks = new_callbacks()
    outputs = outputs_of(
        callbacks,
        Requested(message(is_reply_wanted=False)),
        InProgress(W1, AGENT),
        AttemptEnded(W1, AttemptOutcome.HEARD),
    )
    assert states(outputs) == [("w1", "done")]


def test_message_that_wants_a_reply_is_done_by_a_talk_or_by_somebodys_word() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(message()), InProgress(W1, AGENT), AttemptEnded(W1, AttemptOutcome.HEARD))
    assert state_of(callbacks) is WorkState.WAITING
    assert states(outputs_of(callbacks, Closed(W1, "1001"))) == [("w1", "done")]
    called = new_callbacks()
    outputs = outputs_of(called, Requested(message()), InProgress(W1, AGENT), AttemptEnded(W1, AttemptOutcome.TALKED))
    assert states(outputs) == [("w1", "done")]


# The customer calls


def test_customer_who_talks_settles_wishes_and_leaves_messages_and_all_that_is_about_something() -> None:
    callbacks = new_callbacks()
    about = replace(callback("w4"), subject="the refund")
    dated = replace(callback("w5"), at=at(9000), next_at=at(9000))
    addressed = replace(callback("w6"), for_agent=AGENT)
    other = callback("w3", "10010")
    outputs_of(callbacks, *map(Requested, (callback(), message("w2"), other, about, dated, addressed)))
    assert states(outputs_of(callbacks, CALLS)) == [("w1", "waiting"), ("w4", "waiting"), ("w6", "waiting")]
    assert states(outputs_of(callbacks, TALKS)) == [("w1", "merged")]
    outputs_of(callbacks, PARTED, GONE)
    assert {item.id for item in callbacks.open_items()} == {"w2", "w3", "w4", "w5", "w6"}
    assert [item.id for item in callbacks.open_for(NUMBER, None)] == ["w2", "w4", "w5", "w6"]


def test_customer_who_calls_is_not_called_until_the_line_has_cleared() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()))
    outputs = outputs_of(callbacks, CALLS)
    assert kinds(outputs) == [Changed, Dequeue]
    assert callbacks.next_deadline() == at(172_800)
    callbacks.handle(GONE, at(60))
    assert callbacks.next_deadline() == at(60 + LINE_CLEARS_S)
    assert kinds(callbacks.handle(CameDue(), at(60 + LINE_CLEARS_S))) == [Changed, Enqueue]


def test_customer_with_two_calls_is_on_the_line_until_the_last_is_over() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, CALLS, CustomerCallStarted(CallId("c2"), NUMBER), Requested(callback()))
    outputs_of(callbacks, GONE)
    assert callbacks.next_deadline() == at(172_800)
    outputs_of(callbacks, CustomerCallEnded(CallId("c2")))
    assert callbacks.next_deadline() == at(LINE_CLEARS_S)


def test_attempt_is_broken_off_by_the_customers_call_and_costs_nothing() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()), InProgress(W1, AGENT), Dialling(W1))
    [output] = outputs_of(callbacks, CALLS)
    assert isinstance(output, BreakOff)
    assert states(outputs_of(callbacks, AttemptEnded(W1, AttemptOutcome.LEFT))) == [("w1", "waiting")]
    item = callbacks.item(W1)
    assert item is not None
    assert (item.attempts, item.next_at) == (0, None)
    assert states(outputs_of(callbacks, TALKS)) == [("w1", "merged")]


def test_number_on_the_line_is_not_dialled_by_whoever_heard_a_message() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(message()), CALLS, InProgress(W1, AGENT))
    assert kinds(outputs_of(callbacks, Dialling(W1))) == [InputRejected]
    assert outputs_of(callbacks, GONE, Dialling(W1)) == []


def test_message_that_is_heard_when_its_caller_calls_is_heard_on() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(message()), InProgress(W1, AGENT))
    assert outputs_of(callbacks, CALLS) == []


def test_attempt_that_has_reached_the_customer_goes_on_whoever_calls() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()), InProgress(W1, AGENT), Dialling(W1), AttemptConnected(W1))
    assert outputs_of(callbacks, CALLS) == []
    assert states(outputs_of(callbacks, TALKS, AttemptEnded(W1, AttemptOutcome.LEFT))) == [("w1", "done")]


def test_attempt_in_whose_last_moment_the_customer_talks_elsewhere_is_the_last() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()), InProgress(W1, AGENT), CALLS, TALKS)
    assert states(outputs_of(callbacks, AttemptEnded(W1, AttemptOutcome.BUSY))) == [("w1", "merged")]


def test_customer_who_asks_anew_while_talking_is_called_again() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()), InProgress(W1, AGENT), CALLS, TALKS, Requested(callback("w2")))
    assert states(outputs_of(callbacks, AttemptEnded(W1, AttemptOutcome.BUSY))) == [("w1", "waiting")]


@pytest.mark.parametrize(
    ("before", "is_wanted"),
    [((), True), ((TALKS,), False), ((TALKS, PARTED), False)],
)
def test_who_hangs_up_waiting_is_called_back_unless_another_call_talks_or_has_talked(
    before: tuple[Input, ...], is_wanted: bool
) -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, CALLS, CustomerCallStarted(CallId("c2"), NUMBER), *before, wall=at(10))
    outputs = outputs_of(callbacks, Requested(callback(), since=T0), wall=at(20))
    assert kinds(outputs) == ([Changed] if is_wanted else [InputRejected])


def test_talk_before_the_wait_began_settles_nothing() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, CALLS, CustomerCallStarted(CallId("c2"), NUMBER), TALKS, PARTED)
    assert kinds(outputs_of(callbacks, Requested(callback(), since=at(10)), wall=at(20))) == [Changed]


def test_customer_is_one_by_the_card_as_well_as_by_the_number() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(replace(callback(), customer_id=CustomerId(7))), CustomerCallStarted(CALL, "10010"))
    assert states(outputs_of(callbacks, CustomerCallStarted(CALL, "10010", CustomerId(7)))) == [("w1", "waiting")]
    assert states(outputs_of(callbacks, TALKS)) == [("w1", "merged")]


def test_customer_who_is_recognised_while_talking_has_got_through() -> None:
    callbacks = new_callbacks()
    outputs_of(
        callbacks, Requested(replace(callback(), customer_id=CustomerId(7))), CustomerCallStarted(CALL, "10010"), TALKS
    )
    outputs = outputs_of(callbacks, CustomerCallStarted(CALL, "10010", CustomerId(7)))
    assert states(outputs) == [("w1", "waiting"), ("w1", "merged")]


def test_hidden_number_settles_nothing() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(message("w1", "")), Requested(callback("w2")))
    assert outputs_of(callbacks, CustomerCallStarted(CALL, "")) == []
    assert outputs_of(callbacks, TALKS) == []


def test_wish_that_is_asked_for_again_is_due_at_the_earlier_time_with_the_longer_wait() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()), InProgress(W1, AGENT), AttemptEnded(W1, AttemptOutcome.BUSY))
    outputs = outputs_of(callbacks, Requested(replace(callback("w2"), waited_s=90.0, next_at=at(10))))
    assert kinds(outputs) == [Changed, Absorbed]
    item = callbacks.item(W1)
    assert item is not None
    assert (item.attempts, item.waited_s, item.next_at) == (1, 90.0, at(10))


def test_callback_for_a_time_does_not_expire_before_it() -> None:
    callbacks = new_callbacks()
    later = at(200_000)
    outputs_of(callbacks, Requested(replace(callback(), at=later)))
    assert callbacks.next_deadline() == later
    assert states(callbacks.handle(CameDue(), later)) == [("w1", "queued")]


def test_nothing_is_remembered_of_calls_that_are_over() -> None:
    on_line = CustomersOnLine()
    on_line.call_started(CALL, [NUMBER])
    on_line.talk_started(CALL)
    on_line.call_ended(CALL, T0)
    assert vars(on_line) == vars(CustomersOnLine())


def test_callback_that_is_asked_for_after_a_talk_is_called() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, CustomerCallStarted(CALL, NUMBER, CustomerId(7)), TALKS, PARTED, GONE)
    assert outputs_of(callbacks, Requested(callback(), since=T0), wall=at(1)) != []


# Hours, age, place


def test_closing_queue_takes_its_items_out_and_opening_brings_them_back_in_order() -> None:
    callbacks = new_callbacks()
    for number in range(3):
        item = replace(callback(f"w{number}", f"1380000000{number}"), created_at=at(-number))
        outputs_of(callbacks, Requested(item))
    outputs_of(callbacks, Requested(callback("other", queue=SALES)))
    outputs = callbacks.handle(WorkHoursChanged(SERVICE, False), at(10))
    assert [output.item.id for output in outputs if isinstance(output, Dequeue)] == ["w0", "w1", "w2"]
    outputs = callbacks.handle(WorkHoursChanged(SERVICE, True), at(20))
    assert [output.item.id for output in outputs if isinstance(output, Enqueue)] == ["w2", "w1", "w0"]


def test_time_in_the_queue_goes_on_counting_for_the_place() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(replace(callback(), waited_s=40.0)))
    callbacks.handle(WorkHoursChanged(SERVICE, False), at(10))
    [_, enqueued] = callbacks.handle(WorkHoursChanged(SERVICE, True), at(3600))
    assert isinstance(enqueued, Enqueue)
    assert enqueued.item.waited_s == 50.0


def test_too_old_item_is_given_up_in_the_queue_and_out_of_hours() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()), WorkHoursChanged(SALES, False), Requested(callback("w2", queue=SALES)))
    assert callbacks.next_deadline() == at(172_800)
    outputs = callbacks.handle(CameDue(), at(172_800))
    assert sorted(states(outputs)) == [("w1", "given_up"), ("w2", "given_up")]
    assert [output.item.id for output in outputs if isinstance(output, Dequeue)] == ["w1"]
    assert callbacks.next_deadline() is None


def test_item_in_hand_is_not_too_old_until_the_attempt_ends() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()), InProgress(W1, AGENT))
    assert callbacks.next_deadline() is None
    outputs = callbacks.handle(AttemptEnded(W1, AttemptOutcome.LEFT), at(200_000))
    assert states(outputs) == [("w1", "waiting"), ("w1", "given_up")]


def test_queue_that_let_an_item_go_gets_it_back_after_a_pause() -> None:
    callbacks = new_callbacks()
    outputs = outputs_of(callbacks, Requested(callback()), LeftQueue(W1))
    assert kinds(outputs) == [Changed]
    assert callbacks.next_deadline() == at(60)


def test_other_settings_hold_for_what_is_open() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()))
    outputs = callbacks.configure(CallbackSettings(expire_after_s=60), at(61))
    assert states(outputs) == [("w1", "given_up")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"retry_after_s": ()},
        {"retry_after_s": (5.0, 0.0)},
        {"expire_after_s": -1.0},
    ],
)
def test_settings_that_make_no_sense_are_named(wrong: dict[str, object]) -> None:
    [name] = wrong
    with pytest.raises(ValidationError, match=name):
        TypeAdapter(CallbackSettings).validate_python(wrong)


# Restart


def test_after_a_restart_everything_open_waits_and_is_queued_when_asked() -> None:
    waiting = replace(callback("w1", "1"), next_at=at(300))
    queued = replace(callback("w2", "2"), state=WorkState.QUEUED, changed_at=T0)
    callbacks = new_callbacks()
    outputs = callbacks.restore([waiting, queued, replace(callback("w3", "3"), state=WorkState.DONE)], at(10))
    assert states(outputs) == [("w2", "waiting")]
    assert states(outputs_of(callbacks, CameDue(), wall=at(10))) == [("w2", "queued")]
    assert callbacks.next_deadline() == at(300)


def test_attempt_that_a_crash_cut_short_does_not_count() -> None:
    ringing = replace(
        callback(), state=WorkState.IN_PROGRESS, agent=AGENT, attempts=2, last_attempt=AttemptOutcome.BUSY
    )
    callbacks = new_callbacks()
    assert states(callbacks.restore([ringing], at(10))) == [("w1", "waiting")]
    item = callbacks.item(W1)
    assert item is not None
    assert (item.attempts, item.next_at) == (2, at(70))


def test_talk_that_a_crash_cut_short_was_a_talk() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, Requested(callback()), InProgress(W1, AGENT), AttemptConnected(W1))
    after = new_callbacks()
    outputs = after.restore(callbacks.open_items(), at(10))
    assert states(outputs) == [("w1", "done")]
    assert len(after) == 0


def test_restored_queue_that_is_closed_keeps_its_items_waiting() -> None:
    callbacks = new_callbacks()
    outputs_of(callbacks, WorkHoursChanged(SERVICE, False))
    callbacks.restore([replace(callback(), state=WorkState.QUEUED)], T0)
    assert states(outputs_of(callbacks, CameDue())) == []
    assert callbacks.next_deadline() == at(172_800)
