"""The engine's life: ports, ids, threads, and an interpreter that stalls."""

import ctypes
import gc
import itertools
import struct
import threading
import time
from collections.abc import Callable

import pytest
from bench.ports import media_range
from tests.media.conftest import SETTINGS, Handsets, Lines, clip, collect
from tests.media.handset import Handset

from acdcore.kernel.address import Address
from acdcore.kernel.errors import PeerError
from acdcore.kernel.ids import IdSource
from acdcore.media.engine import Engine
from acdcore.media.events import StreamPlaybackFinished
from acdcore.media.model import (
    ClipId,
    EngineCodec,
    EngineSettings,
    PortsExhausted,
    StreamId,
    StreamTarget,
    TapId,
    UnknownClip,
    UnknownStream,
    UnknownTap,
)

pytestmark = pytest.mark.wire


def test_ports_are_even_and_used_again_only_when_no_other_is_free() -> None:
    first_port = media_range(8)[0] - 1
    engine = Engine(EngineSettings(first_port=first_port, last_port=first_port + 6), IdSource(1))
    first = engine.open()
    engine.close(first.stream)
    assert [engine.open().port for _ in range(3)][-1] == first.port
    with pytest.raises(PortsExhausted, match=f"{first_port + 1}-{first_port + 6}"):
        engine.open()
    engine.stop()


def test_port_taken_by_another_program_is_passed_over(handset: Handsets) -> None:
    port = handset().address.port
    engine = Engine(EngineSettings(first_port=port - port % 2, last_port=port - port % 2 + 3), IdSource(1))
    assert engine.open().port == port - port % 2 + 2
    with pytest.raises(PortsExhausted):
        engine.open()
    engine.stop()


def test_ids_that_are_not_open_are_refused(engine: Engine) -> None:
    stream = engine.open().stream
    engine.close(stream)
    calls: list[Callable[[], object]] = [
        lambda: engine.close(stream),
        lambda: engine.figures(stream),
        lambda: engine.connect(stream, StreamTarget(Address("127.0.0.1", 4000), EngineCodec.PCMU, 0)),
        lambda: engine.play(stream, [engine.add_clip(b"\0\0")], 1),
        lambda: engine.set_background(stream, ()),
        lambda: engine.stop_playing(stream),
        lambda: engine.bridge(stream, StreamId(-3)),
        lambda: engine.unbridge(StreamId(0)),
        lambda: engine.tap(stream),
    ]
    for call in calls:
        with pytest.raises(UnknownStream):
            call()
    with pytest.raises(UnknownTap):
        engine.untap(TapId(5))
    with pytest.raises(UnknownClip):
        engine.drop_clip(ClipId(99))


def test_nonsense_is_refused(engine: Engine, line: Lines) -> None:
    _, opened = line()
    with pytest.raises(ValueError, match="itself"):
        engine.bridge(opened.stream, opened.stream)
    with pytest.raises(ValueError, match="PCM"):
        engine.add_clip(b"")
    with pytest.raises(ValueError, match="clip"):
        engine.play(opened.stream, [], 1)
    with pytest.raises(ValueError, match="64"):
        engine.play(opened.stream, [engine.add_clip(b"\0\0")] * 65, 1)
    with pytest.raises(ValueError, match="IPv4"):
        Engine(EngineSettings(address="localhost"), IdSource(1))


@pytest.mark.parametrize(
    "build",
    [
        lambda: EngineSettings(pause_us=20_001),
        lambda: EngineSettings(tap_block_ms=9),
        lambda: EngineSettings(media_lost_after_s=0),
        lambda: EngineSettings(quiet_max_ms=0),
        lambda: EngineSettings(rtcp_interval_s=0),
        lambda: EngineSettings(learning_window_s=-1),
    ],
)
def test_times_out_of_range_are_refused(build: Callable[[], EngineSettings]) -> None:
    with pytest.raises(ValueError, match=r"_us|_ms|_s"):
        build()


def test_playback_on_a_stream_that_is_closed_ends_with_an_event(engine: Engine, line: Lines) -> None:
    _, opened = line()
    engine.play(opened.stream, [clip(engine, 440, 5)], 9)
    engine.close(opened.stream)
    assert collect(engine) == [StreamPlaybackFinished(opened.stream, 9, is_complete=False)]


