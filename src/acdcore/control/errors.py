"""The JSON shape of every error: `{"error": {"code", "message", "field"?}}`.

The message names what was wrong and what to do about it; `code` is for programs and never changes its meaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web
from pydantic import ValidationError

from acdcore.calls.model.commands import UnknownAgent, UnknownCall, UnknownName, WrongState
from acdcore.calls.model.ports import BadRecord, IdTaken, UnknownRecord, VersionConflict
from acdcore.calls.record.event_stream import TooManySubscribers
from acdcore.kernel.errors import AcdError, PeerError, Refused, Unavailable


class ApiError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: HTTPStatus, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.headers: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What went wrong with a request."""

    code: str
    """A stable word for programs."""
    message: str
    """Text for people: what is wrong and what to do."""
    field: str | None = None
    """The parameter or the body's field at fault."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """The body of every answer with a status of 400 or more."""

    error: ErrorBody


@dataclass(frozen=True, slots=True)
class ErrorStatus:
    """The HTTP status and code of a class of errors."""

    status: HTTPStatus
    code: str
    headers: Mapping[str, str] = field(default_factory=dict)


# The first row whose class fits decides, so that the special ones stand before the general ones.
ERROR_STATUSES: tuple[tuple[type[AcdError], ErrorStatus], ...] = (
    (UnknownCall, ErrorStatus(HTTPStatus.NOT_FOUND, "unknown_call")),
    (UnknownAgent, ErrorStatus(HTTPStatus.NOT_FOUND, "unknown_agent")),
    (UnknownName, ErrorStatus(HTTPStatus.NOT_FOUND, "unknown_name")),
    (UnknownRecord, ErrorStatus(HTTPStatus.NOT_FOUND, "unknown_record")),
    (WrongState, ErrorStatus(HTTPStatus.CONFLICT, "wrong_state")),
    (IdTaken, ErrorStatus(HTTPStatus.CONFLICT, "taken")),
    (VersionConflict, ErrorStatus(HTTPStatus.PRECONDITION_FAILED, "version_conflict")),
    (TooManySubscribers, ErrorStatus(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_listeners", {"Retry-After": "30"})),
    (Unavailable, ErrorStatus(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", {"Retry-After": "5"})),
    (BadRecord, ErrorStatus(HTTPStatus.BAD_REQUEST, "invalid_value")),
    (PeerError, ErrorStatus(HTTPStatus.BAD_REQUEST, "invalid_request")),
    (Refused, ErrorStatus(HTTPStatus.FORBIDDEN, "refused")),
)


def from_core(error: AcdError) -> ApiError | None:
    """The HTTP answer for an expected error; None for an error that no request may cause."""
    for kind, as_http in ERROR_STATUSES:
        if isinstance(error, kind):
            named = error.field if isinstance(error, BadRecord) else None
            answer = ApiError(as_http.status, as_http.code, str(error), named)
            answer.headers = as_http.headers
            return answer
    return None


def from_framework(error: web.HTTPException) -> ApiError:
    """The answer for aiohttp's own errors: no such path, wrong method, body too large."""
    status = HTTPStatus(error.status)
    match error:
        case web.HTTPNotFound():
            message = "there is nothing at this path; /openapi.json lists what there is"
        case web.HTTPMethodNotAllowed(allowed_methods=allowed):
            message = f"this path knows only {', '.join(sorted(allowed))}"
        case web.HTTPRequestEntityTooLarge():
            message = "the body is larger than 1 MiB; send less"
        case _:
            message = error.reason
    answer = ApiError(status, status.name.lower(), message)
    if "Allow" in error.headers:
        answer.headers = {"Allow": error.headers["Allow"]}
    return answer


def from_validation(error: ValidationError) -> ApiError:
    """The first error of a schema, with its place in the input."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or None
    match first["type"]:
        case "extra_forbidden":
            code, message = "unknown_field", f"{place} is not known here; leave it out or look for a typing mistake"
        case "missing":
            code, message = "missing_field", f"{place} is required; add it"
        case "json_invalid":
            return ApiError(HTTPStatus.BAD_REQUEST, "invalid_json", f"the body is not JSON: {first['msg']}")
        case _:
            code, message = "invalid_value", f"{place or 'the body'}: {first['msg'].removeprefix('Value error, ')}"
    return ApiError(HTTPStatus.BAD_REQUEST, code, message, place)
