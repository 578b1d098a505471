"""Connection limits: idle strangers make room, and never take the place of a known peer."""

from acdcore.kernel.connection_limits import ConnectionLimits, ConnectionRules

RULES = ConnectionRules(known_max=3, strangers_max=10, source_max=4)


def limits() -> ConnectionLimits:
    return ConnectionLimits(RULES)


def test_idlers_of_one_source_make_room_for_its_next_connection_the_oldest_first() -> None:
    one = limits()
    closed = [one.opened(number, "a", is_known=False) for number in range(6)]
    assert closed == [None, None, None, None, 0, 1]
    assert len(one) == RULES.source_max


def test_whoever_has_spoken_stays_while_silent_ones_go() -> None:
    one = limits()
    one.opened(0, "a", is_known=False)
    one.heard(0)
    assert [one.opened(number, "a", is_known=False) for number in range(1, 6)][-2:] == [1, 2]


def test_source_that_has_most_pays_when_all_strangers_are_too_many() -> None:
    one = limits()
    for number in range(4):
        one.opened(number, "many", is_known=False)
    for number in range(4, 10):
        assert one.opened(number, f"single {number}", is_known=False) is None
    assert one.opened(10, "newcomer", is_known=False) == 0


def test_idlers_never_take_the_place_of_known_peers() -> None:
    one = limits()
    for number in range(1_000):
        one.opened(number, str(number % 200), is_known=False)
    assert len(one) == RULES.strangers_max
    assert [one.opened(2_000 + number, "trunk", is_known=True) for number in range(3)] == [None, None, None]


def test_known_one_too_many_costs_a_silent_one_or_is_refused() -> None:
    one = limits()
    for number in range(3):
        one.opened(number, "office", is_known=True)
        one.heard(number) if number != 1 else None
    assert one.opened(3, "office", is_known=True) == 1
    one.heard(3)
    assert one.opened(4, "office", is_known=True) == 4


def test_stranger_that_proves_itself_is_never_closed_for_others() -> None:
    one = limits()
    one.opened(0, "a", is_known=False)
    assert one.proved(0)
    assert one.is_known(0)
    assert 0 not in [one.opened(number, "a", is_known=False) for number in range(1, 100)]


def test_stranger_stays_one_when_there_is_no_room_for_known_peers() -> None:
    one = limits()
    for number in range(3):
        one.opened(number, "trunk", is_known=True)
        one.heard(number)
    one.opened(3, "a", is_known=False)
    assert not one.proved(3)


def test_nothing_is_left_of_connections_that_are_gone() -> None:
    one = limits()
    for number in range(3):
        one.opened(number, "a", is_known=number == 0)
        one.closed(number)
        one.closed(number)
    assert len(one) == 0
    assert one._by_source == {}
