"""Numbers as sequences of prompts, and the announcements that are put together from them."""

from acdcore.ivr.model import Language, PromptKey
from acdcore.ivr.system import COUNT_MAX, SystemPrompt, count_key, digit_key, system_key

DIGITS_MAX = 20
"""E.164 allows 15 digits; what is longer is not a number that anyone listens to."""


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
