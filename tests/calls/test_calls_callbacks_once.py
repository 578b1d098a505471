"""A number that calls, talks or was served is not called back: in every state, on every line, however it is written."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.calls.call_centre import (
    BOTH_TOLD_S,
    HOTLINE,
    ORDINARY,
    ORDINARY_KEPT,
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

from acdcore.calls.model.commands import LiveAgentState
from acdcore.calls.model.directory import Customer, Tier
from acdcore.calls.record.event_stream import ScreenPop, StreamEventKind
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.trunks.trunks import InboundRoute
from acdcore.kernel.ids import CustomerId
from acdcore.queues.settings import QueueSettings
from acdcore.work.callback_queue import CallbackSettings
from acdcore.work.model import DialFirst, WorkItem, WorkKind, WorkState

pytestmark = pytest.mark.looptime

DAY_S = 86_400.0


def plan(first: DialFirst = DialFirst.AGENT, *, abandoned: bool = True) -> Plan:
    """Two queues that call back those who hang up waiting, without wrap-up."""
    around = QueueRules(is_abandoned_called_back=abandoned, dial_first=first)
    return Plan(
        queues=(QueueSettings(SERVICE, ring_for_s=60.0, wrap_up_s=0.0), QueueSettings(SALES, wrap_up_s=0.0)),
        around={SERVICE: around, SALES: around},
        book=CallbackSettings(retry_after_s=(3600.0,)),
    )


def items(centre: CallCentre) -> list[WorkItem]:
    """The work items as they stand, oldest first."""
    return [rows[max(rows)].item for _, rows in sorted(centre.history.work_rows.items())]


def states(centre: CallCentre) -> list[WorkState]:
    return [item.state for item in items(centre)]


def dialled(centre: CallCentre) -> list[str]:
    """All numbers that were called."""
    rows = [row for _, row in sorted(centre.history.call_events.items())]
    return [str(row.detail["number"]) for row in rows if row.kind == "dialled"]


def ask(centre: CallCentre, number: str = ORDINARY_KEPT, *, at: datetime | None = None, subject: str = "") -> WorkItem:
    """Staff want a callback, as over HTTP."""
    wanted = WorkItem(
        id=centre.context.callback_scheduler.next_id(),
        kind=WorkKind.CALLBACK,
        queue=SERVICE,
        number=number,
        created_at=centre.clock.wall(),
        subject=subject,
        at=at,
    )
    return centre.operations.request_callback(wanted)


async def end_work(centre: CallCentre) -> None:
    """Staff take out what is still open, and calls end."""
    for item in centre.context.callback_scheduler.open_items():
        centre.operations.end_work(item.id, WorkState.CANCELLED, "staff")
    centre.switchboard.end_all()
    await centre.pass_time(1)
    for phone in centre.phones:
        if phone.rings:
            phone.refuse(480)
    await centre.pass_time(1)


async def served(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    """The agent takes the caller who comes next, and they talk."""
    await centre.pass_time(1)
    agent.answer()
    await centre.pass_time(BOTH_TOLD_S + 1)
    assert caller.is_up
    assert centre.state("1001") is LiveAgentState.TALKING


async def test_caller_who_hangs_up_a_second_call_while_the_first_talks_is_not_called_back() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        agent, first, second = await centre.seat("1001"), centre.caller(ORDINARY), centre.caller(ORDINARY)
        await centre.talk(agent, first)
        second.call(SERVICE_LINE)
        await centre.pass_time(30)
        second.hang_up()
        await centre.pass_time(30)
        assert [item for item in items(centre) if item.state is not WorkState.MERGED] == []
        agent.hang_up()
        await centre.pass_time(60)
        assert (dialled(centre), agent.rings) == ([], False)
        await end_work(centre)


async def test_caller_who_hangs_up_one_call_and_is_served_on_the_other_later_is_not_called_back() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        lost, redialled = centre.caller(ORDINARY), centre.caller(ORDINARY)
        lost.call(SERVICE_LINE)
        await centre.pass_time(20)
        redialled.call(SERVICE_LINE)
        await centre.pass_time(20)
        lost.hang_up()
        await centre.pass_time(20)
        agent = await centre.seat("1001")
        await served(centre, agent, redialled)
        assert states(centre) == [WorkState.MERGED]
        await centre.pass_time(60)
        agent.hang_up()
        await centre.pass_time(60)
        assert (dialled(centre), agent.rings) == ([], False)


async def test_caller_served_on_one_call_who_then_hangs_up_the_other_is_not_called_back() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        lost, redialled = centre.caller(ORDINARY), centre.caller(ORDINARY)
        lost.call(SERVICE_LINE)
        await centre.pass_time(10)
        redialled.call(SERVICE_LINE)
        await centre.pass_time(10)
        agent = await centre.seat("1001")
        await served(centre, agent, lost)
        lost.hang_up()
        await centre.pass_time(1)
        redialled.hang_up()
        await centre.pass_time(60)
        assert [item for item in items(centre) if item.state is not WorkState.MERGED] == []
        assert dialled(centre) == []


async def test_caller_served_by_another_queue_is_not_called_back_by_the_first() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        waiting = centre.caller(ORDINARY)
        waiting.call(SERVICE_LINE)
        await centre.pass_time(20)
        waiting.hang_up()
        await centre.pass_time(1)
        again = centre.caller(f"0{ORDINARY}")  # a gateway's zero before it
        again.call(HOTLINE)
        await centre.pass_time(2)
        centre.press("2")  # sales
        agent = await centre.seat("1001")
        await served(centre, agent, again)
        assert states(centre) == [WorkState.MERGED]
        again.hang_up()
        await centre.pass_time(60)
        assert dialled(centre) == []


async def test_number_that_is_in_a_menu_is_not_called_back_until_it_has_gone() -> None:
    async with opened(plan()) as centre:
        exchange = centre.exchange()
        ask(centre)
        caller = centre.caller(f"+86{ORDINARY}")
        caller.call(HOTLINE)
        await centre.pass_time(0.5)
        agent = await centre.seat("1001")
        await centre.pass_time(2)
        assert not agent.rings
        caller.hang_up()
        await centre.pass_time(20)
        assert agent.rings
        agent.answer()
        await centre.pass_time(3)
        assert exchange.rings
        await end_work(centre)


async def test_caller_who_hangs_up_at_once_is_not_called_back() -> None:
    async with opened(plan()) as centre:
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(0.4)
        caller.hang_up()
        await centre.pass_time(1)
        assert items(centre) == []


async def test_callback_that_rings_an_agent_is_withdrawn_by_the_customers_call_which_takes_its_place() -> None:
    async with opened(plan()) as centre:
        exchange = centre.exchange()
        wish = replace(ask(centre), priority_s=0.0)
        agent = await centre.seat("1001")
        await centre.pass_time(40)
        assert agent.rings
        caller = centre.caller(ORDINARY)
        caller.call(HOTLINE)
        await centre.pass_time(0.1)
        assert states(centre) == [WorkState.WAITING]
        await centre.pass_time(1)
        centre.press("1")
        await centre.pass_time(1)
        (queued,) = next(queue.waiting for queue in centre.context.acd.snapshot().queues if queue.queue == SERVICE)
        assert (queued.label, queued.waited_total_s > 40) == (ORDINARY_KEPT, True)
        await served(centre, agent, caller)
        assert [(item.id, item.state) for item in items(centre)] == [(wish.id, WorkState.MERGED)]
        agent.hang_up()
        await centre.pass_time(60)
        assert not exchange.rings
        assert dialled(centre) == []


@pytest.mark.parametrize("first", DialFirst)
async def test_callback_that_rings_the_customer_is_broken_off_by_the_customers_call(first: DialFirst) -> None:
    async with opened(plan(first)) as centre:
        exchange = centre.exchange()
        ask(centre)
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        if first is DialFirst.AGENT:
            agent.answer()
            await centre.pass_time(3)
        assert exchange.rings
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert not exchange.rings
        assert not agent.is_up
        assert states(centre) == [WorkState.WAITING]
        await served(centre, agent, caller)
        agent.hang_up()
        await centre.pass_time(60)
        assert states(centre) == [WorkState.MERGED]
        assert len(dialled(centre)) == 1


async def test_customer_who_calls_while_the_agent_hears_of_the_callback_is_not_dialled() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        ask(centre)
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(0.5)
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(10)
        assert dialled(centre) == []
        caller.hang_up()
        await end_work(centre)


async def test_customer_known_by_another_number_who_was_served_is_not_called_back() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        numbers = (ORDINARY, VIP)
        customer = Customer(CustomerId(7), "Two Numbers", Tier.STANDARD, "cmn", numbers, None, (), "", "", 1)
        centre.directory.put_customer(customer)
        waiting, other = centre.caller(ORDINARY), centre.caller(VIP)
        waiting.call(SERVICE_LINE)
        await centre.pass_time(20)
        waiting.hang_up()
        await centre.pass_time(1)
        other.call(SERVICE_LINE)
        agent = await centre.seat("1001")
        await served(centre, agent, other)
        assert states(centre) == [WorkState.MERGED]
        other.hang_up()
        await centre.pass_time(60)
        assert dialled(centre) == []


async def test_customer_whom_a_supervisor_hangs_up_on_while_waiting_is_still_to_be_called_back() -> None:
    async with opened(plan(abandoned=False)) as centre:
        wish = ask(centre)
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(20)
        (call,) = [each for each in centre.switchboard.calls.values() if each.caller is not None]
        centre.operations.hang_up(call.id, "supervisor")
        await centre.pass_time(20)
        assert [(item.id, item.state) for item in items(centre)] == [(wish.id, WorkState.QUEUED)]
        await end_work(centre)


async def test_customer_who_calls_again_in_vain_keeps_the_callback_with_its_attempts_and_all_the_time_waited() -> None:
    async with opened(plan()) as centre:
        wish = ask(centre)
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(100)
        caller.hang_up()
        await centre.pass_time(20)
        (item,) = items(centre)
        assert (item.id, item.created_at, item.state) == (wish.id, wish.created_at, WorkState.QUEUED)
        assert item.waited_s >= 100
        await end_work(centre)


async def test_callback_for_a_later_time_outlives_a_talk_and_is_made_at_its_time() -> None:
    async with opened(replace(plan(), book=CallbackSettings(expire_after_s=600.0))) as centre:
        exchange = centre.exchange()
        agent, caller = await centre.seat("1001"), centre.caller(ORDINARY)
        dated = ask(centre, at=centre.clock.wall() + timedelta(seconds=1_800))
        await centre.talk(agent, caller)
        caller.hang_up()
        await centre.pass_time(1_740)
        assert (states(centre), agent.rings) == ([WorkState.WAITING], False)
        await centre.pass_time(60)
        assert agent.rings
        agent.answer()
        await centre.pass_time(3)
        exchange.answer()
        await centre.pass_time(10)
        agent.hang_up()
        await centre.pass_time(1)
        assert [(item.id, item.state) for item in items(centre)] == [(dated.id, WorkState.DONE)]


async def test_callback_for_a_later_time_is_not_merged_with_the_wish_to_get_through() -> None:
    async with opened(plan()) as centre:
        tomorrow = centre.clock.wall() + timedelta(seconds=DAY_S)
        dated = ask(centre, at=tomorrow)
        assert ask(centre, at=tomorrow).id == dated.id  # asked for twice
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(30)
        caller.hang_up()
        await centre.pass_time(20)
        kept, wish = items(centre)
        assert (kept.id, kept.state, kept.at) == (dated.id, WorkState.WAITING, tomorrow)
        assert (wish.state, wish.at) == (WorkState.QUEUED, None)
        await end_work(centre)


async def test_callback_about_a_matter_is_shown_to_the_agent_who_has_the_customer_and_stays_until_closed() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        matter = ask(centre, subject="the refund is through")
        agent, caller = centre.employ("1001"), centre.caller(ORDINARY)
        seen = centre.event_stream.subscribe(limit=1000)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        agent = await centre.seat("1001")
        await served(centre, agent, caller)
        seen.close()
        pops = [event.data async for event in seen if event.kind is StreamEventKind.AGENT_OFFERED]
        assert isinstance(pops[-1], ScreenPop)
        assert [(item.id, item.subject) for item in pops[-1].open_work] == [(matter.id, "the refund is through")]
        assert states(centre) == [WorkState.WAITING]
        centre.operations.end_work(matter.id, WorkState.DONE, "1001")
        assert states(centre) == [WorkState.DONE]
        agent.hang_up()
        await centre.pass_time(60)
        assert dialled(centre) == []


async def test_pop_of_a_callback_shows_what_it_is_about() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        seen = centre.event_stream.subscribe(limit=1000)
        matter = ask(centre, subject="the refund is through")
        await centre.seat("1001")
        await centre.pass_time(1)
        seen.close()
        (pop,) = [event.data async for event in seen if event.kind is StreamEventKind.AGENT_OFFERED]
        assert isinstance(pop, ScreenPop)
        assert (pop.work, pop.open_work) == (centre.context.callback_scheduler.item(matter.id), ())
        await end_work(centre)


async def test_callback_that_staff_ask_for_rings_the_customer_first_where_the_queue_has_it_so() -> None:
    async with opened(plan(DialFirst.CUSTOMER)) as centre:
        exchange, agent = centre.exchange(), await centre.seat("1001")
        ask(centre)
        await centre.pass_time(1)
        assert (exchange.rings, agent.rings) == (True, False)
        await end_work(centre)


async def test_two_callbacks_of_one_customer_are_settled_by_one_talk() -> None:
    async with opened(plan()) as centre:
        exchange = centre.exchange()
        first = ask(centre)
        second = centre.operations.request_callback(
            replace(first, id=centre.context.callback_scheduler.next_id(), queue=SALES)
        )
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(3)
        exchange.answer()
        await centre.pass_time(10)
        agent.hang_up()
        await centre.pass_time(60)
        assert {item.id: item.state for item in items(centre)} == {
            first.id: WorkState.DONE,
            second.id: WorkState.MERGED,
        }
        assert len(dialled(centre)) == 1


async def test_customer_called_back_and_sent_to_another_queue_is_not_called_while_on_the_line() -> None:
    async with opened(plan()) as centre:
        exchange = centre.exchange()
        ask(centre)
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(3)
        exchange.answer()
        await centre.pass_time(5)
        (call,) = centre.switchboard.calls.values()
        centre.operations.requeue(call.id, SALES, "1001")
        await centre.pass_time(1)
        ask(centre)
        await centre.pass_time(30)
        assert states(centre) == [WorkState.DONE, WorkState.WAITING]
        assert len(dialled(centre)) == 1
        exchange.hang_up()
        await end_work(centre)


async def test_number_that_a_call_was_sent_on_to_is_not_called_back_meanwhile() -> None:
    async with opened(replace(plan(), routes=(InboundRoute("carrier", "95520", "outside"),))) as centre:
        exchange, caller = centre.exchange(), centre.caller(VIP)
        caller.call("95520")
        await centre.pass_time(2)
        exchange.answer()
        await centre.pass_time(2)
        ask(centre, "02155500")
        agent = await centre.seat("1001")
        await centre.pass_time(10)
        assert not agent.rings
        assert VIP_KEPT not in dialled(centre)
        caller.hang_up()
        await end_work(centre)


async def test_number_that_a_call_was_sent_on_to_is_called_back_when_the_caller_has_left_it() -> None:
    async with opened(replace(plan(), routes=(InboundRoute("carrier", "95520", "outside"),))) as centre:
        exchange, caller = centre.exchange(), centre.caller(VIP)
        caller.call("95520")
        await centre.pass_time(2)
        exchange.answer()
        await centre.pass_time(2)
        centre.operations.requeue(centre.live().id, SALES, "staff")
        await centre.pass_time(2)
        assert not exchange.is_up
        ask(centre, "02155500")
        await centre.pass_time(10)
        assert states(centre) == [WorkState.QUEUED]
        assert caller.is_up
        caller.hang_up()
        await end_work(centre)
