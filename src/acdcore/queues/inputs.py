"""The dispatcher's words: the inputs that change the dispatcher. What it answers with is in `decisions.py`.

`now` and every field `at` are monotonic seconds; a field that ends in `_s` is a length of time in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.settings import AgentSettings, DispatcherSettings, OfferEnd
from acdcore.queues.settings import Channel as Channel  # a word of the inputs too

EntryId = NewType("EntryId", str)
"""One visit of a call in the queues; a call that is put back after a talk joins with a new one."""
OfferId = NewType("OfferId", int)
"""One ringing of one agent for one entry; the dispatcher counts them from 1."""

MAX_AGENTS = 10_000
"""Agents that a dispatcher remembers: seven times the largest known centre (1,300 seats)."""
MAX_ENTRIES = 20_000
"""Entries waiting, ringing or talking at once: far above the lines of one machine, small enough for its memory."""
MAX_LINES = 1_024
"""Lines, one for each (queue, needs, channel), beyond which empty ones are forgotten; flows make far fewer."""
MAX_FORMER_EDITIONS = 8
"""Settings of before under which a call may still join: nobody reloads more often while one call is in its menus."""
MAX_PRIORITY_S = 86_400.0
"""A day: no tier of customers needs a longer lead, and the bound keeps starvation bounded too."""
MAX_WAITED_S = 604_800.0
"""A week: a callback that was asked for before a long holiday still keeps its place."""


class LeaveCause(StrEnum):
    """Why a caller stops waiting, other than by an agent or an overflow rule."""

    HUNG_UP = "hung_up"
    """The caller hung up: abandoned."""
    CALLBACK = "callback"
    """The caller asked to be called back."""
    WITHDRAWN = "withdrawn"
    """Operations staff or the flow took the caller out."""
    FAILED = "failed"
    """Media lost, shutdown, or a fault."""


@dataclass(frozen=True, slots=True)
class CallerFacts:
    """What is known of a caller that a queue's rules may go by."""

    tier: str = "unknown"
    """Customer tier."""
    language: str = ""
    """Language chosen; "": none."""
    region: str = ""
    """Region, by number or by the customer's data; "": not known."""


@dataclass(frozen=True, slots=True)
class CallerJoined:
    """A call, or a work item, asks for an agent."""

    entry: EntryId
    """A name never used before."""
    queue: QueueName
    """Where to wait."""
    priority_s: float = 0.0
    """Priority: seconds of waiting granted in advance (VIP); may be negative."""
    skills: Mapping[SkillName, int] = field(default_factory=dict)
    """Skills that this caller needs beside the queue's, e.g. the chosen language."""
    label: str = ""
    """Who it is, for displays; the dispatcher does not look at it."""
    facts: CallerFacts = CallerFacts()
    """What the queue's rules go by."""
    channel: Channel = Channel.CALL
    """How the agent meets the caller; overflow rules and announcements are for those on the line (`CALL`) only."""
    preferred: AgentId | None = None
    """The agent to be kept for, in a queue with `sticky_for_s`; None: anybody."""
    tried_agents: tuple[AgentId, ...] = ()
    """Agents who have just sent the caller off: not offered again for a while, as after a miss."""
    waited_s: float = 0.0
    """Time waited elsewhere: counts for the order, not for this queue's limits and figures; at most `MAX_WAITED_S`."""
    edition: int | None = None
    """Number of the settings that the call goes by; None, and one that is not kept any more: those of now."""


@dataclass(frozen=True, slots=True)
class CallerPaused:
    """The caller is busy in a side flow: keeps the place and is not offered; time goes on, a ringing phone stops."""

    entry: EntryId
    """Which entry."""


@dataclass(frozen=True, slots=True)
class CallerResumed:
    """The caller is back from the side flow; deadlines that passed meanwhile take effect now."""

    entry: EntryId
    """Which entry."""


@dataclass(frozen=True, slots=True)
class CallerAssigned:
    """Somebody gives the caller to an agent manually: offered now, whatever skills and missed offers say."""

    entry: EntryId
    """Who waits; a phone that rings for this caller stops."""
    agent: AgentId
    """Who is ready."""


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """The caller is gone; in a talk it means the same as `TalkEnded`."""

    entry: EntryId
    """The entry that is over."""
    cause: LeaveCause = LeaveCause.HUNG_UP
    """Why."""


