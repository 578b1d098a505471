"""Obligations of waiting: widening steps, reservations, pauses, time waited elsewhere, and channels."""

from tests.queues.dispatcher_harness import (
    ANNA,
    BO,
    CHEN,
    ENGLISH,
    HELP,
    REPAIR,
    SALES,
    TALK,
    DispatcherHarness,
    kinds,
    only,
)

from acdcore.kernel.ids import AgentId
from acdcore.queues.decisions import (
    InputRefused,
    Offered,
    OfferWithdrawn,
    Overflowed,
    RefusalReason,
    ReservedForAgent,
    Widened,
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
    ToFlow,
    ToQueue,
    WideningStep,
)

VIP = NeedRule(tiers=frozenset({"vip"}), skills={TALK: 5})
RINGS = (WideningStep(10, {TALK: 2}), WideningStep(30, {TALK: 0, ENGLISH: 0}))
RINGED = QueueSettings(SALES, {TALK: 1}, rules=(VIP,), widening=RINGS)
STICKY = QueueSettings(SALES, {TALK: 1}, wrap_up_s=0, sticky_for_s=20)


# ---- rules and widening -----------------------------------------------------------------------------------------


def test_rule_asks_more_of_the_agent_for_its_callers_only() -> None:
    harness = DispatcherHarness(RINGED)
    harness.staff(ANNA, talk=4)
    _, decisions = harness.come(SALES, CallerFacts("vip"))
    assert kinds(decisions) == ["Queued"]
    assert only(Offered, harness.join(SALES)[1]).agent == ANNA


def test_widening_step_lowers_needs_in_the_turn_in_which_it_is_reached() -> None:
    harness = DispatcherHarness(RINGED)
    harness.staff(ANNA, talk=2)
    entry, _ = harness.come(SALES, CallerFacts("vip"))
    assert harness.wait(9.9) == []
    decisions = harness.wait(0.1)
    assert only(Widened, decisions) == Widened(entry, SALES, 1, harness.now)
    assert only(Offered, decisions).agent == ANNA


