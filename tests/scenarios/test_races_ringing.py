"""Races around a phone that rings, each with its ladder: messages that cross, and changes in the same moment.

Others of these races are held elsewhere:

| race | where |
|---|---|
| CANCEL against 200 between two endpoints | `scenarios/test_sip_ladders`: `cancel_crossing_200` |
| 200 after a CANCEL that was lost | `scenarios/test_sip_ladders`: `200_after_a_cancel` |
| two 200s, the same one again | `scenarios/test_sip_ladders`: `two_phones_that_both_answer` |
| everything at once, at random | `scenarios/test_sip_crossing`, `simulation/test_simulation_day` |
| caller gone while a phone rings | `calls/test_calls_whole_calls`: `caller_gone_while_ringing` |
| 200 after the caller's BYE | `calls/test_calls_whole_calls`: `answer_that_crosses_the_withdrawal` |
| BYE of the caller during the whisper | `calls/test_calls_whole_calls`: `caller_gone_during_the_whisper` |
| BYE in the moment of answering | `calls/test_calls_whole_calls`: `agent_hangs_up_in_the_moment` |
| the agent's own phone unregisters while ringing | `calls/test_calls_whole_calls`: `phone_that_unregisters` |
| the agent is deactivated while ringing | `calls/test_calls_agent_changed`: `deactivated_while_ringing` |
| the dispatcher's side of all of these | `queues/test_queues_dispatcher`, `queues/test_queues_overflow` |
| re-INVITEs that cross | `scenarios/test_sip_ladders`: `glare`, `bye_during_the_peers_re_invite` |
"""

from dataclasses import replace

from tests.calls.call_centre import (
    BOTH_TOLD_S,
    ORDINARY,
    OURS,
    SERVICE,
    SERVICE_LINE,
    VIP,
    CallCentre,
    password,
)
from tests.scenarios.ladders import ANSWERED, QUEUED, RUNG, played

from acdcore.calls.model.commands import AgentCommand, LiveAgentState, Seat, SeatKind
from acdcore.kernel.ids import AgentId
from acdcore.queues.inputs import DispatcherChanged
from acdcore.queues.settings import DispatcherSettings, QueueSettings
from acdcore.sip.syntax.parser import parse

QUEUE = QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0)
ON_THE_WAY_S = 0.0005
"""Half of the way of a message: so much later it can still be crossed."""


def test_cancel_that_crosses_our_200_ends_the_call_by_bye() -> None:
    async def race(centre: CallCentre) -> None:
        await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.READY

    one = played(race)
    assert one.ladder == [
        "  0.000 caller > acd: INVITE sdp",
        "  0.001 acd > caller: 100 Trying (INVITE)",
        "  0.001 acd > caller: 200 OK (INVITE) sdp",
        "  0.002 caller > acd: CANCEL",
        "  0.002 caller > acd: ACK",
        "  0.002 caller > acd: BYE",
        "  0.003 acd > caller: 200 OK (CANCEL)",
        "  0.003 acd > 1001: INVITE sdp",
        "  0.003 acd > caller: 200 OK (BYE)",
        "  0.004 1001 > acd: 100 Trying (INVITE)",
        "  0.004 1001 > acd: 180 Ringing (INVITE)",
        "  0.005 acd > 1001: CANCEL",
        "  0.006 1001 > acd: 200 OK (CANCEL)",
        "  0.006 1001 > acd: 487 Request Terminated (INVITE)",
        "  0.007 acd > 1001: ACK",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  0.0 offer_ended 1001 withdrawn",
            "  0.0 ended abandoned_queue caller bye",
        ],
    ]


def test_both_hang_up_in_the_whisper_and_the_talk_ends_once() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S / 2)
        caller.hang_up()
        agent.hang_up()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.WRAP_UP

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        "  2.500 caller > acd: BYE",
        "  2.500 1001 > acd: BYE",
        "  2.501 acd > caller: 200 OK (BYE)",
        "  2.501 acd > 1001: BYE",
        "  2.501 acd > 1001: 200 OK (BYE)",
        "  2.502 1001 > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 connected 1001",
            "  2.5 ended answered caller bye",
        ],
    ]


