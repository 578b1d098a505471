"""What the hall needs from storage: records as plain values, and the Protocols that keep them.

Reads on a call's path (`Directory`) and writes of history (`Spool`) are synchronous and touch memory only. What may
wait for the database (`CustomerStore`, `AgentStore`, `History`) is asynchronous and raises `Unavailable` when the
database is away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from acdcore.kernel.errors import Outcome, PeerError, Refused
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName, SkillName
from acdcore.queues.settings import Channel
from acdcore.work.model import WorkId, WorkItem, WorkKind, WorkState

Detail: TypeAlias = Mapping[str, str | int | float | bool | None]
"""Flat facts that go with a record; kept as JSON."""

PAGE_ROWS_MAX = 500
"""The largest page that `History` gives: what fits one HTTP answer of about 500 kB."""
STAYS_MAX = 200_000
"""Stays read at a time: four days of the largest centre. They take some 130 MB, and seconds of the daemon's core."""
AGENT_CHANGES_MAX = 400_000
"""Changes of state read at a time: two days of the largest centre, four or five for each call."""


class Tier(StrEnum):
    """How a customer is ranked, lowest first."""

    STANDARD = "standard"
    SILVER = "silver"
    GOLD = "gold"
    VIP = "vip"


class Verdict(StrEnum):
    """What a screening entry does to a caller."""

    BLOCK = "block"
    """Turned away before the call is answered."""
    ALLOW = "allow"
    """Let through whatever the other entries and the limit of repeated calls say."""


class Direction(StrEnum):
    """Who placed the call, seen from the centre."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class EndedBy(StrEnum):
    """Which side ended a call."""

    CALLER = "caller"
    AGENT = "agent"
    SYSTEM = "system"


# Errors


class UnknownRecord(Refused):
    """There is no record with that id."""

    sip_status = 404


class VersionConflict(Refused):
    """Somebody else changed the record first: read it again, then change it."""

    sip_status = 409


class Taken(Refused):
    """Another record already has this id or member number."""

    sip_status = 409


class BadRecord(PeerError):
    """A field cannot be stored as given; `field` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


