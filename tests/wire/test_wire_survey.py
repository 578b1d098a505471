"""The survey after the talk: heard, answered by key, and on record for the agent and the queue."""

from pathlib import Path

import pytest
from bench.daemon import Daemon
from tests.wire.hotline import ORDINARY
from tests.wire.journeys import RATED
from tests.wire.sipp_phone import SippPhone, calling
from tests.wire.softphone import Softphone, agents_phone
from tests.wire.test_wire_call import require
from tests.wire.tones import AGENT_HZ, CALLER_HZ, SHIPPED_HZ
from tests.wire.watch import Facts, Operator

pytestmark = pytest.mark.wire

SAYS = SHIPPED_HZ["survey"]


async def talk(operator: Operator, caller: SippPhone, agent: Softphone) -> None:
    """The agent answers, and both hear each other."""
    await agent.until("incoming")
    await agent.do("answer")
    assert await agent.ear.hear(CALLER_HZ, 10)
    assert await caller.ear.hear(AGENT_HZ, 5)


async def answer_survey(operator: Operator, caller: SippPhone, key: str) -> Facts:
    """Hear the question, press `key`, be thanked; the record of the call."""
    assert await caller.ear.hear(SAYS["satisfaction"], 5)
    caller.press(key)
    assert await caller.ear.hear(SAYS["thanks"], 5)
    await caller.parted()
    return await operator.ended(caller=ORDINARY)


async def check_answer(operator: Operator, ended: Facts, value: str) -> None:
    """It is found by its call, and names whom it is about."""
    (row,) = await operator.found(f"/v1/answers?call_id={ended['call_id']}", "answers")
    assert (row["flow"], row["question"], row["value"], row["agent"], row["queue"]) == (
        *("survey", "satisfaction", value, "1001", "rated"),
    )


async def check_count(operator: Operator, ended: Facts, value: str) -> None:
    """It is counted for the agent and for the queue."""
    for by, of in (("agent", "1001"), ("queue", "rated")):
        path = f"/v1/reports/answers?by={by}&queue=rated&from={str(ended['arrived_at']).replace('+', '%2B')}"
        (figures,) = await operator.rows(path, "questions")
        assert (figures["of"], figures["answers"], figures["values"]) == (of, 1, {value: 1})


async def test_caller_rates_the_agent_who_hung_up(daemon: Daemon, operator: Operator, tmp_path: Path) -> None:
    require("baresip", "baresip-python")
    async with (
        agents_phone("baresip_agent.py", daemon, "1001") as agent,
        calling(tmp_path, daemon.sip, RATED, ORDINARY, CALLER_HZ) as caller,
    ):
        await agent.do("register")
        await operator.make_ready("1001")
        await talk(operator, caller, agent)
        await agent.do("hang_up")
        await operator.becomes("1001", "ready")  # the agent is free while the caller answers
        ended = await answer_survey(operator, caller, "1")
    assert (ended["outcome"], ended["agent"], ended["queue"]) == ("answered", "1001", "rated")
    await check_answer(operator, ended, "satisfied")
    await check_count(operator, ended, "satisfied")


async def test_agents_side_sends_the_caller_to_the_survey(daemon: Daemon, operator: Operator, tmp_path: Path) -> None:
    require("baresip", "baresip-python")
    async with (
        agents_phone("baresip_agent.py", daemon, "1001") as agent,
        calling(tmp_path, daemon.sip, RATED, ORDINARY, CALLER_HZ) as caller,
    ):
        await agent.do("register")
        await operator.make_ready("1001")
        await talk(operator, caller, agent)
        connected = await operator.until("call_connected", caller=ORDINARY)
        await operator.tell("POST", f"/v1/calls/{connected['call_id']}/flow", flow="survey")
        await agent.until("closed")
        ended = await answer_survey(operator, caller, "3")
    assert (ended["outcome"], ended["agent"]) == ("answered", "1001")
    await check_answer(operator, ended, "dissatisfied")
    events = (await operator.stored(ended["call_id"]))["events"]
    assert isinstance(events, list)
    (sent,) = [event["detail"] for event in events if event["kind"] == "sent"]
    assert (sent["target"], sent["by"]) == ("flow:survey", "admin")
