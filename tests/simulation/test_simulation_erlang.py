"""The dispatcher on simulated days against Erlang's formulas (10 erlangs, 180 s handling, 20 s threshold).

Two steps, since one day of random traffic strays by some points from the mean that the formulas give: on the same
calls the dispatcher answers everybody exactly when the textbook's recursion does; and that recursion, over 400,000
calls, comes within a point of the formulas in service level and occupancy, and within 3 % in mean wait.
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import pytest

from acdcore.planning.day import Arrival, Day, WorkSpan
from acdcore.planning.erlang import OfferedTraffic, expect
from acdcore.planning.outcome import VisitEnd
from acdcore.planning.simulation import simulate
from acdcore.planning.staffing import QUEUE, SKILL, planned_agent
from acdcore.queues.inputs import EntryId
from acdcore.queues.settings import DispatcherSettings, QueueSettings

WITHIN_S = 20.0


class Call(NamedTuple):
    """One caller as chance made them."""

    at: float
    handling_s: float
    patience_s: float


@dataclass(frozen=True, slots=True)
class Textbook:
    """A row of the vectors."""

    agents: int
    patience_s: float

    @property
    def demand(self) -> OfferedTraffic:
        return OfferedTraffic(200.0, 180.0, self.patience_s)

    def draw(self, number: int, seed: int) -> list[Call]:
        """So many calls in the order of arrival."""
        rng, at, calls = Random(seed), 1.0, []
        for _ in range(number):
            at += rng.expovariate(200.0 / 3_600.0)
            patience_s = rng.expovariate(1 / self.patience_s) if self.patience_s < math.inf else math.inf
            calls.append(Call(at, rng.expovariate(1 / 180.0), patience_s))
        return calls

    def day(self, calls: Sequence[Call]) -> Day:
        """The textbook's call centre: phones that answer at once, no wrap-up, one queue."""
        queue = QueueSettings(QUEUE, {SKILL: 1}, wrap_up_s=0, service_level_within_s=WITHIN_S, short_abandon_s=0)
        arrivals = [
            Arrival(EntryId(str(number)), call.at, QUEUE, call.handling_s, patience(call))
            for number, call in enumerate(calls)
        ]
        people = [planned_agent(number, (WorkSpan(1.0, calls[-1].at + 3_600.0),)) for number in range(self.agents)]
        return Day(DispatcherSettings((queue,)), tuple(arrivals), tuple(people))


PATIENT = [Textbook(agents, math.inf) for agents in (12, 13, 14)]
IMPATIENT = [Textbook(agents, 120.0) for agents in (9, 12, 13)]


def patience(call: Call) -> float | None:
    return None if math.isinf(call.patience_s) else call.patience_s


def textbook_waits(agents: int, calls: Sequence[Call]) -> list[float | None]:
    """Each caller's wait by the recursion of Kiefer and Wolfowitz, None for those who lost patience: the same
    dispatcher without a dispatcher."""
    free_at = [0.0] * agents
    waits: list[float | None] = []
    for call in calls:
        start = max(call.at, free_at[0])
        if start - call.at > call.patience_s:
            waits.append(None)
            continue
        waits.append(start - call.at)
        heapq.heapreplace(free_at, start + call.handling_s)
    return waits


@pytest.mark.parametrize("row", PATIENT + IMPATIENT, ids=str)
def test_every_caller_is_answered_when_the_textbook_says(row: Textbook) -> None:
    calls = row.draw(2_500, seed=1)
    expected = textbook_waits(row.agents, calls)
    result = simulate(row.day(calls))
    served = {fate.entry: fate.waited_s for fate in result.visits if fate.end is VisitEnd.ANSWERED}
    assert [served.get(EntryId(str(number))) for number in range(len(calls))] == pytest.approx(expected, abs=1e-6)
    in_time = sum(wait is not None and wait <= WITHIN_S for wait in expected)
    assert result.overall.answered_in_time == in_time
    handled_s = sum(call.handling_s for call, wait in zip(calls, expected, strict=True) if wait is not None)
    assert sum(share.work_s for share in result.shares) == pytest.approx(handled_s)


@pytest.mark.slow
@pytest.mark.parametrize("row", PATIENT + IMPATIENT, ids=str)
def test_textbook_comes_to_the_formulas_within_a_point(row: Textbook) -> None:
    expected = expect(row.demand, row.agents, WITHIN_S)
    calls = row.draw(400_000, seed=1)
    waits = textbook_waits(row.agents, calls)
    in_time = sum(wait is not None and wait <= WITHIN_S for wait in waits)
    stays_s = sum(call.patience_s if wait is None else wait for call, wait in zip(calls, waits, strict=True))
    handled_s = sum(call.handling_s for call, wait in zip(calls, waits, strict=True) if wait is not None)
    assert in_time / len(calls) == pytest.approx(expected.service_level, abs=0.01)
    assert stays_s / len(calls) == pytest.approx(expected.average_wait_s, rel=0.03, abs=0.1)
    assert handled_s / (calls[-1].at * row.agents) == pytest.approx(expected.occupancy, abs=0.01)
