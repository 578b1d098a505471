"""Whatever a phone's timestamps and the network do: 100 ms later each sample lies within a packet of when it was said.

Each packet carries one value of its own, so that the recording tells where it was placed.
"""

import array
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from acdcore.media import g711
from acdcore.media.model import EngineCodec
from acdcore.media.rtp import RtpPacket
from acdcore.media.timeline import Timeline

LEFT, RIGHT = 0, 1
SETTLED_S = 0.1
QUIET = 0xFF
MARKS = 120
"""Codes of PCMU that decode to different loud values."""
MARGIN_S = 0.3
BLOCK_S = 1.0


def value(mark: int) -> int:
    (sample,) = array.array("h", g711.decode(bytes([mark]), EngineCodec.PCMU))
    return sample


@dataclass
class Sent:
    """One packet of a phone: when it was said, when it arrives, and what it carries."""

    said_s: float
    arrives_s: float
    packet: RtpPacket
    mark: int
    is_settled: bool


@dataclass
class Talker:
    """A phone that sends packets in step with true time and numbers them as it pleases."""

    size: int = 160
    counts: int | None = None
    """By how much its timestamps grow with a packet; None: by its size."""
    ssrc: int = 5
    now_s: float = 0.0
    sequence: int = 100
    timestamp: int = 0xFFFF_F000
    disturbed_s: float = -1.0
    sent: list[Sent] = field(default_factory=list)

    def talk(self, packets: int, delay_s: float = 0.0, jitter: Iterator[float] | None = None, mark: int = -1) -> None:
        """Say so many packets; each takes `delay_s` more than usual through the network."""
        for _ in range(packets):
            number = len(self.sent) % MARKS if mark < 0 else mark
            payload = bytes([number]) * self.size
            packet = RtpPacket(0, self.sequence & 0xFFFF, self.timestamp & 0xFFFF_FFFF, self.ssrc, payload)
            late_s = delay_s + (next(jitter) if jitter is not None else 0.0)
            is_settled = self.now_s >= self.disturbed_s + SETTLED_S
            self.sent.append(Sent(self.now_s, self.now_s + late_s, packet, number, is_settled))
            self.pass_time(self.size / 8000)
            self.sequence += 1
            self.timestamp += self.size if self.counts is None else self.counts

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds

    def disturb(self) -> None:
        """From here on the phone has 100 ms until it must be right again."""
        self.disturbed_s = self.now_s

    def leap(self, seconds: float) -> None:
        """The timestamps jump."""
        self.disturb()
        self.timestamp += round(8000 * seconds)

    def pause(self, seconds: float, stands_still: float) -> None:
        """Nothing is sent; that part of the time which stands still does not count in timestamps."""
        self.pass_time(seconds)
        self.timestamp += round(8000 * seconds * (1 - stands_still))
        self.disturb()

    def lose(self, packets: int) -> None:
        """Said, and lost in the network."""
        self.pass_time(packets * self.size / 8000)
        self.sequence += packets
        self.timestamp += packets * (self.size if self.counts is None else self.counts)

    def stall(self, packets: int) -> None:
        """The network holds packets back and hands them over at once."""
        first = len(self.sent)
        self.disturb()
        self.talk(packets)
        for order, late in enumerate(self.sent[first:]):
            late.arrives_s = self.now_s + 0.0002 * order
            late.is_settled = False
        self.disturb()


def record(*talkers: Talker, lane: int = LEFT, until_s: float = 0.0) -> "array.array[int]":
    """What the recording holds of the lane, handed out as the engine does."""
    timeline = Timeline(0.0)
    stereo = bytearray()
    block_at_s = BLOCK_S
    arrivals = sorted((each for talker in talkers for each in talker.sent), key=lambda each: each.arrives_s)
    for each in arrivals:
        while each.arrives_s >= block_at_s:
            stereo += timeline.take(block_at_s)
            block_at_s += BLOCK_S
        timeline.put(lane, each.packet, EngineCodec.PCMU, each.arrives_s)
    end_s = max(arrivals[-1].arrives_s + 0.1, until_s)
    stereo += timeline.take(end_s, is_last=True)
    return array.array("h", bytes(stereo))[lane::2]


