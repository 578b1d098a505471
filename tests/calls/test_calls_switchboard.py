"""What the switchboard reads from an INVITE, and that what it read can be shown to an agent's phone."""

import pytest
from tests.calls.call_centre import SERVICE_LINE, VIP, opened

from acdcore.calls.switchboard import shown_figures


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("number", "name"),
    [("a%20b%3E", "a b>"), ("%22%3Csip%3A666%40x%3E", '"<sip:666@x>'), ("a%3Bb", "a;b")],
)
async def test_callers_number_reaches_the_agents_phone_as_it_was_however_odd(number: str, name: str) -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(number)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert centre.live().view.caller == name
        assert agent.invite is not None
        assert agent.invite.request.from_.uri.username == name
        caller.hang_up()


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("name", "shown_name"),
    [("One\r\nX-Evil: 1\r\n", "One X-Evil: 1"), ('O"ne\\', 'O"ne\\'), ("\u738b\t\x00\u4e94", "\u738b \u4e94")],
)
async def test_customers_name_reaches_the_agents_phone_and_begins_no_header(name: str, shown_name: str) -> None:
    async with opened() as centre:
        centre.customer(VIP, name=name)
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert agent.invite is not None
        assert agent.invite.request.from_.display == shown_name
        assert not agent.invite.request.headers.get_all("X-Evil")
        caller.hang_up()


def test_call_that_never_had_a_stream_has_no_figures() -> None:
    assert shown_figures(None) == {}
