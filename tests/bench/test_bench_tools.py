"""The load tools at work, small and short: what they print and how they end."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from bench.audit import is_right_length, loudness
from bench.board import SHAPES
from bench.echo import echoing
from bench.load import FLOOR, RTPLOAD, LoadSettings, Pair, Slot, carry, relaying, stream_table
from bench.strangers import carry_out, parse_orders, shout, udp
from bench.tally import GOALS, Tally, failing, total

from acdcore.calls.record.event_stream import StreamEventKind
from acdcore.kernel.address import Address
from acdcore.recording.wav import wav_header

ROOT = Path(__file__).parent.parent.parent
PACKET = 320
"""Bytes of one packet's samples."""
NOISE = b"\x00\x40" * 24 + bytes(PACKET - 48)

needs_tools = pytest.mark.skipif(not (FLOOR.exists() and RTPLOAD.exists()), reason="make tools has not been run")


def bench(arguments: str) -> tuple[int, dict[str, float], str]:
    """Run `python -m bench.ARGUMENTS`: exit status, the JSON line, what it said."""
    command = [sys.executable, "-m", *f"bench.{arguments}".split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    last = done.stdout.splitlines()[-1] if done.stdout else "{}"
    return done.returncode, json.loads(last), done.stderr


def stereo(left: bytes, right: bytes) -> bytes:
    """A recording of two channels."""
    frames = b"".join(left[at : at + 2] + right[at : at + 2] for at in range(0, len(left), 2))
    return wav_header(len(frames) // 4) + frames


@pytest.mark.wire
@needs_tools
async def test_load_reaches_its_partners_through_the_floor_without_loss() -> None:
    slots = [Slot() for _ in range(4)]
    nowhere = Address("127.0.0.1", 9)
    pairs = [Pair(slots[0], slots[1], nowhere, nowhere), Pair(slots[2], slots[3], nowhere, nowhere)]
    core = min(os.sched_getaffinity(0))
    try:
        async with relaying(pairs, core) as (pid, relayed):
            window = await carry(relayed, LoadSettings(1.0, 1000, core), pid)
    finally:
        for slot in slots:
            slot.close()
    assert (window.lost, window.misrouted, window.streams) == (0, 0, 4)
    assert window.sent > 100
    assert window.cpu_pct is not None


def test_each_phone_waits_for_the_packets_of_the_other_side() -> None:
    slots = [Slot(), Slot()]
    try:
        table = stream_table([Pair(slots[0], slots[1], Address("127.0.0.1", 4000), Address("127.0.0.1", 4002))])
        caller, agent = (slot.socket.fileno() for slot in slots)
    finally:
        for slot in slots:
            slot.close()
    assert table == f"{caller} 127.0.0.1 4000 1\n{agent} 127.0.0.1 4002 0\n"


def test_a_recording_is_as_loud_as_its_fainter_channel(tmp_path: Path) -> None:
    file = tmp_path / "talk.wav"
    file.write_bytes(stereo(NOISE * 5, NOISE * 2 + bytes(3 * PACKET)))
    assert loudness(file) == 2
    assert loudness(tmp_path / "missing.wav") == 0


def test_coded_silence_is_not_taken_for_sound(tmp_path: Path) -> None:
    file = tmp_path / "talk.wav"
    file.write_bytes(stereo(b"\x08\x00" * 160, b"\xf8\xff" * 160))
    assert loudness(file) == 0


def test_a_recording_is_as_long_as_the_talk() -> None:
    assert is_right_length(9.9, 10.0)
    assert not is_right_length(9.0, 10.0)
    assert not is_right_length(10.5, 10.0)


@pytest.mark.wire
@needs_tools
def test_lines_ends_with_its_figures() -> None:
    status, figures, said = bench("lines --lines 4 --seconds 1 --windows 1")
    assert status == 0, said
    wanted = "lines failed loss delay_p99_ms floor_delay_p99_ms cpu_pct floor_cpu_pct cpu_ratio rss_mb tick_us"
    assert set(wanted.split()) <= set(figures)
    assert (figures["lines"], figures["failed"], figures["cdrs"], figures["recordings"]) == (4, 0, 4, 4)
    assert (figures["recordings_unsound"], figures["misrouted"], figures["strays"]) == (0, 0, 0)


@pytest.mark.wire
def test_setups_ends_with_its_figures() -> None:
    status, figures, said = bench("setups --rate 5 --seconds 2 --talk 0.5")
    assert status == 0, said
    assert {"rate", "failed", "pdd_p99_ms", "connected_p99_ms", "cpu_ms_per_call"} <= set(figures)
    assert (figures["rate"], figures["failed"], figures["connected"], figures["answered"]) == (5, 0, 10, 10)


@pytest.mark.wire
@needs_tools
def test_stall_ends_with_its_figures() -> None:
    status, figures, said = bench("stall --lines 2 --seconds 1 --rounds 1")
    assert status == 0, said
    assert {"gap_growth_p99_ms", "gap_growth_p99_sleeping_ms", "gap_growth_p99_computing_ms"} <= set(figures)
    assert figures["failed"] == 0
    assert figures["http_max_sleeping_ms"] > 300
    assert figures["http_max_computing_ms"] > 300


@pytest.mark.wire
def test_ringing_ends_with_its_figures() -> None:
    status, figures, said = bench("ringing --agents 24 --waiting 6 --talking 15 --queues 2 --seconds 2")
    assert status == 0, said
    assert {"p99_ms", "bye_p99_ms", "http_p99_ms", "echo_p99_ms", "turn_p99_us", "agents_p50_ms"} <= set(figures)
    assert (figures["freed"], figures["failed"], figures["waiting"], figures["waiting_after"]) == (10, 0, 6, 6)
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] <= figures["max_ms"]


@pytest.mark.wire
async def test_probe_is_away_for_as_long_as_the_machine_needs() -> None:
    async with echoing(min(os.sched_getaffinity(0))) as probe:
        probe.send()
        async with asyncio.timeout(5):
            await probe.came_back.wait()
    assert 0 < probe.away_ms[0] < 5_000


def test_wrong_arguments_are_told() -> None:
    status, _, said = bench("lines --lines 0")
    assert status == 2
    assert "above 0" in said


def test_board_reads_every_kind_of_event() -> None:
    assert set(SHAPES) == set(StreamEventKind)


@pytest.mark.slow
@pytest.mark.wire
@needs_tools
def test_attack_ends_with_its_figures_and_nobody_captured_or_admitted() -> None:
    status, figures, said = bench(
        "attack --seconds 3 --talks 4 --rate 300 --phases quiet,rtp_silent,flood_one,passwords"
    )
    assert status in (0, 1), said
    assert {goal.key for goal in GOALS} <= set(figures)
    assert (figures["captured"], figures["admitted"], figures["ring_failed"]) == (0, 0, 0), said
    assert figures["loss"] < 0.01


def test_worst_of_all_phases_with_strangers_counts() -> None:
    quiet = Tally("quiet", captured=9, connect_ms=[900.0], rss_mb=500)
    one = Tally("flood_one", sent=600, lost=3, connect_ms=[20.0], rss_mb=130, failures=Counter(call=2), ring_failed=1)
    other = Tally("rtp_held", sent=400, lost=0, connect_ms=[40.0], rss_mb=110, captured=2, admitted=1)
    figures = total([quiet, one, other], 100.0)
    assert figures == {
        "loss": 0.003,
        "legit_failed": 2,
        "legit_p99_ms": 40.0,
        "ring_failed": 1,
        "memory_growth_mb": 30.0,
        "captured": 2,
        "admitted": 1,
    }
    assert [line.split()[0] for line in failing(figures)] == [
        "loss",
        "legit_failed",
        "ring_failed",
        "captured",
        "admitted",
    ]


@pytest.mark.parametrize(
    "wrong", ["flood --sip 192.0.2.1:5060", "flood --rate 1e9", "http --count 1000000", "rtp --seconds 1e6", "tea"]
)
def test_strangers_stay_on_the_loopback_and_within_bounds(wrong: str) -> None:
    with pytest.raises(SystemExit):
        parse_orders(["--sip", "127.0.0.1:5060", "--http", "127.0.0.1:80", *wrong.split()])


@pytest.mark.wire
@needs_tools
async def test_phone_that_hears_a_stranger_is_told_from_one_that_does_not() -> None:
    slots = [Slot(), Slot()]
    try:
        with udp("127.0.0.1") as stranger:
            switch = Address(*stranger.getsockname())
            pair = Pair(slots[0], slots[1], Address("127.0.0.1", slots[1].port), switch._replace(port=-switch.port))
            carried = asyncio.create_task(carry([pair], LoadSettings(0.5, 1000, min(os.sched_getaffinity(0))), None))
            while not carried.done():
                stranger.sendto(shout(1), ("127.0.0.1", slots[1].port))
                await asyncio.sleep(0.05)
            window = carried.result()
    finally:
        for slot in slots:
            slot.close()
    assert (window.invaded, window.lost) == (1, 0)
    assert window.sent > 0, "only one of them is mute"


async def admit_everybody(server: socket.socket) -> None:
    """A registrar that takes any credentials."""
    loop = asyncio.get_running_loop()
    while True:
        data, source = await loop.sock_recvfrom(server, 4096)
        lines = data.decode().split("\r\n")
        copied = [line for line in lines if line.startswith(("Via:", "From:", "To:", "Call-ID:", "CSeq:"))]
        challenge = 'WWW-Authenticate: Digest realm="a", nonce="b", algorithm=MD5, qop="auth"'
        status, more = ("200 OK", []) if "Authorization:" in data.decode() else ("401 Unauthorized", [challenge])
        reply = [f"SIP/2.0 {status}", *copied, *more, "Content-Length: 0", "", ""]
        await loop.sock_sendto(server, "\r\n".join(reply).encode(), source)


@pytest.mark.wire
async def test_guess_that_is_let_in_is_counted() -> None:
    with udp("127.0.0.1") as server:
        registrar = asyncio.create_task(admit_everybody(server))
        where = str(Address(*server.getsockname()))
        outcome = await carry_out(
            parse_orders(["passwords", "--sip", where, "--http", "127.0.0.1:9", "--seconds", "0.3"])
        )
        registrar.cancel()
    assert 0 < outcome.admitted == outcome.answered
