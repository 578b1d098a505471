"""Obligations of a turn: who is offered whom, and every race that has an answer here."""

import pytest
from tests.queues.desk import ANNA, BO, CHEN, HELP, REPAIR, SALES, TALK, Desk, kinds, only

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
    EntryId,
    FloorChanged,
    Input,
    LeaveCause,
    OfferAccepted,
    OfferEnded,
    OfferId,
    TalkEnded,
    WrapUpEnded,
    WrapUpExtended,
)
from acdcore.queues.settings import AgentSettings, FloorSettings, OfferEnd, QueueSettings, Strategy
from acdcore.queues.views import Exclusion

SALES_QUEUE = QueueSettings(SALES, {TALK: 1})
HELP_QUEUE = QueueSettings(HELP, {REPAIR: 3})


def ringing(desk: Desk, agent: AgentId = ANNA) -> tuple[EntryId, OfferId]:
    """A desk on which the agent's phone rings for a caller."""
    desk.staff(agent, talk=1)
    entry, decisions = desk.join(SALES)
    return entry, only(Offered, decisions).offer


def talking(desk: Desk) -> EntryId:
    """A desk on which ANNA talks to a caller."""
    entry, offer = ringing(desk)
    desk.feed(OfferAccepted(offer))
    return entry


# ---- the main path ----------------------------------------------------------------------------------------------


def test_caller_is_offered_to_a_ready_agent_at_once() -> None:
    desk = Desk(SALES_QUEUE)
    desk.staff(ANNA, talk=1)
    entry, decisions = desk.join(SALES)
    assert kinds(decisions) == ["Queued", "Offered", "AgentStateChanged"]
    assert only(Offered, decisions).agent == ANNA
    assert only(Queued, decisions).entry == entry


def test_caller_is_offered_in_the_turn_in_which_an_agent_becomes_ready() -> None:
    desk = Desk(SALES_QUEUE)
    entry, decisions = desk.join(SALES)
    assert kinds(decisions) == ["Queued"]
    assert only(Offered, desk.staff(ANNA, talk=1)).entry == entry


def test_talk_wrap_up_and_next_call_follow_each_other() -> None:
    desk = Desk(SALES_QUEUE)
    entry, offer = ringing(desk)
    desk.wait(4)
    connected = only(Connected, desk.feed(OfferAccepted(offer)))
    assert (connected.entry, connected.agent, connected.waited_s, connected.is_in_time) == (entry, ANNA, 4.0, True)
    following, _ = desk.join(SALES)
    desk.wait(60)
    assert only(TalkFinished, desk.feed(TalkEnded(entry))).talked_s == 60.0
    assert desk.state(ANNA) == (AgentState.WRAP_UP, "")
    assert not desk.wait(14.9)
    assert only(Offered, desk.wait(0.2)).entry == following


def test_ineligible_first_caller_delays_nobody() -> None:
    desk = Desk(SALES_QUEUE, HELP_QUEUE)
    desk.join(HELP)
    desk.join(SALES, english=1)
    desk.wait(60)
    plain, _ = desk.join(SALES)
    assert only(Offered, desk.staff(ANNA, talk=1)).entry == plain


def test_vip_overtakes_and_the_patient_is_not_starved() -> None:
    desk = Desk(SALES_QUEUE)
    patient, _ = desk.join(SALES)
    desk.wait(100)
    vip, _ = desk.join(SALES, 120)
    desk.wait(30)
    late_vip, _ = desk.join(SALES, 120)
    served = []
    decisions = desk.staff(ANNA, talk=1)
    for _ in range(3):
        offered = only(Offered, decisions)
        served.append(offered.entry)
        desk.feed(OfferAccepted(offered.offer))
        desk.feed(TalkEnded(offered.entry))
        decisions = desk.feed(WrapUpEnded(ANNA))
    assert served == [vip, patient, late_vip]


def test_weight_decides_between_queues_of_one_agent() -> None:
    desk = Desk(SALES_QUEUE, QueueSettings(HELP, {TALK: 1}, weight=3.0))
    desk.join(SALES)
    desk.wait(10)
    heavy, _ = desk.join(HELP)
    desk.wait(6)
    assert only(Offered, desk.staff(ANNA, talk=1)).entry == heavy


