"""The engine with phones on real sockets: what they hear, and what the engine tells."""

import array
import ctypes
import gc
import itertools
import random
import threading
import time
from collections.abc import Callable

import pytest
from tests.media.conftest import SETTINGS, Line, await_packets, await_true, collect
from tests.media.handset import Handset, loudest, pcm_of

from acdcore.kernel.address import Address
from acdcore.kernel.errors import PeerError
from acdcore.kernel.ids import IdSource
from acdcore.media import rtcp, tones
from acdcore.media.engine import Engine
from acdcore.media.events import DigitPressed, MediaLost, MediaResumed, PlaybackFinished, TapOverflowed
from acdcore.media.model import (
    ClipId,
    Codec,
    EngineSettings,
    PortsExhausted,
    StreamId,
    StreamTarget,
    TapBlock,
    TapId,
    UnknownClip,
    UnknownStream,
    UnknownTap,
)

pytestmark = pytest.mark.wire

Lines = Callable[..., Line]
Handsets = Callable[..., Handset]


def clip(engine: Engine, frequency_hz: int, length_s: float = 0.1) -> ClipId:
    return engine.add_clip(tones.sine(frequency_hz, length_s))


def last_blocks(engine: Engine) -> bytes:
    blocks: list[TapBlock] = engine.blocks()
    assert [block.is_last for block in blocks] == [False] * (len(blocks) - 1) + [True]
    return b"".join(block.samples for block in blocks)


def lane(stereo: bytes, side: int) -> bytes:
    return array.array("h", stereo)[side::2].tobytes()


# Playing.


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


# Bridging.


def test_bridged_phones_hear_each_other_across_laws(engine: Engine, line: Lines) -> None:
    (one, left), (other, right) = line(Codec.PCMU), line(Codec.PCMA)
    engine.bridge(left.stream, right.stream)
    one.say(left.port, tones.sine(440, 0.2))
    other.say(right.port, tones.sine(1000, 0.2))
    at_other, at_one = other.listen(10), one.listen(10)
    assert {packet.payload_type for packet in at_other} == {8}
    assert loudest(pcm_of(at_other, Codec.PCMA)) == 440
    assert loudest(pcm_of(at_one, Codec.PCMU)) == 1000
    engine.unbridge(right.stream)
    one.talk(left.port)
    assert other.hears_nothing()