# People


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """An agent as configured: who it is, what it can do, and how its phone proves itself."""

    agent: AgentId
    """The agent's number, also the SIP user of the phone."""
    name: str
    """Shown on boards; never spoken."""
    ha1_md5: str
    """Lower-case hex of MD5(user:realm:password), RFC 7616 section 3.4.2; "" when no password was ever set."""
    ha1_sha256: str
    """The same with SHA-256."""
    skills: Mapping[SkillName, int]
    """Level of each skill, 1 (lowest) to 9."""
    languages: tuple[str, ...]
    """Spoken languages, best first, as in the flows: cmn, yue, en."""
    is_active: bool = True
    """False: kept for the history, may not register or log in."""
    declines: tuple[Channel, ...] = ()
    """Kinds of contacts that the agent takes none of; one contact fills an agent."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer's card."""

    id: CustomerId
    """Row number."""
    name: str
    """Person or company."""
    tier: Tier
    """Rank; VIP callers are put ahead."""
    language: str
    """Preferred language (cmn, yue, en), "" when unknown."""
    numbers: tuple[str, ...]
    """Telephone numbers as dialled: digits with an optional leading plus; the first is the main one."""
    member_number: str | None
    """Unique among customers."""
    plates: tuple[str, ...]
    """Number plates in upper case without separators."""
    address: str
    """One line."""
    note: str
    """Free text for the agent."""
    version: int
    """Counts the changes, from 1; a change must name the version it was made from."""
    owner: AgentId | None = None
    """The agent who looks after this customer, and is tried first."""
    region: str = ""
    """Where the customer belongs to, as the configuration names its regions; goes before the number's own."""


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A customer to be created; fields as in `Customer`."""

    name: str
    tier: Tier = Tier.STANDARD
    language: str = ""
    numbers: tuple[str, ...] = ()
    member_number: str | None = None
    plates: tuple[str, ...] = ()
    address: str = ""
    note: str = ""
    owner: AgentId | None = None
    region: str = ""


@dataclass(frozen=True, slots=True)
class CustomerChange:
    """What to change about a customer: None leaves a field as it is."""

    name: str | None = None
    tier: Tier | None = None
    language: str | None = None
    numbers: tuple[str, ...] | None = None
    member_number: str | None = None
    """An empty string takes the member number away."""
    plates: tuple[str, ...] | None = None
    address: str | None = None
    note: str | None = None
    owner: AgentId | None = None
    """An empty string takes the owner away."""
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """One earlier call of a customer, as short as a screen pop needs it."""

    call_id: CallId
    """The call; its story is in `History`."""
    at: datetime
    """When it arrived (UTC)."""
    queue: QueueName | None
    """The queue it waited in, if any."""
    agent: AgentId | None
    """Who talked to the customer, if anybody."""
    outcome: Outcome
    """How it ended."""
    direction: Direction = Direction.INBOUND
    """Who placed it."""


class Directory(Protocol):
    """Agents and customers, held in memory: answers in microseconds, with the database up or away."""

    def agent(self, agent: AgentId) -> AgentRecord | None:
        """The agent with that number."""
        ...

    def agents(self) -> Sequence[AgentRecord]:
        """All agents in the order of their numbers, the inactive ones too."""
        ...

    def customer(self, customer_id: CustomerId) -> Customer | None:
        """The customer with that row number."""
        ...

    def customer_by_phone(self, number: str) -> Customer | None:
        """Whose number this is, however it is written; of several the highest tier, then the oldest record."""
        ...

    def customer_by_member_number(self, member_number: str) -> Customer | None:
        """The customer with exactly this member number."""
        ...

    def customers_by_plate_digits(self, digits: str) -> Sequence[Customer]:
        """Every customer with a plate whose digits, letters left out, are exactly these."""
        ...

    def last_contacts(self, who: CustomerId | str, limit: int) -> Sequence[Contact]:
        """The latest contacts of a customer (by row number) or of a telephone number, newest first."""
        ...

    def note_contact(self, number: str, customer_id: CustomerId | None, contact: Contact) -> None:
        """Remember a call that just ended; the same `call_id` again replaces what was remembered."""
        ...

    def search(self, text: str, limit: int) -> Sequence[Customer]:
        """Customers with `text` in name, address, number, member number, plate, owner or region; "": the newest."""
        ...


class CustomerStore(Protocol):
    """Changes customers: in the database first, then in the directory's memory.

    Raises `Unavailable` when the database is away, `BadRecord` for a field that cannot be stored and `Taken` for a
    member number in use.
    """

    async def create(self, new: NewCustomer) -> Customer:
        """Store a new customer, version 1."""
        ...

    async def change(self, customer_id: CustomerId, change: CustomerChange, version: int) -> Customer:
        """Apply `change` if the stored version is `version`; else `VersionConflict` (or `UnknownRecord`)."""
        ...


class AgentStore(Protocol):
    """Changes agents: in the database first, then in the directory's memory; raises `Unavailable`."""

    async def add(self, record: AgentRecord) -> None:
        """Store a new agent; `Taken` when the number is in use."""
        ...

    async def change(self, record: AgentRecord) -> None:
        """Store the record in place of the one with the same number; `UnknownRecord` when there is none."""
        ...

    async def set_password(self, agent: AgentId, password: str) -> None:
        """Store the two hashes of a new password; the password itself is kept nowhere."""
        ...


# Rows of history. The first fields of each are its key: appended twice, a row is stored once.


