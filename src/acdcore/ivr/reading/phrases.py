"""Whole sentences with a value in them: one template in `config/prompts/system.toml`, one prompt for each value.

    template                              placeholder   prompts
    place                                 {position}    place-1 to place-20
    wait-minutes                          {minutes}     wait-minutes-1 to wait-minutes-60
    call-for, callback-for, message-for   {queue}       call-for-service, for each queue
    callback-introduction                 {queue}       callback-introduction-service, for each queue
    message-length                        {duration}    message-length-180, for each length in seconds that flows have
    message-end-key                       {key}         message-end-key-0 to message-end-key-9
    agent-introduction                    {number}      agent-introduction-1001, spoken when the agent is known

A sentence is understood where words that were cut out of other sentences are not. A call centre that has recorded
the words one by one, and no sentences, keeps hearing them in a row: `clips_of` says which.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acdcore.ivr.model.flow import Language, PromptKey, PromptName, RuntimeText
from acdcore.ivr.model.kinds import ReadAs
from acdcore.ivr.model.system_prompts import (
    COUNT_MAX,
    SYSTEM,
    SystemPhrase,
    SystemPrompt,
    Word,
    digit_key,
    system_key,
    word_key,
)
from acdcore.ivr.reading.announcements import WAIT_MIN_MAX, speak_digits
from acdcore.ivr.reading.cardinals import cardinal, quantity, speak_cardinal, speak_quantity
from acdcore.ivr.reading.digit_groups import grouped
from acdcore.ivr.reading.values import in_groups, read, spoken_value
from acdcore.ivr.reading.wording import text

PLACEHOLDERS: Mapping[SystemPhrase, str] = {
    SystemPhrase.PLACE: "{position}",
    SystemPhrase.WAIT: "{minutes}",
    SystemPhrase.AGENT: "{number}",
    SystemPhrase.CALL_FOR: "{queue}",
    SystemPhrase.CALLBACK_FOR: "{queue}",
    SystemPhrase.MESSAGE_FOR: "{queue}",
    SystemPhrase.CALLBACK_INTRODUCTION: "{queue}",
    SystemPhrase.MESSAGE_LENGTH: "{duration}",
    SystemPhrase.MESSAGE_END_KEY: "{key}",
}
VALUES: Mapping[SystemPhrase, tuple[str, ...]] = {
    SystemPhrase.PLACE: tuple(map(str, range(1, COUNT_MAX + 1))),
    SystemPhrase.WAIT: tuple(map(str, range(1, WAIT_MIN_MAX + 1))),
    SystemPhrase.MESSAGE_END_KEY: tuple("0123456789"),
}
"""Those that are the same everywhere."""
OF_QUEUES = (
    SystemPhrase.CALL_FOR,
    SystemPhrase.CALLBACK_FOR,
    SystemPhrase.MESSAGE_FOR,
    SystemPhrase.CALLBACK_INTRODUCTION,
)
PIECES: Mapping[SystemPhrase, tuple[SystemPrompt, ...]] = {
    SystemPhrase.PLACE: (SystemPrompt.POSITION, SystemPrompt.IN_THE_QUEUE),
    SystemPhrase.WAIT: (SystemPrompt.WAIT,),
    SystemPhrase.AGENT: (SystemPrompt.AGENT_NUMBER, SystemPrompt.AT_YOUR_SERVICE),
    SystemPhrase.CALL_FOR: (SystemPrompt.WHISPER_CALL,),
    SystemPhrase.CALLBACK_FOR: (SystemPrompt.WHISPER_CALLBACK,),
    SystemPhrase.MESSAGE_FOR: (SystemPrompt.WHISPER_MESSAGE,),
    SystemPhrase.CALLBACK_INTRODUCTION: (SystemPrompt.CALLBACK_FROM, SystemPrompt.CALLBACK_WHY),
    SystemPhrase.MESSAGE_LENGTH: (SystemPrompt.MESSAGE_LIMIT,),
    SystemPhrase.MESSAGE_END_KEY: (SystemPrompt.MESSAGE_END_DIGIT,),
}
"""What a call centre that records single words says before the value, and after it."""


BEFORE: Mapping[str, tuple[str, ...]] = {
    SystemPrompt.WHISPER_VIP_MANDARIN.value: (SystemPrompt.WHISPER_MANDARIN.value, SystemPrompt.WHISPER_VIP.value),
    SystemPrompt.WHISPER_VIP_CANTONESE.value: (SystemPrompt.WHISPER_CANTONESE.value, SystemPrompt.WHISPER_VIP.value),
    SystemPrompt.WHISPER_VIP_ENGLISH.value: (SystemPrompt.WHISPER_ENGLISH.value, SystemPrompt.WHISPER_VIP.value),
    Word.EARLY.value: (Word.MORNING.value,),
    Word.HKD_CENTS.value: (Word.CENTS.value,),
}
"""What recordings of an earlier version have instead of prompts that are new."""


@dataclass(frozen=True, slots=True)
class RuntimePhrases:
    """How values are said that only calls bring up."""

    agent: Mapping[Language, str] = field(default_factory=dict)
    """The template of the agent's number; none in a language in which it is put together from recordings."""
    recorded: frozenset[Language] = frozenset()
    """The languages in which values are put together from recorded words, and never spoken by an engine."""

    def agent_words(self, number: str, language: Language) -> RuntimeText | None:
        """Who is speaking, as one sentence; None where it is put together from clips, or has no digit to be read."""
        template = self.agent.get(language)
        if template is None or not digits_in(number):
            return None
        return RuntimeText(
            filled(template, SystemPhrase.AGENT, value_text(SystemPhrase.AGENT, number, language)), language
        )


