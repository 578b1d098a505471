"""What call control needs from storage: Protocols for people, rows, and entries by staff; and their filters.

Reads during a call (`Directory`) and writes of history (`Spool`) are synchronous and touch memory only. Whatever may
wait for the database (`CustomerStore`, `AgentStore`, `History`) is asynchronous, and raises `Unavailable` when the
database cannot be reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from acdcore.calls.model.directory import AgentRecord, Customer, CustomerChange, NewCustomer, PastContact
from acdcore.calls.model.rows import (
    AgentEventRow,
    AnswerRow,
    CallEnd,
    CallEventRow,
    CdrRow,
    QueueVisitRow,
    RecordingRow,
    Row,
    TraceRow,
    TranscriptRow,
    WorkRow,
)
from acdcore.kernel.errors import Outcome, PeerError, Refused
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName
from acdcore.work.model import WorkId, WorkItem, WorkKind, WorkState

PAGE_ROWS_MAX = 500
"""The largest page of `History`: one HTTP response of about 500 kB."""
QUEUE_VISITS_MAX = 200_000
"""Queue visits read at a time: four days of the largest call centre. They take some 130 MB, and seconds of a core."""
AGENT_CHANGES_MAX = 400_000
"""State changes read at a time: two days of the largest call centre, four or five for each call."""


class ScreeningVerdict(StrEnum):
    """What a screening entry does to a caller."""

    BLOCK = "block"
    """The call is refused before it is answered."""
    ALLOW = "allow"
    """The call is let through, against other entries and the limit of repeated calls."""


# Errors


class UnknownRecord(Refused):
    """There is no record with that id."""

    sip_status = 404


class VersionConflict(Refused):
    """Somebody else changed the record first: read it again, then change it."""

    sip_status = 409


class IdTaken(Refused):
    """Another record already has this id or member number."""

    sip_status = 409


class BadRecord(PeerError):
    """A field cannot be stored as given; `field` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


# People


class Directory(Protocol):
    """Agents and customers in memory: answers in microseconds, with or without the database."""

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
        """The customer with this number, in any spelling; of several the highest tier, then the oldest record."""
        ...

    def customers_by_phone(self, number: str) -> Sequence[Customer]:
        """Every customer with this number, in that order: a caller is taken for the first."""
        ...

    def customer_by_member_number(self, member_number: str) -> Customer | None:
        """The customer with exactly this member number."""
        ...

    def customers_by_plate_digits(self, digits: str) -> Sequence[Customer]:
        """Every customer with a plate whose digits, letters left out, are exactly these."""
        ...

    def last_contacts(self, who: CustomerId | str, limit: int) -> Sequence[PastContact]:
        """The latest contacts of a customer (by row number) or of a telephone number, newest first."""
        ...

    def note_contact(self, number: str, customer_id: CustomerId | None, contact: PastContact) -> None:
        """Remember a call that has ended; the same `call_id` again replaces the entry."""
        ...

    def search(self, text: str, limit: int) -> Sequence[Customer]:
        """Customers with `text` in name, address, number, member number, plate, owner or region; "": the newest."""
        ...


class CustomerStore(Protocol):
    """Changes customers: in the database first, then in the directory's memory.

    Raises `Unavailable` without the database, `BadRecord` for a field that cannot be stored and `IdTaken` for a member
    number in use.
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
        """Store a new agent; `IdTaken` when the number is in use."""
        ...

    async def change(self, record: AgentRecord) -> None:
        """Store the record in place of the one with the same number; `UnknownRecord` when there is none."""
        ...

    async def set_password(self, agent: AgentId, password: str) -> None:
        """Store the two hashes of a new password; the password itself is not stored."""
        ...


# Delivery of rows


@dataclass(frozen=True, slots=True)
class Backlog:
    """Rows that wait for the database, for health and metrics."""

    rows: int
    """Rows appended and not yet confirmed by the database."""
    oldest_age_s: float
    """How long the oldest of them has waited, seconds; 0 when there is none."""
    size_bytes: int
    """Their size on disk, bytes."""
    rejected: int
    """Rows that the database refused and that are kept in a file, those of earlier runs included."""
    dropped: int
    """Rows lost because the spool's disk limit was reached or its disk failed."""
    alarm: str
    """The problem in one line; "" when there is none."""
    disk_problem: str = ""
    """Why rows are in memory only; "" when the disk takes them."""


class Spool(Protocol):
    """Takes rows at once, writes them to disk within about 50 ms, and to the database, once, when it can be reached."""

    def append(self, row: Row) -> None:
        """Take a row; never waits, never raises for a full or failing disk (that is an alarm in `backlog`)."""
        ...

    def backlog(self) -> Backlog:
        """The rows that wait."""
        ...


# Entries by staff, outside of the settings files


@dataclass(frozen=True, slots=True)
class Screening:
    """A screening entry: a caller's number that is blocked, or always let through."""

    number: str
    """As dialled, digits with an optional leading plus; a trailing `*` means every number that begins so."""
    verdict: ScreeningVerdict
    reason: str
    """Why, for staff; callers never hear it."""
    until: datetime | None
    """When it expires, UTC; None: never."""
    by: str
    """Who entered it."""
    at: datetime
    """When, UTC."""


