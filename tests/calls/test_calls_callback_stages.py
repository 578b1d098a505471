"""Callbacks at every stage at which somebody may go away: who is freed, who waits where, what is written down."""

import asyncio

import pytest
from tests.calls.call_centre import (
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
from tests.calls.the_flows import packaged_flows

from acdcore.calls.model.commands import AgentCommand, CallState, LiveAgentState, Seat, SeatKind
from acdcore.calls.model.rows import CallEnd, EndedBy
from acdcore.calls.record.event_stream import StreamEventKind
from acdcore.calls.routing_rules import QueueRules
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.settings import QueueSettings
from acdcore.sip.events import EndCause, SessionAnswered, SessionEnded, SipEvent
from acdcore.work.callback_queue import CallbackSettings
from acdcore.work.model import DialFirst, WorkItem, WorkKind, WorkState

pytestmark = pytest.mark.looptime

WHISPER_S = 3.0


def plan(first: DialFirst = DialFirst.AGENT, *, may_dial_out: bool = True, abandoned: bool = False) -> Plan:
    """Two queues; the service queue has the key for a callback."""
    around = QueueRules(keys={"1": "callback"}, dial_first=first, is_abandoned_called_back=abandoned)
    return Plan(
        queues=(
            QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0),
            QueueSettings(SALES, ring_for_s=15.0, wrap_up_s=10.0),
        ),
        flows=packaged_flows("callback"),
        around={SERVICE: around},
        may_dial_out=may_dial_out,
        book=CallbackSettings(retry_after_s=(3600.0,)),
    )


def ask(centre: CallCentre, first: DialFirst = DialFirst.AGENT, waited_s: float = 0.0) -> None:
    """Staff ask for a callback."""
    centre.operations.request_callback(
        WorkItem(
            id=centre.context.callback_scheduler.next_id(),
            kind=WorkKind.CALLBACK,
            queue=SERVICE,
            number=ORDINARY,
            created_at=centre.clock.wall(),
            dial_first=first,
            waited_s=waited_s,
        )
    )


def item(centre: CallCentre) -> WorkItem:
    """The one item as it stands."""
    (rows,) = centre.history.work_rows.values()
    return rows[max(rows)].item


async def end_work(centre: CallCentre) -> None:
    """Staff take out what is still open."""
    for open_item in centre.context.callback_scheduler.open_items():
        centre.operations.end_work(open_item.id, WorkState.CANCELLED, "staff")
    await centre.pass_time(1)


async def reach_customer(centre: CallCentre) -> tuple[Phone, Phone]:
    """The agent talks to the customer of an agent-first callback; their phones."""
    exchange, agent = centre.exchange(), await centre.seat("1001")
    ask(centre)
    await centre.pass_time(1)
    agent.answer()
    await centre.pass_time(WHISPER_S)
    exchange.answer()
    await centre.pass_time(5)
    return exchange, agent


async def test_customer_who_was_called_back_can_be_sent_to_another_queue() -> None:
    async with opened(plan()) as centre:
        exchange, agent = await reach_customer(centre)
        centre.operations.requeue(centre.live().id, SALES, "1001")
        await centre.pass_time(1)
        assert (exchange.is_up, agent.is_up) == (True, False)
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        live = centre.live().view
        assert (live.state, live.queue, live.agent) == (CallState.WAITING, SALES, None)
        assert item(centre).state is WorkState.DONE
        exchange.hang_up()
        await centre.pass_time(1)


async def test_line_of_a_callback_is_free_when_nobody_answers_and_the_agent_wraps_up() -> None:
    async with opened(plan()) as centre:
        exchange, agent = centre.exchange(), await centre.seat("1001")
        ask(centre)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(WHISPER_S)
        exchange.refuse(486)
        await centre.pass_time(10)
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        assert centre.ledger() == {}
        record = centre.cdr()
        assert (record.outcome, record.agent, item(centre).state) == (Outcome.UNANSWERED, "1001", WorkState.WAITING)
        await end_work(centre)


