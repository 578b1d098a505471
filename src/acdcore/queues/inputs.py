"""The inputs that change the dispatcher. Its output is in `decisions.py`.

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
"""One call's time in the queues; a call that is put back after a talk joins with a new entry."""
OfferId = NewType("OfferId", int)
"""One offer to one agent for one entry; the dispatcher counts them from 1."""

MAX_AGENTS = 10_000
"""Agents that a dispatcher remembers: seven times the largest known call centre (1,300 seats)."""
MAX_ENTRIES = 20_000
"""Entries waiting, ringing or talking at once: far more than one machine carries, small enough for its memory."""
MAX_LINES = 1_024
"""Lines, one for each (queue, needs, channel); above this number empty lines are removed. Flows make far fewer."""
MAX_FORMER_EDITIONS = 8
"""Earlier settings under which a call may still join: nobody reloads more often while a call is in its menus."""
MAX_PRIORITY_S = 86_400.0
"""Highest priority, seconds: a day. No customer tier needs more, and the bound keeps starvation bounded too."""
MAX_WAITED_S = 604_800.0
"""Longest time waited before, seconds: a week. A callback from before a long holiday still keeps its place."""


class LeaveCause(StrEnum):
    """Why a caller stops waiting, other than by an agent or an overflow rule."""

    HUNG_UP = "hung_up"
    """The caller hung up: abandoned."""
    CALLBACK = "callback"
    """The caller asked to be called back."""
    WITHDRAWN = "withdrawn"
    """Operations staff or the flow took the caller out."""
    FAILED = "failed"
    """Media lost, shutdown, or another fault."""


@dataclass(frozen=True, slots=True)
class CallerFacts:
    """What is known of a caller; the rules of a queue use it."""

    tier: str = "unknown"
    """Customer tier."""
    language: str = ""
    """The chosen language; "": none."""
    region: str = ""
    """Region, by number or from the customer's data; "": unknown."""


@dataclass(frozen=True, slots=True)
class CallerJoined:
    """A call or a work item asks for an agent."""

    entry: EntryId
    """A name that no entry had before."""
    queue: QueueName
    """The queue to join."""
    priority_s: float = 0.0
    """Seconds of waiting granted in advance (VIP), -`MAX_PRIORITY_S` to `MAX_PRIORITY_S`; below 0: less urgent."""
    skills: Mapping[SkillName, int] = field(default_factory=dict)
    """Skills that this caller needs beside the queue's, with their levels."""
    label: str = ""
    """The caller's number, for displays; the dispatcher does not use it."""
    facts: CallerFacts = CallerFacts()
    """The caller's facts for the queue's rules."""
    channel: Channel = Channel.CALL
    """How the agent meets the caller; overflow rules and announcements are for `CALL` only."""
    preferred: AgentId | None = None
    """The agent for whom to keep the caller, in a queue with `sticky_for_s`; None: any agent."""
    tried_agents: tuple[AgentId, ...] = ()
    """Agents who have just sent the caller back: not offered again for a while, as after a miss."""
    waited_s: float = 0.0
    """Seconds waited before, 0 to `MAX_WAITED_S`: they count for the order, not for this queue's limits and figures."""
    edition: int | None = None
    """Number of the settings for this call; None, or a number that is no longer kept: the present settings."""


@dataclass(frozen=True, slots=True)
class CallerPaused:
    """The caller is in a side flow: the place is kept, time goes on, no offers are made, and a ringing phone stops."""

    entry: EntryId


@dataclass(frozen=True, slots=True)
class CallerResumed:
    """The caller is back from the side flow; deadlines that passed in that time take effect now."""

    entry: EntryId


@dataclass(frozen=True, slots=True)
class CallerAssigned:
    """Somebody assigns the caller to an agent: the offer is made at once, whatever skills and missed offers say."""

    entry: EntryId
    """The waiting caller; if a phone rings for this caller, it stops."""
    agent: AgentId
    """The agent, who must be ready."""


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """The caller is gone; during a talk it means the same as `TalkEnded`."""

    entry: EntryId
    cause: LeaveCause = LeaveCause.HUNG_UP


@dataclass(frozen=True, slots=True)
class AgentLoggedIn:
    """An agent logs in and is not ready yet; when sent again while logged in, it replaces name and skills."""

    settings: AgentSettings


@dataclass(frozen=True, slots=True)
class AgentLoggedOut:
    """An agent logs out; during a talk it takes effect when the talk ends."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentRestored:
    """An agent who was logged in under an earlier run of the daemon: restored as before, without a contact."""

    settings: AgentSettings
    is_ready: bool
    """Whether the agent wanted calls."""
    reason: str = ""
    """Why not ready; "" counts as `logged_in`. Ignored when ready."""
    answered: int = 0
    """Calls answered so far."""
    idle_for_s: float = 0.0
    """Seconds since the end of the last contact."""
    load: float = 0.0
    """Share of the recent time on duty spent at work, 0 to 1."""
    is_phone_up: bool = False
    """Whether the phone is registered, as far as is known; if False, `AgentPhoneUp` may come before or after this."""


@dataclass(frozen=True, slots=True)
class AgentReady:
    """An agent wants calls; this also ends a wrap-up or a back-off early."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentNotReady:
    """An agent wants no calls: ends a wrap-up, withdraws a ringing offer, and takes effect after a talk."""

    agent: AgentId
    reason: str = "break"
    """The call centre's word for the reason."""


@dataclass(frozen=True, slots=True)
class AgentPhoneUp:
    """An agent's phone can be reached: it registered. May come before the agent logs in."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentPhoneDown:
    """An agent's phone can no longer be reached: its last registration ended."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentBusy:
    """An agent's phone is in a call that did not come from a queue."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentIdle:
    """That call of the agent's own is over."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class OfferAccepted:
    """The agent's phone answered."""

    offer: OfferId


@dataclass(frozen=True, slots=True)
class OfferEnded:
    """The agent's phone will not answer; ignored for an offer that is already over."""

    offer: OfferId
    cause: OfferEnd


@dataclass(frozen=True, slots=True)
class TalkEnded:
    """Agent and caller are no longer connected, whichever side hung up."""

    entry: EntryId


@dataclass(frozen=True, slots=True)
class WrapUpEnded:
    """The agent or a supervisor ends the wrap-up."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class DispatcherChanged:
    """New settings for entries that join from now on; entries inside keep the settings under which they came."""

    settings: DispatcherSettings
    """All settings; refused as a whole when `validate` finds a problem."""


@dataclass(frozen=True, slots=True)
class HoursChanged:
    """A queue opens or closes; at the start every queue is open."""

    queue: QueueName
    is_open: bool
    """False: the overflow rule for `closed` applies to callers who come; callers inside are served."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The timer fired: everything that is due at `now` takes effect."""


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
