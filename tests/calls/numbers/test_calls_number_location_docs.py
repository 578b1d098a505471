"""The example in docs/regions.md: each number is asked for."""

import re
import tomllib
from pathlib import Path

import pytest

from acdcore.calls.numbers.number_location import Regions
from acdcore.numbering.plan import HOME

DOCUMENT = (Path(__file__).parents[3] / "docs" / "regions.md").read_text("utf-8")


def block(kind: str) -> str:
    [found] = re.findall(rf"^```{kind}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.parametrize("line", block("numbers").splitlines())
def test_numbers_are_at_home_where_the_page_says(line: str) -> None:
    tables = tomllib.loads(block("toml"))["regions"]
    regions = Regions(
        {name: table.get("prefixes", []) for name, table in tables.items()},
        {name: table.get("places", []) for name, table in tables.items()},
    )
    number, region, place = re.split(r" {2,}", line)
    assert (regions.of(number) or "-", regions.place(number) or "-") == (region, place)


@pytest.mark.parametrize("line", block("plan").splitlines())
def test_numbers_have_the_canonical_form_that_the_page_says(line: str) -> None:
    written, number = re.split(r" {2,}", line)
    assert (HOME.canonical(written) or "-") == number