@pytest.mark.parametrize("stage_s", [0.5, WHISPER_S + 1])
async def test_agent_who_hangs_up_before_the_customer_answers_costs_no_attempt(stage_s: float) -> None:
    async with opened(plan()) as centre:
        exchange, agent = centre.exchange(), await centre.seat("1001")
        ask(centre)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(stage_s)
        agent.hang_up()
        await centre.pass_time(1)
        assert not exchange.rings
        assert (item(centre).state, item(centre).attempts) == (WorkState.WAITING, 0)
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        await end_work(centre)


async def test_agent_and_customer_who_hang_up_at_once_have_talked_and_nobody_is_called_again() -> None:
    async with opened(plan()) as centre:
        exchange, agent = await reach_customer(centre)
        agent.hang_up()
        exchange.hang_up()
        await centre.pass_time(1)
        assert (item(centre).state, item(centre).attempts) == (WorkState.DONE, 1)
        assert centre.cdr().outcome is Outcome.ANSWERED


async def test_message_is_not_heard_by_an_agent_who_hangs_up_in_the_moment_of_answering() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        agent = await centre.seat("1001")
        centre.context.callback_scheduler.request(
            WorkItem(
                id=centre.context.callback_scheduler.next_id(),
                kind=WorkKind.VOICEMAIL,
                queue=SERVICE,
                number=ORDINARY,
                created_at=centre.clock.wall(),
                is_reply_wanted=False,
            )
        )
        await centre.pass_time(1)

        def hang_up(event: SipEvent) -> None:
            if isinstance(event, SessionAnswered):  # in the same turn as the answer, before the script has read it
                centre.leg(centre.live(), "agent").on_ended(SessionEnded(event.session, EndCause.BYE))

        centre.after_sip = hang_up
        agent.answer()
        await centre.pass_time(60)
        assert item(centre).state is WorkState.WAITING
        assert centre.state("1001") is LiveAgentState.READY
        agent.hang_up()
        await end_work(centre)


async def test_agent_who_does_not_come_is_set_aside_and_the_customer_keeps_the_place() -> None:
    async with opened(plan()) as centre:
        exchange, agent = centre.exchange(), await centre.seat("1001")
        ask(centre, DialFirst.CUSTOMER, waited_s=300.0)
        await centre.pass_time(1)
        exchange.answer()
        await centre.pass_time(1)
        assert agent.rings
        agent.refuse(486)
        await centre.pass_time(1)
        (queued,) = next(queue.waiting for queue in centre.context.acd.snapshot().queues if queue.queue == SERVICE)
        assert queued.waited_total_s > 300
        assert centre.live().view.agent is None
        await centre.pass_time(15)
        live = centre.operations.agent(AgentId("1001"))
        assert (live.state, live.reason) == (LiveAgentState.NOT_READY, "missed")
        exchange.hang_up()
        await centre.pass_time(1)


async def test_reserved_agent_is_rung_at_the_seat() -> None:
    async with opened(plan(DialFirst.CUSTOMER)) as centre:
        exchange, own = centre.exchange(), centre.employ("1001")
        own.register("password of 1001")
        phone_1009 = centre.employ("1009")
        phone_1009.register("password of 1009")
        await centre.pass_time(0.1)
        seat = Seat(SeatKind.PHONE, "1009")
        centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, seat)
        centre.command("1001", AgentCommand.READY)
        ask(centre, DialFirst.CUSTOMER)
        await centre.pass_time(1)
        exchange.answer()
        await centre.pass_time(1)
        assert (phone_1009.rings, own.rings) == (True, False)
        exchange.hang_up()
        await centre.pass_time(1)