def test_without_ageing_priority_alone_decides() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, ageing=0.0))
    desk.join(SALES)
    desk.wait(10_000)
    vip, _ = desk.join(SALES, 1)
    assert only(Offered, desk.staff(ANNA, talk=1)).entry == vip


def test_callers_own_skills_narrow_the_choice() -> None:
    desk = Desk(SALES_QUEUE)
    desk.staff(ANNA, talk=9)
    desk.staff(BO, talk=1, english=2)
    _, decisions = desk.join(SALES, english=2)
    assert only(Offered, decisions).agent == BO


# ---- which agent ------------------------------------------------------------------------------------------------


def test_higher_level_answers_first_whatever_the_strategy() -> None:
    for strategy in Strategy:
        desk = Desk(QueueSettings(SALES, {TALK: 1}, strategy))
        desk.staff(ANNA, talk=1)
        desk.wait(100)
        desk.staff(BO, talk=5)
        assert only(Offered, desk.join(SALES)[1]).agent == BO, strategy


def serve(desk: Desk, talk_s: float) -> AgentId:
    """One whole call; who took it."""
    entry, decisions = desk.join(SALES)
    offered = only(Offered, decisions)
    desk.feed(OfferAccepted(offered.offer))
    desk.wait(talk_s)
    desk.feed(TalkEnded(entry))
    return offered.agent


def test_longest_idle_survives_breaks_and_log_ins() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, wrap_up_s=0))
    for agent in (ANNA, BO):
        desk.staff(agent, talk=1)
        desk.wait(1)
    assert [serve(desk, 5) for _ in range(3)] == [ANNA, BO, ANNA]
    desk.feed(AgentNotReady(BO))
    desk.feed(AgentLoggedOut(BO))
    desk.wait(1)
    desk.staff(BO, talk=1)
    assert serve(desk, 5) == BO


def test_fewest_calls_survives_log_ins() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, Strategy.FEWEST_CALLS, wrap_up_s=0))
    desk.staff(ANNA, talk=1)
    assert [serve(desk, 5), serve(desk, 5)] == [ANNA, ANNA]
    desk.staff(BO, talk=1)
    assert serve(desk, 5) == BO
    desk.feed(AgentLoggedOut(BO))
    desk.staff(BO, talk=1)
    assert [serve(desk, 5), serve(desk, 5)] == [BO, ANNA]


def test_least_occupied_looks_at_time_at_work_not_at_calls() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, Strategy.LEAST_OCCUPIED, wrap_up_s=0))
    for agent in (ANNA, BO):
        desk.staff(agent, talk=1)
    assert [serve(desk, 300), serve(desk, 10), serve(desk, 10), serve(desk, 10)] == [ANNA, BO, BO, BO]


def test_round_robin_goes_round_whatever_the_talks_last() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, Strategy.ROUND_ROBIN, wrap_up_s=0))
    for agent in (ANNA, BO, CHEN):
        desk.staff(agent, talk=1)
    assert [serve(desk, talk_s) for talk_s in (300, 1, 50, 1)] == [ANNA, BO, CHEN, ANNA]


# ---- missed offers ----------------------------------------------------------------------------------------------


def test_unanswered_offer_expires_and_goes_to_the_next_agent() -> None:
    desk = Desk(SALES_QUEUE)
    entry, offer = ringing(desk)
    desk.staff(BO, talk=1)
    decisions = desk.wait(20)
    withdrawn = only(OfferWithdrawn, decisions)
    assert (withdrawn.offer, withdrawn.cause) == (offer, WithdrawCause.EXPIRED)
    assert only(OfferMissed, decisions).cause is OfferEnd.NO_ANSWER
    assert (only(Offered, decisions).entry, only(Offered, decisions).agent) == (entry, BO)
    assert desk.state(ANNA) == (AgentState.BACKING_OFF, "no_answer")


