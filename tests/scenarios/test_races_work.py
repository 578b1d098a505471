"""Races around callbacks and messages: the customer calls in, hours close, the caller hangs up; with ladders.

| also | where |
|---|---|
| the customer calls in before anybody is rung | `calls/test_calls_work`: `customer_who_calls_again` |
| every event in every state of an item | `work/test_work_callback_queue` |
| a restart in the middle of an attempt | `work/test_work_callback_queue`: `crash_cut_short` |
"""

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.calls.cable import DELAY_S
from tests.calls.call_centre import BOTH_TOLD_S, MORNING, ORDINARY, SALES, SERVICE, SERVICE_LINE, CallCentre, Plan
from tests.calls.the_flows import packaged_flows
from tests.scenarios.ladders import ANSWERED, QUEUED, SAME_TURN_S, WORK_BEGUN, WORK_RUNG, played

from acdcore.calls.model.commands import LiveAgentState
from acdcore.calls.model.ports import ForcedHours
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.trunks.trunks import InboundRoute
from acdcore.ivr.calendars.opening_hours import Calendar, CalendarName, OpeningPeriod
from acdcore.numbering.plan import HOME
from acdcore.queues.settings import QueueSettings
from acdcore.sip.events import SessionAnswered, SessionEnded, SipEvent
from acdcore.work.model import DialFirst, WorkItem, WorkKind, WorkState

MAILBOX = "95510"
"""Straight into the flow that takes messages."""
OFFICE = "office"
"""A calendar that is open day and night until somebody closes it."""


def plan() -> Plan:
    """A service queue with callbacks and hours, and a number for messages."""
    day_and_night = ((OpeningPeriod(0, 24 * 60),),) * 7
    return Plan(
        queues=(QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0), QueueSettings(SALES)),
        is_recorded=True,
        flows=packaged_flows("voicemail"),
        calendars={OFFICE: Calendar(CalendarName(OFFICE), ZoneInfo("UTC"), day_and_night)},
        around={SERVICE: QueueRules(calendar=OFFICE)},
        routes=(InboundRoute("carrier", MAILBOX, "voicemail"),),
    )


async def ask_for_callback(centre: CallCentre, first: DialFirst = DialFirst.AGENT) -> WorkItem:
    """Somebody wants to be called at the ordinary number."""
    wanted = WorkItem(
        id=centre.context.callback_scheduler.next_id(),
        kind=WorkKind.CALLBACK,
        queue=SERVICE,
        number=HOME.canonical(ORDINARY),
        created_at=centre.clock.wall(),
        dial_first=first,
    )
    item = centre.operations.request_callback(wanted)
    await centre.pass_time(1)
    return item


def item(centre: CallCentre) -> WorkItem:
    """The one work item as it stands."""
    (rows,) = centre.history.work_rows.values()
    return rows[max(rows)].item


def left(centre: CallCentre) -> int:
    """How many messages have been handed on."""
    return sum(row.kind == "message_left" for row in centre.history.call_events.values())


