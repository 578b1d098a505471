"""Callbacks and messages from the caller's key to the talk: who is called when, once, and what is written down."""

from dataclasses import replace

import pytest
from tests.calls.call_centre import (
    BOTH_TOLD_S,
    ORDINARY,
    ORDINARY_KEPT,
    SERVICE,
    SERVICE_LINE,
    VIP,
    CallCentre,
    Plan,
    opened,
)
from tests.calls.the_flows import packaged_flows

from acdcore.calls.model.commands import CallState, LiveAgentState
from acdcore.calls.model.history import MessageDropped, VoicemailRefused
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.trunks.trunks import InboundRoute
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import Outcome
from acdcore.media.model import SpeechFigures
from acdcore.queues.settings import QueueSettings
from acdcore.recording.events import DiskAlarm
from acdcore.work.callback_queue import CallbackSettings
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
        routes=(InboundRoute("carrier", MAILBOX, "voicemail"),),
        book=CallbackSettings(retry_after_s=(60.0,)),
    )


def items(centre: CallCentre) -> list[WorkItem]:
    """The work items as they stand, oldest first."""
    return [rows[max(rows)].item for _, rows in sorted(centre.history.work_rows.items())]


async def ask_for_callback(centre: CallCentre, number: str = ORDINARY) -> None:
    """A caller waits a minute, presses 1, and has the own number confirmed."""
    caller = centre.caller(number)
    caller.call(SERVICE_LINE)
    await centre.pass_time(60)
    for key in "111":
        centre.press(key)
        await centre.pass_time(1)
    await centre.pass_time(PROMPTS_S)
    assert not caller.is_up


async def end_work(centre: CallCentre) -> None:
    """Staff take out what is still open."""
    for item in centre.context.callback_scheduler.open_items():
        centre.operations.end_work(item.id, WorkState.CANCELLED, "staff")
    await centre.pass_time(1)


async def test_waiting_caller_who_asks_for_a_callback_is_called_by_the_next_agent() -> None:
    async with opened(plan()) as centre:
        exchange = centre.exchange()
        await ask_for_callback(centre)
        assert centre.cdr().outcome is Outcome.CALLBACK
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        assert agent.rings
        agent.answer()
        await centre.pass_time(5)
        assert exchange.rings
        exchange.answer()
        await centre.pass_time(30)
        assert centre.state("1001") is LiveAgentState.TALKING
        agent.hang_up()
        await centre.pass_time(1)
        assert not exchange.is_up
        (item,) = items(centre)
        assert (item.state, item.attempts, item.agent) == (WorkState.DONE, 1, "1001")
        assert item.waited_s > 60
        record = centre.cdrs()[-1]
        assert (record.outcome, record.direction, record.caller) == (Outcome.ANSWERED, "outbound", ORDINARY_KEPT)
        assert record.recording


async def test_caller_who_asked_for_a_callback_keeps_the_place_before_those_who_came_later() -> None:
    async with opened(plan()) as centre:
        centre.exchange()
        await ask_for_callback(centre)
        later = centre.caller(VIP)
        later.call(SERVICE_LINE)
        await centre.pass_time(5)
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.TALKING
        assert [call.view.caller for call in centre.switchboard.calls.values() if call.view.agent] == [ORDINARY_KEPT]
        agent.hang_up()
        await centre.pass_time(1)
        later.hang_up()
        await centre.pass_time(300)
        (item,) = items(centre)
        assert item.state is not WorkState.DONE  # the agent hung up before the customer answered: tried again
        await end_work(centre)


async def test_customer_who_calls_again_is_not_called_back_and_has_the_place_again() -> None:
    async with opened(plan()) as centre:
        await ask_for_callback(centre)
        again = centre.caller(ORDINARY)
        again.call(SERVICE_LINE)
        await centre.pass_time(1)
        (item,) = items(centre)
        assert item.state is WorkState.WAITING  # settled by getting through, not by calling
        (view,) = next(queue.waiting for queue in centre.context.acd.snapshot().queues if queue.queue == SERVICE)
        assert view.waited_total_s > 60
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        again.hang_up()
        await centre.pass_time(1)
        assert [each.state for each in items(centre)] == [WorkState.MERGED]


