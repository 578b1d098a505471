"""The values that a flow's file may have: names, texts and times, with their bounds."""

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
"""Names of flows, nodes, prompts and variables, which become parts of file names and records."""
RECORDING_MAX_S = 600.0
"""Seconds of the longest message: nobody listens to more than ten minutes."""
SILENCE_MIN_S = 2.0
"""Seconds of the shortest silence that ends a message: a caller may think for a moment."""
SERVICE_FIELDS_MAX = 20
"""Fields of a service's request or answer: more than a caller can enter or listen to."""
ANSWERS_MAX = 100
"""Answers to one spoken question: more cannot be distinguished over a telephone, and no caller knows them."""
PHRASES_MAX = 30
"""Phrases for one answer in one language."""
UTTERANCE_MAX_S = 30.0
"""Seconds of the longest spoken answer: as much as recognisers take in one piece."""
CONFIDENCE_DEFAULT = 0.6
"""Confidence from which a wrong answer is rare."""

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
PROMPT_PATTERN = r"^(system\.)?[a-z0-9][a-z0-9_-]{0,62}$"
VALUE_PATTERN = r"^(customer\.)?[a-z0-9][a-z0-9_-]{0,62}$"
NUMBER_PATTERN = r"^\+?[0-9]{2,20}$"
FORMS: Mapping[str, str] = {
    NAME_PATTERN: 'a name of small letters, digits, - and _, as in "main-menu"',
    PROMPT_PATTERN: 'a prompt of this flow, as in "main-menu", or of acdcore, as in "system.goodbye"',
    VALUE_PATTERN: 'a variable, as in "member_number", or a field of the customer\'s card, as in "customer.name"',
    NUMBER_PATTERN: 'a telephone number, as in "02088880000" or "+862088880000"',
}
"""The form of each value that has a pattern, for error messages."""


def sayable(text: str) -> str:
    """The text, if an engine can read all of it aloud. Raises ValueError."""
    kinds = {unicodedata.category(char) for char in text if char not in "\n\r\t"}
    if kinds & {"Cc", "Cs"}:
        raise ValueError("contains a control character, at which engines stop; remove it")
    if not any(kind[0] in "LNS" for kind in kinds):
        raise ValueError("contains nothing that can be read aloud; write words, or remove it")
    return text


SpokenText = Annotated[str, Field(min_length=1, max_length=600), AfterValidator(sayable)]
"""A text read aloud: 600 characters are about two minutes."""
PromptRef = Annotated[str, Field(pattern=PROMPT_PATTERN)]
ValueRef = Annotated[str, Field(pattern=VALUE_PATTERN)]
"""A variable, or a field of the customer's card."""
Value = Annotated[str, Field(min_length=1, max_length=200)]
"""A value that is kept for a key and written into records."""
Phrase = Annotated[str, Field(min_length=1, max_length=60)]
"""A phrase that the caller may say: a few words, not a sentence."""
Share = Annotated[float, Field(ge=0, le=1)]
HowToRead = Literal["digits", "number", "money", "date", "time", "duration", "text"]
Pause = Annotated[float, Field(gt=0, le=60)]
"""Seconds of silence in which a caller may answer."""
Tries = Annotated[int, Field(ge=0, le=9)]
Priority = Annotated[float, Field(ge=0, le=86_400)]
"""Seconds of waiting that a caller is granted in advance: at most a day."""
