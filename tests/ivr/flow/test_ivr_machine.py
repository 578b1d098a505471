"""The machine that walks a flow, in virtual time."""

from dataclasses import replace

import pytest

from acdcore.ivr.flow.actions import (
    Action,
    Dial,
    Entered,
    EnterQueue,
    HangUp,
    KeyPressed,
    Lookup,
    LookupFinished,
    Play,
    PromptsPlayed,
    SetLanguage,
    StopPlaying,
)
from acdcore.ivr.flow.machine import PLAYBACK_MAX_S, TYPE_AHEAD_MAX, VISITS_MAX, FlowMachine
from acdcore.ivr.model.flow import (
    BranchNode,
    CalendarState,
    CollectNode,
    CustomerCard,
    EndReason,
    ExternalNumberNode,
    Flow,
    FlowContext,
    FlowName,
    HangUpNode,
    Language,
    LanguageNode,
    LookupKind,
    LookupMiss,
    LookupNode,
    MenuNode,
    Node,
    NodeName,
    PlayNode,
    PromptKey,
    PromptName,
    QueueNode,
    VariableName,
)
from acdcore.ivr.model.kinds import BranchOn
from acdcore.kernel.ids import CustomerId, QueueName

CMN, YUE, EN = Language.MANDARIN, Language.CANTONESE, Language.ENGLISH
VIP = CustomerCard(CustomerId(7), "Customer Seven", "vip", EN)
CALL = FlowContext(caller="02055550100", dialled="4000")


def name(node: str) -> NodeName:
    return NodeName(node)


def said(*prompts: str) -> tuple[PromptName, ...]:
    return tuple(PromptName(f"test.{prompt}") for prompt in prompts)


def heard(*prompts: str, language: Language = CMN) -> tuple[PromptKey, ...]:
    return tuple(PromptKey(prompt, language) for prompt in said(*prompts))


MENU = MenuNode(
    prompts=said("question"),
    keys={"1": name("service"), "2": name("number")},
    timeout_s=5.0,
    retries=1,
    on_timeout=name("bye"),
    on_invalid=name("outside"),
    invalid_prompts=said("wrong"),
)
NUMBER = CollectNode(
    prompts=said("number?"),
    variable=VariableName("member"),
    min_digits=3,
    max_digits=5,
    terminator="#",
    timeout_s=8.0,
    inter_digit_s=4.0,
    retries=1,
    next=name("find"),
    on_failure=name("bye"),
    invalid_prompts=said("wrong"),
)
NODES: dict[str, Node] = {
    "greeting": PlayNode(said("greeting"), name("menu")),
    "menu": MENU,
    "number": NUMBER,
    "find": LookupNode(
        LookupKind.MEMBER_NUMBER, VariableName("member"), name("service"), name("menu"), name("bye"), timeout_s=2.0
    ),
    "service": QueueNode(QueueName("service"), 10.0, {"vip": 300.0}),
    "outside": ExternalNumberNode("13800000000"),
    "bye": HangUpNode(said("bye"), EndReason.NO_INPUT),
}


def machine(start: str = "greeting", call: FlowContext = CALL, **nodes: Node) -> FlowMachine:
    flow = Flow(
        name=FlowName("test"),
        file="test.toml",
        language=CMN,
        languages=(CMN, YUE, EN),
        start=name(start),
        nodes={name(key): node for key, node in (NODES | nodes).items()},
        prompts={},
    )
    return FlowMachine(flow, call)


def press(walk: FlowMachine, digits: str, now: float) -> list[Action]:
    return [action for digit in digits for action in walk.handle(KeyPressed(digit), now)]


def at_menu() -> FlowMachine:
    """A machine whose menu has just been heard to its end, at 0 s."""
    walk = machine("menu")
    walk.start(0.0)
    walk.handle(PromptsPlayed(1), 0.0)
    return walk


def test_start_enters_the_first_node_and_speaks() -> None:
    assert machine().start(0.0) == [Entered(name("greeting")), Play(1, heard("greeting"))]


def test_second_start_is_refused() -> None:
    walk = machine()
    walk.start(0.0)
    with pytest.raises(RuntimeError):
        walk.start(1.0)


def test_input_before_start_does_nothing() -> None:
    assert machine().handle(KeyPressed("1"), 0.0) == []


def test_finished_playback_leads_on() -> None:
    walk = machine()
    walk.start(0.0)
    assert walk.handle(PromptsPlayed(1), 3.0) == [Entered(name("menu")), Play(2, heard("question"))]


