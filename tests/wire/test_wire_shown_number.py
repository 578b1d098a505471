"""The number shown on calls out, by the judgement of a carrier that screens it and refuses what is not ours."""

import socket
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from bench.ports import free_port
from tests.wire.hotline import FORWARDED, ORDINARY, hotline
from tests.wire.parties import dial_in
from tests.wire.sipp_phone import ringing
from tests.wire.tones import CALLER_HZ, OUTSIDE_HZ
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire

SCREENS = "carrier_screens"


async def test_forwarded_call_with_a_number_of_ours_satisfies_a_carrier_that_screens(
    open_directory: Path, tmp_path: Path
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    environment = {
        "ACDCORE_TRUNKS__FAR__FORWARDED_SHOWS": "own",
        "ACDCORE_TRUNKS__FAR__ASSERT_BY": "p_asserted_identity",
    }
    async with (
        Daemon(hotline(open_directory / "screened", port, environment=environment)) as daemon,
        Operator(daemon) as operator,
        ringing(tmp_path, port, OUTSIDE_HZ, SCREENS) as outside,
        Phone(PhoneSettings(daemon.sip)) as phone,
    ):
        party = await dial_in(phone, FORWARDED)
        assert await party.ear.hear(OUTSIDE_HZ, 10)
        assert await outside.ear.hear(CALLER_HZ, 5)
        party.call.hang_up()
        await outside.parted()
        assert (await operator.ended(caller=ORDINARY))["outcome"] == "forwarded"
        assert await operator.settle() == {}


async def test_carrier_that_screens_refuses_a_number_of_others(
    daemon: Daemon, operator: Operator, caller: Phone, far_end_port: int, tmp_path: Path
) -> None:
    async with ringing(tmp_path, far_end_port, OUTSIDE_HZ, SCREENS) as outside:
        party = await dial_in(caller, FORWARDED)
        await outside.parted()
        assert await party.gone() == "bye"
    stored = await operator.stored((await operator.ended(caller=ORDINARY))["call_id"])
    assert isinstance(stored["events"], list)
    assert [each["detail"]["status"] for each in stored["events"] if each["kind"] == "dial_failed"] == [403]
