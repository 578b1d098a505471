"""Prompts and music, as a phone hears them."""

import array
import itertools
import math
from dataclasses import replace

import pytest
from tests.media import loudness
from tests.media.conftest import Lines, await_true, clip, collect
from tests.media.handset import loudest, pcm_of

from acdcore.media import g711, tones
from acdcore.media.engine import Engine
from acdcore.media.events import StreamPlaybackFinished
from acdcore.media.model import (
    EngineCodec,
)
from acdcore.media.rtp import RtpPacket

pytestmark = pytest.mark.wire

MUSIC_HZ, PROMPT_HZ = 400, 1000
MUSIC = tones.tone((MUSIC_HZ,), 2.0)[10:]
"""From a quarter of a period on, so that each packet of 20 ms begins at a peak, where a step in the level is greatest.
Longer than any of these tests listens."""
LOWERED_DBFS = -12 - 14


@pytest.mark.parametrize("codec", [EngineCodec.PCMU, EngineCodec.PCMA])
def test_playback_is_heard_in_the_agreed_law_and_ends_with_an_event(
    engine: Engine, line: Lines, codec: EngineCodec
) -> None:
    phone, opened = line(codec)
    engine.play(opened.stream, [clip(engine, 440), clip(engine, 1000)], 7)
    packets = phone.listen(10)
    assert {packet.payload_type for packet in packets} == {codec.value}
    assert loudest(pcm_of(packets[:5], codec)) == 440
    assert loudest(pcm_of(packets[5:], codec)) == 1000
    assert collect(engine) == [StreamPlaybackFinished(opened.stream, 7, is_complete=True)]
    assert phone.hears_nothing()


