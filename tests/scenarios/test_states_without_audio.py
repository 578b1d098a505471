"""Every state in which a call could wait without a timer and without audio, and what ends it (docs/sip.md has it).

The others are held elsewhere: an INVITE that nobody answers, our own INVITEs and CANCELs in
`scenarios/test_sip_ladders`; an agent's phone that rings in `scenarios/test_races_ringing`.
"""

import pytest
from tests.calls.call_centre import EXCHANGE, OUTSIDE_LINE, SERVICE_LINE, VIP, CallCentre, opened, password

from acdcore.calls.core.leg import Leg
from acdcore.calls.model.commands import CallState, LiveAgentState
from acdcore.kernel.address import Address
from acdcore.kernel.errors import Outcome
from acdcore.sdp import negotiate
from acdcore.sdp.model import Codec, LocalMedia, MediaDirection
from acdcore.sip.events import SessionEnded
from acdcore.sip.ladder import header_value, label

pytestmark = pytest.mark.looptime

ASKED_EVERY_S = 30.0
FOUND_DEAD_S = ASKED_EVERY_S + 20.0 + 1.0
"""From the last sign of life: the question, and the time that its answer may take."""
UNHEARD_MAX_S = 180.0
HELD_MAX_S = 14_400.0


def offer(direction: MediaDirection = MediaDirection.SENDRECV, host: str = "198.51.100.10") -> bytes:
    """A caller's description."""
    local = LocalMedia(Address(host, 4000), (Codec.PCMA,), session_id=1, direction=direction)
    return negotiate.offer(local)


def sent(centre: CallCentre, to: Address) -> list[bytes]:
    """What we have sent to somebody."""
    return [one.data for one in centre.cable.seen if one.receiver == to]


def questions(centre: CallCentre, to: Address) -> int:
    """How often somebody was asked within a call."""
    return sum(label(each) == "OPTIONS" and ";tag=" in header_value(each, "To") for each in sent(centre, to))


def ended(centre: CallCentre) -> str:
    """The last line of the one call's history."""
    return " ".join(centre.call_history()[-1].split()[1:])


def hear(centre: CallCentre) -> None:
    """Every phone that is connected has sent something."""
    centre.engine.heard.update(centre.engine.streams)


async def test_late_offer_whose_ack_has_no_answer_is_hung_up_on_at_once() -> None:
    async with opened() as centre:
        await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE, offer=b"")
        await centre.pass_time(0.1)
        assert not caller.is_up
        (bye,) = [each for each in sent(centre, caller.address) if label(each) == "BYE"]
        assert header_value(bye, "Reason") == 'SIP;cause=400;text="no session description"'
        assert centre.cdr().outcome is Outcome.REFUSED_REQUEST
        assert centre.cdr().queued_at is None
        assert centre.state("1001") is LiveAgentState.READY


@pytest.mark.parametrize(
    "described",
    [
        offer(MediaDirection.INACTIVE),
        offer(MediaDirection.RECVONLY),
        offer(MediaDirection.SENDONLY),
        offer(host="0.0.0.0"),
    ],
    ids=["inactive", "recvonly", "sendonly", "0.0.0.0"],
)
async def test_caller_without_audio_from_the_first_offer_does_not_wait_for_ever(described: bytes) -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE, offer=described)
        await centre.pass_time(UNHEARD_MAX_S - 1)
        assert caller.is_up
        assert questions(centre, caller.address) == 5, "it is asked meanwhile, and answers"
        await centre.pass_time(2)
        assert not caller.is_up
        assert ended(centre) == "ended media_lost system held_too_long"


async def test_caller_who_is_heard_though_the_offer_said_otherwise_keeps_the_line() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE, offer=offer(host="0.0.0.0"))
        await centre.pass_time(60)
        hear(centre)
        await centre.pass_time(UNHEARD_MAX_S)
        assert caller.is_up
        await centre.pass_time(HELD_MAX_S - UNHEARD_MAX_S - 61)
        assert caller.is_up
        await centre.pass_time(2)
        assert not caller.is_up


