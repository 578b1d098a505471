"""The examples in docs/flows.md: each is loaded and checked, each walk is walked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from acdcore.ivr.checks.check import FlowReferences, validate, validate_together
from acdcore.ivr.files import node_tables
from acdcore.ivr.files.flows import read_flow
from acdcore.ivr.flow.actions import (
    Action,
    AnswerGiven,
    AskService,
    CallbackRequestFinished,
    CallerHungUp,
    CallerRecorded,
    CallerSpeaks,
    CallerSpoke,
    CallerUnderstood,
    Dial,
    Entered,
    EnterFlow,
    EnterQueue,
    FileMessage,
    HangUp,
    Input,
    KeyPressed,
    Listen,
    ListeningReady,
    Lookup,
    LookupFinished,
    OfferMessage,
    Play,
    PossibleAnswer,
    PrepareToListen,
    PromptsPlayed,
    Record,
    RequestCallback,
    ServiceAnswered,
    SetLanguage,
    StopListening,
    StopPlaying,
    StopRecording,
    Understand,
)
from acdcore.ivr.flow.machine import FlowMachine
from acdcore.ivr.model.flow import (
    CustomerCard,
    Flow,
    FlowContext,
    FlowName,
    Language,
    LookupMiss,
    PromptKey,
    RuntimeText,
)
from acdcore.ivr.model.kinds import ReadAs
from acdcore.ivr.reading.values import spoken_value
from acdcore.kernel.ids import CustomerId, QueueName

AROUND = FlowReferences(frozenset({QueueName("service"), QueueName("sales")}), services=frozenset({"accounts"}))
NODE_TYPES = re.findall(r'type: Literal\["(\w+)"\]', Path(node_tables.__file__).read_text("utf-8"))
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
            return "play " + ", ".join(heard(prompts))
        case StopPlaying():
            return "stop playing"
        case SetLanguage(language):
            return f"set language {language.value}"
        case Lookup(_, kind, value):
            return f"look up {kind.value} {value}"
        case OfferMessage(_, queue):
            return f"offer a message to {queue}"
        case Record(_, max_s, silence_s):
            return f"record up to {max_s:g} s, until {silence_s:g} s of silence"
        case StopRecording():
            return "stop recording"
        case FileMessage(queue, number, subject, is_reply_wanted):
            wish = "reply wanted" if is_reply_wanted else "no reply wanted"
            return f"file message for {queue} from {number}, {subject}, {wish}"
        case RequestCallback(_, queue, number):
            return f"request callback to {number} from {queue}"
        case AskService(_, service, values):
            return f"ask {service}: " + ", ".join(f"{name} {value}" for name, value in values.items())
        case PrepareToListen(_, sayable, language):
            return f"listen for {', '.join(one.value for one in sayable)} ({language.value})"
        case Listen() | StopListening():
            return ""  # follow from the others
        case Understand():
            return "make out what was said"
        case AnswerGiven(question, kind, value):
            return f"answered {question}: {kind.value} {value}"
        case EnterQueue(queue, is_back=True):
            return f"back to queue {queue}"
        case EnterQueue(queue, priority_s, skills, preferred):
            needs = "".join(f", {skill} {level}" for skill, level in skills.items())
            return f"enter queue {queue}, {priority_s:g} s ahead{needs}" + (f", {preferred} first" if preferred else "")
        case EnterFlow(name):
            return f"go on in flow {name}"
        case Dial(number):
            return f"dial {number}"
        case HangUp(reason):
            return f"hang up: {reason.value}"


def heard(prompts: Sequence[PromptKey | RuntimeText]) -> Iterator[str]:
    """What is played: prompts by name, values by their words."""
    for part in prompts:
        name = f'"{part.text}"' if isinstance(part, RuntimeText) else part.name
        yield f"{name} ({part.language.value})"


def number_of(action: Action) -> int:
    """What the answer to `action` must carry."""
    match action:
        case (
            Play(number)
            | Lookup(number)
            | Record(number)
            | RequestCallback(number)
            | AskService(number)
            | Listen(number)
        ):
            return number
        case _:
            return 0


def walked(flow: Flow, story: str) -> Iterator[str]:
    """The walk again, with the lines that begin with `>` taken from `story`."""
    said = [line for line in story.splitlines() if line.startswith(">")]
    context = FlowContext("02055550100", "4000")
    while said and (known := before(context, said[0].split()[1:])) is not None:
        context = known
        yield said.pop(0)
    machine = FlowMachine(flow, context)
    actions = machine.start(0.0)
    playing = request = 0
    for line in [*said, ""]:
        for asked in [action for action in actions if isinstance(action, PrepareToListen)]:
            actions = [*actions, *machine.handle(ListeningReady(asked.listening), 0.0)]
        yield from filter(None, map(in_words, actions))
        for action in actions:
            if isinstance(action, Play):
                playing = action.playback
            request = number_of(action) if number_of(action) and not isinstance(action, Play) else request
        if not line:
            return
        yield line
        actions = done(machine, line.split()[1:], playing, request)


def before(context: FlowContext, words: list[str]) -> FlowContext | None:
    """What is known when the flow starts, said in the first lines of a walk."""
    match words:
        case ["waits", "in", queue]:
            return replace(context, queue=QueueName(queue))
        case ["is", name, "member", number, "looked", "after", "by", agent]:
            fields = {"member_number": number.rstrip(","), "owner": agent}
            return replace(context, customer=CustomerCard(CustomerId(7), name.rstrip(","), "gold", None, fields))
        case _:
            return None


def done(machine: FlowMachine, words: list[str], playing: int, request: int) -> list[Action]:
    """What the machine does about one line of a walk."""
    actions: list[Action] = []
    match words:
        case ["press", digits]:
            return [action for digit in digits for action in machine.handle(KeyPressed(digit), 0.0)]
        case ["says", *_]:
            for each in (CallerSpeaks(request), CallerSpoke(request)):
                actions = [*actions, *machine.handle(each, 0.0)]
            return actions
        case ["silence"]:
            return machine.handle_deadline(machine.next_deadline() or 0.0)
        case _:
            return machine.handle(told(words, playing, request), 0.0)


def told(words: list[str], playing: int, request: int) -> Input:
    match words:
        case ["heard"]:
            return PromptsPlayed(playing)
        case ["found", tier]:
            return LookupFinished(request, CustomerCard(CustomerId(7), "Customer Seven", tier))
        case ["not", "found"]:
            return LookupFinished(request, LookupMiss.NOT_FOUND)
        case ["recorded", length_s]:
            return CallerRecorded(request, float(length_s))
        case ["leaves", "after", length_s]:
            return CallerHungUp(float(length_s))
        case ["placed"] | ["refused"]:
            return CallbackRequestFinished(request, words == ["placed"])
        case ["understood", *likely]:
            return CallerUnderstood(request, tuple(likely_of(one) for one in likely))
        case ["answers", *fields]:
            return ServiceAnswered(request, dict(field.split("=") for field in fields))
        case _:
            raise AssertionError(f"no such line in a walk: {' '.join(words)}")


def likely_of(word: str) -> PossibleAnswer:
    """`sales=0.9`."""
    value, _, confidence = word.partition("=")
    return PossibleAnswer(value, float(confidence), value)


def test_document_has_flows_and_walks() -> None:
    assert FLOWS.keys() == {name.partition(":")[0] for name in WALKS}
    assert FLOWS.keys() == {"small", "member", "message", "offer", "rating", "balance", "department"}


@pytest.mark.parametrize("name", FLOWS)
def test_example_is_fit_for_calls(tmp_path: Path, name: str) -> None:
    assert validate(flow(tmp_path, name), AROUND) == []


def test_examples_fit_together(tmp_path: Path) -> None:
    assert validate_together({FlowName(name): flow(tmp_path, name) for name in FLOWS}) == []


@pytest.mark.parametrize("name", WALKS)
def test_walk_goes_as_written(tmp_path: Path, name: str) -> None:
    assert list(walked(flow(tmp_path, name.partition(":")[0]), WALKS[name])) == WALKS[name].splitlines()
    assert is_told_to_its_end(WALKS[name])


def is_told_to_its_end(story: str) -> bool:
    """Whether the walk is told to its end."""
    return story.splitlines()[-1].startswith(
        ("enter queue", "back to queue", "go on", "hang up", "dial", "file message")
    )


@pytest.mark.parametrize("table", NODE_TYPES)
def test_every_node_has_its_row(table: str) -> None:
    assert f"| `{table}` | `" in DOCUMENT


def test_values_are_said_as_the_table_shows() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| (\S+) \| (.+) \|$", DOCUMENT, re.MULTILINE)
    assert {kind for kind, *_ in rows} == {kind.value for kind in ReadAs}
    for kind, value, mandarin, english in rows:
        assert spoken_value(value, ReadAs(kind), Language.MANDARIN) == mandarin
        assert spoken_value(value, ReadAs(kind), Language.ENGLISH) == english
