"""Recordings, confirmations, services, callbacks and what flows say, in virtual time."""

from pathlib import Path

import pytest

from acdcore.ivr.files.flows import read_flow
from acdcore.ivr.flow.actions import (
    Action,
    AskService,
    CallbackRequestFinished,
    CallerHungUp,
    CallerRecorded,
    CallerSilent,
    Entered,
    EnterFlow,
    EnterQueue,
    FileMessage,
    HangUp,
    Input,
    KeyPressed,
    MessageUnavailable,
    OfferMessage,
    Play,
    PromptsPlayed,
    Record,
    RequestCallback,
    ServiceAnswered,
    SetLanguage,
    StopPlaying,
    StopRecording,
)
from acdcore.ivr.flow.machine import PROMPTS_MAX, STOPPING_MAX_S, VISITS_MAX, FlowMachine
from acdcore.ivr.flow.requests import CALLBACK_MAX_S
from acdcore.ivr.model.flow import (
    CustomerCard,
    EndReason,
    FlowContext,
    FlowName,
    Language,
    NodeName,
    PromptKey,
    PromptName,
    RuntimeText,
    VariableName,
)
from acdcore.ivr.model.kinds import ReadAs, ServiceMiss
from acdcore.ivr.reading.values import spoken_value
from acdcore.kernel.ids import AgentId, CustomerId, QueueName, SkillName

EN = Language.ENGLISH
CALL = FlowContext("02055550100", "4000")
CARD = CustomerCard(CustomerId(7), "Jade", "gold", EN, {"owner": "1001", "region": "south"})

HEAD = """
language = "en"
languages = ["en", "cmn"]
prompts.ask = { en = "Ask.", cmn = "问" }
prompts.wrong = { en = "Wrong.", cmn = "错" }
nodes.bye = { type = "hang_up" }
nodes.lost = { type = "hang_up", reason = "no_input" }
"""


@pytest.fixture
def walk(tmp_path: Path) -> "Walks":
    return Walks(tmp_path)


class Walks:
    """Machines over flows that are written down in the test."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "test.toml"

    def __call__(self, nodes: str, context: FlowContext = CALL, start: str = "start") -> FlowMachine:
        self._file.write_text(f'start = "{start}"\n{HEAD}\n{nodes}', "utf-8")
        return FlowMachine(read_flow(self._file), context)


def keys(*names: str, language: Language = EN) -> tuple[PromptKey, ...]:
    return tuple(PromptKey(PromptName(f"test.{name}"), language) for name in names)


def digits(number: str) -> RuntimeText:
    """A number as it is spoken, with the clips for when it cannot be."""
    clips = tuple(PromptKey(PromptName(f"system.digit-{digit}"), EN) for digit in number)
    return RuntimeText(spoken_value(number, ReadAs.DIGITS, EN), EN, clips)


def after(machine: FlowMachine, *events: Input, now: float = 1.0) -> list[Action]:
    """What the last event gives."""
    actions: list[Action] = []
    for event in events:
        actions = machine.handle(event, now)
    return actions


def entered(name: str) -> Entered:
    return Entered(NodeName(name))


# --- recording -------------------------------------------------------------------------------------------------

RECORD = """
nodes.file = { type = "message", queue = "service", number = "caller", subject = "night", next = "bye" }

[nodes.start]
type = "record"
prompts = ["ask"]
end_keys = "#1"
min_s = 2
max_s = 60
next = "again"
on_empty = "lost"

