"""Races around callers who wait: wrap-ups, supervisors, rules and reloads in one moment, each with its ladder.

| also | where |
|---|---|
| a talking caller is sent to another queue | `calls/test_calls_places`: `talking_caller_sent_to_another_queue` |
| a wrap-up that was cut short | `queues/test_queues_dispatcher`: `wrap_up_that_was_cut_short` |
| a reload that is wrong | `queues/test_queues_dispatcher`: `reload_with_a_mistake` |
| skills change while somebody waits or rings | `calls/test_calls_agent_changed`, `queues/test_queues_overflow` |
"""

from dataclasses import replace

import pytest
from tests.calls.cable import DELAY_S
from tests.calls.call_centre import (
    BOTH_TOLD_S,
    ORDINARY,
    SALES,
    SERVICE,
    SERVICE_LINE,
    VIP,
    CallCentre,
    Plan,
)
from tests.calls.the_flows import packaged_flows
from tests.scenarios.ladders import ANSWERED, QUEUED, RUNG, played

from acdcore.calls.model.commands import AgentCommand, LiveAgentState, UnknownCall
from acdcore.kernel.ids import AgentId
from acdcore.queues.inputs import DispatcherChanged
from acdcore.queues.settings import DispatcherSettings, OverflowCause, OverflowRule, QueueSettings, ToFlow, ToQueue
from acdcore.sip.events import SessionEnded, SipEvent

QUEUE = QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0)
OTHER_QUEUE = QueueSettings(SALES, ring_for_s=15.0, wrap_up_s=10.0)


def test_caller_sent_back_to_the_only_agent_waits_for_the_wrap_up_and_until_that_agent_may_be_tried_again() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        centre.operations.requeue(centre.live().id, SERVICE, "supervisor")
        await centre.pass_time(5)
        assert (centre.state("1001"), agent.rings) == (LiveAgentState.WRAP_UP, False)
        await centre.pass_time(6)
        assert (centre.state("1001"), agent.rings) == (
            LiveAgentState.READY,
            False,
        )  # who sent a caller off is tried last
        await centre.pass_time(20)
        assert agent.rings
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        "  5.000 acd > 1001: BYE",
        "  5.001 1001 > acd: 200 OK (BYE)",
        " 35.000 acd > 1001: INVITE sdp",
        " 35.001 1001 > acd: 100 Trying (INVITE)",
        " 35.001 1001 > acd: 180 Ringing (INVITE)",
        " 36.000 1001 > acd: 200 OK (INVITE) sdp",
        " 36.001 acd > 1001: ACK",
        " 40.000 caller > acd: BYE",
        " 40.001 acd > caller: 200 OK (BYE)",
        " 40.001 acd > 1001: BYE",
        " 40.002 1001 > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 connected 1001",
            "  4.0 bridged",
            "  5.0 talk_ended system",
            "  5.0 sent queue:service supervisor",
            "  5.0 queued service",
            " 35.0 offered 1001 service",
            " 36.0 connected 1001",
            " 39.0 bridged",
            " 40.0 ended answered caller bye",
        ],
    ]
    assert one.queue_visits == ["service answered 1001", "service answered 1001"]


def test_caller_sent_on_during_the_whisper_is_served_there_and_the_agent_is_freed() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(1)
        centre.operations.requeue(centre.live().id, SALES, "supervisor")
        await centre.pass_time(1)
        assert (agent.is_up, centre.state("1001"), centre.live().view.queue) == (False, LiveAgentState.WRAP_UP, SALES)
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        "  2.000 acd > 1001: BYE",
        "  2.001 1001 > acd: 200 OK (BYE)",
        "  3.000 caller > acd: BYE",
        "  3.001 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 connected 1001",
            "  2.0 talk_ended system",
            "  2.0 sent queue:sales supervisor",
            "  2.0 queued sales",
            "  3.0 ended abandoned_queue caller bye",
        ],
    ]
    assert one.queue_visits == ["sales abandoned_short", "service answered 1001"]


