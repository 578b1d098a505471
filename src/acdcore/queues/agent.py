"""One agent: the state table, the facts that decide the resting state, and what the fairness strategies need.

Rules of the table:
- LOGGED_OUT, UNREACHABLE, NOT_READY, BACKING_OFF, BUSY and READY are resting states. Which of them holds follows from
  the facts (`Agent.rest`), in this order: logged in, phone reachable, wants calls, no call of the agent's own, no
  back-off.
- OFFERED, TALKING and WRAP_UP are contacts. A fact that changes during a talk or a wrap-up takes effect when it ends.
  A ringing offer ends at once when the agent can no longer take it.
- A wrap-up ends by its deadline, by the agent or by a supervisor. The phone and the agent's own calls do not end it.
- An event for which the table has no row is refused.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from types import MappingProxyType
from typing import NamedTuple

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.decisions import AgentState
from acdcore.queues.inputs import EntryId
from acdcore.queues.settings import AgentSettings, OfferEnd

LOAD_MEMORY_S = 1_800.0
"""Time constant of the recent load in seconds: work of half an hour ago counts for a third of work now."""
LOAD_MIN = 1e-12
"""Load of an agent who has not worked at all; above 0, so that its logarithm exists."""


class AgentEvent(StrEnum):
    """What can happen to an agent."""

    LOG_IN = "log_in"
    RESTORE = "restore"
    """An earlier run of the daemon had this agent logged in; `reason` says why not ready, "" when ready."""
    LOG_OUT = "log_out"
    WANT_CALLS = "want_calls"
    WANT_NONE = "want_none"
    PHONE_UP = "phone_up"
    PHONE_DOWN = "phone_down"
    OWN_CALL = "own_call"
    OWN_CALL_OVER = "own_call_over"
    OFFER = "offer"
    ACCEPT = "accept"
    OFFER_OVER = "offer_over"
    TALK_OVER = "talk_over"
    """The talk is over; a wrap-up follows."""
    CONTACT_OVER = "contact_over"
    """The contact is over: a talk without a wrap-up, or the wrap-up."""
    BACK_OFF_OVER = "back_off_over"


class Rest(Enum):
    """The target of a row whose state follows from the facts."""

    REST = auto()


def _table() -> Mapping[tuple[AgentState, AgentEvent], AgentState | Rest]:
    state, event, rest = AgentState, AgentEvent, Rest.REST
    rows: dict[tuple[AgentState, AgentEvent], AgentState | Rest] = {
        (state.LOGGED_OUT, event.LOG_IN): rest,
        (state.LOGGED_OUT, event.RESTORE): rest,
        (state.LOGGED_OUT, event.PHONE_UP): rest,
        (state.LOGGED_OUT, event.PHONE_DOWN): rest,
        (state.LOGGED_OUT, event.OWN_CALL): rest,
        (state.LOGGED_OUT, event.OWN_CALL_OVER): rest,
        (state.READY, event.OFFER): state.OFFERED,
        (state.OFFERED, event.LOG_IN): state.OFFERED,
        (state.OFFERED, event.LOG_OUT): rest,
        (state.OFFERED, event.WANT_CALLS): state.OFFERED,
        (state.OFFERED, event.WANT_NONE): rest,
        (state.OFFERED, event.PHONE_UP): state.OFFERED,
        (state.OFFERED, event.PHONE_DOWN): rest,
        (state.OFFERED, event.OWN_CALL): rest,
        (state.OFFERED, event.OWN_CALL_OVER): state.OFFERED,
        (state.OFFERED, event.ACCEPT): state.TALKING,
        (state.OFFERED, event.OFFER_OVER): rest,
        (state.TALKING, event.TALK_OVER): state.WRAP_UP,
        (state.TALKING, event.CONTACT_OVER): rest,
        (state.WRAP_UP, event.CONTACT_OVER): rest,
        (state.WRAP_UP, event.LOG_IN): state.WRAP_UP,
        (state.WRAP_UP, event.LOG_OUT): rest,
        (state.WRAP_UP, event.WANT_CALLS): rest,
        (state.WRAP_UP, event.WANT_NONE): rest,
        (state.WRAP_UP, event.PHONE_UP): state.WRAP_UP,
        (state.WRAP_UP, event.PHONE_DOWN): state.WRAP_UP,
        (state.WRAP_UP, event.OWN_CALL): state.WRAP_UP,
        (state.WRAP_UP, event.OWN_CALL_OVER): state.WRAP_UP,
    }
    facts = (
        event.LOG_IN,
        event.LOG_OUT,
        event.WANT_CALLS,
        event.WANT_NONE,
        event.PHONE_UP,
        event.PHONE_DOWN,
        event.OWN_CALL,
        event.OWN_CALL_OVER,
    )
    for fact in facts:
        rows[state.TALKING, fact] = state.TALKING
        for resting in (state.UNREACHABLE, state.NOT_READY, state.BACKING_OFF, state.BUSY, state.READY):
            rows[resting, fact] = rest
            rows[resting, event.BACK_OFF_OVER] = rest
    return MappingProxyType(rows)


TABLE = _table()
"""(state, event) to the next state; `Rest.REST`: the state that the facts give."""
EVENTS_WITHOUT_FACT = frozenset(
    {AgentEvent.OFFER, AgentEvent.OFFER_OVER, AgentEvent.TALK_OVER, AgentEvent.CONTACT_OVER}
)
"""Events that change no fact: the row alone gives the next state."""
AT_WORK = frozenset({AgentState.TALKING, AgentState.WRAP_UP})
"""States that count as work in the load."""
IDLE = frozenset({AgentState.READY, AgentState.OFFERED})
"""States on duty that do not count as work in the load."""
CONTACTS = AT_WORK | {AgentState.OFFERED}
"""States that have a caller."""


@dataclass(slots=True)
class Fairness:
    """An agent's share of the work; it is kept over breaks and log-ins."""

    answered: int = 0
    """Calls answered since the dispatcher began."""
    idle_since: float = 0.0
    """End of the last contact, monotonic seconds; before the first contact, the first log-in; 0: neither yet."""
    last_offer: int = 0
    """Number of the last offer; 0: none yet."""
    load: float = 0.0
    """Share of recent time on duty spent in talk and wrap-up, 0 to 1, as of `load_at`."""
    load_at: float = 0.0

    def accrue(self, state: AgentState, now: float) -> None:
        """Let the load follow the time spent in `state`: up at work, down while idle, unchanged off duty."""
        if state in AT_WORK:
            self.load = 1.0 - (1.0 - self.load) * math.exp((self.load_at - now) / LOAD_MEMORY_S)
        elif state in IDLE:
            self.load *= math.exp((self.load_at - now) / LOAD_MEMORY_S)
        self.load_at = now

    @property
    def idle_load(self) -> float:
        """Orders idle agents by load. All loads fade at one rate, so the figure is constant while agents are idle."""
        return math.log(max(self.load, LOAD_MIN)) + self.load_at / LOAD_MEMORY_S


