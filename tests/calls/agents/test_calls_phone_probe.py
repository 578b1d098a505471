"""A registration only promises that a phone was there when it was made."""

import pytest
from tests.calls.call_centre import opened

from acdcore.calls.agents.phone_probe import ASK_EVERY_S, Reachability, first_question_s, phone_key
from acdcore.kernel.address import Address
from acdcore.sip.events import SipFlow, Transport
from acdcore.sip.registrar import Binding, Expired, Refreshed, Registered, Unregistered
from acdcore.sip.syntax.headers import parse_name_addr

FLOW = SipFlow(Transport.UDP, Address("127.0.0.1", 5060), Address("127.0.0.1", 5090))


def binding(uri: str = "sip:1001@127.0.0.1:5090") -> Binding[SipFlow]:
    contact = parse_name_addr(f"<{uri}>")
    return Binding(contact=contact, flow=FLOW, q=1.0, expires_at=3600.0, refreshed_at=0.0, call_id="c", cseq=1)


def test_phone_is_asked_after_the_interval_and_again_only_after_its_answer() -> None:
    phones = Reachability()
    phones.follow([Registered("1001", binding())], 0.0)
    assert phones.next_deadline() == first_question_s("1001")
    ((key, asked),) = phones.handle_deadline(ASK_EVERY_S)
    assert (key, asked) == (phone_key("1001", binding()), binding())
    assert phones.next_deadline() is None
    phones.answered(key, asked, True, ASK_EVERY_S + 1)
    assert phones.next_deadline() == 2 * ASK_EVERY_S + 1


def test_phones_that_register_together_are_not_asked_together() -> None:
    first = [first_question_s(str(number)) for number in range(1000, 2300)]
    assert all(ASK_EVERY_S / 2 <= each <= ASK_EVERY_S for each in first)
    assert max(sum(at <= each < at + 1 for each in first) for at in range(15, 30)) < len(first) / 10


def test_silence_and_life_are_told_once_when_they_change() -> None:
    phones = Reachability()
    asked = binding()
    phones.follow([Registered("1001", asked)], 0.0)
    key = phone_key("1001", asked)
    answers = [True, False, False, True]
    assert [phones.answered(key, asked, is_alive, 1.0) for is_alive in answers] == [False, True, False, True]


def test_phone_that_registers_again_is_there_again() -> None:
    phones = Reachability()
    asked = binding()
    phones.follow([Registered("1001", asked)], 0.0)
    phones.answered(phone_key("1001", asked), asked, False, 1.0)
    assert phones.is_silent("1001", binding())
    phones.follow([Refreshed("1001", binding())], 2.0)
    assert not phones.is_silent("1001", binding())


def test_question_that_was_asked_before_the_phone_registered_again_says_nothing_of_it() -> None:
    phones = Reachability()
    phones.follow([Registered("1001", binding())], 0.0)
    ((key, asked),) = phones.handle_deadline(ASK_EVERY_S)
    phones.follow([Refreshed("1001", binding())], ASK_EVERY_S + 20)
    assert not phones.answered(key, asked, False, ASK_EVERY_S + 32)
    assert not phones.is_silent("1001", binding())
    assert phones.next_deadline() == ASK_EVERY_S + 20 + first_question_s("1001")


@pytest.mark.parametrize("change", [Unregistered("1001", binding()), Expired("1001", binding())])
def test_phone_that_is_gone_is_asked_no_more(change: Unregistered[SipFlow] | Expired[SipFlow]) -> None:
    phones = Reachability()
    phones.follow([Registered("1001", binding())], 0.0)
    phones.follow([change], 1.0)
    assert phones.next_deadline() is None
    assert not phones.answered(phone_key("1001", change.binding), change.binding, True, 2.0)


@pytest.mark.looptime
async def test_phone_that_was_unplugged_makes_its_agent_unreachable_until_it_is_back() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        centre.cable.unplugged.add(agent.address)
        await centre.pass_time(ASK_EVERY_S + 33)
        assert centre.state("1001") == "unreachable"
        centre.cable.unplugged.remove(agent.address)
        await centre.pass_time(ASK_EVERY_S + 33)
        assert centre.state("1001") == "ready"
