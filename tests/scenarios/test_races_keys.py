"""Races of keys that a caller presses with offers, rules, prompts and supervisors, each with its ladder.

| also | where |
|---|---|
| pause and return against deadlines | `queues/test_queues_callers`: `pause_takes_back`, `deadlines_of_a_pause` |
| keys before, during and after prompts | `ivr/flow/test_ivr_machine` |
"""

import asyncio
from dataclasses import replace

from tests.calls.call_centre import (
    BOTH_TOLD_S,
    HOTLINE,
    SALES,
    SERVICE,
    SERVICE_LINE,
    VIP,
    CallCentre,
    Plan,
)
from tests.calls.the_flows import packaged_flows
from tests.scenarios.ladders import ANSWERED, QUEUED, SAME_TURN_S, played

from acdcore.calls.model.commands import AgentCommand, LiveAgentState
from acdcore.calls.routing_rules import QueueRules
from acdcore.queues.settings import OverflowCause, OverflowRule, QueueSettings, ToFlow, ToQueue

QUEUE = QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0)
OTHER_QUEUE = QueueSettings(SALES, ring_for_s=15.0, wrap_up_s=10.0)


def with_keys(queue: QueueSettings = QUEUE) -> Plan:
    """Callers who wait in the service queue may press 1 for a callback."""
    return Plan(
        queues=(queue, OTHER_QUEUE),
        flows=packaged_flows("callback", "voicemail"),
        around={SERVICE: QueueRules(keys={"1": "callback"})},
    )


async def come_back(centre: CallCentre) -> None:
    """Decline the callback, once the offer is being said."""
    await centre.pass_time(0.2)
    centre.press("2")
    await centre.pass_time(0.2)


def test_key_before_an_offer_takes_the_caller_aside_and_the_phone_never_rings() -> None:
    async def race(centre: CallCentre) -> None:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        centre.press("1")
        agent = await centre.seat("1001")
        assert not agent.rings
        await come_back(centre)
        assert agent.rings
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race, with_keys())
    assert one.ladder == [
        *ANSWERED,
        "  5.300 acd > 1001: INVITE sdp",
        "  5.301 1001 > acd: 100 Trying (INVITE)",
        "  5.301 1001 > acd: 180 Ringing (INVITE)",
        "  5.500 caller > acd: BYE",
        "  5.501 acd > caller: 200 OK (BYE)",
        "  5.501 acd > 1001: CANCEL",
        "  5.502 1001 > acd: 200 OK (CANCEL)",
        "  5.502 1001 > acd: 487 Request Terminated (INVITE)",
        "  5.503 acd > 1001: ACK",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  5.0 stepped_aside callback",
            "  5.0 flow_entered callback.offer",
            "  5.0 flow_entered callback.own-number",
            "  5.3 flow_entered callback.wait",
            "  5.3 stepped_back",
            "  5.3 offered 1001 service",
            "  5.5 offer_ended 1001 withdrawn",
            "  5.5 ended abandoned_queue caller bye",
        ],
    ]


def test_key_in_the_turn_of_an_offer_takes_the_caller_aside_and_frees_the_agent() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        centre.command("1001", AgentCommand.NOT_READY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        centre.press("1")
        centre.context.event_router.on_media(centre.engine.events())
        centre.command("1001", AgentCommand.READY)
        assert centre.state("1001") is LiveAgentState.RINGING
        await centre.pass_time(0.1)
        assert (centre.state("1001"), agent.rings) == (LiveAgentState.READY, False)
        await come_back(centre)
        assert agent.rings
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race, with_keys())
    assert one.ladder == [
        *ANSWERED,
        "  5.300 acd > 1001: INVITE sdp",
        "  5.301 1001 > acd: 100 Trying (INVITE)",
        "  5.301 1001 > acd: 180 Ringing (INVITE)",
        "  5.500 caller > acd: BYE",
        "  5.501 acd > caller: 200 OK (BYE)",
        "  5.501 acd > 1001: CANCEL",
        "  5.502 1001 > acd: 200 OK (CANCEL)",
        "  5.502 1001 > acd: 487 Request Terminated (INVITE)",
        "  5.503 acd > 1001: ACK",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  5.0 stepped_aside callback",
            "  5.0 flow_entered callback.offer",
            "  5.0 flow_entered callback.own-number",
            "  5.3 flow_entered callback.wait",
            "  5.3 stepped_back",
            "  5.3 offered 1001 service",
            "  5.5 offer_ended 1001 withdrawn",
            "  5.5 ended abandoned_queue caller bye",
        ],
    ]


