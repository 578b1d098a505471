"""Work items over HTTP."""

from datetime import UTC, datetime
from http import HTTPStatus

import pytest
from tests.control.fake_centre import MORNING, NEW_WORK, OPEN_WORK
from tests.control.served import Served

from acdcore.calls.model.ports import WorkFilter
from acdcore.kernel.ids import AgentId, CustomerId, QueueName
from acdcore.work.model import WorkId, WorkKind, WorkState


async def test_callback_is_asked_for_with_what_is_known_of_the_customer(served: Served) -> None:
    order = {"queue": "service", "number": "021-5555 0303", "subject": "spare part", "at": "2026-11-21T10:00:00Z"}
    response = await served.operator.post("/v1/work", json=order)
    assert response.status == HTTPStatus.CREATED
    assert response.headers["Location"] == f"/v1/work/{NEW_WORK}"
    assert (await response.json())["is_new"] is True
    item = served.centre.work_rows[-1].item
    assert (item.number, item.state, item.created_at) == ("+862155550303", WorkState.WAITING, MORNING)
    assert (item.customer_id, item.language, item.changed_by) == (CustomerId(3), "cmn", "operate-client")
    assert item.next_at == datetime(2026, 11, 21, 10, tzinfo=UTC)


async def test_callback_that_an_open_one_covers_names_that_one(served: Served) -> None:
    response = await served.operator.post("/v1/work", json={"queue": "service", "number": "02155550101"})
    assert response.status == HTTPStatus.OK
    answer = await response.json()
    assert (answer["is_new"], answer["item"]["id"]) == (False, OPEN_WORK)
    assert response.headers["Location"] == f"/v1/work/{OPEN_WORK}"


async def test_callback_for_an_unknown_queue_is_404(served: Served) -> None:
    response = await served.operator.post("/v1/work", json={"queue": "nowhere", "number": "02155550101"})
    assert (response.status, (await response.json())["error"]["code"]) == (HTTPStatus.NOT_FOUND, "unknown_name")


@pytest.mark.parametrize(("verb", "state"), [("done", "done"), ("cancel", "cancelled")])
async def test_item_is_ended_once_under_the_name_of_the_key(served: Served, verb: str, state: str) -> None:
    response = await served.operator.post(f"/v1/work/{OPEN_WORK}/{verb}")
    assert (response.status, (await response.json())["state"]) == (HTTPStatus.OK, state)
    again = await served.operator.post(f"/v1/work/{OPEN_WORK}/{verb}")
    assert (again.status, (await again.json())["error"]["code"]) == (HTTPStatus.CONFLICT, "wrong_state")
    history = await (await served.reader.get(f"/v1/work/{OPEN_WORK}")).json()
    assert [row["item"]["state"] for row in history["history"]] == ["queued", state]
    assert (history["item"]["state"], history["item"]["changed_by"]) == (state, "operate-client")


async def test_unknown_item_is_404(served: Served) -> None:
    for response in (await served.reader.get("/v1/work/w9"), await served.operator.post("/v1/work/w9/done")):
        assert (response.status, (await response.json())["error"]["code"]) == (HTTPStatus.NOT_FOUND, "unknown_name")


async def test_work_is_filtered_as_asked(served: Served) -> None:
    query = "queue=service&kind=callback&state=queued&number=021&agent=1001&is_open=true&before=w9&limit=7"
    assert (await served.reader.get(f"/v1/work?{query}")).status == HTTPStatus.OK
    wanted = WorkFilter(
        queue=QueueName("service"),
        kind=WorkKind.CALLBACK,
        state=WorkState.QUEUED,
        number="021",
        agent=AgentId("1001"),
        is_open=True,
        before=WorkId("w9"),
        limit=7,
    )
    assert served.centre.filters == [wanted]


async def test_work_is_walked_page_by_page(served: Served) -> None:
    await served.operator.post("/v1/work", json={"queue": "service", "number": "02155550202"})
    first = await (await served.reader.get("/v1/work?limit=1")).json()
    second = await (await served.reader.get(f"/v1/work?limit=1&before={first['next']}")).json()
    assert [first["items"][0]["id"], second["items"][0]["id"]] == [NEW_WORK, OPEN_WORK]


async def test_reader_neither_asks_for_callbacks_nor_ends_them(served: Served) -> None:
    assert (await served.reader.post("/v1/work", json={})).status == HTTPStatus.FORBIDDEN
    assert (await served.reader.post(f"/v1/work/{OPEN_WORK}/cancel")).status == HTTPStatus.FORBIDDEN