def test_back_off_lasts_as_long_as_its_cause_says() -> None:
    for cause, back_off_s in FloorSettings().back_off_s.items():
        desk = Desk(SALES_QUEUE)
        _, offer = ringing(desk)
        desk.feed(OfferEnded(offer, cause))
        _, decisions = desk.join(SALES)
        assert desk.state(ANNA) == (AgentState.BACKING_OFF, cause)
        assert kinds(decisions) == ["Queued"]
        desk.wait(back_off_s - 0.5)
        assert desk.state(ANNA)[0] is AgentState.BACKING_OFF
        assert any(isinstance(d, Offered) for d in desk.wait(1)), cause


def test_agent_who_ends_a_back_off_is_ready_and_leaves_no_timer() -> None:
    desk = Desk(SALES_QUEUE)
    entry, offer = ringing(desk)
    desk.feed(OfferEnded(offer, OfferEnd.REFUSED))
    desk.feed(CallerLeft(entry))
    desk.feed(AgentReady(ANNA))
    assert desk.state(ANNA) == (AgentState.READY, "")
    assert desk.dispatcher.next_deadline() is None


def test_same_caller_is_held_from_the_agent_who_missed_it_while_others_are_not() -> None:
    desk = Desk(SALES_QUEUE)
    entry, offer = ringing(desk)
    desk.feed(OfferEnded(offer, OfferEnd.REFUSED))
    other, _ = desk.join(SALES)
    assert only(Offered, desk.wait(10)).entry == other
    explanation = desk.dispatcher.why(entry, desk.now)
    assert explanation is not None
    assert explanation.candidates[0].exclusion is Exclusion.OFFERED


def test_caller_missed_by_everybody_comes_round_after_the_hold() -> None:
    desk = Desk(SALES_QUEUE)
    entry, offer = ringing(desk)
    desk.feed(OfferEnded(offer, OfferEnd.REFUSED))
    assert not any(isinstance(d, Offered) for d in desk.wait(29))
    explanation = desk.dispatcher.why(entry, desk.now)
    assert explanation is not None and explanation.candidates[0].exclusion is Exclusion.TRIED
    assert only(Offered, desk.wait(1)).entry == entry


def test_two_misses_in_a_row_make_not_ready_and_an_answer_between_forgives() -> None:
    desk = Desk(SALES_QUEUE)
    _, offer = ringing(desk)
    desk.feed(OfferEnded(offer, OfferEnd.NO_ANSWER))
    desk.feed(AgentReady(ANNA))
    entry, decisions = desk.join(SALES)
    desk.feed(OfferAccepted(only(Offered, decisions).offer))
    desk.feed(TalkEnded(entry))
    second = only(Offered, desk.wait(31))
    desk.feed(OfferEnded(second.offer, OfferEnd.NO_ANSWER))
    assert desk.state(ANNA)[0] is AgentState.BACKING_OFF
    third = only(Offered, desk.wait(31))
    desk.feed(OfferEnded(third.offer, OfferEnd.REFUSED))
    assert desk.state(ANNA) == (AgentState.NOT_READY, "missed")


# ---- races ------------------------------------------------------------------------------------------------------


def test_caller_who_leaves_takes_the_offer_along_in_the_same_turn() -> None:
    desk = Desk(SALES_QUEUE)
    entry, _ = ringing(desk)
    decisions = desk.feed(CallerLeft(entry))
    assert kinds(decisions) == ["OfferWithdrawn", "AgentStateChanged", "Departed"]
    assert only(OfferWithdrawn, decisions).cause is WithdrawCause.CALLER_LEFT
    assert desk.state(ANNA) == (AgentState.READY, "")


def test_answer_after_the_caller_left_never_talks() -> None:
    desk = Desk(SALES_QUEUE)
    entry, offer = ringing(desk)
    desk.feed(CallerLeft(entry))
    assert desk.feed(OfferAccepted(offer)) == [LateAccept(offer)]
    assert desk.state(ANNA) == (AgentState.READY, "")


def test_second_answer_to_one_offer_never_talks() -> None:
    desk = Desk(SALES_QUEUE)
    _, offer = ringing(desk)
    desk.feed(OfferAccepted(offer))
    assert desk.feed(OfferAccepted(offer)) == [LateAccept(offer)]
    assert desk.state(ANNA)[0] is AgentState.TALKING


def test_answer_handled_before_the_ring_deadline_wins_even_when_it_is_past() -> None:
    desk = Desk(SALES_QUEUE)
    _, offer = ringing(desk)
    desk.now += 20.5
    assert only(Connected, desk.feed(OfferAccepted(offer))).waited_s == 20.5
    assert desk.wait(0) == []


