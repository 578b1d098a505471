"""An agent who served a caller is kept on record, however the call went on and ended."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.calls.call_centre import (
    CLIP_S,
    ORDINARY,
    OUTSIDE,
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
from tests.calls.test_calls_callback_stages import ask, end_work, plan, reach_customer

from acdcore.calls.model.commands import AgentCommand
from acdcore.calls.model.ports import CallFilter
from acdcore.calls.model.rows import CallEnd, CdrRow
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.scripts.preferred_agent import preferred_agent
from acdcore.calls.trunks.capacity import TrunkCapacitySettings
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.queues.settings import QueueSettings
from acdcore.work.model import DialFirst

pytestmark = pytest.mark.looptime

Cut = Callable[[CallCentre, Phone, Phone], Awaitable[None]]
TWO_QUEUES = (
    QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0),
    QueueSettings(SALES, ring_for_s=15.0, wrap_up_s=10.0),
)
ANSWER_WITHIN_S = 20.0
"""What is left of the 30 s without a sign of life when a party is asked for one."""
STICKY = Plan(queues=TWO_QUEUES, around={SERVICE: QueueRules(sticky_within_days=7)})


async def falls_silent_for_good(centre: CallCentre, side: str, phone: Phone) -> None:
    """The phone sends nothing more, and does not answer when it is asked whether it is there."""
    centre.engine.fall_silent(centre.leg(centre.live(), side).stream)
    centre.cable.unplugged.add(phone.address)
    await centre.pass_time(ANSWER_WITHIN_S + 1)
    centre.cable.unplugged.clear()


async def caller_falls_silent(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    await falls_silent_for_good(centre, "caller", caller)


async def staff_hang_up(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    centre.operations.hang_up(centre.live().id, "supervisor")


async def daemon_stops(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    centre.switchboard.end_all()


async def outside_is_busy(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    exchange = centre.exchange()
    centre.operations.send_to_flow(centre.live().id, "outside", "1001")
    await centre.pass_time(1)
    exchange.refuse(486)
    await centre.pass_time(1)


CUTS: dict[Cut, CallEnd] = {
    caller_falls_silent: CallEnd.MEDIA_LOST,
    staff_hang_up: CallEnd.WITHDRAWN,
    daemon_stops: CallEnd.SHUTDOWN,
    outside_is_busy: CallEnd.UNANSWERED,
}


def parts(row: CdrRow) -> list[tuple[str, str, str]]:
    """The segments in short: which, who, and why each ended."""
    return [(part.kind.value, part.agent or part.number or part.queue or "", part.end.value) for part in row.segments]


@pytest.mark.parametrize(("cut", "end_cause"), CUTS.items())
async def test_talk_is_on_record_as_a_service_whatever_ended_the_call_after_it(cut: Cut, end_cause: CallEnd) -> None:
    async with opened(STICKY) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        await cut(centre, agent, caller)
        await centre.pass_time(1)
        row = centre.cdr()
        assert (row.outcome, row.end_cause, row.served_by) == (Outcome.ANSWERED, end_cause, "1001")
        (contact,) = centre.directory.last_contacts(VIP_KEPT, 5)
        assert (contact.agent, contact.outcome) == ("1001", Outcome.ANSWERED)
        centre.command("1001", AgentCommand.NOT_READY)
        again = centre.caller(VIP)
        again.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert preferred_agent(centre.live(), centre.context, SERVICE) == "1001"
        again.hang_up()
        await centre.pass_time(1)


@pytest.mark.parametrize("cut", [caller_falls_silent, staff_hang_up, daemon_stops])
async def test_call_that_is_cut_short_in_the_queue_was_served_by_nobody(cut: Cut) -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(3)
        await cut(centre, caller, caller)
        await centre.pass_time(1)
        row = centre.cdr()
        assert (row.outcome.value, row.end_cause, row.served_by) == (row.end_cause, CUTS[cut], None)
        assert parts(row) == [("queue", SERVICE, CUTS[cut].value)]


async def test_transferred_call_is_found_by_both_agents_and_both_queues() -> None:
    async with opened(STICKY) as centre:
        first, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(first, caller)
        centre.operations.requeue(centre.live().id, SALES, "1001")
        await centre.pass_time(1)
        second = await centre.seat("1002")
        await centre.pass_time(3)
        second.answer()
        await centre.pass_time(9)
        caller.hang_up()
        await centre.pass_time(1)
        row = centre.cdr()
        assert parts(row) == [
            ("queue", SERVICE, "answered"),
            ("agent", "1001", "transferred"),
            ("queue", SALES, "answered"),
            ("agent", "1002", "caller_hung_up"),
        ]
        assert row.talk_s == pytest.approx(sum(part.talk_s for part in row.segments), abs=0.002)
        for agent in ("1001", "1002"):
            assert await centre.history.calls(CallFilter(agent=AgentId(agent))) == [row]
        for queue in (SERVICE, SALES):
            assert await centre.history.calls(CallFilter(queue=queue)) == [row]


async def test_caller_who_gives_up_waiting_for_the_second_agent_was_served_by_the_first() -> None:
    async with opened(STICKY) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        centre.operations.requeue(centre.live().id, SALES, "1001")
        await centre.pass_time(5)
        caller.hang_up()
        await centre.pass_time(1)
        row = centre.cdr()
        assert (row.outcome, row.end_cause, row.served_by) == (Outcome.ABANDONED_QUEUE, CallEnd.HUNG_UP, "1001")
        assert parts(row)[-2:] == [("agent", "1001", "transferred"), ("queue", SALES, "abandoned")]
        assert centre.directory.last_contacts(VIP_KEPT, 5)[0].agent == "1001"


async def test_number_outside_is_a_part_of_the_call_whether_it_answers_or_not() -> None:
    async with opened(STICKY) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        await outside_is_busy(centre, agent, caller)
        assert parts(centre.cdr())[-1] == ("external_number", OUTSIDE, "unanswered")
        assert centre.cdr().segments[-1].trunk == "carrier"


async def test_agent_whose_audio_is_lost_has_not_hung_up() -> None:
    async with opened(STICKY) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        await falls_silent_for_good(centre, "agent", agent)
        if caller.is_up:
            caller.hang_up()
            await centre.pass_time(1)
        assert ("agent", "1001", "media_lost") in parts(centre.cdr())
        assert centre.cdr().served_by == "1001"


# --- refused before service ---


async def hangs_up_at_once(centre: CallCentre, caller: Phone) -> None:
    caller.hang_up()


async def hangs_up_in_the_announcement(centre: CallCentre, caller: Phone) -> None:
    await centre.pass_time(0.2)
    assert caller.is_up
    caller.hang_up()


async def is_hung_up_by_staff(centre: CallCentre, caller: Phone) -> None:
    await centre.pass_time(0.2)
    centre.operations.hang_up(max(centre.switchboard.calls), "supervisor")


async def is_cut_off_by_the_stop(centre: CallCentre, caller: Phone) -> None:
    await centre.pass_time(0.2)
    centre.switchboard.end_all()


async def falls_silent(centre: CallCentre, caller: Phone) -> None:
    await centre.pass_time(0.2)
    call = centre.switchboard.calls[max(centre.switchboard.calls)]
    centre.engine.fall_silent(centre.leg(call, "caller").stream)


async def hears_all_of_it(centre: CallCentre, caller: Phone) -> None:
    await centre.pass_time(0.2)


@pytest.mark.parametrize(
    "leave",
    [
        hangs_up_at_once,
        hangs_up_in_the_announcement,
        is_hung_up_by_staff,
        is_cut_off_by_the_stop,
        falls_silent,
        hears_all_of_it,
    ],
)
async def test_caller_for_whom_no_line_is_free_is_on_record_so_however_the_announcement_ends(
    leave: Callable[[CallCentre, Phone], Awaitable[None]],
) -> None:
    async with opened(Plan(trunk_capacity=TrunkCapacitySettings(limit=1, reserve=1))) as centre:
        first, second = centre.caller(VIP), centre.caller(ORDINARY)
        first.call(SERVICE_LINE)
        await centre.pass_time(0.1)
        second.call(SERVICE_LINE)
        await leave(centre, second)
        await centre.pass_time(3)
        assert [row.outcome for row in centre.cdrs() if row.caller != VIP_KEPT] == [Outcome.REFUSED_CAPACITY]
        if first.is_up:
            first.hang_up()
            await centre.pass_time(1)


# --- callbacks ---


async def test_talk_of_a_callback_counts_from_the_customers_answer_and_its_trunk_is_the_one_that_was_used() -> None:
    async with opened(plan()) as centre:
        exchange, _ = await reach_customer(centre)  # who answers after the whisper, and is there for five seconds
        exchange.hang_up()
        await centre.pass_time(1)
        row = centre.cdr()
        assert (row.trunk, row.outcome, row.served_by) == ("carrier", Outcome.ANSWERED, "1001")
        assert row.talk_s == pytest.approx(5 - 3 * CLIP_S, abs=0.2), "from when the customer has heard who calls"
        assert parts(row) == [("queue", SERVICE, "answered"), ("agent", "1001", "caller_hung_up")]


@pytest.mark.parametrize("first", DialFirst)
async def test_customer_who_was_rung_in_vain_was_served_by_nobody(first: DialFirst) -> None:
    async with opened(plan(first)) as centre:
        exchange, agent = centre.exchange(), await centre.seat("1001")
        ask(centre, first)
        await centre.pass_time(1)
        if first is DialFirst.AGENT:
            agent.answer()
            await centre.pass_time(3)
        exchange.refuse(486)
        await centre.pass_time(10)
        row = centre.cdr()
        assert (row.outcome, row.end_cause, row.served_by) == (Outcome.UNANSWERED, CallEnd.UNANSWERED, None)
        assert (row.trunk, row.talk_s, parts(row)[-1]) == ("carrier", 0.0, ("agent", "1001", "unanswered"))
        assert await centre.history.calls(CallFilter(agent=AgentId("1001"))) == [row]
        assert centre.directory.last_contacts(row.caller, 5)[0].agent is None
        await end_work(centre)


# --- the stop ---


async def test_callback_that_waits_at_a_stop_leaves_no_record_of_a_call_that_nobody_had() -> None:
    async with opened(plan()) as centre:
        ask(centre)
        await centre.pass_time(1)
        assert centre.live().view.queue == SERVICE
        await asyncio.wait_for(centre.switchboard.drain(1.0), 5)
        centre.queue_visits.close()
        assert (centre.cdrs(), list(centre.history.queue_visit_rows.values())) == ([], [])
        assert centre.directory.last_contacts(ORDINARY, 5) == []
        await end_work(centre)


async def test_callback_in_which_somebody_was_rung_is_on_record_at_a_stop() -> None:
    async with opened(plan(DialFirst.CUSTOMER)) as centre:
        centre.exchange()
        await centre.seat("1001")
        ask(centre, DialFirst.CUSTOMER)
        await centre.pass_time(1)
        await asyncio.wait_for(centre.switchboard.drain(1.0), 5)
        await centre.pass_time(1)
        row = centre.cdr()
        assert (row.outcome, row.end_cause, row.served_by) == (Outcome.SHUTDOWN, CallEnd.SHUTDOWN, None)
        await end_work(centre)
