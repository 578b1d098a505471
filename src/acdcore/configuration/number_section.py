"""The keys of `[trunks.NAME]` that say how a trunk reads and writes numbers, and which number it is shown."""

from collections.abc import Iterable
from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, Field

from acdcore.calls.numbers.caller_id import DidFrom
from acdcore.calls.numbers.trunk_numbers import AssertBy, ForwardedShows, Redirection, TrunkNumbers
from acdcore.configuration.sections import Section
from acdcore.numbering.plan import HOME, NumberForm, NumberingPlan, as_written


def _country(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f'there is no country {code} in the plan of numbers; write it as in "CN"')
    return code


OwnNumber = Annotated[str, AfterValidator(as_written)]
"""A number of ours, in canonical form; empty: none."""


class NumberKeys(Section):
    """One trunk's keys for numbers."""

    country: Annotated[str, AfterValidator(_country)] = HOME.country
    area_code: Annotated[str, Field(pattern=r"^[0-9]{0,5}$")] = ""
    did_from: DidFrom = DidFrom.REQUEST_URI
    number_form: NumberForm = NumberForm.NATIONAL
    caller_id: OwnNumber = ""
    from_user: Annotated[str, Field(pattern=r"^[^\s<>@:\"]*$")] = ""
    from_domain: Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+)?$")] = ""
    assert_by: AssertBy = AssertBy.NONE
    forwarded_shows: ForwardedShows = ForwardedShows.OWN
    redirection: Redirection = Redirection.NONE

    def check_told_apart(self, dialled: Iterable[str]) -> None:
        """Raises ValueError when two routes are for one number."""
        plan, seen = NumberingPlan(self.country, self.area_code), dict[str, str]()
        for text in dialled:
            number = plan.canonical(text) or text
            if seen.setdefault(number, text) != text:
                raise ValueError(f"routes {seen[number]} and {text} are for one number; keep one of them")

    def numbers(self) -> TrunkNumbers:
        """For the calls."""
        return TrunkNumbers(
            plan=NumberingPlan(self.country, self.area_code),
            did_from=self.did_from,
            form=self.number_form,
            caller_id=self.caller_id,
            from_user=self.from_user,
            from_domain=self.from_domain,
            assert_by=self.assert_by,
            forwarded_shows=self.forwarded_shows,
            redirection=self.redirection,
        )
