"""The dispatcher on simulated days against Erlang's formulas (10 erlangs, 180 s handling, 20 s threshold).

Two steps, since one day of random traffic strays by some points from the mean that the formulas give: on the same
calls the dispatcher serves everybody exactly when the textbook's recursion does; and that recursion, over 400,000
calls, comes within a point of the formulas.
"""

import math

import pytest
from tests.simulation.queue_day import ErlangDay, Traffic, fifo_waits

from acdcore.planning.erlang import service_level_a, service_level_c

PATIENT = [Traffic(agents, 10, 180, math.inf, 20) for agents in (12, 13, 14)]
IMPATIENT = [Traffic(agents, 10, 180, 120, 20) for agents in (9, 12, 13)]


def level(traffic: Traffic, waits: list[float | None]) -> float:
    """Share of all callers offered who were answered in time."""
    return sum(wait is not None and wait <= traffic.within_s for wait in waits) / len(waits)


@pytest.mark.parametrize("traffic", PATIENT + IMPATIENT, ids=str)
def test_every_caller_is_served_when_the_textbook_says(traffic: Traffic) -> None:
    calls = traffic.draw(2_500, seed=1)
    served, expected = ErlangDay(traffic, calls).run(), fifo_waits(traffic.agents, calls)
    assert served == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("traffic", PATIENT + IMPATIENT, ids=str)
def test_textbook_comes_to_the_formulas_within_a_point(traffic: Traffic) -> None:
    if traffic.patience_s < math.inf:
        expected = service_level_a(10, traffic.agents, 180, traffic.patience_s, 20)
    else:
        expected = service_level_c(10, traffic.agents, 180, 20)
    waits = fifo_waits(traffic.agents, traffic.draw(400_000, seed=1))
    assert level(traffic, waits) == pytest.approx(expected, abs=0.01)


def test_day_replays_the_same() -> None:
    traffic = IMPATIENT[0]
    calls = traffic.draw(500, seed=5)
    first, second = ErlangDay(traffic, calls), ErlangDay(traffic, calls)
    assert first.run() == second.run()
    assert first.day.dispatcher.snapshot(first.day.now) == second.day.dispatcher.snapshot(second.day.now)
