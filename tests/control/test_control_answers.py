"""Answers of surveys over HTTP, and their counts."""

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from tests.control.fake_centre import MORNING, SERVICE, FakeRecords
from tests.control.served import Served, build_centre

from acdcore.calls.model.ports import PAGE_ROWS_MAX, AnswerFilter
from acdcore.calls.model.rows import AnswerRow
from acdcore.control.answers import AnswerGroup, all_answers, count_answers
from acdcore.control.errors import ApiError
from acdcore.kernel.ids import AgentId, CallId, QueueName


def answer(n: int, question: str, kind: str, value: str, agent: str | None = "1001") -> AnswerRow:
    at = MORNING + timedelta(seconds=n)
    who = AgentId(agent) if agent else None
    return AnswerRow(CallId(f"call-{n:05}"), 1, at, "survey", question, kind, value, who, SERVICE)


async def test_answers_are_walked_by_their_two_part_key(served: Served) -> None:
    served.centre.answer_rows = [answer(n, "content", "choice", "good") for n in range(3)]
    first = await (await served.reader.get("/v1/answers?limit=2&flow=survey")).json()
    assert [one["call_id"] for one in first["answers"]] == ["call-00002", "call-00001"]
    second = await (await served.reader.get(f"/v1/answers?limit=2&before={first['next']}")).json()
    assert ([one["call_id"] for one in second["answers"]], second["next"]) == (["call-00000"], None)


async def test_answer_filters_reach_the_store_as_given(served: Served) -> None:
    query = "flow=survey&question=content&agent=1001&queue=service&call_id=c1&from=2026-11-21T08:30:00Z&limit=9"
    assert (await served.reader.get(f"/v1/answers?{query}")).status == HTTPStatus.OK
    wanted = AnswerFilter(
        flow="survey",
        question="content",
        agent=AgentId("1001"),
        queue=QueueName("service"),
        call_id=CallId("c1"),
        given_from=MORNING,
        limit=9,
    )
    assert served.centre.filters == [wanted]


async def test_counts_go_over_all_pages(served: Served) -> None:
    rows = PAGE_ROWS_MAX + 3
    served.centre.answer_rows = [answer(n, "content", "choice", "good" if n % 2 else "bad") for n in range(rows)]
    report = await (await served.reader.get("/v1/reports/answers?flow=survey&by=agent")).json()
    (figures,) = report["questions"]
    assert (figures["of"], figures["answers"]) == ("1001", rows)
    assert figures["values"] == {"bad": 252, "good": 251}


class Endless(FakeRecords):
    """A history in which every page is full."""

    async def answers(self, wanted: AnswerFilter) -> Sequence[AnswerRow]:
        return [answer(1, "content", "choice", "good")] * wanted.limit


async def test_too_many_answers_are_refused_rather_than_cut(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="more than 100000 answers") as caught:
        await all_answers(Endless(build_centre(tmp_path)), AnswerFilter())
    assert caught.value.field == "from"


def test_mean_is_of_scales_only() -> None:
    rows = [
        *(answer(n, "score", "number", value) for n, value in enumerate(("4", "5", "3.5"))),
        *(answer(n, "order", "digits", "100") for n in range(2)),
        answer(9, "content", "choice", "good"),
    ]
    means = {figures.question: figures.mean for figures in count_answers(rows, AnswerGroup.QUESTION)}
    assert means == {"score": 4.167, "order": None, "content": None}


def test_answers_count_for_whom_they_are_about() -> None:
    rows = [answer(1, "score", "number", "4"), answer(2, "score", "number", "2", None)]
    assert [(one.of, one.mean) for one in count_answers(rows, AnswerGroup.AGENT)] == [(None, 2.0), ("1001", 4.0)]
    assert [(one.of, one.mean) for one in count_answers(rows, AnswerGroup.QUEUE)] == [("service", 3.0)]
    assert [(one.of, one.mean) for one in count_answers(rows, AnswerGroup.QUESTION)] == [(None, 3.0)]
