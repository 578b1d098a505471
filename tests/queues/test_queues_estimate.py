"""Obligations of the estimated wait."""

import math
from dataclasses import dataclass, field, replace

import pytest
from tests.queues.dispatcher_day import DispatcherDay, Plan

from acdcore.kernel.ids import QueueName
from acdcore.queues.decisions import Connected, Decision, Departed, Offered, OfferMissed, OfferWithdrawn, Queued
from acdcore.queues.estimate import MEMORY_S, MIN_OFFERS, Estimator
from acdcore.queues.inputs import CallerJoined, EntryId, Input
from acdcore.queues.settings import DispatcherSettings, QueueSettings

SALES = QueueName("sales")


@dataclass(slots=True)
class Calibration:
    """Asks for an estimate for everybody who has to stand in line, and compares it with the wait of those answered."""

    day: DispatcherDay = field(init=False)
    estimator: Estimator = field(default_factory=Estimator)
    inside: dict[EntryId, bool] = field(default_factory=dict)
    """Those in the queue; whether a phone rings."""
    estimated: dict[EntryId, float] = field(default_factory=dict)
    kept: int = 0
    answered: int = 0
    joined: int = 0

    def run(self, plan: Plan, seed: int) -> None:
        """One day."""
        self.day = DispatcherDay(plan, seed, self.turn)
        self.day.run()

    def turn(self, event: Input, decisions: list[Decision], now: float) -> None:
        """Tell the estimator what happened, and ask it."""
        on_duty = self.day.on_duty
        for decision in decisions:
            match decision:
                case Queued(entry=entry):
                    self.inside[entry] = False
                    self.estimator.joined(SALES, on_duty, now)
                case Offered(entry=entry):
                    self.inside[entry] = True
                    self.estimator.offered(SALES, on_duty, now)
                case OfferWithdrawn(entry=entry) | OfferMissed(entry=entry) if self.inside[entry]:
                    self.inside[entry] = False
                    self.estimator.missed(SALES, now)
                case Connected(entry=entry, waited_s=waited_s):
                    del self.inside[entry]
                    self.estimator.connected(SALES, now)
                    if entry in self.estimated:
                        self.answered += 1
                        self.kept += waited_s <= self.estimated[entry]
                case Departed(entry=entry):
                    del self.inside[entry]
                    self.estimator.left(SALES, now)
                case _:
                    pass
        if isinstance(event, CallerJoined) and not self.inside.get(event.entry, True):
            self.joined += 1
            estimate = self.estimator.estimate(SALES, len(self.inside), on_duty, now)
            if estimate is not None:
                self.estimated[event.entry] = estimate


def plan(erlangs: float, agents: int, **more: float) -> Plan:
    """A steady day: talks of 165 s, 15 s of wrap-up."""
    settings = DispatcherSettings(queues=(QueueSettings(SALES, wrap_up_s=15.0),))
    steady = Plan(settings, {SALES: ((0.0, erlangs / 180.0),)}, ((0.0, float(agents)),), handling_s=165.0)
    return replace(steady, **more)  # type: ignore[arg-type]


RUSH = replace(
    plan(9, 10),
    calls_per_s={SALES: ((0.0, 0.045), (3_600.0, 0.08), (9_000.0, 0.055))},
    agents=((0.0, 10.0), (5_400.0, 15.0), (10_800.0, 11.0)),
    patience_s=240.0,
)
DAYS = {
    "calm": plan(8, 10, patience_s=240.0),
    "busy, patient": plan(9.5, 10),
    "overloaded": plan(14, 10, patience_s=180.0),
    "small": plan(2.8, 3, patience_s=300.0),
    "large": plan(42, 40, patience_s=240.0),
    "rush": RUSH,
    "breaks": plan(9, 11, patience_s=240.0, break_every_s=2_400.0),
    "misses": plan(9, 10, patience_s=240.0, missed=0.15),
}
LOWEST, HIGHEST = 0.62, 0.80
"""How far the share kept may be from the quantile, over all loads."""
SEEDS = (0, 1, 2)


@pytest.mark.parametrize("name", DAYS)
def test_seven_of_ten_answered_callers_wait_no_longer_than_estimated(name: str) -> None:
    days = [Calibration() for _ in SEEDS]
    for seed, day in zip(SEEDS, days, strict=True):
        day.run(DAYS[name], seed)
    answered = sum(day.answered for day in days)
    assert answered > 150
    assert LOWEST <= sum(day.kept for day in days) / answered <= HIGHEST


