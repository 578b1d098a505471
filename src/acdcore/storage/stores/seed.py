"""The first agents and customers, read from TOML and stored when the tables are empty."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import pydantic

from acdcore.calls.model.directory import AgentRecord, NewCustomer, Tier
from acdcore.calls.model.ports import BadRecord, Directory, IdTaken
from acdcore.kernel.errors import SettingsError, raise_together
from acdcore.kernel.ids import AgentId, SkillName
from acdcore.kernel.mistakes import mistakes
from acdcore.kernel.networks import network_text
from acdcore.kernel.toml_file import read_toml
from acdcore.numbering.key import matching_key
from acdcore.numbering.plan import HOME
from acdcore.queues.settings import Channel
from acdcore.sip.auth.digest_values import Algorithm
from acdcore.storage.postgres.database import Connection
from acdcore.storage.stores import customer_card
from acdcore.storage.stores.password import ha1_hashes, new_password
from acdcore.storage.stores.people import check_agent, check_free, insert_agent, insert_customer

AGENTS_FILE = "agents.toml"
CUSTOMERS_FILE = "customers.toml"
"""Both lie beside the settings."""
IMPORT = "acdcore agents import"
CHECKED_REALM = "checked"
"""The realm of passwords that are only checked."""
NAMED_MAX = 5
"""Agents that a warning names."""
SEED_LOCK_KEY = 0x61636473
"""Advisory lock: two daemons on one new database seed it once."""


@dataclass(frozen=True, slots=True)
class SeededAgent:
    """An agent that was just created, with the one chance to learn its password."""

    record: AgentRecord
    """As stored, with hashes."""
    password: str
    """In clear, stored nowhere: for the operator's eyes."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """What the files say."""

    agents: tuple[SeededAgent, ...]
    """The agents, with generated passwords where the file gives none."""
    customers: tuple[NewCustomer, ...]
    """The customers, checked."""