def test_customer_who_calls_in_while_the_agent_answers_is_served_on_that_call() -> None:
    async def race(centre: CallCentre) -> None:
        agent, customer = await centre.seat("1001"), centre.caller(ORDINARY)
        await ask_for_callback(centre)
        customer.call(SERVICE_LINE)
        await centre.pass_time(DELAY_S * 1.5)
        agent.answer()
        await centre.pass_time(1)
        assert agent.rings
        assert item(centre).state is WorkState.WAITING
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        customer.hang_up()
        await centre.pass_time(1)

    one = played(race, plan())
    assert one.ladder == [
        *WORK_RUNG,
        "  1.000 caller > acd: INVITE sdp",
        "  1.001 acd > caller: 100 Trying (INVITE)",
        "  1.001 acd > 1001: CANCEL",
        "  1.001 acd > caller: 200 OK (INVITE) sdp",
        "  1.001 1001 > acd: 200 OK (INVITE) sdp",
        "  1.002 1001 > acd: 200 OK (CANCEL)",
        "  1.002 caller > acd: ACK",
        "  1.002 acd > 1001: ACK",
        "  1.002 acd > 1001: BYE",
        "  1.003 acd > 1001: INVITE sdp",
        "  1.004 1001 > acd: 200 OK (BYE)",
        "  1.004 1001 > acd: 100 Trying (INVITE)",
        "  1.004 1001 > acd: 180 Ringing (INVITE)",
        "  2.002 1001 > acd: 200 OK (INVITE) sdp",
        "  2.002 acd > 1001: ACK",
        "  6.002 caller > acd: BYE",
        "  6.003 acd > caller: 200 OK (BYE)",
        "  6.003 acd > 1001: BYE",
        "  6.004 1001 > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *WORK_BEGUN,
            "  1.0 offer_ended 1001 withdrawn",
            "  1.0 ended withdrawn system cancelled",
        ],
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 connected 1001",
            "  4.0 bridged",
            "  5.0 ended answered caller bye",
        ],
    ]
    assert one.queue_visits == ["service withdrawn", "service answered 1001"]


def test_customer_who_calls_in_while_being_called_is_rung_no_more_and_comes_next() -> None:
    async def race(centre: CallCentre) -> None:
        exchange, agent, customer = centre.exchange(), await centre.seat("1001"), centre.caller(ORDINARY)
        await ask_for_callback(centre)
        agent.answer()
        await centre.pass_time(2)
        assert exchange.rings
        customer.call(SERVICE_LINE)
        await centre.pass_time(0.5)
        assert not exchange.rings  # withdrawn: the customer's own call keeps the line busy
        await centre.pass_time(2)
        assert (centre.state("1001"), item(centre).state) == (LiveAgentState.WRAP_UP, WorkState.WAITING)
        await centre.pass_time(10)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        agent.hang_up()
        await centre.pass_time(100)
        assert centre.context.callback_scheduler.open_items() == ()

    one = played(race, plan())
    assert one.ladder == [
        *WORK_RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        "  2.501 acd > carrier: INVITE sdp",
        "  2.502 carrier > acd: 100 Trying (INVITE)",
        "  2.502 carrier > acd: 180 Ringing (INVITE)",
        "  3.000 caller > acd: INVITE sdp",
        "  3.001 acd > caller: 100 Trying (INVITE)",
        "  3.001 acd > carrier: CANCEL",
        "  3.001 acd > 1001: BYE",
        "  3.001 acd > caller: 200 OK (INVITE) sdp",
        "  3.002 carrier > acd: 200 OK (CANCEL)",
        "  3.002 carrier > acd: 487 Request Terminated (INVITE)",
        "  3.002 1001 > acd: 200 OK (BYE)",
        "  3.002 caller > acd: ACK",
        "  3.003 acd > carrier: ACK",
        " 13.001 acd > 1001: INVITE sdp",
        " 13.002 1001 > acd: 100 Trying (INVITE)",
        " 13.002 1001 > acd: 180 Ringing (INVITE)",
        " 15.500 1001 > acd: 200 OK (INVITE) sdp",
        " 15.501 acd > 1001: ACK",
        " 19.500 1001 > acd: BYE",
        " 19.501 acd > 1001: 200 OK (BYE)",
        " 19.501 acd > caller: BYE",
        " 19.502 caller > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *WORK_BEGUN,
            "  1.0 connected 1001",
            "  2.5 dialled +8613900000009",
            "  3.0 ended withdrawn system cancelled",
        ],
        [
            *QUEUED,
            " 10.0 offered 1001 service",
            " 12.5 connected 1001",
            " 15.5 bridged",
            " 16.5 talk_ended agent",
            " 16.5 ended answered agent",
        ],
    ]
    assert one.queue_visits == ["service answered 1001", "service answered 1001"]


