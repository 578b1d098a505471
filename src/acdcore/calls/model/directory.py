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
    digest_algorithms: tuple[Algorithm, ...] = ()
    """What the phone may prove itself with, in the order offered; empty: as the realm."""
    allowed_networks: tuple[str, ...] = ()
    """Where the phone may register and call from, such as `192.0.2.0/24`; empty: from anywhere."""
    caller_id: str = ""
    """The number of ours that customers whom this agent calls back see; "" leaves it to the queue and the trunk."""


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
class PastContact:
    """One earlier call of a customer, as short as a screen pop needs it."""

    call_id: CallId
    """The call; its events are in `History`."""
    at: datetime
    """When it arrived (UTC)."""
    queue: QueueName | None
    """The queue it waited in, if any."""
    agent: AgentId | None
    """Who talked to the customer, if anybody."""
    outcome: Outcome
    """How it ended."""
    direction: CallDirection = CallDirection.INBOUND
    """Who placed it."""
