"""Doors, errors, health, metrics and the description."""

import io
from http import HTTPStatus

import pytest
from aiohttp import ClientResponse
from tests.control.served import Served, parts_of, settings_for

from acdcore.control import ControlPlane
from acdcore.kernel.address import Address
from acdcore.kernel.errors import Unavailable


async def error_of(response: ClientResponse) -> dict[str, str]:
    error: dict[str, str] = (await response.json())["error"]
    return error


async def test_route_without_key_is_refused_with_how_to_send_one(served: Served) -> None:
    response = await served.anyone.get("/v1/calls")
    assert response.status == HTTPStatus.UNAUTHORIZED
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    error = await error_of(response)
    assert error["code"] == "unauthorized"
    assert "X-API-Key" in error["message"]


@pytest.mark.parametrize("header", [{"X-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}, {"X-API-Key": "\udcff"}])
async def test_unknown_key_is_refused(served: Served, header: dict[str, str]) -> None:
    value = {name: text.encode(errors="surrogateescape").decode("latin-1") for name, text in header.items()}
    response = await served.anyone.get("/v1/calls", headers=value)
    assert response.status == HTTPStatus.UNAUTHORIZED
    assert "not known" in (await error_of(response))["message"]


async def test_right_that_is_too_low_is_refused_before_the_body_is_read(served: Served) -> None:
    response = await served.reader.post("/v1/agents/1001/state", data=b"{ not json")
    assert response.status == HTTPStatus.FORBIDDEN
    assert "operate" in (await error_of(response))["message"]


async def test_higher_right_holds_the_lower_ones(served: Served) -> None:
    assert (await served.admin.get("/v1/calls")).status == HTTPStatus.OK
    assert (await served.operator.get("/v1/calls")).status == HTTPStatus.OK


async def test_unknown_path_and_wrong_method_are_json(served: Served) -> None:
    response = await served.reader.get("/v1/nonsense")
    assert (response.status, (await error_of(response))["code"]) == (HTTPStatus.NOT_FOUND, "not_found")
    response = await served.reader.delete("/v1/calls")
    assert response.status == HTTPStatus.METHOD_NOT_ALLOWED
    assert response.headers["Allow"] == "GET"
    assert "GET" in (await error_of(response))["message"]


async def test_body_above_the_limit_is_refused(served: Served) -> None:
    body = b'{"name": "' + b"x" * (1024 * 1024) + b'"}'
    headers = {"Content-Type": "application/json"}
    response = await served.operator.post("/v1/customers", data=io.BytesIO(body), headers=headers)
    assert response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "1 MiB" in (await error_of(response))["message"]


async def test_body_of_another_type_is_refused_with_the_header_to_send(served: Served) -> None:
    response = await served.operator.post("/v1/customers", data={"name": "x"})
    assert response.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert "Content-Type: application/json" in (await error_of(response))["message"]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"{", "invalid_json", None),
        (b"[]", "invalid_value", None),
        (b'{"command": "dance"}', "invalid_value", "command"),
        (b'{"command": 5}', "invalid_value", "command"),
        (b"{}", "missing_field", "command"),
        (b'{"command": "ready", "reson": "x"}', "unknown_field", "reson"),
        (b'{"command": "ready", "reason": "lunch"}', "invalid_value", "reason"),
        (b'{"command": "not_ready", "reason": "a\\u0000b"}', "invalid_value", "reason"),
        (b'{"command": "not_ready", "reason": "\\ud800"}', "invalid_json", None),
        (b'{"command": "not_ready", "reason": "\xff"}', "invalid_json", None),
    ],
)
async def test_wrong_body_is_named_by_field(served: Served, body: bytes, code: str, field: str | None) -> None:
    headers = {"Content-Type": "application/json"}
    response = await served.operator.post("/v1/agents/1001/state", data=body, headers=headers)
    assert response.status == HTTPStatus.BAD_REQUEST
    error = await error_of(response)
    assert (error["code"], error["field"]) == (code, field)


@pytest.mark.parametrize(
    ("path", "code", "field"),
    [
        ("/v1/calls?colour=red", "unknown_field", "colour"),
        ("/v1/history?limit=many", "invalid_value", "limit"),
        ("/v1/history?limit=501", "invalid_value", "limit"),
        ("/v1/history?limit=1&limit=2", "repeated_field", "limit"),
        ("/v1/history?from=2026-11-21T00:00:00", "invalid_value", "from"),
        ("/v1/history?from=0001-01-01T00:00:00Z", "invalid_value", "from"),
        ("/v1/history?outcome=happy", "invalid_value", "outcome"),
        ("/v1/history/a%00b", "invalid_value", "call_id"),
        ("/v1/recordings?before=x", "invalid_value", "before"),
        ("/v1/customers/99999999999999999999", "invalid_value", "customer_id"),
        ("/v1/customers/lookup", "missing_field", "phone"),
        ("/v1/events?kind=call_ended,dance", "invalid_value", "kind.1"),
    ],
)
async def test_wrong_parameter_is_named(served: Served, path: str, code: str, field: str) -> None:
    response = await served.reader.get(path)
    assert response.status == HTTPStatus.BAD_REQUEST
    error = await error_of(response)
    assert (error["code"], error["field"]) == (code, field)


