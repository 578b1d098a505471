"""Obligations of a turn: who is offered whom, and every race that has an answer here."""

import pytest
from tests.queues.dispatcher_harness import ANNA, BO, CHEN, HELP, REPAIR, SALES, TALK, DispatcherHarness, kinds, only

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.decisions import (
    AgentState,
    Announce,
    Connected,
    Departed,
    InputRefused,
    LateAccept,
    Offered,
    OfferMissed,
    OfferWithdrawn,
    Queued,
    RefusalReason,
    TalkFinished,
    WithdrawCause,
)
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    MAX_FORMER_EDITIONS,
    AgentBusy,
    AgentIdle,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneDown,
    AgentPhoneUp,
    AgentReady,
    AgentRestored,
    CallerAssigned,
    CallerJoined,
    CallerLeft,
    DispatcherChanged,
    EntryId,
    Input,
    LeaveCause,
    OfferAccepted,
    OfferEnded,
    OfferId,
    TalkEnded,
    WrapUpEnded,
)
from acdcore.queues.settings import AgentSettings, DispatcherSettings, OfferEnd, QueueSettings, Strategy
from acdcore.queues.views import Exclusion

SALES_QUEUE = QueueSettings(SALES, {TALK: 1})
HELP_QUEUE = QueueSettings(HELP, {REPAIR: 3})


def ringing(harness: DispatcherHarness, agent: AgentId = ANNA) -> tuple[EntryId, OfferId]:
    """A dispatcher on which the agent's phone rings for a caller."""
    harness.staff(agent, talk=1)
    entry, decisions = harness.join(SALES)
    return entry, only(Offered, decisions).offer


def talking(harness: DispatcherHarness) -> EntryId:
    """A dispatcher on which ANNA talks to a caller."""
    entry, offer = ringing(harness)
    harness.handle(OfferAccepted(offer))
    return entry


# ---- the main path ----------------------------------------------------------------------------------------------


def test_caller_is_offered_to_a_ready_agent_at_once() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    harness.staff(ANNA, talk=1)
    entry, decisions = harness.join(SALES)
    assert kinds(decisions) == ["Queued", "Offered", "AgentStateChanged"]
    assert only(Offered, decisions).agent == ANNA
    assert only(Queued, decisions).entry == entry


def test_caller_is_offered_in_the_turn_in_which_an_agent_becomes_ready() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, decisions = harness.join(SALES)
    assert kinds(decisions) == ["Queued"]
    assert only(Offered, harness.staff(ANNA, talk=1)).entry == entry


def test_talk_wrap_up_and_next_call_follow_each_other() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, offer = ringing(harness)
    harness.wait(4)
    connected = only(Connected, harness.handle(OfferAccepted(offer)))
    assert (connected.entry, connected.agent, connected.waited_s, connected.is_in_time) == (entry, ANNA, 4.0, True)
    following, _ = harness.join(SALES)
    harness.wait(60)
    assert only(TalkFinished, harness.handle(TalkEnded(entry))).talked_s == 60.0
    assert harness.state(ANNA) == (AgentState.WRAP_UP, "")
    assert not harness.wait(14.9)
    assert only(Offered, harness.wait(0.2)).entry == following


def test_ineligible_first_caller_delays_nobody() -> None:
    harness = DispatcherHarness(SALES_QUEUE, HELP_QUEUE)
    harness.join(HELP)
    harness.join(SALES, english=1)
    harness.wait(60)
    plain, _ = harness.join(SALES)
    assert only(Offered, harness.staff(ANNA, talk=1)).entry == plain


def test_vip_overtakes_and_the_patient_is_not_starved() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    patient, _ = harness.join(SALES)
    harness.wait(100)
    vip, _ = harness.join(SALES, 120)
    harness.wait(30)
    late_vip, _ = harness.join(SALES, 120)
    served = []
    decisions = harness.staff(ANNA, talk=1)
    for _ in range(3):
        offered = only(Offered, decisions)
        served.append(offered.entry)
        harness.handle(OfferAccepted(offered.offer))
        harness.handle(TalkEnded(offered.entry))
        decisions = harness.handle(WrapUpEnded(ANNA))
    assert served == [vip, patient, late_vip]


