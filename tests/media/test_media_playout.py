"""Prompts and music, as a phone hears them."""

import pytest
from tests.media.conftest import Lines, await_true, clip, collect
from tests.media.handset import loudest, pcm_of

from acdcore.media import tones
from acdcore.media.engine import Engine
from acdcore.media.events import PlaybackFinished
from acdcore.media.model import (
    Codec,
)

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("codec", [Codec.PCMU, Codec.PCMA])
def test_playback_is_heard_in_the_agreed_law_and_ends_with_an_event(engine: Engine, line: Lines, codec: Codec) -> None:
    phone, opened = line(codec)
    engine.play(opened.stream, [clip(engine, 440), clip(engine, 1000)], 7)
    packets = phone.listen(10)
    assert {packet.payload_type for packet in packets} == {codec.value}
    assert loudest(pcm_of(packets[:5], codec)) == 440
    assert loudest(pcm_of(packets[5:], codec)) == 1000
    assert collect(engine) == [PlaybackFinished(opened.stream, 7, is_complete=True)]
    assert phone.hears_nothing()


def test_playback_that_is_stopped_or_replaced_is_incomplete(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.play(opened.stream, [clip(engine, 440, 5)], 1)
    engine.play(opened.stream, [clip(engine, 1000, 5)], 2)
    await_true(lambda: loudest(pcm_of([phone.hear()], Codec.PCMU)) == 1000)
    engine.stop_playing(opened.stream)
    engine.stop_playing(opened.stream)
    assert collect(engine, 2) == [
        PlaybackFinished(opened.stream, 1, is_complete=False),
        PlaybackFinished(opened.stream, 2, is_complete=False),
    ]


def test_clip_that_fills_no_packet_ends_in_silence(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.play(opened.stream, [engine.add_clip(tones.sine(440, 0.03))], 1)
    packets = phone.listen(2)
    assert packets[1].payload[80:] == b"\xff" * 80


def test_music_loops_and_keeps_its_place_over_a_prompt(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    music = [clip(engine, 300), clip(engine, 700), clip(engine, 1600)]
    engine.set_background(opened.stream, music)
    before = phone.listen(5)
    engine.play(opened.stream, [clip(engine, 1000)], 1)
    rest = phone.listen(25)
    heard = [loudest(pcm_of([packet], Codec.PCMU)) for packet in before + rest]
    without_prompt = [hz for hz in heard if hz != 1000]
    assert heard.count(1000) == 5
    assert without_prompt == ([300] * 5 + [700] * 5 + [1600] * 5 + [300] * 5 + [700] * 5)


def test_setting_the_same_music_again_does_not_restart_it(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    music = [clip(engine, 300), clip(engine, 700)]
    engine.set_background(opened.stream, music)
    phone.listen(5)
    engine.set_background(opened.stream, music)
    assert loudest(pcm_of(phone.listen(5), Codec.PCMU)) == 700
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
    assert loudest(pcm_of(phone.listen(5), Codec.PCMU)) == 440
    collect(engine)
    assert engine.census().clips == 0


def test_prompt_goes_on_in_time_while_the_phone_is_held(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.connect(opened.stream, phone.target(sends=False))
    engine.play(opened.stream, [clip(engine, 440)], 1)
    assert phone.hears_nothing()
    assert collect(engine) == [PlaybackFinished(opened.stream, 1, is_complete=True)]
