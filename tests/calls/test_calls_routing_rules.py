"""What rules do with calls: overflow, calls out, lines, hours, operations staff, faults of ours, the end of the day."""

import asyncio
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import pytest
from tests.calls.call_centre import (
    BROKEN_LINE,
    CLIP_S,
    EXCHANGE,
    HOTLINE,
    LOST_LINE,
    ORDINARY,
    ORDINARY_KEPT,
    OURS,
    OUTSIDE,
    OUTSIDE_LINE,
    SALES,
    SERVICE,
    SERVICE_LINE,
    VIP,
    CallCentre,
    Plan,
    opened,
    password,
)
from tests.calls.phone import Phone
from tests.calls.reserve_lines import reserve_taken

from acdcore.calls.model.commands import LiveAgentState, UnknownCall, WrongState
from acdcore.calls.model.rows import CallEnd, EndedBy
from acdcore.calls.trunks.capacity import TrunkCapacitySettings, WhenFull
from acdcore.calls.trunks.trunks import InboundRoute
from acdcore.ivr.calendars.file import Calendar, CalendarName
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import CallId
from acdcore.queues.settings import (
    OverflowCause,
    OverflowRule,
    OverflowTarget,
    QueueSettings,
    ToAnnouncement,
    ToExternalNumber,
    ToQueue,
)

pytestmark = pytest.mark.looptime


def waits_at_most(seconds: float, target: OverflowTarget, may_dial_out: bool = True, trunk_capacity: int = 150) -> Plan:
    """A service queue that sends its callers to `target`."""
    rule = OverflowRule(OverflowCause.WAIT, target)
    service = QueueSettings(SERVICE, max_wait_s=seconds, overflow=(rule,), wrap_up_s=10.0)
    return Plan(queues=(service, QueueSettings(SALES)), may_dial_out=may_dial_out, capacity=trunk_capacity)


# --- overflow ---


