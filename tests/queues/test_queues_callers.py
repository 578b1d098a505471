"""Obligations of waiting: rings, callers kept for an agent, pauses, time waited elsewhere, and kinds of contact."""

from tests.queues.desk import ANNA, BO, CHEN, ENGLISH, HELP, REPAIR, SALES, TALK, Desk, kinds, only

from acdcore.kernel.ids import AgentId
from acdcore.queues.decisions import (
    HeldForAgent,
    InputRefused,
    Offered,
    OfferWithdrawn,
    Overflowed,
    RefusalReason,
    Relaxed,
    WithdrawCause,
)
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneDown,
    AgentPhoneUp,
    AgentReady,
    CallerFacts,
    CallerLeft,
    CallerPaused,
    CallerResumed,
    Channel,
    EntryId,
    Input,
    OfferAccepted,
    OfferEnded,
    OfferId,
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
    ToQueue,
)

VIP = NeedRule(tiers=frozenset({"vip"}), skills={TALK: 5})
RINGS = (Ring(10, {TALK: 2}), Ring(30, {TALK: 0, ENGLISH: 0}))
RINGED = QueueSettings(SALES, {TALK: 1}, rules=(VIP,), rings=RINGS)
STICKY = QueueSettings(SALES, {TALK: 1}, wrap_up_s=0, sticky_for_s=20)


# ---- rules and rings --------------------------------------------------------------------------------------------


def test_rule_asks_more_of_the_agent_for_its_callers_only() -> None:
    desk = Desk(RINGED)
    desk.staff(ANNA, talk=4)
    _, decisions = desk.come(SALES, CallerFacts("vip"))
    assert kinds(decisions) == ["Queued"]
    assert only(Offered, desk.join(SALES)[1]).agent == ANNA


def test_ring_lets_needs_go_in_the_turn_in_which_it_is_reached() -> None:
    desk = Desk(RINGED)
    desk.staff(ANNA, talk=2)
    entry, _ = desk.come(SALES, CallerFacts("vip"))
    assert desk.wait(9.9) == []
    decisions = desk.wait(0.1)
    assert only(Relaxed, decisions) == Relaxed(entry, SALES, 1, desk.now)
    assert only(Offered, decisions).agent == ANNA


