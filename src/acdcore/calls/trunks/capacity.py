"""Trunk capacity: how many calls may be up at once, for each trunk and over all, and the rule for the next caller.

"Line" means the capacity for one call."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Le

from acdcore.kernel.alarms import AlarmKind, Severity
from acdcore.kernel.errors import Outcome, Refused
from acdcore.kernel.setting_types import SipAddress

CAPACITY_EXHAUSTED = AlarmKind(
    "capacity_exhausted",
    Severity.CRITICAL,
    "Look at GET /v1/calls for calls that hang; "
    "raise [trunk_capacity] limit or the trunk's capacity if the machine carries more.",
    lasts_s=60.0,
)
"""A call was refused because all lines were taken."""


class WhenFull(StrEnum):
    """What a caller gets when every line is taken."""

    ANNOUNCEMENT = "announcement"
    """The call is answered on a reserve line, hears the announcement, and is hung up. Refused if the reserve is
    taken."""
    REDIRECT = "redirect"
    """302 to another URI; the trunk's switch calls there."""
    REFUSE = "refuse"
    """503 with Retry-After: the trunk's switch tries its next route."""


@dataclass(frozen=True, slots=True)
class TrunkCapacitySettings:
    """The section `[trunk_capacity]`: the overall limit, the rule beyond it, and the end."""

    limit: Annotated[int, Ge(1), Le(10_000)] = 150
    """Calls over all trunks."""
    reserve: Annotated[int, Ge(0), Le(1_000)] = 10
    """Lines beyond the limit that only ever play the announcement."""
    when_full: WhenFull = WhenFull.ANNOUNCEMENT
    """What the next caller gets."""
    announcement: str = "system.lines-busy"
    """Name of the prompt for `WhenFull.ANNOUNCEMENT`."""
    redirect_to: SipAddress = ""
    """SIP URI for `WhenFull.REDIRECT`."""
    drain_s: Annotated[float, Ge(0), Le(86_400)] = 5.0
    """How long calls may go on after the order to stop; 0: they are hung up at once."""

    def __post_init__(self) -> None:
        """Raises ValueError for a redirection without a target."""
        if self.when_full is WhenFull.REDIRECT and not self.redirect_to:
            raise ValueError('when_full = "redirect" needs redirect_to = "sip:number@host"')


class CapacityExhausted(Refused):
    """No line is free for this call."""

    sip_status = 503
    outcome = Outcome.REFUSED_CAPACITY


class TrunkCapacity:
    """Counts the calls that are up; every line taken is given back exactly once by its `TakenCapacity`."""

    def __init__(self, settings: TrunkCapacitySettings, limit_by_trunk: dict[str, int]) -> None:
        self.settings = settings
        self._limit_by_trunk = limit_by_trunk
        self._taken_by_trunk = dict.fromkeys(limit_by_trunk, 0)
        self._taken = 0
        self._reserve_taken = 0
        self.last_rejection = ""
        """Reasons of refusals since this was last read and cleared."""

    def change(self, settings: TrunkCapacitySettings, limit_by_trunk: dict[str, int]) -> None:
        """Use other limits from now on; calls in progress go on, and count."""
        self.settings = settings
        self._limit_by_trunk = limit_by_trunk
        for trunk in limit_by_trunk:
            self._taken_by_trunk.setdefault(trunk, 0)

    @property
    def taken(self) -> int:
        """Lines in use, the reserve not counted."""
        return self._taken

    def take(self, trunk: str) -> "TakenCapacity":
        """A line on `trunk`; raises CapacityExhausted naming the limit that was reached."""
        if self._taken_by_trunk[trunk] >= self._limit_by_trunk[trunk]:
            self.last_rejection = f"trunk {trunk}: all {self._limit_by_trunk[trunk]} lines are taken"
            raise CapacityExhausted(self.last_rejection)
        if self._taken >= self.settings.limit:
            self.last_rejection = f"all {self.settings.limit} lines are taken"
            raise CapacityExhausted(self.last_rejection)
        self._taken += 1
        self._taken_by_trunk[trunk] += 1
        return TakenCapacity(self, trunk)

    def take_reserve(self) -> "TakenCapacity":
        """A line for the announcement that all others are taken; raises CapacityExhausted when these are taken too."""
        if self._reserve_taken >= self.settings.reserve:
            raise CapacityExhausted(f"all {self.settings.reserve} reserve lines are taken")
        self._reserve_taken += 1
        return TakenCapacity(self, None)

    def _give_back(self, trunk: str | None) -> None:
        if trunk is None:
            self._reserve_taken -= 1
            return
        self._taken -= 1
        self._taken_by_trunk[trunk] -= 1


class TakenCapacity:
    """One line in use."""

    def __init__(self, capacity: TrunkCapacity, trunk: str | None) -> None:
        self._capacity: TrunkCapacity | None = capacity
        self._trunk = trunk

    def give_back(self) -> None:
        """Free the line; a second time is without effect."""
        if self._capacity is not None:
            self._capacity._give_back(self._trunk)
            self._capacity = None
