"""`acdcore why`."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from tests.cli.journaled_day import journal_of_a_day
from tests.cli.shell import Shell, Typed
from tests.control.fake_centre import ENDED, TALKING, WAITING
from tests.control.served import Served

from acdcore.calls.model.rows import CallEventRow, Detail
from acdcore.cli.why import event_table
from acdcore.kernel.ids import CallId

ARRIVED = datetime(2026, 11, 21, 8, tzinfo=UTC)


async def test_waiting_caller_is_explained_with_all_that_counts(shell: Shell) -> None:
    typed = await shell("why", WAITING)
    assert typed.status == 0
    for fact in ("service, position 1, waited 4.5 s", "service 1", "advance 120 s, waited 4.5 s", "nothing"):
        assert fact in typed.out
    rows = [line.split("│")[1:-1] for line in typed.out.splitlines() if "│ 100" in line]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["1001", "Agent One", "talking", "for 25 s", ""],
        ["1002", "Agent Two", "logged_out", "", ""],
    ]
    assert "15.5 s" in typed.out
    assert "  - agent 1001 ends the talk" in typed.out


async def test_ended_call_shows_its_history(shell: Shell) -> None:
    typed = await shell("why", ENDED)
    assert typed.status == 0
    assert f"{ENDED} (ended)" in typed.out
    assert "+862155550101 to 4008000000" in typed.out
    assert "answered by caller (hung up), served by 1001" in typed.out
    assert "trunk carrier" in typed.out
    assert json.loads((await shell("why", ENDED, "--json")).out)["cdr"]["call_id"] == ENDED


async def test_call_that_waits_in_no_queue_is_said_to_be_so(shell: Shell) -> None:
    typed = await shell("why", TALKING)
    assert (typed.status, typed.err.strip()) == (1, "acdcore: the call is talking, not waiting")


async def test_call_that_nobody_knows_is_said_to_be_so(shell: Shell) -> None:
    typed = await shell("why", "no-such-call")
    assert (typed.status, "no ended call has that id" in typed.err) == (1, True)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A recorded day; every third caller hangs up."""
    journal_of_a_day(tmp_path / "journal")
    return tmp_path / "journal"


def test_call_of_the_past_is_reported_with_candidates_and_the_end_of_each_offer(journal: Path) -> None:
    typed = Typed.of("why", "call-007", "--journal", str(journal), "--zone", "UTC")
    assert (typed.status, typed.err) == (0, "")
    for fact in (
        "08:04:50.0  joins queue service",
        "position 2 in service, needs service 1 or more; agents: 1 talking, 1 wrapping up",
        "08:04:59.0  rings agent 1002 (Agent 1002), for at most 15 s",
        "why 1002: the only one of 2 agents who was free and has what the caller needs",
        "urgency 9.0 s, after 9.0 s in this queue",
        "08:05:03.0  agent 1002 (Agent 1002) answers, after 13.0 s in the queue, within the target",
        "the talk with agent 1002 (Agent 1002) is over after 110.0 s",
    ):
        assert fact in typed.out, fact
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in typed.out.splitlines() if "│ 100" in line]
    assert rows == [
        ["1002", "Agent 1002", "could be offered the caller", "level 5, free for 0.0 s"],
        ["1001", "Agent 1001", "talking", ""],
    ]


def test_caller_who_gave_up_is_reported_with_what_kept_the_agents(journal: Path) -> None:
    typed = Typed.of("why", "call-009", "--journal", str(journal), "--zone", "UTC")
    assert "08:06:55.0  leaves after 45.0 s: hung up" in typed.out
    assert "agents: 2 talking" in typed.out


def test_candidates_beyond_those_asked_for_are_counted(journal: Path) -> None:
    typed = Typed.of("why", "call-007", "--journal", str(journal), "--top", "1")
    assert "the other 1: 1 talking" in typed.out


def test_any_moment_of_the_wait_is_reported(journal: Path) -> None:
    words = ("why", "call-009", "--journal", str(journal), "--zone", "UTC", "--at")
    typed = Typed.of(*words, "08:06:20")
    for fact in ("at          08:06:20.0", "position 1, waited 10.0 s", "agent 1002 ends the talk"):
        assert fact in typed.out
    later = Typed.of(*words, "09:30:00")
    assert (later.status, "did not wait then; it joined at 08:06:10.0" in later.err) == (1, True)
    assert "noon is not a time of day" in Typed.of(*words, "noon").err