@dataclass(frozen=True, slots=True)
class CdrRow:
    """The record of one ended call; all times are UTC."""

    call_id: CallId
    """The key."""
    trunk: str
    """The trunk that the call came from, or left by."""
    caller: str
    """The caller's number as received; "" when withheld."""
    dialled: str
    """The number that was dialled."""
    outcome: Outcome
    """How the call ended."""
    ended_by: EndedBy
    """Which side ended it; the first cause wins."""
    arrived_at: datetime
    """INVITE received."""
    ended_at: datetime
    """Everything given back."""
    answered_at: datetime | None = None
    """Our 200 was sent; None when never answered."""
    queued_at: datetime | None = None
    """First entered a queue."""
    connected_at: datetime | None = None
    """First talked to an agent."""
    direction: Direction = Direction.INBOUND
    """Who placed the call."""
    flow: str = ""
    """The IVR flow that ran."""
    queue: QueueName | None = None
    """The last queue it waited in."""
    agent: AgentId | None = None
    """The last agent it talked to."""
    customer_id: CustomerId | None = None
    """Who the caller was found to be."""
    wait_s: float = 0.0
    """Time in queues until connected or gone."""
    ring_s: float = 0.0
    """Time for which agents' phones rang for it, all offers together."""
    talk_s: float = 0.0
    """Time connected to agents, holds included."""
    overflowed_to: str = ""
    """Where the last overflow sent it."""
    recording: str = ""
    """Path of the first recording below the recordings directory."""
    figures: Detail = field(default_factory=dict)
    """Loss, jitter and the like of the caller's stream."""


@dataclass(frozen=True, slots=True)
class CallEventRow:
    """One event of a call's history; the key is (`call_id`, `serial`)."""

    call_id: CallId
    """The call."""
    serial: int
    """Position in the call's history, from 1."""
    at: datetime
    """When it happened."""
    kind: str
    """What happened, in the past tense."""
    detail: Detail = field(default_factory=dict)
    """The event's facts."""


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """One finished recording; the key is (`call_id`, `n`)."""

    call_id: CallId
    """The call."""
    n: int
    """Which recording of the call, from 1."""
    path: str
    """Relative to the recordings directory, with forward slashes."""
    started_at: datetime
    """Wall time of the first sample."""
    duration_s: float
    """Length of the audio."""
    size_bytes: int
    """Size of the file."""
    agent: AgentId | None = None
    """Who is heard on the right channel."""
    queue: QueueName | None = None
    """The queue that the call came through."""
    caller: str = ""
    """The caller's number, for searching."""
    is_repaired: bool = False
    """The file was found unfinished after a crash and mended."""


@dataclass(frozen=True, slots=True)
class AgentEventRow:
    """One change of an agent's state; the key is (`agent`, `at`, `serial`)."""

    agent: AgentId
    """The agent."""
    at: datetime
    """When the new state began."""
    serial: int
    """Tells apart two changes at the same instant."""
    state: str
    """The new state."""
    reason: str = ""
    """Why not ready, who forced it, and so on."""
    call_id: CallId | None = None
    """The call that the state belongs to, also for wrap-up."""
    detail: Detail = field(default_factory=dict)
    """Further facts."""


@dataclass(frozen=True, slots=True)
class WorkRow:
    """A work item as it stood after a change; the key is (`work_id`, `serial`), the latest one is the present."""

    work_id: WorkId
    """The item."""
    serial: int
    """Counts the item's changes, from 1."""
    at: datetime
    """When it came to this."""
    item: WorkItem
    """All of it."""


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer of a survey or a questionnaire; the key is (`call_id`, `n`)."""

    call_id: CallId
    """The call in which it was given."""
    n: int
    """Which answer of the call, from 1."""
    at: datetime
    """When, UTC."""
    flow: str
    """The questionnaire."""
    question: str
    """The question's key."""
    kind: str
    """`choice`, `number`, `digits` or `yes_no`."""
    value: str
    """What was answered, as the kind writes it."""
    agent: AgentId | None = None
    """Who talked to the caller last, which a survey is about."""
    queue: QueueName | None = None
    """The queue that the call came through."""
    customer_id: CustomerId | None = None


