"""`acdcore staffing`: agents to schedule in a coming week, from the calls of past weeks; or who may go now."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from acdcore.cli.support.console import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    KeyFileOption,
    UrlOption,
    plain_errors,
    print_warning,
    show,
    show_json,
)
from acdcore.cli.support.http_client import DaemonAddress, daemon_at
from acdcore.cli.support.past_weeks import Past, Window, from_daemon, from_journal
from acdcore.cli.support.recorded_day import BadArgument, JournalLocation, JournalOption, ZoneOption, day_of, zone_of
from acdcore.cli.support.release import PlannedRelease, print_release
from acdcore.control.settings import Right
from acdcore.kernel.errors import SettingsError
from acdcore.planning import staffing as staffing_model
from acdcore.planning.day import DAY_S, WorkSpan
from acdcore.planning.erlang import Target
from acdcore.planning.forecast import MAX_WEEKS, ForecastError, forecast
from acdcore.planning.staffing import Check, Cover, Requirement, Workload, WorkShift, clock_time

WEEK_DAYS = 7
WeekOption = Annotated[str, typer.Option("--week", help="A day of the week to plan: 2026-11-30, today.")]
ReleaseOption = Annotated[
    int | None,
    typer.Option(
        "--release", min=1, metavar="N", help="Instead of a plan: what becomes of --queue if N agents leave it now."
    ),
]
MinutesOption = Annotated[
    int,
    typer.Option(
        "--minutes", min=5, max=1_440, help="With --release: minutes of past calls that the demand is taken from."
    ),
]
FromJournalOption = Annotated[
    bool,
    typer.Option(
        "--from-journal/--from-queue-visits", help="Take past calls from the journal's files, not from the daemon."
    ),
]
TargetOption = Annotated[
    float, typer.Option("--target", min=0.01, max=0.99, help="Share of calls to be answered in time.")
]
WithinOption = Annotated[float, typer.Option("--within", min=0, help="Seconds that count as in time.")]
OccupancyOption = Annotated[
    float, typer.Option("--max-occupancy", min=0.1, max=1, help="Highest occupancy of the agents, 0 to 1.")
]
IntervalOption = Annotated[int, typer.Option("--interval", help="Length of an interval in minutes: 15, 30 or 60.")]
ShrinkageOption = Annotated[
    float,
    typer.Option(
        "--shrinkage", min=0, max=0.9, help="Share of the scheduled time lost to breaks, training and sickness."
    ),
]
PatienceOption = Annotated[
    float | None,
    typer.Option("--patience", min=1, help="Mean patience of callers in seconds; without it as learnt from a journal."),
]
HandlingOption = Annotated[
    float | None, typer.Option("--handling", min=1, help="Mean seconds of talk and wrap-up; without it as learnt.")
]
WeeksOption = Annotated[int, typer.Option("--weeks", min=1, max=MAX_WEEKS, help="Weeks to look back.")]
HolidayOption = Annotated[
    list[str] | None, typer.Option("--holiday", help="A day to forecast unlike its weekday; may be repeated.")
]
ShiftOption = Annotated[
    list[str] | None,
    typer.Option("--shift", metavar="NAME=TIMES", help="Such as early=08:00-12:00,13:00-17:00; may be repeated."),
]
RunsOption = Annotated[
    int, typer.Option("--runs", min=0, max=100, help="Simulated days that check each planned day; 0: none.")
]
ExportOption = Annotated[Path | None, typer.Option("--export", help="Write every interval to this CSV file.")]


@dataclass(frozen=True, slots=True)
class StaffingRequest:
    """What the command line asks for: the target and the assumptions of a plan."""

    target: Target
    shrinkage: float
    interval_s: int
    handling_s: float
    """Mean talk and wrap-up, seconds."""
    patience_s: float
    """Mean patience, seconds; infinite means Erlang C, else Erlang A."""
    shifts: tuple[WorkShift, ...]
    runs: int
    """Simulated days that check each planned day; 0: none."""


@dataclass(frozen=True, slots=True)
class DayPlan:
    """The plan for one day."""

    day: date
    rests_on: int
    """Number of past days that the forecast is made from."""
    spread: float
    """How far a day may differ from the forecast, as a share of it."""
    rows: tuple[Requirement, ...]
    """One requirement for each interval, in order."""
    check: Check | None
    """The result of the simulated days with these agents; None when none were asked for."""
    cover: Cover | None
    """How many agents work each shift; None without shifts."""


def staffing(
    week: WeekOption = "",
    release: ReleaseOption = None,
    minutes: MinutesOption = 60,
    queue: Annotated[str, typer.Option("--queue", help="Only this queue; without it all queues as one.")] = "",
    from_journal: FromJournalOption = False,
    target: TargetOption = 0.8,
    within: WithinOption = 20.0,
    max_occupancy: OccupancyOption = 1.0,
    interval: IntervalOption = 30,
    shrinkage: ShrinkageOption = 0.0,
    patience: PatienceOption = None,
    handling: HandlingOption = None,
    weeks: WeeksOption = 8,
    holiday: HolidayOption = None,
    shift: ShiftOption = None,
    runs: RunsOption = 5,
    export: ExportOption = None,
    zone: ZoneOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    journal: JournalOption = None,
    url: UrlOption = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how many agents each interval of a week needs, from the calls of past weeks.

    The forecast takes the same weekday; recent weeks count more. The number of agents comes from Erlang A where the
    patience is known (a journal, or --patience), else from Erlang C. Simulated days with the real dispatcher check it.

    With --release: asks the daemon what the next half hour and the long run would be if agents left the queue now,
    from the calls of the last hour (--minutes).
    """
    with plain_errors():
        if release is not None:
            if not queue:
                raise BadArgument("name the queue that agents are released from by --queue")
            going = PlannedRelease(queue, release, minutes, target)
            print_release(daemon_at(DaemonAddress(config, url, key_file), Right.READ), going, as_json)
            return
        if not week:
            raise BadArgument("name a day of the week to plan by --week, or how many go now by --release")
        monday = monday_of(day_of(week))
        holidays = frozenset(day_of(word) for word in holiday or ())
        window = window_before(monday, weeks, queue, interval, zone)
        past = past_calls(
            window,
            DaemonAddress(config, url, key_file),
            JournalLocation(config, journal),
            from_journal or bool(journal),
        )
        request = StaffingRequest(
            target=Target(target, within, max_occupancy),
            shrinkage=shrinkage,
            interval_s=window.interval_s,
            handling_s=known_handling(handling, past),
            patience_s=patience or past.patience_s,
            shifts=tuple(shift_of(word) for word in shift or ()),
            runs=runs,
        )
        days = plan_days(monday, past, holidays, request)
        if export is not None:
            write_csv(export, days)
    if as_json:
        show_json({"request": request, "days": days})
    else:
        print_plan(days, request)