def test_key_after_an_offer_is_not_heard_and_the_agent_answers() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        centre.command("1001", AgentCommand.NOT_READY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        centre.command("1001", AgentCommand.READY)
        centre.press("1")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race, with_keys())
    assert one.ladder == [
        *ANSWERED,
        "  5.000 acd > 1001: INVITE sdp",
        "  5.001 1001 > acd: 100 Trying (INVITE)",
        "  5.001 1001 > acd: 180 Ringing (INVITE)",
        "  6.000 1001 > acd: 200 OK (INVITE) sdp",
        "  6.001 acd > 1001: ACK",
        " 10.000 caller > acd: BYE",
        " 10.001 acd > caller: 200 OK (BYE)",
        " 10.001 acd > 1001: BYE",
        " 10.002 1001 > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  5.0 offered 1001 service",
            "  6.0 connected 1001",
            "  9.0 bridged",
            " 10.0 ended answered caller bye",
        ],
    ]


def test_key_during_the_announcement_of_the_position_stops_it_and_takes_the_caller_aside() -> None:
    async def race(centre: CallCentre) -> None:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(10.1)
        stream = centre.leg(centre.live(), "caller").stream
        position = centre.context.prompts.position(1, centre.live().language)
        assert centre.engine.hears(stream) == position
        centre.press("1")
        await centre.pass_time(0.1)
        assert centre.engine.hears(stream) != position
        await centre.pass_time(20)  # nothing pressed: waits on, and is told the position again
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race, with_keys(replace(QUEUE, announce_first_s=10.0, announce_every_s=10.0)))
    assert one.ladder == [
        *ANSWERED,
        " 30.200 caller > acd: BYE",
        " 30.201 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            " 10.0 wait_announced 1",
            " 10.1 stepped_aside callback",
            " 10.1 flow_entered callback.offer",
            " 10.1 flow_entered callback.own-number",
            " 21.6 flow_entered callback.wait",
            " 21.6 stepped_back",
            " 30.0 wait_announced 1",
            " 30.2 ended abandoned_queue caller bye",
        ],
    ]


def test_key_in_the_moment_in_which_the_menu_has_been_said_counts_once() -> None:
    async def race(centre: CallCentre) -> None:
        caller = centre.caller(VIP)
        caller.call(HOTLINE)
        await centre.pass_time(1.003)
        centre.press("2")
        centre.press("1")
        await centre.pass_time(1)
        assert centre.live().view.queue == SALES
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        "  2.003 caller > acd: BYE",
        "  2.004 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            "  0.0 arrived 95500",
            "  0.0 answered hotline",
            "  0.0 flow_entered hotline.greeting",
            "  0.5 flow_entered hotline.menu",
            "  1.0 flow_entered hotline.sales",
            "  1.0 queued sales",
            "  2.0 ended abandoned_queue caller bye",
        ],
    ]


def overflowing(target: ToQueue | ToFlow) -> Plan:
    """Callers go on there after twenty seconds, and may press 1 until then."""
    rule = OverflowRule(OverflowCause.WAIT, target)
    return with_keys(replace(QUEUE, max_wait_s=20.0, overflow=(rule,)))


async def press_when_the_wait_is_over(centre: CallCentre, key: str, by_s: float) -> None:
    """Wait for the end of the longest wait, and press so much later (earlier, if negative) than the rule acts."""
    centre.caller(VIP).call(SERVICE_LINE)
    await centre.pass_time(1)
    due = centre.context.acd.dispatcher.next_deadline()
    assert due is not None

    def press() -> None:
        centre.press(key)
        centre.context.event_router.on_media(
            centre.engine.events()
        )  # the call has been told, but has not come to read it

    asyncio.get_running_loop().call_at(due + by_s, press)
    await centre.pass_time(20)


