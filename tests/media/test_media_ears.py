"""Who listens to a phone on real sockets hears what it says as it comes, beside all else done with its audio."""

import array
import select
import time
from itertools import pairwise

import pytest
from tests.media import loudness
from tests.media.conftest import FIRST_PORT, LAST_PORT, Lines, await_true, clip
from tests.media.handset import pcm_of

from acdcore.kernel.ids import IdSource
from acdcore.media import tones
from acdcore.media.engine import Engine
from acdcore.media.model import EarFrame, EarId, EngineCodec, EngineSettings

pytestmark = pytest.mark.wire

OCTETS_A_SECOND = 16_000


def heard(engine: Engine, ear: EarId, length_s: float) -> bytes:
    """What is heard by the time that so much was; fails when it does not come."""
    frames: list[EarFrame] = []

    def is_enough() -> bool:
        frames.extend(engine.frames())
        return sum(len(frame.samples) for frame in frames) >= length_s * OCTETS_A_SECOND

    await_true(is_enough)
    assert {frame.ear for frame in frames} == {ear}
    return b"".join(frame.samples for frame in frames)


def sleep_until(moment: float) -> None:
    """A phone's clock goes on, however busy the machine is."""
    time.sleep(max(0.0, moment - time.monotonic()))


@pytest.mark.parametrize("codec", list(EngineCodec))
def test_what_the_phone_says_is_heard_as_it_comes(engine: Engine, line: Lines, codec: EngineCodec) -> None:
    phone, opened = line(codec)
    ear = engine.listen(opened.stream)
    began = time.monotonic()
    phone.say(opened.port, tones.tone((400,), 0.4), step_s=0.02)
    sound = heard(engine, ear, 0.3)
    assert time.monotonic() - began < 0.7
    assert loudness.power_dbfs(sound[-3_200:], 400) > -25
    assert loudness.power_dbfs(sound[-3_200:], 1000) < -40
    engine.unlisten(ear)


def test_phone_that_sends_nothing_is_silent_and_its_ear_goes_on(engine: Engine, line: Lines) -> None:
    _, opened = line()
    ear = engine.listen(opened.stream)
    assert set(heard(engine, ear, 0.2)) == {0}
    engine.close(opened.stream)
    assert set(heard(engine, ear, 0.2)) == {0}
    engine.unlisten(ear)


def test_who_listens_hears_the_phone_only_and_changes_nothing_for_bridge_playback_and_recording(
    engine: Engine, line: Lines
) -> None:
    (phone, left), (other, right) = line(), line()
    ear = engine.listen(left.stream)
    engine.bridge(left.stream, right.stream)
    tap = engine.tap(left.stream, right.stream)
    sounding = clip(engine, 1000, 0.2)
    engine.play(left.stream, [sounding], 1)
    phone.say(left.port, tones.tone((400,), 0.3), step_s=0.02)
    sound = heard(engine, ear, 0.3)
    assert loudness.power_dbfs(sound, 400) > -25
    assert loudness.power_dbfs(sound, 1000) < -50
    assert loudness.power_dbfs(pcm_of(other.listen(10), EngineCodec.PCMU), 400) > -30
    assert loudness.power_dbfs(pcm_of(phone.listen(10), EngineCodec.PCMU), 1000) > -30
    engine.unlisten(ear)
    engine.untap(tap)
    stereo = array.array("h", b"".join(block.samples for block in engine.blocks()))
    assert loudness.power_dbfs(stereo[::2].tobytes(), 400) > -25
    engine.drop_clip(sounding)


def test_ear_whose_stream_has_gone_takes_nothing_from_the_stream_in_its_place(engine: Engine, line: Lines) -> None:
    _, gone = line()
    left_over = engine.listen(gone.stream)
    engine.close(gone.stream)
    phone, opened = line()
    ear = engine.listen(opened.stream)
    engine.unlisten(left_over)
    engine.frames()
    phone.say(opened.port, tones.tone((400,), 0.3), step_s=0.02)
    assert loudness.power_dbfs(heard(engine, ear, 0.3)[-3_200:], 400) > -25
    engine.unlisten(ear)


