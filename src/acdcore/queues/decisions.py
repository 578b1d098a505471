"""The dispatcher's output: decisions, states, order keys, and why an input was refused.

Every field `at` is monotonic seconds; a field that ends in `_s` is a length of time in seconds.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.inputs import EntryId, Input, LeaveCause, OfferId
from acdcore.queues.settings import Channel as Channel  # a word of the inputs too
from acdcore.queues.settings import (
    OfferEnd,
    OverflowCause,
    OverflowTarget,
)


class AgentState(StrEnum):
    """What an agent is doing; the transitions are the table in `agent.py`."""

    LOGGED_OUT = "logged_out"
    UNREACHABLE = "unreachable"
    """Logged in, but the phone is not registered."""
    NOT_READY = "not_ready"
    BACKING_OFF = "backing_off"
    """An offer has just been missed; the agent becomes ready again after a short time."""
    BUSY = "busy"
    """In a call that did not come from a queue."""
    READY = "ready"
    OFFERED = "offered"
    """The phone rings for a caller."""
    TALKING = "talking"
    WRAP_UP = "wrap_up"


class CallerKey(NamedTuple):
    """Order of callers for one agent; the smallest key is served first."""

    deficit_s: float
    """Minus the urgency: -(weight x (priority + ageing x waited))."""
    joined_at: float
    """Joining time, monotonic seconds; the earlier comes first."""
    serial: int
    """Order of joining, for callers who joined at the same time."""

    def __str__(self) -> str:
        return f"urgency {-self.deficit_s:g} s, joined at {self.joined_at:g} s, {self.serial} in order of joining"


class AgentKey(NamedTuple):
    """Order of ready agents for one caller; the smallest key gets the offer."""

    minus_level: int
    """Minus the sum of the agent's levels in the skills needed."""
    measure: float
    """The figure that the queue's strategy compares (`policy.MEASURES`)."""
    idle_since: float
    """When the agent's last contact ended, monotonic seconds."""
    agent: AgentId
    """The last tie-break: no two agents have the same key."""

    def __str__(self) -> str:
        return f"level {-self.minus_level}, measure {self.measure:g}, idle since {self.idle_since:g} s"


class WithdrawCause(StrEnum):
    """Why a ringing offer is taken back."""

    EXPIRED = "expired"
    """Not answered within the ring time: counts as a miss (`OfferEnd.NO_ANSWER`)."""
    CALLER_LEFT = "caller_left"
    CALLER_PAUSED = "caller_paused"
    CALLER_ASSIGNED = "caller_assigned"
    """Given to another agent manually."""
    AGENT_NOT_READY = "agent_not_ready"
    AGENT_LOGGED_OUT = "agent_logged_out"
    AGENT_BUSY = "agent_busy"
    PHONE_DOWN = "phone_down"


class RefusalReason(StrEnum):
    """Why an input was refused; a refused input changes nothing."""

    UNKNOWN_QUEUE = "unknown_queue"
    UNKNOWN_ENTRY = "unknown_entry"
    UNKNOWN_AGENT = "unknown_agent"
    UNKNOWN_OFFER = "unknown_offer"
    DUPLICATE_ENTRY = "duplicate_entry"
    OUT_OF_RANGE = "out_of_range"
    """A figure is outside of its limits."""
    NOT_IN_THIS_STATE = "not_in_this_state"
    """The agent's state table has no row for this event."""
    DISPATCHER_FULL = "dispatcher_full"
    """`MAX_AGENTS` or `MAX_ENTRIES` is reached."""
    SETTINGS_INVALID = "settings_invalid"
    """`settings.validate` found problems and names them."""


@dataclass(frozen=True, slots=True)
class Queued:
    """The caller is in a queue, by joining it or by overflow; an offer or an overflow may follow in the same turn."""

    entry: EntryId
    queue: QueueName
    at: float
    channel: Channel = Channel.CALL


@dataclass(frozen=True, slots=True)
class Widened:
    """The caller needs less from now on: a widening step is reached, or the language need is dropped."""

    entry: EntryId
    queue: QueueName
    widening_step: int
    """The last widening step reached, from 1; 0 before the first."""
    at: float
    language: str = ""
    """The language that is no longer needed, since nobody on duty speaks it; "": a widening step was reached."""


