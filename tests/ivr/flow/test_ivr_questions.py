"""What keys and silences mean to each kind of question."""

import pytest

from acdcore.ivr.flow.actions import AnswerGiven
from acdcore.ivr.flow.questions import (
    InvalidAnswer,
    PartialAnswer,
    Reply,
    ValidAnswer,
    take_key,
    take_pause,
    target_after_retries,
)
from acdcore.ivr.model.flow import (
    CollectNode,
    ConfirmNode,
    Language,
    LanguageNode,
    MenuNode,
    NodeName,
    PromptName,
    Question,
    QuestionNode,
    ValueToRead,
    VariableName,
)
from acdcore.ivr.model.kinds import AnswerForm, Choices, Digits, QuestionKind, Range

ASK = (PromptName("test.ask"),)
A, B, GONE, BAD = NodeName("a"), NodeName("b"), NodeName("gone"), NodeName("bad")
KEPT = VariableName("kept")

MENU = MenuNode(ASK, {"1": A, "2": B}, 5.0, 1, GONE, BAD, variable=KEPT, values={"1": "complaint"})
COLLECT = CollectNode(ASK, KEPT, 2, 4, "#", 8.0, 3.0, 1, A, GONE)
CONFIRM = ConfirmNode((), ValueToRead(KEPT, None), ASK, "1", "2", A, B, 5.0, 1, GONE)
LANGUAGE = LanguageNode(ASK, {"1": Language.MANDARIN, "3": Language.ENGLISH}, 5.0, 0, A)


def question(form: AnswerForm, *, is_skippable: bool = False) -> QuestionNode:
    return QuestionNode("q", form, ASK, 6.0, 1, A, GONE, is_skippable, branches={"2": B, "no": B})


CHOICE = question(Choices({"1": "good", "2": "no"}))
YES_NO = question(Choices({"1": "yes", "2": "no"}, QuestionKind.YES_NO))
TEN = question(Range(0, 10))
HUNDRED = question(Range(5, 120))
POSTCODE = question(Digits(4, 6))


def answer(value: str, kind: QuestionKind, target: NodeName = A) -> ValidAnswer:
    return ValidAnswer(target, None, value, answered=AnswerGiven("q", kind, value))


def typed(node: Question, keys: str) -> Reply:
    """What the last of the keys means after the ones before it; none of those may complete an answer."""
    reply: Reply = PartialAnswer("", 0.0)
    for key in keys:
        assert isinstance(reply, PartialAnswer), f"complete before {key}"
        reply = take_key(node, reply.typed, key)
    return reply


@pytest.mark.parametrize(
    ("node", "keys", "reply"),
    [
        (MENU, "1", ValidAnswer(A, KEPT, "complaint")),
        (MENU, "2", ValidAnswer(B, KEPT, "2")),
        (MENU, "3", InvalidAnswer()),
        (COLLECT, "12", PartialAnswer("12", 3.0)),
        (COLLECT, "1234", ValidAnswer(A, KEPT, "1234")),
        (COLLECT, "12#", ValidAnswer(A, KEPT, "12")),
        (COLLECT, "1#", InvalidAnswer()),
        (COLLECT, "1*", InvalidAnswer()),
        (CONFIRM, "1", ValidAnswer(A)),
        (CONFIRM, "2", ValidAnswer(B)),
        (CONFIRM, "3", InvalidAnswer()),
        (LANGUAGE, "3", ValidAnswer(A, language=Language.ENGLISH)),
        (LANGUAGE, "2", InvalidAnswer()),
        (CHOICE, "1", answer("good", QuestionKind.CHOICE)),
        (CHOICE, "2", answer("no", QuestionKind.CHOICE, B)),
        (CHOICE, "3", InvalidAnswer()),
        (YES_NO, "1", answer("yes", QuestionKind.YES_NO)),
        (YES_NO, "2", answer("no", QuestionKind.YES_NO, B)),
        (TEN, "1", PartialAnswer("1", 4.0)),
        (TEN, "2", answer("2", QuestionKind.NUMBER, B)),
        (TEN, "10", answer("10", QuestionKind.NUMBER)),
        (TEN, "11", InvalidAnswer()),
        (TEN, "0#", answer("0", QuestionKind.NUMBER)),
        (TEN, "05", answer("5", QuestionKind.NUMBER)),
        (TEN, "#", InvalidAnswer()),
        (TEN, "1*", InvalidAnswer()),
        (HUNDRED, "4#", InvalidAnswer()),
        (HUNDRED, "13", answer("13", QuestionKind.NUMBER)),
        (HUNDRED, "12", PartialAnswer("12", 4.0)),
        (HUNDRED, "121", InvalidAnswer()),
        (HUNDRED, "120", answer("120", QuestionKind.NUMBER)),
        (POSTCODE, "510000", answer("510000", QuestionKind.DIGITS)),
        (POSTCODE, "0012#", answer("0012", QuestionKind.DIGITS)),
        (POSTCODE, "001#", InvalidAnswer()),
    ],
)
def test_key_is_taken_kept_or_wrong(node: Question, keys: str, reply: Reply) -> None:
    assert typed(node, keys) == reply


@pytest.mark.parametrize(
    ("node", "so_far", "reply"),
    [
        (COLLECT, "12", ValidAnswer(A, KEPT, "12")),
        (COLLECT, "1", InvalidAnswer()),
        (HUNDRED, "12", answer("12", QuestionKind.NUMBER)),
        (HUNDRED, "1", InvalidAnswer()),
        (POSTCODE, "0012", answer("0012", QuestionKind.DIGITS)),
        (MENU, "", InvalidAnswer()),
        (TEN, "", InvalidAnswer()),
    ],
)
def test_pause_completes_what_was_typed(node: Question, so_far: str, reply: Reply) -> None:
    assert take_pause(node, so_far) == reply


@pytest.mark.parametrize("form", [Choices({"1": "good"}), Range(0, 10), Digits(4, 6)])
def test_skippable_question_is_passed_over_by_star_and_by_silence(form: AnswerForm) -> None:
    assert take_key(question(form, is_skippable=True), "", "*") == ValidAnswer(GONE)
    assert take_pause(question(form, is_skippable=True), "") == ValidAnswer(GONE)
    assert take_key(question(form), "", "*") == InvalidAnswer()


def test_star_in_the_middle_of_a_number_starts_it_over_even_if_the_question_may_be_passed_over() -> None:
    assert take_key(question(Range(0, 100), is_skippable=True), "1", "*") == InvalidAnswer()


@pytest.mark.parametrize(
    ("node", "after_silence", "after_wrong"),
    [(MENU, GONE, BAD), (COLLECT, GONE, GONE), (CONFIRM, GONE, GONE), (LANGUAGE, A, A), (CHOICE, GONE, GONE)],
)
def test_tries_end_where_the_node_says(node: Question, after_silence: NodeName, after_wrong: NodeName) -> None:
    assert target_after_retries(node, is_silence=True) == after_silence
    assert target_after_retries(node, is_silence=False) == after_wrong
