"""The first agents and customers: read once, errors by file and key, passwords never lost."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.storage.keeping import REALM, TRUNK_USERS

from acdcore.calls.model.directory import Customer, NewCustomer, Tier
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.ids import CustomerId
from acdcore.storage.postgres.database import Database
from acdcore.storage.stores import people
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.storage.stores.password import ha1_hashes
from acdcore.storage.stores.seed import SeededAgent, Seeds, read_seeds, seed, shared_numbers, unapplied

CONFIG = Path(__file__).parents[3] / "config"


def shipped() -> Seeds:
    return read_seeds(CONFIG / "agents.toml", CONFIG / "customers.toml", REALM, {})


def test_shipped_files_are_right_and_hold_a_vip() -> None:
    seeds = shipped()
    assert [agent.record.agent for agent in seeds.agents] == ["1001", "1002", "1003", "1004"]
    assert [customer.tier for customer in seeds.customers].count(Tier.VIP) == 1


def test_each_agent_without_a_password_gets_its_own() -> None:
    passwords = [agent.password for agent in (*shipped().agents, *shipped().agents)]
    assert len(set(passwords)) == 8
    assert min(map(len, passwords)) == 16


def test_what_the_files_say_since_the_first_start_is_reported(tmp_path: Path) -> None:
    directory = MemoryDirectory()
    for agent in shipped().agents:
        directory.put_agent(agent.record)
    for number, customer in enumerate(shipped().customers):
        directory.put_customer(
            Customer(
                CustomerId(number),
                customer.name,
                customer.tier,
                "",
                customer.numbers,
                customer.member_number,
                customer.plates,
                "",
                "",
                1,
            )
        )
    assert list(unapplied(CONFIG, directory)) == []
    for name in ("agents.toml", "customers.toml"):
        (tmp_path / name).write_text((CONFIG / name).read_text("utf-8"), "utf-8")
    agents = tmp_path / "agents.toml"
    agents.write_text(agents.read_text("utf-8").replace("service = 9", "service = 8"), "utf-8")
    with agents.open("a", encoding="utf-8") as file:
        file.write('\n[[agents]]\nnumber = "1005"\nname = "new"\nskills = {}\n')
    with (tmp_path / "customers.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[customers]]\nname = "new"\nnumbers = ["13911112222"]\n')
    assert list(unapplied(tmp_path, directory)) == [
        f"{agents}: is read at the first start only; not in force: 1005; add them by `acdcore agents import`",
        f"{agents}: in force otherwise than in the file: 1001 (skills); apply it by `acdcore agents import --update`",
        f"{tmp_path / 'customers.toml'}: customers who are not known: 1; the file is read at the first start only, "
        "add them by POST /v1/customers",
    ]
    agents.write_text("[[agents]]\n", "utf-8")
    (problem,) = unapplied(tmp_path, directory)
    assert "agents.0" in problem


async def test_empty_tables_are_filled_once(database: Database) -> None:
    told: list[SeededAgent] = []
    async with database.connection() as connection:
        assert len(await seed(connection, shipped, told.extend)) == 4
        assert await seed(connection, shipped, told.extend) == []
        directory = MemoryDirectory()
        await people.load(connection, directory)
    assert len(told) == 4
    for agent in told:
        hashes = ha1_hashes(agent.record.agent, REALM, agent.password)
        stored = directory.agent(agent.record.agent)
        assert stored == agent.record
        assert (agent.record.ha1_md5, agent.record.ha1_sha256) == (hashes.md5, hashes.sha256)
    vip = directory.customer_by_phone("+8613800000001")
    assert vip is not None
    assert vip.tier is Tier.VIP


async def test_agents_digest_algorithms_come_from_the_file_and_back_from_the_database(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "agents.toml"
    file.write_text('[[agents]]\nnumber = "1"\nname = "x"\nskills = {}\ndigest_algorithms = ["SHA-256", "MD5"]')
    async with database.connection() as connection:
        await seed(connection, lambda: read_seeds(file, tmp_path / "none.toml", REALM, {}), lambda agents: None)
        directory = MemoryDirectory()
        await people.load(connection, directory)
    (agent,) = directory.agents()
    assert agent.digest_algorithms == ("SHA-256", "MD5")


async def test_passwords_that_could_not_be_kept_are_not_in_force(database: Database) -> None:
    def keep(agents: Sequence[SeededAgent]) -> None:
        raise OSError("no space left")

    async with database.connection() as connection:
        with pytest.raises(OSError, match="no space left"):
            await seed(connection, shipped, keep)
        assert await connection.fetchval("select count(*) from agents") == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("agents = 3", "agents: "),
        ('[[agents]]\nnumber = "1"\nname = "x"\nskills = { a = 12 }', "agents.0.skills: a: level 12"),
        ('[[agents]]\nnumber = "1 2"\nname = "x"\nskills = {}', "agents.0.number: '1 2'"),
        ('[[agents]]\nnumber = "1"\nname = "x"\nskills = {}\nskils = {}', "agents.0.skils: "),
        ('[[agents]]\nnumber = "1"\nname = "x"\nskills = {}\n' * 2, "agents.1.number: 1 is given twice"),
        (
            '[[agents]]\nnumber = "carrier1"\nname = "x"\nskills = {}',
            "agents.0.number: carrier1 is the user of the trunk",
        ),
        ("agents = [", "agents.toml: "),
        (
            '[[agents]]\nnumber = "1"\nname = "x"\nskills = {}\ndigest_algorithms = ["MD4"]',
            "agents.0.digest_algorithms.0: ",
        ),
    ],
)
def test_wrong_agents_file_is_named_with_its_key(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "agents.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_seeds(file, tmp_path / "none.toml", REALM, TRUNK_USERS)
    assert complaint in str(caught.value)
    assert caught.value.file == str(file)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[customers]]\nname = ""', "customers.0.name: is empty"),
        ('[[customers]]\nname = "x"\ntier = "best"', "customers.0.tier: "),
        ('[[customers]]\nname = "x"\nnumbers = ["12a"]', "customers.0.numbers: '12a'"),
        ('[[customers]]\nname = "x"\nmember_number = "7"\n' * 2, "customers.1.member_number: 7 is given twice"),
    ],
)
def test_wrong_customers_file_is_named_with_its_key(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "customers.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_seeds(tmp_path / "none.toml", file, REALM, {})
    assert complaint in str(caught.value)


def test_number_that_two_customers_of_the_file_have_is_reported_with_both() -> None:
    one = NewCustomer(name="Example One", numbers=("13800000001",))
    other = NewCustomer(name="Example Two", numbers=("+86 138 0000 0001", "13800000002"))
    (told,) = shared_numbers([one, other])
    assert told.startswith("13800000001 is the number of Example One, Example Two; ")