def test_weight_decides_between_queues_of_one_agent() -> None:
    harness = DispatcherHarness(SALES_QUEUE, QueueSettings(HELP, {TALK: 1}, weight=3.0))
    harness.join(SALES)
    harness.wait(10)
    heavy, _ = harness.join(HELP)
    harness.wait(6)
    assert only(Offered, harness.staff(ANNA, talk=1)).entry == heavy


def test_without_ageing_priority_alone_decides() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, ageing=0.0))
    harness.join(SALES)
    harness.wait(10_000)
    vip, _ = harness.join(SALES, 1)
    assert only(Offered, harness.staff(ANNA, talk=1)).entry == vip


def test_callers_own_skills_narrow_the_choice() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    harness.staff(ANNA, talk=9)
    harness.staff(BO, talk=1, english=2)
    _, decisions = harness.join(SALES, english=2)
    assert only(Offered, decisions).agent == BO


# ---- which agent ------------------------------------------------------------------------------------------------


def test_higher_level_answers_first_whatever_the_strategy() -> None:
    for strategy in Strategy:
        harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, strategy))
        harness.staff(ANNA, talk=1)
        harness.wait(100)
        harness.staff(BO, talk=5)
        assert only(Offered, harness.join(SALES)[1]).agent == BO, strategy


def serve(harness: DispatcherHarness, talk_s: float) -> AgentId:
    """One whole call; who took it."""
    entry, decisions = harness.join(SALES)
    offered = only(Offered, decisions)
    harness.handle(OfferAccepted(offered.offer))
    harness.wait(talk_s)
    harness.handle(TalkEnded(entry))
    return offered.agent


def test_longest_idle_survives_breaks_and_log_ins() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, wrap_up_s=0))
    for agent in (ANNA, BO):
        harness.staff(agent, talk=1)
        harness.wait(1)
    assert [serve(harness, 5) for _ in range(3)] == [ANNA, BO, ANNA]
    harness.handle(AgentNotReady(BO))
    harness.handle(AgentLoggedOut(BO))
    harness.wait(1)
    harness.staff(BO, talk=1)
    assert serve(harness, 5) == BO


def test_fewest_calls_survives_log_ins() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, Strategy.FEWEST_CALLS, wrap_up_s=0))
    harness.staff(ANNA, talk=1)
    assert [serve(harness, 5), serve(harness, 5)] == [ANNA, ANNA]
    harness.staff(BO, talk=1)
    assert serve(harness, 5) == BO
    harness.handle(AgentLoggedOut(BO))
    harness.staff(BO, talk=1)
    assert [serve(harness, 5), serve(harness, 5)] == [BO, ANNA]


def test_least_occupied_looks_at_time_at_work_not_at_calls() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, Strategy.LEAST_OCCUPIED, wrap_up_s=0))
    for agent in (ANNA, BO):
        harness.staff(agent, talk=1)
    assert [serve(harness, 300), serve(harness, 10), serve(harness, 10), serve(harness, 10)] == [ANNA, BO, BO, BO]


def test_round_robin_goes_round_whatever_the_talks_last() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, Strategy.ROUND_ROBIN, wrap_up_s=0))
    for agent in (ANNA, BO, CHEN):
        harness.staff(agent, talk=1)
    assert [serve(harness, talk_s) for talk_s in (300, 1, 50, 1)] == [ANNA, BO, CHEN, ANNA]


# ---- missed offers ----------------------------------------------------------------------------------------------


def test_unanswered_offer_expires_and_goes_to_the_next_agent() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, offer = ringing(harness)
    harness.staff(BO, talk=1)
    decisions = harness.wait(20)
    withdrawn = only(OfferWithdrawn, decisions)
    assert (withdrawn.offer, withdrawn.cause) == (offer, WithdrawCause.EXPIRED)
    assert only(OfferMissed, decisions).cause is OfferEnd.NO_ANSWER
    assert (only(Offered, decisions).entry, only(Offered, decisions).agent) == (entry, BO)
    assert harness.state(ANNA) == (AgentState.BACKING_OFF, "no_answer")