@dataclass(frozen=True, slots=True)
class ReservedForAgent:
    """The caller is kept for one agent until `until`, or until that agent leaves or misses the caller."""

    entry: EntryId
    queue: QueueName
    agent: AgentId
    until: float


@dataclass(frozen=True, slots=True)
class Offered:
    """Ring this agent for this caller."""

    offer: OfferId
    entry: EntryId
    agent: AgentId
    queue: QueueName
    ring_for_s: float
    """The dispatcher itself withdraws the offer after this time, 0.1 to 300 s; the driver needs no timer."""
    caller_key: CallerKey
    """Why this caller."""
    agent_key: AgentKey
    """Why this agent."""
    is_manual_assignment: bool = False
    """True: somebody assigned the caller, and the keys did not decide."""


@dataclass(frozen=True, slots=True)
class OfferWithdrawn:
    """Stop ringing: the offer is over. An answer that crosses this decision becomes a `LateAccept`."""

    offer: OfferId
    entry: EntryId
    agent: AgentId
    cause: WithdrawCause


@dataclass(frozen=True, slots=True)
class OfferMissed:
    """The agent did not take the offer; decided once for each `OfferEnded` that counted and each expiry."""

    offer: OfferId
    entry: EntryId
    agent: AgentId
    queue: QueueName
    cause: OfferEnd


@dataclass(frozen=True, slots=True)
class Connected:
    """Connect caller and agent."""

    offer: OfferId
    entry: EntryId
    agent: AgentId
    queue: QueueName
    waited_s: float
    """Time in this queue until the answer, seconds."""
    is_in_time: bool
    """True: within the queue's `service_level_within_s`."""
    is_announced_wait_kept: bool | None = None
    """Whether the answer came within the wait announced first in this queue; None: none was announced."""


@dataclass(frozen=True, slots=True)
class LateAccept:
    """The phone answered an offer that is over: send ACK and BYE, and do not connect the caller."""

    offer: OfferId


@dataclass(frozen=True, slots=True)
class TalkFinished:
    """The talk is over and the agent is free of this caller."""

    entry: EntryId
    agent: AgentId
    queue: QueueName
    talked_s: float


@dataclass(frozen=True, slots=True)
class Departed:
    """The caller left the queue without an agent."""

    entry: EntryId
    queue: QueueName
    cause: LeaveCause
    waited_s: float
    """Time in this queue, seconds."""
    is_short: bool
    """True: hung up within the queue's `short_abandon_s`."""
    is_announced_wait_kept: bool | None = None
    """False: left after the wait announced first was over; None: none was announced, or it was not over."""


@dataclass(frozen=True, slots=True)
class Overflowed:
    """The caller leaves the queue by an overflow rule; with `ToQueue` a `Queued` or another overflow follows."""

    entry: EntryId
    queue: QueueName
    """The queue that the caller leaves."""
    cause: OverflowCause
    target: OverflowTarget
    waited_s: float
    """Time in that queue, seconds."""
    is_announced_wait_kept: bool | None = None
    """False: left after the wait announced first was over; None: none was announced, or it was not over."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Announce the position to the caller; a connection does not wait for the end of the announcement."""

    entry: EntryId
    queue: QueueName
    position: int
    """1 is next; never above the position announced before in this queue."""
    wait_s: float | None = None
    """Estimated wait from now on, rounded up, never above the one announced before; None: do not announce it."""
    is_first_wait: bool = False
    """True: the first wait announced in this queue; the figures count whether it is kept."""


@dataclass(frozen=True, slots=True)
class AgentStateChanged:
    """The agent's visible state, or its reason, has changed."""

    agent: AgentId
    state: AgentState
    reason: str
    """For `NOT_READY` the operator's word, `logged_in` or `missed`; for `BACKING_OFF` the cause; otherwise empty."""
    at: float


@dataclass(frozen=True, slots=True)
class InputRefused:
    """The input was refused and changed nothing."""

    input: Input
    reason: RefusalReason


Decision = (
    Queued
    | Widened
    | ReservedForAgent
    | Offered
    | OfferWithdrawn
    | OfferMissed
    | Connected
    | LateAccept
    | TalkFinished
    | Departed
    | Overflowed
    | Announce
    | AgentStateChanged
    | InputRefused
)
