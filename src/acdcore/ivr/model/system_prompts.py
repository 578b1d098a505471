"""The names of the prompts that acdcore itself speaks, outside of any flow."""

from enum import StrEnum

from acdcore.ivr.model.flow import Language, PromptKey, PromptName

COUNT_MAX = 20
"""The largest place in a queue that is spoken; beyond it a caller hears that there are more than that."""
COUNTS = (*range(1, COUNT_MAX + 1), 30, 40, 50, 60, 70, 80, 90)
"""Numbers that are one prompt each; all others are put together."""
MONTHS = 12
MONTH_DAYS = 31
SYSTEM = "system"
"""The part before the dot in the names of these prompts."""


class SystemPrompt(StrEnum):
    """A prompt by its key in `config/prompts/system.toml`."""

    AGENT_NUMBER = "agent-number"
    """Before the digits of the agent's number, to the caller, where the sentence cannot be spoken in time."""
    AT_YOUR_SERVICE = "at-your-service"
    """After them."""
    POSITION = "position"
    """Before the place in the queue, to the caller, in a call centre that has recorded it; as all that is "before"
    below."""
    IN_THE_QUEUE = "in-the-queue"
    """After it."""
    POSITION_BEYOND = "position-beyond"
    """When the place is above `COUNT_MAX`."""
    PLEASE_HOLD = "please-hold"
    """All agents are busy, to the caller before the music."""
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
    WHISPER_MANDARIN = "whisper-mandarin"
    """To the agent after the queue's spoken name: a caller speaks this language, which is not the queue's first."""
    WHISPER_CANTONESE = "whisper-cantonese"
    WHISPER_ENGLISH = "whisper-english"
    WHISPER_VIP_MANDARIN = "whisper-vip-mandarin"
    """Both together."""
    WHISPER_VIP_CANTONESE = "whisper-vip-cantonese"
    WHISPER_VIP_ENGLISH = "whisper-vip-english"
    WHISPER_CALLBACK = "whisper-callback"
    """To the agent before the queue's spoken name: the customer is called once the agent says so."""
    WHISPER_MESSAGE = "whisper-message"
    """To the agent before the queue's spoken name: a caller's message follows."""
    MESSAGE_KEYS = "message-keys"
    """To the agent after the message: what the keys 1, 2 and 3 do."""
    PRESS_TO_TAKE = "press-to-take"
    """To the person who answers at an agent's external number: key 1 takes the call."""
    CALLBACK_OFFER = "callback-offer"
    """To the waiting caller: key 1 leaves the line and keeps the place."""
    CALLBACK_REQUESTED = "callback-requested"
    """To the caller; then the call ends."""
    AGENT_COMING = "agent-coming"
    """To the waiting caller, or to the customer who was called back."""
    AGENT_LOST = "agent-lost"
    """To the caller whose agent's connection broke, who keeps the place in the queue."""
    WAIT = "wait"
    """Before the number of minutes, to the waiting caller."""
    WAIT_SHORT = "wait-short"
    """Instead, when it is less than a minute."""
    WAIT_LONG = "wait-long"
    """Instead, when it is more than an hour."""
    SURVEY_INTRODUCTION = "survey-introduction"
    """To the caller whom the agent has left."""
    CALLBACK_FROM = "callback-from"
    """To the customer who is called back, before the queue's spoken name: who calls."""
    CALLBACK_WHY = "callback-why"
    """After it: why, and what follows."""
    CALL_FAILED = "call-failed"
    """Where the call was to go to did not answer; then the call ends."""
    BLOCKED = "blocked"
    """The number is blocked; then the call ends."""
    CALLED_TOO_OFTEN = "called-too-often"
    """The number has called too often in a short time; then the call ends."""
    MESSAGE_LIMIT = "message-limit"
    """Before how long a message may be, to the caller."""
    MESSAGE_END_ANY = "message-end-any"
    """After it: any key ends the message."""
    MESSAGE_END_HASH = "message-end-hash"
    """Instead: the hash key does."""
    MESSAGE_END_STAR = "message-end-star"
    """Instead: the star key does."""
    MESSAGE_END_DIGIT = "message-end-digit"
    """Instead: the digit that is read after it does."""
    MESSAGE_FULL = "message-full"
    """No message can be taken: too many wait, or nothing can be recorded."""
    BEEP = "beep"
    """To the agent just before the caller is there, to the caller before a recording; a tone, without language."""


