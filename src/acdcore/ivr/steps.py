"""What the machine that walks a flow is told, and what it asks for."""

from dataclasses import dataclass

from acdcore.ivr.model import CustomerCard, EndReason, Language, LookupKind, LookupMiss, NodeName, PromptKey
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
