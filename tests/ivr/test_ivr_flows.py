"""The flows that acdcore brings: every caller, however he types, comes to an end."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from acdcore.ivr.check import Surroundings
from acdcore.ivr.flow_file import load_flows
from acdcore.ivr.machine import VISITS_MAX, Machine
from acdcore.ivr.model import CalendarState, Context, CustomerCard, EndReason, Flow, FlowName, Language, LookupMiss
from acdcore.ivr.steps import (
    Action,
    Dial,
    DigitPressed,
    EnterQueue,
    HangUp,
    Input,
    Lookup,
    LookupFinished,
    Play,
    PlaybackFinished,
    SetLanguage,
)
from acdcore.kernel.ids import CustomerId, QueueName

CONFIG = Path(__file__).parents[2] / "config"
FLOWS = load_flows(CONFIG / "ivr", Surroundings(frozenset({QueueName("service"), QueueName("sales")})))
HOTLINE = FLOWS[FlowName("hotline")]
VIP = CustomerCard(CustomerId(7), "Customer Seven", "vip", Language.ENGLISH)
CALL = Context("02055550100", "4000")
SILENT_STEPS_MAX = 60
"""Prompts and silences that a caller who presses nothing lives through, at the most, before the flow ends."""

calls = st.builds(
    Context,
    caller=st.just("02055550100"),
    dialled=st.just("4000"),
    calendar=st.sampled_from(CalendarState),
    language=st.none() | st.sampled_from(Language),
    customer=st.none() | st.just(VIP),
)
answers = st.sampled_from([VIP, LookupMiss.NOT_FOUND, LookupMiss.UNAVAILABLE])
doings = st.lists(st.sampled_from("0123456789*#") | st.sampled_from(["heard", "silence", "answer"]), max_size=60)


class Caller:
    """Drives a machine through virtual time and checks what must hold after every step."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.now = 0.0
        self.number = 0
        self.is_over = False
        self.actions: list[Action] = []
        self.take(machine.start(0.0))

    def take(self, actions: list[Action]) -> None:
        assert not (self.is_over and actions), "nothing follows the end"
        self.is_over = self.machine.is_ended
        self.actions += actions
        for action in actions:
            if isinstance(action, Play):
                assert action.prompts
                self.number = action.playback
            if isinstance(action, Lookup):
                self.number = action.lookup
        assert self.machine.is_ended == (self.machine.next_deadline() is None)

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
            self.give(DigitPressed(digit))

    def heard(self) -> None:
        self.give(PlaybackFinished(self.number))


@settings(max_examples=200, deadline=None)
@given(flow=st.sampled_from(list(FLOWS.values())), call=calls, does=doings, answer=answers)
def test_any_keys_and_then_silence_end_the_flow(
    flow: Flow, call: Context, does: list[str], answer: CustomerCard | LookupMiss
) -> None:
    caller = Caller(Machine(flow, call))
    for doing in does:
        match doing:
            case "heard":
                caller.heard()
            case "silence":
                caller.wait()
            case "answer":
                caller.give(LookupFinished(caller.number, answer))
            case digit:
                caller.give(DigitPressed(digit))
    for _ in range(SILENT_STEPS_MAX):
        caller.wait()
    assert caller.machine.is_ended
    assert isinstance(caller.actions[-1], EnterQueue | Dial | HangUp)


@settings(max_examples=100, deadline=None)
@given(digits=st.text("0123456789*#", min_size=1, max_size=12))
def test_same_keys_for_ever_end_the_flow(digits: str) -> None:
    caller = Caller(Machine(HOTLINE, CALL))
    pressed = 0
    # One node takes at most 12 digits in each of 3 tries.
    while not caller.machine.is_ended and pressed < VISITS_MAX * 36:
        caller.press(digits)
        pressed += len(digits)
        caller.give(LookupFinished(caller.number, LookupMiss.NOT_FOUND))
        caller.heard()
    assert caller.machine.is_ended


def test_hotline_leads_to_the_service_queue_by_1() -> None:
    caller = Caller(Machine(HOTLINE, CALL))
    caller.heard()
    caller.press("1")
    caller.heard()
    caller.press("1")
    caller.heard()
    assert caller.actions[-1] == EnterQueue(QueueName("service"), 0.0)


def test_hotline_speaks_cantonese_after_2() -> None:
    caller = Caller(Machine(HOTLINE, CALL))
    caller.heard()
    caller.press("2")
    assert SetLanguage(Language.CANTONESE) in caller.actions
    assert isinstance(caller.actions[-1], Play)
    assert {key.language for key in caller.actions[-1].prompts} == {Language.CANTONESE}


def test_hotline_finds_a_member_and_puts_a_vip_ahead() -> None:
    caller = Caller(Machine(HOTLINE, CALL))
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
    caller = Caller(Machine(HOTLINE, Context("02055550100", "4000", customer=VIP)))
    caller.heard()
    assert caller.machine.language is Language.ENGLISH
    caller.press("1")
    caller.heard()
    assert caller.actions[-1] == EnterQueue(QueueName("service"), 300.0)


def test_hotline_tells_the_hours_and_says_goodbye() -> None:
    caller = Caller(Machine(HOTLINE, CALL))
    caller.heard()
    caller.press("13")
    for _ in range(6):
        caller.heard()
        caller.wait()
    assert caller.actions[-1] == HangUp(EndReason.COMPLETED)


def test_hotline_is_closed_on_holidays() -> None:
    caller = Caller(Machine(HOTLINE, Context("1", "4000", CalendarState.HOLIDAY)))
    caller.heard()
    assert caller.actions[-1] == HangUp(EndReason.CLOSED)