async def test_caller_that_dies_from_the_first_inactive_offer_on_is_found_by_asking() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE, offer=offer(MediaDirection.INACTIVE))
        await centre.pass_time(1)
        centre.cable.unplugged.add(caller.address)
        await centre.pass_time(FOUND_DEAD_S)
        assert ended(centre) == "ended media_lost system gone"
        caller.hang_up()


async def test_held_caller_in_the_queue_who_lives_is_kept_and_one_who_dies_is_found_by_asking() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        hear(centre)
        caller.hold()
        await centre.pass_time(3_600)
        assert caller.is_up
        assert questions(centre, caller.address) >= 119
        centre.cable.unplugged.add(caller.address)
        await centre.pass_time(FOUND_DEAD_S)
        assert ended(centre) == "ended media_lost system gone"
        caller.hang_up()


async def test_resumed_caller_is_asked_no_more() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        caller.hold()
        await centre.pass_time(40)
        caller.resume()
        await centre.pass_time(1)
        asked = questions(centre, caller.address)
        await centre.pass_time(300)
        assert caller.is_up
        assert questions(centre, caller.address) == asked == 1
        caller.hang_up()
        await centre.pass_time(1)


async def test_agents_phone_that_dies_while_it_holds_frees_the_agent_and_the_caller_waits_for_another() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        hear(centre)
        agent.hold()
        await centre.pass_time(600)
        assert caller.is_up
        centre.cable.unplugged.add(agent.address)
        await centre.pass_time(FOUND_DEAD_S)
        assert caller.is_up
        assert centre.call_history()[-1].endswith("queued service")
        assert centre.state("1001") is LiveAgentState.UNREACHABLE
        agent.hang_up()
        caller.hang_up()
        await centre.pass_time(1)


async def test_hold_ends_after_its_longest_time_though_the_phone_lives() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        hear(centre)
        agent.hold()
        await centre.pass_time(HELD_MAX_S - 1)
        assert caller.is_up
        await centre.pass_time(2)
        assert not agent.is_up
        assert SessionEnded in [type(event) for event in agent.heard]
        assert caller.is_up, "the agent did not hang up"
        caller.hang_up()
        await centre.pass_time(1)


async def test_outside_party_that_dies_while_it_holds_is_found_by_asking() -> None:
    async with opened() as centre:
        exchange, caller = centre.exchange(), centre.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        exchange.answer()
        await centre.pass_time(1)
        hear(centre)
        exchange.hold()
        await centre.pass_time(120)
        assert caller.is_up
        centre.cable.unplugged.add(EXCHANGE)
        await centre.pass_time(FOUND_DEAD_S)
        assert not caller.is_up
        assert centre.cdr().outcome is Outcome.FORWARDED
        exchange.hang_up()


async def test_nailed_up_line_that_dies_on_hold_is_let_go() -> None:
    async with opened() as centre:
        agent = centre.employ("1001")
        agent.register(password("1001"))
        await centre.pass_time(0.1)
        agent.call("*16", password=password("1001"))
        await centre.pass_time(3)
        hear(centre)
        agent.hold()
        await centre.pass_time(300)
        assert agent.is_up
        centre.cable.unplugged.add(agent.address)
        await centre.pass_time(FOUND_DEAD_S)
        assert not centre.switchboard.calls
        assert centre.state("1001") is LiveAgentState.UNREACHABLE
        agent.hang_up()


async def test_caller_whose_ack_never_comes_is_let_go() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(0.0015)
        centre.cable.unplugged.add(caller.address)
        await centre.pass_time(33)
        assert ended(centre) == "ended failed system ack_timeout"
        caller.hang_up()