def misplaced(heard: "array.array[int]", talker: Talker, allowed: int | None = None) -> list[str]:
    """The settled packets that do not lie within a packet of when they were said."""
    problems = []
    for number, each in enumerate(talker.sent):
        if not each.is_settled or each.arrives_s - each.said_s > 0.25:
            continue
        truth = round(8000 * each.said_s)
        within = talker.size if allowed is None else allowed
        window = heard[max(0, truth - within) : truth + within + talker.size]
        wanted = value(each.mark)
        if window.count(wanted) < talker.size - 45:  # a correction in silence may take 40
            where = [at - truth for at, sample in enumerate(heard) if sample == wanted][:1]
            problems.append(f"packet {number} said at {each.said_s:.3f}: {window.count(wanted)} samples, lies {where}")
    return problems


def test_steady_talker_lies_where_it_was_said() -> None:
    talker = Talker()
    talker.talk(300)
    assert misplaced(record(talker), talker, allowed=8) == []


@pytest.mark.parametrize("pause_s", [0.03, 0.06, 0.15, 0.25, 0.4, 2.0, 7.0])
@pytest.mark.parametrize("stands_still", [1.0, 0.5])
def test_nothing_is_lost_of_a_talkspurt_whose_timestamps_stood_still(pause_s: float, stands_still: float) -> None:
    talker = Talker()
    for _ in range(5):
        talker.talk(40)
        talker.pause(pause_s, stands_still)
        talker.disturbed_s = -1.0  # not even the first packet may be lost
    talker.talk(40)
    assert misplaced(record(talker), talker) == []


@pytest.mark.parametrize("leap_s", [0.05, 0.1, 0.25, 0.3, 0.4, 0.6, 3.0, -0.05, -0.1, -0.25, -0.3, -0.4, -0.6, -3.0])
def test_clock_that_leaps_is_followed_at_once(leap_s: float) -> None:
    talker = Talker()
    for _ in range(4):
        talker.talk(60)
        talker.leap(leap_s)
    talker.talk(60)
    assert misplaced(record(talker), talker) == []


@pytest.mark.parametrize("packets", [3, 10, 20, 40])
def test_burst_at_the_start_does_not_delay_what_follows(packets: int) -> None:
    talker = Talker()
    talker.stall(packets)
    talker.talk(200)
    assert misplaced(record(talker), talker) == []


@pytest.mark.parametrize(
    ("size", "counts"),
    [(240, 160), (160, 240), (160, 320), (160, 80), (160, 0), (240, 0), (80, 160), (480, 160), (160, 960)],
)
def test_timestamps_that_do_not_count_samples_are_not_believed(size: int, counts: int) -> None:
    talker = Talker(size=size, counts=counts)
    talker.talk(100)
    talker.lose(3)
    talker.disturb()
    talker.talk(100)
    talker.pause(1.3, stands_still=1.0)
    talker.talk(100)
    assert misplaced(record(talker), talker) == []


@pytest.mark.parametrize("apart_s", [0.0, 0.005, 0.01])
def test_two_sources_at_once_are_both_heard_in_their_places(apart_s: float) -> None:
    """A switch that lets its announcement through beside the caller; the other source is silent here."""
    talker, other = Talker(), Talker(ssrc=9, now_s=apart_s, timestamp=77)
    talker.talk(200)
    other.talk(200, mark=QUIET)
    assert misplaced(record(talker, other), talker, allowed=8) == []


def test_two_sources_at_once_are_mixed() -> None:
    talker, other = Talker(), Talker(ssrc=9, timestamp=77)
    talker.talk(10, mark=0x9F)
    other.talk(10, mark=0xAF)
    heard = record(talker, other)
    assert heard[400] == value(0x9F) + value(0xAF)