def busy(gap_s: float = 20.0, on_duty: int = 5, count: int = 30) -> tuple[Estimator, float]:
    """A queue with three callers always in line, one of whom is offered every `gap_s` and answered at once."""
    estimator, now = Estimator(), 0.0
    for _ in range(3):
        estimator.joined(SALES, on_duty, now)
    for _ in range(count):
        now += gap_s
        estimator.offered(SALES, on_duty, now)
        estimator.connected(SALES, now)
        estimator.joined(SALES, on_duty, now)
    return estimator, now


def estimated(estimator: Estimator, position: int, on_duty: int, now: float) -> float:
    """An estimate that there must be."""
    estimate = estimator.estimate(SALES, position, on_duty, now)
    assert estimate is not None
    return estimate


def test_the_next_waits_a_gap_of_the_measured_pace() -> None:
    estimator, now = busy()
    assert estimated(estimator, 1, 5, now) == pytest.approx(-20 * math.log(0.3), rel=0.05)


def test_a_long_line_waits_little_more_than_the_sum_of_its_gaps() -> None:
    estimator, now = busy(count=400)
    assert 1.0 < estimated(estimator, 50, 5, now) / (50 * 20) < 1.2


def test_estimates_rise_with_the_position_and_fall_with_the_agents() -> None:
    estimator, now = busy()
    waits = [estimated(estimator, position, 5, now) for position in range(1, 200)]
    assert waits == sorted(waits)
    assert estimated(estimator, 10, 10, now) == pytest.approx(estimated(estimator, 10, 5, now) / 2)


def test_nobody_on_duty_means_no_estimate() -> None:
    estimator, now = busy()
    assert estimator.estimate(SALES, 1, 0, now) is None


def test_a_queue_never_heard_of_has_no_estimate() -> None:
    assert Estimator().estimate(SALES, 1, 5, 0.0) is None


def test_few_offers_are_too_few() -> None:
    estimator, now = busy(count=int(MIN_OFFERS) - 1)
    assert estimator.estimate(SALES, 1, 5, now) is None


def test_what_was_learnt_goes_stale() -> None:
    estimator, now = busy()
    assert estimator.estimate(SALES, 1, 5, now + 3 * MEMORY_S) is None


def test_offers_at_the_moment_of_joining_tell_no_pace() -> None:
    estimator = Estimator()
    for second in range(200):
        estimator.joined(SALES, 5, second)
        estimator.offered(SALES, 5, second)
        estimator.connected(SALES, second + 0.5)
    assert estimator.estimate(SALES, 1, 5, 200) is None


def test_a_line_that_does_not_move_makes_the_estimate_rise() -> None:
    estimator, now = busy()
    assert estimated(estimator, 1, 5, now + 600) > 1.5 * estimated(estimator, 1, 5, now)


def test_missed_offers_do_not_count_as_pace() -> None:
    estimator, now = busy()
    before = estimated(estimator, 5, 5, now)
    for _ in range(30):
        now += 20
        estimator.offered(SALES, 5, now)
        estimator.missed(SALES, now)
    assert estimated(estimator, 5, 5, now) > 1.5 * before


def test_impatient_callers_ahead_shorten_the_wait() -> None:
    patient, now = busy()
    impatient, _ = busy()
    for second in range(0, 100, 10):
        for estimator in (patient, impatient):
            estimator.joined(SALES, 5, now + second)
        impatient.left(SALES, now + second + 5)
        patient.offered(SALES, 5, now + second + 5)
        patient.missed(SALES, now + second + 5)
        patient.paused(SALES, now + second + 5)
    assert estimated(impatient, 20, 5, now + 100) < estimated(patient, 20, 5, now + 100)


def test_callers_in_a_side_flow_are_no_reason_to_think_the_line_slow() -> None:
    estimator, now = busy(count=30)
    for _ in range(3):
        estimator.paused(SALES, now)
    assert estimated(estimator, 1, 5, now + 600) == pytest.approx(estimated(estimator, 1, 5, now), rel=0.02)


def test_a_phone_that_rings_for_somebody_ahead_counts_as_a_place_served() -> None:
    estimator, now = busy()
    before = estimated(estimator, 3, 5, now)
    estimator.offered(SALES, 5, now)
    assert estimated(estimator, 3, 5, now) < before


def test_asking_changes_nothing() -> None:
    estimator, now = busy()
    known = replace(estimator.paces[SALES])
    estimator.estimate(SALES, 7, 5, now + 50)
    assert estimator.paces[SALES] == known


def test_a_thousandth_caller_costs_no_more_than_the_first_and_is_still_a_number() -> None:
    estimator, now = busy()
    assert math.isfinite(estimated(estimator, 20_000, 5, now))