async def test_customer_who_calls_again_and_hangs_up_waiting_is_called_back_after_all() -> None:
    async with opened(plan()) as centre:
        await ask_for_callback(centre)
        again = centre.caller(ORDINARY)
        again.call(SERVICE_LINE)
        await centre.pass_time(5)
        (called,) = items(centre)
        again.hang_up()
        await centre.pass_time(10)
        (kept,) = items(centre)
        assert (called.state, kept.state) == (WorkState.WAITING, WorkState.QUEUED)
        assert kept.waited_s >= called.waited_s > 60
        assert (kept.id, kept.created_at) == (called.id, called.created_at)
        await end_work(centre)


async def test_customer_who_does_not_answer_is_tried_again_later_and_then_given_up() -> None:
    async with opened(replace(plan(), book=CallbackSettings(max_attempts=2, retry_after_s=(65.0,)))) as centre:
        exchange = centre.exchange()
        await ask_for_callback(centre)
        agent = await centre.seat("1001")
        for _ in range(2):
            await centre.pass_time(1)
            assert agent.rings
            agent.answer()
            await centre.pass_time(5)
            exchange.refuse(480)
            await centre.pass_time(65)
        (item,) = items(centre)
        assert (item.state, item.attempts) == (WorkState.GIVEN_UP, 2)


async def test_customer_is_rung_first_where_the_queue_has_it_so() -> None:
    async with opened(plan(first=DialFirst.CUSTOMER)) as centre:
        exchange = centre.exchange()
        await ask_for_callback(centre)
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        assert exchange.rings
        assert not agent.rings
        exchange.answer()
        await centre.pass_time(1)
        assert agent.rings
        agent.answer()
        await centre.pass_time(20)
        exchange.hang_up()
        await centre.pass_time(1)
        assert not agent.is_up
        assert items(centre)[0].state is WorkState.DONE
        assert centre.cdrs()[-1].outcome is Outcome.ANSWERED


async def test_caller_who_hangs_up_waiting_is_called_back_where_the_queue_has_it_so() -> None:
    async with opened(plan(abandoned=True)) as centre:
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(30)
        caller.hang_up()
        await centre.pass_time(1)
        (item,) = items(centre)
        assert (item.kind, item.number, item.queue) == (WorkKind.CALLBACK, ORDINARY_KEPT, SERVICE)
        assert centre.cdr().outcome is Outcome.ABANDONED_QUEUE
        await end_work(centre)


async def test_message_is_heard_by_an_agent_who_calls_back_by_key() -> None:
    async with opened(plan()) as centre:
        exchange = centre.exchange()
        caller = centre.caller(ORDINARY)
        caller.call(MAILBOX)
        await centre.pass_time(4)
        centre.press("2")  # an order
        await centre.pass_time(1)
        centre.press("1")  # a reply is wanted
        await centre.pass_time(1)
        centre.press("1")  # the number is right
        await centre.pass_time(20)
        centre.press("#")
        await centre.pass_time(1)
        centre.press("1")  # send
        await centre.pass_time(PROMPTS_S)
        assert centre.cdr().outcome is Outcome.VOICEMAIL
        (item,) = items(centre)
        assert (item.kind, item.subject, item.is_reply_wanted, item.number) == (
            WorkKind.VOICEMAIL,
            "order",
            True,
            ORDINARY_KEPT,
        )
        assert item.recording
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(5)
        centre.engine.press(centre.leg(centre.live(), "agent").stream, "1")
        await centre.pass_time(5)
        exchange.answer()
        await centre.pass_time(10)
        exchange.hang_up()
        await centre.pass_time(1)
        assert items(centre)[0].state is WorkState.DONE


async def test_message_is_kept_when_the_caller_hangs_up_in_the_middle_of_it() -> None:
    async with opened(plan()) as centre:
        caller = centre.caller(ORDINARY)
        caller.call(MAILBOX)
        await centre.pass_time(4)
        for key in "211":
            centre.press(key)
            await centre.pass_time(1)
        await centre.pass_time(20)
        caller.hang_up()
        await centre.pass_time(1)
        (item,) = items(centre)
        assert item.recording
        assert centre.cdr().outcome is Outcome.ABANDONED_FLOW or centre.cdr().outcome is Outcome.VOICEMAIL
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(5)
        centre.engine.press(centre.leg(centre.live(), "agent").stream, "3")
        await centre.pass_time(15)
        assert items(centre)[0].state is WorkState.DONE


