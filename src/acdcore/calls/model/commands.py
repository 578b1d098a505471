"""What the control plane sees of live calls and asks of call control: read models, commands and their errors."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from acdcore.calls.model.directory import Tier
from acdcore.calls.model.rows import QueueVisitRow
from acdcore.kernel.alarms import Severity
from acdcore.kernel.errors import Refused
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName, SkillName
from acdcore.work.model import WorkId, WorkItem, WorkState


class CallState(StrEnum):
    """The state of a live call, in the order of an ordinary call."""

    ARRIVING = "arriving"
    """The INVITE is here, our answer is not out yet."""
    IN_FLOW = "in_flow"
    """Greeting, menu or digit collection."""
    WAITING = "waiting"
    """In a queue, no agent is being rung for it."""
    RINGING = "ringing"
    """In a queue, an agent's phone rings for it."""
    TALKING = "talking"
    """Connected to an agent or an external number."""
    HELD = "held"
    """Connected, one side holds."""
    ENDING = "ending"
    """The call has ended, and its resources are being given back."""


class LiveAgentState(StrEnum):
    """An agent's state, as boards show it."""

    LOGGED_OUT = "logged_out"
    NOT_READY = "not_ready"
    """Logged in, on a break or not ready after missed offers; `reason` says which."""
    UNREACHABLE = "unreachable"
    """Would be ready, but no phone is registered."""
    READY = "ready"
    RINGING = "ringing"
    """The phone rings with an offer."""
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    """Finishing the notes of the last call."""
    BUSY = "busy"
    """In a call that did not come from a queue."""


class AgentCommand(StrEnum):
    """Commands that change an agent's state."""

    LOG_IN = "log_in"
    READY = "ready"
    NOT_READY = "not_ready"
    END_WRAP_UP = "end_wrap_up"
    LOG_OUT = "log_out"


@dataclass(frozen=True, slots=True)
class LiveCall:
    """One call that is up now; times are UTC, None means not yet."""

    call_id: CallId
    """The id of the call with all its legs."""
    trunk: str
    """Key of the trunk it came in by."""
    caller: str
    """The caller's number, canonical; as the trunk sent it when it has no canonical form, empty when withheld."""
    dialled: str
    """The number that was dialled, canonical or as the trunk sent it."""
    state: CallState
    """Its state."""
    arrived_at: datetime
    """When the INVITE came."""
    answered_at: datetime | None = None
    """When we sent 200."""
    queued_at: datetime | None = None
    """When it first entered a queue."""
    connected_at: datetime | None = None
    """When an agent first talked."""
    queue: QueueName | None = None
    """The queue it waits in, or was served from."""
    position: int | None = None
    """Position in the queue, 1 is next; None when it does not wait."""
    agent: AgentId | None = None
    """The agent being rung or talking."""
    customer_id: CustomerId | None = None
    """The customer it was recognised as."""
    customer_name: str | None = None
    """That customer's name."""
    tier: Tier | None = None
    """That customer's tier."""
    language: str | None = None
    """The language spoken to the caller (ISO 639-3): the flow's own until another is chosen; None outside of flows."""
    flow_node: str | None = None
    """The flow and the node at which the caller stands; None outside of flows."""


@dataclass(frozen=True, slots=True)
class LiveWork:
    """The callbacks, or the messages, of one queue now, and their counts since the start."""

    waiting: int
    """Items for which no phone rings."""
    ringing: int
    """Items for which a phone rings."""
    offered: int
    """Entries into the queue; an item that comes back after a failed attempt counts again."""
    answered: int
    """Items that an agent took."""
    longest_wait_s: float
    """Longest time in the queue of the items that wait or ring now, seconds; 0 when there are none."""


