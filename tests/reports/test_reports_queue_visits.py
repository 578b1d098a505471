"""Obligations of the stays."""

from dataclasses import replace

from tests.queues.desk import ANNA, BO, HELP, SALES, TALK, Desk, only

from acdcore.kernel.ids import AgentId
from acdcore.queues.decisions import Announce, Decision, Offered, Queued
from acdcore.queues.inputs import (
    AgentLoggedOut,
    AgentReady,
    CallerLeft,
    EntryId,
    Input,
    LeaveCause,
    OfferAccepted,
    OfferEnded,
    TalkEnded,
    WrapUpEnded,
    WrapUpExtended,
)
from acdcore.queues.settings import (
    Channel,
    OfferEnd,
    OverflowCause,
    OverflowRule,
    OverflowTarget,
    QueueSettings,
    ToAnnouncement,
    ToQueue,
)
from acdcore.reports.queue_visits import Stay, StayEnd, Stays

PLAIN = QueueSettings(SALES, {TALK: 1})


class Folded(Desk):
    """A desk whose decisions are folded into stays as they come."""

    def __init__(self, *queues: QueueSettings) -> None:
        super().__init__(*queues)
        self.stays = Stays()
        self.over: list[Stay] = []

    def feed(self, fed: Input) -> list[Decision]:
        """One turn."""
        decisions = super().feed(fed)
        self.over += self.stays.fold(decisions, self.now)
        return decisions

    def connect(self, agent: AgentId = ANNA) -> EntryId:
        """A caller is rung for 5 s and answered."""
        self.staff(agent, talk=1)
        entry, decisions = self.join(SALES)
        self.wait(5)
        self.feed(OfferAccepted(only(Offered, decisions).offer))
        return entry


def test_an_answered_stay_is_over_when_the_wrap_up_is() -> None:
    desk = Folded(PLAIN)
    entry = desk.connect()
    desk.wait(60)
    desk.feed(TalkEnded(entry))
    assert desk.over == []
    desk.wait(20)
    assert desk.over == [
        Stay(
            entry=entry,
            n=1,
            queue=SALES,
            channel=Channel.CALL,
            joined_at=1_000.0,
            left_at=1_005.0,
            how=StayEnd.ANSWERED,
            waited_s=5.0,
            is_in_time=True,
            agent=ANNA,
            offers=1,
            talked_s=60.0,
            wrap_up_s=15.0,
        )
    ]
    assert desk.stays.open(desk.now) == []


def test_a_wrap_up_counts_as_long_as_it_really_was() -> None:
    desk = Folded(PLAIN)
    desk.feed(TalkEnded(desk.connect()))
    desk.feed(WrapUpExtended(ANNA, 30.0))
    desk.wait(40)
    desk.feed(WrapUpEnded(ANNA))
    assert desk.over[0].wrap_up_s == 40.0


def test_without_wrap_up_the_stay_is_over_with_the_talk() -> None:
    desk = Folded(replace(PLAIN, wrap_up_s=0.0))
    desk.feed(TalkEnded(desk.connect()))
    assert [(stay.how, stay.wrap_up_s) for stay in desk.over] == [(StayEnd.ANSWERED, 0.0)]


def test_an_agent_who_went_home_during_the_talk_leaves_no_stay_behind() -> None:
    desk = Folded(PLAIN)
    entry = desk.connect()
    desk.feed(AgentLoggedOut(ANNA))
    desk.feed(TalkEnded(entry))
    assert [stay.how for stay in desk.over] == [StayEnd.ANSWERED]
    assert desk.stays.open(desk.now) == []


def test_hanging_up_early_and_late_are_told_apart() -> None:
    desk = Folded(PLAIN)
    early, _ = desk.join(SALES)
    late, _ = desk.join(SALES)
    desk.wait(2)
    desk.feed(CallerLeft(early))
    desk.wait(10)
    desk.feed(CallerLeft(late))
    assert [(stay.entry, stay.how, stay.waited_s, stay.agent) for stay in desk.over] == [
        (early, StayEnd.ABANDONED_SHORT, 2.0, None),
        (late, StayEnd.ABANDONED, 12.0, None),
    ]


