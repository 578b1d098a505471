"""What the switchboard reads from an INVITE, and that what it read can be shown to an agent's phone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.calls.house import SERVICE_LINE, VIP, opened

from acdcore.calls.switchboard import CALLER_CHARS_MAX, caller_number, shown
from acdcore.sip.message import Headers, Request
from acdcore.sip.uri import SipUri


def invite(from_: str = "<sip:100@198.51.100.9>", *asserted: str) -> Request:
    """An INVITE with these fields."""
    fields = [("From", f"{from_};tag=1"), *(("P-Asserted-Identity", value) for value in asserted)]
    return Request("INVITE", SipUri.parse("sip:95500@192.0.2.1"), Headers(fields))


@pytest.mark.parametrize(
    ("asserted", "number"),
    [
        ([], "100"),
        (["<sip:13800000001@192.0.2.9>"], "13800000001"),
        (["sip:13800000001@192.0.2.9"], "13800000001"),
        (["<sips:13800000001@192.0.2.9>"], "13800000001"),
        (["<sip:13800000001@192.0.2.9;user=phone>"], "13800000001"),
        (["<sip:%2B8613800000001@192.0.2.9>"], "+8613800000001"),
        (["<tel:+86-138-0000-0001>"], "+8613800000001"),
        (["<sip:192.0.2.9>, <tel:+8613800000001>"], "+8613800000001"),
        (["<sip:13800000001@192.0.2.9>, <tel:+8613800000002>"], "13800000001"),
        (["<sip:192.0.2.9>", "<tel:+8613800000001>"], "+8613800000001"),
        (['"sip:666@192.0.2.66" <sip:13800000001@192.0.2.9>'], "13800000001"),
        (["<sip:192.0.2.9>"], "100"),
        (["<mailto:a@example.com>"], "100"),
        (["<sip:"], "100"),
        (["", ","], "100"),
        (["<sip:anonymous@anonymous.invalid>"], ""),
        ([f"<sip:{'1' * 500}@192.0.2.9>"], "1" * CALLER_CHARS_MAX),
    ],
)
def test_number_is_the_first_that_the_trunk_asserts_else_that_of_the_from(asserted: list[str], number: str) -> None:
    assert caller_number(invite("<sip:100@198.51.100.9>", *asserted)) == number


@pytest.mark.parametrize("from_", ["<sip:anonymous@anonymous.invalid>", "<sip:Anonymous@192.0.2.9>", "<sip:192.0.2.9>"])
def test_withheld_number_is_empty(from_: str) -> None:
    assert caller_number(invite(from_)) == ""


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=200))
def test_asserted_identity_of_any_text_never_fails_the_call(text: str) -> None:
    assert len(caller_number(invite("<sip:100@198.51.100.9>", text))) <= CALLER_CHARS_MAX


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("number", "name"),
    [("a%20b%3E", "a b>"), ("%22%3Csip%3A666%40x%3E", '"<sip:666@x>'), ("+8613800000001", "+8613800000001")],
)
async def test_callers_number_reaches_the_agents_phone_as_it_was_however_odd(number: str, name: str) -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(number)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        assert house.live().view.caller == name
        assert agent.invite is not None
        assert agent.invite.request.from_.uri.username == name
        caller.hang_up()


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("name", "shown_name"),
    [("One\r\nX-Evil: 1\r\n", "One X-Evil: 1"), ('O"ne\\', 'O"ne\\'), ("\u738b\t\x00\u4e94", "\u738b \u4e94")],
)
async def test_customers_name_reaches_the_agents_phone_and_begins_no_header(name: str, shown_name: str) -> None:
    async with opened() as house:
        house.customer(VIP, name=name)
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        assert agent.invite is not None
        assert agent.invite.request.from_.display == shown_name
        assert not agent.invite.request.headers.get_all("X-Evil")
        caller.hang_up()


def test_call_that_never_had_a_stream_has_no_figures() -> None:
    assert shown(None) == {}
