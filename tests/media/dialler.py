"""A phone that dials: the packets of its keys with the habits that phones and gateways have, and a network for them."""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from tests.media.handset import DTMF

from acdcore.media.rtp import RtpPacket

SAMPLES_PER_MS = 8
FRAME_MS = 20
AUDIO_SSRC, KEYS_SSRC, OTHER_SSRC = 0x1000, 0x2000, 0x3000
COMFORT_NOISE = 13
KEYS = "0123456789*#ABCD"


class Stamps(Enum):
    """The timestamps of one press."""

    ONE = auto()
    """By the RFC: all packets have that of the beginning."""
    END_LATER = auto()
    """The end packets have that of the end."""
    EACH_END = auto()
    """The end packets have one of their own each."""
    EACH = auto()
    """Each packet has its own, and the duration up to there."""
    EACH_STEP = auto()
    """Each packet has its own, and the duration of one step."""
    NEVER = auto()
    """All keys have the same: its clock stands while no audio is sent."""
    PAIRS = auto()
    """Two keys that differ have the same."""


@dataclass(frozen=True, slots=True)
class Habit:
    """How a phone sends keys."""

    stamps: Stamps = Stamps.ONE
    step_ms: int = 20
    """Between two packets of a press."""
    ssrc: int = AUDIO_SSRC
    """Of the first key's packets."""
    is_ssrc_new: bool = False
    """Each key has another one."""
    is_marked: bool = False
    """Each packet has the marker bit."""
    talks: bool = True
    """It sends audio between the keys."""
    begins: bool = True
    """It sends more of a key than its end."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet on its way."""

    at_ms: float
    packet: RtpPacket


def dialled(digits: str, habit: Habit, dice: random.Random) -> list[Sent]:
    """All that the phone sends, in order, from any sequence number and timestamp on; presses last 80 ms and more."""
    sequence = {AUDIO_SSRC: dice.randrange(1 << 16)}
    clock_ms, zero = 0, dice.randrange(1 << 32)
    sent: list[Sent] = []

    def send(ssrc: int, payload_type: int, timestamp: int, payload: bytes, at_ms: int, *, marker: bool = False) -> None:
        number = sequence.setdefault(ssrc, dice.randrange(1 << 16))
        sequence[ssrc] = number + 1
        packet = RtpPacket(payload_type, number & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, payload, marker=marker)
        sent.append(Sent(at_ms, packet))

    def talk(for_ms: int) -> None:
        nonlocal clock_ms
        for _ in range(for_ms // FRAME_MS):
            if habit.talks:
                send(AUDIO_SSRC, 0, zero + SAMPLES_PER_MS * clock_ms, b"\xff" * 160, clock_ms)
            clock_ms += FRAME_MS

    for place, digit in enumerate(digits):
        talk(dice.randrange(60, 160))
        steps = dice.randrange(max(2, 80 // habit.step_ms), 12)
        began = _began(habit, zero, SAMPLES_PER_MS * clock_ms, sent, place, digits)
        for number in range(steps + 3):
            payload, timestamp = _event(habit, KEYS.index(digit), number, steps, began)
            ssrc = habit.ssrc + (place if habit.is_ssrc_new else 0)
            marker = habit.is_marked or number == 0
            if habit.begins or number >= steps:
                send(ssrc, DTMF, timestamp, payload, clock_ms, marker=marker)
            clock_ms += habit.step_ms
        clock_ms += -clock_ms % FRAME_MS
    return sent


def _began(habit: Habit, zero: int, clock: int, sent: list[Sent], place: int, digits: str) -> int:
    if habit.stamps is Stamps.NEVER:
        return zero
    is_second = place % 2 == 1 and digits[place] != digits[place - 1]
    if habit.stamps is Stamps.PAIRS and is_second:
        return next(one.packet.timestamp for one in reversed(sent) if one.packet.payload_type == DTMF)
    return zero + clock


def _event(habit: Habit, key: int, number: int, steps: int, began: int) -> tuple[bytes, int]:
    """Payload and timestamp of a press's packet: so many steps, then three ends."""
    step = SAMPLES_PER_MS * habit.step_ms
    past = number + 1
    is_end = number >= steps
    duration = step * min(past, steps)
    timestamp = began
    match habit.stamps:
        case Stamps.END_LATER if is_end:
            timestamp += duration
        case Stamps.EACH_END if is_end:
            timestamp += step * past
        case Stamps.EACH:
            timestamp += step * past
        case Stamps.EACH_STEP:
            timestamp, duration = began + step * past, step
        case _:
            pass
    return struct.pack("!BBH", key, (0x80 if is_end else 0) | 10, duration), timestamp


def with_strangers(sent: list[Sent], dice: random.Random) -> Iterator[Sent]:
    """Put comfort noise of another SSRC in between."""
    sequence = dice.randrange(1 << 15)
    for one in sent:
        yield one
        if dice.random() < 0.2:
            sequence += 1
            yield Sent(one.at_ms, RtpPacket(COMFORT_NOISE, sequence, dice.randrange(1 << 32), OTHER_SSRC, b"\x40"))


def carried(sent: list[Sent], dice: random.Random) -> list[Sent]:
    """What arrives of it, and in which order: bursts of 50 ms are lost, packets come up to 50 ms late, or twice."""
    arriving: list[Sent] = []
    lost_from_ms = dice.uniform(0, 300)
    for one in sent:
        if one.at_ms > lost_from_ms + 50:
            lost_from_ms = one.at_ms + dice.uniform(300, 900)
        if lost_from_ms <= one.at_ms < lost_from_ms + 50:
            continue
        late_ms = dice.uniform(0, 50) if dice.random() < 0.3 else 0.0
        arriving.append(replace(one, at_ms=one.at_ms + late_ms))
        if dice.random() < 0.05:
            arriving.append(replace(one, at_ms=one.at_ms + dice.uniform(0, 50)))
    return sorted(arriving, key=lambda one: one.at_ms)