async def test_caller_who_declines_the_callback_waits_on_at_the_same_place() -> None:
    async with opened(plan()) as centre:
        caller, later = centre.caller(ORDINARY), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(60)
        call = centre.live()
        later.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert call.caller is not None
        for key in "12":
            centre.engine.press(call.caller.stream, key)
            await centre.pass_time(2)
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        assert call.view.agent == "1001"
        assert "stepped_back" in " ".join(centre.call_history(0))
        caller.hang_up()
        later.hang_up()
        await centre.pass_time(1)


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
    async with opened(replace(plan(), callback_numbers=numbers)) as centre:
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        for key in keys:
            centre.press(key)
            await centre.pass_time(1)
        await centre.pass_time(1)
        assert [item.number.removeprefix("+86") for item in items(centre)] == [number.removeprefix("+86")] * bool(
            number
        )
        await centre.pass_time(PROMPTS_S)
        assert caller.is_up is not bool(number)  # who is refused waits on
        if caller.is_up:
            caller.hang_up()
        await end_work(centre)


@pytest.mark.parametrize(("may_dial_out", "number"), [(False, ORDINARY), (True, "anonymous")])
async def test_callback_that_the_settings_refuse_is_not_offered(may_dial_out: bool, number: str) -> None:
    spoken = replace(plan(), may_dial_out=may_dial_out)
    async with opened(spoken) as centre:
        caller = centre.caller(number)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        centre.press("1")
        await centre.pass_time(0.1)
        assert centre.live().view.state is CallState.WAITING
        history = centre.call_history(0)
        assert [line for line in history if "flow_entered callback" in line][1:] == [history[-2]]  # straight back
        caller.hang_up()
        await end_work(centre)


@pytest.mark.parametrize("first", DialFirst)
async def test_customer_who_is_called_back_hears_who_calls_and_why_before_the_agent(first: DialFirst) -> None:
    async with opened(plan(first=first)) as centre:
        exchange = centre.exchange()
        await ask_for_callback(centre)
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        if first is DialFirst.AGENT:
            agent.answer()
            await centre.pass_time(3)
            exchange.answer()
        else:
            exchange.answer()
            await centre.pass_time(0.2)
            agent.answer()
        await centre.pass_time(0.2)
        customer, talks = centre.leg(centre.live(), "caller"), centre.leg(centre.live(), "agent")
        said = centre.live().prompts.callback_introduction(SERVICE, Language.MANDARIN)
        assert centre.engine.hears(customer.stream) == said
        assert centre.engine.hears(talks.stream) != customer.stream
        await centre.pass_time(3)
        assert centre.engine.hears(customer.stream) == talks.stream
        agent.hang_up()
        await centre.pass_time(1)


async def test_customer_whose_agent_leaves_during_the_introduction_waits_for_another() -> None:
    async with opened(plan()) as centre:
        exchange = centre.exchange()
        await ask_for_callback(centre)
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(3)
        exchange.answer()
        await centre.pass_time(0.5)
        agent.hang_up()
        await centre.pass_time(1)
        assert (exchange.is_up, centre.live().view.state) == (True, CallState.WAITING)
        exchange.hang_up()
        await end_work(centre)


async def test_number_that_may_not_be_called_stands_in_the_message_for_the_agent_to_read() -> None:
    async with opened(plan()) as centre:
        caller = centre.caller(ORDINARY)
        caller.call(MAILBOX)
        await centre.pass_time(4)
        for key in "11" + "2" + "16890000001#1":  # a complaint, a reply is wanted, to another number
            centre.press(key)
            await centre.pass_time(1)
        await centre.pass_time(20)
        centre.press("#")
        await centre.pass_time(1)
        centre.press("1")
        await centre.pass_time(PROMPTS_S)
        (item,) = items(centre)
        assert (item.number, item.subject) == ("", "complaint (number given: 16890000001)")
        await end_work(centre)


async def leave_message(centre: CallCentre, speaks_s: float = 20.0) -> None:
    """A caller gets to the beep, confirming everything, and has spoken for a while."""
    caller = centre.caller(ORDINARY)
    caller.call(MAILBOX)
    await centre.pass_time(4)
    for key in "211":
        centre.press(key)
        await centre.pass_time(1)
    await centre.pass_time(speaks_s)


async def test_message_ends_when_the_caller_has_stopped_speaking_and_is_kept_to_the_last_word() -> None:
    async with opened(plan()) as centre:
        centre.engine.said = lambda length_s: SpeechFigures(6.0, 9.0)
        await leave_message(centre)
        call = centre.live()
        centre.engine.stop_speaking(centre.leg(call, "caller").stream)
        await centre.pass_time(1)
        centre.press("1")
        await centre.pass_time(PROMPTS_S)
        assert list(centre.engine.kept_s.values()) == [pytest.approx(9.6)]
        assert centre.engine.skipped_s == {}
        (item,) = items(centre)
        assert item.recording == centre.cdr().recording != ""
        await end_work(centre)


