"""The record is a fold over the history: spans, outcomes, cut-short calls; and the live view agrees with it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.calls.model import history as events
from acdcore.calls.model.commands import CallState, LiveCall
from acdcore.calls.model.directory import Customer, Tier
from acdcore.calls.model.rows import CallEnd, CallSegment, CdrRow, EndedBy, SegmentEnd, SegmentKind
from acdcore.calls.record import live
from acdcore.calls.record.cdr import WallTime, cdr
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TIME = WallTime(100.0, NOON)
CALL = CallId("20260302T120000000-000001")
ANNA, BERT = AgentId("1001"), AgentId("1002")
SERVICE, SALES = QueueName("service"), QueueName("sales")
BY_CALLER = (EndedBy.CALLER, "bye")

ARRIVED = events.Arrived(100.0, "carrier", "13800000001", "95500")
ANSWERED = events.CallAnswered(101.0, "hotline", "PCMA")


def ended(at: float, outcome: Outcome) -> events.Ended:
    return events.Ended(at, outcome, *BY_CALLER)


def fold(*history: events.Event) -> CdrRow:
    return cdr(CALL, (ARRIVED, *history), TIME, {"lost": 3})


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("history", "spans"),
    [
        ([], (0, 0, 0)),
        ([ANSWERED], (0, 0, 0)),
        ([events.CallQueued(102.0, SERVICE, 0.0)], (8, 0, 0)),
        ([events.CallQueued(102.0, SERVICE, 0.0), events.CallOffered(103.0, ANNA, SERVICE, "")], (8, 7, 0)),
        (
            [
                events.CallQueued(102.0, SERVICE, 0.0),
                events.CallOffered(103.0, ANNA, SERVICE, ""),
                events.CallOfferEnded(104.0, ANNA, "refused"),
                events.CallOffered(105.0, BERT, SERVICE, ""),
                events.CallConnected(107.0, BERT, "", ""),
                events.Bridged(108.0),
            ],
            (5, 3, 2),
        ),
        ([events.CallQueued(102.0, SERVICE, 0.0), events.CallQueued(105.0, SALES, 0.0)], (8, 0, 0)),
        (
            [
                events.CallConnected(102.0, ANNA, "", ""),
                events.Bridged(103.0),
                events.CallTalkEnded(106.0, EndedBy.AGENT),
            ],
            (0, 0, 3),
        ),
        (
            [
                events.CallConnected(102.0, ANNA, "", ""),
                events.Bridged(102.0),
                events.CallHeld(103.0, EndedBy.AGENT),
                events.CallResumed(105.0, EndedBy.AGENT),
            ],
            (0, 0, 8),
        ),
        (
            [
                events.CallConnected(102.0, ANNA, "", ""),
                events.Bridged(102.0),
                events.CallTalkEnded(103.0, EndedBy.AGENT),
                events.CallConnected(105.0, BERT, "", ""),
                events.Bridged(105.0),
                events.CallTalkEnded(106.0, EndedBy.AGENT),
            ],
            (0, 0, 2),
        ),
    ],
    ids=["arrived", "answered", "waiting", "ringing", "two offers", "two queues", "talk over", "held", "two talks"],
)
def test_times_in_queues_ringing_and_talking_are_summed(
    history: list[events.Event], spans: tuple[float, float, float]
) -> None:
    row = fold(*history, ended(110.0, Outcome.ANSWERED))
    assert (row.wait_s, row.ring_s, row.talk_s) == spans


@pytest.mark.parametrize("outcome", list(Outcome))
def test_record_has_the_outcome_and_who_ended_it(outcome: Outcome) -> None:
    row = fold(ANSWERED, events.Ended(110.0, outcome, EndedBy.AGENT, ""))
    assert (row.outcome, row.ended_by, row.ended_at) == (outcome, EndedBy.AGENT, at(10))


def test_record_gathers_each_fact_from_its_event() -> None:
    row = fold(
        ANSWERED,
        events.FlowEntered(101.0, "greeting"),
        events.LanguageChosen(101.5, "en"),
        events.CustomerFound(101.5, CustomerId(7), "phone"),
        events.CallQueued(102.0, SERVICE, 30.0),
        events.CallOverflowed(103.0, "wait", "queue:sales"),
        events.CallQueued(103.0, SALES, 30.0),
        events.CallOffered(104.0, ANNA, SALES, "why"),
        events.CallConnected(105.0, ANNA, "", "2026/1.wav"),
        events.Bridged(106.0),
        events.CallTalkEnded(107.0, EndedBy.AGENT),
        events.Dialled(107.0, "02155500", "carrier", "external_number"),
        events.CallConnected(108.0, None, "02155500", "2026/2.wav"),
        events.Bridged(108.0),
        ended(110.0, Outcome.ANSWERED),
    )
    assert row == CdrRow(
        call_id=CALL,
        trunk="carrier",
        caller="13800000001",
        dialled="95500",
        outcome=Outcome.ANSWERED,
        ended_by=EndedBy.CALLER,
        arrived_at=NOON,
        ended_at=at(10),
        answered_at=at(1),
        queued_at=at(2),
        connected_at=at(5),
        flow="hotline",
        queue=SALES,
        agent=ANNA,
        customer_id=CustomerId(7),
        wait_s=3.0,
        ring_s=1.0,
        talk_s=3.0,
        overflowed_to="queue:sales",
        recording="2026/1.wav",
        figures={"lost": 3},
        end_cause=CallEnd.HUNG_UP,
        served_by=ANNA,
        segments=(
            CallSegment(SegmentKind.QUEUE, at(2), at(3), SegmentEnd.OVERFLOWED, SERVICE),
            CallSegment(SegmentKind.QUEUE, at(3), at(5), SegmentEnd.ANSWERED, SALES),
            CallSegment(SegmentKind.AGENT, at(5), at(7), SegmentEnd.AGENT_HUNG_UP, SALES, ANNA, talk_s=1.0),
            CallSegment(
                SegmentKind.EXTERNAL_NUMBER,
                at(7),
                at(10),
                SegmentEnd.CALLER_HUNG_UP,
                SALES,
                None,
                "02155500",
                "carrier",
                2.0,
            ),
        ),
    )


def test_record_names_no_recording_of_a_talk_that_never_began() -> None:
    row = fold(ANSWERED, events.CallConnected(105.0, ANNA, "", "2026/1.wav"), ended(106.0, Outcome.ANSWERED))
    assert (row.agent, row.recording) == (ANNA, "")


def test_agent_who_was_gone_before_the_talk_is_not_on_record_and_the_wait_went_on() -> None:
    left = (
        events.CallQueued(102.0, SERVICE, 0.0),
        events.CallOffered(103.0, ANNA, SERVICE, ""),
        events.CallConnected(104.0, ANNA, "", "2026/1.wav"),
        events.Returned(106.0, SERVICE, ANNA),
        events.CallQueued(106.0, SERVICE, 0.0),
    )
    row = fold(ANSWERED, *left, ended(110.0, Outcome.ABANDONED_QUEUE))
    assert (row.agent, row.connected_at, row.recording) == (None, None, "")
    assert (row.wait_s, row.ring_s, row.talk_s) == (8.0, 1.0, 0.0)
    served = (events.CallConnected(108.0, BERT, "", "2026/2.wav"), events.Bridged(109.0))
    row = fold(ANSWERED, *left, *served, ended(110.0, Outcome.ANSWERED))
    assert (row.agent, row.connected_at, row.recording) == (BERT, at(8), "2026/2.wav")
    assert (row.wait_s, row.talk_s) == (6.0, 1.0)


def test_talk_that_was_had_stays_on_record_when_the_next_agent_was_gone_before_theirs() -> None:
    row = fold(
        ANSWERED,
        events.CallConnected(102.0, ANNA, "", ""),
        events.Bridged(103.0),
        events.CallTalkEnded(104.0, EndedBy.SYSTEM),
        events.CallQueued(104.0, SALES, 0.0),
        events.CallConnected(105.0, BERT, "", ""),
        events.Returned(106.0, SALES, BERT),
        ended(110.0, Outcome.ABANDONED_QUEUE),
    )
    assert (row.agent, row.connected_at, row.talk_s, row.wait_s) == (ANNA, at(2), 1.0, 6.0)


def test_call_cut_short_ends_with_its_last_event_by_shutdown() -> None:
    row = fold(ANSWERED, events.CallQueued(102.0, SERVICE, 0.0), events.CallOffered(104.0, ANNA, SERVICE, ""))
    assert (row.outcome, row.ended_by, row.ended_at) == (Outcome.SHUTDOWN, EndedBy.SYSTEM, at(4))
    assert (row.wait_s, row.ring_s) == (2.0, 0.0)


def test_history_that_does_not_begin_with_an_arrival_is_no_history() -> None:
    with pytest.raises(ValueError, match="begins with CallAnswered"):
        cdr(CALL, (ANSWERED,), TIME, {})


Step = Callable[[float], events.Event]
STEPS: tuple[Step, ...] = (
    lambda now: events.CallAnswered(now, "hotline", "PCMA"),
    lambda now: events.CallQueued(now, SERVICE, 0.0),
    lambda now: events.CallOffered(now, ANNA, SERVICE, ""),
    lambda now: events.CallOfferEnded(now, ANNA, "refused"),
    lambda now: events.CallConnected(now, ANNA, "", ""),
    lambda now: events.Bridged(now),
    lambda now: events.CallHeld(now, EndedBy.AGENT),
    lambda now: events.CallResumed(now, EndedBy.AGENT),
    lambda now: events.CallOverflowed(now, "wait", "queue:sales"),
    lambda now: events.Returned(now, SERVICE, ANNA),
    lambda now: events.CallTalkEnded(now, EndedBy.AGENT),
)


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.floats(0, 1000)), max_size=40), st.booleans())
def test_no_order_of_events_makes_more_wait_and_talk_than_the_call_is_long(
    steps: list[tuple[Step, float]], is_cut_short: bool
) -> None:
    now = 100.0
    history: list[events.Event] = []
    for step, pause_s in steps:
        now += pause_s
        history.append(step(now))
    if not is_cut_short:
        history.append(ended(now, Outcome.ANSWERED))
    row = fold(*history)
    length_s = (row.ended_at - row.arrived_at).total_seconds()
    assert min(row.wait_s, row.ring_s, row.talk_s) >= 0
    assert row.ring_s <= length_s + 0.01
    assert row.wait_s + row.talk_s <= length_s + 0.01


# --- the live view ---


def test_live_view_follows_the_history() -> None:
    view = LiveCall(CALL, "carrier", "13800000001", "95500", CallState.ARRIVING, NOON)
    seen = []
    for event in (
        ANSWERED,
        events.FlowEntered(101.0, "greeting"),
        events.CallQueued(102.0, SERVICE, 0.0),
        events.CallOffered(103.0, ANNA, SERVICE, ""),
        events.CallOfferEnded(104.0, ANNA, "refused"),
        events.CallQueued(105.0, SALES, 0.0),
        events.CallOffered(106.0, BERT, SALES, ""),
        events.CallConnected(107.0, BERT, "", ""),
        events.CallHeld(108.0, EndedBy.AGENT),
        events.CallResumed(109.0, EndedBy.AGENT),
        events.CallTalkEnded(109.5, EndedBy.AGENT),
        ended(110.0, Outcome.ANSWERED),
    ):
        view = live.apply(view, event, TIME)
        seen.append((view.state.value, view.queue, view.agent, view.flow_node))
    assert seen == [
        ("in_flow", None, None, None),
        ("in_flow", None, None, "greeting"),
        ("waiting", SERVICE, None, None),
        ("ringing", SERVICE, ANNA, None),
        ("waiting", SERVICE, None, None),
        ("waiting", SALES, None, None),
        ("ringing", SALES, BERT, None),
        ("talking", SALES, BERT, None),
        ("held", SALES, BERT, None),
        ("talking", SALES, BERT, None),
        ("in_flow", SALES, None, None),
        ("ending", SALES, None, None),
    ]
    assert (view.answered_at, view.queued_at, view.connected_at) == (at(1), at(2), at(7))


def test_live_view_shows_a_caller_whom_the_agent_left_before_the_talk_as_waiting() -> None:
    view = LiveCall(CALL, "carrier", "13800000001", "95500", CallState.ARRIVING, NOON)
    for event in (events.CallQueued(102.0, SERVICE, 0.0), events.CallConnected(103.0, ANNA, "", "")):
        view = live.apply(view, event, TIME)
    view = live.apply(view, events.Returned(104.0, SERVICE, ANNA), TIME)
    assert (view.state, view.queue, view.agent, view.connected_at) == (CallState.WAITING, SERVICE, None, None)


@pytest.mark.parametrize(
    ("target", "state"),
    [("queue:sales", "waiting"), ("flow:voicemail", "in_flow"), ("external_number:10086", "in_flow")],
)
def test_live_view_shows_nobody_waiting_whom_overflow_has_led_out_of_the_queues(target: str, state: str) -> None:
    view = LiveCall(CALL, "carrier", "13800000001", "95500", CallState.WAITING, NOON)
    assert live.apply(view, events.CallOverflowed(101.0, "wait", target), TIME).state == state


def test_live_view_shows_language_and_customer() -> None:
    view = LiveCall(CALL, "carrier", "13800000001", "95500", CallState.ARRIVING, NOON)
    view = live.apply(view, events.LanguageChosen(101.0, "en"), TIME)
    view = live.recognise(view, Customer(CustomerId(7), "Customer", Tier.GOLD, "en", (), None, (), "", "", 1))
    assert (view.language, view.customer_id, view.customer_name, view.tier) == ("en", 7, "Customer", Tier.GOLD)


# --- wall time ---


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_wall_time_keeps_the_distances_of_monotonic_time(one: float, other: float) -> None:
    distance_s = (TIME.at(one) - TIME.at(other)).total_seconds()
    assert abs(distance_s - (one - other)) < 1e-5