@dataclass(frozen=True, slots=True)
class AgentLoggedIn:
    """An agent logs in and is not ready yet; sent again while logged in, it replaces name and skills."""

    settings: AgentSettings
    """Who, with which skills."""


@dataclass(frozen=True, slots=True)
class AgentLoggedOut:
    """An agent goes home; during a talk it takes effect when the talk ends."""

    agent: AgentId
    """Who."""


@dataclass(frozen=True, slots=True)
class AgentRestored:
    """An agent of whom an earlier run of the daemon knew that they were logged in: as they were, no contact."""

    settings: AgentSettings
    """Who, with which skills."""
    is_ready: bool
    """Whether the agent wanted calls."""
    reason: str = ""
    """Why not, when not; "" counts as `logged_in`."""
    answered: int = 0
    """Calls answered so far."""
    idle_for_s: float = 0.0
    """Time since the end of the last contact."""
    load: float = 0.0
    """Share of the recent time on duty spent at work, 0 to 1."""
    is_phone_up: bool = False
    """Whether the phone is known to be registered; otherwise `AgentPhoneUp` follows, or came before."""


@dataclass(frozen=True, slots=True)
class AgentReady:
    """An agent wants calls; it also ends a wrap-up or a back-off early."""

    agent: AgentId
    """Who."""


@dataclass(frozen=True, slots=True)
class AgentNotReady:
    """An agent wants no calls; ends a wrap-up, withdraws a ringing offer, takes effect after a talk."""

    agent: AgentId
    """Who."""
    reason: str = "break"
    """Operator's word for it."""


@dataclass(frozen=True, slots=True)
class AgentPhoneUp:
    """An agent's phone can be reached: it registered. May come before the agent logs in."""

    agent: AgentId
    """Whose phone."""


@dataclass(frozen=True, slots=True)
class AgentPhoneDown:
    """An agent's phone can not be reached any more: its last registration ended."""

    agent: AgentId
    """Whose phone."""


@dataclass(frozen=True, slots=True)
class AgentBusy:
    """An agent's phone is in a call that no queue gave it."""

    agent: AgentId
    """Who."""


@dataclass(frozen=True, slots=True)
class AgentIdle:
    """That call of the agent's own is over."""

    agent: AgentId
    """Who."""


@dataclass(frozen=True, slots=True)
class OfferAccepted:
    """The agent's phone answered."""

    offer: OfferId
    """Which offer."""


@dataclass(frozen=True, slots=True)
class OfferEnded:
    """The agent's phone will not answer; for an offer that is over already it means nothing."""

    offer: OfferId
    """Which offer."""
    cause: OfferEnd
    """Why not."""


@dataclass(frozen=True, slots=True)
class TalkEnded:
    """Agent and caller are no longer connected, whoever hung up."""

    entry: EntryId
    """Which entry."""


@dataclass(frozen=True, slots=True)
class WrapUpEnded:
    """The agent or a supervisor ends the wrap-up."""

    agent: AgentId
    """Who was wrapping up."""


@dataclass(frozen=True, slots=True)
class DispatcherChanged:
    """New settings for those who join from now on; entries inside keep the settings that they came under."""

    settings: DispatcherSettings
    """The whole new dispatcher; refused as a whole when `validate` finds a problem."""


@dataclass(frozen=True, slots=True)
class HoursChanged:
    """A queue opens or closes; at the start every queue is open."""

    queue: QueueName
    """Which queue."""
    is_open: bool
    """False: the overflow rule for `closed` applies to those who come; who is inside already is served."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The timer fired: everything that is due at `now` happens."""


Input = (
    CallerJoined
    | CallerLeft
    | CallerPaused
    | CallerResumed
    | CallerAssigned
    | AgentLoggedIn
    | AgentRestored
    | AgentLoggedOut
    | AgentReady
    | AgentNotReady
    | AgentPhoneUp
    | AgentPhoneDown
    | AgentBusy
    | AgentIdle
    | OfferAccepted
    | OfferEnded
    | TalkEnded
    | WrapUpEnded
    | DispatcherChanged
    | HoursChanged
    | DeadlinePassed
)
