"""What is heard of a called party before it answers: its ringing tone, or the carrier's word on the number."""

import pytest
from tests.calls.call_centre import OUTSIDE, OUTSIDE_LINE, SERVICE_LINE, VIP, CallCentre, opened
from tests.calls.phone import Phone
from tests.calls.silent_engine import SilentStream
from tests.calls.test_calls_work import ask_for_callback, end_work, plan

from acdcore.kernel.address import Address
from acdcore.kernel.errors import Outcome
from acdcore.sdp.model import MediaDirection

pytestmark = pytest.mark.looptime


def stream(centre: CallCentre, phone: Phone) -> SilentStream:
    """The stream whose phone it is."""
    (found,) = [
        each
        for each in centre.engine.streams.values()
        if each.target is not None and each.target.address.host == phone.address.host
    ]
    return found


def hears(centre: CallCentre, one: Phone, other: Phone) -> bool:
    """Whether both are bridged."""
    partner = stream(centre, one).partner
    return partner is not None and centre.engine.streams[partner] is stream(centre, other)


async def forwarded(centre: CallCentre) -> tuple[Phone, Phone]:
    """A caller for whom the outside number rings."""
    exchange, caller = centre.exchange(), centre.caller(VIP)
    caller.call(OUTSIDE_LINE)
    await centre.pass_time(1)
    return exchange, caller


async def test_caller_who_is_forwarded_hears_the_called_party_before_it_answers() -> None:
    async with opened() as centre:
        exchange, caller = await forwarded(centre)
        exchange.be_heard()
        await centre.pass_time(1)
        assert hears(centre, caller, exchange)
        target = stream(centre, exchange).target
        assert target is not None
        assert target.is_early
        assert stream(centre, caller).background == centre.context.prompts.ringback()  # until something comes
        exchange.answer()
        await centre.pass_time(1)
        target = stream(centre, exchange).target
        assert target is not None
        assert not target.is_early
        assert hears(centre, caller, exchange)
        caller.hang_up()
        await centre.pass_time(1)


async def test_180_without_a_description_after_183_with_one_leaves_what_is_heard() -> None:
    async with opened() as centre:
        exchange, caller = await forwarded(centre)
        exchange.be_heard()
        await centre.pass_time(1)
        exchange.ring()
        await centre.pass_time(1)
        assert hears(centre, caller, exchange)
        caller.hang_up()
        await centre.pass_time(1)


@pytest.mark.parametrize("direction", [MediaDirection.RECVONLY, MediaDirection.INACTIVE])
async def test_called_party_that_sends_nothing_early_leaves_the_ringback(direction: MediaDirection) -> None:
    async with opened() as centre:
        exchange, caller = await forwarded(centre)
        exchange.be_heard(direction=direction)
        await centre.pass_time(1)
        assert stream(centre, caller).partner is None
        caller.hang_up()
        await centre.pass_time(1)


async def test_183_without_a_description_leaves_the_ringback() -> None:
    async with opened() as centre:
        exchange, caller = await forwarded(centre)
        assert exchange.session is not None
        exchange.stack.progress(exchange.session, 183)
        await centre.pass_time(1)
        assert stream(centre, caller).partner is None
        caller.hang_up()
        await centre.pass_time(1)


async def test_early_audio_that_names_an_address_of_ours_is_not_taken_and_the_call_goes_on() -> None:
    async with opened() as centre:
        exchange, caller = await forwarded(centre)
        exchange.be_heard(host="192.0.2.1")
        await centre.pass_time(1)
        assert stream(centre, caller).partner is None
        exchange.answer()
        await centre.pass_time(1)
        assert hears(centre, caller, exchange)
        caller.hang_up()
        await centre.pass_time(1)


async def test_later_description_is_where_early_audio_comes_from_then() -> None:
    async with opened() as centre:
        exchange, caller = await forwarded(centre)
        exchange.be_heard()
        await centre.pass_time(1)
        exchange.be_heard(host="198.51.100.77")
        await centre.pass_time(1)
        partner = stream(centre, caller).partner
        assert partner is not None
        target = centre.engine.streams[partner].target
        assert target is not None
        assert target.address == Address("198.51.100.77", 4000)
        caller.hang_up()
        await centre.pass_time(1)


async def test_carriers_word_on_a_number_is_heard_to_its_end_before_ours() -> None:
    async with opened() as centre:
        exchange, caller = await forwarded(centre)
        exchange.be_heard()
        await centre.pass_time(20)
        assert hears(centre, caller, exchange)
        assert caller.is_up
        assert not stream(centre, caller).playback
        exchange.refuse(404)
        await centre.pass_time(0.1)
        assert stream(centre, caller).partner is None
        assert stream(centre, caller).playback is not None
        await centre.pass_time(2)
        assert not caller.is_up
        assert centre.cdr().outcome is Outcome.UNANSWERED
        assert f"dial_failed {OUTSIDE} 404" in " ".join(centre.call_history()[-2].split())


async def test_agent_hears_the_customer_who_is_called_back_before_the_answer() -> None:
    async with opened(plan()) as centre:
        exchange = centre.exchange()
        await ask_for_callback(centre)
        agent = await centre.seat("1001")
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(5)
        exchange.be_heard()
        await centre.pass_time(1)
        assert hears(centre, agent, exchange)
        exchange.refuse(404)
        await centre.pass_time(0.1)
        assert stream(centre, agent).partner is None
        await centre.pass_time(5)
        await end_work(centre)


async def test_caller_in_a_queue_keeps_the_music_whatever_an_agents_phone_lets_be_heard() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.be_heard()
        await centre.pass_time(1)
        assert stream(centre, caller).partner is None
        assert stream(centre, caller).background == centre.context.prompts.music("service")
        agent.answer()
        await centre.pass_time(10)
        caller.hang_up()
        await centre.pass_time(1)


async def test_repeated_description_of_a_reliable_response_changes_nothing() -> None:
    async with opened() as centre:
        exchange, caller = await forwarded(centre)
        exchange.be_heard()
        await centre.pass_time(1)
        heard = stream(centre, exchange).target
        exchange.be_heard()
        exchange.be_heard(180)
        await centre.pass_time(1)
        assert stream(centre, exchange).target is heard
        caller.hang_up()
        await centre.pass_time(1)