def test_ring_keeps_the_place_and_who_missed_the_caller() -> None:
    desk = Desk(RINGED)
    desk.staff(BO, talk=5)
    first, decisions = desk.come(SALES, CallerFacts("vip"))
    desk.feed(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    desk.feed(AgentNotReady(BO))
    second, _ = desk.join(SALES)
    desk.wait(12)
    assert (desk.why(first).position, desk.why(second).position) == (1, 2)
    assert only(Offered, desk.feed(AgentReady(BO))).entry == second, "BO has just missed the first"
    assert only(Offered, desk.staff(ANNA, talk=2)).entry == first


def test_ringing_offer_outlasts_the_ring() -> None:
    desk = Desk(RINGED)
    desk.staff(ANNA, talk=5)
    entry, decisions = desk.come(SALES, CallerFacts("vip"))
    desk.staff(BO, talk=2)
    assert not any(isinstance(decision, Relaxed) for decision in desk.wait(12))
    ended = desk.feed(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    assert only(Relaxed, ended).ring == 1
    assert only(Offered, ended).agent == BO
    assert desk.why(entry).ring == 1


def test_overflow_into_a_queue_begins_with_its_own_rings() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToQueue(HELP))
    desk = Desk(
        QueueSettings(SALES, {TALK: 1}, max_wait_s=15, overflow=(rule,), rings=(Ring(10, {TALK: 0}),)),
        QueueSettings(HELP, {REPAIR: 1}, rings=(Ring(10, {REPAIR: 0}),)),
    )
    entry, _ = desk.join(SALES)
    desk.wait(15)
    assert (desk.why(entry).ring, desk.why(entry).needs) == (0, {REPAIR: 1})
    assert only(Relaxed, desk.wait(10)).queue == HELP


# ---- kept for one agent -----------------------------------------------------------------------------------------


def kept(desk: Desk) -> EntryId:
    """ANNA talks, BO is ready, and a caller is kept for ANNA."""
    desk.staff(ANNA, talk=1)
    desk.feed(OfferAccepted(only(Offered, desk.join(SALES)[1]).offer))
    desk.staff(BO, talk=1)
    entry, decisions = desk.come(SALES, preferred=ANNA)
    assert only(HeldForAgent, decisions) == HeldForAgent(entry, SALES, ANNA, desk.now + 20)
    assert kinds(decisions) == ["Queued", "HeldForAgent"]
    return entry


def test_caller_is_kept_for_the_agent_and_offered_when_that_agent_is_free() -> None:
    desk = Desk(STICKY)
    entry = kept(desk)
    desk.wait(19)
    offered = only(Offered, desk.feed(TalkEnded(EntryId("e1"))))
    assert (offered.entry, offered.agent) == (entry, ANNA)


def test_hold_ends_in_time_and_the_next_agent_takes_the_caller() -> None:
    desk = Desk(STICKY)
    entry = kept(desk)
    offered = only(Offered, desk.wait(20))
    assert (offered.entry, offered.agent) == (entry, BO)


def test_hold_ends_when_the_agent_goes_even_during_a_talk() -> None:
    goings: list[Input] = [AgentNotReady(ANNA), AgentLoggedOut(ANNA), AgentPhoneDown(ANNA)]
    goings.append(AgentLoggedIn(AgentSettings(ANNA, skills={REPAIR: 1})))
    for going in goings:
        desk = Desk(STICKY)
        entry = kept(desk)
        offered = only(Offered, desk.feed(going))
        assert (offered.entry, offered.agent) == (entry, BO), going


def test_hold_that_ended_stays_over_when_the_agent_comes_back_while_another_phone_rings() -> None:
    for gone, back in ((AgentPhoneDown(ANNA), AgentPhoneUp(ANNA)), (AgentNotReady(ANNA, "lunch"), AgentReady(ANNA))):
        desk = Desk(STICKY)
        desk.staff(ANNA, talk=5)
        desk.feed(OfferAccepted(only(Offered, desk.join(SALES)[1]).offer))
        desk.staff(BO, talk=4)
        desk.staff(CHEN, talk=3)
        entry, decisions = desk.come(SALES, preferred=ANNA)
        assert only(HeldForAgent, decisions).entry == entry
        at_bo = only(Offered, desk.feed(gone))
        assert (at_bo.entry, at_bo.agent) == (entry, BO)
        desk.feed(back)
        missed = desk.feed(OfferEnded(at_bo.offer, OfferEnd.REFUSED))
        assert only(Offered, missed).agent == CHEN  # well within `sticky_for_s`


def test_hold_ends_when_the_agent_misses_the_caller() -> None:
    desk = Desk(STICKY)
    entry = kept(desk)
    offer = only(Offered, desk.feed(TalkEnded(EntryId("e1")))).offer
    offered = only(Offered, desk.feed(OfferEnded(offer, OfferEnd.NO_ANSWER)))
    assert (offered.entry, offered.agent) == (entry, BO)


def test_missing_somebody_else_for_the_last_time_ends_the_hold_too() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, sticky_for_s=60, misses_until_not_ready=1), QueueSettings(HELP))
    desk.staff(ANNA, talk=1)
    _, decisions = desk.join(HELP)
    desk.staff(BO, talk=1)
    entry, _ = desk.come(SALES, preferred=ANNA)
    assert desk.why(entry).held_back_by == "preferred_agent"
    missed = desk.feed(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    assert BO in [decision.agent for decision in missed if isinstance(decision, Offered)]
    desk.wait(20)
    desk.feed(OfferEnded(OfferId(3), OfferEnd.REFUSED))
    assert desk.why(entry).held_back_by is None


def test_nobody_is_kept_for_an_agent_who_will_not_come() -> None:
    desk = Desk(STICKY)
    desk.staff(ANNA, talk=1)
    desk.feed(AgentNotReady(ANNA))
    desk.feed(AgentLoggedIn(AgentSettings(CHEN, skills={TALK: 1})))
    desk.staff(BO, repair=1)
    for absent in (ANNA, BO, CHEN, AgentId("9999")):
        _, decisions = desk.come(SALES, preferred=absent)
        assert kinds(decisions) == ["Queued"]


def test_preferred_agent_who_is_ready_takes_the_caller_before_better_ones() -> None:
    desk = Desk(STICKY)
    desk.staff(ANNA, talk=1)
    desk.staff(BO, talk=9)
    assert only(Offered, desk.come(SALES, preferred=ANNA)[1]).agent == ANNA


def test_lines_kept_for_one_agent_are_forgotten_when_empty() -> None:
    desk = Desk(STICKY)
    entry = kept(desk)
    desk.feed(CallerLeft(entry))
    kept_again, _ = desk.come(SALES, preferred=ANNA)
    desk.wait(20)
    assert desk.why(kept_again).ringing == BO
    assert len(list(desk.dispatcher._board.lines)) == 1


# ---- pauses -----------------------------------------------------------------------------------------------------


def test_paused_caller_keeps_the_place_and_is_not_offered() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}))
    first, _ = desk.join(SALES)
    second, _ = desk.join(SALES)
    desk.feed(CallerPaused(first))
    assert (desk.why(first).position, desk.why(second).position) == (1, 2)
    assert only(Offered, desk.staff(ANNA, talk=1)).entry == second
    desk.feed(CallerResumed(first))
    assert only(Offered, desk.staff(BO, talk=1)).entry == first