def test_playback_that_is_stopped_or_replaced_is_incomplete(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.play(opened.stream, [clip(engine, 440, 5)], 1)
    engine.play(opened.stream, [clip(engine, 1000, 5)], 2)
    await_true(lambda: loudest(pcm_of([phone.hear()], EngineCodec.PCMU)) == 1000)
    engine.stop_playing(opened.stream)
    engine.stop_playing(opened.stream)
    assert collect(engine, 2) == [
        StreamPlaybackFinished(opened.stream, 1, is_complete=False),
        StreamPlaybackFinished(opened.stream, 2, is_complete=False),
    ]


def test_clip_that_fills_no_packet_ends_in_silence(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.play(opened.stream, [engine.add_clip(tones.tone((440,), 0.03))], 1)
    packets = phone.listen(2)
    assert packets[1].payload[80:] == b"\xff" * 80


def test_music_loops_and_keeps_its_place_over_a_prompt(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    music = [clip(engine, 300), clip(engine, 700), clip(engine, 1600)]
    engine.set_background(opened.stream, music)
    before = phone.listen(5)
    engine.play(opened.stream, [clip(engine, 1000)], 1)
    rest = phone.listen(25)
    heard = [loudest(pcm_of([packet], EngineCodec.PCMU)) for packet in before + rest]
    without_prompt = [hz for hz in heard if hz != 1000]
    assert heard.count(1000) == 5
    assert without_prompt == ([300] * 5 + [700] * 5 + [1600] * 5 + [300] * 5 + [700] * 5)


def test_setting_the_same_music_again_does_not_restart_it(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    music = [clip(engine, 300), clip(engine, 700)]
    engine.set_background(opened.stream, music)
    phone.listen(5)
    engine.set_background(opened.stream, music)
    assert loudest(pcm_of(phone.listen(5), EngineCodec.PCMU)) == 700
    engine.set_background(opened.stream, ())
    phone.audio.settimeout(0.05)
    while not phone.hears_nothing(0.05):
        pass


def test_clip_dropped_while_it_plays_is_played_to_its_end(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    prompt = clip(engine, 440)
    engine.play(opened.stream, [prompt], 1)
    engine.drop_clip(prompt)
    assert engine.census().clips == 1
    assert loudest(pcm_of(phone.listen(5), EngineCodec.PCMU)) == 440
    collect(engine)
    assert engine.census().clips == 0


def test_prompt_goes_on_in_time_while_the_phone_is_held(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.connect(opened.stream, phone.target(sends=False))
    engine.play(opened.stream, [clip(engine, 440)], 1)
    assert phone.hears_nothing()
    assert collect(engine) == [StreamPlaybackFinished(opened.stream, 1, is_complete=True)]


# --- prompts over music ---


def levels(packets: list[RtpPacket], codec: EngineCodec) -> list[tuple[bool, int]]:
    """Of each packet whether the prompt is heard, and how loud the music is in dB."""
    pcm = [pcm_of([packet], codec) for packet in packets]
    return [(loudness.power_dbfs(each, PROMPT_HZ) > -15, round(loudness.power_dbfs(each, MUSIC_HZ))) for each in pcm]


@pytest.mark.parametrize("codec", [EngineCodec.PCMU, EngineCodec.PCMA])
def test_music_goes_on_lowered_beneath_a_prompt_over_it(engine: Engine, line: Lines, codec: EngineCodec) -> None:
    phone, opened = line(codec)
    prompt = clip(engine, PROMPT_HZ)
    engine.set_background(opened.stream, [engine.add_clip(MUSIC)])
    before = phone.listen(5)
    engine.play(opened.stream, [prompt, prompt], 7, over_music=True)
    packets = before + phone.listen(25)
    heard = levels(packets, codec)
    first = [is_told for is_told, _ in heard].index(True)
    assert heard[:first] == [(False, -12)] * first
    assert heard[first + 1 : first + 10] == [(True, LOWERED_DBFS)] * 9
    assert heard[first + 11 :] == [(False, -12)] * (len(heard) - first - 11)
    assert collect(engine) == [StreamPlaybackFinished(opened.stream, 7, is_complete=True)]


def test_music_is_after_a_prompt_over_it_where_it_would_have_been(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.set_background(opened.stream, [engine.add_clip(MUSIC)])
    before = phone.listen(3)
    engine.play(opened.stream, [clip(engine, PROMPT_HZ)], 1, over_music=True)
    packets = before + phone.listen(17)
    codes = g711.encode(MUSIC, EngineCodec.PCMU)
    places = [codes[at : at + 160] for at in range(0, 160 * len(packets), 160)]
    unlike = [at for at, packet in enumerate(packets) if packet.payload != places[at]]
    assert unlike == list(range(unlike[0], unlike[0] + 6))  # five of the prompt, one in which the level rises


def test_prompt_over_music_leaves_no_gap_in_the_packets(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.set_background(opened.stream, [engine.add_clip(MUSIC)])
    before = phone.listen(3)
    engine.play(opened.stream, [clip(engine, PROMPT_HZ)], 1, over_music=True)
    packets = before + phone.listen(12)
    for one, following in itertools.pairwise(packets):
        assert following.sequence == (one.sequence + 1) & 0xFFFF
        assert following.timestamp == (one.timestamp + 160) & 0xFFFFFFFF
    told = [at for at, (is_told, _) in enumerate(levels(packets, EngineCodec.PCMU)) if is_told]
    assert not packets[told[0]].marker  # RFC 3551 section 4.1: it would stand for a pause before
    assert not packets[told[-1] + 1].marker


def test_prompt_over_music_begins_and_ends_without_a_click(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.set_background(opened.stream, [engine.add_clip(MUSIC)])
    before = phone.listen(3)
    engine.play(opened.stream, [engine.add_clip(tones.silence(0.1))], 1, over_music=True)
    packets = before + phone.listen(12)
    assert LOWERED_DBFS in [level for _, level in levels(packets, EngineCodec.PCMU)]
    samples = array.array("h", pcm_of(packets, EngineCodec.PCMU))
    amplitude = max(samples)
    steepest = amplitude * 2 * math.pi * MUSIC_HZ / tones.RATE
    assert max(abs(one - other) for one, other in itertools.pairwise(samples)) < steepest + amplitude / 16


def test_prompt_over_music_that_is_stopped_or_replaced_leaves_the_music_lowered_as_long_as_one_plays(
    engine: Engine, line: Lines
) -> None:
    phone, opened = line()
    prompt = clip(engine, PROMPT_HZ, 10)
    engine.set_background(opened.stream, [engine.add_clip(MUSIC)])
    engine.play(opened.stream, [prompt], 1, over_music=True)
    await_true(lambda: levels([phone.hear()], EngineCodec.PCMU) == [(True, LOWERED_DBFS)])
    engine.play(opened.stream, [prompt], 2, over_music=True)
    assert set(levels(phone.listen(10), EngineCodec.PCMU)) == {(True, LOWERED_DBFS)}
    engine.stop_playing(opened.stream)
    await_true(lambda: levels([phone.hear()], EngineCodec.PCMU) == [(False, -12)])
    assert collect(engine, 2) == [
        StreamPlaybackFinished(opened.stream, 1, is_complete=False),
        StreamPlaybackFinished(opened.stream, 2, is_complete=False),
    ]


def test_prompt_over_music_where_there_is_none_is_heard_alone(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    prompt = tones.tone((PROMPT_HZ,), 0.1)
    engine.play(opened.stream, [engine.add_clip(prompt)], 1, over_music=True)
    heard = b"".join(packet.payload for packet in phone.listen(5))
    assert heard == g711.encode(prompt, EngineCodec.PCMU)
    assert collect(engine) == [StreamPlaybackFinished(opened.stream, 1, is_complete=True)]
    assert phone.hears_nothing()


def test_prompt_over_music_to_a_bridged_phone_is_heard_alone_and_the_music_stands_still(
    engine: Engine, line: Lines
) -> None:
    phone, opened = line()
    _, other = line()
    engine.bridge(opened.stream, other.stream)
    engine.set_background(opened.stream, [engine.add_clip(MUSIC)])
    prompt = tones.tone((PROMPT_HZ,), 0.1)
    engine.play(opened.stream, [engine.add_clip(prompt)], 1, over_music=True)
    assert b"".join(packet.payload for packet in phone.listen(5)) == g711.encode(prompt, EngineCodec.PCMU)
    assert collect(engine) == [StreamPlaybackFinished(opened.stream, 1, is_complete=True)]
    engine.unbridge(opened.stream)
    assert phone.hear().payload == g711.encode(MUSIC, EngineCodec.PCMU)[:160]


def test_prompt_over_music_goes_on_in_time_while_the_phone_is_held(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.set_background(opened.stream, [engine.add_clip(MUSIC)])
    engine.connect(opened.stream, phone.target(sends=False))
    engine.play(opened.stream, [clip(engine, PROMPT_HZ)], 1, over_music=True)
    assert collect(engine) == [StreamPlaybackFinished(opened.stream, 1, is_complete=True)]


def test_ringback_is_heard_until_the_rung_party_is_heard_before_its_answer(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    rung, early = line()
    engine.connect(early.stream, replace(rung.target(), is_early=True))
    engine.set_background(opened.stream, [clip(engine, 300, 2.0)])
    engine.bridge(opened.stream, early.stream)
    assert loudest(pcm_of(phone.listen(5), EngineCodec.PCMU)) == 300
    rung.say(early.port, tones.tone((PROMPT_HZ,), 0.6))
    await_true(lambda: loudest(pcm_of([phone.hear()], EngineCodec.PCMU)) == PROMPT_HZ)
    while not phone.hears_nothing():
        pass
    phone.talk(opened.port)
    assert rung.hear().payload_type == EngineCodec.PCMU.value


def test_answer_ends_the_ringback_of_a_party_that_was_never_heard(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    rung, early = line()
    engine.connect(early.stream, replace(rung.target(), is_early=True))
    engine.set_background(opened.stream, [clip(engine, 300, 2.0)])
    engine.bridge(opened.stream, early.stream)
    phone.listen(3)
    engine.connect(early.stream, rung.target())
    while not phone.hears_nothing():
        pass
