"""The present state of each calendar, and the supervisor's override."""

from dataclasses import dataclass

from acdcore.calls.model.commands import Commands, LiveHours, UnknownName
from acdcore.calls.model.ports import ForcedHours, HoursStore
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, route
from acdcore.control.schemas import Moment, Name, Nothing, Shape, future
from acdcore.control.settings import Right
from acdcore.kernel.clock import Clock


class OneCalendar(Shape):
    calendar: Name
    """The calendar's name."""


class HoursOrder(Shape):
    """The supervisor's override of a calendar."""

    is_open: bool
    """Whether calls are taken."""
    until: Moment | None = None
    """When the calendar applies again; without it the override does not end by itself."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Every calendar now."""

    calendars: tuple[LiveHours, ...]


class HoursRoutes:
    """Writes through the store, which changes the database first; then informs call control."""

    def __init__(self, commands: Commands, store: HoursStore, clock: Clock) -> None:
        self._commands = commands
        self._store = store
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        path, operate = "/v1/hours/{calendar}", Right.OPERATE
        hours = RouteSpec("GET", "/v1/hours", Right.READ, "Every calendar now", Hours)
        force = RouteSpec("PUT", path, operate, "Force a calendar open or closed", LiveHours)
        release = RouteSpec("DELETE", path, operate, "Let the calendar rule again", LiveHours)
        return (
            route(hours, Nothing, Nothing, self.hours),
            route(force, OneCalendar, HoursOrder, self.force),
            route(release, OneCalendar, Nothing, self.release),
        )

    async def hours(self, request: ApiRequest[Nothing, Nothing]) -> Reply:
        return Reply(Hours(self._commands.hours()))

    async def force(self, request: ApiRequest[OneCalendar, HoursOrder]) -> Reply:
        calendar, order, wall = self._known(request.parameters.calendar).calendar, request.body, self._clock.wall()
        until = future(order.until, wall, "until")
        await self._store.force(ForcedHours(calendar, order.is_open, until, request.by, wall))
        self._commands.hours_forced()
        return Reply(self._known(calendar))

    async def release(self, request: ApiRequest[OneCalendar, Nothing]) -> Reply:
        calendar = self._known(request.parameters.calendar).calendar
        await self._store.release(calendar)
        self._commands.hours_forced()
        return Reply(self._known(calendar))

    def _known(self, calendar: str) -> LiveHours:
        for one in self._commands.hours():
            if one.calendar == calendar:
                return one
        raise UnknownName(f"there is no calendar {calendar}; GET /v1/hours lists them")
