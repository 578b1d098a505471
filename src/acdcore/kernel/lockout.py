"""Lockout: what guessing passwords and keys costs (pure; time is an argument).

| who failed                          | what follows                                                               |
|-------------------------------------|----------------------------------------------------------------------------|
| a source, within `failure_window_s` | a ban after `failures_before_ban`, each next one twice as long             |
| a known source (`is_known`)         | never a ban: its phones share the address with the one who guesses             |
| an account from one source          | from the third failure on a delay of 1 s, twice as long each time          |
| an account from many sources        | sources that never were right for it share `ACCOUNT_RATE`; others do not   |

So nobody locks out an agent from elsewhere, and guessing from many places at once stays slow. A success forgets what
its source did wrong with its account. All tables are bounded; the one silent longest is forgotten first.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from annotated_types import Ge, Gt, Le

from acdcore.kernel.buckets import Buckets, Rate
from acdcore.kernel.setting_types import NetworkValue

API_KEYS = "api key"
"""The account that keys of HTTP are guessed for; they are the only thing there."""
SOURCES_MAX = 8_192
"""Sources and pairs of source and account remembered at once, about 3 MB."""
FREE_FAILURES = 2
"""Mistakes with one account from one source that cost no delay: a softphone tries its old password twice."""
DELAY_MAX_S = 64.0
"""The longest delay for an account from one source."""
KNOWN_DELAY_MAX_S = 4.0
"""The same from a known source, where somebody else may be the one who guesses."""
ACCOUNT_RATE = Rate(per_s=1.0, burst=30.0)
"""Failures for one account from all sources together that never had its password."""


@dataclass(frozen=True, slots=True)
class LockoutSettings:
    """The section `[security]`: what guessing costs, and who is never held up."""

    failures_before_ban: Annotated[int, Ge(0), Le(1_000)] = 10
    """Failures of one source that end in a ban; 0: nobody is banned."""
    failure_window_s: Annotated[float, Gt(0), Le(86_400)] = 600.0
    """Failures are forgotten after so long without another."""
    ban_first_s: Annotated[float, Gt(0), Le(86_400)] = 60.0
    """The first ban; each next one is twice as long."""
    ban_max_s: Annotated[float, Gt(0), Le(604_800)] = 3_600.0
    """The longest ban."""
    known_networks: tuple[NetworkValue, ...] = ()
    """Networks whose sources are never banned, besides those of the trunks."""

    def __post_init__(self) -> None:
        """Raises ValueError for bans that shrink."""
        if self.ban_max_s < self.ban_first_s:
            raise ValueError("ban_max_s is less than ban_first_s; bans grow from the first to the longest")


@dataclass(frozen=True, slots=True)
class Banned:
    """A source is banned from now on."""

    source: str
    """Which."""
    for_s: float
    """How long."""
    failures: int
    """Its failures since the ban before, or since it was last silent for `failure_window_s`."""


Key = TypeVar("Key")


@dataclass(slots=True)
class _Failures:
    count: int = 0
    bans: int = 0
    failed_at: float = 0.0
    until: float = field(default=float("-inf"))


class Lockout:
    """Remembers failures; decides who has to wait."""

    def __init__(self, settings: LockoutSettings) -> None:
        self._settings = settings
        self._sources: OrderedDict[str, _Failures] = OrderedDict()
        self._pairs: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._proven: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._accounts = Buckets(ACCOUNT_RATE)

    def change(self, settings: LockoutSettings) -> None:
        """Take new settings; bans that run go on."""
        self._settings = settings

    def banned_for_s(self, source: str, now: float) -> float:
        """Seconds that the source is still banned; 0 when it is not."""
        failures = self._sources.get(source)
        return 0.0 if failures is None else max(0.0, failures.until - now)

    def bans(self, now: float) -> dict[str, float]:
        """Sources that are banned now, with the seconds left."""
        return {source: one.until - now for source, one in self._sources.items() if one.until > now}

    def lift(self, source: str) -> bool:
        """End a ban, and forget what led to it; False when there is none."""
        return self._sources.pop(source, None) is not None

    def wait_s(self, source: str, account: str, now: float) -> float:
        """Seconds until this source may try this account; 0 when it may now."""
        wait_s = self.delay_s(source, account, now)
        if (source, account) not in self._proven:
            wait_s = max(wait_s, self._accounts.wait_s(account, now))
        return wait_s

    def delay_s(self, source: str, account: str, now: float) -> float:
        """The same, only for what this source did wrong itself."""
        pair = self._pairs.get((source, account))
        return 0.0 if pair is None else max(0.0, pair.until - now)

    def is_proven(self, source: str, account: str) -> bool:
        """Whether this source has given the right password of this account before."""
        return (source, account) in self._proven

    def failed(self, source: str, account: str, now: float, is_known: bool = False) -> Banned | None:
        """A wrong password or key; returns the ban that follows, if one does."""
        pair = self._recent(self._pairs, (source, account), now)
        pair.count += 1
        if pair.count > FREE_FAILURES:
            longest_s = KNOWN_DELAY_MAX_S if is_known else DELAY_MAX_S
            pair.until = now + min(longest_s, 2.0 ** min(pair.count - FREE_FAILURES - 1, 10))
        if (source, account) not in self._proven:
            self._accounts.take(account, now)
        return None if is_known else self.offended(source, now)

    def offended(self, source: str, now: float) -> Banned | None:
        """Anything that counts towards a ban without an account, such as an unknown API key."""
        settings = self._settings
        failures = self._recent(self._sources, source, now)
        failures.count += 1
        if not settings.failures_before_ban or failures.count < settings.failures_before_ban or failures.until > now:
            return None
        for_s = min(settings.ban_max_s, settings.ban_first_s * 2.0 ** min(failures.bans, 20))
        banned = Banned(source, for_s, failures.count)
        failures.until, failures.count = now + for_s, 0
        failures.bans += 1
        return banned

    def succeeded(self, source: str, account: str) -> None:
        """The right password: this source is not held up for this account any more."""
        self._pairs.pop((source, account), None)
        self._proven.pop((source, account), None)
        if len(self._proven) >= SOURCES_MAX:
            self._proven.popitem(last=False)
        self._proven[source, account] = None

    def _recent(self, table: OrderedDict[Key, _Failures], key: Key, now: float) -> _Failures:
        failures = table.pop(key, None)
        if failures is None:
            if len(table) >= SOURCES_MAX:
                table.popitem(last=False)
            failures = _Failures()
        elif now - max(failures.failed_at, failures.until) > self._settings.failure_window_s:
            failures.count = 0
            if now - max(failures.failed_at, failures.until) > self._settings.ban_max_s:
                failures.bans = 0
        failures.failed_at = now
        table[key] = failures
        return failures
