"""The page about queues describes the code as it is."""

from pathlib import Path

from acdcore.queues.decisions import AgentState
from acdcore.queues.settings import DispatcherSettings, Strategy

PAGE = (Path(__file__).parents[2] / "docs" / "queues.md").read_text()


def rows(heading: str) -> dict[str, list[str]]:
    """The table below a heading: first cell, without its marks, to the other cells."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if "| `" in line]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_every_state_and_strategy_is_described() -> None:
    assert list(rows("States of an agent")) == [state.value for state in AgentState]
    assert list(rows("How a caller finds an agent")) == [strategy.value for strategy in Strategy]


def test_back_offs_are_described() -> None:
    for cause, back_off_s in DispatcherSettings().back_off_s.items():
        assert f"`{cause}` {back_off_s:g}" in PAGE