def test_answer_handled_after_the_expiry_is_late() -> None:
    desk = Desk(SALES_QUEUE)
    _, offer = ringing(desk)
    desk.wait(20)
    assert desk.feed(OfferAccepted(offer)) == [LateAccept(offer)]


def test_refusal_that_crosses_the_withdrawal_means_nothing() -> None:
    desk = Desk(SALES_QUEUE)
    entry, offer = ringing(desk)
    desk.feed(CallerLeft(entry))
    assert desk.feed(OfferEnded(offer, OfferEnd.REFUSED)) == []
    assert desk.state(ANNA) == (AgentState.READY, "")


@pytest.mark.parametrize(
    ("fed", "cause", "state"),
    [
        (AgentNotReady(ANNA, "lunch"), WithdrawCause.AGENT_NOT_READY, (AgentState.NOT_READY, "lunch")),
        (AgentLoggedOut(ANNA), WithdrawCause.AGENT_LOGGED_OUT, (AgentState.LOGGED_OUT, "")),
        (AgentPhoneDown(ANNA), WithdrawCause.PHONE_DOWN, (AgentState.UNREACHABLE, "")),
        (AgentBusy(ANNA), WithdrawCause.AGENT_BUSY, (AgentState.BUSY, "")),
    ],
)
def test_agent_who_can_no_longer_answer_gives_the_caller_to_the_next(
    fed: AgentNotReady | AgentLoggedOut | AgentPhoneDown | AgentBusy,
    cause: WithdrawCause,
    state: tuple[AgentState, str],
) -> None:
    desk = Desk(SALES_QUEUE)
    entry, offer = ringing(desk)
    desk.staff(BO, talk=1)
    decisions = desk.feed(fed)
    assert (only(OfferWithdrawn, decisions).offer, only(OfferWithdrawn, decisions).cause) == (offer, cause)
    assert (only(Offered, decisions).entry, only(Offered, decisions).agent) == (entry, BO)
    assert desk.state(ANNA) == state
    view = next(view for view in desk.dispatcher.snapshot(desk.now).agents if view.agent == ANNA)
    assert view.misses == 0
    assert desk.feed(OfferAccepted(offer)) == [LateAccept(offer)]


def test_caller_who_leaves_in_the_instant_of_the_answer_ends_the_talk() -> None:
    desk = Desk(SALES_QUEUE)
    entry, offer = ringing(desk)
    desk.feed(OfferAccepted(offer))
    assert only(TalkFinished, desk.feed(CallerLeft(entry))).talked_s == 0.0
    assert desk.state(ANNA)[0] is AgentState.WRAP_UP


def test_reload_while_ringing_changes_nothing_for_those_inside() -> None:
    desk = Desk(SALES_QUEUE)
    entry, offer = ringing(desk)
    waiting, _ = desk.join(SALES)
    assert desk.feed(FloorChanged(FloorSettings(queues=(HELP_QUEUE,)))) == []
    assert only(Connected, desk.feed(OfferAccepted(offer))).queue == SALES
    desk.feed(TalkEnded(entry))
    assert only(Offered, desk.wait(15)).entry == waiting
    assert only(InputRefused, desk.join(SALES)[1]).reason is RefusalReason.UNKNOWN_QUEUE
    desk.feed(CallerLeft(waiting))
    assert [queue.queue for queue in desk.dispatcher.snapshot(desk.now).queues] == [HELP]


def test_call_of_before_a_reload_joins_under_the_settings_that_it_goes_by() -> None:
    desk = Desk(SALES_QUEUE)
    desk.staff(ANNA, talk=1)
    came = desk.dispatcher.edition
    desk.feed(FloorChanged(FloorSettings(queues=(HELP_QUEUE,))))
    assert only(Offered, desk.feed(CallerJoined(EntryId("late"), SALES, edition=came))).queue == SALES


