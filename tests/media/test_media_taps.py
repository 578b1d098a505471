"""Recordings of phones on real sockets."""

import array
import time

import pytest
from tests.media import loudness
from tests.media.conftest import FIRST_PORT, LAST_PORT, SETTINGS, Lines, clip, collect

from acdcore.kernel.ids import IdSource
from acdcore.media import tones
from acdcore.media.engine import Engine
from acdcore.media.events import StreamSpeechEnded, TapOverflowed
from acdcore.media.model import (
    EngineCodec,
    EngineSettings,
    TapBlock,
)

pytestmark = pytest.mark.wire


def last_blocks(engine: Engine) -> bytes:
    blocks: list[TapBlock] = engine.blocks()
    assert [block.is_last for block in blocks] == [False] * (len(blocks) - 1) + [True]
    return b"".join(block.samples for block in blocks)


def heard(side: bytes, hz: int) -> bool:
    """Whether a tone of a tenth of a second is heard somewhere in a side of less than a second."""
    return loudness.power_dbfs(side, hz) > -35


def lane(stereo: bytes, side: int) -> bytes:
    return array.array("h", stereo)[side::2].tobytes()


def test_recording_has_the_caller_left_and_the_agent_right(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(EngineCodec.PCMA), line(EngineCodec.PCMU)
    tap = engine.tap(left.stream, right.stream)
    for _ in range(10):
        caller.say(left.port, tones.tone((400,), 0.02))
        agent.say(right.port, tones.tone((1000,), 0.02))
        time.sleep(0.02)
    engine.untap(tap)
    stereo = last_blocks(engine)
    assert 0.2 <= len(stereo) / 32000 < 0.4
    assert [heard(lane(stereo, 0), hz) for hz in (400, 1000)] == [True, False]
    assert [heard(lane(stereo, 1), hz) for hz in (400, 1000)] == [False, True]


def test_recording_is_cut_into_blocks_of_a_second(engine: Engine, line: Lines) -> None:
    _, opened = line()
    tap = engine.tap(opened.stream)
    time.sleep(1.1)
    (block,) = engine.blocks()
    assert not block.is_last
    assert block.tap == tap
    assert 0.69 <= len(block.samples) / 32000 < 0.75
    engine.untap(tap)
    assert 1.1 <= (len(block.samples) + len(last_blocks(engine))) / 32000 < 1.3


def test_stream_feeds_one_recording_only(engine: Engine, line: Lines) -> None:
    (_, left), (_, right) = line(), line()
    tap = engine.tap(left.stream, right.stream)
    with pytest.raises(ValueError, match="already"):
        engine.tap(left.stream)
    with pytest.raises(ValueError, match="two streams"):
        engine.tap(left.stream, left.stream)
    engine.untap(tap)
    assert engine.blocks()[-1].is_last


def test_writer_that_is_too_slow_costs_silence_and_not_length() -> None:
    engine = Engine(EngineSettings(first_port=FIRST_PORT, last_port=LAST_PORT, tap_block_ms=20), IdSource(1))
    engine.start()
    began = time.monotonic()
    tap = engine.tap(engine.open().stream)
    time.sleep(0.7)
    assert engine.census().waiting_blocks == 8
    blocks = engine.blocks()
    time.sleep(0.05)
    (overflow,) = engine.events()
    assert isinstance(overflow, TapOverflowed)
    assert overflow.tap == tap
    assert overflow.lost_samples >= 800
    engine.untap(tap)
    length_s = time.monotonic() - began
    recorded = b"".join(block.samples for block in blocks + engine.blocks())
    assert len(recorded) / 32000 == pytest.approx(length_s, abs=0.02)
    engine.stop()


def test_engine_that_was_halted_hands_out_no_block_longer_than_its_ring() -> None:
    engine = Engine(SETTINGS, IdSource(1))
    began = time.monotonic()
    tap = engine.tap(engine.open().stream)
    time.sleep(4.2)  # its thread was never started
    engine.untap(tap)
    lengths = [len(block.samples) // 4 for block in engine.blocks()]
    assert max(lengths) == 32_768
    assert sum(lengths) / 8000 == pytest.approx(time.monotonic() - began, abs=0.05)
    engine.stop()


def test_stopping_ends_recordings() -> None:
    engine = Engine(SETTINGS, IdSource(1))
    engine.start()
    engine.tap(engine.open().stream)
    engine.stop()
    assert engine.blocks()[-1].is_last


def test_talk_that_ends_as_it_begins_has_a_recording_of_one_packet(engine: Engine, line: Lines) -> None:
    (_, left), (_, right) = line(), line()
    engine.untap(engine.tap(left.stream, right.stream))
    assert 640 <= len(last_blocks(engine)) < 3200


def test_side_that_says_nothing_is_silence_of_the_same_length(engine: Engine, line: Lines) -> None:
    (caller, left), (_, right) = line(), line()
    tap = engine.tap(left.stream, right.stream)
    caller.say(left.port, tones.tone((400,), 0.2), step_s=0.02)
    engine.untap(tap)
    stereo = last_blocks(engine)
    assert heard(lane(stereo, 0), 400)
    assert lane(stereo, 1) == bytes(len(stereo) // 2)


@pytest.mark.parametrize("has_prompts", [True, False])
def test_prompts_to_one_side_lie_on_the_others_if_wanted(engine: Engine, line: Lines, has_prompts: bool) -> None:
    (_, left), (agent, right) = line(EngineCodec.PCMA), line(EngineCodec.PCMU)
    tap = engine.tap(left.stream, right.stream, has_prompts=has_prompts)
    engine.play(left.stream, [clip(engine, 1000)], 1)
    engine.play(right.stream, [clip(engine, 440)], 2)
    agent.say(right.port, tones.tone((700,), 0.1), step_s=0.02)
    time.sleep(0.05)
    engine.untap(tap)
    stereo = last_blocks(engine)
    for_agent, for_caller = ({hz for hz in (440, 700, 1000) if heard(lane(stereo, side), hz)} for side in (0, 1))
    assert for_agent == ({440} if has_prompts else set())
    assert for_caller == ({700, 1000} if has_prompts else {700})


def test_music_on_hold_is_not_recorded(engine: Engine, line: Lines) -> None:
    (_, left), (_, right) = line(), line()
    tap = engine.tap(left.stream, right.stream, has_prompts=True)
    engine.set_background(left.stream, [clip(engine, 1000)])
    time.sleep(0.2)
    engine.untap(tap)
    assert not any(last_blocks(engine))


def test_end_of_speech_is_told_once_though_packets_go_on(engine: Engine, line: Lines) -> None:
    caller, opened = line()
    tap = engine.tap(opened.stream, hush_s=0.3)
    caller.say(opened.port, tones.tone((400,), 0.3), step_s=0.02)
    caller.say(opened.port, bytes(16_000), step_s=0.02)
    (told,) = collect(engine)
    assert isinstance(told, StreamSpeechEnded)
    assert told.stream == opened.stream
    assert 0.3 <= told.silent_for_s < 0.4
    speech = engine.speech(tap)
    assert speech.length_s == pytest.approx(0.3, abs=0.05)
    assert 0.28 <= speech.ended_s < 0.6
    engine.untap(tap, keep_s=speech.ended_s)
    assert engine.blocks()[-1].kept_frames == round(8000 * speech.ended_s)


def test_end_of_speech_is_told_though_noise_goes_on(engine: Engine, line: Lines) -> None:
    caller, opened = line()
    tap = engine.tap(opened.stream, hush_s=1.0)
    hum = tones.tone((300,), 2.2, -30)
    caller.say(opened.port, hum[:8_000] + tones.tone((700,), 0.4) + hum[8_000:], step_s=0.02)
    (told,) = collect(engine)
    assert isinstance(told, StreamSpeechEnded)
    assert 1.0 <= told.silent_for_s < 1.1
    assert engine.speech(tap).length_s == pytest.approx(0.4, abs=0.1)
    engine.untap(tap, keep_s=0.0)


def test_side_that_sends_nothing_at_all_ends_as_silence_too(engine: Engine, line: Lines) -> None:
    _, opened = line()
    tap = engine.tap(opened.stream, hush_s=0.1)
    time.sleep(0.2)
    (told,) = collect(engine)
    assert isinstance(told, StreamSpeechEnded)
    engine.untap(tap, keep_s=0.0)
    assert engine.blocks()[-1].kept_frames == 0
