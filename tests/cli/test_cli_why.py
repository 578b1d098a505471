"""`acdcore why`."""

import json

from tests.cli.shell import Shell
from tests.control.house import ENDED, TALKING, WAITING


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


async def test_ended_call_tells_its_story(shell: Shell) -> None:
    typed = await shell("why", ENDED)
    assert typed.status == 0
    assert f"{ENDED} (ended)" in typed.out
    assert "02155550101 to 4008000000" in typed.out
    assert "answered by caller, agent 1001" in typed.out
    assert "trunk carrier" in typed.out
    assert json.loads((await shell("why", ENDED, "--json")).out)["cdr"]["call_id"] == ENDED


async def test_call_that_waits_in_no_queue_is_said_to_be_so(shell: Shell) -> None:
    typed = await shell("why", TALKING)
    assert (typed.status, typed.err.strip()) == (1, "acdcore: the call is talking, not waiting")


async def test_call_that_nobody_knows_is_said_to_be_so(shell: Shell) -> None:
    typed = await shell("why", "no-such-call")
    assert (typed.status, "no ended call has that id" in typed.err) == (1, True)
