"""Agents and customers in PostgreSQL: changed there first, then in the directory's memory."""

import sys
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace

import asyncpg

from acdcore.calls.model.directory import AgentRecord, Customer, CustomerChange, NewCustomer, PastContact, Tier
from acdcore.calls.model.ports import BadRecord, IdTaken, UnknownRecord, VersionConflict
from acdcore.calls.model.rows import CallDirection
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName, SkillName
from acdcore.numbering.plan import HOME
from acdcore.queues.settings import Channel
from acdcore.sip.auth.digest_values import algorithms_in
from acdcore.storage.postgres.database import Connection, Database
from acdcore.storage.stores import customer_card
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.storage.stores.password import ha1_hashes

CUSTOMER_COLUMNS = "id, name, tier, language, numbers, member_number, plates, address, note, owner, region, version"
AGENT_COLUMNS = (
    "agent, name, ha1_md5, ha1_sha256, skills, languages, is_active, declines, digest_algorithms, allowed_networks,"
    " caller_id"
)
LOAD_ROWS = 2_000
"""Rows taken at a time while loading: about 1 MB."""
CONTACTS_LOADED_MAX = 200_000
"""Latest calls that a start loads as contacts: weeks of a busy call centre, half a second of loading."""

INSERT_CUSTOMER = (
    "insert into customers"
    " (name, tier, language, numbers, member_number, plates, address, note, owner, region, version)"
    f" values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1) returning {CUSTOMER_COLUMNS}"
)
UPDATE_CUSTOMER = (
    "update customers set name = $1, tier = $2, language = $3, numbers = $4, member_number = $5, plates = $6,"
    " address = $7, note = $8, owner = $9, region = $10, version = version + 1, changed_at = now()"
    f" where id = $11 and version = $12 returning {CUSTOMER_COLUMNS}"
)
INSERT_AGENT = f"insert into agents ({AGENT_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
UPDATE_AGENT = (
    "update agents set name = $2, ha1_md5 = $3, ha1_sha256 = $4, skills = $5, languages = $6, is_active = $7,"
    " declines = $8, digest_algorithms = $9, allowed_networks = $10, caller_id = $11"
    " where agent = $1 returning agent"
)
SKILL_LEVELS = range(1, 10)


class PgCustomerStore:
    """Implements `CustomerStore`."""

    def __init__(self, database: Database, directory: MemoryDirectory) -> None:
        self._database = database
        self._directory = directory

    async def create(self, new: NewCustomer) -> Customer:
        checked = customer_card.check_card(new)
        async with self._database.connection() as connection:
            customer = await insert_customer(connection, checked)
        self._directory.put_customer(customer)
        return customer

    async def change(self, customer_id: CustomerId, change: CustomerChange, version: int) -> Customer:
        async with self._database.connection() as connection:
            # Read from the database, not from memory: the change must be applied to the stored customer.
            found = await connection.fetchrow(f"select {CUSTOMER_COLUMNS} from customers where id = $1", customer_id)
            if found is None:
                raise UnknownRecord(f"there is no customer {customer_id}")
            checked = customer_card.apply_change(customer_of(found), change)
            try:
                row = await connection.fetchrow(UPDATE_CUSTOMER, *_values(checked), customer_id, version)
            except asyncpg.UniqueViolationError as error:
                raise IdTaken(f"member number {checked.member_number} belongs to another customer") from error
            if row is None:
                raise VersionConflict(f"customer {customer_id} is at version {found['version']}, not {version}")
        customer = customer_of(row)
        self._directory.put_customer(customer)
        return customer


class PgAgentStore:
    """Implements `AgentStore`."""

    def __init__(
        self, database: Database, directory: MemoryDirectory, realm: str, trunk_users: Mapping[str, str]
    ) -> None:
        """`realm` is that of the registrar: the stored hashes depend on it. `trunk_users` as in `check_free`."""
        self._database = database
        self._directory = directory
        self._realm = realm
        self._trunk_users = trunk_users

    async def add(self, record: AgentRecord) -> None:
        check_agent(record)
        check_free(record.agent, self._trunk_users)
        async with self._database.connection() as connection:
            await insert_agent(connection, record)
        self._directory.put_agent(record)

    async def change(self, record: AgentRecord) -> None:
        former = self._directory.agent(record.agent)
        check_agent(record, former.languages if former else ())
        async with self._database.connection() as connection:
            if await connection.fetchval(UPDATE_AGENT, *_agent_values(record)) is None:
                raise UnknownRecord(f"there is no agent {record.agent}")
        self._directory.put_agent(record)

    async def set_password(self, agent: AgentId, password: str) -> None:
        record = self._directory.agent(agent)
        if record is None:
            raise UnknownRecord(f"there is no agent {agent}")
        hashes = ha1_hashes(agent, self._realm, password)
        await self.change(replace(record, ha1_md5=hashes.md5, ha1_sha256=hashes.sha256))


async def insert_customer(connection: Connection, checked: NewCustomer) -> Customer:
    """Store a checked card; raises `IdTaken`."""
    try:
        row = await connection.fetchrow(INSERT_CUSTOMER, *_values(checked))
    except asyncpg.UniqueViolationError as error:
        raise IdTaken(f"member number {checked.member_number} belongs to another customer") from error
    if row is None:
        raise UnknownRecord("the database returned no customer")
    return customer_of(row)


