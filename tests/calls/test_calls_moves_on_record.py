"""What boards and records say of a call that goes from place to place: whose it is, since when, and how it ended."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from tests.calls.house import (
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
    House,
    Plan,
    opened,
)
from tests.calls.phone import Phone
from tests.calls.the_flows import packaged_flows

from acdcore.calls.model.commands import AgentState, CallState, LiveCall
from acdcore.calls.model.rows import CallEnd
from acdcore.calls.record.event_stream import FeedKind
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.trunks.trunks import Route
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
        routes=(Route("carrier", MAILBOX, "voicemail"),),
        is_recorded=True,
    )


def seen(live: LiveCall) -> tuple[CallState, str | None, str | None]:
    """What a board shows of a call."""
    return (live.state, live.queue, live.agent)


async def test_call_in_the_survey_is_nobodys_talk_any_more() -> None:
    async with opened(plan()) as house:
        agent, caller = await house.seat("1001"), house.caller(VIP)
        await house.talk(agent, caller)
        assert house.operations.queues()[1].talking == 1
        agent.hang_up()
        await house.pass_time(1)
        assert seen(house.live().view) == (CallState.IN_FLOW, SERVICE, None)
        assert house.operations.queues()[1].talking == 0
        caller.hang_up()
        await house.pass_time(1)
        record = house.cdr()
        assert (record.outcome, record.agent, record.queue) == (Outcome.ANSWERED, "1001", SERVICE)
        assert round(record.talk_s) == 1


async def test_record_of_a_call_with_two_talks_adds_up_and_the_survey_is_about_the_second() -> None:
    async with opened(plan()) as house:
        first, caller = await house.seat("1001"), house.caller(VIP)
        await house.talk(first, caller)
        house.operations.requeue(house.live().id, SALES, "1001")
        await house.pass_time(1)
        second = await house.seat("1002")
        await house.pass_time(3)
        second.answer()
        await house.pass_time(BOTH_TOLD_S + 5)
        second.hang_up()
        await house.pass_time(1)
        house.press("1")
        await house.pass_time(5)
        record = house.cdr()
        assert (record.outcome, record.agent, record.queue) == (Outcome.ANSWERED, "1002", SALES)
        assert record.talk_s == pytest.approx(1 + 5, abs=0.2)
        assert record.wait_s == pytest.approx(1 + 4.1, abs=0.2)
        (answer,) = house.history.answer_rows.values()
        assert (answer.agent, answer.queue) == ("1002", SALES)
        assert [row.agent for _, row in sorted(house.history.recording_rows.items())] == ["1001", "1002"]


async def test_caller_who_never_heard_the_agent_is_not_asked_how_it_was() -> None:
    async with opened(plan()) as house:
        agent, caller = await house.seat("1001"), house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(1)
        agent.hang_up()
        await house.pass_time(0.5)
        assert house.live().view.state is CallState.WAITING
        caller.hang_up()
        await house.pass_time(1)
        assert "survey" not in " ".join(house.story())


async def test_time_waited_counts_in_the_queue_to_which_a_supervisor_sends_the_caller() -> None:
    async with opened(plan()) as house:
        early, late = house.caller(VIP), house.caller(ORDINARY)
        early.call(SERVICE_LINE)
        await house.pass_time(60)
        call = house.live()
        late.call(HOTLINE)
        await house.pass_time(1)
        (other,) = [each for each in house.switchboard.calls.values() if each is not call]
        assert other.caller is not None
        house.engine.press(other.caller.stream, "2")
        await house.pass_time(20)
        house.operations.requeue(call.id, SALES, "supervisor")
        await house.pass_time(1)
        (waiting,) = [view.waiting for view in house.hall.acd.snapshot().queues if view.queue == SALES]
        assert [each.label for each in waiting] == [VIP_KEPT, ORDINARY_KEPT]
        for phone in (early, late):
            phone.hang_up()
        await house.pass_time(1)
        assert house.cdrs()[0].wait_s == pytest.approx(82, abs=0.5)


async def test_caller_whom_the_owner_passes_on_is_not_kept_for_the_owner() -> None:
    async with opened(plan()) as house:
        owner = await house.seat("1001")
        house.customer(VIP)
        customer = house.directory.customer_by_phone(VIP)
        assert customer is not None
        house.directory.put_customer(replace(customer, owner=AgentId("1001")))
        caller = house.caller(VIP)
        await house.talk(owner, caller)
        other = await house.seat("1002")
        house.operations.requeue(house.live().id, SALES, "1001")
        await house.pass_time(1)
        assert other.rings
        assert not any("held_for_agent" in line for line in house.story())
        caller.hang_up()
        await house.pass_time(1)


async def test_waiting_ends_for_the_record_when_the_caller_is_sent_into_a_flow() -> None:
    async with opened(plan()) as house:
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(10)
        house.operations.send_to_flow(house.live().id, "voicemail", "supervisor")
        await house.pass_time(3)
        assert house.live().view.state is CallState.IN_FLOW
        caller.hang_up()
        await house.pass_time(1)
        assert house.cdr().wait_s == pytest.approx(10, abs=0.1)


async def test_boards_hear_when_a_talk_is_over_and_when_a_caller_leaves_the_queue_by_rule() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToAnnouncement("system.closed"))
    async with opened(plan(replace(QUEUE, max_wait_s=20.0, overflow=(rule,)))) as house:
        subscription = house.feed.subscribe(limit=1000)
        caller = house.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await house.pass_time(30)
        agent, talker = await house.seat("1001"), house.caller(VIP)
        await house.talk(agent, talker)
        agent.hang_up()
        await house.pass_time(1)
        talker.hang_up()
        await house.pass_time(1)
        subscription.close()
        moves = [event.data async for event in subscription if event.kind is FeedKind.CALL_MOVED]
        assert [seen(move) for move in moves if isinstance(move, LiveCall)] == [
            (CallState.IN_FLOW, SERVICE, None),
            (CallState.IN_FLOW, SERVICE, None),
        ]


# --- every state, ended from outside ---

Reach = Callable[[House, Phone, Phone], Awaitable[None]]


async def in_menu(house: House, agent: Phone, caller: Phone) -> None:
    caller.call(HOTLINE)
    await house.pass_time(2)


async def in_message(house: House, agent: Phone, caller: Phone) -> None:
    caller.call(MAILBOX)
    await house.pass_time(4)
    for key in "211":
        house.press(key)
        await house.pass_time(1)
    await house.pass_time(20)
    assert house.engine.taps


async def ringing(house: House, agent: Phone, caller: Phone) -> None:
    caller.call(SERVICE_LINE)
    await house.pass_time(2)
    assert agent.rings


async def in_whisper(house: House, agent: Phone, caller: Phone) -> None:
    await ringing(house, agent, caller)
    agent.answer()
    await house.pass_time(1)


async def talking(house: House, agent: Phone, caller: Phone) -> None:
    await house.talk(agent, caller)


async def held(house: House, agent: Phone, caller: Phone) -> None:
    await house.talk(agent, caller)
    agent.hold()
    await house.pass_time(1)


async def in_survey(house: House, agent: Phone, caller: Phone) -> None:
    await house.talk(agent, caller)
    agent.hang_up()
    await house.pass_time(1)


async def aside(house: House, agent: Phone, caller: Phone) -> None:
    agent.on_ring = Phone.refuse
    caller.call(SERVICE_LINE)
    await house.pass_time(2)
    house.press("1")
    await house.pass_time(0.2)
    assert "stepped_aside" in " ".join(house.story())


async def dialling_outside(house: House, agent: Phone, caller: Phone) -> None:
    house.exchange()
    caller.call(OUTSIDE_LINE)
    await house.pass_time(2)


STATES = (in_menu, in_message, ringing, in_whisper, talking, held, in_survey, aside, dialling_outside)


async def end_work(house: House) -> None:
    """Staff take out what the call left behind."""
    for item in house.hall.workbench.open_items():
        house.operations.end_work(item.id, WorkState.CANCELLED, "staff")
    await house.pass_time(1)


@pytest.mark.parametrize("reach", STATES)
async def test_call_can_be_hung_up_by_staff_in_every_state_and_leaves_nothing_behind(reach: Reach) -> None:
    async with opened(plan()) as house:
        agent, caller = await house.seat("1001"), house.caller(ORDINARY)
        await reach(house, agent, caller)
        house.operations.hang_up(house.live().id, "staff")
        await house.pass_time(1)
        assert not caller.is_up
        served = Outcome.VOICEMAIL if reach is in_message else Outcome.ANSWERED
        is_served = reach in (in_message, in_whisper, talking, held, in_survey)
        assert house.cdr().end_cause is CallEnd.WITHDRAWN
        assert house.cdr().outcome is (served if is_served else Outcome.WITHDRAWN)
        assert house.ledger() == {} or reach is in_message
        await end_work(house)


@pytest.mark.parametrize("reach", STATES)
async def test_stop_of_the_daemon_ends_a_call_in_every_state_with_its_record(reach: Reach) -> None:
    async with opened(plan()) as house:
        agent, caller = await house.seat("1001"), house.caller(ORDINARY)
        await reach(house, agent, caller)
        await asyncio.wait_for(house.switchboard.drain(1.0), 5)
        await house.pass_time(1)
        assert not caller.is_up
        assert house.cdr().outcome in (Outcome.SHUTDOWN, Outcome.SELF_SERVED, Outcome.ANSWERED, Outcome.VOICEMAIL)
        assert house.cdr().end_cause in (CallEnd.SHUTDOWN, CallEnd.COMPLETED)
        kept = [item.recording for item in house.hall.workbench.open_items()]
        assert len(kept) == (reach is in_message)
        assert all(kept)
        assert house.state("1001") in (AgentState.READY, AgentState.WRAP_UP, AgentState.NOT_READY)
        await end_work(house)
