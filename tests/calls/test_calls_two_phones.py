"""An agent with a desk phone and a softphone: both ring as one offer, and calls stay with the phone that has them."""

import pytest
from tests.calls.call_centre import BOTH_TOLD_S, OURS, SERVICE_LINE, VIP, CallCentre, opened, password
from tests.calls.phone import Phone

from acdcore.calls.agents.forking import REACTION_S
from acdcore.calls.agents.phone_probe import ASK_EVERY_S
from acdcore.calls.core.leg import AtPhone
from acdcore.calls.model.commands import AgentCommand, LiveAgentState
from acdcore.calls.record.event_stream import AgentOfferEnded, StreamEventKind
from acdcore.sip.ladder import header_value, label

pytestmark = pytest.mark.looptime

INSTANCE = ';+sip.instance="<urn:uuid:1>"'


async def two_phones(centre: CallCentre, params: str = "") -> tuple[Phone, Phone]:
    """A desk phone, and a softphone whose Contact has `params`."""
    desk = await centre.seat("1001")
    return desk, await centre.second_phone("1001", params)


async def offered(centre: CallCentre) -> Phone:
    caller = centre.caller(VIP)
    caller.call(SERVICE_LINE)
    await centre.pass_time(1)
    return caller


def cancels(centre: CallCentre, phone: Phone) -> list[str]:
    """The Reason of each CANCEL that the phone was sent."""
    return [
        header_value(one.data, "Reason")
        for one in centre.cable.seen
        if one.receiver == phone.address and label(one.data) == "CANCEL"
    ]


async def test_both_phones_ring_and_the_first_answer_has_the_call() -> None:
    async with opened() as centre:
        desk, soft = await two_phones(centre)
        caller = await offered(centre)
        assert desk.rings
        assert soft.rings
        soft.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        assert (desk.rings, soft.is_up, caller.is_up) == (False, True, True)
        assert cancels(centre, desk) == ['SIP;cause=200;text="Call completed elsewhere"']
        assert [line.split()[1:] for line in centre.call_history()[4:]] == [
            ["offered", "1001", "service"],
            ["connected", "1001"],
            ["bridged"],
        ]
        caller.hang_up()
        await centre.pass_time(1)
        assert not soft.is_up


async def test_events_say_which_phone_was_answered() -> None:
    async with opened() as centre:
        subscription = centre.event_stream.subscribe(limit=1000)
        _, soft = await two_phones(centre)
        caller = await offered(centre)
        soft.answer()
        await centre.pass_time(1)
        caller.hang_up()
        await centre.pass_time(1)
        subscription.close()
        overs = [event.data async for event in subscription if event.kind is StreamEventKind.OFFER_ENDED]
        assert [over.phone for over in overs if isinstance(over, AgentOfferEnded)] == [f"sip:1001@{soft.address}"]
        connected = [row.detail["phone"] for row in centre.history.call_events.values() if row.kind == "connected"]
        assert connected == [f"sip:1001@{soft.address}"]


async def test_one_call_to_two_phones_takes_one_stream() -> None:
    async with opened() as centre:
        await two_phones(centre)
        caller = await offered(centre)
        assert len(centre.engine.streams) == 2  # the caller's and the agent's
        caller.hang_up()


async def test_second_200_that_crosses_the_first_is_acknowledged_and_hung_up() -> None:
    async with opened() as centre:
        desk, soft = await two_phones(centre)
        caller = await offered(centre)
        soft.answer()
        desk.answer()
        await centre.pass_time(1)
        assert (desk.is_up, soft.is_up) == (False, True)
        assert {"< ACK", "< BYE", "> 200 OK (BYE)"} <= set(centre.cable.arrows(desk.address))
        assert centre.state("1001") is LiveAgentState.TALKING
        caller.hang_up()


async def test_busy_phone_is_no_miss_while_the_other_rings() -> None:
    async with opened() as centre:
        desk, soft = await two_phones(centre)
        caller = await offered(centre)
        desk.refuse(486)
        await centre.pass_time(2)
        assert soft.rings
        assert centre.state("1001") is LiveAgentState.RINGING
        soft.answer()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.TALKING
        assert centre.operations.agent(centre.context.agents.agents()[0].agent).missed == 0
        caller.hang_up()


async def test_decline_at_one_phone_declines_for_the_agent() -> None:
    async with opened() as centre:
        desk, soft = await two_phones(centre)
        caller = await offered(centre)
        desk.refuse(603)
        await centre.pass_time(0.1)
        assert not soft.rings
        assert cancels(centre, soft) == ['SIP;cause=603;text="Declined elsewhere"']
        assert centre.call_history()[5] == "  1.0 offer_ended 1001 refused"
        caller.hang_up()