[nodes.again]
type = "menu"
prompts = ["ask"]
keys = { 1 = "file", 2 = "start" }
retries = 0
on_timeout = "file"
"""
MORE = """
[nodes.more]
type = "menu"
prompts = ["ask"]
keys = { 1 = "bye" }
on_timeout = "file"
"""
MESSAGE = FileMessage(QueueName("service"), "02055550100", "night", True, 2)


def recording(walk: Walks) -> FlowMachine:
    """A machine that records as number 2 since 1 s."""
    machine = walk(RECORD)
    machine.start(0.0)
    assert after(machine, PromptsPlayed(1)) == [Record(2, 60.0, 5.0, 2.0)]
    return machine


def test_recording_begins_after_the_beep(walk: Walks) -> None:
    machine = walk(RECORD)
    limits = ("message-length-60", "message-end-hash", "beep")
    told = tuple(PromptKey(PromptName(f"system.{name}"), EN) for name in limits)
    offered = OfferMessage(1, QueueName("service"))
    assert machine.start(0.0) == [entered("start"), offered, Play(1, (*keys("ask"), *told))]
    assert after(machine, KeyPressed("#")) == [], "a key does not cut the words that say what to do"


def test_key_ends_the_recording_and_only_the_named_ones(walk: Walks) -> None:
    machine = recording(walk)
    assert after(machine, KeyPressed("5")) == []
    assert after(machine, KeyPressed("#")) == [StopRecording(2)]
    assert after(machine, CallerRecorded(2, 9.0)) == [entered("again"), Play(3, keys("ask"))]


def test_recording_ends_by_itself_at_its_longest(walk: Walks) -> None:
    machine = recording(walk)
    assert machine.next_deadline() == 61.0
    assert machine.handle_deadline(61.0) == [StopRecording(2)]


def test_recording_that_ends_for_lack_of_sound_goes_on(walk: Walks) -> None:
    assert after(recording(walk), CallerRecorded(2, 5.0))[0] == entered("again")


def test_caller_who_says_nothing_more_has_ended_the_message(walk: Walks) -> None:
    machine = recording(walk)
    assert after(machine, CallerSilent(1)) == [], "of another recording"
    assert after(machine, CallerSilent(2)) == [StopRecording(2)]
    assert after(machine, CallerSilent(2)) == []
    assert after(machine, CallerRecorded(2, 9.0))[0] == entered("again")


@pytest.mark.parametrize(("more", "then"), [("", "lost"), ('on_full = "bye"\n', "bye")])
def test_caller_whose_message_has_no_room_hears_so_before_anything_else(walk: Walks, more: str, then: str) -> None:
    machine = walk(RECORD.replace("min_s = 2\n", f"min_s = 2\n{more}"))
    machine.start(0.0)
    full = PromptKey(PromptName("system.message-full"), EN)
    assert after(machine, MessageUnavailable(9)) == [], "of another one"
    assert after(machine, MessageUnavailable(1)) == [Play(2, (full,))]
    assert after(machine, PromptsPlayed(1)) == []
    assert after(machine, PromptsPlayed(2))[0] == entered(then)


@pytest.mark.parametrize(
    ("keys_", "says"),
    [
        ("", ()),
        ("0123456789*#", ("message-end-any",)),
        ("12*", ("message-end-star",)),
        ("97", ("message-end-key-7",)),
    ],
)
def test_limits_name_the_time_and_the_key(walk: Walks, keys_: str, says: tuple[str, ...]) -> None:
    machine = walk(RECORD.replace('"#1"', f'"{keys_}"').replace("max_s = 60", "max_s = 90"))
    (_, _, play) = machine.start(0.0)
    assert isinstance(play, Play)
    names = [str(part.name) for part in play.prompts[len(keys("ask")) :] if isinstance(part, PromptKey)]
    assert names == [f"system.{name}" for name in ["message-length-90", *says, "beep"]]


def test_limits_can_be_left_to_the_flows_own_words(walk: Walks) -> None:
    machine = walk(RECORD.replace("min_s = 2\n", "min_s = 2\nlimits = false\n"))
    (_, _, play) = machine.start(0.0)
    assert play == Play(1, (*keys("ask"), PromptKey(PromptName("system.beep"), EN)))


def test_short_recording_is_empty(walk: Walks) -> None:
    machine = recording(walk)
    assert after(machine, KeyPressed("#"), CallerRecorded(2, 1.9)) == [
        entered("lost"),
        HangUp(EndReason.NO_INPUT),
    ]


def test_recording_whose_end_is_never_reported_is_empty(walk: Walks) -> None:
    machine = recording(walk)
    after(machine, KeyPressed("#"))
    assert machine.handle_deadline(1.0 + STOPPING_MAX_S)[0] == entered("lost")


def test_end_of_another_recording_is_ignored(walk: Walks) -> None:
    assert after(recording(walk), CallerRecorded(1, 5.0)) == []


def test_key_pressed_while_the_recording_is_closed_answers_the_next_question(walk: Walks) -> None:
    machine = recording(walk)
    assert after(machine, KeyPressed("#"), KeyPressed("1"), CallerRecorded(2, 9.0)) == [
        entered("again"),
        entered("file"),
        MESSAGE,
        entered("bye"),
        HangUp(EndReason.COMPLETED),
    ]


def test_caller_who_hangs_up_while_recording_has_left_a_message(walk: Walks) -> None:
    machine = recording(walk)
    assert after(machine, CallerHungUp(9.0)) == [MESSAGE]
    assert machine.next_deadline() is None


def test_caller_who_hangs_up_after_recording_has_left_a_message(walk: Walks) -> None:
    assert after(recording(walk), CallerRecorded(2, 9.0), CallerHungUp()) == [MESSAGE]


def test_caller_who_hangs_up_at_once_has_left_nothing(walk: Walks) -> None:
    assert after(recording(walk), CallerHungUp(1.0)) == []


def test_message_is_filed_once(walk: Walks) -> None:
    machine = walk(RECORD.replace('next = "bye" }', 'next = "more" }') + MORE)
    machine.start(0.0)
    assert after(machine, PromptsPlayed(1), CallerRecorded(2, 9.0), KeyPressed("1"))[-2] == entered("more")
    assert after(machine, CallerHungUp()) == [], "though silence would lead to the message again"


def test_keys_from_before_the_recording_answer_nothing_behind_it(walk: Walks) -> None:
    law = 'nodes.law = { type = "play", prompts = ["ask"], interruptible = false, next = "start" }'
    machine = walk(law + RECORD, start="law")
    machine.start(0.0)
    after(machine, KeyPressed("1"), PromptsPlayed(1), PromptsPlayed(2))
    assert after(machine, CallerRecorded(3, 9.0)) == [entered("again"), Play(4, keys("ask"))]


def test_recording_that_is_begun_again_takes_the_place_of_the_first(walk: Walks) -> None:
    machine = recording(walk)
    after(machine, CallerRecorded(2, 9.0), KeyPressed("2"))
    assert after(machine, CallerHungUp()) == [], "the caller threw the first one away"


# --- confirmation ----------------------------------------------------------------------------------------------

CONFIRM = """
[nodes.start]
type = "confirm"
before = ["wrong"]
read = "caller"
prompts = ["ask"]
yes = "bye"
no = "lost"
on_timeout = "lost"
retries = 1
"""


def test_confirmation_reads_the_value_each_time(walk: Walks) -> None:
    machine = walk(CONFIRM)
    spoken: tuple[PromptKey | RuntimeText, ...] = (*keys("wrong"), digits("02055550100"), *keys("ask"))
    assert machine.start(0.0) == [entered("start"), Play(1, spoken)]
    assert after(machine, KeyPressed("9")) == [StopPlaying(), Play(2, spoken)]
    assert after(machine, KeyPressed("1"))[-1] == HangUp(EndReason.COMPLETED)


def test_value_that_was_heard_is_not_read_again_after_a_wrong_key(walk: Walks) -> None:
    machine = walk(CONFIRM)
    machine.start(0.0)
    after(machine, PromptsPlayed(1))
    assert after(machine, KeyPressed("9")) == [Play(2, keys("ask"))]


def test_value_is_read_again_after_a_silence(walk: Walks) -> None:
    """Who says nothing may still be comparing it."""
    machine = walk(CONFIRM)
    first = machine.start(0.0)[-1]
    assert isinstance(first, Play)
    after(machine, PromptsPlayed(1))
    assert machine.handle_deadline(machine.next_deadline() or 0.0) == [Play(2, first.prompts)]


def test_nothing_to_confirm_is_no(walk: Walks) -> None:
    assert walk(CONFIRM, FlowContext("", "4000")).start(0.0)[-1] == HangUp(EndReason.NO_INPUT)


# --- services --------------------------------------------------------------------------------------------------

SERVICE = """
[nodes.start]
type = "service"
service = "orders"
values = { no = "caller", who = "customer.name" }
save = { state = "state", sum = "sum" }
timeout_s = 4
next = "tell"
not_found = "lost"
on_failure = "bye"

