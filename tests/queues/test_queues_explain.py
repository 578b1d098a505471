"""Obligations of the answer to "why does this caller still wait"."""

from collections.abc import Collection, Iterator

import pytest
from tests.queues.dispatcher_harness import (
    ANNA,
    BO,
    CHEN,
    ENGLISH,
    HELP,
    REPAIR,
    SALES,
    SPARE,
    TALK,
    DispatcherHarness,
    only,
)
from tests.queues.shift import Shift, dispatcher_settings

from acdcore.kernel.ids import AgentId
from acdcore.queues.decisions import Offered, Overflowed, ReservedForAgent, Widened
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentNotReady,
    AgentPhoneUp,
    AgentReady,
    CallerFacts,
    CallerPaused,
    CallerResumed,
    DeadlinePassed,
    EntryId,
    OfferAccepted,
    OfferEnded,
    TalkEnded,
)
from acdcore.queues.settings import (
    AgentSettings,
    NeedRule,
    OfferEnd,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    ToFlow,
    WideningStep,
)
from acdcore.queues.views import MISSED_BEFORE, BlockingRule, CallerTimer, Exclusion, TimerName


class Everybody(Collection[EntryId]):
    """All entries there are, and will be."""

    def __contains__(self, entry: object) -> bool:
        return True

    def __iter__(self) -> Iterator[EntryId]:
        return iter(())

    def __len__(self) -> int:
        return 0


YUE = NeedRule(languages=frozenset({"yue"}), skills={ENGLISH: 2})
QUEUE = QueueSettings(
    SALES,
    {TALK: 1},
    rules=(YUE,),
    widening=(WideningStep(20, {ENGLISH: 1}), WideningStep(40, {ENGLISH: 0})),
    max_wait_s=90,
    overflow=(OverflowRule(OverflowCause.WAIT, ToFlow("message")),),
    announce_first_s=30,
)


def test_needs_widening_step_and_timers_are_those_of_the_moment() -> None:
    harness = DispatcherHarness(QUEUE)
    began = harness.now
    entry, _ = harness.come(SALES, CallerFacts(language="yue"))
    harness.wait(25)
    why = harness.why(entry)
    assert (why.needs, why.widening_step, why.blocked_by) == ({TALK: 1, ENGLISH: 1}, 1, None)
    assert why.timers == (
        CallerTimer(TimerName.ANNOUNCEMENT, began + 30),
        CallerTimer(TimerName.WIDENING, began + 40),
        CallerTimer(TimerName.WAIT, began + 90),
    )


def test_what_would_change_is_said_the_nearest_first() -> None:
    harness = DispatcherHarness(QUEUE)
    harness.staff(ANNA, talk=1, english=2)
    served, decisions = harness.come(SALES, CallerFacts(language="yue"))
    harness.handle(OfferAccepted(only(Offered, decisions).offer))
    harness.handle(TalkEnded(served))
    harness.staff(BO, talk=1, english=2)
    harness.handle(AgentNotReady(BO))
    harness.staff(CHEN, repair=1)
    harness.handle(AgentLoggedIn(AgentSettings(AgentId("1004"), skills={TALK: 1, ENGLISH: 5})))
    entry, _ = harness.come(SALES, CallerFacts(language="yue"))
    harness.wait(7)
    assert harness.why(entry).would_change == (
        "agent 1001 ends the wrap-up (in 8 s)",
        "widening step 1 asks for english 1 only (in 13 s)",
        "agent 1002 becomes ready",
        "agent 1004 registers a phone",
    )


def test_widening_step_says_what_it_drops() -> None:
    harness = DispatcherHarness(QUEUE)
    entry, _ = harness.come(SALES, CallerFacts(language="yue"))
    harness.wait(28)
    assert harness.why(entry).would_change == ("widening step 2 drops english (in 12 s)",)


def test_rule_that_holds_an_eligible_pair_apart_is_named() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, sticky_for_s=20))
    harness.staff(ANNA, talk=1)
    harness.handle(OfferAccepted(only(Offered, harness.join(SALES)[1]).offer))
    harness.staff(BO, talk=1)
    entry, _ = harness.come(SALES, preferred=ANNA)
    why = harness.why(entry)
    assert why.blocked_by is BlockingRule.PREFERRED_AGENT
    assert [(c.agent, c.exclusion, c.detail) for c in why.candidates if c.agent == BO] == [
        (BO, "reserved_for_another", ANNA)
    ]
    assert why.would_change == ("the reservation for agent 1001 ends (in 20 s)", "agent 1001 ends the talk")
    harness.handle(CallerPaused(entry))
    assert harness.why(entry).blocked_by is BlockingRule.PAUSED
    assert harness.why(entry).would_change[0] == "the caller comes back from the flow"


def test_front_desk_waits_for_an_assignment() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, is_manual_assignment=True))
    harness.staff(ANNA, repair=1)
    entry, _ = harness.join(SALES)
    why = harness.why(entry)
    assert (why.blocked_by, why.would_change) == (BlockingRule.MANUAL_ASSIGNMENT, ("somebody assigns the caller",))


