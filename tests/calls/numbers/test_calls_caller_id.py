"""Who calls and which number was called, by what the trunk's INVITE says of either."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.calls.numbers.caller_id import (
    CHARS_MAX,
    CallerId,
    DidFrom,
    caller_of,
    dialled_numbers,
    number_of,
    plain_user,
)
from acdcore.numbering.plan import HOME, NumberingPlan
from acdcore.sip.syntax.message import Headers, Request
from acdcore.sip.syntax.uri import SipUri, parse_uri

MOBILE = "+8613800000001"
OTHER = "+8613900000002"
SOMEBODY = "<sip:100@198.51.100.9>"


def invite(from_: str = SOMEBODY, *fields: tuple[str, str], to: str = "<sip:95500@192.0.2.1>") -> Request:
    """An INVITE with these fields."""
    headers = [("From", f"{from_};tag=1"), ("To", to), *fields]
    return Request("INVITE", SipUri.parse("sip:95500@192.0.2.1"), Headers(headers))


def asserted(*values: str) -> list[tuple[str, str]]:
    return [("P-Asserted-Identity", value) for value in values]


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ([], "100"),
        (["<sip:13800000001@192.0.2.9>"], MOBILE),
        (["sip:13800000001@192.0.2.9"], MOBILE),
        (["<sips:013800000001@192.0.2.9;user=phone>"], MOBILE),
        (["<sip:%2B8613800000001@192.0.2.9>"], MOBILE),
        (["<tel:+86-138-0000-0001>"], MOBILE),
        (["<sip:192.0.2.9>, <tel:+8613800000001>"], MOBILE),
        (["<sip:13800000001@192.0.2.9>, <tel:+8613900000002>"], MOBILE),
        (["<sip:192.0.2.9>", "<tel:+8613800000001>"], MOBILE),
        (["<sip:", "<tel:+8613800000001>"], MOBILE),
        (['"sip:666@192.0.2.66" <sip:13800000001@192.0.2.9>'], MOBILE),
        (["<sip:192.0.2.9>"], "100"),
        (["<mailto:a@example.com>"], "100"),
        (["<sip:"], "100"),
        (["", ","], "100"),
        ([f"<sip:{'1' * 500}@192.0.2.9>"], "1" * CHARS_MAX),
    ],
)
def test_number_is_the_first_that_the_trunk_asserts_else_that_of_the_from(values: list[str], number: str) -> None:
    assert caller_of(invite(SOMEBODY, *asserted(*values)), HOME) == CallerId(number)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("<sip:13800000001@192.0.2.9>;party=calling;screen=yes;privacy=off", MOBILE),
        ("<sip:13800000001@192.0.2.9>", MOBILE),
        ("<sip:13800000001@192.0.2.9>;party=called", "100"),
    ],
)
def test_remote_party_id_of_the_caller_goes_before_the_from(value: str, number: str) -> None:
    assert caller_of(invite(SOMEBODY, ("Remote-Party-ID", value)), HOME) == CallerId(number)
    both = invite(SOMEBODY, ("Remote-Party-ID", value), *asserted(f"<tel:{OTHER}>"))
    assert caller_of(both, HOME) == CallerId(OTHER)


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("sip:13800000001;npdi;rn=+8613900000002@192.0.2.9", MOBILE),
        ("sip:+8613800000001;isub=1234@192.0.2.9;user=phone", MOBILE),
        ("sip:13800000001;phone-context=+86@192.0.2.9;user=phone", MOBILE),
        ("sip:26331234;phone-context=+86757@192.0.2.9;user=phone", "+8675726331234"),
        ("sip:8001;phone-context=example.com@192.0.2.9", "8001"),
        ("sip:13800000001;cpc=payphone@192.0.2.9", MOBILE),
        ("sip:+8613800000001;tgrp=a;trunk-context=example.com@192.0.2.9", MOBILE),
        ("sip:075726331234;ext=22@192.0.2.9", "+8675726331234"),
        ("sip:138.0000-0001@192.0.2.9", MOBILE),
        ("sip:(0757)26331234@192.0.2.9", "+8675726331234"),
        ("sip:%2B86%20138%200000%200001@192.0.2.9", MOBILE),
        ("sip:13800000001%3Bnpdi@192.0.2.9", MOBILE),
        ("tel:+86-138-0000-0001;npdi;rn=+8613900000002", MOBILE),
        ("tel:26331234;phone-context=+86-757", "+8675726331234"),
        ("tel:75726331234;ext=1;phone-context=+86", "+8675726331234"),
        ("sip:*55;x=1@192.0.2.9", "*55"),
        ("sip:alice;x=1@192.0.2.9", "alice;x=1"),
        ("sip:192.0.2.9", ""),
        ("mailto:13800000001", ""),
    ],
)
def test_parameters_of_the_user_part_do_not_belong_to_the_number(uri: str, number: str) -> None:
    assert number_of(parse_uri(uri), HOME) == number


@pytest.mark.parametrize("from_", ["<sip:13800000001@192.0.2.9>", '"Somebody" <sip:13800000001;npdi@192.0.2.9>'])
@pytest.mark.parametrize(
    "privacy", [["id"], ["ID"], ["user;id"], ["header"], ["user"], ["id; critical"], ["critical", "id"], ["history,id"]]
)
def test_number_of_a_caller_who_asks_for_privacy_is_for_tracing_only(from_: str, privacy: list[str]) -> None:
    request = invite(from_, *(("Privacy", value) for value in privacy))
    assert caller_of(request, HOME) == CallerId("", is_withheld=True, trace=MOBILE)
    request = invite(from_, *(("Privacy", value) for value in privacy), *asserted(f"<tel:{OTHER}>"))
    assert caller_of(request, HOME) == CallerId("", is_withheld=True, trace=OTHER)


@pytest.mark.parametrize("privacy", ["none", "critical", "session", "history", ""])
def test_privacy_that_is_not_about_the_number_hides_no_number(privacy: str) -> None:
    assert caller_of(invite("<sip:13800000001@x>", ("Privacy", privacy)), HOME) == CallerId(MOBILE)


@pytest.mark.parametrize("privacy", ["full", "name", "uri", "FULL"])
def test_privacy_of_a_remote_party_id_counts_like_privacy(privacy: str) -> None:
    value = f"<sip:13800000001@192.0.2.9>;party=calling;privacy={privacy}"
    assert caller_of(invite(SOMEBODY, ("Remote-Party-ID", value)), HOME) == CallerId("", True, MOBILE)


@pytest.mark.parametrize(
    "from_",
    [
        "<sip:anonymous@anonymous.invalid>",
        '"Anonymous" <sip:anonymous@anonymous.invalid>',
        "<sip:Anonymous@192.0.2.9>",
        "<sip:ANONYMOUS@192.0.2.9>",
        "<sip:unavailable@192.0.2.9>",
        '"Unavailable" <sip:Unavailable@192.0.2.9>',
        "<sip:unknown@192.0.2.9>",
        "<sip:RESTRICTED@192.0.2.9>",
        "<sip:withheld@192.0.2.9>",
        "<sip:private@192.0.2.9>",
        "<sip:c8oqz84zk7z@anonymous.invalid>",
        '"Anonymous" <sip:192.0.2.9>',
    ],
)
def test_word_in_place_of_a_number_is_withheld(from_: str) -> None:
    assert caller_of(invite(from_), HOME) == CallerId("", is_withheld=True)
    request = invite(from_, *asserted(f"<tel:{MOBILE}>"))
    assert caller_of(request, HOME) == CallerId("", is_withheld=True, trace=MOBILE)
    request = invite(from_, ("Privacy", "none"), *asserted(f"<tel:{MOBILE}>"))
    assert caller_of(request, HOME) == CallerId(MOBILE)


def test_anonymous_display_name_beside_a_number_withholds_it_and_an_unknown_name_does_not() -> None:
    assert caller_of(invite('"ANONYMOUS" <sip:13800000001@x>'), HOME) == CallerId("", True, MOBILE)
    assert caller_of(invite('"Unknown" <sip:13800000001@x>'), HOME) == CallerId(MOBILE)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=200),
    st.sampled_from(["P-Asserted-Identity", "Remote-Party-ID", "Diversion", "History-Info", "Privacy"]),
)
def test_field_of_any_text_never_fails_the_call(text: str, name: str) -> None:
    request = invite(SOMEBODY, (name, text))
    assert len(caller_of(request, HOME).screened) <= CHARS_MAX
    assert all(len(number) <= CHARS_MAX for rule in DidFrom for number in dialled_numbers(request, rule, HOME))


DIVERTED = [
    ("Diversion", "<sip:02088880002@192.0.2.9>;reason=no-answer"),
    ("Diversion", "<tel:+862088880001>;reason=unconditional"),
]
HISTORY = [
    ("History-Info", "<sip:95500@192.0.2.9;cause=302>;index=1.1, <sip:02088880001@192.0.2.9>;index=1"),
]


@pytest.mark.parametrize(
    ("rule", "fields", "numbers"),
    [
        (DidFrom.REQUEST_URI, DIVERTED, ("95500",)),
        (DidFrom.TO, [], ("+862088880003", "95500")),
        (DidFrom.DIVERSION, DIVERTED, ("+862088880001", "+862088880002", "95500")),
        (DidFrom.DIVERSION, [], ("95500",)),
        (DidFrom.HISTORY_INFO, HISTORY, ("+862088880001", "95500")),
        (DidFrom.HISTORY_INFO, [("History-Info", "<sip:")], ("95500",)),
    ],
)
def test_trunks_rule_says_where_the_called_number_stands(
    rule: DidFrom, fields: list[tuple[str, str]], numbers: tuple[str, ...]
) -> None:
    request = invite(SOMEBODY, *fields, to="<sip:02088880003;npdi@192.0.2.1>")
    assert dialled_numbers(request, rule, HOME) == numbers


def test_trunk_of_another_country_reads_numbers_by_its_own_plan() -> None:
    assert caller_of(invite("<sip:91234567@x>"), NumberingPlan("HK")) == CallerId("+85291234567")


def test_feature_code_keeps_its_star_and_loses_its_parameters() -> None:
    assert plain_user(parse_uri("sip:%2A11;phone-context=example.com@192.0.2.1")) == "*11"