@dataclass(frozen=True, slots=True)
class LiveQueue:
    """One queue now, and its counts of callers since the daemon started; callbacks and messages are counted apart."""

    name: QueueName
    """Key in the configuration."""
    waiting: int
    """Callers for whom no phone rings."""
    ringing: int
    """Callers for whom a phone rings."""
    talking: int
    """Callers from this queue who talk, and customers called back who talk."""
    agents_logged_in: int
    """Agents with the queue's skills who are logged in."""
    agents_ready: int
    """Of these, ready for a call now."""
    offered: int
    """Callers who entered."""
    answered: int
    """Callers connected to an agent."""
    abandoned_long: int
    """Callers who hung up after the short-abandon limit."""
    abandoned_short: int
    """Callers who hung up before it."""
    overflowed: int
    """Callers whom an overflow rule moved on."""
    service_level: float | None
    """Share (0 to 1) answered within the target; None before the first caller."""
    longest_wait_s: float
    """Longest time in this queue of the callers who wait or are rung for now, seconds; 0 when there are none."""
    asa_s: float | None
    """Average speed of answer, seconds; None before the first answer."""
    callbacks: LiveWork
    """Customers to be called back."""
    messages: LiveWork
    """Messages to be dealt with."""


class SeatKind(StrEnum):
    """Kinds of seats."""

    PHONE = "phone"
    """A phone that is registered with us, the agent's own or another agent's."""
    NUMBER = "number"
    """An external number, by a trunk that may dial out."""


@dataclass(frozen=True, slots=True)
class Seat:
    """The phone at which an agent works; without one it is the phone registered under the agent's own number."""

    kind: SeatKind
    where: str
    """The user with which the phone is registered, or the number to dial."""


@dataclass(frozen=True, slots=True)
class LiveAgent:
    """One agent now."""

    agent: AgentId
    """Agent number, which is the phone's number too."""
    name: str
    """As in the directory."""
    state: LiveAgentState
    """The agent's state."""
    reason: str | None
    """Why the agent is not ready; None in other states."""
    since: datetime
    """Start of this state, UTC."""
    call_id: CallId | None
    """The call that the agent is rung for, talks in or wraps up; None when there is none."""
    is_registered: bool
    """Whether a phone is registered."""
    answered: int
    """Offers accepted since the daemon started."""
    missed: int
    """Offers refused or not answered since the daemon started."""
    seat: Seat | None = None
    """The agent's seat; None: the agent's own phone."""


@dataclass(frozen=True, slots=True)
class CandidateAgent:
    """One agent as the dispatcher sees it for one waiting caller."""

    agent: AgentId
    """Agent number."""
    name: str
    """As in the directory."""
    removed_by: str | None
    """The filter that excludes the agent (`skill`, `not_ready`, `back_off`, ...); None: the agent is eligible."""
    detail: str = ""
    """The skill that is missing, the reason of a break, and the like."""
    key: str = ""
    """The order key of an eligible agent, each part with its name; empty for the others."""


@dataclass(frozen=True, slots=True)
class RunningTimer:
    """A timer of a waiting caller."""

    name: str
    """`overflow after wait`, `next widening step`, `reservation for agent`, `tried agents again`, `announcement`,
    ..."""
    in_s: float
    """Seconds from now."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a waiting caller is still waiting."""

    call_id: CallId
    """The caller's call."""
    queue: QueueName
    """The queue it waits in."""
    position: int
    """1 is next."""
    waited_s: float
    """Time in queues so far, seconds."""
    blocked_by: str | None
    """The rule that keeps an eligible agent from the caller; None when there is none."""
    candidates: tuple[CandidateAgent, ...]
    """Every agent who is considered: the eligible ones, best first, then the excluded ones."""
    needs: str = ""
    """The skills asked for at this moment, with their levels, and the widening step that set them."""
    key: str = ""
    """The caller's order key, each part with its name."""
    timers: tuple[RunningTimer, ...] = ()
    """Timers of this caller, the next one first."""
    would_change: tuple[str, ...] = ()
    """Changes that would get the caller served, in words, the nearest first."""


