"""The public holidays of a country by name, and the weekend days that are worked in exchange.

The dates are those of the package `holidays`. For mainland China they include the exchanges that the State Council
announces each November for the year to come, of weekend days against days beside a holiday; later years have the
holidays only, until a newer version of the package knows better or the operator's own table says so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import holidays

YEARS = range(2024, 2051)
"""Years that are computed when a calendar is loaded: 0.1 s and some 500 days a country."""
STRETCH_DAYS_MAX = 16
"""Days before and after a day off that are searched for a name; the longest Chinese holiday had 10 days."""
JOINED_WITH_WEEKENDS = frozenset({"CN"})
"""Countries that announce a holiday together with the adjacent weekend days."""
SHORT_NAMES: Mapping[str, str] = {
    "new-years-day": "new-year",
    "chinese-new-years-eve": "spring-festival",
    "chinese-new-year": "spring-festival",
    "chinese-new-year-extended-holiday": "spring-festival",
    "tomb-sweeping-day": "qingming",
    "labor-day": "labour-day",
    "dragon-boat-festival": "dragon-boat",
    "mid-autumn-festival": "mid-autumn",
}
"""Names that flows are easier to read with."""
_EXCHANGED = "Day off"
"""The beginning of the package's name for a day off in exchange for a worked day."""
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PublicHolidays:
    """A country's days, of all `YEARS`."""

    names: Mapping[date, str]
    """Holidays by date: small letters, digits and hyphens, as in "spring-festival"."""
    makeup_workdays: frozenset[date]
    """Saturdays and Sundays that are worked in exchange."""


def public_holidays(country: str) -> PublicHolidays:
    """The holidays of a country by its ISO 3166-1 code. Raises ValueError when the package does not know it."""
    try:
        known = holidays.country_holidays(country, years=YEARS, language="en_US")
    except NotImplementedError as error:
        raise ValueError(f"there is no country {country} in the table of holidays") from error
    worked = frozenset(known.weekend_workdays)
    named = {day: _short(name) for day, name in known.items()}
    if country in JOINED_WITH_WEEKENDS:
        named |= _weekends_beside(named, worked)
    return PublicHolidays({day: name or _name_beside(day, named) for day, name in named.items()}, worked)


def _short(name: str) -> str:
    """The name for flows; "" for a day without its own name."""
    if name.startswith(_EXCHANGED):
        return ""
    plain = re.sub(r"\(.*?\)|'", "", name.rpartition(";")[2]).strip().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return SHORT_NAMES.get(slug, slug)


def _weekends_beside(named: Mapping[date, str], worked: frozenset[date]) -> dict[date, str]:
    """Weekend days, still without a name, that are adjacent to a holiday directly or through another weekend day."""
    free: dict[date, str] = {}
    for day in named:
        for step in (_ONE_DAY, -_ONE_DAY):
            beside = day + step
            while beside.weekday() >= 5 and beside not in worked and beside not in named:
                free[beside] = ""
                beside += step
    return free


def _name_beside(day: date, named: Mapping[date, str]) -> str:
    """The name of the holiday that a day off extends: the nearest in the same stretch, the earlier of two."""
    for step in (-_ONE_DAY, _ONE_DAY):
        beside = day
        for _ in range(STRETCH_DAYS_MAX):
            beside += step
            if beside not in named:
                break
            if named[beside]:
                return named[beside]
    return ""