def test_back_off_lasts_as_long_as_its_cause_says() -> None:
    for cause, back_off_s in DispatcherSettings().back_off_s.items():
        harness = DispatcherHarness(SALES_QUEUE)
        _, offer = ringing(harness)
        harness.handle(OfferEnded(offer, cause))
        _, decisions = harness.join(SALES)
        assert harness.state(ANNA) == (AgentState.BACKING_OFF, cause)
        assert kinds(decisions) == ["Queued"]
        harness.wait(back_off_s - 0.5)
        assert harness.state(ANNA)[0] is AgentState.BACKING_OFF
        assert any(isinstance(d, Offered) for d in harness.wait(1)), cause


def test_agent_who_ends_a_back_off_is_ready_and_leaves_no_timer() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, offer = ringing(harness)
    harness.handle(OfferEnded(offer, OfferEnd.REFUSED))
    harness.handle(CallerLeft(entry))
    harness.handle(AgentReady(ANNA))
    assert harness.state(ANNA) == (AgentState.READY, "")
    assert harness.dispatcher.next_deadline() is None


def test_same_caller_is_kept_from_the_agent_who_missed_it_while_others_are_not() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, offer = ringing(harness)
    harness.handle(OfferEnded(offer, OfferEnd.REFUSED))
    other, _ = harness.join(SALES)
    assert only(Offered, harness.wait(10)).entry == other
    explanation = harness.dispatcher.why(entry, harness.now)
    assert explanation is not None
    assert explanation.candidates[0].exclusion is Exclusion.OFFERED


def test_caller_missed_by_everybody_comes_round_after_the_retry_time() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, offer = ringing(harness)
    harness.handle(OfferEnded(offer, OfferEnd.REFUSED))
    assert not any(isinstance(d, Offered) for d in harness.wait(29))
    explanation = harness.dispatcher.why(entry, harness.now)
    assert explanation is not None and explanation.candidates[0].exclusion is Exclusion.TRIED
    assert only(Offered, harness.wait(1)).entry == entry


def test_two_misses_in_a_row_make_not_ready_and_an_answer_between_forgives() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    _, offer = ringing(harness)
    harness.handle(OfferEnded(offer, OfferEnd.NO_ANSWER))
    harness.handle(AgentReady(ANNA))
    entry, decisions = harness.join(SALES)
    harness.handle(OfferAccepted(only(Offered, decisions).offer))
    harness.handle(TalkEnded(entry))
    second = only(Offered, harness.wait(31))
    harness.handle(OfferEnded(second.offer, OfferEnd.NO_ANSWER))
    assert harness.state(ANNA)[0] is AgentState.BACKING_OFF
    third = only(Offered, harness.wait(31))
    harness.handle(OfferEnded(third.offer, OfferEnd.REFUSED))
    assert harness.state(ANNA) == (AgentState.NOT_READY, "missed")


# ---- races ------------------------------------------------------------------------------------------------------


def test_caller_who_leaves_takes_the_offer_along_in_the_same_turn() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, _ = ringing(harness)
    decisions = harness.handle(CallerLeft(entry))
    assert kinds(decisions) == ["OfferWithdrawn", "AgentStateChanged", "Departed"]
    assert only(OfferWithdrawn, decisions).cause is WithdrawCause.CALLER_LEFT
    assert harness.state(ANNA) == (AgentState.READY, "")


def test_answer_after_the_caller_left_never_talks() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, offer = ringing(harness)
    harness.handle(CallerLeft(entry))
    assert harness.handle(OfferAccepted(offer)) == [LateAccept(offer)]
    assert harness.state(ANNA) == (AgentState.READY, "")


def test_second_answer_to_one_offer_never_talks() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    _, offer = ringing(harness)
    harness.handle(OfferAccepted(offer))
    assert harness.handle(OfferAccepted(offer)) == [LateAccept(offer)]
    assert harness.state(ANNA)[0] is AgentState.TALKING