@dataclass(frozen=True, slots=True)
class LiveHours:
    """A calendar now."""

    calendar: str
    state: str
    """`open`, `closed` or `holiday`."""
    shift: str
    """The present shift; empty when the calendar has none now."""
    day: str
    """Name of the special day or the holiday; empty when today is neither."""
    until: datetime | None
    """When this changes next, UTC; None: not within two weeks."""
    forced_by: str | None
    """Who has forced the state; None when the calendar decides."""
    queues: tuple[QueueName, ...]
    """Queues that keep these hours."""


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One key that differs between the settings in effect and the files."""

    key: str
    """Path of the key, with the file when it is not the settings' own."""
    was: str
    """The value in effect; "" when there was none. Secrets are shown as `***`."""
    becomes: str
    """The new value; "" when the key is removed."""
    needs_restart: bool = False
    """Whether the change takes effect only at the next start."""


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """The result of a reload, or of a dry run."""

    is_applied: bool
    """False: a dry run, or refused."""
    problems: tuple[str, ...]
    """Errors, each with file and key; with any error nothing changes."""
    warnings: tuple[str, ...]
    """Settings that are allowed but hardly meant, such as a queue that nobody can serve in some hours."""
    changes: tuple[SettingChange, ...]
    """In the order of the keys."""


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """The media engine's counters since it started."""

    streams: int
    """Streams open now."""
    ports_free: int
    """RTP ports that are free."""
    packets_received: int
    """Valid RTP packets in."""
    packets_sent: int
    """RTP packets out."""
    packets_lost: int
    """RTP packets to us that are missing by sequence number."""
    packets_refused: int
    """Packets from unknown addresses, or not RTP."""
    tap_samples_dropped: int
    """Samples lost for recordings because the writer was too slow."""


@dataclass(frozen=True, slots=True)
class PartHealth:
    """One part of the daemon."""

    name: str
    """`sip`, `media`, `database`, `spool`, `recording`, ..."""
    is_ok: bool
    """Whether it works."""
    detail: str
    """One line of text with figures."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The daemon as a whole."""

    is_ready: bool
    """Whether new calls are taken: not while the daemon is stopping. A missing database changes nothing."""
    parts: tuple[PartHealth, ...]
    """Every part."""
    is_degraded: bool = False
    """Whether an alarm is raised that needs somebody at once (`critical` or `major`)."""


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What retention has deleted, or would delete."""

    is_dry_run: bool
    """Whether it was only counted."""
    recordings: int
    recordings_bytes: int
    rows: Mapping[str, int]
    """Rows by table of the history, with the rows that belong to them."""
    refused_bytes: int
    """Bytes of rows that the database had refused."""
    is_complete: bool
    """False when one pass cannot delete everything that has expired."""


@dataclass(frozen=True, slots=True)
class LiveAlarm:
    """An alarm that is raised, or was raised lately."""

    name: str
    """Which kind; `docs/alarms.md` explains each."""
    about: str
    """Which of several, such as a trunk's name; empty where there is only one."""
    severity: Severity
    """How urgent it is."""
    detail: str
    """What is wrong, with figures."""
    remedy: str
    """What to do first."""
    raised_at: datetime
    """When it was raised, UTC."""
    ended_at: datetime | None
    """When it ended, UTC; None while it is raised."""
    times: int
    """How often it was raised between these times."""


@dataclass(frozen=True, slots=True)
class AlarmReport:
    """The alarms."""

    raised: tuple[LiveAlarm, ...]
    """In the order in which they began."""
    past: tuple[LiveAlarm, ...]
    """The latest alarms that have ended, newest first."""


class UnknownCall(Refused):
    """There is no live call with this id."""

    sip_status = 481


class UnknownAgent(Refused):
    """There is no agent with this number."""

    sip_status = 404


class UnknownName(Refused):
    """There is no queue, flow, calendar or work item with this name; the text says which."""

    sip_status = 404


class WrongState(Refused):
    """The state of the call or the agent does not allow the command; the text names the state."""

    sip_status = 409


