"""Reports of queues and agents: figures folded from the visits, with their formulas and, if asked for, receipts."""

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from pydantic import AfterValidator, BeforeValidator, Field

from acdcore.calls.model.commands import Commands
from acdcore.calls.model.ports import History, QueueVisitFilter
from acdcore.calls.model.rows import AgentEventRow, QueueVisitRow
from acdcore.control.errors import ApiError
from acdcore.control.route import ApiRequest, Encoded, Reply, Route, RouteSpec, encode, route
from acdcore.control.schemas import Moment, Name, Nothing, Shape, Token, split_commas
from acdcore.control.settings import Right
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Refused
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.settings import Channel
from acdcore.reports.agent_time import AgentSpan, spans
from acdcore.reports.drill_down import Item, receipt, visits_in
from acdcore.reports.formulas import FORMULAS, Count, Figure
from acdcore.reports.grouping import By, Group, Interval, ReportQuery
from acdcore.reports.report import GroupRow, report

FIRST_CALL_DAYS_MAX = 31
"""Days before and after the report whose visits may be read as well; nobody needs more than a month."""
RECEIPT_ITEMS_MAX = 20_000
"""About 2 MB of JSON; for a longer receipt the client asks for shorter times."""
PIECE = 250
"""Rows that are freed or encoded at a time: about a millisecond in which calls wait for the interpreter."""
TURN_S = 0.001
"""Seconds after which a thread that folds a report lets the event loop run; the interpreter's default is 5 ms."""
ALL_CHANNELS = "all"
CALLS_ONLY = (Channel.CALL,)
"""Channels of a queue's report when none is named: callbacks and messages wait for hours, so a service level or a wait
over all three channels would say nothing about callers."""
EVERY_CHANNEL = tuple(Channel)
"""Channels of an agent's report when none is named: an agent who called back customers all day must not be shown as
idle."""


