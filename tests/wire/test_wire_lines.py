"""All lines are taken: the announcement first, then 503, or a redirection; each call is on record."""

from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Dialled, Phone, PhoneSettings
from tests.wire.hotline import SERVICE, hotline
from tests.wire.parties import dial_in
from tests.wire.tones import SYSTEM_HZ
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire

CALLERS = [f"1390000010{number}" for number in range(5)]


async def test_callers_beyond_the_lines_hear_so_and_then_are_refused(open_directory: Path) -> None:
    settings = hotline(open_directory / "few-lines", 5999, "limit = 2\nreserve = 1")
    async with Daemon(settings) as daemon, Operator(daemon) as operator, Phone(PhoneSettings(daemon.sip)) as phone:
        up = [await dial_in(phone, SERVICE, number) for number in CALLERS[:2]]
        announced = await dial_in(phone, SERVICE, CALLERS[2])
        with pytest.raises(Dialled) as refused:
            await phone.call(SERVICE, CALLERS[3])
        assert refused.value.status == 503
        assert refused.value.headers["Retry-After"].isdigit()
        assert await announced.ear.hear(SYSTEM_HZ["lines-busy"], 5)
        assert await announced.gone() == "bye"
        for number in CALLERS[2:4]:
            stored = (await operator.stored((await operator.ended(caller=number))["call_id"]))["cdr"]
            assert isinstance(stored, dict)
            assert (stored["outcome"], stored["caller"]) == ("refused_capacity", f"+86{number}")
        up[0].call.hang_up()
        await operator.ended(caller=CALLERS[0])
        await dial_in(phone, SERVICE, CALLERS[4])

    redirecting = hotline(
        open_directory / "few-lines",
        5999,
        'limit = 1\nwhen_full = "redirect"\nredirect_to = "sip:95599@192.0.2.7"',
    )
    async with Daemon(redirecting) as daemon, Operator(daemon) as operator, Phone(PhoneSettings(daemon.sip)) as phone:
        await dial_in(phone, SERVICE, CALLERS[0])
        with pytest.raises(Dialled) as redirected:
            await phone.call(SERVICE, CALLERS[1])
        assert redirected.value.status == 302
        assert redirected.value.headers["Contact"] == "<sip:95599@192.0.2.7>"
        ended = await operator.ended(caller=CALLERS[1])
        assert (ended["outcome"], ended["overflowed_to"]) == ("refused_capacity", "external_number:sip:95599@192.0.2.7")
