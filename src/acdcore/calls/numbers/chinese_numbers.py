"""Chinese cities by telephone number, from the data file of the package `phone`.

    4 bytes             version
    4 bytes             where the index begins
    records             province|city|post code|area code, in UTF-8, each ended by a zero byte
    index               per prefix of a mobile number, rising: the prefix of seven digits (4 bytes), where its record
                        begins (4 bytes), the kind of network (1 byte); all little-endian

Mobiles are found by their first seven digits, fixed lines by their area code. Several cities may share an area code:
then it is the city that nearly all mobiles of that code belong to, or only the province is known.
"""

import struct
import sys
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from acdcore.kernel.errors import Unavailable

CHINA = "CN"
HEAD = struct.Struct("<4si")
ENTRY_BYTES = 9
NUMBER_BYTES = 4
MOBILE_DIGITS = 11
PREFIX_DIGITS = 7
AREA_CODE_DIGITS = (3, 2)
"""Area codes without the leading zero, longest first."""
FIXED_DIGITS = (10, 11)
"""Digits of area code and subscriber number together; a shorter number is a service or an extension."""
MAIN_CITY_SHARE = 0.8
"""Share of the mobiles of a shared area code: from it on, fixed lines with that code count as the city's."""
SUFFIXES = ("壮族自治区", "回族自治区", "维吾尔自治区", "自治区", "特别行政区", "省", "市")
"""Endings of a place's full name; the table has the names without them."""

Place = tuple[str, ...]
"""Province and city, only the province, or nothing; a city that is also a province is there once."""


class Cities:
    """The places of Chinese numbers: 5 MB, some microseconds for each look-up."""

    def __init__(self, data: bytes) -> None:
        """Read the table; raises ValueError or struct.error for data in another format."""
        _, index_at = HEAD.unpack_from(data)
        index = data[index_at : index_at + (len(data) - index_at) // ENTRY_BYTES * ENTRY_BYTES]
        self._prefixes, self._records = _column(index, 0), _column(index, NUMBER_BYTES)
        mobiles = Counter(self._records)
        self._by_record: dict[int, Place] = {}
        by_code: dict[str, Counter[Place]] = defaultdict(Counter)
        for at, count in mobiles.items():
            province, city, _, code = data[at : data.index(b"\0", at)].decode().split("|")
            self._by_record[at] = _place(province, city)
            by_code[code.removeprefix("0")][self._by_record[at]] += count
        self._by_code = {code: _main(counted) for code, counted in by_code.items()}
        self._names = frozenset(name for place in self._by_record.values() for name in place)

    def of(self, national: str) -> Place:
        """The place of a number as it is dialled within China, without the zero before an area code."""
        if len(national) == MOBILE_DIGITS and national.startswith("1"):
            prefix = int(national[:PREFIX_DIGITS])
            found = bisect_left(self._prefixes, prefix)
            if found < len(self._prefixes) and self._prefixes[found] == prefix:
                return self._by_record[self._records[found]]
            return ()
        if len(national) not in FIXED_DIGITS:
            return ()
        codes = (national[:digits] for digits in AREA_CODE_DIGITS)
        return next((self._by_code[code] for code in codes if code in self._by_code), ())

    def named(self, text: str) -> str | None:
        """A province's or a city's name as the table has it; None when it is unknown."""
        names = (text, *(text.removesuffix(suffix) for suffix in SUFFIXES))
        return next((name for name in names if name in self._names), None)


@cache
def chinese_cities() -> Cities:
    """The table of the installed package, read once: it never changes. Raises Unavailable when it cannot be read."""
    try:
        return Cities(Path(str(distribution("phone").locate_file("phone/phone.dat"))).read_bytes())
    except (OSError, ImportError, ValueError, struct.error) as error:
        raise Unavailable(f"the table of Chinese numbers cannot be read ({error}); pip install phone") from error


def _column(index: bytes, at: int) -> "array[int]":
    """One column of all entries, without a Python object for each."""
    column = bytearray(len(index) // ENTRY_BYTES * NUMBER_BYTES)
    for byte in range(NUMBER_BYTES):
        column[byte::NUMBER_BYTES] = index[at + byte :: ENTRY_BYTES]
    numbers = array("i", bytes(column))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _place(province: str, city: str) -> Place:
    return (province,) if city == province else (province, city)


def _main(counted: Counter[Place]) -> Place:
    """The city of nearly all mobiles of an area code, or the province."""
    place, count = counted.most_common(1)[0]
    return place if count >= MAIN_CITY_SHARE * counted.total() else place[:1]
