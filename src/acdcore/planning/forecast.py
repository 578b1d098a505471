"""Calls to expect on a day, from past days of the same weekday; recent weeks count more, holidays are left out.

The day's total is the weighted mean of the totals. Its course over the day is the weighted mean of the courses, so a
busy week changes the level and not the shape.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from acdcore.planning.day import DAY_S

MAX_WEEKS = 26
"""Half a year: older days belong to another season."""
HALF_LIFE_WEEKS = 4.0
"""After this many weeks a day counts half."""


class ForecastError(ValueError):
    """The past has too few usable days."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect on a day."""

    day: date
    calls: tuple[float, ...]
    """Expected calls in each interval."""
    spread: float
    """Weighted standard deviation of past totals / their mean: the typical deviation from the forecast, as a share."""
    days: int
    """Number of past days used."""


def counts(calls: Iterable[datetime], zone: tzinfo, interval_s: int = 1_800) -> dict[date, tuple[float, ...]]:
    """Calls by local day and interval of the local clock, for `forecast`; days without a call are absent.

    Raises ValueError when the intervals do not fill a day.
    """
    if interval_s < 60 or DAY_S % interval_s:
        raise ValueError(f"intervals of {interval_s} s do not fill a day; take 900, 1800 or 3600")
    found: dict[date, list[float]] = {}
    for at in calls:
        local = at.astimezone(zone)
        day = found.setdefault(local.date(), [0.0] * int(DAY_S // interval_s))
        day[(local.hour * 3_600 + local.minute * 60 + local.second) // interval_s] += 1.0
    return {day: tuple(intervals) for day, intervals in sorted(found.items())}


def forecast(past: Mapping[date, Sequence[float]], day: date, holidays: frozenset[date] = frozenset()) -> Forecast:
    """The forecast for `day` from the counts by interval of `past` days.

    `holidays` are left out of the past. If `day` is a holiday itself, only past holidays count, of any weekday. Raises
    ForecastError when no past day counts, or when their intervals differ in number.
    """
    weights = {
        past_day: 0.5 ** ((day - past_day).days / 7.0 / HALF_LIFE_WEEKS)
        for past_day in past
        if _counts(past_day, day, holidays)
    }
    if not weights:
        kind = "holiday" if day in holidays else f"{day:%A} that is no holiday"
        raise ForecastError(f"no {kind} within {MAX_WEEKS} weeks before {day} is known")
    if len({len(past[past_day]) for past_day in weights}) > 1:
        raise ForecastError("past days are counted in intervals of different lengths; count all with one interval")
    in_all = sum(weights.values())
    totals = {past_day: sum(past[past_day]) for past_day in weights}
    level = sum(weight * totals[past_day] for past_day, weight in weights.items()) / in_all
    shape = _shape([(weight, past[past_day], totals[past_day]) for past_day, weight in weights.items()])
    variance = sum(weight * (totals[past_day] - level) ** 2 for past_day, weight in weights.items()) / in_all
    spread = variance**0.5 / level if level else 0.0
    return Forecast(day, tuple(level * share for share in shape), spread, len(weights))


def _counts(past_day: date, day: date, holidays: frozenset[date]) -> bool:
    if not 0 < (day - past_day).days <= 7 * MAX_WEEKS:
        return False
    if day in holidays or past_day in holidays:
        return day in holidays and past_day in holidays
    return past_day.weekday() == day.weekday()


def _shape(days: Sequence[tuple[float, Sequence[float], float]]) -> list[float]:
    """Share of the day's calls in each interval; all 0 when there were no calls."""
    heard = [(weight, counts, total) for weight, counts, total in days if total > 0]
    in_all = sum(weight for weight, _, _ in heard)
    return [
        sum(weight * counts[interval] / total for weight, counts, total in heard) / in_all if heard else 0.0
        for interval in range(len(days[0][1]))
    ]