@dataclass(frozen=True, slots=True)
class ForcedHours:
    """A state of a calendar that a supervisor has set."""

    calendar: str
    is_open: bool
    until: datetime | None
    """When the calendar decides again, UTC; None: when the entry is removed."""
    by: str
    at: datetime
    """When it was set, UTC."""


class ScreeningStore(Protocol):
    """The black and white list: changed in the database first, then in memory; writes raise `Unavailable`.

    Each change is published as `events.ScreeningChanged`.
    """

    def entries(self) -> Sequence[Screening]:
        """All entries, expired ones too, newest first; from memory."""
        ...

    async def put(self, entry: Screening) -> None:
        """Enter or replace the entry of that number; `BadRecord` for a text that is no number."""
        ...

    async def remove(self, number: str) -> None:
        """Take an entry out; `UnknownRecord` when there is none."""
        ...


class HoursStore(Protocol):
    """Calendar states set by supervisors: changed in the database first, then in memory; writes raise `Unavailable`."""

    def forced(self) -> Sequence[ForcedHours]:
        """All entries, expired ones too; from memory."""
        ...

    async def force(self, forced: ForcedHours) -> None:
        """Enter or replace the state of that calendar."""
        ...

    async def release(self, calendar: str) -> None:
        """Let the calendar decide again; without effect when it does."""
        ...


@dataclass(frozen=True, slots=True)
class WorkFilter:
    """Which work items to list, newest first; None does not restrict."""

    queue: QueueName | None = None
    kind: WorkKind | None = None
    state: WorkState | None = None
    number: str | None = None
    """In any spelling."""
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
class QueueVisitFilter:
    """Which queue visits to read, in the order of joining; None does not restrict."""

    joined_from: datetime
    joined_before: datetime
    queue: QueueName | None = None
    agent: AgentId | None = None
    limit: int = QUEUE_VISITS_MAX
    """A result with more rows is refused, not cut."""


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
    """An agent who took part, whether or not another one followed."""
    queue: QueueName | None = None
    """A queue that it was in, whether or not another one followed."""
    customer_id: CustomerId | None = None
    outcome: Outcome | None = None
    end_cause: CallEnd | None = None
    is_served: bool | None = None
    """Whether an agent talked to the caller."""
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
class TranscriptFilter:
    """Which transcripts to list, newest first; None does not restrict."""

    words: str | None = None
    """Words, separated by blanks, all of which were said."""
    call_id: CallId | None = None
    path: str | None = None
    """The recording's path, as a work item has it."""
    started_from: datetime | None = None
    started_before: datetime | None = None
    before: tuple[CallId, int] | None = None
    """Key of the last transcript of the previous page."""
    limit: int = 100
    """1 to `PAGE_ROWS_MAX`."""


@dataclass(frozen=True, slots=True)
class Transcribed:
    """A recording with its transcript."""

    recording: RecordingRow
    transcript: TranscriptRow


class Transcripts(Protocol):
    """Reads transcripts; raises `Unavailable` without the database, `BadRecord` for words that are not searchable."""

    async def transcripts(self, wanted: TranscriptFilter) -> Sequence[Transcribed]:
        """One page in descending order of the recordings' key."""
        ...


@dataclass(frozen=True, slots=True)
class CallHistory:
    """All that is stored about one call."""

    cdr: CdrRow
    """The call."""
    events: tuple[CallEventRow, ...]
    """Its history in order."""
    recordings: tuple[RecordingRow, ...]
    """Its recordings in order."""


class History(Protocol):
    """Reads rows that the spool has delivered; raises `Unavailable` without the database."""

    async def calls(self, wanted: CallFilter) -> Sequence[CdrRow]:
        """One page of calls in descending order of `call_id`."""
        ...

    async def call(self, call_id: CallId) -> CallHistory | None:
        """One call; None when it is unknown, or not in the database yet."""
        ...

    async def trace(self, call_id: CallId) -> TraceRow | None:
        """The number that the caller of a call withheld; None when none was withheld or asserted."""
        ...

    async def unfinished(self, since: CallId, before: CallId | None = None) -> Sequence[CallEventRow]:
        """The events of calls from `since` on that have no record, in order: calls that a crash has cut short."""
        ...

    async def latest_call(self, before: CallId | None = None) -> CallId | None:
        """The greatest call id (below `before`) of any event; None when there is none."""
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

    async def work_history(self, work_id: WorkId) -> Sequence[WorkRow]:
        """All rows of one item, in order; empty when it is unknown."""
        ...

    async def open_work(self) -> Sequence[WorkRow]:
        """The latest row of every item that has not ended, with which the callback queue begins at a start."""
        ...

    async def answers(self, wanted: AnswerFilter) -> Sequence[AnswerRow]:
        """One page of answers, newest first."""
        ...

    async def queue_visits(self, wanted: QueueVisitFilter) -> Sequence[QueueVisitRow]:
        """Queue visits in the order of joining; raises `Refused` when there are more than `limit`."""
        ...

    async def agent_changes(
        self, changed_from: datetime, changed_before: datetime, agent: AgentId | None = None
    ) -> Sequence[AgentEventRow]:
        """State changes of agents, by agent and time; raises `Refused` above `AGENT_CHANGES_MAX`.

        Each agent's last change before `changed_from` is included, so that the state at that moment is known.
        """
        ...
