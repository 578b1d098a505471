"""Where calls go besides the next agent: surveys, other queues, flows by overflow, sticky agents, hours, the list."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.calls.call_centre import (
    BOTH_TOLD_S,
    MORNING,
    ORDINARY,
    ORDINARY_KEPT,
    SALES,
    SERVICE,
    SERVICE_LINE,
    VIP,
    VIP_KEPT,
    Plan,
    opened,
)
from tests.calls.the_flows import packaged_flows

from acdcore.calls.admission.screening import RepeatLimit, ScreeningSettings
from acdcore.calls.model.commands import AgentCommand, LiveAgentState, Seat, SeatKind, WrongState
from acdcore.calls.model.ports import ForcedHours, Screening, ScreeningVerdict
from acdcore.calls.routing_rules import QueueRules
from acdcore.ivr.calendars.opening_hours import Calendar, CalendarName, OpeningPeriod
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.queues.inputs import CallerFacts, Channel
from acdcore.queues.journal.lost_places import LostPlace
from acdcore.queues.settings import OverflowCause, OverflowRule, QueueSettings, ToAnnouncement, ToFlow

pytestmark = pytest.mark.looptime

QUEUE = QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0)


def plan(queue: QueueSettings = QUEUE, around: QueueRules | None = None, *flows: str) -> Plan:
    """A service queue with something around it."""
    sales = QueueSettings(SALES, ring_for_s=15.0, wrap_up_s=10.0)
    return Plan(queues=(queue, sales), flows=packaged_flows(*flows), around={SERVICE: around or QueueRules()})


async def test_caller_whom_the_agent_leaves_is_asked_and_the_answer_is_kept_with_the_agent() -> None:
    async with opened(plan(QUEUE, QueueRules(survey="survey"), "survey")) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        agent.hang_up()
        await centre.pass_time(1)
        assert caller.is_up
        assert centre.state("1001") is LiveAgentState.WRAP_UP  # the survey is no work of the agent's
        centre.press("1")
        await centre.pass_time(5)
        assert not caller.is_up
        (answer,) = centre.history.answer_rows.values()
        assert (answer.flow, answer.question, answer.value, answer.agent) == (
            "survey",
            "satisfaction",
            "satisfied",
            "1001",
        )
        assert centre.cdr().outcome is Outcome.ANSWERED


async def test_talking_caller_sent_to_another_queue_is_served_there_and_the_first_agent_is_freed() -> None:
    async with opened(plan()) as centre:
        first, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(first, caller)
        second = await centre.seat("1002")
        centre.operations.requeue(centre.live().id, SALES, "1001")
        await centre.pass_time(1)
        assert not first.is_up
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        assert second.rings
        second.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        assert (centre.live().view.agent, centre.live().view.queue) == ("1002", SALES)
        assert any("sent queue:sales 1001" in line for line in centre.call_history())
        caller.hang_up()
        await centre.pass_time(1)


async def test_talking_caller_sent_to_the_survey_hears_it_without_the_agent() -> None:
    async with opened(plan(QUEUE, None, "survey")) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        centre.operations.send_to_flow(centre.live().id, "survey", "1001")
        await centre.pass_time(1)
        assert not agent.is_up
        centre.press("3")
        await centre.pass_time(5)
        assert [row.value for row in centre.history.answer_rows.values()] == ["dissatisfied"]


async def test_caller_in_a_menu_cannot_be_sent_anywhere() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call("95500")
        await centre.pass_time(1)
        with pytest.raises(WrongState, match="in_flow"):
            centre.operations.requeue(centre.live().id, SALES, "staff")
        caller.hang_up()
        await centre.pass_time(1)


async def test_overflow_to_the_mailbox_leads_into_the_flow() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToFlow("voicemail"))
    async with opened(plan(replace(QUEUE, max_wait_s=20.0, overflow=(rule,)), None, "voicemail")) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(25)
        assert centre.live().view.flow_node == "voicemail.subject"
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.cdr().outcome is Outcome.OVERFLOWED


async def test_known_caller_is_kept_for_the_agent_of_the_last_talk_and_not_longer_than_told() -> None:
    queue = replace(QUEUE, sticky_for_s=30.0, wrap_up_s=0.0)
    async with opened(plan(queue, QueueRules(sticky_within_days=7))) as centre:
        last, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(last, caller)
        caller.hang_up()
        await centre.pass_time(5)
        idle = await centre.seat("1002")  # idle for longer than the one who has just talked
        other = centre.caller(ORDINARY)
        other.call(SERVICE_LINE)
        await centre.pass_time(1)
        (rung,) = [phone for phone in (last, idle) if phone.rings]
        rung.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        if rung is idle:
            pytest.fail("the idle agent was to be the one of the last talk")
        caller.call(SERVICE_LINE)
        await centre.pass_time(10)
        assert not idle.rings  # kept for 1001, who talks
        await centre.pass_time(25)
        assert idle.rings
        caller.hang_up()
        other.hang_up()
        await centre.pass_time(1)


async def test_customers_owner_is_tried_first() -> None:
    async with opened(plan(replace(QUEUE, sticky_for_s=30.0))) as centre:
        first, owner = await centre.seat("1001"), await centre.seat("1002")
        centre.customer(VIP)
        customer = centre.directory.customer_by_phone(VIP)
        assert customer is not None
        centre.directory.put_customer(replace(customer, owner=AgentId("1002")))
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert (first.rings, owner.rings) == (False, True)
        caller.hang_up()
        await centre.pass_time(1)


def office(*, opens_at_h: int = 18) -> Calendar:
    """Open from that hour to midnight, every day, in UTC."""
    return Calendar(CalendarName("office"), ZoneInfo("UTC"), ((OpeningPeriod(opens_at_h * 60, 24 * 60),),) * 7)


def with_hours() -> Plan:
    """A queue that keeps the hours of an office that is closed this morning."""
    rule = OverflowRule(OverflowCause.CLOSED, ToAnnouncement("system.closed"))
    made = plan(replace(QUEUE, overflow=(rule,)), QueueRules(calendar="office"))
    return replace(made, calendars={"office": office()})


async def test_closed_queue_turns_callers_to_its_rule_and_a_supervisor_may_open_it() -> None:
    async with opened(with_hours()) as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        assert centre.cdr().outcome is Outcome.OVERFLOWED
        until = MORNING + timedelta(seconds=600)
        await centre.forced.force(ForcedHours("office", True, until, "supervisor", MORNING))
        centre.operations.hours_forced()
        assert centre.operations.hours()[0].forced_by == "supervisor"
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert agent.rings
        caller.hang_up()
        await centre.pass_time(700)
        assert centre.operations.hours()[0].state == "closed"
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        assert centre.cdrs()[-1].outcome is Outcome.OVERFLOWED


async def test_blocked_number_is_refused_and_recorded_and_no_line_is_taken() -> None:
    async with opened() as centre:
        await centre.screening.put(Screening("1390000*", ScreeningVerdict.BLOCK, "nuisance", None, "staff", MORNING))
        caller, other = centre.caller(ORDINARY), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        other.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert caller.refused_with == 603
        assert other.is_up
        assert centre.cdr().outcome is Outcome.BLOCKED
        other.hang_up()
        await centre.pass_time(1)


async def test_number_that_calls_too_often_is_told_so() -> None:
    screening = ScreeningSettings(repeats=RepeatLimit(2, 60.0, 300.0), announce=True)
    async with opened(Plan(screening=screening)) as centre:
        caller = centre.caller(ORDINARY)
        for _ in range(3):
            caller.call(SERVICE_LINE)
            await centre.pass_time(2)
            if caller.is_up:
                caller.hang_up()
            await centre.pass_time(1)
        assert [row.outcome for row in centre.cdrs()][-1] is Outcome.BLOCKED


async def test_waiting_caller_can_be_given_to_an_agent_by_hand() -> None:
    async with opened(plan(replace(QUEUE, is_manual_assignment=True))) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        assert not agent.rings
        why = centre.operations.why(centre.live().id)
        assert why.blocked_by == "manual_assignment"
        assert why.would_change == ("somebody assigns the caller",)
        centre.operations.assign(centre.live().id, AgentId("1001"), "front desk")
        await centre.pass_time(1)
        assert agent.rings
        caller.hang_up()
        await centre.pass_time(1)


async def test_agent_works_at_another_phone_or_at_an_outside_number() -> None:
    async with opened(plan()) as centre:
        exchange = centre.exchange()
        phone_1009 = centre.employ("1009")
        phone_1009.register("password of 1009")
        guest = centre.employ("1001")
        await centre.pass_time(0.1)
        centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, Seat(SeatKind.PHONE, "1009"))
        centre.command("1001", AgentCommand.READY)
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert (phone_1009.rings, guest.rings) == (True, False)
        phone_1009.refuse(486)
        await centre.pass_time(1)
        centre.command("1001", AgentCommand.LOG_OUT)
        centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, Seat(SeatKind.NUMBER, "02155500"))
        centre.command("1001", AgentCommand.READY)
        await centre.pass_time(32)
        assert exchange.rings
        exchange.answer()
        await centre.pass_time(1)
        centre.engine.press(centre.leg(centre.live(), "agent").stream, "1")
        await centre.pass_time(BOTH_TOLD_S + 1)
        assert centre.state("1001") is LiveAgentState.TALKING
        caller.hang_up()
        await centre.pass_time(1)
        assert not exchange.is_up


async def test_caller_who_comes_back_after_a_restart_has_the_place_again() -> None:
    lost = LostPlace(ORDINARY_KEPT, SERVICE, 240.0, 0.0, CallerFacts(), Channel.CALL, MORNING)
    async with opened(replace(plan(), lost=(lost,))) as centre:
        early, back = centre.caller(VIP), centre.caller(ORDINARY)
        early.call(SERVICE_LINE)
        await centre.pass_time(5)
        back.call(SERVICE_LINE)
        await centre.pass_time(1)
        first, second = next(queue.waiting for queue in centre.context.acd.snapshot().queues if queue.queue == SERVICE)
        assert (first.label, second.label) == (ORDINARY_KEPT, VIP_KEPT)
        assert first.waited_total_s > 240
        early.hang_up()
        back.hang_up()
        await centre.pass_time(1)


async def test_every_stay_in_a_queue_is_written_down_once_with_talk_and_wrap_up() -> None:
    async with opened(plan()) as centre:
        agent, caller, gone = await centre.seat("1001"), centre.caller(VIP), centre.caller(ORDINARY)
        await centre.talk(agent, caller)
        gone.call(SERVICE_LINE)
        await centre.pass_time(8)
        gone.hang_up()
        caller.hang_up()
        await centre.pass_time(15)
        queue_visits = sorted(centre.history.queue_visit_rows.values(), key=lambda visit: visit.joined_at)
        assert [(visit.how, visit.agent) for visit in queue_visits] == [("answered", "1001"), ("abandoned", None)]
        assert queue_visits[0].wrap_up_s == 10.0
        assert queue_visits[0].talked_s > BOTH_TOLD_S