def test_hours_that_close_while_the_agent_answers_put_the_callback_off_until_they_open() -> None:
    async def race(centre: CallCentre) -> None:
        exchange, agent = centre.exchange(), await centre.seat("1001")
        await ask_for_callback(centre)
        agent.answer()
        until = MORNING + timedelta(seconds=60)
        await centre.forced.force(ForcedHours(OFFICE, False, until, "supervisor", MORNING))
        centre.operations.hours_forced()
        await centre.pass_time(1)
        assert (agent.is_up, centre.state("1001"), item(centre).state) == (
            False,
            LiveAgentState.READY,
            WorkState.WAITING,
        )
        await centre.pass_time(58)
        assert agent.rings
        agent.answer()
        await centre.pass_time(2)
        exchange.answer()
        await centre.pass_time(5)
        exchange.hang_up()
        await centre.pass_time(1)
        assert item(centre).state is WorkState.DONE

    one = played(race, plan())
    assert one.ladder == [
        *WORK_RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.000 acd > 1001: CANCEL",
        "  1.001 acd > 1001: ACK",
        "  1.001 acd > 1001: BYE",
        "  1.001 1001 > acd: 200 OK (CANCEL)",
        "  1.002 1001 > acd: 200 OK (BYE)",
        " 59.900 acd > 1001: INVITE sdp",
        " 59.901 1001 > acd: 100 Trying (INVITE)",
        " 59.901 1001 > acd: 180 Ringing (INVITE)",
        " 60.000 1001 > acd: 200 OK (INVITE) sdp",
        " 60.001 acd > 1001: ACK",
        " 61.501 acd > carrier: INVITE sdp",
        " 61.502 carrier > acd: 100 Trying (INVITE)",
        " 61.502 carrier > acd: 180 Ringing (INVITE)",
        " 62.000 carrier > acd: 200 OK (INVITE) sdp",
        " 62.001 acd > carrier: ACK",
        " 67.000 carrier > acd: BYE",
        " 67.001 acd > carrier: 200 OK (BYE)",
        " 67.001 acd > 1001: BYE",
        " 67.002 1001 > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *WORK_BEGUN,
            "  1.0 offer_ended 1001 withdrawn",
            "  1.0 ended withdrawn system cancelled",
        ],
        [
            *WORK_BEGUN,
            "  0.1 connected 1001",
            "  1.6 dialled +8613900000009",
            "  3.6 bridged",
            "  7.1 ended answered caller bye",
        ],
    ]
    assert one.queue_visits == ["service withdrawn", "service answered 1001"]


def test_callback_that_staff_cancel_while_the_agent_answers_calls_nobody() -> None:
    async def race(centre: CallCentre) -> None:
        exchange, agent = centre.exchange(), await centre.seat("1001")
        wanted = await ask_for_callback(centre)

        def cancel(event: SipEvent) -> None:
            if isinstance(event, SessionAnswered):  # the call has been told, but has not come to read it
                centre.operations.end_work(wanted.id, WorkState.CANCELLED, "staff")

        centre.after_sip = cancel
        agent.answer()
        await centre.pass_time(1)
        assert (agent.is_up, exchange.rings, centre.state("1001")) == (False, False, LiveAgentState.READY)
        assert item(centre).state is WorkState.CANCELLED

    one = played(race, plan())
    assert one.ladder == [
        *WORK_RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        "  1.001 acd > 1001: BYE",
        "  1.002 1001 > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *WORK_BEGUN,
            "  1.0 offer_ended 1001 withdrawn",
            "  1.0 ended withdrawn system cancelled",
        ],
    ]
    assert one.queue_visits == ["service withdrawn"]