def test_answer_handled_before_the_ring_deadline_wins_even_when_it_is_past() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    _, offer = ringing(harness)
    harness.now += 20.5
    assert only(Connected, harness.handle(OfferAccepted(offer))).waited_s == 20.5
    assert harness.wait(0) == []


def test_answer_handled_after_the_expiry_is_late() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    _, offer = ringing(harness)
    harness.wait(20)
    assert harness.handle(OfferAccepted(offer)) == [LateAccept(offer)]


def test_refusal_that_crosses_the_withdrawal_means_nothing() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, offer = ringing(harness)
    harness.handle(CallerLeft(entry))
    assert harness.handle(OfferEnded(offer, OfferEnd.REFUSED)) == []
    assert harness.state(ANNA) == (AgentState.READY, "")


@pytest.mark.parametrize(
    ("event", "cause", "state"),
    [
        (AgentNotReady(ANNA, "lunch"), WithdrawCause.AGENT_NOT_READY, (AgentState.NOT_READY, "lunch")),
        (AgentLoggedOut(ANNA), WithdrawCause.AGENT_LOGGED_OUT, (AgentState.LOGGED_OUT, "")),
        (AgentPhoneDown(ANNA), WithdrawCause.PHONE_DOWN, (AgentState.UNREACHABLE, "")),
        (AgentBusy(ANNA), WithdrawCause.AGENT_BUSY, (AgentState.BUSY, "")),
    ],
)
def test_agent_who_can_no_longer_answer_gives_the_caller_to_the_next(
    event: AgentNotReady | AgentLoggedOut | AgentPhoneDown | AgentBusy,
    cause: WithdrawCause,
    state: tuple[AgentState, str],
) -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, offer = ringing(harness)
    harness.staff(BO, talk=1)
    decisions = harness.handle(event)
    assert (only(OfferWithdrawn, decisions).offer, only(OfferWithdrawn, decisions).cause) == (offer, cause)
    assert (only(Offered, decisions).entry, only(Offered, decisions).agent) == (entry, BO)
    assert harness.state(ANNA) == state
    view = next(view for view in harness.dispatcher.snapshot(harness.now).agents if view.agent == ANNA)
    assert view.misses == 0
    assert harness.handle(OfferAccepted(offer)) == [LateAccept(offer)]


def test_caller_who_leaves_in_the_instant_of_the_answer_ends_the_talk() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, offer = ringing(harness)
    harness.handle(OfferAccepted(offer))
    assert only(TalkFinished, harness.handle(CallerLeft(entry))).talked_s == 0.0
    assert harness.state(ANNA)[0] is AgentState.WRAP_UP


def test_reload_while_ringing_changes_nothing_for_those_inside() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, offer = ringing(harness)
    waiting, _ = harness.join(SALES)
    assert harness.handle(DispatcherChanged(DispatcherSettings(queues=(HELP_QUEUE,)))) == []
    assert only(Connected, harness.handle(OfferAccepted(offer))).queue == SALES
    harness.handle(TalkEnded(entry))
    assert only(Offered, harness.wait(15)).entry == waiting
    assert only(InputRefused, harness.join(SALES)[1]).reason is RefusalReason.UNKNOWN_QUEUE
    harness.handle(CallerLeft(waiting))
    assert [queue.queue for queue in harness.dispatcher.snapshot(harness.now).queues] == [HELP]


def test_call_of_before_a_reload_joins_under_the_settings_that_it_goes_by() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    harness.staff(ANNA, talk=1)
    came = harness.dispatcher.edition
    harness.handle(DispatcherChanged(DispatcherSettings(queues=(HELP_QUEUE,))))
    assert only(Offered, harness.handle(CallerJoined(EntryId("late"), SALES, edition=came))).queue == SALES


def test_settings_of_long_ago_are_kept_no_more() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    came = harness.dispatcher.edition
    for _ in range(MAX_FORMER_EDITIONS):
        harness.handle(DispatcherChanged(DispatcherSettings(queues=(HELP_QUEUE,))))
    assert harness.dispatcher.keeps(came)
    harness.handle(DispatcherChanged(DispatcherSettings(queues=(HELP_QUEUE,))))
    assert not harness.dispatcher.keeps(came)
    refused = harness.handle(CallerJoined(EntryId("late"), SALES, edition=came))
    assert only(InputRefused, refused).reason is RefusalReason.UNKNOWN_QUEUE


