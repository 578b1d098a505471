"""Obligations of the formulas: the published figures come out."""

import math

import pytest

from acdcore.planning.erlang import (
    OfferedTraffic,
    OfferedWait,
    Target,
    average_wait_c,
    erlang_b,
    erlang_c,
    expect,
    required_agents,
    service_level_c,
)


@pytest.mark.parametrize(("agents", "level"), [(11, 0.3896), (12, 0.6402), (13, 0.7956), (14, 0.8884)])
def test_service_level_with_patient_callers(agents: int, level: float) -> None:
    assert service_level_c(10, agents, 180, 20) == pytest.approx(level, abs=5e-5)


@pytest.mark.parametrize(("agents", "level"), [(9, 0.5241), (12, 0.8256), (13, 0.8886)])
def test_service_level_with_impatient_callers(agents: int, level: float) -> None:
    assert expect(OfferedTraffic(200, 180, 120), agents, 20).service_level == pytest.approx(level, abs=5e-5)


def test_average_wait_of_fourteen_agents() -> None:
    assert average_wait_c(10, 14, 180) == pytest.approx(7.84, abs=0.005)


def test_lost_calls_of_ten_erlangs_on_ten_lines() -> None:
    assert erlang_b(10, 10) == pytest.approx(0.2146, abs=5e-5)


def test_patience_without_end_makes_the_models_agree() -> None:
    hardly_impatient = OfferedTraffic(200, 180, 1e7)
    assert expect(hardly_impatient, 12, 20).service_level == pytest.approx(service_level_c(10, 12, 180, 20), abs=1e-3)


def test_too_few_agents_never_keep_up() -> None:
    assert erlang_c(10, 10) == 1.0
    assert service_level_c(10, 10, 180, 20) == 0.0
    assert average_wait_c(10, 10, 180) == math.inf


def test_target_asks_for_the_smallest_number_that_meets_it() -> None:
    target = Target(0.8, 20)
    for demand in (OfferedTraffic(200, 180), OfferedTraffic(200, 180, 120)):
        agents = required_agents(demand, target)
        assert expect(demand, agents, 20).service_level >= 0.8 > expect(demand, agents - 1, 20).service_level
    assert (
        required_agents(OfferedTraffic(200, 180), target),
        required_agents(OfferedTraffic(200, 180, 120), target),
    ) == (14, 12)


def test_occupancy_ceiling_asks_for_more_agents_than_the_service_level() -> None:
    crowd = OfferedTraffic(4_000, 180, 120)
    agents = required_agents(crowd, Target(0.8, 20, max_occupancy=0.85))
    assert agents > required_agents(crowd, Target(0.8, 20))
    assert expect(crowd, agents, 20).occupancy <= 0.85


def test_who_gives_up_is_not_at_work_on_the_agents() -> None:
    expected = expect(OfferedTraffic(200, 180, 120), 9, 20)
    assert expected.abandonment == pytest.approx(expected.average_wait_s / 120)
    assert expected.occupancy == pytest.approx(10 * (1 - expected.abandonment) / 9)


def test_share_that_finds_an_agent_free_sums_up_with_the_rest() -> None:
    wait = OfferedWait(10, 9, 180, 120)
    assert wait.no_wait == pytest.approx(wait.served_within(0.0))
    assert wait.served_within(1e6) == pytest.approx(1 - wait.average_s() / 120, abs=1e-6)


@pytest.mark.parametrize(("agents", "load"), [(1, 5.0), (3, 500.0), (1_000, 10.0), (2_000, 1_990.0)])
def test_extreme_numbers_of_agents_stay_within_bounds(agents: int, load: float) -> None:
    expected = expect(OfferedTraffic(load * 20, 180, 60), agents, 20)
    assert 0 <= expected.service_level <= 1 and 0 <= expected.abandonment <= 1 and 0 <= expected.occupancy <= 1


def test_nobody_calls_nobody_is_needed() -> None:
    assert required_agents(OfferedTraffic(0, 180), Target()) == 0
    assert expect(OfferedTraffic(0, 180), 0, 20).service_level == 1.0


def test_target_that_no_number_meets_is_refused() -> None:
    with pytest.raises(ValueError, match="below 1"):
        required_agents(OfferedTraffic(10, 180), Target(1.0))
    with pytest.raises(ValueError, match="not enough"):
        required_agents(OfferedTraffic(10_000_000, 180), Target())
