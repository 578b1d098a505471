"""What boards and records say of a call that goes from place to place: whose it is, since when, and how it ended."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from tests.calls.call_centre import (
    BOTH_TOLD_S,
    HOTLINE,
    ORDINARY,
    ORDINARY_KEPT,
    OUTSIDE_LINE,
    SALES,
    SERVICE,
    SERVICE_LINE,
    VIP,
    VIP_KEPT,
    CallCentre,
    Plan,
    opened,
)
from tests.calls.phone import Phone
from tests.calls.the_flows import packaged_flows

from acdcore.calls.model.commands import CallState, LiveAgentState, LiveCall
from acdcore.calls.model.rows import CallEnd
from acdcore.calls.record.event_stream import StreamEventKind
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.trunks.trunks import InboundRoute
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.queues.settings import OverflowCause, OverflowRule, QueueSettings, ToAnnouncement
from acdcore.work.model import WorkState

pytestmark = pytest.mark.looptime

MAILBOX = "95510"
SURVEYED = QueueRules(survey="survey", keys={"1": "callback"})


QUEUE = QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0)


def plan(service: QueueSettings = QUEUE) -> Plan:
    """Two queues with surveys, a mailbox, recordings."""
    return Plan(
        queues=(service, QueueSettings(SALES, ring_for_s=15.0, wrap_up_s=10.0, sticky_for_s=30.0)),
        flows=packaged_flows("survey", "callback", "voicemail"),
        around={SERVICE: SURVEYED, SALES: SURVEYED},
        routes=(InboundRoute("carrier", MAILBOX, "voicemail"),),
        is_recorded=True,
    )


def seen(live: LiveCall) -> tuple[CallState, str | None, str | None]:
    """What a board shows of a call."""
    return (live.state, live.queue, live.agent)


async def test_call_in_the_survey_is_nobodys_talk_any_more() -> None:
    async with opened(plan()) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        assert centre.operations.queues()[1].talking == 1
        agent.hang_up()
        await centre.pass_time(1)
        assert seen(centre.live().view) == (CallState.IN_FLOW, SERVICE, None)
        assert centre.operations.queues()[1].talking == 0
        caller.hang_up()
        await centre.pass_time(1)
        record = centre.cdr()
        assert (record.outcome, record.agent, record.queue) == (Outcome.ANSWERED, "1001", SERVICE)
        assert round(record.talk_s) == 1


async def test_record_of_a_call_with_two_talks_adds_up_and_the_survey_is_about_the_second() -> None:
    async with opened(plan()) as centre:
        first, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(first, caller)
        centre.operations.requeue(centre.live().id, SALES, "1001")
        await centre.pass_time(1)
        second = await centre.seat("1002")
        await centre.pass_time(3)
        second.answer()
        await centre.pass_time(BOTH_TOLD_S + 5)
        second.hang_up()
        await centre.pass_time(1)
        centre.press("1")
        await centre.pass_time(5)
        record = centre.cdr()
        assert (record.outcome, record.agent, record.queue) == (Outcome.ANSWERED, "1002", SALES)
        assert record.talk_s == pytest.approx(1 + 5, abs=0.2)
        assert record.wait_s == pytest.approx(1 + 4.1, abs=0.2)
        (answer,) = centre.history.answer_rows.values()
        assert (answer.agent, answer.queue) == ("1002", SALES)
        assert [row.agent for _, row in sorted(centre.history.recording_rows.items())] == ["1001", "1002"]


async def test_caller_who_never_heard_the_agent_is_not_asked_how_it_was() -> None:
    async with opened(plan()) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(1)
        agent.hang_up()
        await centre.pass_time(0.5)
        assert centre.live().view.state is CallState.WAITING
        caller.hang_up()
        await centre.pass_time(1)
        assert "survey" not in " ".join(centre.call_history())


async def test_time_waited_counts_in_the_queue_to_which_a_supervisor_sends_the_caller() -> None:
    async with opened(plan()) as centre:
        early, late = centre.caller(VIP), centre.caller(ORDINARY)
        early.call(SERVICE_LINE)
        await centre.pass_time(60)
        call = centre.live()
        late.call(HOTLINE)
        await centre.pass_time(1)
        (other,) = [each for each in centre.switchboard.calls.values() if each is not call]
        assert other.caller is not None
        centre.engine.press(other.caller.stream, "2")
        await centre.pass_time(20)
        centre.operations.requeue(call.id, SALES, "supervisor")
        await centre.pass_time(1)
        (waiting,) = [view.waiting for view in centre.context.acd.snapshot().queues if view.queue == SALES]
        assert [each.label for each in waiting] == [VIP_KEPT, ORDINARY_KEPT]
        for phone in (early, late):
            phone.hang_up()
        await centre.pass_time(1)
        assert centre.cdrs()[0].wait_s == pytest.approx(82, abs=0.5)


async def test_caller_whom_the_owner_passes_on_is_not_kept_for_the_owner() -> None:
    async with opened(plan()) as centre:
        owner = await centre.seat("1001")
        centre.customer(VIP)
        customer = centre.directory.customer_by_phone(VIP)
        assert customer is not None
        centre.directory.put_customer(replace(customer, owner=AgentId("1001")))
        caller = centre.caller(VIP)
        await centre.talk(owner, caller)
        other = await centre.seat("1002")
        centre.operations.requeue(centre.live().id, SALES, "1001")
        await centre.pass_time(1)
        assert other.rings
        assert not any("reserved_for_agent" in line for line in centre.call_history())
        caller.hang_up()
        await centre.pass_time(1)


async def test_waiting_ends_for_the_record_when_the_caller_is_sent_into_a_flow() -> None:
    async with opened(plan()) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(10)
        centre.operations.send_to_flow(centre.live().id, "voicemail", "supervisor")
        await centre.pass_time(3)
        assert centre.live().view.state is CallState.IN_FLOW
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.cdr().wait_s == pytest.approx(10, abs=0.1)


async def test_boards_hear_when_a_talk_is_over_and_when_a_caller_leaves_the_queue_by_rule() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToAnnouncement("system.closed"))
    async with opened(plan(replace(QUEUE, max_wait_s=20.0, overflow=(rule,)))) as centre:
        subscription = centre.event_stream.subscribe(limit=1000)
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(30)
        agent, talker = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, talker)
        agent.hang_up()
        await centre.pass_time(1)
        talker.hang_up()
        await centre.pass_time(1)
        subscription.close()
        moves = [event.data async for event in subscription if event.kind is StreamEventKind.CALL_MOVED]
        assert [seen(move) for move in moves if isinstance(move, LiveCall)] == [
            (CallState.IN_FLOW, SERVICE, None),
            (CallState.IN_FLOW, SERVICE, None),
        ]


# --- every state, ended from outside ---

Reach = Callable[[CallCentre, Phone, Phone], Awaitable[None]]


async def in_menu(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    caller.call(HOTLINE)
    await centre.pass_time(2)


async def in_message(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    caller.call(MAILBOX)
    await centre.pass_time(4)
    for key in "211":
        centre.press(key)
        await centre.pass_time(1)
    await centre.pass_time(20)
    assert centre.engine.taps


async def ringing(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    caller.call(SERVICE_LINE)
    await centre.pass_time(2)
    assert agent.rings


async def in_whisper(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    await ringing(centre, agent, caller)
    agent.answer()
    await centre.pass_time(1)


async def talking(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    await centre.talk(agent, caller)


async def held(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    await centre.talk(agent, caller)
    agent.hold()
    await centre.pass_time(1)


async def in_survey(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    await centre.talk(agent, caller)
    agent.hang_up()
    await centre.pass_time(1)


async def aside(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    agent.on_ring = Phone.refuse
    caller.call(SERVICE_LINE)
    await centre.pass_time(2)
    centre.press("1")
    await centre.pass_time(0.2)
    assert "stepped_aside" in " ".join(centre.call_history())


async def dialling_outside(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    centre.exchange()
    caller.call(OUTSIDE_LINE)
    await centre.pass_time(2)


STATES = (in_menu, in_message, ringing, in_whisper, talking, held, in_survey, aside, dialling_outside)


async def end_work(centre: CallCentre) -> None:
    """Staff take out what the call left behind."""
    for item in centre.context.callback_scheduler.open_items():
        centre.operations.end_work(item.id, WorkState.CANCELLED, "staff")
    await centre.pass_time(1)


@pytest.mark.parametrize("reach", STATES)
async def test_call_can_be_hung_up_by_staff_in_every_state_and_leaves_nothing_behind(reach: Reach) -> None:
    async with opened(plan()) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(ORDINARY)
        await reach(centre, agent, caller)
        centre.operations.hang_up(centre.live().id, "staff")
        await centre.pass_time(1)
        assert not caller.is_up
        served = Outcome.VOICEMAIL if reach is in_message else Outcome.ANSWERED
        is_served = reach in (in_message, in_whisper, talking, held, in_survey)
        assert centre.cdr().end_cause is CallEnd.WITHDRAWN
        assert centre.cdr().outcome is (served if is_served else Outcome.WITHDRAWN)
        assert centre.ledger() == {} or reach is in_message
        await end_work(centre)


@pytest.mark.parametrize("reach", STATES)
async def test_stop_of_the_daemon_ends_a_call_in_every_state_with_its_record(reach: Reach) -> None:
    async with opened(plan()) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(ORDINARY)
        await reach(centre, agent, caller)
        await asyncio.wait_for(centre.switchboard.drain(1.0), 5)
        await centre.pass_time(1)
        assert not caller.is_up
        assert centre.cdr().outcome in (Outcome.SHUTDOWN, Outcome.SELF_SERVED, Outcome.ANSWERED, Outcome.VOICEMAIL)
        assert centre.cdr().end_cause in (CallEnd.SHUTDOWN, CallEnd.COMPLETED)
        kept = [item.recording for item in centre.context.callback_scheduler.open_items()]
        assert len(kept) == (reach is in_message)
        assert all(kept)
        assert centre.state("1001") in (LiveAgentState.READY, LiveAgentState.WRAP_UP, LiveAgentState.NOT_READY)
        await end_work(centre)
