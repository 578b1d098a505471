"""Hours: the holiday's greeting, and a supervisor's word that goes before the calendar's."""

from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone
from tests.wire.hotline import GOLD, ORDINARY
from tests.wire.journeys import BY_CALENDAR, HOLIDAY, HOLIDAYS
from tests.wire.parties import dial_in
from tests.wire.sipp_phone import calling
from tests.wire.tones import CALLER_HZ, CLOSED_HZ, HOLIDAY_HZ, MUSIC_HZ
from tests.wire.watch import Facts, Operator

pytestmark = pytest.mark.wire


async def hours(operator: Operator) -> Facts:
    """The calendar now."""
    (calendar,) = [row for row in await operator.rows("/v1/hours", "calendars") if row["calendar"] == HOLIDAYS]
    return calendar


async def test_holiday_is_announced_until_a_supervisor_forces_the_hotline_open(
    daemon: Daemon, operator: Operator, caller: Phone, tmp_path: Path
) -> None:
    async with calling(tmp_path, daemon.sip, BY_CALENDAR, ORDINARY, CALLER_HZ) as early:
        assert await early.ear.hear(HOLIDAY_HZ, 5)
        await early.parted()
    ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["queue"]) == ("closed", None)
    now = await hours(operator)
    assert (now["state"], now["day"], now["forced_by"]) == ("holiday", HOLIDAY, None)

    forced = await operator.tell("PUT", f"/v1/hours/{HOLIDAYS}", is_open=True)
    try:
        assert (forced["state"], forced["forced_by"]) == ("open", "admin")
        assert (await operator.until("hours_changed", calendar=HOLIDAYS))["state"] == "open"
        late = await dial_in(caller, BY_CALENDAR, GOLD)
        assert await late.ear.hear(MUSIC_HZ, 5), "the next caller reaches the queue"
        assert (await operator.until("call_queued", caller=GOLD))["queue"] == "service"
        late.call.hang_up()
        await operator.tell("PUT", f"/v1/hours/{HOLIDAYS}", is_open=False)
        assert (await hours(operator))["state"] == "closed"
        shut = await dial_in(caller, BY_CALENDAR)
        assert await shut.ear.hear(CLOSED_HZ, 5)
        await shut.gone()
    finally:
        await operator.tell("DELETE", f"/v1/hours/{HOLIDAYS}")
    assert (await hours(operator))["state"] == "holiday"
