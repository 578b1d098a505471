"""Screening: which callers are refused before the call is answered, and who calls again too often.

Of the entries that fit a number the longest decides: the exact number before any prefix, a long prefix before a short
one, and at equal length ALLOW before BLOCK. Entries that have expired do not count. A number that is allowed by an
entry is also exempt from the limit of repeated calls.

    13800138000     the number, however the trunk writes it
    +86755*, 0755*  every number that begins so
    +86*, 0*        every number of the own country
    +*, 00*         every number from abroad
    *               everybody, callers without a number too
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge, Gt, Le

from acdcore.calls.model.ports import Screening, ScreeningVerdict

NUMBERS_COUNTED_MAX = 20_000
"""Numbers whose arrivals are counted at once, about 5 MB: 150 lines at full load bring fewer in an hour. When
they are more, the one that has been silent longest is forgotten."""
REPEAT_CALLS_MAX = 100
"""The largest limit of repeated calls: as many times are kept for each number."""
PREFIX_MARK = "*"
"""Last character of an entry that stands for every number with that beginning."""
ABROAD = "+"
"""Keys of foreign numbers begin with it; keys of numbers of the own country do not."""
WITHHELD = "withheld"
"""The reason for a caller without a number."""


@dataclass(frozen=True, slots=True)
class RepeatLimit:
    """The section `[screening.repeats]`: how often one number may call."""

    calls: Annotated[int, Ge(1), Le(REPEAT_CALLS_MAX)]
    """Calls let through within the window; the next one is refused."""
    within_s: Annotated[float, Gt(0), Le(86_400)]
    """The window, which slides."""
    block_for_s: Annotated[float, Gt(0), Le(604_800)]
    """Seconds for which the number is then refused; calls in that time do not make it longer."""


WithheldRule: TypeAlias = Literal["pass", "block"]


@dataclass(frozen=True, slots=True)
class ScreeningSettings:
    """The section `[screening]`: what holds beside the entries, which staff keep."""

    withheld: WithheldRule = "pass"
    """What becomes of callers without a number."""
    repeats: RepeatLimit | None = None
    """None: anybody may call as often as they like."""
    announce: bool = False
    """Whether refused callers hear an announcement, on a reserve line; otherwise the call is refused with 603."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The call goes on."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """An entry, or the rule for withheld numbers, refuses the caller."""

    reason: str
    """The entry's, for staff; "withheld" for a caller without a number."""
    until: datetime | None
    """When the entry expires, UTC; None: never."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """The number has called too often."""

    until: float
    """When it is let through again, monotonic seconds."""


Screened = Passed | Blocked | Repeated
"""The result of screening."""

PASSED = Passed()


@dataclass(slots=True)
class Counted:
    """What is remembered of one number."""

    at: deque[float]
    """Calls let through within the window, at most as many as the limit allows; monotonic seconds."""
    blocked_until: float
    """The number is refused until then, monotonic seconds; in the past when it is not refused."""


class Screen:
    """Decides over arriving calls; remembers only when which number has called."""

    def __init__(
        self, settings: ScreeningSettings, key: Callable[[str], str], entries: Sequence[Screening] = ()
    ) -> None:
        """Begin with these entries.

        `key` gives the same text for all ways of writing one number ("+86138...", "0138..." and "138..."): digits, for
        foreign numbers with a plus, "" for a text that is no number.
        """
        self._settings = settings
        self._key = key
        self._exact: dict[str, list[Screening]] = {}
        self._prefixes: dict[str, list[Screening]] = {}
        self._lengths: tuple[int, ...] = ()
        self._arrivals = Arrivals()
        self.use(entries)

    def use(self, entries: Sequence[Screening]) -> None:
        """Take these entries, newest first, in place of those before; the counts of calls are kept."""
        exact: dict[str, list[Screening]] = defaultdict(list)
        prefixes: dict[str, list[Screening]] = defaultdict(list)
        for entry in sorted(entries, key=lambda entry: entry.verdict is not ScreeningVerdict.ALLOW):
            if entry.number.endswith(PREFIX_MARK):
                for prefix in self._beginnings(entry.number.removesuffix(PREFIX_MARK)):
                    prefixes[prefix].append(entry)
            elif self._key(entry.number):
                exact[self._key(entry.number)].append(entry)
        self._exact, self._prefixes = dict(exact), dict(prefixes)
        self._lengths = tuple(sorted({len(prefix) for prefix in prefixes}, reverse=True))

    def change(self, settings: ScreeningSettings) -> None:
        """Take new settings; the counts of calls are kept, and a refused number is refused until its time is over."""
        self._settings = settings

    def arrived(self, number: str, now: float, wall: datetime, *, is_withheld: bool = False) -> Screened:
        """Count an arriving call and decide about it.

        `number` is the caller's, "" when there is none; `now` is monotonic seconds, `wall` has a time zone. A number
        that the trunk asserts but the caller withholds is screened too: withholding lets no blocked caller in.
        """
        key = self._key(number)
        entry = next((entry for entry in self._fitting(key) if entry.until is None or entry.until > wall), None)
        if entry is not None:
            return PASSED if entry.verdict is ScreeningVerdict.ALLOW else Blocked(entry.reason, entry.until)
        if self._settings.withheld == "block" and (is_withheld or not key):
            return Blocked(WITHHELD, None)
        if not key:
            return PASSED
        if self._settings.repeats is None:
            return PASSED
        until = self._arrivals.count(key, now, self._settings.repeats)
        return PASSED if until is None else Repeated(until)

    def counted(self) -> int:
        """Numbers whose arrivals are remembered, at most `NUMBERS_COUNTED_MAX`."""
        return len(self._arrivals)

    def _fitting(self, key: str) -> Iterator[Screening]:
        """The entries that fit, the deciding one first."""
        yield from self._exact.get(key, ())
        for length in self._lengths:
            if length <= len(key):
                yield from self._prefixes.get(key[:length], ())

    def _beginnings(self, text: str) -> Iterator[str]:
        """What the keys of all numbers that begin with `text` begin with."""
        if not text:
            yield ""
        elif text in (ABROAD, "00"):
            yield ABROAD
        elif self._key(text):
            yield self._key(text)
        elif text.lstrip(ABROAD).isdigit():
            yield from "0123456789"  # Nothing is left but the country: any of its numbers.


class Arrivals:
    """When each number has called lately; a number is forgotten once its calls no longer count."""

    def __init__(self) -> None:
        self._by_number: OrderedDict[str, Counted] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_number)

    def count(self, key: str, now: float, limit: RepeatLimit) -> float | None:
        """None when the number may call, else the time until when it may not."""
        counted = self._by_number.pop(key, None) or Counted(deque(), now)
        self._forget(now, limit)
        self._by_number[key] = counted  # The last one to be forgotten.
        if now < counted.blocked_until:
            return counted.blocked_until
        while counted.at and counted.at[0] <= now - limit.within_s:
            counted.at.popleft()
        if len(counted.at) < limit.calls:
            counted.at.append(now)
            return None
        counted.at.clear()  # The time is over: the count begins again.
        counted.blocked_until = now + limit.block_for_s
        return counted.blocked_until

    def _forget(self, now: float, limit: RepeatLimit) -> None:
        """Make room: those who were silent for the whole window, and the most silent one when they are too many."""
        while self._by_number:
            key, oldest = next(iter(self._by_number.items()))
            is_over = now >= oldest.blocked_until and (not oldest.at or oldest.at[-1] <= now - limit.within_s)
            if not is_over and len(self._by_number) < NUMBERS_COUNTED_MAX:
                return
            del self._by_number[key]
