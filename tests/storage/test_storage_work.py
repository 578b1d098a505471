"""Work items, answers and queue visits: what is appended is found again, whichever storage keeps it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.storage.keeping import StorageUnderTest

from acdcore.calls.model.ports import AnswerFilter, BadRecord, QueueVisitFilter, WorkFilter
from acdcore.calls.model.rows import AgentEventRow, AnswerRow, QueueVisitRow, WorkRow
from acdcore.kernel.errors import Refused
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName
from acdcore.storage.postgres.database import Database
from acdcore.storage.stores.history import AGENT_CHANGES, PgHistory
from acdcore.work.model import AttemptOutcome, DialFirst, WorkId, WorkItem, WorkKind, WorkState


def item(work_id: str, wall: datetime) -> WorkItem:
    return WorkItem(WorkId(work_id), WorkKind.CALLBACK, QueueName("service"), "13800000001", wall)


def row(item: WorkItem, serial: int, wall: datetime) -> WorkRow:
    return WorkRow(item.id, serial, wall, item)


def answer(call_id: str, n: int, wall: datetime) -> AnswerRow:
    return AnswerRow(CallId(call_id), n, wall, "survey", "content", "choice", "5")


def visit(entry: str, joined_at: datetime) -> QueueVisitRow:
    left_at = joined_at + timedelta(seconds=30)
    return QueueVisitRow(entry, 1, entry, QueueName("service"), "call", joined_at, left_at, "abandoned", 30.0)


# Work items


async def test_item_comes_back_as_it_stands_and_as_it_stood(kept: StorageUnderTest, wall: datetime) -> None:
    asked = replace(
        item("w1", wall),
        kind=WorkKind.VOICEMAIL,
        call_id=CallId("c1"),
        customer_id=CustomerId(7),
        language="yue",
        waited_s=12.5,
        priority_s=120.0,
        dial_first=DialFirst.CUSTOMER,
        subject="帐单",
        is_reply_wanted=False,
        recording="2026/11/21/c1-1.wav",
    )
    heard = replace(
        asked,
        state=WorkState.DONE,
        attempts=1,
        next_at=wall + timedelta(hours=1),
        agent=AgentId("1001"),
        last_attempt=AttemptOutcome.HEARD,
        changed_at=wall + timedelta(minutes=1),
        changed_by="1001",
        changes=2,
    )
    first, second = row(asked, 1, wall), row(heard, 2, wall + timedelta(minutes=1))
    await kept.append(first, second)
    assert await kept.history.work(WorkFilter()) == [heard]
    assert await kept.history.work_history(WorkId("w1")) == [first, second]
    assert await kept.history.work_history(WorkId("w2")) == []


async def test_latest_change_is_the_present_in_whatever_order_they_come(kept: StorageUnderTest, wall: datetime) -> None:
    former, present = item("w1", wall), replace(item("w1", wall), state=WorkState.QUEUED)
    await kept.append(row(present, 2, wall))
    await kept.append(row(former, 1, wall), row(replace(former, subject="again"), 2, wall))
    assert await kept.history.work(WorkFilter()) == [present]
    assert await kept.history.open_work() == [row(present, 2, wall)]


async def test_only_items_that_have_not_ended_are_open(kept: StorageUnderTest, wall: datetime) -> None:
    items = [replace(item(f"w-{state}", wall), state=state) for state in WorkState]
    await kept.append(*(row(each, 1, wall) for each in items))
    found = await kept.history.open_work()
    assert [each.item.state for each in found] == [WorkState.IN_PROGRESS, WorkState.QUEUED, WorkState.WAITING]
    assert len(await kept.history.work(WorkFilter(is_open=True))) == 3
    assert len(await kept.history.work(WorkFilter(is_open=False))) == 4


async def test_each_work_filter_keeps_what_fits(kept: StorageUnderTest, wall: datetime) -> None:
    wanted = WorkItem(
        WorkId("w2"),
        WorkKind.VOICEMAIL,
        QueueName("vip"),
        "075726331234",
        wall,
        WorkState.IN_PROGRESS,
        agent=AgentId("1001"),
    )
    ended = replace(item("w1", wall), state=WorkState.DONE)
    await kept.append(row(ended, 1, wall), row(wanted, 1, wall), row(replace(ended, id=WorkId("w3")), 1, wall))
    for each in (
        WorkFilter(queue=QueueName("vip")),
        WorkFilter(kind=WorkKind.VOICEMAIL),
        WorkFilter(state=WorkState.IN_PROGRESS),
        WorkFilter(number="+86 757 2633 1234"),
        WorkFilter(agent=AgentId("1001")),
        WorkFilter(is_open=True),
        WorkFilter(before=WorkId("w3"), limit=1),
    ):
        assert await kept.history.work(each) == [wanted], each


async def test_work_is_not_looked_for_by_what_is_no_number(kept: StorageUnderTest) -> None:
    with pytest.raises(BadRecord, match="number"):
        await kept.history.work(WorkFilter(number="anonymous"))
    with pytest.raises(BadRecord, match="limit"):
        await kept.history.work(WorkFilter(limit=501))


# Answers


async def test_each_answer_filter_keeps_what_fits(kept: StorageUnderTest, wall: datetime) -> None:
    wanted = AnswerRow(
        CallId("c2"), 1, wall, "visit", "when", "digits", "0900", AgentId("1"), QueueName("vip"), CustomerId(7)
    )
    later = replace(answer("c2", 2, wall), at=wall + timedelta(hours=1))
    await kept.append(answer("c1", 1, wall - timedelta(hours=1)), wanted, later)
    for each in (
        AnswerFilter(flow="visit"),
        AnswerFilter(question="when"),
        AnswerFilter(agent=AgentId("1")),
        AnswerFilter(queue=QueueName("vip")),
        AnswerFilter(call_id=CallId("c2"), before=(CallId("c2"), 2)),
        AnswerFilter(given_from=wall, given_before=wall + timedelta(seconds=1)),
        AnswerFilter(before=(CallId("c2"), 2), limit=1),
    ):
        assert await kept.history.answers(each) == [wanted], each
    assert [(each.call_id, each.n) for each in await kept.history.answers(AnswerFilter())] == [
        ("c2", 2),
        ("c2", 1),
        ("c1", 1),
    ]


# Queue visits


async def test_stays_come_in_the_order_of_joining_with_all_they_are(kept: StorageUnderTest, wall: datetime) -> None:
    answered = replace(
        visit("c1/1", wall),
        how="answered",
        is_in_time=True,
        agent=AgentId("1001"),
        offers=2,
        misses=1,
        talked_s=60.5,
        wrap_up_s=10.25,
        caller="13800000001",
        customer_id=CustomerId(7),
        announced_wait_s=60.0,
    )
    moved = replace(answered, n=2, queue=QueueName("vip"), joined_at=wall + timedelta(seconds=30))
    earlier, outside = visit("c2/1", wall - timedelta(seconds=1)), visit("c3/1", wall + timedelta(hours=1))
    await kept.append(moved, answered, outside, earlier, replace(answered, talked_s=99.0))
    day = QueueVisitFilter(wall - timedelta(seconds=1), wall + timedelta(hours=1))
    assert await kept.history.queue_visits(day) == [earlier, answered, moved]
    assert await kept.history.queue_visits(replace(day, queue=QueueName("vip"))) == [moved]
    assert await kept.history.queue_visits(replace(day, agent=AgentId("1001"))) == [answered, moved]


async def test_too_many_stays_are_refused_rather_than_cut(kept: StorageUnderTest, wall: datetime) -> None:
    await kept.append(*(visit(f"c{number}", wall) for number in range(3)))
    day = QueueVisitFilter(wall, wall + timedelta(days=1), limit=3)
    assert len(await kept.history.queue_visits(day)) == 3
    with pytest.raises(Refused, match="more than 2 queue visits"):
        await kept.history.queue_visits(replace(day, limit=2))


# What agents did


def change(agent: str, at: datetime, state: str, serial: int = 1) -> AgentEventRow:
    return AgentEventRow(AgentId(agent), at, serial, state, "lunch" if state == "not_ready" else "")


async def test_changes_come_by_agent_with_the_one_before_so_that_the_state_at_the_start_is_known(
    kept: StorageUnderTest, wall: datetime
) -> None:
    hour = timedelta(hours=1)
    long_ago = change("1002", wall - 1000 * hour, "ready")
    older, old = change("1001", wall - 2 * hour, "ready"), change("1001", wall - hour, "not_ready")
    first, second = change("1001", wall, "ready", 7), change("1001", wall, "ringing", 8)
    late = change("1003", wall + hour, "ready")
    await kept.append(second, late, first, old, older, long_ago)
    changes = kept.history.agent_changes
    assert await changes(wall, wall + hour) == [old, first, second, long_ago]
    assert await changes(wall, wall + 2 * hour) == [old, first, second, long_ago, late]
    assert await changes(wall, wall + 2 * hour, AgentId("1001")) == [old, first, second]
    assert await changes(wall - 2000 * hour, wall - 1500 * hour) == []
    assert await changes(wall, wall, AgentId("9999")) == []


async def test_last_change_of_two_at_one_instant_is_the_later_one(kept: StorageUnderTest, wall: datetime) -> None:
    await kept.append(change("1001", wall, "wrap_up", 3), change("1001", wall, "ready", 4))
    later = wall + timedelta(seconds=1)
    assert [row.state for row in await kept.history.agent_changes(later, later)] == ["ready"]


async def test_changes_are_found_without_reading_those_of_other_days(database: Database, wall: datetime) -> None:
    fill = (
        "insert into agent_events select (1000 + n % 50)::text, $1::timestamptz + n * interval '10 seconds', n,"
        " 'ready', '', null, '{}' from generate_series(1, 60000) n"
    )
    async with database.connection() as connection:
        await connection.execute(fill, wall)
        await connection.execute("analyze agent_events")
        day = (wall + timedelta(days=5), wall + timedelta(days=5, hours=1), None)
        plan = await connection.fetchval("explain (format json) " + AGENT_CHANGES, *day)
    assert "Seq Scan" not in plan
    assert "agent_events_by_time" in plan
    assert len(await PgHistory(database).agent_changes(*day)) == 360 + 50
