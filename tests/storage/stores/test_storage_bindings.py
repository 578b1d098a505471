"""Obligations of the bindings' file: phones over UDP are known after a restart, and no file stops a start."""

import asyncio
import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from acdcore.kernel.address import Address
from acdcore.sip.events import SipFlow, Transport
from acdcore.sip.registrar import Binding
from acdcore.sip.syntax.headers import parse_contact
from acdcore.storage.stores.bindings import BindingsFile, UserBinding

LOCAL, REMOTE = Address("10.0.0.1", 5060), Address("10.0.0.5", 49152)
PORTS = {5060}


@dataclass
class HandClock:
    """Monotonic time and time of day, moved by hand; a restart begins monotonic time anew."""

    at: float = 1_000.0
    day: datetime = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)

    def now(self) -> float:
        return self.at

    def wall(self) -> datetime:
        return self.day


def phone(user: str, transport: Transport = Transport.UDP, local: Address = LOCAL) -> UserBinding:
    flow = SipFlow(transport, local, REMOTE, 7 if transport is Transport.TCP else 0)
    contact = parse_contact(f'"Anna \u738b" <sip:{user}@10.0.0.5:49152;ob>;+sip.instance="<urn:uuid:1>"')
    return user, Binding(contact, flow, 0.5, 1_600.0, 990.0, "a@b", 4)


@dataclass
class Restarts:
    """A file with its clock and the bindings of the moment."""

    path: Path
    clock: HandClock = field(default_factory=HandClock)
    phones: list[UserBinding] = field(default_factory=list)
    asked: int = 0

    def export(self) -> Sequence[UserBinding]:
        self.asked += 1
        return self.phones

    def file(self) -> BindingsFile:
        return BindingsFile(self.path, self.clock, self.export)

    async def saved(self, *phones: UserBinding) -> None:
        self.phones = list(phones)
        file = self.file()
        file.start()
        await file.stop()
        assert file.alarm == ""


async def test_phone_is_where_it_was_after_a_restart(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path / "var" / "bindings.json")
    await restarts.saved(phone("1001"), phone("1002"))
    restarts.clock = HandClock(at=50.0, day=restarts.clock.day + timedelta(seconds=30))
    file = restarts.file()
    first, second = file.load(PORTS)
    user, old = phone("1001")
    assert first == (user, Binding(old.contact, old.flow, 0.5, 620.0, 10.0, "a@b", 4))
    assert second[0] == "1002"
    assert file.alarm == ""


async def test_clock_that_has_yet_to_be_put_right_keeps_no_phone_for_longer_than_it_asked_for(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path / "bindings.json")
    await restarts.saved(phone("1001"))
    restarts.clock = HandClock(at=50.0, day=datetime(1970, 1, 1, tzinfo=UTC))
    ((_, binding),) = restarts.file().load(PORTS)
    assert binding.expires_at == 50.0 + 600.0


async def test_file_is_for_its_owner_only_and_replaced_as_a_whole(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path / "bindings.json")
    await restarts.saved(phone("1001"))
    before = restarts.path.stat().st_ino
    await restarts.saved(phone("1002"))
    assert stat.S_IMODE(restarts.path.stat().st_mode) == 0o600
    assert restarts.path.stat().st_ino != before
    assert os.listdir(tmp_path) == ["bindings.json"]


async def test_what_went_with_its_connection_expired_or_came_by_another_port_is_left_out(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path / "bindings.json")
    await restarts.saved(phone("1001", Transport.TCP), phone("1002", local=Address("10.0.0.1", 5070)), phone("1003"))
    assert [user for user, _ in restarts.file().load(PORTS)] == ["1003"]
    restarts.clock.day += timedelta(seconds=600)
    assert restarts.file().load(PORTS) == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"phones":[{}]}', "\udcff", '{"phones":null,"written_wall":1}'])
def test_damaged_file_is_an_alarm(tmp_path: Path, text: str) -> None:
    restarts = Restarts(tmp_path / "bindings.json")
    restarts.path.write_bytes(text.encode("utf-8", "surrogateescape"))
    file = restarts.file()
    assert file.load(PORTS) == ()
    assert "bindings.json" in file.alarm


async def test_phone_that_makes_no_sense_is_left_out_and_the_others_stay(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path / "bindings.json")
    await restarts.saved(phone("1001"), phone("1002"), phone("1003"), phone("1004"))
    kept = json.loads(restarts.path.read_text())
    kept["phones"][0]["contact"] = "<mailto:a@b>"
    kept["phones"][1]["contact"] = "*"
    kept["phones"][2]["expires_wall"] = "2026-11-05T04:10:00"
    restarts.path.write_text(json.dumps(kept))
    assert [user for user, _ in restarts.file().load(PORTS)] == ["1004"]


def test_no_file_is_no_alarm(tmp_path: Path) -> None:
    file = Restarts(tmp_path / "bindings.json").file()
    assert (file.load(PORTS), file.alarm) == ((), "")


async def test_many_changes_are_one_write(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path / "bindings.json", phones=[phone("1001")])
    file = restarts.file()
    file.start()
    for _ in range(1_000):
        file.changed()
    await file.stop()
    assert restarts.asked == 1
    assert len(restarts.file().load(PORTS)) == 1


async def test_nothing_is_written_before_the_start_and_after_the_stop(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path / "bindings.json", phones=[phone("1001")])
    file = restarts.file()
    file.changed()
    file.start()
    await file.stop()
    file.changed()
    assert restarts.asked == 1
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_disk_that_cannot_be_written_is_an_alarm_until_it_can(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("in the way")
    restarts = Restarts(tmp_path / "var" / "bindings.json", phones=[phone("1001")])
    file = restarts.file()
    file.start()
    await file.stop()
    assert "will not be known" in file.alarm
    (tmp_path / "var").unlink()
    await file.stop()
    assert file.alarm == ""


@pytest.mark.looptime
async def test_changes_are_written_a_second_later_and_at_most_once_a_second(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path / "bindings.json", phones=[phone("1001")])
    file = restarts.file()
    file.start()
    asked = []
    for _ in range(30):
        file.changed()
        await asyncio.sleep(0.1)  # virtual
        asked.append(restarts.asked)
    assert asked[8] == 0 and 2 <= asked[-1] <= 3
    await file.stop()
