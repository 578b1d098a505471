"""The engine without sound keeps the promises of the real one: the same cases, in virtual and in real time."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import cast

import pytest
from bench.ports import media_range
from tests.calls.silent_engine import SilentEngine

from acdcore.kernel.address import Address
from acdcore.kernel.ids import IdSource
from acdcore.media.engine import Engine
from acdcore.media.events import MediaEvent, StreamPlaybackFinished
from acdcore.media.model import (
    ClipId,
    EngineCodec,
    EngineSettings,
    StreamId,
    StreamTarget,
    TapId,
    UnknownClip,
    UnknownEar,
    UnknownStream,
    UnknownTap,
)

CLIP_S = 0.1
TARGET = StreamTarget(Address("127.0.0.1", 9), EngineCodec.PCMA, 8)
"""The discard port: nobody listens, and nobody needs to."""
POLL_S = 0.02
POLLS_MAX = 100
"""Two seconds for an event that is due in a tenth of one."""
COMMANDS = (
    "add_clip",
    "drop_clip",
    "open",
    "connect",
    "close",
    "figures",
    "play",
    "stop_playing",
    "set_background",
    "bridge",
    "unbridge",
    "tap",
    "speech",
    "untap",
    "listen",
    "unlisten",
    "frames",
    "events",
    "census",
)
"""The engine's methods that call control uses."""


@pytest.fixture(params=["silent", pytest.param("real", marks=pytest.mark.wire)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "silent":
        yield cast(Engine, SilentEngine())
        return
    first_port, last_port = media_range(200)
    real = Engine(EngineSettings(first_port=first_port, last_port=last_port), IdSource(1))
    real.start()
    yield real
    real.stop()


def clip(engine: Engine) -> ClipId:
    return engine.add_clip(bytes(int(16_000 * CLIP_S)))


def stream(engine: Engine) -> StreamId:
    opened = engine.open()
    engine.connect(opened.stream, TARGET)
    return opened.stream


async def events(engine: Engine, count: int) -> list[MediaEvent]:
    """The next events, at least so many."""
    seen: list[MediaEvent] = []
    for _ in range(POLLS_MAX):
        seen += engine.events()
        if len(seen) >= count:
            return seen
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"{count} events are due, {seen} came")


async def test_playback_that_is_heard_to_its_end_is_complete(engine: Engine) -> None:
    one, sound = stream(engine), clip(engine)
    engine.play(one, [sound, sound], 7)
    assert engine.events() == []
    assert await events(engine, 1) == [StreamPlaybackFinished(one, 7, True)]


async def test_playback_that_is_stopped_or_replaced_is_not_complete(engine: Engine) -> None:
    one, sound = stream(engine), clip(engine)
    engine.play(one, [sound] * 20, 1)
    engine.play(one, [sound] * 20, 2)
    engine.stop_playing(one)
    engine.stop_playing(one)
    assert await events(engine, 2) == [StreamPlaybackFinished(one, 1, False), StreamPlaybackFinished(one, 2, False)]


async def test_playback_over_music_ends_as_any_other_and_leaves_the_music_in_place(engine: Engine) -> None:
    one, sound = stream(engine), clip(engine)
    engine.set_background(one, [sound])
    engine.play(one, [sound], 1, over_music=True)
    assert engine.census().playlists == 2
    assert await events(engine, 1) == [StreamPlaybackFinished(one, 1, True)]
    assert engine.census().playlists == 1
    engine.play(one, [sound] * 20, 2, over_music=True)
    engine.play(one, [sound] * 20, 3)
    engine.close(one)
    assert await events(engine, 2) == [StreamPlaybackFinished(one, 2, False), StreamPlaybackFinished(one, 3, False)]


async def test_playback_of_a_closed_stream_ends_too(engine: Engine) -> None:
    one, sound = stream(engine), clip(engine)
    engine.play(one, [sound] * 20, 3)
    engine.close(one)
    assert await events(engine, 1) == [StreamPlaybackFinished(one, 3, False)]


async def test_closed_engine_parts_are_unknown(engine: Engine) -> None:
    one, other, sound = stream(engine), stream(engine), clip(engine)
    tap = engine.tap(one, other)
    engine.untap(tap)
    engine.close(one)
    engine.drop_clip(sound)
    with pytest.raises(UnknownStream):
        engine.play(one, [clip(engine)], 1)
    with pytest.raises(UnknownStream):
        engine.close(one)
    with pytest.raises(UnknownStream):
        engine.bridge(one, other)
    with pytest.raises(UnknownTap):
        engine.untap(tap)
    with pytest.raises(UnknownClip):
        engine.play(other, [sound], 1)
    with pytest.raises(UnknownClip):
        engine.drop_clip(sound)


async def test_what_makes_no_sense_is_refused(engine: Engine) -> None:
    one, other, sound = stream(engine), stream(engine), clip(engine)
    engine.tap(one, other)
    with pytest.raises(ValueError, match=r"."):
        engine.play(one, [], 1)
    with pytest.raises(ValueError, match=r"."):
        engine.play(one, [sound] * 65, 1)
    with pytest.raises(ValueError, match=r"."):
        engine.bridge(one, one)
    with pytest.raises(ValueError, match=r"."):
        engine.tap(one)
    with pytest.raises(ValueError, match=r"."):
        engine.add_clip(b"")
    with pytest.raises(ValueError, match=r"."):
        engine.add_clip(b"odd")


async def test_census_counts_what_is_open_and_ends_at_nothing(engine: Engine) -> None:
    one, other, sound = stream(engine), stream(engine), clip(engine)
    engine.set_background(one, [sound])
    engine.bridge(one, other)
    tap = engine.tap(one, other)
    census = engine.census()
    assert (census.streams, census.taps, census.clips, census.sockets, census.playlists) == (2, 1, 1, 4, 1)
    engine.unbridge(other)
    engine.unbridge(other)
    engine.untap(tap)
    engine.close(one)
    engine.close(other)
    engine.drop_clip(sound)
    census = engine.census()
    assert (census.streams, census.taps, census.clips, census.sockets, census.playlists) == (0, 0, 0, 0, 0)


async def test_recording_outlives_its_streams_until_it_is_ended(engine: Engine) -> None:
    one, other = stream(engine), stream(engine)
    tap: TapId = engine.tap(one, other)
    engine.close(one)
    engine.close(other)
    assert engine.census().taps == 1
    engine.untap(tap)
    assert engine.census().taps == 0


async def test_ear_is_one_for_a_stream_and_outlives_it_until_it_is_closed(engine: Engine) -> None:
    one = stream(engine)
    ear = engine.listen(one)
    with pytest.raises(ValueError, match="listens"):
        engine.listen(one)
    assert engine.census().ears == 1
    engine.close(one)
    assert engine.census().ears == 1
    engine.unlisten(ear)
    assert engine.census().ears == 0
    with pytest.raises(UnknownEar):
        engine.unlisten(ear)
    with pytest.raises(UnknownStream):
        engine.listen(one)


async def test_stream_can_be_listened_to_again_and_while_it_is_recorded(engine: Engine) -> None:
    one = stream(engine)
    tap = engine.tap(one)
    engine.unlisten(engine.listen(one))
    engine.unlisten(engine.listen(one))
    engine.untap(tap)
    assert engine.census().ears == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_silent_engine_has_the_real_ones_commands(name: str) -> None:
    mine, real = (inspect.signature(getattr(engine, name)) for engine in (SilentEngine, Engine))
    assert list(mine.parameters) == list(real.parameters)
