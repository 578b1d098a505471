"""A call out that its trunk refuses: the next trunk, where a redirection leads, or the carrier's word as outcome."""

from ipaddress import ip_network

import pytest
from tests.calls.call_centre import OURS, OUTSIDE, OUTSIDE_LINE, VIP, CallCentre, Plan, opened
from tests.calls.phone import Phone

from acdcore.calls.trunks.trunks import Trunk
from acdcore.kernel.address import Address
from acdcore.kernel.errors import Outcome

pytestmark = pytest.mark.looptime

SECOND = Address("198.51.100.200", 5060)
OTHER = Trunk("other", (ip_network("198.51.100.200/32"),), 10, target=f"sip:{SECOND}", may_dial_out=True)
TWO = Plan(more_trunks=(OTHER,))
SWITCH = Address("198.51.100.3", 5062)
"""Another host of the carrier."""


def phone(centre: CallCentre, address: Address) -> Phone:
    """A switch at an address."""
    found = Phone(centre.cable, OUTSIDE, address, OURS, centre.clock)
    centre.phones.append(found)
    return found


async def called(centre: CallCentre) -> tuple[Phone, Phone]:
    """The carrier's switch rings for a caller."""
    exchange, caller = centre.exchange(), centre.caller(VIP)
    caller.call(OUTSIDE_LINE)
    await centre.pass_time(1)
    assert exchange.rings
    return exchange, caller


def moved_to(uri: str) -> tuple[tuple[str, str], ...]:
    return (("Contact", f"<{uri}>"),)


async def test_trunk_out_of_service_is_followed_by_the_next_one() -> None:
    async with opened(TWO) as centre:
        second = phone(centre, SECOND)
        exchange, caller = await called(centre)
        exchange.refuse(503)
        await centre.pass_time(1)
        assert second.rings
        second.answer()
        await centre.pass_time(1)
        assert caller.is_up
        told = " ".join(centre.call_history())
        assert f"dial_failed {OUTSIDE} 503" in told
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.cdr().outcome is Outcome.FORWARDED


async def test_trunk_rests_as_long_as_it_asks_and_is_the_first_again_afterwards() -> None:
    async with opened(TWO) as centre:
        second = phone(centre, SECOND)
        exchange, caller = await called(centre)
        exchange.refuse(503, (("Retry-After", "120 (maintenance)"),))
        await centre.pass_time(1)
        second.refuse(486)
        await centre.pass_time(5)
        assert not caller.is_up
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        assert second.rings
        assert not exchange.rings
        second.refuse(486)
        await centre.pass_time(120)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        assert exchange.rings
        exchange.refuse(486)
        await centre.pass_time(5)


async def test_only_trunk_that_rests_is_not_called() -> None:
    async with opened() as centre:
        exchange, caller = await called(centre)
        exchange.refuse(503, (("Retry-After", "60"),))
        await centre.pass_time(5)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        assert not exchange.rings
        await centre.pass_time(5)
        assert not caller.is_up


@pytest.mark.parametrize("status", [486, 488, 606, 380, 421, 500])
async def test_refusal_that_is_the_numbers_own_is_the_outcome_though_there_is_another_trunk(status: int) -> None:
    async with opened(TWO) as centre:
        second = phone(centre, SECOND)
        exchange, _ = await called(centre)
        exchange.refuse(status, moved_to(f"sip:{OUTSIDE}@{SWITCH}"))
        await centre.pass_time(5)
        assert second.invite is None
        assert centre.cdr().outcome is Outcome.UNANSWERED
        assert any(f"dial_failed {OUTSIDE} {status}" in line for line in centre.call_history())


@pytest.mark.parametrize("status", [300, 301, 302, 305])
async def test_redirection_to_another_host_of_the_trunk_is_followed(status: int) -> None:
    async with opened() as centre:
        switch = phone(centre, SWITCH)
        exchange, caller = await called(centre)
        exchange.refuse(status, moved_to(f"sip:{OUTSIDE if status != 305 else ''}@{SWITCH}".replace(":@", ":")))
        await centre.pass_time(1)
        assert switch.invite is not None
        assert str(switch.invite.request.uri) == f"sip:{OUTSIDE}@{SWITCH}"
        switch.answer()
        await centre.pass_time(1)
        assert caller.is_up
        caller.hang_up()
        await centre.pass_time(1)


@pytest.mark.parametrize(
    "uri",
    [
        f"sip:{OUTSIDE}@203.0.113.9",
        f"sip:{OUTSIDE}@switch.example.com",
        f"sips:{OUTSIDE}@{SWITCH}",
        f"sip:{OUTSIDE}@{SWITCH};transport=tls",
        f"sip:{OUTSIDE}@{SWITCH};maddr=203.0.113.9",
        f"sip:0088213912345678@{SWITCH}",
        f"sip:nobody@{SWITCH}",
        "tel:+8613900000001",
        "mailto:x@example.com",
    ],
)
async def test_redirection_beyond_the_trunk_or_to_a_dear_number_is_not_followed(uri: str) -> None:
    async with opened() as centre:
        phone(centre, SWITCH)
        phone(centre, Address("203.0.113.9", 5060))
        exchange, _ = await called(centre)
        exchange.refuse(302, moved_to(uri))
        await centre.pass_time(5)
        invites = [one for one in centre.cable.seen if one.sender == OURS and one.data.startswith(b"INVITE")]
        assert len(invites) == 1
        assert centre.cdr().outcome is Outcome.UNANSWERED


async def test_proxy_that_a_trunk_names_elsewhere_by_maddr_is_not_used() -> None:
    async with opened() as centre:
        phone(centre, SWITCH)
        phone(centre, Address("203.0.113.9", 5060))
        exchange, _ = await called(centre)
        exchange.refuse(305, moved_to(f"sip:{SWITCH};maddr=203.0.113.9"))
        await centre.pass_time(5)
        invites = [one for one in centre.cable.seen if one.sender == OURS and one.data.startswith(b"INVITE")]
        assert [one.receiver for one in invites] == [exchange.address]


@pytest.mark.parametrize(("names", "calls"), [("abcdef", 4), ("aaa", 2), ("aba", 3)])
async def test_redirections_in_a_circle_come_to_an_end(names: str, calls: int) -> None:
    async with opened() as centre:
        exchange, caller = await called(centre)
        for name in names:
            if not exchange.rings:
                break
            exchange.refuse(302, moved_to(f"sip:{OUTSIDE}@{exchange.address.host}:{exchange.address.port};n={name}"))
            await centre.pass_time(1)
        await centre.pass_time(5)
        assert not caller.is_up
        invites = [one for one in centre.cable.seen if one.sender == OURS and one.data.startswith(b"INVITE")]
        assert len(invites) == calls


async def test_phone_of_an_agent_that_sends_its_calls_on_is_not_followed() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        exchange = centre.exchange()
        caller.call("95501")
        await centre.pass_time(1)
        agent.refuse(302, moved_to(f"sip:{OUTSIDE}@{exchange.address}"))
        await centre.pass_time(5)
        assert exchange.invite is None
        caller.hang_up()
        await centre.pass_time(1)
