"""The web application: the table of routes, the check of keys, and the one place where errors become answers."""

import asyncio
import functools
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry

from acdcore.calls.admission.refusals import Refusals
from acdcore.calls.model.commands import Commands
from acdcore.calls.model.ports import (
    AgentStore,
    CustomerStore,
    Directory,
    History,
    HoursStore,
    ScreeningStore,
    Transcripts,
)
from acdcore.calls.record.event_stream import CallEventStream
from acdcore.control.access import BY, log, request_path
from acdcore.control.admission import KeyCheck
from acdcore.control.agents import AgentRoutes
from acdcore.control.answers import AnswerRoutes
from acdcore.control.bans import BanRoutes
from acdcore.control.connections import CONNECTIONS, Connections
from acdcore.control.customers import CustomerRoutes
from acdcore.control.errors import ApiError, ErrorAnswer, ErrorBody, from_core, from_framework
from acdcore.control.hours import HoursRoutes
from acdcore.control.keys import Keyring, secret_of
from acdcore.control.live import LiveRoutes
from acdcore.control.openapi import Description, Json
from acdcore.control.records import RecordRoutes
from acdcore.control.release import Planner, ReleaseRoutes
from acdcore.control.reload import ReloadRoutes
from acdcore.control.reports import ReportRoutes
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, json_response, route
from acdcore.control.schemas import Nothing
from acdcore.control.screening import ScreeningRoutes
from acdcore.control.settings import ControlSettings, Right
from acdcore.control.status import StatusRoutes
from acdcore.control.stream import EventStreamRoutes
from acdcore.control.transcripts import TranscriptRoutes
from acdcore.control.work import WorkRoutes
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import AcdError
from acdcore.kernel.ids import QueueName
from acdcore.work.model import WorkId

BODY_BYTES_MAX = 1024 * 1024
"""Bytes of a request's body: far above the longest customer card; more is a mistake or an attack."""
INTERFACE_VERSION = "1.1.0"
"""The version in the OpenAPI description; increased when routes are added."""

SECURITY_HEADERS = {
    "Server": "acdcore",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",  # every answer is personal data or changes by the second
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class ControlParts:
    """The parts of the daemon that the control plane uses."""

    commands: Commands
    """Reads and commands calls, queues and agents."""
    events: CallEventStream
    """The event stream."""
    directory: Directory
    """Agents and customers in memory."""
    customers: CustomerStore
    """Changes customers."""
    agents: AgentStore
    """Changes agents."""
    new_password: Callable[[], str]
    """Makes a password for an agent's phone."""
    history: History
    """Ended calls, recordings, work items, answers and queue visits."""
    transcripts: Transcripts
    """Transcripts of recordings."""
    screening: ScreeningStore
    """The black and white list."""
    hours: HoursStore
    """The calendars that supervisors have forced open or closed."""
    new_work_id: Callable[[], WorkId]
    """Makes the id of a callback that staff ask for."""
    targets: Callable[[], Mapping[QueueName, float]]
    """Each queue's answer target, in seconds, as configured now."""
    release: Planner
    """Plans the release of agents from a queue."""
    clock: Clock
    """Gives the time of what staff enter."""
    bus: EventBus
    """The event bus, on which bans are published."""
    refusals: Refusals
    """Counts those who are refused."""
    registry: CollectorRegistry
    """Metrics of the whole daemon; the control plane adds its own."""


def all_routes(settings: ControlSettings, parts: ControlParts, stream: EventStreamRoutes) -> tuple[Route, ...]:
    """Every route there is; the first that fits a path serves it."""
    routes = (
        *StatusRoutes(parts.commands, parts.registry).routes(),
        *LiveRoutes(parts.commands).routes(),
        *AgentRoutes(parts.directory, parts.agents, parts.commands, parts.new_password).routes(),
        *HoursRoutes(parts.commands, parts.hours, parts.clock).routes(),
        *ScreeningRoutes(parts.screening, parts.clock).routes(),
        *WorkRoutes(parts.commands, parts.history, parts.directory, parts.clock, parts.new_work_id).routes(),
        *AnswerRoutes(parts.history).routes(),
        *ReportRoutes(parts.commands, parts.history, parts.clock, parts.targets).routes(),
        *ReleaseRoutes(parts.commands, parts.history, parts.clock, parts.release).routes(),
        *ReloadRoutes(parts.commands).routes(),
        *BanRoutes(parts.refusals.lockout, parts.clock).routes(),
        *RecordRoutes(parts.history, settings.recordings).routes(),
        *TranscriptRoutes(parts.transcripts).routes(),
        *CustomerRoutes(parts.directory, parts.customers).routes(),
        *stream.routes(),
    )
    return (*routes, describing(routes))


def describing(routes: Sequence[Route]) -> Route:
    """The route that serves the description of all the others."""

    @functools.cache
    def document() -> Mapping[str, Json]:
        return Description(routes, INTERFACE_VERSION).document()

    async def describe(request: ApiRequest[Nothing, Nothing]) -> Reply:
        # Made when first asked for, and beside the loop: all schemas together take a quarter of a second.
        return Reply(await asyncio.to_thread(document))

    return route(RouteSpec("GET", "/openapi.json", None, "This description", dict), Nothing, Nothing, describe)


def build(
    settings: ControlSettings, parts: ControlParts, stream: EventStreamRoutes, keyring: Keyring
) -> web.Application:
    """The application with all its routes; each is behind the check of keys."""
    app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[errors_as_json])
    app[CONNECTIONS] = Connections()
    keys = KeyCheck(keyring, parts.refusals, parts.bus, parts.clock)
    for one in all_routes(settings, parts, stream):
        app.router.add_route(one.spec.method, one.spec.path, with_key_check(one, keys))
    app.on_response_prepare.append(secure)
    return app


def with_key_check(one: Route, keys: KeyCheck) -> Handler:
    """The route's handler behind the check of its key: the key is checked first, then the right, then the request."""

    async def handle(request: web.Request) -> web.StreamResponse:
        # A key is checked on every route: a route that needs no key may answer in more detail to a client that has one.
        is_open = one.spec.right is None and secret_of(request.headers) is None
        by = "" if is_open else keys.admit(request, one.spec.right or Right.READ)
        request[BY] = by
        request.app[CONNECTIONS].heard(request, is_known=bool(by))
        return await one.respond(request, by)

    return handle


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error in the one JSON shape; an internal error only gives a reference to the log."""
    try:
        return await handler(request)
    except ApiError as error:
        return error_response(error)
    except web.HTTPException as error:
        return error_response(from_framework(error))
    except AcdError as error:
        known = from_core(error)
        return error_response(known) if known else internal_error(request, error)
    except Exception as error:
        return internal_error(request, error)


def error_response(error: ApiError) -> web.Response:
    """The error in its JSON shape."""
    return json_response(ErrorAnswer(ErrorBody(error.code, error.message, error.field)), error.status, error.headers)


def internal_error(request: web.BaseRequest, error: Exception) -> web.Response:
    """Log a fault of ours under a reference, and answer with the reference only."""
    reference = secrets.token_hex(4)
    log().error("http_fault", reference=reference, method=request.method, path=request_path(request), exc_info=error)
    message = f"a fault of the server's own; its log has the details under {reference}"
    return error_response(ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", message))


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """Headers that every answer carries, streams and files too."""
    for name, value in SECURITY_HEADERS.items():
        response.headers[name] = value
