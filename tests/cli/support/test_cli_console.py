"""What a terminal is sent: names and numbers that strangers gave must not steer it."""

import io

import pytest
from rich.table import Table

from acdcore.cli.support.console import PlainConsole, show

EVIL = "Eve\x1b]0;owned\x07\x1b[2J\x9b31m\u202eend"


def test_text_of_strangers_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show(f"from {EVIL}\nsecond line")
    printed = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(printed)
    assert "Eve" in printed
    assert "\nsecond line" in printed


def test_cells_of_strangers_steer_no_terminal() -> None:
    table = Table("name")
    table.add_row(EVIL)
    page = io.StringIO()
    PlainConsole(file=page, width=100, highlight=False).print(table)
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(page.getvalue())