WORD_BY_WORD = RuntimePhrases()
"""No sentence is known; everything is put together from clips."""


def filled(template: str, phrase: SystemPhrase, value: str) -> str:
    """The sentence with its value."""
    return template.replace(PLACEHOLDERS[phrase], value)


def value_text(phrase: SystemPhrase, value: str, language: Language) -> str:
    """What is said in the place of the placeholder; a queue's title stands for itself.

    Raises ValueError for a value that the phrase cannot have.
    """
    match phrase:
        case SystemPhrase.PLACE | SystemPhrase.MESSAGE_END_KEY:
            return text(cardinal(int(value), language), language)
        case SystemPhrase.WAIT:
            return text(quantity(int(value), language), language)
        case SystemPhrase.MESSAGE_LENGTH:
            return spoken_value(value, ReadAs.DURATION, language)
        case SystemPhrase.AGENT:
            return text(in_groups(grouped(digits_in(value))), language)
        case _:
            return value


def clips_of(key: PromptKey) -> tuple[PromptKey, ...]:
    """The clips that say together what `key` says; empty when there are none."""
    name = key.name.removeprefix(f"{SYSTEM}.")
    found = phrase_of(name)
    if found is None:
        return tuple(PromptKey(PromptName(f"{SYSTEM}.{each}"), key.language) for each in BEFORE.get(name, ()))
    phrase, value = found
    before, *after = (system_key(piece, key.language) for piece in PIECES[phrase])
    return (before, *_value(phrase, value, key.language), *after)


def phrase_of(name: str) -> tuple[SystemPhrase, str] | None:
    """The phrase and the value of a prompt's name without `system.`; None when it is that of no such sentence."""
    for phrase in SystemPhrase:
        value = name.removeprefix(f"{phrase.value}-")
        if value != name and _is_value(phrase, value):
            return phrase, value
    return None


def _is_value(phrase: SystemPhrase, value: str) -> bool:
    if phrase in VALUES:
        return value in VALUES[phrase]
    return bool(value) if phrase in OF_QUEUES else value.isascii() and value.isdigit()


def _value(phrase: SystemPhrase, value: str, language: Language) -> tuple[PromptKey, ...]:
    match phrase:
        case SystemPhrase.PLACE:
            return speak_cardinal(int(value), language)
        case SystemPhrase.WAIT:
            return (*speak_quantity(int(value), language), word_key(_minutes(value), language))
        case SystemPhrase.MESSAGE_LENGTH:
            return read(value, ReadAs.DURATION, language)
        case SystemPhrase.MESSAGE_END_KEY:
            return (digit_key(value, language),)
        case SystemPhrase.AGENT:
            return speak_digits(value, language)
        case _:
            return (PromptKey(PromptName(f"queue.{value}"), language),)


def _minutes(value: str) -> Word:
    return Word.MINUTE if value == "1" else Word.MINUTES


def digits_in(number: str) -> str:
    """The digits of an agent's number, which may have letters that nobody reads out."""
    return "".join(character for character in number if character in "0123456789")