def test_other_ways_of_leaving_have_their_own_names() -> None:
    desk = Folded(PLAIN)
    for cause in (LeaveCause.CALLBACK, LeaveCause.WITHDRAWN, LeaveCause.FAILED):
        entry, _ = desk.join(SALES)
        desk.feed(CallerLeft(entry, cause))
    assert [stay.how for stay in desk.over] == [StayEnd.CALLBACK, StayEnd.WITHDRAWN, StayEnd.FAILED]


def overflowing(target: OverflowTarget) -> tuple[QueueSettings, QueueSettings]:
    """SALES gives callers up after 30 s."""
    rule = OverflowRule(OverflowCause.WAIT, target)
    return replace(PLAIN, max_wait_s=30.0, overflow=(rule,)), QueueSettings(HELP, {TALK: 1})


def test_overflow_into_another_queue_begins_a_second_stay() -> None:
    desk = Folded(*overflowing(ToQueue(HELP)))
    entry, _ = desk.join(SALES)
    desk.wait(40)
    desk.feed(CallerLeft(entry))
    assert [(stay.n, stay.queue, stay.how, stay.waited_s) for stay in desk.over] == [
        (1, SALES, StayEnd.OVERFLOWED, 30.0),
        (2, HELP, StayEnd.ABANDONED, 10.0),
    ]


def test_overflow_out_of_the_queues_leaves_nothing_behind() -> None:
    desk = Folded(*overflowing(ToAnnouncement("busy")))
    desk.join(SALES)
    desk.wait(30)
    assert [stay.how for stay in desk.over] == [StayEnd.OVERFLOWED]
    assert desk.stays.open(desk.now) == []


def test_offers_and_misses_are_counted_over_all_agents() -> None:
    desk = Folded(PLAIN)
    desk.staff(ANNA, talk=1)
    desk.staff(BO, talk=1)
    entry, decisions = desk.join(SALES)
    first = only(Offered, decisions)
    second = only(Offered, desk.feed(OfferEnded(first.offer, OfferEnd.REFUSED)))
    desk.feed(OfferAccepted(second.offer))
    desk.feed(TalkEnded(entry))
    desk.wait(15)
    (stay,) = desk.over
    assert (stay.offers, stay.misses, stay.agent) == (2, 1, second.agent)


def test_running_stays_are_shown_as_they_stand() -> None:
    desk = Folded(PLAIN)
    entry = desk.connect()
    waiting, _ = desk.join(SALES)
    desk.wait(10)
    shown = {stay.entry: stay for stay in desk.stays.open(desk.now)}
    assert (shown[waiting].how, shown[waiting].waited_s) == (StayEnd.WAITING, 10.0)
    assert (shown[entry].how, shown[entry].talked_s, shown[entry].waited_s) == (StayEnd.IN_CONTACT, 10.0, 5.0)
    desk.feed(CallerLeft(waiting))
    desk.feed(TalkEnded(entry))
    desk.wait(7)
    (wrapping,) = desk.stays.open(desk.now)
    assert (wrapping.how, wrapping.talked_s, wrapping.wrap_up_s) == (StayEnd.IN_CONTACT, 10.0, 7.0)


def test_a_promise_is_counted_from_joining() -> None:
    entry = EntryId("e1")
    stays = Stays()
    stays.fold([Queued(entry, SALES, 100.0)], 100.0)
    stays.fold([Announce(entry, SALES, 3, wait_s=None)], 110.0)
    stays.fold([Announce(entry, SALES, 3, wait_s=60.0, is_promise=True)], 120.0)
    stays.fold([Announce(entry, SALES, 1, wait_s=30.0)], 150.0)
    (stay,) = stays.open(160.0)
    assert stay.promised_s == 80.0


def test_an_entry_from_before_the_fold_is_left_out() -> None:
    desk = Folded(PLAIN)
    entry = desk.connect()
    late = Stays()
    assert late.fold(desk.feed(TalkEnded(entry)), desk.now) == []
    assert late.fold(desk.wait(15), desk.now) == []
    assert late.open(desk.now) == []


def test_the_next_caller_of_an_agent_is_another_stay() -> None:
    desk = Folded(PLAIN)
    first = desk.connect()
    second, _ = desk.join(SALES)
    desk.feed(TalkEnded(first))
    offer = only(Offered, desk.feed(AgentReady(ANNA)))
    desk.feed(OfferAccepted(offer.offer))
    assert [(stay.entry, stay.wrap_up_s) for stay in desk.over] == [(first, 0.0)]
    assert [stay.entry for stay in desk.stays.open(desk.now)] == [second]
