"""Regions: the region and the place of a caller's number, for routing and for the agent's screen.

    the operator's prefixes     the longest that the number begins with, as in `guangdong = ["+8620", "+86755"]`
    the operator's places       the city of a Chinese number, then its province, or the country of any other
    neither                     unknown

The package `phonenumbers` reads the ways of writing a number (national, 00, +, a gateway's zero), after ITU-T E.164 and
each country's numbering plan.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

from acdcore.calls.numbers.chinese_numbers import CHINA, chinese_cities
from acdcore.numbering.plan import NumberingPlan

CHINA_CODE = 86
"""Country calling code."""
PLACES_KEPT_MAX = 10_000
"""Numbers whose place is remembered: a busy day's callers, about 3 MB."""


@dataclass(frozen=True, slots=True)
class RegionSettings:
    """The section `[regions.NAME]`: beginnings of numbers, and names of places."""

    prefixes: tuple[str, ...] = ()
    """Beginnings of numbers, in any way of writing them."""
    places: tuple[str, ...] = ()
    """Provinces and cities in Chinese, or countries by their ISO 3166-1 codes."""


class Regions:
    """The regions and places of numbers; after construction only the cache changes."""

    def __init__(
        self, prefixes: Mapping[str, Sequence[str]], names: Mapping[str, Sequence[str]], country: str = CHINA
    ) -> None:
        """Take the operator's tables.

        `prefixes` are beginnings of numbers by region, written with a plus or as they are dialled in `country`;
        `names` are places by region: provinces ("广东"), cities ("深圳"), and countries by their ISO 3166-1 codes
        ("HK"). The first call in a process takes a tenth of a second, for the table of cities. Raises ValueError, which
        names it, for a prefix or a place that does not exist or that two regions claim, and for an unknown country;
        Unavailable when the table of cities cannot be read.
        """
        if country not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"there is no country {country} in the numbering plan")
        plan = NumberingPlan(country)
        self._country = country
        self._cities = chinese_cities()
        self._prefixes = _claims((region, plan.beginning(text)) for region, texts in prefixes.items() for text in texts)
        self._names = _claims((region, self._name(text)) for region, texts in names.items() for text in texts)
        self._lengths = sorted({len(prefix) for prefix in self._prefixes}, reverse=True)
        self._home = lru_cache(PLACES_KEPT_MAX)(self._find)

    def of(self, number: str) -> str:
        """The region of the number; "" when no region claims it, or it is no number."""
        return self._home(number)[0]

    def place(self, number: str) -> str:
        """The place of the number, for the screen: "广东深圳", "北京", another country's code; "" when unknown."""
        return self._home(number)[1]

    def remembered(self) -> int:
        """Numbers in the cache, at most `PLACES_KEPT_MAX`."""
        return self._home.cache_info().currsize

    def _find(self, number: str) -> tuple[str, str]:
        """Region and place."""
        try:
            parsed = phonenumbers.parse(number, self._country)
        except phonenumbers.NumberParseException:
            return "", ""
        country = (phonenumbers.is_valid_number(parsed) and phonenumbers.region_code_for_number(parsed)) or ""
        national = phonenumbers.national_significant_number(parsed)
        place = self._cities.of(national) if parsed.country_code == CHINA_CODE else ()
        beginning = f"+{parsed.country_code}{national}"
        claimed = (self._prefixes.get(beginning[:length]) for length in self._lengths)
        named = (self._names.get(name) for name in (*reversed(place), country))
        region = next((region for region in (*claimed, *named) if region is not None), "")
        return region, "".join(place) or (country if country != self._country else "")

    def _name(self, text: str) -> str:
        """A place as the table has it."""
        if text in phonenumbers.SUPPORTED_REGIONS:
            return text
        name = self._cities.named(text)
        if name is None:
            raise ValueError(f'{text!r} is no Chinese province or city, nor a country\'s code; write it as in "深圳"')
        return name


def _claims(claims: Iterator[tuple[str, str]]) -> dict[str, str]:
    """The region by its prefixes or places. Raises ValueError when two regions claim the same."""
    regions: dict[str, str] = {}
    for region, claimed in claims:
        if regions.setdefault(claimed, region) != region:
            raise ValueError(f"{claimed} belongs to {regions[claimed]} and to {region}; leave it to one of them")
    return regions
