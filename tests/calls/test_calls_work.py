"""Callbacks and messages from the caller's key to the talk: who is called when, once, and what is written down."""

from dataclasses import replace

import pytest
from tests.calls.house import BOTH_TOLD_S, ORDINARY, ORDINARY_KEPT, SERVICE, SERVICE_LINE, VIP, House, Plan, opened
from tests.calls.the_flows import packaged_flows

from acdcore.calls.model.commands import AgentState, CallState
from acdcore.calls.model.history import MessageDropped, MessageRefused
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.trunks.trunks import Route
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import Outcome
from acdcore.media.model import Speech
from acdcore.queues.settings import QueueSettings
from acdcore.recording.events import DiskAlarm
from acdcore.work.book import BookSettings
from acdcore.work.model import DialFirst, WorkItem, WorkKind, WorkState

pytestmark = pytest.mark.looptime

MAILBOX = "95510"
"""Straight into the flow that takes messages."""
PROMPTS_S = 10.0
"""Longer than anything that is said in these flows before a key is expected."""


def plan(*, first: DialFirst = DialFirst.AGENT, abandoned: bool = False, recorded: bool = True) -> Plan:
    """A service queue whose callers may press 1 for a callback, and a number for messages."""
    around = QueueRules(keys={"1": "callback"}, is_abandoned_called_back=abandoned, dial_first=first)
    return Plan(
        queues=(QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0),),
        is_recorded=recorded,
        flows=packaged_flows("callback", "voicemail"),
        around={SERVICE: around},
        routes=(Route("carrier", MAILBOX, "voicemail"),),
        book=BookSettings(retry_after_s=(60.0,)),
    )


def items(house: House) -> list[WorkItem]:
    """The work items as they stand, oldest first."""
    return [rows[max(rows)].item for _, rows in sorted(house.history.work_rows.items())]


async def ask_for_callback(house: House, number: str = ORDINARY) -> None:
    """A caller waits a minute, presses 1, and has the own number confirmed."""
    caller = house.caller(number)
    caller.call(SERVICE_LINE)
    await house.pass_time(60)
    for key in "111":
        house.press(key)
        await house.pass_time(1)
    await house.pass_time(PROMPTS_S)
    assert not caller.is_up


async def end_work(house: House) -> None:
    """Staff take out what is still open."""
    for item in house.hall.workbench.open_items():
        house.operations.end_work(item.id, WorkState.CANCELLED, "staff")
    await house.pass_time(1)


async def test_waiting_caller_who_asks_for_a_callback_is_called_by_the_next_agent() -> None:
    async with opened(plan()) as house:
        exchange = house.exchange()
        await ask_for_callback(house)
        assert house.cdr().outcome is Outcome.CALLBACK
        agent = await house.seat("1001")
        await house.pass_time(1)
        assert agent.rings
        agent.answer()
        await house.pass_time(5)
        assert exchange.rings
        exchange.answer()
        await house.pass_time(30)
        assert house.state("1001") is AgentState.TALKING
        agent.hang_up()
        await house.pass_time(1)
        assert not exchange.is_up
        (item,) = items(house)
        assert (item.state, item.attempts, item.agent) == (WorkState.DONE, 1, "1001")
        assert item.waited_s > 60
        record = house.cdrs()[-1]
        assert (record.outcome, record.direction, record.caller) == (Outcome.ANSWERED, "outbound", ORDINARY_KEPT)
        assert record.recording


async def test_caller_who_asked_for_a_callback_keeps_the_place_before_those_who_came_later() -> None:
    async with opened(plan()) as house:
        house.exchange()
        await ask_for_callback(house)
        later = house.caller(VIP)
        later.call(SERVICE_LINE)
        await house.pass_time(5)
        agent = await house.seat("1001")
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(1)
        assert house.state("1001") is AgentState.TALKING
        assert [call.view.caller for call in house.switchboard.calls.values() if call.view.agent] == [ORDINARY_KEPT]
        agent.hang_up()
        await house.pass_time(1)
        later.hang_up()
        await house.pass_time(300)
        (item,) = items(house)
        assert item.state is not WorkState.DONE  # the agent hung up before the customer answered: tried again
        await end_work(house)


async def test_customer_who_calls_again_is_not_called_back_and_has_the_place_again() -> None:
    async with opened(plan()) as house:
        await ask_for_callback(house)
        again = house.caller(ORDINARY)
        again.call(SERVICE_LINE)
        await house.pass_time(1)
        (item,) = items(house)
        assert item.state is WorkState.WAITING  # settled by getting through, not by calling
        (view,) = next(queue.waiting for queue in house.hall.acd.snapshot().queues if queue.queue == SERVICE)
        assert view.waited_in_all_s > 60
        agent = await house.seat("1001")
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(BOTH_TOLD_S + 1)
        again.hang_up()
        await house.pass_time(1)
        assert [each.state for each in items(house)] == [WorkState.MERGED]