def test_callers_of_two_editions_are_ordered_by_their_urgencies_of_the_moment() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    old, _ = harness.join(SALES)
    harness.handle(DispatcherChanged(DispatcherSettings(queues=(QueueSettings(SALES, {TALK: 1}, ageing=4.0),))))
    harness.wait(40)
    young, _ = harness.join(SALES)
    harness.wait(10)
    (queue,) = harness.dispatcher.snapshot(harness.now).queues
    assert [view.entry for view in queue.waiting] == [old, young]
    harness.wait(10)
    (queue,) = harness.dispatcher.snapshot(harness.now).queues
    assert [view.entry for view in queue.waiting] == [young, old]
    explanation = harness.dispatcher.why(old, harness.now)
    assert explanation is not None and explanation.position == 2
    assert only(Offered, harness.staff(ANNA, talk=1)).entry == young


def test_reload_seats_agents_at_the_new_queues() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    harness.staff(ANNA, repair=3)
    harness.handle(DispatcherChanged(DispatcherSettings(queues=(HELP_QUEUE,))))
    assert only(Offered, harness.join(HELP)[1]).agent == ANNA


def test_reload_with_a_mistake_is_refused_as_a_whole() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    bad = DispatcherSettings(queues=(HELP_QUEUE, HELP_QUEUE))
    assert only(InputRefused, harness.handle(DispatcherChanged(bad))).reason is RefusalReason.SETTINGS_INVALID
    assert [queue.queue for queue in harness.dispatcher.snapshot(harness.now).queues] == [SALES]
    with pytest.raises(ValueError, match=r"queues\.help"):
        Dispatcher(bad)


# ---- agents -----------------------------------------------------------------------------------------------------


def test_phone_lost_in_a_talk_is_shown_only_after_the_wrap_up() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry = talking(harness)
    harness.handle(AgentPhoneDown(ANNA))
    assert harness.state(ANNA)[0] is AgentState.TALKING
    harness.handle(TalkEnded(entry))
    assert harness.state(ANNA)[0] is AgentState.WRAP_UP
    harness.wait(15)
    assert harness.state(ANNA)[0] is AgentState.UNREACHABLE
    harness.handle(AgentPhoneUp(ANNA))
    assert harness.state(ANNA)[0] is AgentState.READY


def test_wrap_up_is_ended_by_deadline_agent_or_supervisor_only() -> None:
    for event in (AgentPhoneDown(ANNA), AgentBusy(ANNA), AgentPhoneUp(ANNA), AgentIdle(ANNA)):
        harness = DispatcherHarness(SALES_QUEUE)
        harness.handle(TalkEnded(talking(harness)))
        harness.handle(event)
        assert harness.state(ANNA)[0] is AgentState.WRAP_UP, event
    for ending in (WrapUpEnded(ANNA), AgentReady(ANNA)):
        harness = DispatcherHarness(SALES_QUEUE)
        harness.handle(TalkEnded(talking(harness)))
        harness.handle(ending)
        assert harness.state(ANNA)[0] is AgentState.READY
        assert harness.wait(60) == []


def test_wrap_up_that_was_cut_short_does_not_end_the_next_talk() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    harness.handle(TalkEnded(talking(harness)))
    harness.handle(WrapUpEnded(ANNA))
    assert harness.dispatcher.next_deadline() is None
    entry, decisions = harness.join(SALES)
    harness.handle(OfferAccepted(only(Offered, decisions).offer))
    assert harness.wait(60) == []
    assert only(TalkFinished, harness.handle(TalkEnded(entry))).talked_s == 60.0


