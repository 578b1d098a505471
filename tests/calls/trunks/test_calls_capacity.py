"""Lines are counted by trunk and over all, and each comes back exactly once; trunks and routes are found by rule."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.calls.reserve_lines import reserve_taken

from acdcore.calls.trunks.capacity import CapacityExhausted, TakenCapacity, TrunkCapacity, TrunkCapacitySettings
from acdcore.calls.trunks.trunks import InboundRoute, Trunk, Trunks
from acdcore.kernel.errors import Outcome


def test_trunks_limit_is_named_when_it_is_reached() -> None:
    capacity = TrunkCapacity(TrunkCapacitySettings(limit=10), {"one": 1, "two": 5})
    capacity.take("one")
    with pytest.raises(CapacityExhausted, match="trunk one: all 1 lines") as refused:
        capacity.take("one")
    assert (refused.value.sip_status, refused.value.outcome) == (503, Outcome.REFUSED_CAPACITY)
    assert capacity.take("two")


def test_overall_limit_counts_all_trunks() -> None:
    capacity = TrunkCapacity(TrunkCapacitySettings(limit=2), {"one": 5, "two": 5})
    capacity.take("one")
    capacity.take("two")
    with pytest.raises(CapacityExhausted, match="all 2 lines"):
        capacity.take("one")
    assert capacity.taken == 2


def test_reserve_is_counted_apart() -> None:
    capacity = TrunkCapacity(TrunkCapacitySettings(limit=1, reserve=1), {"one": 5})
    capacity.take("one")
    reserve = capacity.take_reserve()
    assert (capacity.taken, reserve_taken(capacity)) == (1, 1)
    with pytest.raises(CapacityExhausted, match="all 1 reserve lines"):
        capacity.take_reserve()
    reserve.give_back()
    assert (capacity.taken, reserve_taken(capacity)) == (1, 0)


def test_line_given_back_twice_counts_once() -> None:
    capacity = TrunkCapacity(TrunkCapacitySettings(), {"one": 5})
    first, _ = capacity.take("one"), capacity.take("one")
    first.give_back()
    first.give_back()
    assert capacity.taken == 1


@given(st.lists(st.tuples(st.sampled_from(["one", "two", "reserve", "back"]), st.integers(0, 20)), max_size=60))
def test_counts_are_those_of_the_lines_out_and_never_beyond_their_limits(steps: list[tuple[str, int]]) -> None:
    capacity = TrunkCapacity(TrunkCapacitySettings(limit=4, reserve=2), {"one": 3, "two": 3})
    out: list[tuple[str, TakenCapacity]] = []
    for what, number in steps:
        try:
            if what == "back" and out:
                out.pop(number % len(out))[1].give_back()
            elif what == "reserve":
                out.append((what, capacity.take_reserve()))
            elif what != "back":
                out.append((what, capacity.take(what)))
        except CapacityExhausted:
            pass
        held = [name for name, _ in out]
        assert capacity.taken == held.count("one") + held.count("two") <= 4
        assert reserve_taken(capacity) == held.count("reserve") <= 2
        assert max(held.count("one"), held.count("two")) <= 3
    for _, taken in out:
        taken.give_back()
    assert (capacity.taken, reserve_taken(capacity)) == (0, 0)


# --- trunks and routes ---

NARROW = Trunk("narrow", (ip_network("198.51.100.7/32"),), 10, user="narrow", password="1")
WIDE = Trunk("wide", (ip_network("198.51.100.0/24"), ip_network("2001:db8::/32")), 10, target="sip:198.51.100.1")
AWAY = Trunk("away", (), 10, user="away", password="2", target="sip:203.0.113.1", may_dial_out=True)
TRUNKS = Trunks(
    [NARROW, WIDE, AWAY],
    [InboundRoute("wide", "95500", "hotline"), InboundRoute("wide", "*", "other"), InboundRoute("away", "1", "one")],
)


@pytest.mark.parametrize(
    ("host", "name"),
    [("198.51.100.7", "narrow"), ("198.51.100.8", "wide"), ("2001:db8::5", "wide"), ("203.0.113.1", None)],
)
def test_trunk_is_found_by_address_in_the_operators_order(host: str, name: str | None) -> None:
    found = TRUNKS.by_address(host)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(("user", "name"), [("narrow", "narrow"), ("away", "away"), ("", None), ("wide", None)])
def test_trunk_is_found_by_its_user(user: str, name: str | None) -> None:
    found = TRUNKS.by_user(user)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("trunk", "dialled", "flow"),
    [
        ("wide", "95500", "hotline"),
        ("wide", "95501", "other"),
        ("away", "1", "one"),
        ("away", "2", None),
        ("narrow", "95500", None),
    ],
)
def test_route_of_the_number_goes_before_the_one_for_any(trunk: str, dialled: str, flow: str | None) -> None:
    found = TRUNKS.route(trunk, [dialled])
    assert (found[1].flow if found else None) == flow


def test_calls_go_out_only_by_a_trunk_that_may() -> None:
    assert TRUNKS.outbound_trunk() is AWAY
    assert Trunks([NARROW, WIDE], []).outbound_trunk() is None
    assert TRUNKS["wide"] is WIDE


def test_password_of_a_trunk_is_not_shown() -> None:
    assert "2" not in repr(AWAY).partition("target")[0].partition("password")[2]
