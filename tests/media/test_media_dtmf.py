"""Keys: one press for each, whatever becomes of its packets and however they are numbered and timed."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.media.dialler import KEYS_SSRC, Habit, Sent, Stamps, carried, dialled
from tests.media.handset import DTMF

from acdcore.media.dtmf import Keypad, Press
from acdcore.media.rtp import RtpPacket

END = 0x80
SSRC = 0x1000


def event(key: int, duration: int, flags: int = 0) -> bytes:
    return struct.pack("!BBH", key, flags | 10, duration)


def packet(payload: bytes, timestamp: int, sequence: int, ssrc: int = SSRC) -> RtpPacket:
    return RtpPacket(DTMF, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, payload)


def hear(keypad: Keypad, *packets: tuple[bytes, int, float], first: int = 65_530) -> list[Press]:
    """Packets as payload, timestamp and time, numbered in their order."""
    told: list[Press] = []
    for number, (payload, timestamp, now) in enumerate(packets, first):
        told += keypad.hear(packet(payload, timestamp, number), now)
    return told


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


@pytest.mark.parametrize("late_at", [0.5, 30.0])
def test_late_end_after_silence_is_not_another_press(late_at: float) -> None:
    keypad = Keypad()
    hear(keypad, *press_of_five()[:2])
    keypad.expire(0.31)
    assert hear(keypad, (event(5, 800, END), 1000, late_at), first=65_535) == []


def test_lost_ends_are_made_up_for_by_the_next_key() -> None:
    keypad = Keypad()
    packets = [*press_of_five()[:2], (event(6, 160), 4000, 0.2), (event(6, 800, END), 4000, 0.3)]
    assert hear(keypad, *packets) == [Press("5", 70), Press("6", 100)]


def test_same_key_twice_is_two_presses() -> None:
    assert hear(Keypad(), *press_of_five(1000), *press_of_five(3000)) == [Press("5", 100)] * 2


def test_packet_of_an_earlier_press_is_ignored() -> None:
    keypad = Keypad()
    hear(keypad, *press_of_five(3000), first=100)
    assert hear(keypad, (event(4, 800, END), 1000, 0.2), first=97) == []


def test_press_is_told_when_the_phone_set_its_clock_back() -> None:
    keypad = Keypad()
    hear(keypad, *press_of_five(2_000_000))
    assert hear(keypad, *press_of_five(1000), first=0) == [Press("5", 100)]


def test_press_is_told_when_the_phone_begins_its_numbers_anew() -> None:
    keypad = Keypad()
    hear(keypad, *press_of_five(1000), first=30_000)
    assert hear(keypad, *press_of_five(9000), first=20_000) == [Press("5", 100)]


def test_press_twenty_minutes_later_is_told_though_its_numbers_seem_passed() -> None:
    keypad = Keypad()
    hear(keypad, *press_of_five(1000), first=50)
    late = [(payload, 9_000_000, 1300 + now) for payload, _, now in press_of_five()]
    assert hear(keypad, *late, first=10) == [Press("5", 100)]


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


def test_long_press_over_segments_with_lost_borders_is_one() -> None:
    packets = [
        *[(event(1, step * 400), 1000, step * 0.05) for step in range(1, 160)],
        *[(event(1, step * 400), 1000 + 0xFFFF, 8.2 + step * 0.05) for step in range(2, 20)],
        *[(event(1, 8000, END), 1000 + 0xFFFF, 9.2)] * 3,
    ]
    assert [press.digit for press in hear(Keypad(), *packets)] == ["1"]


@pytest.mark.parametrize("first_end", [0, END])
def test_long_press_that_goes_on_under_another_timestamp_is_one(first_end: int) -> None:
    full = 65_440
    packets = [
        *[(event(1, step * 160), 1000, step * 0.02) for step in range(1, 410)],
        (event(1, full, first_end), 1000, 8.18),
        *[(event(1, step * 160), 1000 + full, 8.18 + step * 0.02) for step in range(1, 20)],
        *[(event(1, 3200, END), 1000 + full, 8.6)] * 3,
    ]
    assert [press.digit for press in hear(Keypad(), *packets)] == ["1"]


@pytest.mark.parametrize("stamps", [Stamps.ONE, Stamps.EACH, Stamps.END_LATER])
@pytest.mark.parametrize("overflow", [lambda d: min(d, 0xFFFF), lambda d: d & 0xFFFF], ids=["stays", "runs over"])
def test_key_held_for_half_a_minute_is_one_press(stamps: Stamps, overflow: object) -> None:
    assert callable(overflow)
    packets = []
    for number in range(1, 1504):
        is_end, duration = number > 1500, 160 * min(number, 1500)
        moves = stamps is Stamps.EACH or (is_end and stamps is Stamps.END_LATER)
        timestamp = 1000 + (160 * number if moves else 0)
        packets.append((event(7, overflow(duration), END if is_end else 0), timestamp, 0.02 * number))
    assert [press.digit for press in hear(Keypad(), *packets)] == ["7"]


def test_same_key_soon_after_a_long_press_is_another() -> None:
    long = [(event(1, min(step * 160, 60_000)), 1000, step * 0.02) for step in range(1, 376)]
    ends = [(event(1, 60_000, END), 1000, 7.5)] * 3
    again = [(event(1, 160), 61_400, 7.6), (event(1, 800, END), 61_400, 7.7)]
    assert [press.digit for press in hear(Keypad(), *long, *ends, *again)] == ["1", "1"]


def test_two_keys_with_one_timestamp_are_two_presses() -> None:
    packets = [(event(1, 800, END), 1000, 0.1), (event(2, 160), 1000, 0.2), (event(2, 800, END), 1000, 0.3)]
    assert hear(Keypad(), *packets) == [Press("1", 100), Press("2", 100)]


def test_same_key_begun_anew_under_one_timestamp_is_two_presses() -> None:
    assert hear(Keypad(), *press_of_five(1000), *press_of_five(1000)) == [Press("5", 100)] * 2


def test_same_key_under_one_timestamp_is_another_press_though_the_first_was_told_for_its_silence() -> None:
    keypad = Keypad()
    hear(keypad, *press_of_five()[:2], first=10)
    assert keypad.expire(0.31) == Press("5", 70)
    again = [(payload, timestamp, 0.32 + now) for payload, timestamp, now in press_of_five()]
    assert hear(keypad, *again, first=20) == [Press("5", 100)]


def test_end_that_is_all_that_came_of_a_key_is_told_beside_the_one_before() -> None:
    packets = [*press_of_five()[:2], (event(6, 800, END), 4000, 0.3)]
    assert hear(Keypad(), *packets) == [Press("5", 70), Press("6", 100)]


def test_two_keys_pressed_at_once_are_one_press_each() -> None:
    steps = [(event(key, 160 * step), 1000, step * 0.02) for step in range(1, 6) for key in (1, 2)]
    ends = [(event(key, 800, END), 1000, 0.1) for key in (1, 2)] * 3
    assert sorted(press.digit for press in hear(Keypad(), *steps, *ends)) == ["1", "2"]


HABITS = [
    Habit(stamps, step_ms, ssrc, is_ssrc_new, talks=talks)
    for stamps in Stamps
    for step_ms in ((20,) if stamps is Stamps.EACH_STEP else (20, 50))
    for ssrc, is_ssrc_new in ((SSRC, False), (KEYS_SSRC, False), (KEYS_SSRC, True))
    for talks in (True, False)
]


def read(sent: list[Sent]) -> str:
    """What a keypad makes of packets as they arrive."""
    keypad, told = Keypad(), ""
    for one in sent:
        expired = keypad.expire(one.at_ms / 1000)
        told += expired.digit if expired is not None else ""
        if one.packet.payload_type == DTMF:
            told += "".join(press.digit for press in keypad.hear(one.packet, one.at_ms / 1000))
    last = keypad.expire(1e6)
    return told + (last.digit if last is not None else "")


@given(st.sampled_from(HABITS), st.text("0123456789", min_size=16, max_size=16), st.integers(0, 1 << 32))
def test_card_number_is_read_whatever_habits_the_phone_has(habit: Habit, number: str, seed: int) -> None:
    dice = random.Random(seed)
    assert read(carried(dialled(number, habit, dice), dice)) == number


@given(st.sampled_from(HABITS), st.sampled_from("0123456789"), st.integers(0, 1 << 32))
def test_one_key_sixteen_times_is_read_sixteen_times(habit: Habit, digit: str, seed: int) -> None:
    dice = random.Random(seed)
    assert read(carried(dialled(digit * 16, habit, dice), dice)) == digit * 16
