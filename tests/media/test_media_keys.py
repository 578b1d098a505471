"""Keys and audio of phones that do not do as the RFCs say, or do all that they allow, on real sockets."""

import random
import struct
import time
from array import array
from dataclasses import replace

import pytest
from tests.media import loudness
from tests.media.conftest import Lines, await_packets, collect
from tests.media.dialler import AUDIO_SSRC, KEYS_SSRC, OTHER_SSRC, Habit, Stamps, carried, dialled, with_strangers
from tests.media.handset import DTMF, Handset, is_clean, pcm_of

from acdcore.media import g711, rtcp, rtp, tones
from acdcore.media.engine import Engine
from acdcore.media.events import StreamDigitPressed
from acdcore.media.model import EngineCodec
from acdcore.media.rtp import RtpPacket

pytestmark = pytest.mark.wire

AUDIO = 0
LAST = "#"
"""Closes each number, so that a test knows when all was read."""


def send(phone: Handset, port: int, *packets: RtpPacket) -> None:
    for packet in packets:
        phone.audio.sendto(rtp.build(packet), ("127.0.0.1", port))


def audio(number: int, ssrc: int = AUDIO_SSRC) -> RtpPacket:
    return RtpPacket(AUDIO, 1000 + number, 160 * number, ssrc, b"\xff" * 160)


def key(sequence: int, timestamp: int, digit: int, duration: int, ssrc: int = AUDIO_SSRC, *, end: bool) -> RtpPacket:
    return RtpPacket(DTMF, sequence, timestamp, ssrc, struct.pack("!BBH", digit, 0x80 if end else 0, duration))


def report(ssrc: int = OTHER_SSRC) -> bytes:
    return rtcp.build(rtcp.Report(ssrc))


def read_until_last(engine: Engine) -> str:
    """The digits that were told, to the closing one."""
    told = ""
    while not told.endswith(LAST):
        told += "".join(event.digit for event in collect(engine) if isinstance(event, StreamDigitPressed))
    return told


@pytest.mark.parametrize("between", ["rtcp", "comfort noise", "audio of the other SSRC"])
def test_key_is_told_once_whatever_comes_between_its_ends(engine: Engine, line: Lines, between: str) -> None:
    phone, opened = line()
    send(phone, opened.port, audio(0))
    keys_ssrc = KEYS_SSRC if between.startswith("audio") else AUDIO_SSRC
    for place, digit in enumerate([1, 1, 2, 11]):
        for number in range(8):
            timestamp, end = 160 + 8000 * place, number >= 5
            sequence = 1001 + 20 * place + number
            send(phone, opened.port, key(sequence, timestamp, digit, 160 * min(number + 1, 6), keys_ssrc, end=end))
            match between:
                case "rtcp":
                    phone.audio.sendto(report(), ("127.0.0.1", opened.port))
                case "comfort noise":
                    send(phone, opened.port, RtpPacket(13, 7 * number, number, OTHER_SSRC, b"\x40"))
                case _:
                    send(phone, opened.port, audio(1 + 8 * place + number))
    assert read_until_last(engine) == "112#"


HABITS = [
    *(Habit(stamps) for stamps in Stamps),
    Habit(step_ms=50),
    Habit(Stamps.END_LATER, step_ms=50),
    Habit(Stamps.EACH, step_ms=50),
    Habit(ssrc=KEYS_SSRC),
    Habit(ssrc=KEYS_SSRC, is_ssrc_new=True),
    Habit(Stamps.EACH, ssrc=KEYS_SSRC),
    Habit(is_marked=True),
    Habit(Stamps.EACH, is_marked=True),
    Habit(talks=False),
    Habit(Stamps.EACH, talks=False),
    Habit(step_ms=50, begins=False),
]


@pytest.mark.parametrize("habit", HABITS, ids=str)
def test_card_number_is_read_whatever_habits_the_phone_has(engine: Engine, line: Lines, habit: Habit) -> None:
    phone, opened = line()
    dice = random.Random(str(habit))
    before = 0
    for _ in range(2):
        number = "".join(dice.choices("0123456789", k=16)) + LAST
        arriving = carried(list(with_strangers(dialled(number, habit, dice), dice)), dice)
        for at in range(0, len(arriving), 15):  # no more than the socket's buffer takes
            some = arriving[at : at + 15]
            for one in some:
                send(phone, opened.port, one.packet)
            phone.audio.sendto(report(), ("127.0.0.1", opened.port))
            before += len(some) + 1
            await_packets(engine, before)
        assert read_until_last(engine) == number


