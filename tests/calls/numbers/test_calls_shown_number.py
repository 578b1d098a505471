"""The number shown on a call out: ours, a caller's only where the trunk lets it through, a withheld one never."""

from dataclasses import replace

import pytest

from acdcore.calls.numbers.shown_number import CallOut, Forwarded, Shown, shown_on
from acdcore.calls.numbers.trunk_numbers import AssertBy, ForwardedShows, Redirection, TrunkNumbers
from acdcore.numbering.plan import NumberForm
from acdcore.sip.syntax.uri import SipUri

CUSTOMER, CALLER, OURS, DID = "+8613800138000", "+8613900139000", "+862088880000", "+862088880001"
PEER = SipUri.parse("sip:198.51.100.1:5080;transport=tcp")
CALLBACK = CallOut(CUSTOMER, "192.0.2.1", PEER, user="account")
FORWARD = replace(CALLBACK, forwarded=Forwarded(CALLER, DID))
WITHHELD = replace(CALLBACK, forwarded=Forwarded("", DID))
RULES = TrunkNumbers(caller_id=OURS)
SCREENED = TrunkNumbers(
    number_form=NumberForm.PLUS_E164,
    caller_id=OURS,
    from_domain="example.com",
    assert_by=AssertBy.P_ASSERTED_IDENTITY,
    forwarded_shows=ForwardedShows.CALLER,
    redirection=Redirection.BOTH,
)


def fields(shown: Shown) -> dict[str, str]:
    """The header fields by name, with the From."""
    return {"From": str(shown.from_), **dict(shown.headers)}


def test_callback_shows_our_number_and_never_that_of_whom_we_call() -> None:
    shown = shown_on(CALLBACK, RULES)
    assert str(shown.target) == "sip:13800138000@198.51.100.1:5080;transport=tcp"
    assert fields(shown) == {"From": "<sip:02088880000@192.0.2.1>"}


@pytest.mark.parametrize(("user", "shown_user"), [("account", "account"), ("", "acdcore")])
def test_trunk_without_a_number_of_ours_shows_its_account_or_nobody(user: str, shown_user: str) -> None:
    shown = shown_on(replace(CALLBACK, user=user), replace(SCREENED, caller_id="", from_domain=""))
    assert fields(shown) == {"From": f"<sip:{shown_user}@192.0.2.1>"}


def test_number_of_agent_or_queue_goes_before_the_trunks() -> None:
    assert fields(shown_on(replace(CALLBACK, caller_id=DID), RULES)) == {"From": "<sip:02088880001@192.0.2.1>"}


@pytest.mark.parametrize(
    ("by", "field"),
    [
        (AssertBy.P_ASSERTED_IDENTITY, ("P-Asserted-Identity", "")),
        (AssertBy.P_PREFERRED_IDENTITY, ("P-Preferred-Identity", "")),
        (
            AssertBy.REMOTE_PARTY_ID,
            ("Remote-Party-ID", ";party=calling;screen=yes;privacy=off"),
        ),
    ],
)
def test_number_is_asserted_by_the_trunks_field_beside_the_accounts_name(by: AssertBy, field: tuple[str, str]) -> None:
    shown = shown_on(CALLBACK, replace(RULES, from_user="account-7", assert_by=by))
    assert fields(shown) == {"From": "<sip:account-7@192.0.2.1>", field[0]: f"<sip:02088880000@192.0.2.1>{field[1]}"}


def test_forwarded_call_shows_our_number_unless_the_trunk_says_otherwise() -> None:
    assert fields(shown_on(FORWARD, RULES)) == {"From": "<sip:02088880000@192.0.2.1>"}


def test_forwarded_call_shows_the_caller_and_asserts_our_number_where_the_trunk_lets_it_through() -> None:
    assert fields(shown_on(FORWARD, SCREENED)) == {
        "From": "<sip:+8613900139000@example.com>",
        "P-Asserted-Identity": "<sip:+862088880000@example.com>",
        "Diversion": "<sip:+862088880001@example.com>;reason=unconditional;counter=1",
        "History-Info": (
            "<sip:+862088880001@example.com>;index=1, <sip:+8613800138000@198.51.100.1:5080;cause=302>;index=1.1;mp=1"
        ),
    }


def test_withheld_caller_is_anonymous_and_the_carrier_still_knows_who_pays() -> None:
    shown = fields(shown_on(WITHHELD, replace(SCREENED, redirection=Redirection.DIVERSION)))
    assert shown == {
        "From": '"Anonymous" <sip:anonymous@anonymous.invalid>',
        "P-Asserted-Identity": "<sip:+862088880000@example.com>",
        "Privacy": "id",
        "Diversion": "<sip:+862088880001@example.com>;reason=unconditional;counter=1",
    }


def test_withheld_caller_is_private_in_a_remote_party_id_too() -> None:
    shown = fields(shown_on(WITHHELD, replace(SCREENED, assert_by=AssertBy.REMOTE_PARTY_ID)))
    assert shown["Remote-Party-ID"].endswith(";privacy=full")


@pytest.mark.parametrize("caller", ["alice", "12345678901", '"><sip:x'])
def test_caller_who_has_no_number_is_not_shown_as_one(caller: str) -> None:
    shown = shown_on(replace(CALLBACK, forwarded=Forwarded(caller, DID)), SCREENED)
    assert str(shown.from_) == "<sip:+862088880000@example.com>"


def test_diverting_number_is_ours_when_the_one_that_was_called_is_none() -> None:
    rules = replace(RULES, redirection=Redirection.DIVERSION)
    out = replace(CALLBACK, forwarded=Forwarded(CALLER, "sales"))
    assert fields(shown_on(out, rules))["Diversion"].startswith("<sip:02088880000@192.0.2.1>")
    assert "Diversion" not in fields(shown_on(out, replace(rules, caller_id="")))
    assert "Diversion" not in fields(shown_on(CALLBACK, rules))