def test_missed_agent_is_named_with_the_time_of_the_retry() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {REPAIR: 1}))
    harness.staff(ANNA, repair=1)
    entry, decisions = harness.join(SALES)
    harness.handle(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    harness.wait(12)
    assert harness.why(entry).timers == (CallerTimer(TimerName.TRIED, harness.now + 18),)
    assert harness.why(entry).would_change == ("agent 1001 may be tried again (in 18 s)",)


def test_offer_is_told_from_before_it_took_effect() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}))
    first, _ = harness.join(SALES)
    harness.wait(5)
    second, _ = harness.join(SALES)
    harness.staff(ANNA, repair=1)
    asked = AgentSettings(BO, skills={TALK: 3})
    for event in (AgentPhoneUp(BO), AgentLoggedIn(asked)):
        harness.handle(event)
    decisions, noted = harness.dispatcher.handle_traced(AgentReady(BO), harness.now, {first})
    (evidence,) = noted
    assert evidence.choice == only(Offered, decisions)
    why = evidence.explanation
    assert (why.position, why.ringing, why.waited_s) == (1, None, 5)
    assert [(c.agent, c.exclusion) for c in why.candidates] == [(BO, None), (ANNA, Exclusion.SKILL_MISSING)]
    assert why.candidates[0].key == only(Offered, decisions).agent_key
    assert [(other.entry, other.waited_s, other.excluded_by) for other in evidence.competing_callers] == [
        (second, 0, None)
    ]


def test_who_waited_longer_but_could_not_be_given_is_told_why_not() -> None:
    harness = DispatcherHarness(
        QueueSettings(SALES, {TALK: 1}),
        QueueSettings(HELP, {REPAIR: 1}),
        QueueSettings(SPARE, is_manual_assignment=True),
    )
    skilled, _ = harness.join(HELP)
    assigned_only, _ = harness.join(SPARE)
    paused, _ = harness.join(SALES)
    harness.handle(CallerPaused(paused))
    harness.wait(1)
    entry, _ = harness.join(SALES)
    harness.handle(AgentPhoneUp(ANNA))
    harness.handle(AgentLoggedIn(AgentSettings(ANNA, skills={TALK: 1})))
    _, (evidence,) = harness.dispatcher.handle_traced(AgentReady(ANNA), harness.now, {entry})
    assert [(other.entry, other.excluded_by) for other in evidence.competing_callers] == [
        (skilled, Exclusion.SKILL_MISSING),
        (assigned_only, BlockingRule.MANUAL_ASSIGNMENT),
        (paused, BlockingRule.PAUSED),
    ]


def test_overflow_and_widening_are_traced_with_the_needs_of_before() -> None:
    harness = DispatcherHarness(QUEUE)
    entry, _ = harness.come(SALES, CallerFacts(language="yue"))
    _, (widened,) = harness.dispatcher.handle_traced(DeadlinePassed(), harness.now + 20, {entry})
    assert isinstance(widened.choice, Widened)
    assert (widened.explanation.needs, widened.explanation.widening_step) == ({TALK: 1, ENGLISH: 2}, 0)
    _, (gone,) = harness.dispatcher.handle_traced(DeadlinePassed(), harness.now + 90, {entry})
    assert isinstance(gone.choice, Overflowed)
    assert (gone.explanation.queue, gone.explanation.position, gone.explanation.waited_s) == (SALES, 1, 90)


def test_nobody_asked_nothing_noted_and_decided_alike() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}))
    harness.join(SALES)
    harness.handle(AgentPhoneUp(ANNA))
    harness.handle(AgentLoggedIn(AgentSettings(ANNA, skills={TALK: 1})))
    decisions, noted = harness.dispatcher.handle_traced(AgentReady(ANNA), harness.now, set())
    assert (len(only(Offered, decisions).entry) > 0, noted) == (True, [])


@pytest.mark.parametrize("seed", range(6))
def test_every_offer_goes_to_the_first_candidate_and_passes_nobody_over_who_was_free_to_have(seed: int) -> None:
    shift, dispatcher, plain = Shift(seed), Dispatcher(dispatcher_settings()), Dispatcher(dispatcher_settings())
    offers = passed_over = 0
    for at, event in shift.inputs(dispatcher, 1_500):
        decisions, noted = dispatcher.handle_traced(event, at, Everybody())
        assert decisions == plain.handle(event, at)
        shift.learn(decisions)
        choices = [one for one in decisions if isinstance(one, Offered | Overflowed | Widened | ReservedForAgent)]
        assert [evidence.choice for evidence in noted] == choices
        for evidence in noted:
            choice, why = evidence.choice, evidence.explanation
            if not isinstance(choice, Offered) or choice.is_manual_assignment:
                continue
            assert (why.candidates[0].agent, why.candidates[0].exclusion) == (choice.agent, None)
            assert why.key == choice.caller_key
            before = [other for other in evidence.competing_callers if other.key < why.key]
            assert all(other.excluded_by is not None for other in before)
            offers += 1
            passed_over += bool(before)
    assert offers > 10 and passed_over > 0


def test_who_missed_the_caller_before_comes_last_among_the_candidates() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}))
    harness.staff(ANNA, talk=5)
    entry, decisions = harness.join(SALES)
    harness.handle(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    harness.handle(CallerPaused(entry))
    harness.wait(120)
    harness.staff(BO, talk=1)
    _, (evidence,) = harness.dispatcher.handle_traced(CallerResumed(entry), harness.now, {entry})
    assert [(c.agent, c.exclusion, c.detail) for c in evidence.explanation.candidates] == [
        (BO, None, ""),
        (ANNA, None, MISSED_BEFORE),
    ]
    assert isinstance(evidence.choice, Offered)
    assert evidence.choice.agent == BO