async def test_customer_who_calls_again_and_hangs_up_waiting_is_called_back_after_all() -> None:
    async with opened(plan()) as house:
        await ask_for_callback(house)
        again = house.caller(ORDINARY)
        again.call(SERVICE_LINE)
        await house.pass_time(5)
        (called,) = items(house)
        again.hang_up()
        await house.pass_time(10)
        (kept,) = items(house)
        assert (called.state, kept.state) == (WorkState.WAITING, WorkState.QUEUED)
        assert kept.waited_s >= called.waited_s > 60
        assert (kept.id, kept.created_at) == (called.id, called.created_at)
        await end_work(house)


async def test_customer_who_does_not_answer_is_tried_again_later_and_then_given_up() -> None:
    async with opened(replace(plan(), book=BookSettings(max_attempts=2, retry_after_s=(65.0,)))) as house:
        exchange = house.exchange()
        await ask_for_callback(house)
        agent = await house.seat("1001")
        for _ in range(2):
            await house.pass_time(1)
            assert agent.rings
            agent.answer()
            await house.pass_time(5)
            exchange.refuse(480)
            await house.pass_time(65)
        (item,) = items(house)
        assert (item.state, item.attempts) == (WorkState.GIVEN_UP, 2)


async def test_customer_is_rung_first_where_the_queue_has_it_so() -> None:
    async with opened(plan(first=DialFirst.CUSTOMER)) as house:
        exchange = house.exchange()
        await ask_for_callback(house)
        agent = await house.seat("1001")
        await house.pass_time(1)
        assert exchange.rings
        assert not agent.rings
        exchange.answer()
        await house.pass_time(1)
        assert agent.rings
        agent.answer()
        await house.pass_time(20)
        exchange.hang_up()
        await house.pass_time(1)
        assert not agent.is_up
        assert items(house)[0].state is WorkState.DONE
        assert house.cdrs()[-1].outcome is Outcome.ANSWERED


async def test_caller_who_hangs_up_waiting_is_called_back_where_the_queue_has_it_so() -> None:
    async with opened(plan(abandoned=True)) as house:
        caller = house.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await house.pass_time(30)
        caller.hang_up()
        await house.pass_time(1)
        (item,) = items(house)
        assert (item.kind, item.number, item.queue) == (WorkKind.CALLBACK, ORDINARY_KEPT, SERVICE)
        assert house.cdr().outcome is Outcome.ABANDONED_QUEUE
        await end_work(house)


async def test_message_is_heard_by_an_agent_who_calls_back_by_key() -> None:
    async with opened(plan()) as house:
        exchange = house.exchange()
        caller = house.caller(ORDINARY)
        caller.call(MAILBOX)
        await house.pass_time(4)
        house.press("2")  # an order
        await house.pass_time(1)
        house.press("1")  # a reply is wanted
        await house.pass_time(1)
        house.press("1")  # the number is right
        await house.pass_time(20)
        house.press("#")
        await house.pass_time(1)
        house.press("1")  # send
        await house.pass_time(PROMPTS_S)
        assert house.cdr().outcome is Outcome.VOICEMAIL
        (item,) = items(house)
        assert (item.kind, item.subject, item.is_reply_wanted, item.number) == (
            WorkKind.VOICEMAIL,
            "order",
            True,
            ORDINARY_KEPT,
        )
        assert item.recording
        agent = await house.seat("1001")
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(5)
        house.engine.press(house.leg(house.live(), "agent").stream, "1")
        await house.pass_time(5)
        exchange.answer()
        await house.pass_time(10)
        exchange.hang_up()
        await house.pass_time(1)
        assert items(house)[0].state is WorkState.DONE


async def test_message_is_kept_when_the_caller_hangs_up_in_the_middle_of_it() -> None:
    async with opened(plan()) as house:
        caller = house.caller(ORDINARY)
        caller.call(MAILBOX)
        await house.pass_time(4)
        for key in "211":
            house.press(key)
            await house.pass_time(1)
        await house.pass_time(20)
        caller.hang_up()
        await house.pass_time(1)
        (item,) = items(house)
        assert item.recording
        assert house.cdr().outcome is Outcome.ABANDONED_FLOW or house.cdr().outcome is Outcome.VOICEMAIL
        agent = await house.seat("1001")
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(5)
        house.engine.press(house.leg(house.live(), "agent").stream, "3")
        await house.pass_time(15)
        assert items(house)[0].state is WorkState.DONE