def past_calls(window: Window, address: DaemonAddress, place: JournalLocation, is_from_journal: bool) -> Past:
    """Past calls, from the journal or from the daemon."""
    return from_journal(place, window) if is_from_journal else from_daemon(daemon_at(address, Right.READ), window)


def plan_days(monday: date, past: Past, holidays: frozenset[date], request: StaffingRequest) -> tuple[DayPlan, ...]:
    """The days with a forecast; raises BadArgument for a target that no number of agents meets."""
    days = []
    for day in (monday + timedelta(days=number) for number in range(WEEK_DAYS)):
        try:
            expected = forecast(past.counts, day, holidays)
        except ForecastError as error:
            print_warning(f"{day:%a %Y-%m-%d} is left out: {error}")
            continue
        workload = Workload(expected.calls, request.interval_s, 0.0, request.handling_s, request.patience_s)
        try:
            rows = staffing_model.required_seats(workload, request.target, request.shrinkage)
        except ValueError as error:
            raise BadArgument(f"{day}: {error}") from error
        check = None
        if request.runs:
            check = staffing_model.check(workload, seat_spans(rows, request.interval_s), request.target, request.runs)
        cover = staffing_model.cover(rows, request.interval_s, request.shifts) if request.shifts else None
        days.append(DayPlan(day, expected.days, expected.spread, rows, check, cover))
    return tuple(days)


def seat_spans(rows: Sequence[Requirement], interval_s: float) -> list[tuple[WorkSpan, ...]]:
    """The times at which each of the required agents is on duty."""
    seats = []
    for number in range(1, max((row.seats for row in rows), default=0) + 1):
        spans: list[WorkSpan] = []
        for row in rows:
            if row.seats < number:
                continue
            end = row.start + interval_s
            if spans and spans[-1].end == row.start:
                spans[-1] = WorkSpan(spans[-1].start, end)
            else:
                spans.append(WorkSpan(row.start, end))
        seats.append(tuple(spans))
    return seats


# ---- words of the command line ------------------------------------------------------------------------------------