async def test_re_invite_without_an_offer_whose_ack_has_no_answer_leaves_the_talk_as_it_was() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        assert caller.session is not None
        leg = centre.live().caller
        assert isinstance(leg, Leg)
        before = centre.engine.streams[leg.stream].target
        caller.stack.modify(caller.session, b"")
        await centre.pass_time(1)
        assert label(sent(centre, caller.address)[-1]) == "200 OK (INVITE) sdp"
        assert caller.is_up
        assert agent.is_up
        assert centre.engine.streams[leg.stream].target == before
        assert centre.live().view.state is CallState.TALKING
        caller.hang_up()
        await centre.pass_time(1)


async def test_re_invite_that_takes_the_audio_back_is_a_hold_until_the_audio_comes_back() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        hear(centre)
        assert caller.session is not None
        caller.stack.modify(caller.session, offer().replace(b"m=audio 4000", b"m=audio 0"))
        await centre.pass_time(1)
        answer = sent(centre, caller.address)[-1]
        assert label(answer) == "200 OK (INVITE) sdp"
        assert b"m=audio 0 RTP/AVP" in answer
        assert centre.live().view.state is CallState.HELD
        leg = centre.live().caller
        assert isinstance(leg, Leg)
        target = centre.engine.streams[leg.stream].target
        assert target is not None
        assert not target.sends
        assert not target.receives
        await centre.pass_time(120)
        assert questions(centre, caller.address) > 0
        caller.resume()
        await centre.pass_time(1)
        assert centre.live().view.state is CallState.TALKING
        assert caller.is_up
        assert agent.is_up
        caller.hang_up()
        await centre.pass_time(1)


async def test_taken_back_audio_of_a_dead_caller_ends_the_call() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert caller.session is not None
        hear(centre)
        caller.stack.modify(caller.session, offer().replace(b"m=audio 4000", b"m=audio 0"))
        await centre.pass_time(1)
        centre.cable.unplugged.add(caller.address)
        await centre.pass_time(FOUND_DEAD_S)
        assert not centre.switchboard.calls
        caller.hang_up()


async def test_answer_without_audio_is_hung_up_on_with_the_reason() -> None:
    async with opened() as centre:
        exchange, caller = centre.exchange(), centre.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        exchange.answer_without_codec()
        await centre.pass_time(1)
        (bye,) = [each for each in sent(centre, EXCHANGE) if label(each) == "BYE"]
        assert header_value(bye, "Reason") == 'SIP;cause=488;text="no codec in common; spoken here: PCMA, PCMU"'


async def test_offer_that_names_an_address_of_ours_is_refused_and_says_so() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE, offer=offer(host="192.0.2.1"))
        await centre.pass_time(1)
        assert caller.refused_with == 488
        (refusal,) = [each for each in sent(centre, caller.address) if label(each).startswith("488")]
        assert header_value(refusal, "Warning") == '399 acdcore "192.0.2.1:4000 is an address of this server"'
        assert centre.cdr().outcome is Outcome.REFUSED_REQUEST


async def test_audio_of_an_agents_phone_is_aimed_at_where_it_signals_from() -> None:
    async with opened() as centre:
        agent = centre.employ("1001")
        agent.register(password("1001"))
        await centre.pass_time(0.1)
        agent.call("*11", password=password("1001"), offer=offer(host="203.0.113.99"))
        await centre.pass_time(0.1)
        (stream,) = centre.engine.streams.values()
        assert stream.target is not None
        assert stream.target.address == Address(agent.address.host, 4000)
        await centre.pass_time(10)


async def test_host_name_in_a_callers_offer_is_served_where_it_signals_from() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE, offer=offer().replace(b"IN IP4 198.51.100.10", b"IN IP4 gateway.example.com"))
        await centre.pass_time(1)
        leg = centre.live().caller
        assert isinstance(leg, Leg)
        target = centre.engine.streams[leg.stream].target
        assert target is not None
        assert target.address == Address(caller.address.host, 4000)
        caller.hang_up()
        await centre.pass_time(1)
