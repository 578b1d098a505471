"""The flows that acdcore brings: every caller, however he types, comes to an end."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ivr.flow_files import load_flows

from acdcore.ivr.checks.check import FlowReferences
from acdcore.ivr.flow.actions import (
    Action,
    AnswerGiven,
    AskService,
    CallbackRequestFinished,
    CallerHungUp,
    CallerRecorded,
    Dial,
    Entered,
    EnterFlow,
    EnterQueue,
    FileMessage,
    HangUp,
    Input,
    KeyPressed,
    Lookup,
    LookupFinished,
    Play,
    PromptsPlayed,
    Record,
    RequestCallback,
    ServiceAnswered,
    SetLanguage,
    StopRecording,
)
from acdcore.ivr.flow.machine import VISITS_MAX, FlowMachine
from acdcore.ivr.model.flow import (
    CalendarState,
    CustomerCard,
    EndReason,
    Flow,
    FlowContext,
    FlowName,
    Language,
    LookupMiss,
    MenuNode,
    NodeName,
    PromptKey,
    PromptName,
    RuntimeText,
    Text,
    VariableName,
)
from acdcore.ivr.model.kinds import CallbackChoice, QuestionKind, ServiceMiss
from acdcore.kernel.ids import AgentId, CustomerId, QueueName

CONFIG = Path(__file__).parents[2] / "config"
AROUND = FlowReferences(frozenset({QueueName("service"), QueueName("sales")}), services=frozenset({"orders"}))
FLOWS = load_flows(CONFIG / "ivr", AROUND) | load_flows(CONFIG / "ivr" / "examples", AROUND)
HOTLINE = FLOWS[FlowName("hotline")]
VIP = CustomerCard(CustomerId(7), "Customer Seven", "vip", Language.ENGLISH)
CALL = FlowContext("02055550100", "4000")
SILENT_STEPS_MAX = 60
"""Prompts and silences that a caller who presses nothing lives through, at the most, before the flow ends."""


@dataclass(frozen=True)
class Answers:
    """How acdcore answers a flow's external requests."""

    lookup: CustomerCard | LookupMiss = LookupMiss.NOT_FOUND
    service: Mapping[str, str] | ServiceMiss = ServiceMiss.UNAVAILABLE
    is_placed: bool = True
    recorded_s: float = 30.0


Kind = TypeVar("Kind")

calls = st.builds(
    FlowContext,
    caller=st.sampled_from(["", "02055550100"]),
    dialled=st.just("4000"),
    calendar=st.sampled_from(CalendarState),
    language=st.none() | st.sampled_from(Language),
    customer=st.none() | st.just(VIP),
    queue=st.none() | st.just(QueueName("sales")),
)
ORDER = {"state": "shipped", "amount": "128.05", "delivery": "2026-10-01"}
answers = st.builds(
    Answers,
    lookup=st.sampled_from([VIP, LookupMiss.NOT_FOUND, LookupMiss.UNAVAILABLE]),
    service=st.sampled_from([ORDER, {}, ServiceMiss.NOT_FOUND, ServiceMiss.UNAVAILABLE]),
    is_placed=st.booleans(),
    recorded_s=st.sampled_from([0.0, 1.0, 30.0]),
)
doings = st.lists(st.sampled_from("0123456789*#") | st.sampled_from(["heard", "silence", "answer"]), max_size=60)


