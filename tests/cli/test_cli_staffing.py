"""`acdcore staffing`."""

import csv
import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.cli.journaled_day import CALLERS, DAY, journal_of_a_day
from tests.cli.shell import Shell, Typed
from tests.control.fake_centre import HALF_AN_HOUR, MORNING, SERVICE
from tests.control.served import Served

from acdcore.calls.model.rows import QueueVisitRow
from acdcore.cli.staffing import monday_of, seat_spans, shift_of, window_before
from acdcore.cli.support.past_weeks import Window
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.planning.day import WorkSpan
from acdcore.planning.erlang import Target
from acdcore.planning.staffing import Workload, required_seats

NEXT_WEEK = DAY + timedelta(days=7)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Three recorded Fridays."""
    for weeks in range(3):
        journal_of_a_day(tmp_path / "journal", DAY - timedelta(weeks=weeks))
    return tmp_path / "journal"


def test_seats_follow_the_calls_of_the_same_weekday(journal: Path, tmp_path: Path) -> None:
    export = tmp_path / "week.csv"
    words = ("staffing", "--week", str(NEXT_WEEK), "--journal", str(journal), "--zone", "UTC", "--weeks", "4")
    typed = Typed.of(*words, "--runs", "1", "--export", str(export))
    assert typed.status == 0
    assert typed.err.count("is left out: no ") == 6
    with open(export, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    busy = [row for row in rows if float(row["calls"])]
    assert (rows[0]["day"], len(rows)) == (str(NEXT_WEEK), 48)
    assert [row["from"] for row in busy] == ["08:00", "08:30", "09:00"]
    assert sum(float(row["calls"]) for row in busy) == pytest.approx(CALLERS)
    assert all(float(row["service_level"]) >= 0.8 and int(row["seats"]) >= 4 for row in busy[:2])
    assert "Erlang A" in typed.out
    assert "simulated" in typed.out


def test_json_tells_every_interval_and_whether_the_target_is_met(journal: Path) -> None:
    words = ("staffing", "--week", str(NEXT_WEEK), "--journal", str(journal), "--zone", "UTC", "--json")
    (day,) = json.loads(Typed.of(*words, "--runs", "2").out)["days"]
    assert (day["day"], day["rests_on"], day["check"]["is_met"]) == (str(NEXT_WEEK), 3, True)


def test_shifts_cover_what_is_needed(journal: Path) -> None:
    words = ("staffing", "--week", str(NEXT_WEEK), "--journal", str(journal), "--zone", "UTC", "--runs", "0")
    typed = Typed.of(*words, "--shift", "early=08:00-12:00", "--shift", "night=22:00-06:00")
    lines = [line for line in typed.out.splitlines() if "early" in line or "night" in line or "short of" in line]
    figures = [int(line.split("│")[2]) for line in lines]
    assert figures[0] >= 4
    assert figures[1:] == [0, 0]


def stays_of(day: date, zone: ZoneInfo) -> list[QueueVisitRow]:
    """Twenty answered calls between nine and ten of a local morning."""
    rows = []
    for number in range(20):
        joined_at = datetime(day.year, day.month, day.day, 9, number * 3, tzinfo=zone)
        rows.append(
            QueueVisitRow(
                entry=f"{day}-{number}/1",
                n=1,
                call_id=f"{day}-{number}",
                queue=QueueName("service"),
                channel="call",
                joined_at=joined_at,
                left_at=joined_at + timedelta(seconds=5),
                how="answered",
                waited_s=5.0,
                agent=AgentId("1001"),
                talked_s=200.0,
                wrap_up_s=40.0,
            )
        )
    return rows


async def test_past_calls_come_from_the_daemon_by_the_clock_on_the_wall(shell: Shell, served: Served) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    served.centre.queue_visit_rows = [
        row for weeks in (1, 2) for row in stays_of(NEXT_WEEK - timedelta(weeks=weeks), zone)
    ]
    words = (
        "staffing",
        "--week",
        str(NEXT_WEEK),
        "--zone",
        "Asia/Shanghai",
        "--interval",
        "60",
        "--runs",
        "0",
        "--json",
    )
    told = json.loads((await shell(*words)).out)
    (day,) = told["days"]
    assert told["request"]["handling_s"] == pytest.approx(240.0)
    assert [(row["start"], row["calls"]) for row in day["rows"] if row["calls"]] == [(9 * 3600.0, 20.0)]


async def test_weeks_in_which_nobody_was_answered_ask_for_the_handling_time(shell: Shell) -> None:
    typed = await shell("staffing", "--week", str(NEXT_WEEK))
    assert (typed.status, "give the handling time by --handling" in typed.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--interval", "20"), "take 15, 30 or 60"),
        (("--shift", "early"), "early is not a shift; write early=08:00-12:00"),
        (("--shift", "early=8-12"), "is not a shift"),
        (("--holiday", "xmas"), "xmas is not a day"),
        (("--export", "/nowhere/week.csv"), "cannot be written"),
    ],
)
def test_what_cannot_be_planned_is_one_clear_line(journal: Path, words: tuple[str, ...], problem: str) -> None:
    typed = Typed.of("staffing", "--week", str(NEXT_WEEK), "--journal", str(journal), "--runs", "0", *words)
    assert (typed.status, problem in typed.err.splitlines()[-1]) == (1, True)


def test_seats_are_people_who_are_there_when_they_are_needed() -> None:
    rows = required_seats(Workload((30.0, 60.0, 0.0, 30.0), 1_800.0, 0.0, 120.0), Target())
    seats = seat_spans(rows, 1_800.0)
    there = [sum(span.start <= row.start < span.end for spans in seats for span in spans) for row in rows]
    assert there == [row.seats for row in rows]
    assert seats[0] == (WorkSpan(0.0, 3_600.0), WorkSpan(5_400.0, 7_200.0))


def test_night_shift_ends_on_the_next_day() -> None:
    assert shift_of("night=22:00-06:00").spans == (WorkSpan(79_200.0, 108_000.0),)
    assert shift_of("split=08:00-12:00,13:00-17:30").spans == (
        WorkSpan(28_800.0, 43_200.0),
        WorkSpan(46_800.0, 63_000.0),
    )


def test_past_ends_before_the_planned_week() -> None:
    assert monday_of(date(2026, 11, 22)) == date(2026, 11, 16)
    window = window_before(date(2020, 1, 6), 2, "", 30, "UTC")
    assert (window.first, window.until) == (date(2019, 12, 23), date(2020, 1, 6))


def test_hour_that_comes_twice_is_counted_in_one_interval() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    window = Window(date(2026, 10, 25), date(2026, 10, 26), "", 1_800, berlin)
    first, second = (datetime(2026, 10, 25, 2, 40, tzinfo=berlin, fold=fold) for fold in (0, 1))
    assert window.place(first) == window.place(second) == (date(2026, 10, 25), 5)


def a_busy_hour(served: Served) -> None:
    """Forty calls of a minute each, the last half an hour ago."""
    stay = QueueVisitRow(
        entry="call-0/1",
        n=1,
        call_id="call-0",
        queue=SERVICE,
        channel="call",
        joined_at=MORNING - HALF_AN_HOUR,
        left_at=MORNING - HALF_AN_HOUR,
        how="answered",
        waited_s=5.0,
        agent=AgentId("1001"),
        talked_s=60.0,
    )
    served.centre.queue_visit_rows = [replace(stay, entry=f"call-{number}/1") for number in range(40)]


async def test_release_tells_the_advice_and_what_it_rests_on(served: Served, shell: Shell) -> None:
    a_busy_hour(served)
    typed = await shell("staffing", "--release", "1", "--queue", "service")
    assert (typed.status, typed.err) == (0, "")
    for fact in (
        "service, 1 waiting; target 80% within 10 s",
        "40 calls an hour, 60 s each, nobody gave up",
        "40 calls here, 0 in other queues, 40 talks",
        "0 of 1 agents stay; the target asks for 2: too few",
        "without end",
        "the coming half hour",
    ):
        assert fact in typed.out
    fields = json.loads((await shell("staffing", "--release", "1", "--queue", "service", "--json")).out)
    assert (fields["agents"], fields["is_advisable"]) == (1, False)


async def test_release_by_few_calls_is_called_a_guess(served: Served, shell: Shell) -> None:
    a_busy_hour(served)
    typed = await shell("staffing", "--release", "1", "--queue", "service", "--minutes", "60", "--target", "0.5")
    assert "target 50% within 10 s" in typed.out
    served.centre.queue_visit_rows = served.centre.queue_visit_rows[:3]
    typed = await shell("staffing", "--release", "1", "--queue", "service")
    assert "few contacts (3) and talks (3) of the last 60 minutes" in typed.err


async def test_release_that_cannot_be_planned_says_why(served: Served, shell: Shell) -> None:
    a_busy_hour(served)
    typed = await shell("staffing", "--release", "2", "--queue", "service")
    assert (typed.status, typed.err.strip()) == (1, "acdcore: 1 agents are at work in this queue; 2 cannot go")
    assert "by --queue" in (await shell("staffing", "--release", "2")).err
    assert "by --week" in (await shell("staffing")).err
