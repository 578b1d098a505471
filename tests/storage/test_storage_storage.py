"""Storage as a whole: what the first start makes, the second finds, and nothing appended is lost between."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.strict_bus import strict_bus
from tests.storage.keeping import REALM, eventually

from acdcore.calls.model.directory import CustomerChange, PastContact, Tier
from acdcore.calls.model.ports import CallFilter
from acdcore.calls.model.rows import CdrRow, EndedBy
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.errors import Outcome, SettingsError, Unavailable
from acdcore.kernel.ids import AgentId, CallId, QueueName
from acdcore.storage.postgres.embedded import EmbeddedPostgres
from acdcore.storage.spool.spool import DiskSpool
from acdcore.storage.storage import StorageSettings, open_storage

CONFIG = Path(__file__).parents[2] / "config"
WALL = datetime(2026, 11, 21, tzinfo=UTC)
CALL = CdrRow(
    CallId("c1"),
    "trunk",
    "+8613800000001",
    "95588",
    Outcome.ANSWERED,
    EndedBy.CALLER,
    WALL,
    WALL + timedelta(minutes=3),
    queue=QueueName("service"),
    agent=AgentId("1001"),
    served_by=AgentId("1001"),
)


def settings_for(directory: Path, dsn: str) -> StorageSettings:
    return StorageSettings(directory, REALM, CONFIG / "agents.toml", CONFIG / "customers.toml", dsn)


async def test_second_start_finds_what_the_first_one_made(dsn: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, dsn)
    kept: list[str] = []
    async with open_storage(
        settings, SystemClock(), strict_bus(), keep=lambda new: kept.extend(each.password for each in new)
    ) as first:
        assert len(kept) == len(first.new_agents) == 4
        vip = first.directory.customer_by_phone("13800000001")
        assert vip is not None
        assert vip.tier is Tier.VIP
        vip = await first.customers.change(vip.id, CustomerChange(note="changed"), vip.version)
        first.spool.append(CALL)
        assert first.health().is_ok
    async with open_storage(settings, SystemClock(), strict_bus()) as second:
        assert second.new_agents == ()
        assert len(second.directory.agents()) == 4
        assert second.directory.customer(vip.id) == vip
        found = await second.history.call(CALL.call_id)
        assert found is not None
        assert found.cdr == CALL
        assert second.directory.last_contacts(vip.id, 5) == [
            PastContact(CALL.call_id, WALL, QueueName("service"), AgentId("1001"), Outcome.ANSWERED)
        ]


async def test_rows_that_a_crash_left_in_the_spool_are_history_when_storage_opens(dsn: str, tmp_path: Path) -> None:
    with DiskSpool(tmp_path / "spool", SystemClock()) as spool:
        spool.append(CALL)
    async with open_storage(settings_for(tmp_path, dsn), SystemClock(), strict_bus()) as storage:
        assert await storage.history.calls(CallFilter()) == [CALL]
        assert [contact.call_id for contact in storage.directory.last_contacts("13800000001", 5)] == [CALL.call_id]


async def test_embedded_server_is_used_when_none_is_named(open_directory: Path) -> None:
    told: list[str] = []
    async with open_storage(
        settings_for(open_directory / "whole", ""), SystemClock(), strict_bus(), told.append
    ) as storage:
        assert storage.directory.agent(AgentId("1001")) is not None
    assert any("first start" in text for text in told)


async def test_absent_server_at_the_start_is_said_in_one_line(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Unavailable, match="database: no answer within"):
        async with open_storage(replace(settings, first_answer_within_s=0.3), SystemClock(), strict_bus()):
            pass


async def test_wrong_seed_file_stops_the_start_and_stores_nothing(dsn: str, tmp_path: Path) -> None:
    agents = tmp_path / "agents.toml"
    agents.write_text("[[agents]]\nnumber = 7\n")
    settings = settings_for(tmp_path, dsn)
    with pytest.raises(SettingsError, match=r"agents\.toml: agents\.0\.number"):
        async with open_storage(replace(settings, agents_file=agents), SystemClock(), strict_bus()):
            pass
    async with open_storage(settings, SystemClock(), strict_bus()) as storage:
        assert len(storage.new_agents) == 4


async def test_trunk_that_a_stored_agent_shadows_stops_the_start(dsn: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, dsn)
    shadowed = replace(settings, trunk_users={"1001": "carrier"})
    with pytest.raises(SettingsError, match=r"agents\.toml: agents\.0\.number: 1001 is the user of the trunk carrier"):
        async with open_storage(shadowed, SystemClock(), strict_bus()):
            pass
    async with open_storage(settings, SystemClock(), strict_bus()) as storage:
        assert len(storage.new_agents) == 4
    with pytest.raises(SettingsError, match=r"trunks\.carrier\.user: 1001 is the user of the trunk carrier"):
        async with open_storage(shadowed, SystemClock(), strict_bus()):
            pass


async def test_outage_is_seen_in_the_health_line(open_directory: Path, tmp_path: Path) -> None:
    async with (
        EmbeddedPostgres(open_directory / "away") as server,
        open_storage(settings_for(tmp_path, server.dsn), SystemClock(), strict_bus()) as storage,
    ):
        await server.stop()
        storage.spool.append(CALL)
        await eventually(lambda: not storage.database.is_up)
        assert not storage.health().is_ok
        assert "database away" in storage.health().detail
        assert "1 rows wait" in storage.health().detail
        await server.start()
        await eventually(lambda: storage.spool.backlog().rows == 0)
        await eventually(lambda: storage.health().is_ok)
