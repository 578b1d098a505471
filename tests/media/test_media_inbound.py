"""The packet path with phones on real sockets: keys, the latch, silence, garbage."""

import random
import struct
import time
from array import array
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.media.conftest import (
    FIRST_PORT,
    LAST_PORT,
    UNFILLED_MS,
    Handsets,
    Lines,
    await_packets,
    await_true,
    clip,
    collect,
)
from tests.media.handset import Handset, loudest

from acdcore.kernel.ids import IdSource
from acdcore.media import rtcp, tones
from acdcore.media.engine import Engine
from acdcore.media.events import StreamDigitPressed, StreamMediaLost, StreamMediaResumed, StreamPlaybackFinished
from acdcore.media.model import (
    EngineCodec,
    EngineSettings,
)

pytestmark = pytest.mark.wire


def test_key_is_told_once_and_relayed_with_the_other_sides_type(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line(EngineCodec.PCMU, 96)
    engine.bridge(left.stream, right.stream)
    caller.press(left.port, 11)
    assert [packet.payload_type for packet in agent.listen(4)] == [96] * 4
    assert collect(engine) == [StreamDigitPressed(left.stream, "#", 100)]


def test_key_is_kept_from_a_phone_that_knows_none(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line(EngineCodec.PCMU, None)
    engine.bridge(left.stream, right.stream)
    caller.talk(left.port)
    caller.press(left.port, 1)
    caller.talk(left.port)
    before, after = agent.listen(2)
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert collect(engine) == [StreamDigitPressed(left.stream, "1", 100)]


@pytest.mark.parametrize("used", [101, 96])
def test_key_of_a_peer_that_renumbers_is_heard_under_our_number_and_its_own(
    engine: Engine, line: Lines, used: int
) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.connect(left.stream, caller.target(dtmf=96, dtmf_in=(101,)))
    engine.bridge(left.stream, right.stream)
    caller.press(left.port, 7, payload_type=used)
    agent.press(right.port, 8)
    assert {packet.payload_type for packet in agent.listen(4)} == {101}
    assert {packet.payload_type for packet in caller.listen(4)} == {96}
    told = {(event.stream, event.digit) for event in collect(engine, 2) if isinstance(event, StreamDigitPressed)}
    assert told == {(left.stream, "7"), (right.stream, "8")}


def test_number_that_the_peer_gives_to_audio_and_keys_is_audio(engine: Engine, line: Lines) -> None:
    caller, opened = line(dtmf=0)
    tap = engine.tap(opened.stream)
    caller.say(opened.port, tones.tone((440,), 0.1), step_s=0.02)
    engine.untap(tap)
    recorded = array("h", b"".join(block.samples for block in engine.blocks()))
    assert loudest(recorded[::2].tobytes()) == 440


def test_key_whose_ends_are_lost_is_told_after_a_while(engine: Engine, line: Lines) -> None:
    caller, opened = line()
    caller.press(opened.port, 5, ends=0)
    assert collect(engine) == [StreamDigitPressed(opened.stream, "5", 50)]


def talk_on(phone: Handset, port: int, packets: int = 4) -> None:
    """Send packets at the pace of audio."""
    phone.say(port, tones.tone((1000,), 0.02 * packets), step_s=0.02)


def test_source_at_the_signalled_ip_is_believed_after_four_in_sequence(
    engine: Engine, line: Lines, handset: Handsets
) -> None:
    phone, opened = line()
    moved = handset()
    talk_on(moved, opened.port, 5)
    engine.play(opened.stream, [clip(engine, 440)], 1)
    moved.hear()
    figures = engine.figures(opened.stream)
    assert (figures.source, figures.strangers, figures.packets_in) == (moved.address, 3, 2)
    assert phone.hears_nothing()


def test_stranger_is_counted_and_not_heard(engine: Engine, line: Lines, handset: Handsets) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.bridge(left.stream, right.stream)
    caller.talk(left.port)
    agent.hear()
    stranger = handset(ssrc=0x2000)
    stranger.talk(left.port)
    assert agent.hears_nothing()
    assert engine.figures(left.stream).strangers == 1


@pytest.mark.parametrize("is_talking", [True, False])
def test_stranger_that_talks_is_neither_heard_nor_recorded_nor_sent_to(
    engine: Engine, line: Lines, handset: Handsets, is_talking: bool
) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.bridge(left.stream, right.stream)
    tap = engine.tap(left.stream, right.stream)
    caller.talk(left.port)
    agent.hear()
    stranger = handset(ssrc=0x2000)
    for _ in range(30):
        talk_on(stranger, left.port, 1)
        agent.talk(right.port)
        if is_talking:
            caller.talk(left.port)
    caller.listen(30)
    assert stranger.hears_nothing()
    if not is_talking:
        assert agent.hears_nothing()
    engine.untap(tap)
    recorded = array("h", b"".join(block.samples for block in engine.blocks()))
    assert loudest(recorded[::2].tobytes()) == 0
    assert engine.figures(left.stream).strangers == 30


def test_key_of_a_stranger_is_not_told(engine: Engine, line: Lines, handset: Handsets) -> None:
    phone, opened = line()
    phone.talk(opened.port)
    stranger = handset(ssrc=0x2000)
    for key in range(4):
        stranger.press(opened.port, key)
        time.sleep(0.02)
    await_true(lambda: engine.figures(opened.stream).strangers == 16)
    phone.press(opened.port, 11)
    assert collect(engine) == [StreamDigitPressed(opened.stream, "#", 100)]


def test_key_of_a_peer_that_must_prove_itself_is_told(engine: Engine, line: Lines, handset: Handsets) -> None:
    _, opened = line()
    moved = handset()
    for flags, duration in [(0, 160), (0, 320), (0, 480), (0x80, 640), (0x80, 640), (0x80, 640)]:
        moved.talk(opened.port, struct.pack("!BBH", 9, flags, duration), 101)
        time.sleep(0.02)
    assert collect(engine) == [StreamDigitPressed(opened.stream, "9", 80)]


def everywhere(learning_window_s: float = 10.0) -> Engine:
    """An engine that hears phones of all of the loopback's addresses."""
    settings = EngineSettings("0.0.0.0", 31000, 31999, learning_window_s=learning_window_s, quiet_max_ms=UNFILLED_MS)
    engine = Engine(settings, IdSource(1))
    engine.start()
    return engine


def test_source_at_another_ip_is_believed_in_the_learning_window_only(handset: Handsets) -> None:
    engine = everywhere(learning_window_s=0.4)
    signalled, behind_nat, stranger = handset(), handset(host="127.0.0.2"), handset(host="127.0.0.3", ssrc=0x2000)
    in_time, late = engine.open(), engine.open()
    for opened in (in_time, late):
        engine.connect(opened.stream, signalled.target())
    talk_on(behind_nat, in_time.port)
    assert engine.figures(in_time.stream).source == behind_nat.address
    time.sleep(0.4)
    talk_on(stranger, late.port, 8)
    figures = engine.figures(late.stream)
    assert (figures.source, figures.strangers) == (None, 8)
    engine.stop()


def test_source_at_another_ip_is_never_believed_where_there_is_no_nat(handset: Handsets) -> None:
    engine = everywhere()
    signalled, stranger, opened = handset(), handset(host="127.0.0.2"), engine.open()
    engine.connect(opened.stream, replace(signalled.target(), has_nat=False, sip_host="127.0.0.2"))
    talk_on(stranger, opened.port, 8)
    figures = engine.figures(opened.stream)
    assert (figures.source, figures.strangers) == (None, 8)
    engine.stop()


def test_source_at_the_ip_of_sip_is_believed_at_any_time(handset: Handsets) -> None:
    engine = everywhere(learning_window_s=0.0)
    signalled, behind_nat, opened = handset(), handset(host="127.0.0.2"), engine.open()
    engine.connect(opened.stream, replace(signalled.target(), sip_host="127.0.0.2"))
    talk_on(behind_nat, opened.port)
    assert engine.figures(opened.stream).source == behind_nat.address
    engine.stop()


@pytest.mark.parametrize("silent_s", [0.0, 0.5])
def test_nat_that_rebinds_in_mid_call_is_followed(
    engine: Engine, line: Lines, handset: Handsets, silent_s: float
) -> None:
    phone, opened = line()
    talk_on(phone, opened.port)
    time.sleep(silent_s)
    rebound = handset(ssrc=phone.ssrc)
    rebound.sequence, rebound.timestamp = phone.sequence, (phone.timestamp + round(8000 * silent_s)) & 0xFFFFFFFF
    talk_on(rebound, opened.port, 5)
    engine.play(opened.stream, [clip(engine, 440)], 1)
    rebound.hear()
    assert engine.figures(opened.stream).source == rebound.address


def test_stream_with_a_guessed_number_is_not_followed(engine: Engine, line: Lines, handset: Handsets) -> None:
    phone, opened = line()
    talk_on(phone, opened.port)
    for ssrc, sequence, timestamp in [
        (phone.ssrc + 1, phone.sequence, phone.timestamp),
        (phone.ssrc, phone.sequence + 0x4000, phone.timestamp),
        (phone.ssrc, phone.sequence, phone.timestamp + 0x40000000),
    ]:
        guess = handset(ssrc=ssrc)
        guess.sequence, guess.timestamp = sequence & 0xFFFF, timestamp & 0xFFFFFFFF
        talk_on(guess, opened.port, 6)
    assert engine.figures(opened.stream).source == phone.address


def test_signalled_address_takes_over_from_its_ip(engine: Engine, line: Lines, handset: Handsets) -> None:
    phone, opened = line()
    other = handset(ssrc=0x2000)
    talk_on(other, opened.port)
    assert engine.figures(opened.stream).source == other.address
    phone.talk(opened.port)
    await_true(lambda: engine.figures(opened.stream).source == phone.address)
    talk_on(other, opened.port, 6)
    assert engine.figures(opened.stream).source == phone.address


def test_connecting_again_with_the_same_address_cuts_nothing(handset: Handsets) -> None:
    engine = everywhere(learning_window_s=0.3)
    signalled, behind_nat, agent = handset(), handset(host="127.0.0.2"), handset()
    left, right = engine.open(), engine.open()
    engine.connect(left.stream, signalled.target())
    engine.connect(right.stream, agent.target())
    engine.bridge(left.stream, right.stream)
    talk_on(behind_nat, left.port, 5)
    agent.listen(2)
    time.sleep(0.3)
    engine.connect(left.stream, signalled.target())
    behind_nat.talk(left.port)
    agent.talk(right.port)
    agent.hear()
    behind_nat.hear()
    assert signalled.hears_nothing()
    engine.stop()


def test_last_packets_from_the_old_port_do_not_keep_the_audio(engine: Engine, line: Lines, handset: Handsets) -> None:
    phone, opened = line()
    phone.talk(opened.port)
    moved = handset(ssrc=0x3000)
    engine.connect(opened.stream, moved.target())
    talk_on(phone, opened.port, 10)
    assert engine.figures(opened.stream).source is None
    engine.play(opened.stream, [clip(engine, 440)], 1)
    moved.hear()
    assert phone.hears_nothing()
    moved.talk(opened.port)
    await_true(lambda: engine.figures(opened.stream).source == moved.address)


def test_key_of_a_phone_that_restarted_is_told(engine: Engine, line: Lines) -> None:
    caller, opened = line()
    caller.press(opened.port, 1)
    caller.ssrc, caller.timestamp = 0x9999, 0x80000000
    caller.press(opened.port, 2)
    assert collect(engine, 2) == [
        StreamDigitPressed(opened.stream, "1", 100),
        StreamDigitPressed(opened.stream, "2", 100),
    ]


def test_lost_and_resumed_media_are_told_once_each(handset: Handsets) -> None:
    engine = Engine(EngineSettings(first_port=FIRST_PORT, last_port=LAST_PORT, media_lost_after_s=0.1), IdSource(1))
    engine.start()
    phone, held = handset(), handset()
    opened, on_hold = engine.open(), engine.open()
    engine.connect(opened.stream, phone.target())
    engine.connect(on_hold.stream, held.target(receives=False))
    (lost,) = collect(engine)
    assert isinstance(lost, StreamMediaLost)
    assert lost.stream == opened.stream
    assert 0.1 <= lost.silent_for_s < 0.15
    time.sleep(0.15)
    assert engine.events() == []
    phone.talk(opened.port)
    assert collect(engine) == [StreamMediaResumed(opened.stream)]
    engine.stop()


def a_report(phone: Handset, port: int) -> None:
    phone.control.sendto(rtcp.build(rtcp.Report(phone.ssrc)), ("127.0.0.1", port + 1))


def a_report_beside_the_audio(phone: Handset, port: int) -> None:
    phone.audio.sendto(rtcp.build(rtcp.Report(phone.ssrc)), ("127.0.0.1", port))


def comfort_noise(phone: Handset, port: int) -> None:
    phone.talk(port, payload_type=13)


def an_empty_datagram(phone: Handset, port: int) -> None:
    phone.audio.sendto(b"", ("127.0.0.1", port))


def a_stun_indication(phone: Handset, port: int) -> None:
    phone.audio.sendto(bytes.fromhex("001100002112a442") + bytes(12), ("127.0.0.1", port))


@pytest.mark.parametrize(
    "sign", [a_report, a_report_beside_the_audio, comfort_noise, an_empty_datagram, a_stun_indication]
)
@pytest.mark.parametrize("has_talked", [True, False])
def test_whatever_comes_from_the_peer_is_a_sign_of_life(
    handset: Handsets, sign: Callable[[Handset, int], None], has_talked: bool
) -> None:
    engine = Engine(EngineSettings(first_port=FIRST_PORT, last_port=LAST_PORT, media_lost_after_s=0.5), IdSource(1))
    engine.start()
    phone, opened = handset(), engine.open()
    engine.connect(opened.stream, phone.target())
    if has_talked:
        phone.talk(opened.port)
    for _ in range(12):
        time.sleep(0.06)
        sign(phone, opened.port)
    assert engine.events() == []
    (lost,) = collect(engine)
    assert isinstance(lost, StreamMediaLost)
    sign(phone, opened.port)
    assert collect(engine) == [StreamMediaResumed(opened.stream)]
    engine.stop()


def test_stranger_is_no_sign_of_life(handset: Handsets) -> None:
    settings = EngineSettings("0.0.0.0", FIRST_PORT, LAST_PORT, media_lost_after_s=0.4)
    engine = Engine(settings, IdSource(1))
    engine.start()
    phone, stranger, opened = handset(), handset(host="127.0.0.2"), engine.open()
    engine.connect(opened.stream, phone.target())
    phone.talk(opened.port)
    for _ in range(10):
        time.sleep(0.05)
        stranger.audio.sendto(b"", ("127.0.0.1", opened.port))
        a_report(stranger, opened.port)
    (lost,) = collect(engine)
    assert isinstance(lost, StreamMediaLost)
    engine.stop()


def test_silence_is_not_reported_where_that_is_switched_off(handset: Handsets) -> None:
    engine = Engine(EngineSettings(first_port=FIRST_PORT, last_port=LAST_PORT, media_lost_after_s=None), IdSource(1))
    engine.start()
    phone, opened = handset(), engine.open()
    engine.connect(opened.stream, phone.target())
    time.sleep(0.2)
    assert engine.events() == []
    engine.stop()


def test_phone_that_restarts_with_comfort_noise_is_heard_at_once(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.bridge(left.stream, right.stream)
    caller.talk(left.port)
    before = agent.hear()
    caller.sequence -= 20_000
    caller.talk(left.port, payload_type=13)
    caller.talk(left.port, payload_type=13)
    caller.talk(left.port)
    assert (agent.hear().sequence - before.sequence) & 0xFFFF == 1


def test_figures_tell_good_from_bad(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    phone.talk(opened.port)
    phone.talk(opened.port)
    phone.talk(opened.port, payload_type=13)
    phone.audio.sendto(b"\x80short", ("127.0.0.1", opened.port))
    phone.audio.sendto(b"\x80" * 3000, ("127.0.0.1", opened.port))
    phone.control.sendto(b"\x81\xc8", ("127.0.0.1", opened.port + 1))
    await_packets(engine, 6)
    figures = engine.close(opened.stream)
    assert (figures.packets_in, figures.octets_in, figures.lost) == (2, 320, 0)
    assert (figures.unwanted, figures.malformed, figures.strangers) == (1, 3, 0)


def test_peer_that_went_away_does_no_harm(engine: Engine, line: Lines) -> None:
    (gone, left), (phone, right) = line(), line()
    gone.close()
    engine.play(left.stream, [clip(engine, 440)], 1)
    engine.play(right.stream, [clip(engine, 440)], 2)
    assert len(phone.listen(5)) == 5
    collect(engine, 2)


def test_garbage_is_counted_and_harms_nothing(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    noise = random.Random(3)
    sent = 400
    for number in range(sent):
        data = bytearray(noise.randbytes(noise.randrange(80)))
        if data and number % 2:
            data[0] = 0x80 | data[0] & 0x3F
        socket = phone.control if number % 3 == 0 else phone.audio
        socket.sendto(data, ("127.0.0.1", opened.port + (number % 3 == 0)))
        await_packets(engine, number + 1)
    figures = engine.figures(opened.stream)
    assert figures.malformed + figures.unwanted + figures.strangers + figures.packets_in <= sent
    assert figures.malformed > sent // 2
    engine.play(opened.stream, [clip(engine, 440)], 1)
    assert StreamPlaybackFinished(opened.stream, 1, is_complete=True) in collect(engine)
