"""What a key or a silence means to the question that was asked: pure functions over the nodes that ask.

node        key                                          silence after some keys    last silence    last wrong answer
menu        one of `keys`: taken, else wrong             -                          on_timeout      on_invalid
confirm     right or wrong key: taken, else wrong        -                          on_timeout      on_timeout
language    one of `keys`: taken, else wrong             -                          next            next
collect     digits up to `max_digits`; `*` is wrong      taken as they are          on_failure      on_failure
question    a choice; or digits while more can follow    taken as they are          on_no_answer    on_no_answer
listen      one of `keys`: taken, else wrong             -                          on_timeout      on_no_match
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from acdcore.ivr.flow.actions import AnswerGiven
from acdcore.ivr.flow.spoken_answers import answer_by_key, kept_by_key
from acdcore.ivr.model.flow import (
    CollectNode,
    ConfirmNode,
    Language,
    LanguageNode,
    ListenNode,
    MenuNode,
    NodeName,
    Question,
    QuestionNode,
    VariableName,
)
from acdcore.ivr.model.kinds import Choices, Digits, Range

ENDS_INPUT = "#"
"""The key that ends an answer of several digits early."""
PASSES_OVER = "*"
"""The key that skips a skippable question, and starts a number again."""
INTER_DIGIT_S = 4.0
"""Seconds of silence that end an answer of several digits to a QuestionNode."""


@dataclass(frozen=True, slots=True)
class PartialAnswer:
    """The answer is not complete."""

    typed: str
    """The digits so far."""
    wait_s: float
    """Seconds of silence that complete it."""


@dataclass(frozen=True, slots=True)
class InvalidAnswer:
    """The input is not an answer to this question."""


@dataclass(frozen=True, slots=True)
class ValidAnswer:
    """The question is answered or skipped."""

    next: NodeName
    """Where to go."""
    variable: VariableName | None = None
    """The variable that keeps the answer; None: none."""
    value: str = ""
    """The value to keep."""
    beside: Mapping[VariableName, str] = field(default_factory=dict)
    """Further values to keep, by variable."""
    language: Language | None = None
    """The chosen language; None: no change."""
    answered: AnswerGiven | None = None
    """The answer for reports; None: none."""


Reply = PartialAnswer | InvalidAnswer | ValidAnswer


def take_key(node: Question, typed: str, key: str) -> Reply:
    """The meaning of `key` after the digits `typed`."""
    match node:
        case MenuNode():
            target = node.keys.get(key)
            return InvalidAnswer() if target is None else ValidAnswer(target, node.variable, node.values.get(key, key))
        case ConfirmNode():
            target = {node.yes_key: node.yes, node.no_key: node.no}.get(key)
            return InvalidAnswer() if target is None else ValidAnswer(target)
        case LanguageNode():
            language = node.keys.get(key)
            return InvalidAnswer() if language is None else ValidAnswer(node.next, language=language)
        case CollectNode():
            return _collected(node, typed, key)
        case QuestionNode():
            return _answer(node, typed, key)
        case ListenNode():
            target = node.keys.get(key)
            if target is None:
                return InvalidAnswer()
            return ValidAnswer(target, beside=kept_by_key(node, key), answered=answer_by_key(node, key))
        case _:
            assert_never(node)


def take_pause(node: Question, typed: str) -> Reply:
    """The meaning of a silence after the digits `typed`; only some questions accept one without digits."""
    match node:
        case CollectNode() if typed:
            return _number(node, typed)
        case QuestionNode() if typed:
            return _complete(node, typed)
        case QuestionNode(is_skippable=True):
            return ValidAnswer(node.on_no_answer)
        case _:
            return InvalidAnswer()


def target_after_retries(node: Question, *, is_silence: bool) -> NodeName:
    """The node for a caller who has used up the tries."""
    match node:
        case MenuNode():
            return node.on_timeout if is_silence else node.on_invalid
        case ListenNode():
            return node.on_timeout if is_silence else node.on_no_match
        case ConfirmNode():
            return node.on_timeout
        case LanguageNode():
            return node.next
        case CollectNode():
            return node.on_failure
        case QuestionNode():
            return node.on_no_answer
        case _:
            assert_never(node)


def _collected(node: CollectNode, typed: str, key: str) -> Reply:
    if key == node.terminator:
        return _number(node, typed)
    if not key.isdecimal():
        return InvalidAnswer()
    typed += key
    return _number(node, typed) if len(typed) == node.max_digits else PartialAnswer(typed, node.inter_digit_s)


def _number(node: CollectNode, typed: str) -> Reply:
    return ValidAnswer(node.next, node.variable, typed) if len(typed) >= node.min_digits else InvalidAnswer()


def _answer(node: QuestionNode, typed: str, key: str) -> Reply:
    if key == PASSES_OVER and node.is_skippable and not typed:
        return ValidAnswer(node.on_no_answer)
    if isinstance(node.form, Choices):
        value = node.form.values.get(key)
        return InvalidAnswer() if value is None else _answered(node, value)
    if key == ENDS_INPUT:
        return _complete(node, typed)
    if not key.isdecimal():
        return InvalidAnswer()
    typed += key
    return _complete(node, typed) if _is_full(node.form, typed) else PartialAnswer(typed, INTER_DIGIT_S)


def _is_full(form: Range | Digits, typed: str) -> bool:
    """Whether the answer cannot have a further digit."""
    match form:
        case Range():
            return len(typed) >= len(str(form.max)) or int(typed) * 10 > form.max
        case Digits():
            return len(typed) >= form.max


def _complete(node: QuestionNode, typed: str) -> Reply:
    match node.form:
        case Range(low, high) if typed and low <= int(typed) <= high:
            return _answered(node, str(int(typed)))
        case Digits(fewest, most) if fewest <= len(typed) <= most:
            return _answered(node, typed)
        case _:
            return InvalidAnswer()


def _answered(node: QuestionNode, value: str) -> ValidAnswer:
    answered = AnswerGiven(node.question, node.form.kind, value)
    return ValidAnswer(node.branches.get(value, node.next), node.variable, value, answered=answered)
