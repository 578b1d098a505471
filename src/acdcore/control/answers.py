"""Answers of surveys and questionnaires: a list of them, and counts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from statistics import fmean
from typing import Annotated

from pydantic import Field

from acdcore.calls.model.ports import PAGE_ROWS_MAX, AnswerFilter, History
from acdcore.calls.model.rows import AnswerRow
from acdcore.control.errors import ApiError
from acdcore.control.route import ApiRequest, Reply, Route, RouteSpec, route
from acdcore.control.schemas import Moment, Name, Nothing, PageSize, RowKey, Shape, Token, row_key
from acdcore.control.settings import Right
from acdcore.kernel.ids import AgentId, CallId, QueueName

PAGES_COUNTED_MAX = 200
"""100,000 answers: a quarter of a year of a busy survey, read in some seconds. Clients ask for more month by month."""


class AnswerGroup(StrEnum):
    """What answers are counted by, beside flow and question."""

    AGENT = "agent"
    QUEUE = "queue"
    QUESTION = "question"


class AnswerChoice(Shape):
    flow: Name | None = None
    """The questionnaire."""
    question: Name | None = None
    """The question's key."""
    agent: Token | None = None
    """Who talked to the caller last."""
    queue: Name | None = None
    """The queue that the call came through."""
    given_from: Annotated[Moment | None, Field(alias="from")] = None
    """Given at or after this time (RFC 3339 with a zone)."""
    given_before: Annotated[Moment | None, Field(alias="to")] = None
    """Given before this time."""

    def filter(self) -> AnswerFilter:
        """The request as a filter of the history."""
        return AnswerFilter(
            flow=self.flow,
            question=self.question,
            agent=AgentId(self.agent) if self.agent else None,
            queue=QueueName(self.queue) if self.queue else None,
            given_from=self.given_from,
            given_before=self.given_before,
        )


class AnswerPage(AnswerChoice):
    """Which answers, newest first."""

    call_id: Token | None = None
    """The call in which it was given."""
    before: RowKey | None = None
    """`next` of the page before."""
    limit: PageSize = 100
    """Rows in a page."""


class AnswerCount(AnswerChoice):
    """Which answers to count."""

    by: AnswerGroup = AnswerGroup.QUESTION
    """agent, queue or question."""


@dataclass(frozen=True, slots=True)
class Answers:
    """One page of answers."""

    answers: tuple[AnswerRow, ...]
    next: str | None
    """Give this as `before` for the next page; null on the last one."""


@dataclass(frozen=True, slots=True)
class QuestionFigures:
    """The answers to one question, of one agent or queue when asked so."""

    flow: str
    question: str
    kind: str
    """`choice`, `number`, `digits` or `yes_no`."""
    of: str | None
    """The agent's number or the queue's name; null when counted by question, or when there was none."""
    answers: int
    values: Mapping[str, int]
    """How often each value was given, the most frequent first."""
    mean: float | None
    """Of the values when all of them are numbers and the kind is `choice` or `number`; else null."""


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """Answers counted by flow and question."""

    by: AnswerGroup
    questions: tuple[QuestionFigures, ...]


class AnswerRoutes:
    """Reads the history."""

    def __init__(self, history: History) -> None:
        self._history = history

    def routes(self) -> tuple[Route, ...]:
        answers = RouteSpec(
            "GET", "/v1/answers", Right.READ, "Answers of surveys and questionnaires, newest first", Answers
        )
        count = RouteSpec(
            "GET", "/v1/reports/answers", Right.READ, "Answers counted by question and value", AnswerReport
        )
        return (route(answers, AnswerPage, Nothing, self.answers), route(count, AnswerCount, Nothing, self.count))

    async def answers(self, request: ApiRequest[AnswerPage, Nothing]) -> Reply:
        page = request.parameters
        wanted = replace(
            page.filter(),
            call_id=CallId(page.call_id) if page.call_id else None,
            before=row_key(page.before) if page.before else None,
            limit=page.limit,
        )
        rows = tuple(await self._history.answers(wanted))
        return Reply(Answers(rows, f"{rows[-1].call_id}/{rows[-1].n}" if len(rows) == page.limit else None))

    async def count(self, request: ApiRequest[AnswerCount, Nothing]) -> Reply:
        rows = await all_answers(self._history, request.parameters.filter())
        return Reply(AnswerReport(request.parameters.by, count_answers(rows, request.parameters.by)))


async def all_answers(history: History, wanted: AnswerFilter) -> Sequence[AnswerRow]:
    """Every answer that fits, page by page; raises ApiError when there are too many."""
    rows: list[AnswerRow] = []
    wanted = replace(wanted, limit=PAGE_ROWS_MAX)
    for _ in range(PAGES_COUNTED_MAX):
        page = await history.answers(wanted)
        rows += page
        if len(page) < PAGE_ROWS_MAX:
            return rows
        wanted = replace(wanted, before=(page[-1].call_id, page[-1].n))
    problem = f"more than {PAGES_COUNTED_MAX * PAGE_ROWS_MAX} answers; ask for a shorter time by from and to"
    raise ApiError(HTTPStatus.BAD_REQUEST, "too_many_rows", problem, "from")


def count_answers(rows: Iterable[AnswerRow], by: AnswerGroup) -> tuple[QuestionFigures, ...]:
    """The figures of each question, in the order of flow, question and whom they are about."""
    groups: defaultdict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        groups[row.flow, row.question, row.kind, subject_of(row, by)].append(row.value)
    return tuple(
        QuestionFigures(
            flow=flow,
            question=question,
            kind=kind,
            of=of or None,
            answers=len(values),
            values=dict(Counter(values).most_common()),
            mean=mean_of(kind, values),
        )
        for (flow, question, kind, of), values in sorted(groups.items())
    )


def subject_of(row: AnswerRow, by: AnswerGroup) -> str:
    """The agent or the queue that an answer counts for; "" when counted by question, or when there was none."""
    match by:
        case AnswerGroup.AGENT:
            return row.agent or ""
        case AnswerGroup.QUEUE:
            return row.queue or ""
        case AnswerGroup.QUESTION:
            return ""


def mean_of(kind: str, values: Sequence[str]) -> float | None:
    """The mean of values that are numbers; None for kind `digits`, since such digits are a name."""
    if kind not in ("choice", "number"):
        return None
    try:
        return round(fmean(float(value) for value in values), 3)
    except ValueError:
        return None
