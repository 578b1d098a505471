"""Alarms: faults that last and that somebody has to look at. The part that finds one raises it and ends it here.

    raise_alarm, not raised yet   -> raised; listeners hear of it
    raise_alarm, raised already   -> the detail is replaced and the count grows; listeners are not called
    clear                         -> over; listeners hear of it, and it stays in `past` for a while
    lasts_s after the last raise  -> over likewise, for kinds that have no end of their own (one mail refused)

The log and the event stream are listeners; metrics, health and HTTP read `raised`.
A kind is declared by the module that raises it, as a constant; `docs/alarms.md` explains each.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from acdcore.kernel.clock import Clock

PAST_MAX = 200
"""Alarms that are over and still shown: a bad night of a big installation."""
RAISED_MAX = 1_000
"""Our kinds and the names in the settings make a few dozen alarms; more would be a bug."""
DETAIL_CHARS_MAX = 500
"""A line that a person reads; peers' and servers' words may be in it."""


class Severity(StrEnum):
    """How soon somebody has to look at it."""

    CRITICAL = "critical"
    """Calls are refused or records are being lost."""
    MAJOR = "major"
    """Something that was ordered does not happen (recordings, records in the database); nothing is lost yet."""
    MINOR = "minor"
    """To be looked at within the day."""


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """One sort of alarm, declared once as a constant where it is raised."""

    name: str
    """Stable key in logs, metrics, events and documents, such as `recording_off`."""
    severity: Severity
    """How soon somebody has to look at it."""
    remedy: str
    """What to do first, in one sentence."""
    lasts_s: float | None = None
    """Ends so many seconds after it was raised last; None: only by `clear`."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm, raised or over."""

    kind: AlarmKind
    about: str
    """Which of several, such as a trunk's name; empty where there is only one."""
    detail: str
    """What is wrong, with figures, in one line; when it is over, how it ended."""
    raised_at: datetime
    """UTC."""
    times: int = 1
    """How often it was raised since then."""
    ended_at: datetime | None = None
    """UTC; None while it is raised."""

    @property
    def is_raised(self) -> bool:
        """Whether it still holds."""
        return self.ended_at is None


class Alarms:
    """One for the daemon; for the event loop's thread only. Never raises and never waits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._raised: dict[tuple[str, str], Alarm] = {}
        self._expires_at: dict[tuple[str, str], float] = {}
        """When those of a kind with `lasts_s` are over, monotonic."""
        self._past: deque[Alarm] = deque(maxlen=PAST_MAX)
        self._listeners: list[Callable[[Alarm], None]] = []

    def listen(self, listener: Callable[[Alarm], None]) -> None:
        """Have `listener` called for every alarm that begins or ends, and now for each that is raised already."""
        self._listeners.append(listener)
        for alarm in self.raised():
            listener(alarm)

    def raise_alarm(self, kind: AlarmKind, detail: str, about: str = "") -> None:
        """Say that something is wrong; to be called again when the detail changes."""
        key = (kind.name, about)
        if kind.lasts_s is not None:
            self._expires_at[key] = self._clock.now() + kind.lasts_s
        former = self._raised.get(key)
        detail = as_one_line(detail)
        if former is not None:
            self._raised[key] = replace(former, detail=detail, times=former.times + 1)
        elif len(self._raised) < RAISED_MAX:
            self._raised[key] = Alarm(kind, about, detail, self._clock.wall())
            self._tell(self._raised[key])

    def clear(self, kind: AlarmKind, detail: str = "over", about: str = "") -> None:
        """Say that it is over; without effect when it is not raised."""
        self._end((kind.name, about), detail)

    def hold(self, kind: AlarmKind, detail: str, about: str = "") -> None:
        """Raise it for a `detail`, end it for an empty one: for conditions that are looked at again and again."""
        key = (kind.name, about)
        if not detail:
            self._end(key, "over")
        elif key not in self._raised or self._raised[key].detail != as_one_line(detail):
            self.raise_alarm(kind, detail, about)
        elif kind.lasts_s is not None:  # the same words: its time starts again, and listeners are not called
            self._expires_at[key] = self._clock.now() + kind.lasts_s

    def expire(self) -> None:
        """End those whose time is over; to be called every few seconds."""
        now = self._clock.now()
        for key in [key for key, at in self._expires_at.items() if now >= at]:
            self._end(key, "not seen again")

    def is_raised(self, kind: AlarmKind, about: str = "") -> bool:
        """Whether it holds at this moment."""
        return (kind.name, about) in self._raised

    def raised(self) -> tuple[Alarm, ...]:
        """Those that hold, in the order in which they began."""
        return tuple(self._raised.values())

    def past(self) -> tuple[Alarm, ...]:
        """The latest that are over, the newest first."""
        return tuple(reversed(self._past))

    def _end(self, key: tuple[str, str], detail: str) -> None:
        self._expires_at.pop(key, None)
        alarm = self._raised.pop(key, None)
        if alarm is None:
            return
        over = replace(alarm, detail=as_one_line(detail), ended_at=self._clock.wall())
        self._past.append(replace(over, detail=alarm.detail))  # what it was says more than how it ended
        self._tell(over)

    def _tell(self, alarm: Alarm) -> None:
        for listener in self._listeners:
            listener(alarm)


def as_one_line(text: str) -> str:
    """A detail as one line of bounded length: other machines' words may be part of it."""
    return "".join(char if char.isprintable() else " " for char in text)[:DETAIL_CHARS_MAX].strip()
