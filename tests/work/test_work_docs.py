"""The page about callbacks and messages describes the code as it is."""

import dataclasses
import re
from pathlib import Path

from acdcore.work.callback_queue import MAX_OPEN, PUT_BACK_AFTER_S, CallbackSettings
from acdcore.work.model import AttemptOutcome, WorkState

PAGE = (Path(__file__).parents[2] / "docs" / "work.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if "| `" in line]


def test_every_state_is_described() -> None:
    assert [row[0].strip("`") for row in rows("States of an item")] == [state.value for state in WorkState]


def test_every_end_of_an_attempt_is_described() -> None:
    named = [name for row in rows("What ends an attempt") for name in re.findall(r"`(\w+)`", row[0])]
    assert named == [attempt.value for attempt in AttemptOutcome]


def test_every_default_is_the_one_in_force() -> None:
    settings = CallbackSettings()
    for name, default, _ in rows("Keys of `[callbacks]`"):
        expected = getattr(settings, name.strip("`"))
        found = [float(figure) for figure in re.findall(r"[\d.]+", default)]
        assert found == list(expected if isinstance(expected, tuple) else [expected]), name
    keys = {row[0].strip("`") for row in rows("Keys of `[callbacks]`")}
    assert keys == {field.name for field in dataclasses.fields(CallbackSettings)}
    assert f"after {PUT_BACK_AFTER_S:g} s" in PAGE
    assert f"At most {MAX_OPEN:,} items" in PAGE
