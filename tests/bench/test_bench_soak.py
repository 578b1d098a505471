"""What the soak calls a wrong record, and what it lets pass."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from bench.phone import PhoneCall
from bench.soak_callers import Ear, Kind, Truth
from bench.soak_records import CallRecords, judge

NUMBER = "13900000001"
TALK = {"kind": "agent", "agent": "1001", "talk_s": 4.0, "end": "caller_hung_up"}
SERVED: Mapping[str, Any] = {
    "call_id": "c1",
    "caller": "+8613900000001",
    "outcome": "answered",
    "ended_by": "caller",
    "served_by": "1001",
    "talk_s": 4.0,
    "segments": [{"kind": "queue", "agent": None, "talk_s": 0.0}, TALK],
}
UNSERVED = {**SERVED, "outcome": "abandoned_queue", "served_by": None, "talk_s": 0.0, "segments": []}


def ear(agent: str = "1001", seconds: float = 5.0) -> Ear:
    return Ear(agent, cast(PhoneCall, None), 10.0, 10.0 + seconds)


TALKED = Truth(NUMBER, Kind.TALK, ears=[ear()])
GAVE_UP = Truth(NUMBER, Kind.IMPATIENT)


@pytest.mark.parametrize(("truth", "row"), [(TALKED, SERVED), (GAVE_UP, UNSERVED)])
def test_record_that_says_what_the_phones_saw_is_right(truth: Truth, row: Mapping[str, Any]) -> None:
    assert judge([truth], CallRecords([row])) == []


@pytest.mark.parametrize(
    ("truth", "rows", "fault"),
    [
        (TALKED, [], "1 calls (talk), 0 records"),
        (TALKED, [SERVED, SERVED], "1 calls (talk), 2 records"),
        (TALKED, [UNSERVED], "talked to ['1001'], the record says []"),
        (TALKED, [{**SERVED, "outcome": "media_lost"}], "was served"),
        (TALKED, [{**SERVED, "talk_s": 6.0}], "talked for 5.0 s, the record says 6.0"),
        (replace(TALKED, ended_by="agent"), [SERVED], "the agent hung up, the record says caller_hung_up"),
        (TALKED, [{**SERVED, "served_by": None}], "served by None"),
        (
            replace(TALKED, ears=[ear(), ear()]),
            [{**SERVED, "segments": [{**TALK, "end": "agent_hung_up"}, TALK]}],
            "had another agent after one who hung up",
        ),
        (GAVE_UP, [SERVED], "never talked to ['1001']"),
        (replace(TALKED, fault="was not hung up"), [SERVED], "was not hung up"),
    ],
)
def test_record_that_says_otherwise_is_wrong(truth: Truth, rows: list[Mapping[str, Any]], fault: str) -> None:
    assert any(fault in line for line in judge([truth], CallRecords(rows)))


def test_record_of_a_call_that_nobody_made_is_wrong() -> None:
    assert judge([], CallRecords([SERVED])) == ["13900000001: 1 records of a call that nobody made"]


def test_agent_who_was_connected_for_a_moment_only_may_be_missing() -> None:
    assert judge([Truth(NUMBER, Kind.IMPATIENT, ears=[ear(seconds=0.3)])], CallRecords([UNSERVED])) == []


def test_caller_who_hung_up_in_the_announcements_was_answered_and_served_by_nobody() -> None:
    answered = {**SERVED, "served_by": None, "talk_s": 0.0, "segments": [{**TALK, "talk_s": 0.0}]}
    assert judge([replace(TALKED, ears=[ear(seconds=2.0)])], CallRecords([answered])) == []
    assert judge([TALKED], CallRecords([answered])) != []
