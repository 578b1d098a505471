"""Keys: one press for each, whatever becomes of its packets."""

import struct

import pytest

from acdcore.media.dtmf import Keypad, Press

END = 0x80


def event(key: int, duration: int, flags: int = 0) -> bytes:
    return struct.pack("!BBH", key, flags | 10, duration)


def hear(keypad: Keypad, *packets: tuple[bytes, int, float]) -> list[Press]:
    told = [keypad.hear(payload, timestamp, now) for payload, timestamp, now in packets]
    return [press for press in told if press is not None]


def press_of_five(timestamp: int = 1000) -> list[tuple[bytes, int, float]]:
    ends = [(event(5, 800, END), timestamp, 0.1)] * 3
    return [(event(5, 160, 0), timestamp, 0.0), (event(5, 560, 0), timestamp, 0.05), *ends]


def test_three_ends_are_one_press() -> None:
    assert hear(Keypad(), *press_of_five()) == [Press("5", 100)]


@pytest.mark.parametrize("lost", range(5))
def test_any_lost_packet_leaves_one_press(lost: int) -> None:
    packets = press_of_five()
    del packets[lost]
    assert hear(Keypad(), *packets) == [Press("5", 100)]


def test_lost_ends_are_made_up_for_by_silence() -> None:
    keypad = Keypad()
    assert hear(keypad, *press_of_five()[:2]) == []
    assert keypad.expire(0.29) is None
    assert keypad.expire(0.31) == Press("5", 70)
    assert keypad.expire(9.0) is None


def test_late_end_after_silence_is_not_another_press() -> None:
    keypad = Keypad()
    hear(keypad, *press_of_five()[:2])
    keypad.expire(0.31)
    assert hear(keypad, (event(5, 800, END), 1000, 0.5)) == []


def test_lost_ends_are_made_up_for_by_the_next_key() -> None:
    keypad = Keypad()
    packets = [*press_of_five()[:2], (event(6, 160), 4000, 0.2), (event(6, 800, END), 4000, 0.3)]
    assert hear(keypad, *packets) == [Press("5", 70), Press("6", 100)]


def test_same_key_twice_is_two_presses() -> None:
    assert hear(Keypad(), *press_of_five(1000), *press_of_five(3000)) == [Press("5", 100)] * 2


def test_packet_of_an_earlier_press_is_ignored() -> None:
    keypad = Keypad()
    hear(keypad, *press_of_five(3000))
    assert hear(keypad, (event(4, 800, END), 1000, 0.2)) == []


def test_press_is_told_when_the_phone_set_its_clock_back() -> None:
    keypad = Keypad()
    hear(keypad, *press_of_five(2_000_000))
    assert hear(keypad, *press_of_five(1000)) == [Press("5", 100)]


def test_press_that_is_held_ends_when_the_phone_sets_its_clock_back() -> None:
    packets = [*press_of_five(2_000_000)[:2], (event(6, 160), 1000, 0.2), (event(6, 800, END), 1000, 0.3)]
    assert hear(Keypad(), *packets) == [Press("5", 70), Press("6", 100)]


def test_long_press_over_several_segments_is_one() -> None:
    packets = [
        (event(1, 0xFFFF), 1000, 8.2),
        (event(1, 0xFFFF), 1000 + 0xFFFF, 16.4),
        (event(1, 800, END), 1000 + 2 * 0xFFFF, 16.5),
    ]
    assert hear(Keypad(), *packets) == [Press("1", (2 * 0xFFFF + 800) // 8)]


@pytest.mark.parametrize(("key", "digit"), [(0, "0"), (9, "9"), (10, "*"), (11, "#"), (15, "D")])
def test_event_codes_are_keys(key: int, digit: str) -> None:
    assert hear(Keypad(), (event(key, 400, END), 1000, 0.0)) == [Press(digit, 50)]


@pytest.mark.parametrize("payload", [b"", b"\1\x80\1", event(16, 400, END), event(255, 400, END)])
def test_short_payloads_and_other_events_are_ignored(payload: bytes) -> None:
    assert hear(Keypad(), (payload, 1000, 0.0)) == []
