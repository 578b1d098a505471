"""Obligations of the journal: every turn survives the way to a line and back, and nothing else is taken for one."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.queues.dispatcher_harness import ANNA, HELP, SALES, TALK
from tests.queues.journal_turns import read
from tests.queues.shift import Shift, dispatcher_settings

from acdcore.kernel.ids import SkillName
from acdcore.queues.decisions import Decision, InputRefused, RefusalReason
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentReady,
    AgentRestored,
    CallerFacts,
    CallerJoined,
    CallerLeft,
    DispatcherChanged,
    EntryId,
    Input,
)
from acdcore.queues.journal import checkpoint
from acdcore.queues.journal.lines import (
    FORMAT,
    Header,
    JournalError,
    JournalTurn,
    Mark,
    MarkKind,
    open_segment,
    read_record,
    records,
    write,
    write_header,
    write_mark,
    write_state,
)
from acdcore.queues.settings import (
    AgentSettings,
    Channel,
    DispatcherSettings,
    NeedRule,
    OverflowCause,
    OverflowRule,
    OverflowTarget,
    QueueSettings,
    ToAnnouncement,
    ToExternalNumber,
    ToFlow,
    ToQueue,
    WideningStep,
)

FIGURES = st.floats(allow_nan=False, allow_infinity=False)
SKILLS = st.dictionaries(st.text().map(SkillName), st.integers(0, 100))
FACTS = st.builds(CallerFacts)
AGENT = st.builds(AgentSettings, skills=SKILLS, channels=st.dictionaries(st.sampled_from(Channel), st.integers(0, 1)))
SPECIAL: dict[type, st.SearchStrategy[Input]] = {
    CallerJoined: st.builds(CallerJoined, skills=SKILLS, priority_s=FIGURES, waited_s=FIGURES, facts=FACTS),
    AgentLoggedIn: st.builds(AgentLoggedIn, AGENT),
    AgentRestored: st.builds(AgentRestored, AGENT, idle_for_s=FIGURES, load=FIGURES),
    DispatcherChanged: st.just(DispatcherChanged(dispatcher_settings())),
}
INPUTS = st.one_of(*[SPECIAL[kind] if kind in SPECIAL else st.builds(kind) for kind in get_args(Input)])

WALL = datetime(2026, 11, 5, 0, 30, tzinfo=UTC)
HEADER = Header(WALL, 5_000.0, dispatcher_settings(), "0.4.0")


def turns(seed: int, count: int = 500) -> Iterator[tuple[float, Input, list[Decision]]]:
    """A shift on a dispatcher of its own."""
    dispatcher, shift = Dispatcher(dispatcher_settings()), Shift(seed)
    for at, event in shift.inputs(dispatcher, count):
        decisions = dispatcher.handle(event, at)
        shift.learn(decisions)
        yield at, event, decisions


@given(st.floats(0, 1e9), INPUTS)
def test_input_survives_the_journal(at: float, event: Input) -> None:
    line = write(at, event)
    assert "\n" not in line
    assert read(line) == (at, event)


@pytest.mark.parametrize("seed", range(4))
def test_every_decision_survives_the_journal(seed: int) -> None:
    for at, event, decisions in turns(seed):
        record = read_record(write(at, event, decisions))
        assert isinstance(record, JournalTurn)
        assert (record.at, record.event, record.decisions()) == (at, event, decisions)


def test_shifts_have_every_kind_of_decision() -> None:
    seen = {type(decision) for seed in range(12) for _, _, decisions in turns(seed) for decision in decisions}
    assert seen == set(get_args(Decision))


def test_settings_survive_the_journal() -> None:
    targets: list[OverflowTarget] = [
        ToQueue(HELP),
        ToAnnouncement("full"),
        ToExternalNumber("10086", "north"),
        ToFlow("mail"),
    ]
    causes = list(OverflowCause)
    rules = tuple([OverflowRule(cause, targets[number % 4]) for number, cause in enumerate(causes)])
    need = NeedRule(frozenset({"vip", "gold"}), frozenset({"yue"}), frozenset({"gz"}), skills={TALK: 3})
    step = WideningStep(30, {TALK: 0}, estimated_wait_s=90)
    queue = QueueSettings(
        SALES, {TALK: 2}, max_wait_s=60, max_length=9, overflow=rules, rules=(need,), widening=(step,)
    )
    event = DispatcherChanged(DispatcherSettings(queues=(queue, QueueSettings(HELP))))
    assert read(write(1.5, event)) == (1.5, event)


def test_text_that_no_encoding_knows_survives_the_file() -> None:
    event = CallerJoined(EntryId("e"), SALES, label="\udce9t\u00e9 \U0001f600\n\u2028")
    line = write(1.0, event).encode("utf-8", "backslashreplace").decode()
    assert read(line) == (1.0, event)


def test_field_left_out_takes_its_default_and_unknown_field_is_ignored() -> None:
    line = json.dumps({"at": 1, "input": "CallerJoined", "entry": "e", "queue": "sales", "colour": "red"})
    assert read(line) == (1.0, CallerJoined(EntryId("e"), SALES))


def test_decision_of_another_version_is_left_out_and_the_others_stay() -> None:
    refused = InputRefused(AgentReady(ANNA), RefusalReason.UNKNOWN_AGENT)
    fields = json.loads(write(1.0, AgentReady(ANNA), [refused]))
    fields["decisions"] += [{"decision": "Promoted", "agent": "1001"}, {"decision": "Offered", "offer": 1}]
    record = read_record(json.dumps(fields))
    assert isinstance(record, JournalTurn)
    assert record.decisions() == [refused]
    assert len(record.recorded) == 3


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{",
        '"at"',
        "{}",
        '{"at":1}',
        '{"at":1,"input":"Nothing"}',
        '{"at":1,"input":["AgentReady"]}',
        '{"at":"soon","input":"AgentReady","agent":"1"}',
        '{"at":1,"input":"AgentReady"}',
        '{"at":1,"input":"AgentReady","agent":"1","decisions":{}}',
        '{"at":1,"input":"OfferAccepted","offer":"first"}',
        '{"mark":"over","at":1}',
        '{"checkpoint":{}}',
        write_header(HEADER).replace(f'"journal":{FORMAT}', f'"journal":{FORMAT + 1}'),
        write(1.0, AgentReady(ANNA))[:-2],
    ],
)
def test_line_that_is_no_record_is_refused(line: str) -> None:
    with pytest.raises(JournalError):
        read(line)


def test_beginning_and_marks_survive_the_journal() -> None:
    assert read_record(write_header(HEADER)) == HEADER
    mark = Mark(MarkKind.STOPPED, 7.25, "disk full")
    assert read_record(write_mark(mark)) == mark
    assert HEADER.wall(5_060.5) == datetime(2026, 11, 5, 0, 31, 0, 500_000, UTC)


def test_segment_is_folded_from_its_beginning() -> None:
    dispatcher, shift = Dispatcher(dispatcher_settings()), Shift(11)
    for at, event in shift.inputs(dispatcher, 300):
        shift.learn(dispatcher.handle(event, at))
    lines = [write_header(HEADER), write_state(checkpoint.dump(dispatcher))]
    for at, event in shift.inputs(dispatcher, 300):
        decisions = dispatcher.handle(event, at)
        lines.append(write(at, event, decisions))
        shift.learn(decisions)
    segment = open_segment([f"{line}\n" for line in lines])
    for record in segment.rest:
        assert isinstance(record, JournalTurn)
        assert segment.dispatcher.handle(record.event, record.at) == record.decisions()
    assert segment.dispatcher.snapshot(shift.now) == dispatcher.snapshot(shift.now)


def test_segment_of_a_new_dispatcher_needs_no_state() -> None:
    left = CallerLeft(EntryId("e"))
    segment = open_segment([write_header(HEADER) + "\n", write(5_001.0, left) + "\n"])
    assert list(segment.rest) == [JournalTurn(5_001.0, left)]
    assert open_segment([write_header(HEADER) + "\n"]).header == HEADER


def test_line_that_a_crash_tore_off_is_left_out() -> None:
    lines = [write_header(HEADER) + "\n", write(1.0, AgentReady(ANNA)) + "\n", write(2.0, AgentReady(ANNA))]
    assert len(list(records(lines))) == 2


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [write(1.0, AgentReady(ANNA)) + "\n"],
        [write_header(HEADER)],
        [write_header(HEADER) + "\n", "\n"],
        [write_header(Header(WALL, 0.0, DispatcherSettings((QueueSettings(SALES), QueueSettings(SALES))))) + "\n"],
    ],
)
def test_segment_without_a_proper_beginning_is_refused(lines: list[str]) -> None:
    with pytest.raises(JournalError):
        open_segment(lines)


@pytest.mark.parametrize("line", [write_header(HEADER), "rubbish"])
def test_rubbish_in_the_middle_is_named_by_its_line(line: str) -> None:
    segment = open_segment([write_header(HEADER) + "\n", write(1.0, AgentReady(ANNA)) + "\n", line + "\n"])
    with pytest.raises(JournalError):
        list(segment.rest)