def test_agents_freed_in_one_instant_are_all_offered_the_best_of_them_first() -> None:
    for callers in (1, 2, 3):
        harness = DispatcherHarness(SALES_QUEUE)
        for agent, level in ((ANNA, 1), (BO, 5)):
            harness.staff(agent, talk=level)
        talks = [harness.join(SALES) for _ in range(2)]
        for _, decisions in talks:
            harness.handle(OfferAccepted(only(Offered, decisions).offer))
        waiting = [harness.join(SALES)[0] for _ in range(callers)]
        for entry, _ in talks:
            harness.handle(TalkEnded(entry))
        offered = [(d.entry, d.agent) for d in harness.wait(15) if isinstance(d, Offered)]
        assert offered == list(zip(waiting, (BO, ANNA), strict=False))
        harness.assert_matched()


def test_not_ready_and_log_out_in_a_talk_wait_for_its_end() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry = talking(harness)
    harness.handle(AgentNotReady(ANNA, "lunch"))
    harness.handle(TalkEnded(entry))
    harness.wait(15)
    assert harness.state(ANNA) == (AgentState.NOT_READY, "lunch")
    harness = DispatcherHarness(SALES_QUEUE)
    entry = talking(harness)
    harness.handle(AgentLoggedOut(ANNA))
    assert harness.state(ANNA)[0] is AgentState.TALKING
    harness.handle(TalkEnded(entry))
    assert harness.state(ANNA)[0] is AgentState.LOGGED_OUT


def test_unreachable_phone_is_never_shown_as_ready() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    harness.handle(AgentLoggedIn(AgentSettings(ANNA, skills={TALK: 1})))
    harness.handle(AgentReady(ANNA))
    assert harness.state(ANNA)[0] is AgentState.UNREACHABLE
    assert kinds(harness.join(SALES)[1]) == ["Queued"]
    assert only(Offered, harness.handle(AgentPhoneUp(ANNA))).agent == ANNA


def test_new_skills_take_effect_at_once() -> None:
    harness = DispatcherHarness(SALES_QUEUE, HELP_QUEUE)
    harness.staff(ANNA, talk=1)
    entry, _ = harness.join(HELP)
    decisions = harness.handle(AgentLoggedIn(AgentSettings(ANNA, skills={REPAIR: 5})))
    assert only(Offered, decisions).entry == entry
    assert kinds(harness.join(SALES)[1]) == ["Queued"]


def test_own_call_keeps_offers_away() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    harness.staff(ANNA, talk=1)
    harness.handle(AgentBusy(ANNA))
    assert kinds(harness.join(SALES)[1]) == ["Queued"]
    assert only(Offered, harness.handle(AgentIdle(ANNA))).agent == ANNA


# ---- what does not fit ------------------------------------------------------------------------------------------


def test_inputs_that_do_not_fit_are_refused_and_change_nothing() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    harness.staff(ANNA, talk=1)
    harness.staff(BO, talk=1)
    entry, _ = harness.join(SALES)
    harness.handle(AgentLoggedOut(BO))
    before = harness.dispatcher.snapshot(harness.now)
    nobody = AgentId("9")
    misfits: list[tuple[Input, RefusalReason]] = [
        (CallerJoined(entry, SALES), RefusalReason.DUPLICATE_ENTRY),
        (CallerJoined(EntryId("x"), QueueName("none")), RefusalReason.UNKNOWN_QUEUE),
        (CallerJoined(EntryId("x"), SALES, float("nan")), RefusalReason.OUT_OF_RANGE),
        (CallerLeft(EntryId("x")), RefusalReason.UNKNOWN_ENTRY),
        (TalkEnded(EntryId("x")), RefusalReason.UNKNOWN_ENTRY),
        (TalkEnded(entry), RefusalReason.NOT_IN_THIS_STATE),
        (OfferAccepted(OfferId(99)), RefusalReason.UNKNOWN_OFFER),
        (OfferAccepted(OfferId(0)), RefusalReason.UNKNOWN_OFFER),
        (OfferEnded(OfferId(99), OfferEnd.BUSY), RefusalReason.UNKNOWN_OFFER),
        (AgentReady(nobody), RefusalReason.UNKNOWN_AGENT),
        (WrapUpEnded(nobody), RefusalReason.UNKNOWN_AGENT),
        (AgentReady(BO), RefusalReason.NOT_IN_THIS_STATE),
        (AgentLoggedOut(BO), RefusalReason.NOT_IN_THIS_STATE),
        (WrapUpEnded(ANNA), RefusalReason.NOT_IN_THIS_STATE),
    ]
    for event, reason in misfits:
        assert harness.handle(event) == [InputRefused(event, reason)]
    assert harness.dispatcher.snapshot(harness.now) == before


