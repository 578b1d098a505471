"""What a leg tells the engine of the peer's description."""

import pytest
from tests.calls.house import ORDINARY, OUTSIDE_LINE, SERVICE_LINE, VIP, Plan, opened

from acdcore.kernel.address import Address
from acdcore.media.model import Codec as EngineCodec
from acdcore.sdp import negotiate
from acdcore.sdp.model import Codec, LocalMedia

pytestmark = pytest.mark.looptime


async def test_peer_that_renumbers_keys_in_its_answer_is_sent_and_heard_each_under_its_number() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        assert agent.invite is not None and agent.session is not None
        media = LocalMedia(Address("192.0.2.9", 4000), (Codec.PCMA,), session_id=1)
        answer = negotiate.answer(agent.invite.offer, media).body
        agent.is_up = True
        agent.stack.answer(agent.session, answer.replace(b"101", b"96"))
        await house.pass_time(0.1)
        target = house.engine.streams[house.leg(house.live(), "agent").stream].target
        assert target is not None
        assert (target.dtmf_payload_type, target.dtmf_payload_types_in) == (96, (101, 96))
        caller.hang_up()


async def test_every_codec_of_offer_and_answer_is_taken_on_both_sides() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        assert agent.invite is not None and agent.session is not None
        media = LocalMedia(Address("192.0.2.9", 4000), (Codec.PCMU, Codec.PCMA), session_id=1)
        answer = negotiate.answer(agent.invite.offer, media).body
        agent.is_up = True
        agent.stack.answer(agent.session, answer.replace(b"AVP 8 101", b"AVP 0 8 101"))
        await house.pass_time(0.1)
        for side in ("caller", "agent"):
            target = house.engine.streams[house.leg(house.live(), side).stream].target
            assert target is not None
            assert dict(target.audio_in) == {0: EngineCodec.PCMU, 8: EngineCodec.PCMA}
        caller.hang_up()


@pytest.mark.parametrize("nat", [True, False])
async def test_engine_is_told_whether_a_nat_lies_between_and_where_sip_comes_from(nat: bool) -> None:
    async with opened(Plan(nat=nat)) as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(1)
        for side, phone in (("caller", caller), ("agent", agent)):
            target = house.engine.streams[house.leg(house.live(), side).stream].target
            assert target is not None
            assert (target.has_nat, target.sip_host) == (nat, phone.address.host)
        caller.hang_up()


async def test_trunk_that_is_not_symmetric_is_sent_to_where_its_descriptions_say_and_phones_are_as_ever() -> None:
    async with opened(Plan(symmetric_rtp=False)) as house:
        agent, caller = await house.seat("1001"), house.caller(VIP)
        await house.talk(agent, caller)
        for side, is_symmetric in (("caller", False), ("agent", True)):
            target = house.engine.streams[house.leg(house.live(), side).stream].target
            assert target is not None
            assert target.is_symmetric is is_symmetric
        caller.hang_up()
        await house.pass_time(1)
        exchange, other = house.exchange(), house.caller(ORDINARY)
        other.call(OUTSIDE_LINE)
        await house.pass_time(1)
        exchange.answer()
        await house.pass_time(1)
        target = house.engine.streams[house.leg(house.live(), "outside").stream].target
        assert target is not None
        assert not target.is_symmetric
        other.hang_up()
        await house.pass_time(1)
