"""Release planning: the present state, the demand of the last hour, and a warning about small numbers."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.control.fake_centre import HALF_AN_HOUR, MORNING, SERVICE, FakeCallCentre
from tests.control.served import Served

from acdcore.calls.model.rows import QueueVisitRow
from acdcore.kernel.ids import AgentId, QueueName

PATH = "/v1/queues/service/release"
VISIT = QueueVisitRow(
    entry="call-0/1",
    n=1,
    call_id="call-0",
    queue=SERVICE,
    channel="call",
    joined_at=MORNING - HALF_AN_HOUR,
    left_at=MORNING,
    how="answered",
    waited_s=5.0,
    agent=AgentId("1001"),
    talked_s=50.0,
    wrap_up_s=10.0,
)


def a_busy_hour(centre: FakeCallCentre, calls: int = 40) -> None:
    """Forty calls of a minute each, four of them for another queue."""
    centre.queue_visit_rows = [
        replace(VISIT, entry=f"call-{number}/1", queue=QueueName("sales") if number % 10 == 0 else SERVICE)
        for number in range(calls)
    ]


async def answer(served: Served, query: str) -> dict[str, object]:
    response = await served.reader.get(f"{PATH}?{query}")
    body: dict[str, object] = await response.json()
    return {"status": response.status, **body}


async def test_demand_is_that_of_the_last_hour_with_what_the_agents_do_elsewhere(served: Served) -> None:
    a_busy_hour(served.centre)
    found = await answer(served, "count=1")
    shown = ("calls", "elsewhere", "handled", "calls_per_hour", "handling_s", "patience_s", "waiting")
    assert [found[name] for name in shown] == [36, 4, 40, 40.0, 60.0, None, 1]
    assert (found["agents"], found["agents_left"], found["required"], found["is_advisable"]) == (1, 0, 2, False)
    assert found["advice"] == "0 of 1 agents stay; the target asks for 2: too few"
    assert (found["within_s"], found["caveat"]) == (10.0, "")


async def test_running_stays_count_once_and_older_ones_not_at_all(served: Served) -> None:
    a_busy_hour(served.centre)
    known = served.centre.queue_visit_rows[1]
    served.centre.visits_running = [
        replace(known, how="in_contact"),
        replace(VISIT, entry="call-99/1", how="waiting", agent=None),
        replace(VISIT, entry="call-98/1", joined_at=MORNING - timedelta(hours=2), how="in_contact"),
    ]
    found = await answer(served, "count=1")
    assert (found["calls"], found["handled"]) == (37, 40)
    assert (await answer(served, "count=1&minutes=120"))["calls_per_hour"] == 21.0


async def test_few_calls_are_said_to_be_few(served: Served) -> None:
    a_busy_hour(served.centre, calls=3)
    found = await answer(served, "count=1")
    assert str(found["caveat"]).startswith("it rests on few contacts (3) and talks (3) of the last 60 minutes")


async def test_release_comes_with_the_coming_half_hour(served: Served) -> None:
    a_busy_hour(served.centre)
    found = await answer(served, "count=1")
    soon = found["soon"]
    assert isinstance(soon, list)
    level = next(row for row in soon if row["figure"] == "service level")
    assert level["is_sure"]
    assert level["afterwards"] == 0.0 < level["as_it_is"]
    wait = next(row for row in soon if row["figure"] == "average wait")
    assert wait["afterwards"] > 600 > wait["as_it_is"]


@pytest.mark.parametrize(
    ("path", "status", "code", "said"),
    [
        (f"{PATH}?count=2", 409, "wrong_state", "1 agents are at work in this queue; 2 cannot go"),
        ("/v1/queues/sail/release", 404, "unknown_name", "there is no queue sail"),
        (f"{PATH}?count=0", 400, "invalid_value", "count"),
        (f"{PATH}?minutes=3", 400, "invalid_value", "minutes"),
    ],
)
async def test_what_cannot_be_answered_says_why(served: Served, path: str, status: int, code: str, said: str) -> None:
    a_busy_hour(served.centre)
    response = await served.reader.get(path)
    error = (await response.json())["error"]
    assert (response.status, error["code"]) == (status, code)
    assert said in error["message"]


async def test_hour_without_a_talk_is_nothing_to_go_by(served: Served) -> None:
    found = await answer(served, "count=1")
    assert found["status"] == 409
    assert "no talk of queue service ended in this time" in str(found["error"])
