"""The enumerations of flows: how to read a value, kinds of questions, and what a branch decides by."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ReadAs(StrEnum):
    """How a value is read aloud; see `acdcore.ivr.reading.values`."""

    DIGITS = "digits"
    """One after the other: "1 0 0 1"."""
    NUMBER = "number"
    """As a count: "one thousand and one"."""
    MONEY = "money"
    """An amount with its currency."""
    DATE = "date"
    """A day, written YYYY-MM-DD."""
    TIME = "time"
    """A time of day, written HH:MM."""
    DURATION = "duration"
    """A number of seconds."""


class QuestionKind(StrEnum):
    """The kind of a question's answer."""

    CHOICE = "choice"
    """One of some values, by key."""
    NUMBER = "number"
    """A whole number within bounds."""
    DIGITS = "digits"
    """Digits that are not counted with: a postcode, an order."""
    YES_NO = "yes_no"
    """`yes` or `no`, by key."""


@dataclass(frozen=True, slots=True)
class Choices:
    """An answer is one key."""

    values: Mapping[str, str]
    """What each key means."""
    kind: QuestionKind = QuestionKind.CHOICE
    """CHOICE or YES_NO."""


@dataclass(frozen=True, slots=True)
class Range:
    """An answer is a whole number."""

    min: int
    """The smallest valid number."""
    max: int
    """The largest valid number; an answer with as many digits is complete."""
    kind: QuestionKind = QuestionKind.NUMBER


@dataclass(frozen=True, slots=True)
class Digits:
    """An answer is a string of digits."""

    min: int
    """Digits at least."""
    max: int
    """Digits at most; the last one completes the answer."""
    kind: QuestionKind = QuestionKind.DIGITS


AnswerForm = Choices | Range | Digits


class BranchOn(StrEnum):
    """What a branch decides by."""

    VARIABLE = "variable"
    TIER = "tier"
    LANGUAGE = "language"
    CALENDAR = "calendar"
    """The state of the calendar: open, closed, holiday; what a supervisor forces goes before its hours."""
    SHIFT = "shift"
    """The shift that is on; empty when none is."""
    DAY = "day"
    """The name of today's holiday or special day; empty on a day like any other."""
    REGION = "region"
    """The region of the customer or of the caller's number; empty when it is not known."""
    QUEUE = "queue"
    """The queue that the caller waits in or was sent here from; empty for one who comes from none."""
    CALLBACK = "callback"
    """Which numbers this caller may have called back: a `CallbackChoice`."""


class CallbackChoice(StrEnum):
    """Which numbers may be called back by the present settings."""

    NONE = "none"
    """None: no trunk may dial out, or the caller's own number may not be called and no other is allowed."""
    OWN = "own"
    """Only the number that the caller calls from."""
    OTHER = "other"
    """Only another number, for example when the caller withholds the own one."""
    OWN_OR_OTHER = "own_or_other"


class ServiceMiss(StrEnum):
    """Why a service gave no usable answer."""

    NOT_FOUND = "not_found"
    """It answered that there is nothing of the kind."""
    UNAVAILABLE = "unavailable"
    """It did not answer in time, or not in a way that can be used."""