@pytest.mark.parametrize(("began_s", "skipped_s"), [(0.3, []), (5.4, [pytest.approx(5.0)])])
async def test_silence_before_the_first_word_is_not_kept(began_s: float, skipped_s: list[float]) -> None:
    async with opened(plan()) as centre:
        centre.engine.said = lambda length_s: SpeechFigures(3.0, 9.0, began_s)
        await leave_message(centre)
        call = centre.live()
        centre.engine.stop_speaking(centre.leg(call, "caller").stream)
        await centre.pass_time(1)
        centre.press("1")
        await centre.pass_time(PROMPTS_S)
        assert list(centre.engine.kept_s.values()) == [pytest.approx(9.6)]
        assert list(centre.engine.skipped_s.values()) == skipped_s
        await end_work(centre)


@pytest.mark.parametrize(
    ("speech", "why"),
    [
        (SpeechFigures(0.0, 0.0), "no_speech"),
        (SpeechFigures(0.1, 8.0), "no_speech"),
        (SpeechFigures(0.1, 8.0, 7.8, loud_s=9.0), "noise"),
        (SpeechFigures(0.5, 0.6), "too_short"),
    ],
)
@pytest.mark.parametrize("hangs_up", [True, False])
async def test_message_without_words_is_dropped_and_the_record_says_so(
    speech: SpeechFigures, why: str, hangs_up: bool
) -> None:
    async with opened(plan()) as centre:
        centre.engine.said = lambda length_s: speech
        await leave_message(centre)
        call = centre.live()
        if hangs_up:
            centre.phones[-1].hang_up()
        else:
            centre.press("#")
        await centre.pass_time(PROMPTS_S)
        (dropped,) = [event for event in call.history if isinstance(event, MessageDropped)]
        assert dropped.why == why
        assert list(centre.engine.kept_s.values()) == [0.0]
        assert items(centre) == []
        assert centre.cdr().recording == ""
        assert centre.history.recording_rows == {}


async def test_caller_who_hangs_up_in_a_message_leaves_it_to_the_last_word() -> None:
    async with opened(plan()) as centre:
        centre.engine.said = lambda length_s: SpeechFigures(6.0, 9.0)
        await leave_message(centre)
        centre.phones[-1].hang_up()
        await centre.pass_time(1)
        assert list(centre.engine.kept_s.values()) == [pytest.approx(9.6)]
        (item,) = items(centre)
        assert item.recording
        await end_work(centre)


async def test_full_mailbox_is_told_to_the_caller_before_the_beep() -> None:
    full = replace(plan(), book=CallbackSettings(messages_max=1))
    async with opened(full) as centre:
        await leave_message(centre)
        centre.phones[-1].hang_up()
        await centre.pass_time(1)
        await centre.pass_time(PROMPTS_S)
        centre.caller(VIP).call(MAILBOX)
        await centre.pass_time(4)
        (call,) = [each for each in centre.switchboard.calls.values() if each.caller is not None]
        for key in "211":
            centre.engine.press(centre.leg(call, "caller").stream, key)
            await centre.pass_time(1)
        heard = centre.engine.streams[centre.leg(call, "caller").stream].heard
        assert call.prompts.system(SystemPrompt.MESSAGE_FULL, call.language)[0] in heard
        (refused,) = [event for event in call.history if isinstance(event, VoicemailRefused)]
        assert (refused.queue, refused.why) == (SERVICE, "full")
        await centre.pass_time(PROMPTS_S)
        assert len(items(centre)) == 1
        await end_work(centre)


async def test_full_disk_is_told_to_the_caller_before_the_beep() -> None:
    async with opened(plan()) as centre:
        centre.context.recorder.on_event(DiskAlarm(True, 0, "no space"))
        await leave_message(centre, 0.0)
        call = centre.live()
        assert [event.why for event in call.history if isinstance(event, VoicemailRefused)] == ["no_recording"]
        await centre.pass_time(2 * PROMPTS_S)
        assert centre.cdr().recording == ""
        centre.context.recorder.on_event(DiskAlarm(False, 10**10, "space"))
