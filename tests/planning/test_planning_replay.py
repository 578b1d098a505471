"""Obligations of the replay: a recorded day is decided again as it was, and what is not is shown."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tests.queues.shift import Shift, dispatcher_settings

from acdcore.planning.replay import DIFFERENCES_MAX, day_files, inputs, replay
from acdcore.queues.decisions import Decision
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import Input
from acdcore.queues.journal import checkpoint
from acdcore.queues.journal.lines import Header, Mark, MarkKind, write, write_header, write_mark, write_state
from acdcore.storage.journal.files import pack, segment_path

DAY = date(2026, 11, 5)


def recorded(path: Path, dispatcher: Dispatcher, shift: Shift, turns: int = 400) -> list[tuple[float, Input]]:
    """A segment as a daemon writes it; returns the inputs."""
    header = Header(datetime(2026, 11, 5, 1, tzinfo=UTC), shift.now, dispatcher_settings(), "0.4.0")
    text = [write_header(header), write_state(checkpoint.dump(dispatcher))]
    all_inputs = []
    for at, event in shift.inputs(dispatcher, turns):
        decisions = dispatcher.handle(event, at)
        text.append(write(at, event, decisions))
        shift.learn(decisions)
        all_inputs.append((at, event))
    text.append(write_mark(Mark(MarkKind.CLOSED, shift.now)))
    path.write_text("".join([f"{line}\n" for line in text]))
    return all_inputs


def a_day(directory: Path) -> list[Path]:
    """A start of the daemon, and another after a crash, with a dispatcher of its own each."""
    for hour, seed in ((1, 21), (5, 22)):
        began = datetime(2026, 11, 5, hour, tzinfo=UTC)
        recorded(segment_path(directory, DAY, began), Dispatcher(dispatcher_settings()), Shift(seed))
    return day_files(directory, DAY)


def changed(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Let `change` have every line of a segment."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        change(record)
    path.write_text("".join([json.dumps(record) + "\n" for record in records]))


def test_recorded_day_is_decided_again_as_it_was(tmp_path: Path) -> None:
    moments = iter([10.0, 12.0])
    files = a_day(tmp_path)
    pack(files[0])
    report = replay(day_files(tmp_path, DAY), stopwatch=lambda: next(moments))
    assert report.is_identical, report.render()
    assert [segment.turns for segment in report.segments] == [turns_of(path) for path in day_files(tmp_path, DAY)]
    assert report.turns_per_s == report.turns / 2.0
    assert "identical" in report.render()


def turns_of(path: Path) -> int:
    return len(list(inputs([path])))


def test_other_decision_is_shown_with_its_turn(tmp_path: Path) -> None:
    first, second = a_day(tmp_path)
    seen: list[dict[str, Any]] = []

    def tell_another_ring_time(record: dict[str, Any]) -> None:
        for decision in record.get("decisions", []):
            if decision["decision"] == "Offered" and len(seen) < 1:
                decision["ring_for_s"] += 1
                seen.append(record)

    changed(second, tell_another_ring_time)
    report = replay([first, second])
    assert (report.differing, report.is_identical) == (1, False)
    (difference,) = report.differences
    assert difference.file == second.name
    assert (difference.recorded, type(difference.event).__name__) == (tuple(seen[0]["decisions"]), seen[0]["input"])
    assert difference.replayed != difference.recorded
    assert "then:" in report.render() and difference.file in report.render()


def test_turn_that_is_missing_shows_and_the_report_stays_short(tmp_path: Path) -> None:
    first, _ = a_day(tmp_path)
    text = first.read_text().splitlines(keepends=True)
    logged_in = next(number for number, line in enumerate(text) if "AgentLoggedIn" in line or "AgentRestored" in line)
    first.write_text("".join(text[:logged_in] + text[logged_in + 1 :]))
    report = replay([first])
    assert report.differing >= 1
    assert len(report.differences) <= DIFFERENCES_MAX


def test_field_that_only_one_version_knows_is_no_difference(tmp_path: Path) -> None:
    first, _ = a_day(tmp_path)

    def of_another_version(record: dict[str, Any]) -> None:
        for decision in record.get("decisions", []):
            decision["colour"] = "red"
            decision.pop("is_manual_assignment", None)

    changed(first, of_another_version)
    assert replay([first]).is_identical


def test_segment_that_begins_at_midnight_is_replayed_from_its_state(tmp_path: Path) -> None:
    dispatcher, shift = Dispatcher(dispatcher_settings()), Shift(23)
    before, after = tmp_path / "before.jsonl", tmp_path / "after.jsonl"
    recorded(before, dispatcher, shift)
    recorded(after, dispatcher, shift)
    assert replay([before, after]).is_identical


def test_damage_is_a_problem_and_the_rest_is_replayed(tmp_path: Path) -> None:
    first, second = a_day(tmp_path)
    text = first.read_text().splitlines(keepends=True)
    first.write_text("".join([*text[:50], "rubbish\n", *text[50:]]))
    missing = tmp_path / "missing.jsonl"
    report = replay([missing, first, second])
    assert [problem.split(":")[0] for problem in report.problems] == [missing.name, first.name]
    assert [segment.turns for segment in report.segments] == [48, turns_of(second)]
    assert not report.is_identical and not report.differing


def test_crash_shows_as_a_torn_end(tmp_path: Path) -> None:
    first, second = a_day(tmp_path)
    first.write_text(first.read_text()[:-30])
    assert [segment.ending for segment in replay([first, second]).segments] == ["torn", "closed"]


def test_no_files_are_no_proof() -> None:
    assert not replay([]).is_identical


def test_inputs_come_with_time_of_day_and_decisions(tmp_path: Path) -> None:
    path = segment_path(tmp_path, DAY, datetime(2026, 11, 5, 1, tzinfo=UTC))
    all_inputs = recorded(path, Dispatcher(dispatcher_settings()), Shift(24))
    found = list(inputs(day_files(tmp_path, DAY)))
    assert [(at, event) for _, at, event, _ in found] == all_inputs
    wall, at, _, _ = found[0]
    assert (wall - datetime(2026, 11, 5, 1, tzinfo=UTC)).total_seconds() == round(at - 5_000.0, 6)
    again = Dispatcher(dispatcher_settings())
    decided: list[list[Decision]] = [again.handle(event, at) for at, event in all_inputs]
    assert [list(decisions) for _, _, _, decisions in found] == decided
