"""Overflow to another site: a second daemon, reached over a SIP trunk, serves the caller of the first."""

from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.wire.hearing import seconds_of
from tests.wire.hotline import ORDINARY, hotline
from tests.wire.journeys import OTHER_SITE
from tests.wire.sipp_phone import SippPhone, calling
from tests.wire.softphone import Softphone, agents_phone
from tests.wire.test_wire_call import LATE_S, channels, require, seconds
from tests.wire.tones import AGENT_HZ, CALLER_HZ, SYSTEM_HZ
from tests.wire.watch import Facts, Operator

from acdcore.kernel.address import Address

pytestmark = pytest.mark.wire

NOWHERE = 5999
"""The second site has no far end of its own."""


def second_site(directory: Path, port: int) -> Daemon:
    """A daemon of its own where the first one's trunk leads to; trunks are reached over UDP."""
    site = Daemon(hotline(directory, NOWHERE, environment={"ACDCORE_SIP__TCP_PORT": "0"}))
    site.sip = Address("127.0.0.1", port)
    return site


async def test_caller_who_waits_too_long_is_served_by_the_other_site(
    daemon: Daemon, operator: Operator, open_directory: Path, far_end_port: int, tmp_path: Path
) -> None:
    require("baresip", "baresip-python")
    async with second_site(open_directory / "site2", far_end_port) as site, Operator(site) as theirs:
        async with (
            agents_phone("baresip_agent.py", site, "1001") as agent,
            calling(tmp_path, daemon.sip, OTHER_SITE, ORDINARY, CALLER_HZ) as caller,
        ):
            await agent.do("register")
            await theirs.make_ready("1001")
            await talk(agent, caller)
            await agent.do("hang_up")
            await caller.parted()
        await check_records(operator, theirs, daemon, site)

        async with Phone(PhoneSettings(daemon.sip)) as phone, agents_phone("baresip_agent.py", site, "1002") as agent:
            await theirs.order("1001", "log_out")
            await agent.do("register")
            await theirs.make_ready("1002")
            call = await phone.call(OTHER_SITE, ORDINARY)
            await agent.until("incoming")
            await agent.do("answer")
            await agent.until("established")
            await theirs.until("call_connected", agent="1002")
            call.hang_up()
            await agent.until("closed")
        assert await theirs.settle() == {}


async def talk(agent: Softphone, caller: SippPhone) -> None:
    """Across both sites each hears the other; the second site says the agent's number to the caller."""
    await agent.until("incoming")
    await agent.do("answer")
    assert await caller.ear.hear(SYSTEM_HZ["agent-number"], 10)
    assert await agent.ear.hear(CALLER_HZ, 5)
    for _ in range(3):  # longer than the recording is asked for below
        assert await caller.ear.hear(AGENT_HZ, 5)


async def check_records(operator: Operator, theirs: Operator, daemon: Daemon, site: Daemon) -> None:
    """The first site has a call that overflowed, the second one an answered call of the same caller; both recorded."""
    here = await operator.ended(caller=ORDINARY)
    there = await theirs.ended(caller=ORDINARY)
    assert (here["outcome"], here["queue"], here["overflowed_to"]) == (
        "overflowed",
        "elsewhere",
        "external_number:95501",
    )
    assert (there["outcome"], there["queue"], there["agent"], there["ended_by"]) == (
        *("answered", "service", "1001", "agent"),
    )
    await operator.reported("elsewhere", here["arrived_at"], offered=1, overflowed=1)
    await theirs.reported("service", there["arrived_at"], offered=1, answered=1)
    assert (await operator.stored(here["call_id"]))["events"]
    await check_recording(operator, daemon.recordings, here)
    await check_recording(theirs, site.recordings, there)


async def check_recording(operator: Operator, directory: Path, ended: Facts) -> None:
    """Caller and agent, each on a side."""
    recorded = await operator.until("recording_finished", call_id=ended["call_id"])
    left, right = channels(directory / str(recorded["path"]))
    assert seconds_of(left, CALLER_HZ) > seconds(left) - LATE_S
    assert seconds_of(right, AGENT_HZ) > 0.3
    assert seconds_of(left, AGENT_HZ) == seconds_of(right, CALLER_HZ) == 0
