"""Obligations of the visits."""

from dataclasses import replace

from tests.queues.dispatcher_harness import ANNA, BO, HELP, SALES, TALK, DispatcherHarness, only

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
from acdcore.reports.queue_visits import QueueVisit, QueueVisitEnd, QueueVisitFold

PLAIN = QueueSettings(SALES, {TALK: 1})


class Folded(DispatcherHarness):
    """A dispatcher whose decisions are folded into visits as they come."""

    def __init__(self, *queues: QueueSettings) -> None:
        super().__init__(*queues)
        self.visits = QueueVisitFold()
        self.over: list[QueueVisit] = []

    def handle(self, event: Input) -> list[Decision]:
        """One turn."""
        decisions = super().handle(event)
        self.over += self.visits.fold(decisions, self.now)
        return decisions

    def connect(self, agent: AgentId = ANNA) -> EntryId:
        """A caller is rung for 5 s and answered."""
        self.staff(agent, talk=1)
        entry, decisions = self.join(SALES)
        self.wait(5)
        self.handle(OfferAccepted(only(Offered, decisions).offer))
        return entry


def test_an_answered_visit_is_over_when_the_wrap_up_is() -> None:
    harness = Folded(PLAIN)
    entry = harness.connect()
    harness.wait(60)
    harness.handle(TalkEnded(entry))
    assert harness.over == []
    harness.wait(20)
    assert harness.over == [
        QueueVisit(
            entry=entry,
            n=1,
            queue=SALES,
            channel=Channel.CALL,
            joined_at=1_000.0,
            left_at=1_005.0,
            how=QueueVisitEnd.ANSWERED,
            waited_s=5.0,
            is_in_time=True,
            agent=ANNA,
            offers=1,
            talked_s=60.0,
            wrap_up_s=15.0,
        )
    ]
    assert harness.visits.open(harness.now) == []


def test_a_wrap_up_counts_as_long_as_it_really_was() -> None:
    harness = Folded(PLAIN)
    harness.handle(TalkEnded(harness.connect()))
    harness.wait(10)
    harness.handle(WrapUpEnded(ANNA))
    assert harness.over[0].wrap_up_s == 10.0


def test_without_wrap_up_the_visit_is_over_with_the_talk() -> None:
    harness = Folded(replace(PLAIN, wrap_up_s=0.0))
    harness.handle(TalkEnded(harness.connect()))
    assert [(visit.how, visit.wrap_up_s) for visit in harness.over] == [(QueueVisitEnd.ANSWERED, 0.0)]


def test_an_agent_who_went_home_during_the_talk_leaves_no_visit_behind() -> None:
    harness = Folded(PLAIN)
    entry = harness.connect()
    harness.handle(AgentLoggedOut(ANNA))
    harness.handle(TalkEnded(entry))
    assert [visit.how for visit in harness.over] == [QueueVisitEnd.ANSWERED]
    assert harness.visits.open(harness.now) == []


def test_hanging_up_early_and_late_are_told_apart() -> None:
    harness = Folded(PLAIN)
    early, _ = harness.join(SALES)
    late, _ = harness.join(SALES)
    harness.wait(2)
    harness.handle(CallerLeft(early))
    harness.wait(10)
    harness.handle(CallerLeft(late))
    assert [(visit.entry, visit.how, visit.waited_s, visit.agent) for visit in harness.over] == [
        (early, QueueVisitEnd.ABANDONED_SHORT, 2.0, None),
        (late, QueueVisitEnd.ABANDONED, 12.0, None),
    ]


def test_other_ways_of_leaving_have_their_own_names() -> None:
    harness = Folded(PLAIN)
    for cause in (LeaveCause.CALLBACK, LeaveCause.WITHDRAWN, LeaveCause.FAILED):
        entry, _ = harness.join(SALES)
        harness.handle(CallerLeft(entry, cause))
    assert [visit.how for visit in harness.over] == [
        QueueVisitEnd.CALLBACK,
        QueueVisitEnd.WITHDRAWN,
        QueueVisitEnd.FAILED,
    ]