async def test_reserved_agents_number_outside_is_dialled() -> None:
    async with opened(plan(DialFirst.CUSTOMER)) as centre:
        exchange, own = centre.exchange(), centre.employ("1001")
        own.register("password of 1001")
        await centre.pass_time(0.1)
        seat = Seat(SeatKind.NUMBER, "02155511")
        centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, seat)
        centre.command("1001", AgentCommand.READY)
        ask(centre, DialFirst.CUSTOMER)
        await centre.pass_time(1)
        exchange.answer()
        await centre.pass_time(1)
        assert not own.rings
        assert [line.split(maxsplit=1)[1] for line in centre.call_history() if "dialled" in line] == [
            f"dialled {ORDINARY_KEPT}",
            "dialled 02155511",
        ]
        centre.switchboard.end_all()
        await centre.pass_time(1)
        if exchange.rings:
            exchange.refuse(480)
        await centre.pass_time(1)
        await end_work(centre)


@pytest.mark.parametrize("key", ["1", ""])
async def test_reserved_agent_at_an_outside_number_has_to_press_the_key(key: str) -> None:
    async with opened(plan(DialFirst.CUSTOMER)) as centre:
        exchange = centre.exchange()
        centre.employ("1001")
        seat = Seat(SeatKind.NUMBER, "02155511")
        centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, seat)
        centre.command("1001", AgentCommand.READY)
        ask(centre, DialFirst.CUSTOMER)
        await centre.pass_time(1)
        exchange.answer()
        await centre.pass_time(1)
        exchange.answer()  # now the agent's number: the exchange's second call
        await centre.pass_time(0.2)
        customer, agent = centre.leg(centre.live(), "caller"), centre.leg(centre.live(), "agent")
        asked = centre.context.prompts.system(SystemPrompt.PRESS_TO_TAKE, Language.MANDARIN)
        assert centre.engine.hears(agent.stream) == asked
        if key:
            centre.engine.press(agent.stream, key)
        await centre.pass_time(21)  # for the key, and for the wrap-up
        if key:
            assert centre.engine.hears(customer.stream) == agent.stream
        else:
            assert centre.operations.agent(AgentId("1001")).reason == "missed"
            assert centre.live().view.state is CallState.WAITING
        centre.switchboard.end_all()
        await centre.pass_time(1)
        await end_work(centre)


async def test_record_of_a_customer_who_was_rung_in_vain_names_the_agent_who_was_kept() -> None:
    async with opened(plan(DialFirst.CUSTOMER)) as centre:
        exchange, _ = centre.exchange(), await centre.seat("1001")
        seen = centre.event_stream.subscribe(limit=1000)
        ask(centre, DialFirst.CUSTOMER)
        await centre.pass_time(2)
        live = centre.live().view
        assert (live.state, live.agent) == (CallState.TALKING, "1001")
        await centre.pass_time(8)
        exchange.refuse(480)
        await centre.pass_time(1)
        record = centre.cdr()
        assert (record.outcome, record.agent) == (Outcome.UNANSWERED, "1001")
        assert (record.wait_s, record.ring_s, record.talk_s) == (0.0, 0.0, 0.0)
        seen.close()
        kinds = [event.kind async for event in seen]
        assert kinds.count(StreamEventKind.AGENT_OFFERED) == kinds.count(StreamEventKind.OFFER_ENDED) == 1
        await end_work(centre)


async def test_offer_to_an_agent_who_goes_before_being_kept_is_taken_back() -> None:
    async with opened(plan(DialFirst.CUSTOMER)) as centre:
        centre.exchange()
        await centre.seat("1001")
        seen = centre.event_stream.subscribe(limit=1000)
        centre.command("1001", AgentCommand.NOT_READY)
        ask(centre, DialFirst.CUSTOMER)
        await centre.pass_time(1)
        centre.command("1001", AgentCommand.READY)
        centre.command("1001", AgentCommand.NOT_READY)
        await centre.pass_time(1)
        seen.close()
        events = [event async for event in seen]
        offers = [event for event in events if event.kind is StreamEventKind.AGENT_OFFERED]
        overs = [event for event in events if event.kind is StreamEventKind.OFFER_ENDED]
        assert (len(offers), len(overs)) == (1, 1)
        assert centre.live().view.state is CallState.WAITING
        assert centre.live().view.agent is None
        await end_work(centre)


