"""Callers with another maker's SIP hang up at each stage, while a talk beside them goes on undisturbed."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone
from tests.wire.hotline import HOTLINE, ORDINARY, SERVICE
from tests.wire.parties import both_talk, dial_in, pick_up, take_seat
from tests.wire.sipp_caller import Sipp
from tests.wire.tones import AGENT_HZ, PROMPT_S
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire

STRANGER = "13900000077"
IN_THE_MENU_S = 2 * PROMPT_S
"""The greeting is over by then; the menu waits four seconds for a key."""


@pytest.mark.parametrize(
    ("scenario", "dialled", "pause_s", "outcomes", "last"),
    [
        # Answered within milliseconds: the CANCEL may cross the 200.
        ("gives_up", HOTLINE, 0.0, ("abandoned_ringing", "abandoned_flow"), ("arrived", "answered", "flow_entered")),
        ("hangs_up", HOTLINE, IN_THE_MENU_S, ("abandoned_flow",), ("flow_entered",)),
        ("hangs_up", SERVICE, 0.5, ("abandoned_queue",), ("queued",)),
    ],
    ids=["before the answer", "in the menu", "while waiting"],
)
async def test_sipp_hanging_up_is_recorded_at_its_stage_and_disturbs_nobody(
    daemon: Daemon,
    operator: Operator,
    caller: Phone,
    agent_phone: Phone,
    tmp_path: Path,
    scenario: str,
    dialled: str,
    pause_s: float,
    outcomes: Sequence[str],
    last: Sequence[str],
) -> None:
    await take_seat(operator, agent_phone, "1001")
    ours = await dial_in(caller, SERVICE, ORDINARY)
    agent = await pick_up(agent_phone)
    assert await both_talk(ours, agent)
    async with Sipp(tmp_path, daemon.sip, dialled, STRANGER, scenario, pause_s) as stranger:
        ended = await operator.ended(caller=STRANGER)
        assert await stranger.finished(5) == 0, (tmp_path / "sipp-errors.log").read_text()
    assert ended["outcome"] in outcomes
    assert ended["ended_by"] == "caller"
    events = (await operator.stored(ended["call_id"]))["events"]
    assert isinstance(events, list)
    assert events[-2]["kind"] in last
    if scenario == "hangs_up" and dialled == HOTLINE:
        assert events[-2]["detail"]["node"] == "hotline.menu"
    ours.ear.forget()
    assert await ours.ear.hear(AGENT_HZ, 2), "our own talk goes on"
    ours.call.hang_up()
    assert (await operator.ended(caller=ORDINARY))["outcome"] == "answered"
