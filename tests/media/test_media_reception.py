"""Order, loss and jitter of a received stream, by RFC 3550's own rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.media.reception import Arrival, Reception

SOURCE = 0x1234
OTHER = 0x9999


def heard(*sequences: int) -> Reception:
    reception = Reception()
    for sequence in sequences:
        reception.note(SOURCE, sequence & 0xFFFF)
    return reception


def test_in_order_packets_follow_over_the_wrap() -> None:
    reception = heard(65534)
    assert [reception.note(SOURCE, n) for n in (65535, 0, 1)] == [Arrival.FOLLOWS] * 3
    assert (reception.received, reception.lost) == (4, 0)


def test_gap_is_loss_until_the_overtaken_packet_comes() -> None:
    reception = heard(10, 13)
    assert reception.lost == 2
    assert reception.note(SOURCE, 11) is Arrival.OVERTAKEN
    assert (reception.lost, reception.reordered) == (1, 1)


def test_packet_that_came_is_repeated() -> None:
    reception = heard(10, 11, 12)
    assert reception.note(SOURCE, 11) is Arrival.REPEATED
    assert reception.note(SOURCE, 12) is Arrival.REPEATED
    assert (reception.duplicates, reception.received, reception.lost) == (2, 3, 0)


def test_leap_is_outside_until_its_successor_proves_a_restart() -> None:
    reception = heard(10, 11)
    assert reception.note(SOURCE, 30000) is Arrival.OUTSIDE
    assert reception.note(SOURCE, 12) is Arrival.FOLLOWS
    assert reception.note(SOURCE, 30001) is Arrival.OUTSIDE
    assert reception.note(SOURCE, 30002) is Arrival.RESTARTED
    assert reception.note(SOURCE, 30003) is Arrival.FOLLOWS


def test_losses_of_earlier_sources_are_kept() -> None:
    reception = heard(10, 15)
    assert reception.note(99, 7) is Arrival.RESTARTED
    reception.note(99, 9)
    assert reception.lost == 4 + 1


def test_fraction_lost_covers_the_interval_only() -> None:
    reception = heard(*range(100), *range(150, 200))
    assert reception.fraction_lost() == 256 * 50 // 200
    for sequence in range(200, 300):
        reception.note(SOURCE, sequence)
    assert reception.fraction_lost() == 0


def test_jitter_of_a_steady_stream_is_zero() -> None:
    reception = Reception()
    for at in range(0, 16000, 160):
        reception.time(0xFFFFFF00 + at & 0xFFFFFFFF, 5000 + at)
    assert reception.jitter == 0


def test_jitter_converges_to_the_mean_change_of_transit() -> None:
    reception = Reception()
    for number in range(2000):
        reception.time(160 * number, 160 * number + 80 * (number % 2))
    assert 78 <= reception.jitter <= 80


def test_leap_of_the_sources_clock_is_no_jitter() -> None:
    reception = Reception()
    for number in range(20):
        reception.time(160 * number + 3_000_000 * (number > 10), 160 * number)
    assert reception.jitter == 0


@given(st.permutations(range(40)), st.integers(0, 0xFFFF))
def test_any_order_of_a_window_loses_nothing(order: list[int], first: int) -> None:
    reception = heard(first)
    for offset in order:
        reception.note(SOURCE, (first + 1 + offset) & 0xFFFF)
    assert (reception.lost, reception.duplicates) == (0, 0)
    assert reception.received == 41


@pytest.mark.parametrize(
    ("number", "timestamp", "arrival", "silent"),
    [
        (1, 160, 1160, 160),  # the next packet
        (60, 9600, 10_600, 9600),  # a second was lost
        (1, 80_000, 81_000, 80_000),  # ten seconds of silence, its clock ran on
        (1, 160, 81_000, 80_000),  # the same, its clock stood still
    ],
)
def test_next_packet_of_a_source_carries_it_on(number: int, timestamp: int, arrival: int, silent: int) -> None:
    reception = heard(65_535)
    reception.time(0xFFFFFFFF, 999)
    assert reception.carries_on(SOURCE, (65_535 + number) & 0xFFFF, timestamp - 1, arrival, silent)


@pytest.mark.parametrize(
    ("ssrc", "number", "timestamp"),
    [(OTHER, 101, 160), (SOURCE, 100, 160), (SOURCE, 99, 160), (SOURCE, 4000, 160), (SOURCE, 101, 50_000_000)],
)
def test_packet_that_does_not_fit_does_not_carry_a_source_on(ssrc: int, number: int, timestamp: int) -> None:
    reception = heard(100)
    reception.time(0, 1000)
    assert reception.carries_on(SOURCE, 101, 160, 1160, 160)
    assert not reception.carries_on(ssrc, number, timestamp, 1160, 160)


def test_nothing_carries_on_a_source_that_was_never_heard() -> None:
    assert not Reception().carries_on(0, 1, 160, 160, 160)
