"""What the README promises of `make run`: the shipped configuration, called with Debian's baresip on both sides.

Nothing of the test hotline is in it: passwords are the generated ones, prompts are spoken, the caller has no account.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

import pytest
import pytest_asyncio
from bench.daemon import Daemon, DaemonSettings
from bench.sound import share_of_tone
from tests.wire.hotline import share_prompts
from tests.wire.stock_clients import Baresip
from tests.wire.test_wire_call import channels
from tests.wire.tones import AGENT_HZ, CALLER_HZ
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire

README = Path(__file__).parents[2] / "README.md"
STRANGER = "13900000009"
"""No customer of the shipped ones has it."""
AGENT = "1001"
STARTED_WITHIN_S = 15.0
"""Starting a program on a busy machine; the exchange itself takes milliseconds."""
TO_AN_AGENT_S = 30.0
"""Greeting, language and menu, by somebody who presses 1 and waits for nothing else."""
HEARD_WITHIN_S = 15.0
"""The agent's number is said before both are connected."""
PRESS_EVERY_S = 2.0
LAST_BYTES = 8_000
"""The last half second of a recording's side."""


@pytest_asyncio.fixture
async def shipped(open_directory: Path) -> AsyncIterator[Daemon]:
    """The daemon as `make run` starts it, but for its ports and where it writes."""
    directory = open_directory / "shipped"
    share_prompts(directory)
    async with Daemon(DaemonSettings(directory)) as daemon:
        yield daemon


def generated_password(daemon: Daemon, agent: str) -> str:
    """As the README has the operator look it up."""
    lines = [line.split() for line in (daemon.var / "softphones").read_text().splitlines()]
    return next(words[1] for words in lines if words[0] == agent)


def promised(daemon: Daemon) -> str:
    """What the README shows of the start, with the ports and the directory of this one."""
    block = README.read_text("utf-8").partition("## After `make run`\n\n```text\n")[2].partition("```")[0]
    assert block.startswith("acdcore takes calls.")
    here = {"127.0.0.1:5060": str(daemon.sip), "127.0.0.1:8080": str(daemon.http), " var/": f" {daemon.var}/"}
    for shown, real in here.items():
        block = block.replace(shown, real)
    return block


async def press_until(phone: Baresip, key: str, reached: Coroutine[None, None, object]) -> None:
    """Press a key again and again, as callers do who do not listen, until something is so."""
    waiting = asyncio.create_task(reached)
    while not waiting.done():
        phone.press(key)
        await asyncio.wait([waiting], timeout=PRESS_EVERY_S)
    await waiting


async def test_shipped_hotline_takes_debians_baresip_as_agent_and_as_caller(shipped: Daemon, tmp_path: Path) -> None:
    for name in ("agent", "caller"):
        (tmp_path / name).mkdir()
    assert promised(shipped) in shipped.log.read_text()
    password = generated_password(shipped, AGENT)
    assert password not in shipped.log.read_text()
    async with (
        Operator(shipped) as operator,
        Baresip(tmp_path / "agent", shipped.sip, AGENT, password, AGENT_HZ) as agent,
        Baresip(tmp_path / "caller", shipped.sip, STRANGER, "", CALLER_HZ) as caller,
    ):
        await agent.until("200 OK", STARTED_WITHIN_S)
        agent.tell(f"/dial sip:*11@{shipped.sip}")
        await operator.becomes(AGENT, "ready", STARTED_WITHIN_S)
        await caller.until("baresip is ready", STARTED_WITHIN_S)

        caller.tell(f"/dial sip:95500@{shipped.sip}")
        await operator.until("call_answered", STARTED_WITHIN_S, dialled="95500")
        await press_until(caller, "1", operator.becomes(AGENT, "talking", TO_AN_AGENT_S))
        assert await caller.hears(AGENT_HZ, HEARD_WITHIN_S), caller.said
        assert await agent.hears(CALLER_HZ, HEARD_WITHIN_S), agent.said
        caller.tell("/hangup")

        ended = await operator.ended(dialled="95500")
        assert (ended["caller"], ended["outcome"], ended["agent"]) == (STRANGER, "answered", AGENT)
        recorded = await operator.until("recording_finished", call_id=ended["call_id"])
        left, right = channels(shipped.recordings / str(recorded["path"]))
        assert share_of_tone(left[-LAST_BYTES:], CALLER_HZ) > 0.5
        assert share_of_tone(right[-LAST_BYTES:], AGENT_HZ) > 0.5
        alarms = await operator.get("/v1/alarms")
        assert alarms["raised"] == []
    assert await shipped.stop() == 0
