"""Obligations of the formulas: the published figures come out."""

import math

import pytest

from acdcore.planning.erlang import average_wait_c, erlang_b, erlang_c, service_level_a, service_level_c


@pytest.mark.parametrize(("agents", "level"), [(11, 0.3896), (12, 0.6402), (13, 0.7956), (14, 0.8884)])
def test_service_level_with_patient_callers(agents: int, level: float) -> None:
    assert service_level_c(10, agents, 180, 20) == pytest.approx(level, abs=5e-5)


@pytest.mark.parametrize(("agents", "level"), [(9, 0.5241), (12, 0.8256), (13, 0.8886)])
def test_service_level_with_impatient_callers(agents: int, level: float) -> None:
    assert service_level_a(10, agents, 180, 120, 20) == pytest.approx(level, abs=5e-5)


def test_average_wait_of_fourteen_agents() -> None:
    assert average_wait_c(10, 14, 180) == pytest.approx(7.84, abs=0.005)


def test_lost_calls_of_ten_erlangs_on_ten_lines() -> None:
    assert erlang_b(10, 10) == pytest.approx(0.2146, abs=5e-5)


def test_patience_without_end_makes_the_models_agree() -> None:
    assert service_level_a(10, 12, 180, 1e7, 20) == pytest.approx(service_level_c(10, 12, 180, 20), abs=1e-3)


def test_too_few_agents_never_keep_up() -> None:
    assert erlang_c(10, 10) == 1.0
    assert service_level_c(10, 10, 180, 20) == 0.0
    assert average_wait_c(10, 10, 180) == math.inf
