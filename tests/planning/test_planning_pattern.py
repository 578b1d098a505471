"""Obligations of drawn days: rates, shares and times come out on average, and a seed is a day."""

import math
from random import Random
from statistics import fmean, pstdev

import pytest
from tests.planning.scene import AFTERNOON, NOON, SALES

from acdcore.planning.pattern import Duration


def test_calls_come_at_the_rates_of_their_intervals() -> None:
    days = [AFTERNOON.draw(seed) for seed in range(40)]
    for interval, calls in ((0, 20.0), (2, 40.0), (10, 10.0)):
        begin_s = NOON + interval * 1_800.0
        found = [
            sum(arrival.queue == SALES and begin_s <= arrival.at < begin_s + 1_800 for arrival in day.arrivals)
            for day in days
        ]
        assert fmean(found) == pytest.approx(calls, rel=0.1)
        assert pstdev(found) == pytest.approx(math.sqrt(calls), rel=0.4), "not Poisson"


def test_kinds_come_in_their_shares_with_their_advance() -> None:
    arrivals = [arrival for seed in range(20) for arrival in AFTERNOON.draw(seed).arrivals if arrival.queue == SALES]
    vips = [arrival for arrival in arrivals if arrival.facts.tier == "vip"]
    assert len(vips) / len(arrivals) == pytest.approx(0.1, abs=0.02)
    assert {arrival.priority_s for arrival in vips} == {60.0}


@pytest.mark.parametrize("duration", [Duration(180.0), Duration(180.0, 0.8), Duration(180.0, 2.0)], ids=str)
def test_durations_have_their_mean_and_variation(duration: Duration) -> None:
    rng = Random(1)
    drawn = [duration.draw(rng) for _ in range(40_000)]
    assert fmean(drawn) == pytest.approx(180.0, rel=0.05)
    assert pstdev(drawn) / fmean(drawn) == pytest.approx(duration.variation, rel=0.12)


def test_fixed_and_endless_durations_are_what_they_say() -> None:
    assert Duration(30.0, 0.0).draw(Random(1)) == 30.0
    assert Duration(math.inf).draw(Random(1)) == math.inf


def test_seed_is_a_day() -> None:
    assert AFTERNOON.draw(5) == AFTERNOON.draw(5)
    assert AFTERNOON.draw(5) != AFTERNOON.draw(6)
    assert len({arrival.entry for arrival in AFTERNOON.draw(5).arrivals}) == len(AFTERNOON.draw(5).arrivals)
    same = AFTERNOON.draw(5)
    assert [arrival.at for arrival in same.draw(9).arrivals] == [arrival.at for arrival in same.arrivals]
    assert same.draw(9) == same.draw(9) != same.draw(8)
