"""What staff say beside the configuration: numbers that are screened, and calendars that are forced."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.strict_bus import strict_bus
from tests.storage.keeping import REALM, StorageUnderTest

from acdcore.calls.model.events import ScreeningChanged
from acdcore.calls.model.ports import BadRecord, ForcedHours, Screening, ScreeningVerdict, UnknownRecord
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.errors import Unavailable
from acdcore.storage.postgres.database import Database
from acdcore.storage.storage import StorageSettings, open_storage
from acdcore.storage.stores.opening_hours import PgHoursStore
from acdcore.storage.stores.screening import PgScreeningStore


def blocked(number: str, wall: datetime) -> Screening:
    return Screening(number, ScreeningVerdict.BLOCK, "rings all day", None, "supervisor", wall)


async def test_number_has_one_entry_however_it_is_written(kept: StorageUnderTest, wall: datetime) -> None:
    await kept.screening.put(blocked("+86 138-0000-0001", wall))
    again = Screening("13800000001", ScreeningVerdict.ALLOW, "", wall + timedelta(days=1), "1001", wall)
    await kept.screening.put(again)
    assert listed(kept) == [again]
    await kept.screening.remove("013800000001")
    assert listed(kept) == []


def listed(kept: StorageUnderTest) -> list[Screening]:
    """All entries."""
    return list(kept.screening.entries())


async def test_entries_are_listed_newest_first_as_they_are_dialled(kept: StorageUnderTest, wall: datetime) -> None:
    await kept.screening.put(blocked("+86 138 0000 0001", wall))
    await kept.screening.put(blocked("0757-26*", wall + timedelta(seconds=1)))
    await kept.screening.put(blocked("075726", wall + timedelta(seconds=2)))
    assert [entry.number for entry in listed(kept)] == ["075726", "075726*", "+8613800000001"]


@pytest.mark.parametrize(
    ("number", "same"),
    [("*", "*"), ("+*", "00*"), ("+86*", "0*"), ("0086*", "0*"), ("+86755*", "0755*"), ("+44 20*", "004420*")],
)
async def test_beginning_has_one_entry_however_it_is_written(
    kept: StorageUnderTest, wall: datetime, number: str, same: str
) -> None:
    await kept.screening.put(blocked(number, wall))
    await kept.screening.put(blocked(same, wall))
    assert [entry.number for entry in listed(kept)] == [same]


async def test_everybody_abroad_and_at_home_are_three_entries(kept: StorageUnderTest, wall: datetime) -> None:
    for number in ("*", "+*", "0*"):
        await kept.screening.put(blocked(number, wall))
    assert sorted(entry.number for entry in listed(kept)) == ["*", "+*", "0*"]


@pytest.mark.parametrize(
    ("field", "number", "reason"),
    [
        ("number", "", ""),
        ("number", "0", ""),
        ("number", "+", ""),
        ("number", "++*", ""),
        ("number", "13*8", ""),
        ("number", "13**", ""),
        ("number", "anonymous", ""),
        ("reason", "1", "a\0b"),
        ("reason", "1", "\udc80"),
        ("reason", "1", "x" * 401),
    ],
)
async def test_screening_that_cannot_be_kept_is_refused_by_field(
    kept: StorageUnderTest, wall: datetime, field: str, number: str, reason: str
) -> None:
    with pytest.raises(BadRecord) as caught:
        await kept.screening.put(replace(blocked(number, wall), reason=reason))
    assert caught.value.field == field
    assert listed(kept) == []


@pytest.mark.parametrize("number", ["13800000001", "anonymous", ""])
async def test_number_that_is_not_listed_cannot_be_removed(kept: StorageUnderTest, number: str) -> None:
    with pytest.raises(UnknownRecord):
        await kept.screening.remove(number)


async def test_last_word_about_a_calendar_holds_until_it_is_released(kept: StorageUnderTest, wall: datetime) -> None:
    closed = ForcedHours("office", False, wall + timedelta(hours=2), "supervisor", wall)
    await kept.hours.force(closed)
    await kept.hours.force(ForcedHours("night", True, None, "supervisor", wall))
    reopened = replace(closed, is_open=True, until=None)
    await kept.hours.force(reopened)
    assert [each for each in kept.hours.forced() if each.calendar == "office"] == [reopened]
    await kept.hours.release("office")
    await kept.hours.release("office")
    assert [each.calendar for each in kept.hours.forced()] == ["night"]


@pytest.mark.parametrize(("field", "calendar"), [("calendar", "a\0b"), ("calendar", "x" * 201), ("calendar", "\udc80")])
async def test_calendar_that_cannot_be_kept_is_refused(
    kept: StorageUnderTest, wall: datetime, field: str, calendar: str
) -> None:
    with pytest.raises(BadRecord) as caught:
        await kept.hours.force(ForcedHours(calendar, True, None, "", wall))
    assert caught.value.field == field


async def test_each_change_of_the_list_is_published_once_and_a_refused_one_is_not(
    kept: StorageUnderTest, wall: datetime
) -> None:
    lengths: list[int] = []
    leave = kept.bus.subscribe(ScreeningChanged, lambda _: lengths.append(len(kept.screening.entries())))
    await kept.screening.put(blocked("13800000001", wall))
    with pytest.raises(BadRecord):
        await kept.screening.put(blocked("nobody", wall))
    await kept.screening.remove("13800000001")
    with pytest.raises(UnknownRecord):
        await kept.screening.remove("13800000001")
    leave()
    assert lengths == [1, 0]


async def test_words_outlive_a_restart(dsn: str, tmp_path: Path, wall: datetime) -> None:
    settings = StorageSettings(tmp_path, REALM, tmp_path / "none.toml", tmp_path / "none.toml", dsn)
    entry, forced = blocked("13800000001", wall), ForcedHours("office", False, wall, "supervisor", wall)
    async with open_storage(settings, SystemClock(), strict_bus()) as first:
        await first.screening.put(entry)
        await first.hours.force(forced)
    async with open_storage(settings, SystemClock(), strict_bus()) as second:
        assert list(second.screening.entries()) == [entry]
        assert list(second.hours.forced()) == [forced]


async def test_word_that_the_database_did_not_take_is_not_in_force(wall: datetime) -> None:
    async with Database("postgresql://nobody@127.0.0.1:1/nothing") as away:
        screening, hours = PgScreeningStore(away, strict_bus()), PgHoursStore(away)
        with pytest.raises(Unavailable):
            await screening.put(blocked("1", wall))
        with pytest.raises(Unavailable):
            await hours.force(ForcedHours("office", True, None, "", wall))
        assert list(screening.entries()) == []
        assert list(hours.forced()) == []
