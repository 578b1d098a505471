"""Live calls, queues and agents over HTTP."""

from http import HTTPStatus

import pytest
from tests.control.fake_centre import TALKING, WAITING
from tests.control.served import Served

from acdcore.calls.model.commands import CallState, LiveAgentState, Seat, SeatKind
from acdcore.kernel.ids import AgentId


async def test_live_calls_are_listed_with_their_state_and_utc_times(served: Served) -> None:
    calls = (await (await served.reader.get("/v1/calls")).json())["calls"]
    assert [call["state"] for call in calls] == ["waiting", "talking"]
    assert calls[0]["arrived_at"] == "2026-11-21T08:30:00Z"
    assert calls[0]["tier"] == "vip"
    assert calls[0]["connected_at"] is None


async def test_one_live_call_is_found_and_an_unknown_one_is_404(served: Served) -> None:
    assert (await (await served.reader.get(f"/v1/calls/{WAITING}")).json())["position"] == 1
    response = await served.reader.get("/v1/calls/nobody")
    assert response.status == HTTPStatus.NOT_FOUND
    assert (await response.json())["error"]["code"] == "unknown_call"


async def test_why_names_the_filter_that_removed_each_agent(served: Served) -> None:
    why = await (await served.reader.get(f"/v1/calls/{WAITING}/why")).json()
    assert {one["agent"]: one["removed_by"] for one in why["candidates"]} == {"1001": "talking", "1002": "logged_out"}
    assert (await served.reader.get(f"/v1/calls/{TALKING}/why")).status == HTTPStatus.CONFLICT


async def test_why_shows_needs_key_timers_and_what_would_change_it(served: Served) -> None:
    why = await (await served.reader.get(f"/v1/calls/{WAITING}/why")).json()
    assert (why["needs"], why["key"]) == ("service 1", "advance 120 s, waited 4.5 s")
    assert why["timers"][0] == {"name": "announcement", "in_s": 15.5}
    assert why["would_change"] == ["agent 1001 ends the talk", "agent 1002 logs in"]


async def test_why_of_an_ended_call_points_to_the_history(served: Served) -> None:
    response = await served.reader.get("/v1/calls/c9/why")
    error = (await response.json())["error"]
    assert (response.status, error["code"]) == (HTTPStatus.NOT_FOUND, "unknown_call")
    assert "/v1/history/c9" in error["message"]


@pytest.mark.parametrize(
    ("verb", "body", "target"),
    [
        ("assign", {"agent": "1002"}, "1002"),
        ("requeue", {"queue": "service"}, "service"),
        ("flow", {"flow": "survey"}, "survey"),
    ],
)
async def test_caller_is_directed_under_the_name_of_the_key(
    served: Served, verb: str, body: dict[str, str], target: str
) -> None:
    response = await served.operator.post(f"/v1/calls/{WAITING}/{verb}", json=body)
    assert response.status == HTTPStatus.ACCEPTED
    assert await response.json() == {"call_id": WAITING, "to": target}
    assert served.centre.orders == [(verb, WAITING, target, "operate-client")]
    assert (await served.reader.post(f"/v1/calls/{WAITING}/{verb}", json=body)).status == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("assign", {"agent": "9999"}, "unknown_agent"),
        ("requeue", {"queue": "nowhere"}, "unknown_name"),
        ("flow", {"flow": "nowhere"}, "unknown_name"),
        ("flow", {}, "missing_field"),
    ],
)
async def test_caller_is_not_sent_to_what_there_is_not(
    served: Served, verb: str, body: dict[str, str], code: str
) -> None:
    response = await served.operator.post(f"/v1/calls/{WAITING}/{verb}", json=body)
    assert ((await response.json())["error"]["code"], served.centre.orders) == (code, [])


async def test_talking_caller_cannot_be_assigned(served: Served) -> None:
    response = await served.operator.post(f"/v1/calls/{TALKING}/assign", json={"agent": "1002"})
    assert response.status == HTTPStatus.CONFLICT


async def test_hang_up_is_recorded_under_the_name_of_the_key(served: Served) -> None:
    response = await served.operator.post(f"/v1/calls/{TALKING}/hang-up")
    assert response.status == HTTPStatus.ACCEPTED
    assert served.centre.hung_up == [(TALKING, "operate-client")]
    assert served.centre.calls_up[TALKING].state is CallState.ENDING


async def test_hang_up_of_an_ending_call_is_a_conflict(served: Served) -> None:
    await served.operator.post(f"/v1/calls/{TALKING}/hang-up", json={})
    response = await served.operator.post(f"/v1/calls/{TALKING}/hang-up")
    assert response.status == HTTPStatus.CONFLICT
    assert (await response.json())["error"]["message"] == "the call is ending already"


async def test_reader_cannot_hang_up(served: Served) -> None:
    assert (await served.reader.post(f"/v1/calls/{TALKING}/hang-up")).status == HTTPStatus.FORBIDDEN
    assert served.centre.hung_up == []


async def test_queue_shows_its_figures(served: Served) -> None:
    (queue,) = (await (await served.reader.get("/v1/queues")).json())["queues"]
    assert (queue["name"], queue["waiting"], queue["service_level"]) == ("service", 1, 0.9)


async def test_agent_goes_on_a_break_with_a_reason(served: Served) -> None:
    order = {"command": "not_ready", "reason": "lunch"}
    response = await served.operator.post("/v1/agents/1001/state", json=order)
    assert (response.status, (await response.json())["reason"]) == (HTTPStatus.OK, "lunch")
    agents = (await (await served.reader.get("/v1/agents")).json())["agents"]
    assert [(agent["agent"], agent["state"]) for agent in agents] == [("1001", "not_ready"), ("1002", "logged_out")]


async def test_agent_logs_in_and_becomes_ready(served: Served) -> None:
    for command in ("log_in", "ready"):
        assert (await served.operator.post("/v1/agents/1002/state", json={"command": command})).status == HTTPStatus.OK
    assert (await (await served.reader.get("/v1/agents/1002")).json())["state"] == LiveAgentState.READY


async def test_agent_logs_in_at_another_seat(served: Served) -> None:
    order = {"command": "log_in", "seat": {"kind": "number", "where": "13055550101"}}
    assert (await served.operator.post("/v1/agents/1002/state", json=order)).status == HTTPStatus.OK
    assert served.centre.seats == {AgentId("1002"): Seat(SeatKind.NUMBER, "13055550101")}
    response = await served.operator.post("/v1/agents/1002/state", json={**order, "command": "ready"})
    assert (response.status, (await response.json())["error"]["field"]) == (HTTPStatus.BAD_REQUEST, "seat")


async def test_end_of_a_wrap_up_that_there_is_not_is_a_conflict(served: Served) -> None:
    response = await served.operator.post("/v1/agents/1001/state", json={"command": "end_wrap_up"})
    assert response.status == HTTPStatus.CONFLICT
    assert "talking" in (await response.json())["error"]["message"]


async def test_unknown_agent_is_404(served: Served) -> None:
    assert (await served.reader.get("/v1/agents/9999")).status == HTTPStatus.NOT_FOUND
    response = await served.operator.post("/v1/agents/9999/state", json={"command": "ready"})
    assert (await response.json())["error"]["code"] == "unknown_agent"


async def test_engine_shows_its_counters(served: Served) -> None:
    assert (await (await served.reader.get("/v1/engine")).json())["packets_lost"] == 2
