"""What the outside may see of live calls and ask of call control: read models, commands and their errors."""

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
    """Where a live call stands, in the order in which an ordinary call goes through them."""

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
    """Somebody hung up, what the call held is being given back."""


class LiveAgentState(StrEnum):
    """What an agent is doing, as the board shows it."""

    LOGGED_OUT = "logged_out"
    NOT_READY = "not_ready"
    """Logged in, on a break or set aside after missed offers; `reason` says which."""
    UNREACHABLE = "unreachable"
    """Would be ready, but no phone is registered."""
    READY = "ready"
    RINGING = "ringing"
    """The phone rings with an offer."""
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    """Finishing the paperwork of the last call."""
    BUSY = "busy"
    """On a call of the agent's own."""


class AgentCommand(StrEnum):
    """What may be asked of an agent's state."""

    LOG_IN = "log_in"
    READY = "ready"
    NOT_READY = "not_ready"
    END_WRAP_UP = "end_wrap_up"
    LOG_OUT = "log_out"


@dataclass(frozen=True, slots=True)
class LiveCall:
    """One call that is up now; times are UTC, None means that it has not come to that."""

    call_id: CallId
    """The call, over all its legs."""
    trunk: str
    """Key of the trunk it came in by."""
    caller: str
    """The caller's number, canonical; as the trunk gave it when it is none, empty when withheld."""
    dialled: str
    """The number that was dialled, likewise."""
    state: CallState
    """Where it stands."""
    arrived_at: datetime
    """The INVITE."""
    answered_at: datetime | None = None
    """Our 200."""
    queued_at: datetime | None = None
    """First time in a queue."""
    connected_at: datetime | None = None
    """First time that an agent talked."""
    queue: QueueName | None = None
    """The queue it waits in, or was served from."""
    position: int | None = None
    """1 is next; only while it waits."""
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
    """The flow's node that is being walked."""


@dataclass(frozen=True, slots=True)
class LiveWork:
    """Callbacks, or messages, of one queue now, and their counts; nobody is on the line for them."""

    waiting: int
    """Items for which no phone rings."""
    ringing: int
    """Items for which a phone rings."""
    offered: int
    """Items that entered the queue, again after an attempt that failed too."""
    answered: int
    """Items that an agent took."""
    longest_wait_s: float
    """Longest time in the queue of those waiting or ringing now; 0 when there are none."""


@dataclass(frozen=True, slots=True)
class LiveQueue:
    """One queue now, and its counts since the daemon started, of callers on the line; callbacks and messages apart."""

    name: QueueName
    """Key in the configuration."""
    waiting: int
    """Callers for whom no phone rings."""
    ringing: int
    """Callers for whom a phone rings."""
    talking: int
    """Callers from this queue who talk, and customers who were called back."""
    agents_logged_in: int
    """Agents with the skills, logged in."""
    agents_ready: int
    """Of these, ready for a call now."""
    offered: int
    """Callers who entered."""
    answered: int
    """Callers connected to an agent."""
    abandoned_long: int
    """Hung up after the short-abandon limit."""
    abandoned_short: int
    """Hung up before it."""
    overflowed: int
    """Left by an overflow rule."""
    service_level: float | None
    """Share (0 to 1) answered within the target; None before the first caller."""
    longest_wait_s: float
    """Longest time in this queue of the callers who wait or are rung for now; 0 when nobody is."""
    asa_s: float | None
    """Average speed of answer; None before the first answer."""
    callbacks: LiveWork
    """Customers to be called back."""
    messages: LiveWork
    """Messages to be dealt with."""


class SeatKind(StrEnum):
    """Where an agent can be rung."""

    PHONE = "phone"
    """A phone of ours that is registered, the agent's own or another's."""
    NUMBER = "number"
    """An outside number or mobile, by a trunk that may dial out."""


@dataclass(frozen=True, slots=True)
class Seat:
    """The phone at which an agent works; without one it is the phone registered under the agent's own number."""

    kind: SeatKind
    where: str
    """The user under which the phone is registered, or the number to dial."""


