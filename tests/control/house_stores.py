"""What the staff of a house keep beside the configuration, and the house's clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.control.house import MORNING, House

from acdcore.calls.model.ports import BadRecord, ForcedHours, Screening, Transcribed, TranscriptFilter, UnknownRecord
from acdcore.kernel.errors import Unavailable
from acdcore.storage.stores.transcripts import words_of


class HouseClock:
    """It is always the same moment."""

    def now(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return MORNING


class HouseScreening:
    """Implements ScreeningStore."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.on_change: Callable[[], None] = lambda: None

    def entries(self) -> Sequence[Screening]:
        return list(reversed(self.house.screened.values()))

    async def put(self, entry: Screening) -> None:
        need_database(self.house)
        if entry.number == "*":
            raise BadRecord("number", "would fit every caller")
        self.house.screened[entry.number] = entry
        self.on_change()

    async def remove(self, number: str) -> None:
        need_database(self.house)
        if self.house.screened.pop(number, None) is None:
            raise UnknownRecord(f"{number} is not on the list")
        self.on_change()


@dataclass
class HouseHours:
    """Implements HoursStore."""

    house: House

    def forced(self) -> Sequence[ForcedHours]:
        return list(self.house.forced.values())

    async def force(self, forced: ForcedHours) -> None:
        need_database(self.house)
        self.house.forced[forced.calendar] = forced

    async def release(self, calendar: str) -> None:
        need_database(self.house)
        self.house.forced.pop(calendar, None)


def need_database(house: House) -> None:
    """Refuse as the real stores do when the database is away."""
    if house.is_database_away:
        raise Unavailable("the database is away; calls go on, try again in a few seconds")


@dataclass
class HouseTranscripts:
    """Implements Transcripts."""

    house: House

    async def transcripts(self, wanted: TranscriptFilter) -> Sequence[Transcribed]:
        need_database(self.house)
        self.house.asked_transcripts = wanted
        if wanted.words is not None:
            words_of(wanted.words)
        return self.house.transcripts[: wanted.limit]
