"""Whoever wants audio is sent some at all times: silence where there is nothing else."""

import itertools
import time
from collections.abc import Iterator

import pytest
from tests.media.conftest import FIRST_PORT, LAST_PORT, Handsets, Lines, clip, collect
from tests.media.handset import Handset

from acdcore.kernel.ids import IdSource
from acdcore.media.engine import Engine
from acdcore.media.events import StreamPlaybackFinished
from acdcore.media.model import EngineCodec, EngineSettings
from acdcore.media.rtp import RtpPacket

pytestmark = pytest.mark.wire

SILENT = {EngineCodec.PCMU: b"\xff" * 160, EngineCodec.PCMA: b"\xd5" * 160}
SPEECH = b"\x2a" * 160
"""Of a phone that talks."""
QUIET_S = 0.2
MARGIN_S = 0.2
"""For the test's own lateness."""


@pytest.fixture
def engine() -> Iterator[Engine]:
    """As the daemon's own, with the ledger of the others."""
    engine = Engine(EngineSettings(first_port=FIRST_PORT, last_port=LAST_PORT), IdSource(1))
    engine.start()
    yield engine
    engine.stop()
    census = engine.census()
    assert (census.streams, census.playlists, census.clips) == (0, 0, 0)


def is_one_stream(packets: list[RtpPacket]) -> bool:
    """Whether the numbers follow each other and the clock never goes back."""
    return all(
        (after.sequence - before.sequence) & 0xFFFF == 1
        and 0 < (after.timestamp - before.timestamp) & 0xFFFFFFFF < 16_000
        and after.ssrc == before.ssrc
        for before, after in itertools.pairwise(packets)
    )


def gaps_s(phone: Handset, packets: int) -> list[float]:
    """The time between the next packets."""
    return [after - before for (before, _), (after, _) in itertools.pairwise(phone.arrivals(packets))]


@pytest.mark.parametrize("codec", [EngineCodec.PCMU, EngineCodec.PCMA])
def test_phone_that_is_told_nothing_is_sent_silence(engine: Engine, line: Lines, codec: EngineCodec) -> None:
    phone, _ = line(codec)
    packets = phone.listen(10)
    assert {packet.payload for packet in packets} == {SILENT[codec]}
    assert {packet.payload_type for packet in packets} == {codec.value}
    assert [packet.marker for packet in packets] == [True] + [False] * 9
    assert is_one_stream(packets)


def test_silence_begins_soon_after_a_prompt_and_gives_way_to_the_next(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.play(opened.stream, [clip(engine, 440)], 1)
    prompt = phone.listen(5)
    assert SILENT[EngineCodec.PCMU] not in {packet.payload for packet in prompt}
    before = time.monotonic()
    pause = phone.listen(5)
    assert time.monotonic() - before < QUIET_S + 0.1 + MARGIN_S
    assert {packet.payload for packet in pause} == {SILENT[EngineCodec.PCMU]}
    engine.play(opened.stream, [clip(engine, 440)], 2)
    rest = list(itertools.islice(iter(phone.hear, None), 12))
    assert any(packet.payload != SILENT[EngineCodec.PCMU] for packet in rest)
    assert is_one_stream([*prompt, *pause, *rest])
    assert collect(engine, 2) == [
        StreamPlaybackFinished(opened.stream, 1, True),
        StreamPlaybackFinished(opened.stream, 2, True),
    ]


def test_gap_in_what_a_phone_is_sent_is_never_longer_than_a_fraction_of_a_second(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.bridge(left.stream, right.stream)
    agent.talk(right.port, SPEECH)
    assert max(gaps_s(caller, 30)) < QUIET_S + MARGIN_S
    assert {caller.hear().payload} == {SILENT[EngineCodec.PCMU]}


def test_talk_goes_on_at_once_after_a_pause_that_was_filled(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.bridge(left.stream, right.stream)
    agent.talk(right.port, SPEECH)
    heard = caller.listen(5)
    for _ in range(20):
        agent.talk(right.port, SPEECH)
    heard += caller.listen(25)
    assert is_one_stream(heard)
    first = next(place for place, packet in enumerate(heard) if place and packet.payload == SPEECH)
    assert heard[first].marker
    assert {packet.payload for packet in heard[first : first + 20]} == {SPEECH}


def test_key_that_is_held_down_is_not_interrupted_by_silence(handset: Handsets) -> None:
    settings = EngineSettings(first_port=FIRST_PORT, last_port=LAST_PORT, quiet_max_ms=600)
    engine = Engine(settings, IdSource(1))
    engine.start()
    caller, agent, left, right = handset(), handset(), engine.open(), engine.open()
    engine.connect(left.stream, caller.target())
    engine.connect(right.stream, agent.target())
    engine.bridge(left.stream, right.stream)
    for _ in range(18):
        agent.talk(right.port, bytes((5, 10, 0, 160)), payload_type=101)
        time.sleep(0.05)
    assert {packet.payload_type for packet in caller.listen(18)} == {101}
    engine.stop()


def test_phone_that_holds_is_sent_nothing_and_silence_again_afterwards(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    phone.listen(2)
    engine.connect(opened.stream, phone.target(sends=False))
    phone.audio.settimeout(0.05)
    while not phone.hears_nothing(0.05):
        pass
    assert phone.hears_nothing(QUIET_S + 0.1)
    engine.connect(opened.stream, phone.target())
    assert {packet.payload for packet in phone.listen(3)} == {SILENT[EngineCodec.PCMU]}


def test_partner_of_a_phone_that_holds_hears_silence_where_there_is_no_music(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.bridge(left.stream, right.stream)
    engine.connect(right.stream, agent.target(receives=False, sends=False))
    assert {packet.payload for packet in caller.listen(5)} == {SILENT[EngineCodec.PCMU]}
