"""Questions that may be answered by speech: the machine in virtual time, and what such a node is refused for."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acdcore.ivr.checks.check import FlowReferences, validate
from acdcore.ivr.files.flows import read_flow
from acdcore.ivr.flow.actions import (
    Action,
    AnswerGiven,
    CallerHungUp,
    CallerSpeaks,
    CallerSpoke,
    CallerUnderstood,
    Entered,
    EnterQueue,
    ExpectedAnswer,
    HangUp,
    Input,
    KeyPressed,
    Listen,
    ListeningReady,
    ListeningUnavailable,
    Play,
    PossibleAnswer,
    PrepareToListen,
    PromptsPlayed,
    StopListening,
    StopPlaying,
    Understand,
)
from acdcore.ivr.flow.machine import HEARING_ENDS_S, PREPARING_MAX_S, UNDERSTANDING_MAX_S, FlowMachine
from acdcore.ivr.flow.spoken_answers import YES_NO, comparable
from acdcore.ivr.model.flow import (
    EndReason,
    Flow,
    FlowContext,
    FlowName,
    HangUpNode,
    Language,
    ListenNode,
    MenuNode,
    Node,
    NodeName,
    PlayNode,
    PromptKey,
    PromptName,
    QueueNode,
    VariableName,
)
from acdcore.ivr.model.kinds import QuestionKind
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.ids import QueueName

CMN, YUE, EN = Language.MANDARIN, Language.CANTONESE, Language.ENGLISH
CALL = FlowContext(caller="02055550100", dialled="4000")
SALES, SERVICE = NodeName("sales"), NodeName("service")
LISTEN = ListenNode(
    prompts=(PromptName("test.which"),),
    phrases={"sales": {CMN: ("销售", "买车")}, "service": {CMN: ("售后",)}},
    cases={"sales": SALES},
    otherwise=SERVICE,
    keys={"1": SALES, "2": SERVICE},
    values={"1": "sales", "2": "service"},
    timeout_s=5.0,
    longest_s=8.0,
    retries=1,
    on_timeout=NodeName("silent"),
    on_no_match=NodeName("unclear"),
    unavailable=NodeName("menu"),
    variable=VariableName("department"),
    invalid_prompts=(PromptName("test.sorry"),),
    keys_only=frozenset({YUE}),
)
DOUBTING = replace(
    LISTEN,
    confirm={"sales": PromptName("test.sales?"), "service": PromptName("test.service?")},
    confirm_from=0.3,
)
NODES: dict[str, Node] = {
    "ask": LISTEN,
    "sales": QueueNode(QueueName("sales")),
    "service": QueueNode(QueueName("service")),
    "silent": HangUpNode((), EndReason.NO_INPUT),
    "unclear": HangUpNode(),
    "menu": MenuNode((PromptName("test.menu"),), {"1": SALES}, 5.0, 0, SERVICE, SERVICE),
}
ASKED = PrepareToListen(1, (ExpectedAnswer("sales", ("销售", "买车")), ExpectedAnswer("service", ("售后",))), CMN, 8.0)
SURE, UNSURE, VAGUE = (
    PossibleAnswer("sales", 0.9, "销售部"),
    PossibleAnswer("sales", 0.45, "小手"),
    PossibleAnswer("sales", 0.1, "嗯"),
)
SECOND, THIRD = PossibleAnswer("service", 0.3, "销售部"), PossibleAnswer("parts", 0.2, "销售部")


def heard(prompt: str) -> tuple[PromptKey, ...]:
    return (PromptKey(PromptName(f"test.{prompt}"), CMN),)


def machine(node: Node = LISTEN, call: FlowContext = CALL, start: str = "ask") -> FlowMachine:
    nodes = {NodeName(key): each for key, each in (NODES | {"ask": node}).items()}
    nodes[NodeName("hello")] = PlayNode((PromptName("test.hello"),), NodeName("ask"))
    return FlowMachine(Flow(FlowName("test"), "test.toml", CMN, (CMN, YUE, EN), NodeName(start), nodes, {}), call)


def walked(*inputs: Input, node: Node = LISTEN) -> list[Action]:
    """What the machine does about the last of these, each a second after the one before."""
    walk = machine(node)
    actions = walk.start(0.0)
    for second, each in enumerate(inputs):
        actions = walk.handle(each, float(second))
    return actions


def in_speech(node: Node = LISTEN) -> FlowMachine:
    """A machine whose caller has spoken during the question, at 0 s."""
    walk = machine(node)
    walk.start(0.0)
    for each in (ListeningReady(1), CallerSpeaks(1), CallerSpoke(1)):
        walk.handle(each, 0.0)
    return walk


def kept(walk: FlowMachine) -> dict[str, str]:
    return {str(name): value for name, value in walk.variables.items() if name.startswith("department")}


# --- the machine ----------------------------------------------------------------------------------------------------


def test_question_is_not_put_before_the_caller_can_be_listened_to() -> None:
    assert walked() == [Entered(NodeName("ask")), ASKED]
    assert walked(ListeningReady(1)) == [Listen(1), Play(2, heard("which"))]


def test_nobody_to_listen_leads_to_the_other_way_unspoken() -> None:
    assert walked(ListeningUnavailable(1)) == [StopListening(1), Entered(NodeName("menu")), Play(2, heard("menu"))]


def test_no_word_whether_anybody_listens_counts_as_nobody() -> None:
    walk = machine()
    walk.start(0.0)
    assert walk.next_deadline() == PREPARING_MAX_S
    assert Entered(NodeName("menu")) in walk.handle_deadline(PREPARING_MAX_S)


def test_speech_stops_the_question_and_is_made_out_when_it_has_ended() -> None:
    assert walked(ListeningReady(1), CallerSpeaks(1)) == [StopPlaying()]
    assert walked(ListeningReady(1), CallerSpeaks(1), CallerSpoke(1)) == [Understand(1)]


def test_sure_answer_leads_its_way_and_is_kept_with_all_that_was_understood() -> None:
    walk = in_speech()
    actions = walk.handle(CallerUnderstood(1, (SURE, SECOND, THIRD)), 1.0)
    assert actions == [StopListening(1), Entered(SALES), EnterQueue(QueueName("sales"), 0.0)]
    assert kept(walk) == {
        "department": "sales",
        "department_confidence": "0.90",
        "department_text": "销售部",
        "department_2": "service",
        "department_3": "parts",
    }


def test_value_without_a_case_leads_otherwise() -> None:
    assert Entered(SERVICE) in in_speech().handle(CallerUnderstood(1, (PossibleAnswer("service", 0.8, ""),)), 1.0)


@pytest.mark.parametrize("likely", [(), (UNSURE,)])
def test_answer_that_is_not_sure_is_asked_again_and_then_given_up(likely: tuple[PossibleAnswer, ...]) -> None:
    walk = in_speech()
    actions = walk.handle(CallerUnderstood(1, likely), 1.0)
    assert actions == [StopListening(1), replace(ASKED, listening=3)]
    assert walk.handle(ListeningReady(3), 1.0) == [Listen(3), Play(4, heard("sorry") + heard("which"))]
    for each in (CallerSpeaks(3), CallerSpoke(3)):
        walk.handle(each, 2.0)
    assert walk.handle(CallerUnderstood(3, likely), 3.0) == [
        StopListening(3),
        Entered(NodeName("unclear")),
        HangUp(EndReason.COMPLETED),
    ]
    assert kept(walk)["department"] == ""


def test_silence_after_the_question_is_asked_again_and_then_given_up() -> None:
    walk = machine()
    walk.start(0.0)
    walk.handle(ListeningReady(1), 0.0)
    walk.handle(PromptsPlayed(2), 1.0)
    assert walk.next_deadline() == 6.0
    assert walk.handle_deadline(6.0) == [StopListening(1), replace(ASKED, listening=3)]
    assert walk.handle(ListeningReady(3), 6.0) == [Listen(3), Play(4, heard("which"))]
    walk.handle(PromptsPlayed(4), 7.0)
    assert walk.handle_deadline(12.0) == [
        StopListening(3),
        Entered(NodeName("silent")),
        HangUp(EndReason.NO_INPUT),
    ]


@pytest.mark.parametrize(
    "before",
    [
        (),
        (PromptsPlayed(2),),
        (CallerSpeaks(1),),
        (CallerSpeaks(1), CallerSpoke(1)),
    ],
)
def test_key_counts_at_any_moment_and_ends_the_listening(before: tuple[Input, ...]) -> None:
    walk = machine()
    walk.start(0.0)
    for each in (ListeningReady(1), *before):
        walk.handle(each, 0.0)
    actions = walk.handle(KeyPressed("2"), 1.0)
    assert [each for each in actions if each != StopPlaying()] == [
        StopListening(1),
        Entered(SERVICE),
        EnterQueue(QueueName("service"), 0.0),
    ]
    assert (StopPlaying() in actions) == (before == ())
    assert kept(walk) == {
        "department": "service",
        "department_confidence": "1.00",
        "department_text": "",
        "department_2": "",
        "department_3": "",
    }
    assert walk.handle(CallerUnderstood(1, (SURE,)), 2.0) == []


def test_key_before_anybody_listens_is_kept_and_answers_the_question_unspoken() -> None:
    assert walked(KeyPressed("1"), ListeningReady(1))[:2] == [StopListening(1), Entered(SALES)]


def test_key_that_leads_nowhere_is_a_wrong_answer() -> None:
    actions = walked(ListeningReady(1), KeyPressed("9"))
    assert actions == [StopPlaying(), StopListening(1), replace(ASKED, listening=3)]


def test_key_typed_ahead_answers_without_anybody_listening() -> None:
    walk = machine(start="hello")
    walk.start(0.0)
    assert walk.handle(KeyPressed("1"), 0.0) == [
        StopPlaying(),
        Entered(NodeName("ask")),
        Entered(SALES),
        EnterQueue(QueueName("sales"), 0.0),
    ]


def test_without_barge_in_the_question_is_heard_to_its_end_first() -> None:
    node = replace(LISTEN, has_barge_in=False)
    assert walked(ListeningReady(1), node=node) == [Play(2, heard("which"))]
    assert walked(ListeningReady(1), PromptsPlayed(2), node=node) == [Listen(1)]
    assert walked(ListeningReady(1), PromptsPlayed(2), CallerSpeaks(1), node=node) == []


def test_language_with_keys_only_is_asked_as_a_menu() -> None:
    walk = machine(call=replace(CALL, language=YUE))
    assert walk.start(0.0)[1:] == [Play(1, (PromptKey(PromptName("test.which"), YUE),))]
    assert Entered(SALES) in walk.handle(KeyPressed("1"), 0.0)


def test_listening_that_fails_in_the_middle_leads_to_the_other_way() -> None:
    walk = machine()
    walk.start(0.0)
    walk.handle(ListeningReady(1), 0.0)
    assert walk.handle(ListeningUnavailable(1), 0.0)[:3] == [
        StopPlaying(),
        StopListening(1),
        Entered(NodeName("menu")),
    ]
    assert in_speech().handle(ListeningUnavailable(1), 0.0)[:2] == [StopListening(1), Entered(NodeName("menu"))]


def test_caller_who_never_ends_and_recogniser_that_never_answers_hold_up_nobody() -> None:
    walk = machine()
    walk.start(0.0)
    for each in (ListeningReady(1), CallerSpeaks(1)):
        walk.handle(each, 0.0)
    assert walk.next_deadline() == 8.0 + HEARING_ENDS_S
    assert Entered(NodeName("menu")) in walk.handle_deadline(8.0 + HEARING_ENDS_S)
    walk = in_speech()
    assert walk.next_deadline() == UNDERSTANDING_MAX_S
    assert Entered(NodeName("menu")) in walk.handle_deadline(UNDERSTANDING_MAX_S)


def test_words_of_an_earlier_question_mean_nothing() -> None:
    walk = in_speech()
    walk.handle(CallerUnderstood(1, ()), 1.0)
    for late in (CallerSpeaks(1), CallerSpoke(1), CallerUnderstood(1, (SURE,)), ListeningUnavailable(1)):
        assert walk.handle(late, 2.0) == []


def test_answer_of_an_earlier_visit_is_forgotten_when_the_question_is_put() -> None:
    walk = machine(call=replace(CALL, variables={VariableName("department"): "sales"}))
    walk.start(0.0)
    assert kept(walk)["department"] == ""


def test_caller_who_leaves_while_listened_to_goes_as_a_silent_one() -> None:
    assert in_speech().handle(CallerHungUp(), 1.0) == []


def test_answer_goes_into_reports_where_it_is_asked_for_them() -> None:
    walk = in_speech(replace(LISTEN, question="department"))
    assert AnswerGiven("department", QuestionKind.CHOICE, "sales") in walk.handle(CallerUnderstood(1, (SURE,)), 1.0)
    actions = walked(ListeningReady(1), KeyPressed("2"), node=replace(LISTEN, question="department"))
    assert AnswerGiven("department", QuestionKind.CHOICE, "service") in actions


SPOKEN = ("ready", "speaks", "spoke", "sales", "unsure", "nothing", "yes", "no", "unavailable")
does = st.lists(st.sampled_from([*SPOKEN, "heard", "silence", "1", "2", "9"]), max_size=40)


@settings(max_examples=300, deadline=None)
@given(does=does, has_barge_in=st.booleans())
def test_every_listening_is_stopped_once_and_before_the_next_whatever_the_caller_does(
    does: list[str], has_barge_in: bool
) -> None:
    walk = machine(replace(DOUBTING, has_barge_in=has_barge_in, retries=9))
    actions, now = walk.start(0.0), 0.0
    open_ones: list[int] = []
    playing = 0
    for doing in [*does, *["silence"] * 40]:
        for action in actions:
            match action:
                case PrepareToListen(number):
                    assert not open_ones
                    open_ones.append(number)
                case Listen(number) | Understand(number):
                    assert open_ones == [number]
                case StopListening(number):
                    open_ones.remove(number)
                case Play(number):
                    playing = number
        if walk.next_deadline() is None:
            break
        now += 0.1
        number = open_ones[0] if open_ones else 0
        likely = {"sales": (SURE,), "unsure": (UNSURE,), "nothing": ()}
        match doing:
            case "silence":
                now = walk.next_deadline() or now
                actions = walk.handle_deadline(now)
            case "heard":
                actions = walk.handle(PromptsPlayed(playing), now)
            case "ready":
                actions = walk.handle(ListeningReady(number), now)
            case "speaks":
                actions = walk.handle(CallerSpeaks(number), now)
            case "spoke":
                actions = walk.handle(CallerSpoke(number), now)
            case "unavailable":
                actions = walk.handle(ListeningUnavailable(number), now)
            case key if key.isdecimal():
                actions = walk.handle(KeyPressed(key), now)
            case _:
                heard_as = likely.get(doing, (PossibleAnswer(doing, 0.9, doing),))
                actions = walk.handle(CallerUnderstood(number, heard_as), now)
    assert walk.next_deadline() is None
    assert not open_ones


# --- did you mean? --------------------------------------------------------------------------------------------------


def in_doubt() -> FlowMachine:
    """A machine that has just begun to ask whether sales was meant."""
    walk = in_speech(DOUBTING)
    actions = walk.handle(CallerUnderstood(1, (UNSURE, SECOND)), 1.0)
    (_, asked) = actions
    assert isinstance(asked, PrepareToListen)
    assert {one.value: one.texts for one in asked.expected} == {word: texts[CMN] for word, texts in YES_NO.items()}
    assert walk.handle(ListeningReady(3), 1.0) == [Listen(3), Play(4, heard("sales?"))]
    return walk


def replied(walk: FlowMachine, value: str, confidence: float = 0.9) -> list[Action]:
    for each in (CallerSpeaks(3), CallerSpoke(3)):
        walk.handle(each, 2.0)
    return walk.handle(CallerUnderstood(3, (PossibleAnswer(value, confidence, ""),)), 3.0)


def test_doubtful_answer_is_asked_about_and_a_yes_takes_it() -> None:
    walk = in_doubt()
    assert replied(walk, "yes")[:2] == [StopListening(3), Entered(SALES)]
    assert kept(walk)["department_confidence"] == "0.45"
    assert kept(walk)["department_2"] == "service"


@pytest.mark.parametrize(("value", "confidence"), [("no", 0.9), ("yes", 0.5)])
def test_no_and_what_is_not_surely_yes_put_the_question_again(value: str, confidence: float) -> None:
    walk = in_doubt()
    assert replied(walk, value, confidence) == [StopListening(3), replace(ASKED, listening=5)]
    assert walk.handle(ListeningReady(5), 3.0) == [Listen(5), Play(6, heard("sorry") + heard("which"))]


def test_doubt_is_answered_by_keys_too_and_other_keys_lead_their_way() -> None:
    assert Entered(SALES) in in_doubt().handle(KeyPressed("1"), 2.0)
    walk = in_doubt()
    assert walk.handle(KeyPressed("2"), 2.0)[-1] == replace(ASKED, listening=5)
    walk = machine(replace(DOUBTING, keys={"0": SERVICE}, values={}))
    walk.start(0.0)
    for each in (ListeningReady(1), CallerSpeaks(1), CallerSpoke(1), CallerUnderstood(1, (UNSURE,)), ListeningReady(3)):
        walk.handle(each, 0.0)
    assert Entered(SERVICE) in walk.handle(KeyPressed("0"), 2.0)


def test_what_is_hardly_likely_is_not_asked_about() -> None:
    walk = in_speech(DOUBTING)
    assert walk.handle(CallerUnderstood(1, (VAGUE,)), 1.0) == [StopListening(1), replace(ASKED, listening=3)]


def test_silence_to_the_doubt_puts_the_question_again() -> None:
    walk = in_doubt()
    walk.handle(PromptsPlayed(4), 2.0)
    assert walk.handle_deadline(7.0) == [StopListening(3), replace(ASKED, listening=5)]


# --- the file -------------------------------------------------------------------------------------------------------

GOOD = """
language = "cmn"
languages = ["cmn", "en", "yue"]
start = "ask"
prompts.which = { cmn = "请说部门。", en = "Which department?", yue = "請按鍵。" }
nodes.sales = { type = "queue", queue = "sales" }
nodes.service = { type = "queue", queue = "service" }

