"""Types of settings that hold numbers, and what says how numbers are read."""

from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, Field

from acdcore.numbering.plan import as_written


def _country(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f'there is no country {code} in the plan of numbers; write it as in "CN"')
    return code


Country = Annotated[str, AfterValidator(_country)]
"""ISO 3166-1 code."""
AreaCode = Annotated[str, Field(pattern=r"^[0-9]{0,5}$")]
"""With or without its trunk prefix; empty: not known."""
OwnNumber = Annotated[str, AfterValidator(as_written)]
"""A number of ours, in canonical form; empty: none."""
