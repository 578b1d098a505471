"""A restart keeps the queue: agents are at work without logging in anew, and callers have their place again."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.wire.hotline import ORDINARY, SERVICE
from tests.wire.parties import both_talk, dial_in, pick_up, take_seat
from tests.wire.watch import Operator

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="session")]

TALKING = "13900000011"
NEW = "13900000012"
"""Calls for the first time after the restart, and before the one whose place was lost calls again."""
WAITED_S = 1.5
"""How long the caller has waited when the daemon ends; longer than the new one by the time it matters."""
SECOND_SIGNAL_AFTER_S = 0.3
"""Then calls are ended at once instead of within seconds."""
TORN_BYTES = 20
"""So much of the last line is missing."""


async def bring_calls_up(operator: Operator, caller: Phone, agent_phone: Phone) -> None:
    """One agent talks, one is at lunch, one caller waits."""
    await take_seat(operator, agent_phone, "1001", "1002")
    await operator.order("1002", "not_ready", reason="lunch")
    party = await dial_in(caller, SERVICE, TALKING)
    assert await both_talk(party, await pick_up(agent_phone))
    await dial_in(caller, SERVICE, ORDINARY)
    await operator.until("call_queued", caller=ORDINARY)
    await asyncio.sleep(WAITED_S)


async def check_agents(operator: Operator) -> None:
    """Both are logged in, each as before, and their phones are known."""
    ready, at_lunch = [await operator.get(f"/v1/agents/{agent}") for agent in ("1001", "1002")]
    assert (ready["state"], at_lunch["state"], at_lunch["reason"]) == ("ready", "not_ready", "lunch")
    assert ready["is_registered"]
    assert at_lunch["is_registered"]


async def check_places(operator: Operator, caller: Phone, agent_phone: Phone) -> None:
    """A caller who was cut off and calls again is served before a new caller; neither phone has registered again."""
    await operator.order("1001", "not_ready", reason="lunch")
    new = await dial_in(caller, SERVICE, NEW)
    await operator.until("call_queued", caller=NEW)
    again = await dial_in(caller, SERVICE, ORDINARY)
    await operator.until("call_queued", caller=ORDINARY)
    await operator.order("1001", "ready")
    agent = await pick_up(agent_phone)
    assert (agent.call.user, agent.call.caller) == ("1001", ORDINARY)
    assert await both_talk(again, agent)
    again.call.hang_up()
    last = await pick_up(agent_phone)
    assert last.call.caller == NEW
    new.call.hang_up()
    assert await operator.settle() == {}


async def check_replay(daemon: Daemon) -> None:
    """Every day of the journal, all runs of the daemon, decides again what it decided; one run's end is torn."""
    journal = daemon.var / "journal"
    days = await asyncio.to_thread(lambda: sorted({file.name[:10] for file in journal.glob("*.jsonl*")}))
    endings = []
    for day in days:
        command = ("-m", "acdcore", "replay", day, "--journal", str(journal), "--json")
        replay = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
        told, _ = await replay.communicate()
        report = json.loads(told)
        assert replay.returncode == 0, report
        assert not any(segment["differing"] for segment in report["segments"])
        endings += [segment["ending"] for segment in report["segments"]]
    assert endings[:-1].count("torn") == 1, "the last one is being written"


async def test_planned_restart_keeps_agents_and_places(own_daemon: Daemon) -> None:
    phones = PhoneSettings(own_daemon.sip)
    async with Phone(phones) as caller, Phone(phones) as agent_phone:
        async with Operator(own_daemon) as operator:
            await bring_calls_up(operator, caller, agent_phone)
            os.kill(own_daemon.pid, signal.SIGTERM)
            await asyncio.sleep(SECOND_SIGNAL_AFTER_S)
        await own_daemon.stop()
        await own_daemon.start()
        async with Operator(own_daemon) as operator:
            await check_agents(operator)
            await check_places(operator, caller, agent_phone)
            await check_ended(operator)


async def check_ended(operator: Operator) -> None:
    """The calls that the stop ended are on record as that."""
    for number in (TALKING, ORDINARY):
        rows = await operator.found(f"/v1/history?caller={number}&end_cause=shutdown", "calls")
        assert len(rows) == 1, [row["outcome"] for row in rows]


async def test_kill_9_with_a_torn_journal_keeps_agents_and_places(own_daemon: Daemon) -> None:
    phones = PhoneSettings(own_daemon.sip)
    async with Phone(phones) as caller, Phone(phones) as agent_phone:
        async with Operator(own_daemon) as operator:
            await bring_calls_up(operator, caller, agent_phone)
            await own_daemon.kill()
        await asyncio.to_thread(tear, own_daemon.var / "journal")
        await own_daemon.start()
        async with Operator(own_daemon) as operator:
            await check_agents(operator)
            await check_places(operator, caller, agent_phone)
        await check_replay(own_daemon)


def tear(journal: Path) -> None:
    """Leave the journal as a crash in the middle of a write does: its last line begun once more, without its end."""
    file = max(journal.glob("*.jsonl"))
    written = file.read_bytes()
    last = written.splitlines(keepends=True)[-1]
    with file.open("ab") as out:
        out.write(last[:-TORN_BYTES])
