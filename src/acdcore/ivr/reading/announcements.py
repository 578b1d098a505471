"""Announcements with numbers in them, as the prompts that say them."""

import math

from acdcore.ivr.model.flow import Language, PromptKey, RecordNode
from acdcore.ivr.model.system_prompts import COUNT_MAX, SystemPhrase, SystemPrompt, digit_key, phrase_key, system_key

DIGITS_MAX = 20
"""E.164 allows 15 digits; what is longer is not a number that anyone listens to."""

KEYS_OF_A_PHONE = 12
"""0 to 9, the star and the hash key."""
WAIT_MIN_MAX = 60
"""The longest wait that is spoken in minutes; beyond it nobody counts on a figure."""


def speak_digits(text: str, language: Language) -> tuple[PromptKey, ...]:
    """One clip per digit of `text`, at most `DIGITS_MAX`; other characters are passed over."""
    digits = [character for character in text if character in "0123456789"]
    return tuple(digit_key(digit, language) for digit in digits[:DIGITS_MAX])


def speak_position(position: int, language: Language) -> PromptKey:
    """What the waiting caller hears.

    `position` counts from 1; above `COUNT_MAX` the caller hears that there are more. Raises ValueError below 1.
    """
    if position < 1:
        raise ValueError(f"a place in a queue counts from 1, not {position}")
    if position > COUNT_MAX:
        return system_key(SystemPrompt.POSITION_BEYOND, language)
    return phrase_key(SystemPhrase.PLACE, str(position), language)


def speak_wait(wait_s: float, language: Language) -> PromptKey:
    """What the waiting caller hears of the estimated wait: "the wait is about three minutes", rounded up.

    Below a minute and above `WAIT_MIN_MAX` it hears just that. Raises ValueError for a negative or endless wait.
    """
    if not 0 <= wait_s < math.inf:
        raise ValueError(f"a wait has a length, not {wait_s}")
    if wait_s < 60:
        return system_key(SystemPrompt.WAIT_SHORT, language)
    minutes = math.ceil(wait_s / 60)
    if minutes > WAIT_MIN_MAX:
        return system_key(SystemPrompt.WAIT_LONG, language)
    return phrase_key(SystemPhrase.WAIT, str(minutes), language)


def speak_limits(node: RecordNode, language: Language) -> tuple[PromptKey, ...]:
    """What the caller hears before a message: "your message may last up to two minutes", and which key ends it."""
    length = phrase_key(SystemPhrase.MESSAGE_LENGTH, str(message_length_s(node)), language)
    return (length, *_end_key(node.keys, language))


def message_length_s(node: RecordNode) -> int:
    """How long a message may be, as the caller is told."""
    return max(1, int(node.max_s))


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
    return (phrase_key(SystemPhrase.MESSAGE_END_KEY, min(keys), language),)
