"""The machine's clock is set while calls are up: what is written goes by it, and nothing happens because of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.calls.call_centre import BOTH_TOLD_S, MORNING, SALES, SERVICE_LINE, CallCentre, Plan, opened

from acdcore.calls.model.commands import LiveAgentState
from acdcore.calls.model.rows import WorkRow
from acdcore.calls.routing_rules import QueueRules
from acdcore.daemon.timekeeping import Timed, Timekeeper, keep_seen, load_trust
from acdcore.daemon.watch import look_once
from acdcore.ivr.calendars.file import load_calendars
from acdcore.ivr.calendars.opening_hours import CalendarName
from acdcore.kernel.clock_watch import ClockReading, ClockTrust
from acdcore.kernel.errors import Outcome
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.settings import DispatcherSettings
from acdcore.storage.journal.files import segment_files
from acdcore.storage.journal.journal import DiskJournal, JournalSettings, last_state
from acdcore.work.model import CameDue, WorkId, WorkItem, WorkKind, WorkState

pytestmark = pytest.mark.looptime

LEAPS = [timedelta(hours=1), timedelta(hours=24), timedelta(hours=-1), timedelta(hours=-24)]


@dataclass
class Kept:
    """A call centre whose clocks are watched."""

    centre: CallCentre
    keeper: Timekeeper
    segments: list[float]
    suspended_s: float = 0.0

    def reading(self) -> ClockReading:
        """All clocks now."""
        return ClockReading(self.centre.clock.now(), self.centre.clock.wall(), self.suspended_s)

    def set(self, by: timedelta, *, is_noticed: bool = True) -> None:
        """Somebody sets the clock; the watch looks within a second."""
        self.centre.clock.ahead += by
        if is_noticed:
            look_once(self.centre.context.event_log.alarms, (self.keeper.look,))

    def alarms(self) -> dict[str, str]:
        """What is raised, by name."""
        return {alarm.kind.name: alarm.detail for alarm in self.centre.context.event_log.alarms.raised()}


@asynccontextmanager
async def kept(plan: Plan | None = None) -> AsyncIterator[Kept]:
    """A call centre with a timekeeper."""
    async with opened(plan or Plan()) as centre:
        segments: list[float] = []
        timed = Timed(centre.context, centre.switchboard, lambda: segments.append(centre.clock.now()))
        first = ClockReading(centre.clock.now(), centre.clock.wall())
        kept: Kept
        keeper = Timekeeper(timed, ClockTrust(first, None), first, lambda: kept.reading())
        kept = Kept(centre, keeper, segments)
        yield kept


def callback(centre: CallCentre, due_in: timedelta) -> WorkItem:
    """A callback for later."""
    wall = centre.clock.wall()
    return WorkItem(WorkId("W1"), WorkKind.CALLBACK, SALES, "13900000001", wall, next_at=wall + due_in)


@pytest.mark.parametrize("by", LEAPS)
async def test_record_of_a_call_goes_by_the_right_time_and_keeps_its_distances(by: timedelta) -> None:
    async with kept() as site:
        centre = site.centre
        caller = centre.caller("13800000001")
        await centre.pass_time(0.1)
        caller.call(SERVICE_LINE)
        await centre.pass_time(20)
        queued_at = centre.live().view.queued_at
        site.set(by)
        assert queued_at is not None
        assert centre.live().view.queued_at == queued_at + by
        arrived_at = centre.live().view.arrived_at
        assert arrived_at - MORNING - by == pytest.approx(timedelta(seconds=0.1), abs=timedelta(seconds=0.1))
        caller.hang_up()
        await centre.pass_time(1)
        row = centre.cdr()
        assert row.arrived_at == arrived_at
        assert row.wait_s == pytest.approx(20, abs=0.2)
        assert (row.ended_at - row.arrived_at).total_seconds() == pytest.approx(20, abs=0.2)
        assert site.segments == [centre.clock.now() - 1]


@pytest.mark.parametrize("by", LEAPS)
@pytest.mark.parametrize("is_noticed", [True, False])
async def test_callback_is_neither_dialled_nor_given_up_by_a_leap(by: timedelta, is_noticed: bool) -> None:
    plan = Plan()
    async with kept(replace(plan, book=replace(plan.book, expire_after_s=20_000.0))) as site:
        centre = site.centre
        item = centre.operations.request_callback(callback(centre, timedelta(hours=2)))
        await centre.pass_time(600)
        site.set(by, is_noticed=is_noticed)
        centre.context.callback_scheduler.handle(CameDue())
        await centre.pass_time(1)
        (waiting,) = centre.context.callback_scheduler.open_items()
        assert waiting.state is WorkState.WAITING
        site.set(timedelta())
        await centre.pass_time(7_200 - 600 - 10)
        (waiting,) = centre.context.callback_scheduler.open_items()
        assert waiting.state is WorkState.WAITING
        await centre.pass_time(20)
        (queued,) = centre.context.callback_scheduler.open_items()
        assert queued.state is WorkState.QUEUED
        assert queued.created_at == MORNING + by
        centre.operations.end_work(item.id, WorkState.DONE, "staff")
        await centre.pass_time(1)


@pytest.mark.parametrize("by", LEAPS)
async def test_talk_wrap_up_and_registration_do_not_notice(by: timedelta) -> None:
    async with kept() as site:
        centre = site.centre
        agent, caller = await centre.seat("1001"), centre.caller("13800000001")
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        site.set(by)
        await centre.pass_time(5)
        assert centre.state("1001") is LiveAgentState.TALKING
        caller.hang_up()
        await centre.pass_time(4)
        site.set(-by)
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        await centre.pass_time(5)
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        await centre.pass_time(2)
        assert centre.state("1001") is LiveAgentState.READY
        assert centre.cdr().outcome is Outcome.ANSWERED


async def test_opening_hours_follow_a_clock_that_was_set_within_a_minute_and_at_once_when_it_is_seen(
    tmp_path: Path,
) -> None:
    file = tmp_path / "calendars.toml"
    file.write_text('[calendars.shop]\ntimezone = "UTC"\nmon = ["09:00-17:00"]\n', "utf-8")
    shop = load_calendars(file)[CalendarName("shop")]
    async with kept(Plan(calendars={"shop": shop}, around={SALES: QueueRules(calendar="shop")})) as site:
        centre = site.centre
        assert is_open(centre) is False
        site.set(timedelta(hours=2), is_noticed=False)
        await centre.pass_time(61)
        assert is_open(centre) is True
        site.set(timedelta())
        site.set(timedelta(hours=-2))
        assert is_open(centre) is False


def is_open(centre: CallCentre) -> bool:
    """The inputs of the dispatcher about sales."""
    return {view.queue: view.is_open for view in centre.context.acd.queues()}[SALES]


async def test_alarm_says_by_how_much_the_clock_went_and_for_how_long_the_machine_was_suspended() -> None:
    async with kept() as site:
        site.suspended_s = 7_200.0
        site.set(timedelta(hours=2))
        assert site.alarms() == {
            "clock_set": "the machine's clock went +7200 s at once; the machine was suspended for 7200 s of it"
        }
        site.set(timedelta(days=400))
        assert "clock_doubted" in site.alarms()
        site.set(timedelta(days=-400))
        assert "clock_doubted" not in site.alarms()


async def test_items_of_a_right_clock_are_not_moved_when_this_machines_clock_is_put_right() -> None:
    async with kept() as site:
        centre, bench = site.centre, site.centre.context.callback_scheduler
        true = MORNING + timedelta(days=3)
        item = replace(callback(centre, timedelta()), created_at=true, next_at=true + timedelta(hours=1))
        bench.restore([row_of(item)], timedelta(days=-3))
        site.set(timedelta(days=3))
        (waiting,) = bench.open_items()
        assert (waiting.created_at, waiting.next_at) == (item.created_at, item.next_at)
        bench.restore([row_of(replace(item, id=WorkId("W2"), number="13900000002"))], timedelta(days=400))
        assert bench.open_items()[1].created_at == true + timedelta(days=400)
        for work in ("W1", "W2"):
            centre.operations.end_work(WorkId(work), WorkState.CANCELLED, "staff")
        await centre.pass_time(1)


async def test_appointment_stays_at_its_time_of_day_unless_the_clock_is_wrong() -> None:
    async with kept() as site:
        centre, bench = site.centre, site.centre.context.callback_scheduler
        at = MORNING + timedelta(hours=30)
        centre.operations.request_callback(replace(callback(centre, timedelta()), next_at=None, at=at))
        site.suspended_s = 7_200.0
        site.set(timedelta(hours=2))  # the machine slept
        assert [item.at for item in bench.open_items()] == [at]
        site.set(timedelta(days=400))  # a mistake
        (item,) = bench.open_items()
        assert (item.state, item.at) == (WorkState.WAITING, at + timedelta(days=400))
        site.set(timedelta(days=-400))
        assert [item.at for item in bench.open_items()] == [at]
        centre.operations.end_work(item.id, WorkState.CANCELLED, "staff")
        await centre.pass_time(1)


def row_of(item: WorkItem) -> WorkRow:
    """The item as the last run left it."""
    return WorkRow(item.id, 1, item.created_at, item)


def test_time_that_was_believed_is_known_at_the_next_start(tmp_path: Path) -> None:
    class Ahead:
        """A machine whose clock is a year ahead."""

        def now(self) -> float:
            return 1.0

        def wall(self) -> datetime:
            return MORNING + timedelta(days=365)

    assert load_trust(tmp_path, Ahead()).doubt(ClockReading(1.0, Ahead().wall())) == ""  # nothing is known
    keep_seen(tmp_path, MORNING)
    reading = ClockReading(1.0, Ahead().wall())
    assert "ahead" in load_trust(tmp_path, Ahead()).doubt(reading)
    (tmp_path / "clock-seen").write_text("rubbish", "ascii")
    assert load_trust(tmp_path, Ahead()).doubt(reading) == ""


async def test_journal_goes_on_in_a_segment_of_the_right_time_and_a_clock_in_doubt_deletes_none(tmp_path: Path) -> None:
    async with opened() as centre:
        dispatcher = Dispatcher(DispatcherSettings())
        old = JournalSettings(tmp_path, UTC, is_clock_right=lambda: False)
        with DiskJournal(old, dispatcher, centre.clock):
            pass
        centre.clock.ahead = timedelta(days=400)
        with DiskJournal(old, dispatcher, centre.clock) as journal:
            assert journal.wait_durable(5)
            await centre.pass_time(5)
            centre.clock.ahead = timedelta()
            journal.clock_set()
            assert journal.wait_durable(5)
        days = sorted((each.began_wall - MORNING).days for each in segment_files(tmp_path))
        assert days == [0, 0, 400]
        state = last_state(tmp_path, not_after=MORNING + timedelta(hours=1))
        assert state is not None and state.ended_wall < MORNING + timedelta(days=1)


@pytest.mark.parametrize("by", LEAPS)
async def test_boards_tell_for_how_long_agents_have_been_what_they_are_after_a_leap_too(by: timedelta) -> None:
    async with kept() as site:
        centre = site.centre
        await centre.seat("1001")
        centre.operations.agents()
        await centre.pass_time(10)
        shown = {agent.agent: centre.clock.wall() - agent.since for agent in centre.operations.agents()}
        site.set(by)
        assert {agent.agent: centre.clock.wall() - agent.since for agent in centre.operations.agents()} == shown


@pytest.mark.parametrize("by", LEAPS)
async def test_recording_during_which_the_clock_was_set_lies_within_its_call(by: timedelta) -> None:
    async with kept(Plan(is_recorded=True)) as site:
        centre = site.centre
        agent = await centre.seat("1001")
        caller = centre.caller("13800000001")
        await centre.talk(agent, caller)
        site.set(by)
        caller.hang_up()
        await centre.pass_time(1)
        call = centre.cdr()
        (recording,) = centre.history.recording_rows.values()
        assert call.arrived_at < recording.started_at < call.ended_at
