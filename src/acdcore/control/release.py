"""Release planning: what becomes of a queue's callers when agents leave it now."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from acdcore.calls.model.commands import Commands
from acdcore.calls.model.ports import History, QueueVisitFilter
from acdcore.calls.model.rows import QueueVisitRow
from acdcore.control.errors import ApiError
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, route
from acdcore.control.schemas import Name, Nothing, Shape
from acdcore.control.settings import Right
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Refused
from acdcore.kernel.ids import QueueName

AGENTS_MAX = 1_000
"""Largest number of agents in one question."""
MINUTES_MAX = 24 * 60
"""A day: older calls say little about the present demand."""


class ReleaseChoice(Shape):
    """How many agents leave, and which calls the demand is taken from."""

    queue: Name
    """The queue."""
    count: Annotated[int, Field(ge=1, le=AGENTS_MAX)] = 1
    """Agents who leave now."""
    minutes: Annotated[int, Field(ge=5, le=MINUTES_MAX)] = 60
    """Minutes before now that the demand is taken from."""
    target: Annotated[float, Field(ge=0.01, le=0.99)] = 0.8
    """Share of callers to be answered within the queue's target time, 0.01 to 0.99."""


@dataclass(frozen=True, slots=True)
class ReleaseQuestion:
    """A question to the planner."""

    queue: QueueName
    count: int
    minutes: int
    target: float
    """Share to be answered in time."""
    visits: Sequence[QueueVisitRow]
    """All visits that joined in these minutes, each once, those still running included."""


@dataclass(frozen=True, slots=True)
class LastingFigures:
    """What the formulas expect in the long run."""

    service_level: float
    average_wait_s: float | None
    """Seconds; null: the queue would grow without end."""
    abandonment: float
    occupancy: float


@dataclass(frozen=True, slots=True)
class SoonRow:
    """One figure of the coming half hour, simulated from the present state of queues and agents.

    A caller who still waits at its end counts as answered then, too late.
    """

    figure: str
    unit: str
    """`%` for shares, which are 0 to 1, `s` for seconds, or empty."""
    as_it_is: float
    afterwards: float
    difference: float
    within: float
    """Half the width of the difference's 95 % interval."""
    is_sure: bool
    """Whether the difference is more than chance."""


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """The result of releasing agents."""

    queue: QueueName
    count: int
    agents: int
    """At work now with the queue's skills: ready, ringing, talking or wrapping up."""
    agents_left: int
    required: int
    """Agents that the target needs at the present rate of calls."""
    is_advisable: bool
    """Whether at least `required` agents are left."""
    advice: str
    """`is_advisable` as a sentence."""
    caveat: str
    """Why the answer is uncertain; empty: no reason is known."""
    target: float
    """Share to be answered in time."""
    within_s: float
    """The queue's target time, seconds."""
    waiting: int
    """Callers who wait now."""
    calls: int
    """Contacts that came to the queue in these minutes."""
    elsewhere: int
    """Contacts of other queues that the same agents answered."""
    handled: int
    """Contacts that the mean handling time is taken from."""
    calls_per_hour: float
    """Contacts an hour, `calls` and `elsewhere` together."""
    handling_s: float
    """Mean talk and wrap-up, seconds."""
    patience_s: float | None
    """Mean patience, seconds; null: nobody gave up."""
    before: LastingFigures
    """Figures in the long run with all agents."""
    after: LastingFigures
    """Figures in the long run without those who leave."""
    soon: tuple[SoonRow, ...]
    """Figures of the coming half hour."""


Planner = Callable[[ReleaseQuestion], Awaitable[ReleasePlan]]
"""Raises UnknownName for the queue, WrongState when there are fewer agents or no past calls to plan from."""


class ReleaseRoutes:
    """Reads the recent calls and asks the planner, one question at a time, so that calls are not slowed down."""

    def __init__(self, commands: Commands, history: History, clock: Clock, planner: Planner) -> None:
        self._commands = commands
        self._history = history
        self._clock = clock
        self._planner = planner
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        spec = RouteSpec(
            "GET", "/v1/queues/{queue}/release", Right.READ, "What becomes of a queue if agents go now", ReleasePlan
        )
        return (route(spec, ReleaseChoice, Nothing, self.release),)

    async def release(self, request: ApiRequest[ReleaseChoice, Nothing]) -> Reply:
        choice = request.parameters
        async with self._one_at_a_time:
            visits = await self._visits(timedelta(minutes=choice.minutes))
            question = ReleaseQuestion(
                QueueName(choice.queue), choice.count, choice.minutes, choice.target, tuple(visits)
            )
            return Reply(await self._planner(question))

    async def _visits(self, back: timedelta) -> list[QueueVisitRow]:
        now = self._clock.wall()
        # Running visits first: a visit that ends while the history is read is then in at least one of the two lists.
        running = {
            (row.entry, row.n): row for row in self._commands.running_queue_visits() if row.joined_at >= now - back
        }
        try:
            over = await self._history.queue_visits(QueueVisitFilter(now - back, now))
        except Refused as error:
            raise ApiError(
                HTTPStatus.BAD_REQUEST, "too_many_rows", f"{error}; ask for fewer minutes", "minutes"
            ) from error
        for row in over:
            running.pop((row.entry, row.n), None)
        return [*over, *running.values()]