@pytest.mark.parametrize(
    "target",
    [
        StreamTarget(Address("phone.example", 4000), EngineCodec.PCMU, 0),
        StreamTarget(Address("::1", 4000), EngineCodec.PCMU, 0),
        StreamTarget(Address("127.0.0.1", 4000), EngineCodec.PCMU, 128),
        StreamTarget(Address("127.0.0.1", 4000), EngineCodec.PCMU, 0, -1),
        StreamTarget(Address("127.0.0.1", 4000), EngineCodec.PCMU, 0, 101, (128,)),
        StreamTarget(Address("127.0.0.1", 4000), EngineCodec.PCMU, 0, 101, audio_in=((-1, EngineCodec.PCMA),)),
        StreamTarget(Address("127.0.0.1", 70000), EngineCodec.PCMU, 0),
        StreamTarget(Address("127.0.0.1", 4000), EngineCodec.PCMU, 0, ptime_ms=25),
    ],
)
def test_peers_nonsense_is_the_peers_error(engine: Engine, target: StreamTarget) -> None:
    with pytest.raises(PeerError):
        engine.connect(engine.open().stream, target)


def test_engine_lives_once_and_stops_twice() -> None:
    engine = Engine(SETTINGS, IdSource(1))
    engine.start()
    with pytest.raises(RuntimeError):
        engine.start()
    engine.stop()
    engine.stop()
    with pytest.raises(RuntimeError):
        engine.open()


def test_forgotten_engine_gives_everything_back() -> None:
    before = threading.active_count()
    engine = Engine(SETTINGS, IdSource(1))
    port = engine.open().port
    del engine
    gc.collect()
    again = Engine(EngineSettings(first_port=port, last_port=port + 1), IdSource(1))
    assert again.open().port == port
    again.stop()
    assert threading.active_count() == before


def test_calls_come_and_go_under_traffic_from_several_threads(engine: Engine, handset: Handsets) -> None:
    prompt = clip(engine, 440)
    failures: list[BaseException] = []

    def calls(phone: Handset) -> None:
        try:
            for number in range(60):
                left, right = engine.open(), engine.open()
                engine.connect(left.stream, phone.target())
                engine.connect(right.stream, phone.target())
                engine.set_background(left.stream, [prompt])
                tap = engine.tap(left.stream, right.stream)
                phone.talk(left.port)
                engine.bridge(left.stream, right.stream)
                phone.talk(right.port)
                engine.play(right.stream, [prompt, prompt], number)
                phone.press(left.port, number % 16)
                if number % 2:
                    engine.untap(tap)
                engine.close(left.stream)
                engine.close(right.stream)
                if number % 2 == 0:
                    engine.untap(tap)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=calls, args=(handset(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(block.is_last for block in engine.blocks()) == 180
    census = engine.census()
    assert (census.streams, census.taps, census.playlists) == (0, 0, 0)


def stall() -> None:
    """Half a second in which no Python thread runs: PyDLL keeps the interpreter's lock."""
    ctypes.PyDLL(None).usleep(500_000)


def test_interpreter_that_stalls_half_a_second_is_not_heard_in_music(engine: Engine, line: Lines) -> None:
    phone, music = line()
    engine.set_background(music.stream, [clip(engine, 300)])
    phone.listen(3)
    began = time.time()
    stall()
    ended = time.time()
    times = [at for at, _ in phone.arrivals(24)]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert sum(began < at < ended for at in times) > 20
    assert max(gaps) < 0.035


def test_interpreter_that_stalls_half_a_second_is_not_heard_in_a_talk(engine: Engine, line: Lines) -> None:
    (one, left), (other, right) = line(), line()
    engine.bridge(left.stream, right.stream)
    with one.talk_apart(left.port, 40):
        other.listen(3)
        began = time.time()
        stall()
        ended = time.time()
        arrivals = other.arrivals(30)
    during = [at for at, _ in arrivals if began < at < ended]
    delays = [at - struct.unpack_from("!d", payload)[0] for at, payload in arrivals]
    assert len(during) > 20
    assert max(delays) < 0.035