def test_time_does_not_run_backwards() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, _ = harness.join(SALES)
    harness.now -= 50
    assert only(Departed, harness.handle(CallerLeft(entry))).waited_s == 0.0


# ---- announcements and explanations -----------------------------------------------------------------------------


def test_position_is_announced_in_time_and_never_rises() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, announce_first_s=5, announce_every_s=30))
    first, _ = harness.join(SALES)
    second, _ = harness.join(SALES)
    assert [(d.entry, d.position) for d in harness.wait(5) if isinstance(d, Announce)] == [(first, 1), (second, 2)]
    harness.join(SALES, 600)
    announced = [d.entry for d in harness.wait(30) if isinstance(d, Announce)]
    assert first not in announced and second not in announced, "a position that rose was announced"
    harness.handle(CallerLeft(first))
    told_again = [(d.entry, d.position) for d in harness.wait(30) if isinstance(d, Announce)]
    assert told_again[-1] == (second, 2)


def test_announcement_is_left_out_while_a_phone_rings() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, announce_first_s=5, announce_every_s=10))
    entry, offer = ringing(harness)
    assert not any(isinstance(d, Announce) for d in harness.wait(6))
    harness.handle(OfferEnded(offer, OfferEnd.REFUSED))
    assert only(Announce, harness.wait(10)).entry == entry


def test_why_names_the_filter_that_keeps_each_agent_away() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 2}))
    talker = AgentId("1009")
    harness.staff(talker, talk=2)
    busy, decisions = harness.join(SALES)
    harness.handle(OfferAccepted(only(Offered, decisions).offer))
    harness.staff(ANNA, repair=1)
    harness.staff(BO, talk=1)
    harness.staff(CHEN, talk=2)
    harness.handle(AgentNotReady(CHEN, "lunch"))
    entry, _ = harness.join(SALES)
    explanation = harness.dispatcher.why(entry, harness.now)
    assert explanation is not None
    assert [(c.agent, c.exclusion, c.detail) for c in explanation.candidates] == [
        (ANNA, Exclusion.SKILL_MISSING, TALK),
        (BO, Exclusion.LEVEL_TOO_LOW, TALK),
        (CHEN, Exclusion.NOT_READY, "lunch"),
        (talker, Exclusion.TALKING, ""),
    ]
    assert harness.dispatcher.why(busy, harness.now) is None


def test_snapshot_shows_callers_in_the_order_of_their_positions() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    plain, _ = harness.join(SALES)
    english, _ = harness.join(SALES, english=1)
    vip, _ = harness.join(SALES, 60)
    (queue,) = harness.dispatcher.snapshot(harness.now + 7).queues
    assert [(view.entry, view.position, view.waited_s) for view in queue.waiting] == [
        (vip, 1, 7.0),
        (plain, 2, 7.0),
        (english, 3, 7.0),
    ]


def test_leaving_is_counted_by_its_cause() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    for cause, stay_s in [(LeaveCause.HUNG_UP, 4), (LeaveCause.HUNG_UP, 5), (LeaveCause.CALLBACK, 9)]:
        entry, _ = harness.join(SALES)
        harness.wait(stay_s)
        assert only(Departed, harness.handle(CallerLeft(entry, cause))).is_short is (stay_s < 5)
    figures = harness.dispatcher.metrics.queues[SALES]
    assert (figures.offered, figures.abandoned_short, figures.abandoned, figures.callbacks) == (3, 1, 1, 1)


# ---- manual assignment ------------------------------------------------------------------------------------------