class SystemPhrase(StrEnum):
    """A sentence with a value in it, by its key in the same file; one prompt for each value (`ivr.reading.phrases`)."""

    PLACE = "place"
    """The place in the queue, to the waiting caller."""
    WAIT = "wait-minutes"
    """How long the wait will be, to the waiting caller."""
    AGENT = "agent-introduction"
    """Who is speaking, to the caller before the talk."""
    CALL_FOR = "call-for"
    """Which queue the caller comes from, to the agent before the talk."""
    CALLBACK_FOR = "callback-for"
    """The same of a callback: the customer is called once the agent has heard it."""
    MESSAGE_FOR = "message-for"
    """The same of a message, which follows."""
    CALLBACK_INTRODUCTION = "callback-introduction"
    """Who calls and why, to the customer who is called back."""
    MESSAGE_LENGTH = "message-length"
    """How long a message may be, to the caller."""
    MESSAGE_END_KEY = "message-end-key"
    """After it: which digit ends the message."""


class Word(StrEnum):
    """A word that values are read aloud with, by its key in the same file."""

    TWO = "two-of"
    """Two of a kind, where Mandarin and Cantonese do not say the numeral: before minutes, yuan, ten thousands."""
    HUNDRED = "hundred"
    THOUSAND = "thousand"
    TEN_THOUSAND = "ten-thousand"
    """Chinese numbers are grouped by it."""
    MILLION = "million"
    """English numbers are grouped by it, as by thousand and billion."""
    HUNDRED_MILLION = "hundred-million"
    BILLION = "billion"
    MINUS = "minus"
    POINT = "point"
    """Before decimals."""
    AND = "and"
    """In English numbers and amounts."""
    YUAN = "yuan"
    """Chinese: of any currency, after its name."""
    JIAO = "jiao"
    FEN = "fen"
    """The hundredth part; in Chinese of any currency."""
    HKD = "hong-kong-dollars"
    HKD_ONE = "hong-kong-dollar"
    HKD_CENTS = "hong-kong-cents"
    """Chinese, of amounts in dollars that have no jiao; so are cents."""
    USD = "us-dollars"
    USD_ONE = "us-dollar"
    CENTS = "cents"
    CENT = "cent"
    YEAR = "year"
    """Chinese, after its digits."""
    SMALL_HOURS = "small-hours"
    """0:00 to 4:59, said before the hour in Chinese, after it in English; as the next four."""
    EARLY = "early-morning"
    """5:00 to 8:59."""
    MORNING = "morning"
    """9:00 to 11:59."""
    NOON = "noon"
    """12:00 to 12:59; in English only 12:00."""
    AFTERNOON = "afternoon"
    """13:00 to 17:59."""
    EVENING = "evening"
    """18:00 to 23:59."""
    OCLOCK = "oclock"
    """Chinese, after the hour."""
    PAST = "minutes-past"
    """Chinese, after the minutes of a time."""
    OH = "oh"
    """Before minutes below ten."""
    DAYS = "days"
    DAY = "day"
    HOURS = "hours"
    HOUR = "hour"
    MINUTES = "minutes"
    MINUTE = "minute"
    SECONDS = "seconds"
    SECOND = "second"


def system_key(prompt: SystemPrompt, language: Language) -> PromptKey:
    """The key of a system prompt."""
    return PromptKey(PromptName(f"{SYSTEM}.{prompt.value}"), language)


def phrase_key(phrase: SystemPhrase, value: str, language: Language) -> PromptKey:
    """The key of a sentence with this value in it."""
    return PromptKey(PromptName(f"{SYSTEM}.{phrase.value}-{value}"), language)


def word_key(word: Word, language: Language) -> PromptKey:
    """The key of a word."""
    return PromptKey(PromptName(f"{SYSTEM}.{word.value}"), language)


def digit_key(digit: str, language: Language) -> PromptKey:
    """The key of one digit, read as a digit (in Mandarin 1 is read yao)."""
    return PromptKey(PromptName(f"{SYSTEM}.digit-{digit}"), language)


def count_key(count: int, language: Language) -> PromptKey:
    """The key of one of `COUNTS`, read as a number."""
    return PromptKey(PromptName(f"{SYSTEM}.count-{count}"), language)


def month_key(month: int, language: Language) -> PromptKey:
    """The key of a month, from 1."""
    return PromptKey(PromptName(f"{SYSTEM}.month-{month}"), language)


def month_day_key(day: int, language: Language) -> PromptKey:
    """The key of a day of the month, from 1."""
    return PromptKey(PromptName(f"{SYSTEM}.month-day-{day}"), language)


def system_names() -> frozenset[str]:
    """The names of all prompts of the system that say the same in every call, without `system.`."""
    return clip_names() | {SystemPrompt.BEEP.value}


def clip_names() -> frozenset[str]:
    """All of them except the beep, which is computed: the list for a call centre that records single words."""
    digits = {f"digit-{digit}" for digit in range(10)}
    counts = {f"count-{count}" for count in COUNTS}
    months = {f"month-{month}" for month in range(1, MONTHS + 1)}
    days = {f"month-day-{day}" for day in range(1, MONTH_DAYS + 1)}
    said = {prompt.value for prompt in SystemPrompt} | {word.value for word in Word}
    return frozenset(said | digits | counts | months | days) - {SystemPrompt.BEEP.value}
