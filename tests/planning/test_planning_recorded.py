"""Obligations of recorded days: what the record knows is kept, what it cannot know is drawn, and a run without changes
comes close to what happened."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest
from tests.planning.scene import AFTERNOON, HELP, NOON, SALES, SETTINGS

from acdcore.kernel.ids import AgentId
from acdcore.planning.day import Day
from acdcore.planning.outcome import VisitEnd
from acdcore.planning.recorded import PresentAgent, RecordedDay, RecordedTurn, record
from acdcore.planning.recorded_files import recording
from acdcore.planning.simulation import Simulation, simulate
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import AgentLoggedIn, AgentPhoneDown
from acdcore.queues.journal import checkpoint
from acdcore.queues.journal.lines import Header, write, write_header, write_state
from acdcore.storage.journal.files import segment_path

SHANGHAI = ZoneInfo("Asia/Shanghai")
MIDNIGHT = datetime(2026, 11, 5, tzinfo=SHANGHAI)
DAY = AFTERNOON.draw(2)


def turns(day: Day) -> Iterator[RecordedTurn]:
    """The day as turns of the journal: in UTC, with monotonic times that begin elsewhere."""
    for turn in Simulation(day).turns():
        wall = (MIDNIGHT + timedelta(seconds=turn.at)).astimezone(UTC)
        yield wall, turn.at + 5_000_000.0, turn.event, turn.decisions


def recorded() -> RecordedDay:
    return record(turns(DAY), SETTINGS, SHANGHAI)


def test_callers_come_when_and_as_they_came() -> None:
    drawn = recorded().draw(1)
    assert len(drawn.arrivals) == len(DAY.arrivals)
    before = sorted((arrival.at, arrival.queue, arrival.facts, arrival.priority_s) for arrival in DAY.arrivals)
    after = sorted((arrival.at, arrival.queue, arrival.facts, arrival.priority_s) for arrival in drawn.arrivals)
    for was, came in zip(before, after, strict=True):
        assert came[0] == pytest.approx(was[0], abs=1e-5)
        assert came[1:] == was[1:]


def test_what_happened_is_counted_as_it_was() -> None:
    assert recorded().result.overall.offered == simulate(DAY).overall.offered
    assert recorded().result.overall.service_level == simulate(DAY).overall.service_level


def test_agents_are_there_when_they_were() -> None:
    people = {person.settings.agent: person for person in recorded().people}
    assert len(people) == len(DAY.people)
    (span,) = people[AgentId("1001")].spans
    assert [span.start, span.end] == pytest.approx([NOON, DAY.people[0].spans[0].end])
    assert set(people[AgentId("1001")].phone.answers_s) and fmean(people[AgentId("1001")].phone.answers_s) < 5.0


def test_patience_and_talk_of_those_observed_are_kept() -> None:
    known = recorded()
    fates = {fate.entry: fate for fate in simulate(DAY).visits}
    talks = {arrival.entry: arrival.handling_s for arrival in DAY.arrivals}
    for contact, arrival in zip(known.contacts, known.draw(1).arrivals, strict=True):
        fate = fates[arrival.entry]
        if fate.end is VisitEnd.ANSWERED:
            assert arrival.patience_s is None or arrival.patience_s > fate.waited_s
            assert arrival.handling_s * known.handling.pace(fate.agent or AgentId("")) == pytest.approx(
                talks[arrival.entry], abs=1e-3
            )
        else:
            assert arrival.patience_s == pytest.approx(contact.waited_s)


def test_days_drawn_differ_in_what_is_not_known() -> None:
    assert recorded().draw(1) == recorded().draw(1)
    assert recorded().draw(1) != recorded().draw(2)


def test_run_without_changes_comes_close_to_what_happened() -> None:
    known = recorded()
    runs = [simulate(known.draw(seed)) for seed in range(5)]
    happened = known.result
    assert fmean(run.overall.service_level for run in runs) == pytest.approx(happened.overall.service_level, abs=0.05)
    assert fmean(run.overall.abandonment for run in runs) == pytest.approx(happened.overall.abandonment, abs=0.03)
    assert fmean(run.occupancy for run in runs) == pytest.approx(happened.occupancy, abs=0.03)


def test_patience_is_learnt_from_the_censored() -> None:
    known = record((turn for seed in (2,) for turn in turns(AFTERNOON.draw(seed))), SETTINGS, SHANGHAI)
    assert set(known.patience) == {SALES, HELP}
    assert known.patience[SALES].mean_s == pytest.approx(120.0, rel=0.5)


def test_who_was_there_before_the_record_is_given() -> None:
    first = [turn for turn in turns(DAY) if isinstance(turn[2], AgentLoggedIn)][:1]
    who = PresentAgent(DAY.people[0].settings, is_ready=True)
    wall, at, _, _ = first[0]
    later = (wall + timedelta(hours=1), at + 3_600.0, AgentPhoneDown(AgentId("1001")), ())
    known = record([(wall, at, AgentPhoneDown(AgentId("x")), ()), later], SETTINGS, SHANGHAI, [who])
    (person,) = known.people
    (span,) = person.spans
    assert [span.start, span.end] == pytest.approx([NOON, NOON + 3_600.0])
    assert len(known.events) == 2


def test_nothing_recorded_is_refused() -> None:
    with pytest.raises(ValueError, match="no turn"):
        record([], SETTINGS, SHANGHAI)


def test_journal_files_of_two_runs_are_one_day(tmp_path: Path) -> None:
    all_turns = list(turns(DAY))
    half = len(all_turns) // 2
    files, dispatcher = [], Dispatcher(SETTINGS)
    for part in (all_turns[:half], all_turns[half:]):
        wall, at, _, _ = part[0]
        path = segment_path(tmp_path, date(2026, 11, 5), wall)
        lines = [write_header(Header(wall, at, SETTINGS)), write_state(checkpoint.dump(dispatcher))]
        for _, moment, event, _ in part:
            lines.append(write(moment, event, dispatcher.handle(event, moment)))
        path.write_text("".join([f"{line}\n" for line in lines]))
        files.append(path)
    known = recording(files, SHANGHAI)
    assert len(known.contacts) == len(DAY.arrivals)
    assert known.result.overall.answered == simulate(DAY).overall.answered
    assert {person.settings.agent for person in known.people} == {person.settings.agent for person in DAY.people}