async def test_caller_who_declines_the_callback_waits_on_at_the_same_place() -> None:
    async with opened(plan()) as house:
        caller, later = house.caller(ORDINARY), house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(60)
        call = house.live()
        later.call(SERVICE_LINE)
        await house.pass_time(1)
        assert call.caller is not None
        for key in "12":
            house.engine.press(call.caller.stream, key)
            await house.pass_time(2)
        agent = await house.seat("1001")
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(BOTH_TOLD_S + 1)
        assert call.view.agent == "1001"
        assert "stepped_back" in " ".join(house.story(0))
        caller.hang_up()
        later.hang_up()
        await house.pass_time(1)


@pytest.mark.parametrize(
    ("numbers", "keys", "number"),
    [
        ((), "11", ORDINARY_KEPT),  # a callback: at the own number, confirmed once
        ((), "12", ""),  # the own number or none: no other is asked for
        (("1",), "1216890000001#1", "16890000001"),
        (("1",), "11", ORDINARY_KEPT),
        (("020",), "1102088880000#1", "+862088880000"),  # the own number is not among them, and not offered
        (("020",), f"11{ORDINARY}#1", ""),
    ],
)
async def test_callers_are_offered_and_get_only_callbacks_to_numbers_that_a_rule_allows(
    numbers: tuple[str, ...], keys: str, number: str
) -> None:
    async with opened(replace(plan(), callback_numbers=numbers)) as house:
        caller = house.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await house.pass_time(5)
        for key in keys:
            house.press(key)
            await house.pass_time(1)
        await house.pass_time(1)
        assert [item.number.removeprefix("+86") for item in items(house)] == [number.removeprefix("+86")] * bool(number)
        await house.pass_time(PROMPTS_S)
        assert caller.is_up is not bool(number)  # who is refused waits on
        if caller.is_up:
            caller.hang_up()
        await end_work(house)


@pytest.mark.parametrize(("may_dial_out", "number"), [(False, ORDINARY), (True, "anonymous")])
async def test_callback_that_the_settings_refuse_is_not_offered(may_dial_out: bool, number: str) -> None:
    spoken = replace(plan(), may_dial_out=may_dial_out)
    async with opened(spoken) as house:
        caller = house.caller(number)
        caller.call(SERVICE_LINE)
        await house.pass_time(5)
        house.press("1")
        await house.pass_time(0.1)
        assert house.live().view.state is CallState.WAITING
        story = house.story(0)
        assert [line for line in story if "flow_entered callback" in line][1:] == [story[-2]]  # straight back
        caller.hang_up()
        await end_work(house)


@pytest.mark.parametrize("first", DialFirst)
async def test_customer_who_is_called_back_hears_who_calls_and_why_before_the_agent(first: DialFirst) -> None:
    async with opened(plan(first=first)) as house:
        exchange = house.exchange()
        await ask_for_callback(house)
        agent = await house.seat("1001")
        await house.pass_time(1)
        if first is DialFirst.AGENT:
            agent.answer()
            await house.pass_time(3)
            exchange.answer()
        else:
            exchange.answer()
            await house.pass_time(0.2)
            agent.answer()
        await house.pass_time(0.2)
        customer, talks = house.leg(house.live(), "caller"), house.leg(house.live(), "agent")
        said = house.live().voice.callback_introduction(SERVICE, Language.MANDARIN)
        assert house.engine.hears(customer.stream) == said
        assert house.engine.hears(talks.stream) != customer.stream
        await house.pass_time(3)
        assert house.engine.hears(customer.stream) == talks.stream
        agent.hang_up()
        await house.pass_time(1)


async def test_customer_whose_agent_leaves_during_the_introduction_waits_for_another() -> None:
    async with opened(plan()) as house:
        exchange = house.exchange()
        await ask_for_callback(house)
        agent = await house.seat("1001")
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(3)
        exchange.answer()
        await house.pass_time(0.5)
        agent.hang_up()
        await house.pass_time(1)
        assert (exchange.is_up, house.live().view.state) == (True, CallState.WAITING)
        exchange.hang_up()
        await end_work(house)


async def test_number_that_may_not_be_called_stands_in_the_message_for_the_agent_to_read() -> None:
    async with opened(plan()) as house:
        caller = house.caller(ORDINARY)
        caller.call(MAILBOX)
        await house.pass_time(4)
        for key in "11" + "2" + "16890000001#1":  # a complaint, a reply is wanted, to another number
            house.press(key)
            await house.pass_time(1)
        await house.pass_time(20)
        house.press("#")
        await house.pass_time(1)
        house.press("1")
        await house.pass_time(PROMPTS_S)
        (item,) = items(house)
        assert (item.number, item.subject) == ("", "complaint (number given: 16890000001)")
        await end_work(house)


