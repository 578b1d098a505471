"""Two phones on one timeline: loss, reordering, leaps and an hour of drifting clocks."""

import array
import itertools
import random

import pytest
from tests.media import loudness

from acdcore.media import g711, tones
from acdcore.media.model import EngineCodec
from acdcore.media.rtp import RtpPacket
from acdcore.media.timeline import Timeline

LEFT, RIGHT = 0, 1
TONE = g711.encode(tones.tone((400,), 0.02), EngineCodec.PCMU)
QUIET = b"\xff" * 160


def packet(number: int, payload: bytes = TONE, ssrc: int = 5, clock: int = 0xFFFFF000) -> RtpPacket:
    return RtpPacket(0, number & 0xFFFF, (clock + 160 * number) & 0xFFFFFFFF, ssrc, payload)


def lanes(stereo: bytes) -> tuple["array.array[int]", "array.array[int]"]:
    samples = array.array("h", stereo)
    return samples[0::2], samples[1::2]


def put(timeline: Timeline, numbers: list[int], lane: int = LEFT, at_s: float = 0.0) -> None:
    for number in numbers:
        timeline.put(lane, packet(number), EngineCodec.PCMU, at_s + 0.02 * number)


def levels(lane: "array.array[int]", packets: int) -> list[bool]:
    """Which of the 20 ms stretches from the start are heard."""
    return [loudness.level_dbfs(lane[160 * n : 160 * (n + 1)].tobytes()) > -20 for n in range(packets)]


def test_lanes_are_left_and_right() -> None:
    timeline = Timeline(0.0)
    put(timeline, list(range(10)), LEFT)
    left, right = lanes(timeline.take(0.2, is_last=True))
    assert len(left) == len(right) == 1600
    assert levels(left, 10) == [True] * 10
    assert not any(right)


def test_loss_is_silence_in_its_place() -> None:
    timeline = Timeline(0.0)
    put(timeline, [0, 1, 2, 5, 6])
    left, _ = lanes(timeline.take(0.14, is_last=True))
    assert levels(left, 7) == [True, True, True, False, False, True, True]


def test_overtaken_packets_fall_into_their_places() -> None:
    timeline, straight = Timeline(0.0), Timeline(0.0)
    for number, at in ((0, 0.0), (2, 0.04), (1, 0.05), (4, 0.08), (3, 0.1)):
        timeline.put(LEFT, packet(number), EngineCodec.PCMU, at)
    put(straight, list(range(5)))
    assert timeline.take(0.12, is_last=True) == straight.take(0.12, is_last=True)


def test_jitter_does_not_move_samples() -> None:
    noise = random.Random(1)
    timeline = Timeline(0.0)
    for number in range(200):
        late = 0.0 if number == 0 else noise.uniform(0, 0.06)
        timeline.put(LEFT, packet(number), EngineCodec.PCMU, 0.02 * number + late)
    left, _ = lanes(timeline.take(4.0, is_last=True))
    assert levels(left, 200) == [True] * 200
    assert timeline.anchored(LEFT) == 1


def test_blocks_are_handed_out_behind_a_margin_and_without_gaps() -> None:
    timeline = Timeline(0.0)
    put(timeline, list(range(50)))
    assert len(timeline.take(1.0)) == 4 * (8000 - 2400)
    assert len(timeline.take(1.0)) == 0
    assert len(timeline.take(1.0, is_last=True)) == 4 * 2400


def test_packet_too_late_for_its_place_is_dropped() -> None:
    timeline = Timeline(0.0)
    put(timeline, list(range(30)))
    timeline.take(0.6)
    timeline.put(LEFT, packet(3), EngineCodec.PCMU, 0.6)
    assert timeline.late_samples(LEFT) == 160


def test_new_source_is_placed_where_it_arrives() -> None:
    timeline = Timeline(0.0)
    put(timeline, [0, 1])
    timeline.put(LEFT, packet(7000, ssrc=6), EngineCodec.PCMU, 0.1)
    left, _ = lanes(timeline.take(0.2, is_last=True))
    assert levels(left, 7) == [True, True, False, False, False, True, False]