def test_agent_who_hangs_up_in_the_whisper_leaves_the_caller_to_the_next_agent() -> None:
    async def race(centre: CallCentre) -> None:
        first, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        first.answer()
        await centre.pass_time(BOTH_TOLD_S / 2)
        second = await centre.seat("1002")
        first.hang_up()
        await centre.pass_time(0.5)
        second.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        caller.hang_up()
        await centre.pass_time(1)
        assert (centre.state("1001"), centre.state("1002")) == (LiveAgentState.WRAP_UP, LiveAgentState.WRAP_UP)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        "  2.600 1001 > acd: BYE",
        "  2.601 acd > 1001: 200 OK (BYE)",
        "  2.601 acd > 1002: INVITE sdp",
        "  2.602 1002 > acd: 100 Trying (INVITE)",
        "  2.602 1002 > acd: 180 Ringing (INVITE)",
        "  3.100 1002 > acd: 200 OK (INVITE) sdp",
        "  3.101 acd > 1002: ACK",
        "  7.100 caller > acd: BYE",
        "  7.101 acd > caller: 200 OK (BYE)",
        "  7.101 acd > 1002: BYE",
        "  7.102 1002 > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 connected 1001",
            "  2.6 returned service 1001",
            "  2.6 queued service",
            "  2.6 offered 1002 service",
            "  3.1 connected 1002",
            "  6.1 bridged",
            "  7.1 ended answered caller bye",
        ],
    ]
    assert one.queue_visits == ["service answered 1001", "service answered 1002"]


def test_second_200_of_a_forked_phone_is_hung_up_and_the_first_talks_on() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        assert agent.invite is not None
        contact = (("Contact", f"<sip:mobile@{agent.address}>"), ("Content-Type", "application/sdp"))
        desk = parse(centre.cable.seen[-1].data)
        mobile = agent.invite.request.response(200, headers=contact, body=desk.body, to_tag="mobile")
        centre.cable.put(mobile.serialise(), agent.address, OURS)
        await centre.pass_time(BOTH_TOLD_S + 1)
        assert centre.state("1001") is LiveAgentState.TALKING
        assert agent.is_up
        agent.hang_up()
        await centre.pass_time(1)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        "  1.001 acd > 1001: ACK",
        "  1.001 acd > 1001: BYE",
        "  1.002 1001 > acd: 481 Call/Transaction Does Not Exist (BYE)",
        "  5.000 1001 > acd: BYE",
        "  5.001 acd > 1001: 200 OK (BYE)",
        "  5.001 acd > caller: BYE",
        "  5.002 caller > acd: 200 OK (BYE)",
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
    ]


def test_answer_that_crosses_the_end_of_the_ring_time_is_hung_up_and_the_next_agent_rings() -> None:
    async def race(centre: CallCentre) -> None:
        slow = await centre.seat("1001")
        await centre.pass_time(1)
        next_one, caller = await centre.seat("1002"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(QUEUE.ring_for_s + 0.003)
        slow.answer()
        await centre.pass_time(1)
        assert not slow.is_up
        assert (centre.state("1001"), next_one.rings) == (LiveAgentState.NOT_READY, True)
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        " 15.003 1001 > acd: 200 OK (INVITE) sdp",
        " 15.003 acd > 1001: CANCEL",
        " 15.003 acd > 1002: INVITE sdp",
        " 15.004 acd > 1001: ACK",
        " 15.004 acd > 1001: BYE",
        " 15.004 1001 > acd: 200 OK (CANCEL)",
        " 15.004 1002 > acd: 100 Trying (INVITE)",
        " 15.004 1002 > acd: 180 Ringing (INVITE)",
        " 15.005 1001 > acd: 200 OK (BYE)",
        " 16.003 caller > acd: BYE",
        " 16.004 acd > caller: 200 OK (BYE)",
        " 16.004 acd > 1002: CANCEL",
        " 16.005 1002 > acd: 200 OK (CANCEL)",
        " 16.005 1002 > acd: 487 Request Terminated (INVITE)",
        " 16.006 acd > 1002: ACK",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            " 15.0 offer_ended 1001 no_answer",
            " 15.0 offered 1002 service",
            " 16.0 offer_ended 1002 withdrawn",
            " 16.0 ended abandoned_queue caller bye",
        ],
    ]