def test_widening_step_keeps_the_place_and_who_missed_the_caller() -> None:
    harness = DispatcherHarness(RINGED)
    harness.staff(BO, talk=5)
    first, decisions = harness.come(SALES, CallerFacts("vip"))
    harness.handle(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    harness.handle(AgentNotReady(BO))
    second, _ = harness.join(SALES)
    harness.wait(12)
    assert (harness.why(first).position, harness.why(second).position) == (1, 2)
    assert only(Offered, harness.handle(AgentReady(BO))).entry == second, "BO has just missed the first"
    assert only(Offered, harness.staff(ANNA, talk=2)).entry == first


def test_ringing_offer_outlasts_the_widening_step() -> None:
    harness = DispatcherHarness(RINGED)
    harness.staff(ANNA, talk=5)
    entry, decisions = harness.come(SALES, CallerFacts("vip"))
    harness.staff(BO, talk=2)
    assert not any(isinstance(decision, Widened) for decision in harness.wait(12))
    ended = harness.handle(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    assert only(Widened, ended).widening_step == 1
    assert only(Offered, ended).agent == BO
    assert harness.why(entry).widening_step == 1


def test_overflow_into_a_queue_begins_with_its_own_widening() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToQueue(HELP))
    harness = DispatcherHarness(
        QueueSettings(SALES, {TALK: 1}, max_wait_s=15, overflow=(rule,), widening=(WideningStep(10, {TALK: 0}),)),
        QueueSettings(HELP, {REPAIR: 1}, widening=(WideningStep(10, {REPAIR: 0}),)),
    )
    entry, _ = harness.join(SALES)
    harness.wait(15)
    assert (harness.why(entry).widening_step, harness.why(entry).needs) == (0, {REPAIR: 1})
    assert only(Widened, harness.wait(10)).queue == HELP


# ---- kept for one agent -----------------------------------------------------------------------------------------


def kept(harness: DispatcherHarness) -> EntryId:
    """ANNA talks, BO is ready, and a caller is kept for ANNA."""
    harness.staff(ANNA, talk=1)
    harness.handle(OfferAccepted(only(Offered, harness.join(SALES)[1]).offer))
    harness.staff(BO, talk=1)
    entry, decisions = harness.come(SALES, preferred=ANNA)
    assert only(ReservedForAgent, decisions) == ReservedForAgent(entry, SALES, ANNA, harness.now + 20)
    assert kinds(decisions) == ["Queued", "ReservedForAgent"]
    return entry


def test_caller_is_kept_for_the_agent_and_offered_when_that_agent_is_free() -> None:
    harness = DispatcherHarness(STICKY)
    entry = kept(harness)
    harness.wait(19)
    offered = only(Offered, harness.handle(TalkEnded(EntryId("e1"))))
    assert (offered.entry, offered.agent) == (entry, ANNA)


def test_reservation_ends_in_time_and_the_next_agent_takes_the_caller() -> None:
    harness = DispatcherHarness(STICKY)
    entry = kept(harness)
    offered = only(Offered, harness.wait(20))
    assert (offered.entry, offered.agent) == (entry, BO)


def test_reservation_ends_when_the_agent_goes_even_during_a_talk() -> None:
    goings: list[Input] = [AgentNotReady(ANNA), AgentLoggedOut(ANNA), AgentPhoneDown(ANNA)]
    goings.append(AgentLoggedIn(AgentSettings(ANNA, skills={REPAIR: 1})))
    for going in goings:
        harness = DispatcherHarness(STICKY)
        entry = kept(harness)
        offered = only(Offered, harness.handle(going))
        assert (offered.entry, offered.agent) == (entry, BO), going


def test_reservation_that_ended_stays_over_when_the_agent_comes_back_while_another_phone_rings() -> None:
    for gone, back in ((AgentPhoneDown(ANNA), AgentPhoneUp(ANNA)), (AgentNotReady(ANNA, "lunch"), AgentReady(ANNA))):
        harness = DispatcherHarness(STICKY)
        harness.staff(ANNA, talk=5)
        harness.handle(OfferAccepted(only(Offered, harness.join(SALES)[1]).offer))
        harness.staff(BO, talk=4)
        harness.staff(CHEN, talk=3)
        entry, decisions = harness.come(SALES, preferred=ANNA)
        assert only(ReservedForAgent, decisions).entry == entry
        at_bo = only(Offered, harness.handle(gone))
        assert (at_bo.entry, at_bo.agent) == (entry, BO)
        harness.handle(back)
        missed = harness.handle(OfferEnded(at_bo.offer, OfferEnd.REFUSED))
        assert only(Offered, missed).agent == CHEN  # well within `sticky_for_s`


def test_reservation_ends_when_the_agent_misses_the_caller() -> None:
    harness = DispatcherHarness(STICKY)
    entry = kept(harness)
    offer = only(Offered, harness.handle(TalkEnded(EntryId("e1")))).offer
    offered = only(Offered, harness.handle(OfferEnded(offer, OfferEnd.NO_ANSWER)))
    assert (offered.entry, offered.agent) == (entry, BO)


def test_missing_somebody_else_for_the_last_time_ends_the_reservation_too() -> None:
    harness = DispatcherHarness(
        QueueSettings(SALES, {TALK: 1}, sticky_for_s=60, misses_until_not_ready=1), QueueSettings(HELP)
    )
    harness.staff(ANNA, talk=1)
    _, decisions = harness.join(HELP)
    harness.staff(BO, talk=1)
    entry, _ = harness.come(SALES, preferred=ANNA)
    assert harness.why(entry).blocked_by == "preferred_agent"
    missed = harness.handle(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    assert BO in [decision.agent for decision in missed if isinstance(decision, Offered)]
    harness.wait(20)
    harness.handle(OfferEnded(OfferId(3), OfferEnd.REFUSED))
    assert harness.why(entry).blocked_by is None


def test_nobody_is_kept_for_an_agent_who_will_not_come() -> None:
    harness = DispatcherHarness(STICKY)
    harness.staff(ANNA, talk=1)
    harness.handle(AgentNotReady(ANNA))
    harness.handle(AgentLoggedIn(AgentSettings(CHEN, skills={TALK: 1})))
    harness.staff(BO, repair=1)
    for absent in (ANNA, BO, CHEN, AgentId("9999")):
        _, decisions = harness.come(SALES, preferred=absent)
        assert kinds(decisions) == ["Queued"]


def test_preferred_agent_who_is_ready_takes_the_caller_before_better_ones() -> None:
    harness = DispatcherHarness(STICKY)
    harness.staff(ANNA, talk=1)
    harness.staff(BO, talk=9)
    assert only(Offered, harness.come(SALES, preferred=ANNA)[1]).agent == ANNA


def test_lines_kept_for_one_agent_are_forgotten_when_empty() -> None:
    harness = DispatcherHarness(STICKY)
    entry = kept(harness)
    harness.handle(CallerLeft(entry))
    kept_again, _ = harness.come(SALES, preferred=ANNA)
    harness.wait(20)
    assert harness.why(kept_again).ringing == BO
    assert len(list(harness.dispatcher._state.lines)) == 1


# ---- pauses -----------------------------------------------------------------------------------------------------


def test_paused_caller_keeps_the_place_and_is_not_offered() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}))
    first, _ = harness.join(SALES)
    second, _ = harness.join(SALES)
    harness.handle(CallerPaused(first))
    assert (harness.why(first).position, harness.why(second).position) == (1, 2)
    assert only(Offered, harness.staff(ANNA, talk=1)).entry == second
    harness.handle(CallerResumed(first))
    assert only(Offered, harness.staff(BO, talk=1)).entry == first