def test_network_that_holds_back_and_hands_over_at_once_moves_nothing() -> None:
    talker = Talker()
    talker.talk(100)
    talker.stall(12)  # 240 ms: all within the margin, so nothing of it may be lost
    for late in talker.sent[100:112]:
        late.is_settled = True
    talker.talk(100)
    assert misplaced(record(talker), talker, allowed=8) == []


def test_long_stall_moves_nothing_that_follows() -> None:
    talker = Talker()
    talker.talk(100)
    talker.stall(70)
    talker.disturbed_s = -1.0
    talker.talk(100)
    assert misplaced(record(talker), talker, allowed=8) == []


def test_late_packet_among_others_moves_nothing() -> None:
    talker = Talker()
    for _ in range(10):
        talker.talk(20)
        talker.talk(1, delay_s=0.15)
    talker.talk(20)
    assert misplaced(record(talker), talker, allowed=8) == []


@pytest.mark.parametrize("spread_s", [0.01, 0.03, 0.06])
def test_jitter_alone_moves_nothing_far(spread_s: float) -> None:
    noise = random.Random(3)
    jitter = iter(lambda: noise.uniform(0, spread_s), None)
    talker = Talker()
    talker.talk(500, jitter=jitter)
    for last in talker.sent[-5:]:  # whose successors would have told that they were only late
        last.is_settled = False
    assert misplaced(record(talker), talker) == []


def disturbed(noise: random.Random) -> Talker:
    """A phone with every fault in turn, a second of order between two."""
    size = noise.choice([80, 160, 160, 240, 320, 480])
    talker = Talker(size=size, sequence=noise.randrange(65536), timestamp=noise.randrange(1 << 32))
    jitter = iter(lambda: noise.uniform(0, 0.003), None)
    for _ in range(8):
        talker.talk(round(8000 / size), jitter=jitter)
        match noise.randrange(8):
            case 0:
                talker.leap(noise.choice([1, -1]) * noise.uniform(0.03, 5))
            case 1:
                talker.pause(noise.uniform(0.03, 6), stands_still=noise.choice([0.0, 0.5, 1.0]))
            case 2:
                talker.stall(noise.randrange(2, 40))
            case 3:
                talker.lose(noise.randrange(1, 30))
            case 4:
                talker.counts = noise.choice([0, size // 2, 2 * size, None])
                talker.disturb()
            case 5:
                talker.ssrc += 1
                talker.timestamp = noise.randrange(1 << 32)
                talker.disturb()
            case 6:
                talker.pause(noise.uniform(0.03, 2), stands_still=1.0)
                talker.leap(noise.uniform(-1, 1))
            case _:
                talker.sequence += noise.randrange(4000, 30000)
                talker.leap(noise.uniform(-9, 9))
    talker.talk(round(8000 / size), jitter=jitter)
    return talker


@pytest.mark.parametrize("seed", range(60))
def test_every_disturbance_is_over_within_100_ms(seed: int) -> None:
    noise = random.Random(seed)
    talker = disturbed(noise)
    others = [Talker(ssrc=0xAAAA, now_s=0.007)] if seed % 3 == 0 else []
    for other in others:
        other.talk(round(talker.now_s * 50), mark=QUIET)
    assert misplaced(record(talker, *others), talker) == []


@pytest.mark.parametrize("seed", range(10))
def test_both_sides_stay_aligned_through_each_others_disturbances(seed: int) -> None:
    """Left leaps and stalls, right talks steadily: what was said at one moment lies at one place."""
    left, right = disturbed(random.Random(seed)), Talker(ssrc=77)
    right.talk(round(left.now_s * 50))
    for side, talker in ((LEFT, left), (RIGHT, right)):
        assert misplaced(record(talker, lane=side), talker) == []
