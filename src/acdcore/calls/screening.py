"""Screening: who is turned away before a call is answered, and who calls again too often.

Of the entries that fit a number the longest decides: the exact number before any prefix, a long prefix before a short
one, and at equal length ALLOW before BLOCK. Lapsed entries do not count. A number that is allowed by an entry is also
exempt from the limit of repeated calls.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from acdcore.calls.ports import Screening

NUMBERS_COUNTED_MAX = 20_000
"""Numbers whose arrivals are counted at once, about 5 MB: 150 lines at full load bring fewer in an hour. When
they are more, the one that has been silent longest is forgotten."""
PREFIX_MARK = "*"
"""Ends an entry that stands for every number that begins so."""


@dataclass(frozen=True, slots=True)
class RepeatLimit:
    """How often one number may call."""

    calls: int
    """Calls let through within the window; the next one is turned away."""
    within_s: float
    """The window, which slides."""
    block_for_s: float
    """How long the number is then turned away; calls in that time do not make it longer."""


@dataclass(frozen=True, slots=True)
class ScreeningSettings:
    """What holds beside the entries."""

    is_withheld_blocked: bool = False
    """Callers without a number are turned away."""
    repeat: RepeatLimit | None = None
    """None: anybody may call as often as they like."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The call goes on."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """An entry, or the rule for withheld numbers, turns the caller away."""

    reason: str
    """The entry's, for staff; "withheld" for a caller without a number."""
    until: datetime | None
    """When the entry lapses, UTC; None: not by itself."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """The number has called too often."""

    until: float
    """When it is let through again, monotonic seconds."""


Screened = Passed | Blocked | Repeated
"""What becomes of an arriving call."""

PASSED = Passed()


class Screen:
    """Decides over arriving calls; remembers only when which number has called."""

    def __init__(self, settings: ScreeningSettings, key: Callable[[str], str]) -> None:
        """`key` gives what all ways of writing one number share ("+86138...", "0138..." and "138...")."""
        self._settings = settings
        self._key = key

    def use(self, entries: Sequence[Screening]) -> None:
        """Take these entries in place of those before; what was counted stays."""

    def change(self, settings: ScreeningSettings) -> None:
        """Take new settings; what was counted stays, and a number that is turned away stays so for its time."""
        self._settings = settings

    def arrived(self, number: str, now: float, wall: datetime) -> Screened:
        """Count an arriving call and decide about it; "" is a withheld number."""
        return PASSED
