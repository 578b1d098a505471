"""Where numbers are at home, in all the ways in which trunks write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.calls.numbers.number_location import PLACES_KEPT_MAX, Regions

PREFIXES = {"guangdong": ["+8620", "0755", "138"], "lab": ["+861380013"], "britain": ["0044"]}
NAMES = {"north": ["北京市"], "south-west": ["广西壮族自治区", "云南"], "xian": ["西安"], "hong-kong": ["HK"]}


@pytest.fixture(scope="module")
def regions() -> Regions:
    return Regions(PREFIXES, NAMES)


@pytest.mark.parametrize(
    ("number", "region", "place"),
    [
        ("13800138000", "lab", "北京"),
        ("13800238000", "guangdong", "重庆"),
        ("13911111111", "north", "北京"),
        ("13912345678", "", "江苏常州"),
        ("075526331234", "guangdong", "广东深圳"),
        ("02088881234", "guangdong", "广东广州"),
        ("0757-26331234", "", "广东佛山"),
        ("01012345678", "north", "北京"),
        ("08718123456", "south-west", "云南昆明"),
        ("02988881234", "xian", "陕西西安"),
        ("07311234567", "", "湖南"),
        ("+85291234567", "hong-kong", "HK"),
        ("0085291234567", "hong-kong", "HK"),
        ("+442079460000", "britain", "GB"),
        ("+12125551234", "", "US"),
        ("95588", "", ""),
        ("110", "", ""),
        ("1001", "", ""),
        ("", "", ""),
        ("anonymous", "", ""),
        ("+", "", ""),
    ],
)
def test_region_is_by_prefix_then_city_then_province_or_country(
    regions: Regions, number: str, region: str, place: str
) -> None:
    assert (regions.of(number), regions.place(number)) == (region, place)


@pytest.mark.parametrize("prefix", ["0755", "755", "86755", "+86755", "0086755"])
def test_prefix_may_be_written_in_any_of_the_ways(prefix: str) -> None:
    assert Regions({"delta": [prefix]}, {}).of("+8675526331234") == "delta"


@pytest.mark.parametrize(
    ("ways", "place"),
    [
        (
            ["13912345678", "013912345678", "+8613912345678", "008613912345678", "8613912345678", "139-1234 5678"],
            "江苏常州",
        ),
        (["075526331234", "75526331234", "+8675526331234", "008675526331234", "(0755) 2633-1234"], "广东深圳"),
    ],
)
def test_ways_of_writing_lead_to_the_same_place(regions: Regions, ways: list[str], place: str) -> None:
    assert {regions.place(way) for way in ways} == {place}


def test_national_ways_are_those_of_the_country() -> None:
    hong_kong = Regions({"island": ["25"]}, {"shenzhen": ["深圳"]}, "HK")
    assert hong_kong.of("25281234") == "island"
    assert hong_kong.place("25281234") == ""
    assert hong_kong.of("+8675526331234") == "shenzhen"


@pytest.mark.parametrize(
    ("prefixes", "names", "country", "reason"),
    [
        ({"a": ["+86x"]}, {}, "CN", "no beginning of a number"),
        ({"a": [""]}, {}, "CN", "no beginning of a number"),
        ({"a": ["0755"], "b": ["+86755"]}, {}, "CN", r"\+86755 belongs to a and to b"),
        ({}, {"a": ["Shenzhen"]}, "CN", "'Shenzhen' is no Chinese province or city"),
        ({}, {"a": ["深圳"], "b": ["深圳市"]}, "CN", "深圳 belongs to a and to b"),
        ({}, {}, "XX", "no country XX"),
    ],
)
def test_tables_that_cannot_be_meant_are_refused(
    prefixes: dict[str, list[str]], names: dict[str, list[str]], country: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Regions(prefixes, names, country)


@given(st.text(max_size=40) | st.from_regex(r"\+?[0-9]{1,24}", fullmatch=True))
def test_whatever_a_caller_is_called_has_a_region_or_none(number: str) -> None:
    regions = Regions({}, {"south": ["广东"]})
    assert regions.of(number) in ("", "south")
    assert (regions.of(number) == "south") == regions.place(number).startswith("广东")


def test_remembered_numbers_are_bounded(regions: Regions) -> None:
    for number in range(PLACES_KEPT_MAX + 100):
        regions.of(f"{number}")
    assert regions.remembered() == PLACES_KEPT_MAX
