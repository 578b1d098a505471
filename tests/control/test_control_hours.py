"""Calendars and the black and white list over HTTP."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from tests.control.fake_centre import MORNING
from tests.control.served import Served

from acdcore.calls.model.ports import ForcedHours, ScreeningVerdict

EVENING = "2026-11-21T20:00:00Z"


async def test_forced_hours_are_stored_before_call_control_takes_them_over(served: Served) -> None:
    order = {"is_open": False, "until": EVENING}
    response = await served.operator.put("/v1/hours/office", json=order)
    shown = await response.json()
    assert (response.status, shown["state"], shown["forced_by"]) == (HTTPStatus.OK, "closed", "operate-client")
    until = MORNING + timedelta(hours=11, minutes=30)
    assert served.centre.forced == {"office": ForcedHours("office", False, until, "operate-client", MORNING)}
    assert served.centre.forced_told == served.centre.forced


async def test_released_calendar_rules_again(served: Served) -> None:
    await served.operator.put("/v1/hours/office", json={"is_open": False})
    response = await served.operator.delete("/v1/hours/office")
    assert (await response.json())["forced_by"] is None
    (calendar,) = (await (await served.reader.get("/v1/hours")).json())["calendars"]
    assert (calendar["state"], calendar["shift"], calendar["queues"]) == ("open", "day", ["service"])


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_unknown_calendar_is_404_and_nothing_is_stored(served: Served, method: str) -> None:
    body = {"is_open": True} if method == "PUT" else {}
    response = await served.operator.request(method, "/v1/hours/nowhere", json=body)
    assert (response.status, served.centre.forced) == (HTTPStatus.NOT_FOUND, {})
    assert (await response.json())["error"]["code"] == "unknown_name"


async def test_hours_forced_until_a_time_that_is_over_are_refused(served: Served) -> None:
    response = await served.operator.put("/v1/hours/office", json={"is_open": True, "until": "2026-11-21T08:30:00Z"})
    error = (await response.json())["error"]
    assert (response.status, error["field"]) == (HTTPStatus.BAD_REQUEST, "until")
    assert served.centre.forced == {}


async def test_call_control_does_not_hear_of_hours_that_could_not_be_stored(served: Served) -> None:
    served.centre.is_database_away = True
    response = await served.operator.put("/v1/hours/office", json={"is_open": False})
    assert (response.status, served.centre.forced_told) == (HTTPStatus.SERVICE_UNAVAILABLE, {})


async def test_reader_sees_hours_and_list_but_changes_neither(served: Served) -> None:
    for path, body in (("/v1/hours/office", {"is_open": True}), ("/v1/screening/130", {"verdict": "block"})):
        assert (await served.reader.put(path, json=body)).status == HTTPStatus.FORBIDDEN
    assert (await served.reader.get("/v1/screening")).status == HTTPStatus.OK


async def test_number_is_blocked_found_and_taken_out(served: Served) -> None:
    order = {"verdict": "block", "reason": "abuse", "until": EVENING}
    response = await served.operator.put("/v1/screening/+8613055550101", json=order)
    assert (response.status, (await response.json())["by"]) == (HTTPStatus.OK, "operate-client")
    await served.operator.put("/v1/screening/400*", json={"verdict": "allow", "reason": "partners"})
    assert served.centre.screened["400*"].verdict is ScreeningVerdict.ALLOW
    by_number = await (await served.reader.get("/v1/screening?q=%2B86")).json()
    assert [one["number"] for one in by_number["entries"]] == ["+8613055550101"]
    by_reason = await (await served.reader.get("/v1/screening?q=Partner&limit=1")).json()
    assert ([one["number"] for one in by_reason["entries"]], by_reason["total"]) == (["400*"], 1)
    assert (await served.operator.delete("/v1/screening/+8613055550101")).status == HTTPStatus.OK
    assert (await served.reader.get("/v1/screening/+8613055550101")).status == HTTPStatus.NOT_FOUND
    assert (await (await served.reader.get("/v1/screening/400*")).json())["reason"] == "partners"


async def test_entry_that_is_not_there_cannot_be_taken_out(served: Served) -> None:
    response = await served.operator.delete("/v1/screening/130")
    assert (response.status, (await response.json())["error"]["code"]) == (HTTPStatus.NOT_FOUND, "unknown_record")


@pytest.mark.parametrize("number", ["*", "abc", "13*0", "+", "1 3"])
async def test_what_is_no_number_is_not_screened(served: Served, number: str) -> None:
    response = await served.operator.put(f"/v1/screening/{number}", json={"verdict": "block", "reason": "x"})
    assert (response.status, served.centre.screened) == (HTTPStatus.BAD_REQUEST, {})


async def test_screening_without_a_reason_is_refused(served: Served) -> None:
    response = await served.operator.put("/v1/screening/130", json={"verdict": "block"})
    assert (await response.json())["error"]["field"] == "reason"
