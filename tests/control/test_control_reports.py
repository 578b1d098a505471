"""Reports of queues and agents over HTTP."""

import sys
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus

import pytest
from tests.control.fake_centre import MORNING, SERVICE
from tests.control.served import Served

from acdcore.calls.model.ports import QueueVisitFilter
from acdcore.calls.model.rows import AgentEventRow, QueueVisitRow
from acdcore.control.reports import PIECE, RECEIPT_ITEMS_MAX
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.reports.formulas import FORMULAS, Figure

SALES = QueueName("sales")
DAY = "from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z"


def visit(n: int, how: str, waited_s: float, queue: QueueName = SERVICE, agent: str | None = None) -> QueueVisitRow:
    """A visit that began `n` times ten minutes after the morning."""
    joined_at = MORNING + timedelta(minutes=10 * n)
    return QueueVisitRow(
        entry=f"call-{n}/1",
        n=1,
        call_id=f"call-{n}",
        queue=queue,
        channel="call",
        joined_at=joined_at,
        left_at=joined_at + timedelta(seconds=waited_s),
        how=how,
        waited_s=waited_s,
        is_in_time=how == "answered" and waited_s <= 10,
        agent=AgentId(agent) if agent else None,
        offers=1 if agent else 0,
        talked_s=60.0 if agent else 0.0,
        caller=f"021555501{n:02}",
    )


def a_morning() -> list[QueueVisitRow]:
    return [
        visit(0, "answered", 5.0, agent="1001"),
        visit(1, "answered", 30.0, agent="1002"),
        visit(2, "abandoned", 50.0),
        visit(3, "abandoned_short", 2.0),
        visit(4, "answered", 8.0, SALES, "1001"),
    ]


async def test_queues_are_reported_with_figures_and_their_formulas(served: Served) -> None:
    served.centre.queue_visit_rows = a_morning()
    report = await (await served.reader.get(f"/v1/reports/queues?{DAY}")).json()
    assert [line["queue"] for line in report["rows"]] == ["sales", "service"]
    service = report["rows"][1]
    assert (service["counts"]["offered"], service["counts"]["answered_in_time"]) == (4, 1)
    assert service["figures"]["service_level_of_offered"] == 0.25
    assert service["figures"]["service_level_of_answered"] == 0.5
    assert report["formulas"]["service_level_of_offered"] == FORMULAS[Figure.SERVICE_LEVEL_OF_OFFERED]
    assert set(report["formulas"]) == set(service["figures"])
    assert (report["total"]["counts"]["offered"], report["total"]["queue"]) == (5, None)


async def test_total_is_of_what_was_chosen_over_all_intervals(served: Served) -> None:
    served.centre.queue_visit_rows = a_morning()
    query = f"{DAY}&queue=service&interval=half_hour&zone=Asia/Shanghai"
    report = await (await served.reader.get(f"/v1/reports/queues?{query}")).json()
    assert [(line["began_at"], line["counts"]["offered"]) for line in report["rows"]] == [
        ("2026-11-21T08:30:00Z", 3),
        ("2026-11-21T09:00:00Z", 1),
    ]
    assert {line["queue"] for line in report["rows"]} == {"service"}
    assert (report["total"]["queue"], report["total"]["counts"]["offered"]) == ("service", 4)


async def test_agents_are_reported_by_what_they_answered(served: Served) -> None:
    served.centre.queue_visit_rows = a_morning()
    report = await (await served.reader.get(f"/v1/reports/agents?{DAY}&agent=1001")).json()
    (line,) = report["rows"]
    assert (line["agent"], line["counts"]["answered"], line["offers"]) == ("1001", 2, 2)
    assert line["figures"]["average_handling_s"] == 60.0
    assert report["total"]["counts"] == line["counts"]


async def test_receipt_lists_the_calls_behind_a_figure_and_a_count(served: Served) -> None:
    served.centre.queue_visit_rows = a_morning()
    query = f"{DAY}&queue=service&receipts="
    answered = await (await served.reader.get(f"/v1/reports/queues?{query}service_level_of_answered")).json()
    assert [item["call_id"] for item in answered["receipt"]["counted"]] == ["call-0"]
    assert [item["call_id"] for item in answered["receipt"]["over"]] == ["call-0", "call-1"]
    count = await (await served.reader.get(f"/v1/reports/queues?{query}answered_in_time")).json()
    assert count["receipt"]["of"] == "answered_in_time"
    assert [item["call_id"] for item in count["receipt"]["counted"]] == ["call-0"]
    mean = await (await served.reader.get(f"/v1/reports/queues?{query}average_speed_of_answer_s")).json()
    assert [item["seconds"] for item in mean["receipt"]["over"]] == [5.0, 30.0]
    assert (await (await served.reader.get(f"/v1/reports/queues?{DAY}")).json())["receipt"] is None


async def test_hung_up_in_time_goes_by_the_target_of_the_queue(served: Served) -> None:
    served.centre.queue_visit_rows = [visit(0, "abandoned", 9.0), visit(1, "abandoned", 11.0)]
    report = await (await served.reader.get(f"/v1/reports/queues?{DAY}")).json()
    assert report["total"]["counts"]["abandoned_in_time"] == 1