def test_key_before_the_longest_wait_is_over_takes_the_caller_aside_and_the_rule_waits() -> None:
    async def race(centre: CallCentre) -> None:
        await press_when_the_wait_is_over(centre, "1", -1.0)
        centre.press("2")
        await centre.pass_time(0.1)
        assert centre.live().view.queue == SALES
        centre.phones[0].hang_up()
        await centre.pass_time(1)

    one = played(race, overflowing(ToQueue(SALES)))
    assert one.ladder == [
        *ANSWERED,
        " 21.100 caller > acd: BYE",
        " 21.101 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            " 19.0 stepped_aside callback",
            " 19.0 flow_entered callback.offer",
            " 19.0 flow_entered callback.own-number",
            " 21.0 flow_entered callback.wait",
            " 21.0 stepped_back",
            " 21.0 overflowed wait queue:sales",
            " 21.0 queued sales",
            " 21.1 ended abandoned_queue caller bye",
        ],
    ]
    assert one.queue_visits == ["service overflowed", "sales abandoned_short"]


def test_key_in_the_turn_of_an_overflow_to_a_flow_means_nothing_any_more() -> None:
    async def race(centre: CallCentre) -> None:
        await press_when_the_wait_is_over(centre, "1", -SAME_TURN_S)
        centre.phones[0].hang_up()
        await centre.pass_time(1)

    one = played(race, overflowing(ToFlow("voicemail")))
    assert one.ladder == [
        *ANSWERED,
        " 21.000 caller > acd: BYE",
        " 21.001 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            " 20.0 overflowed wait flow:voicemail",
            " 20.0 flow_entered voicemail.welcome",
            " 20.5 flow_entered voicemail.subject",
            " 21.0 ended overflowed caller bye",
        ],
    ]
    assert one.queue_visits == ["service overflowed"]


def test_key_in_the_turn_of_an_overflow_to_a_queue_means_nothing_in_that_queue() -> None:
    async def race(centre: CallCentre) -> None:
        await press_when_the_wait_is_over(centre, "1", -SAME_TURN_S)
        assert centre.live().view.queue == SALES
        centre.phones[0].hang_up()
        await centre.pass_time(1)

    one = played(race, overflowing(ToQueue(SALES)))
    assert one.ladder == [
        *ANSWERED,
        " 21.000 caller > acd: BYE",
        " 21.001 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            " 20.0 overflowed wait queue:sales",
            " 20.0 queued sales",
            " 21.0 ended abandoned_queue caller bye",
        ],
    ]
    assert one.queue_visits == ["service overflowed", "sales abandoned_short"]


def test_caller_sent_on_during_a_side_flow_goes_there() -> None:
    async def race(centre: CallCentre) -> None:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        centre.press("1")
        await centre.pass_time(0.2)
        centre.operations.requeue(centre.live().id, SALES, "supervisor")
        await centre.pass_time(1)
        assert centre.live().view.queue == SALES
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race, with_keys())
    assert one.ladder == [
        *ANSWERED,
        "  6.200 caller > acd: BYE",
        "  6.201 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  5.0 stepped_aside callback",
            "  5.0 flow_entered callback.offer",
            "  5.0 flow_entered callback.own-number",
            "  5.2 sent queue:sales supervisor",
            "  5.2 queue_left",
            "  5.2 queued sales",
            "  6.2 ended abandoned_queue caller bye",
        ],
    ]
    assert one.queue_visits == ["service withdrawn", "sales abandoned_short"]


def test_caller_sent_on_in_the_turn_of_a_key_goes_there() -> None:
    async def race(centre: CallCentre) -> None:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        centre.press("1")
        centre.context.event_router.on_media(centre.engine.events())
        centre.operations.requeue(centre.live().id, SALES, "supervisor")
        await centre.pass_time(1)
        assert centre.live().view.queue == SALES
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race, with_keys())
    assert one.ladder == [
        *ANSWERED,
        "  6.000 caller > acd: BYE",
        "  6.001 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  5.0 stepped_aside callback",
            "  5.0 flow_entered callback.offer",
            "  5.0 flow_entered callback.own-number",
            "  5.0 sent queue:sales supervisor",
            "  5.0 queue_left",
            "  5.0 queued sales",
            "  6.0 ended abandoned_queue caller bye",
        ],
    ]
    assert one.queue_visits == ["service withdrawn", "sales abandoned_short"]
