"""Hours in virtual time: who hears what of a queue's hours, to the second: calendar, word, clock changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.calls.call_centre import MORNING, SALES, SERVICE, CallCentre, Plan, opened

from acdcore.calls.model.commands import LiveHours
from acdcore.calls.model.events import OpeningHoursChanged
from acdcore.calls.model.ports import ForcedHours
from acdcore.calls.routing_rules import QueueRules
from acdcore.ivr.calendars.file import load_calendars
from acdcore.ivr.calendars.opening_hours import Calendar, CalendarName, CalendarShift, OpeningPeriod
from acdcore.ivr.model.flow import CalendarState
from acdcore.kernel.clock import Clock
from acdcore.kernel.ids import QueueName
from acdcore.work.model import WorkId, WorkItem, WorkKind, WorkState

pytestmark = pytest.mark.looptime

HOUR_S = 3_600.0
SHOP_HOURS = """
[calendars.shop]
timezone = "UTC"
mon = ["09:00-12:00", "13:00-17:00"]
tue = ["09:00-17:00"]
"""
"""The call centre opens on a Monday at eight."""


def shop(directory: Path, text: str = SHOP_HOURS) -> Calendar:
    """The calendar as its file says."""
    file = directory / "calendars.toml"
    file.write_text(text, "utf-8")
    return load_calendars(file)[CalendarName("shop")]


def plan(calendar: Calendar) -> Plan:
    """Sales keep these hours; service is always open."""
    return Plan(calendars={"shop": calendar}, around={SALES: QueueRules(calendar="shop")})


def is_open(centre: CallCentre, queue: QueueName) -> bool:
    """What the dispatcher has been told."""
    return {view.queue: view.is_open for view in centre.context.acd.queues()}[queue]


@contextmanager
def heard(centre: CallCentre) -> Iterator[list[tuple[datetime, LiveHours]]]:
    """Every change that is told, with its time."""
    told: list[tuple[datetime, LiveHours]] = []
    leave = centre.bus.subscribe(OpeningHoursChanged, lambda changed: told.append((centre.clock.wall(), changed.hours)))
    yield told
    leave()


async def force(centre: CallCentre, is_forced_open: bool, until: datetime | None = None) -> None:
    """A supervisor's word."""
    await centre.forced.force(ForcedHours("shop", is_forced_open, until, "supervisor", centre.clock.wall()))
    centre.operations.hours_forced()


async def release(centre: CallCentre) -> None:
    """The calendar rules again."""
    await centre.forced.release("shop")
    centre.operations.hours_forced()


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    """A time on a day of the test."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


async def test_queue_opens_and_closes_in_the_second_that_the_calendar_says(tmp_path: Path) -> None:
    async with opened(plan(shop(tmp_path))) as centre:
        with heard(centre) as told:
            assert (is_open(centre, SALES), is_open(centre, SERVICE)) == (False, True)
            await centre.pass_time(HOUR_S - 0.5)
            assert not is_open(centre, SALES)
            await centre.pass_time(1)
            assert is_open(centre, SALES)
            await centre.pass_time(24 * HOUR_S)
            assert [(when, hours.state) for when, hours in told] == [
                (at(9), "open"),
                (at(12), "closed"),
                (at(13), "open"),
                (at(17), "closed"),
                (at(9, day=3), "open"),
            ]
        assert is_open(centre, SERVICE)


async def test_change_that_is_told_says_what_comes_next_and_for_whom(tmp_path: Path) -> None:
    async with opened(plan(shop(tmp_path))) as centre:
        with heard(centre) as told:
            await centre.pass_time(HOUR_S + 1)
            assert told[0][1] == LiveHours("shop", "open", "", "", at(12), None, (SALES,))


async def test_word_to_open_holds_until_its_time_and_then_the_calendar_rules(tmp_path: Path) -> None:
    async with opened(plan(shop(tmp_path))) as centre:
        with heard(centre) as told:
            await force(centre, True, at(8, 30))
            assert is_open(centre, SALES)
            (live,) = centre.operations.hours()
            assert (live.state, live.forced_by, live.until) == ("open", "supervisor", at(8, 30))
            await centre.pass_time(1_799)
            assert is_open(centre, SALES)
            await centre.pass_time(2)
            assert not is_open(centre, SALES)
            (live,) = centre.operations.hours()
            assert (live.state, live.forced_by, live.until) == ("closed", None, at(9))
            assert [(when, hours.state) for when, hours in told] == [(at(8), "open"), (at(8, 30), "closed")]


async def test_word_that_ends_while_the_calendar_says_the_same_changes_nothing(tmp_path: Path) -> None:
    async with opened(plan(shop(tmp_path))) as centre:
        with heard(centre) as told:
            await force(centre, True, at(10))
            await centre.pass_time(3 * HOUR_S)
            assert is_open(centre, SALES)
            assert [hours.state for _, hours in told] == ["open"]


async def test_word_to_close_goes_before_the_calendar_until_it_is_taken_back(tmp_path: Path) -> None:
    async with opened(plan(shop(tmp_path))) as centre:
        await force(centre, False)
        await centre.pass_time(2 * HOUR_S)
        assert not is_open(centre, SALES)
        await release(centre)
        assert is_open(centre, SALES)


async def test_route_asks_for_the_same_moment_as_the_queue(tmp_path: Path) -> None:
    async with opened(plan(shop(tmp_path))) as centre:
        hours, calendar = centre.context.hours, centre.context.rules.calendars["shop"]
        assert hours.moment(calendar).state is CalendarState.CLOSED
        await force(centre, True, at(8, 30))
        assert hours.moment(calendar).state is CalendarState.OPEN
        await centre.pass_time(1_801)
        assert hours.moment(calendar).state is CalendarState.CLOSED
        await centre.pass_time(1_800)
        assert hours.moment(calendar).state is CalendarState.OPEN


async def test_other_calendar_of_the_same_name_counts_at_once(tmp_path: Path) -> None:
    async with opened(plan(shop(tmp_path))) as centre:
        hours, rules = centre.context.hours, centre.context.rules
        assert not is_open(centre, SALES)
        earlier = shop(tmp_path, SHOP_HOURS.replace('mon = ["09:00', 'mon = ["07:00'))
        hours.follow(replace(rules, calendars={"shop": earlier}))
        assert hours.moment(earlier).state is CalendarState.OPEN
        assert is_open(centre, SALES)
        hours.follow(replace(rules, queues={**rules.queues, SALES: QueueRules()}))
        await force(centre, False)
        assert is_open(centre, SALES)  # it keeps no hours any more


class SetClock:
    """A wall clock that somebody sets."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = timedelta()

    def now(self) -> float:
        return self._clock.now()

    def wall(self) -> datetime:
        return self._clock.wall() + self.ahead