def overflowing(target: OverflowTarget) -> tuple[QueueSettings, QueueSettings]:
    """SALES gives callers up after 30 s."""
    rule = OverflowRule(OverflowCause.WAIT, target)
    return replace(PLAIN, max_wait_s=30.0, overflow=(rule,)), QueueSettings(HELP, {TALK: 1})


def test_overflow_into_another_queue_begins_a_second_visit() -> None:
    harness = Folded(*overflowing(ToQueue(HELP)))
    entry, _ = harness.join(SALES)
    harness.wait(40)
    harness.handle(CallerLeft(entry))
    assert [(visit.n, visit.queue, visit.how, visit.waited_s) for visit in harness.over] == [
        (1, SALES, QueueVisitEnd.OVERFLOWED, 30.0),
        (2, HELP, QueueVisitEnd.ABANDONED, 10.0),
    ]


def test_overflow_out_of_the_queues_leaves_nothing_behind() -> None:
    harness = Folded(*overflowing(ToAnnouncement("busy")))
    harness.join(SALES)
    harness.wait(30)
    assert [visit.how for visit in harness.over] == [QueueVisitEnd.OVERFLOWED]
    assert harness.visits.open(harness.now) == []


def test_offers_and_misses_are_counted_over_all_agents() -> None:
    harness = Folded(PLAIN)
    harness.staff(ANNA, talk=1)
    harness.staff(BO, talk=1)
    entry, decisions = harness.join(SALES)
    first = only(Offered, decisions)
    second = only(Offered, harness.handle(OfferEnded(first.offer, OfferEnd.REFUSED)))
    harness.handle(OfferAccepted(second.offer))
    harness.handle(TalkEnded(entry))
    harness.wait(15)
    (visit,) = harness.over
    assert (visit.offers, visit.misses, visit.agent) == (2, 1, second.agent)


def test_running_visits_are_shown_as_they_stand() -> None:
    harness = Folded(PLAIN)
    entry = harness.connect()
    waiting, _ = harness.join(SALES)
    harness.wait(10)
    shown = {visit.entry: visit for visit in harness.visits.open(harness.now)}
    assert (shown[waiting].how, shown[waiting].waited_s) == (QueueVisitEnd.WAITING, 10.0)
    assert (shown[entry].how, shown[entry].talked_s, shown[entry].waited_s) == (QueueVisitEnd.IN_CONTACT, 10.0, 5.0)
    harness.handle(CallerLeft(waiting))
    harness.handle(TalkEnded(entry))
    harness.wait(7)
    (wrapping,) = harness.visits.open(harness.now)
    assert (wrapping.how, wrapping.talked_s, wrapping.wrap_up_s) == (QueueVisitEnd.IN_CONTACT, 10.0, 7.0)


def test_an_announced_wait_is_counted_from_joining() -> None:
    entry = EntryId("e1")
    visits = QueueVisitFold()
    visits.fold([Queued(entry, SALES, 100.0)], 100.0)
    visits.fold([Announce(entry, SALES, 3, wait_s=None)], 110.0)
    visits.fold([Announce(entry, SALES, 3, wait_s=60.0, is_first_wait=True)], 120.0)
    visits.fold([Announce(entry, SALES, 1, wait_s=30.0)], 150.0)
    (visit,) = visits.open(160.0)
    assert visit.announced_wait_s == 80.0


def test_an_entry_from_before_the_fold_is_left_out() -> None:
    harness = Folded(PLAIN)
    entry = harness.connect()
    late = QueueVisitFold()
    assert late.fold(harness.handle(TalkEnded(entry)), harness.now) == []
    assert late.fold(harness.wait(15), harness.now) == []
    assert late.open(harness.now) == []


def test_the_next_caller_of_an_agent_is_another_visit() -> None:
    harness = Folded(PLAIN)
    first = harness.connect()
    second, _ = harness.join(SALES)
    harness.handle(TalkEnded(first))
    offer = only(Offered, harness.handle(AgentReady(ANNA)))
    harness.handle(OfferAccepted(offer.offer))
    assert [(visit.entry, visit.wrap_up_s) for visit in harness.over] == [(first, 0.0)]
    assert [visit.entry for visit in harness.visits.open(harness.now)] == [second]