async def test_report_of_nothing_has_no_lines_and_a_total_of_nothing(served: Served) -> None:
    for query in (DAY, f"{DAY}&queue=nowhere&receipts=offered"):
        report = await (await served.reader.get(f"/v1/reports/queues?{query}")).json()
        assert (report["rows"], report["total"]["counts"]["offered"]) == ([], 0)
        assert report["total"]["figures"]["service_level"] is None


async def test_end_of_the_time_is_now_unless_given(served: Served) -> None:
    report = await (await served.reader.get("/v1/reports/queues?from=2026-11-21T00:00:00Z&first_call_days=1")).json()
    assert report["joined_before"] == "2026-11-21T08:30:00Z"
    week = timedelta(days=1)
    assert served.centre.filters == [QueueVisitFilter(MORNING.replace(hour=0, minute=0) - week, MORNING + week)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "from"),
        (f"{DAY}&interval=minute", "interval"),
        (f"{DAY}&zone=Moon/Base", "zone"),
        (f"{DAY}&zone=../../etc/passwd", "zone"),
        (f"{DAY}&receipts=occupancy", "receipts"),
        (f"{DAY}&receipts=luck", "receipts"),
        (f"{DAY}&first_call_days=32", "first_call_days"),
        (f"{DAY}&channel=call,fax", "channel.1"),
        (f"{DAY}&by_channel=perhaps", "by_channel"),
    ],
)
async def test_what_cannot_be_reported_is_named(served: Served, query: str, field: str) -> None:
    response = await served.reader.get(f"/v1/reports/queues?{query}")
    assert (response.status, (await response.json())["error"]["field"]) == (HTTPStatus.BAD_REQUEST, field)


async def test_too_many_stays_are_refused_with_what_to_do(served: Served) -> None:
    served.centre.is_history_too_long = True
    response = await served.reader.get("/v1/reports/agents?from=2020-01-01T00:00:00Z")
    error = (await response.json())["error"]
    assert (response.status, error["field"]) == (HTTPStatus.BAD_REQUEST, "from")
    assert "more than 200000 queue visits; ask for a day at a time" in error["message"]


# --- running visits ---


async def test_running_stays_are_counted_beside_those_that_are_over(served: Served) -> None:
    served.centre.queue_visit_rows = [visit(-3, "answered", 5.0, agent="1001")]
    served.centre.visits_running = [visit(-1, "waiting", 600.0), visit(-2, "in_contact", 12.0, agent="1002")]
    report = await (await served.reader.get("/v1/reports/queues?from=2026-11-21T00:00:00Z")).json()
    counts = report["total"]["counts"]
    assert (counts["offered"], counts["answered"], counts["handled"], counts["waiting"]) == (3, 2, 1, 1)


async def test_stay_that_ended_while_the_history_was_read_is_counted_once_as_it_ended(served: Served) -> None:
    over = visit(-1, "answered", 9.0, agent="1001")
    served.centre.queue_visit_rows = [over]
    served.centre.visits_running = [replace(over, how="waiting", agent=None, is_in_time=False)]
    query = "from=2026-11-21T00:00:00Z&receipts=offered"
    report = await (await served.reader.get(f"/v1/reports/queues?{query}")).json()
    assert [item["call_id"] for item in report["receipt"]["counted"]] == ["call--1"]
    assert (report["total"]["counts"]["answered"], report["total"]["counts"]["waiting"]) == (1, 0)


async def test_running_stays_that_joined_at_another_time_are_not_counted(served: Served) -> None:
    served.centre.visits_running = [visit(-1, "waiting", 600.0)]
    report = await (await served.reader.get(f"/v1/reports/queues?{DAY.replace('T00', 'T09')}")).json()
    assert report["total"]["counts"]["offered"] == 0


# --- channels ---


def a_mixed_morning() -> list[QueueVisitRow]:
    callback = replace(visit(5, "answered", 4_000.0, agent="1001"), channel="callback")
    return [visit(0, "answered", 5.0, agent="1001"), callback]


async def test_queues_are_reported_by_calls_and_agents_by_all_that_they_answered(served: Served) -> None:
    served.centre.queue_visit_rows = a_mixed_morning()
    queues = await (await served.reader.get(f"/v1/reports/queues?{DAY}")).json()
    assert (queues["channels"], queues["total"]["counts"]["offered"]) == (["call"], 1)
    assert queues["total"]["figures"]["service_level"] == 1.0
    agents = await (await served.reader.get(f"/v1/reports/agents?{DAY}")).json()
    assert agents["channels"] == ["call", "callback", "voicemail"]
    assert agents["rows"][0]["counts"]["answered"] == 2


