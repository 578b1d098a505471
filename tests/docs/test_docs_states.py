"""docs/sip.md names a test for every state in which a call may wait; each of them is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADING = "## States in which a call may wait"


def named_tests() -> list[str]:
    section = (ROOT / "docs" / "sip.md").read_text().partition(HEADING)[2].partition("\n## ")[0]
    return re.findall(r"`(test_\w+)`", section)


@pytest.mark.parametrize("name", named_tests())
def test_state_has_the_test_that_the_table_names(name: str) -> None:
    assert any(f"def {name}(" in file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))


def test_table_of_states_is_there() -> None:
    assert len(named_tests()) > 10
