"""What the dispatcher answers: decisions, states, order keys, and why an input was refused.

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
    """Ready again by itself soon: an offer has just been missed."""
    BUSY = "busy"
    """In a call that no queue gave."""
    READY = "ready"
    OFFERED = "offered"
    """The phone rings for a caller."""
    TALKING = "talking"
    WRAP_UP = "wrap_up"


class CallerKey(NamedTuple):
    """Order among callers for one agent; the smallest is served."""

    deficit_s: float
    """Minus the urgency: -(weight x (priority + ageing x waited))."""
    joined_at: float
    """Who came first."""
    serial: int
    """Order of joining, for callers of one instant."""

    def __str__(self) -> str:
        return f"urgency {-self.deficit_s:g} s, joined at {self.joined_at:g} s, {self.serial} in order of joining"


class AgentKey(NamedTuple):
    """Order among ready agents for one caller; the smallest is offered."""

    minus_level: int
    """Minus the sum of the agent's levels in the skills needed."""
    measure: float
    """The strategy's figure."""
    idle_since: float
    """When the agent's last contact ended."""
    agent: AgentId
    """The last tie-break, so that there is none."""

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
    """Why an input did not fit; nothing changed."""

    UNKNOWN_QUEUE = "unknown_queue"
    UNKNOWN_ENTRY = "unknown_entry"
    UNKNOWN_AGENT = "unknown_agent"
    UNKNOWN_OFFER = "unknown_offer"
    DUPLICATE_ENTRY = "duplicate_entry"
    OUT_OF_RANGE = "out_of_range"
    """A figure outside of its limits."""
    NOT_IN_THIS_STATE = "not_in_this_state"
    """The state table has no such row."""
    DISPATCHER_FULL = "dispatcher_full"
    """`MAX_AGENTS` or `MAX_ENTRIES`."""
    SETTINGS_INVALID = "settings_invalid"
    """`settings.validate` says what is wrong."""


@dataclass(frozen=True, slots=True)
class Queued:
    """The caller is in a queue, by joining it or by overflow; an offer or an overflow may follow in the same turn."""

    entry: EntryId
    queue: QueueName
    at: float
    channel: Channel = Channel.CALL


@dataclass(frozen=True, slots=True)
class Widened:
    """The caller needs less from now on: a widening step of the queue is reached."""

    entry: EntryId
    queue: QueueName
    widening_step: int
    """The last widening step reached, from 1; 0 before the first."""
    at: float
    language: str = ""
    """The language that is needed no more, since nobody on duty has it; "": a widening step was reached."""


@dataclass(frozen=True, slots=True)
class ReservedForAgent:
    """The caller is kept for one agent; ends at `until`, or when that agent goes or misses the caller."""

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
    """The dispatcher withdraws the offer itself after this time; the driver needs no timer."""
    caller_key: CallerKey
    """Why this caller."""
    agent_key: AgentKey
    """Why this agent."""
    is_manual_assignment: bool = False
    """Assigned by somebody: the keys did not decide."""


@dataclass(frozen=True, slots=True)
class OfferWithdrawn:
    """Stop ringing: the offer is over; an answer that crosses this is a `LateAccept`."""

    offer: OfferId
    entry: EntryId
    agent: AgentId
    cause: WithdrawCause


@dataclass(frozen=True, slots=True)
class OfferMissed:
    """The agent did not take the offer; said once for every `OfferEnded` that counted and every expiry."""

    offer: OfferId
    entry: EntryId
    agent: AgentId
    queue: QueueName
    cause: OfferEnd


@dataclass(frozen=True, slots=True)
class Connected:
    """Bridge caller and agent."""

    offer: OfferId
    entry: EntryId
    agent: AgentId
    queue: QueueName
    waited_s: float
    """Time in this queue until the answer."""
    is_in_time: bool
    """Within the queue's `service_level_within_s`."""
    is_announced_wait_kept: bool | None = None
    """Whether the answer came within the wait that was told first in this queue; None: none was told."""


@dataclass(frozen=True, slots=True)
class LateAccept:
    """The phone answered an offer that is over: ACK it, BYE it, and let nobody talk."""

    offer: OfferId


@dataclass(frozen=True, slots=True)
class TalkFinished:
    """The agent is free of this caller."""

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
    """Time in this queue."""
    is_short: bool
    """Hung up within the queue's `short_abandon_s`."""
    is_announced_wait_kept: bool | None = None
    """False: left after the wait that was told first was over; None: none was told, or it was not over."""


@dataclass(frozen=True, slots=True)
class Overflowed:
    """The caller leaves the queue by rule; with `ToQueue` a `Queued` (or a further overflow) follows."""

    entry: EntryId
    queue: QueueName
    """The queue left."""
    cause: OverflowCause
    target: OverflowTarget
    waited_s: float
    """Time in the queue left."""
    is_announced_wait_kept: bool | None = None
    """False: left after the wait that was told first was over; None: none was told, or it was not over."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the caller the position; a connection never waits for the end of it."""

    entry: EntryId
    queue: QueueName
    position: int
    """1 is next; never above what was told before in this queue: when a VIP overtook, nothing is told."""
    wait_s: float | None = None
    """Estimated wait from now on, rounded up, never above what was told before; None: say nothing of it."""
    is_first_wait: bool = False
    """The first wait told in this queue: the figures hold us to it."""


@dataclass(frozen=True, slots=True)
class AgentStateChanged:
    """An agent's visible state or its reason is another one."""

    agent: AgentId
    state: AgentState
    reason: str
    """For `NOT_READY` the operator's word, `logged_in` or `missed`; for `BACKING_OFF` the cause; otherwise empty."""
    at: float


@dataclass(frozen=True, slots=True)
class InputRefused:
    """The input did not fit and changed nothing."""

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
