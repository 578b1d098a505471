"""Checks a question that may be answered by speech, except its transitions and prompts."""

from collections.abc import Iterator

from acdcore.ivr.flow.spoken_answers import comparable
from acdcore.ivr.model.flow import Flow, Language, ListenNode
from acdcore.ivr.model.variables import KEYS
from acdcore.kernel.mistakes import near

Found = Iterator[tuple[str, str]]
"""Keys of the node's table, each with the reason."""


def wrong_in_listening(flow: Flow, node: ListenNode) -> Found:
    """All mistakes, each once."""
    if not node.phrases:
        yield "phrases", 'there is no phrase to say; add phrases.NAME = { cmn = ["..."] }, or answers = "yes_no"'
        return
    yield from _of_languages(flow, node)
    yield from _of_phrases(flow, node)
    yield from _of_cases(node)
    yield from _of_keys(node)
    yield from _of_doubt(node)


def _of_languages(flow: Flow, node: ListenNode) -> Found:
    for language in sorted(node.keys_only - set(flow.languages)):
        yield "keys_only", f"{language.value} is not among languages; remove it"
    if node.keys_only and not node.keys:
        yield "keys_only", "there is no key to press; add keys"
    if not set(flow.languages) - node.keys_only:
        yield "keys_only", 'no language is listened to; use type = "menu"'
    for value, texts in node.phrases.items():
        missing = [language for language in _heard_in(flow, node) if language not in texts]
        if missing:
            names = ", ".join(language.value for language in missing)
            also = (
                f"name {names} in keys_only, where only keys are to count" if node.keys else "take it out of languages"
            )
            yield f"phrases.{value}", f"no phrase in {names}, which the flow speaks; add one, or {also}"


def _of_phrases(flow: Flow, node: ListenNode) -> Found:
    for language in _heard_in(flow, node):
        seen: dict[str, str] = {}
        for value, texts in node.phrases.items():
            for text in texts.get(language, ()):
                at = f"phrases.{value}.{language.value}"
                said = comparable(text)
                if not said:
                    yield at, f'"{text}" has no word in it; remove it'
                elif seen.get(said) == value:
                    yield at, f'"{text}" stands there twice; remove one'
                elif said in seen:
                    yield at, f'"{text}" means {seen[said]} already; one phrase has one meaning, take another'
                seen.setdefault(said, value)


def _of_cases(node: ListenNode) -> Found:
    for value in node.cases:
        if value not in node.phrases:
            there = ", ".join(node.phrases)
            yield f"cases.{value}", f"no phrase means {value}; there are: {there}{near(value, node.phrases)}"
    left = [value for value in node.phrases if value not in node.cases]
    if left and node.otherwise is None:
        yield "cases", f"{', '.join(left)} leads nowhere; add a case, or otherwise"
    if not left and node.otherwise is not None:
        yield "otherwise", "every value has a case; remove it"


def _of_keys(node: ListenNode) -> Found:
    for key in node.keys:
        if key not in KEYS:
            yield f"keys.{key}", f"{key or 'nothing'} is no such key on a telephone; use one of 0 to 9, * and #"
    if node.values and node.variable is None and not node.question:
        yield "values", "are kept nowhere; add variable"
    for key in node.values:
        if key not in node.keys:
            yield f"values.{key}", "is a key that leads nowhere; add it to keys"


def _of_doubt(node: ListenNode) -> Found:
    """Mistakes in the keys of the question "did you mean ...?"."""
    if not node.confirm:
        return
    for value in node.confirm:
        if value not in node.phrases:
            yield f"confirm.{value}", f"no phrase means {value}; there are: {', '.join(node.phrases)}"
    left = [value for value in node.phrases if value not in node.confirm]
    if left:
        yield "confirm", f"asks nothing about {', '.join(left)}; add a prompt for each, or take confirm out"
    if node.confirm_from >= node.confidence:
        yield "confirm_from", f"{node.confirm_from:g} leaves nothing below confidence, {node.confidence:g}"
    for name, key in (("yes_key", node.yes_key), ("no_key", node.no_key)):
        if key not in KEYS:
            yield name, f"{key or 'nothing'} is no such key on a telephone; use one of 0 to 9, * and #"
    if node.yes_key == node.no_key:
        yield "no_key", f"{node.no_key} means yes already; take another key"


def _heard_in(flow: Flow, node: ListenNode) -> list[Language]:
    return [language for language in flow.languages if language not in node.keys_only]
