"""Regions: where a caller's number is at home, for routing and for the agent's screen.

    operator's prefixes     the longest that the number begins with, as in `guangdong = ["+8620", "+86755"]`
    operator's places       the city of a Chinese number, then its province, or the country of any other
    neither                 unknown

Cities of Chinese numbers come from the data file of the package `phone`: mobiles by their first seven digits, fixed
lines by their area code. Ways of writing a number (national, 00, +) are told apart by `phonenumbers`, as ITU-T E.164
and each country's plan have it.
"""

from collections.abc import Mapping, Sequence

PLACES_KEPT_MAX = 10_000
"""Numbers whose place is remembered: a busy day's callers, about 2 MB."""


class Regions:
    """Where numbers are at home; nothing changes after construction but what it remembers."""

    def __init__(
        self, prefixes: Mapping[str, Sequence[str]], names: Mapping[str, Sequence[str]], country: str = "CN"
    ) -> None:
        """Take the operator's tables.

        `prefixes` are beginnings of numbers by region, in any way of writing them; `names` are places by region:
        provinces ("广东"), cities ("深圳"), and countries as ISO 3166-1 codes ("HK"). `country` is whose national ways
        of writing are understood. Raises ValueError, naming it, for a prefix or a place that is none or that two
        regions claim, and for an unknown country.
        """

    def of(self, number: str) -> str:
        """The region that the number belongs to; "" when none claims it, or it is no number."""
        return ""

    def place(self, number: str) -> str:
        """Where the number is at home, for the screen: "广东深圳", "北京", or a country's code; "" when unknown."""
        return ""
