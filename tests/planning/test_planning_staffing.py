"""Obligations of staffing: enough seats by the formulas, few shifts that cover them, and days that agree."""

import pytest
from tests.planning.scene import REPAIR, SALES, SETTINGS, TALK, agent

from acdcore.planning.day import WorkSpan
from acdcore.planning.erlang import OfferedTraffic, Target, required_agents
from acdcore.planning.release import Present, release
from acdcore.planning.release import present as present_of
from acdcore.planning.staffing import Workload, WorkShift, check, clock_time, cover, render, required_seats, staff
from acdcore.planning.whatif import SERVICE_LEVEL
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentPhoneUp,
    AgentReady,
    CallerJoined,
    EntryId,
    OfferAccepted,
    OfferId,
)

HOUR = 3_600.0
TARGET = Target(0.8, 20.0)
WORKLOAD = Workload((20, 60, 100, 100, 60, 20, 0, 0), HOUR, 8 * HOUR, 180.0, 120.0)
EARLY = WorkShift("early", (WorkSpan(8 * HOUR, 12 * HOUR),))
LATE = WorkShift("late", (WorkSpan(10 * HOUR, 14 * HOUR),))


def test_every_interval_has_the_seats_of_its_formula_and_shrinkage_on_top() -> None:
    rows = required_seats(WORKLOAD, TARGET, shrinkage=0.3)
    assert [row.seats for row in rows] == [
        required_agents(OfferedTraffic(calls, 180.0, 120.0), TARGET) for calls in WORKLOAD.calls
    ]
    assert all(row.scheduled * 0.7 >= row.seats > (row.scheduled - 1) * 0.7 for row in rows if row.seats)
    assert rows[6].scheduled == 0
    assert "10:00" in render(rows)


def test_half_hours_carry_half_the_calls() -> None:
    assert (
        required_seats(Workload((50,), 1_800.0), TARGET)[0].seats
        == required_seats(Workload((100,), HOUR), TARGET)[0].seats
    )


def test_shifts_cover_every_interval_with_nobody_to_spare() -> None:
    rows = required_seats(WORKLOAD, TARGET)
    found = cover(rows, HOUR, [EARLY, LATE])
    assert found.is_complete
    assert all(there >= row.scheduled for there, row in zip(found.present, rows, strict=True))
    for shift in (EARLY, LATE):
        fewer = dict(found.counts) | {shift.name: found.counts[shift.name] - 1}
        present = [
            sum(fewer[each.name] for each in (EARLY, LATE) if each.spans[0].start <= row.start < each.spans[0].end)
            for row in rows
        ]
        assert any(there < row.scheduled for there, row in zip(present, rows, strict=True)), "somebody was not needed"


def test_shift_that_others_make_needless_is_taken_away_again() -> None:
    rows = required_seats(Workload((1, 1, 1, 1), HOUR, 8 * HOUR), TARGET)
    middle = WorkShift("middle", (WorkSpan(9 * HOUR, 11 * HOUR),))
    sides = [WorkShift("left", (WorkSpan(8 * HOUR, 10 * HOUR),)), WorkShift("right", (WorkSpan(10 * HOUR, 12 * HOUR),))]
    found = cover(rows, HOUR, [middle, *sides])
    assert found.is_complete and found.counts["middle"] == 0 and found.idle_share == 0.0


def test_what_shifts_can_not_cover_is_said() -> None:
    rows = required_seats(WORKLOAD, TARGET)
    found = cover(rows, HOUR, [WorkShift("early", EARLY.spans, max_agents=2)])
    assert not found.is_complete and "intervals are short of agents" in found.render()
    assert found.missing[5] == rows[5].scheduled, "nobody is there at 13:00"
    assert cover(rows, HOUR, []).present == (0,) * 8


def test_night_shift_covers_the_small_hours() -> None:
    rows = required_seats(Workload((10, 10), HOUR, 0.0), TARGET)
    night = WorkShift("night", (WorkSpan(22 * HOUR, 30 * HOUR),))
    found = cover(rows, HOUR, [night])
    assert found.is_complete
    assert WorkSpan(0.0, 6 * HOUR) in staff(found.counts, [night])[-1]


def test_simulated_days_agree_with_the_plan_and_see_a_bad_one() -> None:
    rows = required_seats(WORKLOAD, TARGET)
    good = check(WORKLOAD, staff(cover(rows, HOUR, [EARLY, LATE]).counts, [EARLY, LATE]), TARGET, runs=6)
    assert good.is_met and good.service_level.mean > 0.75
    bad = check(WORKLOAD, staff({"early": 3, "late": 3}, [EARLY, LATE]), TARGET, runs=6)
    assert "target met" in good.render() and "target missed" in bad.render()
    assert not bad.is_met and bad.abandonment.mean > good.abandonment.mean


def test_bad_shrinkage_is_refused() -> None:
    with pytest.raises(ValueError, match="shrinkage"):
        required_seats(WORKLOAD, TARGET, shrinkage=1.0)


def test_clock_goes_on_after_midnight() -> None:
    assert (clock_time(9 * HOUR + 1_800), clock_time(25 * HOUR)) == ("09:30", "01:00")


# ---- release ------------------------------------------------------------------------------------------------------


def present(ready: int = 2, talking: int = 10, waiting: int = 0) -> Present:
    return Present((30.0,) * waiting, ready, talking, OfferedTraffic(200, 180, 120), TARGET)


def test_releasing_agents_costs_service_now_and_later() -> None:
    found = release(present(), 3, runs=15)
    assert found.before.service_level > found.after.service_level
    row = found.soon.row("all", SERVICE_LEVEL)
    assert row.difference.mean < 0 and row.difference.is_sure
    assert "9 agents stay; the target asks for 12: too few" in found.render()
    assert not found.is_advisable and found.required == 12
    assert release(present(ready=8), 3, runs=2).is_advisable


def test_those_who_wait_now_are_in_the_coming_half_hour() -> None:
    waiting, none = release(present(0, 12, waiting=12), 1, runs=8), release(present(0, 12), 1, runs=8)
    level = SERVICE_LEVEL
    assert waiting.soon.row("all", level).baseline.mean < none.soon.row("all", level).baseline.mean


def test_nobody_can_release_more_than_there_are() -> None:
    for count in (0, 13):
        with pytest.raises(ValueError, match="12 agents"):
            release(present(), count)


def test_dispatcher_shows_who_waits_who_is_ready_and_who_works() -> None:
    dispatcher = Dispatcher(SETTINGS)
    for number in (1001, 1002):
        who = agent(number, TALK).settings
        for event in (AgentPhoneUp(who.agent), AgentLoggedIn(who), AgentReady(who.agent)):
            dispatcher.handle(event, 10.0)
    dispatcher.handle(AgentLoggedIn(agent(1003, REPAIR).settings), 10.0)
    for number in range(4):
        dispatcher.handle(CallerJoined(EntryId(str(number)), SALES), 20.0)
    dispatcher.handle(OfferAccepted(OfferId(1)), 25.0)
    found = present_of(dispatcher.snapshot(30.0), SETTINGS.queues[0], OfferedTraffic(10, 60), TARGET)
    assert (found.waited_s, found.ready, found.talking) == ((10.0, 10.0), 1, 1)
