"""The numbering plan: one canonical form for all ways of writing a number, and the form that each trunk wants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.numbering.key import matching_key
from acdcore.numbering.plan import HOME, NumberForm, NumberingPlan, at_home, is_written_like

NUMBERS = {
    "+8613800138000": [
        "13800138000",
        "013800138000",
        "8613800138000",
        "008613800138000",
        "+8613800138000",
        "+86-138-0013-8000",
        "+013800138000",
        "+86013800138000",
    ],
    "+8675526331234": ["075526331234", "75526331234", "8675526331234", "86075526331234", "0086755 2633 1234"],
    "+8675712345678": ["(0757) 1234-5678"],
    "+861012345678": ["01012345678", "861012345678", "+861012345678"],
    "+862161234567": ["021-61234567", "2161234567"],
    "4008001234": ["400-800-1234", "+864008001234", "04008001234", "864008001234"],
    "8008100001": ["8008100001", "+86 800 810 0001"],
    "95500": ["95500", "+8695500", "008695500"],
    "110": ["110"],
    "8001": ["8001"],
    "8613": ["8613"],
    "26331234": ["26331234", "2633-1234"],
    "+442079460000": ["+44 20 7946 0000", "00442079460000"],
    "+85291234567": ["0085291234567"],
    "+37121234567": ["0037121234567"],
    "": [
        "",
        "+",
        "0",
        "00",
        "anonymous",
        "12345678901",
        "1795113800138000",
        "*55",
        "+1",
        "00000",
        "+86",
        "+86001314131",
        "0086 0061",
    ],
}


@pytest.mark.parametrize(("number", "text"), [(number, text) for number, ways in NUMBERS.items() for text in ways])
def test_every_way_of_writing_has_one_canonical_form(number: str, text: str) -> None:
    assert HOME.canonical(text) == number


@given(st.from_regex(r"\+?[0-9 -]{0,18}", fullmatch=True))
def test_canonical_form_is_its_own_and_has_the_key_of_the_text(text: str) -> None:
    number = HOME.canonical(text)
    if number:
        assert HOME.canonical(number) == number
        assert matching_key(number) == matching_key(text)


@given(st.from_regex(r"\+?[0-9]{0,18}", fullmatch=True), st.sampled_from(NumberForm))
def test_every_form_of_a_number_reads_as_that_number(text: str, form: NumberForm) -> None:
    number = HOME.canonical(text)
    if form is not NumberForm.E164 or not number.startswith("+") or number.startswith("+86"):
        assert HOME.canonical(HOME.written(number, form)) == number  # bare E.164 of abroad is told apart by nobody


@pytest.mark.parametrize(
    ("number", "form", "written"),
    [
        ("+8613800138000", NumberForm.NATIONAL, "13800138000"),
        ("+8613800138000", NumberForm.NATIONAL_0, "013800138000"),
        ("+8613800138000", NumberForm.E164, "8613800138000"),
        ("+8613800138000", NumberForm.PLUS_E164, "+8613800138000"),
        ("+8613800138000", NumberForm.INTERNATIONAL, "008613800138000"),
        ("+8675526331234", NumberForm.NATIONAL, "075526331234"),
        ("+442079460000", NumberForm.NATIONAL, "00442079460000"),
        ("4008001234", NumberForm.PLUS_E164, "4008001234"),
        ("95500", NumberForm.INTERNATIONAL, "95500"),
    ],
)
def test_trunk_is_given_the_form_that_it_wants(number: str, form: NumberForm, written: str) -> None:
    assert HOME.written(number, form) == written


@pytest.mark.parametrize(
    ("country", "text", "number", "national"),
    [
        ("HK", "91234567", "+85291234567", "91234567"),
        ("HK", "075526331234", "", ""),
        ("HK", "+8675526331234", "+8675526331234", "008675526331234"),
        ("GB", "02079460000", "+442079460000", "02079460000"),
        ("GB", "008613800138000", "+8613800138000", "008613800138000"),
        ("US", "2015550123", "+12015550123", "2015550123"),
        ("US", "0118613800138000", "+8613800138000", "0118613800138000"),
        ("US", "911", "911", "911"),
        ("GB", "00864008001234", "4008001234", "4008001234"),
    ],
)
def test_trunk_of_another_country_is_read_and_written_by_its_plan(
    country: str, text: str, number: str, national: str
) -> None:
    plan = NumberingPlan(country)
    assert plan.canonical(text) == number
    assert plan.written(number, NumberForm.NATIONAL) == national


@pytest.mark.parametrize("area_code", ["0755", "755"])
def test_area_code_makes_a_subscribers_number_whole_and_leaves_codes_alone(area_code: str) -> None:
    plan = NumberingPlan(area_code=area_code)
    assert plan.canonical("26331234") == "+8675526331234"
    assert [plan.canonical(code) for code in ("95588", "95588000", "8001", "110")] == [
        "95588",
        "95588000",
        "8001",
        "110",
    ]


def test_people_here_read_national_numbers() -> None:
    numbers = ["+8613800138000", "+8675526331234", "+442079460000", "95500", "alice"]
    assert [at_home(number) for number in numbers] == [
        "13800138000",
        "075526331234",
        "00442079460000",
        "95500",
        "alice",
    ]


@pytest.mark.parametrize(
    ("beginnings", "fits", "differs"),
    [
        (("138",), ["+8613800138000"], ["+8613900138000", "+13800138000", "110"]),
        (("0755", "+852"), ["+8675526331234", "+85291234567"], ["+8613800138000", "+442079460000"]),
        (("86",), ["+8613800138000", "+8675526331234"], ["+442079460000", "8613"]),
        (("0086138",), ["+8613800138000"], ["+8613900138000"]),
        (("1",), ["+8613800138000", "+861012345678"], ["110", "120", "10086", ""]),
        (("95588", "400"), ["95588", "4008001234"], ["955", "8008100001", "95588000"]),
        ((), [], ["+8613800138000", "95588", ""]),
    ],
)
def test_beginnings_are_compared_with_canonical_numbers(
    beginnings: tuple[str, ...], fits: list[str], differs: list[str]
) -> None:
    assert all(is_written_like(number, beginnings) for number in fits)
    assert not any(is_written_like(number, beginnings) for number in differs)


@pytest.mark.parametrize("text", ["", "+", "abc", "1" * 16, "13*"])
def test_what_is_no_beginning_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no beginning of a number"):
        HOME.beginning(text)


@pytest.mark.parametrize(
    ("country", "number", "is_here"),
    [
        ("CN", "+8613800138000", True),
        ("CN", "+8675526331234", True),
        ("CN", "26331234", True),
        ("CN", "4008001234", False),
        ("CN", "110", False),
        ("CN", "95588", False),
        ("CN", "9651234", False),
        ("CN", "16812345", False),
        ("CN", "+85291234567", False),
        ("CN", "", False),
        ("US", "+12126543210", True),
        ("US", "+18765551234", False),
        ("US", "+19002345678", False),
        ("GB", "+442079460000", True),
        ("GB", "+449098790000", False),
        ("GB", "+441534456789", False),
        ("GB", "999", False),
        ("DE", "+8613800138000", False),
    ],
)
def test_subscriber_at_home_is_no_code_and_no_other_country(country: str, number: str, is_here: bool) -> None:
    assert NumberingPlan(country).is_subscriber_at_home(number) is is_here
