"""Obligations of the order of callers."""

from hypothesis import given
from hypothesis import strategies as st
from tests.queues.dispatcher_harness import ENGLISH, REPAIR, SALES, TALK

from acdcore.queues import policy
from acdcore.queues.inputs import CallerFacts
from acdcore.queues.settings import NeedRule, QueueSettings, WideningStep
from acdcore.queues.views import Exclusion

WHOLE = st.integers(0, 4_000)


@given(st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.lists(st.tuples(WHOLE, WHOLE), min_size=2, max_size=6), WHOLE)
def test_order_in_a_queue_is_the_same_at_every_moment(
    ageing: float, callers: list[tuple[int, int]], later: int
) -> None:
    queue = QueueSettings(SALES, ageing=ageing, weight=2.0)
    places = [policy.place_of(queue, advance, joined, serial) for serial, (advance, joined) in enumerate(callers)]
    for now in (4_000.0, 4_000.0 + later):
        assert sorted(places) == sorted(places, key=lambda place: policy.caller_key(queue, place, now))


@given(WHOLE, WHOLE, st.integers(1, 600))
def test_nobody_is_overtaken_by_those_who_join_an_advance_later(joined: int, advance: int, after: int) -> None:
    queue = QueueSettings(SALES, ageing=0.5)
    plain = policy.place_of(queue, 0, joined, 1)
    vip = policy.place_of(queue, advance, joined + advance / 0.5 + after, 2)
    assert plain < vip


def test_equal_place_is_the_inverse_of_the_key() -> None:
    here, there = QueueSettings(SALES, ageing=1.0, weight=2.0), QueueSettings(SALES, ageing=0.5, weight=4.0)
    key = policy.caller_key(here, policy.place_of(here, 30, 100, 1), 160)
    assert policy.caller_key(there, policy.equal_place(there, key, 160), 160) == key


def test_needs_of_queue_and_caller_add_up_to_the_higher_level() -> None:
    queue = QueueSettings(SALES, {TALK: 2})
    assert policy.needs(queue, {TALK: 1, ENGLISH: 3}, CallerFacts()) == {TALK: 2, ENGLISH: 3}


def test_rule_asks_when_each_set_that_is_given_has_the_callers_fact() -> None:
    rule = NeedRule(frozenset({"vip"}), frozenset({"en", "yue"}), skills={ENGLISH: 3, TALK: 1})
    queue = QueueSettings(SALES, {TALK: 2}, rules=(rule, NeedRule(regions=frozenset({"hk"}), skills={REPAIR: 1})))
    assert policy.needs(queue, {}, CallerFacts("vip", "en", "gz")) == {TALK: 2, ENGLISH: 3}
    assert policy.needs(queue, {}, CallerFacts("vip", "cmn", "hk")) == {TALK: 2, REPAIR: 1}
    assert policy.needs(queue, {ENGLISH: 5}, CallerFacts("vip", "yue", "hk")) == {TALK: 2, ENGLISH: 5, REPAIR: 1}
    assert policy.needs(queue, {}, CallerFacts()) == {TALK: 2}


def test_widening_steps_lower_what_is_needed_and_ask_for_nothing_new() -> None:
    steps = (WideningStep(10, {TALK: 2}), WideningStep(20, {ENGLISH: 0, REPAIR: 4, TALK: 9}))
    assert policy.apply_widening({TALK: 5, ENGLISH: 3}, steps[:1]) == {TALK: 2, ENGLISH: 3}
    assert policy.apply_widening({TALK: 5, ENGLISH: 3}, steps) == {TALK: 2}


def test_widening_steps_are_reached_by_time_or_by_the_wait_to_expect() -> None:
    steps = (WideningStep(10, {TALK: 2}), WideningStep(20, {TALK: 1}, estimated_wait_s=60), WideningStep(30, {TALK: 0}))
    assert [policy.widening_step_reached(steps, 100, now) for now in (109, 110, 125, 130, 900)] == [0, 1, 2, 3, 3]
    assert [policy.widening_step_at_entry(steps, expected_s) for expected_s in (None, 60, 61)] == [0, 0, 2]
    assert policy.widening_step_at_entry((WideningStep(0, {TALK: 1}),), None) == 1


def test_exclusions_and_states_share_their_words() -> None:
    assert {"busy", "offered", "talking", "wrap_up", "backing_off"} <= set(Exclusion)
