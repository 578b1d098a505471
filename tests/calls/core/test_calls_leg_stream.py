"""What a leg tells the engine of the peer's description."""

import pytest
from tests.calls.call_centre import ORDINARY, OUTSIDE_LINE, SERVICE_LINE, VIP, Plan, opened

from acdcore.kernel.address import Address
from acdcore.media.model import EngineCodec
from acdcore.sdp import negotiate
from acdcore.sdp.model import Codec, LocalMedia

pytestmark = pytest.mark.looptime


async def test_peer_that_renumbers_keys_in_its_answer_is_sent_and_heard_each_under_its_number() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert agent.invite is not None and agent.session is not None
        media = LocalMedia(Address("192.0.2.9", 4000), (Codec.PCMA,), session_id=1)
        answer = negotiate.answer_offer(agent.invite.offer, media).body
        agent.is_up = True
        agent.stack.answer(agent.session, answer.replace(b"101", b"96"))
        await centre.pass_time(0.1)
        target = centre.engine.streams[centre.leg(centre.live(), "agent").stream].target
        assert target is not None
        assert (target.dtmf_payload_type, target.dtmf_payload_types_in) == (96, (101, 96))
        caller.hang_up()


async def test_every_codec_of_offer_and_answer_is_taken_on_both_sides() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert agent.invite is not None and agent.session is not None
        media = LocalMedia(Address("192.0.2.9", 4000), (Codec.PCMU, Codec.PCMA), session_id=1)
        answer = negotiate.answer_offer(agent.invite.offer, media).body
        agent.is_up = True
        agent.stack.answer(agent.session, answer.replace(b"AVP 8 101", b"AVP 0 8 101"))
        await centre.pass_time(0.1)
        for side in ("caller", "agent"):
            target = centre.engine.streams[centre.leg(centre.live(), side).stream].target
            assert target is not None
            assert dict(target.audio_in) == {0: EngineCodec.PCMU, 8: EngineCodec.PCMA}
        caller.hang_up()


@pytest.mark.parametrize("nat", [True, False])
async def test_engine_is_told_whether_a_nat_lies_between_and_where_sip_comes_from(nat: bool) -> None:
    async with opened(Plan(nat=nat)) as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(1)
        for side, phone in (("caller", caller), ("agent", agent)):
            target = centre.engine.streams[centre.leg(centre.live(), side).stream].target
            assert target is not None
            assert (target.has_nat, target.sip_host) == (nat, phone.address.host)
        caller.hang_up()


async def test_trunk_that_is_not_symmetric_is_sent_to_where_its_descriptions_say_and_phones_are_as_ever() -> None:
    async with opened(Plan(symmetric_rtp=False)) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        for side, is_symmetric in (("caller", False), ("agent", True)):
            target = centre.engine.streams[centre.leg(centre.live(), side).stream].target
            assert target is not None
            assert target.is_symmetric is is_symmetric
        caller.hang_up()
        await centre.pass_time(1)
        exchange, other = centre.exchange(), centre.caller(ORDINARY)
        other.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        exchange.answer()
        await centre.pass_time(1)
        target = centre.engine.streams[centre.leg(centre.live(), "external_number").stream].target
        assert target is not None
        assert not target.is_symmetric
        other.hang_up()
        await centre.pass_time(1)
