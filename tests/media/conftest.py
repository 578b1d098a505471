"""An engine on the loopback with phones at its streams, and the ledger that must be at zero afterwards."""

import time
from collections.abc import Callable, Iterator

import pytest
from bench.ports import media_range
from tests.media.handset import LISTEN_S, Handset

from acdcore.kernel.ids import IdSource
from acdcore.media import tones
from acdcore.media.engine import Engine
from acdcore.media.events import MediaEvent
from acdcore.media.model import ClipId, EngineCodec, EngineSettings, OpenedStream

FIRST_PORT, LAST_PORT = media_range(1_000)
UNFILLED_MS = 60_000
"""Tests of what is relayed and played count packets; `test_media_quiet.py` has those that fill what lies between."""
SETTINGS = EngineSettings(first_port=FIRST_PORT, last_port=LAST_PORT, rtcp_interval_s=0.1, quiet_max_ms=UNFILLED_MS)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(SETTINGS, IdSource(1))
    engine.start()
    yield engine
    engine.stop()
    census = engine.census()
    assert (census.streams, census.taps, census.clips, census.sockets, census.playlists) == (0, 0, 0, 0, 0)
    assert (census.dropped_events, census.dropped_blocks) == (0, 0)


@pytest.fixture
def handset() -> Iterator[Callable[..., Handset]]:
    """Makes phones, and closes them in the end."""
    made: list[Handset] = []

    def make(codec: EngineCodec = EngineCodec.PCMU, host: str = "127.0.0.1", ssrc: int = 0x1000) -> Handset:
        made.append(Handset(codec, host, ssrc))
        return made[-1]

    yield make
    for phone in made:
        phone.close()


Line = tuple[Handset, OpenedStream]
Lines = Callable[..., Line]
Handsets = Callable[..., Handset]


@pytest.fixture
def line(engine: Engine, handset: Callable[..., Handset]) -> Callable[..., Line]:
    """Opens a stream and connects it with a new phone."""

    def connected(codec: EngineCodec = EngineCodec.PCMU, dtmf: int | None = 101) -> Line:
        phone = handset(codec)
        opened = engine.open()
        engine.connect(opened.stream, phone.target(dtmf=dtmf))
        return phone, opened

    return connected


def clip(engine: Engine, frequency_hz: int, length_s: float = 0.1) -> ClipId:
    """A clip that is known by its frequency."""
    return engine.add_clip(tones.tone((frequency_hz,), length_s))


def collect(engine: Engine, count: int = 1) -> list[MediaEvent]:
    """The next events, at least so many; fails when they do not come."""
    until = time.monotonic() + LISTEN_S
    events: list[MediaEvent] = []
    while len(events) < count:
        assert time.monotonic() < until, f"only {events}"
        events += engine.events()
        time.sleep(0.002)
    return events


def await_packets(engine: Engine, packets: int) -> None:
    """Wait until the engine has read so many datagrams since its start."""
    await_true(lambda: engine.census().packets >= packets)


def await_true(condition: Callable[[], bool]) -> None:
    """Wait until something has happened that no event tells; fails when it does not."""
    until = time.monotonic() + LISTEN_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)
