"""The black and white list over HTTP."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from acdcore.calls.model.ports import PAGE_ROWS_MAX, Screening, ScreeningStore, ScreeningVerdict
from acdcore.control.errors import ApiError
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, route
from acdcore.control.schemas import Moment, Name, Nothing, OneLine, PageSize, Shape, future, restore_plus
from acdcore.control.settings import Right
from acdcore.kernel.clock import Clock

Pattern = Annotated[str, BeforeValidator(restore_plus), StringConstraints(pattern=r"^\+?[0-9]{1,32}\*?$")]


class OnePattern(Shape):
    number: Pattern
    """Digits with an optional leading plus; a trailing * means every number that begins so."""


class ScreeningSearch(Shape):
    q: OneLine = ""
    """Part of a number or of a reason."""
    limit: PageSize = PAGE_ROWS_MAX
    """Entries at most."""


class ScreeningOrder(Shape):
    """What to do with callers from a number."""

    verdict: ScreeningVerdict
    """`block` rejects callers before the call is answered, `allow` lets them through in any case."""
    reason: Name
    """The reason, for staff; callers never hear it."""
    until: Moment | None = None
    """When the entry expires; without it, it does not expire."""


@dataclass(frozen=True, slots=True)
class ScreeningList:
    """Entries found, also expired ones, newest first."""

    entries: tuple[Screening, ...]
    total: int
    """Number of entries that fit; more than in `entries` when the limit cut the list."""


@dataclass(frozen=True, slots=True)
class Removed:
    """The entry is gone."""

    number: str


class ScreeningRoutes:
    """Reads from memory; writes through the store, which changes the database first."""

    def __init__(self, store: ScreeningStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        path, read, operate = "/v1/screening", Right.READ, Right.OPERATE
        search = RouteSpec("GET", path, read, "Blocked and allowed callers", ScreeningList)
        one = RouteSpec("GET", path + "/{number}", read, "The entry of a number", Screening)
        put = RouteSpec("PUT", path + "/{number}", operate, "Block or allow callers from a number", Screening)
        remove = RouteSpec("DELETE", path + "/{number}", operate, "Remove an entry", Removed)
        return (
            route(search, ScreeningSearch, Nothing, self.search),
            route(one, OnePattern, Nothing, self.entry),
            route(put, OnePattern, ScreeningOrder, self.put),
            route(remove, OnePattern, Nothing, self.remove),
        )

    async def search(self, request: ApiRequest[ScreeningSearch, Nothing]) -> Reply:
        q, limit = request.parameters.q.lower(), request.parameters.limit
        found = [entry for entry in self._store.entries() if q in entry.number or q in entry.reason.lower()]
        return Reply(ScreeningList(tuple(found[:limit]), len(found)))

    async def entry(self, request: ApiRequest[OnePattern, Nothing]) -> Reply:
        number = request.parameters.number
        for entry in self._store.entries():
            if entry.number == number:
                return Reply(entry)
        problem = f"{number} is not on the list; GET /v1/screening?q= searches the list"
        raise ApiError(HTTPStatus.NOT_FOUND, "unknown_record", problem, "number")

    async def put(self, request: ApiRequest[OnePattern, ScreeningOrder]) -> Reply:
        order, wall = request.body, self._clock.wall()
        until = future(order.until, wall, "until")
        entry = Screening(request.parameters.number, order.verdict, order.reason, until, request.by, wall)
        await self._store.put(entry)
        return Reply(entry)

    async def remove(self, request: ApiRequest[OnePattern, Nothing]) -> Reply:
        await self._store.remove(request.parameters.number)
        return Reply(Removed(request.parameters.number))