def test_settings_of_long_ago_are_kept_no_more() -> None:
    desk = Desk(SALES_QUEUE)
    came = desk.dispatcher.edition
    for _ in range(MAX_FORMER_EDITIONS):
        desk.feed(FloorChanged(FloorSettings(queues=(HELP_QUEUE,))))
    assert desk.dispatcher.keeps(came)
    desk.feed(FloorChanged(FloorSettings(queues=(HELP_QUEUE,))))
    assert not desk.dispatcher.keeps(came)
    refused = desk.feed(CallerJoined(EntryId("late"), SALES, edition=came))
    assert only(InputRefused, refused).reason is RefusalReason.UNKNOWN_QUEUE


def test_callers_of_two_editions_are_ordered_by_their_urgencies_of_the_moment() -> None:
    desk = Desk(SALES_QUEUE)
    old, _ = desk.join(SALES)
    desk.feed(FloorChanged(FloorSettings(queues=(QueueSettings(SALES, {TALK: 1}, ageing=4.0),))))
    desk.wait(40)
    young, _ = desk.join(SALES)
    desk.wait(10)
    (queue,) = desk.dispatcher.snapshot(desk.now).queues
    assert [view.entry for view in queue.waiting] == [old, young]
    desk.wait(10)
    (queue,) = desk.dispatcher.snapshot(desk.now).queues
    assert [view.entry for view in queue.waiting] == [young, old]
    explanation = desk.dispatcher.why(old, desk.now)
    assert explanation is not None and explanation.position == 2
    assert only(Offered, desk.staff(ANNA, talk=1)).entry == young


def test_reload_seats_agents_at_the_new_queues() -> None:
    desk = Desk(SALES_QUEUE)
    desk.staff(ANNA, repair=3)
    desk.feed(FloorChanged(FloorSettings(queues=(HELP_QUEUE,))))
    assert only(Offered, desk.join(HELP)[1]).agent == ANNA


def test_reload_with_a_mistake_is_refused_as_a_whole() -> None:
    desk = Desk(SALES_QUEUE)
    bad = FloorSettings(queues=(HELP_QUEUE, HELP_QUEUE))
    assert only(InputRefused, desk.feed(FloorChanged(bad))).reason is RefusalReason.SETTINGS_INVALID
    assert [queue.queue for queue in desk.dispatcher.snapshot(desk.now).queues] == [SALES]
    with pytest.raises(ValueError, match=r"queues\.help"):
        Dispatcher(bad)


# ---- agents -----------------------------------------------------------------------------------------------------


def test_phone_lost_in_a_talk_is_shown_only_after_the_wrap_up() -> None:
    desk = Desk(SALES_QUEUE)
    entry = talking(desk)
    desk.feed(AgentPhoneDown(ANNA))
    assert desk.state(ANNA)[0] is AgentState.TALKING
    desk.feed(TalkEnded(entry))
    assert desk.state(ANNA)[0] is AgentState.WRAP_UP
    desk.wait(15)
    assert desk.state(ANNA)[0] is AgentState.UNREACHABLE
    desk.feed(AgentPhoneUp(ANNA))
    assert desk.state(ANNA)[0] is AgentState.READY


def test_wrap_up_is_ended_by_deadline_agent_or_supervisor_only() -> None:
    for fed in (AgentPhoneDown(ANNA), AgentBusy(ANNA), AgentPhoneUp(ANNA), AgentIdle(ANNA)):
        desk = Desk(SALES_QUEUE)
        desk.feed(TalkEnded(talking(desk)))
        desk.feed(fed)
        assert desk.state(ANNA)[0] is AgentState.WRAP_UP, fed
    for ending in (WrapUpEnded(ANNA), AgentReady(ANNA)):
        desk = Desk(SALES_QUEUE)
        desk.feed(TalkEnded(talking(desk)))
        desk.feed(ending)
        assert desk.state(ANNA)[0] is AgentState.READY
        assert desk.wait(60) == []


def test_wrap_up_that_was_cut_short_does_not_end_the_next_talk() -> None:
    desk = Desk(SALES_QUEUE)
    desk.feed(TalkEnded(talking(desk)))
    desk.feed(WrapUpEnded(ANNA))
    assert desk.dispatcher.next_deadline() is None
    entry, decisions = desk.join(SALES)
    desk.feed(OfferAccepted(only(Offered, decisions).offer))
    assert desk.wait(60) == []
    assert only(TalkFinished, desk.feed(TalkEnded(entry))).talked_s == 60.0


