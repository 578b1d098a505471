"""A route of the control plane: method and path, the right that it needs, the shapes of its input, its handler."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Generic, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from acdcore.control.connections import BODY_S
from acdcore.control.errors import ApiError, from_validation
from acdcore.control.schemas import Nothing
from acdcore.control.settings import Right

JSON = "application/json"

P = TypeVar("P", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A body that is already encoded as JSON."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A handler's answer, sent with the status of the route; `value` becomes JSON."""

    value: object
    """The body."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiRequest(Generic[P, B]):
    """A request whose key was checked and whose input was parsed."""

    parameters: P
    """Path and query."""
    body: B
    """The parsed body."""
    by: str
    """The name of the client's key; empty for routes that need none."""
    http: web.Request
    """For the few handlers that stream or read headers."""


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """The description of a route, without its handler."""

    method: str
    """GET, POST, PUT or PATCH."""
    path: str
    """The path with its parameters in braces."""
    right: Right | None
    """The right needed; None: open to everybody who reaches the port."""
    summary: str
    """One line for the description."""
    answer: type
    """The answer's type, a dataclass or `bytes`."""
    status: HTTPStatus = HTTPStatus.OK
    """The status of success."""
    media_type: str = JSON
    """The answer's media type."""
    is_conditional: bool = False
    """Whether it needs If-Match with the version that the change was made from."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route with the shapes of its input and its handler."""

    spec: RouteSpec
    parameters: type[BaseModel]
    """Shape of path and query together."""
    body: type[BaseModel]
    """Shape of the body; `Nothing` when there is none."""
    respond: Callable[[web.Request, str], Awaitable[web.StreamResponse]]
    """Parse a request, carry it out for the client of that name, and answer."""


def route(
    spec: RouteSpec,
    parameters: type[P],
    body: type[B],
    handler: Callable[[ApiRequest[P, B]], Awaitable[Reply | web.StreamResponse]],
) -> Route:
    """A route whose handler gets the parsed `parameters` and `body`."""

    async def respond(request: web.Request, by: str) -> web.StreamResponse:
        api_request = ApiRequest(read_parameters(request, parameters), await read_body(request, body), by, request)
        reply = await handler(api_request)
        return json_response(reply.value, spec.status, reply.headers) if isinstance(reply, Reply) else reply

    return Route(spec, parameters, body, respond)


def read_parameters(request: web.Request, shape: type[P]) -> P:
    """Path and query as `shape`; raises ApiError for a key that is unknown, wrong or given twice."""
    values: dict[str, str] = {}
    for key, value in [*request.match_info.items(), *request.query.items()]:
        if key in values:
            raise ApiError(HTTPStatus.BAD_REQUEST, "repeated_field", f"{key} is given twice; give it once", key)
        values[key] = value
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        raise from_validation(error) from None


async def read_body(request: web.Request, shape: type[B]) -> B:
    """The JSON body as `shape`; raises ApiError, and aiohttp's own error for a body above the limit.

    A route without a body takes an empty one or `{}`.
    """
    try:
        async with asyncio.timeout(BODY_S):
            data = await request.read()
    except TimeoutError:
        message = f"the body did not come within {BODY_S:g} s; send it faster"
        raise ApiError(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", message) from None
    # ConnectionError: the client is gone
    except (web.RequestPayloadError, ConnectionError):
        message = (
            "the body cannot be read: its chunks or its Content-Encoding are broken, or it is shorter than announced"
        )
        raise ApiError(HTTPStatus.BAD_REQUEST, "unreadable_body", message) from None
    if shape is Nothing and not data:
        return shape()
    if request.content_type != JSON:
        problem = f"the body's type is {request.content_type!r}; send JSON with Content-Type: {JSON}"
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "wrong_media_type", problem)
    try:
        return shape.model_validate_json(data)
    except ValidationError as error:
        raise from_validation(error) from None


def encode(value: object) -> bytes:
    """JSON of dataclasses, enums and times (UTC with a Z), straight from the read models."""
    return orjson.dumps(value, default=mapping_as_dict, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)


def mapping_as_dict(value: object) -> object:
    """Encode what orjson cannot: mappings other than dict."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_response(value: object, status: HTTPStatus, headers: Mapping[str, str]) -> web.Response:
    """`value` as a JSON answer."""
    body = value.body if isinstance(value, Encoded) else encode(value)
    return web.Response(body=body, status=status, headers=headers, content_type=JSON)
