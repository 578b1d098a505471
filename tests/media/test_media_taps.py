"""Recordings of phones on real sockets."""

import array
import time

import pytest
from tests.media.conftest import FIRST_PORT, LAST_PORT, SETTINGS, Lines
from tests.media.handset import loudest

from acdcore.kernel.ids import IdSource
from acdcore.media import tones
from acdcore.media.engine import Engine
from acdcore.media.events import TapOverflowed
from acdcore.media.model import (
    Codec,
    EngineSettings,
    TapBlock,
)

pytestmark = pytest.mark.wire


def last_blocks(engine: Engine) -> bytes:
    blocks: list[TapBlock] = engine.blocks()
    assert [block.is_last for block in blocks] == [False] * (len(blocks) - 1) + [True]
    return b"".join(block.samples for block in blocks)


def lane(stereo: bytes, side: int) -> bytes:
    return array.array("h", stereo)[side::2].tobytes()


def test_recording_has_the_caller_left_and_the_agent_right(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(Codec.PCMA), line(Codec.PCMU)
    tap = engine.tap(left.stream, right.stream)
    for _ in range(10):
        caller.say(left.port, tones.sine(400, 0.02))
        agent.say(right.port, tones.sine(1000, 0.02))
        time.sleep(0.02)
    engine.untap(tap)
    stereo = last_blocks(engine)
    assert 0.2 <= len(stereo) / 32000 < 0.4
    assert loudest(lane(stereo, 0)[:3000], (400, 1000)) == 400
    assert loudest(lane(stereo, 1)[:3000], (400, 1000)) == 1000


def test_recording_goes_on_with_another_agent(engine: Engine, line: Lines) -> None:
    (_, left), (agent, right), (expert, third) = line(), line(), line()
    tap = engine.tap(left.stream, right.stream)
    agent.say(right.port, tones.sine(400, 0.1), step_s=0.02)
    engine.close(right.stream)
    engine.retap(tap, right=third.stream)
    expert.say(third.port, tones.sine(1000, 0.1), step_s=0.02)
    engine.untap(tap)
    heard = lane(last_blocks(engine), 1)
    assert loudest(heard[:1600], (400, 1000)) == 400
    assert loudest(heard[-1600:], (400, 1000)) == 1000


def test_recording_goes_on_with_a_stream_that_is_opened_after_the_other_closed(engine: Engine, line: Lines) -> None:
    (_, left), (_, right) = line(), line()
    tap = engine.tap(left.stream, right.stream)
    engine.close(right.stream)
    expert, third = line()  # in the very memory that the closed one had, as it happens
    engine.retap(tap, right=third.stream)
    expert.say(third.port, tones.sine(1000, 0.1), step_s=0.02)
    engine.untap(tap)
    assert loudest(lane(last_blocks(engine), 1), (400, 1000)) == 1000


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
    engine.retap(tap, left=right.stream, right=left.stream)
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
