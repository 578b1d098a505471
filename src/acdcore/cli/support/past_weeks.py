"""The calls of past weeks: from the running daemon's reports, or from the journal."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import groupby
from statistics import fmean

from pydantic import TypeAdapter

from acdcore.cli.support.http_client import Daemon
from acdcore.cli.support.recorded_day import JournalLocation, recording_of
from acdcore.control.reports import QueueVisitReport
from acdcore.kernel.errors import SettingsError, Unavailable
from acdcore.planning import patience
from acdcore.planning.patience import Wait
from acdcore.planning.recorded import RecordedContact
from acdcore.queues.inputs import LeaveCause
from acdcore.reports.formulas import Count, Figure
from acdcore.reports.grouping import Interval
from acdcore.storage.journal.files import segment_files

DAY_S = 86_400
DAYS_ASKED = 7
"""Days of one request: a week in quarters of an hour is some hundred kB for each queue."""


@dataclass(frozen=True, slots=True)
class Window:
    """The past days that a forecast is made from."""

    first: date
    """The first day."""
    until: date
    """The day after the last."""
    queue: str
    """Only this queue; "" for all together."""
    interval_s: int
    """Length of an interval, seconds."""
    zone: tzinfo | None
    """The zone in which days begin; None: this machine's."""

    def midnight(self, day: date) -> datetime:
        """When a day begins."""
        return datetime.combine(day, time(), self.zone) if self.zone else datetime.combine(day, time()).astimezone()

    def place(self, at: datetime) -> tuple[date, int]:
        """The day and the number of the interval that a moment belongs to, in local time."""
        local = at.astimezone(self.zone)
        return local.date(), (local.hour * 3_600 + local.minute * 60) // self.interval_s

    def empty_day(self) -> list[float]:
        """Counts of a day without a call."""
        return [0.0] * (DAY_S // self.interval_s)


@dataclass(frozen=True, slots=True)
class Past:
    """Calls of past days. Days without any call are left out, because the daemon may not have run."""

    counts: Mapping[date, Sequence[float]]
    """Calls in each interval of each day."""
    handling_s: float | None
    """Mean talk and wrap-up, seconds; None when no call was answered."""
    patience_s: float
    """Mean patience, seconds; infinite when it is not known."""


def from_daemon(daemon: Daemon, window: Window) -> Past:
    """Ask the daemon for queue visits by quarters of an hour. Its reports do not contain the patience."""
    counts: defaultdict[date, list[float]] = defaultdict(window.empty_day)
    handled, handling_s = 0, 0.0
    for since, until in weeks(window):
        query = {
            "from": window.midnight(since).isoformat(),
            "to": window.midnight(until).isoformat(),
            "interval": Interval.QUARTER_HOUR.value,
            "first_call_days": "1",
        }
        if window.queue:
            query["queue"] = window.queue
        report = TypeAdapter(QueueVisitReport).validate_json(daemon.ask("GET", "/v1/reports/queues", query))
        for line in report.rows:
            if line.began_at is not None:
                day, interval = window.place(line.began_at)
                counts[day][interval] += line.counts[Count.OFFERED.value]
        handled += report.total.counts[Count.HANDLED.value]
        mean_s = report.total.figures[Figure.AVERAGE_HANDLING_S.value] or 0.0
        handling_s += mean_s * report.total.counts[Count.HANDLED.value]
    return Past(counts, handling_s / handled if handled else None, math.inf)


def weeks(window: Window) -> Iterator[tuple[date, date]]:
    """The window, divided into weeks."""
    since = window.first
    while since < window.until:
        until = min(since + timedelta(days=DAYS_ASKED), window.until)
        yield since, until
        since = until


def from_journal(place: JournalLocation, window: Window) -> Past:
    """Read the calls of recorded days; raises Unavailable when there are none."""
    counts: dict[date, Sequence[float]] = {}
    contacts: list[RecordedContact] = []
    directory = place.path()
    try:
        files = [file for file in segment_files(directory) if window.first <= file.day < window.until]
    except OSError as error:
        raise SettingsError(str(directory), "", f"cannot be read: {error.strerror}") from error
    for day, segments in groupby(files, key=lambda file: file.day):
        recording = recording_of([file.path for file in segments], day, window.zone)
        of_day = [one for one in recording.contacts if window.queue in ("", one.arrival.queue)]
        hours = window.empty_day()
        for contact in of_day:
            hours[min(int(contact.arrival.at) // window.interval_s, len(hours) - 1)] += 1.0
        if of_day:
            counts[day] = hours
        contacts += of_day
    if not counts:
        raise Unavailable(f"{directory} has no calls between {window.first} and {window.until}")
    talks = [one.talk.talk_s + one.talk.wrap_up_s for one in contacts if one.talk is not None]
    waits = [Wait(one.waited_s, one.gave_up is LeaveCause.HUNG_UP) for one in contacts]
    return Past(counts, fmean(talks) if talks else None, patience.fit(waits).mean_s)
