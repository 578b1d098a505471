"""Rows as lines of the spool: what goes in comes out, and damage is noticed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.calls.model.rows import (
    AgentEventRow,
    AnswerRow,
    CallEventRow,
    CdrRow,
    EndedBy,
    QueueVisitRow,
    RecordingRow,
    Row,
    TraceRow,
    WorkRow,
)
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, QueueName
from acdcore.storage.spool import rows
from acdcore.work.model import AttemptOutcome, WorkId, WorkItem, WorkKind, WorkState

WALL = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)
EVENT = CallEventRow(
    CallId("c1"), 1, WALL, "queued", {"queue": "service", "n": 1, "share": 0.5, "is": True, "no": None}
)
ITEM = WorkItem(
    WorkId("w1"),
    WorkKind.CALLBACK,
    QueueName("service"),
    "13800000007",
    WALL,
    WorkState.WAITING,
    next_at=WALL + timedelta(minutes=5),
    last_attempt=AttemptOutcome.BUSY,
)
EACH_KIND: list[Row] = [
    CdrRow(
        CallId("c1"), "t", "1", "2", Outcome.ANSWERED, EndedBy.AGENT, WALL, WALL + timedelta(seconds=1), talk_s=0.125
    ),
    EVENT,
    RecordingRow(CallId("c1"), 1, "a/b.wav", WALL, 1.5, 2, is_repaired=True),
    AgentEventRow(AgentId("1001"), WALL, 7, "wrap_up", call_id=CallId("c1")),
    WorkRow(WorkId("w1"), 3, WALL, ITEM),
    AnswerRow(CallId("c1"), 1, WALL, "survey", "content", "choice", "5", AgentId("1001")),
    QueueVisitRow("c1/1", 1, "c1", QueueName("service"), "call", WALL, WALL + timedelta(seconds=9), "abandoned", 9.0),
    TraceRow(CallId("c1"), WALL, "+8613800138000"),
]


@pytest.mark.parametrize("row", EACH_KIND)
def test_row_comes_back_from_its_line(row: Row) -> None:
    line = rows.encode_line(row, 1.5)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert rows.parse(line[:-1]) == rows.Spooled(row, 1.5)


@given(st.text(), st.text())
def test_any_text_of_a_peer_makes_one_line_that_comes_back(kind: str, value: str) -> None:
    line = rows.encode_line(replace(EVENT, kind=kind, detail={"caller": value}), 0.0)
    assert line.count(b"\n") == 1
    back = rows.parse(line[:-1]).row
    assert isinstance(back, CallEventRow)
    assert back.kind == kind.replace("\0", "\ufffd")


def test_what_a_work_item_is_found_by_stands_beside_it() -> None:
    found = rows.column_values(
        WorkRow(WorkId("w1"), 3, WALL, replace(ITEM, number="+86 138 0000 0007", agent=AgentId("1")))
    )
    beside = [found[column] for column in ("queue", "kind", "state", "agent", "number_key")]
    assert beside == ["service", "callback", "waiting", "1", "13800000007"]


def test_subject_that_no_database_can_hold_does_not_cost_the_work_item() -> None:
    row = WorkRow(WorkId("w1"), 3, WALL, replace(ITEM, subject="a\0b\udcff"))
    back = rows.parse(rows.encode_line(row, 0.0)[:-1]).row
    assert back == replace(row, item=replace(ITEM, subject="a\ufffdb?"))


@pytest.mark.parametrize("huge", [2**64, -(2**63) - 1, 10**40])
def test_integer_beyond_json_is_kept_as_text(huge: int) -> None:
    back = rows.parse(rows.encode_line(replace(EVENT, detail={"n": huge, "small": 1}), 0.0)[:-1]).row
    assert isinstance(back, CallEventRow)
    assert back.detail == {"n": str(huge), "small": 1}


@given(st.integers(min_value=0, max_value=150), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_is_noticed(place: int, change: int) -> None:
    line = bytearray(rows.encode_line(EVENT, 0.0)[:-1])
    line[place % len(line)] ^= change
    if line[rows.CRC_DIGITS] != ord(" "):
        return  # The blank carries nothing.
    with pytest.raises(rows.BadLine):
        rows.parse(bytes(line))


@pytest.mark.parametrize("text", [b"", b"x", b"00000000 {}", b"\xff" * 50])
def test_what_is_not_ours_is_refused(text: bytes) -> None:
    with pytest.raises(rows.BadLine):
        rows.parse(text)
