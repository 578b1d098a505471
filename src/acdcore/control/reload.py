"""Settings read anew while calls go on."""

from http import HTTPStatus

from aiohttp import web

from acdcore.calls.commands import Commands, ReloadReport
from acdcore.control.route import Asked, Plan, Route, json_response, route
from acdcore.control.schemas import Nothing, Shape
from acdcore.control.settings import Right


class ReloadOrder(Shape):
    """How to reload."""

    dry_run: bool = False
    """True: only say what would change."""


class ReloadDesk:
    """Asks the hall, which reads its own files."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def routes(self) -> tuple[Route, ...]:
        summary = "Read the settings anew and apply them as a whole; 409 with the report when there are problems"
        plan = Plan("POST", "/v1/reload", Right.ADMIN, summary, ReloadReport)
        return (route(plan, Nothing, ReloadOrder, self.reload),)

    async def reload(self, asked: Asked[Nothing, ReloadOrder]) -> web.Response:
        report = await self._commands.reload(asked.by, is_dry_run=asked.body.dry_run)
        return json_response(report, HTTPStatus.CONFLICT if report.problems else HTTPStatus.OK, {})