def test_finish_of_an_earlier_playback_is_ignored() -> None:
    walk = machine()
    walk.start(0.0)
    walk.handle(PromptsPlayed(1), 3.0)
    assert walk.handle(PromptsPlayed(1), 3.1) == []
    assert walk.next_deadline() == 3.0 + PLAYBACK_MAX_S


def test_unreported_playback_ends_by_itself() -> None:
    walk = machine()
    walk.start(0.0)
    assert walk.handle_deadline(PLAYBACK_MAX_S - 0.001) == []
    assert walk.handle_deadline(PLAYBACK_MAX_S)[:2] == [StopPlaying(), Entered(name("menu"))]


def test_key_stops_the_question_and_answers_it() -> None:
    walk = machine("menu")
    walk.start(0.0)
    assert press(walk, "1", 1.0) == [StopPlaying(), Entered(name("service")), EnterQueue(QueueName("service"), 10.0)]
    assert walk.next_deadline() is None


def test_key_after_the_question_answers_without_stopping_anything() -> None:
    assert press(at_menu(), "1", 1.0) == [Entered(name("service")), EnterQueue(QueueName("service"), 10.0)]


def test_key_during_an_announcement_answers_the_question_behind_it() -> None:
    walk = machine()
    walk.start(0.0)
    assert press(walk, "1", 1.0) == [
        StopPlaying(),
        Entered(name("menu")),
        Entered(name("service")),
        EnterQueue(QueueName("service"), 10.0),
    ]


def test_key_does_not_stop_an_announcement_that_must_be_heard() -> None:
    walk = machine(greeting=PlayNode(said("law"), name("menu"), is_interruptible=False))
    walk.start(0.0)
    assert press(walk, "1", 1.0) == []
    assert walk.handle(PromptsPlayed(1), 2.0)[-1] == EnterQueue(QueueName("service"), 10.0)


def test_silence_repeats_the_question_then_gives_up() -> None:
    walk = at_menu()
    assert walk.next_deadline() == 5.0
    assert walk.handle_deadline(5.0) == [Play(2, heard("question"))]
    walk.handle(PromptsPlayed(2), 7.0)
    assert walk.handle_deadline(12.0) == [Entered(name("bye")), Play(3, heard("bye"))]
    assert walk.handle(PromptsPlayed(3), 13.0) == [HangUp(EndReason.NO_INPUT)]


def test_wrong_key_is_named_and_the_question_repeated_then_given_up() -> None:
    walk = at_menu()
    assert press(walk, "7", 1.0) == [Play(2, heard("wrong", "question"))]
    assert press(walk, "8", 2.0) == [StopPlaying(), Entered(name("outside")), Dial("13800000000")]


@pytest.mark.parametrize("when", ["wrong while the hours are read", "wrong afterwards", "silence"])
def test_what_comes_before_the_keys_is_said_once(when: str) -> None:
    walk = machine("menu", menu=replace(MENU, before=said("hours", "address")))
    assert walk.start(0.0)[-1] == Play(1, heard("hours", "address", "question"))
    if when != "wrong while the hours are read":
        walk.handle(PromptsPlayed(1), 0.0)
    again = walk.handle_deadline(5.0) if when == "silence" else press(walk, "7", 1.0)
    assert again[-1] == Play(2, heard("question") if when == "silence" else heard("wrong", "question"))


def test_node_that_is_entered_anew_says_what_comes_before_the_keys_again() -> None:
    """To hear the hours again there is a key."""
    walk = machine("menu", menu=replace(MENU, before=said("hours"), keys={"1": name("menu")}))
    first = walk.start(0.0)[-1]
    assert isinstance(first, Play)
    assert press(walk, "1", 1.0)[-1] == Play(2, first.prompts)


def test_silence_and_wrong_keys_share_the_retries() -> None:
    walk = at_menu()
    walk.handle_deadline(5.0)
    assert press(walk, "8", 6.0)[-1] == Dial("13800000000")


def test_keys_that_no_telephone_has_are_ignored() -> None:
    assert press(at_menu(), "AZ", 1.0) == []
    assert at_menu().handle(KeyPressed(""), 1.0) == []


def test_last_words_are_not_cut_short_by_keys() -> None:
    walk = machine("bye")
    walk.start(0.0)
    assert press(walk, "1#*", 0.5) == []
    assert walk.handle(PromptsPlayed(1), 1.0) == [HangUp(EndReason.NO_INPUT)]


def test_nothing_follows_the_end() -> None:
    walk = at_menu()
    press(walk, "1", 1.0)
    assert press(walk, "12", 2.0) == []
    assert walk.handle(PromptsPlayed(1), 2.0) == []
    assert walk.handle_deadline(1e6) == []


