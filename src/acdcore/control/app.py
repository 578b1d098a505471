"""The web application: table of routes, doors in front of them, and the one place where errors become answers."""

import secrets
from collections.abc import Callable, Iterable, Mapping
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
from acdcore.calls.record.event_stream import Feed
from acdcore.control.access import BY, log, path_of
from acdcore.control.admission import KeyCheck
from acdcore.control.agents import AgentDesk
from acdcore.control.answers import AnswerDesk
from acdcore.control.bans import BanDesk
from acdcore.control.connections import CONNECTIONS, Connections
from acdcore.control.customers import CustomerDesk
from acdcore.control.errors import ApiError, ErrorAnswer, ErrorBody, from_core, from_framework
from acdcore.control.floor import Floor
from acdcore.control.hours import HoursDesk
from acdcore.control.keys import Keyring, secret_of
from acdcore.control.openapi import Description
from acdcore.control.records import Records
from acdcore.control.release import Planner, ReleaseDesk
from acdcore.control.reload import ReloadDesk
from acdcore.control.reports import ReportDesk
from acdcore.control.route import Asked, Plan, Reply, Route, json_response, route
from acdcore.control.schemas import Nothing
from acdcore.control.screening import ScreeningDesk
from acdcore.control.settings import ControlSettings, Right
from acdcore.control.status import Status
from acdcore.control.stream import EventStream
from acdcore.control.transcripts import TranscriptDesk
from acdcore.control.work import WorkDesk
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import AcdError
from acdcore.kernel.ids import QueueName
from acdcore.work.model import WorkId

BODY_BYTES_MAX = 1024 * 1024
"""Far above the longest customer card; more is a mistake or an attack."""
INTERFACE_VERSION = "1.1.0"
"""Of the description; grows with the routes."""

SECURITY_HEADERS = {
    "Server": "acdcore",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",  # every answer is personal data or changes by the second
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class ControlParts:
    """What the control plane speaks to."""

    commands: Commands
    """The live floor."""
    feed: Feed
    """What happens there."""
    directory: Directory
    """Agents and customers in memory."""
    customers: CustomerStore
    """Changes customers."""
    agents: AgentStore
    """Changes agents."""
    new_password: Callable[[], str]
    """Makes a password for an agent's phone."""
    history: History
    """Ended calls, recordings, work items, answers and stays."""
    transcripts: Transcripts
    """What was said in recordings."""
    screening: ScreeningStore
    """The black and white list."""
    hours: HoursStore
    """What supervisors have forced."""
    new_work_id: Callable[[], WorkId]
    """Names a callback that staff ask for."""
    targets: Callable[[], Mapping[QueueName, float]]
    """The seconds within which each queue is to answer, as configured now."""
    release: Planner
    """Says what becomes of a queue if agents go."""
    clock: Clock
    """For the times of what staff enter."""
    refusals: Refusals
    """Hears of whoever is turned away."""
    registry: CollectorRegistry
    """Metrics of the whole daemon; the control plane adds its own."""


def table(settings: ControlSettings, parts: ControlParts, stream: EventStream) -> tuple[Route, ...]:
    """Every route there is; the first that fits a path serves it."""
    routes = (
        *Status(parts.commands, parts.registry).routes(),
        *Floor(parts.commands).routes(),
        *AgentDesk(parts.directory, parts.agents, parts.commands, parts.new_password).routes(),
        *HoursDesk(parts.commands, parts.hours, parts.clock).routes(),
        *ScreeningDesk(parts.screening, parts.clock).routes(),
        *WorkDesk(parts.commands, parts.history, parts.directory, parts.clock, parts.new_work_id).routes(),
        *AnswerDesk(parts.history).routes(),
        *ReportDesk(parts.commands, parts.history, parts.clock, parts.targets).routes(),
        *ReleaseDesk(parts.commands, parts.history, parts.clock, parts.release).routes(),
        *ReloadDesk(parts.commands).routes(),
        *BanDesk(parts.refusals.lockout, parts.clock).routes(),
        *Records(parts.history, settings.recordings).routes(),
        *TranscriptDesk(parts.transcripts).routes(),
        *CustomerDesk(parts.directory, parts.customers).routes(),
        *stream.routes(),
    )
    return (*routes, describing(routes))


def describing(routes: Iterable[Route]) -> Route:
    """The route that serves the description of all the others."""
    document = Description(routes, INTERFACE_VERSION).document()

    async def describe(asked: Asked[Nothing, Nothing]) -> Reply:
        return Reply(document)

    return route(Plan("GET", "/openapi.json", None, "This description", dict), Nothing, Nothing, describe)


def build(settings: ControlSettings, parts: ControlParts, stream: EventStream, keyring: Keyring) -> web.Application:
    """The application with all its routes behind their doors."""
    app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[errors_as_json])
    app[CONNECTIONS] = Connections()
    keys = KeyCheck(keyring, parts.refusals, parts.clock)
    for one in table(settings, parts, stream):
        app.router.add_route(one.plan.method, one.plan.path, guarded(one, keys))
    app.on_response_prepare.append(secure)
    return app


def guarded(one: Route, keys: KeyCheck) -> Handler:
    """The route's handler behind its door: first the key, then the right, then everything else."""

    async def handle(request: web.Request) -> web.StreamResponse:
        # A key that is shown is looked at on every route: what is open to all may say more to those who have one.
        is_open = one.plan.right is None and secret_of(request.headers) is None
        by = "" if is_open else keys.admit(request, one.plan.right or Right.READ)
        request[BY] = by
        request.app[CONNECTIONS].heard(request, is_known=bool(by))
        return await one.respond(request, by)

    return handle


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal in the one shape of errors; a bug of ours as a reference to the log."""
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
    log().error("http_fault", reference=reference, method=request.method, path=path_of(request), exc_info=error)
    message = f"a fault of the server's own; its log has the details under {reference}"
    return error_response(ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", message))


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """Headers that every answer carries, streams and files too."""
    for name, value in SECURITY_HEADERS.items():
        response.headers[name] = value
