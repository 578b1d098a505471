"""Any command at any time, from several threads, under traffic: what the sanitizers are run over (docs/media.md)."""

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from tests.media.conftest import Handsets, clip
from tests.media.handset import Handset

from acdcore.media import tones
from acdcore.media.engine import Engine
from acdcore.media.events import MediaEvent, StreamPlaybackFinished
from acdcore.media.model import (
    ClipId,
    EarId,
    EngineCodec,
    OpenedStream,
    StreamId,
    TapBlock,
    TapId,
    UnknownClip,
    UnknownEar,
    UnknownStream,
    UnknownTap,
)

pytestmark = pytest.mark.wire
Taken = TypeVar("Taken")

THREADS = 4
STEPS = 2000
OVERTAKEN = (UnknownStream, UnknownTap, UnknownClip, UnknownEar, ValueError)
"""What was drawn has been closed, dropped or recorded by another thread since."""
STREAMS_MAX = 12
"""Few, so that commands of different threads meet at the same streams."""
CLIPS_MAX = 6
TAPS_MAX = 6


@dataclass
class Chaos:
    """What the threads share; lists that are only added to and taken from, each in one step."""

    engine: Engine
    streams: list[OpenedStream] = field(default_factory=list)
    clips: list[ClipId] = field(default_factory=list)
    taps: list[TapId] = field(default_factory=list)
    ears: list[EarId] = field(default_factory=list)
    begun_taps: list[TapId] = field(default_factory=list)
    playbacks: list[int] = field(default_factory=list)
    events: list[MediaEvent] = field(default_factory=list)
    blocks: list[TapBlock] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    def fetch(self) -> None:
        self.events += self.engine.events()
        self.blocks += self.engine.blocks()
        self.engine.frames()


class Agitator:
    """One thread: draws commands, and tolerates only that another thread was faster."""

    def __init__(self, chaos: Chaos, phone: Handset, seed: int) -> None:
        self._chaos = chaos
        self._engine = chaos.engine
        self._phone = phone
        self._random = random.Random(seed)
        self._first_playback = seed * STEPS

    def run(self) -> None:
        commands: list[Callable[[], object]] = [
            *[self._open, self._close, self._connect, self._bridge, self._unbridge, self._play, self._stop_playing],
            *[self._loop, self._add_clip, self._drop_clip, self._tap, self._untap, self._figures],
            *[self._listen, self._unlisten],
        ]
        try:
            for step in range(STEPS):
                self._playback = self._first_playback + step
                with contextlib.suppress(*OVERTAKEN):
                    self._random.choice(commands)()
                self._speak()
                self._chaos.fetch()
        except BaseException as failure:
            self._chaos.failures.append(failure)

    def _stream(self) -> StreamId:
        return self._opened().stream

    def _opened(self) -> OpenedStream:
        streams = list(self._chaos.streams)
        return self._random.choice(streams) if streams else OpenedStream(StreamId(1), 31000)

    def _taken(self, pool: list[Taken]) -> Taken:
        """One that no other thread takes any more."""
        try:
            return pool.pop(self._random.randrange(len(pool)))
        except IndexError:
            raise ValueError("nothing to take") from None

    def _some_clips(self) -> list[ClipId]:
        clips = list(self._chaos.clips)
        return self._random.choices(clips, k=self._random.randint(1, 5)) if clips else []

    def _open(self) -> None:
        if len(self._chaos.streams) < STREAMS_MAX:
            self._chaos.streams.append(self._engine.open())

    def _close(self) -> None:
        self._engine.close(self._taken(self._chaos.streams).stream)

    def _connect(self) -> None:
        self._phone.codec = self._random.choice(list(EngineCodec))
        sends, receives = self._random.random() < 0.9, self._random.random() < 0.9
        self._engine.connect(self._stream(), self._phone.target(sends=sends, receives=receives))

    def _bridge(self) -> None:
        self._engine.bridge(self._stream(), self._stream())

    def _unbridge(self) -> None:
        self._engine.unbridge(self._stream())

    def _play(self) -> None:
        over_music = self._random.random() < 0.5
        self._engine.play(self._stream(), self._some_clips(), self._playback, over_music=over_music)
        self._chaos.playbacks.append(self._playback)

    def _stop_playing(self) -> None:
        self._engine.stop_playing(self._stream())

    def _loop(self) -> None:
        self._engine.set_background(self._stream(), self._some_clips())

    def _add_clip(self) -> None:
        if len(self._chaos.clips) < CLIPS_MAX:
            self._chaos.clips.append(self._engine.add_clip(tones.silence(self._random.choice([0.001, 0.02, 0.1]))))

    def _drop_clip(self) -> None:
        self._engine.drop_clip(self._taken(self._chaos.clips))

    def _tap(self) -> None:
        if len(self._chaos.taps) < TAPS_MAX:
            tap = self._engine.tap(self._stream(), self._random.choice([None, self._stream()]))
            self._chaos.taps.append(tap)
            self._chaos.begun_taps.append(tap)

    def _untap(self) -> None:
        self._engine.untap(self._taken(self._chaos.taps))

    def _listen(self) -> None:
        if len(self._chaos.ears) < TAPS_MAX:
            self._chaos.ears.append(self._engine.listen(self._stream()))

    def _unlisten(self) -> None:
        self._engine.unlisten(self._taken(self._chaos.ears))

    def _figures(self) -> None:
        self._engine.figures(self._stream())

    def _speak(self) -> None:
        port = self._opened().port
        match self._random.randrange(8):
            case 0:
                self._phone.press(port, self._random.randrange(20), ends=self._random.randrange(4))
            case 1:
                garbage = self._random.randbytes(self._random.randrange(40))
                self._phone.audio.sendto(b"\x80" + garbage, (self._phone.host, port))
                self._phone.control.sendto(b"\x81\xc8" + garbage, (self._phone.host, port + 1))
            case 2:
                self._phone.sequence = self._random.randrange(1 << 16)
                self._phone.timestamp = self._random.randrange(1 << 32)
            case size:
                self._phone.talk(port, bytes(self._random.choice([0, 1, 80, 160, 160 * size, 2036])))


@pytest.mark.parametrize("seed", [1, 2])
def test_any_commands_in_any_order_leave_nothing_behind(engine: Engine, handset: Handsets, seed: int) -> None:
    chaos = Chaos(engine, clips=[clip(engine, 440)])
    agitators = [Agitator(chaos, handset(ssrc=0x1000 + n), seed * THREADS + n) for n in range(THREADS)]
    threads = [threading.Thread(target=agitator.run) for agitator in agitators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for opened in chaos.streams:
        engine.close(opened.stream)
    for tap in chaos.taps:
        engine.untap(tap)
    for ear in chaos.ears:
        engine.unlisten(ear)
    chaos.fetch()
    assert chaos.failures == []
    finished = Counter(event.playback for event in chaos.events if isinstance(event, StreamPlaybackFinished))
    assert finished == Counter(chaos.playbacks)
    assert Counter(block.tap for block in chaos.blocks if block.is_last) == Counter(chaos.begun_taps)
    census = engine.census()
    assert (census.streams, census.taps, census.playlists, census.sockets) == (0, 0, 0, 0)
    assert census.ears == 0
    assert census.clips == len(chaos.clips)