def test_wrap_up_that_ends_while_another_refuses_brings_the_caller_there() -> None:
    async def race(centre: CallCentre) -> None:
        first, early = await centre.seat("1001"), centre.caller(ORDINARY)
        await centre.talk(first, early)
        early.hang_up()
        await centre.pass_time(5)
        second, caller = await centre.seat("1002"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        second.refuse(486)
        await centre.pass_time(0.0005)
        centre.command("1001", AgentCommand.END_WRAP_UP)
        await centre.pass_time(1)
        assert (first.rings, centre.state("1002")) == (True, LiveAgentState.NOT_READY)
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        "  5.000 caller > acd: BYE",
        "  5.001 acd > caller: 200 OK (BYE)",
        "  5.001 acd > 1001: BYE",
        "  5.002 1001 > acd: 200 OK (BYE)",
        " 10.100 other > acd: INVITE sdp",
        " 10.101 acd > other: 100 Trying (INVITE)",
        " 10.101 acd > other: 200 OK (INVITE) sdp",
        " 10.102 other > acd: ACK",
        " 10.103 acd > 1002: INVITE sdp",
        " 10.104 1002 > acd: 100 Trying (INVITE)",
        " 10.104 1002 > acd: 180 Ringing (INVITE)",
        " 11.100 1002 > acd: 486 Busy Here (INVITE)",
        " 11.101 acd > 1002: ACK",
        " 11.101 acd > 1001: INVITE sdp",
        " 11.102 1001 > acd: 100 Trying (INVITE)",
        " 11.102 1001 > acd: 180 Ringing (INVITE)",
        " 12.101 other > acd: BYE",
        " 12.101 acd > other: 200 OK (BYE)",
        " 12.101 acd > 1001: CANCEL",
        " 12.103 1001 > acd: 200 OK (CANCEL)",
        " 12.103 1001 > acd: 487 Request Terminated (INVITE)",
        " 12.104 acd > 1001: ACK",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 connected 1001",
            "  4.0 bridged",
            "  5.0 ended answered caller bye",
        ],
        [
            *QUEUED,
            "  0.0 offered 1002 service",
            "  1.0 offer_ended 1002 busy",
            "  1.0 offered 1001 service",
            "  2.0 offer_ended 1001 withdrawn",
            "  2.0 ended abandoned_queue caller bye",
        ],
    ]


def test_caller_who_comes_in_the_moment_in_which_the_wrap_up_ends_is_offered_once() -> None:
    async def race(centre: CallCentre) -> None:
        agent, early, caller = await centre.seat("1001"), centre.caller(ORDINARY), centre.caller(VIP)
        await centre.talk(agent, early)
        agent.hang_up()
        await centre.pass_time(QUEUE.wrap_up_s - 0.002)  # the INVITE, our 200 and the ACK take three milliseconds
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert agent.rings
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        agent.hang_up()
        await centre.pass_time(1)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        "  5.000 1001 > acd: BYE",
        "  5.001 acd > 1001: 200 OK (BYE)",
        "  5.001 acd > caller: BYE",
        "  5.002 caller > acd: 200 OK (BYE)",
        " 14.998 other > acd: INVITE sdp",
        " 14.999 acd > other: 100 Trying (INVITE)",
        " 14.999 acd > other: 200 OK (INVITE) sdp",
        " 15.000 other > acd: ACK",
        " 15.001 acd > 1001: INVITE sdp",
        " 15.002 1001 > acd: 100 Trying (INVITE)",
        " 15.002 1001 > acd: 180 Ringing (INVITE)",
        " 15.998 1001 > acd: 200 OK (INVITE) sdp",
        " 15.999 acd > 1001: ACK",
        " 19.998 1001 > acd: BYE",
        " 19.999 acd > 1001: 200 OK (BYE)",
        " 19.999 acd > other: BYE",
        " 20.000 other > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 connected 1001",
            "  4.0 bridged",
            "  5.0 talk_ended agent",
            "  5.0 ended answered agent",
        ],
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 connected 1001",
            "  4.0 bridged",
            "  5.0 talk_ended agent",
            "  5.0 ended answered agent",
        ],
    ]


def test_caller_assigned_while_hanging_up_rings_nobody() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        call = centre.live().id

        def assign(event: SipEvent) -> None:
            if isinstance(event, SessionEnded):  # the call has been told to end, and has not come to it
                centre.operations.assign(call, AgentId("1001"), "front desk")
                assert centre.state("1001") is LiveAgentState.RINGING

        centre.after_sip = assign
        caller.hang_up()
        await centre.pass_time(1)
        assert (agent.rings, centre.state("1001")) == (False, LiveAgentState.READY)
        with pytest.raises(UnknownCall):
            centre.operations.assign(call, AgentId("1001"), "front desk")

    one = played(race, Plan(queues=(replace(QUEUE, is_manual_assignment=True),)))
    assert one.ladder == [
        *ANSWERED,
        "  5.000 caller > acd: BYE",
        "  5.001 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  5.0 sent agent:1001 front desk",
            "  5.0 ended abandoned_queue caller bye",
        ],
    ]
    assert one.queue_visits == ["service abandoned_short"]