def monday_of(day: date) -> date:
    """The Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def window_before(monday: date, weeks: int, queue: str, interval_min: int, zone: str) -> Window:
    """The weeks before a Monday, until today at the latest; raises BadArgument."""
    if interval_min not in (15, 30, 60):
        raise BadArgument(f"an interval of {interval_min} minutes is not known; take 15, 30 or 60")
    until = min(monday, day_of("today"))
    return Window(until - timedelta(weeks=weeks), until, queue, interval_min * 60, zone_of(zone))


def known_handling(given_s: float | None, past: Past) -> float:
    """The mean handling time, given or learnt; raises BadArgument when there is neither."""
    handling_s = given_s or past.handling_s
    if handling_s is None:
        raise BadArgument("nobody was answered in these weeks; give the handling time by --handling, or --weeks")
    return handling_s


def shift_of(word: str) -> WorkShift:
    """`early=08:00-12:00,13:00-17:00`; an end before its start is of the next day. Raises BadArgument."""
    name, _, times = word.partition("=")
    try:
        spans = tuple(span_of(each) for each in times.split(","))
    except ValueError:
        raise BadArgument(f"{word} is not a shift; write early=08:00-12:00,13:00-17:00") from None
    return WorkShift(name, spans)


def span_of(word: str) -> WorkSpan:
    """`08:00-12:00`; raises ValueError."""
    start, end = (seconds_of(each) for each in word.split("-"))
    return WorkSpan(start, end if end > start else end + DAY_S)


def seconds_of(word: str) -> float:
    """`08:30` as seconds since midnight; raises ValueError."""
    hours, minutes = (int(part) for part in word.split(":"))
    if not (0 <= hours <= 24 and 0 <= minutes < 60):
        raise ValueError(word)
    return hours * 3_600.0 + minutes * 60.0


# ---- what is shown ------------------------------------------------------------------------------------------------


def print_plan(days: Sequence[DayPlan], request: StaffingRequest) -> None:
    """The plan, its check and its shifts."""
    if not days:
        return
    model = "Erlang C" if math.isinf(request.patience_s) else f"Erlang A, patience {request.patience_s:.0f} s"
    target = f"{request.target.service_level:.0%} within {request.target.within_s:g} s"
    show(f"calls and agents to schedule for {target}; {model}, handling {request.handling_s:.0f} s")
    show(week_table(days))
    if request.shifts:
        show(shift_table(days, request.shifts))


def week_table(days: Sequence[DayPlan]) -> Table:
    """One row for each interval, one column for each day: `calls: agents`; below them the result of simulated days."""
    table = Table("from")
    for day in days:
        table.add_column(f"{day.day:%a %m-%d}", justify="right")
    for number, row in enumerate(days[0].rows):
        if any(day.rows[number].calls >= 0.05 for day in days):
            table.add_row(clock_time(row.start), *(cell(day.rows[number]) for day in days))
    table.add_section()
    table.add_row("calls", *(f"{sum(row.calls for row in day.rows):.0f} ±{day.spread:.0%}" for day in days))
    if any(day.check for day in days):
        table.add_row("simulated", *(f"{day.check.service_level.mean:.1%}" if day.check else "" for day in days))
        table.add_row("", *("met" if day.check and day.check.is_met else "not met" for day in days))
    return table


def cell(row: Requirement) -> str:
    """`12: 5`, twelve calls and five agents."""
    return f"{row.calls:.0f}: {row.scheduled}" if row.calls >= 0.05 else ""


def shift_table(days: Sequence[DayPlan], shifts: Sequence[WorkShift]) -> Table:
    """One row for each shift, and the intervals that no shift covers."""
    table = Table("shift", *(f"{day.day:%a %m-%d}" for day in days))
    covers = [day.cover for day in days if day.cover is not None]
    for shift in shifts:
        table.add_row(shift.name, *(str(cover.counts[shift.name]) for cover in covers))
    table.add_section()
    table.add_row("short of", *(str(max(cover.missing, default=0)) for cover in covers))
    return table


def write_csv(file: Path, days: Sequence[DayPlan]) -> None:
    """Every interval of every day; raises SettingsError when the file cannot be written."""
    rows = [csv_row(day.day, row) for day in days for row in day.rows]
    try:
        with open(file, "w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(rows[0]) if rows else ["day"])
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise SettingsError(str(file), "", f"cannot be written: {error.strerror}") from error


def csv_row(day: date, row: Requirement) -> Mapping[str, str | int | float]:
    """One line of the file."""
    return {
        "day": day.isoformat(),
        "from": clock_time(row.start),
        "calls": round(row.calls, 2),
        "seats": row.seats,
        "scheduled": row.scheduled,
        "service_level": round(row.expected.service_level, 4),
        "average_wait_s": round(row.expected.average_wait_s, 1),
        "occupancy": round(row.expected.occupancy, 4),
    }
