"""Telephone numbers: all ways of writing one number find each other, and no two numbers do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.numbering.key import dialable, matching_key


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("13800138000", ["13800138000", "138 0013-8000", "+86 138 0013 8000", "008613800138000", "8613800138000"]),
        ("13800138000", ["013800138000", "+8613800138000", "138·0013·8000"]),
        ("75726331234", ["0757 26331234", "(0757)2633-1234", "+86 757 2633 1234", "+86 0757 2633 1234"]),
        ("2161234567", ["021-61234567", "+862161234567", "862161234567"]),
        ("+442079460000", ["+44 20 7946 0000", "00442079460000"]),
        ("4008001234", ["400-800-1234"]),
        ("95588", ["95588"]),
        ("1001", ["1001"]),
        ("8612345", ["8612345"]),
    ],
)
def test_ways_of_writing_a_number_share_its_key(key: str, written: list[str]) -> None:
    assert {matching_key(text) for text in written} == {key}


@pytest.mark.parametrize("text", ["", "anonymous", "+", "00", "0", "sip:1001", "1" * 21, "１２ab", "*21#", "1+2"])
def test_what_is_no_number_matches_nothing(text: str) -> None:
    assert matching_key(text) == ""


def test_full_width_digits_are_digits() -> None:
    assert dialable("＋８６ １３８００１３８０００") == "+8613800138000"


def test_foreign_number_never_matches_a_domestic_one() -> None:
    assert matching_key("+4413800138000") != matching_key("13800138000")


@given(st.text(max_size=30))
def test_key_of_a_stored_number_is_that_of_the_text(text: str) -> None:
    assert matching_key(dialable(text)) == matching_key(text)
