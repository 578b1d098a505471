"""The stores of what staff enter beside the configuration, and a clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.control.fake_centre import MORNING, FakeCallCentre

from acdcore.calls.model.ports import BadRecord, ForcedHours, Screening, Transcribed, TranscriptFilter, UnknownRecord
from acdcore.kernel.errors import Unavailable
from acdcore.storage.stores.transcripts import words_of


class FixedClock:
    """It is always the same moment."""

    def now(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return MORNING


class FakeScreeningStore:
    """Implements ScreeningStore."""

    def __init__(self, centre: FakeCallCentre) -> None:
        self.centre = centre

    def entries(self) -> Sequence[Screening]:
        return list(reversed(self.centre.screened.values()))

    async def put(self, entry: Screening) -> None:
        need_database(self.centre)
        if entry.number == "*":
            raise BadRecord("number", "would fit every caller")
        self.centre.screened[entry.number] = entry

    async def remove(self, number: str) -> None:
        need_database(self.centre)
        if self.centre.screened.pop(number, None) is None:
            raise UnknownRecord(f"{number} is not on the list")


@dataclass
class FakeHoursStore:
    """Implements HoursStore."""

    centre: FakeCallCentre

    def forced(self) -> Sequence[ForcedHours]:
        return list(self.centre.forced.values())

    async def force(self, forced: ForcedHours) -> None:
        need_database(self.centre)
        self.centre.forced[forced.calendar] = forced

    async def release(self, calendar: str) -> None:
        need_database(self.centre)
        self.centre.forced.pop(calendar, None)


def need_database(centre: FakeCallCentre) -> None:
    """Refuse as the real stores do when the database is away."""
    if centre.is_database_away:
        raise Unavailable("the database is away; calls go on, try again in a few seconds")


@dataclass
class FakeTranscripts:
    """Implements Transcripts."""

    centre: FakeCallCentre

    async def transcripts(self, wanted: TranscriptFilter) -> Sequence[Transcribed]:
        need_database(self.centre)
        self.centre.asked_transcripts = wanted
        if wanted.words is not None:
            words_of(wanted.words)
        return self.centre.transcripts[: wanted.limit]
