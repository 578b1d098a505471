"""Digits in the groups in which people say them: telephone numbers by their parts, other numbers in threes and fours.

13800138000          138 0013 8000
075526331234         0755 2633 1234
4008001234           400 800 1234
+85223456789         852 2345 6789
880001               880 001
755-2633 1234        as it is written
"""

import re
from itertools import accumulate

SEPARATORS = re.compile(r"[ ./()+-]+")
GROUP_MAX = 4
"""More digits in a row nobody keeps in mind."""
WHOLE_MAX = 5
"""Digits that are one group all the same: a number of an agent, a short code."""
TELEPHONES = tuple(
    re.compile(rf"(?:(00)?(86|852|853|886))?{form}")
    for form in (
        r"(1[3-9]\d)(\d{4})(\d{4})",  # a mobile of the mainland
        r"(010|02\d)(\d{4})(\d{4})",  # area code and number
        r"(0[3-9]\d{2})(\d{3,4})(\d{4})",
        r"([48]00)(\d{3})(\d{4})",
        r"([2-9]\d{3})(\d{4})",  # Hong Kong, or a number without its area code
    )
)
COUNTRY = re.compile(r"(86)(10|2\d|[3-9]\d{2})(\d{3,4})(\d{4})")
"""Abroad an area code has no zero before it."""


def grouped(written: str) -> tuple[str, ...]:
    """The groups of what is written with or without separators; empty when there is no digit.

    Raises ValueError when anything but digits and separators stands there.
    """
    parts = [part for part in SEPARATORS.split(written) if part]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"{written!r} is more than digits")
    if len(parts) > 1 and max(map(len, parts)) > 1:
        return tuple(group for part in parts for group in _telephone(part))
    return _telephone("".join(parts))


def _telephone(digits: str) -> tuple[str, ...]:
    if len(digits) <= WHOLE_MAX:
        return (digits,) if digits else ()
    for form in (*TELEPHONES, COUNTRY):
        found = form.fullmatch(digits)
        if found is not None:
            return tuple(group for group in found.groups() if group)
    return evenly(digits)


def evenly(digits: str) -> tuple[str, ...]:
    """Groups of `GROUP_MAX` and fewer, none more than one shorter than another, the shorter ones first."""
    count = -(-len(digits) // GROUP_MAX)
    size, longer = divmod(len(digits), count)
    sizes = [size] * (count - longer) + [size + 1] * longer
    ends = list(accumulate(sizes))
    return tuple(digits[end - size : end] for size, end in zip(sizes, ends, strict=True))
