"""The shapes of requests, parsed once at the edge, and of those answers that have no read model.

Unknown keys are refused. Text is bounded and free of control characters, which would harm logs and the database.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from acdcore.calls.model.commands import AgentCommand, LiveAgent, LiveCall, LiveQueue, Seat, SeatKind
from acdcore.calls.model.directory import AgentRecord, Customer, CustomerChange, NewCustomer, PastContact, Tier
from acdcore.calls.model.ports import PAGE_ROWS_MAX, Transcribed
from acdcore.calls.model.rows import CallEnd, CdrRow, RecordingRow
from acdcore.calls.record.event_stream import StreamEventKind
from acdcore.control.errors import ApiError
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, SkillName
from acdcore.kernel.networks import network_texts
from acdcore.numbering.plan import HOME, as_written
from acdcore.queues.settings import Channel
from acdcore.sip.auth.digest_values import Algorithm, once_each

SEARCH_ROWS_MAX = 100
"""Hits of a search; for more the client searches for something more exact."""
CONTACTS_SHOWN = 5
"""Last contacts in a look-up: as many as fit beside the card on a screen."""
SKILLS_MAX = 200
"""Skills of one agent: twice as many as the largest call centre has."""
PASSWORD_CHARS_MIN = 8
"""Scanners, which find every open SIP port, guess shorter passwords."""
PASSWORD_CHARS_MAX = 64
"""The longest password that the menus of desk phones accept."""
BIGINT_MAX = 2**63 - 1
"""PostgreSQL's bigint; larger row numbers cannot exist."""


def in_utc(at: datetime) -> datetime:
    """The same moment in UTC; raises ValueError for the outermost years, where a zone's offset leaves the calendar."""
    if not 1970 < at.year < 9999:
        raise ValueError("give a year between 1971 and 9998")
    return at.astimezone(UTC)


def split_commas(value: object) -> object:
    """`a,b` as a list; other values are left to the schema."""
    return value.split(",") if isinstance(value, str) else value


def restore_plus(value: object) -> object:
    """Put back the plus sign that, not written as %2B, arrives as a space (WHATWG URL section 5.1)."""
    return re.sub(r"^ (?=\d)", "+", value) if isinstance(value, str) else value


def restore_offset(value: object) -> object:
    """The same for the plus of the zone's offset at the end of a time."""
    return re.sub(r" (?=\d\d:?\d\d$)", "+", value) if isinstance(value, str) else value


def typed_by_phones(secret: SecretStr) -> SecretStr:
    """The password, if every phone accepts its characters; the error does not repeat it."""
    if not re.fullmatch(r"[!-~]*", secret.get_secret_value()):
        raise ValueError("use visible ASCII characters without spaces, which every phone accepts")
    return secret


