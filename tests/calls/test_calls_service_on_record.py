"""Whoever served a caller stays on record, however the call went on and ended."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.calls.house import (
    CLIP_S,
    ORDINARY,
    OUTSIDE,
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
from tests.calls.test_calls_callback_stages import ask, end_work, plan, reach_customer

from acdcore.calls.model.commands import AgentCommand
from acdcore.calls.model.ports import CallFilter
from acdcore.calls.model.rows import CallEnd, CdrRow
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.scripts.preferred_agent import preferred_agent
from acdcore.calls.trunks.capacity import LineSettings
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.queues.settings import QueueSettings
from acdcore.work.model import DialFirst

pytestmark = pytest.mark.looptime

Cut = Callable[[House, Phone, Phone], Awaitable[None]]
TWO_QUEUES = (
    QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0),
    QueueSettings(SALES, ring_for_s=15.0, wrap_up_s=10.0),
)
ANSWER_WITHIN_S = 20.0
"""What is left of the 30 s without a sign of life when a party is asked for one."""
STICKY = Plan(queues=TWO_QUEUES, around={SERVICE: QueueRules(sticky_within_days=7)})


async def falls_silent_for_good(house: House, side: str, phone: Phone) -> None:
    """The phone sends nothing more, and does not answer when it is asked whether it is there."""
    house.engine.fall_silent(house.leg(house.live(), side).stream)
    house.cable.unplugged.add(phone.address)
    await house.pass_time(ANSWER_WITHIN_S + 1)
    house.cable.unplugged.clear()


async def caller_falls_silent(house: House, agent: Phone, caller: Phone) -> None:
    await falls_silent_for_good(house, "caller", caller)


async def staff_hang_up(house: House, agent: Phone, caller: Phone) -> None:
    house.operations.hang_up(house.live().id, "supervisor")


async def daemon_stops(house: House, agent: Phone, caller: Phone) -> None:
    house.switchboard.end_all()


async def outside_is_busy(house: House, agent: Phone, caller: Phone) -> None:
    exchange = house.exchange()
    house.operations.send_to_flow(house.live().id, "outside", "1001")
    await house.pass_time(1)
    exchange.refuse(486)
    await house.pass_time(1)


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
    async with opened(STICKY) as house:
        agent, caller = await house.seat("1001"), house.caller(VIP)
        await house.talk(agent, caller)
        await cut(house, agent, caller)
        await house.pass_time(1)
        row = house.cdr()
        assert (row.outcome, row.end_cause, row.served_by) == (Outcome.ANSWERED, end_cause, "1001")
        (contact,) = house.directory.last_contacts(VIP_KEPT, 5)
        assert (contact.agent, contact.outcome) == ("1001", Outcome.ANSWERED)
        house.command("1001", AgentCommand.NOT_READY)
        again = house.caller(VIP)
        again.call(SERVICE_LINE)
        await house.pass_time(1)
        assert preferred_agent(house.live(), house.hall, SERVICE) == "1001"
        again.hang_up()
        await house.pass_time(1)


@pytest.mark.parametrize("cut", [caller_falls_silent, staff_hang_up, daemon_stops])
async def test_call_that_is_cut_short_in_the_queue_was_served_by_nobody(cut: Cut) -> None:
    async with opened() as house:
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(3)
        await cut(house, caller, caller)
        await house.pass_time(1)
        row = house.cdr()
        assert (row.outcome.value, row.end_cause, row.served_by) == (row.end_cause, CUTS[cut], None)
        assert parts(row) == [("queue", SERVICE, CUTS[cut].value)]


async def test_transferred_call_is_found_by_both_agents_and_both_queues() -> None:
    async with opened(STICKY) as house:
        first, caller = await house.seat("1001"), house.caller(VIP)
        await house.talk(first, caller)
        house.operations.requeue(house.live().id, SALES, "1001")
        await house.pass_time(1)
        second = await house.seat("1002")
        await house.pass_time(3)
        second.answer()
        await house.pass_time(9)
        caller.hang_up()
        await house.pass_time(1)
        row = house.cdr()
        assert parts(row) == [
            ("queue", SERVICE, "answered"),
            ("agent", "1001", "transferred"),
            ("queue", SALES, "answered"),
            ("agent", "1002", "caller_hung_up"),
        ]
        assert row.talk_s == pytest.approx(sum(part.talk_s for part in row.segments), abs=0.002)
        for agent in ("1001", "1002"):
            assert await house.history.calls(CallFilter(agent=AgentId(agent))) == [row]
        for queue in (SERVICE, SALES):
            assert await house.history.calls(CallFilter(queue=queue)) == [row]


async def test_caller_who_gives_up_waiting_for_the_second_agent_was_served_by_the_first() -> None:
    async with opened(STICKY) as house:
        agent, caller = await house.seat("1001"), house.caller(VIP)
        await house.talk(agent, caller)
        house.operations.requeue(house.live().id, SALES, "1001")
        await house.pass_time(5)
        caller.hang_up()
        await house.pass_time(1)
        row = house.cdr()
        assert (row.outcome, row.end_cause, row.served_by) == (Outcome.ABANDONED_QUEUE, CallEnd.HUNG_UP, "1001")
        assert parts(row)[-2:] == [("agent", "1001", "transferred"), ("queue", SALES, "abandoned")]
        assert house.directory.last_contacts(VIP_KEPT, 5)[0].agent == "1001"


async def test_number_outside_is_a_part_of_the_call_whether_it_answers_or_not() -> None:
    async with opened(STICKY) as house:
        agent, caller = await house.seat("1001"), house.caller(VIP)
        await house.talk(agent, caller)
        await outside_is_busy(house, agent, caller)
        assert parts(house.cdr())[-1] == ("outside", OUTSIDE, "unanswered")
        assert house.cdr().segments[-1].trunk == "carrier"


async def test_agent_whose_audio_is_lost_has_not_hung_up() -> None:
    async with opened(STICKY) as house:
        agent, caller = await house.seat("1001"), house.caller(VIP)
        await house.talk(agent, caller)
        await falls_silent_for_good(house, "agent", agent)
        if caller.is_up:
            caller.hang_up()
            await house.pass_time(1)
        assert ("agent", "1001", "media_lost") in parts(house.cdr())
        assert house.cdr().served_by == "1001"


# --- turned away at the door ---


async def hangs_up_at_once(house: House, caller: Phone) -> None:
    caller.hang_up()


async def hangs_up_in_the_announcement(house: House, caller: Phone) -> None:
    await house.pass_time(0.2)
    assert caller.is_up
    caller.hang_up()


async def is_hung_up_by_staff(house: House, caller: Phone) -> None:
    await house.pass_time(0.2)
    house.operations.hang_up(max(house.switchboard.calls), "supervisor")


async def is_cut_off_by_the_stop(house: House, caller: Phone) -> None:
    await house.pass_time(0.2)
    house.switchboard.end_all()


async def falls_silent(house: House, caller: Phone) -> None:
    await house.pass_time(0.2)
    call = house.switchboard.calls[max(house.switchboard.calls)]
    house.engine.fall_silent(house.leg(call, "caller").stream)


async def hears_all_of_it(house: House, caller: Phone) -> None:
    await house.pass_time(0.2)


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
    leave: Callable[[House, Phone], Awaitable[None]],
) -> None:
    async with opened(Plan(lines=LineSettings(limit=1, reserve=1))) as house:
        first, second = house.caller(VIP), house.caller(ORDINARY)
        first.call(SERVICE_LINE)
        await house.pass_time(0.1)
        second.call(SERVICE_LINE)
        await leave(house, second)
        await house.pass_time(3)
        assert [row.outcome for row in house.cdrs() if row.caller != VIP_KEPT] == [Outcome.REFUSED_LINES]
        if first.is_up:
            first.hang_up()
            await house.pass_time(1)


# --- callbacks ---


async def test_talk_of_a_callback_counts_from_the_customers_answer_and_its_trunk_is_the_one_that_was_used() -> None:
    async with opened(plan()) as house:
        exchange, _ = await reach_customer(house)  # who answers after the whisper, and is there for five seconds
        exchange.hang_up()
        await house.pass_time(1)
        row = house.cdr()
        assert (row.trunk, row.outcome, row.served_by) == ("carrier", Outcome.ANSWERED, "1001")
        assert row.talk_s == pytest.approx(5 - 3 * CLIP_S, abs=0.2), "from when the customer has heard who calls"
        assert parts(row) == [("queue", SERVICE, "answered"), ("agent", "1001", "caller_hung_up")]


@pytest.mark.parametrize("first", DialFirst)
async def test_customer_who_was_rung_in_vain_was_served_by_nobody(first: DialFirst) -> None:
    async with opened(plan(first)) as house:
        exchange, agent = house.exchange(), await house.seat("1001")
        ask(house, first)
        await house.pass_time(1)
        if first is DialFirst.AGENT:
            agent.answer()
            await house.pass_time(3)
        exchange.refuse(486)
        await house.pass_time(10)
        row = house.cdr()
        assert (row.outcome, row.end_cause, row.served_by) == (Outcome.UNANSWERED, CallEnd.UNANSWERED, None)
        assert (row.trunk, row.talk_s, parts(row)[-1]) == ("carrier", 0.0, ("agent", "1001", "unanswered"))
        assert await house.history.calls(CallFilter(agent=AgentId("1001"))) == [row]
        assert house.directory.last_contacts(row.caller, 5)[0].agent is None
        await end_work(house)


# --- the stop ---


async def test_callback_that_waits_at_a_stop_leaves_no_record_of_a_call_that_nobody_had() -> None:
    async with opened(plan()) as house:
        ask(house)
        await house.pass_time(1)
        assert house.live().view.queue == SERVICE
        await asyncio.wait_for(house.switchboard.drain(1.0), 5)
        house.stays.close()
        assert (house.cdrs(), list(house.history.stay_rows.values())) == ([], [])
        assert house.directory.last_contacts(ORDINARY, 5) == []
        await end_work(house)


async def test_callback_in_which_somebody_was_rung_is_on_record_at_a_stop() -> None:
    async with opened(plan(DialFirst.CUSTOMER)) as house:
        house.exchange()
        await house.seat("1001")
        ask(house, DialFirst.CUSTOMER)
        await house.pass_time(1)
        await asyncio.wait_for(house.switchboard.drain(1.0), 5)
        await house.pass_time(1)
        row = house.cdr()
        assert (row.outcome, row.end_cause, row.served_by) == (Outcome.SHUTDOWN, CallEnd.SHUTDOWN, None)
        await end_work(house)