def known_zone(name: str) -> str:
    """The name; raises ValueError when there is no such zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("no such time zone; write one such as Asia/Shanghai") from error
    return name


def count_or_figure(name: object) -> object:
    """The count or figure that a receipt is asked for; raises ValueError for any other word."""
    if name in frozenset(Count):
        return Count(str(name))
    if name in frozenset(Figure) - {Figure.OCCUPANCY}:
        return Figure(str(name))
    raise ValueError("a receipt is of a count or a figure that this report shows, except occupancy")


def channels_named(value: object) -> object:
    """`a,b` as a list, `all` as every channel."""
    return EVERY_CHANNEL if value == ALL_CHANNELS else split_commas(value)


class ReportChoice(Shape):
    """Which visits to count: those that joined a queue in the given time."""

    joined_from: Annotated[Moment, Field(alias="from")]
    """Joined at or after this time (RFC 3339 with a zone)."""
    joined_before: Annotated[Moment | None, Field(alias="to")] = None
    """Joined before this time; without it before now."""
    interval: Interval = Interval.WHOLE
    """Intervals that divide the time: whole, quarter_hour, half_hour, hour or day."""
    zone: Annotated[Name, AfterValidator(known_zone)] = "UTC"
    """The time zone whose clock divides it, such as Asia/Shanghai."""
    queue: Name | None = None
    """Only this queue."""
    agent: Token | None = None
    """Only what this agent answered."""
    channel: Annotated[tuple[Channel, ...], BeforeValidator(channels_named)] = ()
    """Only these of call, callback and voicemail, separated by commas, or all. Without it queues are reported by calls,
    agents by all that they answered."""
    by_channel: bool = False
    """Rows for each channel."""
    first_call_days: Annotated[int, Field(ge=0, le=FIRST_CALL_DAYS_MAX)] = 0
    """Days of the window of first-call resolution, which are read before and after too; 0: without that figure."""
    receipts: Annotated[Count | Figure | None, BeforeValidator(count_or_figure)] = None
    """A count or a figure: list the calls behind its total."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """The figures of one group of visits."""

    began_at: datetime | None
    """Beginning of the interval; null when time is not divided, and in the total."""
    queue: str | None
    """Null when not counted by queue, and in the total."""
    agent: str | None
    """Null when not counted by agent, and in the total; empty for what nobody answered."""
    channel: str | None
    """Null when not counted by channel, and in the total."""
    counts: Mapping[str, int]
    """Numbers of visits; `offered` is the sum of all endings."""
    figures: Mapping[str, float | None]
    """Shares are 0 to 1, times in seconds; null when there is nothing to divide by."""
    offers: int
    """How often a phone rang."""
    misses: int
    """Offers that were not taken."""
    state_s: Mapping[str, float] | None
    """Seconds that the agents were in each state while logged in; null for queues and channels, whose agents serve
    others too."""
    not_ready_s: Mapping[str, float] | None
    """Of the seconds not ready, those of each reason; null as `state_s`."""


@dataclass(frozen=True, slots=True)
class ReceiptItem:
    """One visit behind a number."""

    call_id: str
    """The call, or the work item."""
    entry: str
    """Key of the entry: which joining of the call or item it is."""
    n: int
    """Which queue visit of the entry, from 1."""
    seconds: float | None
    """Seconds that it adds to a mean, or its wait for a percentile; null for shares and counts."""


@dataclass(frozen=True, slots=True)
class ReportReceipt:
    """The calls behind one number of the total."""

    of: Count | Figure
    counted: tuple[ReceiptItem, ...]
    """What was counted."""
    over: tuple[ReceiptItem, ...]
    """What it was divided by; the same as `counted` for a count."""


@dataclass(frozen=True, slots=True)
class QueueVisitReport:
    """Figures of queues or agents."""

    joined_from: datetime
    joined_before: datetime
    interval: Interval
    zone: str
    channels: tuple[Channel, ...]
    """What was counted."""
    rows: tuple[ReportRow, ...]
    """In the order of time, queue, agent and channel; a group without visits and without an agent's time has no row."""
    total: ReportRow
    """The row of everything that was asked for."""
    formulas: Mapping[str, str]
    """The formula of each figure, in the names of the counts."""
    receipt: ReportReceipt | None
    """Null unless asked for."""


@dataclass(frozen=True, slots=True)
class ReportInput:
    """What a report is folded from; nothing else refers to these lists."""

    visits: list[QueueVisitRow]
    """Visits that are over."""
    running: Sequence[QueueVisitRow]
    """Visits that were running a moment ago; some may have ended since and be in `visits` too."""
    changes: list[AgentEventRow] | None
    """Agents' changes of state; None when the report has no agents' time."""

    def merge(self) -> None:
        """Join both lists of visits, each visit once: an ended visit replaces the same visit still running."""
        running = {(row.entry, row.n): row for row in self.running}
        for row in self.visits:
            running.pop((row.entry, row.n), None)
        self.visits.extend(running.values())

    def release(self) -> None:
        """Free the rows in pieces: to free 200,000 at once takes 50 ms in which no other thread runs."""
        for rows in (self.visits, self.changes or []):
            while rows:
                del rows[-PIECE:]


