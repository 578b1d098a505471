"""Stopped in the middle of calls, the daemon leaves nothing behind: no task, timer, thread, socket or open file."""

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from bench.ports import media_environment
from tests.wire.hotline import HOTLINE, ORDINARY, SERVICE, password_of, share_prompts
from tests.wire.parties import all_talk, dial_in

from acdcore.calls.model.commands import AgentCommand
from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import Snapshot, load_snapshot
from acdcore.daemon.serve import Running, serve
from acdcore.kernel.clock import LoopClock
from acdcore.kernel.ids import AgentId

pytestmark = pytest.mark.wire

TALKING = ("1001", "1002", "1003")
WAITING = 4
IN_THE_MENU = 3
IMPATIENT_AFTER_S = 0.5
"""Then the second signal comes."""


def plan_of(daemon: Daemon, directory: Path) -> Snapshot:
    """The test hotline, to be run in this process beside the shared daemon."""
    share_prompts(directory)
    var = directory / "var"
    settings = {
        "ACDCORE_SIP__UDP_PORT": "0",
        "ACDCORE_SIP__TCP_PORT": "0",
        "ACDCORE_HTTP__PORT": "0",
        **media_environment(400),
        "ACDCORE_STORAGE__DIRECTORY": str(var),
        "ACDCORE_RECORDING__DIRECTORY": str(var / "recordings"),
    }
    file = daemon.settings.directory / "config" / "acdcore.toml"
    return load_snapshot(load(file, settings), file)


@contextmanager
def debugged() -> Iterator[list[Mapping[str, object]]]:
    """The loop in debug mode; what it had to report."""
    loop, reported = asyncio.get_running_loop(), list[Mapping[str, object]]()
    loop.set_debug(True)
    loop.slow_callback_duration = 10.0  # a busy machine is no fault
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        yield reported
    finally:
        loop.set_exception_handler(None)
        loop.set_debug(False)


def held() -> dict[str, object]:
    """What this process holds that a daemon in it may have left."""
    files = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return {
        "tasks": len(asyncio.all_tasks()),
        "threads": sorted(thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")),
        "sockets": sum(file.startswith("socket:") for file in files),
        "files": sorted(file for file in files if file.startswith("/") and not file.startswith("/dev/")),
    }


async def ten_calls(running: Running, caller: Phone, agent_phone: Phone) -> None:
    """Three talk, four wait, three are in the menu."""
    for agent in TALKING:
        assert await agent_phone.register(agent, password_of(agent)) == 200
        running.operations.set_agent_state(AgentId(agent), AgentCommand.LOG_IN, None)
        running.operations.set_agent_state(AgentId(agent), AgentCommand.READY, None)
    await all_talk(caller, agent_phone, SERVICE, [ORDINARY] * len(TALKING))
    for number in (SERVICE,) * WAITING + (HOTLINE,) * IN_THE_MENU:
        await dial_in(caller, number)


async def test_stop_in_the_middle_of_ten_calls_ends_every_task_timer_and_callback(
    daemon: Daemon, open_directory: Path
) -> None:
    plan, loop = plan_of(daemon, open_directory / "stopped"), asyncio.get_running_loop()
    before = held()
    with debugged() as reported:
        async with AsyncExitStack() as phones:
            async with serve(plan, LoopClock(loop)) as running:
                caller, agent_phone = [
                    await phones.enter_async_context(Phone(PhoneSettings(running.udp))) for _ in range(2)
                ]
                await ten_calls(running, caller, agent_phone)
                assert len(running.switchboard.calls) == len(TALKING) + WAITING + IN_THE_MENU
                loop.call_later(IMPATIENT_AFTER_S, running.switchboard.end_all)
            assert running.switchboard.calls == {}
        await asyncio.sleep(0.1)
        assert held() == before
        assert timers(loop) == []
        assert reported == []


def timers(loop: asyncio.AbstractEventLoop) -> list[str]:
    """The timers of ours that are still armed."""
    scheduled: list[asyncio.TimerHandle] = getattr(loop, "_scheduled", [])
    return [repr(timer) for timer in scheduled if not timer.cancelled() and "acdcore" in repr(timer)]