class Caller:
    """Drives a machine through virtual time, from flow to flow, and checks what must hold after every step."""

    def __init__(self, machine: FlowMachine, answers: Answers | None = None) -> None:
        self.machine = machine
        self.answers = answers or Answers()
        self.now = 0.0
        self.number = 0
        self.request: Action | None = None
        self.actions: list[Action] = []
        self.take(machine.start(0.0))

    def take(self, actions: list[Action]) -> None:
        self.actions += actions
        for place, action in enumerate(actions):
            match action:
                case Play(number, prompts):
                    assert prompts
                    self.number = number
                case Lookup() | AskService() | RequestCallback() | StopRecording():
                    self.request = action
                case EnterQueue() | EnterFlow() | Dial() | HangUp():
                    assert place == len(actions) - 1, "nothing follows the end"
        if actions and isinstance(actions[-1], EnterFlow):
            self.machine = FlowMachine(FLOWS[actions[-1].flow], self.machine.handover())
            self.take(self.machine.start(self.now))

    def answer(self) -> None:
        """Let acdcore answer the last request."""
        match self.request:
            case Lookup(number):
                self.give(LookupFinished(number, self.answers.lookup))
            case AskService(number):
                self.give(ServiceAnswered(number, self.answers.service))
            case RequestCallback(number):
                self.give(CallbackRequestFinished(number, self.answers.is_placed))
            case StopRecording(number):
                self.give(CallerRecorded(number, self.answers.recorded_s))
        self.request = None

    def give(self, event: Input) -> None:
        self.now += 0.1
        self.take(self.machine.handle(event, self.now))

    def wait(self) -> None:
        deadline = self.machine.next_deadline()
        if deadline is not None:
            assert deadline >= self.now
            self.now = deadline
            self.take(self.machine.handle_deadline(deadline))

    def press(self, digits: str) -> None:
        for digit in digits:
            self.give(KeyPressed(digit))

    def heard(self) -> None:
        self.give(PromptsPlayed(self.number))


@settings(max_examples=200, deadline=None)
@given(flow=st.sampled_from(list(FLOWS.values())), call=calls, does=doings, answers=answers)
def test_any_keys_and_then_silence_end_the_flow(
    flow: Flow, call: FlowContext, does: list[str], answers: Answers
) -> None:
    caller = Caller(FlowMachine(flow, call), answers)
    for doing in does:
        match doing:
            case "heard":
                caller.heard()
            case "silence":
                caller.wait()
            case "answer":
                caller.answer()
            case digit:
                caller.give(KeyPressed(digit))
    for _ in range(SILENT_STEPS_MAX):
        caller.wait()
    assert caller.machine.next_deadline() is None
    assert isinstance(caller.actions[-1], EnterQueue | Dial | HangUp)


@settings(max_examples=200, deadline=None)
@given(call=calls, does=doings, answers=answers)
def test_what_was_recorded_becomes_one_message_however_the_caller_leaves(
    call: FlowContext, does: list[str], answers: Answers
) -> None:
    caller = Caller(FlowMachine(FLOWS[FlowName("voicemail")], call), answers)
    for doing in does:
        match doing:
            case "heard":
                caller.heard()
            case "silence":
                caller.wait()
            case "answer":
                caller.answer()
            case digit:
                caller.give(KeyPressed(digit))
        if isinstance(caller.request, StopRecording):
            caller.answer()
    turns = [action for action in caller.actions if isinstance(action, Record) or action == Entered(NodeName("record"))]
    has_spoken = bool(turns) and isinstance(turns[-1], Record)
    caller.give(CallerHungUp(answers.recorded_s))
    messages = [action for action in caller.actions if isinstance(action, FileMessage)]
    assert len(messages) <= 1
    assert all(message.recording for message in messages)
    if has_spoken and answers.recorded_s >= 2.0:
        assert messages


@settings(max_examples=100, deadline=None)
@given(digits=st.text("0123456789*#", min_size=1, max_size=12))
def test_same_keys_for_ever_end_the_flow(digits: str) -> None:
    caller = Caller(FlowMachine(HOTLINE, CALL))
    pressed = 0
    # One node takes at most 12 digits in each of 3 tries.
    while caller.machine.next_deadline() is not None and pressed < VISITS_MAX * 36:
        caller.press(digits)
        pressed += len(digits)
        caller.answer()
        caller.heard()
    assert caller.machine.next_deadline() is None


