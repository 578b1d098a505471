"""The prompts that acdcore itself speaks, outside of any flow: their names, all of which the file must give."""

from enum import StrEnum

from acdcore.ivr.model import Language, PromptKey, PromptName

COUNT_MAX = 20
"""The largest number that is spoken as one; beyond it a caller hears that there are more than that."""
SYSTEM = "system"
"""The part before the dot in the names of these prompts."""


class SystemPrompt(StrEnum):
    """A prompt by its key in `config/prompts/system.toml`."""

    AGENT_NUMBER = "agent-number"
    """Before the digits of the agent's number, to the caller."""
    AT_YOUR_SERVICE = "at-your-service"
    """After them."""
    POSITION = "position"
    """Before the place in the queue, to the caller."""
    IN_THE_QUEUE = "in-the-queue"
    """After it."""
    POSITION_BEYOND = "position-beyond"
    """Instead of all three when the place is above `COUNT_MAX`."""
    PLEASE_HOLD = "please-hold"
    """While an agent is being looked for."""
    LINES_BUSY = "lines-busy"
    """All lines are taken; then the call ends."""
    QUEUE_OVERFLOW = "queue-overflow"
    """Nobody can answer in reasonable time; then the call ends."""
    NOBODY_THERE = "nobody-there"
    """No agent is logged in; then the call ends."""
    CLOSED = "closed"
    """Outside of the opening hours; then the call ends."""
    GOODBYE = "goodbye"
    """The last words."""
    LOGGED_IN = "logged-in"
    """To an agent, after the feature code."""
    READY = "ready"
    """To an agent, after the feature code."""
    NOT_READY = "not-ready"
    """To an agent, after the feature code."""
    WRAP_UP_ENDED = "wrap-up-ended"
    """To an agent, after the feature code."""
    LOGGED_OUT = "logged-out"
    """To an agent, after the feature code."""
    REFUSED = "refused"
    """To an agent: the feature code does not fit the state."""
    WHISPER_CALL = "whisper-call"
    """To the agent before the queue's spoken name."""
    WHISPER_VIP = "whisper-vip"
    """To the agent after it, for an important customer."""
    BEEP = "beep"
    """To the agent just before the caller is there; a tone, without language."""


def system_key(prompt: SystemPrompt, language: Language) -> PromptKey:
    """The key of a system prompt."""
    return PromptKey(PromptName(f"{SYSTEM}.{prompt.value}"), language)


def digit_key(digit: str, language: Language) -> PromptKey:
    """The key of one digit, read as a digit (in Mandarin 1 is read yao)."""
    return PromptKey(PromptName(f"{SYSTEM}.digit-{digit}"), language)


def count_key(count: int, language: Language) -> PromptKey:
    """The key of a number from 1 to `COUNT_MAX`, read as a number."""
    return PromptKey(PromptName(f"{SYSTEM}.count-{count}"), language)


def required_names() -> frozenset[str]:
    """All keys that the file must have: every prompt but the beep, which is made here."""
    return system_names() - {SystemPrompt.BEEP.value}


def system_names() -> frozenset[str]:
    """The names of all prompts of the system, without `system.`."""
    digits = {f"digit-{digit}" for digit in range(10)}
    counts = {f"count-{count}" for count in range(1, COUNT_MAX + 1)}
    return frozenset({prompt.value for prompt in SystemPrompt} | digits | counts)