def test_programs_get_every_step_with_keys_part_by_part(journal: Path) -> None:
    fields = json.loads(Typed.of("why", "call-007", "--journal", str(journal), "--json").out)["explained"]
    assert [step["kind"] for step in fields["steps"]] == ["Queued", "Offered", "Connected", "TalkFinished"]
    why = fields["steps"][1]["why"]
    assert why["key"] == {"deficit_s": -9.0, "joined_at": 1290.0, "serial": 8}
    assert [(each["agent"], each["exclusion"]) for each in why["candidates"]] == [("1002", None), ("1001", "talking")]
    assert why["candidates"][0]["key"]["minus_level"] == -5


def test_call_that_the_journal_does_not_name_is_said_to_be_so(journal: Path) -> None:
    typed = Typed.of("why", "call-777", "--journal", str(journal))
    assert (typed.status, f"{journal} has no call call-777 in a queue" in typed.err) == (1, True)


async def test_ended_call_without_a_journal_still_tells_its_history(shell: Shell, tmp_path: Path) -> None:
    typed = await shell("why", ENDED, "--config", str(tmp_path / "acdcore.toml"))
    assert (typed.status, "the reasons of the offers are not known" in typed.err) == (0, True)
    assert "trunk carrier" in typed.out


async def test_call_that_never_came_to_a_queue_misses_no_reasons(shell: Shell, served: Served, tmp_path: Path) -> None:
    served.centre.cdrs = [replace(served.centre.cdrs[0], queue=None, queued_at=None, segments=())]
    typed = await shell("why", ENDED, "--config", str(tmp_path / "acdcore.toml"))
    assert (typed.status, typed.err) == (0, "")
    assert "what happened" in typed.out
    assert "segments of the call" not in typed.out


async def test_ended_call_is_reported_with_history_and_reasons(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "acdcore.toml"
    file.write_text(f'[storage]\ndirectory = "{tmp_path}"\n', "utf-8")
    day = journal_of_a_day(tmp_path / "journal", ARRIVED.date())
    day.write_text(day.read_text("utf-8").replace("call-000/1", f"{ENDED}/1"), "utf-8")
    typed = await shell("why", ENDED, "--config", str(file), "--zone", "UTC")
    assert (typed.status, typed.err) == (0, "")
    for fact in (f"{ENDED} (ended)", "trunk carrier", "in the queues, on 2026-11-21:", "rings agent 1001 (Agent 1001)"):
        assert fact in typed.out, fact
    fields = json.loads((await shell("why", ENDED, "--config", str(file), "--json")).out)
    assert (fields["cdr"]["call_id"], fields["explained"]["call_id"]) == (ENDED, ENDED)


@pytest.mark.parametrize("is_why_told", [True, False])
def test_why_a_call_was_rejected_or_a_message_dropped_is_always_reported(is_why_told: bool) -> None:
    rows = [
        CallEventRow(CallId("call"), number, ARRIVED, kind, {"why": f"reason {number}"})
        for number, kind in enumerate(("rejected", "message_dropped", "message_refused", "offered"))
    ]
    console = Console(record=True, width=200)
    console.print(event_table(rows, ARRIVED, is_why_told))
    told = console.export_text()
    assert all(f"why reason {number}" in told for number in range(3))
    assert ("why reason 3" in told) == (not is_why_told), "the offers' reasons are shown in full below"


@pytest.mark.parametrize("is_why_told", [True, False])
def test_what_a_caller_said_and_why_nobody_listened_is_reported(is_why_told: bool) -> None:
    heard: Detail = {
        "value": "sales",
        "confidence": 0.82,
        "text": "销售部",
        "others": "",
        "length_s": 0.9,
        "took_s": 0.7,
    }
    unheard: Detail = {"cause": "failed", "detail": "nothing was understood within 5 s"}
    rows = [
        CallEventRow(CallId("call"), 1, ARRIVED, "speech_heard", heard),
        CallEventRow(CallId("call"), 2, ARRIVED, "not_listened", unheard),
    ]
    console = Console(record=True, width=200)
    console.print(event_table(rows, ARRIVED, is_why_told))
    told = console.export_text()
    assert "speech heard" in told
    assert "value sales, confidence 0.82, text 销售部, length_s 0.9, took_s 0.7" in told
    assert "cause failed, detail nothing was understood within 5 s" in told
