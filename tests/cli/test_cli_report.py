"""`acdcore report`."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.cli.shell import Shell
from tests.control.fake_centre import MORNING
from tests.control.served import Served
from tests.control.test_control_reports import a_morning

from acdcore.calls.model.ports import QueueVisitFilter
from acdcore.reports.formulas import FORMULAS, Figure


async def test_queues_are_a_table_with_what_its_columns_mean(shell: Shell, served: Served) -> None:
    served.centre.queue_visit_rows = a_morning()
    typed = await shell("report", "queues", "--from", "2026-11-21T00:00Z", "--to", "2026-11-22T00:00Z")
    assert typed.status == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in typed.out.splitlines() if line.startswith("│")]
    assert rows == [
        ["sales", "1", "1", "0", "0", "0", "100.0%", "8.0 s", "8.0 s", "60.0 s", "-"],
        ["service", "4", "2", "1", "1", "0", "33.3%", "17.5 s", "30.0 s", "60.0 s", "-"],
        ["all", "5", "3", "1", "1", "0", "50.0%", "14.3 s", "30.0 s", "60.0 s", "-"],
    ]
    assert f"in time = {FORMULAS[Figure.SERVICE_LEVEL]}" in typed.out


async def test_agents_are_divided_by_the_clock_of_the_zone(shell: Shell, served: Served) -> None:
    served.centre.queue_visit_rows = a_morning()
    times = ("--from", "2026-11-21", "--to", "2026-11-22", "--zone", "Asia/Shanghai", "--interval", "hour")
    typed = await shell("report", "agents", *times)
    assert "│ 11-21 16:00 │ 1001 " in typed.out
    (asked,) = served.centre.filters
    assert isinstance(asked, QueueVisitFilter)
    assert asked.joined_from == MORNING.replace(hour=16, minute=0) - timedelta(days=1)


async def test_callbacks_are_counted_when_they_are_asked_for(shell: Shell, served: Served) -> None:
    served.centre.queue_visit_rows = [replace(row, channel="callback") for row in a_morning()]
    times = ("--from", "2026-11-21T00:00Z", "--to", "2026-11-22T00:00Z")
    assert re.search(r"│ all +│ +0 │", (await shell("report", "queues", *times)).out)
    assert re.search(r"│ all +│ +5 │", (await shell("report", "queues", *times, "--channel", "callback,call")).out)


async def test_receipt_lists_the_calls_behind_a_figure(shell: Shell, served: Served) -> None:
    served.centre.queue_visit_rows = a_morning()
    times = ("--from", "2026-11-21T00:00Z", "--to", "2026-11-22T00:00Z", "--queue", "service")
    typed = await shell("report", "queues", *times, "--receipt", "service_level_of_answered")
    listed = [line for line in typed.out.splitlines() if line.startswith("│ call-")]
    assert ["yes" in line for line in listed] == [True, False]


async def test_json_has_every_figure(shell: Shell) -> None:
    typed = await shell("report", "queues", "--from", "2026-11-21T00:00Z", "--json")
    assert set(json.loads(typed.out)["formulas"]) == set(json.loads(typed.out)["total"]["figures"])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--from", "lately"), "lately is not a time; write 2026-11-21"),
        (("--zone", "Moon/Base"), "there is no time zone Moon/Base"),
        (("--receipt", "luck"), "receipts: a receipt is of a count or a figure"),
    ],
)
async def test_what_cannot_be_asked_is_one_clear_line(shell: Shell, words: tuple[str, ...], problem: str) -> None:
    typed = await shell("report", "queues", *words)
    assert (typed.status, typed.err.count("\n"), problem in typed.err) == (1, 1, True)
