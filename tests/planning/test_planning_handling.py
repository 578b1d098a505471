"""Obligations of handling times: pace is found but not overdone, queues keep their own times."""

import math
from random import Random

import pytest

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.planning.handling import Handling, Talk, fit

SALES, HELP, RARE = QueueName("sales"), QueueName("help"), QueueName("rare")
SLOW, FAST, NEW = AgentId("1"), AgentId("2"), AgentId("3")


def learnt() -> Handling:
    rng = Random(1)
    talks = []
    for number in range(800):
        agent, pace = (SLOW, 1.3) if number % 2 else (FAST, 0.7)
        queue, median_s = (SALES, 100.0) if number % 4 < 2 else (HELP, 300.0)
        talks.append(Talk(agent, queue, pace * rng.lognormvariate(math.log(median_s), 0.8), 10.0))
    talks += [Talk(NEW, SALES, 400.0, 10.0), Talk(NEW, RARE, 600.0, 10.0)]
    return fit(talks)


def test_pace_is_relative_to_the_queues() -> None:
    assert learnt().pace(SLOW) / learnt().pace(FAST) == pytest.approx(1.3 / 0.7, rel=0.15)


def test_two_long_talks_do_not_make_a_slow_agent() -> None:
    assert 1.0 < learnt().pace(NEW) < 1.2
    assert learnt().pace(AgentId("nobody")) == 1.0


def test_draws_keep_to_the_queue() -> None:
    handling, rng = learnt(), Random(2)
    medians = {}
    for queue in (SALES, HELP):
        drawn = sorted(talk.talk_s for _ in range(1_000) if (talk := handling.draw(queue, rng.random())))
        medians[queue] = drawn[500]
    assert medians[SALES] == pytest.approx(95, rel=0.2)
    assert medians[HELP] == pytest.approx(285, rel=0.2)


def test_queue_with_one_talk_borrows_from_all_and_leans_to_its_own() -> None:
    handling = learnt()
    talk = handling.draw(RARE, 0.5)
    assert talk is not None and talk.queue == RARE
    plain = handling.draw(QueueName("unheard"), 0.5)
    assert plain is not None and talk.talk_s > plain.talk_s


def test_nothing_heard_nothing_known() -> None:
    assert fit([]).draw(SALES, 0.5) is None