async def test_caller_who_waits_too_long_hears_the_announcement_and_is_hung_up() -> None:
    async with opened(waits_at_most(20, ToAnnouncement("system.queue-overflow"))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(22)
        assert not caller.is_up
        assert centre.call_history()[3:] == [
            "  0.0 queued service",
            " 20.0 overflowed wait announcement:system.queue-overflow",
            " 20.5 ended overflowed system system.queue-overflow",
        ]
        assert centre.cdr().overflowed_to == "announcement:system.queue-overflow"
        assert round(centre.cdr().wait_s, 1) == 20.0


async def test_caller_gone_during_the_overflow_announcement_counts_as_overflowed_as_in_the_queues_figures() -> None:
    async with opened(waits_at_most(20, ToAnnouncement("system.queue-overflow"))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(20.2)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.cdr().outcome is Outcome.OVERFLOWED
        assert [queue.overflowed for queue in centre.operations.queues()] == [0, 1]


async def test_caller_who_waits_too_long_goes_on_waiting_in_the_other_queue() -> None:
    async with opened(waits_at_most(20, ToQueue(SALES))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(30)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.call_history()[3:] == [
            "  0.0 queued service",
            " 20.0 overflowed wait queue:sales",
            " 20.0 queued sales",
            " 30.0 ended abandoned_queue caller bye",
        ]
        row = centre.cdr()
        assert (row.queue, round(row.wait_s, 1)) == ("sales", 30.0)


async def test_phone_that_rings_when_the_wait_is_over_stops_ringing() -> None:
    async with opened(waits_at_most(5, ToAnnouncement("system.queue-overflow"))) as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(4)
        was_ringing = agent.rings
        await centre.pass_time(20)
        assert was_ringing
        assert not agent.rings
        assert centre.cdr().outcome is Outcome.OVERFLOWED


async def test_overflow_to_an_outside_number_connects_the_two() -> None:
    async with opened(waits_at_most(20, ToExternalNumber(OUTSIDE))) as centre:
        exchange = centre.exchange()
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(25)
        assert centre.context.trunk_capacity.taken == 2
        assert exchange.rings
        exchange.answer()
        await centre.pass_time(10)
        exchange.hang_up()
        await centre.pass_time(1)
        assert not caller.is_up
        assert centre.call_history()[4:] == [
            f" 20.0 overflowed wait external_number:{OUTSIDE}",
            f" 20.0 dialled {OUTSIDE}",
            f" 25.0 connected {OUTSIDE}",
            " 25.0 bridged",
            " 35.0 talk_ended agent",
            f" 35.0 ended overflowed system {OUTSIDE}",
        ]


@pytest.mark.parametrize("status", [486, 404, 503, 603])
async def test_outside_number_that_refuses_is_said_to_the_caller(status: int) -> None:
    async with opened(waits_at_most(20, ToExternalNumber(OUTSIDE))) as centre:
        centre.exchange().on_ring = lambda phone: phone.refuse(status)
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(20 + CLIP_S + 0.2)
        assert not caller.is_up
        assert centre.call_history()[-1] == f" 20.5 ended overflowed system {OUTSIDE}"
        assert centre.cdr().connected_at is None


async def test_outside_number_that_never_answers_is_given_up_after_a_minute() -> None:
    async with opened(waits_at_most(20, ToExternalNumber(OUTSIDE))) as centre:
        exchange = centre.exchange()
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(82)
        assert not exchange.rings
        assert not caller.is_up


@pytest.mark.parametrize(
    "plan",
    [
        waits_at_most(20, ToExternalNumber(OUTSIDE), may_dial_out=False),
        waits_at_most(20, ToExternalNumber(OUTSIDE), trunk_capacity=1),
    ],
    ids=["no trunk may dial out", "the trunk's lines are taken"],
)
async def test_outside_number_without_a_way_is_said_to_the_caller(plan: Plan) -> None:
    async with opened(plan) as centre:
        exchange = centre.exchange()
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(21)
        assert not caller.is_up
        assert exchange.heard == []
        assert centre.cdr().outcome is Outcome.OVERFLOWED


# --- forwarding by a flow ---


@pytest.mark.parametrize("who", ["caller", "external_number"])
async def test_forwarded_call_is_recorded_as_forwarded_whoever_hangs_up(who: str) -> None:
    async with opened() as centre:
        exchange, caller = centre.exchange(), centre.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(2)
        leg = centre.leg(centre.live(), "caller")
        assert centre.engine.hears(leg.stream) == centre.context.prompts.ringback()
        exchange.answer()
        await centre.pass_time(5)
        (caller if who == "caller" else exchange).hang_up()
        await centre.pass_time(1)
        assert centre.cdr().outcome is Outcome.FORWARDED
        assert round(centre.cdr().talk_s, 1) == 5.0


async def test_caller_gone_while_the_outside_number_rings_cancels_it() -> None:
    async with opened() as centre:
        exchange, caller = centre.exchange(), centre.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(2)
        caller.hang_up()
        await centre.pass_time(0.1)
        assert not exchange.rings
        assert centre.cdr().outcome is Outcome.ABANDONED_FLOW


async def test_outside_call_goes_to_the_trunks_switch_and_shows_no_number_that_is_not_ours() -> None:
    async with opened() as centre:
        exchange, caller = centre.exchange(), centre.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        assert exchange.invite is not None
        request = exchange.invite.request
        assert str(request.uri) == f"sip:{OUTSIDE}@{EXCHANGE}"
        assert request.from_.uri.username == "carrier"  # the account's name: no number of ours is known
        caller.hang_up()


# --- lines ---


async def test_caller_beyond_the_lines_hears_that_all_are_taken() -> None:
    capacity_settings = TrunkCapacitySettings(limit=1, reserve=1)
    async with opened(Plan(trunk_capacity=capacity_settings)) as centre:
        first, second, third = centre.caller(VIP), centre.caller(ORDINARY), centre.caller("13900000003")
        first.call(SERVICE_LINE)
        second.call(SERVICE_LINE)
        third.call(SERVICE_LINE)
        await centre.pass_time(0.2)
        assert (centre.context.trunk_capacity.taken, reserve_taken(centre.context.trunk_capacity)) == (1, 1)
        await centre.pass_time(1)
        assert (first.is_up, second.is_up) == (True, False)
        assert third.refused_with == 503
        assert {row.caller: row.outcome for row in centre.cdrs()} == {
            ORDINARY_KEPT: Outcome.REFUSED_CAPACITY,
            "+8613900000003": Outcome.REFUSED_CAPACITY,
        }
        assert centre.call_history(1)[-2:] == ["  0.0 answered", "  0.5 ended refused_capacity system"]
        first.hang_up()


@pytest.mark.parametrize(
    ("capacity_settings", "trunk_capacity", "status", "expected"),
    [
        (
            TrunkCapacitySettings(limit=1, when_full=WhenFull.REFUSE),
            150,
            503,
            ["  0.0 ended refused_capacity system all 1 lines are taken"],
        ),
        (
            TrunkCapacitySettings(when_full=WhenFull.REFUSE),
            1,
            503,
            ["  0.0 ended refused_capacity system trunk carrier: all 1 lines are taken"],
        ),
        (
            TrunkCapacitySettings(limit=1, when_full=WhenFull.REDIRECT, redirect_to="sip:100@192.0.2.99"),
            150,
            302,
            [
                "  0.0 overflowed capacity external_number:sip:100@192.0.2.99",
                "  0.0 ended refused_capacity system all 1 lines are taken",
            ],
        ),
    ],
    ids=["refused", "refused on one trunk", "redirected"],
)
async def test_caller_beyond_the_lines_gets_what_the_rule_says(
    capacity_settings: TrunkCapacitySettings, trunk_capacity: int, status: int, expected: list[str]
) -> None:
    async with opened(Plan(trunk_capacity=capacity_settings, capacity=trunk_capacity)) as centre:
        first, second = centre.caller(VIP), centre.caller(ORDINARY)
        first.call(SERVICE_LINE)
        second.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert second.refused_with == status
        assert centre.call_history(1)[1:] == expected
        assert centre.switchboard.refusals.counts == {("call", "capacity exhausted"): 1}
        first.hang_up()


async def test_line_is_free_again_for_the_next_caller() -> None:
    async with opened(Plan(trunk_capacity=TrunkCapacitySettings(limit=1, when_full=WhenFull.REFUSE))) as centre:
        for _ in range(3):
            caller = centre.caller(VIP)
            caller.call(SERVICE_LINE)
            await centre.pass_time(1)
            assert caller.is_up
            caller.hang_up()
            await centre.pass_time(1)


# --- numbers and hours ---


async def test_number_without_a_route_is_refused_with_404() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call("12345")
        await centre.pass_time(1)
        assert caller.refused_with == 404
        assert centre.cdrs() == []
        assert centre.switchboard.refusals.counts == {("call", "no such number"): 1}


async def test_number_outside_of_its_hours_gets_the_closed_flow() -> None:
    never = Calendar(CalendarName("office"), ZoneInfo("UTC"), ((),) * 7)
    route = InboundRoute("carrier", "*", "hotline", "office", "closed")
    async with opened(Plan(routes=(route,), calendars={"office": never})) as centre:
        caller = centre.caller(VIP)
        caller.call("12345")
        await centre.pass_time(2)
        assert not caller.is_up
        assert (centre.cdr().flow, centre.cdr().outcome) == ("closed", Outcome.CLOSED)


async def test_flow_that_ends_by_itself_is_self_served() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(HOTLINE)
        await centre.pass_time(2)
        centre.press("4")
        await centre.pass_time(2)
        assert not caller.is_up
        assert centre.call_history()[-1] == "  2.5 ended self_served system completed"


async def test_silence_after_the_menu_goes_where_the_flow_says() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(HOTLINE)
        await centre.pass_time(8)
        assert centre.call_history()[-1] == "  5.0 queued service"
        caller.hang_up()


# --- operations staff ---

Reach = Callable[[CallCentre, Phone, Phone], Awaitable[None]]
"""Brings a call to a certain state."""


async def state_of_flow(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    caller.call(HOTLINE)
    await centre.pass_time(2)


async def state_of_ringing(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    caller.call(SERVICE_LINE)
    await centre.pass_time(2)


async def state_of_whisper(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    caller.call(SERVICE_LINE)
    await centre.pass_time(1)
    agent.answer()
    await centre.pass_time(1)


async def state_of_talk(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    await centre.talk(agent, caller)


@pytest.mark.parametrize("reach", [state_of_flow, state_of_ringing, state_of_whisper, state_of_talk])
async def test_operators_hang_up_ends_both_parties_in_every_state(
    reach: Callable[[CallCentre, Phone, Phone], Awaitable[None]],
) -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await reach(centre, agent, caller)
        call_id = centre.live().id
        centre.operations.hang_up(call_id, "supervisor")
        with pytest.raises(WrongState):
            centre.operations.hang_up(call_id, "supervisor")
        await centre.pass_time(0.1)
        assert (caller.is_up, agent.is_up, agent.rings) == (False, False, False)
        row = centre.cdr()
        is_served = reach in (state_of_whisper, state_of_talk)
        assert row.outcome is (Outcome.ANSWERED if is_served else Outcome.WITHDRAWN)
        assert (row.end_cause, row.ended_by) == (CallEnd.WITHDRAWN, EndedBy.SYSTEM)
        with pytest.raises(UnknownCall):
            centre.operations.hang_up(call_id, "supervisor")


@pytest.mark.parametrize(("who", "abandoned"), [("caller", 1), ("operator", 0)])
async def test_only_callers_who_hang_up_themselves_count_as_abandoned(who: str, abandoned: int) -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(20)
        if who == "caller":
            caller.hang_up()
        else:
            centre.operations.hang_up(centre.live().id, "supervisor")
        await centre.pass_time(1)
        service = next(queue for queue in centre.operations.queues() if queue.name == SERVICE)
        assert (service.offered, service.abandoned_long, service.abandoned_short) == (1, abandoned, 0)


async def test_call_that_overflowed_waits_in_no_queue_any_more() -> None:
    async with opened(waits_at_most(20, ToAnnouncement("system.queue-overflow"))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(20.2)
        assert centre.context.acd.why(centre.live()) is None
        assert not centre.context.acd._calls
        with pytest.raises(WrongState):
            centre.operations.why(centre.live().id)


async def test_why_names_the_agents_and_what_keeps_each_of_them() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        first, second = centre.caller(VIP), centre.caller(ORDINARY)
        await centre.talk(agent, first)
        second.call(SERVICE_LINE)
        await centre.pass_time(7)
        talking, waiting = centre.switchboard.calls
        why = centre.operations.why(waiting)
        assert (why.queue, why.position, why.waited_s) == (SERVICE, 1, 7.0)
        assert [(each.agent, each.removed_by) for each in why.candidates] == [("1001", "talking")]
        with pytest.raises(WrongState):
            centre.operations.why(talking)
        with pytest.raises(UnknownCall):
            centre.operations.why(CallId("unknown"))
        first.hang_up()
        second.hang_up()


async def test_board_counts_waiting_ringing_and_talking_callers() -> None:
    async with opened() as centre:
        first, second = await centre.seat("1001"), await centre.seat("1002")
        callers = [centre.caller(f"1390000000{number}") for number in range(3)]
        await centre.talk(first, callers[0])
        for caller in callers[1:]:
            caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        service = next(queue for queue in centre.operations.queues() if queue.name == SERVICE)
        assert (service.talking, service.ringing, service.waiting) == (1, 1, 1)
        assert (service.agents_logged_in, service.agents_ready, service.offered, service.answered) == (2, 0, 3, 1)
        assert [call.position for call in centre.operations.live_calls()] == [None, 1, 2]
        assert second.rings
        for caller in callers:
            caller.hang_up()


# --- faults of ours, and the end of the day ---


async def test_fault_in_the_story_ends_the_call_as_failed_and_gives_everything_back() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(BROKEN_LINE)
        await centre.pass_time(1)
        assert not caller.is_up
        row = centre.cdr()
        assert (row.outcome, row.ended_by) == (Outcome.FAILED, EndedBy.SYSTEM)
        assert "KeyError" in centre.call_history()[-1]


async def test_fault_before_the_story_refuses_the_caller_and_gives_everything_back() -> None:
    async with opened() as centre:
        centre.context.event_router.media_host = "\N{SNOWMAN}"  # cannot be written into a session description
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert caller.refused_with == 500
        assert centre.cdr().outcome is Outcome.FAILED
        assert centre.context.trunk_capacity.taken == 0


async def test_queue_that_does_not_exist_ends_the_call_as_failed() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(LOST_LINE)
        await centre.pass_time(1)
        assert not caller.is_up
        assert centre.call_history()[-1] == "  0.0 ended failed system queue: unknown_queue"


async def test_caller_who_never_acknowledges_the_answer_is_given_up() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        centre.cable.lose(caller.address, *["ACK"] * 20)
        caller.call(SERVICE_LINE)
        await centre.pass_time(40)
        assert centre.call_history()[-1] == " 32.0 ended failed system ack_timeout"


async def test_drain_lets_calls_end_takes_no_new_ones_and_hangs_up_at_last() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        first, second, late = centre.caller(VIP), centre.caller(ORDINARY), centre.caller("13900000003")
        idle = await centre.seat("1002")
        await centre.talk(agent, first)
        second.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert centre.operations.health().is_ready
        draining = asyncio.get_running_loop().create_task(centre.switchboard.drain(5.0))
        await centre.pass_time(2)
        assert not centre.operations.health().is_ready
        late.call(SERVICE_LINE)
        idle.call("*13", password=password("1002"))
        first.hang_up()
        await centre.pass_time(1)
        assert (late.refused_with, idle.refused_with) == (503, 503)
        assert not draining.done()
        assert second.is_up
        await centre.pass_time(3)
        assert draining.done()
        assert not second.is_up
        assert [row.outcome for row in centre.cdrs()] == [Outcome.ANSWERED, Outcome.SHUTDOWN]
        assert centre.state("1001") is not LiveAgentState.RINGING


async def test_drain_says_how_many_calls_and_talks_remain() -> None:
    async with opened() as centre:
        agent, first, second = await centre.seat("1001"), centre.caller(VIP), centre.caller(ORDINARY)
        await centre.talk(agent, first)
        second.call(SERVICE_LINE)
        await centre.pass_time(1)
        told: list[str] = []
        draining = asyncio.create_task(centre.switchboard.drain(12.0, told.append))
        await centre.pass_time(4)
        second.hang_up()
        await centre.pass_time(9)
        assert draining.done()
        assert told == [
            "stopping: calls still up: 2, talks among them: 1; they may go on for 12 s at most",
            "stopping: calls still up: 1, talks among them: 1; they may go on for 7 s at most",
            "stopping: calls still up: 1, talks among them: 1; they may go on for 2 s at most",
        ]


async def test_drain_without_calls_is_over_at_once() -> None:
    async with opened() as centre:
        before = centre.clock.now()
        await centre.switchboard.drain(5.0)
        assert centre.clock.now() == before


async def test_ladder_of_a_call_shows_nothing_that_the_caller_does_not_need() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.cable.arrows(caller.address) == [
            "> INVITE sdp",
            "< 100 Trying (INVITE)",
            "< 200 OK (INVITE) sdp",
            "> ACK",
            "> BYE",
            "< 200 OK (BYE)",
        ]
        assert caller.address != OURS