async def test_other_channels_can_be_asked_for_and_distinguished(served: Served) -> None:
    served.centre.queue_visit_rows = a_mixed_morning()
    callbacks = await (await served.reader.get(f"/v1/reports/queues?{DAY}&channel=callback,voicemail")).json()
    assert callbacks["channels"] == ["callback", "voicemail"]
    assert callbacks["total"]["figures"]["average_speed_of_answer_s"] == 4_000.0
    each = await (await served.reader.get(f"/v1/reports/queues?{DAY}&channel=all&by_channel=true")).json()
    assert [(line["channel"], line["counts"]["offered"]) for line in each["rows"]] == [("call", 1), ("callback", 1)]
    assert (each["total"]["channel"], each["total"]["counts"]["offered"]) == (None, 2)


# --- what agents did ---


def changes(agent: str, *states: tuple[int, str, str]) -> list[AgentEventRow]:
    """Minutes after the morning, state and reason."""
    rows = []
    for serial, (minute, state, reason) in enumerate(states):
        rows.append(AgentEventRow(AgentId(agent), MORNING + timedelta(minutes=minute), serial, state, reason))
    return rows


def a_duty() -> list[AgentEventRow]:
    """1001 is logged in from 7:30 on and goes at 8:20; 1002 is on a break since last night."""
    first = changes(
        "1001",
        (-60, "ready", ""),
        (-40, "ringing", ""),
        (-39, "talking", ""),
        (-29, "wrap_up", ""),
        (-25, "not_ready", "lunch"),
        (-15, "ready", ""),
        (-10, "logged_out", ""),
    )
    return [*first, *changes("1002", (-700, "not_ready", "training"))]


async def test_agents_time_is_reported_by_state_and_reason_with_the_occupancy(served: Served) -> None:
    served.centre.agent_event_rows = a_duty()
    report = await (await served.reader.get("/v1/reports/agents?from=2026-11-21T07:00:00Z")).json()
    one, two = report["rows"]
    assert one["state_s"] == {
        "ready": 1_500.0, "ringing": 60.0, "talking": 600.0, "wrap_up": 240.0, "not_ready": 600.0
    }  # fmt: skip
    assert (one["not_ready_s"], one["figures"]["occupancy"]) == ({"lunch": 600.0}, 840 / 2_400)
    assert (two["state_s"], two["not_ready_s"]) == ({"not_ready": 5_400.0}, {"training": 5_400.0})
    assert two["figures"]["occupancy"] is None
    assert report["total"]["figures"]["occupancy"] == 840 / 2_400
    assert report["total"]["not_ready_s"] == {"lunch": 600.0, "training": 5_400.0}


async def test_agents_time_is_divided_by_intervals_and_ends_now(served: Served) -> None:
    served.centre.agent_event_rows = a_duty()
    query = f"{DAY}&agent=1002&interval=hour"
    report = await (await served.reader.get(f"/v1/reports/agents?{query}")).json()
    assert sum(line["state_s"]["not_ready"] for line in report["rows"]) == 8.5 * 3_600
    assert (report["rows"][-1]["began_at"], report["rows"][-1]["state_s"]) == (
        "2026-11-21T08:00:00Z",
        {"not_ready": 1_800.0},
    )
    assert (report["total"]["agent"], report["total"]["state_s"]) == ("1002", {"not_ready": 8.5 * 3_600})


@pytest.mark.parametrize("path", ["queues?", "agents?queue=service&", "agents?by_channel=true&"])
async def test_queues_and_channels_have_no_agents_time_of_their_own(served: Served, path: str) -> None:
    served.centre.queue_visit_rows, served.centre.agent_event_rows = a_morning(), a_duty()
    report = await (await served.reader.get(f"/v1/reports/{path}{DAY}")).json()
    assert {str(line["state_s"]) for line in [*report["rows"], report["total"]]} == {"None"}
    assert report["total"]["figures"]["occupancy"] is None


# --- large reports ---


async def test_large_report_is_whole_although_it_is_written_in_pieces(served: Served) -> None:
    before_s = sys.getswitchinterval()
    rows = [visit(n % 40, "answered", n / 7, agent="1001") for n in range(3 * PIECE + 1)]
    served.centre.queue_visit_rows = [replace(row, entry=f"{n}", call_id=f"{n}") for n, row in enumerate(rows)]
    query = "from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z&receipts=wait_max_s"
    found = await (await served.reader.get(f"/v1/reports/queues?{query}")).json()
    assert [item["call_id"] for item in found["receipt"]["over"]] == [f"{n}" for n in range(3 * PIECE + 1)]
    assert found["total"]["figures"]["wait_p50_s"] == rows[len(rows) // 2].waited_s
    assert found["total"]["figures"]["wait_max_s"] == rows[-1].waited_s
    assert sys.getswitchinterval() == before_s


async def test_receipt_that_nobody_can_read_is_refused_with_what_to_do(served: Served) -> None:
    rows = [visit(-1, "answered", 1.0, agent="1001")] * (RECEIPT_ITEMS_MAX + 1)
    served.centre.queue_visit_rows = rows
    response = await served.reader.get(f"/v1/reports/queues?{DAY}&receipts=offered")
    error = (await response.json())["error"]
    assert (response.status, error["field"]) == (HTTPStatus.BAD_REQUEST, "receipts")
    assert "ask for a shorter time" in error["message"]
