"""Numbers as sequences of prompts, and the announcements that are put together from them."""

import math

from acdcore.ivr.cardinals import speak_quantity
from acdcore.ivr.model import Language, PromptKey, RecordNode
from acdcore.ivr.system import COUNT_MAX, SystemPrompt, Word, count_key, digit_key, system_key, word_key

DIGITS_MAX = 20
"""E.164 allows 15 digits; what is longer is not a number that anyone listens to."""

KEYS_OF_A_PHONE = 12
"""0 to 9, the star and the hash key."""
WAIT_MIN_MAX = 60
"""The longest wait that is spoken in minutes; beyond it nobody counts on a figure."""


def speak_digits(text: str, language: Language) -> tuple[PromptKey, ...]:
    """One prompt per digit of `text`, at most `DIGITS_MAX`; other characters are passed over."""
    digits = [character for character in text if character in "0123456789"]
    return tuple(digit_key(digit, language) for digit in digits[:DIGITS_MAX])


def speak_agent(agent_number: str, language: Language) -> tuple[PromptKey, ...]:
    """What the caller hears on connect: "agent number 1 0 0 1, at your service"."""
    return (
        system_key(SystemPrompt.AGENT_NUMBER, language),
        *speak_digits(agent_number, language),
        system_key(SystemPrompt.AT_YOUR_SERVICE, language),
    )


def speak_position(position: int, language: Language) -> tuple[PromptKey, ...]:
    """What the waiting caller hears.

    `position` counts from 1; above `COUNT_MAX` the caller hears that there are more. Raises ValueError below 1.
    """
    if position < 1:
        raise ValueError(f"a place in a queue counts from 1, not {position}")
    if position > COUNT_MAX:
        return (system_key(SystemPrompt.POSITION_BEYOND, language),)
    return (
        system_key(SystemPrompt.POSITION, language),
        count_key(position, language),
        system_key(SystemPrompt.IN_THE_QUEUE, language),
    )


def speak_wait(wait_s: float, language: Language) -> tuple[PromptKey, ...]:
    """What the waiting caller hears of the estimated wait: "the wait is about three minutes", rounded up.

    Below a minute and above `WAIT_MIN_MAX` it hears just that. Raises ValueError for a negative or endless wait.
    """
    if not 0 <= wait_s < math.inf:
        raise ValueError(f"a wait has a length, not {wait_s}")
    if wait_s < 60:
        return (system_key(SystemPrompt.WAIT_SHORT, language),)
    minutes = math.ceil(wait_s / 60)
    if minutes > WAIT_MIN_MAX:
        return (system_key(SystemPrompt.WAIT_LONG, language),)
    return (
        system_key(SystemPrompt.WAIT, language),
        *speak_quantity(minutes, language),
        word_key(Word.MINUTE if minutes == 1 else Word.MINUTES, language),
    )


def speak_limits(node: RecordNode, language: Language) -> tuple[PromptKey, ...]:
    """What the caller hears before a message: "your message may last up to two minutes", and which key ends it."""
    seconds = max(1, int(node.max_s))
    spoken = [system_key(SystemPrompt.MESSAGE_LIMIT, language)]
    for count, one, many in ((seconds // 60, Word.MINUTE, Word.MINUTES), (seconds % 60, Word.SECOND, Word.SECONDS)):
        if count:
            spoken += [*speak_quantity(count, language), word_key(one if count == 1 else many, language)]
    return (*spoken, *_end_key(node.keys, language))


def _end_key(keys: frozenset[str], language: Language) -> tuple[PromptKey, ...]:
    """Which key ends a message; one of them, where some do."""
    if not keys:
        return ()
    if len(keys) == KEYS_OF_A_PHONE:
        return (system_key(SystemPrompt.MESSAGE_END_ANY, language),)
    if "#" in keys:
        return (system_key(SystemPrompt.MESSAGE_END_HASH, language),)
    if "*" in keys:
        return (system_key(SystemPrompt.MESSAGE_END_STAR, language),)
    return (system_key(SystemPrompt.MESSAGE_END_DIGIT, language), digit_key(min(keys), language))