class AgentContact(NamedTuple):
    """The caller and the queue of the offer, the talk or the wrap-up."""

    entry: EntryId
    queue: QueueName


class BackOff(NamedTuple):
    """A pause after a missed offer, until a monotonic time."""

    cause: OfferEnd
    until: float


class Agent:
    """One agent with at most one offer, talk or wrap-up at a time."""

    def __init__(self, settings: AgentSettings, now: float) -> None:
        self.settings = settings
        self.state = AgentState.LOGGED_OUT
        self.since = now
        self.wrap_up_until = now
        self.is_logged_in = False
        self.is_phone_up = False
        self.is_on_own_call = False
        self.not_ready_reason: str | None = None
        self.back_off: BackOff | None = None
        self.misses = 0
        self.fairness = Fairness(load_at=now)
        self.contact: AgentContact | None = None

    @property
    def id(self) -> AgentId:
        return self.settings.agent

    @property
    def is_on_duty(self) -> bool:
        """Logged in, not about to log out after a contact, and reachable: a reason to let callers wait."""
        return self.is_logged_in and self.state is not AgentState.UNREACHABLE

    @property
    def is_willing(self) -> bool:
        """On duty and wanting calls, though perhaps in a contact now: a reason to keep a caller for this agent."""
        return self.is_logged_in and self.is_phone_up and self.not_ready_reason is None

    @property
    def reason(self) -> str:
        """The reason shown beside the state; "" for most states."""
        if self.not_ready_reason is None and self.back_off is None:
            return ""
        if self.state is AgentState.NOT_READY:
            return self.not_ready_reason or ""
        if self.state is AgentState.BACKING_OFF:
            return self.back_off.cause if self.back_off else ""
        return ""

    @property
    def until(self) -> float | None:
        """When the state ends by itself, monotonic seconds; None: it does not."""
        if self.state is AgentState.WRAP_UP:
            return self.wrap_up_until
        if self.state is AgentState.BACKING_OFF and self.back_off is not None:
            return self.back_off.until
        return None

    def rest(self) -> AgentState:
        """The resting state that follows from the facts."""
        if not self.is_logged_in:
            return AgentState.LOGGED_OUT
        if not self.is_phone_up:
            return AgentState.UNREACHABLE
        if self.not_ready_reason is not None:
            return AgentState.NOT_READY
        if self.is_on_own_call:
            return AgentState.BUSY
        if self.back_off is not None:
            return AgentState.BACKING_OFF
        return AgentState.READY

    def is_possible(self, event: AgentEvent) -> bool:
        """Whether the table has a row for this event in the present state."""
        return (self.state, event) in TABLE

    def apply(self, event: AgentEvent, now: float, reason: str = "") -> None:
        """Apply one row of the table; KeyError when there is none (ask `is_possible` first)."""
        target = TABLE[self.state, event]
        if event not in EVENTS_WITHOUT_FACT:
            self._learn(event, now, reason)
        state = self.rest() if isinstance(target, Rest) else target
        if state is self.state:
            return
        self.fairness.accrue(self.state, now)
        if self.state in AT_WORK:
            self.fairness.idle_since = now
        self.state = state
        self.since = now
        if state not in CONTACTS:
            self.contact = None

    def _learn(self, event: AgentEvent, now: float, reason: str) -> None:
        match event:
            case AgentEvent.LOG_IN if not self.is_logged_in and self.state is AgentState.TALKING:
                self.is_logged_in = True  # log-in before the log-out took effect: nothing else changes
            case AgentEvent.LOG_IN if not self.is_logged_in:
                self.is_logged_in = True
                self.not_ready_reason = "logged_in"
                if not self.fairness.idle_since:
                    self.fairness.idle_since = now
            case AgentEvent.RESTORE:
                self.is_logged_in = True
                self.not_ready_reason = reason or None
            case AgentEvent.LOG_OUT:
                self.is_logged_in = False
                self.back_off = None
                self.misses = 0
            case AgentEvent.WANT_CALLS:
                self.not_ready_reason = None
                self.back_off = None
                self.misses = 0
            case AgentEvent.WANT_NONE:
                self.not_ready_reason = reason
            case AgentEvent.PHONE_UP | AgentEvent.PHONE_DOWN:
                self.is_phone_up = event is AgentEvent.PHONE_UP
            case AgentEvent.OWN_CALL | AgentEvent.OWN_CALL_OVER:
                self.is_on_own_call = event is AgentEvent.OWN_CALL
            case AgentEvent.BACK_OFF_OVER:
                self.back_off = None
            case AgentEvent.ACCEPT:
                self.misses = 0
                self.fairness.answered += 1
            case _:
                pass  # logged in already