async def leave_message(house: House, speaks_s: float = 20.0) -> None:
    """A caller gets to the beep, confirming everything, and has spoken for a while."""
    caller = house.caller(ORDINARY)
    caller.call(MAILBOX)
    await house.pass_time(4)
    for key in "211":
        house.press(key)
        await house.pass_time(1)
    await house.pass_time(speaks_s)


async def test_message_ends_when_the_caller_has_stopped_speaking_and_is_kept_to_the_last_word() -> None:
    async with opened(plan()) as house:
        house.engine.said = lambda length_s: Speech(6.0, 9.0)
        await leave_message(house)
        call = house.live()
        house.engine.stop_speaking(house.leg(call, "caller").stream)
        await house.pass_time(1)
        house.press("1")
        await house.pass_time(PROMPTS_S)
        assert list(house.engine.kept_s.values()) == [pytest.approx(9.6)]
        assert house.engine.skipped_s == {}
        (item,) = items(house)
        assert item.recording == house.cdr().recording != ""
        await end_work(house)


@pytest.mark.parametrize(("began_s", "skipped_s"), [(0.3, []), (5.4, [pytest.approx(5.0)])])
async def test_silence_before_the_first_word_is_not_kept(began_s: float, skipped_s: list[float]) -> None:
    async with opened(plan()) as house:
        house.engine.said = lambda length_s: Speech(3.0, 9.0, began_s)
        await leave_message(house)
        call = house.live()
        house.engine.stop_speaking(house.leg(call, "caller").stream)
        await house.pass_time(1)
        house.press("1")
        await house.pass_time(PROMPTS_S)
        assert list(house.engine.kept_s.values()) == [pytest.approx(9.6)]
        assert list(house.engine.skipped_s.values()) == skipped_s
        await end_work(house)


@pytest.mark.parametrize(
    ("speech", "why"),
    [
        (Speech(0.0, 0.0), "no_speech"),
        (Speech(0.1, 8.0), "no_speech"),
        (Speech(0.1, 8.0, 7.8, loud_s=9.0), "noise"),
        (Speech(0.5, 0.6), "too_short"),
    ],
)
@pytest.mark.parametrize("hangs_up", [True, False])
async def test_message_without_words_is_dropped_and_the_record_says_so(
    speech: Speech, why: str, hangs_up: bool
) -> None:
    async with opened(plan()) as house:
        house.engine.said = lambda length_s: speech
        await leave_message(house)
        call = house.live()
        if hangs_up:
            house.phones[-1].hang_up()
        else:
            house.press("#")
        await house.pass_time(PROMPTS_S)
        (dropped,) = [event for event in call.history if isinstance(event, MessageDropped)]
        assert dropped.why == why
        assert list(house.engine.kept_s.values()) == [0.0]
        assert items(house) == []
        assert house.cdr().recording == ""
        assert house.history.recording_rows == {}


async def test_caller_who_hangs_up_in_a_message_leaves_it_to_the_last_word() -> None:
    async with opened(plan()) as house:
        house.engine.said = lambda length_s: Speech(6.0, 9.0)
        await leave_message(house)
        house.phones[-1].hang_up()
        await house.pass_time(1)
        assert list(house.engine.kept_s.values()) == [pytest.approx(9.6)]
        (item,) = items(house)
        assert item.recording
        await end_work(house)


async def test_full_mailbox_is_told_to_the_caller_before_the_beep() -> None:
    full = replace(plan(), book=BookSettings(messages_max=1))
    async with opened(full) as house:
        await leave_message(house)
        house.phones[-1].hang_up()
        await house.pass_time(1)
        await house.pass_time(PROMPTS_S)
        house.caller(VIP).call(MAILBOX)
        await house.pass_time(4)
        (call,) = [each for each in house.switchboard.calls.values() if each.caller is not None]
        for key in "211":
            house.engine.press(house.leg(call, "caller").stream, key)
            await house.pass_time(1)
        heard = house.engine.streams[house.leg(call, "caller").stream].heard
        assert call.voice.system(SystemPrompt.MESSAGE_FULL, call.language)[0] in heard
        (refused,) = [event for event in call.history if isinstance(event, MessageRefused)]
        assert (refused.queue, refused.why) == (SERVICE, "full")
        await house.pass_time(PROMPTS_S)
        assert len(items(house)) == 1
        await end_work(house)


async def test_full_disk_is_told_to_the_caller_before_the_beep() -> None:
    async with opened(plan()) as house:
        house.hall.recorder.on_event(DiskAlarm(True, 0, "no space"))
        await leave_message(house, 0.0)
        call = house.live()
        assert [event.why for event in call.history if isinstance(event, MessageRefused)] == ["no_recording"]
        await house.pass_time(2 * PROMPTS_S)
        assert house.cdr().recording == ""
        house.hall.recorder.on_event(DiskAlarm(False, 10**10, "space"))