class ReportRoutes:
    """Reads the history and folds it in a thread, one report at a time, so that calls are not slowed down."""

    def __init__(
        self, commands: Commands, history: History, clock: Clock, targets: Callable[[], Mapping[QueueName, float]]
    ) -> None:
        """`targets` gives each queue's answer target, in seconds, as configured now."""
        self._commands = commands
        self._history = history
        self._clock = clock
        self._targets = targets
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        queues = RouteSpec("GET", "/v1/reports/queues", Right.READ, "Figures by queue, with formulas", QueueVisitReport)
        agents = RouteSpec(
            "GET", "/v1/reports/agents", Right.READ, "Figures and time by agent, with formulas", QueueVisitReport
        )
        return (
            route(queues, ReportChoice, Nothing, self.queues),
            route(agents, ReportChoice, Nothing, self.agents),
        )

    async def queues(self, request: ApiRequest[ReportChoice, Nothing]) -> Reply:
        return Reply(Encoded(await self._report(request.parameters, By.QUEUE, CALLS_ONLY)))

    async def agents(self, request: ApiRequest[ReportChoice, Nothing]) -> Reply:
        return Reply(Encoded(await self._report(request.parameters, By.AGENT, EVERY_CHANNEL)))

    async def _report(self, choice: ReportChoice, by: By, channels: tuple[Channel, ...]) -> bytes:
        """The report as JSON."""
        wall = self._clock.wall()
        asked_for = {By.QUEUE: choice.queue, By.AGENT: choice.agent, By.CHANNEL: choice.by_channel}
        wanted = ReportQuery(
            joined_from=choice.joined_from,
            joined_before=choice.joined_before or wall,
            by=frozenset({by, *(each for each, value in asked_for.items() if value)}),
            interval=choice.interval,
            channels=frozenset(choice.channel or channels),
            zone=UTC if choice.zone == "UTC" else ZoneInfo(choice.zone),
            within_s=self._targets(),
            first_call_days=choice.first_call_days,
            known_until=wall,
        )
        async with self._one_at_a_time:
            # Running ones first: what ends while the history is read is in one of both at least.
            running = self._commands.running_queue_visits()
            try:
                visits = list(await self._visits(wanted))
                changes = list(await self._changes(wanted, choice)) if wanted.by == {By.AGENT} else None
            except Refused as error:
                problem = f"{error}; ask for a day at a time by from and to, or without first_call_days"
                raise ApiError(HTTPStatus.BAD_REQUEST, "too_many_rows", problem, "from") from error
            with short_turns():
                return await asyncio.to_thread(encode_report, ReportInput(visits, running, changes), wanted, choice)

    async def _visits(self, wanted: ReportQuery) -> Sequence[QueueVisitRow]:
        """The visits asked for, and those around them that first-call resolution looks at."""
        around = timedelta(days=wanted.first_call_days)
        return await self._history.queue_visits(
            QueueVisitFilter(wanted.joined_from - around, wanted.joined_before + around)
        )

    async def _changes(self, wanted: ReportQuery, choice: ReportChoice) -> Sequence[AgentEventRow]:
        """The changes of state of the chosen agents in that time."""
        agent = AgentId(choice.agent) if choice.agent else None
        return await self._history.agent_changes(wanted.joined_from, wanted.joined_before, agent)


@contextmanager
def short_turns() -> Iterator[None]:
    """Switch threads more often inside this block, so that the event loop need not wait long for its turn."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


def encode_report(material: ReportInput, wanted: ReportQuery, choice: ReportChoice) -> bytes:
    """The report as JSON, made in pieces so that calls can run in between; `material` is empty afterwards."""
    try:
        made = make_report(material, wanted, choice)
        return encode(
            {**shallow(made), "rows": pieces(made.rows), "receipt": made.receipt and encode_receipt(made.receipt)}
        )
    finally:
        material.release()


def encode_receipt(receipt: ReportReceipt) -> Mapping[str, object]:
    """The receipt as JSON."""
    return {**shallow(receipt), "counted": pieces(receipt.counted), "over": pieces(receipt.over)}


def shallow(value: QueueVisitReport | ReportReceipt) -> dict[str, object]:
    """The fields of a dataclass by name, without converting what is in them."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def pieces(items: Sequence[object]) -> orjson.Fragment:
    """A list as JSON, encoded in pieces."""
    parts = [encode(items[start : start + PIECE])[1:-1] for start in range(0, len(items), PIECE)]
    return orjson.Fragment(b"[" + b",".join(parts) + b"]")