def test_relay_keeps_its_steps_while_reports_and_comfort_noise_of_others_pass(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.bridge(left.stream, right.stream)
    for number in range(10):
        send(caller, left.port, audio(number), RtpPacket(13, 500 + number, 3, OTHER_SSRC, b"\x40"))
        caller.audio.sendto(report(), ("127.0.0.1", left.port))
    heard = agent.listen(10)
    assert [packet.marker for packet in heard] == [True, *[False] * 9]
    assert [(packet.sequence - heard[0].sequence) & 0xFFFF for packet in heard] == list(range(10))
    assert [(packet.timestamp - heard[0].timestamp) & 0xFFFFFFFF for packet in heard] == [160 * n for n in range(10)]
    assert engine.figures(left.stream).lost == 0


def test_relay_keeps_its_steps_around_keys_of_another_ssrc(engine: Engine, line: Lines) -> None:
    (caller, left), (agent, right) = line(), line()
    engine.bridge(left.stream, right.stream)
    for number in range(8):
        send(caller, left.port, audio(number))
        send(caller, left.port, key(number, 77, 5, 160 * min(number + 1, 6), KEYS_SSRC, end=number >= 5))
    heard = agent.listen(16)
    assert [packet.payload_type for packet in heard] == [AUDIO, DTMF] * 8
    assert [(packet.sequence - heard[0].sequence) & 0xFFFF for packet in heard] == list(range(16))
    assert [packet.marker for packet in heard] == [True, *[False] * 15]
    sound = [packet for packet in heard if packet.payload_type == AUDIO]
    assert [(packet.timestamp - sound[0].timestamp) & 0xFFFFFFFF for packet in sound] == [160 * n for n in range(8)]
    assert len({packet.timestamp for packet in heard if packet.payload_type == DTMF}) == 1
    assert engine.figures(left.stream).lost == 0


def test_report_on_the_port_of_audio_is_a_report(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    send(phone, opened.port, audio(0))
    ours = phone.hear_report().ssrc
    block = rtcp.ReportBlock(ours, 0, 7, 0, 80, 0, 0)
    phone.audio.sendto(rtcp.build(rtcp.Report(AUDIO_SSRC, block=block)), ("127.0.0.1", opened.port))
    await_packets(engine, 2)
    figures = engine.figures(opened.stream)
    assert (figures.peer_lost, figures.peer_jitter_ms, figures.unwanted, figures.packets_in) == (7, 10.0, 0, 1)


def test_marked_audio_under_a_number_of_rtcp_is_heard(engine: Engine, line: Lines) -> None:
    phone, opened = line()
    engine.connect(opened.stream, replace(phone.target(), payload_type=72))
    send(phone, opened.port, replace(audio(0), payload_type=72, marker=True))
    phone.audio.sendto(report(AUDIO_SSRC), ("127.0.0.1", opened.port))
    await_packets(engine, 2)
    assert engine.figures(opened.stream).packets_in == 1


@pytest.mark.parametrize("length", [0x01FF, 0x0200, 0x0300])
def test_long_datagram_under_a_number_of_rtcp_is_read_no_further_than_it_was_kept(
    engine: Engine, line: Lines, length: int
) -> None:
    phone, opened = line()
    engine.connect(opened.stream, replace(phone.target(), payload_type=72))
    head = struct.pack("!BBHI", 0x80, 200, length, AUDIO_SSRC)
    phone.audio.sendto(head + b"\x80" * (4_096 - len(head)), ("127.0.0.1", opened.port))
    phone.audio.sendto(report(AUDIO_SSRC), ("127.0.0.1", opened.port))
    await_packets(engine, 2)
    figures = engine.figures(opened.stream)
    assert (figures.malformed, figures.packets_in) == (1, 0)


NUMBERS = {0: EngineCodec.PCMU, 8: EngineCodec.PCMA, 96: EngineCodec.PCMU, 97: EngineCodec.PCMA, 98: EngineCodec.PCMA}
"""What a phone names that gives two numbers to each codec, and three to one."""


def talk_in_turn(phone: Handset, port: int, order: list[int]) -> None:
    """A tone whose packets change their payload type as `order` says, with comfort noise at each change."""
    pcm, before = tones.tone((440,), 0.02 * len(order)), order[0]
    for at, payload_type in enumerate(order):
        if payload_type != before:
            phone.talk(port, b"\x40", 13)
        before = payload_type
        phone.talk(port, g711.encode(pcm[320 * at : 320 * (at + 1)], NUMBERS[payload_type]), payload_type)
        phone.timestamp = (phone.timestamp + 160) & 0xFFFFFFFF
        time.sleep(0.02)


@pytest.mark.parametrize("other", list(EngineCodec))
@pytest.mark.parametrize("order", [[8] * 20, [0, 8] * 10, [0] * 7 + [97] * 7 + [96, 98, 8] * 2], ids=str)
def test_audio_under_every_agreed_number_is_heard_and_recorded(
    engine: Engine, line: Lines, other: EngineCodec, order: list[int]
) -> None:
    (caller, left), (agent, right) = line(), line(other)
    engine.connect(left.stream, replace(caller.target(), audio_in=tuple(NUMBERS.items())))
    engine.bridge(left.stream, right.stream)
    tap = engine.tap(left.stream, right.stream)
    talk_in_turn(caller, left.port, order)
    heard = agent.listen(len(order))
    engine.untap(tap)
    assert {packet.payload_type for packet in heard} == {other.value}
    assert [(packet.sequence - heard[0].sequence) & 0xFFFF for packet in heard] == list(range(len(order)))
    assert is_clean(pcm_of(heard, other), 440)
    recorded = array("h", b"".join(block.samples for block in engine.blocks()))
    sound = array("h", [sample for sample in recorded[::2] if sample])
    assert len(sound) > 160 * (len(order) - 5)  # the last packets may lie behind the end, on a busy machine
    assert abs(loudness.level_dbfs(sound.tobytes()) + 12) < 0.5


def test_number_that_was_not_agreed_on_is_not_heard(engine: Engine, line: Lines) -> None:
    caller, opened = line()
    engine.connect(opened.stream, replace(caller.target(), audio_in=((8, EngineCodec.PCMA),)))
    for payload_type in (8, 0, 96, 18):
        caller.talk(opened.port, payload_type=payload_type)
    await_packets(engine, 4)
    figures = engine.figures(opened.stream)
    assert (figures.packets_in, figures.unwanted) == (2, 2)
