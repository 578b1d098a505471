"""The table of Chinese numbers, the installed one and small ones of our own."""

import struct

import pytest

from acdcore.calls.numbers.chinese_numbers import Cities, chinese_cities

SHARED = {"广东|广州|510000|020": 4, "广东|佛山|528000|0757": 1, "湖南|长沙|410000|0731": 3, "湖南|株洲|412000|0731": 1}
"""Records, and how many prefixes of mobiles each has; they follow each other from 1300000 on."""


def table(records: dict[str, int]) -> bytes:
    body, index, prefix = b"", b"", 1_300_000
    for record, prefixes in records.items():
        at = 8 + len(body)
        body += record.encode() + b"\0"
        for _ in range(prefixes):
            index += struct.pack("<iiB", prefix, at, 1)
            prefix += 1
    return struct.pack("<4si", b"2312", 8 + len(body)) + body + index


def test_mobile_is_found_by_its_prefix() -> None:
    cities = Cities(table(SHARED))
    assert cities.of("13000031234") == ("广东", "广州")
    assert cities.of("13000041234") == ("广东", "佛山")
    assert cities.of("13000091234") == cities.of("12999991234") == ()


def test_fixed_line_is_found_by_its_area_code_and_length() -> None:
    cities = Cities(table(SHARED))
    assert cities.of("2012345678") == ("广东", "广州")
    assert cities.of("75712345678") == ("广东", "佛山")
    assert cities.of("20123") == cities.of("201234567890") == cities.of("9912345678") == ()


@pytest.mark.parametrize(("main", "place"), [(3, ("湖南",)), (4, ("湖南", "长沙"))])
def test_shared_area_code_is_the_city_of_four_in_five_or_nobodys(main: int, place: tuple[str, ...]) -> None:
    cities = Cities(table(SHARED | {"湖南|长沙|410000|0731": main}))
    assert cities.of("73112345678") == place


def test_names_are_those_of_the_table_with_or_without_what_they_end_with() -> None:
    cities = chinese_cities()
    assert {cities.named(name) for name in ("广西", "广西壮族自治区")} == {"广西"}
    assert {cities.named(name) for name in ("深圳", "深圳市")} == {"深圳"}
    assert cities.named("香港") is None


def test_rest_of_a_cut_off_entry_is_passed_over() -> None:
    assert Cities(table(SHARED)[:-4]).of("13000071234") == ("湖南", "长沙")


@pytest.mark.parametrize("data", [b"", b"2312", struct.pack("<4si", b"2312", 8) + struct.pack("<iiB", 1, 8, 1)])
def test_file_that_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, struct.error)):
        Cities(data)