async def test_dead_softphone_does_not_set_the_agent_aside() -> None:
    async with opened() as centre:
        desk, soft = await two_phones(centre)
        centre.cable.unplugged.add(soft.address)
        caller = await offered(centre)
        await centre.pass_time(REACTION_S + 1)
        assert desk.rings
        assert centre.state("1001") is LiveAgentState.RINGING
        desk.answer()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.TALKING
        caller.hang_up()


async def test_dead_phone_costs_one_caller_its_reaction_time_and_no_other() -> None:
    async with opened() as centre:
        desk, soft = await two_phones(centre, ";q=0.5")
        centre.cable.unplugged.add(desk.address)
        caller = await offered(centre)
        await centre.pass_time(REACTION_S)
        assert soft.rings
        caller.hang_up()
        await centre.pass_time(1)
        again = await offered(centre)
        assert soft.rings
        again.hang_up()
        centre.cable.unplugged.clear()
        await centre.pass_time(ASK_EVERY_S + 33)
        third = await offered(centre)
        assert (desk.rings, soft.rings) == (True, False)
        third.hang_up()


async def test_phones_that_are_both_dead_set_the_agent_aside_after_the_reaction_time() -> None:
    async with opened() as centre:
        desk, soft = await two_phones(centre)
        centre.cable.unplugged.update((desk.address, soft.address))
        caller = await offered(centre)
        await centre.pass_time(REACTION_S - 0.5)
        assert centre.call_history()[5:] == ["  4.0 offer_ended 1001 unreachable"]
        caller.hang_up()
        centre.cable.unplugged.clear()


async def test_less_preferred_phone_rings_when_the_preferred_one_is_busy() -> None:
    async with opened() as centre:
        desk, soft = await two_phones(centre, ";q=0.5")
        caller = await offered(centre)
        assert (desk.rings, soft.rings) == (True, False)
        desk.refuse(486)
        await centre.pass_time(0.1)
        assert soft.rings
        caller.hang_up()
        await centre.pass_time(0.1)
        assert not soft.rings


async def test_less_preferred_phone_joins_after_its_time_share_and_the_preferred_one_rings_on() -> None:
    async with opened() as centre:
        desk, soft = await two_phones(centre, ";q=0.5")
        caller = await offered(centre)
        await centre.pass_time(7)
        assert (desk.rings, soft.rings) == (True, True)
        caller.hang_up()


async def test_phone_that_comes_back_at_another_address_rings_once() -> None:
    async with opened() as centre:
        desk = centre.employ("1001")
        desk.register(password("1001"), params=INSTANCE)
        await centre.pass_time(0.1)
        again = await centre.second_phone("1001", INSTANCE)
        registered = [binding.flow.remote for _, binding in centre.context.agents.phones.export()]
        assert registered == [again.address]


async def test_bye_goes_to_where_the_phone_is_registered_now() -> None:
    async with opened() as centre:
        desk = centre.employ("1001")
        desk.register(password("1001"), params=INSTANCE)
        await centre.pass_time(0.1)
        centre.command("1001", AgentCommand.LOG_IN)
        centre.command("1001", AgentCommand.READY)
        caller = centre.caller(VIP)
        await centre.talk(desk, caller)
        moved = await centre.second_phone("1001", INSTANCE)
        caller.hang_up()
        await centre.pass_time(0.1)
        sent = [one.receiver for one in centre.cable.seen if label(one.data) == "BYE" and one.sender == OURS]
        assert sent == [moved.address]
        desk.hang_up()  # the test's machine is at both addresses


async def test_phone_that_moves_while_it_rings_is_cancelled_where_it_is_registered_now() -> None:
    async with opened() as centre:
        desk = centre.employ("1001")
        desk.register(password("1001"), params=INSTANCE)
        await centre.pass_time(0.1)
        centre.command("1001", AgentCommand.LOG_IN)
        centre.command("1001", AgentCommand.READY)
        caller = await offered(centre)
        assert desk.rings
        moved = await centre.second_phone("1001", INSTANCE)
        caller.hang_up()
        await centre.pass_time(0.1)
        assert len(cancels(centre, moved)) == 1
        desk.refuse(487)  # the test's machine is at both addresses


async def test_call_of_another_phone_stays_where_it_is_when_one_moves() -> None:
    async with opened() as centre:
        desk, _ = await two_phones(centre)
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        desk.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        await centre.second_phone("1001", INSTANCE)
        caller.hang_up()
        await centre.pass_time(0.1)
        assert not desk.is_up


async def test_standing_line_knows_the_phone_that_it_stands_on() -> None:
    async with opened() as centre:
        desk = centre.employ("1001")
        desk.register(password("1001"))
        await centre.pass_time(0.1)
        centre.command("1001", AgentCommand.LOG_IN)
        desk.call("*16", password=password("1001"))
        await centre.pass_time(1)
        (line,) = centre.context.agents.nailed_up_legs()
        assert line.call.the_caller().phone == AtPhone("1001", f"sip:1001@{desk.address}")
        desk.hang_up()