async def test_fault_of_ours_tells_a_reference_and_nothing_else(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    served.centre.is_broken = True
    response = await served.reader.get("/v1/calls")
    assert response.status == HTTPStatus.INTERNAL_SERVER_ERROR
    message = (await error_of(response))["message"]
    assert "secret" not in message
    assert message.rpartition(" ")[2] in capsys.readouterr().out


async def test_every_answer_carries_the_security_headers(served: Served) -> None:
    for path in ("/health/live", "/v1/calls", "/nonsense"):
        headers = (await served.anyone.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Server"] == "acdcore"
        assert "Access-Control-Allow-Origin" not in headers


async def test_access_log_holds_neither_secret_nor_query(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    await served.reader.get("/v1/customers/lookup?phone=02155550101")
    out = capsys.readouterr().out
    assert "/v1/customers/lookup" in out
    assert "read-client" in out
    assert "read-secret" not in out
    assert "55550101" not in out


async def test_health_needs_no_key_and_readiness_follows_call_control(served: Served) -> None:
    assert await (await served.anyone.get("/health/live")).json() == {"is_alive": True}
    response = await served.anyone.get("/health/ready")
    assert response.status == HTTPStatus.OK
    assert (await response.json())["parts"][0]["name"] == "database"
    served.centre.is_ready = False
    assert (await served.anyone.get("/health/ready")).status == HTTPStatus.SERVICE_UNAVAILABLE


async def test_health_tells_details_only_to_those_who_show_a_key(served: Served) -> None:
    told = await (await served.reader.get("/health/ready")).json()
    hidden = await (await served.anyone.get("/health/ready")).json()
    assert [part["detail"] for part in told["parts"]] == ["0 rows waiting"]
    assert [part["detail"] for part in hidden["parts"]] == [""]


async def test_key_that_is_not_known_is_refused_where_none_is_needed(served: Served) -> None:
    answer = await served.anyone.get("/health/ready", headers={"X-API-Key": "guessed"})
    assert answer.status == HTTPStatus.UNAUTHORIZED


async def test_metrics_count_requests_by_route_and_status(served: Served) -> None:
    await served.reader.get(f"/v1/calls/{'x' * 9}")
    text = await (await served.reader.get("/metrics")).text()
    line = 'acdcore_http_requests_total{method="GET",path="/v1/calls/{call_id}",status="404"} 1.0'
    assert line in text
    assert (await served.anyone.get("/metrics")).status == HTTPStatus.UNAUTHORIZED


async def test_description_lists_every_route_with_shapes_that_exist(served: Served) -> None:
    document = await (await served.anyone.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    change = document["paths"]["/v1/customers/{customer_id}"]["patch"]
    assert [p["name"] for p in change["parameters"]] == ["customer_id", "If-Match"]
    assert change["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/CustomerPatch"
    }
    without_version = document["paths"]["/v1/agents/{agent}"]["patch"]
    assert [p["name"] for p in without_version["parameters"]] == ["agent"]
    assert document["paths"]["/health/live"]["get"]["security"] == []
    shapes = document["components"]["schemas"]
    assert {"LiveCall", "CustomerLookup", "StreamEvent", "ErrorAnswer", "AgentOrder"} <= set(shapes)
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations) == 53
    assert all(name in shapes for name in references(document))


def references(node: object) -> set[str]:
    """The names of all shapes that `node` refers to."""
    match node:
        case dict():
            found = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
            return found.union(*(references(value) for value in node.values()))
        case list():
            return set().union(*(references(value) for value in node))
        case _:
            return set()


async def test_taken_port_is_one_clear_line(served: Served) -> None:
    second = ControlPlane(settings_for(served.centre, served.plane.address), parts_of(served.centre))
    with pytest.raises(Unavailable, match=rf"^http: {served.plane.address} is taken"):
        async with second:
            pass


async def test_foreign_address_is_one_clear_line(served: Served) -> None:
    wanted = settings_for(served.centre, Address("192.0.2.1", 8080))
    with pytest.raises(Unavailable, match="not an address of this machine"):
        async with ControlPlane(wanted, parts_of(served.centre)):
            pass
