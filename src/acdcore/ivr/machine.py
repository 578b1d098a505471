"""The machine that walks a flow with one caller."""

from collections.abc import Mapping
from dataclasses import dataclass

from acdcore.ivr.model import (
    Context,
    CustomerCard,
    EndReason,
    Flow,
    Language,
    LookupKind,
    LookupMiss,
    NodeName,
    PromptKey,
    VariableName,
)
from acdcore.kernel.ids import QueueName

# --- inputs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """The caller pressed a key."""

    digit: str
    """One of `0123456789*#`; anything else is ignored."""


@dataclass(frozen=True, slots=True)
class PlaybackFinished:
    """A playback came to its end, or could not be played; one that was stopped need not be reported."""

    playback: int
    """The number that its `Play` carried; an older number is ignored."""


@dataclass(frozen=True, slots=True)
class LookupFinished:
    """The directory answered."""

    lookup: int
    """The number that its `Lookup` carried; an older number is ignored."""
    result: CustomerCard | LookupMiss
    """The customer, or why there is none."""


Input = DigitPressed | PlaybackFinished | LookupFinished

# --- actions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entered:
    """The call came to a node: for the call's history, nothing to do."""

    node: NodeName
    """Which one."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play these prompts one after the other, instead of anything that still plays."""

    playback: int
    """To be given back in `PlaybackFinished`."""
    prompts: tuple[PromptKey, ...]
    """At least one."""


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """The caller has pressed a key: be silent at once."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Find a customer and answer with `LookupFinished`; the machine does not wait longer than the node allows."""

    lookup: int
    """To be given back in `LookupFinished`."""
    kind: LookupKind
    """What `value` is."""
    value: str
    """The number; for a plate its digits only; empty when the caller withholds his."""


@dataclass(frozen=True, slots=True)
class SetLanguage:
    """From here on the call is held in this language."""

    language: Language
    """Which one."""


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """The flow has ended: place the call in a queue."""

    queue: QueueName
    """Which one."""
    advance_s: float
    """Seconds that the call is put ahead: those of the node and those of the customer's tier."""


@dataclass(frozen=True, slots=True)
class Dial:
    """The flow has ended: connect the call to an outside number."""

    number: str
    """As it is dialled on the trunk."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The flow has ended: hang up."""

    reason: EndReason
    """For the record."""


Action = Entered | Play | StopPlaying | Lookup | SetLanguage | EnterQueue | Dial | HangUp
"""The last three end the flow; nothing follows them and every later input is ignored."""


class Machine:
    """One caller's way through one flow; pure, so that the same inputs at the same times give the same actions."""

    def __init__(self, flow: Flow, context: Context) -> None: ...

    @property
    def language(self) -> Language:
        """The language of the call now."""
        ...

    @property
    def customer(self) -> CustomerCard | None:
        """Who the caller is, as far as the call's number or the flow's look-up told."""
        ...

    @property
    def variables(self) -> Mapping[VariableName, str]:
        """Everything that was typed, with the caller's and the dialled number."""
        ...

    @property
    def is_ended(self) -> bool:
        """Whether the flow has given its last action."""
        ...

    def start(self, now: float) -> list[Action]:
        """Enter the first node; to be called once."""
        ...

    def handle(self, event: Input, now: float) -> list[Action]:
        """What the caller, the engine or the directory did; late and unfitting inputs give an empty list."""
        ...

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called (monotonic seconds); None while nothing is awaited."""
        ...

    def handle_deadline(self, now: float) -> list[Action]:
        """Silence has lasted, or an answer is overdue; before the deadline this does nothing."""
        ...
