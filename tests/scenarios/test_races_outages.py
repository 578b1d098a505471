"""Races against what fails: a lost BYE, the database away, the daemon gone in the middle of a ring; with ladders.

| also | where |
|---|---|
| a lost BYE that is repeated | `scenarios/test_sip_ladders`: `lost_bye` |
| a session timer between two endpoints | `scenarios/test_sip_ladders`: `session_timer` |
| an unplugged phone | `calls/agents/test_calls_phone_probe` |
| a real database that stops and starts | `storage/spool/test_storage_drainer`: `outage`, `server_killed` |
| a journal torn off anywhere | `queues/journal/test_queues_journal`, `storage/journal/test_storage_journal` |
| a daemon killed with calls up | `wire/test_wire_crash` |
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.calls.call_centre import (
    BOTH_TOLD_S,
    MORNING,
    ORDINARY,
    SERVICE,
    SERVICE_LINE,
    VIP,
    CallCentre,
    Plan,
    opened,
    password,
)
from tests.scenarios.ladders import ANSWERED, QUEUED, RUNG, ladder, played

from acdcore.calls.model.commands import LiveAgentState
from acdcore.calls.model.ports import Spool
from acdcore.kernel.clock import Clock
from acdcore.queues.decisions import Decision
from acdcore.queues.inputs import Input
from acdcore.queues.journal.lines import Header, open_segment, write, write_header
from acdcore.queues.journal.resume import resume
from acdcore.queues.settings import DispatcherSettings, QueueSettings
from acdcore.storage.spool import rows
from acdcore.storage.spool.spool import DiskSpool

LATE = "13700000003"
"""Somebody who did not wait before the restart."""
AFTER_RESTART = [
    "  0.000 third > acd: INVITE sdp",
    "  0.001 acd > third: 100 Trying (INVITE)",
    "  0.001 acd > third: 200 OK (INVITE) sdp",
    "  0.002 third > acd: ACK",
    "  1.000 other > acd: INVITE sdp",
    "  1.001 acd > other: 100 Trying (INVITE)",
    "  1.001 acd > other: 200 OK (INVITE) sdp",
    "  1.002 other > acd: ACK",
    "  2.000 caller > acd: INVITE sdp",
    "  2.001 acd > caller: 100 Trying (INVITE)",
    "  2.001 acd > caller: 200 OK (INVITE) sdp",
    "  2.002 caller > acd: ACK",
    "  3.000 acd > 1001: INVITE sdp",
    "  3.001 1001 > acd: 100 Trying (INVITE)",
    "  3.001 1001 > acd: 180 Ringing (INVITE)",
    "  4.000 1001 > acd: 200 OK (INVITE) sdp",
    "  4.001 acd > 1001: ACK",
    "  8.000 third > acd: BYE",
    "  8.000 other > acd: BYE",
    "  8.000 caller > acd: BYE",
    "  8.001 acd > third: 200 OK (BYE)",
    "  8.001 acd > other: 200 OK (BYE)",
    "  8.001 acd > caller: 200 OK (BYE)",
    "  8.001 acd > 1001: BYE",
    "  8.002 1001 > acd: 200 OK (BYE)",
]
"""Who waited first is served first, though calling last."""
QUEUE = QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0)
ON_DISK_WITHIN_S = 5.0
"""Of real time; a tenth of a second is usual."""


def test_bye_of_a_caller_that_is_lost_is_made_up_for_by_the_silence() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        centre.cable.unplugged.add(caller.address)
        caller.hang_up()
        await centre.pass_time(10)
        centre.engine.fall_silent(centre.leg(centre.live(), "caller").stream)
        await centre.pass_time(21)
        assert not agent.is_up
        assert centre.state("1001") is LiveAgentState.WRAP_UP

    one = played(race)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        "  5.000 caller x acd: BYE",
        "  5.500 caller x acd: BYE",
        "  6.500 caller x acd: BYE",
        "  8.500 caller x acd: BYE",
        " 12.500 caller x acd: BYE",
        " 16.500 caller x acd: BYE",
        " 20.500 caller x acd: BYE",
        " 24.500 caller x acd: BYE",
        " 28.500 caller x acd: BYE",
        " 32.500 caller x acd: BYE",
        " 35.000 acd x caller: BYE",
        " 35.000 acd > 1001: BYE",
        " 35.001 1001 > acd: 200 OK (BYE)",
        " 35.500 acd x caller: BYE",
        " 36.500 caller x acd: BYE",
        " 36.500 acd x caller: BYE",
        " 38.500 acd x caller: BYE",
        " 42.500 acd x caller: BYE",
        " 46.500 acd x caller: BYE",
        " 50.500 acd x caller: BYE",
        " 54.500 acd x caller: BYE",
        " 58.500 acd x caller: BYE",
        " 62.500 acd x caller: BYE",
        " 66.500 acd x caller: BYE",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 connected 1001",
            "  4.0 bridged",
            " 35.0 media_lost caller no_sign_of_life",
            " 35.0 ended answered system no_sign_of_life",
        ],
    ]


def test_bye_of_a_caller_whose_audio_goes_on_is_made_up_for_by_the_session_timer() -> None:
    async def race(centre: CallCentre) -> None:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE, session_expires_s=90)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        centre.cable.unplugged.add(caller.address)
        caller.hang_up()
        await centre.pass_time(90)
        assert not agent.is_up

    one = played(race)
    assert one.arrived == [
        *ANSWERED,
        *RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        " 60.001 acd > 1001: BYE",
        " 60.002 1001 > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 connected 1001",
            "  4.0 bridged",
            " 60.0 media_lost caller timer",
            " 60.0 ended answered system timer",
        ],
    ]


class Away:
    """A database that is away: rows stay in the spool until somebody delivers them."""

    def __init__(self, directories: Iterator[Path], held: ExitStack) -> None:
        self._directories = directories
        self._held = held
        self.spools: list[DiskSpool] = []

    def spool(self, clock: Clock) -> Spool:
        """A spool of its own for each run."""
        self.spools.append(self._held.enter_context(DiskSpool(next(self._directories), clock)))
        return self.spools[-1]

    def come_back(self, centre: CallCentre) -> int:
        """Deliver everything; the connection breaks once before anything is confirmed. How many rows that were."""
        spool, count = self.spools[-1], 0
        assert spool.wait_durable(ON_DISK_WITHIN_S)
        batch, is_broken = spool.next_batch(), True
        while batch is not None:
            for line in batch.lines:
                centre.history.append(rows.parse(line).row)
            if not is_broken:
                count += len(batch.lines)
                spool.confirm(batch)
            batch, is_broken = spool.next_batch(), False
        return count


def test_database_that_is_away_for_minutes_stops_no_call_and_gets_each_row_once(tmp_path: Path) -> None:
    with ExitStack() as held:
        away = Away(iter((tmp_path / "once", tmp_path / "again")), held)

        async def race(centre: CallCentre) -> None:
            agent, caller, other = await centre.seat("1001"), centre.caller(VIP), centre.caller(ORDINARY)
            await centre.talk(agent, caller)
            await centre.pass_time(300)
            other.call(SERVICE_LINE)
            await centre.pass_time(60)
            caller.hang_up()
            await centre.pass_time(11)
            agent.answer()
            await centre.pass_time(60)
            other.hang_up()
            await centre.pass_time(60)
            assert centre.history.cdrs == {}
            backlog = away.spools[-1].backlog()
            assert backlog.dropped == 0
            assert away.come_back(centre) == backlog.rows
            assert away.spools[-1].backlog().rows == 0
            assert [row.outcome.value for row in centre.cdrs()] == ["answered", "answered"]
            agents = [(row.agent, row.serial) for row in centre.history.agent_events]
            assert agents == sorted(set(agents))

        one = played(race, Plan(spool=away.spool))
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  1.000 1001 > acd: 200 OK (INVITE) sdp",
        "  1.001 acd > 1001: ACK",
        "305.000 other > acd: INVITE sdp",
        "305.001 acd > other: 100 Trying (INVITE)",
        "305.001 acd > other: 200 OK (INVITE) sdp",
        "305.002 other > acd: ACK",
        "365.000 caller > acd: BYE",
        "365.001 acd > caller: 200 OK (BYE)",
        "365.001 acd > 1001: BYE",
        "365.002 1001 > acd: 200 OK (BYE)",
        "375.001 acd > 1001: INVITE sdp",
        "375.002 1001 > acd: 100 Trying (INVITE)",
        "375.002 1001 > acd: 180 Ringing (INVITE)",
        "376.000 1001 > acd: 200 OK (INVITE) sdp",
        "376.001 acd > 1001: ACK",
        "436.000 other > acd: BYE",
        "436.001 acd > other: 200 OK (BYE)",
        "436.001 acd > 1001: BYE",
        "436.002 1001 > acd: 200 OK (BYE)",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            "  1.0 connected 1001",
            "  4.0 bridged",
            "365.0 ended answered caller bye",
        ],
        [
            *QUEUED,
            " 70.0 offered 1001 service",
            " 71.0 connected 1001",
            " 74.0 bridged",
            "131.0 ended answered caller bye",
        ],
    ]
    assert one.queue_visits == ["service answered 1001", "service answered 1001"]


def test_restart_while_a_phone_rings_gives_those_who_call_again_their_places() -> None:
    journal: list[str] = []

    def note(at: float, fed: Input, decisions: list[Decision]) -> None:
        journal.append(f"{write(at, fed, decisions)}\n")

    plan = Plan(queues=(QUEUE,), journal=note)

    async def race(centre: CallCentre) -> None:
        journal.clear()
        journal.append(f"{write_header(Header(MORNING, 0.0, DispatcherSettings(plan.queues)))}\n")
        agent, first, second = await centre.seat("1001"), centre.caller(VIP), centre.caller(ORDINARY)
        first.call(SERVICE_LINE)
        await centre.pass_time(4)
        second.call(SERVICE_LINE)
        await centre.pass_time(6)
        assert agent.rings
        left = resume(open_segment(journal))  # the daemon is gone: nothing that happens from here on was written
        first.hang_up()
        second.hang_up()
        await centre.pass_time(1)
        async with opened(replace(plan, lost=left.places, journal=None)) as after:
            phone, first, second, late = after.employ("1001"), *(after.caller(who) for who in (VIP, ORDINARY, LATE))
            phone.register(password("1001"))
            for caller in (late, second, first):
                caller.call(SERVICE_LINE)
                await after.pass_time(1)
            assert after.context.agents.restore(left.agents) == 1
            await after.pass_time(1)
            assert phone.invite is not None
            assert phone.invite.request.from_.uri.username == VIP
            phone.answer()
            await after.pass_time(BOTH_TOLD_S + 1)
            for caller in (late, second, first):
                caller.hang_up()
            await after.pass_time(1)
            assert ladder(after) == AFTER_RESTART

    one = played(race, plan)
    assert one.ladder == [
        *ANSWERED,
        *RUNG,
        "  4.000 other > acd: INVITE sdp",
        "  4.001 acd > other: 100 Trying (INVITE)",
        "  4.001 acd > other: 200 OK (INVITE) sdp",
        "  4.002 other > acd: ACK",
        " 10.000 caller > acd: BYE",
        " 10.000 other > acd: BYE",
        " 10.001 acd > caller: 200 OK (BYE)",
        " 10.001 acd > 1001: CANCEL",
        " 10.001 acd > 1001: INVITE sdp",
        " 10.001 acd > other: 200 OK (BYE)",
        " 10.002 1001 > acd: 200 OK (CANCEL)",
        " 10.002 1001 > acd: 487 Request Terminated (INVITE)",
        " 10.002 1001 > acd: 100 Trying (INVITE)",
        " 10.002 1001 > acd: 180 Ringing (INVITE)",
        " 10.003 acd > 1001: ACK",
        " 10.003 acd > 1001: CANCEL",
        " 10.004 1001 > acd: 200 OK (CANCEL)",
        " 10.004 1001 > acd: 487 Request Terminated (INVITE)",
        " 10.005 acd > 1001: ACK",
    ]
    assert one.histories == [
        [
            *QUEUED,
            "  0.0 offered 1001 service",
            " 10.0 offer_ended 1001 withdrawn",
            " 10.0 ended abandoned_queue caller bye",
        ],
        [
            *QUEUED,
            "  6.0 offered 1001 service",
            "  6.0 offer_ended 1001 withdrawn",
            "  6.0 ended abandoned_queue caller bye",
        ],
    ]
