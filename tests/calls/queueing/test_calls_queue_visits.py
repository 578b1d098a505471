"""Queue visits on a scripted day: one row for each visit, with its times, also when the day is cut off."""

from dataclasses import replace

import pytest
from tests.calls.call_centre import (
    BOTH_TOLD_S,
    ORDINARY,
    ORDINARY_KEPT,
    SALES,
    SERVICE,
    SERVICE_LINE,
    VIP,
    VIP_KEPT,
    CallCentre,
    Plan,
    opened,
)

from acdcore.calls.model.rows import CallEnd, QueueVisitRow
from acdcore.kernel.errors import Outcome
from acdcore.queues.settings import OverflowCause, OverflowRule, QueueSettings, ToQueue

pytestmark = pytest.mark.looptime

QUEUE = QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0, service_level_within_s=20.0, short_abandon_s=5.0)


def queue_visits(centre: CallCentre) -> list[QueueVisitRow]:
    """Every stay, in the order in which they ended."""
    return sorted(centre.history.queue_visit_rows.values(), key=lambda row: (row.left_at, row.entry, row.n))


async def test_answered_caller_leaves_wait_talk_and_wrap_up_as_they_were() -> None:
    async with opened(Plan(queues=(QUEUE,))) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(4)
        agent.answer()
        await centre.pass_time(60)
        assert queue_visits(centre) == []  # the wrap-up belongs to it
        agent.hang_up()
        await centre.pass_time(12)
        (row,) = queue_visits(centre)
        record = centre.cdr()
        assert (row.call_id, row.queue, row.agent, row.caller) == (record.call_id, SERVICE, "1001", VIP_KEPT)
        assert (row.how, row.is_in_time, row.offers, row.misses, row.channel) == ("answered", True, 1, 0, "call")
        assert row.waited_s == pytest.approx(4, abs=0.2)
        assert row.talked_s == pytest.approx(60, abs=0.2)
        assert row.wrap_up_s == pytest.approx(10, abs=0.1)
        assert record.queued_at is not None
        assert abs((row.joined_at - record.queued_at).total_seconds()) < 0.01


async def test_caller_who_gives_up_is_told_apart_by_how_soon() -> None:
    async with opened(Plan(queues=(QUEUE,))) as centre:
        for waits_s in (3, 30):
            caller = centre.caller(VIP)
            caller.call(SERVICE_LINE)
            await centre.pass_time(waits_s)
            caller.hang_up()
            await centre.pass_time(1)
        assert [(row.how, round(row.waited_s)) for row in queue_visits(centre)] == [
            ("abandoned_short", 3),
            ("abandoned", 30),
        ]
        assert {record.outcome for record in centre.cdrs()} == {Outcome.ABANDONED_QUEUE}


async def test_misses_of_agents_are_counted_with_the_stay() -> None:
    async with opened(Plan(queues=(QUEUE,))) as centre:
        first, second = await centre.seat("1001"), await centre.seat("1002")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(17)
        (rung,) = [phone for phone in (first, second) if phone.rings]
        rung.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        caller.hang_up()
        await centre.pass_time(12)
        (row,) = queue_visits(centre)
        assert (row.offers, row.misses, row.how) == (2, 1, "answered")


async def test_overflow_makes_two_stays_of_one_entry() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToQueue(SALES))
    queues = (replace(QUEUE, max_wait_s=20.0, overflow=(rule,)), QueueSettings(SALES))
    async with opened(Plan(queues=queues)) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(30)
        caller.hang_up()
        await centre.pass_time(1)
        first, second = queue_visits(centre)
        assert (second.entry, second.n) == (first.entry, first.n + 1)
        assert [(row.queue, row.how, round(row.waited_s)) for row in (first, second)] == [
            (SERVICE, "overflowed", 20),
            (SALES, "abandoned", 10),
        ]
        assert first.left_at == second.joined_at


async def test_nothing_is_remembered_of_a_stay_that_is_over() -> None:
    async with opened(Plan(queues=(QUEUE,))) as centre:
        agent = await centre.seat("1001")
        for number in (VIP, ORDINARY):
            caller = centre.caller(number)
            await centre.talk(agent, caller)
            caller.hang_up()
            await centre.pass_time(12)
        assert centre.context.acd.subjects == {}


async def test_day_that_is_cut_off_leaves_what_was_going_on() -> None:
    async with opened(Plan(queues=(QUEUE,))) as centre:
        agent, talks, waits = await centre.seat("1001"), centre.caller(VIP), centre.caller(ORDINARY)
        await centre.talk(agent, talks)
        waits.call(SERVICE_LINE)
        await centre.pass_time(8)
        centre.switchboard.end_all()
        await centre.pass_time(1)
        centre.queue_visits.close()  # 1001 is in wrap-up
        rows = {row.caller: row for row in queue_visits(centre)}
        assert {caller: row.how for caller, row in rows.items()} == {VIP_KEPT: "answered", ORDINARY_KEPT: "failed"}
        assert rows[VIP_KEPT].wrap_up_s == pytest.approx(1, abs=0.1)
        assert centre.context.acd.subjects == {}
        assert {record.caller: (record.outcome, record.end_cause) for record in centre.cdrs()} == {
            VIP_KEPT: (Outcome.ANSWERED, CallEnd.SHUTDOWN),
            ORDINARY_KEPT: (Outcome.SHUTDOWN, CallEnd.SHUTDOWN),
        }
