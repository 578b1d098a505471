"""Reload and retention over HTTP: the daemon reads its settings again, or deletes what is past its retention."""

from http import HTTPStatus

from aiohttp import web

from acdcore.calls.model.commands import Commands, ReloadReport, RetentionReport
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, json_response, route
from acdcore.control.schemas import Nothing, Shape
from acdcore.control.settings import Right


class ReloadOrder(Shape):
    """The options of a reload."""

    dry_run: bool = False
    """True: only say what would change."""


class RetentionOrder(Shape):
    """The options of a retention pass."""

    dry_run: bool = False
    """True: only say what would be deleted."""


class ReloadRoutes:
    """Starts reloads and retention passes in the daemon, which reads its own files."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def routes(self) -> tuple[Route, ...]:
        summary = "Read the settings again and apply them as a whole; 409 with the report when there are problems"
        plan = RouteSpec("POST", "/v1/reload", Right.ADMIN, summary, ReloadReport)
        summary = "Delete what is past its retention, or say what a pass would delete"
        retain = RouteSpec("POST", "/v1/retention", Right.ADMIN, summary, RetentionReport)
        return (
            route(plan, Nothing, ReloadOrder, self.reload),
            route(retain, Nothing, RetentionOrder, self.retain),
        )

    async def reload(self, request: ApiRequest[Nothing, ReloadOrder]) -> web.Response:
        report = await self._commands.reload(request.by, is_dry_run=request.body.dry_run)
        return json_response(report, HTTPStatus.CONFLICT if report.problems else HTTPStatus.OK, {})

    async def retain(self, request: ApiRequest[Nothing, RetentionOrder]) -> Reply:
        return Reply(await self._commands.retain(request.by, is_dry_run=request.body.dry_run))