async def insert_agent(connection: Connection, record: AgentRecord) -> None:
    """Store a checked agent; raises `IdTaken`."""
    try:
        await connection.execute(INSERT_AGENT, *_agent_values(record))
    except asyncpg.UniqueViolationError as error:
        raise IdTaken(f"there is an agent {record.agent} already") from error


def check_agent(record: AgentRecord, former_languages: Collection[str] = ()) -> None:
    """Raises `BadRecord` for what may not be stored.

    `former_languages` are accepted even if they are unknown, since older versions accepted any.
    """
    if not record.agent.isascii() or not record.agent.isalnum() or len(record.agent) > customer_card.WORD_CHARS_MAX:
        raise BadRecord("agent", f"{record.agent[:40]!r} cannot be an agent's number; use digits and letters")
    if record.caller_id and not HOME.canonical(record.caller_id):
        raise BadRecord("caller_id", f"{record.caller_id[:40]!r} is no telephone number; write it as in +862088880000")
    for skill, level in record.skills.items():
        if level not in SKILL_LEVELS:
            raise BadRecord("skills", f"{skill}: level {level} is not one of 1 to 9")
    for language in record.languages:
        if language not in former_languages and customer_card.unknown_language(language):
            problem = (
                f"{customer_card.unknown_language(language)}; what no flow speaks is a skill: skills = {{ ja = 9 }}"
            )
            raise BadRecord("languages", problem)


def check_free(agent: AgentId, trunk_users: Mapping[str, str]) -> None:
    """Raises `IdTaken` for a number that is a trunk's user: only one of the two could log in.

    `trunk_users` has the trunk's name for each such user.
    """
    trunk = trunk_users.get(agent)
    if trunk is not None:
        raise IdTaken(f"{agent} is the user of the trunk {trunk}: give the agent or the trunk another one")


async def load(connection: Connection, directory: MemoryDirectory) -> None:
    """Load all agents, customers and last contacts into the directory."""
    async with connection.transaction():
        async for row in _rows(connection, f"select {AGENT_COLUMNS} from agents"):
            directory.put_agent(agent_of(row))
        async for row in _rows(connection, f"select {CUSTOMER_COLUMNS} from customers order by id"):
            directory.load_customer(customer_of(row))
        latest = (
            "select call_id, arrived_at, queue, served_by, outcome, direction, caller, dialled, customer_id"
            f" from calls order by call_id desc limit {CONTACTS_LOADED_MAX}"
        )
        async for row in _rows(connection, f"select * from ({latest}) as latest order by call_id"):
            _note(directory, row)
    directory.finish_loading()


def _note(directory: MemoryDirectory, row: asyncpg.Record) -> None:
    direction = CallDirection(row["direction"])
    contact = PastContact(
        CallId(row["call_id"]),
        row["arrived_at"],
        None if row["queue"] is None else QueueName(sys.intern(row["queue"])),
        None if row["served_by"] is None else AgentId(sys.intern(row["served_by"])),
        Outcome(row["outcome"]),
        direction,
    )
    number = row["caller"] if direction is CallDirection.INBOUND else row["dialled"]
    directory.note_contact(number, row["customer_id"], contact)


async def _rows(connection: Connection, query: str) -> AsyncIterator[asyncpg.Record]:
    async for row in connection.cursor(query, prefetch=LOAD_ROWS):
        yield row


def customer_of(row: asyncpg.Record) -> Customer:
    """The customer in a row of `CUSTOMER_COLUMNS`."""
    return Customer(
        id=CustomerId(row["id"]),
        name=row["name"],
        tier=Tier(row["tier"]),
        language=sys.intern(row["language"]),
        numbers=tuple(row["numbers"]),
        member_number=row["member_number"],
        plates=tuple(row["plates"]),
        address=row["address"],
        note=row["note"],
        version=row["version"],
        owner=None if row["owner"] is None else AgentId(sys.intern(row["owner"])),
        region=sys.intern(row["region"]),
    )


def agent_of(row: asyncpg.Record) -> AgentRecord:
    """The agent in a row of `AGENT_COLUMNS`."""
    return AgentRecord(
        agent=AgentId(row["agent"]),
        name=row["name"],
        ha1_md5=row["ha1_md5"],
        ha1_sha256=row["ha1_sha256"],
        skills={SkillName(skill): level for skill, level in row["skills"].items()},
        languages=tuple(row["languages"]),
        is_active=row["is_active"],
        declines=tuple(Channel(channel) for channel in row["declines"]),
        digest_algorithms=algorithms_in(row["digest_algorithms"]),
        allowed_networks=tuple(row["allowed_networks"]),
        caller_id=row["caller_id"],
    )


def _values(new: NewCustomer) -> tuple[object, ...]:
    words = (new.name, new.tier, new.language, new.numbers, new.member_number)
    return (*words, new.plates, new.address, new.note, new.owner, new.region)


def _agent_values(record: AgentRecord) -> tuple[object, ...]:
    hashes = (record.ha1_md5, record.ha1_sha256)
    facts = (dict(record.skills), record.languages, record.is_active, record.declines, record.digest_algorithms)
    return (record.agent, record.name, *hashes, *facts, record.allowed_networks, record.caller_id)