@dataclass(frozen=True, slots=True)
class StayRow:
    """One stay of an entry in one queue, from joining to leaving; the key is (`entry`, `n`).

    All figures of queues and agents, live and historical, are folds over these.
    """

    entry: str
    """The entry; `CALL/N` for a call's N-th joining, `WORK/N` for a work item's."""
    n: int
    """Which stay of the entry, from 1: overflow to another queue begins a new one."""
    call_id: str
    """The call or the work item, for the receipts."""
    queue: QueueName
    channel: str
    """`call`, `callback` or `voicemail`."""
    joined_at: datetime
    """UTC."""
    left_at: datetime
    """UTC."""
    how: str
    """`answered`, `abandoned`, `abandoned_short`, `overflowed`, `callback`, `withdrawn` or `failed`.

    A running stay, which is not written down yet, is `waiting` or `in_contact`.
    """
    waited_s: float
    is_in_time: bool = False
    """Answered within the queue's target."""
    agent: AgentId | None = None
    """Who answered."""
    offers: int = 0
    """Times that a phone rang for it."""
    misses: int = 0
    """Offers that were not taken."""
    talked_s: float = 0.0
    wrap_up_s: float = 0.0
    """Only of answered ones, which are written when the wrap-up is over."""
    caller: str = ""
    """The number, for first-call resolution."""
    customer_id: CustomerId | None = None
    promised_s: float | None = None
    """The wait, counted from joining the queue, that the first announcement of one promised; None: none did."""


Row: TypeAlias = CdrRow | CallEventRow | RecordingRow | AgentEventRow | WorkRow | AnswerRow | StayRow


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far the database is behind, for health and metrics."""

    rows: int
    """Rows appended and not yet confirmed by the database."""
    oldest_age_s: float
    """How long the oldest of them has waited; 0 when there is none."""
    size_bytes: int
    """What they take on disk."""
    rejected: int
    """Rows that the database refused and that were set aside since the start."""
    dropped: int
    """Rows lost because the spool's disk limit was reached or its disk failed."""
    alarm: str
    """What is wrong, in one line; "" when nothing is."""


class Spool(Protocol):
    """Takes rows at once, has them on disk within about 50 ms and in the database, once, as soon as it is there."""

    def append(self, row: Row) -> None:
        """Take a row; never waits, never raises for a full or failing disk (that is an alarm in `backlog`)."""
        ...

    def backlog(self) -> Backlog:
        """How much is waiting."""
        ...


# What staff keep beside the configuration


@dataclass(frozen=True, slots=True)
class Screening:
    """A caller's number that is blocked, or let through in any case."""

    number: str
    """As dialled, digits with an optional leading plus; a trailing `*` means every number that begins so."""
    verdict: Verdict
    reason: str
    """Why, for staff; never told to the caller."""
    until: datetime | None
    """When it lapses, UTC; None: not by itself."""
    by: str
    """Who entered it."""
    at: datetime
    """When, UTC."""


@dataclass(frozen=True, slots=True)
class ForcedHours:
    """A supervisor's word that goes before a calendar."""

    calendar: str
    is_open: bool
    until: datetime | None
    """When the calendar rules again, UTC; None: not by itself."""
    by: str
    at: datetime
    """When it was said, UTC."""


class ScreeningStore(Protocol):
    """The black and white list: changed in the database first, then in memory; writes raise `Unavailable`."""

    on_change: Callable[[], None]
    """Hears that the entries are others now."""

    def entries(self) -> Sequence[Screening]:
        """All entries, lapsed ones too, newest first; from memory."""
        ...

    async def put(self, entry: Screening) -> None:
        """Enter or replace the entry of that number; `BadRecord` for a number that is none."""
        ...

    async def remove(self, number: str) -> None:
        """Take an entry out; `UnknownRecord` when there is none."""
        ...


class HoursStore(Protocol):
    """What supervisors have forced: changed in the database first, then in memory; writes raise `Unavailable`."""

    def forced(self) -> Sequence[ForcedHours]:
        """All, lapsed ones too; from memory."""
        ...

    async def force(self, forced: ForcedHours) -> None:
        """Set or replace what holds for that calendar."""
        ...

    async def release(self, calendar: str) -> None:
        """Let the calendar rule again; without effect when it does."""
        ...


@dataclass(frozen=True, slots=True)
class WorkFilter:
    """Which work items to list, newest first; None does not restrict."""

    queue: QueueName | None = None
    kind: WorkKind | None = None
    state: WorkState | None = None
    number: str | None = None
    """However it is written."""
    agent: AgentId | None = None
    is_open: bool | None = None
    before: WorkId | None = None
    """The last item of the previous page."""
    limit: int = 100
    """1 to `PAGE_ROWS_MAX`."""