async def test_clock_that_is_set_is_noticed_within_the_hour(tmp_path: Path) -> None:
    async with opened(plan(shop(tmp_path))) as centre:
        hours = centre.context.hours
        clock = SetClock(centre.clock)
        hours._clock = clock
        await force(centre, False, at(8, 0, day=9))  # nothing changes for a week
        clock.ahead = timedelta(days=8, hours=2)
        await centre.pass_time(HOUR_S + 1)
        assert is_open(centre, SALES)  # Tuesday eleven o'clock
        clock.ahead = timedelta()  # and back: what was found for later does not hold for before
        await release(centre)
        await centre.pass_time(1)
        assert hours.moment(centre.context.rules.calendars["shop"]).next_change_at == at(12)


async def test_callbacks_wait_while_their_queue_is_closed_and_come_when_it_opens(tmp_path: Path) -> None:
    async with opened(plan(shop(tmp_path))) as centre:
        item = WorkItem(WorkId("W1"), WorkKind.CALLBACK, SALES, "13900000001", centre.clock.wall())
        centre.operations.request_callback(item)
        await centre.pass_time(HOUR_S - 1)
        assert [one.state for one in centre.context.callback_scheduler.open_items()] == [WorkState.WAITING]
        await centre.pass_time(2)
        assert [one.state for one in centre.context.callback_scheduler.open_items()] == [WorkState.QUEUED]
        await force(centre, False)
        assert [one.state for one in centre.context.callback_scheduler.open_items()] == [WorkState.WAITING]
        centre.operations.end_work(item.id, WorkState.CANCELLED, "staff")
        await centre.pass_time(1)


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        (date(2026, 3, 28), datetime(2026, 3, 28, 8, 0, tzinfo=UTC)),  # winter: 9 o'clock in Berlin is 8 in UTC
        (date(2026, 3, 29), datetime(2026, 3, 29, 7, 0, tzinfo=UTC)),  # the night lost an hour
        (date(2026, 10, 24), datetime(2026, 10, 24, 7, 0, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 8, 0, tzinfo=UTC)),  # the night had an hour more
    ],
)
async def test_nine_o_clock_is_nine_on_the_wall_also_after_the_clocks_change(day: date, opens: datetime) -> None:
    week = tuple((OpeningPeriod(9 * 60, 17 * 60),) for _ in range(7))
    calendar = Calendar(CalendarName("shop"), ZoneInfo("Europe/Berlin"), week)
    async with opened(plan(calendar)) as centre:
        clock = SetClock(centre.clock)
        clock.ahead = datetime(day.year, day.month, day.day, 0, 0, tzinfo=UTC) - MORNING
        centre.context.hours._clock = clock
        centre.context.hours.look()
        await centre.pass_time((opens - clock.wall()).total_seconds() - 1)
        assert not is_open(centre, SALES)
        await centre.pass_time(2)
        assert is_open(centre, SALES)


async def test_shift_that_changes_while_open_is_told_and_closes_nothing() -> None:
    week = tuple((OpeningPeriod(0, 24 * 60),) for _ in range(7))
    night = CalendarShift("night", tuple((OpeningPeriod(20 * 60, 32 * 60),) for _ in range(7)))
    calendar = Calendar(CalendarName("shop"), ZoneInfo("UTC"), week, shifts=(night,))
    async with opened(plan(calendar)) as centre:
        with heard(centre) as told:
            await centre.pass_time(24 * HOUR_S)
            assert [(when.hour, hours.state, hours.shift) for when, hours in told] == [
                (20, "open", "night"),
                (8, "open", ""),
            ]
        assert is_open(centre, SALES)
