"""Sticky agents: the agent who talked to the caller last is rung first, unless on a break."""

from pathlib import Path

import pytest
from bench.daemon import Daemon
from tests.wire.hotline import ORDINARY, password_of
from tests.wire.journeys import KEPT_FOR_S, LOYAL
from tests.wire.sipp_phone import SippPhone, calling
from tests.wire.softphone import Account, Softphone, agents_phone
from tests.wire.test_wire_call import require
from tests.wire.tones import AGENT_HZ, CALLER_HZ, OUTSIDE_HZ, SYSTEM_HZ
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire

OTHER_AGENT_HZ = OUTSIDE_HZ
"""The second agent's voice, so that the caller hears who it is; no external number is called here."""


async def talk(caller: SippPhone, agent: Softphone) -> None:
    """The agent answers when rung, and both hear each other."""
    await agent.until("incoming")
    await agent.do("answer")
    assert await agent.ear.hear(SYSTEM_HZ["whisper-call"], 5)
    assert await agent.ear.hear(CALLER_HZ, 10)
    assert await caller.ear.hear(agent.account.tone_hz, 5)


async def part(caller: SippPhone, agent: Softphone) -> None:
    """The agent hangs up, and with that the caller."""
    await agent.do("hang_up")
    await caller.parted()


async def test_caller_who_calls_again_reaches_the_same_agent_or_another_one_while_that_agent_is_on_a_break(
    daemon: Daemon, operator: Operator, tmp_path: Path
) -> None:
    require("baresip", "baresip-python")
    other_account = Account("1002", password_of("1002"), str(daemon.sip), "udp", OTHER_AGENT_HZ)
    async with (
        agents_phone("baresip_agent.py", daemon, "1001") as known,
        Softphone("baresip_agent.py", other_account) as other,
    ):
        await known.do("register")
        await other.do("register")
        await operator.make_ready("1001")
        async with calling(tmp_path, daemon.sip, LOYAL, ORDINARY, CALLER_HZ) as caller:
            await talk(caller, known)
            await operator.make_ready("1002")  # idle from now on
            await part(caller, known)
        await operator.becomes("1001", "ready")

        async with calling(tmp_path, daemon.sip, LOYAL, ORDINARY, CALLER_HZ) as caller:
            known.ear.forget()
            await talk(caller, known)
            await part(caller, known)
        rung = [told["agent"] for kind, told in operator.events if kind == "agent_offered"]
        assert rung == ["1001", "1001"], "who is idle longer is left alone"

        await operator.becomes("1001", "ready")
        await operator.order("1001", "not_ready", reason="lunch")
        async with calling(tmp_path, daemon.sip, LOYAL, ORDINARY, CALLER_HZ) as caller:
            await talk(caller, other)
            assert not await caller.ear.hear(AGENT_HZ, 0.1)
            await part(caller, other)
    records = [await operator.nth("call_ended", number) for number in (1, 2, 3)]
    assert [record["agent"] for record in records] == ["1001", "1001", "1002"]
    assert {record["outcome"] for record in records} == {"answered"}
    assert max(float(str(record["wait_s"])) for record in records) < KEPT_FOR_S, "no caller waited for an absent agent"