OneLine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Text = Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")]
Token = Annotated[str, StringConstraints(pattern=r"^[!-.0-~]{1,200}$")]
Phone = Annotated[str, BeforeValidator(restore_plus), StringConstraints(pattern=r"^\+?[0-9 ()./-]{2,32}$")]
OwnNumber = Annotated[str, StringConstraints(max_length=32), AfterValidator(as_written)]
Plate = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20, pattern=r"^[^\x00-\x1f\x7f]+$")
]
AgentNumber = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,32}$")]
Skill = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Level = Annotated[int, Field(ge=1, le=9, strict=True)]
Skills = Annotated[dict[Skill, Level], Field(max_length=SKILLS_MAX)]
Languages = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,20}$")], ...], Field(max_length=10)
]
Password = Annotated[
    SecretStr, Field(min_length=PASSWORD_CHARS_MIN, max_length=PASSWORD_CHARS_MAX), AfterValidator(typed_by_phones)
]
DigestAlgorithms = Annotated[tuple[Algorithm, ...], AfterValidator(once_each)]
Networks = Annotated[tuple[str, ...], AfterValidator(network_texts)]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{0,20}$")]
RowNumber = Annotated[int, Field(ge=1, le=BIGINT_MAX)]
RecordingNumber = Annotated[int, Field(ge=1, le=9999)]
Moment = Annotated[AwareDatetime, BeforeValidator(restore_offset), AfterValidator(in_utc)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
PageSize = Annotated[int, Field(ge=1, le=PAGE_ROWS_MAX)]
RowKey = Annotated[str, StringConstraints(pattern=r"^[!-.0-~]{1,200}/[1-9][0-9]{0,3}$")]
"""`call_id/number`, the key of rows of which a call has several."""


def row_key(text: str) -> tuple[CallId, int]:
    """Call id and number of a `RowKey`, whose form the schema has checked."""
    call_id, _, number = text.rpartition("/")
    return CallId(call_id), int(number)


def future(at: datetime | None, wall: datetime, field: str) -> datetime | None:
    """`at` if it is still to come, or None for no end; raises ApiError naming `field`."""
    if at is not None and at <= wall:
        problem = f"{field}: {at:%Y-%m-%dT%H:%M:%SZ} is over; give a time to come, or leave it out for no end"
        raise ApiError(HTTPStatus.BAD_REQUEST, "invalid_value", problem, field)
    return at


class Shape(BaseModel):
    """What all shapes of requests share."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Nothing(Shape):
    """No parameters, or no body."""


# Parameters: what stands in the path and in the query.


class OneCall(Shape):
    call_id: Token
    """The call."""


class OneAgent(Shape):
    agent: Token
    """The agent's number."""


class OneCustomer(Shape):
    customer_id: RowNumber
    """The customer's row number."""


class OneRecording(Shape):
    call_id: Token
    """The call."""
    number: RecordingNumber
    """1 for the call's first recording."""


class CallPage(Shape):
    """Which ended calls, newest first."""

    arrived_from: Annotated[Moment | None, Field(alias="from")] = None
    """Arrived at or after this time (RFC 3339 with a zone)."""
    arrived_before: Annotated[Moment | None, Field(alias="to")] = None
    """Arrived before this time."""
    caller: Phone | None = None
    """The caller's number, however it is written."""
    agent: Token | None = None
    """An agent who took part, also before a transfer."""
    queue: Name | None = None
    """A queue that the call was in, also before an overflow."""
    customer_id: RowNumber | None = None
    """The customer."""
    outcome: Outcome | None = None
    """What became of the call."""
    end_cause: CallEnd | None = None
    """How it ended."""
    served: bool | None = None
    """Whether an agent talked to the caller."""
    min_duration_s: Seconds | None = None
    """Seconds of talk at least."""
    before: Token | None = None
    """`next` of the page before."""
    limit: PageSize = 100
    """Rows in a page."""


class RecordingPage(Shape):
    """Which recordings, newest first."""

    started_from: Annotated[Moment | None, Field(alias="from")] = None
    """Began at or after this time (RFC 3339 with a zone)."""
    started_before: Annotated[Moment | None, Field(alias="to")] = None
    """Began before this time."""
    caller: Phone | None = None
    """The caller's number, however it is written."""
    agent: Token | None = None
    """The agent's number."""
    agent_name: Name | None = None
    """Part of the agent's name."""
    min_duration_s: Seconds | None = None
    """Length in seconds at least."""
    max_duration_s: Seconds | None = None
    """Length in seconds at most."""
    before: RowKey | None = None
    """`next` of the page before."""
    limit: PageSize = 100
    """Rows in a page."""


class TranscriptPage(Shape):
    """Which transcripts, newest first."""

    q: OneLine | None = None
    """Words that were said, separated by blanks; each must be found, anywhere in a word or sentence."""
    call_id: Token | None = None
    """Only this call's."""
    recording: OneLine | None = None
    """Only the recording with this path, as a work item names it."""
    started_from: Annotated[Moment | None, Field(alias="from")] = None
    """Began at or after this time (RFC 3339 with a zone)."""
    started_before: Annotated[Moment | None, Field(alias="to")] = None
    """Began before this time."""
    before: RowKey | None = None
    """`next` of the page before."""
    limit: PageSize = 100
    """Rows in a page."""


class CustomerSearch(Shape):
    search: OneLine = ""
    """Part of a name, address, number, member number or plate; without it the newest customers."""
    limit: Annotated[int, Field(ge=1, le=SEARCH_ROWS_MAX)] = 20
    """Hits at most."""


class PhoneLookup(Shape):
    phone: Phone
    """The number, however it is written."""


class EventChoice(Shape):
    """Which events to send; without a choice all."""

    kind: Annotated[tuple[StreamEventKind, ...], BeforeValidator(split_commas)] = ()
    """Only these kinds, separated by commas."""
    agent: Token | None = None
    """Only what concerns this agent."""


# Bodies


class Assignment(Shape):
    """The agent to whom a waiting caller is offered."""

    agent: Token
    """The agent's number."""


class Requeueing(Shape):
    """The queue to which a caller is sent."""

    queue: Name
    """The queue's key."""


class Diversion(Shape):
    """The flow to which a caller is sent."""

    flow: Name
    """The flow's name."""


class SeatOrder(Shape):
    """The phone at which an agent works."""

    kind: SeatKind
    """`phone`: registered with us; `number`: an outside number or mobile."""
    where: Token
    """The user under which the phone is registered, or the number to dial."""

    @field_validator("where")
    @classmethod
    def is_number(cls, where: str, info: ValidationInfo) -> str:
        if info.data.get("kind") is SeatKind.NUMBER and not HOME.canonical(where):
            raise ValueError(f"{where} is no telephone number; write it as in +8613800138000 or 13800138000")
        return where

    def seat(self) -> Seat:
        """The seat for call control."""
        return Seat(self.kind, self.where)


class AgentOrder(Shape):
    """A command to change an agent's state."""

    command: AgentCommand
    """The new state."""
    reason: OneLine | None = None
    """The reason for not ready, as wallboards and reports show it."""
    seat: SeatOrder | None = None
    """Where to ring the agent; without it the phone registered under the agent's own number."""

    @field_validator("reason")
    @classmethod
    def reason_fits(cls, reason: str | None, info: ValidationInfo) -> str | None:
        if reason is not None and info.data.get("command", AgentCommand.NOT_READY) is not AgentCommand.NOT_READY:
            raise ValueError("a reason belongs to the command not_ready only; leave it out")
        return reason

    @field_validator("seat")
    @classmethod
    def seat_fits(cls, seat: SeatOrder | None, info: ValidationInfo) -> SeatOrder | None:
        if seat is not None and info.data.get("command", AgentCommand.LOG_IN) is not AgentCommand.LOG_IN:
            raise ValueError("a seat belongs to the command log_in only; leave it out")
        return seat


class AgentCreation(Shape):
    """An agent to be created."""

    number: AgentNumber
    """Up to 32 letters and digits; also the user name of the phone. It cannot be changed later."""
    name: Name
    """Shown on wallboards; never spoken."""
    skills: Skills = Field(default_factory=dict)
    """Level of each skill, 1 to 9; the higher level answers first."""
    languages: Languages = ()
    """Spoken languages, best first: cmn, yue, en."""
    declines: tuple[Channel, ...] = ()
    """Kinds of contacts that the agent takes none of."""
    digest_algorithms: DigestAlgorithms = ()
    """Digest algorithms that the phone may use, `MD5` or `SHA-256`, in the order offered; empty: those of `[sip]`."""
    allowed_networks: Networks = ()
    """Networks that the phone may register and call from, such as `192.0.2.0/24`; empty: any."""
    caller_id: OwnNumber = ""
    """The number of ours that customers whom the agent calls back see; empty: the queue's or the trunk's."""
    password: Password | None = None
    """The phone's password; without it one is generated."""

    def record(self) -> AgentRecord:
        """The agent for the store, without a password."""
        skills = {SkillName(skill): level for skill, level in self.skills.items()}
        return AgentRecord(
            agent=AgentId(self.number),
            name=self.name,
            ha1_md5="",
            ha1_sha256="",
            skills=skills,
            languages=self.languages,
            declines=self.declines,
            digest_algorithms=self.digest_algorithms,
            allowed_networks=self.allowed_networks,
            caller_id=self.caller_id,
        )


class AgentPatch(Shape):
    """A change of an agent; a field that is left out is not changed."""

    name: Name | None = None
    """Shown on wallboards; never spoken."""
    skills: Skills | None = None
    """All skills with their levels, 1 to 9; they replace the present ones."""
    languages: Languages | None = None
    """All spoken languages, best first; they replace the present ones."""
    declines: tuple[Channel, ...] | None = None
    """All kinds of contacts that the agent takes none of."""
    digest_algorithms: DigestAlgorithms | None = None
    """Digest algorithms that the phone may use from now on; empty: those of `[sip]`."""
    allowed_networks: Networks | None = None
    """Where the phone may register and call from; empty: from anywhere."""
    caller_id: OwnNumber | None = None
    """The number of ours that customers whom the agent calls back see; empty: the queue's or the trunk's."""
    is_active: bool | None = None
    """False: the agent is kept for the history, and may not register or log in."""

    def applied_to(self, record: AgentRecord) -> AgentRecord:
        """The agent with the change applied."""
        return replace(record, **{name: value for name, value in self if value is not None})


class PasswordOrder(Shape):
    """A new password for an agent's phone."""

    password: Password | None = None
    """Without it one is generated."""


class CustomerCreation(Shape):
    """A customer to be created."""

    name: Name
    """Person or company."""
    tier: Tier = Tier.STANDARD
    """Customer tier."""
    language: Language = ""
    """Preferred language: cmn, yue, en; empty when unknown."""
    numbers: Annotated[tuple[Phone, ...], Field(max_length=20)] = ()
    """Telephone numbers, the main one first."""
    member_number: Name | None = None
    """Unique among customers."""
    plates: Annotated[tuple[Plate, ...], Field(max_length=50)] = ()
    """Number plates."""
    address: OneLine = ""
    """One line."""
    note: Text = ""
    """Free text for the agent."""
    owner: AgentNumber | None = None
    """The agent who looks after the customer and is tried first."""
    region: OneLine = ""
    """The customer's region, by its name in the configuration."""

    def record(self) -> NewCustomer:
        """The card for the store."""
        return NewCustomer(**dict(self))


class CustomerPatch(Shape):
    """A change of a customer; a field that is left out is not changed."""

    name: Name | None = None
    """Person or company."""
    tier: Tier | None = None
    """Customer tier."""
    language: Language | None = None
    """Preferred language."""
    numbers: Annotated[tuple[Phone, ...], Field(max_length=20)] | None = None
    """All telephone numbers, the main one first."""
    member_number: OneLine | None = None
    """The member number; empty removes it."""
    plates: Annotated[tuple[Plate, ...], Field(max_length=50)] | None = None
    """All number plates."""
    address: OneLine | None = None
    """One line."""
    note: Text | None = None
    """Free text for the agent."""
    owner: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{0,32}$")] | None = None
    """The agent who looks after the customer; empty removes the owner."""
    region: OneLine | None = None
    """The customer's region."""

    def change(self) -> CustomerChange:
        """The patch for the store."""
        return CustomerChange(**dict(self))


# Answers


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls that are up, oldest first."""

    calls: tuple[LiveCall, ...]


@dataclass(frozen=True, slots=True)
class Queues:
    """Every queue."""

    queues: tuple[LiveQueue, ...]


@dataclass(frozen=True, slots=True)
class AgentList:
    """Every agent."""

    agents: tuple[LiveAgent, ...]


@dataclass(frozen=True, slots=True)
class AgentProfile:
    """An agent as configured, without the password's hashes."""

    agent: str
    """The agent's number."""
    name: str
    skills: Mapping[SkillName, int]
    """Level of each skill, 1 to 9."""
    languages: tuple[str, ...]
    """Spoken languages, best first."""
    is_active: bool
    """False: the agent is kept for the history, and may not register or log in."""
    declines: tuple[Channel, ...] = ()
    """Kinds of contacts that the agent takes none of."""
    digest_algorithms: tuple[Algorithm, ...] = ()
    """Digest algorithms that the phone may use, in the order offered; empty: those of `[sip]`."""
    allowed_networks: tuple[str, ...] = ()
    """Where the phone may register and call from; empty: from anywhere."""
    caller_id: str = ""
    """The number of ours that customers whom the agent calls back see; empty: the queue's or the trunk's."""
    warnings: tuple[str, ...] = ()
    """Probable mistakes: skills that no queue, rule or flow asks for."""

    @classmethod
    def of(cls, record: AgentRecord, warnings: tuple[str, ...] = ()) -> Self:
        """The fields of `record` that may be shown."""
        return cls(
            agent=record.agent,
            name=record.name,
            skills=record.skills,
            languages=record.languages,
            is_active=record.is_active,
            declines=record.declines,
            digest_algorithms=record.digest_algorithms,
            allowed_networks=record.allowed_networks,
            caller_id=record.caller_id,
            warnings=warnings,
        )


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent that was just created."""

    profile: AgentProfile
    password: str | None
    """The password that was made, shown this once; null when the request gave one."""


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """The phone's new password, which is valid now."""

    agent: str
    """The agent's number."""
    password: str | None
    """The password that was made, shown this once; null when the request gave one."""


@dataclass(frozen=True, slots=True)
class CallList:
    """One page of ended calls."""

    calls: tuple[CdrRow, ...]
    next: str | None
    """Give this as `before` for the next page; null on the last one."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """One page of recordings."""

    recordings: tuple[RecordingRow, ...]
    next: str | None
    """Give this as `before` for the next page; null on the last one."""


@dataclass(frozen=True, slots=True)
class TranscriptList:
    """One page of transcripts."""

    transcripts: tuple[Transcribed, ...]
    next: str | None
    """Give this as `before` for the next page; null on the last one."""


@dataclass(frozen=True, slots=True)
class Customers:
    """Customers found."""

    customers: tuple[Customer, ...]


@dataclass(frozen=True, slots=True)
class CustomerLookup:
    """The customer who has a telephone number."""

    phone: str
    """The number as it was given."""
    is_known: bool
    """Whether a customer has it."""
    customer: Customer | None
    """The card with tier, name and language."""
    others: tuple[Customer, ...]
    """Other customers with the same number; a caller with this number is not taken for one of them."""
    last_contacts: tuple[PastContact, ...]
    """The customer's latest contacts, newest first; when no customer has the number, the number's."""


@dataclass(frozen=True, slots=True)
class HangingUp:
    """The call is being ended."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Sending:
    """The caller is being sent."""

    call_id: str
    to: str
    """The agent, the queue or the flow."""


@dataclass(frozen=True, slots=True)
class Alive:
    """The process is alive."""

    is_alive: bool
