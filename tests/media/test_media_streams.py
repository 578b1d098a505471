"""Bridges: who hears whom, and one clean stream over every change."""

import itertools

import pytest
from tests.media.conftest import Lines, clip, collect
from tests.media.handset import is_clean, loudest, pcm_of

from acdcore.media import tones
from acdcore.media.engine import Engine
from acdcore.media.model import (
    EngineCodec,
)

pytestmark = pytest.mark.wire


def test_bridged_phones_hear_each_other_across_laws(engine: Engine, line: Lines) -> None:
    (one, left), (other, right) = line(EngineCodec.PCMU), line(EngineCodec.PCMA)
    engine.bridge(left.stream, right.stream)
    one.say(left.port, tones.tone((440,), 0.2))
    other.say(right.port, tones.tone((1000,), 0.2))
    at_other, at_one = other.listen(10), one.listen(10)
    assert {packet.payload_type for packet in at_other} == {8}
    assert is_clean(pcm_of(at_other, EngineCodec.PCMA), 440)
    assert is_clean(pcm_of(at_one, EngineCodec.PCMU), 1000)
    engine.unbridge(right.stream)
    one.talk(left.port)
    assert other.hears_nothing()


def test_phone_sees_one_stream_over_prompt_bridge_and_music(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.play(left.stream, [clip(engine, 440)], 1)
    packets = caller.listen(5)
    collect(engine)
    engine.bridge(left.stream, right.stream)
    agent.say(right.port, tones.tone((1000,), 0.1), step_s=0.005)
    packets += caller.listen(5)
    engine.unbridge(left.stream)
    engine.set_background(left.stream, [clip(engine, 300)])
    packets += caller.listen(5)
    first = packets[0]
    assert {packet.ssrc for packet in packets} == {first.ssrc}
    assert [(packet.sequence - first.sequence) & 0xFFFF for packet in packets] == list(range(15))
    stamps = [(packet.timestamp - first.timestamp) & 0xFFFFFFFF for packet in packets]
    assert all(after - before >= 160 for before, after in itertools.pairwise(stamps))
    assert [number for number, packet in enumerate(packets) if packet.marker] == [0, 5, 10]


def test_prompt_covers_the_bridge_and_gives_it_back(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.bridge(left.stream, right.stream)
    engine.play(left.stream, [clip(engine, 440)], 1)
    agent.say(right.port, tones.tone((1000,), 0.1), step_s=0.005)
    assert loudest(pcm_of(caller.listen(5), EngineCodec.PCMU)) == 440
    collect(engine)
    agent.say(right.port, tones.tone((1000,), 0.1))
    assert loudest(pcm_of(caller.listen(5), EngineCodec.PCMU)) == 1000


def test_bridge_to_a_new_partner_leaves_the_old_one_alone(engine: Engine, line: Lines) -> None:
    (one, a), (other, b), (third, c) = line(), line(), line()
    engine.bridge(a.stream, b.stream)
    engine.bridge(a.stream, c.stream)
    one.talk(a.port)
    other.talk(b.port)
    third.hear()
    assert other.hears_nothing()
    assert one.hears_nothing()


def test_held_phone_hears_its_own_music_instead_of_the_bridge(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.bridge(left.stream, right.stream)
    engine.set_background(left.stream, [clip(engine, 300)])
    assert caller.hears_nothing()
    engine.connect(right.stream, agent.target(receives=False))
    agent.talk(right.port)
    assert loudest(pcm_of(caller.listen(5), EngineCodec.PCMU)) == 300
