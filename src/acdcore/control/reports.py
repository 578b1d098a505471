"""Reports of queues and agents: figures folded from the stays, each with its formula and, when asked, its receipt."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from acdcore.calls.ports import History, StayFilter, StayRow
from acdcore.control.errors import ApiError
from acdcore.control.route import Asked, Plan, Reply, Route, route
from acdcore.control.schemas import Moment, Name, Nothing, Shape, Token
from acdcore.control.settings import Right
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Refused
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues import cohort
from acdcore.queues.cohort import By, Group, Interval
from acdcore.queues.figures import FORMULAS, Count, Figure
from acdcore.queues.receipts import Item, receipt, stays_in
from acdcore.queues.report import Line, report

FIRST_CALL_DAYS_MAX = 31
"""Stays of as many days before and after are read as well; a month says all there is to say."""
RECEIPT_ITEMS_MAX = 100_000
"""About 10 MB of JSON; a longer receipt is asked for day by day."""


def known_zone(name: str) -> str:
    """The name if there is such a zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("no such time zone; write one such as Asia/Shanghai") from error
    return name


def figure_or_count(name: object) -> object:
    """What a receipt can be asked for."""
    if name in frozenset(Count):
        return Count(str(name))
    if name in frozenset(Figure) - {Figure.OCCUPANCY}:
        return Figure(str(name))
    raise ValueError("a receipt is of a count or a figure that this report shows, except occupancy")


class ReportChoice(Shape):
    """Which stays to count: those that joined in the time asked for."""

    joined_from: Annotated[Moment, Field(alias="from")]
    """Joined at or after this time (RFC 3339 with a zone)."""
    joined_before: Annotated[Moment | None, Field(alias="to")] = None
    """Joined before this time; without it before now."""
    interval: Interval = Interval.WHOLE
    """Into what the time is divided: quarter_hour, half_hour, hour or day."""
    zone: Annotated[Name, AfterValidator(known_zone)] = "UTC"
    """The time zone whose clock divides it, such as Asia/Shanghai."""
    queue: Name | None = None
    """Only this queue."""
    agent: Token | None = None
    """Only what this agent answered."""
    first_call_days: Annotated[int, Field(ge=1, le=FIRST_CALL_DAYS_MAX)] = 7
    """Window of first-call resolution."""
    receipts: Annotated[Count | Figure | None, BeforeValidator(figure_or_count)] = None
    """A count or a figure: list the calls behind its total."""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """The figures of one group of stays."""

    began_at: datetime | None
    """Begin of the interval; null when time is not divided, and in the total."""
    queue: str | None
    """Null when not counted by queue, and in the total."""
    agent: str | None
    """Null when not counted by agent, and in the total; empty for what nobody answered."""
    counts: Mapping[str, int]
    """Stays; `offered` is the sum of all endings."""
    figures: Mapping[str, float | None]
    """Shares are 0 to 1, times in seconds; null when there is nothing to divide by."""
    offers: int
    """Times that a phone rang."""
    misses: int
    """Offers that were not taken."""


@dataclass(frozen=True, slots=True)
class ReceiptItem:
    """One stay behind a number."""

    call_id: str
    """The call, or the work item."""
    entry: str
    """Which joining of it."""
    n: int
    """Which stay of that, from 1."""
    seconds: float | None
    """What it adds to a mean, or its wait for a percentile; null for shares and counts."""


@dataclass(frozen=True, slots=True)
class ReportReceipt:
    """The calls behind one number of the total."""

    of: Count | Figure
    counted: tuple[ReceiptItem, ...]
    """What was counted."""
    over: tuple[ReceiptItem, ...]
    """What it was divided by; the same as `counted` for a count."""


@dataclass(frozen=True, slots=True)
class StayReport:
    """Figures of queues or agents."""

    joined_from: datetime
    joined_before: datetime
    interval: Interval
    zone: str
    lines: tuple[ReportLine, ...]
    """In the order of time, queue and agent; groups without a stay have none."""
    total: ReportLine
    """Of all that was asked for."""
    formulas: Mapping[str, str]
    """What each figure is, in the names of the counts."""
    receipt: ReportReceipt | None
    """Null unless asked for."""