def test_pause_takes_back_a_ringing_offer_and_frees_the_agent_for_the_next() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}))
    harness.staff(ANNA, talk=1)
    first, _ = harness.join(SALES)
    second, _ = harness.join(SALES)
    decisions = harness.handle(CallerPaused(first))
    assert only(OfferWithdrawn, decisions).cause is WithdrawCause.CALLER_PAUSED
    assert only(Offered, decisions).entry == second
    assert harness.handle(CallerResumed(first)) == []


def test_deadlines_of_a_pause_take_effect_at_the_return() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToFlow("message"))
    queue = QueueSettings(
        SALES, {TALK: 3}, max_wait_s=60, overflow=(rule,), widening=(WideningStep(10, {TALK: 1}),), announce_first_s=5
    )
    harness = DispatcherHarness(queue)
    harness.staff(ANNA, talk=1)
    first, _ = harness.join(SALES)
    second, _ = harness.join(SALES)
    for entry in (first, second):
        harness.handle(CallerPaused(entry))
    assert harness.wait(20) == []
    resumed = harness.handle(CallerResumed(first))
    assert (only(Widened, resumed).widening_step, only(Offered, resumed).agent) == (1, ANNA)
    harness.wait(50)
    resumed = harness.handle(CallerResumed(second))
    assert kinds(resumed) == ["Overflowed"]
    assert only(Overflowed, resumed).waited_s == 70


def test_reservation_for_an_agent_who_is_back_by_the_return_outlasts_the_pause() -> None:
    harness = DispatcherHarness(STICKY)
    entry = kept(harness)
    harness.handle(CallerPaused(entry))
    harness.handle(AgentPhoneDown(ANNA))
    harness.handle(AgentPhoneUp(ANNA))
    assert kinds(harness.handle(CallerResumed(entry))) == []
    harness.handle(CallerPaused(entry))
    harness.handle(AgentPhoneDown(ANNA))
    assert only(Offered, harness.handle(CallerResumed(entry))).agent == BO


def test_pause_that_does_not_fit_is_refused() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}))
    entry, _ = harness.join(SALES)

    def reason(event: Input) -> RefusalReason:
        return only(InputRefused, harness.handle(event)).reason

    assert reason(CallerPaused(EntryId("nobody"))) is RefusalReason.UNKNOWN_ENTRY
    assert reason(CallerResumed(EntryId("nobody"))) is RefusalReason.UNKNOWN_ENTRY
    assert reason(CallerResumed(entry)) is RefusalReason.NOT_IN_THIS_STATE
    harness.handle(CallerPaused(entry))
    assert reason(CallerPaused(entry)) is RefusalReason.NOT_IN_THIS_STATE


# ---- time waited elsewhere, kinds of contact --------------------------------------------------------------------


def test_time_waited_elsewhere_counts_for_the_order_and_not_for_the_visit() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToFlow("message"))
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, max_wait_s=60, overflow=(rule,)))
    ordinary, _ = harness.join(SALES)
    harness.wait(10)
    returned, _ = harness.come(SALES, waited_s=100)
    assert (harness.why(returned).position, harness.why(ordinary).position) == (1, 2)
    assert only(Overflowed, harness.wait(50)).entry == ordinary
    assert only(Overflowed, harness.wait(10)).entry == returned
    refused = harness.come(SALES, waited_s=-1)[1]
    assert only(InputRefused, refused).reason is RefusalReason.OUT_OF_RANGE


def test_agent_is_offered_only_the_kinds_of_contact_that_the_agent_takes() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}))
    harness.handle(AgentPhoneUp(ANNA))
    harness.handle(AgentLoggedIn(AgentSettings(ANNA, skills={TALK: 1}, channels={Channel.CALLBACK: 0})))
    callback, _ = harness.come(SALES, channel=Channel.CALLBACK)
    caller, _ = harness.join(SALES)
    assert only(Offered, harness.handle(AgentReady(ANNA))).entry == caller
    assert [(c.exclusion, c.detail) for c in harness.why(callback).candidates] == [("channel", "callback")]
    assert only(Offered, harness.staff(BO, talk=1)).entry == callback


def test_more_than_one_contact_at_once_is_refused() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}))
    refused = harness.handle(AgentLoggedIn(AgentSettings(ANNA, channels={Channel.CALL: 2})))
    assert only(InputRefused, refused).reason is RefusalReason.OUT_OF_RANGE
