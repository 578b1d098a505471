"""The black and white list over HTTP."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from acdcore.calls.model.ports import PAGE_ROWS_MAX, Screening, ScreeningStore, Verdict
from acdcore.control.errors import ApiError
from acdcore.control.route import Asked, Plan, Reply, Route, route
from acdcore.control.schemas import Line, Moment, Name, Nothing, PageSize, Shape, future, restore_plus
from acdcore.control.settings import Right
from acdcore.kernel.clock import Clock

Pattern = Annotated[str, BeforeValidator(restore_plus), StringConstraints(pattern=r"^\+?[0-9]{1,32}\*?$")]


class OnePattern(Shape):
    number: Pattern
    """Digits with an optional leading plus; a trailing * means every number that begins so."""


class ScreeningSearch(Shape):
    q: Line = ""
    """Part of a number or of a reason."""
    limit: PageSize = PAGE_ROWS_MAX
    """Entries at most."""


class ScreeningOrder(Shape):
    """What to do with callers from a number."""

    verdict: Verdict
    """`block` turns them away before the call is answered, `allow` lets them through in any case."""
    reason: Name
    """Why, for staff; never told to the caller."""
    until: Moment | None = None
    """When it lapses; without it not by itself."""


@dataclass(frozen=True, slots=True)
class ScreeningList:
    """Entries found, lapsed ones too, newest first."""

    entries: tuple[Screening, ...]
    total: int
    """How many fit; more than `entries` when the limit cut them."""


@dataclass(frozen=True, slots=True)
class Removed:
    """The entry is gone."""

    number: str


class ScreeningDesk:
    """Reads from memory; writes through the store, which tells the database first."""

    def __init__(self, store: ScreeningStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        path, read, operate = "/v1/screening", Right.READ, Right.OPERATE
        search = Plan("GET", path, read, "Blocked and allowed callers", ScreeningList)
        one = Plan("GET", path + "/{number}", read, "The entry of a number", Screening)
        put = Plan("PUT", path + "/{number}", operate, "Block or allow callers from a number", Screening)
        remove = Plan("DELETE", path + "/{number}", operate, "Take an entry out", Removed)
        return (
            route(search, ScreeningSearch, Nothing, self.search),
            route(one, OnePattern, Nothing, self.entry),
            route(put, OnePattern, ScreeningOrder, self.put),
            route(remove, OnePattern, Nothing, self.remove),
        )

    async def search(self, asked: Asked[ScreeningSearch, Nothing]) -> Reply:
        q, limit = asked.parameters.q.lower(), asked.parameters.limit
        found = [entry for entry in self._store.entries() if q in entry.number or q in entry.reason.lower()]
        return Reply(ScreeningList(tuple(found[:limit]), len(found)))

    async def entry(self, asked: Asked[OnePattern, Nothing]) -> Reply:
        number = asked.parameters.number
        for entry in self._store.entries():
            if entry.number == number:
                return Reply(entry)
        problem = f"{number} is not on the list; GET /v1/screening?q= searches it"
        raise ApiError(HTTPStatus.NOT_FOUND, "unknown_record", problem, "number")

    async def put(self, asked: Asked[OnePattern, ScreeningOrder]) -> Reply:
        order, wall = asked.body, self._clock.wall()
        until = future(order.until, wall, "until")
        entry = Screening(asked.parameters.number, order.verdict, order.reason, until, asked.by, wall)
        await self._store.put(entry)
        return Reply(entry)

    async def remove(self, asked: Asked[OnePattern, Nothing]) -> Reply:
        await self._store.remove(asked.parameters.number)
        return Reply(Removed(asked.parameters.number))