class Commands(Protocol):
    """Call control for the control plane.

    All but `reload` and `retain` answer from memory at once, without waiting for a database, a phone or a disk.
    """

    def live_calls(self) -> tuple[LiveCall, ...]:
        """Every call that is up, oldest first."""
        ...

    def live_call(self, call_id: CallId) -> LiveCall:
        """One call that is up; raises UnknownCall."""
        ...

    def queues(self) -> tuple[LiveQueue, ...]:
        """Every queue, by name."""
        ...

    def running_queue_visits(self) -> Sequence[QueueVisitRow]:
        """The queue visits that are not over, with their values so far, and those that ended within the last seconds.

        The latter may be in the history already; (`entry`, `n`) identifies a visit.
        """
        ...

    def agents(self) -> tuple[LiveAgent, ...]:
        """Every agent, by number."""
        ...

    def agent(self, agent: AgentId) -> LiveAgent:
        """One agent; raises UnknownAgent."""
        ...

    def set_agent_state(
        self, agent: AgentId, command: AgentCommand, reason: str | None, seat: Seat | None = None
    ) -> LiveAgent:
        """Carry out `command` and return the agent afterwards; raises UnknownAgent, WrongState.

        A log-in at an external number that can never be rung is a WrongState.
        `reason` goes with NOT_READY, `seat` with LOG_IN; both are ignored otherwise.
        """
        ...

    def skill_warnings(self, skills: Collection[SkillName]) -> tuple[str, ...]:
        """A warning for each of these skills that no queue, rule or flow asks for."""
        ...

    def agent_changed(self, agent: AgentId) -> None:
        """Take over an agent's changed record; raises UnknownAgent.

        Name and skills count from the next offer on. An agent who is no longer active is logged out, after the talk
        if there is one.
        """
        ...

    def hang_up(self, call_id: CallId, by: str) -> None:
        """Start ending a call; `by` names who asked and goes into the call's history.

        Raises UnknownCall, and WrongState when the call is ending already.
        """
        ...

    def why(self, call_id: CallId) -> Why:
        """Why a caller still waits; raises UnknownCall, and WrongState when the call is in no queue."""
        ...

    def assign(self, call_id: CallId, agent: AgentId, by: str) -> None:
        """Offer a waiting caller to this agent now, whatever the order.

        Raises UnknownCall, UnknownAgent, WrongState.
        """
        ...

    def requeue(self, call_id: CallId, queue: QueueName, by: str) -> None:
        """Send a waiting or talking caller to another queue; the agent of the talk becomes free.

        Raises UnknownCall, UnknownName, WrongState.
        """
        ...

    def send_to_flow(self, call_id: CallId, flow: str, by: str) -> None:
        """Send a waiting or talking caller into a flow, a survey for example.

        Raises UnknownCall, UnknownName, WrongState.
        """
        ...

    def hours(self) -> tuple[LiveHours, ...]:
        """Every calendar now, by name."""
        ...

    def hours_forced(self) -> None:
        """Take over changed entries of the store of forced hours."""
        ...

    def request_callback(self, item: WorkItem) -> WorkItem:
        """Put a callback (state WAITING) into the callback queue; returns the open one that covers it, if there is one.

        Raises UnknownName for the queue, WrongState when the number may not be dialled.
        """
        ...

    def end_work(self, work: WorkId, state: WorkState, by: str) -> WorkItem:
        """Close (DONE) or cancel (CANCELLED) an open item; raises UnknownName, WrongState."""
        ...

    async def reload(self, by: str, *, is_dry_run: bool) -> ReloadReport:
        """Read the settings again and apply them as a whole, or report what would change; errors are in the report."""
        ...

    def engine(self) -> EngineFigures:
        """The media engine's counters."""
        ...

    def health(self) -> HealthReport:
        """The state of every part."""
        ...

    async def retain(self, by: str, *, is_dry_run: bool) -> RetentionReport:
        """Delete what retention says, or only count it; raises Unavailable."""
        ...

    def alarms(self) -> AlarmReport:
        """The alarms that are raised, and those of late."""
        ...
