"""Obligations of the answer to "why does this caller still wait"."""

from collections.abc import Collection, Iterator

import pytest
from tests.queues.desk import ANNA, BO, CHEN, ENGLISH, HELP, REPAIR, SALES, SPARE, TALK, Desk, only
from tests.queues.shift import Shift, floor

from acdcore.kernel.ids import AgentId
from acdcore.queues.decisions import HeldForAgent, Offered, Overflowed, Relaxed
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
    Ring,
    ToFlow,
)
from acdcore.queues.views import MISSED_BEFORE, Exclusion, HoldBack, Timer, TimerName


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
    rings=(Ring(20, {ENGLISH: 1}), Ring(40, {ENGLISH: 0})),
    max_wait_s=90,
    overflow=(OverflowRule(OverflowCause.WAIT, ToFlow("message")),),
    announce_first_s=30,
)


def test_needs_ring_and_timers_are_those_of_the_moment() -> None:
    desk = Desk(QUEUE)
    began = desk.now
    entry, _ = desk.come(SALES, CallerFacts(language="yue"))
    desk.wait(25)
    why = desk.why(entry)
    assert (why.needs, why.ring, why.held_back_by) == ({TALK: 1, ENGLISH: 1}, 1, None)
    assert why.timers == (
        Timer(TimerName.ANNOUNCEMENT, began + 30),
        Timer(TimerName.RING, began + 40),
        Timer(TimerName.WAIT, began + 90),
    )


def test_what_would_change_is_said_the_nearest_first() -> None:
    desk = Desk(QUEUE)
    desk.staff(ANNA, talk=1, english=2)
    served, decisions = desk.come(SALES, CallerFacts(language="yue"))
    desk.feed(OfferAccepted(only(Offered, decisions).offer))
    desk.feed(TalkEnded(served))
    desk.staff(BO, talk=1, english=2)
    desk.feed(AgentNotReady(BO))
    desk.staff(CHEN, repair=1)
    desk.feed(AgentLoggedIn(AgentSettings(AgentId("1004"), skills={TALK: 1, ENGLISH: 5})))
    entry, _ = desk.come(SALES, CallerFacts(language="yue"))
    desk.wait(7)
    assert desk.why(entry).would_change == (
        "agent 1001 ends the wrap-up (in 8 s)",
        "ring 1 asks for english 1 only (in 13 s)",
        "agent 1002 becomes ready",
        "agent 1004 registers a phone",
    )


def test_ring_says_what_it_drops() -> None:
    desk = Desk(QUEUE)
    entry, _ = desk.come(SALES, CallerFacts(language="yue"))
    desk.wait(28)
    assert desk.why(entry).would_change == ("ring 2 drops english (in 12 s)",)


def test_rule_that_holds_an_eligible_pair_apart_is_named() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, sticky_for_s=20))
    desk.staff(ANNA, talk=1)
    desk.feed(OfferAccepted(only(Offered, desk.join(SALES)[1]).offer))
    desk.staff(BO, talk=1)
    entry, _ = desk.come(SALES, preferred=ANNA)
    why = desk.why(entry)
    assert why.held_back_by is HoldBack.PREFERRED_AGENT
    assert [(c.agent, c.exclusion, c.detail) for c in why.candidates if c.agent == BO] == [
        (BO, "held_for_another", ANNA)
    ]
    assert why.would_change == ("the hold for agent 1001 ends (in 20 s)", "agent 1001 ends the talk")
    desk.feed(CallerPaused(entry))
    assert desk.why(entry).held_back_by is HoldBack.PAUSED
    assert desk.why(entry).would_change[0] == "the caller comes back from the flow"


def test_front_desk_waits_for_a_hand() -> None:
    desk = Desk(QueueSettings(SALES, is_by_hand=True))
    desk.staff(ANNA, repair=1)
    entry, _ = desk.join(SALES)
    why = desk.why(entry)
    assert (why.held_back_by, why.would_change) == (HoldBack.BY_HAND, ("somebody assigns the caller",))


def test_missed_agent_is_named_with_the_end_of_the_hold() -> None:
    desk = Desk(QueueSettings(SALES, {REPAIR: 1}))
    desk.staff(ANNA, repair=1)
    entry, decisions = desk.join(SALES)
    desk.feed(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    desk.wait(12)
    assert desk.why(entry).timers == (Timer(TimerName.TRIED, desk.now + 18),)
    assert desk.why(entry).would_change == ("agent 1001 may be tried again (in 18 s)",)


def test_offer_is_told_from_before_it_took_effect() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}))
    first, _ = desk.join(SALES)
    desk.wait(5)
    second, _ = desk.join(SALES)
    desk.staff(ANNA, repair=1)
    asked = AgentSettings(BO, skills={TALK: 3})
    for fed in (AgentPhoneUp(BO), AgentLoggedIn(asked)):
        desk.feed(fed)
    decisions, noted = desk.dispatcher.handle_witnessed(AgentReady(BO), desk.now, {first})
    (grounds,) = noted
    assert grounds.choice == only(Offered, decisions)
    why = grounds.explanation
    assert (why.position, why.ringing, why.waited_s) == (1, None, 5)
    assert [(c.agent, c.exclusion) for c in why.candidates] == [(BO, None), (ANNA, Exclusion.SKILL_MISSING)]
    assert why.candidates[0].key == only(Offered, decisions).agent_key
    assert [(rival.entry, rival.waited_s, rival.barred_by) for rival in grounds.rivals] == [(second, 0, None)]


