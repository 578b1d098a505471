"""What staff have the daemon do with itself while calls go on: read its settings anew, delete what is past its time."""

from http import HTTPStatus

from aiohttp import web

from acdcore.calls.model.commands import Commands, ReloadReport, RetentionReport
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, json_response, route
from acdcore.control.schemas import Nothing, Shape
from acdcore.control.settings import Right


class ReloadOrder(Shape):
    """How to reload."""

    dry_run: bool = False
    """True: only say what would change."""


class RetentionOrder(Shape):
    """How to delete."""

    dry_run: bool = False
    """True: only say what would be deleted."""


class ReloadRoutes:
    """Asks call control, which reads its own files."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def routes(self) -> tuple[Route, ...]:
        summary = "Read the settings anew and apply them as a whole; 409 with the report when there are problems"
        plan = RouteSpec("POST", "/v1/reload", Right.ADMIN, summary, ReloadReport)
        summary = "Delete what is past its time (section retention), or say what a pass would delete"
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
