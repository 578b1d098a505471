"""Obligations of announcements: waits are rounded up, never worse than before, and counted as kept or exceeded."""

import pytest
from tests.queues.dispatcher_harness import ANNA, BO, SALES, TALK, DispatcherHarness, only

from acdcore.queues.announcements import announced_wait_s
from acdcore.queues.decisions import Announce, Connected, Departed, Offered
from acdcore.queues.inputs import AgentLoggedOut, CallerLeft, CallerPaused, CallerResumed, OfferAccepted, TalkEnded
from acdcore.queues.settings import QueueSettings

TELLING = QueueSettings(SALES, {TALK: 1}, wrap_up_s=0, announce_first_s=0, announce_every_s=30, announces_wait=True)


def announced(decisions: list[object]) -> list[Announce]:
    """The announcements among the decisions."""
    return [decision for decision in decisions if isinstance(decision, Announce)]


def busy_hour(harness: DispatcherHarness, talk_s: float = 60.0) -> Offered:
    """ANNA takes a call a minute while somebody always waits; the next one rings."""
    harness.staff(ANNA, talk=1)
    offered = only(Offered, harness.join(SALES)[1])
    for _ in range(30):
        harness.join(SALES)
        harness.handle(OfferAccepted(offered.offer))
        harness.wait(talk_s)
        offered = only(Offered, harness.handle(TalkEnded(offered.entry)))
    harness.handle(OfferAccepted(offered.offer))
    return offered


@pytest.mark.parametrize(
    ("estimated_s", "wait_s"),
    [
        (None, None),
        (0.0, 30.0),
        (29.9, 30.0),
        (30.1, 60.0),
        (180.0, 180.0),
        (180.1, 240.0),
        (241.0, 300.0),
        (1_800.0, 1_800.0),
        (1_800.1, None),
    ],
)
def test_wait_is_rounded_up_and_left_out_when_long_or_unknown(estimated_s: float | None, wait_s: float | None) -> None:
    assert announced_wait_s(estimated_s) == wait_s


def test_wait_is_announced_when_known_and_the_first_one_is_counted() -> None:
    harness = DispatcherHarness(TELLING)
    offered = busy_hour(harness)
    harness.join(SALES)
    first = announced([*harness.wait(0)])[-1]
    assert first.wait_s is not None and first.is_first_wait
    again = announced([*harness.wait(30)])[-1]
    assert again.wait_s is not None and again.wait_s <= first.wait_s and not again.is_first_wait
    connected = harness.handle(TalkEnded(offered.entry))
    assert only(Connected, harness.handle(OfferAccepted(only(Offered, connected).offer))).is_announced_wait_kept is True
    figures = harness.dispatcher.metrics.queues[SALES]
    assert (
        figures.announced_waits_kept >= 1
        and figures.announced_waits >= figures.announced_waits_kept + figures.announced_waits_exceeded
    )


def test_answer_after_the_announced_wait_counts_as_exceeded() -> None:
    harness = DispatcherHarness(TELLING)
    offered = busy_hour(harness)
    entry, _ = harness.join(SALES)
    harness.wait(0)
    leaver, _ = harness.join(SALES)
    harness.wait(1_200)
    broken = harness.dispatcher.metrics.queues[SALES].announced_waits_exceeded
    decisions = harness.handle(TalkEnded(offered.entry))
    assert only(Offered, decisions).entry == entry
    assert (
        only(Connected, harness.handle(OfferAccepted(only(Offered, decisions).offer))).is_announced_wait_kept is False
    )
    assert only(Departed, harness.handle(CallerLeft(leaver))).is_announced_wait_kept is False
    assert harness.dispatcher.metrics.queues[SALES].announced_waits_exceeded == broken + 2


def test_caller_who_hangs_up_within_the_announced_wait_counts_for_neither() -> None:
    harness = DispatcherHarness(TELLING)
    busy_hour(harness)
    entry, _ = harness.join(SALES)
    assert announced([*harness.wait(0)])[-1].is_first_wait
    assert only(Departed, harness.handle(CallerLeft(entry))).is_announced_wait_kept is None


def test_wait_is_not_announced_when_it_rose_or_nobody_is_there() -> None:
    harness = DispatcherHarness(TELLING)
    busy_hour(harness)
    harness.staff(BO, talk=1)
    only(Offered, harness.join(SALES)[1])
    entry, _ = harness.join(SALES)
    before = announced([*harness.wait(0)])[-1]
    assert before.entry == entry and before.wait_s is not None
    harness.handle(AgentLoggedOut(BO))
    for announce in announced([*harness.wait(90)]):
        assert announce.entry != entry or announce.wait_s is None or announce.wait_s <= before.wait_s


def test_nothing_is_announced_in_a_side_flow_and_the_rhythm_goes_on() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, announce_first_s=5, announce_every_s=30))
    entry, _ = harness.join(SALES)
    harness.handle(CallerPaused(entry))
    assert harness.wait(40) == []
    harness.handle(CallerResumed(entry))
    assert [announce.position for announce in announced([*harness.wait(25)])] == [1]