def test_agent_who_goes_on_a_break_in_the_moment_of_answering_is_hung_up_and_the_next_agent_rings() -> None:
    async def race(centre: CallCentre) -> None:
        going = await centre.seat("1001")
        await centre.pass_time(1)
        staying, caller = await centre.seat("1002"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        going.answer()
        await centre.pass_time(ON_THE_WAY_S)
        centre.command("1001", AgentCommand.NOT_READY)
        await centre.pass_time(1)
        assert (going.is_up, staying.rings) == (False, True)
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  5.000 1001 > acd: 200 OK (INVITE) sdp",
        "  5.000 acd > 1001: CANCEL",
        "  5.000 acd > 1002: INVITE sdp",
        "  5.001 acd > 1001: ACK",
        "  5.001 acd > 1001: BYE",
        "  5.002 1001 > acd: 200 OK (CANCEL)",
        "  5.002 1002 > acd: 100 Trying (INVITE)",
        "  5.002 1002 > acd: 180 Ringing (INVITE)",
        "  5.002 1001 > acd: 200 OK (BYE)",
        "  6.000 caller > acd: BYE",
        "  6.002 acd > caller: 200 OK (BYE)",
        "  6.002 acd > 1002: CANCEL",
        "  6.003 1002 > acd: 200 OK (CANCEL)",
        "  6.003 1002 > acd: 487 Request Terminated (INVITE)",
        "  6.004 acd > 1002: ACK",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  5.0 offer_ended 1001 withdrawn",
            "  5.0 offered 1002 service",
            "  6.0 offer_ended 1002 withdrawn",
            "  6.0 ended abandoned_queue caller bye",
        ],
    ]


def test_agent_who_refuses_while_the_caller_hangs_up_has_missed_nothing() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        caller.hang_up()
        agent.refuse()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.READY
        assert centre.operations.agent(AgentId("1001")).missed == 0

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  5.000 caller > acd: BYE",
        "  5.000 1001 > acd: 603 Decline (INVITE)",
        "  5.001 acd > caller: 200 OK (BYE)",
        "  5.001 acd > 1001: CANCEL",
        "  5.001 acd > 1001: ACK",
        "  5.002 1001 > acd: 200 OK (CANCEL)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  5.0 offer_ended 1001 withdrawn",
            "  5.0 ended abandoned_queue caller bye",
        ],
    ]


def test_seat_whose_phone_unregisters_while_it_rings_is_left_alone_and_the_next_agent_rings() -> None:
    async def race(centre: CallCentre) -> None:
        phone = centre.employ("1009")
        phone.register(password("1009"))
        centre.employ("1001")
        await centre.pass_time(0.1)
        centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, Seat(SeatKind.PHONE, "1009"))
        centre.command("1001", AgentCommand.READY)
        await centre.pass_time(1)
        other, caller = await centre.seat("1002"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert phone.rings
        phone.register(password("1009"), expires_s=0)
        await centre.pass_time(1)
        assert (centre.state("1001"), phone.rings, other.rings) == (LiveAgentState.UNREACHABLE, False, True)
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        "  0.003 acd > 1009: INVITE sdp",
        "  0.004 1009 > acd: 100 Trying (INVITE)",
        "  0.004 1009 > acd: 180 Ringing (INVITE)",
        "  1.003 acd > 1009: CANCEL",
        "  1.003 acd > 1002: INVITE sdp",
        "  1.004 1009 > acd: 200 OK (CANCEL)",
        "  1.004 1009 > acd: 487 Request Terminated (INVITE)",
        "  1.004 1002 > acd: 100 Trying (INVITE)",
        "  1.004 1002 > acd: 180 Ringing (INVITE)",
        "  1.005 acd > 1009: ACK",
        "  2.000 caller > acd: BYE",
        "  2.001 acd > caller: 200 OK (BYE)",
        "  2.001 acd > 1002: CANCEL",
        "  2.002 1002 > acd: 200 OK (CANCEL)",
        "  2.002 1002 > acd: 487 Request Terminated (INVITE)",
        "  2.003 acd > 1002: ACK",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 offer_ended 1001 withdrawn",
            "  1.0 offered 1002 service",
            "  2.0 offer_ended 1002 withdrawn",
            "  2.0 ended abandoned_queue caller bye",
        ],
    ]


