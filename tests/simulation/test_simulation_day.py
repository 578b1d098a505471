"""Days of everything at random moments, with every invariant watched; `python -m tests.simulation.long` runs 1,000."""

from collections import Counter

import pytest
from tests.simulation.chaos import chaos
from tests.simulation.watcher import watch

from acdcore.planning.simulation import Simulation
from acdcore.queues.decisions import Decision
from acdcore.queues.inputs import Input

SEEDS = range(20)


@pytest.mark.slow
def test_no_day_of_chaos_breaks_an_invariant_and_all_features_take_part() -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        seen.update(watch(seed).decisions)
    rare = ("Widened", "ReservedForAgent", "LateAccept", "Announce", "OfferMissed", "OfferWithdrawn", "Departed")
    assert all(seen[name] > 100 for name in rare), seen
    assert seen["Overflowed"] > 500 and seen["Connected"] > 3_000, seen


def test_a_day_replays_the_same() -> None:
    def turns() -> list[tuple[float, Input, list[Decision]]]:
        return [(turn.at, turn.event, list(turn.decisions)) for turn in Simulation(chaos(1)).turns()]

    assert turns() == turns()
