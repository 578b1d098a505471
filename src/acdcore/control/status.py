"""The state of the daemon: health, alarms, metrics and the description of this interface."""

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from acdcore.calls.model.commands import AlarmReport, Commands, HealthReport
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, json_response, route
from acdcore.control.schemas import Alive, Nothing
from acdcore.control.settings import Right


class StatusRoutes:
    """Serves orchestrators, Prometheus and client generators."""

    def __init__(self, commands: Commands, registry: CollectorRegistry) -> None:
        self._commands = commands
        self._registry = registry

    def routes(self) -> tuple[Route, ...]:
        live = RouteSpec("GET", "/health/live", None, "Whether the process answers", Alive)
        ready = RouteSpec(
            "GET", "/health/ready", None, "Every part's health; 503 when no new calls are taken", HealthReport
        )
        alarms = RouteSpec("GET", "/v1/alarms", Right.READ, "What is wrong, and what was wrong lately", AlarmReport)
        metrics = RouteSpec(
            method="GET",
            path="/metrics",
            right=Right.READ,
            summary="Figures for Prometheus",
            answer=bytes,
            media_type="text/plain",
        )
        return (
            route(live, Nothing, Nothing, self.live),
            route(ready, Nothing, Nothing, self.ready),
            route(alarms, Nothing, Nothing, self.alarms),
            route(metrics, Nothing, Nothing, self.metrics),
        )

    async def live(self, request: ApiRequest[Nothing, Nothing]) -> Reply:
        return Reply(Alive(is_alive=True))

    async def ready(self, request: ApiRequest[Nothing, Nothing]) -> web.Response:
        """Details name paths, trunks and figures; only a client with a key gets them."""
        health = self._commands.health()
        status = HTTPStatus.OK if health.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        if not request.by:
            health = replace(health, parts=tuple(replace(part, detail="") for part in health.parts))
        return json_response(health, status, {})

    async def alarms(self, request: ApiRequest[Nothing, Nothing]) -> Reply:
        return Reply(self._commands.alarms())

    async def metrics(self, request: ApiRequest[Nothing, Nothing]) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
