"""Offers as a stranger's SIP stack sends them: late and never answered, and beside ISUP."""

from pathlib import Path

import pytest
from bench.daemon import Daemon
from tests.wire.hotline import ORDINARY, SERVICE
from tests.wire.sipp_caller import Sipp
from tests.wire.tones import MUSIC_HZ
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire


async def test_late_offer_without_an_answer_is_hung_up_on_at_once(
    operator: Operator, daemon: Daemon, tmp_path: Path
) -> None:
    async with Sipp(tmp_path, daemon.sip, SERVICE, ORDINARY, "late_offer") as caller:
        assert await caller.finished(15) == 0, "the BYE comes without being waited for"
        ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["ended_by"], ended["queued_at"]) == ("refused_request", "system", None)


async def test_offer_beside_isup_is_served_and_heard(operator: Operator, daemon: Daemon, tmp_path: Path) -> None:
    async with Sipp(tmp_path, daemon.sip, SERVICE, ORDINARY, "with_isup") as caller:
        assert await caller.ear.hear(MUSIC_HZ, 10)
        await operator.hang_up_all()
        assert await caller.finished(15) == 0
        assert (await operator.ended(caller=ORDINARY))["queue"] == "service"