def test_customer_called_first_who_hangs_up_while_the_agent_answers_ends_both() -> None:
    async def race(centre: CallCentre) -> None:
        exchange, agent = centre.exchange(), await centre.seat("1001")
        await ask_for_callback(centre, DialFirst.CUSTOMER)
        exchange.answer()
        await centre.pass_time(2)  # hears who calls
        assert agent.rings
        agent.answer()
        exchange.hang_up()
        await centre.pass_time(1)
        assert (agent.is_up, item(centre).state) == (False, WorkState.DONE)

    one = played(race, plan())
    assert one.ladder == [
        "  0.000 acd > carrier: INVITE sdp",
        "  0.001 carrier > acd: 100 Trying (INVITE)",
        "  0.001 carrier > acd: 180 Ringing (INVITE)",
        "  1.000 carrier > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > carrier: ACK",
        "  1.001 acd > 1001: INVITE sdp",
        "  1.002 1001 > acd: 100 Trying (INVITE)",
        "  1.002 1001 > acd: 180 Ringing (INVITE)",
        "  3.000 1001 > acd: 200 OK (INVITE) sdp",
        "  3.000 carrier > acd: BYE",
        "  3.001 acd > 1001: ACK",
        "  3.001 acd > carrier: 200 OK (BYE)",
        "  3.001 acd > 1001: BYE",
        "  3.002 1001 > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *WORK_BEGUN,
            "  0.0 reserved 1001",
            "  0.0 dialled +8613900000009",
            "  3.0 connected 1001",
            "  3.0 bridged",
            "  3.0 ended answered caller bye",
        ],
    ]
    assert one.queue_visits == ["service answered 1001"]


def test_customer_called_first_and_sent_on_goes_there_when_the_agent_answers() -> None:
    async def race(centre: CallCentre) -> None:
        exchange, agent = centre.exchange(), await centre.seat("1001")
        await ask_for_callback(centre, DialFirst.CUSTOMER)
        exchange.answer()
        await centre.pass_time(2)  # hears who calls
        centre.operations.requeue(centre.live().id, SALES, "supervisor")
        agent.answer()
        await centre.pass_time(1)
        assert (agent.is_up, exchange.is_up, centre.live().view.queue) == (False, True, SALES)
        exchange.hang_up()
        await centre.pass_time(1)
        assert item(centre).state is WorkState.DONE

    one = played(race, plan())
    assert one.ladder == [
        "  0.000 acd > carrier: INVITE sdp",
        "  0.001 carrier > acd: 100 Trying (INVITE)",
        "  0.001 carrier > acd: 180 Ringing (INVITE)",
        "  1.000 carrier > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > carrier: ACK",
        "  1.001 acd > 1001: INVITE sdp",
        "  1.002 1001 > acd: 100 Trying (INVITE)",
        "  1.002 1001 > acd: 180 Ringing (INVITE)",
        "  3.000 1001 > acd: 200 OK (INVITE) sdp",
        "  3.001 acd > 1001: ACK",
        "  3.001 acd > 1001: BYE",
        "  3.002 1001 > acd: 200 OK (BYE)",
        "  4.000 carrier > acd: BYE",
        "  4.001 acd > carrier: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *WORK_BEGUN,
            "  0.0 reserved 1001",
            "  0.0 dialled +8613900000009",
            "  3.0 connected 1001",
            "  3.0 bridged",
            "  3.0 talk_ended system",
            "  3.0 sent queue:sales supervisor",
            "  3.0 queued sales",
            "  4.0 ended abandoned_queue caller bye",
        ],
    ]
    assert one.queue_visits == ["sales abandoned_short", "service answered 1001"]