def test_phone_sees_one_stream_over_prompt_bridge_and_music(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.play(left.stream, [clip(engine, 440)], 1)
    packets = caller.listen(5)
    collect(engine)
    engine.bridge(left.stream, right.stream)
    agent.say(right.port, tones.sine(1000, 0.1), step_s=0.005)
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
    agent.say(right.port, tones.sine(1000, 0.1), step_s=0.005)
    assert loudest(pcm_of(caller.listen(5), Codec.PCMU)) == 440
    collect(engine)
    agent.say(right.port, tones.sine(1000, 0.1))
    assert loudest(pcm_of(caller.listen(5), Codec.PCMU)) == 1000


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
    assert loudest(pcm_of(caller.listen(5), Codec.PCMU)) == 300


# Keys.


def test_key_is_told_once_and_relayed_with_the_other_sides_type(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line(Codec.PCMU, 96)
    engine.bridge(left.stream, right.stream)
    caller.press(left.port, 11)
    assert [packet.payload_type for packet in agent.listen(4)] == [96] * 4
    assert collect(engine) == [DigitPressed(left.stream, "#", 100)]


def test_key_is_kept_from_a_phone_that_knows_none(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line(Codec.PCMU, None)
    engine.bridge(left.stream, right.stream)
    caller.talk(left.port)
    caller.press(left.port, 1)
    caller.talk(left.port)
    before, after = agent.listen(2)
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert collect(engine) == [DigitPressed(left.stream, "1", 100)]


def test_key_whose_ends_are_lost_is_told_after_a_while(engine: Engine, line: Lines) -> None:
    caller, opened = line()
    caller.press(opened.port, 5, ends=0)
    assert collect(engine) == [DigitPressed(opened.stream, "5", 50)]


# The latch.


def test_source_at_the_signalled_ip_is_believed_whatever_its_port(
    engine: Engine, line: Lines, handset: Handsets
) -> None:
    phone, opened = line()
    moved = handset()
    moved.talk(opened.port)
    engine.play(opened.stream, [clip(engine, 440)], 1)
    moved.hear()
    assert engine.figures(opened.stream).source == moved.address
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


def test_source_at_another_ip_is_believed_only_after_a_while(handset: Handsets) -> None:
    engine = Engine(
        EngineSettings(address="0.0.0.0", first_port=31000, last_port=31999, latch_after_ms=300), IdSource(1)
    )
    engine.start()
    signalled, behind_nat = handset(), handset(host="127.0.0.2")
    opened = engine.open()
    engine.connect(opened.stream, signalled.target())
    behind_nat.talk(opened.port)
    await_true(lambda: engine.figures(opened.stream).strangers == 1)
    assert engine.figures(opened.stream).source is None
    time.sleep(0.3)
    behind_nat.talk(opened.port)
    await_true(lambda: engine.figures(opened.stream).source == behind_nat.address)
    engine.stop()


def test_signalled_address_takes_over_from_its_ip(engine: Engine, line: Lines, handset: Handsets) -> None:
    phone, opened = line()
    other = handset(ssrc=0x2000)
    other.talk(opened.port)
    phone.talk(opened.port)
    other.talk(opened.port)
    await_true(lambda: engine.figures(opened.stream).strangers == 1)
    assert engine.figures(opened.stream).source == phone.address


def test_connecting_again_opens_the_latch_anew(engine: Engine, line: Lines, handset: Handsets) -> None:
    phone, opened = line()
    phone.talk(opened.port)
    moved = handset(ssrc=0x3000)
    engine.connect(opened.stream, moved.target())
    moved.talk(opened.port)
    await_true(lambda: engine.figures(opened.stream).source == moved.address)


# Silence, reports, figures.


def test_lost_and_resumed_media_are_told_once_each(handset: Handsets) -> None:
    engine = Engine(EngineSettings(first_port=31000, last_port=31999, media_lost_after_s=0.1), IdSource(1))
    engine.start()
    phone, held = handset(), handset()
    opened, on_hold = engine.open(), engine.open()
    engine.connect(opened.stream, phone.target())
    engine.connect(on_hold.stream, held.target(receives=False))
    (lost,) = collect(engine)
    assert isinstance(lost, MediaLost)
    assert lost.stream == opened.stream
    assert 0.1 <= lost.silent_for_s < 0.15
    time.sleep(0.15)
    assert engine.events() == []
    phone.talk(opened.port)
    assert collect(engine) == [MediaResumed(opened.stream)]
    engine.stop()


def test_reports_say_what_was_sent_and_what_was_lost(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    phone.talk(opened.port)
    phone.sequence += 1
    phone.talk(opened.port)
    engine.play(opened.stream, [clip(engine, 440, 0.04)], 1)
    sent = phone.listen(2)
    collect(engine)
    while True:
        report = phone.hear_report()
        if report.sender is not None and report.sender.packets == 2:
            break
    assert report.ssrc == sent[0].ssrc
    assert report.sender.octets == 320
    assert report.block is not None
    assert (report.block.ssrc, report.block.lost, report.block.highest & 0xFFFF) == (phone.ssrc, 1, 65532)


def test_peers_report_gives_round_trip_and_loss(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.play(opened.stream, [clip(engine, 440)], 1)
    ssrc = phone.hear().ssrc
    report = phone.hear_report()
    assert report.sender is not None
    block = rtcp.ReportBlock(ssrc, 0, 3, 1, 80, report.sender.ntp >> 16 & 0xFFFFFFFF, 0)
    phone.control.sendto(rtcp.build(rtcp.Report(phone.ssrc, None, block)), ("127.0.0.1", opened.port + 1))
    await_true(lambda: engine.figures(opened.stream).rtt_ms is not None)
    figures = engine.figures(opened.stream)
    assert (figures.peer_lost, figures.peer_jitter_ms) == (3, 10.0)
    assert figures.rtt_ms is not None
    assert 0 <= figures.rtt_ms < 50


def test_goodbye_is_said_on_closing(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.close(opened.stream)
    while not phone.hear_report().is_bye:
        pass


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
    assert PlaybackFinished(opened.stream, 1, is_complete=True) in collect(engine)


# Recordings.


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
    engine = Engine(EngineSettings(first_port=31000, last_port=31999, tap_block_ms=20), IdSource(1))
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


def test_stopping_ends_recordings() -> None:
    engine = Engine(SETTINGS, IdSource(1))
    engine.start()
    engine.tap(engine.open().stream)
    engine.stop()
    assert engine.blocks()[-1].is_last


# Ports and life.


def test_ports_are_even_and_given_out_in_rotation() -> None:
    engine = Engine(EngineSettings(first_port=32001, last_port=32007), IdSource(1))
    first = engine.open()
    engine.close(first.stream)
    assert [first.port, engine.open().port, engine.open().port, engine.open().port] == [32002, 32004, 32006, 32002]
    with pytest.raises(PortsExhausted, match="32002-32007"):
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
        lambda: engine.connect(stream, StreamTarget(Address("127.0.0.1", 4000), Codec.PCMU, 0)),
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
        lambda: EngineSettings(rtcp_interval_s=0),
        lambda: EngineSettings(latch_after_ms=-1),
    ],
)
def test_times_out_of_range_are_refused(build: Callable[[], EngineSettings]) -> None:
    with pytest.raises(ValueError, match=r"_us|_ms|_s"):
        build()


def test_playback_on_a_stream_that_is_closed_ends_with_an_event(engine: Engine, line: Lines) -> None:
    _, opened = line()
    engine.play(opened.stream, [clip(engine, 440, 5)], 9)
    engine.close(opened.stream)
    assert collect(engine) == [PlaybackFinished(opened.stream, 9, is_complete=False)]


@pytest.mark.parametrize(
    "target",
    [
        StreamTarget(Address("phone.example", 4000), Codec.PCMU, 0),
        StreamTarget(Address("::1", 4000), Codec.PCMU, 0),
        StreamTarget(Address("127.0.0.1", 4000), Codec.PCMU, 128),
        StreamTarget(Address("127.0.0.1", 70000), Codec.PCMU, 0),
        StreamTarget(Address("127.0.0.1", 4000), Codec.PCMU, 0, ptime_ms=25),
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


# The promise: Python may stall.


def test_interpreter_that_stalls_half_a_second_is_not_heard(engine: Engine, line: Lines) -> None:
    (phone, music), (one, left), (other, right) = line(), line(), line()
    engine.set_background(music.stream, [clip(engine, 300)])
    engine.bridge(left.stream, right.stream)
    phone.listen(3)
    ctypes.PyDLL(None).usleep(500_000)  # PyDLL keeps the interpreter's lock: no Python thread runs meanwhile
    times = phone.arrival_times(24)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert sum(gaps) > 0.4
    assert max(gaps) < 0.035
    one.talk(left.port)
    other.hear()
