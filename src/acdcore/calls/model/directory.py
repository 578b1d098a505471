"""People: agents as configured, customers, and their earlier contacts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from acdcore.calls.model.rows import (
    CallDirection,
)
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName, SkillName
from acdcore.queues.settings import Channel
from acdcore.sip.auth.digest_values import Algorithm


class Tier(StrEnum):
    """How a customer is ranked, lowest first."""

    STANDARD = "standard"
    SILVER = "silver"
    GOLD = "gold"
    VIP = "vip"


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """An agent as configured: number, skills, and how the phone authenticates."""

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
    """False: the record is kept for the history; the agent may not register or log in."""
    declines: tuple[Channel, ...] = ()
    """Channels that the agent does not serve. An agent has one contact at a time."""
    digest_algorithms: tuple[Algorithm, ...] = ()
    """Digest algorithms for the phone, in the order offered; empty: those of the realm."""
    allowed_networks: tuple[str, ...] = ()
    """Networks from which the phone may register and call, such as `192.0.2.0/24`; empty: any."""
    caller_id: str = ""
    """Our number that is shown to customers whom this agent calls back; "": the queue's or the trunk's number."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer's card."""

    id: CustomerId
    """Row number."""
    name: str
    """Person or company."""
    tier: Tier
    """Tier; it gives the caller priority."""
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
    """Counts the changes, from 1; a change has to name the version that it was made from."""
    owner: AgentId | None = None
    """The preferred agent of this customer; None when there is none."""
    region: str = ""
    """The customer's region, by its name in the settings; goes before the region of the number. Empty: none."""


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
    """A change of a customer; None leaves a field as it is."""

    name: str | None = None
    tier: Tier | None = None
    language: str | None = None
    numbers: tuple[str, ...] | None = None
    member_number: str | None = None
    """An empty string removes the member number."""
    plates: tuple[str, ...] | None = None
    address: str | None = None
    note: str | None = None
    owner: AgentId | None = None
    """An empty string removes the owner."""
    region: str | None = None


@dataclass(frozen=True, slots=True)
class PastContact:
    """One earlier call of a customer, as a screen pop shows it."""

    call_id: CallId
    """The call; its events are in `History`."""
    at: datetime
    """When it arrived (UTC)."""
    queue: QueueName | None
    """The queue that it waited in; None when it was in none."""
    agent: AgentId | None
    """The agent who talked to the customer; None when nobody did."""
    outcome: Outcome
    """How it ended."""
    direction: CallDirection = CallDirection.INBOUND
    """Who placed it."""