def test_hang_up_without_words_is_immediate() -> None:
    assert machine("end", end=HangUpNode()).start(0.0)[-1] == HangUp(EndReason.COMPLETED)


# --- numbers of several digits ---


def at_number() -> FlowMachine:
    walk = at_menu()
    press(walk, "2", 0.0)
    return walk


def test_number_ends_with_the_terminator() -> None:
    walk = at_number()
    assert press(walk, "123#", 1.0)[-1] == Lookup(3, LookupKind.MEMBER_NUMBER, "123")
    assert walk.variables[VariableName("member")] == "123"


def test_number_ends_with_its_last_possible_digit() -> None:
    assert press(at_number(), "12345", 1.0)[-1] == Lookup(3, LookupKind.MEMBER_NUMBER, "12345")


def test_number_ends_with_a_pause() -> None:
    walk = at_number()
    press(walk, "12", 1.0)
    press(walk, "3", 2.0)
    assert walk.next_deadline() == 6.0
    assert walk.handle_deadline(6.0)[-1] == Lookup(3, LookupKind.MEMBER_NUMBER, "123")


@pytest.mark.parametrize("keys", ["12#", "#", "*", "12*"])
def test_number_that_is_too_short_or_taken_back_is_asked_again(keys: str) -> None:
    walk = at_number()
    assert press(walk, keys, 1.0)[-1] == Play(3, heard("wrong", "number?"))
    assert press(walk, "456#", 2.0)[-1] == Lookup(4, LookupKind.MEMBER_NUMBER, "456")


def test_pause_after_too_few_digits_is_a_wrong_number() -> None:
    walk = at_number()
    press(walk, "1", 1.0)
    assert walk.handle_deadline(5.0) == [Play(3, heard("wrong", "number?"))]


def test_number_is_given_up_after_its_retries() -> None:
    walk = at_number()
    press(walk, "#", 1.0)
    assert press(walk, "#", 2.0)[-2:] == [Entered(name("bye")), Play(4, heard("bye"))]


def test_silence_before_the_first_digit_asks_again() -> None:
    walk = at_number()
    walk.handle(PromptsPlayed(2), 3.0)
    assert walk.next_deadline() == 11.0
    assert walk.handle_deadline(11.0) == [Play(3, heard("number?"))]


def test_keys_typed_ahead_cross_questions() -> None:
    walk = machine(greeting=PlayNode(said("law"), name("menu"), is_interruptible=False))
    walk.start(0.0)
    press(walk, "2123#", 1.0)
    assert walk.handle(PromptsPlayed(1), 2.0) == [
        Entered(name("menu")),
        Entered(name("number")),
        Entered(name("find")),
        Lookup(2, LookupKind.MEMBER_NUMBER, "123"),
    ]


def test_keys_typed_ahead_are_bounded() -> None:
    long = CollectNode(**{f: getattr(NUMBER, f) for f in NUMBER.__slots__} | {"max_digits": 1000})
    walk = machine(greeting=PlayNode(said("law"), name("number"), is_interruptible=False), number=long)
    walk.start(0.0)
    press(walk, "5" * (TYPE_AHEAD_MAX + 10), 1.0)
    walk.handle(PromptsPlayed(1), 2.0)
    walk.handle_deadline(100.0)
    assert walk.variables[VariableName("member")] == "5" * TYPE_AHEAD_MAX


def test_wrong_key_throws_away_what_was_typed_after_it() -> None:
    walk = machine(greeting=PlayNode(said("law"), name("menu"), is_interruptible=False))
    walk.start(0.0)
    press(walk, "71", 1.0)
    assert walk.handle(PromptsPlayed(1), 2.0)[-1] == Play(2, heard("wrong", "question"))


# --- look-ups ---


def looking_up() -> FlowMachine:
    walk = at_number()
    press(walk, "123#", 1.0)
    return walk


def test_found_customer_is_known_and_his_tier_counts() -> None:
    walk = looking_up()
    assert walk.handle(LookupFinished(3, VIP), 1.2)[-1] == EnterQueue(QueueName("service"), 310.0)
    assert walk.customer == VIP


def test_miss_goes_its_own_way() -> None:
    assert looking_up().handle(LookupFinished(3, LookupMiss.NOT_FOUND), 1.2)[0] == Entered(name("menu"))
    assert looking_up().handle(LookupFinished(3, LookupMiss.UNAVAILABLE), 1.2)[0] == Entered(name("bye"))


