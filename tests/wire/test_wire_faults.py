"""Disk full, pipe full, database away, clock ahead, fifty calls each: every record arrives, once, with its alarm."""

import asyncio
import os
import select
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.wire.hotline import SERVICE, hotline
from tests.wire.test_wire_crash import Deaf, hanging, postgres_pid, records
from tests.wire.watch import Facts, Operator

pytestmark = pytest.mark.wire

CALLERS = [f"139000080{number:02}" for number in range(50)]
AWAY_S = float(os.environ.get("ACDCORE_TEST_DATABASE_AWAY_S", "20"))
"""How long the database is away: some time longer than it takes to notice; 300 for the whole length."""
DAYS_AHEAD = 20
READ_WITHIN_S = 20.0
FULL_BYTES = 1_000_000
"""A disk for the spool alone."""


@asynccontextmanager
async def fifty_calls(daemon: Daemon, operator: Operator) -> AsyncIterator[None]:
    """They wait in a queue until the block ends, then they hang up."""
    async with Phone(PhoneSettings(daemon.sip), new_media=Deaf) as crowd:
        calls = await asyncio.gather(*(crowd.call(SERVICE, number) for number in CALLERS))
        for number in CALLERS:
            await operator.until("call_queued", 30.0, caller=number)
        yield
        for call in calls:
            call.hang_up()
        for number in CALLERS:
            await operator.ended(30.0, caller=number)


async def check_records(operator: Operator, outcome: str = "abandoned_queue", within_s: float = 60.0) -> None:
    """Each call has one record."""
    rows = await records(operator, len(CALLERS), within_s)
    assert sorted(str(row["caller"]) for row in rows) == CALLERS
    assert {row["outcome"] for row in rows} == {outcome}


async def alarms(operator: Operator, state: str) -> dict[str, Facts]:
    """The alarms that are `raised`, or those of the `past`, by name."""
    found = (await operator.get("/v1/alarms"))[state]
    assert isinstance(found, list)
    return {str(alarm["name"]): alarm for alarm in found}


async def until_raised(operator: Operator, name: str, *, is_raised: bool = True, within_s: float = 30.0) -> None:
    """Wait for an alarm's beginning, or its end, in all places but the log."""
    await operator.until("alarm", within_s, name=name, is_raised=is_raised)
    assert name in await alarms(operator, "raised" if is_raised else "past")
    metrics = await (await operator.client.get("/metrics")).text()
    value = "1.0" if is_raised else "0.0"
    assert any(
        line.startswith("acdcore_alarm{") and f'name="{name}"' in line and line.endswith(value)
        for line in metrics.splitlines()
    ), name
    health = await operator.get("/health/ready")
    assert health["is_degraded"] is is_raised


def check_log(text: str, name: str) -> None:
    """The alarm's beginning and its end have a line each."""
    lines = [line for line in text.splitlines() if f'"alarm": "{name}"' in line]
    assert sum('"alarm_raised"' in line for line in lines) == 1, lines
    assert sum('"alarm_ended"' in line for line in lines) == 1, lines


@contextmanager
def own_disk(place: Path) -> Iterator[None]:
    """A small disk at `place`."""
    place.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={FULL_BYTES},mode=700", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("no disk of its own can be mounted here; that takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@contextmanager
def filled(place: Path) -> Iterator[None]:
    """No byte is free there until the block ends."""
    filler = place / "filler"
    try:
        with open(filler, "wb", buffering=0) as file:
            while file.write(bytes(4_096)):
                pass
    except OSError:
        pass
    try:
        yield
    finally:
        filler.unlink()


async def test_full_disk_loses_no_record_and_is_told_everywhere(open_directory: Path) -> None:
    settings = hotline(open_directory / "full", 5999)
    spool = settings.directory / "var" / "spool"
    with own_disk(spool):
        daemon = Daemon(settings)
        async with daemon, Operator(daemon) as operator:
            with filled(spool):
                async with fifty_calls(daemon, operator):
                    await until_raised(operator, "spool_disk")
            await until_raised(operator, "spool_disk", is_raised=False)
            await check_records(operator)
            assert await operator.settle() == {}
        check_log(daemon.log.read_text(), "spool_disk")


async def test_log_that_nobody_reads_stops_nothing_and_is_told(open_directory: Path) -> None:
    settings = hotline(open_directory / "pipe", 5999)
    daemon = Daemon(settings)
    settings.directory.mkdir(parents=True, exist_ok=True)
    os.mkfifo(daemon.log)
    reader = os.open(daemon.log, os.O_RDWR | os.O_NONBLOCK)
    try:
        async with daemon, Operator(daemon) as operator:
            for _ in range(500):
                await (await operator.client.get("/health/live")).read()
            await until_raised(operator, "log_stopped")
            async with fifty_calls(daemon, operator):
                pass
            await check_records(operator)
            said = await asyncio.to_thread(read_until, reader, b'"alarm_raised"')
            await until_raised(operator, "log_stopped", is_raised=False)
            said += await asyncio.to_thread(read_until, reader, b'"alarm_ended"')
            check_log(said.decode(errors="replace"), "log_stopped")
            assert await operator.settle() == {}
            os.close(reader)  # and now the reader is gone for good
            reader = -1
            assert await (await operator.client.get("/health/live")).json() == {"is_alive": True}
            assert await daemon.stop() == 0
    finally:
        if reader >= 0:
            os.close(reader)


def read_until(reader: int, wanted: bytes) -> bytes:
    """What is said up to and with what is wanted, or within `READ_WITHIN_S`."""
    said = b""
    until = time.monotonic() + READ_WITHIN_S
    while (wanted not in said or not said.endswith(b"\n")) and (rest_s := until - time.monotonic()) > 0:
        if select.select([reader], [], [], rest_s)[0]:
            said += os.read(reader, 65_536)
    return said


async def test_database_that_is_away_for_long_loses_no_record_and_is_told(open_directory: Path) -> None:
    daemon = Daemon(hotline(open_directory / "away", 5999))
    async with daemon, Operator(daemon) as operator:
        with hanging(await asyncio.to_thread(postgres_pid, daemon.var)):
            async with fifty_calls(daemon, operator):
                await until_raised(operator, "database_away", within_s=AWAY_S + 30.0)
            await asyncio.sleep(AWAY_S)
        await until_raised(operator, "database_away", is_raised=False)
        await check_records(operator)
        assert await operator.settle() == {}
        check_log(daemon.log.read_text(), "database_away")


async def test_clock_that_is_weeks_ahead_at_a_restart_hides_no_call_that_was_cut_short(open_directory: Path) -> None:
    settings = hotline(open_directory / "ahead", 5999)
    daemon = Daemon(settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(daemon)
        async with Operator(daemon) as operator, Phone(PhoneSettings(daemon.sip), new_media=Deaf) as crowd:
            await asyncio.gather(*(crowd.call(SERVICE, number) for number in CALLERS))
            for number in CALLERS:
                await operator.until("call_queued", 30.0, caller=number)
            await daemon.kill()
        program = (str(Path(__file__).with_name("clock_ahead.py")), str(DAYS_AHEAD), "run")
        later = Daemon(replace(settings, program=program))
        await stack.enter_async_context(later)
        async with Operator(later) as operator:
            await check_records(operator, "shutdown")