def test_clock_that_leaps_ahead_is_anchored_anew() -> None:
    timeline = Timeline(0.0)
    put(timeline, [0, 1])
    timeline.put(LEFT, packet(100_000), EngineCodec.PCMU, 0.04)
    left, _ = lanes(timeline.take(0.06, is_last=True))
    assert levels(left, 3) == [True] * 3


def test_clock_that_leaps_back_is_anchored_anew_within_a_quarter_second() -> None:
    timeline = Timeline(0.0)
    put(timeline, list(range(1000, 1010)), at_s=-20.0)
    put(timeline, list(range(50)), at_s=0.2)
    left, _ = lanes(timeline.take(1.2, is_last=True))
    heard = levels(left, 60)
    assert all(heard[:10])
    assert all(heard[22:])
    assert timeline.anchored(LEFT) == 2


def test_delayed_burst_does_not_move_the_anchor() -> None:
    timeline = Timeline(0.0)
    put(timeline, list(range(10)))
    for number in range(10, 60):
        timeline.put(LEFT, packet(number), EngineCodec.PCMU, 1.2 + 0.0005 * (number - 10))
    put(timeline, list(range(61, 100)))
    left, _ = lanes(timeline.take(2.0, is_last=True))
    assert levels(left, 100) == [number != 60 for number in range(100)]
    assert timeline.anchored(LEFT) == 1


def test_far_future_without_reading_is_bounded() -> None:
    timeline = Timeline(0.0)
    put(timeline, list(range(500)))
    left, _ = lanes(timeline.take(10.0, is_last=True))
    assert len(left) == 80000
    assert levels(left, 500) == [True] * 204 + [True] + [False] * 295


def drifting_hour(drift_ppm: float, is_talking: bool) -> tuple[Timeline, float]:
    """An hour of a phone whose clock is off, with jitter; the timeline and its largest deviation in ms."""
    noise = random.Random(7)
    timeline = Timeline(0.0)
    worst = 0.0
    spurt = 250 if not is_talking else 10**9
    for number in range(3600 * 50):
        at = 0.02 * number / (1 + drift_ppm * 1e-6) + noise.uniform(0, 0.01)
        payload = TONE if number % (2 * spurt) < spurt else QUIET
        timeline.put(LEFT, packet(number, payload), EngineCodec.PCMU, at)
        if number % 50 == 0:
            timeline.take(at)
            worst = max(worst, abs(timeline.deviation_ms(LEFT)))
    return timeline, worst


@pytest.mark.parametrize("drift_ppm", [200.0, -200.0])
@pytest.mark.parametrize("is_talking", [True, False])
def test_drifting_clock_stays_in_step_for_an_hour(drift_ppm: float, is_talking: bool) -> None:
    timeline, worst_ms = drifting_hour(drift_ppm, is_talking)
    drift_samples = 3600 * 8000 * abs(drift_ppm) * 1e-6
    assert worst_ms < 22
    assert timeline.anchored(LEFT) == 1
    assert timeline.late_samples(LEFT) == 0
    assert timeline.corrected_samples(LEFT) == pytest.approx(drift_samples, abs=300)


def test_true_clock_is_left_alone() -> None:
    timeline, _ = drifting_hour(0.0, is_talking=True)
    assert timeline.corrected_samples(LEFT) == 0


def test_correction_in_speech_does_not_click() -> None:
    timeline = Timeline(0.0)
    pieces = []
    loud_at_its_edges = g711.encode(tones.tone((400,), 0.03)[10:330], EngineCodec.PCMU)
    for number in range(60 * 50):
        at = 0.02 * number * 1.0005
        timeline.put(LEFT, packet(number, loud_at_its_edges), EngineCodec.PCMU, at)
        if number % 50 == 0:
            pieces.append(timeline.take(at))
    left, _ = lanes(b"".join(pieces))
    heard = left[800:]
    steps = [abs(after - before) for before, after in itertools.pairwise(heard)]
    assert timeline.corrected_samples(LEFT) > 100
    assert max(steps) < 3100  # a 400 Hz sine of this level moves by 2,580 at most between two samples
