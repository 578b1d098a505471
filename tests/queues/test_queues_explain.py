"""Obligations of the answer to "why does this caller still wait"."""

from tests.queues.desk import ANNA, BO, CHEN, ENGLISH, REPAIR, SALES, TALK, Desk, only

from acdcore.kernel.ids import AgentId
from acdcore.queues.model import (
    AgentLoggedIn,
    AgentNotReady,
    CallerFacts,
    CallerPaused,
    OfferAccepted,
    Offered,
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
from acdcore.queues.view import HoldBack, Timer, TimerName

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
