"""The latch, row by row of its table: no sockets, time is an argument."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.kernel.address import Address
from acdcore.media.latch import Latch

MS = 1_000_000
PACKET = 20 * MS
SIGNALLED = Address("192.0.2.1", 4000)
OTHER_PORT = Address("192.0.2.1", 61000)
BEHIND_NAT = Address("198.51.100.7", 33000)
STRANGER = Address("203.0.113.66", 666)
WINDOW = 10_000 * MS


def latch(address: Address = SIGNALLED, *, has_nat: bool = True, sip_host: str | None = None) -> Latch:
    connected = Latch()
    connected.connect(address, 0, has_nat=has_nat, sip_host=sip_host, learning_ns=WINDOW)
    return connected


def run(
    heard: Latch,
    source: Address,
    packets: int = 4,
    *,
    at: int = 0,
    apart: int = PACKET,
    ssrc: int = 7,
    first: int = 100,
    heard_ns: int = -1,
    carries_on: bool = False,
) -> list[bool]:
    """Which packets of an unbroken stream are heard."""
    return [
        heard.hear(source, ssrc, (first + n) & 0xFFFF, at + n * apart, heard_ns=heard_ns, is_carried_on=carries_on)
        for n in range(packets)
    ]


# --- rows 1 and 2: the signalled address ---


def test_signalled_address_is_heard_at_once() -> None:
    heard = latch()
    assert heard.hear(SIGNALLED, 1, 1, 0)
    assert heard.source == heard.target == SIGNALLED


@pytest.mark.parametrize("usurper", [OTHER_PORT, BEHIND_NAT])
def test_signalled_address_takes_over_at_any_time(usurper: Address) -> None:
    heard = latch()
    assert run(heard, usurper)[-1]
    late = 3600 * 1000 * MS
    assert heard.hear(SIGNALLED, 1, 1, late, heard_ns=late)
    assert heard.source == heard.target == SIGNALLED


# --- row 3: the signalled IP, and that of SIP ---


@pytest.mark.parametrize("at", [0, 2 * WINDOW])
def test_other_port_of_the_signalled_ip_is_heard_after_four_in_sequence_at_any_time(at: int) -> None:
    heard = latch()
    assert run(heard, OTHER_PORT, 5, at=at, first=65534) == [False, False, False, True, True]
    assert heard.source == heard.target == OTHER_PORT


def test_ip_that_sip_comes_from_needs_no_window() -> None:
    heard = latch(sip_host=BEHIND_NAT.host)
    assert run(heard, BEHIND_NAT, at=2 * WINDOW)[-1]


def test_named_ip_takes_over_from_an_ip_that_nobody_named_though_that_talks() -> None:
    heard = latch(sip_host=BEHIND_NAT.host)
    assert run(heard, STRANGER)[-1]
    at = 1000 * MS
    for n in range(4):
        assert heard.hear(STRANGER, 7, 104 + n, at + n * PACKET, heard_ns=at)
        taken = heard.hear(BEHIND_NAT, 9, n, at + n * PACKET, heard_ns=at + n * PACKET)
    assert taken
    assert heard.source == BEHIND_NAT


def test_port_beside_a_signalled_address_that_was_heard_is_a_stranger() -> None:
    heard = latch()
    assert heard.hear(SIGNALLED, 1, 1, 0)
    assert not any(run(heard, OTHER_PORT, 500, at=60_000 * MS, heard_ns=0))
    assert heard.source == SIGNALLED


def test_third_port_is_heard_when_the_second_is_silent_and_not_while_it_talks() -> None:
    third = Address(OTHER_PORT.host, 61002)
    heard = latch()
    assert run(heard, OTHER_PORT)[-1]
    at = 2000 * MS
    assert not any(heard.hear(third, 9, n, at + n * PACKET, heard_ns=at + n * PACKET) for n in range(100))
    assert run(heard, third, at=2 * at, heard_ns=at)[-1]


# --- row 4: another IP ---


def test_other_ip_is_heard_in_the_window() -> None:
    heard = latch()
    assert run(heard, BEHIND_NAT, at=WINDOW - 100 * MS) == [False, False, False, True]
    assert heard.source == heard.target == BEHIND_NAT


def test_other_ip_is_not_heard_once_the_window_is_over() -> None:
    heard = latch()
    assert not any(run(heard, STRANGER, 500, at=WINDOW - 40 * MS))
    assert heard.source is None
    assert heard.target == SIGNALLED


def test_window_begins_when_audio_is_to_be_expected() -> None:
    heard = Latch()
    heard.connect(SIGNALLED, 0, talks=False, learning_ns=WINDOW)
    assert not any(run(heard, STRANGER, 50))
    heard.connect(SIGNALLED, 9 * WINDOW, talks=True, learning_ns=WINDOW)
    assert run(heard, BEHIND_NAT, at=10 * WINDOW - 100 * MS)[-1]


@pytest.mark.parametrize("latched", [SIGNALLED, OTHER_PORT, BEHIND_NAT])
def test_other_ip_does_not_take_over_a_peer_that_is_silent(latched: Address) -> None:
    heard = latch()
    assert run(heard, latched)[-1]
    assert not any(run(heard, STRANGER, 200, at=500 * MS, heard_ns=60 * MS))
    assert heard.source == latched


def test_two_candidates_side_by_side_do_not_disturb_each_other() -> None:
    heard = latch()
    order = [heard.hear(source, 7, n, n * PACKET) for n in range(4) for source in (BEHIND_NAT, STRANGER)]
    assert order == [False] * 6 + [True, False]
    assert heard.source == BEHIND_NAT


def test_candidates_of_ever_new_addresses_keep_nobody_out() -> None:
    heard = latch()
    strangers = (Address("203.0.113.66", port) for port in itertools.count(1024))
    taken = False
    for n in range(4):
        taken = heard.hear(BEHIND_NAT, 7, n, n * PACKET)
        for m in range(3 if n == 0 else 50):
            assert not heard.hear(next(strangers), 9, m, n * PACKET + m)
    assert taken


def test_candidates_of_other_ips_keep_out_none_at_a_named_one() -> None:
    heard = latch()
    for n in range(3):
        for port in range(1, 5):
            assert not heard.hear(Address(STRANGER.host, port), port, n, n * PACKET)
    assert run(heard, OTHER_PORT, at=3 * PACKET)[-1]


# --- where there is no NAT ---


def test_no_other_ip_is_ever_heard_where_there_is_no_nat() -> None:
    heard = latch(has_nat=False, sip_host=BEHIND_NAT.host)
    assert not any(run(heard, BEHIND_NAT, 500))
    assert heard.hear(SIGNALLED, 1, 1, 0)
    assert not any(run(heard, BEHIND_NAT, 500, at=60_000 * MS, carries_on=True))
    assert heard.source == SIGNALLED


def test_audio_goes_to_the_signalled_address_where_there_is_no_nat_whatever_port_is_heard() -> None:
    heard = latch(has_nat=False)
    assert run(heard, OTHER_PORT)[-1]
    assert heard.source == OTHER_PORT
    assert heard.target == SIGNALLED


# --- what is no run ---


def test_one_packet_each_half_second_is_never_heard() -> None:
    heard = latch()
    assert not any(run(heard, OTHER_PORT, 1000, apart=500 * MS))
    assert heard.source is None


def test_burst_is_not_heard_before_it_has_lasted() -> None:
    heard = latch()
    assert not any(run(heard, OTHER_PORT, 30, apart=MS))
    assert heard.hear(OTHER_PORT, 7, 130, 50 * MS)


@pytest.mark.parametrize("sequences", [[1, 2, 3, 5, 6, 7], [4, 3, 2, 1], [1, 2, 3, 1, 2, 3], [9] * 20])
def test_packets_out_of_sequence_are_no_run(sequences: list[int]) -> None:
    heard = latch()
    assert not any(heard.hear(OTHER_PORT, 7, sequence, n * PACKET) for n, sequence in enumerate(sequences))


def test_packet_that_came_twice_does_not_break_a_run() -> None:
    heard = latch()
    sequences = enumerate([1, 1, 2, 2, 3, 3, 4])
    assert [heard.hear(OTHER_PORT, 7, sequence, n * PACKET) for n, sequence in sequences][-1]


def test_packets_of_several_ssrcs_are_no_run() -> None:
    heard = latch()
    assert not any(heard.hear(OTHER_PORT, n % 2, n, n * PACKET) for n in range(100))


# --- row 5: a NAT that gives the peer a new address ---


@pytest.mark.parametrize("before", [SIGNALLED, OTHER_PORT, BEHIND_NAT])
@pytest.mark.parametrize("after", [Address(OTHER_PORT.host, 61002), Address("198.51.100.9", 1024)])
def test_nat_that_rebinds_is_followed(before: Address, after: Address) -> None:
    heard = latch()
    assert run(heard, before)[-1]
    late = 5 * WINDOW
    assert run(heard, after, at=late, heard_ns=late - PACKET, carries_on=True) == [False, False, False, True]
    assert heard.source == heard.target == after


def test_stream_that_is_copied_is_not_followed_while_its_source_talks() -> None:
    heard = latch()
    assert heard.hear(SIGNALLED, 7, 1, 0)
    for n in range(200):
        at = n * PACKET
        assert not heard.hear(STRANGER, 7, n, at, heard_ns=at, is_carried_on=True)
        assert heard.hear(SIGNALLED, 7, n, at, heard_ns=at)


# --- row 6 and connect ---


def test_unchanged_address_keeps_the_latch() -> None:
    heard = latch()
    assert run(heard, BEHIND_NAT)[-1]
    assert not heard.connect(SIGNALLED, 2 * WINDOW)
    assert heard.hear(BEHIND_NAT, 7, 104, 2 * WINDOW)
    assert heard.target == BEHIND_NAT
    assert not any(run(heard, STRANGER, 500, at=2 * WINDOW + MS, heard_ns=2 * WINDOW))


@pytest.mark.parametrize("nowhere", [Address("0.0.0.0", 4000), Address("192.0.2.1", 0)])
def test_hold_without_an_address_keeps_the_latch(nowhere: Address) -> None:
    heard = latch()
    assert run(heard, BEHIND_NAT)[-1]
    assert not heard.connect(nowhere, WINDOW, talks=False)
    assert not any(run(heard, STRANGER, 50, at=WINDOW, heard_ns=WINDOW))
    assert not heard.connect(SIGNALLED, 3 * WINDOW)
    assert heard.source == heard.target == BEHIND_NAT


def test_nobody_is_heard_while_the_peer_names_no_address() -> None:
    heard = Latch()
    assert not heard.connect(Address("0.0.0.0", 4000), 0, sip_host=BEHIND_NAT.host)
    assert not any(run(heard, BEHIND_NAT, 50))
    assert heard.source is None


def test_changed_address_moves_the_latch_at_once() -> None:
    heard = latch()
    assert heard.hear(SIGNALLED, 7, 1, 0)
    moved = Address(SIGNALLED.host, 4002)
    assert heard.connect(moved, 1000 * MS)
    assert heard.source is None
    assert heard.target == moved
    assert heard.hear(moved, 9, 1, 1000 * MS)


@pytest.mark.parametrize("was_heard", [True, False])
def test_last_packets_from_the_address_left_do_not_keep_the_audio(was_heard: bool) -> None:
    heard = latch()
    if was_heard:
        assert heard.hear(SIGNALLED, 7, 99, 0)
    heard.connect(Address(SIGNALLED.host, 4002), 1000 * MS)
    assert not any(run(heard, SIGNALLED, 49, at=1000 * MS))
    assert heard.source is None


def test_peer_that_goes_on_from_the_address_it_left_is_heard_after_a_second() -> None:
    heard = latch()
    assert heard.hear(SIGNALLED, 7, 99, 0)
    heard.connect(Address(SIGNALLED.host, 4002), 1000 * MS)
    assert run(heard, SIGNALLED, 60, at=1000 * MS)[50:55] == [False, False, False, True, True]


def test_changed_address_opens_a_new_window() -> None:
    heard = latch()
    assert run(heard, BEHIND_NAT)[-1]
    heard.connect(Address("10.0.0.5", 4002), 5 * WINDOW, learning_ns=WINDOW)
    assert run(heard, Address(BEHIND_NAT.host, 33002), at=5 * WINDOW)[-1]


@pytest.mark.parametrize("has_nat", [True, False])
def test_peer_that_names_the_address_it_is_heard_from_is_not_cut(has_nat: bool) -> None:
    heard = latch(has_nat=has_nat)
    assert run(heard, OTHER_PORT)[-1]
    assert heard.connect(OTHER_PORT, 1000 * MS, has_nat=has_nat)
    assert heard.source == heard.target == OTHER_PORT
    assert not any(run(heard, SIGNALLED, 100, at=1000 * MS, heard_ns=1000 * MS))


# --- whatever strangers do ---

strangers = st.builds(Address, st.sampled_from(["203.0.113.66", "192.0.2.1", "198.51.100.7"]), st.integers(1, 5))
packets = st.lists(st.tuples(strangers, st.integers(0, 2), st.integers(0, 5), st.integers(0, 300)), max_size=200)


@given(packets)
def test_whatever_strangers_send_a_peer_heard_at_its_signalled_address_is_not_lost(
    sent: list[tuple[Address, int, int, int]],
) -> None:
    heard = latch()
    assert heard.hear(SIGNALLED, 7, 1, 0)
    now = 0
    for source, ssrc, sequence, apart_ms in sent:
        now += apart_ms * MS
        assert not heard.hear(source, ssrc, sequence, now, heard_ns=0)
    assert heard.source == heard.target == SIGNALLED


@given(packets)
def test_whatever_strangers_send_the_signalled_address_wins(sent: list[tuple[Address, int, int, int]]) -> None:
    heard = latch()
    now = 0
    for source, ssrc, sequence, apart_ms in sent:
        now += apart_ms * MS
        heard.hear(source, ssrc, sequence, now, heard_ns=0)
    assert heard.hear(SIGNALLED, 7, 1, now, heard_ns=now)
    assert heard.source == SIGNALLED


def test_peer_that_is_not_symmetric_is_heard_from_elsewhere_and_sent_to_where_its_sdp_says() -> None:
    heard = Latch()
    heard.connect(SIGNALLED, 0, is_symmetric=False, learning_ns=WINDOW)
    assert run(heard, BEHIND_NAT)[-1]
    assert (heard.source, heard.target) == (BEHIND_NAT, SIGNALLED)
    assert not any(run(heard, STRANGER, at=2 * WINDOW))
