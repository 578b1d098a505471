"""Screening: which entry decides, what lapses, and how often a number may call."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from acdcore.calls.admission.screening import (
    NUMBERS_COUNTED_MAX,
    PASSED,
    Blocked,
    Repeated,
    RepeatLimit,
    Screen,
    Screened,
    ScreeningSettings,
    WithheldRule,
)
from acdcore.calls.model.ports import Screening, ScreeningVerdict
from acdcore.numbering.key import matching_key

WALL = datetime(2026, 9, 21, 8, tzinfo=UTC)
BLOCK, ALLOW = ScreeningVerdict.BLOCK, ScreeningVerdict.ALLOW
LIMIT = RepeatLimit(calls=3, within_s=60.0, block_for_s=300.0)


def entry(number: str, verdict: ScreeningVerdict = BLOCK, until: datetime | None = None) -> Screening:
    """An entry whose reason is its own number."""
    return Screening(number, verdict, number, until, "9001", WALL - timedelta(days=1))


def screen(*entries: Screening, withheld: WithheldRule = "pass", repeats: RepeatLimit | None = None) -> Screen:
    return Screen(ScreeningSettings(withheld, repeats), matching_key, entries)


def passes(screen: Screen, number: str, wall: datetime = WALL) -> bool:
    return screen.arrived(number, 0.0, wall) == PASSED


WAYS = ["13800138000", "013800138000", "+8613800138000", "008613800138000", "8613800138000", "138-0013 8000"]


@pytest.mark.parametrize("listed", WAYS)
@pytest.mark.parametrize("calling", WAYS)
def test_blocked_number_is_turned_away_however_it_is_written(listed: str, calling: str) -> None:
    assert screen(entry(listed)).arrived(calling, 0.0, WALL) == Blocked(listed, None)


def test_number_without_entry_passes() -> None:
    assert passes(screen(entry("13800138000"), entry("0755*")), "13800138001")


@pytest.mark.parametrize(
    ("prefix", "blocked", "passed"),
    [
        ("0755*", ["075526331234", "+8675526331234"], ["075726331234", "13800138000"]),
        ("+86755*", ["075526331234", "75526331234"], ["076026331234"]),
        ("138*", ["13800138000", "+8613812345678"], ["13900138000"]),
        ("+86*", ["13800138000", "075526331234", "95588"], ["+442079460000", ""]),
        ("0*", ["13800138000"], ["+442079460000", ""]),
        ("+*", ["+442079460000", "0085291234567"], ["13800138000", "+8613800138000", ""]),
        ("00*", ["+442079460000"], ["+8613800138000"]),
        ("0044*", ["+442079460000"], ["+85291234567"]),
        ("*", ["13800138000", "+442079460000", "", "anonymous"], []),
    ],
)
def test_prefix_stands_for_every_number_that_begins_so(prefix: str, blocked: list[str], passed: list[str]) -> None:
    screening = screen(entry(prefix))
    assert [number for number in (*blocked, *passed) if not passes(screening, number)] == blocked


def test_longest_entry_decides() -> None:
    screening = screen(entry("0755*"), entry("07552633*", ALLOW), entry("075526331234"), entry("*", ALLOW))
    assert screening.arrived("075526331234", 0.0, WALL) == Blocked("075526331234", None)
    assert passes(screening, "075526331235")
    assert screening.arrived("075526341235", 0.0, WALL) == Blocked("0755*", None)
    assert passes(screening, "13800138000")


def test_allow_goes_before_block_at_equal_length() -> None:
    for pair in ((entry("+86755*"), entry("0755*", ALLOW)), (entry("0755*", ALLOW), entry("+86755*"))):
        assert passes(screen(*pair), "075526331234")
    assert passes(screen(entry("013800138000"), entry("13800138000", ALLOW)), "13800138000")


def test_lapsed_entry_lets_the_next_decide() -> None:
    noon = WALL + timedelta(hours=4)
    screening = screen(entry("13800138000", ALLOW, noon), entry("138*", BLOCK, noon + timedelta(hours=1)))
    assert passes(screening, "13800138000", noon - timedelta(seconds=1))
    assert screening.arrived("13800138000", 0.0, noon) == Blocked("138*", noon + timedelta(hours=1))
    assert passes(screening, "13800138000", noon + timedelta(hours=1))


def test_new_entries_replace_the_old() -> None:
    screening = screen(entry("13800138000"))
    screening.use([entry("13900139000")])
    assert passes(screening, "13800138000")
    assert not passes(screening, "13900139000")


def test_entry_that_is_no_number_fits_nobody() -> None:
    screening = screen(entry("anonymous"), entry(""), entry("abc*"), withheld="pass")
    assert all(passes(screening, number) for number in ("", "anonymous", "13800138000", "abc"))


@pytest.mark.parametrize("number", ["", "anonymous"])
def test_withheld_number_is_turned_away_by_setting_only(number: str) -> None:
    assert passes(screen(), number)
    assert screen(withheld="block").arrived(number, 0.0, WALL) == Blocked("withheld", None)
    assert passes(screen(entry("*", ALLOW), withheld="block"), number)


def calls(screening: Screen, number: str, *times: float) -> list[Screened]:
    return [screening.arrived(number, now, WALL) for now in times]


def test_number_that_calls_too_often_is_turned_away_for_its_time() -> None:
    screening = screen(repeats=LIMIT)
    assert calls(screening, "13800138000", 0.0, 10.0, 59.0) == [PASSED] * 3
    assert calls(screening, "+8613800138000", 59.9, 100.0, 359.8) == [Repeated(359.9)] * 3
    assert calls(screening, "13800138000", 359.9, 360.0, 361.0, 362.0) == [PASSED] * 3 + [Repeated(662.0)]


def test_window_of_repeated_calls_slides() -> None:
    screening = screen(repeats=LIMIT)
    assert calls(screening, "1001", 0.0, 30.0, 59.0, 60.0, 89.9) == [PASSED] * 4 + [Repeated(389.9)]


def test_numbers_are_counted_apart_and_withheld_ones_not_at_all() -> None:
    screening = screen(repeats=RepeatLimit(1, 60.0, 60.0))
    assert calls(screening, "13800138000", 0.0) == calls(screening, "13900139000", 0.0) == [PASSED]
    assert calls(screening, "", 0.0, 1.0, 2.0) == [PASSED] * 3


def test_allowed_number_may_call_as_often_as_it_likes_and_blocked_one_is_not_counted() -> None:
    screening = screen(entry("138*", ALLOW), entry("139*"), repeats=RepeatLimit(1, 60.0, 60.0))
    assert calls(screening, "13800138000", 0.0, 1.0, 2.0) == [PASSED] * 3
    calls(screening, "13900139000", 0.0, 1.0)
    assert screening.counted() == 0


def test_changed_settings_keep_the_count() -> None:
    screening = screen(repeats=LIMIT)
    calls(screening, "13800138000", 0.0, 1.0, 2.0, 3.0)
    screening.change(ScreeningSettings(repeats=RepeatLimit(5, 60.0, 10.0)))
    assert calls(screening, "13800138000", 4.0) == [Repeated(303.0)]
    screening.change(ScreeningSettings())
    assert calls(screening, "13800138000", 5.0) == [PASSED]


def test_silent_numbers_are_forgotten() -> None:
    screening = screen(repeats=LIMIT)
    for number in range(100):
        screening.arrived(f"1380013{number:04d}", float(number), WALL)
    assert screening.counted() == 60
    screening.arrived("13800138000", 10_000.0, WALL)
    assert screening.counted() == 1


def test_memory_is_bounded_when_everybody_calls_at_once() -> None:
    screening = screen(repeats=LIMIT)
    for number in range(NUMBERS_COUNTED_MAX + 100):
        assert screening.arrived(f"138{number:08d}", 1.0, WALL) == PASSED
    assert screening.counted() == NUMBERS_COUNTED_MAX


@pytest.mark.parametrize(
    ("calls", "within_s", "block_for_s"), [(0, 1.0, 1.0), (101, 1.0, 1.0), (1, 0.0, 1.0), (1, 1.0, 0.0)]
)
def test_limit_that_cannot_be_meant_is_refused(calls: int, within_s: float, block_for_s: float) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RepeatLimit).validate_python({"calls": calls, "within_s": within_s, "block_for_s": block_for_s})


@given(
    st.lists(st.floats(0.1, 100.0), max_size=60),
    st.integers(1, 4),
    st.floats(1.0, 120.0),
    st.floats(1.0, 120.0),
)
def test_no_window_holds_more_calls_than_the_limit(
    gaps: list[float], most: int, within_s: float, block_for_s: float
) -> None:
    screening = screen(repeats=RepeatLimit(most, within_s, block_for_s))
    now, passed, blocked_until = 0.0, list[float](), 0.0
    for gap in gaps:
        now += gap
        match screening.arrived("13800138000", now, WALL):
            case Repeated(until):
                if blocked_until <= now:
                    assert len(passed) == most
                    assert until == now + block_for_s
                    passed = []
                blocked_until = until
            case _:
                assert now >= blocked_until
                passed = [at for at in passed if at > now - within_s] + [now]
                assert len(passed) <= most


def test_number_that_calls_again_is_not_the_one_that_is_forgotten() -> None:
    screening = screen(repeats=LIMIT)
    calls(screening, "13800138000", 0.0)
    calls(screening, "13900139000", 1.0)
    calls(screening, "13800138000", 2.0)
    for number in range(NUMBERS_COUNTED_MAX - 1):
        screening.arrived(f"137{number:08d}", 3.0, WALL)
    assert calls(screening, "13800138000", 4.0, 5.0) == [PASSED, Repeated(305.0)]