def test_frames_that_wait_outlive_their_ear(engine: Engine, line: Lines) -> None:
    _, opened = line()
    ear = engine.listen(opened.stream)
    await_true(lambda: bool(select.select([engine.frame_fd], [], [], 0)[0]))
    engine.unlisten(ear)
    later = engine.listen(opened.stream)
    frames: list[EarFrame] = []

    def is_heard_by_both() -> bool:
        frames.extend(engine.frames())
        return {frame.ear for frame in frames} == {ear, later}

    await_true(is_heard_by_both)
    assert frames[0].ear == ear
    assert all(set(frame.samples) == {0} for frame in frames)
    engine.unlisten(later)


def test_packets_that_are_missing_are_silence_of_their_length(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    ear = engine.listen(opened.stream)
    began, tone = time.monotonic(), tones.tone((400,), 0.02)
    for packet in range(15):
        sleep_until(began + 0.02 * packet)
        if packet in range(5, 10):
            phone.skip(1)
        else:
            phone.say(opened.port, tone)
    samples = array.array("h", heard(engine, ear, 0.5))
    loud = [at for at, sample in enumerate(samples) if abs(sample) > 1_000]
    gaps = [after - before for before, after in pairwise(loud) if after - before > 100]
    assert len(gaps) == 1
    assert 0.098 < gaps[0] / 8_000 < 0.105
    engine.unlisten(ear)


def test_packets_that_come_two_at_once_are_in_their_places(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    ear = engine.listen(opened.stream)
    began, tone = time.monotonic(), tones.tone((400,), 0.02)
    phone.say(opened.port, tone)
    for packet in range(2, 15, 2):
        sleep_until(began + 0.02 * packet)
        phone.say(opened.port, 2 * tone)
    samples = array.array("h", heard(engine, ear, 0.5))
    loud = [at for at, sample in enumerate(samples) if abs(sample) > 1_000]
    assert 0.29 < (loud[-1] - loud[0]) / 8_000 < 0.301
    assert max(after - before for before, after in pairwise(loud)) < 20, "one tone without a hole"
    engine.unlisten(ear)


def test_packet_that_is_too_late_is_not_heard_at_all(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    ear = engine.listen(opened.stream)
    phone.say(opened.port, tones.tone((400,), 0.02))
    phone.skip(1)
    time.sleep(0.02)
    phone.say(opened.port, tones.tone((400,), 0.02))
    assert any(heard(engine, ear, 0.3))
    phone.skip(-2)
    phone.say(opened.port, tones.tone((1000,), 0.02))
    assert not any(heard(engine, ear, 4.3)), "nor when the ring of four seconds comes round"
    engine.unlisten(ear)


def test_keys_are_not_heard(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    ear = engine.listen(opened.stream)
    for key in range(4):
        phone.press(opened.port, key)
        time.sleep(0.06)
    assert set(heard(engine, ear, 0.4)) == {0}
    assert len(engine.events()) == 4
    engine.unlisten(ear)


def test_phone_that_is_not_received_from_is_not_heard(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.connect(opened.stream, phone.target(receives=False))
    ear = engine.listen(opened.stream)
    phone.say(opened.port, tones.tone((400,), 0.2), step_s=0.02)
    assert set(heard(engine, ear, 0.3)) == {0}
    engine.unlisten(ear)


def test_who_does_not_fetch_what_is_heard_loses_it_and_is_counted() -> None:
    engine = Engine(EngineSettings(first_port=FIRST_PORT, last_port=LAST_PORT), IdSource(1))
    engine.start()
    ear = engine.listen(engine.open().stream)
    time.sleep(3.0)  # frames of a busy machine are fewer and longer
    await_true(lambda: engine.census().dropped_frames >= 3)
    assert len(engine.frames()) == 50
    await_true(lambda: bool(engine.frames()))
    engine.unlisten(ear)
    engine.stop()
    assert engine.census().ears == 0


def test_engine_that_stops_lets_go_of_who_listens() -> None:
    engine = Engine(EngineSettings(first_port=FIRST_PORT, last_port=LAST_PORT), IdSource(1))
    engine.start()
    engine.listen(engine.open().stream)
    time.sleep(0.3)
    engine.stop()
    assert (engine.census().ears, engine.census().streams) == (0, 0)