@dataclass(frozen=True, slots=True)
class AnswerFilter:
    """Which answers to list, newest first; None does not restrict."""

    flow: str | None = None
    question: str | None = None
    agent: AgentId | None = None
    queue: QueueName | None = None
    call_id: CallId | None = None
    given_from: datetime | None = None
    given_before: datetime | None = None
    before: tuple[CallId, int] | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class StayFilter:
    """Which stays to read, in the order of joining; None does not restrict."""

    joined_from: datetime
    joined_before: datetime
    queue: QueueName | None = None
    agent: AgentId | None = None
    limit: int = STAYS_MAX
    """More is refused, not cut."""


# Reading the history


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls to list, newest first; None does not restrict."""

    arrived_from: datetime | None = None
    """Arrived at or after."""
    arrived_before: datetime | None = None
    """Arrived before."""
    caller: str | None = None
    """The caller's number, however it is written."""
    agent: AgentId | None = None
    queue: QueueName | None = None
    customer_id: CustomerId | None = None
    outcome: Outcome | None = None
    duration_s_min: float | None = None
    """Talked at least so long."""
    before: CallId | None = None
    """The last call of the previous page."""
    limit: int = 100
    """1 to `PAGE_ROWS_MAX`."""


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """Which recordings to list, newest first; None does not restrict."""

    started_from: datetime | None = None
    started_before: datetime | None = None
    caller: str | None = None
    """The caller's number, however it is written."""
    agent: AgentId | None = None
    agent_name: str | None = None
    """Part of the agent's name."""
    duration_s_min: float | None = None
    duration_s_max: float | None = None
    before: tuple[CallId, int] | None = None
    """Key of the last recording of the previous page."""
    limit: int = 100
    """1 to `PAGE_ROWS_MAX`."""


@dataclass(frozen=True, slots=True)
class CallStory:
    """All that is stored about one call."""

    cdr: CdrRow
    """The call."""
    events: tuple[CallEventRow, ...]
    """Its history in order."""
    recordings: tuple[RecordingRow, ...]
    """Its recordings in order."""


class History(Protocol):
    """Reads what the spool has delivered; raises `Unavailable` when the database is away."""

    async def calls(self, wanted: CallFilter) -> Sequence[CdrRow]:
        """One page of calls in descending order of `call_id`."""
        ...

    async def call(self, call_id: CallId) -> CallStory | None:
        """One call; None when it is unknown, or not delivered yet."""
        ...

    async def unfinished(self, since: CallId) -> Sequence[CallEventRow]:
        """The events of calls from `since` on that have no record, in order: what a crash has cut short."""
        ...

    async def recordings(self, wanted: RecordingFilter) -> Sequence[RecordingRow]:
        """One page of recordings in descending order of their key."""
        ...

    async def recording(self, call_id: CallId, n: int) -> RecordingRow | None:
        """One recording."""
        ...

    async def work(self, wanted: WorkFilter) -> Sequence[WorkItem]:
        """One page of work items as they stand, in descending order of their ids."""
        ...

    async def work_story(self, work_id: WorkId) -> Sequence[WorkRow]:
        """All that happened to one item, in order; empty when it is unknown."""
        ...

    async def open_work(self) -> Sequence[WorkRow]:
        """The latest row of every item that has not ended: what the book begins with at a start."""
        ...

    async def answers(self, wanted: AnswerFilter) -> Sequence[AnswerRow]:
        """One page of answers, newest first."""
        ...

    async def stays(self, wanted: StayFilter) -> Sequence[StayRow]:
        """Stays in the order of joining; raises `Refused` when there are more than `limit`."""
        ...

    async def agent_changes(
        self, changed_from: datetime, changed_before: datetime, agent: AgentId | None = None
    ) -> Sequence[AgentEventRow]:
        """Changes of agents' states, by agent and time; raises `Refused` above `AGENT_CHANGES_MAX`.

        Each agent's last change before `changed_from` comes along, so that the state at that moment is known.
        """
        ...
