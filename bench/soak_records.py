"""Compares the records after the soak with what the phones saw."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from acdcore.calls.model.ports import PAGE_ROWS_MAX
from acdcore.kernel.errors import Outcome
from acdcore.numbering.plan import at_home
from bench.soak_callers import FIRST_WORDS_S, Kind, Truth
from bench.soak_centre import LOST_AFTER_S

ROWS_WITHIN_S = 60.0
POLL_S = 1.0
MOMENT_S = 0.05
"""Seconds; in a shorter talk a hang-up crossed the answer."""
ENDS = {"caller": "caller_hung_up", "agent": "agent_hung_up"}
"""Sides whose hang-up the phones can see, and the `end` of the last segment then."""
SLACK_S = 0.5
ANNOUNCED_S = 5.0
"""Seconds; a caller who had an agent for longer has heard the announcements, also on a busy machine, and was served."""
SHOWN = ("kind", "queue", "agent", "talk_s", "end")
"""Fields of a segment that a fault shows."""
LOST = (Kind.AGENT_LOST, Kind.CALLER_LOST)
NOTICED_S = LOST_AFTER_S + 10.0
"""Seconds until the daemon notices that a phone is gone: the silence, then unanswered requests."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallRecords:
    """The record of every ended call of a caller, from the control plane."""

    calls: Sequence[Row]

    def outcomes(self) -> dict[str, int]:
        """How often each."""
        return dict(sorted(Counter(row["outcome"] for row in self.calls).items()))


async def read_records(client: aiohttp.ClientSession, calls: int) -> CallRecords:
    """Wait until there are as many records as calls, but not for ever."""
    until = time.monotonic() + ROWS_WITHIN_S
    while True:
        rows = await _all_pages(client)
        if len(rows) >= calls or time.monotonic() > until:
            return CallRecords(rows)
        await asyncio.sleep(POLL_S)


async def _all_pages(client: aiohttp.ClientSession) -> list[Row]:
    found: list[Row] = []
    wanted = {"limit": str(PAGE_ROWS_MAX)}
    while True:
        async with client.get("/v1/history", params=wanted, raise_for_status=True) as answer:
            page = await answer.json()
        found += [row for row in page["calls"] if row["direction"] == "inbound"]
        if page["next"] is None:
            return found
        wanted["before"] = page["next"]


def judge(truths: Sequence[Truth], records: CallRecords) -> list[str]:
    """The faults, a line each; empty when every call has one correct record."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in records.calls:
        rows[at_home(row["caller"])].append(row)
    wrong = []
    for number, seen in _by_number(truths).items():
        mine = sorted(rows.pop(number, []), key=lambda row: str(row["call_id"]))
        if len(mine) != len(seen):
            wrong.append(f"{number}: {len(seen)} calls ({seen[0].kind}), {len(mine)} records")
            continue
        for truth in seen:
            if truth.fault:
                wrong.append(f"{number} ({truth.kind}): {truth.fault}; {_short(mine[-1])}")
        if len(seen) == 1:
            wrong += [f"{number} ({seen[0].kind}): {fault}; {_short(mine[0])}" for fault in faults(seen[0], mine[0])]
    wrong += [f"{number}: {len(extra)} records of a call that nobody made" for number, extra in rows.items()]
    return wrong


def _by_number(truths: Sequence[Truth]) -> dict[str, list[Truth]]:
    found: dict[str, list[Truth]] = defaultdict(list)
    for truth in truths:
        found[truth.number].append(truth)
    return found


def faults(truth: Truth, row: Row) -> list[str]:
    """Where the record differs from what the phones saw."""
    found = []
    talked, touched = truth.talked_to(FIRST_WORDS_S), [ear.agent for ear in truth.ears]
    told, spoke = agents_of(row, 0.0), agents_of(row, MOMENT_S)
    conversed = truth.talked_to(ANNOUNCED_S)
    if missing := [agent for agent in talked if agent not in told]:
        found.append(f"talked to {missing}, the record says {told}")
    if extra := [agent for agent in spoke if agent not in touched]:
        found.append(f"never talked to {extra}")
    is_last_talk = bool(talked) and truth.ears[-1].agent in talked
    if is_last_talk and row["outcome"] != Outcome.ANSWERED:
        found.append("was served")
    if not touched and row["outcome"] == Outcome.ANSWERED:
        found.append("was not served")
    if conversed and row["served_by"] not in told:
        found.append(f"served by {row['served_by']}, who is not among {told}")
    if truth.ended_by in ENDS and is_last_talk and (end := last_end(row)) != ENDS[truth.ended_by]:
        found.append(f"the {truth.ended_by} hung up, the record says {end}")
    ends = [part["end"] for part in row["segments"] if part["kind"] == "agent"]
    if "agent_hung_up" in ends[:-1]:
        found.append("had another agent after one who hung up")
    heard_s = sum(ear.ended_at - ear.began_at for ear in truth.ears)
    if row["talk_s"] > heard_s + (NOTICED_S if truth.kind in LOST else SLACK_S):
        found.append(f"talked for {heard_s:.1f} s, the record says {row['talk_s']}")
    return found


def agents_of(row: Row, at_least_s: float) -> list[str]:
    """Every agent who answered and talked for so long at least, by the record's parts."""
    return [part["agent"] for part in row["segments"] if part["kind"] == "agent" and part["talk_s"] >= at_least_s]


def last_end(row: Row) -> str:
    """Why the time with the last agent ended."""
    ends = [part["end"] for part in row["segments"] if part["kind"] == "agent"]
    return ends[-1] if ends else ""


def _short(row: Row) -> str:
    shown = ("call_id", "outcome", "ended_by", "queue", "agent", "wait_s", "talk_s", "overflowed_to")
    parts = ",".join(":".join(str(part[key]) for key in SHOWN if part.get(key)) for part in row["segments"])
    return " ".join([*(f"{key}={row[key]}" for key in shown if row.get(key) not in (None, "")), f"segments={parts}"])