def test_caller_at_a_front_desk_is_offered_by_assignment_only() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, is_manual_assignment=True))
    harness.staff(ANNA, talk=1)
    entry, decisions = harness.join(SALES)
    assert kinds(decisions) == ["Queued"]
    offered = only(Offered, harness.handle(CallerAssigned(entry, ANNA)))
    assert (offered.entry, offered.agent, offered.is_manual_assignment) == (entry, ANNA, True)
    harness.handle(OfferEnded(offered.offer, OfferEnd.NO_ANSWER))
    assert not any(isinstance(decision, Offered) for decision in harness.wait(60))


def test_assignment_overrides_skills_and_a_missed_offer_but_not_readiness() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    harness.staff(BO, repair=1)
    entry, offer = ringing(harness)
    harness.handle(OfferEnded(offer, OfferEnd.REFUSED))
    assert only(InputRefused, harness.handle(CallerAssigned(entry, ANNA))).reason is RefusalReason.NOT_IN_THIS_STATE
    offered = only(Offered, harness.handle(CallerAssigned(entry, BO)))
    harness.handle(OfferEnded(offered.offer, OfferEnd.REFUSED))
    harness.wait(10)
    assert only(Offered, harness.handle(CallerAssigned(entry, ANNA))).agent == ANNA


def test_assignment_takes_a_ringing_offer_from_another_agent_and_frees_that_agent() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, offer = ringing(harness)
    harness.staff(BO, repair=1)
    following, _ = harness.join(SALES)
    decisions = harness.handle(CallerAssigned(entry, BO))
    withdrawn = only(OfferWithdrawn, decisions)
    assert (withdrawn.offer, withdrawn.cause) == (offer, WithdrawCause.CALLER_ASSIGNED)
    offered = {decision.agent: decision.entry for decision in decisions if isinstance(decision, Offered)}
    assert offered == {BO: entry, ANNA: following}
    assert kinds(harness.handle(OfferAccepted(offer))) == ["LateAccept"]


def test_assignment_of_or_to_nobody_is_refused() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    entry, _ = harness.join(SALES)
    nobody = harness.handle(CallerAssigned(entry, ANNA))
    assert only(InputRefused, nobody).reason is RefusalReason.UNKNOWN_AGENT
    nothing = harness.handle(CallerAssigned(EntryId("nobody"), ANNA))
    assert only(InputRefused, nothing).reason is RefusalReason.UNKNOWN_ENTRY


# ---- after a restart --------------------------------------------------------------------------------------------


def test_restored_agent_is_as_ready_and_as_long_idle_as_before() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    who = AgentSettings(ANNA, skills={TALK: 1})
    harness.handle(AgentRestored(who, is_ready=True, answered=7, idle_for_s=300, is_phone_up=True))
    harness.handle(AgentRestored(AgentSettings(BO, skills={TALK: 1}), is_ready=True, idle_for_s=600))
    assert harness.state(BO) == (AgentState.UNREACHABLE, "")
    harness.handle(AgentPhoneUp(BO))
    _, decisions = harness.join(SALES)
    assert only(Offered, decisions).agent == BO
    assert only(Offered, decisions).agent_key.measure == harness.now - 600
    _, decisions = harness.join(SALES)
    assert only(Offered, decisions).agent == ANNA


def test_restored_agent_on_a_break_stays_on_it_with_the_reason() -> None:
    harness = DispatcherHarness(SALES_QUEUE)
    harness.handle(AgentPhoneUp(ANNA))
    decisions = harness.handle(AgentRestored(AgentSettings(ANNA), is_ready=False, reason="lunch"))
    assert kinds(decisions) == ["AgentStateChanged"]
    assert harness.state(ANNA) == (AgentState.NOT_READY, "lunch")
    again = harness.handle(AgentRestored(AgentSettings(ANNA), is_ready=True))
    assert only(InputRefused, again).reason is RefusalReason.NOT_IN_THIS_STATE
    odd = harness.handle(AgentRestored(AgentSettings(BO), is_ready=True, load=1.5))
    assert only(InputRefused, odd).reason is RefusalReason.OUT_OF_RANGE