def test_reload_without_the_queue_that_a_caller_waits_in_leaves_the_caller_served() -> None:
    async def race(centre: CallCentre) -> None:
        caller, late = centre.caller(VIP), centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        centre.context.acd.handle(DispatcherChanged(DispatcherSettings((OTHER_QUEUE,))))
        late.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert not late.is_up
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        agent.hang_up()
        await centre.pass_time(QUEUE.wrap_up_s + 1)
        assert centre.state("1001") is LiveAgentState.READY
        assert [view.queue for view in centre.context.acd.snapshot().queues] == [SALES]

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        "  5.000 other > acd: INVITE sdp",
        "  5.001 acd > other: 100 Trying (INVITE)",
        "  5.001 acd > other: 200 OK (INVITE) sdp",
        "  5.002 other > acd: ACK",
        "  5.003 acd > other: BYE",
        "  5.004 other > acd: 200 OK (BYE)",
        "  6.100 acd > 1001: INVITE sdp",
        "  6.101 1001 > acd: 100 Trying (INVITE)",
        "  6.101 1001 > acd: 180 Ringing (INVITE)",
        "  7.100 1001 > acd: 200 OK (INVITE) sdp",
        "  7.101 acd > 1001: ACK",
        " 11.100 1001 > acd: BYE",
        " 11.101 acd > 1001: 200 OK (BYE)",
        " 11.101 acd > caller: BYE",
        " 11.102 caller > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  6.1 offered 1001 service",
            "  7.1 connected 1001",
            " 10.1 bridged",
            " 11.1 talk_ended agent",
            " 11.1 ended answered agent",
        ],
        [
            "  0.0 arrived 95501",
            "  0.0 answered service",
            "  0.0 flow_entered service.service",
            "  0.0 ended failed system queue: unknown_queue",
        ],
    ]
    assert one.queue_visits == ["service answered 1001"]


def overflowing() -> Plan:
    """Callers leave a message after twenty seconds."""
    rule = OverflowRule(OverflowCause.WAIT, ToFlow("voicemail"))
    queue = replace(QUEUE, max_wait_s=20.0, overflow=(rule,))
    return Plan(queues=(queue,), flows=packaged_flows("voicemail"))


def test_reload_without_the_flow_that_a_callers_queue_overflows_to_leads_there_all_the_same() -> None:
    async def race(centre: CallCentre) -> None:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        kept = {name: flow for name, flow in centre.context.rules.flows.items() if name != "voicemail"}
        centre.context.acd.handle(DispatcherChanged(DispatcherSettings((QUEUE,))))
        centre.context.rules = replace(centre.context.rules, flows=kept)
        await centre.pass_time(16)
        assert centre.live().view.flow_node == "voicemail.subject"
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race, overflowing())
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


def with_overflow() -> Plan:
    """A service queue whose callers wait on in sales after ten seconds."""
    rule = OverflowRule(OverflowCause.WAIT, ToQueue(SALES))
    return Plan(queues=(replace(QUEUE, max_wait_s=10.0, overflow=(rule,)), OTHER_QUEUE))


def test_answer_on_the_way_when_the_longest_wait_is_over_talks() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(10.003 - DELAY_S / 2)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        assert centre.state("1001") is LiveAgentState.TALKING
        agent.hang_up()
        await centre.pass_time(1)

    one = played(race, with_overflow())
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        " 10.002 1001 > acd: 200 OK (INVITE) sdp",
        " 10.004 acd > 1001: ACK",
        " 14.002 1001 > acd: BYE",
        " 14.004 acd > 1001: 200 OK (BYE)",
        " 14.004 acd > caller: BYE",
        " 14.005 caller > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            " 10.0 connected 1001",
            " 13.0 bridged",
            " 14.0 talk_ended agent",
            " 14.0 ended answered agent",
        ],
    ]
    assert one.queue_visits == ["service answered 1001"]


def test_refusal_after_the_longest_wait_sends_the_caller_on_at_once() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(12)
        agent.refuse(486)
        await centre.pass_time(1)
        assert centre.live().view.queue == SALES
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race, with_overflow())
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        " 12.000 1001 > acd: 486 Busy Here (INVITE)",
        " 12.001 acd > 1001: ACK",
        " 13.000 caller > acd: BYE",
        " 13.001 acd > caller: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            " 12.0 offer_ended 1001 busy",
            " 12.0 overflowed wait queue:sales",
            " 12.0 queued sales",
            " 13.0 ended abandoned_queue caller bye",
        ],
    ]
    assert one.queue_visits == ["service overflowed", "sales abandoned_short"]