def test_agents_freed_in_one_instant_are_all_offered_the_best_of_them_first() -> None:
    for callers in (1, 2, 3):
        desk = Desk(SALES_QUEUE)
        for agent, level in ((ANNA, 1), (BO, 5)):
            desk.staff(agent, talk=level)
        talks = [desk.join(SALES) for _ in range(2)]
        for _, decisions in talks:
            desk.feed(OfferAccepted(only(Offered, decisions).offer))
        waiting = [desk.join(SALES)[0] for _ in range(callers)]
        for entry, _ in talks:
            desk.feed(TalkEnded(entry))
        offered = [(d.entry, d.agent) for d in desk.wait(15) if isinstance(d, Offered)]
        assert offered == list(zip(waiting, (BO, ANNA), strict=False))
        desk.assert_matched()


def test_wrap_up_is_extended_up_to_its_limit() -> None:
    desk = Desk(SALES_QUEUE)
    desk.feed(TalkEnded(talking(desk)))
    desk.feed(WrapUpExtended(ANNA, 30))
    desk.wait(44)
    assert desk.state(ANNA)[0] is AgentState.WRAP_UP
    desk.feed(WrapUpExtended(ANNA, 3_600))
    assert desk.state(ANNA)[0] is AgentState.WRAP_UP
    desk.wait(3_600 - 44)
    assert desk.state(ANNA)[0] is AgentState.READY


def test_not_ready_and_log_out_in_a_talk_wait_for_its_end() -> None:
    desk = Desk(SALES_QUEUE)
    entry = talking(desk)
    desk.feed(AgentNotReady(ANNA, "lunch"))
    desk.feed(TalkEnded(entry))
    desk.wait(15)
    assert desk.state(ANNA) == (AgentState.NOT_READY, "lunch")
    desk = Desk(SALES_QUEUE)
    entry = talking(desk)
    desk.feed(AgentLoggedOut(ANNA))
    assert desk.state(ANNA)[0] is AgentState.TALKING
    desk.feed(TalkEnded(entry))
    assert desk.state(ANNA)[0] is AgentState.LOGGED_OUT


def test_unreachable_phone_is_never_shown_as_ready() -> None:
    desk = Desk(SALES_QUEUE)
    desk.feed(AgentLoggedIn(AgentSettings(ANNA, skills={TALK: 1})))
    desk.feed(AgentReady(ANNA))
    assert desk.state(ANNA)[0] is AgentState.UNREACHABLE
    assert kinds(desk.join(SALES)[1]) == ["Queued"]
    assert only(Offered, desk.feed(AgentPhoneUp(ANNA))).agent == ANNA


def test_new_skills_take_effect_at_once() -> None:
    desk = Desk(SALES_QUEUE, HELP_QUEUE)
    desk.staff(ANNA, talk=1)
    entry, _ = desk.join(HELP)
    decisions = desk.feed(AgentLoggedIn(AgentSettings(ANNA, skills={REPAIR: 5})))
    assert only(Offered, decisions).entry == entry
    assert kinds(desk.join(SALES)[1]) == ["Queued"]


def test_own_call_keeps_offers_away() -> None:
    desk = Desk(SALES_QUEUE)
    desk.staff(ANNA, talk=1)
    desk.feed(AgentBusy(ANNA))
    assert kinds(desk.join(SALES)[1]) == ["Queued"]
    assert only(Offered, desk.feed(AgentIdle(ANNA))).agent == ANNA


# ---- what does not fit ------------------------------------------------------------------------------------------


def test_inputs_that_do_not_fit_are_refused_and_change_nothing() -> None:
    desk = Desk(SALES_QUEUE)
    desk.staff(ANNA, talk=1)
    desk.staff(BO, talk=1)
    entry, _ = desk.join(SALES)
    desk.feed(AgentLoggedOut(BO))
    before = desk.dispatcher.snapshot(desk.now)
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
        (WrapUpExtended(nobody, 1), RefusalReason.UNKNOWN_AGENT),
        (AgentReady(BO), RefusalReason.NOT_IN_THIS_STATE),
        (AgentLoggedOut(BO), RefusalReason.NOT_IN_THIS_STATE),
        (WrapUpEnded(ANNA), RefusalReason.NOT_IN_THIS_STATE),
        (WrapUpExtended(ANNA, 1), RefusalReason.NOT_IN_THIS_STATE),
    ]
    for fed, reason in misfits:
        assert desk.feed(fed) == [InputRefused(fed, reason)]
    assert desk.dispatcher.snapshot(desk.now) == before