def test_pause_takes_back_a_ringing_offer_and_frees_the_agent_for_the_next() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}))
    desk.staff(ANNA, talk=1)
    first, _ = desk.join(SALES)
    second, _ = desk.join(SALES)
    decisions = desk.feed(CallerPaused(first))
    assert only(OfferWithdrawn, decisions).cause is WithdrawCause.CALLER_PAUSED
    assert only(Offered, decisions).entry == second
    assert desk.feed(CallerResumed(first)) == []


def test_deadlines_of_a_pause_take_effect_at_the_return() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToFlow("message"))
    queue = QueueSettings(
        SALES, {TALK: 3}, max_wait_s=60, overflow=(rule,), rings=(Ring(10, {TALK: 1}),), announce_first_s=5
    )
    desk = Desk(queue)
    desk.staff(ANNA, talk=1)
    first, _ = desk.join(SALES)
    second, _ = desk.join(SALES)
    for entry in (first, second):
        desk.feed(CallerPaused(entry))
    assert desk.wait(20) == []
    resumed = desk.feed(CallerResumed(first))
    assert (only(Relaxed, resumed).ring, only(Offered, resumed).agent) == (1, ANNA)
    desk.wait(50)
    resumed = desk.feed(CallerResumed(second))
    assert kinds(resumed) == ["Overflowed"]
    assert only(Overflowed, resumed).waited_s == 70


def test_hold_for_an_agent_who_is_back_by_the_return_outlasts_the_pause() -> None:
    desk = Desk(STICKY)
    entry = kept(desk)
    desk.feed(CallerPaused(entry))
    desk.feed(AgentPhoneDown(ANNA))
    desk.feed(AgentPhoneUp(ANNA))
    assert kinds(desk.feed(CallerResumed(entry))) == []
    desk.feed(CallerPaused(entry))
    desk.feed(AgentPhoneDown(ANNA))
    assert only(Offered, desk.feed(CallerResumed(entry))).agent == BO


def test_pause_that_does_not_fit_is_refused() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}))
    entry, _ = desk.join(SALES)

    def reason(fed: Input) -> RefusalReason:
        return only(InputRefused, desk.feed(fed)).reason

    assert reason(CallerPaused(EntryId("nobody"))) is RefusalReason.UNKNOWN_ENTRY
    assert reason(CallerResumed(EntryId("nobody"))) is RefusalReason.UNKNOWN_ENTRY
    assert reason(CallerResumed(entry)) is RefusalReason.NOT_IN_THIS_STATE
    desk.feed(CallerPaused(entry))
    assert reason(CallerPaused(entry)) is RefusalReason.NOT_IN_THIS_STATE


# ---- time waited elsewhere, kinds of contact --------------------------------------------------------------------


def test_time_waited_elsewhere_counts_for_the_order_and_not_for_the_stay() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToFlow("message"))
    desk = Desk(QueueSettings(SALES, {TALK: 1}, max_wait_s=60, overflow=(rule,)))
    ordinary, _ = desk.join(SALES)
    desk.wait(10)
    returned, _ = desk.come(SALES, waited_s=100)
    assert (desk.why(returned).position, desk.why(ordinary).position) == (1, 2)
    assert only(Overflowed, desk.wait(50)).entry == ordinary
    assert only(Overflowed, desk.wait(10)).entry == returned
    refused = desk.come(SALES, waited_s=-1)[1]
    assert only(InputRefused, refused).reason is RefusalReason.OUT_OF_RANGE


def test_agent_is_offered_only_the_kinds_of_contact_that_the_agent_takes() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}))
    desk.feed(AgentPhoneUp(ANNA))
    desk.feed(AgentLoggedIn(AgentSettings(ANNA, skills={TALK: 1}, channels={Channel.CALLBACK: 0})))
    callback, _ = desk.come(SALES, channel=Channel.CALLBACK)
    caller, _ = desk.join(SALES)
    assert only(Offered, desk.feed(AgentReady(ANNA))).entry == caller
    assert [(c.exclusion, c.detail) for c in desk.why(callback).candidates] == [("channel", "callback")]
    assert only(Offered, desk.staff(BO, talk=1)).entry == callback


def test_more_than_one_contact_at_once_is_refused() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}))
    refused = desk.feed(AgentLoggedIn(AgentSettings(ANNA, channels={Channel.CALL: 2})))
    assert only(InputRefused, refused).reason is RefusalReason.OUT_OF_RANGE
