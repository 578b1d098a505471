"""Obligations of the journal: every input survives the way to a line and back, and nothing else is taken for one."""

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.queues.desk import ANNA, HELP, SALES, TALK

from acdcore.kernel.ids import SkillName
from acdcore.queues.journal import JournalError, read, write
from acdcore.queues.model import AgentLoggedIn, AgentReady, CallerJoined, EntryId, FloorChanged, Input, WrapUpExtended
from acdcore.queues.settings import (
    AgentSettings,
    FloorSettings,
    OverflowCause,
    OverflowRule,
    OverflowTarget,
    QueueSettings,
    ToAnnouncement,
    ToOutside,
    ToQueue,
)

FIGURES = st.floats(allow_nan=False, allow_infinity=False)
SKILLS = st.dictionaries(st.text().map(SkillName), st.integers(0, 100))
WITH_SKILLS = (CallerJoined, AgentLoggedIn, FloorChanged)
PLAIN_INPUTS = [st.builds(kind) for kind in get_args(Input) if kind not in (*WITH_SKILLS, WrapUpExtended)]
INPUTS = st.one_of(
    *PLAIN_INPUTS,
    st.builds(CallerJoined, skills=SKILLS, advance_s=FIGURES),
    st.builds(AgentLoggedIn, st.builds(AgentSettings, skills=SKILLS)),
    st.builds(WrapUpExtended, extra_s=FIGURES),
)


@given(st.floats(0, 1e9), INPUTS)
def test_input_survives_the_journal(at: float, fed: Input) -> None:
    line = write(at, fed)
    assert "\n" not in line
    assert read(line) == (at, fed)


def test_settings_survive_the_journal() -> None:
    targets: tuple[OverflowTarget, ...] = (ToQueue(HELP), ToAnnouncement("full"), ToOutside("10086"))
    rules = tuple(OverflowRule(cause, target) for cause, target in zip(OverflowCause, targets, strict=True))
    queue = QueueSettings(SALES, {TALK: 2}, max_wait_s=60, max_length=9, overflow=rules)
    fed = FloorChanged(FloorSettings(queues=(queue, QueueSettings(HELP))))
    assert read(write(1.5, fed)) == (1.5, fed)


def test_field_left_out_takes_its_default_and_unknown_field_is_ignored() -> None:
    line = json.dumps({"at": 1, "input": "CallerJoined", "entry": "e", "queue": "sales", "colour": "red"})
    assert read(line) == (1.0, CallerJoined(EntryId("e"), SALES))


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
        '{"at":1,"input":"OfferAccepted","offer":"first"}',
        write(1.0, AgentReady(ANNA))[:-2],
    ],
)
def test_line_that_is_no_record_is_refused(line: str) -> None:
    with pytest.raises(JournalError):
        read(line)
