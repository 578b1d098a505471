"""The examples in docs/flows.md: each is loaded and checked, each walk is walked."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from acdcore.ivr.calendars import load_calendars
from acdcore.ivr.check import Surroundings, validate
from acdcore.ivr.flow_file import read_flow
from acdcore.ivr.machine import Machine
from acdcore.ivr.model import Context, CustomerCard, Flow, LookupMiss, PromptKey
from acdcore.ivr.steps import (
    Action,
    Dial,
    DigitPressed,
    Entered,
    EnterQueue,
    HangUp,
    Lookup,
    LookupFinished,
    Play,
    PlaybackFinished,
    SetLanguage,
    StopPlaying,
)
from acdcore.kernel.ids import CustomerId, QueueName

DOCUMENT = (Path(__file__).parents[2] / "docs" / "flows.md").read_text("utf-8")


def blocks(kind: str) -> dict[str, str]:
    """The fenced blocks of a kind by the name in their first line."""
    found = re.findall(rf"^```{kind}\n# (\S+)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert len(found) == DOCUMENT.count(f"```{kind}\n"), "each block begins with its name"
    return dict(found)


FLOWS = {Path(name).stem: text for name, text in blocks("toml").items() if name.startswith("config/ivr/")}
WALKS = blocks("walk")


def flow(tmp_path: Path, name: str) -> Flow:
    file = tmp_path / f"{name}.toml"
    file.write_text(FLOWS[name], "utf-8")
    return read_flow(file)


def in_words(action: Action) -> str:
    match action:
        case Entered(node):
            return f"entered {node}"
        case Play(_, prompts):
            return "play " + ", ".join(spoken(key) for key in prompts)
        case StopPlaying():
            return "stop playing"
        case SetLanguage(language):
            return f"set language {language.value}"
        case Lookup(_, kind, value):
            return f"look up {kind.value} {value}"
        case EnterQueue(queue, advance_s):
            return f"enter queue {queue}, {advance_s:g} s ahead"
        case Dial(number):
            return f"dial {number}"
        case HangUp(reason):
            return f"hang up: {reason.value}"


def spoken(key: PromptKey) -> str:
    return f"{key.name} ({key.language.value})"


def number_of(action: Action) -> int:
    """What the answer to `action` must carry."""
    match action:
        case Play(number, _) | Lookup(number, _, _):
            return number
        case _:
            return 0


def walked(machine: Machine, story: str) -> Iterator[str]:
    """The walk again, with the lines that begin with `>` taken from `story`."""
    actions = machine.start(0.0)
    number = 0
    for line in [*(line for line in story.splitlines() if line.startswith(">")), ""]:
        yield from map(in_words, actions)
        number = max([number, *(number_of(action) for action in actions)])
        if not line:
            return
        yield line
        actions = []
        match line.split()[1:]:
            case ["press", digits]:
                for digit in digits:
                    actions += machine.handle(DigitPressed(digit), 0.0)
            case ["heard"]:
                actions = machine.handle(PlaybackFinished(number), 0.0)
            case ["silence"]:
                actions = machine.handle_deadline(machine.next_deadline() or 0.0)
            case ["found", tier]:
                actions = machine.handle(
                    LookupFinished(number, CustomerCard(CustomerId(7), "Customer Seven", tier)), 0.0
                )
            case ["not", "found"]:
                actions = machine.handle(LookupFinished(number, LookupMiss.NOT_FOUND), 0.0)


def test_document_has_flows_and_walks() -> None:
    assert FLOWS.keys() == WALKS.keys() == {"small", "member"}


@pytest.mark.parametrize("name", FLOWS)
def test_example_is_fit_for_calls(tmp_path: Path, name: str) -> None:
    assert validate(flow(tmp_path, name), Surroundings(frozenset({QueueName("service")}))) == []


@pytest.mark.parametrize("name", WALKS)
def test_walk_goes_as_written(tmp_path: Path, name: str) -> None:
    machine = Machine(flow(tmp_path, name), Context("02055550100", "4000"))
    assert list(walked(machine, WALKS[name])) == WALKS[name].splitlines()
    assert machine.is_ended


def test_calendar_example_is_read(tmp_path: Path) -> None:
    file = tmp_path / "calendars.toml"
    file.write_text(blocks("toml")["calendars"], "utf-8")
    (calendar,) = load_calendars(file).values()
    assert len(calendar.holidays) == 2