@dataclass(frozen=True, slots=True)
class LiveAgent:
    """One agent now."""

    agent: AgentId
    """Agent number, which is the phone's number too."""
    name: str
    """As in the directory."""
    state: LiveAgentState
    """What the agent does."""
    reason: str | None
    """Why not ready, when that is the state."""
    since: datetime
    """Start of this state, UTC."""
    call_id: CallId | None
    """The call being rung for, talked in or wrapped up."""
    is_registered: bool
    """Whether a phone is registered."""
    answered: int
    """Offers accepted."""
    missed: int
    """Offers refused or not answered."""
    seat: Seat | None = None
    """Where the agent is rung."""


@dataclass(frozen=True, slots=True)
class CandidateAgent:
    """One agent as the dispatcher sees it for one waiting caller."""

    agent: AgentId
    """Agent number."""
    name: str
    """As in the directory."""
    removed_by: str | None
    """The filter that took the agent out (`skill`, `not_ready`, `back_off`, ...); None: eligible."""
    detail: str = ""
    """The skill that is missing, the reason of a break, and the like."""
    key: str = ""
    """The order key of those who are eligible, named part by part."""


@dataclass(frozen=True, slots=True)
class RunningTimer:
    """Something that will happen to a waiting caller by itself."""

    name: str
    """`overflow after wait`, `next widening step`, `reservation for agent`, `tried agents again`, `announcement`,
    ..."""
    in_s: float
    """From now."""


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
    """Time in queues so far."""
    blocked_by: str | None
    """The named rule that keeps an eligible pair apart; None when there is none."""
    candidates: tuple[CandidateAgent, ...]
    """Every agent who is considered, best first, the removed ones after."""
    needs: str = ""
    """The skills asked for at this moment, with their levels, and the ring that set them."""
    key: str = ""
    """The caller's order key, named part by part."""
    timers: tuple[RunningTimer, ...] = ()
    """What is running for this caller, the next first."""
    would_change: tuple[str, ...] = ()
    """What would get the caller served, in words, the nearest first."""


@dataclass(frozen=True, slots=True)
class LiveHours:
    """A calendar now."""

    calendar: str
    state: str
    """`open`, `closed` or `holiday`."""
    shift: str
    """The shift that is on, if the calendar has shifts."""
    day: str
    """The special day's or the holiday's name, if today is one."""
    until: datetime | None
    """When this changes next, UTC; None: not within a fortnight."""
    forced_by: str | None
    """Who has forced it, if somebody has."""
    queues: tuple[QueueName, ...]
    """Queues that keep these hours."""


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One key that differs between what runs and what would."""

    key: str
    """Path of the key, with the file when it is not the settings' own."""
    was: str
    """As it runs; "" when it was not there. Secrets are shown as `***`."""
    becomes: str
    """As it would; "" when it goes."""
    needs_restart: bool = False
    """True: written down, but without effect until the daemon starts anew."""


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What a reload did, or would do."""

    is_applied: bool
    """False: only looked at, or refused."""
    problems: tuple[str, ...]
    """What is wrong, each with file and key; with any, nothing changes."""
    warnings: tuple[str, ...]
    """What is allowed but surely not meant, such as a queue that nobody can serve in some hours."""
    changes: tuple[SettingChange, ...]
    """In the order of the keys."""


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """The media engine's counters since it started."""

    streams: int
    """Open now."""
    ports_free: int
    """RTP ports left to open."""
    packets_received: int
    """Valid RTP packets in."""
    packets_sent: int
    """RTP packets out."""
    packets_lost: int
    """Missing by sequence number on the way to us."""
    packets_refused: int
    """From strangers, or no RTP at all."""
    tap_samples_dropped: int
    """Recorded samples that the writer was too slow for."""