def test_time_does_not_run_backwards() -> None:
    desk = Desk(SALES_QUEUE)
    entry, _ = desk.join(SALES)
    desk.now -= 50
    assert only(Departed, desk.feed(CallerLeft(entry))).waited_s == 0.0


# ---- announcements and explanations -----------------------------------------------------------------------------


def test_position_is_announced_in_time_and_never_rises() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, announce_first_s=5, announce_every_s=30))
    first, _ = desk.join(SALES)
    second, _ = desk.join(SALES)
    assert [(d.entry, d.position) for d in desk.wait(5) if isinstance(d, Announce)] == [(first, 1), (second, 2)]
    desk.join(SALES, 600)
    told = [d.entry for d in desk.wait(30) if isinstance(d, Announce)]
    assert first not in told and second not in told, "a position that rose was told"
    desk.feed(CallerLeft(first))
    told_again = [(d.entry, d.position) for d in desk.wait(30) if isinstance(d, Announce)]
    assert told_again[-1] == (second, 2)


def test_announcement_is_left_out_while_a_phone_rings() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, announce_first_s=5, announce_every_s=10))
    entry, offer = ringing(desk)
    assert not any(isinstance(d, Announce) for d in desk.wait(6))
    desk.feed(OfferEnded(offer, OfferEnd.REFUSED))
    assert only(Announce, desk.wait(10)).entry == entry


def test_why_names_the_filter_that_keeps_each_agent_away() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 2}))
    talker = AgentId("1009")
    desk.staff(talker, talk=2)
    busy, decisions = desk.join(SALES)
    desk.feed(OfferAccepted(only(Offered, decisions).offer))
    desk.staff(ANNA, repair=1)
    desk.staff(BO, talk=1)
    desk.staff(CHEN, talk=2)
    desk.feed(AgentNotReady(CHEN, "lunch"))
    entry, _ = desk.join(SALES)
    explanation = desk.dispatcher.why(entry, desk.now)
    assert explanation is not None
    assert [(c.agent, c.exclusion, c.detail) for c in explanation.candidates] == [
        (ANNA, Exclusion.SKILL_MISSING, TALK),
        (BO, Exclusion.LEVEL_TOO_LOW, TALK),
        (CHEN, Exclusion.NOT_READY, "lunch"),
        (talker, Exclusion.TALKING, ""),
    ]
    assert desk.dispatcher.why(busy, desk.now) is None


def test_snapshot_shows_callers_in_the_order_of_their_positions() -> None:
    desk = Desk(SALES_QUEUE)
    plain, _ = desk.join(SALES)
    english, _ = desk.join(SALES, english=1)
    vip, _ = desk.join(SALES, 60)
    (queue,) = desk.dispatcher.snapshot(desk.now + 7).queues
    assert [(view.entry, view.position, view.waited_s) for view in queue.waiting] == [
        (vip, 1, 7.0),
        (plain, 2, 7.0),
        (english, 3, 7.0),
    ]


def test_leaving_is_counted_by_its_cause() -> None:
    desk = Desk(SALES_QUEUE)
    for cause, stay_s in [(LeaveCause.HUNG_UP, 4), (LeaveCause.HUNG_UP, 5), (LeaveCause.CALLBACK, 9)]:
        entry, _ = desk.join(SALES)
        desk.wait(stay_s)
        assert only(Departed, desk.feed(CallerLeft(entry, cause))).is_short is (stay_s < 5)
    figures = desk.dispatcher.metrics.queues[SALES]
    assert (figures.offered, figures.abandoned_short, figures.abandoned, figures.callbacks) == (3, 1, 1, 1)


# ---- by hand ----------------------------------------------------------------------------------------------------