def test_slow_directory_counts_as_unavailable_and_its_late_answer_is_ignored() -> None:
    walk = looking_up()
    assert walk.next_deadline() == 3.0
    assert walk.handle_deadline(3.0)[0] == Entered(name("bye"))
    assert walk.handle(LookupFinished(3, VIP), 3.1) == []
    assert walk.customer is None


def test_keys_during_a_look_up_are_kept() -> None:
    walk = looking_up()
    assert press(walk, "1", 1.1) == []
    assert walk.handle(LookupFinished(3, LookupMiss.NOT_FOUND), 1.2)[-1] == EnterQueue(QueueName("service"), 10.0)


def test_look_up_by_the_callers_own_number_needs_no_digits() -> None:
    node = LookupNode(LookupKind.PHONE, VariableName("caller"), name("service"), name("menu"), name("menu"))
    assert machine("find", find=node).start(0.0)[-1] == Lookup(1, LookupKind.PHONE, "02055550100")


# --- language ---

CHOICE = LanguageNode(
    prompts=said("choose"),
    keys={"1": CMN, "2": YUE, "3": EN},
    timeout_s=4.0,
    retries=0,
    next=name("menu"),
    is_by_customer=True,
)


def test_language_question_is_put_in_each_language() -> None:
    walk = machine("choice", choice=CHOICE)
    keys = tuple(PromptKey(PromptName("test.choose"), language) for language in (CMN, YUE, EN))
    assert walk.start(0.0)[-1] == Play(1, keys)


def test_chosen_language_holds_for_what_follows() -> None:
    walk = machine("choice", choice=CHOICE)
    walk.start(0.0)
    assert press(walk, "2", 1.0)[1:] == [
        SetLanguage(YUE),
        Entered(name("menu")),
        Play(2, heard("question", language=YUE)),
    ]
    assert walk.language is YUE


def test_silent_or_mistaken_caller_keeps_the_language() -> None:
    walk = machine("choice", choice=CHOICE)
    walk.start(0.0)
    walk.handle(PromptsPlayed(1), 1.0)
    assert walk.handle_deadline(5.0) == [Entered(name("menu")), Play(2, heard("question"))]
    walk = machine("choice", choice=CHOICE)
    walk.start(0.0)
    assert press(walk, "9", 1.0)[-1] == Play(2, heard("question"))


def test_customer_with_a_language_is_not_asked() -> None:
    walk = machine("choice", FlowContext(CALL.caller, CALL.dialled, customer=VIP), choice=CHOICE)
    assert walk.start(0.0)[1:] == [SetLanguage(EN), Entered(name("menu")), Play(1, heard("question", language=EN))]


def test_dialled_number_may_set_the_language() -> None:
    walk = machine("menu", FlowContext(CALL.caller, CALL.dialled, language=EN))
    assert walk.start(0.0)[-1] == Play(1, heard("question", language=EN))


# --- branches and limits ---


@pytest.mark.parametrize(
    ("on", "variable", "case", "call"),
    [
        (BranchOn.TIER, None, "vip", FlowContext("1", "2", customer=VIP)),
        (BranchOn.TIER, None, "unknown", FlowContext("1", "2")),
        (BranchOn.LANGUAGE, None, "yue", FlowContext("1", "2", language=YUE)),
        (BranchOn.CALENDAR, None, "holiday", FlowContext("1", "2", CalendarState.HOLIDAY)),
        (BranchOn.VARIABLE, VariableName("dialled"), "2", FlowContext("1", "2")),
    ],
)
def test_branch_goes_by_what_is_known(
    on: BranchOn, variable: VariableName | None, case: str, call: FlowContext
) -> None:
    node = BranchNode(on, {case: name("service")}, name("bye"), variable)
    assert machine("branch", call, branch=node).start(0.0)[1] == Entered(name("service"))
    other = BranchNode(on, {"other": name("service")}, name("bye"), variable)
    assert machine("branch", call, branch=other).start(0.0)[1] == Entered(name("bye"))


def test_circle_of_nodes_ends_at_the_limit() -> None:
    there = BranchNode(BranchOn.TIER, {}, name("back"))
    back = BranchNode(BranchOn.TIER, {}, name("there"))
    actions = machine("there", there=there, back=back).start(0.0)
    assert len(actions) == VISITS_MAX + 1
    assert actions[-1] == HangUp(EndReason.LIMIT)


def test_same_inputs_give_the_same_actions() -> None:
    def story() -> list[Action]:
        walk = machine()
        actions = walk.start(0.0)
        actions += press(walk, "72", 1.0)
        actions += press(walk, "12#123#", 2.0)
        return actions + walk.handle(LookupFinished(5, VIP), 2.5)

    assert story() == story()
