"""What a spoken answer means to the question that was asked: pure functions over a ListenNode.

best answer                              taken for
-                                        nothing that fits
sure enough: `confidence` and above      the answer
`confirm_from` and above, with `confirm` doubtful: the caller is asked whether it was meant
anything else                            nothing that fits

To "did you mean ...?" a sure yes is the answer that was meant; a no, and everything else, is nothing that fits.
"""

import unicodedata
from collections.abc import Mapping

from acdcore.ivr.flow.actions import AnswerGiven, ExpectedAnswer, PossibleAnswer
from acdcore.ivr.model.flow import Language, ListenNode, VariableName
from acdcore.ivr.model.variables import NO, YES

Phrases = Mapping[str, Mapping[Language, tuple[str, ...]]]
"""The values of a question, and the phrases for each in each language."""
YES_NO: Phrases = {
    YES: {
        Language.MANDARIN: ("是", "是的", "对", "对的", "好", "好的", "可以", "行", "没错", "没问题", "要", "需要"),
        Language.CANTONESE: ("係", "係呀", "啱", "好", "好呀", "得", "可以", "冇錯", "冇問題", "要"),
        Language.ENGLISH: ("yes", "yeah", "yep", "yes please", "correct", "that's right", "sure", "okay", "of course"),
    },
    NO: {
        Language.MANDARIN: ("不是", "不是的", "不", "不对", "不用", "不要", "不行", "不可以", "不好", "错了", "不需要"),
        Language.CANTONESE: ("唔係", "唔係呀", "唔啱", "唔好", "唔得", "唔使", "唔要", "唔可以", "錯咗"),
        Language.ENGLISH: ("no", "nope", "no thanks", "no thank you", "not really", "wrong", "that's wrong"),
    },
}
"""The usual phrases for yes and no."""
RANKS = (2, 3)
"""Ranks of the next best answers that are kept beside the best."""


def expected_answers(node: ListenNode, language: Language, *, is_doubtful: bool) -> tuple[ExpectedAnswer, ...]:
    """The answers to listen for: those of the question, or yes and no when the caller is asked what was meant."""
    phrases = YES_NO if is_doubtful else node.phrases
    return tuple(ExpectedAnswer(value, texts[language]) for value, texts in phrases.items() if texts.get(language))


def with_yes_no(own: Phrases) -> Phrases:
    """A flow's own phrases together with the usual ones for yes and no, each once."""
    phrases = {}
    for value, usual in YES_NO.items():
        added = own.get(value, {})
        phrases[value] = {
            language: texts + _unusual(added.get(language, ()), texts) for language, texts in usual.items()
        }
    return phrases | {value: texts for value, texts in own.items() if value not in YES_NO}


def _unusual(texts: tuple[str, ...], usual: tuple[str, ...]) -> tuple[str, ...]:
    known = {comparable(text) for text in usual}
    return tuple(text for text in texts if comparable(text) not in known)


def accepted_answer(
    node: ListenNode, likely: tuple[PossibleAnswer, ...], doubtful: tuple[PossibleAnswer, ...] = ()
) -> tuple[PossibleAnswer, ...]:
    """The accepted answer, followed by the next best ones; empty when none is accepted.

    `doubtful` is what the caller was asked about; `likely` is then the answer to that.
    """
    if not likely or likely[0].confidence < node.confidence:
        return ()
    if doubtful:
        return doubtful if likely[0].value == YES else ()
    return likely


def is_doubtful(node: ListenNode, likely: tuple[PossibleAnswer, ...]) -> bool:
    """Whether the caller has to be asked if the first answer was meant."""
    return bool(likely) and likely[0].value in node.confirm and likely[0].confidence >= node.confirm_from


def kept_of(node: ListenNode, likely: tuple[PossibleAnswer, ...]) -> Mapping[VariableName, str]:
    """The variables of a spoken answer: its value, its confidence, the words, and the next best values."""
    if node.variable is None:
        return {}
    best = likely[0] if likely else PossibleAnswer("", 0.0, "")
    values = [best.value, f"{best.confidence:.2f}" if likely else "", best.text]
    values += [likely[rank - 1].value if len(likely) >= rank else "" for rank in RANKS]
    return dict(zip(names_of(node.variable), values, strict=True))


def kept_by_key(node: ListenNode, key: str) -> Mapping[VariableName, str]:
    """The variables of an answer by key, whose confidence is 1."""
    return kept_of(node, (PossibleAnswer(node.values.get(key, key), 1.0, ""),))


def names_of(variable: VariableName) -> tuple[VariableName, ...]:
    """The names of these variables, in the order of `kept_of`."""
    ends = ("", "_confidence", "_text", *(f"_{rank}" for rank in RANKS))
    return tuple(VariableName(f"{variable}{end}") for end in ends)


def answer_of(node: ListenNode, value: str) -> AnswerGiven | None:
    """The answer for reports; None: none."""
    return AnswerGiven(node.question, node.kind, value) if node.question else None


def answer_by_key(node: ListenNode, key: str) -> AnswerGiven | None:
    """The answer by key for reports; None: none."""
    return answer_of(node, node.values.get(key, key))


def comparable(text: str) -> str:
    """A phrase for comparison: without case, width, spaces and punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())