def test_who_waited_longer_but_could_not_be_given_is_told_why_not() -> None:
    desk = Desk(
        QueueSettings(SALES, {TALK: 1}), QueueSettings(HELP, {REPAIR: 1}), QueueSettings(SPARE, is_by_hand=True)
    )
    skilled, _ = desk.join(HELP)
    by_hand, _ = desk.join(SPARE)
    paused, _ = desk.join(SALES)
    desk.feed(CallerPaused(paused))
    desk.wait(1)
    entry, _ = desk.join(SALES)
    desk.feed(AgentPhoneUp(ANNA))
    desk.feed(AgentLoggedIn(AgentSettings(ANNA, skills={TALK: 1})))
    _, (grounds,) = desk.dispatcher.handle_witnessed(AgentReady(ANNA), desk.now, {entry})
    assert [(rival.entry, rival.barred_by) for rival in grounds.rivals] == [
        (skilled, Exclusion.SKILL_MISSING),
        (by_hand, HoldBack.BY_HAND),
        (paused, HoldBack.PAUSED),
    ]


def test_sent_away_and_relaxed_are_told_with_the_needs_of_before() -> None:
    desk = Desk(QUEUE)
    entry, _ = desk.come(SALES, CallerFacts(language="yue"))
    _, (relaxed,) = desk.dispatcher.handle_witnessed(DeadlinePassed(), desk.now + 20, {entry})
    assert isinstance(relaxed.choice, Relaxed)
    assert (relaxed.explanation.needs, relaxed.explanation.ring) == ({TALK: 1, ENGLISH: 2}, 0)
    _, (gone,) = desk.dispatcher.handle_witnessed(DeadlinePassed(), desk.now + 90, {entry})
    assert isinstance(gone.choice, Overflowed)
    assert (gone.explanation.queue, gone.explanation.position, gone.explanation.waited_s) == (SALES, 1, 90)


def test_nobody_asked_nothing_noted_and_decided_alike() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}))
    desk.join(SALES)
    desk.feed(AgentPhoneUp(ANNA))
    desk.feed(AgentLoggedIn(AgentSettings(ANNA, skills={TALK: 1})))
    decisions, noted = desk.dispatcher.handle_witnessed(AgentReady(ANNA), desk.now, set())
    assert (len(only(Offered, decisions).entry) > 0, noted) == (True, [])


@pytest.mark.parametrize("seed", range(6))
def test_every_offer_goes_to_the_first_candidate_and_passes_nobody_over_who_was_free_to_have(seed: int) -> None:
    shift, dispatcher, plain = Shift(seed), Dispatcher(floor()), Dispatcher(floor())
    offers = passed_over = 0
    for at, fed in shift.inputs(dispatcher, 1_500):
        decisions, noted = dispatcher.handle_witnessed(fed, at, Everybody())
        assert decisions == plain.handle(fed, at)
        shift.learn(decisions)
        told = [one for one in decisions if isinstance(one, Offered | Overflowed | Relaxed | HeldForAgent)]
        assert [grounds.choice for grounds in noted] == told
        for grounds in noted:
            choice, why = grounds.choice, grounds.explanation
            if not isinstance(choice, Offered) or choice.is_by_hand:
                continue
            assert (why.candidates[0].agent, why.candidates[0].exclusion) == (choice.agent, None)
            assert why.key == choice.caller_key
            before = [rival for rival in grounds.rivals if rival.key < why.key]
            assert all(rival.barred_by is not None for rival in before)
            offers += 1
            passed_over += bool(before)
    assert offers > 10 and passed_over > 0


def test_who_missed_the_caller_before_comes_last_among_the_candidates() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}))
    desk.staff(ANNA, talk=5)
    entry, decisions = desk.join(SALES)
    desk.feed(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    desk.feed(CallerPaused(entry))
    desk.wait(120)
    desk.staff(BO, talk=1)
    _, (grounds,) = desk.dispatcher.handle_witnessed(CallerResumed(entry), desk.now, {entry})
    assert [(c.agent, c.exclusion, c.detail) for c in grounds.explanation.candidates] == [
        (BO, None, ""),
        (ANNA, None, MISSED_BEFORE),
    ]
    assert isinstance(grounds.choice, Offered)
    assert grounds.choice.agent == BO