def test_caller_at_a_front_desk_is_offered_by_hand_only() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, is_by_hand=True))
    desk.staff(ANNA, talk=1)
    entry, decisions = desk.join(SALES)
    assert kinds(decisions) == ["Queued"]
    offered = only(Offered, desk.feed(CallerAssigned(entry, ANNA)))
    assert (offered.entry, offered.agent, offered.is_by_hand) == (entry, ANNA, True)
    desk.feed(OfferEnded(offered.offer, OfferEnd.NO_ANSWER))
    assert not any(isinstance(decision, Offered) for decision in desk.wait(60))


def test_hand_overrides_skills_and_a_missed_offer_but_not_readiness() -> None:
    desk = Desk(SALES_QUEUE)
    desk.staff(BO, repair=1)
    entry, offer = ringing(desk)
    desk.feed(OfferEnded(offer, OfferEnd.REFUSED))
    assert only(InputRefused, desk.feed(CallerAssigned(entry, ANNA))).reason is RefusalReason.NOT_IN_THIS_STATE
    offered = only(Offered, desk.feed(CallerAssigned(entry, BO)))
    desk.feed(OfferEnded(offered.offer, OfferEnd.REFUSED))
    desk.wait(10)
    assert only(Offered, desk.feed(CallerAssigned(entry, ANNA))).agent == ANNA


def test_assignment_takes_a_ringing_offer_from_another_agent_and_frees_that_agent() -> None:
    desk = Desk(SALES_QUEUE)
    entry, offer = ringing(desk)
    desk.staff(BO, repair=1)
    following, _ = desk.join(SALES)
    decisions = desk.feed(CallerAssigned(entry, BO))
    withdrawn = only(OfferWithdrawn, decisions)
    assert (withdrawn.offer, withdrawn.cause) == (offer, WithdrawCause.CALLER_ASSIGNED)
    offered = {decision.agent: decision.entry for decision in decisions if isinstance(decision, Offered)}
    assert offered == {BO: entry, ANNA: following}
    assert kinds(desk.feed(OfferAccepted(offer))) == ["LateAccept"]


def test_assignment_of_or_to_nobody_is_refused() -> None:
    desk = Desk(SALES_QUEUE)
    entry, _ = desk.join(SALES)
    nobody = desk.feed(CallerAssigned(entry, ANNA))
    assert only(InputRefused, nobody).reason is RefusalReason.UNKNOWN_AGENT
    nothing = desk.feed(CallerAssigned(EntryId("nobody"), ANNA))
    assert only(InputRefused, nothing).reason is RefusalReason.UNKNOWN_ENTRY


# ---- after a restart --------------------------------------------------------------------------------------------


def test_restored_agent_is_as_ready_and_as_long_idle_as_before() -> None:
    desk = Desk(SALES_QUEUE)
    who = AgentSettings(ANNA, skills={TALK: 1})
    desk.feed(AgentRestored(who, is_ready=True, answered=7, idle_for_s=300, is_phone_up=True))
    desk.feed(AgentRestored(AgentSettings(BO, skills={TALK: 1}), is_ready=True, idle_for_s=600))
    assert desk.state(BO) == (AgentState.UNREACHABLE, "")
    desk.feed(AgentPhoneUp(BO))
    _, decisions = desk.join(SALES)
    assert only(Offered, decisions).agent == BO
    assert only(Offered, decisions).agent_key.measure == desk.now - 600
    _, decisions = desk.join(SALES)
    assert only(Offered, decisions).agent == ANNA


def test_restored_agent_on_a_break_stays_on_it_with_the_reason() -> None:
    desk = Desk(SALES_QUEUE)
    desk.feed(AgentPhoneUp(ANNA))
    decisions = desk.feed(AgentRestored(AgentSettings(ANNA), is_ready=False, reason="lunch"))
    assert kinds(decisions) == ["AgentStateChanged"]
    assert desk.state(ANNA) == (AgentState.NOT_READY, "lunch")
    again = desk.feed(AgentRestored(AgentSettings(ANNA), is_ready=True))
    assert only(InputRefused, again).reason is RefusalReason.NOT_IN_THIS_STATE
    odd = desk.feed(AgentRestored(AgentSettings(BO), is_ready=True, load=1.5))
    assert only(InputRefused, odd).reason is RefusalReason.OUT_OF_RANGE
