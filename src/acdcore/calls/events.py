"""The history of a call: append-only facts, from which its record, its figures and its story are folded.

Each event carries `at` (monotonic seconds, for differences) and its own facts; the wall time is added where it is
written down. The names below are the kinds that operators and the feed see.
"""

from dataclasses import dataclass

from acdcore.calls.ports import EndedBy
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CustomerId, QueueName


@dataclass(frozen=True, slots=True)
class Arrived:
    """An INVITE was admitted."""

    at: float
    trunk: str
    """The trunk's name, or `agents` for a phone of ours."""
    caller: str
    dialled: str


@dataclass(frozen=True, slots=True)
class Answered:
    """We answered the caller."""

    at: float
    flow: str
    """The flow that begins; empty when none does."""
    codec: str


@dataclass(frozen=True, slots=True)
class FlowEntered:
    """The flow reached a node."""

    at: float
    node: str


@dataclass(frozen=True, slots=True)
class CustomerFound:
    """The caller was recognised, by number or by what was typed."""

    at: float
    customer: CustomerId
    by: str


@dataclass(frozen=True, slots=True)
class LanguageChosen:
    """Prompts go on in this language."""

    at: float
    language: str


@dataclass(frozen=True, slots=True)
class Queued:
    """The caller was put into a queue."""

    at: float
    queue: QueueName
    advance_s: float


@dataclass(frozen=True, slots=True)
class Offered:
    """The call was offered to an agent, whose phone begins to ring."""

    at: float
    agent: AgentId
    queue: QueueName
    why: str
    """The order keys that decided, as text."""


@dataclass(frozen=True, slots=True)
class OfferEnded:
    """The offer ended without a talk."""

    at: float
    agent: AgentId
    cause: str


@dataclass(frozen=True, slots=True)
class Connected:
    """Caller and agent (or an outside party) belong together from here on."""

    at: float
    agent: AgentId | None
    outside: str
    recording: str
    """The recording's path below the recordings directory; empty when the talk is not recorded."""


@dataclass(frozen=True, slots=True)
class Bridged:
    """Whisper and announcement are over: both hear each other."""

    at: float


@dataclass(frozen=True, slots=True)
class Held:
    """A party put the talk on hold."""

    at: float
    by: EndedBy


@dataclass(frozen=True, slots=True)
class Resumed:
    """The talk goes on."""

    at: float
    by: EndedBy


@dataclass(frozen=True, slots=True)
class Overflowed:
    """A rule moved the caller elsewhere."""

    at: float
    cause: str
    target: str


@dataclass(frozen=True, slots=True)
class TalkEnded:
    """The talk is over; the caller may still be there."""

    at: float
    by: EndedBy


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over; nothing follows."""

    at: float
    outcome: Outcome
    by: EndedBy
    detail: str


Event = (
    Arrived
    | Answered
    | FlowEntered
    | CustomerFound
    | LanguageChosen
    | Queued
    | Offered
    | OfferEnded
    | Connected
    | Bridged
    | Held
    | Resumed
    | Overflowed
    | TalkEnded
    | Ended
)

KINDS: dict[type[Event], str] = {
    Arrived: "arrived",
    Answered: "answered",
    FlowEntered: "flow_entered",
    CustomerFound: "customer_found",
    LanguageChosen: "language_chosen",
    Queued: "queued",
    Offered: "offered",
    OfferEnded: "offer_ended",
    Connected: "connected",
    Bridged: "bridged",
    Held: "held",
    Resumed: "resumed",
    Overflowed: "overflowed",
    TalkEnded: "talk_ended",
    Ended: "ended",
}
"""The name of each event in records and in the feed."""
