"""While calls are served the event loop's thread opens no file, resolves no name and starts no process."""

from dataclasses import replace
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.wire.hotline import ORDINARY, SERVICE, hotline
from tests.wire.parties import both_talk, dial_in, pick_up, take_seat
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire

PROGRAM = Path(__file__).with_name("audited.py")
ALLOWED = ("config/", "/proc/", "/dev/")
"""Files that a reload checks on the loop are few and small; what the kernel makes up needs no disk."""


async def test_loop_waits_for_no_disk_and_no_resolver_while_calls_are_served(open_directory: Path) -> None:
    settings = hotline(open_directory / "audited", 5999)
    found = settings.directory / "blocking"
    daemon = Daemon(replace(settings, program=(str(PROGRAM), str(found), "run")))
    async with daemon:
        phones = PhoneSettings(daemon.sip)
        async with Operator(daemon) as operator, Phone(phones) as caller, Phone(phones) as agent_phone:
            assert (await operator.get("/health/live"))["is_alive"]
            await take_seat(operator, agent_phone, "1001")
            party = await dial_in(caller, SERVICE, ORDINARY)
            assert await both_talk(party, await pick_up(agent_phone))
            party.call.hang_up()
            ended = await operator.ended(caller=ORDINARY)
            await operator.until("recording_finished", call_id=ended["call_id"])
            for path in ("/v1/history", "/v1/recordings", "/v1/alarms", "/metrics", "/health/ready", "/v1/engine"):
                await (await operator.client.get(path)).read()
            assert await operator.settle() == {}
            lines = found.read_text().splitlines()
    assert [line for line in lines if not any(part in line for part in ALLOWED)] == []