async def test_no_callback_is_promised_where_no_trunk_may_dial_out() -> None:
    async with opened(plan(may_dial_out=False, abandoned=True)) as centre:
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(30)
        for key in "111":
            centre.press(key)
            await centre.pass_time(1)
        await centre.pass_time(10)
        if caller.is_up:
            caller.hang_up()
        await centre.pass_time(1)
        assert not centre.history.work_rows
        assert centre.cdr().outcome is Outcome.ABANDONED_QUEUE


async def test_caller_who_hangs_up_while_a_phone_rings_is_called_back_too() -> None:
    async with opened(plan(abandoned=True)) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        assert agent.rings
        centre.command("1001", AgentCommand.NOT_READY)
        centre.command("1001", AgentCommand.READY)
        await centre.pass_time(1)
        caller.hang_up()
        await centre.pass_time(1)
        assert item(centre).number == ORDINARY_KEPT
        await end_work(centre)


async def test_stop_lets_a_held_talk_with_a_called_back_customer_go_on_and_ends_what_only_waits() -> None:
    async with opened(plan()) as centre:
        exchange, agent = await reach_customer(centre)
        agent.hold()
        await centre.pass_time(1)
        assert centre.live().view.state is CallState.HELD
        stopping = asyncio.ensure_future(centre.switchboard.drain(4.0))
        await centre.pass_time(3)
        assert exchange.is_up
        await stopping
        assert (centre.cdr().outcome, centre.cdr().end_cause) == (Outcome.ANSWERED, CallEnd.SHUTDOWN)
        assert item(centre).state is WorkState.DONE


async def test_stop_breaks_a_waiting_callback_off_and_the_book_keeps_it() -> None:
    async with opened(plan()) as centre:
        ask(centre)
        await centre.pass_time(1)
        await centre.switchboard.drain(4.0)
        assert centre.cdrs() == []
        assert item(centre).state is WorkState.WAITING
        await end_work(centre)


async def test_talk_of_a_callback_that_the_agent_ends_is_recorded_so() -> None:
    async with opened(plan()) as centre:
        _, agent = await reach_customer(centre)
        agent.hang_up()
        await centre.pass_time(1)
        assert centre.cdr().ended_by is EndedBy.AGENT


async def test_caller_and_callback_in_one_queue_are_served_by_the_time_that_each_has_waited() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        ask(centre, waited_s=60.0)
        early = centre.caller(VIP)
        early.call(SERVICE_LINE)
        await centre.pass_time(20)
        assert order(centre, SERVICE) == [ORDINARY, VIP_KEPT]
        early.hang_up()
        await end_work(centre)


def order(centre: CallCentre, queue: QueueName) -> list[str]:
    """Who waits there, by position."""
    return [each.label for view in centre.context.acd.snapshot().queues if view.queue == queue for each in view.waiting]


async def test_nobody_is_called_back_before_the_own_line_is_free_and_the_place_is_kept_meanwhile() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(60)
        for key in "111":
            centre.press(key)
            await centre.pass_time(1)
        agent = await centre.seat("1001")
        await centre.pass_time(2)
        assert not agent.rings
        await centre.pass_time(7)
        assert agent.rings
        assert not caller.is_up
        (queued,) = next(queue.waiting for queue in centre.context.acd.snapshot().queues if queue.queue == SERVICE)
        assert queued.waited_total_s > 70
        await end_work(centre)


@pytest.mark.parametrize("does_come", [True, False])
async def test_customer_who_is_sent_on_while_the_reserved_agent_is_rung_goes_there(does_come: bool) -> None:
    async with opened(plan()) as centre:
        exchange, agent = centre.exchange(), await centre.seat("1001")
        ask(centre, DialFirst.CUSTOMER)
        await centre.pass_time(1)
        exchange.answer()
        await centre.pass_time(1)
        centre.operations.requeue(centre.live().id, SALES, "supervisor")
        if does_come:
            agent.answer()
        else:
            agent.refuse(486)
        await centre.pass_time(1)
        assert centre.live().view.queue == SALES
        assert not agent.is_up
        exchange.hang_up()
        await centre.pass_time(1)
