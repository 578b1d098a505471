"""kill -9 in the middle of fifty calls, and a database that goes away: what is lost is the call, never a record."""

import asyncio
import os
import signal
import socket
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.wire.hotline import AGENTS, SERVICE, hotline
from tests.wire.parties import all_talk, both_talk, dial_in, pick_up, take_seat
from tests.wire.watch import Facts, Operator

from acdcore.kernel.address import Address
from acdcore.media.model import EngineCodec

pytestmark = pytest.mark.wire

FINISHED = [f"139000020{number:02}" for number in range(6)]
TALKING = [f"139000030{number:02}" for number in range(len(AGENTS) - 1)]
YOUNG = "13900003099"
"""Begins to talk in the moment of the crash."""
WAITING = [f"139000040{number:02}" for number in range(44)]
CUT_SHORT = [*TALKING, YOUNG, *WAITING]
"""Fifty calls."""
IN_MEMORY_S = 2.0
"""A recording reaches its file second by second; what is younger dies with the daemon."""
HUNG_FOR_S = 20.0
"""Longer than the daemon waits for any answer of its database."""
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


class Deaf:
    """Takes audio and plays none, so that forty callers cost this process nothing."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        """As `Sound.port`."""
        port: int = self._socket.getsockname()[1]
        return port

    def connect(self, remote: Address, codec: EngineCodec, payload_type: int, dtmf_payload_type: int | None) -> None:
        """As `Sound.connect`."""

    def close(self) -> None:
        """As `Sound.close`."""
        self._socket.close()


async def start_talks(operator: Operator, caller: Phone, agent_phone: Phone) -> None:
    """All agents but one talk to a caller, and are recorded."""
    await take_seat(operator, agent_phone, *AGENTS[:-1])
    await all_talk(caller, agent_phone, SERVICE, TALKING)
    await asyncio.sleep(IN_MEMORY_S)


async def test_no_record_is_lost_or_doubled_by_kill_9_in_the_middle_of_fifty_calls(open_directory: Path) -> None:
    daemon = Daemon(hotline(open_directory / "crash", 5999))
    async with daemon:
        phones = PhoneSettings(daemon.sip)
        async with (
            Operator(daemon) as operator,
            Phone(phones) as caller,
            Phone(phones, new_media=Deaf) as crowd,
            Phone(phones) as agent_phone,
        ):
            await finish_calls(operator, caller, FINISHED)
            await start_talks(operator, caller, agent_phone)
            young = await dial_in(caller, SERVICE, YOUNG)
            await operator.until("call_queued", caller=YOUNG)
            await asyncio.gather(*(crowd.call(SERVICE, number) for number in WAITING))
            for number in WAITING:
                await operator.until("call_queued", caller=number)
            await take_seat(operator, agent_phone, AGENTS[-1])
            assert await both_talk(young, await pick_up(agent_phone))
            assert len(await operator.rows("/v1/calls", "calls")) == len(CUT_SHORT)
            await daemon.kill()
        await daemon.start()
        async with Operator(daemon) as operator, Phone(phones) as caller, Phone(phones) as agent_phone:
            rows = await records(operator, len(FINISHED) + len(CUT_SHORT))
            outcome = {str(row["caller"]): row["outcome"] for row in rows}
            assert len(rows) == len(outcome), "no call is recorded twice"
            assert {number: outcome.get(number) for number in FINISHED} == dict.fromkeys(FINISHED, "abandoned_queue")
            assert {number: outcome.get(number) for number in CUT_SHORT} == {
                **dict.fromkeys((*TALKING, YOUNG), "answered"),
                **dict.fromkeys(WAITING, "shutdown"),
            }
            ended = {row["end_cause"] for row in rows if row["caller"] in CUT_SHORT}
            assert ended == {"crash"}
            await check_recordings(operator, daemon.recordings, rows)
            assert await operator.settle() == {}
            await check_service(operator, caller, agent_phone, "13900005000")


async def check_service(operator: Operator, caller: Phone, agent_phone: Phone, number: str) -> None:
    """The next caller is served as if nothing had been, and nothing is stuck."""
    await take_seat(operator, agent_phone, "1001")
    party = await dial_in(caller, SERVICE, number)
    assert await both_talk(party, await pick_up(agent_phone))
    party.call.hang_up()
    await operator.ended(caller=number)
    assert await operator.settle() == {}


async def check_recordings(operator: Operator, directory: Path, records: list[Facts]) -> None:
    """Every talk that was cut short has a whole file and a row, unless it was too young; nothing is unfinished."""
    rows = await operator.rows("/v1/recordings", "recordings")
    assert set(TALKING) <= {row["caller"] for row in rows} <= {*TALKING, YOUNG}
    assert all(row["is_repaired"] for row in rows)
    for row in rows:
        with wave.open(str(directory / str(row["path"]))) as recording:
            assert recording.getnframes() / 8000 == pytest.approx(float(str(row["duration_s"])), abs=0.01)
    named = {record["caller"]: record["recording"] for record in records if record["recording"]}
    assert named == {row["caller"]: row["path"] for row in rows}, "a record names its recording if there is one"
    assert await asyncio.to_thread(lambda: list(directory.rglob("*.part"))) == []


async def test_calls_go_on_while_the_database_is_away_and_rows_arrive_once(open_directory: Path) -> None:
    daemon = Daemon(hotline(open_directory / "crash", 5999))
    async with daemon:
        phones = PhoneSettings(daemon.sip)
        async with Operator(daemon) as operator, Phone(phones) as caller, Phone(phones) as agent_phone:
            server = await asyncio.to_thread(postgres_pid, daemon.var)
            os.kill(server, signal.SIGKILL)
            number = "13900006000"
            await take_seat(operator, agent_phone, "1002")
            party = await dial_in(caller, SERVICE, number)
            assert await both_talk(party, await pick_up(agent_phone))
            party.call.hang_up()
            ended = await operator.ended(caller=number)
            await operator.until("recording_finished", call_id=ended["call_id"])
            await check_stored_once(operator, number, ended["call_id"])
            assert await asyncio.to_thread(postgres_pid, daemon.var) != server
            assert await operator.settle() == {}


async def test_calls_go_on_while_the_database_hangs_and_rows_arrive_once(open_directory: Path) -> None:
    """Not dead, which is noticed at once, but silent: every connection stands and nothing comes back."""
    daemon = Daemon(hotline(open_directory / "crash", 5999))
    async with daemon:
        phones = PhoneSettings(daemon.sip)
        async with Operator(daemon) as operator, Phone(phones) as caller, Phone(phones) as agent_phone:
            await take_seat(operator, agent_phone, "1002")
            ended: dict[str, object] = {}
            with hanging(await asyncio.to_thread(postgres_pid, daemon.var)):
                until = asyncio.get_running_loop().time() + HUNG_FOR_S
                while asyncio.get_running_loop().time() < until:
                    number = f"139000070{len(ended):02}"
                    party = await dial_in(caller, SERVICE, number)
                    assert await both_talk(party, await pick_up(agent_phone))
                    party.call.hang_up()
                    ended[number] = (await operator.ended(caller=number))["call_id"]
                    await operator.becomes("1002", "ready")
            for number, call_id in ended.items():
                await check_stored_once(operator, number, call_id)
            recorded = await operator.rows("/v1/recordings", "recordings")
            assert sorted(str(row["caller"]) for row in recorded if row["caller"] in ended) == sorted(ended)
            assert await operator.settle() == {}


async def check_stored_once(operator: Operator, number: str, call_id: object) -> None:
    """The call's whole history is in the database, and its record is there once."""
    events = (await operator.stored(call_id, 40))["events"]
    assert isinstance(events, list)
    assert [event["serial"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "ended"
    assert len(await operator.rows(f"/v1/history?caller={number}", "calls")) == 1


@contextmanager
def hanging(server: int) -> Iterator[None]:
    """The server and the processes that serve its connections stand still, and go on at the end of the block."""
    processes = [server, *children_of(server)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def children_of(parent: int) -> list[int]:
    """The processes that `parent` has started."""
    tasks = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in tasks.read_text().split()]


def postgres_pid(var: Path) -> int:
    """The embedded server's process."""
    (file,) = var.rglob("postmaster.pid")
    return int(file.read_text().splitlines()[0])