def make_report(material: ReportInput, wanted: ReportQuery, choice: ReportChoice) -> QueueVisitReport:
    """The report on the chosen rows; raises ApiError for a receipt that is too long."""
    whole = replace(wanted, interval=Interval.WHOLE)
    chosen = Group(
        queue=QueueName(choice.queue) if choice.queue else None, agent=AgentId(choice.agent) if choice.agent else None
    )
    material.merge()
    rows = material.visits
    total = total_of(rows, whole, chosen, times_of(material, wanted))
    made = report(rows, wanted, times_of(material, wanted))
    return QueueVisitReport(
        joined_from=wanted.joined_from,
        joined_before=wanted.joined_before,
        interval=choice.interval,
        zone=choice.zone,
        channels=tuple(channel for channel in Channel if wanted.channels is None or channel in wanted.channels),
        rows=tuple(report_row(row) for row in made.rows if is_in_group(row.group, chosen)),
        total=replace(report_row(total), queue=choice.queue, agent=choice.agent),
        formulas={figure.value: formula for figure, formula in FORMULAS.items()},
        receipt=None if choice.receipts is None else receipt_of(rows, whole, chosen, choice.receipts),
    )


def times_of(material: ReportInput, wanted: ReportQuery) -> Iterator[AgentSpan] | None:
    """The agents' seconds in each state, until the end of the chosen time or until now."""
    if material.changes is None:
        return None
    return spans(material.changes, min(wanted.joined_before, wanted.known_until or wanted.joined_before))


def is_in_group(group: Group, chosen: Group) -> bool:
    """Whether a row belongs to the chosen queue, agent and channel."""
    return chosen.queue in (None, group.queue) and chosen.agent in (None, group.agent)


def total_of(
    rows: list[QueueVisitRow], whole: ReportQuery, chosen: Group, times: Iterable[AgentSpan] | None
) -> GroupRow:
    """The row of everything that was chosen, over the whole time."""
    only = replace(whole, by=grouped_by(chosen))
    made = report(rows, only, times)
    return next((row for row in made.rows if row.group == chosen), report((), only).total) if only.by else made.total


def receipt_of(rows: list[QueueVisitRow], whole: ReportQuery, chosen: Group, of: Count | Figure) -> ReportReceipt:
    """The calls behind one number; raises ApiError when they are too many."""
    only = replace(whole, by=grouped_by(chosen))
    match of:
        case Figure():
            found = receipt(rows, only, chosen, of)
            counted, over = found.counted, found.over
        case Count():
            counted = over = visits_in(rows, only, chosen, of)
    if len(over) > RECEIPT_ITEMS_MAX:
        problem = f"{len(over)} calls are behind {of}; ask for a shorter time by from and to"
        raise ApiError(HTTPStatus.BAD_REQUEST, "too_many_rows", problem, "receipts")
    return ReportReceipt(of, receipt_items(counted), receipt_items(over))


def receipt_items(items: Iterable[Item]) -> tuple[ReceiptItem, ...]:
    """The items of a receipt in the shape of the answer."""
    return tuple(ReceiptItem(*item) for item in items)


def grouped_by(chosen: Group) -> frozenset[By]:
    """The grouping in which the chosen visits form one group."""
    return frozenset(by for by, value in ((By.QUEUE, chosen.queue), (By.AGENT, chosen.agent)) if value is not None)


def report_row(row: GroupRow) -> ReportRow:
    """A row in the shape of the answer."""
    return ReportRow(
        began_at=row.group.began_at,
        queue=row.group.queue,
        agent=row.group.agent,
        channel=row.group.channel,
        counts={count.value: number for count, number in row.counts.items()},
        figures={figure.value: value for figure, value in row.figures.items()},
        offers=row.offers,
        misses=row.misses,
        state_s=rounded(row.agent_time.state_s) if row.agent_time else None,
        not_ready_s=rounded(row.agent_time.not_ready_s) if row.agent_time else None,
    )


def rounded(seconds: Mapping[str, float]) -> Mapping[str, float]:
    """Seconds rounded to the millisecond."""
    return {name: round(value, 3) for name, value in seconds.items()}
