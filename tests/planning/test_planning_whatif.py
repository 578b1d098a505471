"""Obligations of what-if: same callers on both sides, honest error bars, a table that can be read."""

import math

import pytest
from tests.planning.scene import AFTERNOON, EVENING, NOON

from acdcore.planning.changes import MoreAgents, MoreCalls, PriorityFor
from acdcore.planning.whatif import (
    ABANDONMENT,
    AVERAGE_WAIT,
    OCCUPANCY,
    SERVICE_LEVEL,
    UNEVENNESS,
    Estimate,
    compare_changes,
    student_quantile,
)


def test_no_change_makes_no_difference_at_all() -> None:
    comparison = compare_changes(AFTERNOON, (), runs=2)
    assert {row.difference.mean for row in comparison.rows} == {0.0}


def test_more_agents_serve_better_and_more_calls_worse() -> None:
    better = compare_changes(AFTERNOON, (MoreAgents(3, NOON, EVENING),), runs=4)
    worse = compare_changes(AFTERNOON, (MoreCalls(1.4),), runs=4)
    assert better.row("all", SERVICE_LEVEL).difference.is_sure and better.row("all", SERVICE_LEVEL).difference.mean > 0
    assert better.row("all", AVERAGE_WAIT).difference.mean < 0
    assert worse.row("all", ABANDONMENT).difference.mean > 0
    assert worse.row("all", OCCUPANCY).difference.mean > 0


def test_advance_moves_the_tier_and_not_the_whole() -> None:
    comparison = compare_changes(AFTERNOON, (PriorityFor("vip", 600.0),), runs=5)
    vip, everybody = comparison.row("tier vip", AVERAGE_WAIT), comparison.row("all", AVERAGE_WAIT)
    assert vip.difference.mean < 0
    assert abs(everybody.difference.mean) < abs(vip.difference.mean)


def test_difference_of_the_same_callers_is_surer_than_either_figure() -> None:
    row = compare_changes(AFTERNOON, (MoreAgents(1, NOON, EVENING),), runs=6).row("all", AVERAGE_WAIT)
    assert row.difference.half_width < row.baseline.half_width


def test_same_seed_gives_the_same_comparison_and_progress_is_told() -> None:
    done: list[int] = []
    first = compare_changes(AFTERNOON, (MoreCalls(1.2),), runs=2, seed=7, progress=done.append)
    assert first == compare_changes(AFTERNOON, (MoreCalls(1.2),), runs=2, seed=7)
    assert first != compare_changes(AFTERNOON, (MoreCalls(1.2),), runs=2, seed=8)
    assert done == [1, 2]


def test_table_names_every_row_and_marks_what_is_sure() -> None:
    text = compare_changes(AFTERNOON, (MoreAgents(3, NOON, EVENING),), runs=3).render()
    for word in ("all", "queue help", "queue sales", "tier vip", SERVICE_LEVEL.name, UNEVENNESS.name, "3 runs", " *"):
        assert word in text
    assert all(len(line) < 120 for line in text.splitlines())


def test_number_of_runs_is_bounded() -> None:
    for runs in (0, 1_001):
        with pytest.raises(ValueError, match="give from 1 to 1000"):
            compare_changes(AFTERNOON, (), runs=runs)


@pytest.mark.parametrize(("freedom", "quantile"), [(1, 12.706), (2, 4.303), (4, 2.776), (19, 2.093), (100, 1.984)])
def test_quantile_of_student_is_that_of_the_tables(freedom: int, quantile: float) -> None:
    assert student_quantile(freedom) == pytest.approx(quantile, rel=3e-3)


def test_one_sample_is_never_sure() -> None:
    assert Estimate.of([5.0]) == Estimate(5.0, math.inf)
    assert not Estimate.of([5.0]).is_sure
    assert Estimate.of([5.0, 5.1, 4.9]).is_sure