[nodes.tell]
type = "say"
parts = ["ask", { read = "state", as = "text" }, { read = "sum", as = "digits" }]
next = "bye"
"""
MEANWHILE = SERVICE.replace("timeout_s = 4", 'timeout_s = 4\nwhile_waiting = ["wrong"]')


def asking(walk: Walks, nodes: str = SERVICE) -> FlowMachine:
    machine = walk(nodes, FlowContext("02055550100", "4000", customer=CARD))
    ask = AskService(1, "orders", {"no": "02055550100", "who": "Jade"}, 4.0)
    assert machine.start(0.0)[1] == ask
    return machine


def test_answer_of_a_service_is_kept_and_spoken(walk: Walks) -> None:
    machine = asking(walk)
    told: tuple[PromptKey | RuntimeText, ...] = (*keys("ask"), RuntimeText("on its way", EN), digits("42"))
    answer = ServiceAnswered(1, {"state": "on its way", "sum": "42", "secret": "x"})
    assert after(machine, answer) == [entered("tell"), Play(2, told)]
    assert machine.variables[VariableName("state")] == "on its way"


def test_missing_field_is_empty_and_passed_over(walk: Walks) -> None:
    assert after(asking(walk), ServiceAnswered(1, {"sum": "4"}))[-1] == Play(2, (*keys("ask"), digits("4")))


def test_value_that_cannot_be_read_so_is_spoken_as_text(walk: Walks) -> None:
    spoken: tuple[PromptKey | RuntimeText, ...] = (*keys("ask"), RuntimeText("four", EN))
    assert after(asking(walk), ServiceAnswered(1, {"sum": "four"}))[-1] == Play(2, spoken)


def test_value_that_cannot_be_read_so_leads_elsewhere_where_the_node_says_so(walk: Walks) -> None:
    machine = asking(walk, SERVICE.replace('next = "bye"', 'next = "bye"\non_failure = "lost"'))
    answer = ServiceAnswered(1, {"state": "sent", "sum": "four"})
    assert after(machine, answer)[-1] == HangUp(EndReason.NO_INPUT)


def test_overlong_value_is_cut(walk: Walks) -> None:
    machine = asking(walk)
    after(machine, ServiceAnswered(1, {"state": "x" * 500}))
    assert len(machine.variables[VariableName("state")]) == 200


def test_service_that_knows_nothing_or_fails_has_its_ways(walk: Walks) -> None:
    assert after(asking(walk), ServiceAnswered(1, ServiceMiss.NOT_FOUND))[0] == entered("lost")
    assert after(asking(walk), ServiceAnswered(1, ServiceMiss.UNAVAILABLE))[0] == entered("bye")
    machine = asking(walk)
    assert machine.next_deadline() == 4.0
    assert machine.handle_deadline(4.0)[0] == entered("bye")


def test_answer_to_an_earlier_question_is_ignored(walk: Walks) -> None:
    assert after(asking(walk), ServiceAnswered(0, {})) == []


def test_announcement_while_a_service_is_asked_is_heard_to_its_end(walk: Walks) -> None:
    machine = asking(walk, MEANWHILE)
    assert after(machine, ServiceAnswered(1, {"sum": "4"})) == []
    assert after(machine, PromptsPlayed(2))[0] == entered("tell")


def test_answer_after_the_announcement_goes_on_at_once(walk: Walks) -> None:
    assert after(asking(walk, MEANWHILE), PromptsPlayed(2), ServiceAnswered(1, {"sum": "4"}))[0] == entered("tell")


def test_overdue_service_cuts_its_announcement(walk: Walks) -> None:
    assert asking(walk, MEANWHILE).handle_deadline(4.0)[:2] == [StopPlaying(), entered("bye")]


# --- callbacks, places, other flows ----------------------------------------------------------------------------

CALLBACK = """
nodes.start = { type = "callback", queue = "service", number = "caller", next = "bye", refused = "lost" }
"""


@pytest.mark.parametrize(("is_placed", "reason"), [(True, EndReason.COMPLETED), (False, EndReason.NO_INPUT)])
def test_callback_leads_on_when_placed_or_refused(walk: Walks, is_placed: bool, reason: EndReason) -> None:
    machine = walk(CALLBACK)
    assert machine.start(0.0)[-1] == RequestCallback(1, QueueName("service"), "02055550100")
    assert after(machine, CallbackRequestFinished(1, is_placed))[-1] == HangUp(reason)


def test_callback_that_is_not_answered_or_has_no_number_is_refused(walk: Walks) -> None:
    machine = walk(CALLBACK)
    machine.start(0.0)
    assert machine.handle_deadline(CALLBACK_MAX_S)[0] == entered("lost")
    assert walk(CALLBACK, FlowContext("", "4000")).start(0.0)[1] == entered("lost")


def test_way_back_leads_to_the_own_queue_and_a_stranger_to_the_named_one(walk: Walks) -> None:
    nodes = 'nodes.start = { type = "return_to_queue", queue = "service" }'
    own = walk(nodes, FlowContext("1", "4000", queue=QueueName("sales"))).start(0.0)[-1]
    assert own == EnterQueue(QueueName("sales"), 0.0, is_back=True)
    assert walk(nodes).start(0.0)[-1] == EnterQueue(QueueName("service"), 0.0)


def test_place_in_a_queue_may_need_skills_and_prefer_an_agent(walk: Walks) -> None:
    nodes = (
        'nodes.start = { type = "queue", queue = "service", skills = { vip = 3 }, preferred = "customer.owner", '
        "tier_priority_s = { gold = 9 } }"
    )
    known = walk(nodes, FlowContext("1", "4000", customer=CARD)).start(0.0)[-1]
    assert known == EnterQueue(QueueName("service"), 9.0, {SkillName("vip"): 3}, AgentId("1001"))
    assert walk(nodes).start(0.0)[-1] == EnterQueue(QueueName("service"), 0.0, {SkillName("vip"): 3})


MOVE = """
nodes.start = { type = "menu", prompts = ["ask"], keys = { 1 = "other" }, variable = "wish", on_timeout = "bye" }
nodes.other = { type = "flow", flow = "other" }
"""


def test_other_flow_starts_with_all_that_is_known(walk: Walks) -> None:
    machine = walk(MOVE, FlowContext("02055550100", "4000", language=Language.MANDARIN, region="north"))
    machine.start(0.0)
    assert after(machine, KeyPressed("1"))[-1] == EnterFlow(FlowName("other"))
    known = machine.handover()
    assert (known.language, known.region, known.visits, known.number) == (Language.MANDARIN, "north", 2, 1)
    assert known.variables[VariableName("wish")] == "1"
    following = walk('takes = ["wish"]\n' + 'nodes.start = { type = "play", prompts = ["ask"], next = "bye" }', known)
    assert following.start(1.0)[-1] == Play(2, keys("ask", language=Language.MANDARIN)), "numbers go on"
    assert following.handle(PromptsPlayed(1), 1.0) == [], "the end of an earlier flow's words is late"


def test_nodes_are_counted_over_all_flows(walk: Walks) -> None:
    machine = walk(MOVE, FlowContext("1", "4000", visits=VISITS_MAX))
    assert machine.start(0.0) == [HangUp(EndReason.LIMIT)]


@pytest.mark.parametrize(
    ("on", "context"),
    [
        ("shift", FlowContext("1", "2", shift="hit")),
        ("day", FlowContext("1", "2", day="hit")),
        ("region", FlowContext("1", "2", region="hit")),
        ("queue", FlowContext("1", "2", queue=QueueName("hit"))),
        (
            "region",
            FlowContext(
                "1", "2", region="x", customer=CustomerCard(CustomerId(1), "", "gold", None, {"region": "hit"})
            ),
        ),
    ],
)
def test_branch_goes_by_what_is_known_of_the_call(walk: Walks, on: str, context: FlowContext) -> None:
    nodes = f'nodes.start = {{ type = "branch", on = "{on}", cases = {{ hit = "bye" }}, otherwise = "lost" }}'
    assert walk(nodes, context).start(0.0)[-1] == HangUp(EndReason.COMPLETED)
    assert walk(nodes).start(0.0)[-1] == HangUp(EndReason.NO_INPUT)


@pytest.mark.parametrize(
    ("field", "value"), [("name", "Jade"), ("tier", "gold"), ("language", "en"), ("owner", "1001")]
)
def test_branch_reads_the_customers_card(walk: Walks, field: str, value: str) -> None:
    nodes = (
        f'nodes.start = {{ type = "branch", on = "variable", variable = "customer.{field}", '
        f'cases = {{ "{value}" = "bye" }}, otherwise = "lost" }}'
    )
    assert walk(nodes, FlowContext("1", "2", customer=CARD)).start(0.0)[-1] == HangUp(EndReason.COMPLETED)
    assert walk(nodes).start(0.0)[-1] == HangUp(EndReason.NO_INPUT)


def test_language_chosen_holds_for_what_is_read(walk: Walks) -> None:
    machine = walk(
        'nodes.start = { type = "language", prompts = ["ask"], keys = { 1 = "cmn" }, next = "tell" }\n'
        'nodes.tell = { type = "say", parts = [{ read = "dialled", as = "digits" }], next = "bye" }'
    )
    machine.start(0.0)
    actions = after(machine, KeyPressed("1"))
    assert SetLanguage(Language.MANDARIN) in actions
    assert isinstance(actions[-1], Play)
    assert {part.language for part in actions[-1].prompts} == {Language.MANDARIN}


def test_sentence_is_as_long_as_the_engine_takes(walk: Walks) -> None:
    parts = ", ".join(['{ read = "dialled", as = "digits" }'] * (PROMPTS_MAX + 1))
    nodes = f'nodes.start = {{ type = "say", parts = [{parts}], next = "bye" }}'
    assert walk(nodes, FlowContext("1", "01234567")).start(0.0)[-1] == Play(1, (digits("01234567"),) * PROMPTS_MAX)


def test_sentence_without_anything_to_say_is_passed_over(walk: Walks) -> None:
    nodes = 'nodes.start = { type = "say", parts = [{ read = "customer.name", as = "text" }], next = "bye" }'
    assert walk(nodes).start(0.0) == [entered("start"), entered("bye"), HangUp(EndReason.COMPLETED)]
