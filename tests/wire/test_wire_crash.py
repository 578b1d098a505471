"""kill -9 in the middle of calls, and a database that goes away: what is lost is the call, never a record."""

import asyncio
import os
import signal
import wave
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.wire.hotline import AGENTS, SERVICE, hotline
from tests.wire.parties import both_talk, dial_in, pick_up, take_seat
from tests.wire.watch import Facts, Operator

pytestmark = pytest.mark.wire

FINISHED = [f"139000020{number:02}" for number in range(6)]
TALKING = [f"139000030{number:02}" for number in range(len(AGENTS))]
WAITING = [f"139000040{number:02}" for number in range(20)]
IN_MEMORY_S = 2.0
"""A recording reaches its file second by second; what is younger dies with the daemon."""
RECOVERED_WITHIN_S = 20.0


async def records(operator: Operator, expected: int, within_s: float = RECOVERED_WITHIN_S) -> list[Facts]:
    """All records, once there are as many as expected or the time is over."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        rows = await operator.rows("/v1/history?limit=100", "calls")
        if len(rows) >= expected or asyncio.get_running_loop().time() > deadline:
            return rows
        await asyncio.sleep(0.1)


async def finish_calls(operator: Operator, caller: Phone, numbers: list[str]) -> None:
    """Calls that come and go."""
    for number in numbers:
        party = await dial_in(caller, SERVICE, number)
        await operator.until("call_queued", caller=number)
        party.call.hang_up()
        await operator.ended(caller=number)


async def start_talks(operator: Operator, caller: Phone, desk: Phone) -> None:
    """Every agent talks to a caller, and is recorded."""
    await take_seat(operator, desk, *AGENTS)
    for number in TALKING:
        party = await dial_in(caller, SERVICE, number)
        assert await both_talk(party, await pick_up(desk))
    await asyncio.sleep(IN_MEMORY_S)


async def test_no_record_is_lost_or_doubled_by_kill_9(open_directory: Path) -> None:
    daemon = Daemon(hotline(open_directory / "crash", 5999))
    async with daemon:
        phones = PhoneSettings(daemon.sip)
        async with Operator(daemon) as operator, Phone(phones) as caller, Phone(phones) as desk:
            await finish_calls(operator, caller, FINISHED)
            await start_talks(operator, caller, desk)
            for number in WAITING:
                await dial_in(caller, SERVICE, number)
                await operator.until("call_queued", caller=number)
            await daemon.kill()
        await daemon.start()
        async with Operator(daemon) as operator, Phone(phones) as caller, Phone(phones) as desk:
            rows = await records(operator, len(FINISHED) + len(TALKING) + len(WAITING))
            outcome = {str(row["caller"]): row["outcome"] for row in rows}
            assert len(rows) == len(outcome), "no call is recorded twice"
            assert {number: outcome.get(number) for number in FINISHED} == dict.fromkeys(FINISHED, "abandoned_queue")
            cut_short = TALKING + WAITING
            assert {number: outcome.get(number) for number in cut_short} == dict.fromkeys(cut_short, "shutdown")
            await check_recordings(operator, daemon.recordings)
            assert await operator.settle() == {}
            await take_seat(operator, desk, "1001")
            party = await dial_in(caller, SERVICE, "13900005000")
            assert await both_talk(party, await pick_up(desk))
            party.call.hang_up()
            await operator.ended(caller="13900005000")
            assert await operator.settle() == {}


async def check_recordings(operator: Operator, directory: Path) -> None:
    """Every talk that was cut short has a whole file and a row, and nothing is left unfinished."""
    rows = await operator.rows("/v1/recordings", "recordings")
    assert {row["caller"] for row in rows} == set(TALKING)
    assert all(row["is_repaired"] for row in rows)
    for row in rows:
        with wave.open(str(directory / str(row["path"]))) as recording:
            assert recording.getnframes() / 8000 == pytest.approx(float(str(row["duration_s"])), abs=0.01)
    assert await asyncio.to_thread(lambda: list(directory.rglob("*.part"))) == []


async def test_calls_go_on_while_the_database_is_away_and_rows_arrive_once(open_directory: Path) -> None:
    daemon = Daemon(hotline(open_directory / "crash", 5999))
    async with daemon:
        phones = PhoneSettings(daemon.sip)
        async with Operator(daemon) as operator, Phone(phones) as caller, Phone(phones) as desk:
            server = await asyncio.to_thread(postgres_pid, daemon.var)
            os.kill(server, signal.SIGKILL)
            number = "13900006000"
            await take_seat(operator, desk, "1002")
            party = await dial_in(caller, SERVICE, number)
            assert await both_talk(party, await pick_up(desk))
            party.call.hang_up()
            ended = await operator.ended(caller=number)
            await operator.until("recording_finished", call_id=ended["call_id"])
            stored = await operator.stored(ended["call_id"], 40)
            story = stored["events"]
            assert isinstance(story, list)
            assert [event["serial"] for event in story] == list(range(1, len(story) + 1))
            assert story[-1]["kind"] == "ended"
            of_caller = await operator.rows(f"/v1/history?caller={number}", "calls")
            assert len(of_caller) == 1
            assert await asyncio.to_thread(postgres_pid, daemon.var) != server
            assert await operator.settle() == {}


def postgres_pid(var: Path) -> int:
    """The embedded server's process."""
    (file,) = var.rglob("postmaster.pid")
    return int(file.read_text().splitlines()[0])