class ReportDesk:
    """Reads the stays from the history and folds them in a thread, one report at a time: the calls come first."""

    def __init__(self, history: History, clock: Clock, targets: Callable[[], Mapping[QueueName, float]]) -> None:
        """`targets`: the seconds within which each queue is to answer, as configured now."""
        self._history = history
        self._clock = clock
        self._targets = targets
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        queues = Plan("GET", "/v1/reports/queues", Right.READ, "Figures by queue, with formulas", StayReport)
        agents = Plan("GET", "/v1/reports/agents", Right.READ, "Figures by agent, with formulas", StayReport)
        return (
            route(queues, ReportChoice, Nothing, self.queues),
            route(agents, ReportChoice, Nothing, self.agents),
        )

    async def queues(self, asked: Asked[ReportChoice, Nothing]) -> Reply:
        return Reply(await self._report(asked.parameters, By.QUEUE))

    async def agents(self, asked: Asked[ReportChoice, Nothing]) -> Reply:
        return Reply(await self._report(asked.parameters, By.AGENT))

    async def _report(self, choice: ReportChoice, by: By) -> StayReport:
        wall = self._clock.wall()
        wanted = cohort.Asked(
            joined_from=choice.joined_from,
            joined_before=choice.joined_before or wall,
            by=frozenset({by} | ({By.QUEUE} if choice.queue else set()) | ({By.AGENT} if choice.agent else set())),
            interval=choice.interval,
            zone=UTC if choice.zone == "UTC" else ZoneInfo(choice.zone),
            within_s=self._targets(),
            first_call_days=choice.first_call_days,
            known_until=wall,
        )
        async with self._one_at_a_time:
            rows = await self._stays(wanted)
            return await asyncio.to_thread(folded, rows, wanted, choice)

    async def _stays(self, wanted: cohort.Asked) -> list[StayRow]:
        """The stays asked for, and those around them that first-call resolution looks at."""
        around = timedelta(days=wanted.first_call_days)
        try:
            return list(
                await self._history.stays(StayFilter(wanted.joined_from - around, wanted.joined_before + around))
            )
        except Refused as error:
            problem = f"{error}; ask for a shorter time by from and to"
            raise ApiError(HTTPStatus.BAD_REQUEST, "too_many_rows", problem, "from") from error


def folded(rows: list[StayRow], wanted: cohort.Asked, choice: ReportChoice) -> StayReport:
    """The report on what was chosen of the rows; raises ApiError for a receipt that is too long."""
    whole = replace(wanted, interval=Interval.WHOLE)
    chosen = Group(
        queue=QueueName(choice.queue) if choice.queue else None, agent=AgentId(choice.agent) if choice.agent else None
    )
    total = total_of(rows, whole, chosen)
    made = report(rows, wanted)
    return StayReport(
        joined_from=wanted.joined_from,
        joined_before=wanted.joined_before,
        interval=choice.interval,
        zone=choice.zone,
        lines=tuple(report_line(line) for line in made.lines if is_chosen(line.group, chosen)),
        total=replace(report_line(total), queue=choice.queue, agent=choice.agent),
        formulas={figure.value: formula for figure, formula in FORMULAS.items()},
        receipt=None if choice.receipts is None else receipt_of(rows, whole, chosen, choice.receipts),
    )


def is_chosen(group: Group, chosen: Group) -> bool:
    """Whether a line is about what was asked for."""
    return chosen.queue in (None, group.queue) and chosen.agent in (None, group.agent)


def total_of(rows: list[StayRow], whole: cohort.Asked, chosen: Group) -> Line:
    """The line of everything chosen, undivided in time."""
    only = replace(whole, by=grouping(chosen))
    made = report(rows, only)
    return (
        next((line for line in made.lines if line.group == chosen), report((), only).total) if only.by else made.total
    )


def receipt_of(rows: list[StayRow], whole: cohort.Asked, chosen: Group, of: Count | Figure) -> ReportReceipt:
    """The calls behind one number; raises ApiError when they are too many."""
    only = replace(whole, by=grouping(chosen))
    match of:
        case Figure():
            found = receipt(rows, only, chosen, of)
            counted, over = found.counted, found.over
        case Count():
            counted = over = stays_in(rows, only, chosen, of)
    if len(over) > RECEIPT_ITEMS_MAX:
        problem = f"{len(over)} calls are behind {of}; ask for a shorter time by from and to"
        raise ApiError(HTTPStatus.BAD_REQUEST, "too_many_rows", problem, "receipts")
    return ReportReceipt(of, receipt_items(counted), receipt_items(over))


def receipt_items(items: Iterable[Item]) -> tuple[ReceiptItem, ...]:
    """The same with names."""
    return tuple(ReceiptItem(*item) for item in items)


def grouping(chosen: Group) -> frozenset[By]:
    """What stays must be grouped by for the chosen ones to be one group."""
    return frozenset(by for by, value in ((By.QUEUE, chosen.queue), (By.AGENT, chosen.agent)) if value is not None)


def report_line(line: Line) -> ReportLine:
    """A line as it is shown."""
    return ReportLine(
        began_at=line.group.began_at,
        queue=line.group.queue,
        agent=line.group.agent,
        counts={count.value: number for count, number in line.counts.items()},
        figures={figure.value: value for figure, value in line.figures.items()},
        offers=line.offers,
        misses=line.misses,
    )