def test_hotline_leads_to_the_service_queue_by_1() -> None:
    caller = Caller(FlowMachine(HOTLINE, CALL))
    caller.heard()
    caller.press("1")
    caller.heard()
    caller.press("1")
    caller.heard()
    assert caller.actions[-1] == EnterQueue(QueueName("service"), 0.0)


def test_hotline_speaks_cantonese_after_2() -> None:
    caller = Caller(FlowMachine(HOTLINE, CALL))
    caller.heard()
    caller.press("2")
    assert SetLanguage(Language.CANTONESE) in caller.actions
    assert isinstance(caller.actions[-1], Play)
    assert {key.language for key in caller.actions[-1].prompts} == {Language.CANTONESE}


def test_hotline_finds_a_member_and_puts_a_vip_ahead() -> None:
    caller = Caller(FlowMachine(HOTLINE, CALL))
    caller.heard()
    caller.press("1")
    caller.press("2")
    caller.press("880001#")
    lookup = caller.actions[-1]
    assert isinstance(lookup, Lookup)
    assert lookup.value == "880001"
    caller.give(LookupFinished(lookup.lookup, VIP))
    caller.heard()
    assert caller.actions[-1] == EnterQueue(QueueName("service"), 300.0)


def test_hotline_does_not_ask_a_known_customer_for_the_language() -> None:
    caller = Caller(FlowMachine(HOTLINE, FlowContext("02055550100", "4000", customer=VIP)))
    caller.heard()
    assert caller.machine.language is Language.ENGLISH
    caller.press("1")
    caller.heard()
    assert caller.actions[-1] == EnterQueue(QueueName("service"), 300.0)


def test_hotline_tells_the_hours_and_says_goodbye() -> None:
    caller = Caller(FlowMachine(HOTLINE, CALL))
    caller.heard()
    caller.press("13")
    for _ in range(6):
        caller.heard()
        caller.wait()
    assert caller.actions[-1] == HangUp(EndReason.COMPLETED)


def test_hotline_is_closed_on_holidays() -> None:
    caller = Caller(FlowMachine(HOTLINE, FlowContext("1", "4000", CalendarState.HOLIDAY)))
    caller.heard()
    assert caller.actions[-1] == HangUp(EndReason.CLOSED)


NAMED = {
    Language.MANDARIN: re.compile("按([零一二三四五六七八九])[。，]"),
    Language.CANTONESE: re.compile("按([零一二三四五六七八九])[。，]"),
    Language.ENGLISH: re.compile("press (zero|one|two|three|four|five|six|seven|eight|nine)[.,]"),
}
DIGITS = ("零一二三四五六七八九", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])


def keys_named(text: str, language: Language) -> list[int]:
    """The keys that a text names, in its order."""
    return [next(digits.index(word) for digits in DIGITS if word in digits) for word in NAMED[language].findall(text)]


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_keys_are_named_in_ascending_order_with_zero_last_and_in_every_language(flow: Flow) -> None:
    named: dict[PromptName, list[list[int]]] = {}
    for key, source in flow.prompts.items():
        if isinstance(source, Text):
            named.setdefault(key.name, []).append(keys_named(source.text, key.language))
    for name, by_language in named.items():
        for keys in by_language:
            assert keys == sorted(keys, key=lambda key: key or 10), name
        with_keys = [keys for keys in by_language if keys]  # where answers are said, none may be named
        if name.partition(".")[2] != "choose-language":
            assert all(keys == with_keys[0] for keys in with_keys), f"{name} names other keys in another language"


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_menus_name_no_key_that_leads_nowhere(flow: Flow) -> None:
    for name, node in flow.nodes.items():
        for prompt in node.prompts if isinstance(node, MenuNode) else ():
            for language in flow.languages:
                source = flow.prompts.get(PromptKey(prompt, language))
                named = keys_named(source.text, language) if isinstance(source, Text) else []
                assert {str(key) for key in named} <= set(node.keys) if isinstance(node, MenuNode) else True, name


