"""Obligations of the patience estimate: the published example comes out, and censored waits are not taken for ends."""

import math
from random import Random

import pytest

from acdcore.planning.patience import Wait, fit

# Remission times in weeks under 6-mercaptopurine, 21 patients, 9 of them observed to the end (Freireich et al. 1963).
ENDED = (6, 6, 6, 7, 10, 13, 16, 22, 23)
CENSORED = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
PUBLISHED = [(6, 0.857), (7, 0.807), (10, 0.753), (13, 0.690), (16, 0.627), (22, 0.538), (23, 0.448)]


@pytest.mark.parametrize(("time", "share"), PUBLISHED)
def test_published_example_comes_out(time: float, share: float) -> None:
    patience = fit([*(Wait(t, True) for t in ENDED), *(Wait(t, False) for t in CENSORED)])
    assert patience.share_after(time) == pytest.approx(share, abs=5e-4)
    assert patience.share_after(time - 0.5) > share
    assert patience.errors[0] == pytest.approx(0.0764, abs=5e-5)
    assert patience.mean_s == pytest.approx(359 / 9)


def test_patience_of_callers_mostly_served_is_found_again() -> None:
    rng = Random(1)
    waits = []
    for _ in range(5_000):
        ends, served = rng.expovariate(1 / 120), rng.expovariate(1 / 60)
        waits.append(Wait(min(ends, served), ends < served))
    patience = fit(waits)
    assert patience.mean_s == pytest.approx(120, rel=0.05)
    for at in (10.0, 60.0, 120.0):
        assert patience.share_after(at) == pytest.approx(math.exp(-at / 120), abs=0.03)


def test_draws_follow_the_estimate_and_exceed_what_was_waited() -> None:
    rng = Random(2)
    patience = fit([Wait(rng.expovariate(1 / 100), rng.random() < 0.7) for _ in range(2_000)])
    drawn = [patience.draw(rng.random()) or 0.0 for _ in range(4_000)]
    for at in (20.0, 80.0, 200.0):
        assert sum(each > at for each in drawn) / len(drawn) == pytest.approx(patience.share_after(at), abs=0.03)
    for waited_s in (30.0, 150.0, 5_000.0):
        later = [patience.draw(rng.random(), waited_s) or 0.0 for _ in range(200)]
        assert min(later) > waited_s


def test_tail_falls_beyond_the_last_observation() -> None:
    patience = fit([Wait(10, True), Wait(20, False)])
    assert patience.share_after(20) == 0.5
    assert patience.share_after(20 + patience.mean_s) == pytest.approx(0.5 / math.e)


def test_nobody_who_gave_up_waits_for_ever() -> None:
    for patience in (fit([]), fit([Wait(30, False)])):
        assert patience.draw(0.5) is None
        assert patience.share_after(1e6) == 1.0


def test_everybody_gave_up() -> None:
    patience = fit([Wait(10, True), Wait(20, True)])
    assert patience.share_after(20) == 0.0
    assert (patience.draw(0.2), patience.draw(0.7)) == (10, 20)
    assert (patience.draw(0.5, longer_than_s=20.0) or 0.0) > 20.0