def test_assignment_takes_the_caller_from_a_phone_that_answers_in_that_moment() -> None:
    async def race(centre: CallCentre) -> None:
        first = await centre.seat("1001")
        await centre.pass_time(1)
        chosen, caller = await centre.seat("1002"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        first.answer()
        await centre.pass_time(ON_THE_WAY_S)
        centre.operations.assign(centre.live().id, AgentId("1002"), "supervisor")
        await centre.pass_time(1)
        assert (first.is_up, chosen.rings, centre.state("1001")) == (False, True, LiveAgentState.READY)
        chosen.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        caller.hang_up()
        await centre.pass_time(1)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  5.000 1001 > acd: 200 OK (INVITE) sdp",
        "  5.000 acd > 1001: CANCEL",
        "  5.000 acd > 1002: INVITE sdp",
        "  5.001 acd > 1001: ACK",
        "  5.001 acd > 1001: BYE",
        "  5.002 1001 > acd: 200 OK (CANCEL)",
        "  5.002 1002 > acd: 100 Trying (INVITE)",
        "  5.002 1002 > acd: 180 Ringing (INVITE)",
        "  5.002 1001 > acd: 200 OK (BYE)",
        "  6.000 1002 > acd: 200 OK (INVITE) sdp",
        "  6.002 acd > 1002: ACK",
        " 10.001 caller > acd: BYE",
        " 10.002 acd > caller: 200 OK (BYE)",
        " 10.002 acd > 1002: BYE",
        " 10.003 1002 > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  5.0 sent agent:1002 supervisor",
            "  5.0 offer_ended 1001 withdrawn",
            "  5.0 offered 1002 service",
            "  6.0 connected 1002",
            "  9.0 bridged",
            " 10.0 ended answered caller bye",
        ],
    ]


def test_reload_while_a_phone_rings_leaves_that_ring_as_it_began_and_holds_for_the_next_caller() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller, later = await centre.seat("1001"), centre.caller(VIP), centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(3)
        centre.context.rules = replace(centre.context.rules)
        centre.context.acd.handle(
            DispatcherChanged(DispatcherSettings((replace(QUEUE, ring_for_s=5.0, wrap_up_s=0.0),)))
        )
        await centre.pass_time(7)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        later.call(SERVICE_LINE)
        caller.hang_up()
        await centre.pass_time(9)
        assert not agent.rings  # wraps up as long as it was when that caller came
        await centre.pass_time(2)
        assert agent.rings
        await centre.pass_time(5)
        assert not agent.rings
        later.hang_up()
        await centre.pass_time(1)

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        " 10.000 1001 > acd: 200 OK (INVITE) sdp",
        " 10.001 acd > 1001: ACK",
        " 14.000 other > acd: INVITE sdp",
        " 14.000 caller > acd: BYE",
        " 14.001 acd > other: 100 Trying (INVITE)",
        " 14.001 acd > other: 200 OK (INVITE) sdp",
        " 14.001 acd > caller: 200 OK (BYE)",
        " 14.001 acd > 1001: BYE",
        " 14.002 other > acd: ACK",
        " 14.002 1001 > acd: 200 OK (BYE)",
        " 24.001 acd > 1001: INVITE sdp",
        " 24.002 1001 > acd: 100 Trying (INVITE)",
        " 24.002 1001 > acd: 180 Ringing (INVITE)",
        " 29.001 acd > 1001: CANCEL",
        " 29.002 1001 > acd: 200 OK (CANCEL)",
        " 29.002 1001 > acd: 487 Request Terminated (INVITE)",
        " 29.003 acd > 1001: ACK",
        " 30.000 other > acd: BYE",
        " 30.001 acd > other: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            " 10.0 connected 1001",
            " 13.0 bridged",
            " 14.0 ended answered caller bye",
        ],
        [
            *QUEUED,
            " 10.0 offered 1001 service",
            " 15.0 offer_ended 1001 no_answer",
            " 16.0 ended abandoned_queue caller bye",
        ],
    ]
