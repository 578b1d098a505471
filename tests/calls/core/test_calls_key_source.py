"""Keys in INFO: what is read of them, and that none is counted twice beside telephone-events."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.calls.call_centre import HOTLINE, ORDINARY, VIP, opened

from acdcore.calls.core.key_source import BOTH_S, EVENT, PLAIN, RELAY, KeySource, read_info
from acdcore.calls.core.leg import Leg
from acdcore.media.dtmf import KEYS
from acdcore.sip.events import InfoArrived


def digit_of(content_type: str, body: bytes) -> str:
    key = read_info(content_type, body)
    return "" if key is None else key.digit


@pytest.mark.parametrize(
    ("content_type", "body", "digit"),
    [
        (RELAY, b"Signal=5\r\nDuration=160\r\n", "5"),
        (RELAY, b"Signal= 5\r\nDuration= 160", "5"),
        (RELAY, b"Signal= *\r\n", "*"),
        (RELAY, b"Duration=160\r\nsignal=#", "#"),
        (RELAY, b"Duration=160\rSIGNAL = 7\r", "7"),
        (RELAY, b"\n\nSignal:9\nDuration:100\n", "9"),
        (RELAY, b"Signal=a", "A"),
        (RELAY, b"Signal=10", "*"),
        (RELAY, b"Signal=11", "#"),
        (RELAY, b"Signal=12", "A"),
        (RELAY, b"Signal=15", "D"),
        (RELAY, b"Signal=16", ""),
        (RELAY, b"Signal=05", "5"),
        (RELAY, b"Signal=flash", ""),
        (RELAY, b"Signal=", ""),
        (RELAY, b"Duration=160", ""),
        (RELAY, b"", ""),
        (RELAY, b"3\r\n", "3"),
        (PLAIN, b"7", "7"),
        (PLAIN, b" d \r\n", "D"),
        (PLAIN, b"11", "#"),
        (PLAIN, b"Signal=8", "8"),
        (PLAIN, b"77", ""),
        (PLAIN, b"", ""),
        (PLAIN, b"\xff\xfe", ""),
        (PLAIN, "²".encode(), ""),
        (EVENT, struct.pack("!BBH", 10, 0x8A, 800), "*"),
        (EVENT, struct.pack("!BBH", 16, 0x8A, 800), ""),
        (EVENT, b"4\r\n", "4"),
        ("text/plain", b"5", ""),
        ("", b"Signal=5", ""),
    ],
)
def test_key_is_read_from_all_bodies_that_phones_send(content_type: str, body: bytes, digit: str) -> None:
    assert digit_of(content_type, body) == digit


@given(st.sampled_from([RELAY, PLAIN, EVENT, "x/y"]), st.binary(max_size=200))
def test_any_body_is_one_key_or_none(content_type: str, body: bytes) -> None:
    digit = digit_of(content_type, body)
    assert not digit or digit in KEYS


def info(digit: str) -> tuple[str, bytes]:
    return RELAY, f"Signal={digit}\r\nDuration=160\r\n".encode()


def test_info_is_heard_while_no_event_was() -> None:
    source = KeySource()
    assert [source.of_info(*info(digit), at) for at, digit in enumerate("5500")] == ["5", "5", "0", "0"]


def test_info_is_ignored_once_an_event_was_heard() -> None:
    source = KeySource()
    assert source.counts("5", 0.0)
    assert source.of_info(*info("5"), 0.1) == source.of_info(*info("6"), 60.0) == ""


def test_event_of_a_key_that_came_in_info_before_is_not_counted_again() -> None:
    source = KeySource()
    assert source.of_info(*info("5"), 0.0) == "5"
    assert [source.counts("5", at) for at in (0.2, 0.4)] == [False, True]


def test_event_long_after_the_same_key_in_info_is_another_press() -> None:
    source = KeySource()
    source.of_info(*info("5"), 0.0)
    assert source.counts("5", BOTH_S + 0.1)


def test_event_of_another_key_than_came_in_info_is_another_press() -> None:
    source = KeySource()
    source.of_info(*info("5"), 0.0)
    assert source.counts("6", 0.2)


@given(st.text("0123456789*#", min_size=1, max_size=16), st.integers(0, 1 << 32))
def test_number_sent_both_ways_is_read_once(number: str, seed: int) -> None:
    """Each way keeps its order, and is at most half a second behind the other."""
    dice = random.Random(seed)
    sent = [
        (0.2 * place + dice.uniform(0, 0.1) + late_s, way, digit)
        for way, late_s in (("info", dice.uniform(0, 0.5)), ("event", dice.uniform(0, 0.5)))
        for place, digit in enumerate(number)
    ]
    source, read = KeySource(), ""
    for at, way, digit in sorted(sent):
        if way == "info":
            read += source.of_info(*info(digit), at)
        elif source.counts(digit, at):
            read += digit
    assert read == number


@pytest.mark.parametrize("begins", [True, False])
def test_press_and_release_as_octets_of_events_are_one_key(begins: bool) -> None:
    source, read = KeySource(), ""
    for at, key in enumerate([5, 5, 11]):
        for flags, duration in [(0, 0), (0, 400), (0x80, 800)] if begins else [(0x80, 800)]:
            read += source.of_info(EVENT, struct.pack("!BBH", key, flags, duration), at)
    assert read == "55#"


@pytest.mark.looptime
async def test_key_in_info_and_as_event_leads_the_caller_once() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(HOTLINE)
        await centre.pass_time(2)
        leg = centre.live().caller
        assert isinstance(leg, Leg) and leg.session is not None
        read: list[str] = []
        leg.tell(Keys(read))
        for digit in "1122":
            leg.on_info(InfoArrived(leg.session, *info(digit)))
            centre.press(digit)
            centre.context.event_router.on_media(centre.engine.events())
        leg.tell(centre.live())
        caller.hang_up()
    assert "".join(read) == "1122"


class Keys:
    """Who writes down the keys of a leg."""

    def __init__(self, read: list[str]) -> None:
        self._read = read

    def notify(self, note: object) -> None:
        self._read.append(getattr(note, "digit", ""))


@pytest.mark.looptime
@pytest.mark.parametrize("way", ["event", "info"])
async def test_key_that_comes_before_a_late_ack_is_kept(way: str) -> None:
    async with opened() as centre:
        caller = centre.caller(ORDINARY)
        centre.cable.lose(caller.address, "ACK")
        caller.call(HOTLINE)
        await centre.pass_time(0.2)
        leg = centre.live().caller
        assert isinstance(leg, Leg) and leg.session is not None
        if way == "event":
            centre.press("1")
        else:
            leg.on_info(InfoArrived(leg.session, *info("1")))
        await centre.pass_time(2)
        told = centre.call_history()
        caller.hang_up()
    assert any("queued service" in line for line in told), told