def test_who_has_heard_the_hours_does_not_hear_them_again_after_a_wrong_key() -> None:
    caller = Caller(FlowMachine(HOTLINE, CALL))
    caller.heard()
    caller.press("13")
    assert told(caller) == ["hotline.hours-and-address", "hotline.again-or-agent"]
    caller.heard()
    caller.press("5")
    assert told(caller) == ["hotline.invalid", "hotline.again-or-agent"]
    caller.press("1")
    assert told(caller) == ["hotline.hours-and-address", "hotline.again-or-agent"]


def test_language_is_asked_for_in_each_language_by_its_own_voice() -> None:
    for flow in ("hotline", "night"):
        caller = at(flow)
        caller.heard()
        assert [(key.name, key.language) for key in last(caller, Play).prompts if isinstance(key, PromptKey)] == [
            (f"{flow}.choose-language", language) for language in Language
        ]


def test_night_line_says_what_each_key_does_and_no_more() -> None:
    caller = at("night")
    caller.heard()
    caller.press("3")
    caller.heard()
    caller.press("8")
    assert told(caller) == ["night.invalid", "night.urgent-message-or-hours"]
    caller.press("1")
    assert told(caller) == ["night.connecting"]
    caller.heard()
    assert caller.actions[-1] == EnterQueue(QueueName("service"), 0.0)


def at(flow: str, call: FlowContext = CALL, answers: Answers | None = None) -> Caller:
    """A caller at the start of a flow."""
    return Caller(FlowMachine(FLOWS[FlowName(flow)], call), answers)


def until_recording(caller: Caller) -> None:
    """Wait in silence until the flow records."""
    while not isinstance(caller.actions[-1], Record):
        caller.wait()


def told(caller: Caller) -> list[str]:
    """The names of the prompts that were spoken last, and the words."""
    return [part.text if isinstance(part, RuntimeText) else part.name for part in last(caller, Play).prompts]


def last(caller: Caller, kind: type[Kind]) -> Kind:
    """The last action of a kind."""
    return [action for action in caller.actions if isinstance(action, kind)][-1]


def test_hotline_leads_to_a_message_by_6_in_the_language_chosen() -> None:
    caller = Caller(FlowMachine(HOTLINE, CALL))
    caller.heard()
    caller.press("2")
    caller.heard()
    caller.press("6")
    assert caller.actions[-1] == Play(4, (PromptKey(PromptName("voicemail.welcome"), Language.CANTONESE),))


def test_voicemail_takes_subject_wish_and_number_by_keys() -> None:
    caller = at("voicemail", FlowContext("", "4000", queue=QueueName("sales")))
    caller.heard()
    caller.press("1")
    caller.press("1")
    caller.press("13800138000#1")
    caller.heard()
    caller.press("5")
    caller.answer()
    caller.press("1")
    recording = last(caller, Record).recording
    filed = [action for action in caller.actions if isinstance(action, FileMessage)]
    assert filed == [FileMessage(QueueName("sales"), "13800138000", "complaint", True, recording)]
    caller.heard()
    assert caller.actions[-1] == HangUp(EndReason.COMPLETED)


@pytest.mark.parametrize("number", ["", "02055550100"])
def test_voicemail_asks_nobody_for_a_number_who_wants_no_reply(number: str) -> None:
    caller = at("voicemail", FlowContext(number, "4000", queue=QueueName("sales")))
    caller.heard()
    caller.press("2")
    caller.press("2")
    caller.heard()
    assert isinstance(caller.actions[-1], Record)
    assert not {action.node for action in caller.actions if isinstance(action, Entered)} & {
        "own-number",
        "other-number",
    }
    caller.press("5")
    caller.answer()
    caller.press("1")
    (filed,) = [action for action in caller.actions if isinstance(action, FileMessage)]
    assert (filed.number, filed.subject, filed.is_reply_wanted) == (number, "order", False)