class AgentEntry(pydantic.BaseModel):
    """One agent as `agents.toml` has it."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    number: str
    name: str
    password: str | None = None
    skills: dict[str, int]
    languages: list[str] = []
    declines: list[Annotated[Channel, pydantic.Field(strict=False)]] = []
    digest_algorithms: list[Algorithm] = []
    allowed_networks: list[Annotated[str, pydantic.AfterValidator(network_text)]] = []
    caller_id: str = ""

    def facts(self) -> dict[str, object]:
        """All fields but number and password, as JSON values."""
        return self.model_dump(mode="json", exclude={"number", "password"})

    def differing(self, known: Mapping[str, object]) -> tuple[str, ...]:
        """The names of the fields that differ from `known`, which has JSON values too."""
        return tuple(name for name, fact in self.facts().items() if normal(name, known[name]) != normal(name, fact))


class _Agents(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    agents: list[AgentEntry] = []


class _Customer(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    name: str
    tier: Tier = Tier.STANDARD
    language: str = ""
    numbers: list[str] = []
    member_number: str | None = None
    plates: list[str] = []
    address: str = ""
    note: str = ""
    owner: AgentId | None = None
    region: str = ""


class _Customers(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    customers: list[_Customer] = []


Table = TypeVar("Table", bound=pydantic.BaseModel)


def read_seeds(agents_file: Path, customers_file: Path, realm: str, trunk_users: Mapping[str, str]) -> Seeds:
    """Read both files; a missing one counts as empty. Raises `SettingsError` with every mistake in both files."""
    problems: list[SettingsError] = []
    agents: tuple[SeededAgent, ...] = ()
    customers: tuple[NewCustomer, ...] = ()
    try:
        agents = _read_agents(agents_file, realm)
    except SettingsError as error:
        problems.append(error)
    for place, agent in enumerate(agents):
        try:
            check_free(agent.record.agent, trunk_users)
        except IdTaken as error:
            problems.append(SettingsError(str(agents_file), f"agents.{place}.number", str(error)))
    try:
        customers = _read_customers(customers_file)
    except SettingsError as error:
        problems.append(error)
    raise_together(problems)
    return Seeds(agents, customers)


def shared_numbers(customers: Iterable[NewCustomer]) -> Iterator[str]:
    """Numbers that several customers have, each with their names."""
    names: dict[str, list[str]] = {}
    for customer in customers:
        for key in dict.fromkeys(filter(None, map(matching_key, customer.numbers))):
            names.setdefault(key, []).append(customer.name)
    for key, those in names.items():
        if len(those) > 1:
            yield (
                f"{key} is the number of {shorten_list(those)}; callers are taken for the one of the highest tier, "
                "then for the first"
            )


def agents_in(file: Path) -> tuple[AgentEntry, ...]:
    """The agents of the file, none when it is not there; raises SettingsError with file and key."""
    return tuple(_entries(file, _Agents).agents)


def checked_agents_in(file: Path) -> tuple[AgentEntry, ...]:
    """The agents of the file, checked as at a first start, so that an import does not stop half way."""
    entries = agents_in(file)
    _seeded_agents(file, entries, CHECKED_REALM)
    return entries


def unapplied(directory_of_files: Path, directory: Directory) -> Iterator[str]:
    """Warnings where the files differ from the database, since they are read only while it is empty."""
    agents_file, customers_file = directory_of_files / AGENTS_FILE, directory_of_files / CUSTOMERS_FILE
    try:
        entries, customers = agents_in(agents_file), _read_customers(customers_file)
    except SettingsError as error:
        yield f"{error}; it is not read now that the database has agents and customers"
        return
    known = {entry.number: directory.agent(AgentId(entry.number)) for entry in entries}
    new = [number for number, record in known.items() if record is None]
    if new:
        yield (
            f"{agents_file}: is read at the first start only; not in force: {shorten_list(new)}; add them by `{IMPORT}`"
        )
    changed = [
        f"{entry.number} ({', '.join(fields)})"
        for entry in entries
        if (record := known[entry.number]) is not None and (fields := entry.differing(agent_facts(record)))
    ]
    if changed:
        yield (
            f"{agents_file}: in force otherwise than in the file: "
            f"{shorten_list(changed)}; apply it by `{IMPORT} --update`"
        )
    strangers = sum(not is_known(customer, directory) for customer in customers)
    if strangers:
        yield (
            f"{customers_file}: customers who are not known: {strangers}; the file is read at the first start only, "
            "add them by POST /v1/customers"
        )


def agent_facts(record: AgentRecord) -> dict[str, object]:
    """A stored agent in the form of `AgentEntry.facts`."""
    return {
        "name": record.name,
        "skills": dict(record.skills),
        "languages": list(record.languages),
        "declines": [channel.value for channel in record.declines],
        "digest_algorithms": list(record.digest_algorithms),
        "allowed_networks": list(record.allowed_networks),
        "caller_id": record.caller_id,
    }


def normal(name: str, fact: object) -> object:
    """A value in one form, so that equal values compare equal."""
    if name == "caller_id" and isinstance(fact, str):
        return HOME.canonical(fact) or fact
    return list(fact) if isinstance(fact, tuple) else fact


def is_known(customer: NewCustomer, directory: Directory) -> bool:
    """Whether a customer with the member number, or else with one of the telephone numbers, is stored."""
    if customer.member_number is not None:
        return directory.customer_by_member_number(customer.member_number) is not None
    return not customer.numbers or any(directory.customer_by_phone(number) for number in customer.numbers)


def shorten_list(many: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(many) - NAMED_MAX} more" if len(many) > NAMED_MAX else ""
    return ", ".join(many[:NAMED_MAX]) + more


async def seed(
    connection: Connection, seeds: Callable[[], Seeds], keep: Callable[[Sequence[SeededAgent]], None]
) -> list[SeededAgent]:
    """Fill empty tables; tables with anything in them are left alone, and then the files are not even read.

    `keep` gets the new agents before they are committed. When it raises, nothing is stored, so that no agent has a
    password that nobody knows. Returns the agents created.
    """
    created: list[SeededAgent] = []
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", SEED_LOCK_KEY)
        has_agents = await connection.fetchval("select exists (select from agents)")
        has_customers = await connection.fetchval("select exists (select from customers)")
        if has_agents and has_customers:
            return created
        wanted = seeds()
        if not has_agents:
            for agent in wanted.agents:
                await insert_agent(connection, agent.record)
                created.append(agent)
        if not has_customers:
            for customer in wanted.customers:
                await insert_customer(connection, customer)
        if created:
            keep(created)
    return created


def _read_agents(file: Path, realm: str) -> tuple[SeededAgent, ...]:
    return _seeded_agents(file, agents_in(file), realm)


def _seeded_agents(file: Path, entries: Iterable[AgentEntry], realm: str) -> tuple[SeededAgent, ...]:
    problems: list[SettingsError] = []
    seeded: dict[str, SeededAgent] = {}
    for place, entry in enumerate(entries):
        if entry.number in seeded:
            problem = f"{entry.number} is given twice; two agents cannot have one number"
            problems.append(SettingsError(str(file), f"agents.{place}.number", problem))
            continue
        try:
            seeded[entry.number] = _seeded(file, f"agents.{place}", entry, realm)
        except SettingsError as error:
            problems.append(error)
    raise_together(problems)
    return tuple(seeded.values())


def _entries(file: Path, table: type[Table]) -> Table:
    content = _toml(file)
    try:
        return table.model_validate(content)
    except pydantic.ValidationError as error:
        raise_together(_told(file, error, table))
        raise  # pydantic has no error without a mistake in it


def _seeded(file: Path, key: str, entry: AgentEntry, realm: str) -> SeededAgent:
    password = entry.password or new_password()
    agent = AgentId(entry.number)
    hashes = ha1_hashes(agent, realm, password)
    skills = {SkillName(skill): level for skill, level in entry.skills.items()}
    record = AgentRecord(
        agent=agent,
        name=entry.name,
        ha1_md5=hashes.md5,
        ha1_sha256=hashes.sha256,
        skills=skills,
        languages=tuple(entry.languages),
        declines=tuple(entry.declines),
        digest_algorithms=tuple(dict.fromkeys(entry.digest_algorithms)),
        allowed_networks=tuple(dict.fromkeys(entry.allowed_networks)),
        caller_id=entry.caller_id,
    )
    try:
        check_agent(record)
    except BadRecord as error:
        field = "number" if error.field == "agent" else error.field
        raise SettingsError(str(file), f"{key}.{field}", error.problem) from error
    return SeededAgent(record, password)


def _read_customers(file: Path) -> tuple[NewCustomer, ...]:
    problems: list[SettingsError] = []
    customers = []
    member_numbers: set[str] = set()
    for place, entry in enumerate(_entries(file, _Customers).customers):
        fields = entry.model_dump() | {"numbers": tuple(entry.numbers), "plates": tuple(entry.plates)}
        try:
            customer = customer_card.check_card(NewCustomer(**fields))
        except BadRecord as error:
            problems.append(SettingsError(str(file), f"customers.{place}.{error.field}", error.problem))
            continue
        if customer.member_number in member_numbers:
            key = f"customers.{place}.member_number"
            problems.append(
                SettingsError(str(file), key, f"{customer.member_number} is given twice; keep it with one customer")
            )
        if customer.member_number is not None:
            member_numbers.add(customer.member_number)
        customers.append(customer)
    raise_together(problems)
    return tuple(customers)


def _toml(file: Path) -> Mapping[str, object]:
    """The parsed file; a missing file counts as empty."""
    return read_toml(file) if file.exists() else {}


def _told(file: Path, error: pydantic.ValidationError, table: type[pydantic.BaseModel]) -> list[SettingsError]:
    """One error for each mistake."""
    found = mistakes(error, table, {})
    return [SettingsError(str(file), ".".join(map(str, at)), problem) for at, problem in found]