@dataclass(frozen=True, slots=True)
class PartHealth:
    """One part of the daemon."""

    name: str
    """`sip`, `media`, `database`, `spool`, `recording`, ..."""
    is_ok: bool
    """Whether it does its work."""
    detail: str
    """One line for a human, with figures."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The daemon as a whole."""

    is_ready: bool
    """Whether new calls are taken: not once the daemon is stopping; a database that is away changes nothing."""
    parts: tuple[PartHealth, ...]
    """Every part, whether well or not."""
    is_degraded: bool = False
    """Whether an alarm is raised that somebody has to come for now (`critical` or `major`)."""


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What was past its time, and is deleted, or would be."""

    is_dry_run: bool
    """Whether it was only counted."""
    recordings: int
    recordings_bytes: int
    rows: Mapping[str, int]
    """Of each table of the history; with what belongs to each."""
    refused_bytes: int
    """Of rows that the database had refused."""
    is_complete: bool
    """False when more is past its time than one pass deletes."""


@dataclass(frozen=True, slots=True)
class LiveAlarm:
    """A fault that lasts, or lasted until lately."""

    name: str
    """Which kind; `docs/alarms.md` explains each."""
    about: str
    """Which of several, such as a trunk's name; empty where there is only one."""
    severity: Severity
    """How soon somebody has to come."""
    detail: str
    """What is wrong, with figures."""
    remedy: str
    """What to do first."""
    raised_at: datetime
    """UTC."""
    ended_at: datetime | None
    """UTC; None while it is raised."""
    times: int
    """How often it was raised in that time."""


@dataclass(frozen=True, slots=True)
class AlarmReport:
    """What is wrong, and what was."""

    raised: tuple[LiveAlarm, ...]
    """In the order in which they began."""
    past: tuple[LiveAlarm, ...]
    """The latest that are over, the newest first."""


class UnknownCall(Refused):
    """No live call has that id."""

    sip_status = 481


class UnknownAgent(Refused):
    """No agent has that number."""

    sip_status = 404


class UnknownName(Refused):
    """No queue, flow, calendar or work item is called that; the text says which."""

    sip_status = 404


class WrongState(Refused):
    """The call or the agent is not in a state in which that can be done; the text says what state it is in."""

    sip_status = 409


class Commands(Protocol):
    """Call control as the control plane sees it.

    Everything answers from memory and at once; nothing here waits for a database, a phone or a disk.
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
        """The queue visits that are not over, as they stand, and those that ended within the last seconds.

        The latter may be in the history already: (`entry`, `n`) tells.
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
        """Carry out `command` and return what came of it; raises UnknownAgent, WrongState.

        A log-in with an external seat that can never be rung is a WrongState.
        `reason` goes with NOT_READY, `seat` with LOG_IN; both are ignored otherwise.
        """
        ...

    def skill_warnings(self, skills: Collection[SkillName]) -> tuple[str, ...]:
        """What is surely not meant of these skills: those that no queue, rule or flow asks for."""
        ...

    def agent_changed(self, agent: AgentId) -> None:
        """Take over what the directory now says of an agent, at work or not; raises UnknownAgent.

        Name and skills count from the next offer on. Who is no longer active is logged out, after the talk if there
        is one.
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
        """Send a waiting or talking caller to another queue; who talked is freed.

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
        """Take over what the store of forced hours now says."""
        ...

    def request_callback(self, item: WorkItem) -> WorkItem:
        """Put a callback (state WAITING) into the callback queue; the open one that covers it already, if there is one.

        Raises UnknownName for the queue, WrongState when the number may not be dialled.
        """
        ...

    def end_work(self, work: WorkId, state: WorkState, by: str) -> WorkItem:
        """Close (DONE) or cancel (CANCELLED) an open item; raises UnknownName, WrongState."""
        ...

    async def reload(self, by: str, *, is_dry_run: bool) -> ReloadReport:
        """Read the settings anew and apply them as a whole, or only say what would change; never raises for them."""
        ...

    def engine(self) -> EngineFigures:
        """The media engine's counters."""
        ...

    def health(self) -> HealthReport:
        """The state of every part."""
        ...

    async def retain(self, by: str, *, is_dry_run: bool) -> RetentionReport:
        """Delete what is past its time, or only count it; raises Unavailable."""
        ...

    def alarms(self) -> AlarmReport:
        """What is wrong, and what was wrong lately."""
        ...