def test_voicemail_of_a_caller_who_presses_nothing_has_his_own_number_and_wants_a_reply() -> None:
    caller = at("voicemail")
    until_recording(caller)
    caller.give(CallerHungUp(12.0))
    recording = last(caller, Record).recording
    assert caller.actions[-1] == FileMessage(QueueName("service"), "02055550100", "", True, recording)


def test_voicemail_without_sound_is_no_message() -> None:
    caller = at("voicemail", answers=Answers(recorded_s=0.0))
    until_recording(caller)
    caller.press("#")
    caller.answer()
    caller.heard()
    assert caller.actions[-1] == HangUp(EndReason.NO_INPUT)
    assert not [action for action in caller.actions if isinstance(action, FileMessage)]


def test_callback_is_placed_for_the_own_number_in_the_own_queue() -> None:
    caller = at("callback", FlowContext("02055550100", "4000", queue=QueueName("sales")))
    caller.press("11")
    wanted = last(caller, RequestCallback)
    assert (wanted.queue, wanted.number) == (QueueName("sales"), "02055550100")
    caller.answer()
    caller.heard()
    assert caller.actions[-1] == HangUp(EndReason.COMPLETED)


def test_refused_callback_leads_back_to_the_place_in_the_queue() -> None:
    caller = at("callback", FlowContext("02055550100", "4000", queue=QueueName("sales")), Answers(is_placed=False))
    caller.press("11")
    caller.answer()
    caller.heard()
    assert caller.actions[-1] == EnterQueue(QueueName("sales"), 0.0, is_back=True)


def test_callback_asks_a_caller_without_number_for_one_and_reads_it_back() -> None:
    caller = at("callback", FlowContext("", "4000", callback=CallbackChoice.OTHER))
    caller.press("1")
    assert told(caller) == ["callback.other-number"]
    caller.press("75512#")
    assert told(caller)[:2] == ["callback.you-entered", "七五五幺二"]
    caller.press("2")
    assert told(caller) == ["callback.other-number"]


def test_survey_gives_one_answer() -> None:
    caller = at("survey")
    caller.press("3")
    assert AnswerGiven("satisfaction", QuestionKind.CHOICE, "dissatisfied") in caller.actions
    caller.heard()
    assert caller.actions[-1] == HangUp(EndReason.COMPLETED)


def test_questionnaire_types_its_answers() -> None:
    caller = at("questionnaire")
    caller.press("1")
    caller.press("11")
    caller.press("10")
    caller.press("4")
    caller.press("*")
    given = [(action.question, action.value) for action in caller.actions if isinstance(action, AnswerGiven)]
    assert given == [("bought-before", "yes"), ("recommend", "10"), ("heard-from", "other")]


def test_order_is_read_with_its_day_and_its_amount() -> None:
    caller = at("order-status", answers=Answers(service=ORDER))
    caller.press("8801#")
    asked = next(action for action in caller.actions if isinstance(action, AskService))
    assert (asked.service, asked.values) == ("orders", {"order": "8801", "caller": "02055550100"})
    caller.answer()
    assert told(caller) == ["order-status.one-moment"], "what is being said is heard to its end"
    caller.heard()
    assert told(caller)[0] == "order-status.your-order"
    caller.heard()
    assert told(caller)[0] == "order-status.the-amount-is"
    caller.heard()
    assert told(caller) == ["order-status.again"]
    assert caller.machine.variables[VariableName("order_state")] == "shipped"


def test_order_goes_to_the_agent_who_looks_after_the_customer_when_the_service_is_away() -> None:
    card = CustomerCard(CustomerId(7), "Customer Seven", "vip", Language.ENGLISH, {"owner": "1001"})
    caller = at("order-status", FlowContext("02055550100", "4000", customer=card))
    caller.press("8801#")
    caller.answer()
    caller.heard()
    assert told(caller) == ["order-status.unavailable"]
    caller.heard()
    assert caller.actions[-1] == EnterQueue(QueueName("service"), 0.0, preferred=AgentId("1001"))