[nodes.ask]
type = "listen"
prompts = ["which"]
cases = { sales = "sales", service = "service" }
keys = { 1 = "sales", 2 = "service" }
values = { 1 = "sales" }
keys_only = ["yue"]
variable = "department"
on_timeout = "service"
unavailable = "service"

[nodes.ask.phrases]
sales = { cmn = ["销售", "买车"], en = ["sales"] }
service = { cmn = ["售后"], en = ["service"] }
"""
CONFIRM = 'confirm = { sales = "which", service = "which" }\nunavailable'


def problems(tmp_path: Path, text: str) -> dict[str, str]:
    file = tmp_path / "test.toml"
    file.write_text(text, "utf-8")
    around = FlowReferences(frozenset({QueueName("sales"), QueueName("service")}))
    return {problem.key: problem.reason for problem in validate(read_flow(file), around)}


def test_good_listening_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == {}
    assert problems(tmp_path, GOOD.replace("unavailable", CONFIRM)) == {}


def test_yes_and_no_are_there_in_every_language(tmp_path: Path) -> None:
    begin, end = GOOD.index("cases ="), GOOD.index("keys =")
    text = GOOD[:begin] + 'answers = "yes_no"\ncases = { yes = "sales", no = "service" }\n' + GOOD[end:]
    assert problems(tmp_path, text[: text.index("[nodes.ask.phrases]")].replace('keys_only = ["yue"]\n', "")) == {}


def test_own_words_for_yes_stand_beside_the_usual_ones(tmp_path: Path) -> None:
    own = 'yes = { cmn = ["可以", "对头"], en = ["Yes!", "aye"] }\nmaybe = { cmn = ["也许"], en = ["perhaps"] }\n'
    begin, end = GOOD.index("cases ="), GOOD.index("keys =")
    cases = 'answers = "yes_no"\ncases = { yes = "sales", no = "service", maybe = "service" }\n'
    text = (GOOD[:begin] + cases + GOOD[end:]).replace(GOOD[GOOD.index("sales = { cmn") :], own)
    assert problems(tmp_path, text) == {}
    node = read_flow(tmp_path / "test.toml").nodes[NodeName("ask")]
    assert isinstance(node, ListenNode)
    assert node.phrases["yes"][CMN] == (*YES_NO["yes"][CMN], "对头")
    assert node.phrases["yes"][EN] == (*YES_NO["yes"][EN], "aye")
    assert node.phrases["yes"][YUE] == YES_NO["yes"][YUE]
    assert node.phrases["no"] == YES_NO["no"]
    assert node.phrases["maybe"] == {CMN: ("也许",), EN: ("perhaps",)}
    twice = text.replace('"aye"', '"no"')
    assert "means yes already" in problems(tmp_path, twice)["nodes.ask.phrases.no.en"]
    assert "stands there twice" in problems(tmp_path, text.replace('"aye"', '"aye", "Aye"'))["nodes.ask.phrases.yes.en"]


@pytest.mark.parametrize("language", list(Language))
def test_nothing_means_both_yes_and_no(language: Language) -> None:
    texts = [comparable(text) for phrases in YES_NO.values() for text in phrases[language]]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("was", "becomes", "key", "reason"),
    [
        ('["售后"]', '["销 售。"]', "phrases.service.cmn", '"销 售。" means sales already; one phrase has one meaning'),
        ('["售后"]', '["售后", "售后"]', "phrases.service.cmn", "stands there twice"),
        ('["售后"]', '["……"]', "phrases.service.cmn", "has no word in it"),
        (
            'cmn = ["售后"], ',
            "",
            "phrases.service",
            "no phrase in cmn, which the flow speaks; add one, or name cmn in k",
        ),
        ('keys_only = ["yue"]\n', "", "phrases.sales", "no phrase in yue"),
        ('["yue"]\nv', '["cmn", "en", "yue"]\nv', "keys_only", 'use type = "menu"'),
        ('languages = ["cmn", "en", "yue"]', 'languages = ["cmn", "en"]', "keys_only", "yue is not among languages"),
        ("cases = { sales", "cases = { sale", "cases.sale", "no phrase means sale; there are: sales, service"),
        (', service = "service" }\nkeys', " }\nkeys", "cases", "service leads nowhere; add a case, or otherwise"),
        ("unavailable", 'otherwise = "sales"\nunavailable', "otherwise", "every value has a case"),
        ('cases = { sales = "sales"', 'cases = { sales = "sals"', "cases.sales", "no node sals"),
        ('unavailable = "service"', 'unavailable = "servic"', "unavailable", "no node servic"),
        ("{ 1 = ", "{ A = ", "keys.A", "no such key on a telephone"),
        ("values = { 1", "values = { 7", "values.7", "is a key that leads nowhere"),
        ('variable = "department"\n', "", "values", "are kept nowhere"),
        ('variable = "department"', 'variable = "caller"', "variable", "call's own number"),
        ("unavailable", CONFIRM.replace(', service = "which"', ""), "confirm", "asks nothing about service"),
        ("unavailable", CONFIRM.replace("sales =", "parts ="), "confirm.parts", "no phrase means parts"),
        ("unavailable", f"confirm_from = 0.7\n{CONFIRM}", "confirm_from", "leaves nothing below confidence, 0.6"),
        ("unavailable", f'yes_key = "2"\n{CONFIRM}', "no_key", "2 means yes already"),
        ("unavailable", CONFIRM.replace('"which",', '"what",'), "confirm", "no prompt what"),
    ],
)
def test_listening_is_refused(tmp_path: Path, was: str, becomes: str, key: str, reason: str) -> None:
    assert was in GOOD
    assert reason in problems(tmp_path, GOOD.replace(was, becomes, 1))[f"nodes.ask.{key}"]


def test_listening_for_nothing_is_refused(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD[: GOOD.index("[nodes.ask.phrases]")])
    assert 'there is no phrase to say; add phrases.NAME = { cmn = ["..."] }' in found["nodes.ask.phrases"]


def test_line_whose_noise_nobody_understands_is_not_led_round_for_ever(tmp_path: Path) -> None:
    text = GOOD.replace("unavailable", 'on_no_match = "ask"\nunavailable')
    assert "goes round for ever: ask -> ask" in problems(tmp_path, text)["nodes.ask"]


@pytest.mark.parametrize(
    ("was", "becomes", "key"),
    [
        ("unavailable", "confidence = 1.5\nunavailable", "nodes.ask.listen.confidence"),
        ("unavailable", "longest_s = 60\nunavailable", "nodes.ask.listen.longest_s"),
        ("unavailable", 'answers = "maybe"\nunavailable', "nodes.ask.listen.answers"),
        ('unavailable = "service"\n', "", "nodes.ask.listen.unavailable"),
        ('en = ["sales"]', 'fr = ["ventes"]', "nodes.ask.listen.phrases.sales.fr"),
    ],
)
def test_table_is_read_strictly(tmp_path: Path, was: str, becomes: str, key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        problems(tmp_path, GOOD.replace(was, becomes, 1))
    assert refused.value.key.replace(".listen", "") == key.replace(".listen", "")