def test_customer_called_first_and_sent_on_goes_there_when_the_agent_refuses() -> None:
    async def race(centre: CallCentre) -> None:
        exchange, agent = centre.exchange(), await centre.seat("1001")
        await ask_for_callback(centre, DialFirst.CUSTOMER)
        exchange.answer()
        await centre.pass_time(1)
        centre.operations.requeue(centre.live().id, SALES, "supervisor")
        agent.refuse(486)
        await centre.pass_time(1)
        assert (agent.is_up, exchange.is_up, centre.live().view.queue) == (False, True, SALES)
        exchange.hang_up()
        await centre.pass_time(1)
        assert item(centre).state is WorkState.DONE

    one = played(race, plan())
    assert one.ladder == [
        "  0.000 acd > carrier: INVITE sdp",
        "  0.001 carrier > acd: 100 Trying (INVITE)",
        "  0.001 carrier > acd: 180 Ringing (INVITE)",
        "  1.000 carrier > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > carrier: ACK",
        "  1.001 acd > 1001: INVITE sdp",
        "  1.002 1001 > acd: 100 Trying (INVITE)",
        "  1.002 1001 > acd: 180 Ringing (INVITE)",
        "  2.000 1001 > acd: 486 Busy Here (INVITE)",
        "  2.001 acd > 1001: ACK",
        "  3.000 carrier > acd: BYE",
        "  3.001 acd > carrier: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *WORK_BEGUN,
            "  0.0 reserved 1001",
            "  0.0 dialled +8613900000009",
            "  2.0 talk_ended system",
            "  2.0 sent queue:sales supervisor",
            "  2.0 queued sales",
            "  3.0 ended abandoned_queue caller bye",
        ],
    ]
    assert one.queue_visits == ["service withdrawn", "sales abandoned_short", "service answered 1001"]


async def speak(centre: CallCentre) -> None:
    """Call the mailbox and speak for twenty seconds."""
    centre.caller(ORDINARY).call(MAILBOX)
    await centre.pass_time(4)
    for key in "211":
        centre.press(key)
        await centre.pass_time(1)
    await centre.pass_time(20)


def press_hash(centre: CallCentre) -> None:
    """The caller's last key, told to the call, which has not come to read it."""
    centre.press("#")
    centre.context.event_router.on_media(centre.engine.events())


@pytest.mark.parametrize("first", ["key", "BYE"])
def test_message_is_filed_once_when_the_caller_hangs_up_in_the_turn_of_the_last_key(first: str) -> None:
    async def race(centre: CallCentre) -> None:
        await speak(centre)

        def press(event: SipEvent) -> None:
            if isinstance(event, SessionEnded):
                press_hash(centre)

        if first == "key":
            loop = asyncio.get_running_loop()
            loop.call_at(loop.time() + DELAY_S - SAME_TURN_S, press_hash, centre)
        else:
            centre.after_sip = press
        centre.phones[0].hang_up()
        await centre.pass_time(1)
        assert (left(centre), item(centre).kind) == (1, WorkKind.VOICEMAIL)
        assert item(centre).recording
        centre.operations.end_work(item(centre).id, WorkState.CANCELLED, "staff")

    one = played(race, plan())
    assert one.ladder == [
        *ANSWERED,
        " 27.000 caller > acd: BYE",
        " 27.001 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories[0][7:] == [
        "  9.0 message_begun",
        " 27.0 message_left W20260302T080027001-000001 service",
        " 27.0 ended voicemail caller bye",
    ]


def test_message_is_filed_once_when_the_caller_hangs_up_after_the_last_key() -> None:
    async def race(centre: CallCentre) -> None:
        await speak(centre)
        centre.press("#")
        await centre.pass_time(0.1)
        centre.phones[0].hang_up()
        await centre.pass_time(1)
        assert (left(centre), item(centre).kind) == (1, WorkKind.VOICEMAIL)
        assert item(centre).recording
        centre.operations.end_work(item(centre).id, WorkState.CANCELLED, "staff")

    one = played(race, plan())
    assert one.ladder == [
        *ANSWERED,
        " 27.100 caller > acd: BYE",
        " 27.101 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories[0][7:] == [
        "  9.0 message_begun",
        " 27.0 flow_entered voicemail.send-or-again",
        " 27.1 message_left W20260302T080027101-000001 service",
        " 27.1 ended voicemail caller bye",
    ]
